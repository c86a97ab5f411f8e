//! A plane that gave signs of trouble is left alone for a moment: whoever asks is told to wait, until a probe is answered.
//!
//! A matter of this replica's answers alone. Each pause that ends by its time, without an answered probe, makes the next
//! one longer.

use std::time::{Duration, Instant};

/// The first pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of one plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pause {
    until: Option<Instant>,
    /// How long the last one was; none since a probe was answered.
    last: Option<Duration>,
}

impl Pause {
    /// Begins one, unless one is under way; returns its length.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Duration> {
        if self.until.is_some_and(|until| now < until) {
            return None;
        }
        let length = self.last.map_or(SHORTEST, |last| (last * 2).min(LONGEST));
        (self.until, self.last) = (Some(now + length), Some(length));
        Some(length)
    }

    /// A probe was answered: no pause, and the next one is short again.
    pub(super) fn end(&mut self) {
        *self = Pause::default();
    }

    /// Ends a pause whose time is over; whether there was one.
    pub(super) fn lapse(&mut self, now: Instant) -> bool {
        let over = self.until.is_some_and(|until| now >= until);
        if over {
            self.until = None;
        }
        over
    }

    /// When the pause under way ends by itself.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_to_thirty_seconds_until_a_probe_is_answered() {
        let mut now = Instant::now();
        let mut pause = Pause::default();
        let mut next = |pause: &mut Pause| {
            let length = pause.begin(now).unwrap();
            now += length;
            assert!(pause.lapse(now));
            length.as_secs()
        };

        let grown = [(); 7].map(|()| next(&mut pause));
        assert_eq!(grown, [1, 2, 4, 8, 16, 30, 30]);

        pause.end();
        assert_eq!(next(&mut pause), 1);
    }

    #[test]
    fn a_sign_during_a_pause_neither_lengthens_nor_repeats_it() {
        let start = Instant::now();
        let mut pause = Pause::default();
        let half = SHORTEST / 2;

        pause.begin(start);

        assert_eq!(pause.begin(start + half), None);
        assert!(!pause.lapse(start + half) && pause.lapse(start + SHORTEST));
        assert!(!pause.lapse(start + SHORTEST), "it lapsed twice");
        assert_eq!(pause.until(), None);
    }
}
