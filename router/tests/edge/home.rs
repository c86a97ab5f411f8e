//! Every user meets their own hub, and only that one.

use hubrouter_loadtest::simhub::Plane;

use super::support::Sketch;

#[tokio::test]
async fn two_users_on_two_hubs_log_in_by_form_and_work_at_home() {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    for hub in ["hub-a", "hub-b"] {
        let user = site.user_at(hub, 0);
        let mut browser = site.logged_in(&user).await;
        assert!(browser.open("/hub/home").await.body.contains(hub), "{user} is not at {hub}");
        let lab = browser.open("/hub/spawn").await;
        assert_eq!(lab.status, 200, "{:?}: {}", lab.way, lab.body);
        let servers = site.hub(hub).servers();
        assert!(
            servers.iter().any(|(owner, ..)| *owner == user),
            "{user} has no server at {hub}: {servers:?}"
        );
    }
    assert_eq!(site.hub("hub-a").servers().len() + site.hub("hub-b").servers().len(), 2);
}

#[tokio::test]
async fn a_notebook_request_goes_to_the_owners_hub_whoever_asks() {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.logged_in(&ann).await;
    site.hubs.iter().for_each(hubrouter_loadtest::simhub::SimHub::forget_requests);

    browser.send(super::support::Request::get(format!("/user/{bob}/lab"))).await;

    let seen = |hub: &str| site.hub(hub).requests().iter().filter(|seen| seen.path().contains(&bob)).count();
    assert_eq!((seen("hub-a"), seen("hub-b")), (0, 1));
    let at_b = site.hub("hub-b").requests();
    assert!(at_b.iter().all(|seen| seen.plane != Plane::Hub || seen.cookies().is_empty()));
}
