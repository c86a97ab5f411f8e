//! Whose directory it is, and stores that lost something.

use hubrouter::directory::{Error, Fingerprint, Outcome, Seen, Synced};

use super::{Lasting, Replica, SOON, Site, user_key, write};

pub async fn the_first_replica_founds_the_directory_and_the_others_join(site: impl Site) {
    let mut first = Replica::new(&site, 1);
    let mut second = Replica::of(&site, 2, &["b", "c"]);

    let founded = first.sync().await.unwrap();
    let joined = second.sync().await.unwrap();
    let again = second.sync().await.unwrap();

    assert_eq!((founded.introduced, joined.introduced, again), (true, true, Synced::default()));
    assert_eq!(second.site(), Fingerprint::of([1; 16]));
    let identity = second.store.load(SOON).await.unwrap().identity.unwrap();
    assert_eq!(identity.hubs.iter().map(ToString::to_string).collect::<String>(), "abc");
}

pub async fn a_foreign_site_is_noticed_and_nothing_is_written(site: impl Site) {
    let mut ours = Replica::joined(&site, 1).await;
    ours.claim("ada", "a").await;
    let before = ours.store.load(SOON).await.unwrap();
    let mut foreign = Replica::of(&site, 2, &["x", "y"]);

    let synced = foreign.sync().await;
    let introduced = foreign.store.introduce(&foreign.identity(), SOON).await;

    assert!(matches!(synced, Err(Error::Foreign { .. })), "{synced:?}");
    assert!(matches!(introduced, Err(Error::Foreign { .. })), "{introduced:?}");
    let after = ours.store.load(SOON).await.unwrap();
    assert_eq!((after.entries, after.identity), (before.entries, before.identity));
    assert!(foreign.copy.seen().is_none());
}

pub async fn a_write_for_another_founding_is_refused(site: impl Site) {
    let replica = Replica::joined(&site, 1).await;
    let elsewhere = Seen { fingerprint: Fingerprint::of([9; 16]), epoch: replica.seen().epoch };

    let written = replica.store.write(&write("ada", None, Some("a")), &elsewhere, SOON).await;
    let leased = replica.store.lease(&user_key("x"), &replica.id, SOON, &elsewhere.fingerprint, SOON).await;
    let parted = replica.store.part(&replica.id, &elsewhere.fingerprint, SOON).await;

    assert!(matches!(written, Err(Error::Foreign { .. })), "{written:?}");
    assert!(matches!(leased, Err(Error::Foreign { .. })), "{leased:?}");
    assert!(matches!(parted, Err(Error::Foreign { .. })), "{parted:?}");
    assert!(replica.store.load(SOON).await.unwrap().entries.is_empty());
}

pub async fn a_store_that_lost_everything_takes_no_claim_and_is_repaired_by_one_replica(mut site: impl Site) {
    let (mut one, mut two) = (Replica::joined(&site, 1).await, Replica::joined(&site, 2).await);
    let ada = one.claim("ada", "a").await;
    let bo = one.claim("bo", "b").await;
    let Outcome::Written(gone) = one.try_write(&write("bo", Some(bo.epoch), None), SOON).await.unwrap()
    else {
        panic!("not deleted")
    };
    one.copy.apply(gone.clone());
    two.sync().await.unwrap();

    site.lose_everything().await;
    one.follow(&site);
    two.follow(&site);
    let claim = two.try_write(&write("cy", None, Some("a")), SOON).await;
    let beat = two.store.part(&two.id, &two.site(), SOON).await;
    let (repaired_one, repaired_two) = tokio::join!(one.sync(), two.sync());

    assert!(matches!(claim, Err(Error::Behind { .. })), "{claim:?}");
    assert!(matches!(beat, Err(Error::Behind { .. })), "{beat:?}");
    let repaired = [repaired_one.unwrap().repaired, repaired_two.unwrap().repaired];
    assert_eq!(repaired.iter().filter(|repaired| **repaired).count(), 1, "{repaired:?}");
    let full = one.store.load(SOON).await.unwrap();
    assert_eq!(full.entries.into_values().collect::<Vec<_>>(), [ada, gone.clone()]);
    assert_eq!(full.counter, gone.epoch.raised());
    assert_eq!(full.identity.unwrap().fingerprint, Fingerprint::of([1; 16]));
    assert!(two.claim("cy", "a").await.epoch > gone.epoch.raised());
}

