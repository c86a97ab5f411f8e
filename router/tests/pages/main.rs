//! The router's own answers, as a browser, a script and a tool receive them.
//!
//! Who gets which kind is tested beside `pages::wants`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod one;
#[path = "../../examples/pages/samples.rs"]
mod samples;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use hubrouter::pages::{
    Choice, ChosenHub, Chrome, Link, Page, Rescue, Retry, Waiting, WaitingFor, Wants, answer,
};
use samples::hub;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const HOSTILE: &str = r#"<script>alert(1)</script>"'&\u0000
next line"#;

fn chrome() -> Chrome {
    Chrome { base_url: "/".parse().unwrap(), chosen_hub: None, request_id: None }
}

fn below(base_url: &str) -> Chrome {
    Chrome { base_url: base_url.parse().unwrap(), ..chrome() }
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn html(page: &Page) -> String {
    text(&answer(page, Wants::Html, &chrome())).to_owned()
}

fn json(page: &Page) -> Value {
    serde_json::from_slice(answer(page, Wants::Json, &chrome()).body()).unwrap()
}

fn header(response: &Response<Bytes>, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn waiting(why: WaitingFor, retry: Retry) -> Page {
    Page::Waiting(Waiting { hub: hub("hub-a"), why, retry, notebook: None })
}

fn same_url(seconds: u64) -> Retry {
    Retry::SameUrl { after: Duration::from_secs(seconds) }
}

/// The name of a page's variant. No wildcard: a new page asks for its sample.
fn variant(page: &Page) -> &'static str {
    match page {
        Page::Waiting(_) => "Waiting",
        Page::Maintenance { .. } => "Maintenance",
        Page::Draining { .. } => "Draining",
        Page::StillRuns { .. } => "StillRuns",
        Page::HubGone { .. } => "HubGone",
        Page::Rescued { .. } => "Rescued",
        Page::LoginLoop { .. } => "LoginLoop",
        Page::BadAddress(_) => "BadAddress",
        Page::BadRequest(_) => "BadRequest",
        Page::Refused(_) => "Refused",
        Page::NotSupported(_) => "NotSupported",
        Page::TokenUnknown => "TokenUnknown",
        Page::TooManyQuestions => "TooManyQuestions",
        Page::Conflict { .. } => "Conflict",
        Page::StartElsewhere { .. } => "StartElsewhere",
        Page::WhoseStart { .. } => "WhoseStart",
        Page::ChosenHub(_) => "ChosenHub",
        Page::HubList { .. } => "HubList",
        Page::LoggedOut { .. } => "LoggedOut",
        Page::CookiesTooLarge { .. } => "CookiesTooLarge",
        Page::ClearCookies => "ClearCookies",
        Page::CookiesCleared { .. } => "CookiesCleared",
        Page::BadGateway { .. } => "BadGateway",
        Page::GatewayTimeout { .. } => "GatewayTimeout",
        Page::RequestTimeout => "RequestTimeout",
        Page::TooLarge { .. } => "TooLarge",
        Page::AddressTooLong { .. } => "AddressTooLong",
        Page::MethodNotAllowed { .. } => "MethodNotAllowed",
        Page::Loop => "Loop",
        Page::NotFound => "NotFound",
        Page::NoHub => "NoHub",
        Page::Internal => "Internal",
    }
}

#[test]
fn every_page_has_a_sample() {
    let seen: BTreeSet<_> = samples::all().iter().map(|(_, page)| variant(page)).collect();

    assert_eq!(seen.len(), 32, "{seen:?}");
}

#[test]
fn each_page_answers_with_its_status_in_every_kind() {
    let expected = [
        ("Waiting", 503),
        ("Maintenance", 503),
        ("Draining", 503),
        ("StillRuns", 409),
        ("HubGone", 503),
        ("Rescued", 200),
        ("LoginLoop", 409),
        ("BadAddress", 400),
        ("BadRequest", 400),
        ("Refused", 403),
        ("NotSupported", 403),
        ("TokenUnknown", 403),
        ("TooManyQuestions", 429),
        ("Conflict", 409),
        ("StartElsewhere", 409),
        ("WhoseStart", 503),
        ("ChosenHub", 200),
        ("HubList", 200),
        ("LoggedOut", 200),
        ("CookiesTooLarge", 431),
        ("ClearCookies", 200),
        ("CookiesCleared", 200),
        ("BadGateway", 502),
        ("GatewayTimeout", 504),
        ("RequestTimeout", 408),
        ("TooLarge", 413),
        ("AddressTooLong", 414),
        ("MethodNotAllowed", 405),
        ("Loop", 508),
        ("NotFound", 404),
        ("NoHub", 503),
        ("Internal", 500),
    ];
    for (name, page) in samples::all() {
        let status = expected.iter().find(|(word, _)| *word == variant(&page)).unwrap().1;
        for wants in [Wants::Html, Wants::Json, Wants::Text] {
            assert_eq!(answer(&page, wants, &chrome()).status(), status, "{name} as {wants:?}");
        }
    }
}

#[test]
fn every_answer_says_its_kind_and_forbids_storing_sniffing_framing_and_scripts() {
    for (name, page) in samples::all() {
        for (wants, kind) in [
            (Wants::Html, "text/html; charset=utf-8"),
            (Wants::Json, "application/json; charset=utf-8"),
            (Wants::Text, "text/plain; charset=utf-8"),
        ] {
            let response = answer(&page, wants, &chrome());
            assert_eq!(header(&response, "content-type").as_deref(), Some(kind), "{name}");
            assert_eq!(header(&response, "cache-control").as_deref(), Some("no-store"), "{name}");
            assert_eq!(header(&response, "x-content-type-options").as_deref(), Some("nosniff"), "{name}");
            let policy = header(&response, "content-security-policy").unwrap();
            for part in
                ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "style-src 'sha256-"]
            {
                assert!(policy.contains(part), "{name}: {policy}");
            }
        }
    }
}

