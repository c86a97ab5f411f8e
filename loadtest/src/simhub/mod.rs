//! SimHub: a JupyterHub look-alike on real sockets, for tests and demos.
//!
//! One [`SimHub`] is a hub, its proxy (a configurable-http-proxy look-alike), its users' servers and its
//! managed services, in one process; each part can die alone. What it answers is checked against recorded
//! conversations of real hubs. It keeps nothing on disk, and it is no place for secrets.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use hubrouter_loadtest::simhub::{SimHub, SimHubOptions};
//!
//! let hub = SimHub::start(SimHubOptions::named("hub-a")).await?;
//! println!("log in at {}/hub/login with password pw", hub.url());
//! hub.stop_hub().await; // running servers go on
//! # Ok(()) }
//! ```

mod faults;
mod gate;
mod hub;
mod inner;
mod listen;
mod log;
mod options;
mod provider;
mod proxy;
mod proxy_api;
mod service;
mod sharing;
mod signed;
mod singleuser;
mod state;
mod text;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;
use tokio::sync::Mutex;

pub use faults::Faults;
pub use log::{Plane, Seen};
pub use options::{ApiToken, Auth, SimHubOptions, SimService, TokenOwner};
pub use provider::SimProvider;
pub use state::ServerState;

pub(crate) use text::{quote_segment, random_hex};

use inner::Inner;
use listen::{Listener, keep};
use wire::Ask;

/// A running hub with its proxy and servers; dropped, everything ends.
pub struct SimHub {
    inner: Arc<Inner>,
    address: SocketAddr,
    hub_address: SocketAddr,
    proxy_api_address: SocketAddr,
    /// The proxy's two doors: the public one and its REST API.
    proxy: Mutex<Option<[Listener; 2]>>,
    hub: Mutex<Option<Listener>>,
    /// Their addresses while they are down.
    kept: Mutex<Kept>,
}

/// Addresses that are held while nobody listens there.
#[derive(Debug, Default)]
struct Kept {
    proxy: Vec<TcpSocket>,
    hub: Vec<TcpSocket>,
}

impl SimHub {
    /// Starts a hub and its proxy.
    ///
    /// # Errors
    ///
    /// When an address cannot be listened at.
    pub async fn start(options: SimHubOptions) -> io::Result<SimHub> {
        let (address, hub_address) = (options.address, options.hub_address);
        let api_address = options.proxy_api_address;
        let inner = Arc::new(Inner::new(options));
        let hub = open_hub(&inner, hub_address).await?;
        let proxy = open_proxy(&inner, address, api_address).await?;
        inner.restore_routes();
        Ok(SimHub {
            inner,
            address: proxy[0].address(),
            proxy_api_address: proxy[1].address(),
            hub_address: hub.address(),
            proxy: Mutex::new(Some(proxy)),
            hub: Mutex::new(Some(hub)),
            kept: Mutex::default(),
        })
    }

    /// The id it was given.
    pub fn id(&self) -> &str {
        &self.inner.options.id
    }

    /// Its base URL: `/` or `/jhub/`.
    pub fn base_url(&self) -> &str {
        self.inner.base()
    }

    /// Where its proxy listens, without a path: `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the hub itself listens, without a path.
    pub fn hub_url(&self) -> String {
        format!("http://{}", self.hub_address)
    }

