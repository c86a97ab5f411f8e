//! A hub dies: who works goes on, who is idle goes to the standby, everybody comes home, and nobody gets two servers.

use hubrouter_loadtest::simhub::ServerState;
use serde_json::{Value, json};

use super::support::site::PASSWORD;
use super::support::{Answer, Browser, Request, Site, Sketch};

/// Everything that a failover waits for within a few seconds.
pub const QUICK: &str = "health: {interval: 300ms, timeout: 300ms, fall: 2, rise: 1}\n\
    census: {interval: 300ms, authority: 500ms, max_age: 20s}";
const FAILOVER: &str = "hold: 600ms, after: 1500ms, dead_after: 2s, failback_after: 2s";

fn sketch(failover: &str) -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-s"])
        .hub_says("hub-s", "tier: standby")
        .configured(QUICK)
        .configured(&format!("failover: {{{failover}}}"))
        .with_operators()
}

/// A site whose hubs have told who has a server there.
async fn known(sketch: Sketch) -> Site {
    let site = sketch.start().await;
    until_counted(&site).await;
    site
}

pub async fn until_counted(site: &Site) {
    site.until("every hub has told who has a server", |status| {
        status["hubs"].as_array().unwrap().iter().all(|hub| hub["census"]["known"] == true)
    })
    .await;
}

pub fn hub<'a>(status: &'a Value, id: &str) -> &'a Value {
    status["hubs"].as_array().unwrap().iter().find(|hub| hub["id"] == id).unwrap()
}

pub async fn until_starts(site: &Site, id: &str, to: &str) {
    site.until(&format!("starts of {id} go {to}"), |status| hub(status, id)["starts"]["to"] == to).await;
}

/// Whether `user` has a server there, by the hub's own database.
pub fn runs(site: &Site, id: &str, user: &str) -> bool {
    site.hub(id).servers().iter().any(|(owner, _, state)| owner == user && *state != ServerState::Stopped)
}

/// Starts a server by the page for it, logging in at another hub where that has to be; the last page.
pub async fn start(browser: &mut Browser, user: &str) -> Answer {
    for _ in 0..40 {
        let page = browser.open("/hub/spawn").await;
        if page.status == 503 {
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            continue;
        }
        if !page.is_login_form() {
            return page;
        }
        // In two steps: a login, a start and the hop of its server are more redirects than one click has.
        let fields = [("_xsrf", &*page.form_token()), ("username", user), ("password", PASSWORD)];
        let login = browser.step(Request::form(page.way.last().unwrap(), &fields)).await;
        return browser.open(login.location()).await;
    }
    panic!("{user} could not start for ten seconds: {}", browser.open("/hub/spawn").await.body)
}

async fn die(site: &Site, id: &str) {
    site.hub(id).stop_hub().await;
    site.hub(id).stop_proxy().await;
}

async fn return_to_life(site: &Site, id: &str) {
    site.hub(id).start_hub().await.unwrap();
    site.hub(id).start_proxy(false).await.unwrap();
}

#[tokio::test]
async fn while_a_hub_process_is_dead_who_works_goes_on_and_who_is_idle_starts_at_the_standby_and_comes_home()
{
    let site = known(sketch(FAILOVER)).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let mut at_work = site.at_work(&ada).await;
    let mut idle = site.logged_in(&bob).await;
    until_counted(&site).await;

    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    let early = idle.open("/hub/spawn").await;
    assert_eq!(early.status, 503, "nobody is moved by a restart: {}", early.body);
    until_starts(&site, "hub-a", "elsewhere").await;

    assert_eq!(at_work.open(&format!("/user/{ada}/lab")).await.hub(), "hub-a");
    let page = at_work.open("/hub/home").await;
    assert_eq!(page.status, 503, "who works has their hub, not another one: {}", page.body);
    assert!(page.body.contains(&format!("/user/{ada}/")), "{}", page.body);
    let lab = start(&mut idle, &bob).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-s"), "{:?}", lab.way);
    assert!(runs(&site, "hub-s", &bob) && !runs(&site, "hub-a", &bob));
    assert!(runs(&site, "hub-a", &ada) && !runs(&site, "hub-s", &ada));

    site.hub("hub-a").start_hub().await.unwrap();
    until_starts(&site, "hub-a", "here").await;
    assert_eq!(idle.open(&format!("/user/{bob}/lab")).await.hub(), "hub-s", "not while a server runs");
    let again = start(&mut idle, &bob).await;
    assert_eq!(again.hub(), "hub-s", "{:?}", again.way);

    site.hub("hub-s").stop_server(&bob, "").await;
    site.until("bob is nobody's exception any more", |status| hub(status, "hub-s")["assigned"] == 0).await;
    let lab = start(&mut idle, &bob).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-a"), "{:?}", lab.way);
    assert!(!runs(&site, "hub-s", &bob));
}

