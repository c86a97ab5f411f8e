//! What SECURITY.md promises of the router's own cookies, one test per sentence, and what holds for all bytes.

use hubrouter_config::{Secret, Session as Settings};
use hubrouter_hub_adapter::cookies::{Cookies, JarRules};
use hubrouter_hub_adapter::site::Site;
use proptest::prelude::*;

use super::*;
use crate::core::login::Strength;

const FALLBACK: [u8; 32] = [9; 32];

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn after(seconds: u64) -> SystemTime {
    noon() + Duration::from_secs(seconds)
}

fn keyring(keys: &[&str]) -> Keyring {
    let keys = keys.iter().map(|key| Secret::new(key.as_bytes().to_vec())).collect();
    Keyring::from_config(&Settings { keys, lifetime: Duration::from_secs(1000) }, FALLBACK)
}

fn https(keys: &[&str]) -> OwnCookies {
    OwnCookies::new(keyring(keys), true, NameRule::Lower)
}

fn user(name: &str) -> UserName {
    UserName::canonical(name, NameRule::Lower).unwrap()
}

fn hub(id: &str) -> HubId {
    id.parse().unwrap()
}

fn mark() -> LoginMark {
    LoginMark { hub: hub("hub-b"), strength: Strength::Strong, rounds: 1 }
}

/// The value between `name=` and the first `;`.
fn value_of(line: &HeaderValue) -> String {
    let line = line.to_str().unwrap();
    line.split_once('=').unwrap().1.split(';').next().unwrap().to_owned()
}

fn session_value(cookies: &OwnCookies, name: &str) -> String {
    value_of(&cookies.set_session(&user(name), noon()).unwrap())
}

fn who(cookies: &OwnCookies, values: &[&str], now: SystemTime) -> Option<String> {
    cookies.session(values.iter().copied(), now).map(|session| session.user.to_string())
}

#[test]
fn a_session_comes_back_with_its_user_and_times() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");

    let session = cookies.session([value.as_str()], after(1)).unwrap();

    assert_eq!(
        session,
        Session { user: user("ada"), issued_at: noon(), expires_at: after(1000), by_retired_key: false }
    );
}

#[test]
fn the_session_cookie_is_for_the_host_alone_and_hidden_from_scripts() {
    let line = https(&["k1"]).set_session(&user("ada"), noon()).unwrap();
    let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
    assert!(pair.starts_with("__Host-hubrouter=1."), "{pair}");
    assert_eq!(attributes, " Path=/; Max-Age=1000; HttpOnly; SameSite=Lax; Secure");
}

#[test]
fn a_plain_http_site_uses_names_without_prefix_and_no_secure() {
    let cookies = OwnCookies::new(keyring(&["k1"]), false, NameRule::Lower);
    let line = cookies.set_login(&mark(), noon());
    let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
    assert!(pair.starts_with("hubrouter-login=1."), "{pair}");
    assert_eq!(attributes, " Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
    assert_eq!(
        Kind::ALL.map(|kind| cookies.name(kind)),
        ["hubrouter", "hubrouter-login", "hubrouter-hub", "hubrouter-flow"]
    );
}

#[test]
fn an_https_site_prefixes_all_four_names() {
    let cookies = https(&["k1"]);
    assert_eq!(
        Kind::ALL.map(|kind| cookies.name(kind)),
        ["__Host-hubrouter", "__Host-hubrouter-login", "__Host-hubrouter-hub", "__Host-hubrouter-flow"]
    );
}

#[test]
fn every_cookie_of_the_routers_is_kept_from_hubs_under_each_of_its_names() {
    let site = Site::new("/".parse().unwrap(), NameRule::Lower, None);
    let rules = JarRules::new(&site, &[hub("hub-a"), hub("hub-b")], &[], None, true);
    for secure in [true, false] {
        let cookies = OwnCookies::new(keyring(&["k1"]), secure, NameRule::Lower);
        for kind in Kind::ALL {
            let field = format!("{}=x", cookies.name(kind));
            let read = Cookies::read(&rules, [field.as_bytes()].into_iter());

            assert!(read.has_own(), "{field}");
            assert_eq!(read.for_hub_plane(&hub("hub-a"), None).value, None, "{field}");
        }
    }
}

#[test]
fn all_of_them_end_at_once() {
    let lines: Vec<HeaderValue> = https(&["k1"]).expire_all().collect();

    assert_eq!(lines.len(), Kind::ALL.len());
    assert!(lines.iter().all(|line| value_of(line).is_empty()), "{lines:?}");
}

#[test]
fn a_cookie_is_ended_by_the_same_name_path_and_flags() {
    assert_eq!(
        https(&["k1"]).expire(Kind::Session),
        "__Host-hubrouter=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    );
}

#[test]
fn a_forged_cookie_counts_as_absent() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");
    let (head, mac) = value.rsplit_once('.').unwrap();
    let other = session_value(&cookies, "mallory");
    let other_head = other.rsplit_once('.').unwrap().0;

    assert_eq!(who(&cookies, &[&format!("{other_head}.{mac}")], noon()), None);
    assert_eq!(who(&cookies, &[&format!("{head}.{}", "A".repeat(43))], noon()), None);
    assert_eq!(who(&cookies, &[&format!("{head}.")], noon()), None);
    assert_eq!(who(&cookies, &["ada"], noon()), None);
}

#[test]
fn a_truncated_cookie_counts_as_absent() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");
    for length in 0..value.len() {
        assert_eq!(who(&cookies, &[&value[..length]], noon()), None, "{length} bytes of it");
    }
}

