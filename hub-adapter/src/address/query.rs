//! Query strings, read as the hub reads them: separated by `&`, `+` is a space, the last of several values counts.
//!
//! What a value means is told by whoever asks for it.

use super::BadPath;
use crate::urlencoded::decoded;

/// The page that a login, spawn or share link goes on to: the parameter `next`, decoded once.
///
/// Not checked: see [`crate::destination::safe_next`] before sending a browser there.
pub fn next_of(query: Option<&str>) -> Option<String> {
    last_param(query, "next")
}

/// The state of a login flow: the parameter `state`, in the query of a callback or of the redirect to a provider.
pub fn oauth_state(query: Option<&str>) -> Option<String> {
    last_param(query, "state")
}

/// The last value of `name`, decoded once and trimmed (`tornado.web.RequestHandler.get_argument`).
///
/// `None` when it is absent, blank or not UTF-8.
pub(crate) fn last_param(query: Option<&str>, name: &str) -> Option<String> {
    let value = values(query?, name).last().flatten()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The only value of `name`, decoded once; `None` when it is absent.
///
/// # Errors
///
/// [`BadPath::Twice`], even when the values are equal; [`BadPath::NotUtf8`].
pub(super) fn only_param(query: Option<&str>, name: &'static str) -> Result<Option<String>, BadPath> {
    let mut values = values(query.unwrap_or_default(), name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(BadPath::Twice(name)),
        (Some(None), None) => Err(BadPath::NotUtf8),
        (Some(Some(value)), None) => Ok(Some(value)),
    }
}

/// The decoded values of `name`; `None` for one that is not UTF-8. Names are decoded before they are compared.
fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = Option<String>> + 'a {
    query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key).as_deref() == Some(name)).then(|| decoded(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_as_it_does_at_the_hub() {
        assert_eq!(next_of(Some("next=%2Fa&x=1&%6eext=%2Fb+c")).as_deref(), Some("/b c"));
        assert_eq!(next_of(Some("nextx=/a&next=")), None);
        assert_eq!(next_of(Some("next=%ff")), None);
        assert_eq!(next_of(None), None);
        assert_eq!(oauth_state(Some("code=1&state=eyJ%3D")).as_deref(), Some("eyJ="));
    }

    #[test]
    fn a_parameter_that_decides_comes_once() {
        assert_eq!(only_param(Some("a=1&b=2"), "a"), Ok(Some("1".to_owned())));
        assert_eq!(only_param(Some("b=2"), "a"), Ok(None));
        assert_eq!(only_param(Some("a=1&%61=1"), "a"), Err(BadPath::Twice("a")));
        assert_eq!(only_param(Some("a=%ff"), "a"), Err(BadPath::NotUtf8));
    }
}