#[test]
fn the_policy_admits_exactly_the_style_sheet_of_the_page() {
    let response = answer(&Page::Internal, Wants::Html, &chrome());
    let style = text(&response).split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));

    assert!(header(&response, "content-security-policy").unwrap().contains(&format!("'sha256-{hash}'")));
}

#[test]
fn no_answer_sets_a_referrer_policy_because_a_login_behind_it_would_lose_its_origin() {
    for (name, page) in samples::all() {
        let response = answer(&page, Wants::Html, &chrome());

        assert!(!response.headers().contains_key("referrer-policy"), "{name}");
        assert!(!text(&response).contains("referrer"), "{name}");
    }
}

#[test]
fn every_page_has_a_language_a_title_one_heading_and_nothing_from_elsewhere() {
    for (name, page) in samples::all() {
        let page = html(&page);

        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        assert_eq!(page.matches("<title>").count(), 1, "{name}");
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
        assert_eq!(page.matches("<main>").count(), 1, "{name}");
        for outside in ["<script", "<img", "<link", "<iframe", "src=", "http://", "https://", "style=\""] {
            assert!(!page.contains(outside), "{name} contains {outside}");
        }
        assert!(page.len() < 8 * 1024, "{name} is {} bytes", page.len());
    }
}

#[test]
fn json_has_status_and_message_first_and_the_message_is_a_sentence() {
    for (name, page) in samples::all() {
        let answer = answer(&page, Wants::Json, &chrome());
        let value = json(&page);
        let keys: Vec<_> = value.as_object().unwrap().keys().take(2).cloned().collect();

        assert_eq!(keys, ["status", "message"], "{name}");
        assert_eq!(value["status"], answer.status().as_u16(), "{name}");
        assert!(value["message"].as_str().unwrap().ends_with('.'), "{name}: {value}");
    }
}

#[test]
fn text_is_one_line() {
    for (name, page) in samples::all() {
        let response = answer(&page, Wants::Text, &chrome());

        assert_eq!(text(&response).matches('\n').count(), 1, "{name}");
        assert!(text(&response).ends_with(".\n"), "{name}");
    }
}

#[test]
fn whatever_a_user_a_hub_or_an_address_contains_stays_text() {
    let link = || Link::new(format!("/x?{HOSTILE}"), HOSTILE);
    let retry = Retry::Login { login: link(), why: HOSTILE.into() };
    let hubs = vec![hub("hub-a"), hub("hub-b")];
    let chosen =
        ChosenHub { hub: hub("hub-a"), state: Choice::Confirm, hubs: hubs.clone(), links: vec![link()] };
    let pages = [
        waiting(WaitingFor::Down, retry),
        Page::LoginLoop { user: HOSTILE.into(), hubs, login: link() },
        Page::StillRuns {
            user: HOSTILE.into(),
            hub: hub("hub-a"),
            notebook: link(),
            stop: link(),
            wanted: Some(hub("hub-b")),
        },
        Page::HubGone {
            hub: hub("hub-a"),
            files_elsewhere: true,
            retry: same_url(5),
            rescue: Some(Rescue { action: HOSTILE.into(), token: HOSTILE.into() }),
        },
        Page::Rescued { next: link() },
        Page::StartElsewhere { user: HOSTILE.into(), hub: hub("hub-a"), chosen: hub("hub-b") },
        Page::BadAddress(HOSTILE.into()),
        Page::BadRequest(HOSTILE.into()),
        Page::Refused(HOSTILE.into()),
        Page::NotSupported(HOSTILE.into()),
        Page::BadGateway { hub: hub("hub-a"), why: HOSTILE.into() },
        Page::ChosenHub(chosen),
    ];
    let chrome = Chrome { request_id: Some(HOSTILE.into()), ..chrome() };
    for page in pages {
        let html = answer(&page, Wants::Html, &chrome);
        assert!(!text(&html).contains("<script"), "{page:?}");
        assert!(!text(&html).contains("\"'&\\"), "{page:?}");

        let json: Value = serde_json::from_slice(answer(&page, Wants::Json, &chrome).body()).unwrap();
        assert_eq!(json["request_id"], HOSTILE);

        let line = answer(&page, Wants::Text, &chrome);
        assert_eq!(text(&line).matches(['\n', '\r']).count(), 1, "{page:?}");
    }
}

#[test]
fn every_page_shows_the_chosen_hub_and_how_to_stop_choosing_it() {
    let chrome = Chrome { chosen_hub: Some(hub("hub-b")), ..chrome() };
    for (name, page) in samples::all() {
        let response = answer(&page, Wants::Html, &chrome);

        assert!(text(&response).contains("has chosen the hub <code>hub-b</code>"), "{name}");
        assert!(text(&response).contains(r#"<a href="/_hubrouter/hub/">"#), "{name}");
    }
}

#[test]
fn the_routers_own_links_stand_below_the_base_url() {
    let page = Page::HubList { hubs: vec![hub("hub-a")] };
    let response = answer(&page, Wants::Html, &below("/jhub/"));

    assert!(text(&response).contains(r#"href="/jhub/_hubrouter/hub/hub-a""#));
    assert!(text(&response).contains(r#"href="/jhub/""#));
}

#[test]
fn the_same_page_is_the_same_bytes() {
    for (name, page) in samples::all() {
        assert_eq!(
            answer(&page, Wants::Html, &chrome()).body(),
            answer(&page, Wants::Html, &chrome()).body(),
            "{name}"
        );
    }
}