#[tokio::test]
async fn when_both_planes_are_dead_a_page_says_so_and_an_operator_may_give_up_the_servers_there() {
    let site = known(sketch(FAILOVER)).await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.at_work(&ada).await;
    site.until("the hub has told of her", |status| hub(status, "hub-a")["census"]["servers"] == 1).await;
    let early = site.order("/hubs/hub-a/failover", json!({"assume_stopped": true})).await;
    assert_eq!(early.status, 409, "a hub that lives is not failed over: {}", early.body);

    die(&site, "hub-a").await;
    until_starts(&site, "hub-a", "elsewhere").await;
    for target in [format!("/user/{ada}/lab"), "/hub/home".to_owned(), "/hub/spawn".to_owned()] {
        let page = browser.open(&target).await;
        assert_eq!(page.status, 503, "{target}: {}", page.body);
        assert!(page.body.contains("Your hub is gone"), "{target}: {}", page.body);
        assert!(!page.body.contains("Declare my server lost"), "not without failover.self_rescue");
    }
    assert!(!runs(&site, "hub-s", &ada));

    let dry = json!({"assume_stopped": true, "dry_run": true});
    assert_eq!(site.order("/hubs/hub-a/failover", dry).await.status, 200);
    assert_eq!(site.status().await["hubs"][0]["failed_over"]["moved"], json!([]));
    let order = json!({"assume_stopped": true, "reason": "the machine is gone"});
    let done = site.order("/hubs/hub-a/failover", order).await;
    assert_eq!(done.status, 200, "{}", done.body);
    site.until("she is moved", |status| hub(status, "hub-a")["failed_over"]["moved"] == json!([ada])).await;
    let lab = start(&mut browser, &ada).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-s"), "{:?}", lab.way);

    return_to_life(&site, "hub-a").await;
    site.until("her old server is stopped and everybody may come home", |status| {
        hub(status, "hub-a")["starts"]["to"] == "here" && hub(status, "hub-a")["stale"] == json!([])
    })
    .await;
    assert!(!runs(&site, "hub-a", &ada), "the stale server was stopped");
    assert!(runs(&site, "hub-s", &ada), "and not the new one");
}

