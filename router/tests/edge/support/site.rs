//! Simulated hubs and the router in front of them, on loopback with ports of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hubrouter::app::{self, Running, Setup};
use hubrouter::control::load;
use hubrouter::core::placement;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_loadtest::simhub::{ApiToken, SimHub, SimHubOptions, TokenOwner};

use super::{Browser, RawHub, Wire, logged};

/// The token of the router at the hubs.
pub const TOKEN: &str = "router-token-0123456789";
/// The token of the operator who may do everything.
pub const BOSS: &str = "the-token-of-the-boss-0123";
/// The key of the session cookies.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The password of everybody.
pub const PASSWORD: &str = "pw";

/// What a test wants of its site.
pub struct Sketch {
    pub base_url: String,
    /// More lines of the configuration file.
    pub more: String,
    pub hubs: Vec<SimHubOptions>,
    /// Whether the router sees the hubs themselves beside their proxies.
    pub hub_urls: bool,
    /// Lines of the configuration file for hubs that the test plays itself.
    pub played: String,
    /// More keys of hubs, by id.
    pub words: Vec<(String, String)>,
    /// More files beside the configuration.
    pub files: Vec<(String, String)>,
}

impl Sketch {
    /// One hub, `raw`, that the test plays itself.
    pub fn with_raw_hub(hub: &RawHub) -> Self {
        Self::with_hubs(&[]).and_raw_hub("raw", hub)
    }

    /// One more hub that the test plays itself.
    pub fn and_raw_hub(mut self, id: &str, hub: &RawHub) -> Self {
        self.played.push_str(&format!("  - {{id: {id}, url: 'http://{}', storage: shared}}\n", hub.address));
        self
    }

    /// Hubs with these ids, each with its own cookie secret.
    pub fn with_hubs(ids: &[&str]) -> Self {
        let hubs = ids.iter().map(|id| SimHubOptions::named(id)).collect();
        let (more, played, words) = (String::new(), String::new(), Vec::new());
        Self { base_url: "/".into(), more, hubs, hub_urls: true, played, words, files: Vec::new() }
    }

    pub fn base_url(mut self, base_url: &str) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Adds lines to the configuration file.
    pub fn configured(mut self, more: &str) -> Self {
        self.more.push_str(more);
        self.more.push('\n');
        self
    }

    /// Adds keys to a hub, such as `tier: standby`; those of the same name take the place of the usual ones.
    pub fn hub_says(mut self, id: &str, keys: &str) -> Self {
        self.words.push((id.to_owned(), keys.to_owned()));
        self
    }

    /// Puts a file beside the configuration.
    pub fn with_file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Operators may give orders: see [`Site::order`].
    pub fn with_operators(self) -> Self {
        let admin = "admin: {address: '127.0.0.1:0', tokens: [{role: admin, token: {file: boss}}]}";
        self.configured(admin)
    }

    /// Changes every hub.
    pub fn each_hub(mut self, change: impl Fn(&mut SimHubOptions)) -> Self {
        self.hubs.iter_mut().for_each(change);
        self
    }

    pub async fn start(self) -> Site {
        Site::start(self).await
    }
}

