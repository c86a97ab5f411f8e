//! HTTP/1.1 to the letter, on raw sockets: what may be read in two ways reaches no hub and no client, and nothing is repaired.

mod announced;
mod answers;
mod bodies;
mod crowds;
mod heads;
mod hops;
mod slow;
mod upgrades;

use super::support::{AtHub, RawHub, Site, Sketch, Wire};

/// A router in front of one hub that the test plays.
struct Edge {
    hub: RawHub,
    site: Site,
}

impl Edge {
    async fn open() -> Self {
        Self::with("").await
    }

    async fn with(more: &str) -> Self {
        let hub = RawHub::start().await;
        let site = Sketch::with_raw_hub(&hub).configured(more).start().await;
        Self { hub, site }
    }

    /// Everything that comes back for these bytes until the router ends the connection, which it must.
    async fn says(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.site.wire().await;
        client.say(request).await;
        client.rest().await
    }

    /// The bytes are refused with 400 and the end of the connection, and none of them reaches the hub.
    async fn refuses(&self, request: impl AsRef<[u8]>) {
        let text = String::from_utf8_lossy(request.as_ref()).into_owned();
        let before = self.hub.connections();
        let answer = self.says(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{text:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{text:?}: {answer:?}");
        assert_eq!(self.hub.connections(), before, "it reached the hub: {text:?}");
    }

    /// The same, a byte at a time: where packets begin and end makes no difference.
    async fn refuses_in_pieces(&self, request: &str) {
        let mut client = self.site.wire().await;
        for byte in request.as_bytes().chunks(1) {
            // The router may have seen enough already.
            if client.push(byte, 1).await == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answer = client.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer:?}");
        assert_eq!(self.hub.connections(), 0, "it reached the hub: {request:?}");
    }

    /// A request on its way.
    async fn sent(&mut self, request: impl AsRef<[u8]>) -> (Wire, AtHub) {
        let mut client = self.site.wire().await;
        client.say(request).await;
        let at_hub = self.hub.request().await;
        (client, at_hub)
    }
}
