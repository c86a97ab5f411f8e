//! API tokens in their plain form: the hub that knows a token gets its requests, and no other.

use http::Method;
use hubrouter_loadtest::simhub::{ApiToken, SimHub, TokenOwner};

use super::support::{Answer, Browser, HUBS, Request, Site, Sketch};

const WHOAMI: &str = "GET /hub/api/user";

async fn site() -> Site {
    Sketch::with_hubs(&HUBS).start().await
}

fn with_token(request: Request, token: &str) -> Request {
    request.with("authorization", &format!("token {token}"))
}

async fn ask(site: &Site, target: &str, token: &str) -> Answer {
    site.browser().send(with_token(Request::get(target), token)).await
}

/// Everything hubs were asked through their proxies, which is where requests go; questions of the router go to the hubs
/// themselves.
fn forwarded(site: &Site, hub: &str) -> usize {
    site.seen(hub).iter().filter(|seen| seen.by_proxy).count()
}

fn questions(site: &Site) -> usize {
    site.hubs.iter().map(SimHub::id).flat_map(|id| site.seen(id)).filter(|seen| !seen.by_proxy).count()
}

#[tokio::test]
async fn a_request_that_names_its_owner_goes_to_their_hub_and_nobody_is_asked() {
    let site = site().await;
    for hub in HUBS {
        let user = site.user_at(hub, 0);
        let token = site.hub(hub).token_of(&user);
        site.forget();
        for scheme in ["token", "Token", "bearer", "BEARER"] {
            let request = Request::get(format!("/hub/api/users/{user}"));
            let answer =
                site.browser().send(request.with("authorization", &format!("{scheme} {token}"))).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["name"]),
                (200, &user.as_str().into()),
                "{scheme}"
            );
        }
        assert_eq!((site.hubs_asked(), questions(&site)), (vec![hub], 0));
    }
}

#[tokio::test]
async fn a_script_starts_and_stops_its_owners_server() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    let token = site.hub("hub-b").token_of(&user);
    let server = |method| with_token(Request::new(method, format!("/hub/api/users/{user}/server")), &token);

    assert_eq!(site.browser().send(server(Method::POST)).await.status, 201);
    let status = ask(&site, &format!("/user/{user}/api/status"), &token).await;
    assert_eq!(status.status, 200, "{}", status.body);
    assert_eq!(site.browser().send(server(Method::DELETE)).await.status, 204);
    assert!(site.seen("hub-a").is_empty());
}

#[tokio::test]
async fn a_request_that_names_nobody_goes_to_the_hub_that_knows_the_token_which_is_asked_once() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    let token = site.hub("hub-b").token_of(&user);
    site.forget();

    let first = ask(&site, "/hub/api/user", &token).await;
    assert_eq!((first.status.as_u16(), &first.json()["name"]), (200, &user.as_str().into()));
    assert_eq!(
        (site.times("hub-a", WHOAMI), site.times("hub-b", WHOAMI)),
        (1, 2),
        "one question each, one request"
    );

    site.forget();
    ask(&site, "/hub/api/user", &token).await;
    assert_eq!((site.hubs_asked(), questions(&site)), (vec!["hub-b"], 0), "the answer is kept");
}

#[tokio::test]
async fn the_token_counts_more_than_the_browser_it_comes_from() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    let user = site.user_at("hub-b", 0);
    let token = site.hub("hub-b").token_of(&user);
    let answer = browser.send(with_token(Request::get("/hub/api/user"), &token)).await;
    assert_eq!(answer.json()["name"], user.as_str());
}

#[tokio::test]
async fn a_token_that_no_hub_knows_is_refused_as_a_hub_does_and_the_refusal_is_kept() {
    let site = site().await;
    site.forget();

    let answer = ask(&site, "/hub/api/user", "unknown-token-0123").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (403, &403.into()));
    assert!(answer.json()["message"].is_string());
    assert!(!answer.body.contains("unknown-token-0123"));
    assert_eq!((questions(&site), forwarded(&site, "hub-a"), forwarded(&site, "hub-b")), (2, 0, 0));

    site.forget();
    assert_eq!(ask(&site, "/hub/api/user", "unknown-token-0123").await.status, 403);
    assert!(site.hubs_asked().is_empty());
}

async fn site_with_a_shared_token() -> Site {
    let shared = ApiToken {
        token: "shared-token-0123".into(),
        owner: TokenOwner::Service("grader".into()),
        scopes: vec!["list:users".into(), "list:services".into()],
    };
    Sketch::with_hubs(&HUBS).each_hub(|hub| hub.api_tokens.push(shared.clone())).start().await
}

