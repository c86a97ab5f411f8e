//! Writing the `Cookie` field, short enough for every hub.

use bytes::Bytes;
use http::HeaderValue;

/// A hub gets a `Cookie` field shorter than this, in bytes: configurable-http-proxy answers 431 at 16,422.
pub const COOKIE_FIELD_LIMIT: usize = 15 * 1024;

/// The `Cookie` field to send on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieField {
    /// `None`: send no such field.
    pub value: Option<HeaderValue>,
    /// How many cookies were left out to stay below [`COOKIE_FIELD_LIMIT`]: those of no jar first, from the
    /// end.
    pub dropped: usize,
}

/// A cookie to write.
pub(super) struct Sent<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Belongs to a jar: the last to be left out.
    pub(super) jar: bool,
}

/// The field with these cookies, or with those that fit.
pub(super) fn field(mut sent: Vec<Sent<'_>>) -> CookieField {
    let dropped = cut(&mut sent);
    let value = written(&sent).or_else(|| {
        // Only bytes that came past no HTTP parser get here.
        sent.retain(|pair| {
            HeaderValue::from_bytes(pair.name).and(HeaderValue::from_bytes(pair.value)).is_ok()
        });
        written(&sent)
    });
    CookieField { value: value.filter(|value| !value.is_empty()), dropped }
}

fn written(sent: &[Sent<'_>]) -> Option<HeaderValue> {
    let mut bytes = Vec::with_capacity(length(sent));
    for (index, pair) in sent.iter().enumerate() {
        if index > 0 {
            bytes.extend_from_slice(b"; ");
        }
        bytes.extend_from_slice(pair.name);
        bytes.push(b'=');
        bytes.extend_from_slice(pair.value);
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn length(sent: &[Sent<'_>]) -> usize {
    sent.iter().map(Sent::length).sum::<usize>().saturating_sub(2)
}

impl Sent<'_> {
    /// With `=` and `; `.
    fn length(&self) -> usize {
        self.name.len() + self.value.len() + 3
    }
}

/// Leaves out cookies of no jar from the end, then others, until the field is short enough; says how many.
fn cut(sent: &mut Vec<Sent<'_>>) -> usize {
    let mut length = length(sent);
    if length < COOKIE_FIELD_LIMIT {
        return 0;
    }
    let mut stays = vec![true; sent.len()];
    for jar in [false, true] {
        for (index, pair) in sent.iter().enumerate().rev().filter(|(_, pair)| pair.jar == jar) {
            if length >= COOKIE_FIELD_LIMIT {
                length = length.saturating_sub(pair.length());
                stays[index] = false;
            }
        }
    }
    let before = sent.len();
    let mut stays = stays.into_iter();
    sent.retain(|_| stays.next().unwrap_or(true));
    before - sent.len()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hub, read, text, two_hubs};
    use super::*;

    #[test]
    fn a_field_that_is_too_long_loses_cookies_of_no_jar_from_its_end() {
        let big = "x".repeat(4000);
        let field = format!("a={big}; b={big}; c={big}; d={big}; jupyterhub-hub-login.hub-a=l");
        let rules = two_hubs();

        let sent = read(&rules, &field).for_hub_plane(&hub("hub-a"), None);

        assert_eq!(sent.dropped, 1);
        assert_eq!(text(sent.value), format!("a={big}; b={big}; c={big}; jupyterhub-hub-login=l"));
    }

    #[test]
    fn a_jar_that_is_too_long_by_itself_is_cut_as_well() {
        let field = format!("_xsrf.hub-a={}; ", "x".repeat(4000)).repeat(5);
        let rules = two_hubs();

        let sent = read(&rules, &field).for_hub_plane(&hub("hub-a"), None);

        assert_eq!(sent.dropped, 2);
        assert!(sent.value.unwrap().len() < COOKIE_FIELD_LIMIT);
    }
}
