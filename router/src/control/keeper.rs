//! Keeps this replica's copy of the directory: follows the store, sends heartbeats, tells the controller what stands.
//!
//! The only owner of the copy. What the records mean is `core`'s, what to write the controller's and the claims'; they write
//! through a [`Writer`], and what they wrote comes back here first.

mod beat;
#[cfg(test)]
mod tests;
mod told;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use hubrouter_config::HubId;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

pub use told::{CensusRecord, Told, View};
pub use writer::{Write, Writer, Wrote, census_key, hub_key, placement_key, user_key};

use super::clock;
use super::journal::Journal;
use super::tasks::Task;
use crate::core::life::records::Heartbeat;
use crate::core::moment::Knowledge;
use crate::directory::{
    Applied, Change, Entry, Error, Feed, Fingerprint, FullCopy, Key, ReplicaId, Seen, Store, sync,
};
use beat::Beating;
use told::Records;

/// The longest that one call to the store may take.
const WITHIN: Duration = Duration::from_secs(2);
/// From one failed try to read the whole store to the next.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long the feed may take to bring what was written before something that this replica heard of already.
const CATCHES_UP_WITHIN: Duration = Duration::from_millis(500);
/// How often everything is read anew although nothing seems to be missing.
const RESYNC_EVERY: Duration = Duration::from_mins(5);

/// What the keeper is made of.
pub struct Parts {
    /// The directory.
    pub store: Arc<dyn Store>,
    /// This process.
    pub me: ReplicaId,
    /// A mark for the directory, should this replica be the one that founds it.
    pub fresh: Fingerprint,
    /// The hubs of the configuration, and `health.interval`.
    pub site: watch::Receiver<(BTreeSet<HubId>, Duration)>,
    /// What the next heartbeat says; the keeper adds how far it has read and which starts went unasked.
    pub heartbeat: watch::Receiver<Heartbeat>,
    /// The starts that went home unasked.
    pub journal: Arc<Journal>,
    /// To the controller.
    pub told: mpsc::UnboundedSender<Told>,
    /// For the status.
    pub task: Task,
}

/// The keeper of one process.
pub struct Keeper {
    parts: Parts,
    copy: FullCopy,
    records: Records,
    knowledge: Knowledge,
    asks: mpsc::UnboundedReceiver<Ask>,
    seen: Arc<ArcSwapOption<Seen>>,
    feed: Feed,
    /// The whole store has to be read, not before this instant.
    sync_at: Option<Instant>,
    synced_at: Option<Instant>,
    lagging: bool,
    trouble: Option<String>,
    /// Others wait for what was applied to be published.
    acks: Vec<oneshot::Sender<()>>,
    /// Records of hubs and of the placement that came before what was written earlier, and who waits for each.
    early: Vec<(Vec<Entry>, oneshot::Sender<()>)>,
    /// When the whole store is read because the feed has not brought that.
    catch_up_at: Option<Instant>,
    changed: bool,
}

/// What others tell the keeper.
pub(super) enum Ask {
    /// This stands, by the store's answer to a write.
    Stands(Vec<Entry>, oneshot::Sender<()>),
    /// A write has an unknown outcome: look.
    Look,
}

/// Whether a record decides for users who have none of their own, or is the end of such a user's own.
fn is_of_all(entry: &Entry) -> bool {
    matches!(entry.key.parts().0, Key::HUB | told::PLACEMENT) || entry.value.is_none()
}

