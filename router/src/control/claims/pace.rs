//! How fast starts go to hubs that took over: a bucket per hub, filled evenly, so that a failover is no stampede.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hubrouter_config::HubId;

/// A bucket holds what a tenth of a minute brings.
const HELD_MINUTES: f64 = 0.1;

/// The buckets of one process.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<BTreeMap<HubId, Bucket>>);

#[derive(Debug)]
struct Bucket {
    starts: f64,
    filled_at: Instant,
}

impl Pace {
    /// Whether one more start may go to `hub` now, of `per_minute` that `replicas` share.
    pub(super) fn take(&self, hub: &HubId, per_minute: u32, replicas: usize, now: Instant) -> bool {
        let rate = f64::from(per_minute) / replicas.max(1) as f64;
        let most = (rate * HELD_MINUTES).max(1.0);
        // A bucket is whole after each statement, so a poisoned one is as good as any.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(hub.clone()).or_insert(Bucket { starts: most, filled_at: now });
        let minutes = now.saturating_duration_since(bucket.filled_at).as_secs_f64() / 60.0;
        bucket.starts = (bucket.starts + minutes * rate).min(most);
        bucket.filled_at = now;
        let has_one = bucket.starts >= 1.0;
        if has_one {
            bucket.starts -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn starts_go_to_a_hub_at_the_share_of_one_replica() {
        let (pace, hub, start): (_, HubId, _) = (Pace::default(), "s".parse().unwrap(), Instant::now());
        let taken = |from: u64, to: u64| {
            (from..to)
                .filter(|tenth| pace.take(&hub, 300, 3, start + Duration::from_millis(tenth * 100)))
                .count()
        };
        let in_the_first_minute = taken(0, 600);
        assert!((100..=111).contains(&in_the_first_minute), "{in_the_first_minute}");
        let in_the_second = taken(600, 1200);
        assert!((99..=101).contains(&in_the_second), "{in_the_second}");
        assert!(pace.take(&"t".parse().unwrap(), 300, 3, start), "another hub has its own");
    }
}
