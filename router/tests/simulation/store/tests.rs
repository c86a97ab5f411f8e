//! The contract of all stores, and what only a network shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hubrouter::directory::{Change, Dump, Error, Feed, Store};
use tokio::time::{Instant, sleep, timeout};

use super::super::contract::{self, Lasting, Replica, SOON, Site, Slow, user_key, write};
use super::super::net::{Net, Party, Weather};
use super::super::rng::Rng;
use super::{Host, SimStore};

/// A store behind a healthy network, in virtual time.
struct Simulated {
    net: Net,
    host: Host,
    ways: AtomicUsize,
    backup: Dump,
}

impl Simulated {
    fn way(&self) -> SimStore {
        let number = self.ways.fetch_add(1, Ordering::SeqCst);
        SimStore::new(self.net.clone(), self.host.clone(), Party::Replica(number), Rng::new(9))
    }
}

impl Site for Simulated {
    async fn start() -> Self {
        tokio::time::pause();
        Self {
            net: Net::new(4, Weather::FAIR),
            host: Host::new(Rng::new(4)),
            ways: AtomicUsize::new(0),
            backup: Dump::default(),
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.way())
    }

    async fn lose_everything(&mut self) {
        self.host.flush();
    }
}

impl Slow for Simulated {
    async fn stall(&mut self) -> Duration {
        self.host.hang(true);
        Duration::from_millis(150)
    }

    async fn go_on(&mut self) {
        self.host.hang(false);
    }
}

impl Lasting for Simulated {
    async fn restart(&mut self) {
        self.host.kill();
        self.host.begin();
    }

    async fn back_up(&mut self) {
        self.backup = self.host.dump();
    }

    async fn restore(&mut self) {
        self.host.replace(self.backup.clone());
    }

    async fn cut(&mut self) {
        self.host.kill();
    }

    async fn mend(&mut self) {
        self.host.begin();
    }
}

contract::every_store!(Simulated);
contract::slow_store!(Simulated);
contract::lasting_store!(Simulated);

