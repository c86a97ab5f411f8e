//! The fast path: a request comes in, goes to its hub, and the answer goes back.
//!
//! In the order of a request: `listen`, `worker`, `connection`, `exchange` (read), `gather` (facts), `act` (decide and
//! do), `forward` to `proxy_plane` or `hub_plane`, `send` on a connection of `pool`. Beside them: `landing` and
//! `login_form` for logins, `logout`, `chosen`, `ask`, `wait`.

mod act;
mod ask;
mod body;
mod chosen;
mod collect;
mod connection;
pub mod counts;
mod edit_user;
mod exchange;
mod fault;
mod forward;
mod gather;
mod headers;
mod hold;
mod hub_plane;
mod landing;
pub mod listen;
mod login_form;
mod logout;
mod peer;
mod pool;
mod proxy_plane;
mod reply;
mod send;
pub mod shared;
mod tunnel;
mod wait;
pub mod worker;
