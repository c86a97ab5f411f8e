//! What every store of the directory does: one suite, passed by all of them.
//!
//! `every_store!`, `slow_store!` and `lasting_store!` make a test of each sentence for one kind of store.

pub mod failing;
pub mod living;
pub mod losing;
pub mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{
    Change, Comparison, Entry, Epoch, Error, Feed, Fingerprint, FullCopy, Identity, Key, Outcome, ReplicaId,
    Seen, Store, Synced, Value, Write, sync,
};
use hubrouter_config::HubId;

/// More than any store needs.
pub const SOON: Duration = Duration::from_secs(10);

/// A store that the tests can hurt.
pub trait Site: Sized {
    async fn start() -> Self;
    /// The way of one more replica to the store.
    fn store(&self) -> Arc<dyn Store>;
    /// The store is empty, as after a flush or a restart of what keeps nothing.
    async fn lose_everything(&mut self);
}

/// A store that may be slow.
pub trait Slow: Site {
    /// From now on the store takes longer than the time that this gives.
    async fn stall(&mut self) -> Duration;
    async fn go_on(&mut self);
}

/// A store that outlives its process.
pub trait Lasting: Site {
    async fn restart(&mut self);
    async fn back_up(&mut self);
    /// Puts back what was backed up.
    async fn restore(&mut self);
    /// The store cannot be reached any more.
    async fn cut(&mut self);
    async fn mend(&mut self);
}

/// One test for each sentence.
macro_rules! sentences {
    ($site:ty, $attributes:tt, $($subject:ident: $($name:ident)+;)+) => {
        $($(contract::sentence! { $site, $attributes, $subject, $name })+)+
    };
}

