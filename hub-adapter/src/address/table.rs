//! The routing table: every address of a JupyterHub, whose it is, and what is special about it.
//!
//! One row per kind of address, first match wins. How a pattern is matched stands in `pattern`, who a visitor is and
//! where a login happens is decided by the router.

use http::Method;

/// One kind of address.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// A unique name, for logs, metric labels and tests.
    pub name: &'static str,
    /// The methods this row is for; empty means all. A later row with the same pattern takes the others.
    pub methods: &'static [&'static str],
    /// Segments below `base_url`; with a leading `/`, below the root of the host.
    ///
    /// `<owner>`, `<server>`, `<service>`, `<hub>`, `<token>` capture one segment, `*` is any one, `*_x` any one that ends in
    /// `_x`, `**` any number of segments, none included. A `/` at the very end makes no difference.
    pub pattern: &'static str,
    /// What serves it.
    pub plane: Plane,
    /// What decides the hub.
    pub by: By,
    /// What is special about it.
    pub act: Act,
}

/// What serves an address, and so which cookies may travel there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// The hub process: `<base>hub/...`, and whatever else the hub's proxy sends there by default.
    Hub,
    /// A user's server, through the hub's proxy: `<base>user/...`.
    User,
    /// A hub-managed service, through the hub's proxy: `<base>services/...`.
    Service,
    /// The router itself.
    Router,
}

/// What decides the hub. An owner found in the address ([`super::Place::owner`]) comes before all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The owner in the path.
    Owner,
    /// The OAuth client: owner or service, found in the query or the form; else the visitor.
    OAuthClient,
    /// Who asks: session, jar, token or chosen hub.
    Visitor,
    /// Where a login happens: the next page, the form's name, the session.
    Login,
    /// The hub that holds the state of this login flow.
    Callback,
    /// A whole collection, of which each hub has a part: session or chosen hub; a token alone gets 409.
    Collection,
    /// The service in the path, by `services:`.
    Service,
    /// Any healthy hub.
    Any,
    /// Nobody: the router answers.
    Router,
    /// Nobody: never forwarded from the public side. The text says why and what to do instead.
    Refused(&'static str),
}

/// What is special about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Nothing.
    Plain,
    /// Shows a login (or sign-up) form, or goes on to `next` when logged in.
    LoginPage,
    /// Takes a login (or sign-up) form.
    LoginForm,
    /// Sends the browser to an identity provider; sets the flow's state cookie.
    OAuthLogin,
    /// Comes back from an identity provider with the flow's state.
    Callback,
    /// Asks the hub to let a server or service know the visitor: the OAuth hop, or its consent form.
    Authorize,
    /// A server takes the code of the OAuth hop.
    ServerCallback,
    /// A server or service exchanges the code of the OAuth hop for a token; its form says whose it is
    /// ([`super::read_token_request`]).
    TokenForCode,
    /// Ends the visitor's session (at the hub, or at a server that then sends the browser to the hub's).
    Logout,
    /// Can start a server.
    Start,
    /// A stream of server-sent events about a start.
    Progress,
    /// A file that belongs to a page, best served by the hub that served the page.
    Static,
    /// A browser's report on a blocked page part.
    CspReport,
    /// Asks whether the site is alive.
    Health,
    /// Chooses the hub for what names no owner ([`super::Place::chosen`]).
    ChooseHub,
    /// Ends that choice.
    ClearChoice,
    /// Clears this site's cookies in the browser.
    ClearCookies,
    /// Declares the user's own server lost, whose hub is gone.
    Rescue,
    /// Changes a user, perhaps the name.
    EditUser,
}

impl Row {
    /// Whether a request of this row must not be sent a second time after a byte of it was sent: methods that are
    /// not idempotent (RFC 9110 section 9.2.2), starts, logins, logouts, callbacks and authorizations.
    pub fn never_twice(&self, method: &Method) -> bool {
        let idempotent = matches!(
            *method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        );
        !idempotent
            || match self.act {
                Act::LoginPage | Act::LoginForm | Act::OAuthLogin | Act::Callback | Act::ServerCallback => {
                    true
                }
                Act::Authorize | Act::TokenForCode | Act::Logout | Act::Start => true,
                Act::Plain | Act::Progress | Act::Static | Act::CspReport | Act::Health => false,
                Act::ChooseHub | Act::ClearChoice | Act::ClearCookies | Act::EditUser | Act::Rescue => false,
            }
    }

    /// Whether this is the page on which somebody waits for a start.
    pub(crate) fn is_pending_page(&self) -> bool {
        self.pattern.starts_with("hub/spawn-pending/")
    }

    /// Whether a request of this row can start a server.
    pub fn is_start(&self, method: &Method) -> bool {
        self.act == Act::Start && self.takes(method)
    }

