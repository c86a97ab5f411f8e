//! TLS at the listeners and towards hubs, with independent certificates and clients.

mod certificates;
mod handshakes;
mod https;
mod hubs;
mod reload;
mod tunnels;

use super::support::{Authority, Pair, RawHub, Site, Sketch, Wire};

/// The name of the site of most tests here.
const SITE: &str = "site.example";

/// The line for one listener with TLS that shows `site.crt`.
const LISTEN: &str =
    "listen: [{address: '127.0.0.1:0', tls: {certificates: [{cert: site.crt, key: site.key}]}}]";

/// A site whose only listener speaks TLS, in front of hubs as sketched.
fn secured(sketch: Sketch, pair: &Pair) -> Sketch {
    sketch.configured(LISTEN).with_file("site.crt", &pair.cert).with_file("site.key", &pair.key)
}

/// An authority, a hub in clear that the test plays, and the site in front of it.
async fn site() -> (Authority, RawHub, Site) {
    let authority = Authority::new("site");
    let hub = RawHub::start().await;
    let site = secured(Sketch::with_raw_hub(&hub), &authority.signs(&[SITE])).start().await;
    (authority, hub, site)
}

async fn client(authority: &Authority, site: &Site) -> Wire {
    authority.wire(site.address, SITE).await
}
