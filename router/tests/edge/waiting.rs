//! A hub that is away: people get a page that goes on by itself, scripts a 503 that says when, and nobody waits long.

use std::time::{Duration, Instant};

use hubrouter_loadtest::simhub::SimHub;

use super::support::browser::escape;
use super::support::{Answer, Browser, RawHub, Request, Site, Sketch};

/// A probe now and then only: what happens before the router knows of a death.
const UNAWARE: &str = "health: {interval: 60s, timeout: 1s, fall: 3, rise: 1}";

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"])
}

/// A user of hub-a who is logged in and whose server runs.
async fn ada_at_work(sketch: Sketch) -> (Site, String, Browser) {
    let site = sketch.start().await;
    let ada = site.user_at("hub-a", 0);
    let browser = site.logged_in(&ada).await;
    site.hub("hub-a").start_server(&ada, "").await;
    (site, ada, browser)
}

fn api(site: &Site, user: &str, method: http::Method, path: &str) -> Request {
    let token = site.hub("hub-a").token_of(user);
    Request::new(method, path)
        .with("authorization", &format!("token {token}"))
        .with("accept", "application/json")
}

fn retries_by_itself(answer: &Answer) -> bool {
    answer.body.contains("http-equiv=\"refresh\"")
}

/// How long the fastest of some tries takes: a busy machine makes others slow.
async fn fastest(browser: &mut Browser, target: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        browser.open(target).await;
        best = best.min(began.elapsed());
    }
    best
}

#[tokio::test]
async fn a_page_of_a_dead_hub_waits_links_to_the_running_notebook_and_heals() {
    let (site, ada, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let page = browser.open("/hub/home").await;
    assert_eq!(page.status, 503);
    assert!(retries_by_itself(&page), "{}", page.body);
    assert!(page.field("retry-after").is_some());
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert!(page.body.contains(&format!("href=\"/user/{ada}/\"")), "{}", page.body);
    assert!(fastest(&mut browser, "/hub/home").await < Duration::from_millis(100));

    site.hub("hub-a").start_hub().await.unwrap();
    site.until_plane("hub-a", "hub", "up").await;
    assert_eq!(browser.open("/hub/home").await.status, 200);
}

#[tokio::test]
async fn a_hub_that_is_away_for_longer_than_a_restart_is_called_down() {
    let (site, ada, mut browser) =
        ada_at_work(two_hubs().configured("failover: {hold: 500ms, after: 5s, dead_after: 6s}")).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "down").await;

    let page = browser.open("/hub/home").await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains(&format!("href=\"/user/{ada}/\"")), "{}", page.body);
    let json =
        browser.send(api(&site, &ada, http::Method::GET, &format!("/hub/api/users/{ada}"))).await.json();
    assert_eq!(json["status"], 503);
}

