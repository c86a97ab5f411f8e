//! What a store tells by itself: changed entries, or that something may have been missed.

use tokio::sync::broadcast::{self, error::RecvError};

use super::entry::Entry;

/// How many changes a reader may be behind before it has to load everything anew.
const BEHIND: usize = 1024;

/// What a store tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This stands now.
    Entry(Entry),
    /// Something may have been missed: load everything.
    Resync,
}

/// The changes of a store from now on, in the order of their epochs. The first one is [`Change::Resync`], and another one comes
/// whenever changes may have been missed.
#[derive(Debug)]
pub struct Feed {
    changes: broadcast::Receiver<Change>,
    begun: bool,
}

impl Feed {
    /// The next change; `None` when the store is gone.
    pub async fn next(&mut self) -> Option<Change> {
        if !self.begun {
            self.begun = true;
            return Some(Change::Resync);
        }
        match self.changes.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::Resync),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The store's side of all its feeds. Clones tell the same feeds.
#[derive(Clone, Debug)]
pub struct Teller(broadcast::Sender<Change>);

impl Default for Teller {
    fn default() -> Self {
        Self::new()
    }
}

impl Teller {
    /// One that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::channel(BEHIND).0)
    }

    /// Tells all feeds that there are.
    pub fn tell(&self, change: Change) {
        // Nobody listens: nobody missed anything.
        let _ = self.0.send(change);
    }

    /// What is told from now on.
    #[must_use]
    pub fn feed(&self) -> Feed {
        Feed { changes: self.0.subscribe(), begun: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Epoch, Key, StoreTime};

    #[tokio::test]
    async fn a_reader_that_falls_behind_is_told_to_load_everything() {
        let teller = Teller::new();
        let mut feed = teller.feed();
        assert_eq!(feed.next().await, Some(Change::Resync));

        for number in 1..=BEHIND as u64 + 1 {
            let key = Key::new("user", "ada").unwrap();
            let epoch = Epoch::new(number).unwrap();
            teller.tell(Change::Entry(Entry { key, epoch, written_at: StoreTime::default(), value: None }));
        }

        assert_eq!(feed.next().await, Some(Change::Resync));
        assert!(matches!(feed.next().await, Some(Change::Entry(entry)) if entry.epoch.as_number() == 2));
    }
}