/// What is told within `time`.
async fn told(feed: &mut Feed, time: Duration) -> Vec<Change> {
    let (end, mut told) = (Instant::now() + time, Vec::new());
    while let Ok(Some(change)) = tokio::time::timeout_at(end, feed.next()).await {
        told.push(change);
    }
    told
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_unknown_and_stands() {
    let site = Simulated::start().await;
    let replica = Replica::joined(&site, 1).await;

    site.net.cut_one_way(Party::Store, Party::Replica(0));
    let outcome = replica.try_write(&write("ada", None, Some("a")), SOON).await;
    let second = replica.try_write(&write("bo", None, Some("a")), SOON).await;
    site.net.heal();

    assert!(matches!(outcome, Err(Error::Unknown { .. })), "{outcome:?}");
    assert!(matches!(second, Err(Error::Unreachable { .. })), "no new connection: {second:?}");
    let stands: Vec<_> = site.host.memory().load(SOON).await.unwrap().entries.into_keys().collect();
    assert_eq!(stands, [user_key("ada")]);
}

#[tokio::test]
async fn a_write_may_arrive_after_its_caller_gave_up() {
    let mut site = Simulated::start().await;
    let replica = Replica::joined(&site, 1).await;

    let within = site.stall().await;
    let outcome = replica.try_write(&write("ada", None, Some("a")), within).await;
    let before = site.host.memory().dump();
    site.go_on().await;
    sleep(Duration::from_secs(1)).await;

    assert!(matches!(outcome, Err(Error::Unknown { .. })), "{outcome:?}");
    assert!(!format!("{before:?}").contains("user:ada"));
    assert!(site.host.memory().load(SOON).await.unwrap().entries.contains_key(&user_key("ada")));
}

#[tokio::test]
async fn a_process_that_ends_takes_what_was_sent_to_it_along() {
    let mut site = Simulated::start().await;
    let replica = Replica::joined(&site, 1).await;

    let within = site.stall().await;
    let outcome = replica.try_write(&write("ada", None, Some("a")), within).await;
    site.restart().await;
    sleep(Duration::from_secs(10)).await;

    assert!(matches!(outcome, Err(Error::Unknown { .. })), "{outcome:?}");
    assert!(site.host.memory().load(SOON).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_feed_that_is_cut_off_is_silent_and_says_so_first_when_it_is_back() {
    let site = Simulated::start().await;
    let mut replica = Replica::joined(&site, 1).await;
    let mut other = Replica::joined(&site, 2).await;
    let mut feed = replica.store.feed();
    replica.sync().await.unwrap();
    assert_eq!(
        told(&mut feed, SOON).await,
        [Change::Resync, Change::Resync],
        "its own, and that of the connection"
    );

    site.net.cut(Party::Replica(0), Party::Store);
    other.claim("ada", "a").await;
    let silent = told(&mut feed, SOON).await;
    other.claim("bo", "a").await;
    site.net.heal();
    let back = told(&mut feed, SOON).await;
    let cy = other.claim("cy", "a").await;

    assert_eq!((silent, back), (vec![], vec![Change::Resync]));
    assert_eq!(told(&mut feed, SOON).await, [Change::Entry(cy)]);
}

#[tokio::test]
async fn a_feed_has_no_gap_that_it_does_not_tell_even_when_single_messages_are_lost() {
    let site = Simulated::start().await;
    let mut replica = Replica::joined(&site, 1).await;
    let mut other = Replica::joined(&site, 2).await;
    let mut feed = replica.store.feed();
    told(&mut feed, SOON).await;
    let way = (Party::Replica(0), Party::Store);
    site.net.weather(way.0, way.1, Some(Weather { loss: 0.2, ..Weather::FAIR }));

    let (mut last, mut gaps) = (replica.seen().epoch, 0);
    for number in 0..200 {
        other.claim(&format!("user-{number}"), "a").await;
        for change in told(&mut feed, Duration::from_millis(300)).await {
            match change {
                Change::Resync => {
                    gaps += 1;
                    last = site.host.memory().load(SOON).await.unwrap().counter;
                }
                Change::Entry(entry) => {
                    assert_eq!(Some(entry.epoch), last.next(), "user-{number}");
                    last = entry.epoch;
                }
            }
        }
    }
    replica.sync().await.unwrap_or_default();

    assert!(gaps > 3, "{gaps}");
}

#[tokio::test]
async fn a_feed_keeps_its_order_however_late_single_messages_are() {
    let site = Simulated::start().await;
    let mut replica = Replica::joined(&site, 1).await;
    let mut other = Replica::joined(&site, 2).await;
    let mut feed = replica.store.feed();
    replica.sync().await.unwrap();
    told(&mut feed, SOON).await;
    let late = Weather { lateness: 0.5, late: Duration::from_secs(2), ..Weather::FAIR };
    site.net.weather(Party::Replica(0), Party::Store, Some(late));

    let mut written = Vec::new();
    for number in 0..50 {
        written.push(Change::Entry(other.claim(&format!("user-{number}"), "a").await));
    }

    assert_eq!(told(&mut feed, SOON).await, written);
}

#[tokio::test]
async fn the_end_of_a_process_is_heard_of_unless_nothing_can_be_heard() {
    let mut site = Simulated::start().await;
    let mut replica = Replica::joined(&site, 1).await;
    site.restart().await;
    replica.claim("ada", "a").await;

    site.net.cut(Party::Replica(0), Party::Store);
    site.restart().await;
    let in_the_dark = replica.try_write(&write("bo", None, Some("a")), SOON).await;
    site.net.heal();
    let afterwards = replica.claim("cy", "a").await;

    assert!(matches!(in_the_dark, Err(Error::Unknown { .. })), "{in_the_dark:?}");
    assert_eq!(afterwards.epoch.as_number(), 2);
}

#[tokio::test]
async fn a_clock_that_jumps_back_goes_on_from_there() {
    let site = Simulated::start().await;
    let replica = Replica::joined(&site, 1).await;
    let before = replica.store.mark(SOON).await.unwrap().time;

    site.host.jump(-60_000);
    sleep(Duration::from_secs(1)).await;
    let after = replica.store.mark(SOON).await.unwrap().time;
    site.host.jump(3_600_000);
    let ahead = replica.store.mark(SOON).await.unwrap().time;

    assert!((58_000..59_000).contains(&(before.as_millis() - after.as_millis())), "{before:?} {after:?}");
    assert!(ahead.since(before) > Duration::from_secs(3_500));
    assert!(site.host.time() >= ahead, "whoever looks on sees the same clock");
}

#[tokio::test]
async fn a_slow_store_is_in_time_for_the_patient_only() {
    let site = Simulated::start().await;
    let replica = Replica::joined(&site, 1).await;
    site.host.slow(Duration::from_secs(2));

    let patient = timeout(SOON * 3, replica.store.mark(SOON * 3)).await.expect("in time");
    let hasty = replica.store.mark(Duration::from_millis(5)).await;

    assert!(patient.is_ok(), "{patient:?}");
    assert!(matches!(hasty, Err(Error::Unreachable { .. })), "{hasty:?}");
}
