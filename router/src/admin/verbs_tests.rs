//! What bodies become which orders, and which are refused with what words.

use super::super::fake::Fake;
use super::*;

fn body(json: &str) -> OrderBody {
    serde_json::from_str(json).unwrap()
}

fn order(verb: Verb, target: &str, json: &str) -> Result<What, Refused> {
    body(json).order(verb, target, &Fake::default())
}

fn refused(verb: Verb, target: &str, json: &str) -> String {
    order(verb, target, json).unwrap_err().to_string()
}

fn hub(id: &str) -> hubrouter_config::HubId {
    id.parse().unwrap()
}

#[test]
fn a_drain_takes_its_times_as_the_configuration_does() {
    let json = r#"{"deadline":"2h","at_deadline":"stop-idle","idle_for":"90s","force":true,"reason":"x"}"#;
    let drain = What::Drain {
        hub: hub("hub-a"),
        deadline: Some(Duration::from_secs(7200)),
        at_deadline: AtDeadline::StopIdle,
        idle_for: Duration::from_secs(90),
        force: true,
    };
    assert_eq!(order(Verb::Drain, "hub-a", json), Ok(drain));

    let plain = What::Drain {
        hub: hub("hub-a"),
        deadline: None,
        at_deadline: AtDeadline::Wait,
        idle_for: IDLE_FOR,
        force: false,
    };
    assert_eq!(order(Verb::Drain, "hub-a", "{}"), Ok(plain));
}

#[test]
fn each_verb_becomes_its_order() {
    let a = hub("hub-a");
    let ada = Fake::default().user("ada").unwrap();
    let to = r#"{"hub":"hub-a"}"#;
    for (verb, target, json, what) in [
        (Verb::Cordon, "hub-a", "{}", What::Cordon { hub: a.clone() }),
        (Verb::Abort, "hub-a", "{}", What::Abort { hub: a.clone() }),
        (Verb::Maintenance, "hub-a", r#"{"force":true}"#, What::Maintenance { hub: a.clone(), force: true }),
        (Verb::Resume, "hub-a", "{}", What::Resume { hub: a.clone() }),
        (
            Verb::Failover,
            "hub-a",
            r#"{"assume_stopped":true}"#,
            What::Failover { hub: a.clone(), assume_stopped: true },
        ),
        (Verb::Move, "Ada", to, What::Move { user: ada.clone(), to: a.clone() }),
        (Verb::Pin, "ada", to, What::Pin { user: ada.clone(), to: a }),
        (Verb::Unpin, "ada", "{}", What::Unpin { user: ada }),
        (Verb::Apply, "-", r#"{"force":true}"#, What::Apply { force: true }),
    ] {
        assert_eq!(order(verb, target, json), Ok(what.clone()), "{verb:?}");
        assert_eq!(what.label(), verb.word());
    }
}

#[test]
fn what_does_not_fit_a_verb_is_named_with_what_does() {
    let words = refused(Verb::Cordon, "hub-a", r#"{"deadline":"2h"}"#);
    assert_eq!(words, "`deadline` does not fit `cordon`, which takes: reason, who, dry_run");
    for (verb, json) in [
        (Verb::Drain, r#"{"assume_stopped":true}"#),
        (Verb::Drain, r#"{"hub":"hub-b"}"#),
        (Verb::Resume, r#"{"force":true}"#),
        (Verb::Failover, r#"{"force":true}"#),
        (Verb::Apply, r#"{"idle_for":"1h"}"#),
        (Verb::Abort, r#"{"at_deadline":"wait"}"#),
    ] {
        assert!(refused(verb, "hub-a", json).contains("does not fit"), "{verb:?} {json}");
    }
}

#[test]
fn a_drain_that_contradicts_itself_says_what_is_missing() {
    for (json, words) in [
        (r#"{"at_deadline":"stop-idle"}"#, "needs a `deadline`"),
        (r#"{"idle_for":"30m"}"#, "give both"),
        (r#"{"deadline":"2"}"#, "write 2s for seconds"),
        (r#"{"deadline":"soon"}"#, "`soon` is not a duration"),
    ] {
        assert!(refused(Verb::Drain, "hub-a", json).contains(words), "{json}");
    }
    assert!(refused(Verb::Move, "ada", "{}").contains("say where the user goes"));
}

#[test]
fn an_unknown_field_word_or_type_is_named() {
    for (json, words) in [
        (r#"{"forse":true}"#, "`forse`"),
        (r#"{"at_deadline":"kill"}"#, "`kill`"),
        (r#"{"force":"yes"}"#, "expected a boolean"),
        (r#"{"force":true,"force":false}"#, "duplicate field `force`"),
    ] {
        let error = serde_json::from_str::<OrderBody>(json).unwrap_err().to_string();
        assert!(error.contains(words), "{json}: {error}");
    }
}

#[test]
fn reasons_and_names_are_one_line_of_bounded_length() {
    let long = format!(r#"{{"reason":"{}"}}"#, "é".repeat(REASON + 1));
    assert!(refused(Verb::Cordon, "hub-a", &long).contains("longer than 500 characters"));
    for json in [r#"{"reason":"a\nb"}"#, r#"{"who":"a\u001b[2J"}"#] {
        assert!(refused(Verb::Cordon, "hub-a", json).contains("control character"), "{json}");
    }
    let claims = r#"{"who":"boss (admin@::1)"}"#;
    assert!(refused(Verb::Cordon, "hub-a", claims).contains("parenthesis"));
}

#[test]
fn unknown_hubs_and_users_are_named() {
    assert!(refused(Verb::Drain, "hub-x", "{}").contains("the hubs are: hub-a, hub-b"));
    assert!(refused(Verb::Unpin, "eve", "{}").contains("no hub knows a user `eve`"));
    assert!(refused(Verb::Pin, "ada", r#"{"hub":"hub-x"}"#).contains("no hub `hub-x`"));
}

#[test]
fn a_body_holds_only_what_was_asked_for() {
    let body =
        OrderBody { reason: Some("x".into()), at_deadline: Some(Then::StopIdle), ..OrderBody::default() };
    let json = serde_json::to_string(&body).unwrap();
    assert_eq!(json, r#"{"reason":"x","at_deadline":"stop-idle"}"#);
    assert_eq!(serde_json::to_string(&OrderBody::default()).unwrap(), "{}");
}
