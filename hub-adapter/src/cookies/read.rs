//! A request's `Cookie` fields, read once: borrowed, in order, every name understood.
//!
//! What the jars then answer stands in `jars`, what goes on to a hub in `to_hub`.

use std::fmt;

use super::names::{JarRules, Kind, is_python_space};

/// The cookies of one request, in the order of its `Cookie` field.
#[derive(Clone)]
pub struct Cookies<'a> {
    pub(super) rules: &'a JarRules,
    pub(super) pairs: Vec<Pair<'a>>,
}

#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) kind: Kind,
}

/// Names only: values are secrets.
impl fmt::Debug for Cookies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|pair| String::from_utf8_lossy(pair.name))).finish()
    }
}

impl<'a> Cookies<'a> {
    /// Reads the request's `Cookie` fields; several count as one, joined with `; ` (RFC 9113, 8.2.3).
    ///
    /// Split at `;` alone, as browsers and tornado do. Passed over, and so kept from every hub: pairs without
    /// a name, and names with a byte at either end that tornado would trim (`\xa0jupyterhub-hub-login` is
    /// another cookie for a browser, but the login for a hub).
    #[must_use]
    pub fn read(rules: &'a JarRules, values: impl Iterator<Item = &'a [u8]>) -> Cookies<'a> {
        let mut pairs = Vec::new();
        for value in values {
            let mut start = 0;
            for end in memchr::memchr_iter(b';', value).chain([value.len()]) {
                if let Some((name, value)) = pair(&value[start..end]) {
                    if pairs.capacity() == 0 {
                        pairs.reserve(12);
                    }
                    pairs.push(Pair { name, value, kind: rules.classify(name) });
                }
                start = end + 1;
            }
        }
        Cookies { rules, pairs }
    }

    /// The values of the router's own cookie of exactly this name, in order; more than one may verify, or
    /// none.
    pub fn own<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        let own = self.pairs.iter().filter(|pair| pair.kind == Kind::Own);
        own.filter(move |pair| pair.name == name.as_bytes())
            .filter_map(|pair| std::str::from_utf8(pair.value).ok())
    }

    /// Whether the request carries any cookie of the router's, in any spelling.
    #[must_use]
    pub fn has_own(&self) -> bool {
        self.pairs.iter().any(|pair| pair.kind == Kind::Own)
    }
}

fn pair(chunk: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', chunk)?;
    let name = trim(&chunk[..equals]);
    let (first, last) = (name.first()?, name.last()?);
    if is_python_space(*first) || is_python_space(*last) {
        return None;
    }
    Some((name, trim(&chunk[equals + 1..])))
}

/// Without the blanks and tabs around it, as browsers trim.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read, two_hubs};
    use super::*;

    #[test]
    fn the_routers_own_cookies_are_found_by_their_exact_name_only() {
        let rules = two_hubs();
        let field = "__Host-hubrouter=1; hubrouter=2; __Host-hubrouter-login=3; __host-hubrouter=4;  __Host-hubrouter = 5 ";
        let cookies = read(&rules, field);

        assert_eq!(cookies.own("__Host-hubrouter").collect::<Vec<_>>(), ["1", "5"]);
        assert_eq!(cookies.own("__Host-hubrouter-login").collect::<Vec<_>>(), ["3"]);
        assert!(cookies.has_own());
        assert!(!read(&rules, "_hubrouter=1; a=hubrouter=2").has_own());
    }

    #[test]
    fn pairs_without_a_name_are_passed_over() {
        let rules = two_hubs();
        let cookies = read(&rules, "; ;=; hubrouter; =hubrouter=x; \t = x; a=b=c;");

        let [pair] = cookies.pairs[..] else { panic!("{cookies:?}") };
        assert_eq!((pair.name, pair.value), (&b"a"[..], &b"b=c"[..]));
    }

    #[test]
    fn a_name_is_a_jar_only_if_it_begins_with_a_name_of_the_list() {
        let rules = two_hubs();
        let kind = |name: &str| rules.classify(name.as_bytes());

        assert!(matches!(kind("jupyterhub-hub-login.hub-a"), Kind::Jar { flow: false, .. }));
        assert!(matches!(kind("oauthenticator-state.hub-a.0123abcd"), Kind::Jar { flow: true, .. }));
        assert!(matches!(kind("oauthenticator-state.hub-a.0123ABCD"), Kind::Stray { .. }));
        assert!(matches!(kind("_xsrf.hub-a.0123abcd"), Kind::Stray { .. }));
        assert!(matches!(kind("_xsrf"), Kind::Raw { .. }));
        assert_eq!(kind("jupyterhub-user-jo.hub-a"), Kind::Other);
        assert_eq!(kind("_XSRF.hub-a"), Kind::Other);
        assert_eq!(kind("_xsrfx"), Kind::Other);
    }
}