#[test]
fn an_expired_cookie_counts_as_absent_from_its_last_instant_on() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");
    assert_eq!(who(&cookies, &[&value], after(999)).as_deref(), Some("ada"));
    assert_eq!(who(&cookies, &[&value], after(1000)), None);
}

#[test]
fn a_cookie_of_a_foreign_key_counts_as_absent() {
    let value = session_value(&https(&["theirs"]), "ada");
    assert_eq!(who(&https(&["ours"]), &[&value], noon()), None);
}

#[test]
fn a_foreign_key_that_claims_our_key_id_counts_as_absent() {
    let (ours, theirs) = (https(&["ours"]), https(&["theirs"]));
    let id = |cookies: &OwnCookies| session_value(cookies, "ada").split('.').nth(1).unwrap().to_owned();
    let disguised = session_value(&theirs, "ada").replacen(&id(&theirs), &id(&ours), 1);
    assert_eq!(who(&ours, &[&disguised], noon()), None);
}

#[test]
fn a_retired_key_is_accepted_and_the_cookie_replaced() {
    let value = session_value(&https(&["old"]), "ada");
    let session = https(&["new", "old"]).session([value.as_str()], noon()).unwrap();
    assert!(session.by_retired_key);
    assert!(session.needs_renewal(noon()));
}

#[test]
fn replicas_with_different_key_lists_read_each_other_during_a_rollout() {
    let (before, during, last) = (https(&["old"]), https(&["old", "new"]), https(&["new", "old"]));
    for (signer, reader) in [(&before, &during), (&during, &before), (&during, &last), (&last, &during)] {
        assert_eq!(who(reader, &[&session_value(signer, "ada")], noon()).as_deref(), Some("ada"));
    }
}

#[test]
fn a_session_is_renewed_when_less_than_half_of_its_lifetime_is_left() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");
    let session = cookies.session([value.as_str()], noon()).unwrap();
    assert!(!session.needs_renewal(after(500)));
    assert!(session.needs_renewal(after(501)));
}

#[test]
fn of_two_cookies_the_one_that_verifies_is_used_whatever_its_place() {
    let cookies = https(&["k1"]);
    let (good, foreign) = (session_value(&cookies, "ada"), session_value(&https(&["theirs"]), "mallory"));
    assert_eq!(who(&cookies, &[&foreign, &good], noon()).as_deref(), Some("ada"));
    assert_eq!(who(&cookies, &[&good, &foreign, "junk"], noon()).as_deref(), Some("ada"));
}

#[test]
fn two_cookies_that_verify_and_disagree_mean_no_session() {
    let cookies = https(&["k1"]);
    let (ada, mallory) = (session_value(&cookies, "ada"), session_value(&cookies, "mallory"));
    assert_eq!(who(&cookies, &[&ada, &mallory], noon()), None);
    assert_eq!(who(&cookies, &[&ada, &mallory, &ada], noon()), None);
}

