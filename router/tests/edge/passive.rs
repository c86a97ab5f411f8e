//! What requests say of a hub while they pass: enough failures make its pages wait for a moment, and nothing else
//! counts. Starts have a file of their own, `spawning`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use hubrouter_loadtest::simhub::Faults;
use serde_json::Value;

use super::support::canned::{CannedHub, canned};
use super::support::{HUBS, RawHub, Request, Site, Sketch, Wire, logged};

/// A probe now and then only: what the router does by itself, before a probe says anything.
pub const UNAWARE: &str = "health: {interval: 60s, timeout: 1s, fall: 3, rise: 1}";
/// Longer than a thread waits before it tells what it counted.
const COUNTED: Duration = Duration::from_millis(1500);

pub fn hub_a(status: &Value) -> &Value {
    status["hubs"].as_array().unwrap().iter().find(|hub| hub["id"] == "hub-a").unwrap()
}

async fn ask(site: &Site, times: usize, method: Method, target: &str) -> u16 {
    let mut status = 0;
    for _ in 0..times {
        let answer = site.browser().send(Request::new(method.clone(), target)).await;
        status = answer.status.as_u16();
    }
    status
}

/// How often a target was asked at the hub; the router has questions of its own there.
fn reached(hub: &CannedHub, target: &str) -> usize {
    hub.seen().iter().filter(|(head, _)| head.split(' ').nth(1) == Some(target)).count()
}

async fn until_paused(site: &Site, plane: &str, paused: bool) {
    let what = format!("the {plane} plane of hub-a is {} paused", if paused { "" } else { "not" });
    site.until(&what, |status| hub_a(status)["planes"][plane]["paused"] == paused).await;
}

