//! What an entry is about: a kind and a name, as `user:ada` or `hub:hub-a`.

use std::fmt;
use std::sync::Arc;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

/// The longest kind, in bytes.
const KIND_BYTES: usize = 16;
/// The longest name, in bytes: a hub's database takes 255 characters, each of at most 4 bytes.
const NAME_BYTES: usize = 1024;

/// What an entry or a lease is about. Cloning copies a pointer.
///
/// The kind is 1 to 16 of `a-z`; the name is 1 to 1,024 bytes without control characters, whatever else it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>); // kind, a colon, name: kinds hold no colon

impl Key {
    /// The kind of what stands about a user.
    pub const USER: &str = "user";
    /// The kind of what stands about a hub.
    pub const HUB: &str = "hub";

    /// The key of this kind and name; `None` when one of them is empty, too long, or holds what it must not.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Option<Self> {
        let is_kind =
            (1..=KIND_BYTES).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_name = (1..=NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
        (is_kind && is_name).then(|| Self(format!("{kind}:{name}").into()))
    }

    /// A user's; `None` for a name longer than any hub takes.
    #[must_use]
    pub fn user(user: &UserName) -> Option<Self> {
        Self::new(Self::USER, user.as_str())
    }

    /// A hub's.
    #[must_use]
    pub fn hub(hub: &HubId) -> Self {
        Self(format!("{}:{hub}", Self::HUB).into())
    }

    /// The kind and the name.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_kind_and_a_name_that_may_hold_colons() {
        let key = Key::new("user", "a:b:ü").unwrap();

        assert_eq!(key.parts(), ("user", "a:b:ü"));
        assert_eq!(key.to_string(), "user:a:b:ü");
    }

    #[test]
    fn what_is_empty_too_long_or_holds_control_characters_is_no_key() {
        let long = "n".repeat(1025);
        for (kind, name) in
            [("", "a"), ("user", ""), ("User", "a"), ("us:er", "a"), ("user", "a\nb"), ("user", &long)]
        {
            assert_eq!(Key::new(kind, name), None, "{kind:?} {name:?}");
        }
        assert!(Key::new("user", &"n".repeat(1024)).is_some());
    }
}