#[test]
fn of_two_cookies_for_one_user_the_freshest_counts() {
    let (old, new) = (https(&["old"]), https(&["new", "old"]));
    let (retired, fresh) = (session_value(&old, "ada"), session_value(&new, "ada"));
    for values in [[&retired, &fresh], [&fresh, &retired]] {
        let session = new.session(values.map(String::as_str), noon()).unwrap();
        assert!(!session.by_retired_key);
    }
}

#[test]
fn a_cookie_of_one_kind_never_passes_as_another() {
    let cookies = https(&["k1"]);
    let values = [
        session_value(&cookies, "ada"),
        value_of(&cookies.set_login(&mark(), noon())),
        value_of(&cookies.set_chosen_hub(&hub("hub-b"), noon())),
        value_of(&cookies.set_flow("state", &flow("hub-b", None), noon())),
    ];
    for (kind, value) in Kind::ALL.into_iter().zip(&values) {
        for other in Kind::ALL {
            assert_eq!(
                cookies.keys.open(other, value).is_some(),
                other == kind,
                "{kind:?} read as {other:?}"
            );
        }
    }
}

#[test]
fn a_login_mark_keeps_hub_strength_and_rounds_for_ten_minutes() {
    let cookies = https(&["k1"]);
    for mark in [mark(), LoginMark { strength: Strength::Weak, rounds: 0, ..mark() }] {
        let value = value_of(&cookies.set_login(&mark, noon()));
        assert_eq!(cookies.login([value.as_str()], after(599)), Some(mark));
        assert_eq!(cookies.login([value.as_str()], after(600)), None);
    }
}

#[test]
fn two_login_marks_that_disagree_count_as_none() {
    let cookies = https(&["k1"]);
    let one = value_of(&cookies.set_login(&mark(), noon()));
    let two = value_of(&cookies.set_login(&LoginMark { hub: hub("hub-a"), ..mark() }, noon()));
    assert_eq!(cookies.login([one.as_str(), two.as_str()], noon()), None);
    assert_eq!(cookies.login([one.as_str(), one.as_str()], noon()), Some(mark()));
}

#[test]
fn a_chosen_hub_is_kept_for_an_hour() {
    let cookies = https(&["k1"]);
    let value = value_of(&cookies.set_chosen_hub(&hub("hub-b"), noon()));
    assert_eq!(cookies.chosen_hub([value.as_str()], after(3599)), Some(hub("hub-b")));
    assert_eq!(cookies.chosen_hub([value.as_str()], after(3600)), None);
}

fn flow(id: &str, next: Option<&str>) -> Flow {
    Flow { hub: hub(id), next: next.map(ToOwned::to_owned), jarred: true }
}

#[test]
fn a_flow_remembers_the_page_that_was_wanted_unless_it_is_too_long() {
    let cookies = https(&["k1"]);
    for (next, kept) in [("/user/ada/lab?x=1", true), (&*"/x".repeat(300), false)] {
        let value = value_of(&cookies.set_flow("state", &flow("hub-b", Some(next)), noon()));
        let expected = flow("hub-b", Some(next).filter(|_| kept));
        assert_eq!(cookies.flow([value.as_str()], "state", noon()), Some(expected));
    }
}

#[test]
fn a_flow_is_found_by_its_state_alone_and_does_not_show_it() {
    let cookies = https(&["k1"]);
    let value = value_of(&cookies.set_flow("s3cret-state", &flow("hub-b", None), noon()));
    assert_eq!(cookies.flow([value.as_str()], "s3cret-state", after(599)), Some(flow("hub-b", None)));
    assert_eq!(cookies.flow([value.as_str()], "another", noon()), None);
    assert_eq!(cookies.flow([value.as_str()], "s3cret-state", after(600)), None);
    let opened = cookies.keys.open(Kind::Flow, &value).unwrap().payload;
    assert!(!String::from_utf8_lossy(&opened).contains("s3cret"));
}

#[test]
fn of_two_flows_each_state_finds_its_own() {
    let cookies = https(&["k1"]);
    let one = value_of(&cookies.set_flow("one", &flow("hub-a", None), noon()));
    let two = value_of(&cookies.set_flow("two", &flow("hub-b", None), noon()));
    assert_eq!(cookies.flow([one.as_str(), two.as_str()], "two", noon()), Some(flow("hub-b", None)));
}

