//! What the routing table promises: every row met, every name read once, one owner per address.

mod made;
mod names;
mod owners;
mod rows;

use http::Method;

use super::{BadPath, Place, classify};
use crate::names::NameRule;
use crate::site::Site;

fn site(base: &str) -> Site {
    Site::new(base.parse().unwrap(), NameRule::Lower, ["site.example".to_owned()])
}

/// A GET on a site without a base path.
fn get(target: &str) -> Result<Place, BadPath> {
    ask(&site("/"), "GET", target)
}

fn ask(site: &Site, method: &str, target: &str) -> Result<Place, BadPath> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    classify(site, &method.parse::<Method>().unwrap(), path, query)
}

/// The owner's name, or what is wrong.
fn owner(target: &str) -> Result<Option<String>, BadPath> {
    get(target).map(|place| place.owner.map(|owner| owner.to_string()))
}