#[tokio::test]
async fn a_start_of_a_user_whose_hub_is_gone_is_told_so_as_a_page_is() {
    let times = "census: {interval: 200ms, authority: 400ms, max_age: 30s}\n\
        failover: {hold: 300ms, after: 1s, dead_after: 2s}";
    let (site, _, mut browser) = ada_at_work(two_hubs().configured(times)).await;
    site.until("the server is known", |status| status["hubs"][0]["census"]["users"] == 1).await;
    site.hub("hub-a").kill().await;

    for path in ["/hub/home", "/hub/spawn"] {
        let until = Instant::now() + Duration::from_secs(20);
        let mut page = browser.open(path).await;
        while !page.body.contains("Your hub is gone") && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
            page = browser.open(path).await;
        }
        assert!(page.status == 503 && page.body.contains("Your hub is gone"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_script_is_told_at_once_when_to_come_back() {
    let (site, ada, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let answer = browser.send(api(&site, &ada, http::Method::GET, &format!("/hub/api/users/{ada}"))).await;

    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(answer.json()["status"], 503);
}

#[tokio::test]
async fn running_notebooks_go_on_while_the_hub_process_is_dead() {
    let (site, ada, mut browser) = ada_at_work(two_hubs()).await;
    assert_eq!(browser.open(&format!("/user/{ada}/lab")).await.status, 200);
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let page = browser.open(&format!("/user/{ada}/lab")).await;

    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Simulated JupyterLab"));
}

#[tokio::test]
async fn a_notebook_waits_when_the_proxy_of_its_hub_is_dead_and_goes_on_when_it_is_back() {
    let (site, ada, mut browser) = ada_at_work(two_hubs()).await;
    let lab = format!("/user/{ada}/lab");
    assert_eq!(browser.open(&lab).await.status, 200);
    site.hub("hub-a").stop_proxy().await;
    site.until_plane("hub-a", "proxy", "down").await;

    let page = browser.open(&lab).await;
    assert_eq!(page.status, 503);
    assert!(retries_by_itself(&page), "{}", page.body);
    assert!(
        !page.body.contains(&format!("href=\"/user/{ada}/\"")),
        "a link that leads nowhere: {}",
        page.body
    );
    let script = browser.send(api(&site, &ada, http::Method::GET, &format!("/user/{ada}/api/status"))).await;
    assert_eq!((script.status.as_u16(), script.field("retry-after").is_some()), (503, true));

    site.hub("hub-a").start_proxy(false).await.unwrap();
    site.until_plane("hub-a", "proxy", "up").await;
    assert_eq!(browser.open(&lab).await.status, 200);
}

#[tokio::test]
async fn nobody_waits_for_a_hub_of_whose_death_no_probe_knows_yet() {
    let (site, ada, mut browser) = ada_at_work(two_hubs().configured(UNAWARE)).await;
    site.hub("hub-a").stop_hub().await;
    let page = browser.open("/hub/home").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(retries_by_itself(&page), "{}", page.body);

    site.hub("hub-a").stop_proxy().await;
    for target in ["/hub/home".to_owned(), format!("/user/{ada}/lab")] {
        let page = browser.open(&target).await;
        assert_eq!(page.status, 503, "{}", page.body);
        assert!(retries_by_itself(&page), "{}", page.body);
        assert!(fastest(&mut browser, &target).await < Duration::from_millis(100));
    }
    let script = browser.send(api(&site, &ada, http::Method::GET, &format!("/hub/api/users/{ada}"))).await;
    assert_eq!(
        (script.status.as_u16(), script.field("retry-after").is_some()),
        (503, true),
        "{}",
        script.body
    );
}

#[tokio::test]
async fn users_of_other_hubs_notice_nothing() {
    let (site, _, _) = ada_at_work(two_hubs()).await;
    let mut browser = site.logged_in(&site.user_at("hub-b", 0)).await;
    site.hub("hub-a").kill().await;
    site.until_plane("hub-a", "proxy", "down").await;

    assert_eq!(browser.open("/hub/home").await.status, 200);
    let stranger = site.browser().open("/hub/login").await;
    assert_eq!(stranger.status, 200, "a stranger was sent to a dead hub: {}", stranger.body);
}

#[tokio::test]
async fn a_login_that_meets_a_dead_hub_leads_to_the_login_with_the_page_that_was_wanted() {
    let site = two_hubs().start().await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.browser();
    let next = format!("/user/{ada}/lab");
    let page = browser.open(&format!("/hub/login?next={}", escape(&next))).await;
    let token = page.form_token();
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    site.hubs.iter().for_each(SimHub::forget_requests);

    let form = [("_xsrf", token.as_str()), ("username", &ada), ("password", "pw")];
    let answer = browser.follow(Request::form(format!("/hub/login?next={}", escape(&next)), &form)).await;

    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(!retries_by_itself(&answer), "a password would be sent twice: {}", answer.body);
    assert!(answer.body.contains("A password is never sent twice."), "{}", answer.body);
    let login =
        answer.body.split("href=\"").find(|rest| rest.starts_with("/hub/login?next=")).expect("a login link");
    let link = login.split('"').next().unwrap();
    assert!(link.to_lowercase().contains(&format!("user%2f{ada}%2flab")), "{link}");
    assert!(!site.hubs.iter().any(|hub| hub.requests().iter().any(|seen| seen.method == "POST")));
}

#[tokio::test]
async fn a_callback_that_meets_a_dead_hub_is_not_repeated_but_begun_anew() {
    let hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    drop(hub);
    site.until_plane("raw", "proxy", "down").await;

    let answer = Browser::new(site.address).open("/hub/oauth_callback?code=1&state=2").await;

    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(!retries_by_itself(&answer), "{}", answer.body);
    assert!(answer.body.contains("href=\"/hub/login"), "{}", answer.body);
    assert!(answer.body.contains("cannot be continued, only begun anew"), "{}", answer.body);
}

#[tokio::test]
async fn a_start_by_a_link_is_tried_again_by_the_page() {
    let (site, _, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let page = browser.open("/hub/spawn").await;

    assert_eq!(page.status, 503);
    assert!(retries_by_itself(&page), "{}", page.body);
}

#[tokio::test]
async fn a_start_that_is_posted_is_held_until_the_hub_is_back() {
    for plane in ["hub", "proxy"] {
        let site = two_hubs().start().await;
        let ada = site.user_at("hub-a", 0);
        let start = api(&site, &ada, http::Method::POST, &format!("/hub/api/users/{ada}/server")).body("{}");
        match plane {
            "hub" => {
                site.hub("hub-a").stop_hub().await;
                site.until_plane("hub-a", "hub", "starting").await;
            }
            _ => {
                site.hub("hub-a").stop_proxy().await;
                site.until_plane("hub-a", "proxy", "down").await;
            }
        }

        let mut browser = site.browser();
        let (answer, ()) = tokio::join!(browser.send(start), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            site.hub("hub-a").start_hub().await.unwrap();
            site.hub("hub-a").start_proxy(false).await.unwrap();
        });

        assert_eq!(answer.status, 201, "{plane}: {}", answer.body);
        assert_eq!(site.hub("hub-a").servers().len(), 1);
    }
}

#[tokio::test]
async fn a_start_that_is_posted_is_held_when_the_hub_refuses_before_any_probe_knows() {
    let site = two_hubs().configured(UNAWARE).start().await;
    let ada = site.user_at("hub-a", 0);
    let start = api(&site, &ada, http::Method::POST, &format!("/hub/api/users/{ada}/server")).body("{}");
    site.hub("hub-a").stop_proxy().await;

    let mut browser = site.browser();
    let (answer, ()) = tokio::join!(browser.send(start), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        site.hub("hub-a").start_proxy(false).await.unwrap();
    });

    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn a_held_start_does_not_wait_for_the_next_regular_probe() {
    let rare = "health: {interval: 5s, timeout: 300ms, fall: 1, rise: 1}";
    let site = two_hubs().configured(rare).start().await;
    let ada = site.user_at("hub-a", 0);
    site.hub("hub-a").stop_hub().await;
    // Whoever meets the dead hub makes the router look.
    site.browser().send(Request::get(format!("/hub/user/{ada}/"))).await;
    site.until_plane("hub-a", "hub", "starting").await;
    let start = api(&site, &ada, http::Method::POST, &format!("/hub/api/users/{ada}/server")).body("{}");

    let mut browser = site.browser();
    let (answer, ()) = tokio::join!(browser.send(start), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        site.hub("hub-a").start_hub().await.unwrap();
    });

    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn a_start_whose_hub_does_not_come_back_says_that_choices_must_be_made_again() {
    let (site, _, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    site.hub("hub-a").forget_requests();

    let began = Instant::now();
    let page = browser.follow(Request::form("/hub/spawn", &[("profile", "big")])).await;

    assert!(began.elapsed() >= Duration::from_secs(2), "it was not held");
    assert_eq!(page.status, 503);
    assert!(!retries_by_itself(&page), "{}", page.body);
    assert!(page.body.contains("href=\"/hub/spawn\""), "{}", page.body);
    assert!(page.body.contains("make them again"), "{}", page.body);
    assert!(!site.hub("hub-a").requests().iter().any(|seen| seen.method == "POST"));
}

#[tokio::test]
async fn a_start_is_sent_whole_or_not_at_all() {
    let (site, _, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").forget_requests();

    let long = "x".repeat(1_100_000);
    let page = browser.follow(Request::form("/hub/spawn", &[("env", &long)])).await;

    assert_eq!(page.status, 413, "{}", page.body);
    assert!(!site.hub("hub-a").requests().iter().any(|seen| seen.method == "POST"));
}

#[tokio::test]
async fn a_start_that_may_have_arrived_is_not_asked_for_again() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut browser = site.browser();
    let (page, ()) = tokio::join!(browser.open("/hub/spawn"), async { drop(hub.request().await) });

    assert_eq!(page.status, 503, "{}", page.body);
    assert!(!retries_by_itself(&page), "{}", page.body);
    assert!(page.body.contains("never asked for twice"), "{}", page.body);
    assert_eq!(hub.connections(), 1);
}

#[tokio::test]
async fn a_page_that_the_hub_broke_off_is_tried_again_by_the_page() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut browser = site.browser();
    let (page, ()) = tokio::join!(browser.open("/hub/home"), async { drop(hub.request().await) });

    assert_eq!(page.status, 503, "{}", page.body);
    assert!(retries_by_itself(&page), "{}", page.body);
}

#[tokio::test]
async fn a_page_says_whether_anything_was_sent() {
    let (site, ada, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let written = browser.follow(Request::form("/hub/token", &[("note", "x")])).await;
    let scripted = browser
        .send(api(&site, &ada, http::Method::POST, &format!("/hub/api/users/{ada}/tokens")).body("{}"))
        .await;

    for answer in [&written, &scripted] {
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("Nothing was sent"), "{}", answer.body);
        assert!(!answer.body.contains("may have arrived"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_hub_that_took_the_request_and_broke_off_is_not_called_unreachable() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut browser = site.browser();

    let (page, _) = tokio::join!(browser.open("/hub/spawn/ada?next=/user/ada/lab/tree/x.ipynb"), async {
        drop(hub.request().await);
    });

    assert_eq!(page.status, 503);
    assert!(page.body.contains("closed the connection before it answered"), "{}", page.body);
    assert!(
        page.body.contains("href=\"/hub/login?next=%2Fuser%2Fada%2Flab%2Ftree%2Fx.ipynb\""),
        "the page that was wanted is not lost: {}",
        page.body
    );
}

#[tokio::test]
async fn a_form_that_starts_a_server_leads_back_with_the_page_that_was_wanted() {
    let (site, _, mut browser) = ada_at_work(two_hubs()).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;

    let page = browser.follow(Request::form("/hub/spawn?next=/user-redirect/x", &[("profile", "big")])).await;

    assert!(page.body.contains("href=\"/hub/spawn?next=%2Fuser-redirect%2Fx\""), "{}", page.body);
}
