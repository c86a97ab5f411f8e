//! Which jars a request shows: whose logins, whose unfinished logins, and which are too many.
//!
//! Where the request goes for that, and what is said to hubs whose jar has to end, is decided elsewhere.

use hubrouter_config::HubId;

use super::names::{Kind, MAX_JARS, Role, flow_tag};
use super::read::{Cookies, Pair};

impl<'a> Cookies<'a> {
    /// The hubs with a login, in the order of the field: oldest first. Without the disputed.
    #[must_use]
    pub fn logins(&self) -> Vec<HubId> {
        let hubs = self.hubs_where(|role| role == Role::Login).into_iter();
        hubs.filter(|hub| self.jar(*hub, None).has_login()).map(|hub| self.rules.hub(hub).clone()).collect()
    }

    /// The hubs with any cookie in their jar, logins under way aside; in the order of the field.
    pub(super) fn jars(&self) -> Vec<HubId> {
        let hubs = self.hubs_where(|role| role != Role::State).into_iter();
        hubs.map(|hub| self.rules.hub(hub).clone()).collect()
    }

    /// Whether the hub has any cookie in its jar, logins under way aside.
    #[must_use]
    pub fn has_jar(&self, hub: &HubId) -> bool {
        let hub = self.rules.index_of(hub);
        self.pairs.iter().any(|pair| {
            self.owner(pair)
                .is_some_and(|(owner, base)| Some(owner) == hub && self.rules.base(base).role != Role::State)
        })
    }

    /// The hub whose OAuth login with this `state` (decoded) is under way, by the name of its cookie.
    ///
    /// `None` when two hubs claim it: then the login has to begin anew.
    #[must_use]
    pub fn flow(&self, state: &str) -> Option<HubId> {
        let tag = flow_tag(state);
        let mut hubs = self.pairs.iter().filter_map(|pair| match pair.kind {
            Kind::Jar { hub, flow: true, .. }
                if !self.rules.single && pair.name.ends_with(tag.as_bytes()) =>
            {
                Some(hub)
            }
            _ => None,
        });
        let first = hubs.next()?;
        hubs.all(|hub| hub == first).then(|| self.rules.hub(first).clone())
    }

    /// The hubs with an OAuth login under way, whichever it is; in the order of the field.
    #[must_use]
    pub fn state_jars(&self) -> Vec<HubId> {
        let hubs = self.hubs_where(|role| role == Role::State).into_iter();
        hubs.map(|hub| self.rules.hub(hub).clone()).collect()
    }

    /// The hubs whose jars are too many, oldest first, none of `keep` among them: to be logged out and
    /// expired.
    #[must_use]
    pub fn over_cap(&self, keep: &[&HubId]) -> Vec<HubId> {
        let jars = self.jars();
        let excess = jars.len().saturating_sub(MAX_JARS);
        jars.into_iter().filter(|hub| !keep.contains(&hub)).take(excess).collect()
    }

    /// Whose jar this cookie is in, and for which name. Without a jar: the hub's that owns those.
    pub(super) fn owner(&self, pair: &Pair<'a>) -> Option<(u16, u16)> {
        match pair.kind {
            Kind::Jar { hub, base, .. } => Some((hub, base)),
            Kind::Raw { base } => self.rules.raw_owner.map(|hub| (hub, base)),
            Kind::Own | Kind::Stray { .. } | Kind::Other => None,
        }
    }

    fn hubs_where(&self, wanted: impl Fn(Role) -> bool) -> Vec<u16> {
        let mut hubs = Vec::new();
        for (hub, base) in self.pairs.iter().filter_map(|pair| self.owner(pair)) {
            if wanted(self.rules.base(base).role) && !hubs.contains(&hub) {
                hubs.push(hub);
            }
        }
        hubs
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{adopting, hub, hubs, ids, read, two_hubs};

    #[test]
    fn logins_come_in_the_order_of_the_field() {
        let rules = hubs(&["a", "b", "c"]);
        let field =
            "_xsrf.c=x; jupyterhub-hub-login.b=1; __Host-jupyterhub-hub-login.a=2; jupyterhub-session-id.c=3";
        let cookies = read(&rules, field);

        assert_eq!(ids(&cookies.logins()), ["b", "a"]);
        assert_eq!(ids(&cookies.jars()), ["c", "b", "a"]);
        assert!(cookies.has_jar(&hub("c")) && !cookies.has_jar(&hub("z")));
    }

    #[test]
    fn a_login_without_a_jar_counts_for_the_adopted_hub() {
        let rules = adopting("hub-b");

        assert_eq!(read(&rules, "jupyterhub-hub-login=x").logins(), [hub("hub-b")]);
        assert!(read(&two_hubs(), "jupyterhub-hub-login=x").logins().is_empty());
    }

    #[test]
    fn a_callback_is_led_to_the_hub_whose_login_has_its_state() {
        use super::super::flow_tag;
        let rules = two_hubs();
        let (one, two) = (flow_tag("one"), flow_tag("two"));
        let field = format!("oauthenticator-state.hub-b.{two}=x; oauthenticator-state.hub-a.{one}=x");
        let cookies = read(&rules, &field);

        assert_eq!(cookies.flow("one"), Some(hub("hub-a")));
        assert_eq!(cookies.flow("two"), Some(hub("hub-b")));
        assert_eq!(cookies.flow("three"), None);
        assert_eq!(ids(&cookies.state_jars()), ["hub-b", "hub-a"]);
    }

    #[test]
    fn a_flow_that_two_hubs_claim_is_nobodys() {
        let rules = two_hubs();
        let tag = super::flow_tag("one");
        let field = format!("oauthenticator-state.hub-b.{tag}=x; oauthenticator-state.hub-a.{tag}=x");

        assert_eq!(read(&rules, &field).flow("one"), None);
    }

    #[test]
    fn beyond_eight_jars_the_oldest_go_but_never_those_to_keep() {
        let names: Vec<String> = (0..10).map(|n| format!("h{n}")).collect();
        let rules = hubs(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let field =
            names.iter().map(|id| format!("jupyterhub-hub-login.{id}=x")).collect::<Vec<_>>().join("; ");
        let cookies = read(&rules, &field);

        assert_eq!(ids(&cookies.over_cap(&[])), ["h0", "h1"]);
        assert_eq!(ids(&cookies.over_cap(&[&hub("h0"), &hub("h2")])), ["h1", "h3"]);
        assert!(read(&rules, "_xsrf.h1=x").over_cap(&[]).is_empty());
    }
}
