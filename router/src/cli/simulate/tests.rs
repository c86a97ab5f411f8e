//! `simulate` from its arguments to JSON, text and exit code.

use clap::{CommandFactory, FromArgMatches};
use serde_json::Value;

use super::*;
use crate::cli::findings::exit_code;
use crate::cli::findings::test_files::{Files, keys, with_hubs};

struct Ran {
    code: u8,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    simulate: SimulateArgs,
}

/// Runs `simulate` with these arguments.
fn played(args: &[&str]) -> Ran {
    let line = std::iter::once("simulate").chain(args.iter().copied());
    let args = Cli::from_arg_matches(&Cli::command().get_matches_from(line)).unwrap().simulate;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let result = run(&args, &mut out, &mut err);
    if let Err(reason) = &result {
        writeln!(err, "{reason}").unwrap();
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: exit_code(&result), out: text(out), err: text(err) }
}

/// The same as JSON, with 20,000 users.
fn small(args: &[&str]) -> Ran {
    played(&[&["--users", "20000", "--format", "json"], args].concat())
}

/// The same on the hubs of a configuration.
fn on(yaml: &str, args: &[&str]) -> Ran {
    let files = Files::new();
    let config = files.write("c.yaml", yaml);
    small(&[&["--config", config.to_str().unwrap()], args].concat())
}

fn shared(ids: &[&str], more: &str) -> String {
    let hubs: Vec<String> = ids
        .iter()
        .map(|id| format!("{{id: {id}, url: 'http://{id}', storage: shared, api_token: {{env: NOT_THERE}}}}"))
        .collect();
    with_hubs(&hubs.iter().map(String::as_str).collect::<Vec<_>>()) + more
}

fn sum(rows: &Value, key: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).sum()
}

fn number(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap()
}

#[test]
fn json_has_the_promised_keys_and_nothing_else() {
    let json = small(&[]).json();
    let home = ["users", "at_once", "when_their_server_ends"];
    assert_eq!(keys(&json), ["users", "servers", "hubs", "fullest", "failover", "drain"]);
    assert_eq!(keys(&json["hubs"][0]), ["hub", "tier", "weight", "users", "servers"]);
    assert_eq!(keys(&json["fullest"]), ["hub", "users", "ratio"]);
    assert_eq!(
        keys(&json["failover"]),
        [
            "hub",
            "held",
            "after_seconds",
            "users",
            "stay",
            "go",
            "stranded",
            "stranded_because",
            "to",
            "fullest",
            "max_starts_per_minute",
            "starts_take_seconds",
            "moved_needlessly",
            "comes_home"
        ]
    );
    let survivor = ["hub", "starts", "users", "servers", "starts_take_seconds"];
    assert_eq!(keys(&json["failover"]["to"][0]), survivor);
    assert_eq!(keys(&json["failover"]["comes_home"]), home);
    assert_eq!(
        keys(&json["drain"]),
        [
            "hub",
            "users",
            "running",
            "moved",
            "stranded",
            "stranded_because",
            "to",
            "overloaded",
            "refused",
            "moved_needlessly",
            "comes_home"
        ]
    );
    assert_eq!(keys(&json["drain"]["to"][0]), ["hub", "users"]);
    assert_eq!(keys(&json["drain"]["comes_home"]), home);
}

#[test]
fn nobody_is_lost_and_nobody_moves_needlessly() {
    let ran = small(&[]);
    let json = ran.json();
    let (failover, drain) = (&json["failover"], &json["drain"]);

    assert_eq!(ran.code, 0);
    assert_eq!((number(&json, "users"), sum(&json["hubs"], "users")), (20_000, 20_000));
    assert_eq!(number(failover, "users"), number(failover, "stay") + number(failover, "go"));
    assert_eq!(sum(&failover["to"], "starts"), number(failover, "go"));
    assert_eq!(sum(&failover["to"], "users") + number(failover, "stay"), 20_000);
    assert_eq!(sum(&drain["to"], "users"), number(drain, "users"));
    assert_eq!(number(drain, "moved"), number(drain, "users"));
    for event in [failover, drain] {
        assert_eq!((number(event, "moved_needlessly"), number(event, "stranded")), (0, 0));
    }
}

