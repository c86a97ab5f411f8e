//! Times that all replicas agree on: instants by the store's clock, and every period that follows from the configuration.
//!
//! Nobody's own clock is read here; what a replica measured itself is translated before it arrives.

use std::time::Duration;

use hubrouter_config::{Census, Failover, Health, Storage};
use serde::{Deserialize, Serialize};

/// The longest that a returned hub has to be healthy before idle users come home, however often it relapsed
/// ("doubling per relapse, 2 h at most").
pub const FAILBACK_AT_MOST: Duration = Duration::from_hours(2);

/// How long a returned hub waits for servers that nobody needs any more to be stopped ("after 10 m it
/// opens for everybody else").
pub const STALE_PATIENCE: Duration = Duration::from_mins(10);

/// How long a replica may start servers at a hub with local storage without the store. The heartbeat of one that vanished is kept
/// for longer, and a new placement waits for it.
pub const ALONE_AT_LOCAL: Duration = Duration::from_mins(50);

/// An instant by the store's clock: milliseconds since 1970. Only these are compared between replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreTime(u64);

impl StoreTime {
    /// The instant so many milliseconds after the beginning of 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The instant `later`; the last instant there is, rather than an overflow.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(millis(later)))
    }

    /// The instant `before`; the first instant there is, rather than one before it.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(millis(before)))
    }

    /// How long ago `earlier` was; nothing when it is not earlier, as after a correction of the store's clock.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl StoreTime {
    /// Whether this instant, which has passed, is still to come by more than clocks differ: the store's clock was set back
    /// since, and nobody knows how long ago it was.
    #[must_use]
    pub fn is_of_another_clock(self, now: Self, times: &Times) -> bool {
        self.since(now) >= times.open_after
    }
}

/// Whole milliseconds; the most there are, rather than an overflow.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Every period in one place: the keys of the configuration, and what derives from them ("All other times
/// derive from the keys").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `failover.hold`: a hub that answers again within it was only restarting. 60 s.
    pub hold: Duration,
    /// `failover.after`: one plane down for so long, and idle users go to their next hub. 120 s.
    pub after: Duration,
    /// `failover.dead_after`: the same for both planes. 180 s.
    pub dead_after: Duration,
    /// `failover.failback_after`: how long a returned hub is healthy before users come home. 10 m.
    pub failback_after: Duration,
    /// `failover.freeze_window`: two hubs down within it look like our own network. 5 m.
    pub freeze_window: Duration,
    /// `census.max_age`: an older answer is unknown. 150 s.
    pub max_age: Duration,
    /// `hold` / 2: for so long nothing about a hub may have changed before a start goes there unasked. 30 s.
    pub calm: Duration,
    /// `hold`: how long a claim by a merely named user stands by itself. 60 s.
    pub provisional: Duration,
    /// 3 x `health.interval`: a younger heartbeat makes a replica live. 15 s.
    pub live: Duration,
    /// 1 x `health.interval`: the oldest copy of the directory that counts as fresh. 5 s.
    pub copy_age: Duration,
    /// 2 x `health.interval`: from closing a hub to opening its users' candidates. 10 s.
    pub open_after: Duration,
}

impl Times {
    /// The times that these sections of the configuration give.
    #[must_use]
    pub fn of(health: &Health, failover: &Failover, census: &Census) -> Self {
        Self {
            hold: failover.hold,
            after: failover.after,
            dead_after: failover.dead_after,
            failback_after: failover.failback_after,
            freeze_window: failover.freeze_window,
            max_age: census.max_age,
            calm: failover.hold / 2,
            provisional: failover.hold,
            live: health.interval * 3,
            copy_age: health.interval,
            open_after: health.interval * 2,
        }
    }

    /// `hold` / 2: for so long a start may be on its way to its hub. What a hub says within that time after it says nothing
    /// about it. 30 s.
    #[must_use]
    pub fn under_way(&self) -> Duration {
        self.hold / 2
    }

    /// How long a replica may start servers at a hub without the store, after it was last heard: `failover.after`. Others wait as
    /// long before they send the users of a hub elsewhere. Nobody leaves a hub with local storage but by another placement, and
    /// that waits for whoever vanished: [`ALONE_AT_LOCAL`].
    #[must_use]
    pub fn alone_at(&self, storage: Storage) -> Duration {
        match storage {
            Storage::Local => ALONE_AT_LOCAL.max(self.after),
            Storage::Shared | Storage::Attached => self.after,
        }
    }

    /// Whether a replica that was last heard at `heard` is live: "live with a heartbeat younger than 15 s (the store's clock)".
    #[must_use]
    pub fn is_live(&self, heard: StoreTime, now: StoreTime) -> bool {
        now.since(heard) < self.live
    }

    /// How long a hub that relapsed so often has to be healthy before idle users come home.
    ///
    /// A `failback_after` above two hours stands as the operator wrote it.
    #[must_use]
    pub fn failback(&self, relapses: u32) -> Duration {
        let doubled = 1_u32.checked_shl(relapses).and_then(|times| self.failback_after.checked_mul(times));
        doubled.unwrap_or(FAILBACK_AT_MOST).min(FAILBACK_AT_MOST).max(self.failback_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Times {
        Times::of(&Health::default(), &Failover::default(), &Census::default())
    }

    #[test]
    fn the_defaults_give_the_figures_that_the_design_names() {
        let times = defaults();
        let named = [
            (times.calm, 30),
            (times.provisional, 60),
            (times.live, 15),
            (times.copy_age, 5),
            (times.open_after, 10),
            (times.hold, 60),
            (times.after, 120),
            (times.dead_after, 180),
            (times.failback_after, 600),
            (times.freeze_window, 300),
            (times.max_age, 150),
        ];
        for (time, seconds) in named {
            assert_eq!(time, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn the_times_follow_the_keys_they_derive_from() {
        let health = Health { interval: Duration::from_millis(500), ..Health::default() };
        let failover = Failover { hold: Duration::from_secs(6), ..Failover::default() };

        let times = Times::of(&health, &failover, &Census::default());

        assert_eq!(times.calm, Duration::from_secs(3));
        assert_eq!(times.provisional, Duration::from_secs(6));
        assert_eq!(times.live, Duration::from_millis(1500));
        assert_eq!(times.copy_age, Duration::from_millis(500));
        assert_eq!(times.open_after, Duration::from_secs(1));
    }

    #[test]
    fn the_wait_for_failback_doubles_with_each_relapse_and_ends_at_two_hours() {
        let minutes = |relapses| defaults().failback(relapses).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 4, 31, 32, u32::MAX].map(minutes), [10, 20, 40, 80, 120, 120, 120, 120]);
    }

    #[test]
    fn a_clock_that_was_set_back_gives_no_time_at_all_rather_than_very_much() {
        let (early, late) = (StoreTime::from_millis(1), StoreTime::from_millis(5));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(StoreTime::from_millis(u64::MAX).plus(Duration::from_secs(1)).as_millis(), u64::MAX);
        assert_eq!(StoreTime::from_millis(1).plus(Duration::MAX).as_millis(), u64::MAX);
        assert_eq!(late.minus(Duration::from_millis(4)), early);
        assert_eq!(late.minus(Duration::MAX), StoreTime::default());
    }

    #[test]
    fn an_instant_is_written_as_a_number() {
        assert_eq!(serde_json::to_string(&StoreTime::from_millis(5)).unwrap(), "5");
        assert_eq!(serde_json::from_str::<StoreTime>("5").unwrap(), StoreTime::from_millis(5));
    }
}