/// A running site.
pub struct Site {
    pub hubs: Vec<SimHub>,
    pub address: SocketAddr,
    /// All public listeners, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    pub admin: SocketAddr,
    pub file: PathBuf,
    base_url: String,
    more: String,
    hub_urls: bool,
    played: String,
    words: Vec<(String, String)>,
    running: Option<Running>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start(sketch: Sketch) -> Self {
        logged::start();
        let mut hubs = Vec::new();
        for mut options in sketch.hubs {
            options.base_url.clone_from(&sketch.base_url);
            options.api_tokens.push(ApiToken {
                token: TOKEN.into(),
                owner: TokenOwner::Service("router".into()),
                scopes: ["list:users", "read:users", "read:servers", "proxy", "delete:servers"]
                    .map(Into::into)
                    .into(),
            });
            hubs.push(SimHub::start(options).await.expect("a simulated hub"));
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hubrouter.yaml");
        std::fs::write(folder.path().join("session.key"), KEY).unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        std::fs::write(folder.path().join("boss"), BOSS).unwrap();
        for (name, text) in &sketch.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let text = configuration(
            &sketch.base_url,
            &sketch.more,
            &hubs,
            sketch.hub_urls,
            &sketch.played,
            &sketch.words,
        );
        std::fs::write(&file, text).unwrap();
        let running = run(&file);
        let (address, admin) = (running.addresses[0], running.admin);
        let site = Self {
            hubs,
            address,
            addresses: running.addresses.clone(),
            admin,
            file,
            base_url: sketch.base_url,
            more: sketch.more,
            hub_urls: sketch.hub_urls,
            played: sketch.played,
            words: sketch.words,
            running: Some(running),
            _folder: folder,
        };
        site.until_probed().await;
        site
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser in which `user` has logged in by form at home.
    pub async fn logged_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let home = format!("{}hub/home", self.base_url);
        let answer = browser.log_in(&home, user, PASSWORD).await;
        assert_eq!(answer.status, 200, "{user} cannot log in: {}", answer.body);
        browser
    }

    /// The hub with this id.
    pub fn hub(&self, id: &str) -> &SimHub {
        self.hubs.iter().find(|hub| hub.id() == id).expect("a hub of the site")
    }

    /// The id of the hub where `user` is at home, by the router's own placement.
    pub fn home_of(&self, user: &str) -> String {
        let config = hubrouter_config::load(&self.file).expect("a legal file").config;
        let placement = placement::build(&config.placement, &config.hubs);
        let user = UserName::canonical(user, NameRule::Lower).expect("a user name");
        placement.home(&user).expect("a hub").to_string()
    }

    /// A user whose home is `hub`; `nth` tells several apart.
    pub fn user_at(&self, hub: &str, nth: usize) -> String {
        (0..10_000)
            .map(|number| format!("user{number}"))
            .filter(|user| self.home_of(user) == hub)
            .nth(nth)
            .expect("placement is balanced")
    }

    /// Writes the configuration file anew with other additional lines; the router takes it by itself.
    pub fn reconfigure(&self, more: &str) {
        let text = configuration(&self.base_url, more, &self.hubs, self.hub_urls, &self.played, &self.words);
        std::fs::write(&self.file, text).unwrap();
    }

    /// Changes the text of the configuration file; the router takes it by itself.
    pub fn edit(&self, change: impl Fn(&str) -> String) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        std::fs::write(&self.file, change(&text)).unwrap();
    }

    /// Waits until the router has judged a changed configuration: `accepted` or not.
    pub async fn until_reloaded(&self, accepted: bool) {
        let what = format!("a reload was {}", if accepted { "accepted" } else { "refused" });
        self.until(&what, |status| status["config"]["last_reload"]["accepted"] == accepted).await;
    }

    /// A raw connection to the site.
    pub async fn wire(&self) -> Wire {
        Wire::to(self.address).await
    }

    /// Tells the router to stop, as SIGTERM does; the handle ends when it has.
    pub fn stop(&mut self) -> tokio::task::JoinHandle<()> {
        let running = self.running.take().expect("a running router");
        tokio::task::spawn_blocking(move || running.stop())
    }

    /// Ends the router and starts it anew with the file as it is now; it has other addresses then.
    pub async fn restart(&mut self) {
        self.rerun().await;
        self.until_probed().await;
    }

    /// The same, without waiting until the new one is ready.
    pub async fn rerun(&mut self) {
        self.stop().await.unwrap();
        let running = run(&self.file);
        (self.address, self.admin) = (running.addresses[0], running.admin);
        self.addresses.clone_from(&running.addresses);
        self.running = Some(running);
    }

    /// The additional lines the site began with.
    pub fn more(&self) -> &str {
        &self.more
    }

    /// What the operator's door says.
    pub async fn status(&self) -> serde_json::Value {
        let request = super::Request::get("/status").with("authorization", &format!("Bearer {BOSS}"));
        Browser::new(self.admin).send(request).await.json()
    }

    /// Gives an order at the operator's door.
    pub async fn order(&self, path: &str, order: serde_json::Value) -> super::Answer {
        let request = super::Request::new(http::Method::POST, path)
            .with("authorization", &format!("Bearer {BOSS}"))
            .with("content-type", "application/json")
            .body(order.to_string());
        Browser::new(self.admin).send(request).await
    }

