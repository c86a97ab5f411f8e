//! Records survive the way through the store, and foreign or newer ones do no harm.

use hubrouter_config::{Algorithm, HubId, Intent, Placement, Tier, UserNames};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use proptest::prelude::{any, proptest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::core::health::Plane;
use crate::core::placement::Member;

fn hub(id: &str) -> HubId {
    id.parse().unwrap()
}

fn user(name: &str) -> UserName {
    UserName::canonical(name, NameRule::Exact).unwrap()
}

fn at(millis: u64) -> StoreTime {
    StoreTime::from_millis(millis)
}

fn assignment() -> Assignment {
    Assignment {
        user: user("ada"),
        hub: hub("b"),
        cause: Cause::Failover,
        epoch: Epoch::new(7).unwrap(),
        since: at(1000),
        last_start: Some(at(2000)),
        provisional_until: Some(at(3000)),
    }
}

fn failed_over() -> FailedOver {
    FailedOver {
        at: at(9),
        epoch: Epoch::new(3).unwrap(),
        who: Some("kim".to_owned()),
        why: "the rack burns".to_owned(),
        assume_stopped: true,
        moved: vec![user("ada"), user("名前")],
    }
}

fn hub_record() -> HubRecord {
    let before = Word {
        intent: Intent::Cordoned,
        who: "kim".to_owned(),
        why: "upgrade".to_owned(),
        since: at(1),
        deadline: None,
        at_deadline: AtDeadline::Wait,
        idle_for: 0,
        at_first: (0, 0),
        forced: false,
        configured: Intent::Active,
        before: None,
    };
    let word = Word {
        intent: Intent::Draining,
        deadline: Some(at(99)),
        at_deadline: AtDeadline::StopIdle,
        forced: true,
        before: Some(Box::new(before.clone())),
        ..before
    };
    HubRecord {
        epoch: Epoch::new(12).unwrap(),
        word: Some(word),
        starts: Starts::Elsewhere { since: at(5), whom: Whom::New, cause: Cause::Cordon },
        changed_at: at(5),
        outage: Some(Outage { proxy: None, hub: Some(at(4)) }),
        ordered: Some(failed_over()),
        failed_over: Some(failed_over()),
        healthy_since: Some(at(6)),
        failed_back_at: Some(at(2)),
        relapses: 2,
        stale: vec![user("bo")],
        ..HubRecord::new(hub("a"))
    }
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        replica: "r1".to_owned(),
        at: at(50),
        read: StoreTime::default(),
        goodbye: true,
        rebuilding: false,
        votes: vec![Vote {
            hub: hub("a"),
            plane: Plane::Proxy,
            verdict: Verdict::Down,
            failing_since: Some(at(40)),
        }],
        spawns: vec![SpawnOutcome {
            hub: hub("a"),
            user: user("ada"),
            at: at(1),
            result: SpawnResult::Failed,
        }],
        starts: vec![UnclaimedStart { user: user("ada"), hub: hub("a"), at: at(2) }],
        proposes: "f00".to_owned(),
    }
}

fn placement() -> ActivePlacement {
    let member = |id: &str, tier| Member { id: hub(id), thousandths: 1500, tier };
    let settings =
        Placement { algorithm: Algorithm::Ring, user_names: UserNames::Exact, ..Placement::default() };
    ActivePlacement::of(&settings, &[member("s", Tier::Standby), member("a", Tier::Active)])
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(record: &T) {
    let text = serde_json::to_string(record).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), record, "{text}");

    let mut newer: Value = serde_json::from_str(&text).unwrap();
    newer["a_field_of_a_newer_release"] = json!({"x": [1]});
    assert_eq!(&serde_json::from_value::<T>(newer).unwrap(), record);
}

#[test]
fn every_record_comes_back_as_it_was_written_and_fields_of_a_newer_release_are_ignored() {
    round_trip(&assignment());
    round_trip(&hub_record());
    round_trip(&HubRecord::new(hub("a")));
    round_trip(&heartbeat());
    round_trip(&placement());
    for starts in [
        Starts::Here,
        Starts::Closed { since: at(1), whom: Whom::Everybody, cause: Cause::Drain },
        Starts::Unknown,
    ] {
        round_trip(&HubRecord { starts, ..HubRecord::new(hub("a")) });
    }
}

