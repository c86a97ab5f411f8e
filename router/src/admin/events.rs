//! What happened, to be waited for: `/events?after=N&wait=25`.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::sync::{Semaphore, watch};

use super::refusal::Refusal;
use crate::control::operator::{EventPage, Operate};

/// The longest wait that is granted.
const LONGEST: Duration = Duration::from_secs(30);
/// Most who wait at a time: waiting must leave connections for everybody else.
const WAITING: usize = 24;

/// Who waits for events, and how they are all sent home.
pub(super) struct Waiting {
    places: Semaphore,
    ending: watch::Receiver<bool>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Since {
    after: Option<u64>,
    wait: Duration,
}

impl Waiting {
    pub(super) fn until(ending: watch::Receiver<bool>) -> Self {
        Self { places: Semaphore::new(WAITING), ending }
    }

    /// The events, at once when the door closes meanwhile.
    pub(super) async fn page(&self, operate: &dyn Operate, since: Since) -> Result<EventPage, Refusal> {
        let Since { after, wait } = since;
        if wait.is_zero() {
            return Ok(operate.events(after, wait).await);
        }
        let Ok(_place) = self.places.try_acquire() else {
            let message = "too many wait for events already: come back without `wait`";
            let busy = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
            return Err(busy.with(RETRY_AFTER, HeaderValue::from_static("5")));
        };
        let mut ending = self.ending.clone();
        let waited = tokio::select! {
            page = operate.events(after, wait) => Some(page),
            _ = ending.wait_for(|ending| *ending) => None,
        };
        match waited {
            Some(page) => Ok(page),
            None => Ok(operate.events(after, Duration::ZERO).await),
        }
    }
}

impl Since {
    /// Reads `after=N&wait=25`, both optional; longer waits are cut to 30 s.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let mut since = Since::default();
        let mut seen = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if seen.contains(&name) {
                return Err(Refusal::invalid("a parameter stands twice in the address"));
            }
            seen.push(name);
            match name {
                "after" => since.after = Some(number(name, value)?),
                "wait" => since.wait = Duration::from_secs(number(name, value)?).min(LONGEST),
                _ => return Err(Refusal::invalid("/events takes the parameters `after` and `wait` only")),
            }
        }
        Ok(since)
    }
}

fn number(name: &str, value: &str) -> Result<u64, Refusal> {
    value.parse().map_err(|_| Refusal::invalid(format!("`{name}` is a whole number, for example {name}=25")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_cut_to_half_a_minute() {
        let read = |query| Since::read(query).unwrap();
        assert_eq!(read(None), Since { after: None, wait: Duration::ZERO });
        assert_eq!(read(Some("after=7&wait=25")), Since { after: Some(7), wait: Duration::from_secs(25) });
        assert_eq!(read(Some("wait=86400")).wait, LONGEST);
    }

    #[test]
    fn what_is_no_number_stands_twice_or_is_unknown_is_refused() {
        for query in
            ["after=-1", "after", "wait=25s", "after=1&after=2", "since=3", "after=99999999999999999999"]
        {
            assert_eq!(Since::read(Some(query)).unwrap_err().kind, "invalid", "{query}");
        }
    }
}
