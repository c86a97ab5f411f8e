//! What requests say of a hub plane: many of them unanswered is a sign of trouble, and a probe has to look.
//!
//! Never a verdict: users of one page, or of one broken extension, must not move anybody. What counts as a failure is
//! decided at the edge; starts, servers and services are not in here at all.

use std::time::{Duration, Instant};

/// How far back is looked, in seconds.
const WINDOW: u64 = 10;
/// Fewer requests than this say nothing.
const ENOUGH: u32 = 20;
/// Threads tell at the same moments, each its part. Nothing is judged until all of them had time to: the failures of
/// one thread would outweigh the answers that another has yet to tell.
const SETTLE: Duration = Duration::from_millis(250);

/// Requests to the hub plane of one hub, over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered by the hub, whatever it said; 429 too, which only asks for time.
    pub answered: u32,
    /// Answered 502, 503 or 504, or not at all.
    pub failed: u32,
}

impl Tally {
    /// All requests.
    pub fn total(self) -> u32 {
        self.answered.saturating_add(self.failed)
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Tally) -> Tally {
        Tally {
            answered: self.answered.saturating_add(other.answered),
            failed: self.failed.saturating_add(other.failed),
        }
    }

    /// Whether this is a sign of trouble: at least 20 requests, half of them failed.
    pub fn is_trouble(self) -> bool {
        self.total() >= ENOUGH && self.failed >= self.answered
    }
}

/// The last ten seconds of one hub plane, second by second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    began: Instant,
    seconds: [(u64, Tally); WINDOW as usize],
    /// When what was told last is whole.
    whole_at: Option<Instant>,
}

impl Recent {
    /// Nothing yet.
    pub fn new(now: Instant) -> Recent {
        Recent { began: now, seconds: [(0, Tally::default()); WINDOW as usize], whole_at: None }
    }

    /// Takes in what one thread counted until now.
    pub fn add(&mut self, tally: Tally, now: Instant) {
        let second = self.second(now);
        let place = &mut self.seconds[(second % WINDOW) as usize];
        *place = if place.0 == second { (second, place.1.and(tally)) } else { (second, tally) };
        self.whole_at.get_or_insert(now + SETTLE);
    }

    /// When there is something to judge.
    pub fn next_judgement(&self) -> Option<Instant> {
        self.whole_at
    }

    /// The last ten seconds, if they are whole, were not judged yet and are a sign of trouble.
    ///
    /// They are forgotten then: the next sign needs requests of its own.
    pub fn judge(&mut self, now: Instant) -> Option<Tally> {
        self.whole_at.take_if(|whole_at| *whole_at <= now)?;
        let sum = self.sum(now);
        sum.is_trouble().then(|| {
            self.seconds = [(0, Tally::default()); WINDOW as usize];
            sum
        })
    }

    /// The last ten seconds together, the present one included.
    pub fn sum(&self, now: Instant) -> Tally {
        let second = self.second(now);
        let recent = self.seconds.iter().filter(|(at, _)| at + WINDOW > second);
        recent.fold(Tally::default(), |sum, (_, tally)| sum.and(*tally))
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// Tallies: second, answered, failed.
    type Counted<'a> = &'a [(u64, u32, u32)];

    /// The second of the first sign among these.
    fn first_sign(tallies: Counted<'_>) -> Option<u64> {
        let start = Instant::now();
        let mut recent = Recent::new(start);
        tallies.iter().find_map(|(at, answered, failed)| {
            let tally = Tally { answered: *answered, failed: *failed };
            let now = start + Duration::from_secs(*at);
            recent.add(tally, now);
            recent.judge(now + SETTLE).map(|_| *at)
        })
    }

    #[test]
    fn half_of_at_least_twenty_requests_in_ten_seconds_is_a_sign() {
        let table: &[(Counted<'_>, Option<u64>)] = &[
            (&[(0, 10, 10)], Some(0)),
            (&[(0, 0, 20)], Some(0)),
            (&[(0, 11, 10)], None),
            (&[(0, 0, 19)], None),
            (&[(0, 9, 10)], None),
            (&[(0, 5, 5), (9, 5, 5)], Some(9)),
            (&[(0, 5, 5), (10, 5, 5)], None),
            (&[(3, 0, 19), (12, 0, 1)], Some(12)),
            (&[(3, 0, 19), (13, 0, 1)], None),
            (&[(0, 1000, 0), (9, 0, 20)], None),
            (&[(0, 1000, 0), (10, 0, 20)], Some(10)),
            (&[(0, 100, 100), (1, 0, 0)], Some(0)),
            (&[(5, 0, 10), (10_000, 0, 10)], None),
        ];
        for (tallies, expected) in table {
            assert_eq!(first_sign(tallies), *expected, "{tallies:?}");
        }
    }

    #[test]
    fn after_a_sign_the_next_one_needs_requests_of_its_own() {
        let start = Instant::now();
        let mut recent = Recent::new(start);
        let failed = |failed| Tally { answered: 0, failed };

        let mut told = |tally| {
            recent.add(tally, start);
            recent.judge(start + SETTLE)
        };
        assert_eq!(told(failed(30)), Some(failed(30)));
        assert_eq!(told(failed(19)), None);
        assert_eq!(told(failed(1)), Some(failed(20)));
    }

    #[test]
    fn nothing_is_judged_before_every_thread_had_time_to_tell_its_part() {
        let start = Instant::now();
        let mut recent = Recent::new(start);
        let later = SETTLE - Duration::from_millis(1);

        recent.add(Tally { answered: 0, failed: 25 }, start);
        assert_eq!((recent.judge(start), recent.next_judgement()), (None, Some(start + SETTLE)));
        recent.add(Tally { answered: 40, failed: 0 }, start + later);
        assert_eq!(recent.judge(start + later), None);

        assert_eq!(recent.judge(start + SETTLE), None, "the part of one thread was judged");
        assert_eq!(recent.next_judgement(), None);
    }

    proptest! {
        #[test]
        fn a_sign_is_what_the_last_ten_seconds_say_and_nothing_else(
            steps in proptest::collection::vec((0_u64..4, 0_u32..12, 0_u32..12), 1..60)
        ) {
            let start = Instant::now();
            let mut recent = Recent::new(start);
            let (mut second, mut seen) = (0, Vec::new());
            for (later, answered, failed) in steps {
                second += later;
                let tally = Tally { answered, failed };
                seen.push((second, tally));
                let window = seen.iter().filter(|(at, _)| at + 10 > second);
                let sum = window.fold(Tally::default(), |sum, (_, tally)| sum.and(*tally));
                let now = start + Duration::from_secs(second);
                recent.add(tally, now);
                let sign = recent.judge(now + SETTLE);
                prop_assert_eq!(sign, sum.is_trouble().then_some(sum));
                if sign.is_some() {
                    seen.clear();
                }
            }
        }

        #[test]
        fn fewer_failures_than_answers_are_never_a_sign(answered in 1_u32..u32::MAX, failed in 0_u32..u32::MAX) {
            let tally = Tally { answered, failed: failed.min(answered - 1) };
            prop_assert!(!tally.is_trouble());
        }
    }
}
