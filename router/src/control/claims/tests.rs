//! Claims at work, in virtual time: what is asked, what is written, where the start goes, and what waits.

mod scene;

use hubrouter_hub_adapter::census::UserAt;
use hubrouter_hub_adapter::names::NameRule;
use tokio::time::sleep;

use super::claimer::ASK_WITHIN;
use super::*;
use crate::control::clock;
use crate::control::keeper::hub_key;
use crate::control::test_store::TestStore;
use crate::core::life::records::{Cause, HubRecord};
use crate::core::life::time::StoreTime;
use crate::core::sketch_tests::{another, index, user_at};
use crate::core::snapshot::HubIndex;
use scene::{HUBS, INTERVAL, Scene, open, start, waits};

#[tokio::test(start_paused = true)]
async fn a_claim_asks_the_owner_hub_and_stands_in_the_directory_before_the_start_goes() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    scene.says("a", UserAt::NoServer);

    assert_eq!(scene.settle(Identity::Proven).await, start("s"));

    assert_eq!(scene.asked(), ["a"]);
    let stands = scene.stands().unwrap();
    assert_eq!((stands.hub.to_string(), stands.cause), ("s".to_owned(), Cause::Drain));
    assert!(stands.last_start.is_some() && stands.provisional_until.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_at_the_owner_hub_keeps_the_user_there_and_is_recorded() {
    for at in [UserAt::Running, UserAt::Pending] {
        let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
        scene.says("a", at);
        assert_eq!(scene.settle(Identity::Proven).await, start("a"));
        assert_eq!(scene.stands_at(), Some(("a".to_owned(), "running")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_hub_that_does_not_answer_makes_the_start_wait_and_writes_nothing() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    *scene.played.silent.lock().unwrap() = true;
    let began = clock::now();

    let settled = scene.settle(Identity::Proven).await;

    assert_eq!(settled, waits("a", Waits::Claim(WaitWhy::OwnerSilent)));
    assert_eq!(scene.stands(), None);
    assert_eq!(clock::now().duration_since(began), ASK_WITHIN);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_another_replica_won_is_obeyed() {
    let store = TestStore::new();
    let hubs = "a shared token, s standby shared token, t standby shared token";
    let one = Scene::replica(&store, 1, hubs, &[open("a", Cause::Drain)]).await;
    let two = Scene::replica(&store, 2, hubs, &[]).await;
    for scene in [&one, &two] {
        scene.says("a", UserAt::NoServer);
        for hub in ["s", "t"] {
            scene.says(hub, UserAt::NoServer);
        }
    }

    let (first, second) =
        futures_util::future::join(one.settle(Identity::Proven), two.settle(Identity::Proven)).await;

    assert_eq!(first, second, "both start at one hub");
    let Settled::Start(hub, None) = first else { panic!("{first:?}") };
    assert_eq!(one.stands_at(), two.stands_at());
    assert_eq!(one.stands().unwrap().hub, hub);
}

#[tokio::test(start_paused = true)]
async fn a_claim_by_a_record_that_has_changed_is_decided_anew() {
    let store = TestStore::new();
    let one = Scene::replica(&store, 1, HUBS, &[open("a", Cause::Drain)]).await;
    one.says("a", UserAt::NoServer);
    let epoch = one.live.load().snapshot.exceptions.hub(&"a".parse().unwrap()).unwrap().epoch;
    let claiming = tokio::spawn({
        let (claims, ada) = (one.claims.clone(), one.ada.clone());
        async move { claims.settle(ada, Identity::Proven, None).await }
    });
    sleep(Duration::from_millis(10)).await;
    let resumed =
        Write::set(hub_key(&"a".parse().unwrap()), Some(epoch), &HubRecord::new("a".parse().unwrap()));

    one.writer.write(&resumed.unwrap(), WITHIN).await;

    let settled = claiming.await.unwrap().unwrap();
    assert!(
        matches!(&settled, Settled::Start(hub, _) if hub.as_str() == "a"),
        "the drain was aborted: {settled:?}"
    );
    assert_ne!(one.stands_at().map(|(hub, _)| hub).as_deref(), Some("s"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_unknown_outcome_starts_nothing_until_it_is_known_what_stands() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    scene.says("a", UserAt::NoServer);
    scene.store.loses_answers(true);

    let settled = scene.settle(Identity::Proven).await;
    assert_eq!(settled, waits("a", Waits::Claim(WaitWhy::OutcomeUnknown)));

    scene.store.loses_answers(false);
    sleep(Duration::from_millis(100)).await;
    scene.says("s", UserAt::NoServer);
    assert_eq!(scene.settle(Identity::Proven).await, start("s"), "it did stand");
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_gives_no_claim() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    scene.says("a", UserAt::NoServer);
    scene.store.silent(true);
    assert_eq!(scene.settle(Identity::Proven).await, waits("a", Waits::Directory));
    sleep(INTERVAL * 2).await;
    assert_eq!(scene.settle(Identity::Proven).await, waits("a", Waits::Directory));
    assert_eq!(scene.stands(), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_long_silence_of_the_store_not_even_a_start_at_home_goes_on() {
    let scene = Scene::of(HUBS, &[]).await;
    sleep(Duration::from_mins(1)).await;
    scene.store.silent(true);

    sleep(Duration::from_secs(100)).await;
    let unasked = scene.settle(Identity::Proven).await;
    assert!(
        matches!(&unasked, Settled::Start(hub, Some(Ticket::Unasked(..))) if hub.as_str() == "a"),
        "{unasked:?}"
    );
    assert_eq!(scene.journal.all().len(), 1, "the others hear of it when the store is back");

    sleep(Duration::from_secs(30)).await;
    assert_eq!(scene.settle(Identity::Proven).await, waits("a", Waits::Directory));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_may_go_unasked_is_noted_and_asks_nobody() {
    let scene = Scene::of(HUBS, &[]).await;
    sleep(Duration::from_mins(1)).await;
    let settled = scene.settle(Identity::Named).await;
    assert!(
        matches!(&settled, Settled::Start(hub, Some(Ticket::Unasked(..))) if hub.as_str() == "a"),
        "{settled:?}"
    );
    assert_eq!((scene.journal.all().len(), scene.asked().len(), scene.stands()), (1, 0, None));
}

#[tokio::test(start_paused = true)]
async fn a_start_for_which_the_journal_has_no_room_claims() {
    let scene = Scene::of(HUBS, &[]).await;
    sleep(Duration::from_mins(1)).await;
    let name = |number| UserName::canonical(&format!("many{number}"), NameRule::Lower).unwrap();
    let at = StoreTime::from_millis(1);
    let room = (0..10_000)
        .take_while(|number| scene.journal.note(&"s".parse().unwrap(), &name(*number), at).is_some());
    assert!(room.count() < 10_000);

    assert_eq!(scene.settle(Identity::Proven).await, start("a"));

    assert_eq!(scene.stands_at(), Some(("a".to_owned(), "running")));
}

/// A merely named user's start.
async fn named(scene: &Scene) -> Claimed {
    let settled = scene.settle(Identity::Named).await;
    let Settled::Start(_, Some(Ticket::Claim(claimed))) = settled else { panic!("{settled:?}") };
    *claimed
}

/// A merely named user's claim off home.
async fn provisional(scene: &Scene) -> Claimed {
    scene.says("a", UserAt::NoServer);
    scene.says("s", UserAt::NoServer);
    let claimed = named(scene).await;
    assert!(scene.stands().unwrap().provisional_until.is_some());
    claimed
}

async fn answer(scene: &Scene, claimed: &Claimed, answer: StartAnswer) {
    scene.claims.answered(Answered { claimed: claimed.clone(), answer });
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_named_users_claim_lasts_once_the_hub_accepted_the_start_and_is_gone_when_it_refused() {
    for (said, stays, lasts) in [
        (StartAnswer::Accepted, true, true),
        (StartAnswer::Lost, true, true),
        (StartAnswer::Form, true, false),
        (StartAnswer::Busy, true, false),
        (StartAnswer::BadRequest, true, false),
        (StartAnswer::Gone, true, false),
        (StartAnswer::Login, false, false),
        (StartAnswer::Refused, false, false),
        (StartAnswer::Other, false, false),
    ] {
        let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
        let claimed = provisional(&scene).await;

        answer(&scene, &claimed, said).await;

        let stands = scene.stands();
        assert_eq!(stands.is_some(), stays, "{said:?}");
        assert_eq!(stands.is_some_and(|stands| stands.provisional_until.is_none()), lasts, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_an_older_start_decides_nothing() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    let claimed = provisional(&scene).await;
    named(&scene).await;

    answer(&scene, &claimed, StartAnswer::Login).await;

    assert!(scene.stands().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_names_a_user_takes_no_claim_away_from_the_start_that_is_under_way() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    let own = provisional(&scene).await;
    sleep(Duration::from_secs(1)).await;
    let strangers = named(&scene).await;

    answer(&scene, &strangers, StartAnswer::Login).await;
    let stands = scene.stands().unwrap();
    assert_eq!(stands.last_start, own.assignment.last_start);
    assert!(stands.provisional_until.is_some());

    answer(&scene, &own, StartAnswer::Accepted).await;
    assert_eq!(scene.stands().unwrap().provisional_until, None, "whatever was written since");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_accepted_is_recorded_also_where_nothing_stands_any_more() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    let claimed = provisional(&scene).await;
    let key = user_key(&scene.ada).unwrap();
    scene.writer.write(&Write::delete(key, claimed.assignment.epoch), WITHIN).await;
    assert_eq!(scene.stands(), None);

    answer(&scene, &claimed, StartAnswer::Accepted).await;

    let stands = scene.stands().unwrap();
    assert_eq!((stands.hub.as_str(), stands.provisional_until), ("s", None));
    assert_eq!(stands.last_start, claimed.assignment.last_start);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_also_when_the_store_is_silent_for_a_moment() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Drain)]).await;
    let claimed = provisional(&scene).await;
    scene.store.silent(true);
    answer(&scene, &claimed, StartAnswer::Accepted).await;
    sleep(Duration::from_secs(4)).await;
    scene.store.silent(false);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(scene.stands().unwrap().provisional_until, None);
}

#[tokio::test(start_paused = true)]
async fn whoever_names_a_user_shortens_no_lasting_assignment_and_does_not_keep_it_alive() {
    let scene = Scene::of(HUBS, &[]).await;
    scene.assign("s", Cause::Drain).await;
    scene.says("s", UserAt::NoServer);
    let before = scene.stands().unwrap();
    let claimed = named(&scene).await;
    assert_eq!(claimed.assignment.hub.as_str(), "s");
    let meanwhile = scene.stands().unwrap();
    assert_eq!(meanwhile.provisional_until, None);
    assert!(meanwhile.last_start > before.last_start, "while it is on its way it counts");

    answer(&scene, &claimed, StartAnswer::Login).await;

    let stands = scene.stands().unwrap();
    assert_eq!((stands.last_start, stands.provisional_until), (before.last_start, None));
}

#[tokio::test(start_paused = true)]
async fn a_start_at_a_chosen_hub_is_claimed_unless_the_owner_hub_has_a_server() {
    let scene = Scene::of(HUBS, &[]).await;
    let chosen: Option<HubId> = Some("s".parse().unwrap());
    let settle = || scene.claims.settle(scene.ada.clone(), Identity::Proven, chosen.clone());
    scene.says("a", UserAt::Running);
    let refused = settle().await.unwrap();
    let [there, owner] = ["s", "a"].map(|hub| hub.parse().unwrap());
    assert_eq!(refused, Settled::NotThere { chosen: there, owner, runs: true });
    assert_eq!(scene.stands(), None, "nothing is written for a wish that cannot be had");

    scene.says("a", UserAt::NoServer);
    let held = settle().await.unwrap();
    assert!(matches!(held, Settled::Wait { why: Waits::Claim(WaitWhy::Held), .. }), "{held:?}");
    assert_eq!(scene.stands_at(), Some(("a".to_owned(), "move")), "until every replica has read it");
}

#[tokio::test(start_paused = true)]
async fn who_runs_at_a_hub_in_maintenance_starts_nothing_more_there() {
    let mut record = open("a", Cause::Maintenance);
    record.word =
        serde_json::from_str(r#"{"intent": "maintenance", "since": 1, "configured": "active"}"#).unwrap();
    let scene = Scene::of(HUBS, &[record]).await;
    scene.says("a", UserAt::Running);
    let settled = scene.settle(Identity::Proven).await;
    assert!(matches!(settled, Settled::Page { page: Page::Maintenance, .. }), "{settled:?}");
    assert_eq!(scene.stands(), None);
}

#[tokio::test(start_paused = true)]
async fn starts_after_a_failover_go_at_their_pace_and_a_start_again_needs_no_turn() {
    let scene = Scene::of(HUBS, &[open("a", Cause::Failover)]).await;
    let base = another(&scene.live.load().snapshot);
    let users: Vec<UserName> = (0..40).map(|nth| user_at(&base, "a", nth)).collect();
    let mut gone = 0;
    for user in &users {
        match scene.claims.settle(user.clone(), Identity::Proven, None).await.unwrap() {
            Settled::Start(..) => gone += 1,
            Settled::Wait { why, .. } => assert_eq!(why, Waits::Turn),
            other => panic!("{other:?}"),
        }
    }
    assert!((31..=35).contains(&gone), "30 at once, and 5 a second for the time that asking took: {gone}");
    let again = scene.claims.settle(users[0].clone(), Identity::Proven, None).await.unwrap();
    assert_eq!(again, start("s"));
    sleep(Duration::from_secs(2)).await;
    let later = scene.claims.settle(users[39].clone(), Identity::Proven, None).await.unwrap();
    assert_eq!(later, start("s"));
}

#[tokio::test(start_paused = true)]
async fn one_start_in_ten_is_a_trial_where_starts_fail() {
    let scene = Scene::of(HUBS, &[open("a", Cause::SpawnFailing)]).await;
    let before = scene.live.load_full();
    let mut failing = another(&before.snapshot);
    failing.hubs[0].spawning = Verdict::Failing;
    scene.live.store(Arc::new(before.with_snapshot(failing)));
    let base = another(&scene.live.load().snapshot);
    let mut hubs: BTreeMap<String, usize> = BTreeMap::new();
    for nth in 0..20 {
        let user = user_at(&base, "a", nth);
        match scene.claims.settle(user, Identity::Proven, None).await.unwrap() {
            Settled::Start(hub, _) => *hubs.entry(hub.to_string()).or_default() += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(hubs, [("a".to_owned(), 2), ("s".to_owned(), 18)].into());
    assert_eq!(index(&base, "a"), HubIndex(0));
}
