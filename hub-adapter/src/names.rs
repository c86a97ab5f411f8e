//! User names: one canonical form per user, however the name was written.
//!
//! Decoding an address comes before (`address`), choosing a hub by the name after (the router).

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use hubrouter_config::UserNames as NameRule;

/// What the hub leaves unquoted in a user's URL: `quote(name, safe="@~")` (`jupyterhub/utils.py`, `url_escape_path`).
const HUB_QUOTE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'@');

/// A user's canonical name: what placement hashes and the session cookie carries.
///
/// Two spellings that a hub takes for one user give one value. Never empty, and free of `/`, `\` and control
/// characters, so it is one path segment and one log field. Cloning copies a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

impl UserName {
    /// The canonical form of a decoded name.
    ///
    /// `Lower` lower-cases as the hub's `Authenticator.normalize_username` does (Unicode, without normalisation of
    /// composed characters); `Exact` keeps the name. `None` for what no hub accepts as a name: empty, `.`, `..`, or
    /// holding `/`, `\`, NUL or another control character, or longer than 255 characters.
    pub fn canonical(raw: &str, rule: NameRule) -> Option<UserName> {
        if !is_name(raw) {
            return None;
        }
        let keeps = match rule {
            NameRule::Exact => true,
            NameRule::Lower => raw.is_ascii() && !raw.bytes().any(|byte| byte.is_ascii_uppercase()),
        };
        Some(UserName(if keeps { Arc::from(raw) } else { Arc::from(raw.to_lowercase()) }))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the hub writes it into URLs and cookie paths: percent-encoded UTF-8, `@` and `~` kept.
    pub fn quoted(&self) -> String {
        utf8_percent_encode(&self.0, HUB_QUOTE).to_string()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for UserName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A name of a server, quoted as [`UserName::quoted`] does.
pub(crate) fn quoted(segment: &str) -> String {
    utf8_percent_encode(segment, HUB_QUOTE).to_string()
}

/// The longest name that a hub's database takes, in characters (`orm.py`, `User.name`).
const LONGEST: usize = 255;

fn is_name(raw: &str) -> bool {
    let fits = raw.len() <= LONGEST || raw.chars().count() <= LONGEST;
    fits && !matches!(raw, "" | "." | "..") && !raw.chars().any(|c| matches!(c, '/' | '\\') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower(raw: &str) -> String {
        UserName::canonical(raw, NameRule::Lower).unwrap().to_string()
    }

    #[test]
    fn a_name_is_no_longer_than_a_hub_can_keep() {
        let of = |count: usize| UserName::canonical(&"ü".repeat(count), NameRule::Lower);
        assert!(of(255).is_some() && of(256).is_none());
    }

    #[test]
    fn names_are_lower_cased_as_the_hub_does() {
        for (typed, canonical) in [
            ("UPPER", "upper"),
            ("Élise", "élise"),
            ("Ida.SMITH@Example.org", "ida.smith@example.org"),
            ("ΟΔΟΣ", "οδο\u{3c2}"), // a final sigma, as Python's lower()
            ("İx", "i\u{307}x"),
            ("名前", "名前"),
            ("a b", "a b"),
            ("x%40y", "x%40y"),
            ("sla%2Fsh", "sla%2fsh"),
        ] {
            assert_eq!(lower(typed), canonical, "{typed}");
        }
    }

    #[test]
    fn an_exact_site_keeps_capitals() {
        let name = UserName::canonical("MiXed", NameRule::Exact).unwrap();
        assert_eq!(name.as_str(), "MiXed");
    }

    #[test]
    fn composed_and_decomposed_letters_stay_two_users() {
        assert_ne!(lower("\u{e9}lise"), lower("e\u{301}lise"));
    }

    #[test]
    fn what_no_hub_takes_for_a_name_is_none() {
        for raw in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "\u{7f}", "\u{85}"] {
            assert_eq!(UserName::canonical(raw, NameRule::Lower), None, "{raw:?}");
        }
    }

    #[test]
    fn names_are_quoted_as_the_hub_quotes_them() {
        for (name, quoted) in [
            ("bob@example.org", "bob@example.org"),
            ("élise", "%C3%A9lise"),
            ("a b", "a%20b"),
            ("a+b", "a%2Bb"),
            ("x%40y", "x%2540y"),
            ("semi;colon", "semi%3Bcolon"),
            ("o'brien", "o%27brien"),
            ("tilde~x", "tilde~x"),
            ("under_s.core-d", "under_s.core-d"),
        ] {
            assert_eq!(UserName::canonical(name, NameRule::Lower).unwrap().quoted(), quoted);
        }
    }
}
