//! Whose start is it? A browser that holds a login elsewhere never starts a second server there, whatever goes wrong.

use super::support::site::PASSWORD;
use super::support::{Browser, Request, Site, Sketch};

/// A user at home on hub-a whose browser holds nothing but a login of hub-b, where they were a guest.
async fn guest_at_b() -> (Site, String, Browser) {
    let site = Sketch::with_hubs(&["hub-a", "hub-b"]).start().await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));
    let mut browser = site.browser();
    browser.log_in(&format!("/hub/login?next=/hub/user/{bob}/"), &ann, PASSWORD).await;
    assert!(browser.cookie("jupyterhub-hub-login.hub-b").is_some());
    browser.forget("hubrouter");
    (site, ann, browser)
}

/// Uses up what the router asks about one client address in a minute.
async fn use_up_the_questions(browser: &mut Browser) {
    for _ in 0..6 {
        browser.open("/hub/token").await;
        browser.forget("hubrouter");
    }
}

fn nothing_runs_at_b(site: &Site) {
    assert_eq!(site.hub("hub-b").servers(), []);
}

#[tokio::test]
async fn a_start_that_is_nobodys_for_certain_goes_by_the_login_to_ones_own_hub() {
    let (site, ann, mut browser) = guest_at_b().await;
    use_up_the_questions(&mut browser).await;

    let page = browser.open("/hub/spawn").await;

    assert_eq!(
        (page.status.as_u16(), page.way.len()),
        (503, 1),
        "a page, not a redirect that could go round for ever"
    );
    assert!(page.body.contains("href=\"/hub/login?next=%2Fhub%2Fspawn\""), "{}", page.body);
    let form = browser.open("/hub/login?next=%2Fhub%2Fspawn").await;
    assert!(form.body.contains("hub-a") && form.body.contains("name=\"_xsrf\""), "{}", form.body);
    nothing_runs_at_b(&site);
    browser.log_in("/hub/home", &ann, PASSWORD).await;
    let lab = browser.open("/hub/spawn").await;
    assert_eq!(lab.status, 200, "{:?}", lab.way);
    assert_eq!(site.hub("hub-a").servers().len(), 1);
    nothing_runs_at_b(&site);
}

#[tokio::test]
async fn a_form_that_starts_a_server_is_not_passed_on_for_somebody_unknown() {
    let (site, _, mut browser) = guest_at_b().await;
    use_up_the_questions(&mut browser).await;
    site.hub("hub-b").forget_requests();

    let answer = browser.send(Request::form("/hub/spawn", &[("profile", "big")])).await;

    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("Nothing was started"), "{}", answer.body);
    assert!(!site.hub("hub-b").requests().iter().any(|seen| seen.method == "POST"));
    nothing_runs_at_b(&site);
}

#[tokio::test]
async fn a_start_waits_while_the_hub_that_knows_the_browser_is_away() {
    let (site, _, mut browser) = guest_at_b().await;
    site.hub("hub-b").stop_hub().await;
    site.until_plane("hub-b", "hub", "starting").await;

    let page = browser.open("/hub/spawn").await;

    assert_eq!(page.status, 503, "{:?}", page.way);
    assert_eq!(site.hub("hub-a").servers(), []);
}
