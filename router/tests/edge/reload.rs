//! A new configuration is taken whole or not at all, and what is under way does not notice.

use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use hubrouter_loadtest::simhub::SimHub;

use super::support::{Browser, RawHub, Request, Site, Sketch, Wire, logged};

const SHORT_ADDRESSES: &str = "limits: {uri_bytes: 1KiB}";

fn two_hubs() -> Sketch {
    Sketch::with_hubs(&["hub-a", "hub-b"])
}

/// Whether the configuration before is in force, not [`SHORT_ADDRESSES`].
async fn takes_long_addresses(site: &Site) -> bool {
    let address = format!("/_hubrouter/{}", "x".repeat(2000));
    site.browser().send(Request::get(address)).await.status != 414
}

async fn until_short_addresses(site: &Site) {
    site.until_reloaded(true).await;
    assert!(!takes_long_addresses(site).await, "an accepted configuration is not in force");
}

fn with_short_addresses(text: &str) -> String {
    format!("{text}\n{SHORT_ADDRESSES}\n")
}

/// Puts `text` where `file` is, as editors do.
fn rename_over(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}

/// A release of a folder as Kubernetes mounts it: the files in a folder of their own, `..data` leads there.
fn release(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir(folder.join(name)).unwrap();
    std::fs::write(folder.join(name).join("hubrouter.yaml"), text).unwrap();
    std::os::unix::fs::symlink(name, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

/// A port that nobody listens on, below those that the system lends to outgoing connections: one of those could be taken
/// by any test between now and its use.
fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + (std::process::id() % 10_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}

fn listening_on(text: &str, addresses: &[&str]) -> String {
    let entries: Vec<String> = addresses.iter().map(|address| format!("{{address: '{address}'}}")).collect();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let at = lines.iter().position(|line| line.starts_with("listen:")).unwrap();
    lines[at] = format!("listen: [{}]", entries.join(", "));
    lines.join("\n")
}

#[tokio::test]
async fn a_file_that_is_written_is_taken() {
    let site = two_hubs().start().await;
    assert!(takes_long_addresses(&site).await);
    site.edit(with_short_addresses);
    until_short_addresses(&site).await;
}

#[tokio::test]
async fn a_file_that_an_editor_renames_over_the_old_one_is_taken() {
    let site = two_hubs().start().await;
    let text = std::fs::read_to_string(&site.file).unwrap();
    rename_over(&site.file, &with_short_addresses(&text));
    until_short_addresses(&site).await;
}

#[tokio::test]
async fn a_folder_that_kubernetes_swaps_is_taken() {
    let site = two_hubs().start().await;
    let folder = site.file.parent().unwrap();
    let text = std::fs::read_to_string(&site.file).unwrap();
    release(folder, "..2026_1", &text);
    std::os::unix::fs::symlink("..data/hubrouter.yaml", folder.join("link")).unwrap();
    std::fs::rename(folder.join("link"), &site.file).unwrap();
    site.until_reloaded(true).await;
    assert!(takes_long_addresses(&site).await);

    release(folder, "..2026_2", &with_short_addresses(&text));
    std::fs::remove_dir_all(folder.join("..2026_1")).unwrap();

    for _ in 0..200 {
        if !takes_long_addresses(&site).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the swapped folder was not noticed");
}

#[tokio::test]
async fn a_configuration_that_is_refused_changes_nothing_and_is_loud() {
    let site = two_hubs().start().await;
    let text = std::fs::read_to_string(&site.file).unwrap();
    let bad_from = text.lines().count() + 1;
    site.edit(|text| {
        format!("{text}limits: {{uri_bytes: 1KiB, uri_byte: 2}}\ntimeouts: {{connect: soon}}\n")
    });
    site.until_reloaded(false).await;

    let status = site.status().await;
    let problems = status["config"]["last_reload"]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let at = |key: &str| {
        problems.iter().find(|problem| problem["key"] == key).map(|problem| problem["line"].clone())
    };
    assert_eq!(at("limits.uri_byte"), Some(bad_from.into()), "{problems:#?}");
    assert_eq!(at("timeouts.connect"), Some((bad_from + 1).into()), "{problems:#?}");
    assert!(problems.iter().all(|problem| problem["hint"].as_str().is_some_and(|hint| !hint.is_empty())));
    let file = site.file.display().to_string();
    assert!(logged::lines_with(&file).iter().any(|line| line.contains("limits.uri_byte")));
    assert!(!logged::lines_with("the configuration was NOT reloaded").is_empty());
    assert!(takes_long_addresses(&site).await, "a part of a refused configuration is in force");

    std::fs::write(&site.file, with_short_addresses(&text)).unwrap();
    until_short_addresses(&site).await;
}

#[tokio::test]
async fn a_file_that_is_gone_changes_nothing() {
    let site = two_hubs().start().await;
    let text = std::fs::read_to_string(&site.file).unwrap();
    std::fs::remove_file(&site.file).unwrap();
    site.until_reloaded(false).await;
    assert_eq!(site.browser().open("/hub/login").await.status, 200);

    std::fs::write(&site.file, with_short_addresses(&text)).unwrap();
    until_short_addresses(&site).await;
}

#[tokio::test]
async fn sessions_outlive_a_rotation_of_the_keys() {
    let site = two_hubs().start().await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;
    let old = browser.cookie("hubrouter").expect("a session").to_owned();
    let folder = site.file.parent().unwrap();
    std::fs::write(folder.join("next.key"), "next-key-next-key-next-key-next-key").unwrap();
    site.hubs.iter().for_each(SimHub::forget_requests);

    site.edit(|text| {
        text.replace("keys: [{file: session.key}]", "keys: [{file: next.key}, {file: session.key}]")
    });
    site.until_reloaded(true).await;
    assert_eq!(browser.open("/hub/home").await.status, 200);
    assert_ne!(browser.cookie("hubrouter"), Some(old.as_str()), "the old signature was not replaced");

    let retired = |text: &str| {
        text.replace("keys: [{file: next.key}, {file: session.key}]", "keys: [{file: next.key}]")
    };
    site.edit(|text| with_short_addresses(&retired(text)));
    while takes_long_addresses(&site).await {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(browser.open("/hub/home").await.status, 200);

    let asked = site.hub("hub-a").requests().iter().any(|seen| seen.path() == "/hub/api/user");
    assert!(!asked, "the session was not believed");
}

#[tokio::test]
async fn a_secret_that_changes_is_read_again_and_old_sessions_are_asked_for() {
    let site = two_hubs().start().await;
    let ada = site.user_at("hub-a", 0);
    let mut browser = site.logged_in(&ada).await;
    let old = browser.cookie("hubrouter").expect("a session").to_owned();
    std::fs::write(site.file.with_file_name("session.key"), "another-key-another-key-another-key").unwrap();
    site.until_reloaded(true).await;
    site.hubs.iter().for_each(SimHub::forget_requests);

    assert_eq!(browser.open("/hub/home").await.status, 200);

    assert!(site.hub("hub-a").requests().iter().any(|seen| seen.path() == "/hub/api/user"));
    assert_ne!(browser.cookie("hubrouter"), Some(old.as_str()), "a cookie of a key that is gone was kept");
}

#[tokio::test]
async fn a_hub_that_joins_gets_its_users_and_one_that_leaves_loses_them() {
    let site = two_hubs().with_operators().start().await;
    let mut joins = RawHub::start().await;
    let entry = format!("  - {{id: hub-c, url: 'http://{}', storage: shared}}\n", joins.address);
    site.edit(|text| text.replace("hubs:\n", &format!("hubs:\n{entry}")));
    site.until_plane("hub-c", "proxy", "up").await;
    site.until_placed(3).await;
    let cleo = site.user_at("hub-c", 0);

    let mut client = site.wire().await;
    client.say(format!("GET /user/{cleo}/x HTTP/1.1\r\nHost: site\r\n\r\n")).await;
    let mut at_c = joins.request().await;
    at_c.wire.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
    client.until("first").await;

    site.edit(|text| text.replace(&entry, ""));
    // Nobody can be asked who has a server there: without its operators' word the hub stays.
    site.until("it is kept for its users", |status| {
        status["placement"]["waits"].as_str().is_some_and(|waits| waits.contains("hub-c"))
    })
    .await;
    let forced = serde_json::json!({"force": true, "reason": "it is gone"});
    assert_eq!(site.order("/placement/apply", forced).await.status, 200);
    site.until("hub-c is gone", |status| status["hubs"].as_array().unwrap().len() == 2).await;

    // What was under way goes on; what comes next goes to whom placement gives the user now.
    at_c.wire.say("later").await;
    assert_eq!(client.bytes(5).await, "later");
    let home = site.home_of(&cleo);
    site.hub(&home).forget_requests();
    client.say(format!("GET /user/{cleo}/x HTTP/1.1\r\nHost: site\r\n\r\n")).await;
    client.head().await;
    assert!(site.hub(&home).requests().iter().any(|seen| seen.path().contains(&cleo)));
    at_c.wire.ends().await;
}

#[tokio::test]
async fn a_hub_that_moves_is_met_at_its_new_address() {
    let (mut here, mut there) = (RawHub::start().await, RawHub::start().await);
    let site = Sketch::with_raw_hub(&here).start().await;
    let mut client = site.wire().await;
    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    let mut old = here.request().await;
    old.answer("here").await;
    client.until("here").await;

    site.edit(|text| text.replace(&here.address.to_string(), &there.address.to_string()));
    site.until_reloaded(true).await;

    client.say("GET /user/ada/x HTTP/1.1\r\nHost: site\r\n\r\n").await;
    there.request().await.answer("there").await;
    client.until("there").await;
    old.wire.ends().await;
}

#[tokio::test]
async fn listeners_come_and_go_and_their_connections_stay() {
    let site = two_hubs().start().await;
    let health = "GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n";
    let second = free_address();
    let mut before = site.wire().await;
    before.say(health).await;
    before.head().await;

    site.edit(|text| listening_on(text, &["127.0.0.1:0", &second]));
    site.until_reloaded(true).await;
    let mut at_second = Wire::to(second.parse().unwrap()).await;
    at_second.say(health).await;
    at_second.head().await;
    before.say(health).await;
    before.head().await;

    site.edit(|text| listening_on(text, &[&second]));
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(site.address).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(
        tokio::net::TcpStream::connect(site.address).await.is_err(),
        "a listener that is gone still takes connections"
    );
    for client in [&mut before, &mut at_second] {
        client.say(health).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_listener_may_give_way_to_a_wider_one_on_its_port() {
    let site = two_hubs().start().await;
    let narrow = free_address();
    let wide = narrow.replace("127.0.0.1", "0.0.0.0");
    site.edit(|text| listening_on(text, &["127.0.0.1:0", &narrow]));
    site.until_reloaded(true).await;

    site.edit(|text| listening_on(text, &["127.0.0.1:0", &wide]));
    // 127.0.0.2 is nobody's but the wide one's.
    let beside = narrow.replace("127.0.0.1", "127.0.0.2");
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(&beside).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let mut client = Wire::to(beside.parse().unwrap()).await;
    client.say("GET /_chp_healthz HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_listener_that_cannot_be_opened_refuses_the_whole_configuration() {
    let site = two_hubs().start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    site.edit(|text| with_short_addresses(&listening_on(text, &["127.0.0.1:0", &address])));
    site.until_reloaded(false).await;

    let status = site.status().await;
    let problem = &status["config"]["last_reload"]["problems"][0];
    assert!(problem["key"].as_str().unwrap().starts_with("listen"), "{problem}");
    assert!(problem["message"].as_str().unwrap().contains(&address), "which one? {problem}");
    assert!(takes_long_addresses(&site).await);
}

#[tokio::test]
async fn a_request_under_way_does_not_notice_a_reload() {
    let mut hub = RawHub::start().await;
    let site = Sketch::with_raw_hub(&hub).start().await;
    let mut client = site.wire().await;
    client
        .say("PUT /user/ada/api/contents/x HTTP/1.1\r\nHost: site\r\nContent-Length: 10\r\n\r\nfirst")
        .await;
    let mut at_hub = hub.request().await;
    at_hub.wire.bytes(5).await;

    site.edit(with_short_addresses);
    until_short_addresses(&site).await;

    client.say("later").await;
    at_hub.wire.bytes(5).await;
    at_hub.answer("saved").await;
    client.until("saved").await;
}

#[tokio::test]
async fn what_needs_a_restart_is_said() {
    let site = two_hubs().start().await;
    site.edit(|text| text.replace("workers: 2", "workers: 1"));
    site.until_reloaded(true).await;
    assert!(!logged::lines_with("workers changed: that takes effect at the next start").is_empty());
    assert_eq!(Browser::new(site.admin).send(Request::get("/livez")).await.status, 200);
}
