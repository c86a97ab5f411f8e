//! What the tests of the jars share: sites, fields, and the browser's part.

use http::HeaderValue;
use hubrouter_config::HubId;

use super::{Cookies, JarRules, Reason, Sender, SetCookie};
use crate::{NameRule, Plane, Site};

pub(crate) fn hub(id: &str) -> HubId {
    id.parse().unwrap()
}

pub(crate) fn site(base: &str) -> Site {
    Site::new(base.parse().unwrap(), NameRule::Lower, [])
}

/// An https site at `/` with these hubs.
pub(crate) fn hubs(ids: &[&str]) -> JarRules {
    rules("/", ids, None)
}

pub(crate) fn two_hubs() -> JarRules {
    hubs(&["hub-a", "hub-b"])
}

pub(crate) fn adopting(id: &str) -> JarRules {
    rules("/", &["hub-a", "hub-b"], Some(id))
}

pub(crate) fn rules(base: &str, ids: &[&str], adopt: Option<&str>) -> JarRules {
    let ids: Vec<HubId> = ids.iter().map(|id| hub(id)).collect();
    JarRules::new(&site(base), &ids, &[], adopt.map(hub).as_ref(), true)
}

pub(crate) fn read<'a>(rules: &'a JarRules, field: &'a str) -> Cookies<'a> {
    Cookies::read(rules, [field.as_bytes()].into_iter())
}

pub(crate) fn text(value: Option<HeaderValue>) -> String {
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

pub(crate) fn ids(hubs: &[HubId]) -> Vec<&str> {
    hubs.iter().map(AsRef::as_ref).collect()
}

pub(crate) fn lines(lines: &[HeaderValue]) -> Vec<&str> {
    lines.iter().map(|line| line.to_str().unwrap()).collect()
}

/// What becomes of a line that this hub sends from its own pages.
pub(crate) fn from_hub(rules: &JarRules, id: &str, line: &str, state: Option<&str>) -> SetCookie {
    let sender = Sender { hub: &hub(id), plane: Plane::Hub, path: "/hub/login", state };
    rules.to_client(&sender, &HeaderValue::from_str(line).unwrap())
}

/// What becomes of a line that a server or service behind `hub-a` sends in answer to `path`.
pub(crate) fn from_server(rules: &JarRules, path: &str, line: &[u8]) -> SetCookie {
    let plane = if path.contains("/services/") { Plane::Service } else { Plane::User };
    let sender = Sender { hub: &hub("hub-a"), plane, path, state: None };
    rules.to_client(&sender, &HeaderValue::from_bytes(line).unwrap())
}

/// The line that reaches the browser, which must be one.
pub(crate) fn passed(outcome: SetCookie) -> String {
    match outcome {
        SetCookie::Pass(value) => value.to_str().unwrap().to_owned(),
        SetCookie::Drop(reason) => panic!("dropped: {reason}"),
    }
}

/// Why the line does not reach the browser, if it does not.
pub(crate) fn dropped(outcome: &SetCookie) -> Option<Reason> {
    match outcome {
        SetCookie::Pass(_) => None,
        SetCookie::Drop(reason) => Some(*reason),
    }
}
