//! Rules of the jars that hold for every input.

use http::HeaderValue;
use proptest::prelude::*;

use super::testing::{adopting, from_hub, from_server, hub, hubs, read, rules, text, two_hubs};
use super::{COOKIE_FIELD_LIMIT, Cookies, SetCookie};

const LISTED: [&str; 5] = [
    "jupyterhub-hub-login",
    "__Host-jupyterhub-hub-login",
    "jupyterhub-session-id",
    "oauthenticator-state",
    "_xsrf",
];

/// Bytes that look like cookies often enough to get past the first test.
fn cookie_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        "[;=. \t\"a-c0-9]{0,6}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "hubrouter",
            "__Host-",
            "__Secure-",
            "jupyterhub-hub-login",
            "jupyterhub-session-id",
            "oauthenticator-state",
            "_xsrf",
            ".hub-a",
            ".hub-b",
            ".gone",
            ".0011aabb",
            "=",
            "; ",
            "=x; ",
            "; Path=/user/alice/",
            "; Path=/hub/",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What the browser keeps of a line, as `name=value`; a nameless cookie is its value alone.
fn kept(line: &str) -> String {
    let pair = line.split(';').next().unwrap_or_default();
    pair.trim().trim_start_matches('=').to_owned()
}

/// The cookies that tornado would read in a field, in order: split at `;`, trimmed as Python trims, first `=`.
fn as_tornado_reads(field: &[u8]) -> Vec<(String, String)> {
    let space = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let latin1: String = field.iter().map(|byte| char::from(*byte)).collect();
    let pairs = latin1.split(';').map(|chunk| chunk.split_once('=').unwrap_or(("", chunk)));
    pairs
        .map(|(name, value)| (name.trim_matches(space).to_owned(), value.trim_matches(space).to_owned()))
        .collect()
}

proptest! {
    #[test]
    fn no_bytes_make_reading_or_any_question_fail(field in cookie_bytes(), token in ".{0,12}", single: bool) {
        let rules = if single { hubs(&["hub-a"]) } else { adopting("hub-a") };
        let cookies = Cookies::read(&rules, [&field[..]].into_iter());
        let a = hub("hub-a");

        for sent in [cookies.for_hub_plane(&a, Some(&token)), cookies.for_proxy_plane(&a)] {
            if let Some(value) = sent.value {
                prop_assert!(value.len() < COOKIE_FIELD_LIMIT);
                prop_assert!(!Cookies::read(&rules, [value.as_bytes()].into_iter()).has_own());
            }
        }
        let _ = (cookies.logins(), cookies.jars(), cookies.flow(&token), cookies.over_cap(&[]), cookies.adopted());
        let _ = (cookies.foreign(), cookies.expire_all(None), cookies.flows_over_cap(None), cookies.for_logout(&a));
        let _ = (cookies.jar_pairs(&a), cookies.translated_query(&token, &a), cookies.translated(&token, &a));
    }

    #[test]
    fn no_line_of_a_server_becomes_a_cookie_that_the_router_or_a_hub_would_read(line in cookie_bytes()) {
        let Ok(value) = HeaderValue::from_bytes(&line) else { return Ok(()) };
        let rules = two_hubs();
        if let SetCookie::Pass(line) = from_server(&rules, "/user/alice/lab", value.as_bytes()) {
            let returned: Vec<u8> = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().to_vec();
            // A nameless cookie comes back as its value: with and without the sign in front.
            let bare: Vec<u8> = returned.iter().copied().skip_while(|byte| matches!(byte, b'=' | b' ' | b'\t')).collect();
            for field in [returned, bare] {
                for (name, _) in as_tornado_reads(&field) {
                    prop_assert!(name == "_xsrf" || !LISTED.contains(&&*name), "{}", name);
                }
                let cookies = Cookies::read(&rules, [&field[..]].into_iter());
                prop_assert!(!cookies.has_own());
                prop_assert!(cookies.jars().is_empty() && cookies.state_jars().is_empty());
            }
        }
    }

    #[test]
    fn whatever_a_browser_sends_a_hub_reads_no_listed_name_that_was_not_in_its_own_jar(field in cookie_bytes()) {
        let rules = two_hubs();
        let cookies = Cookies::read(&rules, [&field[..]].into_iter());
        let browser = as_tornado_reads(&field);

        let sent = cookies.for_hub_plane(&hub("hub-b"), None).value;

        for (name, value) in as_tornado_reads(sent.as_ref().map_or(b"", HeaderValue::as_bytes)) {
            prop_assert!(!name.to_ascii_lowercase().starts_with("hubrouter"), "{}", name);
            if LISTED.contains(&&*name) {
                prop_assert!(browser.contains(&(format!("{name}.hub-b"), value)), "{}", name);
            }
        }
    }

    #[test]
    fn what_a_hub_sets_reaches_that_hub_unchanged_and_no_other(
        name in proptest::sample::select(LISTED.to_vec()),
        value in "[!#-+\\--:<-\\[\\]-~]{1,40}",
        quoted: bool,
        base in proptest::sample::select(vec!["/", "/jhub/"]),
    ) {
        let rules = rules(base, &["hub-a", "hub-b", "hub-c"], None);
        let value = if quoted { format!("\"{value}\"") } else { value };
        let line = match from_hub(&rules, "hub-a", &format!("{name}={value}; Path={base}hub/"), Some("s")) {
            SetCookie::Pass(line) => text(Some(line)),
            SetCookie::Drop(reason) => return Err(TestCaseError::fail(reason.as_str())),
        };
        let field = kept(&line);
        let cookies = read(&rules, &field);

        let back = text(cookies.for_hub_plane(&hub("hub-a"), Some("s")).value);
        prop_assert_eq!(back, format!("{name}={value}"));
        prop_assert_eq!(cookies.for_hub_plane(&hub("hub-b"), Some("s")).value, None);
        prop_assert_eq!(cookies.for_proxy_plane(&hub("hub-c")).value, None);
    }

    #[test]
    fn whatever_a_hub_sends_under_a_listed_name_never_reaches_another(line in cookie_bytes()) {
        let Ok(value) = HeaderValue::from_bytes(&line) else { return Ok(()) };
        let rules = two_hubs();
        let Ok(line) = value.to_str() else { return Ok(()) };
        if let SetCookie::Pass(line) = from_hub(&rules, "hub-a", line, None) {
            let field = kept(line.to_str().unwrap_or_default());
            let sent = text(read(&rules, &field).for_hub_plane(&hub("hub-b"), None).value);
            let name = sent.split('=').next().unwrap_or_default();
            prop_assert!(!LISTED.contains(&name), "{}", sent);
        }
    }
}
