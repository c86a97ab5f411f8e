//! What goes wrong between a request and its hub, cut by what the browser is told; the one place that maps it to pages.

use std::io;
use std::time::Duration;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::secure::tls_trouble;

/// Why a hub gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HubFault {
    /// Nothing was sent: the hub's address refused, did not answer, is not known, or who answers there is not believed.
    #[error("hub `{hub}`: {}", no_connection(source))]
    Unreachable {
        /// The hub.
        hub: HubId,
        /// What the connection attempt said.
        source: io::Error,
    },
    /// The request may have arrived; the connection ended before an answer.
    #[error("hub `{hub}`: {}", closed(source))]
    Closed {
        /// The hub.
        hub: HubId,
        /// What hyper saw.
        source: hyper::Error,
    },
    /// The answer's head did not come in time.
    #[error("hub `{hub}`: no answer within {waited:?}")]
    Late {
        /// The hub.
        hub: HubId,
        /// How long was waited: `timeouts.response_head`.
        waited: Duration,
    },
    /// What came is no HTTP, or an answer nobody asked for.
    #[error("hub `{hub}`: answered what is not HTTP as it was asked: {text}")]
    Garbage {
        /// The hub.
        hub: HubId,
        /// What was wrong with it.
        text: String,
    },
    /// The client stopped sending its own request.
    #[error("the client broke off its request")]
    ClientGone,
}

fn no_connection(source: &io::Error) -> String {
    tls_trouble(source)
        .map_or_else(|| format!("no connection: {source}"), |trouble| format!("no TLS: {trouble}"))
}

/// With TLS 1.3 a hub judges the router's certificate only after the request was sent.
fn closed(source: &hyper::Error) -> String {
    tls_trouble(source).map_or_else(
        || "closed the connection before it answered".to_owned(),
        |trouble| format!("no TLS: {trouble}"),
    )
}

impl HubFault {
    /// Whether the request, or a part of it, may have arrived.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Unreachable { .. } => false,
            Self::Closed { .. } | Self::Late { .. } | Self::Garbage { .. } | Self::ClientGone => true,
        }
    }

    /// What hyper's error on a sent request means.
    #[must_use]
    pub fn from_hyper(hub: &HubId, error: hyper::Error) -> Self {
        let hub = hub.clone();
        if error.is_parse() || error.is_parse_too_large() || error.is_parse_status() {
            return Self::Garbage { hub, text: error.to_string() };
        }
        if error.is_user() || error.is_body_write_aborted() {
            return Self::ClientGone;
        }
        Self::Closed { hub, source: error }
    }
}
