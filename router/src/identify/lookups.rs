//! What hubs were asked already: answers about API tokens for a while, and how often a client made the router ask.
//!
//! Tokens are kept as keyed hashes only, in a bounded table. The asking itself is left to `proxy`.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use hubrouter_config::HubId;
use sha2::Sha256;

use crate::core::client::one_client;

/// How long a hub's word about a token counts; tokens can be revoked, and servers themselves keep answers this long.
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// How long a refusal counts, or the word of some hubs while others are silent.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// How many tokens are remembered; beyond that the oldest half is forgotten.
const MAX_TOKENS: usize = 10_000;
/// How many questions about browsers a client may cause in a minute.
const BROWSERS_PER_MINUTE: u32 = 5;
/// How many about tokens that are not remembered: scripts of many users may share one client's address.
const TOKENS_PER_MINUTE: u32 = 120;
/// The minute.
const WINDOW: Duration = Duration::from_secs(60);
/// How many clients are counted at once; beyond that the oldest are let go.
const MAX_CLIENTS: usize = 100_000;

type Digest = [u8; 32];

/// Answers and counts of this process.
pub struct Lookups {
    key: [u8; 32],
    tokens: Mutex<HashMap<Digest, Known>>,
    clients: Mutex<Clients>,
}

/// What hubs are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Whose browser is this?
    Browser,
    /// Whose token is this?
    Token,
}

impl Question {
    fn per_minute(self) -> u32 {
        match self {
            Self::Browser => BROWSERS_PER_MINUTE,
            Self::Token => TOKENS_PER_MINUTE,
        }
    }
}

struct Known {
    hubs: Vec<HubId>,
    until: Instant,
}

/// How often clients made the router ask, each within a minute of its own.
#[derive(Default)]
struct Clients {
    asked: HashMap<Asker, Asked>,
    /// When minutes began, the oldest first: at least the minute of everybody in `asked`.
    minutes: VecDeque<(Asker, Instant)>,
}

type Asker = (Question, IpAddr);

struct Asked {
    count: u32,
    since: Instant,
}

impl Clients {
    /// Counts a question and says which of its minute it is. All work is for a few entries, however many there are:
    /// every request that has something to ask waits for the same table.
    fn count(&mut self, asker: Asker, now: Instant) -> u32 {
        self.forget_over(now);
        match self.asked.get_mut(&asker) {
            Some(asked) if now.saturating_duration_since(asked.since) < WINDOW => {
                asked.count = asked.count.saturating_add(1);
                asked.count
            }
            _ => {
                self.begin(asker, now);
                1
            }
        }
    }

    /// Forgets two minutes that are over: one question begins one at most, so they never pile up.
    fn forget_over(&mut self, now: Instant) {
        for _ in 0..2 {
            let Some((_, since)) = self.minutes.front() else { return };
            if now.saturating_duration_since(*since) < WINDOW {
                return;
            }
            self.forget_oldest();
        }
    }

    fn begin(&mut self, asker: Asker, now: Instant) {
        if self.minutes.len() >= MAX_CLIENTS {
            self.forget_oldest();
        }
        self.minutes.push_back((asker, now));
        self.asked.insert(asker, Asked { count: 1, since: now });
    }

    /// Whoever began another minute meanwhile stays.
    fn forget_oldest(&mut self) {
        let Some((asker, since)) = self.minutes.pop_front() else { return };
        if self.asked.get(&asker).is_some_and(|asked| asked.since == since) {
            self.asked.remove(&asker);
        }
    }
}

impl Lookups {
    /// Nothing known; `key` is random and never leaves the process.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, tokens: Mutex::default(), clients: Mutex::default() }
    }

    /// The hubs that know the token in this `Authorization` field, if it was asked lately.
    #[must_use]
    pub fn token(&self, authorization: &[u8], now: Instant) -> Option<Vec<HubId>> {
        let digest = self.digest(authorization);
        let tokens = locked(&self.tokens);
        tokens.get(&digest).filter(|known| known.until > now).map(|known| known.hubs.clone())
    }

    /// Keeps what the hubs said about a token: an empty list is a refusal, and `whole` is false when a hub was silent.
    pub fn keep_token(&self, authorization: &[u8], hubs: Vec<HubId>, whole: bool, now: Instant) {
        let until = now + if hubs.is_empty() || !whole { REFUSED_FOR } else { KNOWN_FOR };
        let digest = self.digest(authorization);
        let mut tokens = locked(&self.tokens);
        if tokens.len() >= MAX_TOKENS {
            make_room(&mut tokens, now);
        }
        tokens.insert(digest, Known { hubs, until });
    }

    /// Whether the client may cause another question to hubs; counts it if so.
    #[must_use]
    pub fn may_ask(&self, question: Question, client: IpAddr, now: Instant) -> bool {
        locked(&self.clients).count((question, one_client(client)), now) <= question.per_minute()
    }

    fn digest(&self, token: &[u8]) -> Digest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("an HMAC takes a key of any length");
        mac.update(token);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Lookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

