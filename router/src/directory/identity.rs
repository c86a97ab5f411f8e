//! Which site a store belongs to, and which replica speaks.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hubrouter_config::HubId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A random mark of one founding of a directory: 32 hexadecimal digits, made by the first replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(Arc<str>);

impl Fingerprint {
    /// A new one, of 16 random bytes.
    #[must_use]
    pub fn of(random: [u8; 16]) -> Self {
        Self(hexadecimal(random).into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 32 && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err("not 32 hexadecimal digits"),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whose directory this is: its fingerprint, and every hub that a replica of the site has named.
///
/// A site is known by its hubs: keys and seeds are secrets that may be replaced, addresses change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The mark of its founding.
    pub fingerprint: Fingerprint,
    /// The hubs that were named so far, those that are gone included.
    pub hubs: BTreeSet<HubId>,
}

impl Identity {
    /// No hub of `hubs` is known here: under the same name stands the directory of another site.
    #[must_use]
    pub fn is_foreign_to(&self, hubs: &BTreeSet<HubId>) -> bool {
        self.hubs.is_disjoint(hubs)
    }
}

/// One running router: 1 to 64 of `a-z`, `0-9`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaId(Arc<str>);

impl ReplicaId {
    /// An id of 8 random bytes.
    #[must_use]
    pub fn of(random: [u8; 8]) -> Self {
        Self(hexadecimal(random).into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplicaId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err("not 1 to 64 of a-z, 0-9 and -"),
        }
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn hexadecimal<const N: usize>(bytes: [u8; N]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_and_a_replica_are_read_as_they_are_written() {
        let fingerprint = Fingerprint::of([7; 16]);
        let replica = ReplicaId::of([0xab; 8]);

        assert_eq!(fingerprint.as_str().parse(), Ok(fingerprint));
        assert_eq!(replica.as_str().parse(), Ok(replica));
        for bad in ["", "A", "g", "0707", "a b"] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad:?}");
        }
        for bad in ["", "A", "a b", "ü", &"a".repeat(65)] {
            assert!(bad.parse::<ReplicaId>().is_err(), "{bad:?}");
        }
    }
}
