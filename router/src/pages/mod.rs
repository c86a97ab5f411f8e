//! The answers that the router makes itself: pages for people, JSON for scripts, one line for the rest.
//!
//! Pure rendering: a [`Page`] says what happened, [`answer`] makes the response. Whether a page is due, where its
//! links lead and which cookies go with it is decided by the caller. Addresses below the hub plane come ready-made
//! inside the [`Page`], so that JupyterHub's paths are spelled in `hub-adapter` only.

mod content;
mod look;
mod render;
mod wants;

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use hubrouter_config::{BaseUrl, HubId};

pub use wants::{Wants, wants};

/// What the router tells a client in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// 503: the hub that has to answer does not, or not yet.
    Waiting(Waiting),
    /// 503: operators have put the hub into maintenance.
    Maintenance {
        /// The hub in maintenance.
        hub: HubId,
        /// The user's notebook, where the hub's proxy still serves those that run.
        notebook: Option<Link>,
    },
    /// 503: operators are emptying the hub, and no other one can take the user now.
    Draining {
        /// The hub that is drained.
        hub: HubId,
        /// The user's notebook, if one may be running: it goes on.
        notebook: Option<Link>,
    },
    /// 409: a start somewhere else than where the user's server runs.
    StillRuns {
        /// Whose server it is; empty if that is not known.
        user: String,
        /// The hub where it runs.
        hub: HubId,
        /// The running notebook.
        notebook: Link,
        /// Where it can be stopped: the home page of `hub`. In a browser that has chosen another hub that is the page
        /// which chooses `hub`, for it leads to the home page there.
        stop: Link,
        /// The hub on which a start was wanted, where the request or the browser chose one.
        wanted: Option<HubId>,
    },
    /// 503: neither plane of the hub has answered for long, and the user's server may be there.
    HubGone {
        /// The hub that is gone.
        hub: HubId,
        /// Whether saved files are elsewhere than on this hub (`storage: shared`): only then does the page say so.
        files_elsewhere: bool,
        /// How this request goes on when the hub is back.
        retry: Retry,
        /// The offer to declare the server lost. With it the page does not look again by itself: a form must not
        /// vanish while somebody reads it.
        rescue: Option<Rescue>,
    },
    /// 200: the user has declared a server lost.
    Rescued {
        /// How to get a new one.
        next: Link,
    },
    /// 409: a login went from hub to hub twice and found no place to land.
    LoginLoop {
        /// The user, as the last hub named them.
        user: String,
        /// The hubs of the loop, in the order in which they were asked.
        hubs: Vec<HubId>,
        /// A fresh login without a `next` page.
        login: Link,
    },
    /// 400: the address names nobody, or two users at once. The text says what is wrong with it.
    BadAddress(String),
    /// 400: the request, not its address, cannot be read. The text says why.
    BadRequest(String),
    /// 403: closed at the public edge. The text names the endpoint and where its work is done instead.
    Refused(String),
    /// 403: one site from many hubs cannot do this. The text says what, and what to do instead.
    NotSupported(String),
    /// 403: no hub knows the API token, in the words and the shape of a hub.
    TokenUnknown,
    /// 429: this client has made the router ask the hubs too often whose token or login it holds.
    TooManyQuestions,
    /// 409: the request names no hub, and more than one could be meant.
    Conflict {
        /// The hubs of which one must be chosen.
        hubs: Vec<HubId>,
        /// What is meant by more than one hub.
        why: Ambiguity,
    },
    /// 409: a start under a chosen hub that is not the user's own.
    StartElsewhere {
        /// Whose server was to be started; empty if that is not known.
        user: String,
        /// The hub where this user belongs.
        hub: HubId,
        /// The hub that the browser has chosen.
        chosen: HubId,
    },
    /// 503: a start by a browser of which the router does not know whose it is.
    WhoseStart {
        /// The hub at which the browser is logged in.
        hub: HubId,
        /// The login, which makes it clear and goes on to what was wanted.
        login: Link,
    },
    /// 200: a hub is chosen for this browser, or asks to be confirmed.
    ChosenHub(ChosenHub),
    /// 200: no hub is chosen (any more); these can be.
    HubList {
        /// All hubs of the site.
        hubs: Vec<HubId>,
    },
    /// 200: logged out everywhere, except at hubs that could not be told yet.
    LoggedOut {
        /// Hubs that did not answer; they are told as soon as they are back.
        dead: Vec<HubId>,
        /// Where to log in again.
        login: Link,
    },
    /// 431: the request head, cookies most of all, is longer than the site accepts.
    CookiesTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// 200: asks before the cookies of this site are cleared.
    ClearCookies,
    /// 200: the cookies of this site are cleared (the caller adds the `Set-Cookie` fields that do it).
    CookiesCleared {
        /// Where to log in again.
        login: Link,
    },
    /// 502: the hub answered what is no HTTP answer, or broke off before one.
    BadGateway {
        /// The hub that answered.
        hub: HubId,
        /// What was wrong, in words for an operator: `the status line is not HTTP`.
        why: String,
    },
    /// 504: the hub took the request and did not answer in time.
    GatewayTimeout {
        /// The hub that is silent.
        hub: HubId,
        /// How long the router waited.
        waited: Duration,
    },
    /// 408: the client did not finish sending its request in time.
    RequestTimeout,
    /// 413: the body of a form that the router has to read is too long.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// 414: the address is too long.
    AddressTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// 405: an address of the router's own does not take this method.
    MethodNotAllowed {
        /// The value of the `Allow` field: `GET, HEAD`.
        allow: &'static str,
    },
    /// 508: the request came through this router before.
    Loop,
    /// 404: no such address below the router's own.
    NotFound,
    /// 503: no hub of the site can be reached.
    NoHub,
    /// 500: a fault of the router.
    Internal,
}