#[tokio::test]
async fn a_token_of_several_hubs_is_sent_to_none_and_the_answer_says_how_to_choose() {
    let site = site_with_a_shared_token().await;

    let answer = ask(&site, "/hub/api/services", "shared-token-0123").await;

    assert_eq!(answer.status, 409, "{}", answer.body);
    let json = answer.json();
    assert_eq!((&json["status"], &json["hubs"]), (&409.into(), &serde_json::json!(HUBS)));
    assert_eq!(json["header"], "X-Hubrouter-Hub");
    assert!(json["message"].as_str().unwrap().contains("X-Hubrouter-Hub"), "{}", answer.body);
    assert_eq!((forwarded(&site, "hub-a"), forwarded(&site, "hub-b")), (0, 0));
}

#[tokio::test]
async fn a_list_or_a_write_on_everything_is_sent_to_no_hub_that_was_not_chosen() {
    let site = site().await;
    let user = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&user);
    site.forget();
    for (method, target) in [
        (Method::GET, "/hub/api/users"),
        (Method::GET, "/hub/api/users?state=active"),
        (Method::POST, "/hub/api/users"),
        (Method::GET, "/hub/api/groups"),
        (Method::POST, "/hub/api/groups/students"),
        (Method::DELETE, "/hub/api/groups/students/users"),
    ] {
        let answer = site.browser().send(with_token(Request::new(method.clone(), target), &token)).await;
        assert_eq!(answer.status, 409, "{method} {target}: {}", answer.body);
        assert_eq!(answer.json()["hubs"], serde_json::json!(HUBS));
    }
    assert!(site.hubs_asked().is_empty(), "a list needs no question whose token it is");
}

#[tokio::test]
async fn a_script_chooses_the_hub_by_a_field() {
    let site = site_with_a_shared_token().await;
    for hub in HUBS {
        site.forget();
        for target in ["/hub/api/users", "/hub/api/services"] {
            let request = Request::get(target).with("x-hubrouter-hub", hub);
            let answer = site.browser().send(with_token(request, "shared-token-0123")).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        }
        assert_eq!((site.hubs_asked(), questions(&site)), (vec![hub], 0));
        assert!(
            site.seen(hub).iter().all(|seen| seen.header("x-hubrouter-hub").is_none()),
            "our field stays here"
        );
    }
}

#[tokio::test]
async fn a_field_that_names_no_hub_or_two_is_refused_with_the_names_there_are() {
    let site = site().await;
    let user = site.user_at("hub-a", 0);
    let fields: [&[&str]; 5] = [&["hub-z"], &[""], &["HUB-A"], &["hub-a", "hub-b"], &["hub-\u{e9}"]];
    for values in fields {
        for target in ["/hub/api/users".to_owned(), "/hub/home".to_owned(), format!("/user/{user}/lab")] {
            let request = values
                .iter()
                .fold(Request::get(&target), |request, value| request.with("x-hubrouter-hub", value));
            let answer = site.browser().send(request).await;
            assert_eq!(answer.status, 400, "{values:?} {target}: {}", answer.body);
            assert!(answer.body.contains("hub-a, hub-b"), "{values:?} {target}: {}", answer.body);
        }
    }
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn an_owner_in_the_path_counts_more_than_the_chosen_hub() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    let token = site.hub("hub-b").token_of(&user);
    let request = Request::get(format!("/hub/api/users/{user}")).with("x-hubrouter-hub", "hub-a");
    assert_eq!(site.browser().send(with_token(request, &token)).await.status, 200);
    assert!(site.seen("hub-a").is_empty());
}

#[tokio::test]
async fn a_hub_that_is_silent_might_know_the_token_so_nobody_calls_it_wrong() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let (of_a, of_b) = (site.hub("hub-a").token_of(&ann), site.hub("hub-b").token_of(&bob));
    site.hub("hub-b").kill().await;

    let unknown = ask(&site, "/hub/api/user", &of_b).await;
    assert_eq!(unknown.status, 503, "{}", unknown.body);
    assert!(unknown.field("retry-after").is_some());
    let known = ask(&site, "/hub/api/user", &of_a).await;
    assert_eq!((known.status.as_u16(), &known.json()["name"]), (200, &ann.as_str().into()));
}

#[tokio::test]
async fn guessing_tokens_is_bounded_for_each_client() {
    let site = site().await;
    let mut asked = Vec::new();
    for number in 0..125 {
        asked.push(ask(&site, "/hub/api/user", &format!("guess-{number}")).await.status.as_u16());
    }
    assert_eq!(asked.iter().filter(|status| **status == 403).count(), 120);
    assert_eq!(asked.iter().filter(|status| **status == 429).count(), 5);
    assert_eq!(questions(&site), 2 * 120);
}

