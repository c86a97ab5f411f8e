//! What happened lately, for operators: the last events of this process, in order, and a way to wait for the next.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hubrouter_config::HubId;
use tokio::sync::Notify;

use super::operator::{Event, EventPage};

/// So many are remembered.
const KEPT: usize = 2000;
/// So many are shown to whoever names no number.
const SHOWN: usize = 100;

/// The events of one process.
#[derive(Debug, Default)]
pub struct Events {
    state: Mutex<State>,
    new: Notify,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    events: VecDeque<Event>,
}

impl Events {
    /// Notes that something happened now.
    pub fn note(&self, kind: &str, hub: Option<&HubId>, user: Option<&str>, text: String) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut state = self.locked();
        state.last += 1;
        let event = Event {
            number: state.last,
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            kind: kind.to_owned(),
            hub: hub.map(ToString::to_string),
            user: user.map(str::to_owned),
            text,
        };
        state.events.push_back(event);
        if state.events.len() > KEPT {
            state.events.pop_front();
        }
        drop(state);
        self.new.notify_waiters();
    }

    /// Events after number `after`; where there are none yet, waits for one, for `wait` at most.
    pub async fn after(&self, after: Option<u64>, wait: Duration) -> EventPage {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let new = self.new.notified();
            let page = self.page(after);
            if !page.events.is_empty() || page.missed {
                return page;
            }
            if tokio::time::timeout_at(until, new).await.is_err() {
                return self.page(after);
            }
        }
    }

    fn page(&self, after: Option<u64>) -> EventPage {
        let state = self.locked();
        let last = state.last;
        let Some(after) = after else {
            let skipped = state.events.len().saturating_sub(SHOWN);
            let events = state.events.iter().skip(skipped).cloned().collect();
            return EventPage { events, last, missed: false };
        };
        let first = state.events.front().map_or(last + 1, |event| event.number);
        // A number from the future is of another process.
        let missed = after > last || after + 1 < first;
        let events = state.events.iter().filter(|event| missed || event.number > after).cloned().collect();
        EventPage { events, last, missed }
    }

    /// Whole events come and go under the lock, so a poisoned one is as good as any.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn note(events: &Events, times: usize) {
        (0..times).for_each(|_| events.note("tested", None, Some("ada"), "it was".to_owned()));
    }

    async fn numbers(events: &Events, after: Option<u64>) -> (Vec<u64>, bool) {
        let page = events.after(after, Duration::ZERO).await;
        (page.events.iter().map(|event| event.number).collect(), page.missed)
    }

    #[tokio::test]
    async fn who_asks_on_gets_what_came_since_and_is_told_what_was_missed() {
        let events = Events::default();
        note(&events, 3);
        assert_eq!(numbers(&events, None).await, (vec![1, 2, 3], false));
        assert_eq!(numbers(&events, Some(2)).await, (vec![3], false));
        assert_eq!(numbers(&events, Some(3)).await, (vec![], false));
        assert_eq!(numbers(&events, Some(9)).await, (vec![1, 2, 3], true), "another process' number");

        note(&events, KEPT);
        assert_eq!(numbers(&events, None).await.0.len(), SHOWN);
        let (after_one, missed) = numbers(&events, Some(1)).await;
        assert_eq!((after_one.len(), missed), (KEPT, true));
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_next_event_at_once() {
        let events = Arc::new(Events::default());
        let waiting = tokio::spawn({
            let events = Arc::clone(&events);
            async move { events.after(Some(0), Duration::from_secs(30)).await }
        });
        tokio::task::yield_now().await;
        note(&events, 1);
        assert_eq!(waiting.await.unwrap().events.len(), 1);
    }
}