/// A page for somebody who has to wait for a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The hub that is waited for.
    pub hub: HubId,
    /// What the router saw of it.
    pub why: WaitingFor,
    /// How this request goes on.
    pub retry: Retry,
    /// The user's notebook, where the hub's proxy still serves those that run.
    pub notebook: Option<Link>,
}

/// What the router saw of a hub that cannot answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// The hub has begun to answer and is not ready yet.
    Starting,
    /// The hub does not answer; its proxy does, so notebooks go on.
    HubDown,
    /// The hub's proxy does not answer; the hub does.
    ProxyDown,
    /// Neither the hub nor its proxy answers.
    Down,
    /// This request found no connection, whatever the probes said before.
    Unreachable,
    /// The hub took this request and broke off before it answered.
    BrokeOff,
    /// The hub has just been closed to starts, and another one is about to open: look again after 2 s.
    Moving,
    /// The word of a hub, or of the directory, is missing that nothing of this user runs elsewhere: look again after 2 s.
    Asking,
    /// The hub is down, and another one is about to take over: look again after 2 s.
    FailedOver,
}

/// The offer to declare a server lost, whose hub is gone: a form that is posted, with or without JavaScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// The address that takes the form.
    pub action: String,
    /// The value of the form's one field, `token`: proves that this very user has read the page. It stands in the page
    /// only; scripts do not get it.
    pub token: String,
}

/// How a request that met a silent hub goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same address again, by itself: only for a GET that is neither a callback nor a start under way.
    SameUrl {
        /// Whole seconds until then; less than one counts as one.
        after: Duration,
    },
    /// By a new login, which remembers the page that was wanted.
    Login {
        /// The login, with the saved `next`.
        login: Link,
        /// One sentence that says why the request cannot simply be sent again.
        why: String,
    },
    /// By the spawn page, for a start that was held and never sent: its choices have to be made again.
    SpawnAgain {
        /// The spawn page (a GET).
        spawn: Link,
    },
}

/// Why a request that names no hub is answered by none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// Several hubs know the API token.
    Token,
    /// The request lists or changes a collection of which every hub has its own.
    Collection,
}

/// What `/_hubrouter/hub/<id>` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenHub {
    /// The hub in the address.
    pub hub: HubId,
    /// Whether it is chosen already.
    pub state: Choice,
    /// All hubs of the site, for choosing another one.
    pub hubs: Vec<HubId>,
    /// Pages of the chosen hub, ready-made: its home, its admin page.
    pub links: Vec<Link>,
}

/// How far the choice of a hub has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Chosen, and for so long from now; shown in whole minutes.
    Chosen(Duration),
    /// Another site has sent the browser here: the user confirms with a POST to the same address.
    Confirm,
}

/// A ready-made link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// An address of this site: a path with its query, escaped as a URL.
    pub url: String,
    /// What the link says.
    pub text: String,
}

impl Link {
    /// A link to `url` that says `text`.
    pub fn new(url: impl Into<String>, text: impl Into<String>) -> Link {
        Link { url: url.into(), text: text.into() }
    }
}

/// What every page shows besides its own matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chrome {
    /// The site's base URL: the router's own addresses stand below it.
    pub base_url: BaseUrl,
    /// The hub that this browser has chosen; a banner says so.
    pub chosen_hub: Option<HubId>,
    /// What the log calls this request, for people who ask for help.
    pub request_id: Option<String>,
}

/// The response to a client that gets `page`.
///
/// `Content-Type`, `Cache-Control`, `Content-Security-Policy`, `X-Content-Type-Options` and, where they fit,
/// `Retry-After` and `Allow` are set; the server adds `Content-Length` and leaves out the body of a HEAD.
pub fn answer(page: &Page, wants: Wants, chrome: &Chrome) -> Response<Bytes> {
    render::response(&content::of(page, chrome), wants, chrome)
}
