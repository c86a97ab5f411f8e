//! The router's own cookies, signed by whoever holds a key: to read what the router set, and to make what it did not.

use std::time::{Duration, SystemTime};

use hubrouter::core::login::{LoginMark, Strength};
use hubrouter::identify::signed::{Keyring, Kind, OwnCookies};
use hubrouter_config::{Secret, Session};
use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::site::KEY;

/// A key that is not the site's.
pub const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";

const DAY: Duration = Duration::from_hours(24);

/// Somebody who signs with a key.
pub struct Forger(OwnCookies);

impl Forger {
    /// With the key of every test's site.
    pub fn with_the_sites_key() -> Self {
        Self::with_key(KEY)
    }

    pub fn with_key(key: &str) -> Self {
        let session = Session { keys: vec![Secret::new(key.as_bytes().to_vec())], lifetime: 14 * DAY };
        Self(OwnCookies::new(Keyring::from_config(&session, [0; 32]), false, NameRule::Lower))
    }

    /// The value of a session that was set so many days ago.
    pub fn session(&self, user: &str, days_ago: u32) -> String {
        let user = UserName::canonical(user, NameRule::Lower).unwrap();
        value(&self.0.set_session(&user, SystemTime::now() - days_ago * DAY).unwrap())
    }

    /// The value of a mark of a login that goes on at `hub`.
    pub fn login(&self, hub: &str, strength: Strength, rounds: u8) -> String {
        let mark = LoginMark { hub: hub.parse().unwrap(), strength, rounds };
        value(&self.0.set_login(&mark, SystemTime::now()))
    }

    /// The value of a chosen hub.
    pub fn chosen_hub(&self, hub: &str) -> String {
        value(&self.0.set_chosen_hub(&hub.parse().unwrap(), SystemTime::now()))
    }

    /// Whom a session names, if this key signed it.
    pub fn user_of(&self, session: &str) -> Option<String> {
        self.0.session([session], SystemTime::now()).map(|session| session.user.to_string())
    }

    /// The hub, strength and rounds of a login's mark.
    pub fn mark_of(&self, login: &str) -> Option<(String, Strength, u8)> {
        let mark = self.0.login([login], SystemTime::now())?;
        Some((mark.hub.to_string(), mark.strength, mark.rounds))
    }

    pub fn name(&self, kind: Kind) -> &'static str {
        self.0.name(kind)
    }
}

fn value(line: &http::HeaderValue) -> String {
    let line = line.to_str().unwrap();
    line.split_once('=').unwrap().1.split(';').next().unwrap().to_owned()
}
