//! Now, as replicas agree on it, and how well this replica knows the directory at that instant.
//!
//! The reading of clocks and the talk to the store are the caller's; this is what they mean for a decision.

use std::time::{Duration, Instant};

use super::life::calm::CopyOfStore;
use super::life::time::{StoreTime, Times};

/// What a replica knows of the store's clock: one reading, and when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What the store's clock said, ...
    pub store: StoreTime,
    /// ... some time after this instant.
    pub at: Instant,
}

impl Clock {
    /// The store's time at `instant`, later or earlier than the reading.
    #[must_use]
    pub fn time_at(&self, instant: Instant) -> StoreTime {
        if instant >= self.at {
            return self.store.plus(instant.duration_since(self.at));
        }
        let back = self.at.duration_since(instant);
        StoreTime::from_millis(self.store.as_millis().saturating_sub(super::life::time::millis(back)))
    }

    /// The instant of `time` by this process's own clock; as early or late as it can say.
    #[must_use]
    pub fn instant_of(&self, time: StoreTime) -> Instant {
        let (ahead, back) = (time.since(self.store), self.store.since(time));
        if ahead > Duration::ZERO {
            return self.at.checked_add(ahead).unwrap_or(self.at);
        }
        self.at.checked_sub(back).unwrap_or(self.at)
    }
}

/// How well this replica knows the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// The store's clock; none: it was never heard.
    pub clock: Option<Clock>,
    /// Before the question to the store was put by which the copy was last known to be whole.
    pub in_step: Option<Instant>,
    /// Before the last heartbeat was sent that the store is known to have taken.
    pub heard: Option<Instant>,
    /// The store lost writes, and nobody has written them back yet: no claims.
    pub behind: bool,
}

/// One instant of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The store's time; none: the store was never heard, and starts wait.
    pub now: Option<StoreTime>,
    /// The copy of the directory; none as above.
    pub copy: Option<CopyOfStore>,
    /// For how long the store has been silent, where it counts as unreachable.
    pub silent_for: Option<Duration>,
    /// When the store was last heard, by this process's clock.
    pub heard: Option<Instant>,
    /// The store lost writes: nobody claims.
    pub behind: bool,
}

impl Knowledge {
    /// What is known at `now`.
    ///
    /// The store is unreachable when the last heartbeat that it took is older than `health.interval`. Then the copy's age is
    /// not asked any more, but the copy has to show a calm hub.
    #[must_use]
    pub fn at(&self, now: Instant, times: &Times) -> Moment {
        let nothing = Moment { now: None, copy: None, silent_for: None, heard: None, behind: self.behind };
        let (Some(clock), Some(in_step), Some(heard)) = (self.clock, self.in_step, self.heard) else {
            return nothing;
        };
        let silent_for = now.saturating_duration_since(heard);
        let unreachable = silent_for > times.copy_age;
        let copy = if unreachable {
            CopyOfStore::Unreachable { since: clock.time_at(heard.min(in_step)) }
        } else {
            CopyOfStore::ReadAt(clock.time_at(in_step))
        };
        Moment {
            now: Some(clock.time_at(now)),
            copy: Some(copy),
            silent_for: unreachable.then_some(silent_for),
            heard: Some(heard),
            behind: self.behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use hubrouter_config::{Census, Failover, Health};

    use super::*;

    fn times() -> Times {
        Times::of(&Health::default(), &Failover::default(), &Census::default())
    }

    #[test]
    fn a_clock_tells_times_before_and_after_its_reading_and_back() {
        let at = Instant::now() + Duration::from_secs(100);
        let clock = Clock { store: StoreTime::from_millis(50_000), at };

        assert_eq!(clock.time_at(at + Duration::from_secs(2)), StoreTime::from_millis(52_000));
        assert_eq!(clock.time_at(at - Duration::from_secs(2)), StoreTime::from_millis(48_000));
        for time in [48_000, 50_000, 52_000].map(StoreTime::from_millis) {
            assert_eq!(clock.time_at(clock.instant_of(time)), time);
        }
    }

    #[test]
    fn a_store_that_was_never_heard_gives_no_time() {
        let moment = Knowledge::default().at(Instant::now(), &times());
        assert_eq!((moment.now, moment.copy, moment.silent_for), (None, None, None));
    }

    #[test]
    fn a_store_that_is_silent_for_longer_than_the_interval_is_unreachable() {
        let start = Instant::now();
        let clock = Clock { store: StoreTime::from_millis(50_000), at: start };
        let known = Knowledge { clock: Some(clock), in_step: Some(start), heard: Some(start), behind: false };
        let after = |seconds| known.at(start + Duration::from_secs(seconds), &times());

        assert_eq!(after(5).copy, Some(CopyOfStore::ReadAt(StoreTime::from_millis(50_000))));
        assert_eq!(after(5).silent_for, None);
        let lost = after(6);
        assert_eq!(lost.copy, Some(CopyOfStore::Unreachable { since: StoreTime::from_millis(50_000) }));
        assert_eq!(lost.silent_for, Some(Duration::from_secs(6)));
        assert_eq!(lost.now, Some(StoreTime::from_millis(56_000)));
    }
}