async fn assert_undisturbed(site: &Site, after: &str) {
    // A pause is shorter than the time in which it may begin: one look at the end could miss it.
    let until = Instant::now() + COUNTED;
    while Instant::now() < until {
        let status = site.status().await;
        for plane in ["proxy", "hub"] {
            let seen = &hub_a(&status)["planes"][plane];
            assert_eq!(
                (&seen["paused"], &seen["state"]),
                (&false.into(), &"up".into()),
                "{plane} after {after}"
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn half_of_twenty_requests_failed_make_the_hubs_pages_wait_but_no_notebook_and_no_verdict() {
    let site = Sketch::with_hubs(&HUBS).configured(UNAWARE).start().await;
    let (ada, bo) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let page = format!("/hub/user/{ada}/");
    site.hub("hub-a").start_server(&ada, "").await;
    assert_eq!(ask(&site, 10, Method::GET, &page).await, 302);
    site.hub("hub-a").set_faults(Faults { status: Some(503), ..Faults::default() });
    // What the hub itself says passes as it is, until there is enough of it.
    assert_eq!(ask(&site, 20, Method::GET, &page).await, 503);

    until_paused(&site, "hub", true).await;
    site.hub("hub-a").forget_requests();
    let waits = site.browser().open(&page).await;

    assert_eq!(waits.status, 503);
    assert!(waits.body.contains("http-equiv=\"refresh\""), "{}", waits.body);
    assert!(waits.field("retry-after").is_some());
    // The router itself may ask the hub something at any time.
    let asked = site.hub("hub-a").requests().iter().any(|seen| seen.target.contains("/hub/user/"));
    assert!(!asked, "the hub was asked in the pause");
    assert_eq!(hub_a(&site.status().await)["planes"]["hub"]["state"], "up");
    assert_eq!(ask(&site, 1, Method::GET, &format!("/user/{ada}/lab")).await, 302);
    assert_ne!(ask(&site, 1, Method::GET, &format!("/hub/user/{bo}/")).await, 503);

    // No probe was due yet: the pause ends by its time.
    site.hub("hub-a").set_faults(Faults::default());
    until_paused(&site, "hub", false).await;
    assert_eq!(ask(&site, 1, Method::GET, &page).await, 302);
}

#[tokio::test]
async fn failed_requests_make_the_router_look_at_once() {
    let site = Sketch::with_hubs(&HUBS)
        .configured("health: {interval: 20s, timeout: 1s, fall: 1, rise: 1}")
        .start()
        .await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").set_faults(Faults { status: Some(502), ..Faults::default() });

    ask(&site, 20, Method::GET, &format!("/hub/user/{ada}/")).await;

    // Long before the next probe is due.
    site.until_plane("hub-a", "hub", "starting").await;
}

#[tokio::test]
async fn no_answer_in_time_is_a_failure_too_and_a_probe_that_is_answered_ends_the_wait() {
    let site = Sketch::with_hubs(&HUBS)
        .configured("health: {interval: 2s, timeout: 1s, fall: 9, rise: 1}")
        .configured("timeouts: {response_head: {hub: 200ms, user: 1h}}")
        .start()
        .await;
    let page = format!("/hub/user/{}/", site.user_at("hub-a", 0));
    site.hub("hub-a").hang(true);
    let trouble = async || {
        let asks = (0..20).map(|_| ask(&site, 1, Method::GET, &page));
        assert_eq!(futures_util::future::join_all(asks).await, [504; 20]);
        until_paused(&site, "hub", true).await;
    };
    // One second, two, and then four.
    for _ in 0..2 {
        trouble().await;
        until_paused(&site, "hub", false).await;
    }
    trouble().await;
    site.hub("hub-a").hang(false);

    let began = Instant::now();
    until_paused(&site, "hub", false).await;
    assert!(began.elapsed() < Duration::from_secs(3), "the pause went on until its time was over");
    assert_eq!(ask(&site, 1, Method::GET, &page).await, 302);
}

#[tokio::test]
async fn what_is_no_sign_of_trouble_of_a_hub_disturbs_nobody() {
    let site = Sketch::with_hubs(&HUBS).configured(UNAWARE).start().await;
    let ada = site.user_at("hub-a", 0);
    let hub = CannedHub::instead_of(site.hub("hub-a"), |target, _| {
        let status = match target {
            target if target.starts_with("/hub/user") => 429,
            target if target.starts_with("/hub/api/users") && target.ends_with("/activity") => 500,
            _ => 503,
        };
        canned(status, &[("content-type", "text/plain"), ("retry-after", "42")], "oops")
    })
    .await;
    for (method, target, status) in [
        (Method::GET, format!("/user/{ada}/lab"), 503),
        (Method::GET, format!("/user/{ada}/api/contents"), 503),
        // Before what counts as answered: that would outweigh them if they counted.
        (Method::POST, format!("/hub/api/users/{ada}/server"), 503),
        (Method::GET, format!("/hub/spawn/{ada}"), 503),
        (Method::GET, format!("/hub/user/{ada}/"), 429),
        (Method::POST, format!("/hub/api/users/{ada}/activity"), 500),
    ] {
        assert_eq!(ask(&site, 25, method.clone(), &target).await, status, "{method} {target}");
        assert_eq!(reached(&hub, &target), 25, "not all of them reached the hub: {target}");
        assert_undisturbed(&site, &target).await;
    }
    assert_ne!(hub_a(&site.status().await)["spawning"]["state"], "failing");
}

#[tokio::test]
async fn failures_of_services_never_count_against_a_hub() {
    let site =
        Sketch::with_hubs(&HUBS).configured(UNAWARE).configured("services: {forms: hub-a}").start().await;
    let hub = CannedHub::instead_of(site.hub("hub-a"), |_, _| {
        canned(502, &[("content-type", "text/plain")], "oops")
    })
    .await;

    assert_eq!(ask(&site, 30, Method::GET, "/services/forms/").await, 502);

    assert_eq!(reached(&hub, "/services/forms/"), 30);
    assert_undisturbed(&site, "a failing service").await;
}

#[tokio::test]
async fn nineteen_requests_and_a_minority_of_failures_say_nothing() {
    let failing = Arc::new(AtomicU16::new(503));
    let status = Arc::clone(&failing);
    let site = Sketch::with_hubs(&HUBS).configured(UNAWARE).start().await;
    let page = format!("/hub/user/{}/", site.user_at("hub-a", 0));
    let _hub = CannedHub::instead_of(site.hub("hub-a"), move |_, _| {
        canned(status.load(Ordering::SeqCst), &[("content-type", "text/plain")], "oops")
    })
    .await;

    ask(&site, 19, Method::GET, &page).await;
    assert_undisturbed(&site, "nineteen failures").await;
    failing.store(404, Ordering::SeqCst);
    ask(&site, 40, Method::GET, &page).await;
    failing.store(504, Ordering::SeqCst);
    ask(&site, 10, Method::GET, &page).await;
    assert_undisturbed(&site, "more answers than failures").await;
}

#[tokio::test]
async fn an_address_that_refuses_is_left_alone_for_a_moment_and_no_verdict_says_so() {
    let site = Sketch::with_hubs(&HUBS).configured(UNAWARE).start().await;
    let lab = format!("/user/{}/lab", site.user_at("hub-a", 0));
    site.hub("hub-a").stop_proxy().await;

    assert_eq!(ask(&site, 1, Method::GET, &lab).await, 503);

    until_paused(&site, "proxy", true).await;
    assert_eq!(hub_a(&site.status().await)["planes"]["proxy"]["state"], "up");
    site.hub("hub-a").start_proxy(false).await.unwrap();
    until_paused(&site, "proxy", false).await;
    assert_ne!(ask(&site, 1, Method::GET, &lab).await, 503);
}

#[tokio::test]
async fn nothing_is_sent_twice_to_a_hub_that_is_slow() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub)
        .configured("health: {interval: 1500ms, timeout: 1500ms, fall: 3, rise: 1}")
        .start()
        .await;
    hub.probes_take(Duration::from_millis(1020));
    site.until_plane("raw", "hub", "slow").await;
    let mut client = site.wire().await;
    let request = "GET /hub/home HTTP/1.1\r\nHost: site\r\n\r\n";
    client.say(request).await;
    let mut at_hub = hub.request().await;
    at_hub.answer("first").await;
    client.until("first").await;

    client.say(request).await;
    at_hub.next_request().await;
    let dead = std::mem::replace(&mut at_hub.wire, Wire::to(hub.address).await);
    drop(dead);

    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    // The one of the test itself is silent.
    assert_eq!(hub.connections(), 1, "it was sent again");
}

#[tokio::test]
async fn what_runs_in_the_background_is_listed_with_its_last_result() {
    let site = Sketch::with_hubs(&HUBS).start().await;
    let names = [
        "configuration files",
        "databases of hubs",
        "logouts that hubs have not heard of",
        "probe hub-a hub",
        "probe hub-a proxy",
        "probe hub-b hub",
        "probe hub-b proxy",
        "sweep connections of thread 0",
        "sweep connections of thread 1",
    ];
    let task = |status: &Value, name: &str| {
        let tasks = status["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["name"] == name).cloned().unwrap_or_default()
    };
    let status = site.status().await;
    let listed: Vec<&str> =
        status["tasks"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    for name in names {
        assert!(listed.contains(&name), "{name} is not in {listed:?}");
        assert!(task(&status, name)["period_seconds"].as_f64().unwrap() > 0.0, "{name}");
    }
    site.until("both databases were asked", |status| {
        task(status, "databases of hubs")["last_result"] == "2 of 2 hubs with a token answered"
    })
    .await;
    site.until("threads sweep", |status| task(status, names[8])["last_result"] == "ok").await;

    site.hub("hub-a").stop_hub().await;
    site.until("the probe tells what it saw", |status| {
        let seen = task(status, "probe hub-a hub");
        seen["last_result"].as_str().is_some_and(|text| text.contains("no connection to"))
            && seen["last_run_seconds_ago"].as_u64().is_some_and(|ago| ago <= 2)
    })
    .await;

    site.hub("hub-a").start_hub().await.unwrap();
    site.edit(|text| {
        text.lines().filter(|line| !line.contains("id: hub-b")).map(|line| format!("{line}\n")).collect()
    });
    site.until("tasks of a hub that is gone are gone", |status| task(status, "probe hub-b hub").is_null())
        .await;
}

#[tokio::test]
async fn trouble_is_told_in_one_line_with_its_numbers() {
    let hub = RawHub::start().await;
    let id = format!("refusing-{}", hub.address.port());
    let site = Sketch::with_hubs(&[]).and_raw_hub(&id, &hub).configured(UNAWARE).start().await;
    drop(hub);

    for _ in 0..3 {
        site.browser().open("/user/ada/lab").await;
    }

    site.until("it is paused", |status| status["hubs"][0]["planes"]["proxy"]["paused"] == true).await;
    let lines = logged::lines_with(&format!("hub `{id}`: connections to its address fail"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("pause_ms=1000"), "{}", lines[0]);
}
