//! One name, one owner; and never another owner than the hub's proxy would route to.

use proptest::prelude::*;

use super::{ask, get, site};
use crate::names::{NameRule, UserName};

/// The user whose server the hub's proxy looks for: WHATWG path, `decodeURIComponent`, split, longest prefix
/// (configurable-http-proxy `lib/configproxy.js` `targetForReq`, `lib/trie.js`). Written apart from the code under
/// test, so that two readings check each other. `None`: it routes to no user, or fails.
fn routed_to(base: &str, path: &str) -> Option<String> {
    let mut segments: Vec<String> = Vec::new();
    let slashes = path.replace('\\', "/");
    for raw in slashes.strip_prefix('/')?.split('/') {
        match raw.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(raw.to_owned()),
        }
    }
    let decoded = decode(&segments.join("/"))?;
    let below = format!("{}/", decoded.trim_matches('/'));
    let below = below.strip_prefix(base.trim_start_matches('/'))?.strip_prefix("user/")?;
    let name = below.split('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            // Node holds the request target as Latin-1.
            bytes.extend(char::from(first).to_string().into_bytes());
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

fn is_decodable(path: &str) -> bool {
    decode(path).is_some()
}

/// A name, each byte raw or encoded in either case; bytes that may not be raw are always encoded.
fn spelled(name: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().cycle();
    name.bytes().fold(String::new(), |mut text, byte| {
        let raw = byte.is_ascii_alphanumeric() || b"-_.~@!$&'()*+,;=:".contains(&byte);
        match choices.next().map_or(0, |choice| choice % 3) {
            0 if raw => text.push(char::from(byte)),
            1 => text.push_str(&format!("%{byte:02x}")),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

/// 20,000 cases, or more where `PROPTEST_CASES` asks for them.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(20_000), failure_persistence: None, ..default }
}

#[test]
fn the_second_reading_finds_the_tricks_that_the_first_refuses() {
    for path in [
        "/user/alice/../bob/lab",
        "/user/alice/x\\..\\%2e%2E\\bob",
        "/user%2fbob/lab",
        "/user\\bob",
        "//user/bob",
        "/user/bob%2f..%2falice",
    ] {
        assert_eq!(routed_to("/", path).as_deref(), Some("bob"), "{path}");
        assert!(get(path).is_err(), "{path}");
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_encoding_of_a_name_reaches_one_owner(
        name in "[a-zA-Z0-9 @%+;'~éÉ名Σ.-]{1,12}".prop_filter("a user", |name| name != "." && name != ".."),
        letters in prop::collection::vec(any::<u8>(), 1..24),
    ) {
        let wanted = UserName::canonical(&name, NameRule::Lower);
        let (user, text) = (spelled("user", &letters), spelled(&name, &letters));
        for path in [format!("/user/{text}/lab"), format!("/{user}/{text}"), format!("/hub/{user}/{text}/x")] {
            prop_assert_eq!(&get(&path).unwrap().owner, &wanted, "{}", path);
        }
    }

    #[test]
    fn no_path_panics_or_has_another_owner_than_the_proxy_finds(
        path in "(/|//|/user/|/%75ser/|/hub/user/|/jhub/user/)\
                 ([a-bA-B.]|%2e|%2F|%5c|%00|%c3%a9|%ff|%zz|%|/|\\\\|\\.\\.|user|;|é|\\+|%2562){0,8}",
    ) {
        for base in ["/", "/jhub/"] {
            let owner = ask(&site(base), "GET", &path)
                .ok()
                .filter(|place| place.row.plane == super::super::Plane::User)
                .map(|place| place.owner.unwrap());
            let routed = routed_to(base, &path);
            let refused = ask(&site(base), "GET", &path).is_err();
            let routed = routed.as_deref().and_then(|name| UserName::canonical(name, NameRule::Lower));
            // A path that the proxy cannot decode goes nowhere, whomever its beginning names.
            prop_assert!(
                refused || owner == routed || (routed.is_none() && !is_decodable(&path)),
                "{path}: {owner:?} here, {routed:?} at the proxy"
            );
        }
    }

    #[test]
    fn no_text_at_all_panics(path in any::<String>(), query in any::<String>()) {
        let _ = get(&format!("/{path}?{query}"));
        let _ = get(&format!("/hub/api/oauth2/authorize?{query}"));
        let _ = crate::destination(&site("/"), &path);
    }
}