pub async fn a_store_that_was_founded_anew_after_a_flush_is_still_ours(mut site: impl Site) {
    let mut old = Replica::joined(&site, 1).await;
    old.claim("ada", "a").await;
    site.lose_everything().await;
    let mut new = Replica::joined(&site, 2).await;
    new.claim("bo", "b").await;

    old.follow(&site);
    let claim = old.try_write(&write("cy", None, Some("a")), SOON).await;
    let synced = old.sync().await.unwrap();
    new.sync().await.unwrap();

    assert!(matches!(claim, Err(Error::Foreign { .. })), "{claim:?}");
    assert!(synced.repaired);
    assert_eq!(old.site(), Fingerprint::of([2; 16]));
    for replica in [&old, &new] {
        assert_eq!(["ada", "bo"].map(|user| replica.hub_of(user).unwrap()), ["a", "b"]);
    }
}

pub async fn a_restart_keeps_everything(mut site: impl Lasting) {
    let mut replica = Replica::joined(&site, 1).await;
    replica.claim("ada", "a").await;
    let bo = replica.claim("bo", "b").await;
    replica.try_write(&write("bo", Some(bo.epoch), None), SOON).await.unwrap();
    let before = replica.store.load(SOON).await.unwrap();

    let copy = replica.copy.clone();
    drop(replica);
    site.restart().await;
    let mut replica = Replica::new(&site, 1);
    replica.copy = copy;

    let after = replica.store.load(SOON).await.unwrap();
    assert_eq!(
        (&after.entries, after.counter, &after.identity),
        (&before.entries, before.counter, &before.identity)
    );
    assert!(!replica.sync().await.unwrap().repaired);
    replica.claim("cy", "a").await;
}

pub async fn a_restored_older_state_is_behind_and_gets_back_what_it_lost(mut site: impl Lasting) {
    let mut replica = Replica::joined(&site, 1).await;
    replica.claim("ada", "a").await;
    site.back_up().await;
    replica.claim("ada", "b").await;
    let bo = replica.claim("bo", "b").await;

    let mut replica = restored(&mut site, replica).await;
    let claim = replica.try_write(&write("cy", None, Some("a")), SOON).await;
    let synced = replica.sync().await.unwrap();

    assert!(matches!(claim, Err(Error::Behind { .. })), "{claim:?}");
    assert!(synced.repaired);
    let mut other = Replica::joined(&site, 2).await;
    other.sync().await.unwrap();
    assert_eq!(["ada", "bo"].map(|user| other.hub_of(user).unwrap()), ["b", "b"]);
    assert_eq!(other.seen().epoch, bo.epoch.raised());
}

pub async fn a_restored_state_that_others_wrote_on_gets_back_what_it_lost(mut site: impl Lasting) {
    let mut replica = Replica::joined(&site, 1).await;
    site.back_up().await;
    replica.claim("ada", "a").await;

    let mut replica = restored(&mut site, replica).await;
    let mut unknowing = Replica::joined(&site, 2).await;
    for user in ["bo", "cy", "di"] {
        unknowing.claim(user, "b").await; // the counter passes what the first replica has seen
    }
    let synced = replica.sync().await.unwrap();
    unknowing.sync().await.unwrap();

    assert!(synced.repaired);
    for replica in [&replica, &unknowing] {
        assert_eq!(["ada", "bo", "di"].map(|user| replica.hub_of(user).unwrap()), ["a", "b", "b"]);
    }
}

/// The store gets back its older state, and the replica a new way to it.
async fn restored(site: &mut impl Lasting, replica: Replica) -> Replica {
    let copy = replica.copy.clone();
    drop(replica);
    site.restore().await;
    let mut replica = Replica::new(site, 1);
    replica.copy = copy;
    replica
}
