//! How often a hub is asked: as often as configured, and so seldom that the answers cost it a hundredth of its one core, as
//! long as they do not become too old by that.

use std::collections::VecDeque;
use std::time::Duration;

/// The time of an answer may be this part of the time between two questions.
const SHARE: u32 = 100;
/// Answers whose times are averaged.
const ANSWERS: usize = 5;
/// A question that nobody answered may be worked on still: it gets this many times the patience that was had with it.
const REST: u32 = 4;

/// The time between two questions of one kind to one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    every: Duration,
    at_most: Option<Duration>,
    took: VecDeque<Duration>,
}

impl Pace {
    /// A pace of one question `every` so often.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        Self { every, at_most: None, took: VecDeque::with_capacity(ANSWERS) }
    }

    /// The same for answers that are of no use when they are older than `max_age`: the time between two questions is stretched
    /// to four fifths of that at most, and a hub with very many servers gives a little more of its time.
    #[must_use]
    pub fn fresh(self, max_age: Duration) -> Self {
        Self { at_most: Some(max_age / 5 * 4), ..self }
    }

    /// Notes how long an answer took the hub.
    pub fn answered(&mut self, took: Duration) {
        if self.took.len() == ANSWERS {
            self.took.pop_front();
        }
        self.took.push_back(took);
    }

    /// From one question to the next.
    #[must_use]
    pub fn period(&self) -> Duration {
        let answers = u32::try_from(self.took.len()).unwrap_or(u32::MAX).max(1);
        let mean = self.took.iter().sum::<Duration>() / answers;
        let stretched = (mean * SHARE).min(self.at_most.unwrap_or(Duration::MAX));
        self.every.max(stretched)
    }

    /// From one question to the next when it stayed without an answer for `waited`: the rest begins when it was given up.
    #[must_use]
    pub fn period_after_silence(&self, waited: Duration) -> Duration {
        self.period().max(waited + waited * REST)
    }

    /// Whether the hub is asked less often than configured, because it takes so long.
    #[must_use]
    pub fn is_stretched(&self) -> bool {
        self.period() > self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn answers_that_must_stay_fresh_are_asked_for_in_time_whatever_they_cost() {
        let mut pace = Pace::new(Duration::from_secs(60)).fresh(Duration::from_secs(150));
        pace.answered(1000 * MILLISECOND);
        assert_eq!(pace.period(), Duration::from_secs(100));
        // A list of 5,000 users took a hub 3.3 s.
        (0..ANSWERS).for_each(|_| pace.answered(3300 * MILLISECOND));
        assert_eq!((pace.period(), pace.is_stretched()), (Duration::from_secs(120), true));
    }

    #[test]
    fn a_hub_is_asked_as_often_as_configured_while_its_answers_are_cheap() {
        let mut pace = Pace::new(Duration::from_secs(60));
        assert_eq!(pace.period(), Duration::from_secs(60));

        pace.answered(600 * MILLISECOND);

        assert_eq!((pace.period(), pace.is_stretched()), (Duration::from_secs(60), false));
    }

    #[test]
    fn answers_never_take_more_than_a_hundredth_of_the_time() {
        let mut pace = Pace::new(Duration::from_secs(10));
        for took in [200, 400, 100, 1000, 3300, 3300, 3300, 3300, 3300] {
            pace.answered(took * MILLISECOND);
        }
        assert_eq!((pace.period(), pace.is_stretched()), (Duration::from_secs(330), true));

        for _ in 0..5 {
            pace.answered(MILLISECOND);
        }
        assert_eq!(pace.period(), Duration::from_secs(10));
    }

    #[test]
    fn one_slow_answer_among_others_counts_as_a_part_of_them() {
        let mut pace = Pace::new(Duration::from_secs(10));
        for took in [100, 100, 100, 100, 1600] {
            pace.answered(took * MILLISECOND);
        }

        assert_eq!(pace.period(), Duration::from_secs(40));
    }

    #[test]
    fn a_question_that_stayed_without_an_answer_is_left_to_rest() {
        let pace = Pace::new(Duration::from_secs(10));

        assert_eq!(pace.period_after_silence(Duration::from_secs(10)), Duration::from_secs(50));
        assert_eq!(pace.period_after_silence(MILLISECOND), Duration::from_secs(10));
    }
}
