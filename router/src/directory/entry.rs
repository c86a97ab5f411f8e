//! An entry of the directory: a bounded value, the epoch of its last write, and when that was by the store's clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::key::Key;

/// How long a deletion is remembered: 24 hours, so that a replica that was away does not bring back what others deleted.
pub const KEPT_FOR: Duration = Duration::from_hours(24);
/// The longest value, in bytes of JSON: 256 KiB, room for a record that lists thousands of users.
const VALUE_BYTES: usize = 256 * 1024;
/// The highest epoch: up to it a Lua number, a double, is exact.
const HIGHEST: u64 = (1 << 53) - 1;
/// By how much a repair raises the counter above all that anybody saw: more writes than can be under way.
const RAISE: u64 = 1000;

/// The number of a write, counted over the whole site; a later write has a higher one. 0: nothing was written yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of this number; `None` above 2^53 - 1.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (number <= HIGHEST).then_some(Self(number))
    }

    /// As a number.
    #[must_use]
    pub fn as_number(self) -> u64 {
        self.0
    }

    /// The epoch of the next write; `None` after the highest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// Where a repair sets the counter when this is the highest epoch that was seen.
    #[must_use]
    pub fn raised(self) -> Self {
        Self((self.0 + RAISE).min(HIGHEST))
    }
}

impl TryFrom<u64> for Epoch {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("an epoch is at most 2^53 - 1")
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An instant of the store's clock, in milliseconds since 1970. Only these are compared between replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreTime(u64);

impl StoreTime {
    /// So many milliseconds after 1970.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// How long `earlier` is ago; nothing when it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// So much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(millis(time)))
    }
}

/// Whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A JSON text of at most 256 KiB. Cloning copies a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value(Arc<str>);

impl Value {
    /// `record` as JSON; `None` when it is too long, or cannot be written as JSON.
    #[must_use]
    pub fn of(record: &impl Serialize) -> Option<Self> {
        let text = serde_json::to_string(record).ok()?;
        (text.len() <= VALUE_BYTES).then(|| Self(text.into()))
    }

    /// The value that this text is; `None` when it is too long or no JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= VALUE_BYTES && serde_json::from_str::<IgnoredAny>(text).is_ok();
        fits.then(|| Self(text.into()))
    }

    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The record that the JSON stands for.
    ///
    /// # Errors
    ///
    /// It stands for something else, as what a newer release wrote may do.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// What stands for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub key: Key,
    /// Its last write.
    pub epoch: Epoch,
    /// When that was.
    pub written_at: StoreTime,
    /// What was written; `None`: it was deleted, which is remembered for [`KEPT_FOR`].
    pub value: Option<Value>,
}

impl Entry {
    /// A deletion that is older than `time` at `now`.
    pub(super) fn was_deleted_before(&self, now: StoreTime, time: Duration) -> bool {
        self.value.is_none() && now.since(self.written_at) > time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_of_bounded_length() {
        assert_eq!(Value::of(&vec!["ü", "b"]).unwrap().as_str(), r#"["ü","b"]"#);
        assert_eq!(Value::of(&"x".repeat(VALUE_BYTES)), None);
        assert_eq!(Value::parse("{"), None);
        assert_eq!(Value::parse(""), None);
        assert!(Value::parse(&"[".repeat(100_000)).is_none(), "depth is bounded, too");
    }

    #[test]
    fn epochs_end_before_a_double_counts_wrong() {
        let highest = Epoch::new((1 << 53) - 1).unwrap();

        assert_eq!(Epoch::new(1 << 53), None);
        assert_eq!(highest.next(), None);
        assert_eq!(highest.raised(), highest);
    }
}
