//! Managed services: at the hub that the configuration names, or at each visitor's own.

use hubrouter_loadtest::simhub::SimService;

use super::support::site::PASSWORD;
use super::support::{Browser, HUBS, Request, Site, Sketch};

async fn site(services: &str) -> Site {
    let open = |name: &str| SimService { name: name.into(), open: true };
    Sketch::with_hubs(&HUBS)
        .each_hub(|hub| hub.services = vec![open("grader"), open("notes")])
        .configured(&format!("services: {services}"))
        .start()
        .await
}

/// What the service says of itself and its visitor.
fn says(answer: &super::support::Answer) -> (String, String) {
    (answer.field("x-simhub").unwrap().to_owned(), answer.json()["user"].as_str().unwrap().to_owned())
}

async fn use_service(browser: &mut Browser, name: &str) -> super::support::Answer {
    let asked = browser.open(&format!("/services/{name}/")).await;
    if asked.body.contains("Authorize") { browser.agree(&asked).await } else { asked }
}

#[tokio::test]
async fn a_service_of_one_hub_is_reached_by_the_users_of_all() {
    let site = site("{grader: hub-b}").await;
    let (ann, bob) = (site.user_at("hub-a", 0), site.user_at("hub-b", 0));

    let mut at_home = site.logged_in(&bob).await;
    assert_eq!(says(&use_service(&mut at_home, "grader").await), ("hub-b".into(), bob));

    let mut visitor = site.logged_in(&ann).await;
    site.forget();
    let form = visitor.open("/services/grader/").await;
    assert!(form.is_login_form() && form.hub() == "hub-b", "{:?}", form.way);
    let consent = visitor.submit(&form, &ann, PASSWORD).await;
    assert_eq!(says(&visitor.agree(&consent).await), ("hub-b".into(), ann));
    assert!(site.seen("hub-a").is_empty(), "{:?}", site.asked("hub-a"));
    assert_eq!(visitor.open("/hub/home").await.hub(), "hub-a");
    assert_eq!(visitor.open("/services/grader/").await.way.len(), 1, "asked for nothing again");
}

#[tokio::test]
async fn a_service_without_a_hub_of_its_own_is_each_visitors() {
    for services in ["{}", "{notes: home}"] {
        let site = site(services).await;
        for hub in HUBS {
            let user = site.user_at(hub, 0);
            let mut browser = site.logged_in(&user).await;
            assert_eq!(says(&use_service(&mut browser, "notes").await), (hub.to_owned(), user), "{services}");
        }
    }
}

#[tokio::test]
async fn a_login_for_a_service_happens_where_the_service_is() {
    let site = site("{grader: hub-b}").await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.browser();

    let consent = browser.log_in("/services/grader/", &ann, PASSWORD).await;

    assert_eq!(says(&browser.agree(&consent).await), ("hub-b".into(), ann));
    assert!(browser.has_login("hub-b") && !browser.has_login("hub-a"), "{:?}", browser.names());
}

#[tokio::test]
async fn a_service_at_home_comes_from_the_chosen_hub_where_one_is_chosen() {
    let site = site("{}").await;
    let ann = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ann).await;
    browser.open("/_hubrouter/hub/hub-b").await;

    let form = browser.open("/services/notes/").await;
    let consent = browser.submit(&form, &ann, PASSWORD).await;

    assert_eq!(says(&browser.agree(&consent).await), ("hub-b".into(), ann));
}

#[tokio::test]
async fn a_service_sees_no_login_of_a_hub() {
    let site = site("{grader: hub-b}").await;
    let mut browser = site.logged_in(&site.user_at("hub-b", 0)).await;
    use_service(&mut browser, "grader").await;
    site.forget();

    browser.send(Request::get("/services/grader/")).await;

    let mut names: Vec<String> =
        site.only("hub-b", "/services/grader/").cookies().into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["_xsrf", "jupyterhub-session-id", "service-grader"]);
}
