//! Who may look through the operator's door.
//!
//! Without tokens in the configuration reading is open, for the listener is on loopback then. With tokens a reader
//! needs one; tokens are compared by digest and in constant time. Whoever keeps sending wrong ones is told to wait, but
//! a right one always opens: a forgotten script with an old token must not lock its operator out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use hubrouter_config::{Admin, Role};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::core::client::one_client;

/// Wrong tokens from one client within [`WINDOW`] that are answered 401; more are told to wait.
const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Most clients that are remembered; a flood of more forgets the oldest.
const CLIENTS: usize = 1024;

/// The tokens in force.
#[derive(Default)]
pub struct Access {
    tokens: Vec<([u8; 32], Role)>,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// No token at all.
    Nameless,
    /// A token that is not ours.
    Wrong,
    /// A token of ours whose role does not reach as far as this one.
    Role(&'static str),
    /// No tokens are configured, and reading is not enough.
    NoTokens,
    /// Wrong again, too often from this client: come back after this time.
    TooMany(Duration),
}

/// Wrong tokens by the client they came from.
#[derive(Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

impl Access {
    /// Access by the tokens of `admin`; none means that reading is open. Cheap enough for every request.
    pub fn new(admin: &Admin) -> Access {
        let digests = admin.tokens.iter().map(|token| (digest(token.token.expose().as_bytes()), token.role));
        Access { tokens: digests.collect() }
    }

    /// The role of the holder of this `Authorization` field, if it reaches as far as `needed`.
    pub(super) fn check(&self, authorization: Option<&HeaderValue>, needed: Role) -> Result<Role, Denied> {
        if self.tokens.is_empty() {
            // Without tokens everybody is a reader and nobody is more.
            return if needed == Role::Read { Ok(Role::Read) } else { Err(Denied::NoTokens) };
        }
        let token = authorization.and_then(bearer).ok_or(Denied::Nameless)?;
        match self.role_of(token).ok_or(Denied::Wrong)? {
            role if role >= needed => Ok(role),
            _ => Err(Denied::Role(role_word(needed))),
        }
    }

    /// Looks at every token whatever it finds, so that the time tells nothing.
    fn role_of(&self, token: &[u8]) -> Option<Role> {
        let presented = digest(token);
        let mut found = u64::MAX;
        for (place, (known, _)) in (0u64..).zip(&self.tokens) {
            let same: Choice = known.ct_eq(&presented);
            found.conditional_assign(&place, same);
        }
        self.tokens.get(usize::try_from(found).ok()?).map(|(_, role)| *role)
    }
}

impl Guesses {
    /// Counts a wrong token that came from `from` at `now`, and says how it is refused.
    pub(super) fn count(&self, from: IpAddr, now: Instant) -> Denied {
        let from = one_client(from);
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.len() >= CLIENTS && !guesses.contains_key(&from) {
            let oldest = guesses.iter().min_by_key(|(_, (_, first_at))| *first_at).map(|(ip, _)| *ip);
            oldest.map(|ip| guesses.remove(&ip));
        }
        let (count, first_at) = guesses.entry(from).or_insert((0, now));
        if now.saturating_duration_since(*first_at) >= WINDOW {
            (*count, *first_at) = (0, now);
        }
        *count = count.saturating_add(1);
        let left = WINDOW.saturating_sub(now.saturating_duration_since(*first_at));
        if *count > FAILURES { Denied::TooMany(left) } else { Denied::Wrong }
    }
}

/// The word of a role, as in the configuration.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Read => "read",
        Role::Operate => "operate",
        Role::Admin => "admin",
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token of `Bearer <token>` (RFC 6750 2.1); the scheme's case does not matter (RFC 9110 11.1).
fn bearer(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = authorization.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use hubrouter_config::{AdminToken, Secret};

    use super::*;

    fn access(tokens: &[(Role, &str)]) -> Access {
        let token = |(role, token): &(Role, &str)| AdminToken {
            role: *role,
            token: Secret::new((*token).to_owned()),
        };
        Access::new(&Admin { tokens: tokens.iter().map(token).collect(), ..Admin::default() })
    }

    #[test]
    fn a_role_reaches_as_far_as_it_says() {
        let access =
            access(&[(Role::Read, "the reader"), (Role::Operate, "the operator"), (Role::Admin, "the boss")]);
        let may =
            |token: &str, needed| access.check(Some(&format!("Bearer {token}").parse().unwrap()), needed);

        assert_eq!(may("the reader", Role::Read), Ok(Role::Read));
        assert_eq!(may("the reader", Role::Operate), Err(Denied::Role("operate")));
        assert_eq!(may("the operator", Role::Read), Ok(Role::Operate));
        assert_eq!(may("the operator", Role::Operate), Ok(Role::Operate));
        assert_eq!(may("the operator", Role::Admin), Err(Denied::Role("admin")));
        assert_eq!(may("the boss", Role::Admin), Ok(Role::Admin));
        assert_eq!(may("the burglar", Role::Read), Err(Denied::Wrong));
        assert_eq!(access.check(None, Role::Read), Err(Denied::Nameless));
    }

    #[test]
    fn without_tokens_everybody_reads_and_nobody_changes() {
        assert_eq!(access(&[]).check(None, Role::Read), Ok(Role::Read));
        assert_eq!(access(&[]).check(None, Role::Operate), Err(Denied::NoTokens));
    }

    #[test]
    fn whoever_keeps_guessing_is_told_to_wait_for_the_rest_of_a_minute() {
        let (guesser, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let (guesses, start) = (Guesses::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(guesses.count(guesser, start), Denied::Wrong);
        }

        let later = start + Duration::from_secs(20);
        assert_eq!(guesses.count(guesser, later), Denied::TooMany(Duration::from_secs(40)));
        assert_eq!(guesses.count(other, later), Denied::Wrong);
        assert_eq!(guesses.count(guesser, start + WINDOW), Denied::Wrong);
    }

    #[test]
    fn an_ipv6_network_guesses_as_one_client() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let addresses = (1..=599u128).map(|host| IpAddr::from((0x2001_0db8_u128 << 96 | host).to_be_bytes()));
        let wrong = addresses.filter(|address| guesses.count(*address, now) == Denied::Wrong).count();
        assert_eq!(wrong, 10);
    }

    #[test]
    fn a_flood_of_addresses_is_not_all_remembered() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for address in 0..5000u32 {
            guesses.count(IpAddr::V4(address.into()), start + Duration::from_millis(address.into()));
        }

        assert_eq!(guesses.0.lock().unwrap().len(), CLIENTS);
    }

    #[test]
    fn tokens_are_never_printed() {
        assert!(!format!("{:?}", access(&[(Role::Read, "sesame")])).contains("sesame"));
    }
}
