//! How long a hub took for its last answers, and whether that is slow.
//!
//! Two thresholds far apart, so that a hub between them keeps its verdict instead of changing it with every probe.

use std::time::Duration;

/// How many answers are looked at.
const WINDOW: usize = 6;
/// A median above this makes a hub slow.
const SLOW: Duration = Duration::from_secs(1);
/// A median below this ends it.
const FAST: Duration = Duration::from_millis(300);

/// The last six answers' times, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latencies {
    last: [Duration; WINDOW],
    count: usize,
}

impl Latencies {
    pub(super) fn push(&mut self, took: Duration) {
        self.last.rotate_left(1);
        self.last[WINDOW - 1] = took;
        self.count = (self.count + 1).min(WINDOW);
    }

    /// The mean of the two in the middle; none before the window is full.
    pub(super) fn median(&self) -> Option<Duration> {
        if self.count < WINDOW {
            return None;
        }
        let mut sorted = self.last;
        sorted.sort_unstable();
        Some((sorted[WINDOW / 2 - 1] + sorted[WINDOW / 2]) / 2)
    }

    pub(super) fn is_slow(&self) -> bool {
        self.median().is_some_and(|median| median > SLOW)
    }

    pub(super) fn is_fast_again(&self) -> bool {
        self.median().is_some_and(|median| median < FAST)
    }
}
