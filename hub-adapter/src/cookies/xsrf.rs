//! Tokens against forged requests: which jar one belongs to, and its equal in another jar.
//!
//! A page that one hub rendered may call another hub (the owner is in the path), or stay open over a
//! failover: its token is then exchanged for the target jar's. No token is invented: what stands in no jar
//! stays as it is, and the hub refuses it. Bodies are not touched, the login form apart (`login`).

use std::borrow::Cow;

use http::HeaderValue;
use hubrouter_config::HubId;

use super::names::{Kind, Role};
use super::read::Cookies;
use crate::urlencoded::{decoded, encoded};

/// The token in a cookie's value: without the quotes that Python puts around some values.
///
/// An escaped value stays as it is; tokens are base64 and hold nothing to escape.
pub(crate) fn token_of(value: &str) -> &str {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => inner,
        _ => value,
    }
}

impl<'a> Cookies<'a> {
    /// Hubs and tokens, in order. Cookies without a jar count for the hub that owns those.
    fn tokens(&self) -> impl Iterator<Item = (u16, &'a str)> + '_ {
        self.pairs.iter().filter_map(|pair| {
            let (hub, base) = match pair.kind {
                Kind::Jar { hub, base, .. } => (hub, base),
                Kind::Raw { base } => (self.rules.raw_owner?, base),
                Kind::Own | Kind::Stray { .. } | Kind::Other => return None,
            };
            let token = token_of(std::str::from_utf8(pair.value).ok()?);
            (self.rules.base(base).role == Role::Xsrf && !token.is_empty()).then_some((hub, token))
        })
    }

    /// The hubs whose jars hold this `_xsrf` token; empty for an empty one.
    pub(crate) fn jar_with_xsrf(&self, token: &str) -> Vec<HubId> {
        let mut hubs: Vec<u16> = Vec::new();
        for (hub, held) in self.tokens() {
            if held == token && !hubs.contains(&hub) {
                hubs.push(hub);
            }
        }
        hubs.into_iter().map(|hub| self.rules.hub(hub).clone()).collect()
    }

    /// The target's token in place of one from another jar; `None`: leave it.
    pub(super) fn translated(&self, token: &str, target: &HubId) -> Option<&'a str> {
        let target = self.rules.index_of(target)?;
        let (mut theirs, mut elsewhere) = (None, false);
        for (hub, held) in self.tokens() {
            if hub != target {
                elsewhere |= held == token;
            } else if held == token {
                return None;
            } else {
                theirs = theirs.or(Some(held));
            }
        }
        theirs.filter(|_| elsewhere)
    }

    /// For `X-XSRFToken` and `X-CSRFToken`: the target's token in place of one from another jar; `None`: leave it.
    #[must_use]
    pub fn translated_header(&self, value: &HeaderValue, target: &HubId) -> Option<HeaderValue> {
        HeaderValue::from_str(self.translated(value.to_str().ok()?, target)?).ok()
    }

    /// The query (without `?`) with the tokens in its `_xsrf` parameters translated; every other byte stays.
    ///
    /// `None`: nothing to translate, use the query as it is.
    #[must_use]
    pub fn translated_query(&self, query: &str, target: &HubId) -> Option<String> {
        let mut changed = false;
        let parts: Vec<Cow<'_, str>> = query
            .split('&')
            .map(|part| {
                let new = part.split_once('=').and_then(|(key, value)| {
                    let token = decoded(key).filter(|key| key == "_xsrf").and_then(|_| decoded(value))?;
                    let new = self.translated(&token, target)?;
                    Some(format!("{key}={}", encoded(new)))
                });
                changed |= new.is_some();
                new.map_or(Cow::Borrowed(part), Cow::Owned)
            })
            .collect();
        changed.then(|| parts.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hub, ids, read, two_hubs};
    use super::*;

    const FIELD: &str = "_xsrf.hub-a=ta-_=; _xsrf.hub-b=\"t|b=\"; _xsrf=own; _xsrf.gone=tg";

    fn translated(token: &str, target: &str) -> Option<String> {
        let rules = two_hubs();
        read(&rules, FIELD).translated(token, &hub(target)).map(str::to_owned)
    }

    #[test]
    fn a_token_of_another_jar_becomes_the_targets() {
        assert_eq!(translated("ta-_=", "hub-b").as_deref(), Some("t|b="));
        assert_eq!(translated("t|b=", "hub-a").as_deref(), Some("ta-_="));
    }

    #[test]
    fn a_token_that_is_the_targets_own_or_in_no_jar_stays() {
        for token in ["ta-_=", "unknown", "own", "tg", ""] {
            assert_eq!(translated(token, "hub-a"), None, "{token}");
        }
        let rules = two_hubs();
        assert_eq!(read(&rules, "_xsrf.hub-a=ta").translated("ta", &hub("hub-b")), None);
    }

    #[test]
    fn the_jar_of_a_token_is_found_quoted_or_not() {
        let rules = two_hubs();
        let cookies = read(&rules, FIELD);

        assert_eq!(ids(&cookies.jar_with_xsrf("t|b=")), ["hub-b"]);
        assert!(cookies.jar_with_xsrf("").is_empty());
        let twice = "_xsrf.hub-a=t; _xsrf.hub-b=t; _xsrf.hub-a=t";
        assert_eq!(ids(&read(&rules, twice).jar_with_xsrf("t")), ["hub-a", "hub-b"]);
    }

    #[test]
    fn in_a_query_only_the_token_changes() {
        let rules = two_hubs();
        let cookies = read(&rules, FIELD);
        let query = |query: &str| cookies.translated_query(query, &hub("hub-b"));

        assert_eq!(query("a=%2f+&_xsrf=ta-_%3D&&b").as_deref(), Some("a=%2f+&_xsrf=t%7Cb%3D&&b"));
        assert_eq!(query("%5fxsrf=ta-_=").as_deref(), Some("%5fxsrf=t%7Cb%3D"));
        assert_eq!(query("_xsrf=ta-_%3D&_xsrf=ta-_%3D").as_deref(), Some("_xsrf=t%7Cb%3D&_xsrf=t%7Cb%3D"));
        for unchanged in
            ["", "_xsrf", "_xsrf=", "_xsrf=other", "x_xsrf=ta-_=", "next=_xsrf%3Dta-_%3D", "_xsrf=%ff"]
        {
            assert_eq!(query(unchanged), None, "{unchanged}");
        }
    }

    #[test]
    fn in_a_header_the_token_changes_as_well() {
        let rules = two_hubs();
        let cookies = read(&rules, FIELD);
        let header =
            |text: &[u8]| cookies.translated_header(&HeaderValue::from_bytes(text).unwrap(), &hub("hub-b"));

        assert_eq!(header(b"ta-_=").unwrap(), "t|b=");
        assert_eq!(header(b"\xff"), None);
    }

    #[test]
    fn pythons_quotes_are_no_part_of_a_token() {
        assert_eq!(token_of("\"a=\""), "a=");
        assert_eq!(token_of("a\"="), "a\"=");
        assert_eq!(token_of("\""), "\"");
        assert_eq!(token_of("\"a\\075\""), "\"a\\075\"");
    }
}
