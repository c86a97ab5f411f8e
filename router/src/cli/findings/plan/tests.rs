//! `plan` from two files and a list of names to text, JSON and exit code.

use super::super::exit_code;
use super::super::test_files::{Files, keys, two_hubs, with_hubs};
use super::*;

struct Ran {
    code: u8,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs `plan` on two configurations and a list of names.
fn run_plan(old: &str, new: &str, names: &str, change: impl FnOnce(&mut PlanArgs)) -> Ran {
    let files = Files::new();
    let mut args = PlanArgs {
        old: files.write("old.yaml", old),
        new: files.write("new.yaml", new),
        users: files.write("users", names),
        max_moves: None,
        who: false,
        format: Format::Json,
    };
    change(&mut args);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let result = run(&args, &mut out, &mut err);
    if let Err(reason) = &result {
        writeln!(err, "{reason}").unwrap();
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: exit_code(&result), out: text(out), err: text(err) }
}

fn crowd() -> String {
    (0..1000).map(|number| format!("user{number}\n")).collect()
}

fn three_hubs() -> String {
    two_hubs() + "  - {id: hub-c, url: 'http://c:80'}\n"
}

#[test]
fn json_has_the_promised_keys_and_nothing_else() {
    let json = run_plan(&two_hubs(), &three_hubs(), &crowd(), |_| {}).json();
    assert_eq!(keys(&json), ["users", "moved", "minimum", "flows"]);
    assert_eq!(keys(&json["flows"][0]), ["from", "to", "users"]);
    assert_eq!(json["users"], 1000);
}

#[test]
fn a_new_hub_takes_its_share_and_nobody_moves_needlessly() {
    let json = run_plan(&two_hubs(), &three_hubs(), &crowd(), |_| {}).json();
    let moved = json["moved"].as_u64().unwrap();
    assert!((280..390).contains(&moved), "{moved}");
    assert_eq!(json["minimum"], json["moved"]);
    assert!(json["flows"].as_array().unwrap().iter().all(|flow| flow["to"] == "hub-c"));
    let sum: u64 = json["flows"].as_array().unwrap().iter().map(|flow| flow["users"].as_u64().unwrap()).sum();
    assert_eq!(sum, moved);
}

#[test]
fn a_removed_hub_loses_exactly_its_users() {
    let json = run_plan(&three_hubs(), &two_hubs(), &crowd(), |_| {}).json();
    assert_eq!(json["minimum"], json["moved"]);
    assert!(json["flows"].as_array().unwrap().iter().all(|flow| flow["from"] == "hub-c"));
}

#[test]
fn the_same_configuration_moves_nobody_and_needs_nobody_to_move() {
    let ran = run_plan(&two_hubs(), &two_hubs(), &crowd(), |_| {});
    assert_eq!(ran.json(), serde_json::json!({"users": 1000, "moved": 0, "minimum": 0, "flows": []}));
    assert_eq!(ran.code, 0);
}

#[test]
fn another_seed_moves_many_though_few_would_have_to() {
    let new = two_hubs() + "placement: {seed: other}\n";
    let json = run_plan(&two_hubs(), &new, &crowd(), |_| {}).json();
    assert!(json["moved"].as_u64().unwrap() > 400, "{json}");
    assert!(json["minimum"].as_u64().unwrap() < 100, "{json}");
}

#[test]
fn the_limit_sets_the_exit_code() {
    let code = |limit: &str| {
        let limit = limit.parse().unwrap();
        run_plan(&two_hubs(), &three_hubs(), &crowd(), |args| args.max_moves = Some(limit)).code
    };
    assert_eq!(code("15%"), 1);
    assert_eq!(code("40%"), 0);
    assert_eq!(code("279"), 1);
    assert_eq!(code("390"), 0);
}

#[test]
fn a_limit_is_kept_when_exactly_reached() {
    assert!(MaxMoves::Percent(15.0).allows(15, 100));
    assert!(!MaxMoves::Percent(15.0).allows(16, 100));
    assert!(MaxMoves::Users(0).allows(0, 100));
}

#[test]
fn a_limit_is_a_share_or_a_number() {
    assert_eq!("15%".parse(), Ok(MaxMoves::Percent(15.0)));
    assert_eq!("0.5 %".parse(), Ok(MaxMoves::Percent(0.5)));
    assert_eq!("120".parse(), Ok(MaxMoves::Users(120)));
    for wrong in ["", "%", "-1%", "101%", "NaN%", "1.5", "many"] {
        assert!(wrong.parse::<MaxMoves>().is_err(), "{wrong}");
    }
}

#[test]
fn spellings_of_one_name_count_once() {
    let json = run_plan(&two_hubs(), &two_hubs(), "Ada\nada\nADA\nbo\n", |_| {}).json();
    assert_eq!(json["users"], 2);
}

#[test]
fn names_come_from_a_commented_list_and_bad_lines_are_told_with_their_number() {
    let ran = run_plan(&two_hubs(), &two_hubs(), "# ours\nada\n\na/b\n", |_| {});
    assert_eq!(ran.json()["users"], 1);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("users:4: not a user name"), "{}", ran.err);
}