#[tokio::test]
async fn who_is_pinned_keeps_their_server_when_those_of_the_others_count_as_lost() {
    let site = known(sketch(FAILOVER)).await;
    let (ada, eve) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let (_at_work, _other) = (site.at_work(&ada).await, site.at_work(&eve).await);
    site.until("the hub has told of both", |status| hub(status, "hub-a")["census"]["servers"] == 2).await;
    assert_eq!(site.order(&format!("/users/{ada}/pin"), json!({"hub": "hub-a"})).await.status, 200);
    die(&site, "hub-a").await;
    until_starts(&site, "hub-a", "elsewhere").await;

    let dry = json!({"assume_stopped": true, "dry_run": true});
    let plan = site.order("/hubs/hub-a/failover", dry).await.body;
    assert!(plan.contains("the servers of 1 users count as lost") && plan.contains(&eve), "{plan}");
    assert!(!plan.contains(&ada), "{plan}");
    let done = site.order("/hubs/hub-a/failover", json!({"assume_stopped": true})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    site.until("one is moved", |status| hub(status, "hub-a")["failed_over"]["moved"] == json!([eve])).await;

    return_to_life(&site, "hub-a").await;
    site.until("everybody may come home", |status| {
        hub(status, "hub-a")["starts"]["to"] == "here" && hub(status, "hub-a")["stale"] == json!([])
    })
    .await;
    assert!(runs(&site, "hub-a", &ada), "her server was nobody's to stop");
    assert!(!runs(&site, "hub-a", &eve));
}

#[tokio::test]
async fn a_user_of_a_dead_hub_may_give_up_their_own_server_where_the_operators_allow_it() {
    let site = known(sketch(&format!("{FAILOVER}, self_rescue: true"))).await;
    let (ada, eve) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let (mut browser, mut other) = (site.at_work(&ada).await, site.at_work(&eve).await);
    site.until("the hub has told of both", |status| hub(status, "hub-a")["census"]["servers"] == 2).await;
    die(&site, "hub-a").await;
    until_starts(&site, "hub-a", "elsewhere").await;

    let hers = format!("/user/{ada}/lab");
    assert!(!other.open(&hers).await.body.contains("Declare my server lost"), "it would be about eve's own");
    for target in [hers.as_str(), "/hub/home"] {
        let page = browser.open(target).await;
        assert!(page.body.contains("Declare my server lost"), "{target}: {}", page.body);
    }
    let page = browser.open(&hers).await;
    let token = token_of(&page);
    let action = page.body.split_once("action=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let stolen = other.follow(Request::form(&action, &[("token", &token)])).await;
    assert!(stolen.status.is_client_error(), "{}", stolen.body);
    let foreign = Request::form(&action, &[("token", &token)])
        .with("origin", "https://evil.example")
        .with("sec-fetch-site", "cross-site");
    assert!(browser.follow(foreign).await.status.is_client_error());
    assert_eq!(site.status().await["hubs"][0]["failed_over"]["moved"], json!([]), "nothing has happened yet");

    let done = browser.follow(Request::form(&action, &[("token", &token)])).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let lab = start(&mut browser, &ada).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-s"), "{:?}", lab.way);
    assert_eq!(other.open("/hub/spawn").await.status, 503, "nobody else was moved");

    return_to_life(&site, "hub-a").await;
    site.until("everybody may come home", |status| {
        hub(status, "hub-a")["starts"]["to"] == "here" && hub(status, "hub-a")["stale"] == json!([])
    })
    .await;
    assert!(!runs(&site, "hub-a", &ada) && runs(&site, "hub-s", &ada));
    assert!(runs(&site, "hub-a", &eve), "hers was not given up");
}

fn token_of(page: &Answer) -> String {
    let at = page.body.find("name=\"token\"").unwrap_or_else(|| panic!("no token: {}", page.body));
    page.body[at..].split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_hub_that_cannot_tell_who_runs_there_is_failed_over_by_nobody_but_an_operator() {
    let sketch = sketch(FAILOVER).hub_says("hub-a", "api_token: none");
    let site = sketch.start().await;
    let bob = site.user_at("hub-a", 0);
    let mut idle = site.logged_in(&bob).await;

    site.hub("hub-a").stop_hub().await;

    site.until("the failover is held", |status| {
        hub(status, "hub-a")["failover"].as_str().is_some_and(|why| why.contains("no api_token"))
    })
    .await;
    assert_eq!(hub(&site.status().await, "hub-a")["starts"]["to"], "here");
    let page = idle.open("/hub/spawn").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(!runs(&site, "hub-s", &bob));
}

#[tokio::test]
async fn who_was_just_starting_when_the_hub_died_stays_with_it() {
    let slow = sketch(FAILOVER).each_hub(|hub| hub.spawn_delay = std::time::Duration::from_secs(600));
    let site = known(slow.configured("timeouts: {hub_idle: 4s}")).await;
    let (ada, bob) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1));
    let (mut starting, mut idle) = (site.logged_in(&ada).await, site.logged_in(&bob).await);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;

    starting.open("/hub/spawn").await;
    site.hub("hub-a").stop_hub().await;
    until_starts(&site, "hub-a", "elsewhere").await;

    let page = starting.open("/hub/spawn").await;
    assert_eq!(page.status, 503, "{}", page.body);
    idle.open("/hub/home").await;
    site.hub("hub-a").start_hub().await.unwrap();
    site.until("her start was counted", |status| hub(status, "hub-a")["census"]["users"] == 1).await;
    assert!(runs(&site, "hub-a", &ada) && !runs(&site, "hub-s", &ada));
}

#[tokio::test]
async fn a_hub_that_answers_again_in_time_has_lost_nobody() {
    let site = known(sketch("hold: 2s, after: 60s, dead_after: 90s")).await;
    let bob = site.user_at("hub-a", 0);
    let mut idle = site.logged_in(&bob).await;
    site.hub("hub-a").stop_hub().await;
    site.until_plane("hub-a", "hub", "starting").await;
    assert_eq!(idle.open("/hub/spawn").await.status, 503);

    site.hub("hub-a").start_hub().await.unwrap();
    site.until_plane("hub-a", "hub", "up").await;

    let lab = start(&mut idle, &bob).await;
    assert_eq!((lab.status.as_u16(), lab.hub()), (200, "hub-a"), "{:?}", lab.way);
    assert!(!runs(&site, "hub-s", &bob));
}

#[tokio::test]
async fn two_hubs_of_three_that_die_together_look_like_the_network_and_move_nobody() {
    let site = known(
        Sketch::with_hubs(&["hub-a", "hub-b", "hub-s"])
            .hub_says("hub-s", "tier: standby")
            .configured(QUICK)
            .configured(&format!("failover: {{{FAILOVER}}}"))
            .with_operators(),
    )
    .await;

    for id in ["hub-a", "hub-b"] {
        site.hub(id).stop_hub().await;
    }

    site.until("both are frozen", |status| {
        let frozen = |id| hub(status, id)["failover"].as_str().is_some_and(|why| why.contains("frozen"));
        frozen("hub-a") && frozen("hub-b")
    })
    .await;
    let starts = |status: &Value, id| hub(status, id)["starts"]["to"].clone();
    let status = site.status().await;
    assert_eq!((starts(&status, "hub-a"), starts(&status, "hub-b")), (json!("here"), json!("here")));

    let done = site.order("/hubs/hub-a/failover", json!({"reason": "it is not the network"})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    until_starts(&site, "hub-a", "elsewhere").await;
    assert_eq!(starts(&site.status().await, "hub-b"), "here");
}

#[tokio::test]
async fn a_router_that_knows_nothing_waits_for_a_hub_that_does_not_answer_and_says_so() {
    let mut site = known(sketch(FAILOVER)).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    die(&site, "hub-s").await;
    let token = site.hub("hub-a").token_of(&ada);

    site.rerun().await;
    let ready = Browser::new(site.admin).send(Request::get("/readyz")).await;
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert_eq!(site.status().await["directory"]["rebuilding"], true);
    let post = Request::new(http::Method::POST, format!("/hub/api/users/{ada}/server"))
        .with("authorization", &format!("token {token}"))
        .with("accept", "application/json");
    let answer = site.browser().send(post).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(!runs(&site, "hub-a", &ada));

    return_to_life(&site, "hub-s").await;
    site.until("it is ready", |status| status["readiness"]["ready"] == "yes").await;
    assert_eq!(site.status().await["directory"]["not_asked"], json!([]));
}

#[tokio::test]
async fn a_router_that_forgot_everything_asks_the_hubs_before_it_starts_anything() {
    let mut site = known(sketch(FAILOVER)).await;
    let ada = site.user_at("hub-a", 0);
    site.logged_in(&ada).await;
    site.hub("hub-s").start_server(&ada, "").await;

    site.restart().await;
    let token = site.hub("hub-a").token_of(&ada);
    let post = Request::new(http::Method::POST, format!("/hub/api/users/{ada}/server"))
        .with("authorization", &format!("token {token}"))
        .with("accept", "application/json");
    let answer = site.browser().send(post).await;

    assert!(!runs(&site, "hub-a", &ada), "she has a server at hub-s: {} {}", answer.status, answer.body);
    site.until("she is recorded there", |status| hub(status, "hub-s")["assigned"] == 1).await;
}
