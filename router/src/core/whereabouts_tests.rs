//! Where users are, and what their pages get: by assignments, homes and candidates.

use hubrouter_hub_adapter::names::UserName;

use super::*;
use crate::core::sketch_tests::{recorded, snapshot, user_at};

const TWO: &str = "a shared token, s standby shared token";

fn sketch(hubs: &str, records: &[&str]) -> (Snapshot, UserName) {
    let bare = snapshot(hubs, "{}");
    let ada = user_at(&bare, "a", 0);
    let records: Vec<String> =
        records.iter().map(|record| record.replace("ada@", &format!("{ada}@"))).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    (recorded(bare, &records), ada)
}

fn owner(hubs: &str, records: &[&str]) -> String {
    let (snapshot, ada) = sketch(hubs, records);
    snapshot.id(snapshot.owner(&ada).unwrap()).to_string()
}

/// What a page of the hub and the user's own path get, and where.
fn pages(hubs: &str, records: &[&str]) -> [String; 2] {
    let (snapshot, ada) = sketch(hubs, records);
    let place = snapshot.whereabouts(&ada).unwrap();
    [false, true].map(|notebook| {
        let served = snapshot.page(&ada, &place, notebook);
        format!("{:?} at {}: {}", served.answer.answer, snapshot.id(served.hub), served.answer.why)
    })
}

#[test]
fn the_owner_hub_is_the_assignment_else_the_home_else_the_next_open_candidate() {
    assert_eq!(owner(TWO, &[]), "a");
    assert_eq!(owner(TWO, &["ada@s drain"]), "s");
    assert_eq!(owner(TWO, &["a open everybody failover"]), "s");
    assert_eq!(owner(TWO, &["ada@a running", "a open everybody failover"]), "a", "who runs stays");
    assert_eq!(owner(TWO, &["a closed everybody failover"]), "a", "not before the candidates are open");
    assert_eq!(owner("a token, s standby token", &["a maintenance"]), "a", "nobody leaves local storage");
}

#[test]
fn an_assignment_to_a_hub_that_is_gone_says_nothing() {
    assert_eq!(owner(TWO, &["ada@gone drain"]), "a");
    let (snapshot, ada) = sketch(TWO, &["ada@gone drain"]);
    assert_eq!(snapshot.whereabouts(&ada).unwrap().assignment, None);
}

#[test]
fn pages_of_a_drained_hub_pass_until_a_start_even_when_its_candidates_are_open() {
    let drained = ["a draining", "a open everybody drain"];
    assert_eq!(pages(TWO, &drained)[0], "Pass at a: serves");
    assert_eq!(pages(TWO, &["a draining", "a closed everybody drain"])[0], "Pass at a: serves");
}

#[test]
fn pages_of_a_hub_in_maintenance_go_to_the_candidate_or_say_so() {
    let open = ["a maintenance", "a open everybody maintenance"];
    assert_eq!(pages(TWO, &open)[0], "Candidate at s: maintenance");
    assert_eq!(
        pages("a token, s standby token", &["a maintenance"])[0],
        "Page(Maintenance) at a: maintenance"
    );
    let runs = ["a maintenance", "a open everybody maintenance", "ada@a running"];
    assert_eq!(pages(TWO, &runs), ["Pass at a: serves", "Pass at a: server_runs"]);
}

#[test]
fn a_failed_over_hub_gives_its_idle_users_to_their_candidates_and_keeps_the_others() {
    let open = ["a open everybody failover"];
    let down = "a shared token: down, s standby shared token";
    assert_eq!(pages(down, &open)[0], "Candidate at s: failed_over");
    let runs = ["a open everybody failover", "ada@a running"];
    assert_eq!(pages(down, &runs), ["Waiting at a: hub_down", "Pass at a: server_runs"]);
    let nobody = "a shared token: down, s standby shared token: down";
    assert_eq!(pages(nobody, &open)[0], "Waiting at a: hub_down");
}

#[test]
fn a_hub_is_plain_while_nothing_sends_its_users_away() {
    for (record, plain) in [
        ("a active", true),
        ("a cordoned", true),
        ("a draining", false),
        ("a maintenance", false),
        ("a closed new cordon", false),
        ("a open everybody drain", false),
    ] {
        assert_eq!(sketch(TWO, &[record]).0.hubs[0].is_plain(), plain, "{record}");
    }
}

#[test]
fn only_planes_have_a_reason_in_the_words_of_health() {
    let with: Vec<Reason> = Reason::ALL.into_iter().filter(|why| wait_reason(*why).is_some()).collect();
    assert_eq!(with, [Reason::ProxyDown, Reason::HubStarting, Reason::HubDown]);
}
