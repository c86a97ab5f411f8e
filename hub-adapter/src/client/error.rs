//! Why a call to a hub came to nothing, cut by what its caller does next.

use std::error::Error;
use std::io;
use std::time::Duration;

use hubrouter_config::HubId;

use crate::secure::tls_trouble;

/// A call to a hub that came to nothing.
///
/// `call` names the call as an operator knows it (`GET /hub/api/user`, without `base_url`), never its cookies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// Nothing was sent: the same call may be made again, or elsewhere.
    #[error("hub `{hub}`: {} {call}", unconnected(source, *waited))]
    Connect {
        /// The hub that was called.
        hub: HubId,
        /// The call.
        call: &'static str,
        /// How long was waited at most.
        waited: Duration,
        /// Why there is no connection; names the address.
        source: io::Error,
    },
    /// The call was sent and may have had its effect: repeat only what is harmless twice.
    #[error("hub `{hub}`: {} {call} within {waited:?}", unanswered(source.as_ref()))]
    NoAnswer {
        /// The hub that was called.
        hub: HubId,
        /// The call.
        call: &'static str,
        /// How long was waited at most.
        waited: Duration,
        /// How the connection ended; none when time was up.
        source: Option<hyper::Error>,
    },
    /// The hub is alive and asks for time: pass its wish on to the client. Not a failure of the hub.
    #[error("hub `{hub}`: busy, asks to come back in {retry_after:?}")]
    Busy {
        /// The hub that was called.
        hub: HubId,
        /// What the hub asked for; 30 s when it named no time.
        retry_after: Duration,
    },
    /// The hub, or its proxy for it, refused with a status that this call never gets from a healthy hub.
    #[error("hub `{hub}`: answered {status} to {call}")]
    Failing {
        /// The hub that was called.
        hub: HubId,
        /// The call.
        call: &'static str,
        /// The status it gave.
        status: http::StatusCode,
    },
    /// The hub sends the browser elsewhere instead of answering: it logs people in by another way than its form.
    #[error("hub `{hub}`: redirects {call}")]
    Redirects {
        /// The hub that was called.
        hub: HubId,
        /// The call.
        call: &'static str,
    },
    /// The hub answered what this adapter cannot read, often a version it does not know.
    #[error("hub `{hub}`: unreadable answer to {call}")]
    Unreadable {
        /// The hub that was called.
        hub: HubId,
        /// The call.
        call: &'static str,
        /// What is wrong with the answer.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A refusal comes at once and means that nobody listens; only silence takes the whole time.
fn unconnected(source: &io::Error, waited: Duration) -> String {
    if let Some(trouble) = tls_trouble(source) {
        return format!("no TLS ({trouble}) for");
    }
    match source.kind() {
        io::ErrorKind::ConnectionRefused => "refused the connection for".to_owned(),
        io::ErrorKind::TimedOut => format!("no connection within {waited:?} for"),
        _ => "no connection for".to_owned(),
    }
}

/// With TLS 1.3 a hub judges the router's certificate only after the call was sent.
fn unanswered(source: Option<&hyper::Error>) -> String {
    match source.and_then(|source| tls_trouble(source)) {
        Some(trouble) => format!("no TLS ({trouble}), so no answer to"),
        None => "no answer to".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_called_a_refusal_and_only_silence_names_the_time() {
        let said = |kind: io::ErrorKind| {
            let (call, waited) = ("GET /hub/logout", Duration::from_secs(2));
            HubError::Connect { hub: "a".parse().unwrap(), call, waited, source: kind.into() }.to_string()
        };
        assert_eq!(
            said(io::ErrorKind::ConnectionRefused),
            "hub `a`: refused the connection for GET /hub/logout"
        );
        assert_eq!(said(io::ErrorKind::TimedOut), "hub `a`: no connection within 2s for GET /hub/logout");
        assert_eq!(said(io::ErrorKind::Unsupported), "hub `a`: no connection for GET /hub/logout");
    }
}
