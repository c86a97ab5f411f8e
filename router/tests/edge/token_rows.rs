//! Tokens in other places than `Authorization`: in a path that asks whose one is, and codes that become one.

use http::Method;
use hubrouter_loadtest::simhub::{ApiToken, SimService, TokenOwner};

use super::support::{Answer, HUBS, Request, Site, Sketch};

const ASKS: &str = "/hub/api/authorizations/token";

/// All hubs know this token of a service, which may ask whose a token is.
const OF_ALL: &str = "token-of-all-hubs-0123";

async fn site() -> Site {
    let of_all = ApiToken {
        token: OF_ALL.into(),
        owner: TokenOwner::Service("checker".into()),
        scopes: vec!["list:users".into()],
    };
    Sketch::with_hubs(&HUBS)
        .each_hub(|hub| {
            hub.api_tokens.push(of_all.clone());
            hub.services = vec![SimService { name: "grader".into(), open: true }];
        })
        .configured("services: {grader: hub-b}")
        .start()
        .await
}

async fn asked(site: &Site, token: &str, by: Option<&str>) -> Answer {
    let request = Request::get(format!("{ASKS}/{token}"));
    let request = match by {
        Some(own) => request.with("authorization", &format!("token {own}")),
        None => request,
    };
    site.browser().send(request).await
}

/// The hubs to which a request with this path was passed on.
fn passed_on(site: &Site, path: &str) -> Vec<String> {
    let saw = |hub: &&&str| site.seen(hub).iter().any(|seen| seen.by_proxy && seen.path() == path);
    HUBS.iter().filter(saw).map(|hub| (*hub).to_owned()).collect()
}

#[tokio::test]
async fn whose_token_it_is_says_the_hub_that_knows_it_also_to_a_service_of_all_hubs() {
    let site = site().await;
    for hub in HUBS {
        let user = site.user_at(hub, 0);
        let token = site.hub(hub).token_of(&user);
        site.forget();

        let answer = asked(&site, &token, Some(OF_ALL)).await;

        assert_eq!((answer.status.as_u16(), &answer.json()["name"]), (200, &user.as_str().into()));
        assert_eq!(passed_on(&site, &format!("{ASKS}/{token}")), [hub]);
    }
}

#[tokio::test]
async fn an_unknown_token_is_unknown_to_the_hub_of_whoever_asks() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    let own = site.hub("hub-b").token_of(&user);

    let answer = asked(&site, "unknown-token-0123", Some(&own)).await;

    assert_eq!(answer.status, 404, "as a hub answers: {}", answer.body);
    assert_eq!(passed_on(&site, &format!("{ASKS}/unknown-token-0123")), ["hub-b"]);
}

#[tokio::test]
async fn nobody_is_told_whose_a_token_is() {
    let site = site().await;
    let user = site.user_at("hub-b", 0);
    let token = site.hub("hub-b").token_of(&user);

    for token in [token.as_str(), "unknown-token-0123"] {
        let answer = asked(&site, token, None).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(!answer.body.contains(&user) && !answer.body.contains(token), "{}", answer.body);
    }
}

fn token_request(client: &str, more: &[(&str, &str)]) -> Request {
    let usual = [("grant_type", "authorization_code"), ("code", "c"), ("client_id", client)];
    Request::form("/hub/api/oauth2/token", &[usual.as_slice(), more].concat())
}

#[tokio::test]
async fn a_code_is_exchanged_at_the_hub_of_the_server_that_asks() {
    let site = site().await;
    for hub in HUBS {
        let user = site.user_at(hub, 0);
        let named = format!("jupyterhub-user-{user}-gpu");
        let callback = format!("/user/{user}/gpu/oauth_callback");
        for request in [
            token_request(&format!("jupyterhub-user-{user}"), &[]),
            // By itself this id could be that of a user whose name ends in `-gpu`.
            token_request(&named, &[("redirect_uri", &callback)]),
        ] {
            site.forget();
            let answer = site.browser().send(request).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (401, &"invalid_client".into()));
            assert_eq!(passed_on(&site, "/hub/api/oauth2/token"), [hub]);
        }
    }
}

#[tokio::test]
async fn a_code_for_a_service_is_exchanged_at_the_services_hub() {
    let site = site().await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    site.forget();

    browser.send(token_request("service-grader", &[])).await;
    assert_eq!(passed_on(&site, "/hub/api/oauth2/token"), ["hub-b"]);

    site.forget();
    browser.send(token_request("of-nobody-we-know", &[])).await;
    assert_eq!(passed_on(&site, "/hub/api/oauth2/token"), ["hub-a"], "the visitor's");
}

#[tokio::test]
async fn a_token_request_that_could_mean_two_clients_or_is_too_long_reaches_no_hub() {
    let site = site().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let (of_ann, at_bobs) = (format!("jupyterhub-user-{ann}"), format!("/user/{bob}/oauth_callback"));
    site.forget();

    let two = token_request(&of_ann, &[("redirect_uri", &at_bobs)]);
    assert_eq!(site.browser().send(two).await.status, 400);
    let twice = token_request(&of_ann, &[("client_id", &of_ann)]);
    assert_eq!(site.browser().send(twice).await.status, 400);
    let long = token_request(&of_ann, &[("padding", &"x".repeat(70_000))]);
    assert_eq!(site.browser().send(long).await.status, 413);

    assert!(site.hubs_asked().is_empty());
    assert_eq!(site.browser().send(Request::new(Method::GET, "/hub/api/oauth2/token")).await.status, 405);
}