#[test]
fn every_cause_is_written_by_its_label() {
    for cause in Cause::ALL {
        assert_eq!(serde_json::to_value(cause).unwrap(), json!(cause.label()));
        assert_eq!(serde_json::from_value::<Cause>(json!(cause.label())).unwrap(), cause);
    }
}

#[test]
fn a_record_of_an_older_release_reads_as_if_nothing_else_were_known() {
    let record: HubRecord = serde_json::from_value(json!({"hub": "a"})).unwrap();
    assert_eq!(record, HubRecord::new(hub("a")));
}

#[test]
fn words_of_a_newer_release_are_read_as_the_most_careful_thing_there_is() {
    let mut record = serde_json::to_value(hub_record()).unwrap();
    record["starts"] = json!({"to": "somewhere", "since": 3});
    record["word"]["intent"] = json!("sleeping");
    record["word"]["at_deadline"] = json!("stop-everything");

    let record: HubRecord = serde_json::from_value(record).unwrap();

    assert_eq!(record.starts, Starts::Unknown);
    assert_eq!(record.intent(Intent::Active), Intent::Cordoned);
    assert_eq!(record.word.unwrap().at_deadline, AtDeadline::Wait);
    assert_eq!(serde_json::from_value::<Cause>(json!("tide")).unwrap(), Cause::Unknown);
    assert_eq!(serde_json::from_value::<Whom>(json!("some")).unwrap(), Whom::Everybody);
    assert_eq!(serde_json::from_value::<Verdict>(json!("ill")).unwrap(), Verdict::Unknown);
    assert_eq!(serde_json::from_value::<SpawnResult>(json!("odd")).unwrap(), SpawnResult::Unknown);
}

#[test]
fn a_placement_that_this_release_cannot_compute_is_not_read() {
    for (key, word) in [("algorithm", "spiral"), ("user_names", "title")] {
        let mut record = serde_json::to_value(placement()).unwrap();
        record[key] = json!(word);
        assert!(serde_json::from_value::<ActivePlacement>(record).is_err(), "{key}");
    }
    let mut record = serde_json::to_value(placement()).unwrap();
    record["hubs"][0]["tier"] = json!("reserve");
    assert!(serde_json::from_value::<ActivePlacement>(record).is_err());
}

#[test]
fn a_placement_tells_seeds_apart_and_tells_none() {
    let with = |seed: &str| {
        let settings =
            Placement { seed: Some(hubrouter_config::Secret::new(seed.to_owned())), ..Placement::default() };
        ActivePlacement::of(&settings, &[])
    };
    assert!(!with("one").places_alike(&with("two")));
    assert!(!serde_json::to_string(&with("sesame")).unwrap().contains("sesame"));
    let later = ActivePlacement { generation: 9, ..with("one") };
    assert!(later.places_alike(&with("one")));
}

#[test]
fn a_placement_does_not_depend_on_the_order_of_the_list() {
    let placed = placement();
    let mut members = placed.members();
    members.reverse();
    let settings =
        Placement { algorithm: Algorithm::Ring, user_names: UserNames::Exact, ..Placement::default() };
    assert_eq!(ActivePlacement::of(&settings, &members), placed);
}

#[test]
fn a_user_or_hub_that_cannot_exist_is_no_record() {
    for (key, text) in [("user", "a/b"), ("user", ""), ("hub", "A B"), ("hub", "")] {
        let mut record = serde_json::to_value(assignment()).unwrap();
        record[key] = json!(text);
        assert!(serde_json::from_value::<Assignment>(record).is_err(), "{key} {text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_in_the_store_makes_reading_panic(text in any::<String>(), cut in 0usize..400) {
        let _ = serde_json::from_str::<HubRecord>(&text);
        let written = serde_json::to_string(&hub_record()).unwrap();
        let end = cut.min(written.len());
        if written.is_char_boundary(end) {
            let _ = serde_json::from_str::<HubRecord>(&written[..end]);
            let _ = serde_json::from_str::<HubRecord>(&format!("{}{text}", &written[..end]));
        }
    }
}