#[test]
fn who_has_a_server_at_the_dead_hub_stays_and_the_idle_ones_spread_over_the_active_hubs() {
    let json = small(&["--fail", "hub-03"]).json();
    let failover = &json["failover"];
    assert_eq!((&failover["hub"], &json["drain"]), (&Value::from("hub-03"), &Value::Null));
    assert_eq!(failover["stay"], json["hubs"][2]["servers"]);
    let to = failover["to"].as_array().unwrap();
    assert_eq!(to.len(), 16);
    for hub in to {
        let standby = hub["hub"] == "hub-standby";
        assert_eq!(number(hub, "starts") == 0, standby, "{hub}");
    }
}

#[test]
fn everybody_who_went_comes_home() {
    let json = small(&[]).json();
    let (failover, drain) = (&json["failover"], &json["drain"]);
    assert_eq!(failover["comes_home"]["users"], failover["go"]);
    assert_eq!(drain["comes_home"]["users"], drain["moved"]);
    assert_eq!(drain["comes_home"]["when_their_server_ends"], drain["running"]);
}

#[test]
fn whoever_moves_without_having_to_is_counted() {
    let config = equal_hubs(3);
    let [first, second] = [0, 1].map(|number| config.hubs[number].id.clone());
    let well = Hubs::well(&config);
    let placement = build(&config.placement, &config.hubs);
    let crowd = Crowd::counted(12_345, 1, "20%".parse().unwrap(), config.placement.user_names);
    // The second hub closes too, for which the death of the first is no reason.
    let both_closed = well.failed_over(&first).draining(&second);
    let failover = Some((first, both_closed));

    let tally = play(&Play { placement: placement.as_ref(), well, failover, drain: None }, &crowd);

    let idle = tally.users.of(&second) - tally.servers.of(&second);
    assert_eq!(tally.failover.moved_needlessly, idle);
    assert_eq!((tally.users.sum(), tally.failover.after.sum()), (12_345, 12_345));
}

#[test]
fn starts_take_as_long_as_the_limit_of_the_configuration_makes_them() {
    let hubs = |limit: u32| shared(&["a", "b"], &format!("failover: {{max_starts_per_minute: {limit}}}\n"));
    let slow = on(&hubs(60), &["--fail", "a"]).json();
    let go = number(&slow["failover"], "go");
    assert_eq!(number(&slow["failover"], "starts_take_seconds"), go);
    let fast = on(&hubs(600), &["--fail", "a"]).json();
    assert_eq!(number(&fast["failover"], "starts_take_seconds"), go.div_ceil(10));
}

#[test]
fn a_dead_hub_whose_users_nobody_takes_is_a_finding() {
    let local = with_hubs(&["{id: a, url: 'http://a'}", "{id: b, url: 'http://b'}"]);
    let ran = on(&local, &["--fail", "a"]);
    let failover = &ran.json()["failover"];
    assert_eq!(ran.code, 1);
    assert_eq!(failover["held"], "its users' files are on that hub alone: nobody can move");
    let because = "hub `a` has local storage: its users' files are there alone, and nobody moves";
    assert_eq!(failover["stranded_because"], because);
    assert_eq!((number(failover, "go"), number(failover, "moved_needlessly")), (0, 0));
    assert_eq!(number(failover, "stranded") + number(failover, "stay"), number(failover, "users"));
}

#[test]
fn attached_storage_is_never_failed_over_and_can_be_drained() {
    let ran = on(&shared(&["a", "b"], "").replace("shared", "attached"), &["--fail", "a", "--drain", "a"]);
    let (failover, drain) = (&ran.json()["failover"], &ran.json()["drain"]);
    assert_eq!((ran.code, number(failover, "go"), number(drain, "stranded")), (1, 0, 0));
    assert!(failover["held"].as_str().unwrap().starts_with("its storage is attached"), "{failover}");
    assert_eq!(failover["stranded_because"], "its volumes need the hub's word that nobody uses them");
}

#[test]
fn a_standby_takes_the_users_of_the_last_active_hub() {
    let json = small(&["--hubs", "1"]).json();
    for event in ["failover", "drain"] {
        assert_eq!((&json[event]["hub"], number(&json[event], "stranded")), (&Value::from("hub-01"), 0));
    }
    assert_eq!(json["failover"]["to"][0]["starts"], json["failover"]["go"]);
}

