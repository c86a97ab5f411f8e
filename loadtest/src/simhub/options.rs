//! What a simulated hub is told before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a simulated hub is set up; [`SimHubOptions::named`] gives the usual test hub.
#[derive(Clone, Debug)]
pub struct SimHubOptions {
    /// Shown on the pages ("served by hub-a") and in kernels; has no meaning to the hub itself.
    pub id: String,
    /// Begins and ends with `/`: `/` or `/jhub/`.
    pub base_url: String,
    /// Where its proxy listens: `127.0.0.1:0`.
    pub address: SocketAddr,
    /// Where the hub itself listens: `127.0.0.1:0`.
    pub hub_address: SocketAddr,
    /// Signs login cookies and `_xsrf` tokens; `None`: random.
    pub cookie_secret: Option<Vec<u8>>,
    /// Where its proxy's REST API listens: `127.0.0.1:0`.
    pub proxy_api_address: SocketAddr,
    /// The token of that API (`CONFIGPROXY_AUTH_TOKEN`): `proxy-token`.
    pub proxy_token: String,
    /// How people log in.
    pub auth: Auth,
    /// `/hub/login` goes straight on to the provider; only with [`Auth::OAuth`].
    pub auto_login: bool,
    /// Users that exist before the first login (others come to be when they log in).
    pub users: Vec<String>,
    /// Users who are admins; they exist too.
    pub admins: Vec<String>,
    /// Groups with their members, who exist too.
    pub groups: Vec<(String, Vec<String>)>,
    /// Managed services, each at `/services/<name>/`.
    pub services: Vec<SimService>,
    /// API tokens that exist from the start.
    pub api_tokens: Vec<ApiToken>,
    /// How long a start is pending: 0.
    pub spawn_delay: Duration,
    /// How long a stop takes: 0.
    pub stop_delay: Duration,
    /// After which time `POST .../server` answers 202 instead of waiting on: 10 s.
    pub slow_spawn_timeout: Duration,
    /// Starts pending at once before 429 with `Retry-After`; 0 = no limit: 100.
    pub concurrent_spawn_limit: usize,
    /// Servers active at once before 429 without `Retry-After`; 0 = no limit.
    pub active_server_limit: usize,
    /// How long a server trusts what the hub said about a token: 300 s.
    pub auth_cache: Duration,
    /// The `X-JupyterHub-Version`: `6.1.1`.
    pub version: String,
    /// Whether `GET /hub/spawn` shows a form instead of starting at once.
    pub spawn_form: bool,
    /// Users may add named servers: true.
    pub named_servers: bool,
}

impl SimHubOptions {
    /// A hub on loopback with password `pw`, admin `admin`, and every name welcome.
    pub fn named(id: &str) -> SimHubOptions {
        SimHubOptions { id: id.to_owned(), ..SimHubOptions::default() }
    }
}

impl Default for SimHubOptions {
    fn default() -> SimHubOptions {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        SimHubOptions {
            id: "sim".to_owned(),
            base_url: "/".to_owned(),
            address: anywhere,
            hub_address: anywhere,
            proxy_api_address: anywhere,
            proxy_token: "proxy-token".to_owned(),
            cookie_secret: None,
            auth: Auth::Form { password: "pw".to_owned() },
            auto_login: false,
            users: Vec::new(),
            admins: vec!["admin".to_owned()],
            groups: Vec::new(),
            services: Vec::new(),
            api_tokens: Vec::new(),
            spawn_delay: Duration::ZERO,
            stop_delay: Duration::ZERO,
            slow_spawn_timeout: Duration::from_secs(10),
            concurrent_spawn_limit: 100,
            active_server_limit: 0,
            auth_cache: Duration::from_secs(300),
            version: "6.1.1".to_owned(),
            spawn_form: false,
            named_servers: true,
        }
    }
}

/// How people log in.
#[derive(Clone, Debug)]
pub enum Auth {
    /// The login form; everybody has the same password.
    Form {
        /// The password.
        password: String,
    },
    /// `/hub/oauth_login`: an outside provider says who it is.
    OAuth {
        /// The provider's address, such as [`super::SimProvider::url`]: `http://127.0.0.1:9000`.
        provider: String,
        /// The callback that the provider is told; `None`: `<scheme>://<Host>/hub/oauth_callback`.
        callback_url: Option<String>,
    },
}

/// A managed service.
#[derive(Clone, Debug)]
pub struct SimService {
    /// Its name, as in `/services/<name>/`.
    pub name: String,
    /// Whether everybody may use it; else admins only.
    pub open: bool,
}

/// An API token that exists from the start.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// The token itself.
    pub token: String,
    /// Who it belongs to.
    pub owner: TokenOwner,
    /// Its scopes; empty: those of its owner.
    pub scopes: Vec<String>,
}

/// Who an API token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOwner {
    /// A user, who exists too.
    User(String),
    /// A service (it has only the scopes of its token).
    Service(String),
}