impl Keeper {
    /// A keeper that has read nothing yet, and the way to write.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Writer) {
        let (asks, asks_in) = mpsc::unbounded_channel();
        let seen = Arc::new(ArcSwapOption::empty());
        let writer = Writer::new(Arc::clone(&parts.store), Arc::clone(&seen), asks);
        let feed = parts.store.feed();
        let keeper = Self {
            parts,
            copy: FullCopy::new(),
            records: Records::default(),
            knowledge: Knowledge::default(),
            asks: asks_in,
            seen,
            feed,
            sync_at: None,
            synced_at: None,
            lagging: false,
            trouble: None,
            acks: Vec::new(),
            early: Vec::new(),
            catch_up_at: None,
            changed: false,
        };
        (keeper, writer)
    }

    /// Runs until `stop` says so; then says goodbye.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.synchronize().await;
        let mut beating: Option<Beating> = None;
        let mut beat_at = clock::now();
        loop {
            self.publish();
            let sync_at = self.next_sync();
            tokio::select! {
                biased;
                () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.asked(ask),
                    None => break,
                },
                change = self.feed.next() => match change {
                    Some(change) => self.heard(change),
                    None => self.sync_soon(),
                },
                beaten = async { beating.as_mut().expect("guarded").await }, if beating.is_some() => {
                    beating = None;
                    self.beaten(beaten);
                }
                () = clock::until(Some(beat_at)), if beating.is_none() => {
                    // Twice per interval: the copy is to be younger than one interval at any time.
                    beat_at = clock::now() + self.interval() / 2;
                    beating = self.beat();
                }
                () = clock::until(sync_at) => self.synchronize().await,
            }
            while let Ok(ask) = self.asks.try_recv() {
                self.asked(ask);
            }
        }
        self.part().await;
    }

    fn interval(&self) -> Duration {
        self.parts.site.borrow().1
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Stands(entries, ack) => {
                // Who has to be known before such a record is in force was recorded before it: users who stay at a hub that is
                // left, or at a home that they lose.
                let (early, entries): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| is_of_all(entry) && self.copy.is_ahead(entry));
                for entry in entries {
                    self.apply(&entry);
                }
                if early.is_empty() {
                    self.acks.push(ack);
                } else {
                    self.catch_up_at.get_or_insert_with(|| clock::now() + CATCHES_UP_WITHIN);
                    self.early.push((early, ack));
                }
            }
            Ask::Look => self.sync_soon(),
        }
    }

    /// Takes over what came early, as far as everything before it is known by now.
    fn catch_up(&mut self) {
        for (entries, ack) in std::mem::take(&mut self.early) {
            if ack.is_closed() {
                continue; // nobody waits any more, and the feed or a resync brings it
            }
            if entries.iter().any(|entry| self.copy.is_ahead(entry)) {
                self.early.push((entries, ack));
                continue;
            }
            for entry in entries {
                self.apply(&entry);
            }
            self.acks.push(ack);
        }
        if self.early.is_empty() {
            self.catch_up_at = None;
        }
    }

    fn heard(&mut self, change: Change) {
        match change {
            // The feed tells in order, so something before it was missed. Half of what stands would send people astray: a hub that
            // is left without those who stay, or a record that is over at a hub that has not opened again.
            Change::Entry(entry) if self.copy.is_ahead(&entry) => self.sync_soon(),
            Change::Entry(entry) => self.apply(&entry),
            Change::Resync if self.synced_at.is_none() || self.copy.seen().is_none() => {}
            Change::Resync => self.sync_soon(),
        }
    }

    fn apply(&mut self, entry: &Entry) {
        match self.copy.apply(entry.clone()) {
            Applied::Old => return,
            Applied::New => {}
            // It may be only the order in which answers and the feed arrive; the next look at the store tells.
            Applied::Gap => self.lagging = self.lagging || self.sync_at.is_none(),
        }
        self.records.apply(entry);
        self.changed = true;
    }

    fn sync_soon(&mut self) {
        self.sync_at.get_or_insert_with(clock::now);
    }

    fn next_sync(&self) -> Option<Instant> {
        let soon = self.sync_at.into_iter().chain(self.catch_up_at).min();
        soon.or_else(|| self.synced_at.map(|at| at + RESYNC_EVERY))
    }

    async fn synchronize(&mut self) {
        let hubs = self.parts.site.borrow().0.clone();
        let asked_at = clock::now();
        let synced = sync(&*self.parts.store, &mut self.copy, &hubs, self.parts.fresh.clone(), WITHIN).await;
        match synced {
            Ok(synced) => {
                if synced.repaired {
                    warn!("the directory had lost writes: this replica wrote them back");
                    let _ = self.parts.told.send(Told::Repaired);
                }
                if synced.introduced {
                    info!("the directory knows the hubs of this site now");
                }
                (self.sync_at, self.synced_at, self.catch_up_at) = (None, Some(clock::now()), None);
                self.knowledge.behind = false;
                self.knowledge.in_step = Some(self.knowledge.in_step.map_or(asked_at, |at| at.max(asked_at)));
                self.lagging = false;
                self.well();
            }
            Err(error) => {
                self.catch_up_at = None;
                self.sync_at = Some(clock::now() + TRY_AGAIN);
                self.knowledge.behind = matches!(error, Error::Behind { .. } | Error::Foreign { .. });
                self.ill(&error);
            }
        }
        self.records = Records::of(&self.copy);
        self.changed = true;
    }

    fn well(&mut self) {
        if self.trouble.take().is_some() {
            info!("the directory answers again");
        }
        self.parts.task.ran(clock::now(), "in step");
    }

    fn ill(&mut self, error: &Error) {
        let text = error.to_string();
        self.parts.task.ran(clock::now(), text.clone());
        if self.trouble.is_none() {
            match error {
                Error::Foreign { .. } => error!(
                    "{text}: nothing is written there; give this site a prefix of its own (directory.prefix)"
                ),
                _ => warn!("{text}"),
            }
        }
        self.trouble = Some(text);
        self.changed = true;
    }

    /// Tells the controller what stands, and by it those who wait for it.
    fn publish(&mut self) {
        self.catch_up();
        if !std::mem::take(&mut self.changed) && self.acks.is_empty() {
            return;
        }
        self.seen.store(self.copy.seen().map(Arc::new));
        let view = View {
            exceptions: self.records.exceptions(),
            census: self.records.census(),
            knowledge: self.knowledge,
            read: self.synced_at.is_some(),
            unreadable: self.records.unreadable() + self.parts.store.malformed(),
            trouble: self.trouble.clone(),
        };
        let acks = std::mem::take(&mut self.acks);
        let _ = self.parts.told.send(Told::View(Box::new(view), acks));
    }

    /// Says goodbye. Starts that no hub has confirmed yet are told once more, and stay told: this replica will never send them
    /// again, and they may run.
    async fn part(self) {
        let Some(seen) = self.copy.seen() else { return };
        let (store, site) = (&self.parts.store, &seen.fingerprint);
        let parted = if self.parts.journal.all().is_empty() {
            store.part(&self.parts.me, site, WITHIN).await
        } else {
            let Some(last) = self.pulse(true) else { return };
            store.beat(&last, site, WITHIN).await.map(|_| ())
        };
        if let Err(error) = parted {
            warn!(%error, "the directory did not hear that this replica ends: the others wait for it");
        }
    }
}