#[test]
fn a_hub_without_a_token_is_failed_over_by_an_operator_only() {
    let hubs = shared(&["a", "b"], "").replace(", api_token: {env: NOT_THERE}", "");
    let ran = on(&hubs, &["--fail", "a"]);
    assert_eq!(ran.json()["failover"]["held"], "it has no api_token: nobody knows who runs there");
    assert_eq!((ran.code, number(&ran.json()["failover"], "stranded")), (0, 0));
}

#[test]
fn a_drain_that_strands_or_overloads_is_a_finding_with_the_words_of_the_refusal() {
    let alone = on(&shared(&["a"], ""), &["--drain", "a"]);
    let refused = alone.json()["drain"]["refused"].as_str().unwrap().to_owned();
    assert_eq!(alone.code, 1);
    assert!(refused.starts_with("draining `a` would strand 20000 of its 20000 users"), "{refused}");

    let bound = on(&shared(&["a", "b"], "placement: {seed: x, load_bound: 1.25}\n"), &["--drain", "a"]);
    let drain = &bound.json()["drain"];
    assert_eq!((bound.code, number(drain, "stranded")), (1, 0));
    assert_eq!(keys(&drain["overloaded"][0]), ["hub", "now", "then", "allowed"]);
    assert!(drain["refused"].as_str().unwrap().contains("would give `b`"), "{drain}");
}

#[test]
fn users_leave_only_within_their_pool_and_never_for_a_hub_that_is_closed() {
    let hubs = shared(&["a", "b", "c", "d"], "")
        .replace("http://c', ", "http://c', storage_pool: lab, ")
        .replace("http://d', ", "http://d', intent: cordoned, ");
    let json = on(&hubs, &[]).json();
    let starts = |hub: &str| {
        let to = json["failover"]["to"].as_array().unwrap();
        number(to.iter().find(|row| row["hub"] == hub).unwrap(), "starts")
    };
    assert_eq!((starts("c"), starts("d")), (0, 0));
    assert_eq!(starts("b"), number(&json["failover"], "go"));
}

#[test]
fn the_same_arguments_print_the_same_and_another_seed_means_other_users() {
    assert_eq!(small(&["--hubs", "3"]).out, small(&["--hubs", "3"]).out);
    assert_ne!(small(&["--hubs", "3"]).out, small(&["--hubs", "3", "--seed", "2"]).out);
}

#[test]
fn users_come_from_a_file_and_spellings_of_one_name_count_once() {
    let files = Files::new();
    let names = files.write("users", "# all\nAda\nada\nbo\na/b\n");
    let ran = played(&["--users-file", names.to_str().unwrap(), "--running", "100%", "--format", "json"]);
    assert_eq!((number(&ran.json(), "users"), number(&ran.json(), "servers")), (2, 2));
    assert!(ran.err.contains("users:5: not a user name"), "{}", ran.err);
}

#[test]
fn a_hub_that_is_not_there_is_named_with_those_that_are() {
    for option in ["--fail", "--drain"] {
        let ran = small(&["--hubs", "2", option, "hub-9"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert_eq!(ran.err, "no hub has the id \"hub-9\"; there are hub-01, hub-02, hub-standby\n");
    }
}

#[test]
fn a_bad_configuration_cannot_be_played() {
    assert_eq!(on("nonsense: 1\n", &[]).code, 2);
}

#[test]
fn the_text_says_the_same_in_sentences() {
    let json = small(&[]).json();
    let text = played(&["--users", "20000"]).out;
    for said in [
        format!("Placement: 20000 users with {} servers on 17 hubs.", json["servers"]),
        "It is failed over 3 m after its first failed probe.".to_owned(),
        format!("{} have a server: they are assigned to it and stay.", json["failover"]["stay"]),
        "at failover.max_starts_per_minute: 300.".to_owned(),
        format!("Of its {} users {} go", json["drain"]["users"], json["drain"]["moved"]),
        "Nobody moves needlessly.".to_owned(),
    ] {
        assert!(text.contains(&said), "{said}: {text}");
    }
}
