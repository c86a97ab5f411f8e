//! Every kind of address of a JupyterHub is recorded, or it is said why not.
//!
//! The rows are read from JupyterHub's handler tables by themselves, not from the router's: two readings check each other.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// How a row is covered.
enum By {
    /// This recording has a request of the row.
    Recording(&'static str),
    /// It cannot be recorded, for this reason.
    Not(&'static str),
}
use By::{Not, Recording as In};

/// Method, path (`<...>` is any segment, `**` any number of them), and what covers it. Below `base_url` but for a leading `/`.
#[rustfmt::skip] // one row per line, so that it reads as a table
const ROWS: &[(&str, &str, By)] = &[
    // Servers and services.
    ("GET", "user/<name>", In("pages/outside")),
    ("GET", "user/<name>/**", In("server/contents")),
    ("GET", "user/<name>/oauth_callback", In("server/bad-state")),
    ("GET", "user/<name>/logout", In("server/logout")),
    ("GET", "services/<name>/**", In("service/hop")),

    // Pages about an owner.
    ("GET", "hub/user/<name>/**", In("spawn/stopped")),
    ("GET", "hub/user/<name>/<server>/**", In("spawn/named")),
    ("GET", "hub/spawn/<name>", In("spawn/browser-next")),
    ("GET", "hub/spawn/<name>/<server>", In("spawn/named-page")),
    ("GET", "hub/spawn-pending/<name>", In("spawn/browser")),
    ("GET", "hub/spawn-pending/<name>/<server>", In("spawn/named")),

    // Pages about the visitor.
    ("GET", "", In("pages/root")),
    ("GET", "hub", In("pages/root")),
    ("GET", "hub/", In("pages/root")),
    ("GET", "hub/home", In("pages/home")),
    ("GET", "hub/token", In("pages/home")),
    ("GET", "hub/admin", In("pages/home")),
    ("GET", "hub/spawn", In("spawn/browser")),
    ("POST", "hub/spawn", In("spawn/form")),
    ("POST", "hub/spawn", In("spawn/busy")),
    ("GET", "hub/user-redirect/**", In("spawn/user-redirect")),
    ("GET", "hub/accept-share", In("sharing/code")),
    ("GET", "hub/logout", In("login/logout")),

    // Logins.
    ("GET", "hub/login", In("login/form")),
    ("POST", "hub/login", In("login/form")),
    ("GET", "hub/signup", In("login/signup")),
    ("POST", "hub/signup", In("login/signup")),
    ("GET", "hub/oauth_login", In("provider/login")),
    ("GET", "hub/oauth_callback", In("provider/login")),
    ("GET", "hub/<provider>/oauth_login", Not("an authenticator for several providers is a plug-in of its own")),
    ("GET", "hub/api/oauth2/authorize", In("hop/own")),
    ("POST", "hub/api/oauth2/authorize", In("hop/consent")),
    ("POST", "hub/api/oauth2/token", In("tokens/code")),

    // The REST API about an owner.
    ("GET", "hub/api/users/<name>", In("api/user")),
    ("POST", "hub/api/users/<name>", In("api/user")),
    ("PATCH", "hub/api/users/<name>", In("api/user")),
    ("DELETE", "hub/api/users/<name>", In("api/user")),
    ("POST", "hub/api/users/<name>/server", In("spawn/api")),
    ("POST", "hub/api/users/<name>/server", In("spawn/busy")),
    ("DELETE", "hub/api/users/<name>/server", In("spawn/api")),
    ("GET", "hub/api/users/<name>/server/progress", In("spawn/browser")),
    ("POST", "hub/api/users/<name>/servers/<server>", In("spawn/named")),
    ("PATCH", "hub/api/users/<name>/servers/<server>", In("spawn/named")),
    ("DELETE", "hub/api/users/<name>/servers/<server>", In("spawn/named")),
    ("GET", "hub/api/users/<name>/servers/<server>/progress", In("spawn/named-page")),
    ("POST", "hub/api/users/<name>/tokens", In("identity/tokens")),
    ("GET", "hub/api/users/<name>/tokens", In("identity/tokens")),
    ("DELETE", "hub/api/users/<name>/tokens/<id>", In("identity/tokens")),
    ("POST", "hub/api/users/<name>/activity", In("spawn/activity")),
    ("GET", "hub/api/users/<name>/shared", In("sharing/share")),
    ("POST", "hub/api/users/<name>/admin-access", In("api/admin-access")),
    ("POST", "hub/api/shares/<name>/<server>", In("sharing/share")),
    ("GET", "hub/api/shares/<name>", In("sharing/no-right")),
    ("POST", "hub/api/share-codes/<name>/", In("sharing/code")),

    // The REST API about the visitor, or about everything.
    ("GET", "hub/api/user", In("identity/cookie")),
    ("GET", "hub/api/user", In("identity/token")),
    ("GET", "hub/api/users", In("api/users")),
    ("POST", "hub/api/users", In("api/many-users")),
    ("GET", "hub/api/groups", In("api/groups")),
    ("POST", "hub/api/groups/<group>/users", In("api/groups")),
    ("GET", "hub/api/services", In("api/users-self")),
    ("GET", "hub/api/services/<name>", In("api/services")),
    ("GET", "hub/api/authorizations/token/<token>", In("tokens/whose-token")),
    ("GET", "hub/api/authorizations/cookie/<name>/<value>", In("tokens/whose-cookie")),

    // What is for everybody, and what for operators only.
    ("GET", "hub/api", In("pages/health")),
    ("GET", "hub/health", In("pages/health")),
    ("GET", "hub/api/health", In("pages/health")),
    ("GET", "/_chp_healthz", In("pages/health")),
    ("GET", "hub/api/info", In("pages/inner-workings")),
    ("GET", "hub/metrics", In("pages/inner-workings")),
    ("GET", "hub/api/metrics", In("pages/refused")),
    ("GET", "hub/api/proxy", In("pages/refused")),
    ("POST", "hub/api/proxy", In("pages/inner-workings")),
    ("PATCH", "hub/api/proxy", Not("it would take the recorded hub away from its proxy")),
    ("POST", "hub/api/shutdown", In("pages/refused")),

    // Parts of pages, and the rest.
    ("GET", "hub/static/**", In("pages/static")),
    ("GET", "hub/logo", In("pages/static")),
    ("GET", "favicon.ico", In("pages/outside")),
    ("GET", "hub/error/<code>", In("pages/error")),
    ("POST", "hub/security/csp-report", In("pages/csp-report")),
    ("GET", "hub/no/**", In("pages/unknown")),
    ("GET", "hub/api/no/**", In("pages/unknown")),
    ("GET", "foo", In("pages/outside")),
    ("GET", "//<name>.<domain>/**", Not("the router does not serve subdomain mode")),
];

/// A recording, read without what wrote it.
#[derive(Deserialize)]
struct Recorded {
    group: String,
    name: String,
    steps: Vec<Step>,
    answers: Vec<Value>,
}

#[derive(Deserialize)]
struct Step {
    method: String,
    path: String,
    #[serde(default)]
    aside: bool,
}

impl Recorded {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
        let groups = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = groups.filter(|path| path.is_dir()).flat_map(|group| std::fs::read_dir(group).unwrap());
        files
            .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
            .collect()
    }

    /// What was asked and kept: method, and path below `base_url`. `{location}` is where the answer before led to.
    fn asked(&self) -> Vec<(&str, &str)> {
        let kept: Vec<&Step> = self.steps.iter().filter(|step| !step.aside).collect();
        assert_eq!(kept.len(), self.answers.len(), "{}/{}", self.group, self.name);
        let mut location = "";
        let mut asked = Vec::new();
        for (step, answer) in kept.into_iter().zip(&self.answers) {
            let target = if step.path == "{location}" { location } else { step.path.as_str() };
            let path = target.split('?').next().unwrap();
            let below = path.strip_prefix("{base}").or(location_path(path)).unwrap_or(path);
            asked.push((step.method.as_str(), below));
            location = answer["headers"]["location"].as_str().unwrap_or(location);
        }
        asked
    }

    fn has(&self, method: &str, pattern: &str) -> bool {
        let pattern = segments(pattern);
        self.asked().iter().any(|(asked, path)| *asked == method && fits(&pattern, &segments(path)))
    }
}

/// Recorded redirects have the base path of the recording hub: `/`.
fn location_path(path: &str) -> Option<&str> {
    path.strip_prefix('/').filter(|rest| rest.starts_with("hub") || rest.starts_with("user/"))
}

fn segments(path: &str) -> Vec<&str> {
    // `{ada/}` is one segment.
    path.split('/').filter(|segment| *segment != "}").collect()
}

fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        (["**"], _) => true,
        ([], []) => true,
        ([wanted, pattern @ ..], [found, path @ ..]) => {
            let same = wanted == found || wanted.starts_with('<') && !found.is_empty();
            same && fits(pattern, path)
        }
        _ => false,
    }
}

