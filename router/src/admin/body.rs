//! Reads the body of an order: JSON alone, bounded in size and time, and from no other site's page.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refusal::Refusal;
use super::verbs::OrderBody;

/// Most bytes of a body.
const BYTES: usize = 64 * 1024;
/// How long a body may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Refuses what a browser sends for another site, and what a form can send.
pub(super) fn check_sender(headers: &HeaderMap) -> Result<(), Refusal> {
    // Browsers alone send this field, and no script can set it. Only the site's own pages may order, and the address bar cannot.
    let foreign = |site: &http::HeaderValue| site != "same-origin" && site != "none";
    if headers.get_all("sec-fetch-site").iter().any(foreign) {
        let message = "a page of another site cannot order anything here";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "cross_site", message));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, second) = (types.next(), types.next());
    let is_json = first.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    });
    if is_json && second.is_none() {
        return Ok(());
    }
    let message = "an order is JSON: send `Content-Type: application/json`";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message))
}

/// Reads the whole body. An empty one is an order without any fields.
pub(super) async fn read<B>(body: B) -> Result<OrderBody, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let read = tokio::time::timeout(WITHIN, Limited::new(body, BYTES).collect()).await;
    let bytes = match read {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("the body of an order has at most {BYTES} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
        }
        Ok(Err(error)) => return Err(Refusal::invalid(format!("the body did not arrive whole: {error}"))),
        Err(_elapsed) => {
            let message = format!("the body did not arrive within {} s", WITHIN.as_secs());
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message));
        }
    };
    match bytes.trim_ascii().first() {
        None => return Ok(OrderBody::default()),
        // A list would be read as the fields in their order.
        Some(first) if *first != b'{' => {
            return Err(Refusal::invalid("the body is no order: send a JSON object"));
        }
        Some(_) => {}
    }
    serde_json::from_slice(&bytes).map_err(|error| Refusal::invalid(format!("the body is no order: {error}")))
}