    const fn only(self, methods: &'static [&'static str]) -> Row {
        Row { methods, ..self }
    }

    /// Whether the row is for requests with this method.
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(&method.as_str())
    }

    /// Whether this is the hub's REST API: scripts ask, errors are JSON.
    pub(crate) fn is_api(&self) -> bool {
        self.act != Act::Authorize && (self.pattern == "hub/api" || self.pattern.starts_with("hub/api/"))
    }

    /// Whether an `Authorization` header may name the visitor here (the hub takes tokens on its REST API).
    pub fn takes_token(&self) -> bool {
        self.is_api() && matches!(self.by, By::Owner | By::Visitor | By::Collection | By::Any)
    }

    /// Whether this is a page of the hub that a browser shows: where a session may be begun or renewed.
    pub fn is_page(&self) -> bool {
        let forwarded = !matches!(self.by, By::Router | By::Refused(_));
        let part = matches!(self.act, Act::Static | Act::CspReport | Act::Health | Act::Progress);
        self.plane == Plane::Hub && forwarded && !part && !self.is_api()
    }
}

const ALL: &[&str] = &[];
const START_PAGE: &[&str] = &["GET", "HEAD", "POST"];
const POST: &[&str] = &["POST"];
const PATCH: &[&str] = &["PATCH"];

const PER_HUB: &str =
    "this address concerns one hub only and is not open to the public; ask that hub directly";

const fn row(name: &'static str, pattern: &'static str, plane: Plane, by: By, act: Act) -> Row {
    Row { name, methods: ALL, pattern, plane, by, act }
}

const fn hub(name: &'static str, pattern: &'static str, by: By, act: Act) -> Row {
    row(name, pattern, Plane::Hub, by, act)
}

const fn ours(name: &'static str, pattern: &'static str, act: Act) -> Row {
    row(name, pattern, Plane::Router, By::Router, act)
}

/// Where the rows below `/user/` stand: the quick path finds them by number instead of by matching.
pub(super) const USER_LOGOUT: usize = 0;
pub(super) const SERVER_LOGOUT: usize = 1;
pub(super) const USER_CALLBACK: usize = 2;
pub(super) const SERVER_CALLBACK: usize = 3;
pub(super) const USER: usize = 4;