fn make_room(tokens: &mut HashMap<Digest, Known>, now: Instant) {
    tokens.retain(|_, known| known.until > now);
    if tokens.len() >= MAX_TOKENS {
        let mut ends: Vec<Instant> = tokens.values().map(|known| known.until).collect();
        let (_, middle, _) = ends.select_nth_unstable(MAX_TOKENS / 2);
        let middle = *middle;
        tokens.retain(|_, known| known.until > middle);
    }
}

/// A panic while a table is held leaves it usable: no change relies on another that is not made.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hubs(ids: &[&str]) -> Vec<HubId> {
        ids.iter().map(|id| id.parse().expect("a hub id")).collect()
    }

    #[test]
    fn an_answer_about_a_token_is_kept_five_minutes_and_one_that_may_change_half_a_minute() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        lookups.keep_token(b"token good", hubs(&["a"]), true, now);
        lookups.keep_token(b"token of some", hubs(&["a"]), false, now);
        lookups.keep_token(b"token bad", vec![], true, now);

        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(lookups.token(b"token good", at(299)), Some(hubs(&["a"])));
        assert_eq!(lookups.token(b"token good", at(301)), None);
        assert_eq!(lookups.token(b"token of some", at(29)), Some(hubs(&["a"])));
        assert_eq!(lookups.token(b"token of some", at(31)), None);
        assert_eq!(lookups.token(b"token bad", at(29)), Some(vec![]));
        assert_eq!(lookups.token(b"token bad", at(31)), None);
        assert_eq!(lookups.token(b"token unknown", now), None);
    }

    #[test]
    fn a_client_causes_five_questions_about_its_browser_a_minute() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        let client = "192.0.2.1".parse().unwrap();
        let asked = (0..7).filter(|_| lookups.may_ask(Question::Browser, client, now)).count();
        assert_eq!(asked, 5);
        assert!(lookups.may_ask(Question::Browser, "192.0.2.2".parse().unwrap(), now));
        assert!(lookups.may_ask(Question::Browser, client, now + WINDOW));
    }

    /// One address of each of many networks, or many of one: by the bit at which the number is put.
    fn ipv6(number: usize, bit: u32) -> IpAddr {
        IpAddr::from((0x2001_0db8_u128 << 96 | (number as u128) << bit).to_be_bytes())
    }

    #[test]
    fn an_ipv6_network_asks_as_one_client() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        let asked = |question, bit| {
            (1..600).filter(|number| lookups.may_ask(question, ipv6(*number, bit), now)).count()
        };
        assert_eq!((asked(Question::Browser, 0), asked(Question::Token, 0)), (5, 120));
        assert_eq!(asked(Question::Browser, 64), 599, "other networks are others");
    }

    #[test]
    fn when_the_table_of_clients_is_full_a_newcomer_may_ask_and_the_oldest_is_let_go() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        let ask = |client, now| lookups.may_ask(Question::Browser, client, now);
        let sizes = || {
            let clients = locked(&lookups.clients);
            (clients.asked.len(), clients.minutes.len())
        };
        for number in 0..MAX_CLIENTS {
            assert!(ask(ipv6(number, 64), now));
        }
        let (oldest, second) = (ipv6(0, 64), ipv6(1, 64));
        for client in [oldest, second] {
            assert_eq!((0..9).filter(|_| ask(client, now)).count(), 4);
        }

        assert!(ask(ipv6(MAX_CLIENTS, 64), now), "a newcomer");

        assert_eq!(sizes(), (MAX_CLIENTS, MAX_CLIENTS));
        assert!(!ask(second, now), "nobody but the oldest is forgotten");
        assert!(ask(oldest, now));
        assert_eq!(sizes(), (MAX_CLIENTS, MAX_CLIENTS));
    }

    #[test]
    fn minutes_that_are_over_are_forgotten_a_few_at_a_time_and_those_that_began_again_stay() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        let ask = |number, now| lookups.may_ask(Question::Browser, ipv6(number, 64), now);
        for number in 0..100 {
            assert!(ask(number, now));
        }
        let later = now + WINDOW;
        assert_eq!((0..200).filter(|_| ask(99, later)).count(), 5);

        let clients = locked(&lookups.clients);
        assert_eq!((clients.asked.len(), clients.minutes.len()), (1, 1));
    }

    #[test]
    fn the_table_of_tokens_is_bounded() {
        let lookups = Lookups::new([7; 32]);
        let now = Instant::now();
        for number in 0..(MAX_TOKENS + 10) {
            let later = now + Duration::from_millis(number as u64);
            lookups.keep_token(format!("token {number}").as_bytes(), hubs(&["a"]), true, later);
        }
        assert!(locked(&lookups.tokens).len() <= MAX_TOKENS);
        let newest = format!("token {}", MAX_TOKENS + 9);
        assert!(lookups.token(newest.as_bytes(), now).is_some());
    }
}
