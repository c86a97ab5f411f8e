//! What single pages say, and where they lead.

use std::time::Duration;

use hubrouter::pages::{
    Ambiguity, Choice, ChosenHub, Link, Page, Rescue, Retry, Waiting, WaitingFor, Wants, answer,
};

use super::samples::hub;
use super::{chrome, header, html, json, same_url, text, waiting};

#[test]
fn a_waiting_page_asks_for_its_own_address_again_and_says_so_to_screen_readers() {
    let page = waiting(WaitingFor::HubDown, same_url(7));
    let response = answer(&page, Wants::Html, &chrome());

    assert_eq!(header(&response, "retry-after").as_deref(), Some("7"));
    assert!(text(&response).contains(r#"<meta http-equiv="refresh" content="7">"#));
    assert!(text(&response).contains(r#"<div role="status">"#));
    assert!(text(&response).contains("every 7 seconds"));
}

#[test]
fn a_waiting_page_never_asks_again_at_once() {
    let page = waiting(WaitingFor::Starting, Retry::SameUrl { after: Duration::ZERO });

    assert!(html(&page).contains(r#"content="1""#));
    assert_eq!(json(&page)["retry_after"], 1);
}

#[test]
fn a_script_that_waits_gets_503_with_the_hub_the_reason_and_the_time() {
    let words = [
        (WaitingFor::Starting, "starting"),
        (WaitingFor::HubDown, "hub_down"),
        (WaitingFor::ProxyDown, "proxy_down"),
        (WaitingFor::Down, "down"),
        (WaitingFor::Unreachable, "unreachable"),
        (WaitingFor::BrokeOff, "broke_off"),
        (WaitingFor::Moving, "moving"),
        (WaitingFor::Asking, "asking"),
        (WaitingFor::FailedOver, "failed_over"),
    ];
    for (why, word) in words {
        let mut value = json(&waiting(why, same_url(5)));
        let message = value.as_object_mut().unwrap().remove("message").unwrap();

        assert_eq!(value, json!({"status": 503, "hub": "hub-a", "why": word, "retry_after": 5}));
        assert!(message.as_str().unwrap().ends_with("Try again in 5 seconds."), "{message}");
    }
}

#[test]
fn what_must_not_be_sent_twice_is_not_repeated_by_the_page() {
    let login = Link::new("/enter?next=%2Fhome", "Log in");
    let login =
        waiting(WaitingFor::Down, Retry::Login { login, why: "A login cannot be sent twice.".into() });
    let spawn = waiting(WaitingFor::Down, Retry::SpawnAgain { spawn: Link::new("/start", "Start") });

    for page in [&login, &spawn] {
        let response = answer(page, Wants::Html, &chrome());
        assert!(!text(&response).contains("http-equiv"));
        assert!(header(&response, "retry-after").is_some());
    }
    assert!(html(&login).contains(r#"href="/enter?next=%2Fhome""#));
    assert!(html(&login).contains("A login cannot be sent twice."));
    assert!(html(&spawn).contains(r#"href="/start""#));
    assert!(html(&spawn).contains("make them again"));
}

#[test]
fn a_notebook_that_may_be_running_is_linked_while_its_hub_is_away() {
    let lab = || Some(Link::new("/lab-of-ada", "Go to your notebook"));
    let waiting = Page::Waiting(Waiting {
        hub: hub("hub-a"),
        why: WaitingFor::HubDown,
        retry: same_url(5),
        notebook: lab(),
    });
    let maintenance = Page::Maintenance { hub: hub("hub-a"), notebook: lab() };

    for page in [&waiting, &maintenance] {
        assert!(html(page).contains(r#"href="/lab-of-ada""#));
        assert!(html(page).contains("still is"));
    }
    assert!(!html(&Page::Maintenance { hub: hub("hub-a"), notebook: None }).contains("still is"));
}

#[test]
fn an_unknown_token_is_answered_as_a_hub_answers_it() {
    let value = json(&Page::TokenUnknown);

    assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["status", "message"]);
    assert_eq!(value["status"], 403);
}

#[test]
fn a_reason_that_is_written_like_an_error_becomes_a_sentence() {
    let page = Page::BadRequest("the address is not a path".into());

    assert_eq!(json(&page)["message"], "The address is not a path. Nothing was sent to a hub.");
}

#[test]
fn a_conflict_names_the_hubs_and_both_ways_to_choose_one() {
    let hubs = vec![hub("hub-a"), hub("hub-b")];
    let page = Page::Conflict { hubs, why: Ambiguity::Collection };
    let value = json(&page);

    assert_eq!(value["hubs"], json!(["hub-a", "hub-b"]));
    assert_eq!(value["why"], "collection_of_each_hub");
    assert!(value["message"].as_str().unwrap().contains("X-Hubrouter-Hub"));
    assert!(value["message"].as_str().unwrap().contains("/_hubrouter/hub/<id>"));
    assert!(html(&page).contains(r#"href="/_hubrouter/hub/hub-b""#));
}

#[test]
fn a_start_on_a_chosen_hub_names_the_users_own_and_offers_to_stop_choosing() {
    let page = Page::StartElsewhere { user: "ada".into(), hub: hub("hub-a"), chosen: hub("hub-b") };
    let value = json(&page);

    assert_eq!(
        (&value["hub"], &value["chosen"], &value["user"]),
        (&"hub-a".into(), &"hub-b".into(), &"ada".into())
    );
    assert!(html(&page).contains(r#"href="/_hubrouter/hub/""#));
}

#[test]
fn a_choice_that_another_site_suggests_is_confirmed_by_a_form_and_not_by_a_link() {
    let page = |state| {
        Page::ChosenHub(ChosenHub {
            hub: hub("hub-b"),
            state,
            hubs: vec![hub("hub-a"), hub("hub-b")],
            links: vec![],
        })
    };
    let form = r#"<form method="post" action="/_hubrouter/hub/hub-b">"#;

    assert!(html(&page(Choice::Confirm)).contains(form));
    assert!(!html(&page(Choice::Confirm)).contains(r#"href="/_hubrouter/hub/hub-b""#));
    assert!(!html(&page(Choice::Chosen(Duration::from_secs(1)))).contains("<form"));
}

#[test]
fn a_chosen_hub_is_shown_with_its_time_its_pages_and_the_other_hubs() {
    let page = Page::ChosenHub(ChosenHub {
        hub: hub("hub-b"),
        state: Choice::Chosen(Duration::from_secs(3541)),
        hubs: vec![hub("hub-a"), hub("hub-b")],
        links: vec![Link::new("/admin-page", "Admin page")],
    });

    assert!(html(&page).contains("for the next 60 minutes"));
    assert!(html(&page).contains(r#"href="/admin-page""#));
    assert!(html(&page).contains(r#"href="/_hubrouter/hub/hub-a""#));
    assert!(!html(&page).contains(r#"href="/_hubrouter/hub/hub-b""#));
    assert_eq!(json(&page)["seconds"], 3541);
}

#[test]
fn a_logout_that_a_dead_hub_did_not_hear_is_not_called_complete() {
    let login = || Link::new("/enter", "Log in");
    let complete = Page::LoggedOut { dead: vec![], login: login() };
    let partial = Page::LoggedOut { dead: vec![hub("hub-b")], login: login() };

    assert!(html(&complete).contains("at every hub"));
    assert!(html(&partial).contains("hub hub-b could not be told"));
    assert_eq!(json(&partial)["hubs"], json!(["hub-b"]));
    assert!(json(&complete).get("hubs").is_none());
}

#[test]
fn a_head_that_is_too_long_offers_to_clear_the_cookies() {
    let page = Page::CookiesTooLarge { limit: 32768 };

    assert!(html(&page).contains(r#"<form method="post" action="/_hubrouter/clear-cookies">"#));
    assert_eq!(json(&page)["limit"], 32768);
}

#[test]
fn a_refused_method_names_those_that_work() {
    let response = answer(&Page::MethodNotAllowed { allow: "GET, HEAD" }, Wants::Text, &chrome());

    assert_eq!(header(&response, "allow").as_deref(), Some("GET, HEAD"));
}

#[test]
fn who_waits_for_the_router_itself_is_not_told_to_wait_for_a_hub() {
    for why in [WaitingFor::Moving, WaitingFor::Asking, WaitingFor::FailedOver] {
        let spawn = || Retry::SpawnAgain { spawn: Link::new("/start", "Start") };
        let value = json(&waiting(why, spawn()));
        assert!(value["message"].as_str().unwrap().ends_with("Start it again in a moment."), "{value}");
        assert_eq!(value["retry_after"], 2);
    }
    let spawn = Retry::SpawnAgain { spawn: Link::new("/start", "Start") };
    let value = json(&waiting(WaitingFor::Down, spawn));
    assert!(value["message"].as_str().unwrap().ends_with("as soon as the hub is back."), "{value}");
}

#[test]
fn a_start_elsewhere_leads_to_the_server_that_runs_and_to_where_it_is_stopped() {
    let page = |wanted: Option<&str>| Page::StillRuns {
        user: "ada".into(),
        hub: hub("hub-a"),
        notebook: Link::new("/lab-of-ada", "Go to your notebook"),
        stop: Link::new("/home-of-ada", "Stop it at the home page"),
        wanted: wanted.map(hub),
    };

    assert!(html(&page(None)).contains(r#"href="/lab-of-ada""#));
    assert!(html(&page(None)).contains(r#"href="/home-of-ada""#));
    let mut value = json(&page(Some("hub-b")));
    assert!(value.as_object_mut().unwrap().remove("message").is_some());
    assert_eq!(
        value,
        json!({"status": 409, "hub": "hub-a", "why": "still_runs", "user": "ada", "notebook": "/lab-of-ada",
               "wanted": "hub-b"})
    );
    assert!(json(&page(None)).get("wanted").is_none());
}

#[test]
fn a_hub_that_is_emptied_says_when_to_come_back_and_leads_to_the_notebook_that_goes_on() {
    let lab = Link::new("/lab-of-ada", "Go to your notebook");
    let page = Page::Draining { hub: hub("hub-a"), notebook: Some(lab) };
    let response = answer(&page, Wants::Html, &chrome());

    assert_eq!(header(&response, "retry-after").as_deref(), Some("60"));
    assert!(text(&response).contains(r#"href="/lab-of-ada""#));
    assert!(!html(&Page::Draining { hub: hub("hub-a"), notebook: None }).contains("still is"));
}

fn gone(retry: Retry, offered: bool) -> Page {
    let rescue = offered.then(|| Rescue { action: "/rescue-me".into(), token: "one-time-secret".into() });
    Page::HubGone { hub: hub("hub-a"), files_elsewhere: true, retry, rescue }
}

#[test]
fn a_hub_that_is_gone_is_waited_for_by_the_page_itself_where_nothing_is_offered() {
    let response = answer(&gone(same_url(30), false), Wants::Html, &chrome());

    assert_eq!(header(&response, "retry-after").as_deref(), Some("30"));
    assert!(text(&response).contains(r#"<meta http-equiv="refresh" content="30">"#));
    assert!(!text(&response).contains("<form"));
}

#[test]
fn a_form_that_gives_a_server_up_stands_still_says_what_is_lost_and_offers_to_wait_first() {
    let page = html(&gone(same_url(30), true));

    assert!(!page.contains("http-equiv"), "a page with a decision reloads under its reader");
    assert!(page.contains(r#"<form method="post" action="/rescue-me">"#));
    assert!(page.contains(r#"<input type="hidden" name="token" value="one-time-secret">"#));
    assert!(page.contains("cannot be taken back") && page.contains("not saved"));
    assert!(page.find(r#"<a class="act first" href="">"#).unwrap() < page.find("<form").unwrap());
}

#[test]
fn who_cannot_simply_look_again_is_led_on_beside_the_form() {
    let login = Link::new("/enter", "Log in");
    let page = html(&gone(Retry::Login { login, why: "A login cannot be sent twice".into() }, true));

    assert!(page.contains(r#"href="/enter""#) && !page.contains(r#"href="""#));
}

#[test]
fn the_token_of_the_form_is_for_the_page_only() {
    for wants in [Wants::Json, Wants::Text] {
        let response = answer(&gone(same_url(30), true), wants, &chrome());
        assert!(!text(&response).contains("one-time-secret"));
        assert_eq!(header(&response, "retry-after").as_deref(), Some("30"));
    }
}

#[test]
fn files_are_called_safe_only_where_they_are_elsewhere() {
    let page = |files_elsewhere| {
        html(&Page::HubGone { hub: hub("hub-a"), files_elsewhere, retry: same_url(30), rescue: None })
    };

    assert!(page(true).contains("saved files are safe"));
    assert!(!page(false).contains("safe"));
}
