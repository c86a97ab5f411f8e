//! The users of a simulation: named in a file, or by a counter; and who of them has a server.
//!
//! The same seed gives the same users and the same servers, on any machine and with any number of threads.

use std::str::FromStr;

use hubrouter_hub_adapter::names::{NameRule, UserName};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A share from 0% to 100%.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_suffix('%')
            .and_then(|percent| percent.trim().parse().ok())
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(Self)
            .ok_or_else(|| "a share from 0% to 100%".to_owned())
    }
}

/// Who the users are.
#[derive(Debug)]
enum Names {
    /// `user-<seed>-0`, `user-<seed>-1`, ...: so many.
    Counted(usize),
    Listed(Vec<UserName>),
}

/// All users of a simulation.
#[derive(Debug)]
pub(super) struct Crowd {
    names: Names,
    seed: u64,
    /// What of all hashes means that a server runs: those below.
    runs_below: f64,
    rule: NameRule,
}

impl Crowd {
    /// So many users, named by a counter.
    pub(super) fn counted(users: usize, seed: u64, running: Share, rule: NameRule) -> Self {
        Self { names: Names::Counted(users), seed, runs_below: running.0 / 100.0, rule }
    }

    /// These users.
    pub(super) fn listed(names: Vec<UserName>, seed: u64, running: Share, rule: NameRule) -> Self {
        Self { names: Names::Listed(names), seed, runs_below: running.0 / 100.0, rule }
    }

    pub(super) fn len(&self) -> usize {
        match &self.names {
            Names::Counted(users) => *users,
            Names::Listed(names) => names.len(),
        }
    }

    /// The user with this number, from 0.
    pub(super) fn user(&self, number: usize) -> Option<UserName> {
        match &self.names {
            Names::Counted(_) => UserName::canonical(&format!("user-{}-{number}", self.seed), self.rule),
            Names::Listed(names) => names.get(number).cloned(),
        }
    }

    /// Whether the user has a server.
    pub(super) fn runs(&self, user: &UserName) -> bool {
        let key = xxh3_64_with_seed(b"runs", self.seed);
        // The upper 53 bits, which a float holds without rounding: below 1, so that 100% means everybody.
        let drawn = (xxh3_64_with_seed(user.as_str().as_bytes(), key) >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.runs_below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(share: &str, seed: u64) -> Vec<bool> {
        let crowd = Crowd::counted(2000, seed, share.parse().unwrap(), NameRule::Lower);
        (0..crowd.len()).map(|number| crowd.runs(&crowd.user(number).unwrap())).collect()
    }

    #[test]
    fn a_share_of_the_users_has_a_server_and_the_seed_says_who() {
        let count = running("20%", 1).iter().filter(|runs| **runs).count();
        assert!((330..470).contains(&count), "{count}");
        assert_eq!(running("20%", 1), running("20%", 1));
        assert_ne!(running("20%", 1), running("20%", 2));
        assert!(running("100%", 1).iter().all(|runs| *runs));
        assert!(!running("0%", 1).contains(&true));
    }

    #[test]
    fn a_share_is_written_with_its_percent_sign() {
        assert_eq!("12.5 %".parse(), Ok(Share(12.5)));
        for wrong in ["", "20", "%", "-1%", "101%", "NaN%", "many"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
