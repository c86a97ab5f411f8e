//! An entry of the directory: a bounded value, the epoch of its last write, and when that was by the store's clock.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::key::Key;
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// How long a deletion is remembered: 24 hours, so that a replica that was away does not bring back what others deleted.
pub const KEPT_FOR: Duration = Duration::from_hours(24);
/// The longest value, in bytes of JSON: 256 KiB, room for a record that lists thousands of users.
const VALUE_BYTES: usize = 256 * 1024;

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
}
