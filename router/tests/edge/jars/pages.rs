//! Pages of one hub that call another, or ask for its files.

use http::Method;

use super::{admin_at_both, site};
use crate::support::Request;
use crate::support::other_than;

#[tokio::test]
async fn a_page_of_one_hub_calls_the_api_of_another_with_a_token_that_fits_there() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let page = admin.open("/hub/home").await;
    let token = page.body.split_once("xsrf_token: \"").unwrap().1.split('"').next().unwrap().to_owned();
    let path = format!("/hub/api/users/{owner}/tokens");
    let call = |target: String| {
        Request::new(Method::POST, target)
            .with("content-type", "application/json")
            .with("sec-fetch-mode", "cors")
            .with("origin", &format!("http://{}", site.address))
            .body("{}")
    };
    let calls = [
        call(format!("{path}?_xsrf={token}")),
        call(path.clone()).with("x-xsrftoken", &token),
        call(path.clone()).with("x-csrftoken", &token),
    ];
    for (number, call) in calls.into_iter().enumerate() {
        let made = admin.send(call).await;
        assert_eq!(made.status, 201, "call {number}: {}", made.body);
    }
    assert_eq!(site.times(away, &format!("POST {path}")), 3);
    let theirs = admin.cookie(&format!("_xsrf.{away}")).unwrap();
    let sent = site.seen(away).into_iter().find(|seen| seen.target.contains("?_xsrf=")).unwrap();
    assert!(sent.target.ends_with(theirs), "{} is not {theirs}", sent.target);

    let unknown = admin.send(call(format!("{path}?_xsrf=made-up"))).await;
    assert_eq!(unknown.status, 403, "a token of no jar is the hub's to refuse");
}

#[tokio::test]
async fn a_page_of_one_hub_may_nothing_at_another_where_there_is_no_login() {
    let site = site().await;
    let home = site.home_of("admin");
    let away = other_than(&home);
    let owner = site.user_at(away, 0);
    site.hub(away).token_of(&owner);
    let mut admin = site.logged_in("admin").await;
    let token = admin.cookie(&format!("_xsrf.{home}")).unwrap().to_owned();

    let call = Request::new(Method::POST, format!("/hub/api/users/{owner}/tokens?_xsrf={token}"))
        .with("content-type", "application/json")
        .with("origin", &format!("http://{}", site.address))
        .with("sec-fetch-mode", "cors");

    assert_eq!(admin.send(call).await.status, 403);
    assert_eq!(site.times(&home, &format!("POST /hub/api/users/{owner}/tokens")), 0);
}

#[tokio::test]
async fn files_of_a_page_come_from_the_hub_of_the_page() {
    let site = site().await;
    let (mut admin, away, owner) = admin_at_both(&site).await;
    let home = site.home_of("admin");
    site.forget();
    let origin = format!("http://{}", site.address);
    let css = || Request::get("/hub/static/css/style.min.css?v=1").with("sec-fetch-mode", "no-cors");

    admin.send(css().with("referer", &format!("{origin}/hub/user/{owner}/lab"))).await;
    assert_eq!(site.hubs_asked(), [away]);
    site.forget();
    for other in [format!("{origin}/hub/home"), format!("https://evil.example/user/{owner}/lab")] {
        admin.send(css().with("referer", &other)).await;
    }
    assert_eq!(site.hubs_asked(), [home.as_str()]);
}
