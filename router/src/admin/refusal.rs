//! What the operator's door refuses, and how it says so: a status, a stable word, a sentence.

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::access::Denied;
use super::respond::{Answer, json};
use crate::control::operator::Refused;

/// A refusal that a script can read. The words of `kind` are a contract: add, never rename.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    #[serde(serialize_with = "number")]
    status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
    #[serde(skip)]
    field: Option<(HeaderName, HeaderValue)>,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), field: None }
    }

    /// No page has this address.
    pub(super) fn no_page() -> Self {
        let message = "no such page: try /livez, /readyz, /status, /hubs, /users/NAME or /events";
        Self::new(StatusCode::NOT_FOUND, "no_page", message)
    }

    /// The page is there, and is asked in another way.
    pub(super) fn method(allowed: &'static str) -> Self {
        let message = match allowed {
            "POST" => "this is ordered with POST and a JSON body",
            _ => "this page is read with GET",
        };
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
            .with(ALLOW, HeaderValue::from_static(allowed))
    }

    /// What was sent makes no sense.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.field = Some((name, value));
        self
    }

    pub(super) fn answer(self) -> Answer {
        let mut answer = json(self.status, &self);
        if let Some((name, value)) = self.field {
            answer.headers_mut().insert(name, value);
        }
        answer
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Nameless | Denied::Wrong => Self::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "send a token of admin.tokens: `Authorization: Bearer ...`",
            )
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Denied::Role(needed) => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                format!("this needs a token with the role `{needed}`: configure one in admin.tokens"),
            ),
            Denied::NoTokens => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "without admin.tokens this router can be looked at and not changed: add, for example, \
                 `admin: {tokens: [{role: operate, token: {env: HUBROUTER_TOKEN}}]}` to its configuration",
            ),
            Denied::TooMany(wait) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_guesses",
                "too many wrong tokens from this address",
            )
            .with(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1))),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let (status, kind) = match &refused {
            Refused::UnknownHub { .. } => (StatusCode::NOT_FOUND, "unknown_hub"),
            Refused::UnknownUser { .. } => (StatusCode::NOT_FOUND, "unknown_user"),
            Refused::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Refused::Unsafe(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unsafe"),
            Refused::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Refused::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, kind, refused.to_string())
    }
}
