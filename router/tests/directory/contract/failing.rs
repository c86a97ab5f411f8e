//! Stores that answer late, or not at all.

use std::time::{Duration, Instant};

use hubrouter::directory::Error;

use super::{Lasting, Replica, SOON, Slow, user_key, write};

pub async fn a_write_without_an_answer_in_time_is_unknown_and_the_next_load_says_what_stands(
    mut site: impl Slow,
) {
    let mut replica = Replica::joined(&site, 1).await;

    let within = site.stall().await;
    let began = Instant::now();
    let outcome = replica.try_write(&write("ada", None, Some("a")), within).await;
    let took = began.elapsed();
    site.go_on().await;

    assert!(matches!(outcome, Err(Error::Unknown { .. })), "{outcome:?}");
    assert!(took < within + Duration::from_secs(2), "{took:?}");
    replica.sync().await.unwrap();
    let stands = replica.store.load(SOON).await.unwrap().entries.remove(&user_key("ada"));
    assert_eq!(replica.hub_of("ada").is_some(), stands.is_some(), "the copy knows what stands");
    if stands.is_none() {
        replica.claim("ada", "a").await;
    }
}

pub async fn a_question_without_an_answer_in_time_changes_nothing(mut site: impl Slow) {
    let mut replica = Replica::joined(&site, 1).await;
    replica.claim("ada", "a").await;

    let within = site.stall().await;
    let loaded = replica.store.load(within).await;
    let looked = replica.store.mark(within).await;
    let beats = replica.store.beats(within).await;
    site.go_on().await;

    assert!(matches!(loaded, Err(Error::Unreachable { .. })), "{loaded:?}");
    assert!(matches!(looked, Err(Error::Unreachable { .. })), "{looked:?}");
    assert!(matches!(beats, Err(Error::Unreachable { .. })), "{beats:?}");
    replica.sync().await.unwrap();
    assert_eq!(replica.hub_of("ada").as_deref(), Some("a"));
}

pub async fn a_store_out_of_reach_says_so_and_works_again_when_it_is_back(mut site: impl Lasting) {
    let mut replica = Replica::joined(&site, 1).await;
    replica.claim("ada", "a").await;

    site.cut().await;
    // What was on its way when the store vanished may be unknown; what is sent afterwards is not.
    let _ = replica.try_write(&write("bo", None, Some("a")), SOON).await;
    let outcome = replica.try_write(&write("cy", None, Some("a")), SOON).await;
    site.mend().await;

    assert!(matches!(outcome, Err(Error::Unreachable { .. })), "{outcome:?}");
    replica.sync().await.unwrap();
    assert_eq!(replica.hub_of("ada").as_deref(), Some("a"));
    assert_eq!(replica.hub_of("cy"), None);
    replica.claim("cy", "b").await;
}