#[test]
fn another_rule_for_names_applies_to_old_cookies_too() {
    let exact = OwnCookies::new(keyring(&["k1"]), true, NameRule::Exact);
    let value =
        value_of(&exact.set_session(&UserName::canonical("Ada", NameRule::Exact).unwrap(), noon()).unwrap());
    assert_eq!(who(&exact, &[&value], noon()).as_deref(), Some("Ada"));
    assert_eq!(who(&https(&["k1"]), &[&value], noon()).as_deref(), Some("ada"));
}

#[test]
fn the_longest_name_that_a_hub_keeps_fits_into_a_cookie() {
    let cookies = https(&["k1"]);
    let longest = "😀".repeat(255);
    assert_eq!(
        who(&cookies, &[&session_value(&cookies, &longest)], noon()).as_deref(),
        Some(longest.as_str())
    );
}

#[test]
fn an_overlong_value_is_not_looked_at() {
    let cookies = https(&["k1"]);
    let padded = cookies.keys.seal(Kind::Session, &[b'a'; 1200]);
    assert!(cookies.keys.open(Kind::Session, &padded).is_none());
}

#[test]
fn another_version_counts_as_absent() {
    let cookies = https(&["k1"]);
    let value = session_value(&cookies, "ada");
    assert_eq!(who(&cookies, &[&format!("2{}", &value[1..])], noon()), None);
    assert_eq!(who(&cookies, &[&format!("1{value}")], noon()), None);
}

#[test]
fn without_keys_the_random_fallback_signs_and_dies_with_its_process() {
    let keyring = |fallback| Keyring::from_config(&Settings::default(), fallback);
    let (one, two) = (keyring([1; 32]), keyring([2; 32]));
    let value = one.seal(Kind::Flow, b"payload");
    assert!(one.open(Kind::Flow, &value).is_some());
    assert!(two.open(Kind::Flow, &value).is_none());
}

#[test]
fn with_keys_the_fallback_verifies_nothing() {
    let value = Keyring::from_config(&Settings::default(), FALLBACK).seal(Kind::Flow, b"payload");
    assert!(keyring(&["k1"]).open(Kind::Flow, &value).is_none());
}

#[test]
fn debug_output_shows_no_key() {
    let shown = format!("{:?}", https(&["super-secret-key"]));
    assert!(!shown.contains("super") && !shown.contains("115, 117"), "{shown}");
    assert!(shown.contains("key_ids"));
}

proptest! {
    #[test]
    fn every_name_comes_back(name in "[^\\x00-\\x1f\\x7f-\\x9f/\\\\]{1,80}") {
        let cookies = OwnCookies::new(keyring(&["k1"]), true, NameRule::Exact);
        if let Some(name) = UserName::canonical(&name, NameRule::Exact) {
            let value = value_of(&cookies.set_session(&name, noon()).unwrap());
            prop_assert_eq!(cookies.session([value.as_str()], noon()).unwrap().user, name);
        }
    }

    #[test]
    fn reading_never_panics_and_never_verifies_what_we_did_not_sign(value: String, dotted in "1\\.[A-Za-z0-9_-]{4}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{43}") {
        let cookies = https(&["k1"]);
        for value in [value, dotted] {
            for kind in Kind::ALL {
                prop_assert!(cookies.keys.open(kind, &value).is_none());
            }
        }
    }

    #[test]
    fn signed_rubbish_never_panics(payload: Vec<u8>) {
        let cookies = https(&["k1"]);
        let value = |kind| cookies.keys.seal(kind, &payload);
        let _ = cookies.session([value(Kind::Session).as_str()], noon());
        let _ = cookies.login([value(Kind::Login).as_str()], noon());
        let _ = cookies.chosen_hub([value(Kind::ChosenHub).as_str()], noon());
        let _ = cookies.flow([value(Kind::Flow).as_str()], "state", noon());
    }

    #[test]
    fn no_change_of_one_character_verifies(at: prop::sample::Index, to in "[ -~]") {
        let cookies = https(&["k1"]);
        let value = session_value(&cookies, "ada");
        let at = at.index(value.len());
        let replaced = format!("{}{to}{}", &value[..at], &value[at + 1..]);
        let inserted = format!("{}{to}{}", &value[..at], &value[at..]);
        let removed = format!("{}{}", &value[..at], &value[at + 1..]);
        prop_assume!(replaced != value);
        for changed in [replaced, inserted, removed] {
            prop_assert_eq!(who(&cookies, &[&changed], noon()), None);
        }
    }
}