    /// Where its proxy's REST API listens, without a path.
    pub fn proxy_api_url(&self) -> String {
        format!("http://{}", self.proxy_api_address)
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hub's own address.
    pub fn hub_address(&self) -> SocketAddr {
        self.hub_address
    }

    /// The hub's process dies: its address refuses, the proxy answers 503 for it, servers go on.
    pub async fn stop_hub(&self) {
        self.inner.hub_up.send_replace(false);
        if let Some(listener) = self.hub.lock().await.take() {
            listener.close().await;
            self.kept.lock().await.hub.extend(keep(self.hub_address));
        }
    }

    /// The hub comes back with its database.
    ///
    /// # Errors
    ///
    /// When somebody else took its address meanwhile.
    pub async fn start_hub(&self) -> io::Result<()> {
        let mut hub = self.hub.lock().await;
        if hub.is_none() {
            *hub = Some(open_hub(&self.inner, self.hub_address).await?);
            self.kept.lock().await.hub.clear();
        }
        Ok(())
    }

    /// The proxy's process dies: its address refuses, every WebSocket ends; hub and servers go on.
    pub async fn stop_proxy(&self) {
        self.inner.proxy_up.send_replace(false);
        for listener in self.proxy.lock().await.take().into_iter().flatten() {
            let address = listener.address();
            listener.close().await;
            self.kept.lock().await.proxy.extend(keep(address));
        }
    }

    /// The proxy comes back: `empty` without its routes, as a proxy that keeps them in memory, until
    /// `POST /hub/api/proxy` or the next start of a server.
    ///
    /// # Errors
    ///
    /// When somebody else took its address meanwhile.
    pub async fn start_proxy(&self, empty: bool) -> io::Result<()> {
        let mut proxy = self.proxy.lock().await;
        if proxy.is_none() {
            if empty {
                let mut data = self.inner.data();
                data.routes.clear();
                data.hub_routed = false;
            } else {
                self.inner.restore_routes();
            }
            *proxy = Some(open_proxy(&self.inner, self.address, self.proxy_api_address).await?);
            self.kept.lock().await.proxy.clear();
        }
        Ok(())
    }

    /// Everything dies: hub, proxy and servers. The database stays for [`SimHub::start_hub`].
    pub async fn kill(&self) {
        self.stop_proxy().await;
        self.stop_hub().await;
        self.inner.end_servers();
    }

    /// Sets all faults at once; `Faults::default()` heals.
    pub fn set_faults(&self, faults: Faults) {
        self.inner.faults.send_replace(faults);
    }

    /// From now on every connection gets bytes that are not HTTP, or no longer.
    pub fn answer_garbage(&self, on: bool) {
        self.inner.faults.send_modify(|faults| faults.garbage = on);
    }

    /// From now on every answer comes `by` later; zero: no longer.
    pub fn slow(&self, by: Duration) {
        self.inner.faults.send_modify(|faults| faults.slow = by);
    }

    /// From now on no request is answered, or no longer.
    pub fn hang(&self, on: bool) {
        self.inner.faults.send_modify(|faults| faults.hang = on);
    }

    /// Every request so far, in the order of arrival, at both addresses.
    pub fn requests(&self) -> Vec<Seen> {
        self.inner.log.all()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.inner.log.clear();
    }

    /// Servers by the hub's own database: user, server (empty: the default one), state.
    pub fn servers(&self) -> Vec<(String, String, ServerState)> {
        let data = self.inner.data();
        let rows = data.users.iter().flat_map(|user| user.servers.iter().map(move |row| (user, row)));
        rows.map(|(user, (server, row))| (user.name.clone(), server.clone(), row.state)).collect()
    }

    /// Names of all users, by the hub's own database, in the order in which they came.
    pub fn users(&self) -> Vec<String> {
        self.inner.data().users.iter().map(|user| user.name.clone()).collect()
    }

    /// Starts a server without asking anybody, and waits until it is ready; makes the user if needed.
    pub async fn start_server(&self, user: &str, server: &str) {
        self.inner.data().user_or_new(user);
        self.inner.start_server(user, server, json!({}));
        let at_most = self.inner.options.spawn_delay + Duration::from_secs(10);
        self.inner.wait_for(user, server, at_most, |state| state == ServerState::Ready).await;
    }

    /// Stops a server without asking anybody, and waits until it is gone.
    pub async fn stop_server(&self, user: &str, server: &str) {
        self.inner.stop_server(user, server);
        let at_most = self.inner.options.stop_delay + Duration::from_secs(10);
        self.inner.wait_for(user, server, at_most, |state| state == ServerState::Stopped).await;
    }

    /// Makes an API token of a user (who is made if needed) with that user's own scopes.
    pub fn token_of(&self, user: &str) -> String {
        let mut data = self.inner.data();
        data.user_or_new(user);
        let token = data.new_token(TokenOwner::User(user.to_owned()), "jupyterhub", "made by a test");
        let text = random_hex(16);
        data.tokens.insert(text.clone(), token);
        text
    }
}

async fn open_hub(inner: &Arc<Inner>, address: SocketAddr) -> io::Result<Listener> {
    let shared = Arc::clone(inner);
    let listener = Listener::open(address, inner.faults.subscribe(), move |request, peer| {
        let ask = Ask::new(request, peer.ip(), false);
        hub::answer_logged(Arc::clone(&shared), ask)
    })
    .await?;
    inner.hub_up.send_replace(true);
    Ok(listener)
}

async fn open_proxy(
    inner: &Arc<Inner>,
    address: SocketAddr,
    api_address: SocketAddr,
) -> io::Result<[Listener; 2]> {
    let shared = Arc::clone(inner);
    let api = Listener::open(api_address, inner.faults.subscribe(), move |request, peer| {
        proxy_api::answer(Arc::clone(&shared), Ask::new(request, peer.ip(), false))
    })
    .await?;
    let shared = Arc::clone(inner);
    let listener = Listener::open(address, inner.faults.subscribe(), move |request, peer| {
        proxy::answer(Arc::clone(&shared), Ask::new(request, peer.ip(), true))
    })
    .await?;
    inner.proxy_up.send_replace(true);
    Ok([listener, api])
}
