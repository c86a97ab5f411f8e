//! What hubs saw of a test, and what a page says of the hub that made it.

use std::time::Duration;

use hubrouter_loadtest::simhub::{Plane, Seen, SimHub};

use super::site::TOKEN;
use super::{Answer, Browser, Site};

impl Site {
    /// What this hub was asked, in order, without the router's probes.
    pub fn seen(&self, hub: &str) -> Vec<Seen> {
        self.hub(hub).requests().into_iter().filter(|seen| !is_probe(seen)).collect()
    }

    /// The same as `METHOD /path`.
    pub fn asked(&self, hub: &str) -> Vec<String> {
        self.seen(hub).iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect()
    }

    /// How often this hub was asked exactly this.
    pub fn times(&self, hub: &str, asked: &str) -> usize {
        self.asked(hub).iter().filter(|seen| *seen == asked).count()
    }

    /// The hubs that were asked anything at all.
    pub fn hubs_asked(&self) -> Vec<&str> {
        self.hubs.iter().map(SimHub::id).filter(|id| !self.seen(id).is_empty()).collect()
    }

    /// From now on only what comes after counts.
    pub fn forget(&self) {
        self.hubs.iter().for_each(SimHub::forget_requests);
    }

    /// The way to an answer as `hub-a /user/ada/lab`: which hub was asked for each address that the browser went to.
    pub fn way(&self, answer: &Answer) -> Vec<String> {
        let hub_of = |target: &str| {
            let saw = |hub: &&SimHub| hub.requests().iter().any(|seen| seen.target == target);
            self.hubs.iter().find(saw).map_or("router", |hub| hub.id())
        };
        let path = |target: &str| target.split('?').next().unwrap().to_owned();
        answer.way.iter().map(|target| format!("{} {}", hub_of(target), path(target))).collect()
    }

    /// Waits until the hub was asked this; at most ten seconds, for what is told in the background.
    pub async fn until_asked(&self, hub: &str, asked: &str) {
        for _ in 0..500 {
            if self.times(hub, asked) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{hub} was never asked {asked}: {:?}", self.asked(hub));
    }

    /// Waits until the hub itself, not its proxy for it, was asked to log somebody out: what failed is tried again every
    /// five seconds.
    pub async fn until_told(&self, hub: &str) {
        self.forget();
        self.until_asked(hub, "GET /hub/logout").await;
    }

    /// The one request of the hub with this path; panics if there was none or another.
    pub fn only(&self, hub: &str, path: &str) -> Seen {
        let found: Vec<Seen> = self.seen(hub).into_iter().filter(|seen| seen.path() == path).collect();
        let [one] = found.as_slice() else { panic!("{hub} was asked {:?}", self.asked(hub)) };
        one.clone()
    }

    /// The one GET of the hub with this path.
    pub fn only_get(&self, hub: &str, path: &str) -> Seen {
        let mut found: Vec<Seen> =
            self.seen(hub).into_iter().filter(|seen| seen.method == "GET" && seen.path() == path).collect();
        assert_eq!(found.len(), 1, "{hub} was asked {:?}", self.asked(hub));
        found.remove(0)
    }

    /// A browser in which `user` is logged in and has a running server.
    pub async fn at_work(&self, user: &str) -> Browser {
        let mut browser = self.logged_in(user).await;
        let lab = browser.open("/hub/spawn").await;
        assert_eq!(lab.status, 200, "{user} has no server: {:?} {}", lab.way, lab.body);
        browser
    }
}

fn is_probe(seen: &Seen) -> bool {
    let by_router = seen.header("authorization").is_some_and(|field| field.ends_with(TOKEN));
    seen.plane == Plane::Proxy || seen.path().ends_with("hub/health") || by_router
}

impl Answer {
    /// The hub that made this page, by its own words.
    pub fn hub(&self) -> &str {
        let by_hub = self.body.split_once("served by ").map(|(_, rest)| rest);
        let by_server = self.body.split_once("data-hub=\"").map(|(_, rest)| rest);
        let rest =
            by_hub.or(by_server).unwrap_or_else(|| panic!("no hub made this: {:?} {}", self.way, self.body));
        rest.split(['<', '"']).next().unwrap()
    }

    /// Whether it is a hub's login form.
    pub fn is_login_form(&self) -> bool {
        self.body.contains("name=\"password\"")
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.field("location").unwrap_or_else(|| panic!("{} leads nowhere: {}", self.status, self.body))
    }

    /// Whether a `Set-Cookie` line gives this cookie a value.
    pub fn sets(&self, name: &str) -> bool {
        self.set_cookies().iter().any(|line| value_of(line, name).is_some_and(|value| !value.is_empty()))
    }

    /// Whether a `Set-Cookie` line ends this cookie.
    pub fn ends(&self, name: &str) -> bool {
        self.set_cookies().iter().any(|line| value_of(line, name) == Some(""))
    }
}

fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.strip_prefix(name)?.strip_prefix('=')?.split(';').next()?;
    Some(value.trim_matches('"'))
}

impl Browser {
    /// Whether the browser holds a login of this hub.
    pub fn has_login(&self, hub: &str) -> bool {
        self.cookie(&format!("jupyterhub-hub-login.{hub}")).is_some()
    }

    /// The names of all cookies, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.cookies().iter().map(|cookie| cookie.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
