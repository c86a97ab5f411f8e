//! Whose cookies without a jar count, and for how long.
//!
//! As configured; else, when a second hub joins one that was alone, those of the first: nobody is logged out by that. Recorded
//! with the active placement; without a lasting directory known to this process alone, so `check` tells such sites of one hub
//! what to set before they grow.

use std::time::Instant;

use hubrouter_config::{Config, HubId};
use tracing::{info, warn};

/// A hub whose cookies without a jar count as its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    hub: HubId,
    /// When the second hub joined; none where the configuration says so.
    since: Option<Instant>,
}

impl Adoption {
    /// What the configuration says.
    #[must_use]
    pub fn configured(config: &Config) -> Option<Self> {
        config.site.adopt_sessions_of.clone().map(|hub| Self { hub, since: None })
    }

    /// What the directory has recorded: `hub` was alone until `since`.
    #[must_use]
    pub fn recorded(hub: HubId, since: Instant) -> Self {
        Self { hub, since: Some(since) }
    }

    /// What holds after a reload at `now`, where `adopted` held before.
    #[must_use]
    pub fn after(before: &Config, after: &Config, adopted: Option<Self>, now: Instant) -> Option<Self> {
        if let Some(configured) = Self::configured(after) {
            return Some(configured);
        }
        if let ([alone], [_, _, ..]) = (before.hubs.as_slice(), after.hubs.as_slice())
            && after.hub(&alone.id).is_some()
        {
            warn!(
                hub.id = %alone.id,
                "sessions of the hub that was alone before are adopted until session.lifetime is over or this process \
                 ends; set site.adopt_sessions_of to keep that over a restart"
            );
            return Some(Self { hub: alone.id.clone(), since: Some(now) });
        }
        // What the configuration said ends with it.
        adopted.filter(|adopted| adopted.since.is_some() && after.hub(&adopted.hub).is_some())
    }

    /// The hub.
    #[must_use]
    pub fn hub(&self) -> &HubId {
        &self.hub
    }

    /// When it is over: whoever has not come since then has no session that would be worth keeping.
    #[must_use]
    pub fn ends_at(&self, config: &Config) -> Option<Instant> {
        self.since.map(|since| since + config.session.lifetime)
    }

    /// Says that it is over.
    pub fn tell_end(&self) {
        info!(hub.id = %self.hub, "the adoption of its sessions from when it was alone is over");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hubrouter_config::FixedSources;

    use super::*;

    fn config(hubs: &str, more: &str) -> Config {
        let hubs: Vec<String> =
            hubs.split(' ').map(|id| format!("{{id: {id}, url: 'http://{id}'}}")).collect();
        let text = format!("hubs: [{}]\n{more}", hubs.join(", "));
        hubrouter_config::parse(&text, "t.yaml", &FixedSources::default()).unwrap().config
    }

    #[test]
    fn a_hub_that_was_alone_is_adopted_until_the_lifetime_of_sessions_is_over() {
        let (now, two) = (Instant::now(), config("a b", "session: {lifetime: 2h}\n"));
        let adopted = Adoption::after(&config("a", ""), &two, None, now).unwrap();

        assert_eq!(adopted.hub().as_ref(), "a");
        assert_eq!(adopted.ends_at(&two), Some(now + Duration::from_secs(7200)));
        let later = Adoption::after(&two, &config("a b c", ""), Some(adopted.clone()), now);
        assert_eq!(later, Some(adopted.clone()), "a reload begins no new time");
        assert_eq!(Adoption::after(&two, &config("b c", ""), Some(adopted), now), None);
    }

    #[test]
    fn a_hub_whose_successor_is_another_is_not_adopted() {
        assert_eq!(Adoption::after(&config("a", ""), &config("b c", ""), None, Instant::now()), None);
    }

    #[test]
    fn what_is_configured_has_no_end_and_ends_with_its_key() {
        let (now, told) = (Instant::now(), config("a b", "site: {adopt_sessions_of: b}\n"));
        let adopted = Adoption::after(&config("a", ""), &told, None, now).unwrap();

        assert_eq!((adopted.hub().as_ref(), adopted.ends_at(&told)), ("b", None));
        assert_eq!(Adoption::after(&told, &config("a b", ""), Some(adopted), now), None);
    }
}