#[tokio::test]
async fn two_tokens_in_one_request_are_refused_and_reach_nobody() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let (of_a, of_b) = (site.hub("hub-a").token_of(&ann), site.hub("hub-b").token_of(&bob));
    site.forget();
    for target in
        ["/hub/api/user".to_owned(), format!("/hub/api/users/{ann}"), format!("/user/{bob}/api/status")]
    {
        let request = with_token(with_token(Request::get(&target), &of_a), &of_b);
        assert_eq!(site.browser().send(request).await.status, 400, "{target}");
    }
    assert!(site.hubs_asked().is_empty());
}

#[tokio::test]
async fn credentials_of_another_kind_are_no_token() {
    let site = site().await;
    let mut browser = site.logged_in(&site.user_at("hub-a", 0)).await;
    site.forget();

    browser.send(Request::get("/hub/api/user").with("authorization", "Basic YTpi")).await;

    assert_eq!((site.hubs_asked(), questions(&site)), (vec!["hub-a"], 0));
}

#[tokio::test]
async fn the_admin_pages_lists_come_from_the_hub_of_the_session() {
    let site = site().await;
    let mut admin = site.logged_in("admin").await;
    let home = site.home_of("admin");
    let token = admin.cookie(&format!("_xsrf.{home}")).unwrap().to_owned();

    let list = admin
        .send(Request::get(format!("/hub/api/users?_xsrf={token}")).with("sec-fetch-mode", "cors"))
        .await;

    assert_eq!(list.status, 200, "{}", list.body);
    assert_eq!(site.times(&home, "GET /hub/api/users"), 1);
}

#[tokio::test]
async fn a_user_is_not_renamed_to_a_name_of_another_hub() {
    let site = site().await;
    let (ann, near, far) = (site.user_at("hub-a", 0), site.user_at("hub-a", 1), site.user_at("hub-b", 0));
    let hub = site.hub("hub-a");
    hub.token_of(&ann);
    let admin = hub.token_of("admin");
    let rename = |body: &str| {
        let request = Request::new(Method::PATCH, format!("/hub/api/users/{ann}"))
            .with("content-type", "application/json");
        with_token(request, &admin).body(body.to_owned())
    };
    site.forget();
    for body in [
        format!("{{\"name\": \"{far}\"}}"),
        format!("{{\"name\": \"{}\", \"admin\": true}}", far.to_uppercase()),
    ] {
        let answer = site.browser().send(rename(&body)).await;
        assert_eq!(answer.status, 403, "{body}: {}", answer.body);
    }
    for body in ["", "{", "[]", &format!("{{\"name\": \"{near}\", \"name\": \"{far}\"}}")] {
        assert_eq!(site.browser().send(rename(body)).await.status, 400, "{body}");
    }
    assert!(site.hubs_asked().is_empty());

    let kept = site.browser().send(rename(&format!("{{\"name\": \"{ann}\", \"admin\": false}}"))).await;
    assert_eq!(kept.status, 200, "{}", kept.body);
    let renamed = site.browser().send(rename(&format!("{{\"name\": \"{near}\"}}"))).await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    assert!(hub.users().contains(&near) && !hub.users().contains(&ann));
}

#[tokio::test]
async fn tokens_are_on_no_page_and_no_answer_of_the_router() {
    let site = site_with_a_shared_token().await;
    let mut browser: Browser = site.browser();
    for (target, token) in [
        ("/hub/api/services?token=secret-in-query", "shared-token-0123"),
        ("/hub/api/user?_xsrf=secret-in-query", "unknown-secret-0123"),
        ("/hub/api/users?token=secret-in-query", "shared-token-0123"),
        ("/hub/api/shutdown?token=secret-in-query", "shared-token-0123"),
        ("/user/a%2fb/?token=secret-in-query", "shared-token-0123"),
    ] {
        for accept in ["application/json", "text/html"] {
            let answer = browser.send(with_token(Request::get(target).with("accept", accept), token)).await;
            assert!(answer.status.is_client_error(), "{target}");
            assert!(
                !answer.body.contains("secret") && !answer.body.contains(token),
                "{target}: {}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn a_hub_that_is_away_delays_no_token_of_the_others_and_what_they_said_is_kept() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&ann);
    site.hub("hub-b").hang(true);
    site.until_plane("hub-b", "proxy", "down").await;
    site.forget();

    let began = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(ask(&site, "/hub/api/user", &token).await.json()["name"], ann.as_str());
    }

    assert!(began.elapsed() < std::time::Duration::from_millis(1500), "somebody waited for the dead hub");
    let questions =
        site.seen("hub-a").iter().filter(|seen| !seen.by_proxy && seen.path() == "/hub/api/user").count();
    assert_eq!(questions, 1, "a good answer is kept, although not every hub could be asked");
}