#[test]
fn who_moves_is_listed_on_request() {
    let json = run_plan(&two_hubs(), &three_hubs(), &crowd(), |args| args.who = true).json();
    assert_eq!(keys(&json), ["users", "moved", "minimum", "flows", "moves"]);
    assert_eq!(keys(&json["moves"][0]), ["user", "from", "to"]);
    assert_eq!(json["moves"].as_array().unwrap().len() as u64, json["moved"].as_u64().unwrap());
}

#[test]
fn the_text_says_how_many_why_and_from_where_to_where() {
    let ran = run_plan(&two_hubs(), &three_hubs(), &crowd(), |args| {
        args.format = Format::Text;
        args.max_moves = Some(MaxMoves::Percent(15.0));
    });
    assert!(ran.out.starts_with("Of 1000 users "), "{}", ran.out);
    assert!(ran.out.contains("Changed: hub-c is new."), "{}", ran.out);
    assert!(ran.out.contains("That is the minimum"), "{}", ran.out);
    assert!(ran.out.contains("  from   to     users  for example\n"), "{}", ran.out);
    assert!(ran.out.ends_with("More than --max-moves 15% allows.\n"), "{}", ran.out);
}

#[test]
fn the_text_says_when_nobody_moves() {
    let ran = run_plan(&two_hubs(), &two_hubs(), "ada\n", |args| args.format = Format::Text);
    assert!(ran.out.starts_with("Of 1 user nobody moves.\n"), "{}", ran.out);
}

#[test]
fn the_text_names_what_changed_but_never_the_seed() {
    let old = with_hubs(&["{id: a, url: 'http://a:80'}", "{id: b, url: 'http://b:80', weight: 2}"]);
    let new = with_hubs(&["{id: a, url: 'http://a:80', tier: standby}", "{id: b, url: 'http://b:80'}"])
        + "placement: {seed: hush, user_names: exact, algorithm: ring}\n";
    let ran = run_plan(&old, &new, "ada\n", |args| args.format = Format::Text);
    let line = ran.out.lines().find(|line| line.starts_with("Changed: ")).unwrap();
    assert_eq!(
        line,
        "Changed: another placement.algorithm, another placement.seed, another placement.user_names, \
         a is in another tier, b has another weight."
    );
    assert!(!ran.out.contains("hush"));
}

#[test]
fn without_users_or_with_a_bad_file_there_is_no_plan() {
    assert_eq!(run_plan(&two_hubs(), &two_hubs(), "# nobody\n", |_| {}).code, 2);
    let broken = run_plan(&two_hubs(), "nonsense: 1\n", "ada\n", |_| {});
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("nonsense"), "{}", broken.err);
    let missing = run_plan(&two_hubs(), &two_hubs(), "ada\n", |args| args.users = "does-not-exist".into());
    assert_eq!(missing.code, 2);
}
