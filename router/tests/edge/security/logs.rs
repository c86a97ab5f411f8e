//! Tokens, cookies and passwords are never logged.

use std::time::Duration;

use super::{HUBS, site};
use crate::support::site::{KEY, PASSWORD};
use crate::support::{Browser, Request, Site, Sketch};

/// A router in a process of its own, whose log can be read.
struct Process {
    child: std::process::Child,
    address: std::net::SocketAddr,
    log: std::path::PathBuf,
}

impl Process {
    /// In front of the hubs of a site, with everything logged that can be.
    async fn start(site: &Site) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let listen = format!("listen: [{{address: '{address}'}}]");
        let telemetry = "telemetry: {log: {format: json, level: trace}, access_log: true}";
        let text = std::fs::read_to_string(&site.file).unwrap();
        let kept =
            text.lines().filter(|line| !line.starts_with("telemetry:") && !line.starts_with("listen:"));
        let lines: Vec<&str> = [listen.as_str()].into_iter().chain(kept).chain([telemetry]).collect();
        let (file, log) = (site.file.with_file_name("logging.yaml"), site.file.with_file_name("log"));
        std::fs::write(&file, lines.join("\n")).unwrap();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_hubrouter"))
            .args(["serve", "--config"])
            .arg(&file)
            .env_remove("HUBROUTER_LOG")
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let process = Self { child, address, log };
        process.until_open().await;
        process
    }

    async fn until_open(&self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the router does not listen: {}", std::fs::read_to_string(&self.log).unwrap());
    }
}

impl Process {
    /// Ends it and reads what it logged.
    fn log(self) -> String {
        let file = self.log.clone();
        drop(self);
        std::fs::read_to_string(file).unwrap()
    }
}

/// The lines of the access log.
fn requests(log: &str) -> Vec<serde_json::Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["target"] == "access").collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn tokens_cookies_and_passwords_are_never_logged() {
    let site = site().await;
    let router = Process::start(&site).await;
    let mut browser = Browser::new(router.address);
    let ann = site.user_at("hub-a", 0);
    let token = site.hub("hub-a").token_of(&ann);
    let password = "a-wrong-secret-password";
    let page = browser.open("/hub/login").await;
    browser.submit(&page, &ann, password).await;
    browser.log_in("/hub/login?next=%2Fhub%2Fhome", &ann, PASSWORD).await;
    for target in [
        format!("/hub/api/user?token={token}"),
        format!("/user/{ann}/api?token={token}"),
        "/hub/api/users".to_owned(),
        format!("/user/a%2fb?token={token}"),
    ] {
        browser.send(Request::get(target).with("authorization", &format!("token {token}"))).await;
    }
    let cookies: Vec<String> = browser.cookies().iter().map(|cookie| cookie.value.clone()).collect();
    site.hub("hub-a").stop_hub().await;
    browser.open("/hub/logout").await;
    let log = router.log();
    assert!(
        log.lines().any(|line| line.contains("\"url.path\":\"/hub/api/users\"")),
        "nothing was logged: {log}"
    );
    let secrets = cookies.iter().map(String::as_str).chain([token.as_str(), password, KEY]);
    for secret in secrets.map(|secret| secret.trim_matches('"')).filter(|secret| secret.len() >= 16) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
    }
}

#[tokio::test]
async fn a_secret_in_a_path_is_masked_in_every_line_that_names_the_path() {
    for base in ["/", "/jhub/"] {
        let site = Sketch::with_hubs(&HUBS).base_url(base).start().await;
        let router = Process::start(&site).await;
        let mut browser = Browser::new(router.address);
        let ann = site.user_at("hub-a", 0);
        let token = site.hub("hub-a").token_of(&ann);
        let ask = |path: &str| Request::get(path).with("authorization", &format!("token {token}"));
        for path in [
            format!("{base}hub/api/authorizations/token/{token}"),
            format!("{base}hub/api/authorizations/token/{token}/"),
            format!("{base}hub/%61pi/%61uthorizations/tok%65n/{token}"),
            format!("{base}hub/api/authorizations/cookie/jupyterhub-hub-login/{token}"),
            format!("{base}hub/./api/authorizations/token/{token}"),
            format!("{base}hub//api/authorizations/token/{token}"),
            format!("/elsewhere/hub/api/authorizations/token/{token}"),
        ] {
            browser.send(ask(&path)).await;
        }
        site.hub("hub-a").kill().await;
        browser.send(ask(&format!("{base}hub/api/authorizations/token/{token}"))).await;

        let log = router.log();
        let line = log.lines().find(|line| line.contains(&token));
        assert_eq!(line, None, "the token was logged");
        let masked = format!("{base}hub/api/authorizations/token/[redacted]");
        let paths = requests(&log).into_iter().filter(|line| line["url.path"] == masked.as_str());
        assert_eq!(paths.count(), 4, "{log}");
    }
}

#[tokio::test]
async fn the_access_log_names_the_client_behind_trusted_proxies_and_its_proxy_apart() {
    for (trusted, client, peer) in [
        ("trusted_proxies: [127.0.0.0/8]", "203.0.113.9", serde_json::json!("127.0.0.1")),
        ("trusted_proxies: []", "127.0.0.1", serde_json::Value::Null),
    ] {
        let site = Sketch::with_hubs(&HUBS).configured(&format!("site: {{{trusted}}}")).start().await;
        let router = Process::start(&site).await;
        let mut browser = Browser::new(router.address);
        for path in ["/hub/api", "/user/a%2fb/"] {
            browser.send(Request::get(path).with("x-forwarded-for", "203.0.113.9")).await;
        }

        let lines = requests(&router.log());
        let of = |path: &str| lines.iter().find(|line| line["url.path"] == path).unwrap().clone();
        assert_eq!(of("/hub/api")["client.address"], client);
        assert_eq!(of("/hub/api")["network.peer.address"], peer);
        // Nothing that a refused head says is believed.
        assert_eq!(of("/user/a%2fb/")["client.address"], "127.0.0.1");
        assert_eq!(of("/user/a%2fb/")["network.peer.address"], serde_json::Value::Null);
    }
}
