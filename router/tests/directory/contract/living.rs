//! Heartbeats and leases, by the store's clock.

use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{Key, Pulse, Value};

use super::{Replica, SOON, Site};

fn pulse(replica: &Replica, millis: u64) -> Pulse {
    Pulse {
        replica: replica.id.clone(),
        payload: Value::of(&"votes").unwrap(),
        lives_for: Duration::from_millis(millis),
    }
}

pub async fn a_heartbeat_is_alive_until_its_time_by_the_stores_clock_is_over(site: impl Site) {
    let (one, two) = (Replica::joined(&site, 1).await, Replica::joined(&site, 2).await);
    one.store.beat(&pulse(&one, 300), &one.site(), SOON).await.unwrap();
    two.store.beat(&pulse(&two, 60_000), &two.site(), SOON).await.unwrap();
    let live = async || {
        let beats = one.store.beats(SOON).await.unwrap();
        let all: Vec<_> =
            beats.beats.iter().map(|beat| (beat.replica.clone(), beat.is_live(beats.time))).collect();
        all
    };
    let before = live().await;

    tokio::time::sleep(Duration::from_millis(400)).await;

    assert_eq!(before, [(one.id.clone(), true), (two.id.clone(), true)]);
    assert_eq!(
        live().await,
        [(one.id.clone(), false), (two.id.clone(), true)],
        "when it stopped can still be read"
    );
    one.store.beat(&pulse(&one, 60_000), &one.site(), SOON).await.unwrap();
    assert_eq!(live().await, [(one.id.clone(), true), (two.id.clone(), true)]);
    let beats = one.store.beats(SOON).await.unwrap();
    assert_eq!(beats.beats[0].payload, Value::of(&"votes").unwrap());
    assert!(beats.beats[0].at <= beats.time && beats.time < beats.beats[0].until);
}

pub async fn a_goodbye_ends_a_heartbeat_at_once(site: impl Site) {
    let one = Replica::joined(&site, 1).await;
    one.store.beat(&pulse(&one, 60_000), &one.site(), SOON).await.unwrap();

    one.store.part(&one.id, &one.site(), SOON).await.unwrap();

    assert_eq!(one.store.beats(SOON).await.unwrap().beats, []);
}

pub async fn a_heartbeat_says_where_the_store_stands(site: impl Site) {
    let mut one = Replica::joined(&site, 1).await;
    let ada = one.claim("ada", "a").await;

    let beaten = one.store.beat(&pulse(&one, 1000), &one.site(), SOON).await.unwrap();
    let looked = one.store.mark(SOON).await.unwrap();

    assert_eq!((beaten.counter, &beaten.fingerprint), (ada.epoch, &looked.fingerprint));
    assert_eq!(looked.counter, ada.epoch);
    assert!(beaten.time <= looked.time && looked.time.since(beaten.time) < Duration::from_secs(10));
}

pub async fn a_lease_belongs_to_one_replica_until_it_ends_or_is_given_back(site: impl Site) {
    let (one, two) = (Replica::joined(&site, 1).await, Replica::joined(&site, 2).await);
    let census = Key::new("census", "hub-a").unwrap();
    let holder = async |replica: &Replica, time: u64| {
        let time = Duration::from_millis(time);
        let lease = replica.store.lease(&census, &replica.id, time, &replica.site(), SOON).await.unwrap();
        (lease.holder, lease.until)
    };

    let first = holder(&one, 400).await;
    let refused = holder(&two, 60_000).await;
    let renewed = holder(&one, 500).await;
    assert_eq!((&first.0, &refused), (&one.id, &first), "another one does not prolong it");
    assert!(renewed.0 == one.id && renewed.1 > first.1);
    two.store.release(&census, &two.id, &two.site(), SOON).await.unwrap();
    assert_eq!(holder(&two, 60_000).await, renewed, "nobody gives back what another holds");

    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(holder(&two, 60_000).await.0, two.id);
    assert_eq!(holder(&one, 60_000).await.0, two.id);

    two.store.release(&census, &two.id, &two.site(), SOON).await.unwrap();
    assert_eq!(holder(&one, 60_000).await.0, one.id);
}

pub async fn of_many_replicas_one_gets_the_lease(site: impl Site) {
    let census = Arc::new(Key::new("census", "hub-a").unwrap());
    let mut asking = Vec::new();
    for number in 1..=6 {
        let (replica, census) = (Replica::joined(&site, number).await, census.clone());
        asking.push(tokio::spawn(async move {
            replica.store.lease(&census, &replica.id, SOON, &replica.site(), SOON).await.unwrap().holder
        }));
    }
    let mut holders = Vec::new();
    for asked in asking {
        holders.push(asked.await.unwrap());
    }

    assert!(holders.iter().all(|holder| *holder == holders[0]), "{holders:?}");
}
