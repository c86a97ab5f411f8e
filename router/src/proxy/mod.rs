//! The fast path: a request comes in, goes to its hub, and the answer goes back.
//!
//! In the order of a request: `listen`, `door`, `worker`, `handshake` with TLS, `serve` (with `http2`) through the judge of `strict`,
//! `connection`, `exchange` (read), `gather` (facts), `act` (decide and do), `forward` to `proxy_plane` or `hub_plane`, `send` on a
//! connection of `pool`; on the way back `headers`,
//! `set_cookie` and `body`. Beside them: `landing` and `login_form` for logins, `starting` for starts, `tunnel` for WebSockets,
//! and what the router answers itself: `logout`, `chosen`, `wait`; `passive` notes what an answer says of its hub.

mod act;
mod announced;
mod ask;
mod body;
mod chosen;
mod claims;
mod collect;
mod connection;
pub mod counts;
mod crowd;
pub mod door;
mod edit_user;
mod exchange;
mod farewell;
mod fault;
mod forward;
mod frames;
mod gather;
mod handshake;
mod headers;
mod host;
mod http2;
mod hub_plane;
mod landing;
pub mod listen;
mod login_form;
mod logout;
mod passive;
mod peer;
mod pool;
mod proxy_plane;
pub mod redirect;
mod reply;
mod rescue;
mod send;
mod serve;
mod set_cookie;
pub mod shared;
mod sightings;
mod starting;
mod strict;
mod token_request;
mod tunnel;
mod via;
mod wait;
mod wire;
pub mod worker;