#[test]
fn every_kind_of_address_is_recorded_or_it_is_said_why_not() {
    let recordings = Recorded::all();
    let named = |name: &str| {
        recordings.iter().find(|recording| format!("{}/{}", recording.group, recording.name) == name)
    };
    for (method, pattern, by) in ROWS {
        match by {
            In(name) => {
                let recording = named(name).unwrap_or_else(|| panic!("there is no recording {name}"));
                assert!(recording.has(method, pattern), "{name} has no {method} {pattern}");
            }
            Not(reason) => {
                assert!(reason.len() > 20, "{method} {pattern}: say why it is not recorded");
                assert!(
                    !recordings.iter().any(|recording| recording.has(method, pattern)),
                    "{method} {pattern} is recorded"
                );
            }
        }
    }
}

#[test]
fn every_kind_of_error_that_a_client_waits_for_is_recorded() {
    let recordings = Recorded::all();
    let busy = recordings.iter().find(|recording| recording.name == "busy").unwrap();
    let refused: Vec<_> = busy.answers.iter().filter(|answer| answer["status"] == 429).collect();
    assert!(refused.len() >= 2, "by the API and by a page");
    assert!(refused.iter().all(|answer| answer["headers"]["retry-after"] == "<seconds>"), "{refused:?}");
}