/// Every address, in the order of matching.
///
/// Source: the handler tables of JupyterHub 6.1.1 (`handlers/*.py`, `apihandlers/*.py`, `app.py` `init_handlers`).
#[rustfmt::skip] // one row per line, so that it reads as a table
pub static TABLE: &[Row] = &[
    // Servers and services, through the hub's proxy.
    row("user logout", "user/<owner>/logout", Plane::User, By::Owner, Act::Logout),
    row("server logout", "user/<owner>/<server>/logout", Plane::User, By::Owner, Act::Logout),
    row("user callback", "user/<owner>/oauth_callback", Plane::User, By::Owner, Act::ServerCallback),
    row("server callback", "user/<owner>/<server>/oauth_callback", Plane::User, By::Owner, Act::ServerCallback),
    row("user", "user/<owner>/**", Plane::User, By::Owner, Act::Plain),
    row("service", "services/<service>/**", Plane::Service, By::Service, Act::Plain),

    // The REST API. What the router answers or refuses stands first.
    ours("api health", "hub/api/health", Act::Health),
    hub("api info", "hub/api/info/**", By::Refused(PER_HUB), Act::Plain),
    hub("api metrics", "hub/api/metrics/**", By::Refused(PER_HUB), Act::Plain),
    hub("api proxy", "hub/api/proxy/**", By::Refused(PER_HUB), Act::Plain),
    hub("api shutdown", "hub/api/shutdown/**", By::Refused(PER_HUB), Act::Plain),
    hub("api edit user", "hub/api/users/<owner>", By::Owner, Act::EditUser).only(PATCH),
    hub("api start", "hub/api/users/<owner>/server", By::Owner, Act::Start).only(POST),
    hub("api server", "hub/api/users/<owner>/server", By::Owner, Act::Plain),
    hub("api progress", "hub/api/users/<owner>/server/progress", By::Owner, Act::Progress),
    // The hub's pattern is `servers/([^/]*)`: without a name it is the default server.
    hub("api start unnamed", "hub/api/users/<owner>/servers", By::Owner, Act::Start).only(POST),
    hub("api servers", "hub/api/users/<owner>/servers", By::Owner, Act::Plain),
    hub("api start named", "hub/api/users/<owner>/servers/<server>", By::Owner, Act::Start).only(POST),
    hub("api server named", "hub/api/users/<owner>/servers/<server>", By::Owner, Act::Plain),
    hub("api progress named", "hub/api/users/<owner>/servers/<server>/progress", By::Owner, Act::Progress),
    hub("api tokens", "hub/api/users/<owner>/tokens/**", By::Owner, Act::Plain),
    hub("api activity", "hub/api/users/<owner>/activity", By::Owner, Act::Plain),
    hub("api shared", "hub/api/users/<owner>/shared/**", By::Owner, Act::Plain),
    hub("api admin access", "hub/api/users/<owner>/admin-access", By::Owner, Act::Plain),
    hub("api user", "hub/api/users/<owner>/**", By::Owner, Act::Plain),
    hub("api users", "hub/api/users", By::Collection, Act::Plain),
    hub("api whoami", "hub/api/user", By::Visitor, Act::Plain),
    hub("api groups", "hub/api/groups/**", By::Collection, Act::Plain),
    hub("api services", "hub/api/services/**", By::Visitor, Act::Plain),
    hub("api shares", "hub/api/shares/<owner>", By::Owner, Act::Plain),
    hub("api server shares", "hub/api/shares/<owner>/<server>", By::Owner, Act::Plain),
    hub("api share codes", "hub/api/share-codes/<owner>", By::Owner, Act::Plain),
    hub("api server share codes", "hub/api/share-codes/<owner>/<server>", By::Owner, Act::Plain),
    hub("api authorize", "hub/api/oauth2/authorize", By::OAuthClient, Act::Authorize),
    hub("api oauth token", "hub/api/oauth2/token", By::OAuthClient, Act::TokenForCode),
    hub("api token check", "hub/api/authorizations/token/<token>", By::Visitor, Act::Plain),
    hub("api cookie check", "hub/api/authorizations/cookie/**", By::Visitor, Act::Plain),
    hub("api version", "hub/api", By::Any, Act::Plain),
    hub("api other", "hub/api/**", By::Visitor, Act::Plain),

    // Pages about an owner.
    hub("hub user", "hub/user/<owner>/**", By::Owner, Act::Plain),
    hub("spawn for", "hub/spawn/<owner>", By::Owner, Act::Start).only(START_PAGE),
    hub("spawn server for", "hub/spawn/<owner>/<server>", By::Owner, Act::Start).only(START_PAGE),
    hub("spawn for, other methods", "hub/spawn/<owner>/**", By::Owner, Act::Plain),
    hub("spawn pending", "hub/spawn-pending/<owner>", By::Owner, Act::Plain),
    hub("spawn pending server", "hub/spawn-pending/<owner>/<server>", By::Owner, Act::Plain),

    // Logins. Authenticators bring pages of their own, so these match by the ends of their names too.
    hub("login form", "hub/login", By::Login, Act::LoginForm).only(POST),
    hub("login page", "hub/login", By::Login, Act::LoginPage),
    hub("signup form", "hub/signup", By::Login, Act::LoginForm).only(POST),
    hub("signup page", "hub/signup", By::Login, Act::LoginPage),
    hub("oauth login", "hub/oauth_login", By::Login, Act::OAuthLogin),
    hub("oauth callback", "hub/oauth_callback", By::Callback, Act::Callback),
    hub("other login", "hub/*_login", By::Login, Act::OAuthLogin),
    hub("other callback", "hub/*_callback", By::Callback, Act::Callback),
    hub("nested oauth login", "hub/*/oauth_login", By::Login, Act::OAuthLogin),
    hub("nested oauth callback", "hub/*/oauth_callback", By::Callback, Act::Callback),
    hub("logout", "hub/logout", By::Visitor, Act::Logout),

    // Pages about the visitor.
    hub("spawn", "hub/spawn", By::Visitor, Act::Start).only(START_PAGE),
    hub("spawn, other methods", "hub/spawn", By::Visitor, Act::Plain),
    hub("hub", "hub", By::Visitor, Act::Plain),
    hub("home", "hub/home", By::Visitor, Act::Plain),
    hub("token page", "hub/token", By::Visitor, Act::Plain),
    hub("admin", "hub/admin/**", By::Visitor, Act::Plain),
    hub("user redirect", "hub/user-redirect/**", By::Visitor, Act::Plain),
    hub("accept share", "hub/accept-share", By::Visitor, Act::Plain),

    // Parts of pages, and what is nobody's.
    hub("static", "hub/static/**", By::Any, Act::Static),
    hub("logo", "hub/logo", By::Any, Act::Static),
    hub("favicon", "favicon.ico", By::Any, Act::Static),
    hub("root favicon", "/favicon.ico", By::Any, Act::Static),
    hub("error page", "hub/error/*", By::Any, Act::Plain),
    hub("csp report", "hub/security/csp-report", By::Visitor, Act::CspReport),
    hub("metrics", "hub/metrics/**", By::Refused(PER_HUB), Act::Plain),
    ours("health", "hub/health", Act::Health),
    ours("proxy health", "/_chp_healthz", Act::Health),
    ours("choose hub", "_hubrouter/hub/<hub>", Act::ChooseHub),
    ours("clear choice", "_hubrouter/hub", Act::ClearChoice),
    ours("clear cookies", "_hubrouter/clear-cookies", Act::ClearCookies),
    ours("rescue", "_hubrouter/rescue", Act::Rescue).only(POST),
    ours("router", "_hubrouter/**", Act::Plain),
    ours("root router", "/_hubrouter/**", Act::Plain),

    // The rest. Below `hub/` it may be a page that an authenticator or an operator added.
    hub("hub other", "hub/**", By::Visitor, Act::Plain),
    hub("root", "", By::Any, Act::Plain),
    hub("other", "**", By::Any, Act::Plain),
    hub("outside", "/**", By::Any, Act::Plain),
];