macro_rules! sentence {
    ($site:ty, [$($attribute:meta),*], $subject:ident, $name:ident) => {
        #[tokio::test]
        $(#[$attribute])*
        async fn $name() {
            contract::$subject::$name(<$site as contract::Site>::start().await).await;
        }
    };
}

/// The tests of every store.
macro_rules! every_store {
    ($site:ty $(, $attribute:meta)*) => {
        contract::sentences! { $site, [$($attribute),*],
            writing:
                a_write_is_done_when_what_stands_is_what_it_expects
                a_write_that_expects_something_else_is_told_what_stands
                a_condition_on_another_key_is_part_of_the_comparison
                of_many_writers_at_once_exactly_one_wins
                epochs_are_counted_over_the_whole_site
                a_deletion_leaves_a_mark_and_the_key_can_be_written_anew
                any_name_and_any_value_come_back_to_the_byte
                the_feed_tells_every_write_once_and_in_order
                a_copy_that_follows_the_feed_is_what_a_load_gives;
            losing:
                the_first_replica_founds_the_directory_and_the_others_join
                a_foreign_site_is_noticed_and_nothing_is_written
                a_write_for_another_founding_is_refused
                a_store_that_lost_everything_takes_no_claim_and_is_repaired_by_one_replica
                a_store_that_was_founded_anew_after_a_flush_is_still_ours;
            living:
                a_heartbeat_is_alive_until_its_time_by_the_stores_clock_is_over
                a_goodbye_ends_a_heartbeat_at_once
                a_heartbeat_says_where_the_store_stands
                a_lease_belongs_to_one_replica_until_it_ends_or_is_given_back
                of_many_replicas_one_gets_the_lease;
        }
    };
}

/// The tests of a store that may be slow.
macro_rules! slow_store {
    ($site:ty $(, $attribute:meta)*) => {
        contract::sentences! { $site, [$($attribute),*],
            failing:
                a_write_without_an_answer_in_time_is_unknown_and_the_next_load_says_what_stands
                a_question_without_an_answer_in_time_changes_nothing;
        }
    };
}

/// The tests of a store that outlives its process.
macro_rules! lasting_store {
    ($site:ty $(, $attribute:meta)*) => {
        contract::sentences! { $site, [$($attribute),*],
            losing:
                a_restart_keeps_everything
                a_restored_older_state_is_behind_and_gets_back_what_it_lost
                a_restored_state_that_others_wrote_on_gets_back_what_it_lost;
            failing:
                a_store_out_of_reach_says_so_and_works_again_when_it_is_back;
        }
    };
}

pub(crate) use {every_store, lasting_store, sentence, sentences, slow_store};

/// One router with its copy.
pub struct Replica {
    pub store: Arc<dyn Store>,
    pub copy: FullCopy,
    pub hubs: BTreeSet<HubId>,
    pub id: ReplicaId,
    founding: Fingerprint,
}

impl Replica {
    /// A replica of the site with the hubs a and b, that has asked nothing yet. Numbers tell replicas apart.
    pub fn new(site: &impl Site, number: u8) -> Self {
        Self::of(site, number, &["a", "b"])
    }

    pub fn of(site: &impl Site, number: u8, hubs: &[&str]) -> Self {
        Self {
            store: site.store(),
            copy: FullCopy::new(),
            hubs: hubs.iter().map(|hub| hub.parse().unwrap()).collect(),
            id: ReplicaId::of([number; 8]),
            founding: Fingerprint::of([number; 16]),
        }
    }

    /// A replica that is in step.
    pub async fn joined(site: &impl Site, number: u8) -> Self {
        let mut replica = Self::new(site, number);
        replica.sync().await.expect("a store that is well");
        replica
    }

    /// As after a restart of the store: the way to it is a new one, the copy is not.
    pub fn follow(&mut self, site: &impl Site) {
        self.store = site.store();
    }

    pub async fn sync(&mut self) -> Result<Synced, Error> {
        sync(&*self.store, &mut self.copy, &self.hubs, self.founding.clone(), SOON).await
    }

    pub fn seen(&self) -> Seen {
        self.copy.seen().expect("it has loaded")
    }

    pub fn site(&self) -> Fingerprint {
        self.seen().fingerprint
    }

    pub fn identity(&self) -> Identity {
        Identity { fingerprint: self.founding.clone(), hubs: self.hubs.clone() }
    }

    pub async fn try_write(&self, write: &Write, within: Duration) -> Result<Outcome, Error> {
        self.store.write(write, &self.seen(), within).await
    }

    /// Writes `hub` for `user`, expecting what this replica knows; gives what was written.
    pub async fn claim(&mut self, user: &str, hub: &str) -> Entry {
        let epoch = self.copy.get(&user_key(user)).map(|entry| entry.epoch);
        match self.try_write(&write(user, epoch, Some(hub)), SOON).await {
            Ok(Outcome::Written(entry)) => {
                self.copy.apply(entry.clone());
                entry
            }
            other => panic!("{user} was not written: {other:?}"),
        }
    }

    /// The hub that this replica knows for `user`.
    pub fn hub_of(&self, user: &str) -> Option<String> {
        let entry = self.copy.get(&user_key(user))?;
        entry.value.as_ref()?.read().ok()
    }
}

pub fn user_key(user: &str) -> Key {
    Key::new("user", user).unwrap()
}

/// A write of `hub` for `user`, or a deletion, that expects `epoch`.
pub fn write(user: &str, epoch: Option<Epoch>, hub: Option<&str>) -> Write {
    let target = Comparison { key: user_key(user), epoch };
    Write { target, value: hub.map(|hub| Value::of(&hub).unwrap()), conditions: Vec::new() }
}

/// The next change of the feed; there has to be one.
pub async fn next(feed: &mut Feed) -> Change {
    tokio::time::timeout(SOON, feed.next()).await.expect("a change in time").expect("the store is there")
}

/// Reads the feed up to the first entry.
pub async fn next_entry(feed: &mut Feed) -> Entry {
    loop {
        if let Change::Entry(entry) = next(feed).await {
            return entry;
        }
    }
}

/// Reads the feed until the store is really listened to: what is written from now on is told.
pub async fn settled(site: &impl Site, replica: &mut Replica) -> Feed {
    let mut feed = replica.store.feed();
    let mut other = Replica::joined(site, 99).await;
    for number in 0.. {
        other.sync().await.unwrap();
        let entry = other.claim(&format!("settling-{number}"), "a").await;
        let heard = async { while next_entry(&mut feed).await != entry {} };
        if tokio::time::timeout(Duration::from_millis(200), heard).await.is_ok() {
            break;
        }
    }
    replica.sync().await.unwrap();
    feed
}
