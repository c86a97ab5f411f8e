//! The number of a write: of two records of one thing the one with the higher number is the newer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The highest epoch: up to it a Lua number, a double, is exact.
const HIGHEST: u64 = (1 << 53) - 1;
/// By how much a repair raises the counter above all that anybody saw: more writes than can be under way.
const RAISE: u64 = 1000;

/// The number of a write. One counter for the whole site gives every write its epoch, and a later write has a higher one.
/// 0: nothing was written yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of this number; `None` above 2^53 - 1.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= HIGHEST { Some(Self(number)) } else { None }
    }

    /// As a number.
    #[must_use]
    pub const fn as_number(self) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_end_before_a_double_counts_wrong() {
        let highest = Epoch::new((1 << 53) - 1).unwrap();

        assert_eq!(Epoch::new(1 << 53), None);
        assert_eq!(highest.next(), None);
        assert_eq!(highest.raised(), highest);
    }

    #[test]
    fn an_epoch_is_written_as_a_number_and_one_that_is_too_high_is_not_read() {
        let seven = Epoch::new(7).unwrap();

        assert_eq!(serde_json::to_string(&seven).unwrap(), "7");
        assert_eq!(serde_json::from_str::<Epoch>("7").unwrap(), seven);
        assert!(serde_json::from_str::<Epoch>("9007199254740992").is_err());
        assert!(serde_json::from_str::<Epoch>("-1").is_err());
    }
}