    /// Waits until the operator's door says something; at most ten seconds.
    pub async fn until(&self, what: &str, is: impl Fn(&serde_json::Value) -> bool) {
        for _ in 0..200 {
            if is(&self.status().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("in ten seconds it was not true that {what}: {:#}", self.status().await);
    }

    /// Waits until a plane (`proxy` or `hub`) of a hub is in a state.
    pub async fn until_plane(&self, hub: &str, plane: &str, state: &str) {
        let what = format!("the {plane} plane of {hub} is {state}");
        self.until(&what, |status| {
            let hubs = status["hubs"].as_array().unwrap();
            hubs.iter().any(|view| view["id"] == hub && view["planes"][plane]["state"] == state)
        })
        .await;
    }

    /// Waits until the placement of so many hubs is active.
    pub async fn until_placed(&self, hubs: usize) {
        let what = format!("the placement of {hubs} hubs is active");
        self.until(&what, |status| {
            let placement = &status["placement"];
            placement["hubs"].as_array().is_some_and(|placed| placed.len() == hubs)
                && placement["next"].is_null()
        })
        .await;
    }

    async fn until_probed(&self) {
        self.until("it is ready and every plane was probed", |status| {
            let hubs = status["hubs"].as_array().unwrap();
            status["readiness"]["ready"] == "yes"
                && hubs.iter().all(|hub| {
                    hub["planes"]["proxy"]["probed"] == true && hub["planes"]["hub"]["probed"] == true
                })
        })
        .await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // Its threads end by themselves; a test does not wait for open connections.
            std::thread::spawn(move || running.stop());
        }
    }
}

fn run(file: &Path) -> Running {
    let path = file.to_owned();
    let load = Box::new(move || load::load(&path));
    let setup = Setup { load, file: Some(file.to_owned()), source: file.display().to_string() };
    app::start(setup).unwrap_or_else(|error| panic!("{error}"))
}

/// The usual keys of a hub, without those that `words` says otherwise; `api_token: none` is no key at all.
fn usual(words: &str) -> String {
    let keys = [("storage", "storage: shared"), ("api_token", "api_token: {file: token}")];
    let own = keys.into_iter().filter(|(key, _)| !words.contains(&format!("{key}:")));
    let words = words.split(", ").filter(|word| !word.is_empty() && *word != "api_token: none");
    let lines: Vec<&str> = own.map(|(_, line)| line).chain(words).collect();
    lines.join(", ")
}

fn configuration(
    base_url: &str,
    more: &str,
    hubs: &[SimHub],
    hub_urls: bool,
    played: &str,
    words: &[(String, String)],
) -> String {
    let hubs: String = hubs
        .iter()
        .map(|hub| {
            let itself = if hub_urls { format!("hub_url: '{}', ", hub.hub_url()) } else { String::new() };
            let own: Vec<&str> =
                words.iter().filter(|(id, _)| id == hub.id()).map(|(_, keys)| keys.as_str()).collect();
            let keys = usual(&own.join(", "));
            format!("  - {{id: {}, url: '{}', {itself}{keys}}}\n", hub.id(), hub.url())
        })
        .collect();
    // A test's own lines replace those of the same section here.
    let section = |name: &str, line: &str| {
        if more.lines().any(|own| own.starts_with(&format!("{name}:"))) {
            String::new()
        } else {
            format!("{line}\n")
        }
    };
    format!(
        "hubs:\n{hubs}{played}{}{}{}{}{}{}{}{}{more}",
        section("listen", "listen: [{address: '127.0.0.1:0'}]"),
        section("admin", "admin: {address: '127.0.0.1:0'}"),
        section("workers", "workers: 2"),
        section("site", &format!("site: {{base_url: '{base_url}'}}")),
        section("placement", "placement: {seed: test}"),
        section("session", "session: {keys: [{file: session.key}]}"),
        section("health", "health: {interval: 300ms, timeout: 300ms, fall: 3, rise: 1}"),
        section("telemetry", "telemetry: {log: {format: text, level: warn}, access_log: false}"),
    )
}
