//! The `Cookie` field for a hub, or for a server behind it: one jar under the hub's own names, and no other.
//!
//! What of a jar counts when a name comes twice is `pick`'s answer. Which hub it is was decided elsewhere.

use http::HeaderValue;
use hubrouter_config::HubId;

use super::field::{CookieField, Sent, field};
use super::names::{Kind, Role};
use super::read::Cookies;

impl<'a> Cookies<'a> {
    /// For the hub plane: the hub's jar under the hub's names, other jars and names without a jar left
    /// out, the router's own too; everything else as it came, in its order.
    ///
    /// `state` is a callback's, decoded: the state cookie of that login goes along, or one that no login has
    /// marked.
    #[must_use]
    pub fn for_hub_plane(&self, hub: &HubId, state: Option<&str>) -> CookieField {
        if self.rules.single {
            return self.only_hub(state, |_| true);
        }
        let jar = self.rules.index_of(hub).map(|hub| self.jar(hub, state));
        let sent = self.pairs.iter().enumerate().filter_map(|(index, pair)| match pair.kind {
            Kind::Other => Some(Sent { name: pair.name, value: pair.value, jar: false }),
            Kind::Own | Kind::Stray { .. } => None,
            Kind::Jar { .. } | Kind::Raw { .. } => jar.as_ref()?.sent(index, pair),
        });
        field(sent.collect())
    }

    /// For the proxy plane: of the hub's jar the session id alone. The server's own `_xsrf` stays.
    #[must_use]
    pub fn for_proxy_plane(&self, hub: &HubId) -> CookieField {
        if self.rules.single {
            return self.only_hub(None, |role| role == Role::Session);
        }
        let jar = self.rules.index_of(hub).map(|hub| self.jar(hub, None));
        let sent = self.pairs.iter().enumerate().filter_map(|(index, pair)| match pair.kind {
            Kind::Other => Some(Sent { name: pair.name, value: pair.value, jar: false }),
            Kind::Own | Kind::Stray { .. } => None,
            Kind::Jar { base, .. } | Kind::Raw { base } => match self.rules.base(base).role {
                Role::Session => jar.as_ref()?.sent(index, pair),
                // A server's own, and what the server needs most: as safe from cuts as a jar.
                Role::Xsrf if matches!(pair.kind, Kind::Raw { .. }) => {
                    Some(Sent { name: pair.name, value: pair.value, jar: true })
                }
                Role::Xsrf | Role::Login | Role::State | Role::Extra => None,
            },
        });
        field(sent.collect())
    }

    /// The hub's jar alone, to ask the hub who this is. `None` without a login, or with a disputed one.
    #[must_use]
    pub fn jar_pairs(&self, hub: &HubId) -> Option<HeaderValue> {
        let jar = self.jar(self.rules.index_of(hub)?, None);
        jar.has_login().then(|| field(jar.all(|role| role != Role::State)).value)?
    }

    /// The `Cookie` fields with which this browser logs out at the hub; empty without a login there.
    ///
    /// One as a rule. A disputed login gives one for each of its values, four at most: a logout that spares
    /// the real session would be none.
    #[must_use]
    pub fn for_logout(&self, hub: &HubId) -> Vec<HeaderValue> {
        let Some(index) = self.rules.index_of(hub) else { return Vec::new() };
        let jar = self.jar(index, None);
        let mut logins: Vec<Sent<'_>> = Vec::new();
        for pair in &self.pairs {
            if let Some((base, _)) =
                jar.place(pair).filter(|(base, _)| self.rules.base(*base).role == Role::Login)
                && logins.len() < 4
                && !logins.iter().any(|login| login.value == pair.value)
            {
                logins.push(Sent {
                    name: self.rules.base(base).name.as_bytes(),
                    value: pair.value,
                    jar: true,
                });
            }
        }
        let fields = logins.into_iter().filter_map(|login| {
            let others = jar.all(|role| !matches!(role, Role::State | Role::Login));
            field([login].into_iter().chain(others).collect()).value
        });
        fields.collect()
    }

    /// One hub only: everything but what the router alone reads and writes; of its jar, from when there were more hubs,
    /// what is wanted and not there without a jar.
    fn only_hub(&self, state: Option<&str>, wanted: impl Fn(Role) -> bool) -> CookieField {
        let jar = self.jar(0, state);
        let sent = self.pairs.iter().enumerate().filter_map(|(index, pair)| match pair.kind {
            Kind::Other => Some(Sent { name: pair.name, value: pair.value, jar: false }),
            Kind::Raw { .. } => Some(Sent { name: pair.name, value: pair.value, jar: true }),
            Kind::Jar { base, .. } if wanted(self.rules.base(base).role) => jar.sent(index, pair),
            Kind::Own | Kind::Stray { .. } | Kind::Jar { .. } => None,
        });
        field(sent.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::flow_tag;
    use super::super::testing::{adopting, hub, hubs, read, rules, text, two_hubs};
    use super::*;

    const BROWSER: &str = "_xsrf.hub-a=ax; jupyterhub-hub-login.hub-a=al; theme=dark; jupyterhub-hub-login.hub-b=bl; \
        __Host-hubrouter=r; jupyterhub-session-id.hub-a=as; jupyterhub-session-id.hub-b=bs; jupyterhub-hub-login=raw";

    fn hub_plane(field: &str, id: &str) -> String {
        text(read(&two_hubs(), field).for_hub_plane(&hub(id), None).value)
    }

    fn proxy_plane(field: &str, id: &str) -> String {
        text(read(&two_hubs(), field).for_proxy_plane(&hub(id)).value)
    }

    #[test]
    fn a_hub_sees_its_own_jar_under_its_own_names_and_what_is_nobodys_in_order() {
        assert_eq!(
            hub_plane(BROWSER, "hub-a"),
            "_xsrf=ax; jupyterhub-hub-login=al; theme=dark; jupyterhub-session-id=as"
        );
        assert_eq!(
            hub_plane(BROWSER, "hub-b"),
            "theme=dark; jupyterhub-hub-login=bl; jupyterhub-session-id=bs"
        );
        assert_eq!(hub_plane(BROWSER, "hub-z"), "theme=dark");
    }

    #[test]
    fn names_without_a_jar_the_routers_own_and_unknown_jars_reach_no_hub() {
        let field = "jupyterhub-hub-login=x; _xsrf=x; oauthenticator-state=x; jupyterhub-session-id=x; hubrouter=x; \
            __Secure-HubRouter-Login=x; jupyterhub-hub-login.gone=x; _xsrf.UPPER=x; oauthenticator-state.gone.0011aabb=x";

        assert_eq!(read(&two_hubs(), field).for_hub_plane(&hub("hub-a"), None).value, None);
    }

    #[test]
    fn a_name_that_tornado_would_trim_to_a_hubs_does_not_slip_by() {
        let rules = two_hubs();
        let field: &[u8] =
            b"\xa0jupyterhub-hub-login=x; jupyterhub-hub-login\x85=x; \x0bjupyterhub-hub-login.hub-a=x; ok=1";

        let cookies = Cookies::read(&rules, [field].into_iter());

        assert_eq!(text(cookies.for_hub_plane(&hub("hub-a"), None).value), "ok=1");
    }

    #[test]
    fn a_server_sees_of_the_jar_the_session_id_alone_and_keeps_its_own_cookies() {
        let field = format!("_xsrf=own; jupyterhub-user-alice=u; oauthenticator-state.hub-a=s; {BROWSER}");

        let sent = proxy_plane(&field, "hub-a");

        assert_eq!(sent, "_xsrf=own; jupyterhub-user-alice=u; theme=dark; jupyterhub-session-id=as");
    }

    #[test]
    fn only_the_callback_of_a_login_gets_its_state_cookie() {
        let (one, two) = (flow_tag("one"), flow_tag("two"));
        let field = format!(
            "oauthenticator-state.hub-a.{one}=1; oauthenticator-state.hub-a.{two}=2; oauthenticator-state.hub-b.{one}=3"
        );
        let rules = two_hubs();
        let cookies = read(&rules, &field);
        let sent = |state: Option<&str>| text(cookies.for_hub_plane(&hub("hub-a"), state).value);

        assert_eq!(sent(Some("one")), "oauthenticator-state=1");
        assert_eq!(sent(Some("two")), "oauthenticator-state=2");
        assert_eq!(sent(Some("three")), "");
        assert_eq!(sent(None), "");
    }

    #[test]
    fn a_state_cookie_that_no_login_has_marked_serves_any_callback_of_its_hub() {
        let field =
            format!("oauthenticator-state.hub-a=plain; oauthenticator-state.hub-a.{}=1", flow_tag("one"));
        let rules = two_hubs();
        let cookies = read(&rules, &field);

        assert_eq!(
            text(cookies.for_hub_plane(&hub("hub-a"), Some("other")).value),
            "oauthenticator-state=plain"
        );
        assert_eq!(text(cookies.for_hub_plane(&hub("hub-a"), Some("one")).value), "oauthenticator-state=1");
    }

    #[test]
    fn a_hub_is_asked_with_its_jar_alone() {
        let rules = two_hubs();
        let asked = read(&rules, BROWSER).jar_pairs(&hub("hub-a"));

        assert_eq!(text(asked), "_xsrf=ax; jupyterhub-hub-login=al; jupyterhub-session-id=as");
        assert_eq!(read(&rules, "jupyterhub-session-id.hub-a=s").jar_pairs(&hub("hub-a")), None);
    }

    #[test]
    fn with_a_single_hub_names_stay_and_only_the_routers_cookies_are_withheld() {
        let rules = hubs(&["hub-a"]);
        let field = "_xsrf=x; jupyterhub-hub-login=l; hubrouter=r; __Host-hubrouter-flow=f; jupyterhub-hub-login.hub-a=old; \
            a=1; oauthenticator-state=s; _xsrf=y";
        let cookies = read(&rules, field);

        // The jar is older: what stands there without it counts.
        let kept = "_xsrf=x; jupyterhub-hub-login=l; a=1; oauthenticator-state=s; _xsrf=y";
        assert_eq!(text(cookies.for_hub_plane(&hub("hub-a"), Some("s")).value), kept);
        assert_eq!(text(cookies.for_proxy_plane(&hub("hub-a")).value), kept);
        assert_eq!(cookies.logins(), [hub("hub-a")]);
        assert_eq!(text(cookies.jar_pairs(&hub("hub-a"))), "_xsrf=x; jupyterhub-hub-login=l; _xsrf=y");
    }

    #[test]
    fn of_a_hub_that_is_the_only_one_again_the_jar_counts_where_nothing_is_there_without_it() {
        let rules = hubs(&["hub-a"]);
        let field = "_xsrf.hub-a=x; jupyterhub-hub-login.hub-a=old; jupyterhub-hub-login=new; \
            jupyterhub-session-id.hub-a=s; jupyterhub-hub-login.hub-b=gone";
        let cookies = read(&rules, field);

        let kept = "_xsrf=x; jupyterhub-hub-login=new; jupyterhub-session-id=s";
        assert_eq!(text(cookies.for_hub_plane(&hub("hub-a"), None).value), kept);
        let server = text(cookies.for_proxy_plane(&hub("hub-a")).value);
        assert_eq!(server, "jupyterhub-hub-login=new; jupyterhub-session-id=s");

        let kept = read(&rules, "_xsrf.hub-a=x; jupyterhub-hub-login.hub-a=l");
        assert_eq!(kept.logins(), [hub("hub-a")]);
        assert_eq!(text(kept.jar_pairs(&hub("hub-a"))), "_xsrf=x; jupyterhub-hub-login=l");
        assert_eq!(kept.for_logout(&hub("hub-a")).len(), 1);
    }

    #[test]
    fn a_login_under_way_ends_at_the_hub_that_is_the_only_one_again() {
        let rules = hubs(&["hub-a"]);
        let field = format!(
            "oauthenticator-state.hub-a.{}=1; oauthenticator-state.hub-a.{}=2",
            flow_tag("one"),
            flow_tag("two")
        );
        let cookies = read(&rules, &field);

        let sent = text(cookies.for_hub_plane(&hub("hub-a"), Some("two")).value);
        assert_eq!(sent, "oauthenticator-state=2");
    }

    #[test]
    fn cookies_without_a_jar_are_the_adopted_hubs_unless_it_has_the_jar() {
        let rules = adopting("hub-a");
        let field =
            "_xsrf=x; jupyterhub-hub-login=raw; jupyterhub-session-id=s; jupyterhub-session-id.hub-a=newer";
        let cookies = read(&rules, field);

        let sent = text(cookies.for_hub_plane(&hub("hub-a"), None).value);

        assert_eq!(sent, "_xsrf=x; jupyterhub-hub-login=raw; jupyterhub-session-id=newer");
        assert_eq!(cookies.for_hub_plane(&hub("hub-b"), None).value, None);
        assert_eq!(
            text(cookies.for_proxy_plane(&hub("hub-a")).value),
            "_xsrf=x; jupyterhub-session-id=newer"
        );
    }

    #[test]
    fn several_fields_are_one() {
        let rules = two_hubs();
        let cookies = Cookies::read(&rules, [&b"a=1"[..], b"_xsrf.hub-a=x", b"", b"b=2; c=3"].into_iter());

        assert_eq!(text(cookies.for_hub_plane(&hub("hub-a"), None).value), "a=1; _xsrf=x; b=2; c=3");
    }

    #[test]
    fn base_url_does_not_change_what_a_hub_sees() {
        let rules = rules("/jhub/", &["hub-a", "hub-b"], None);

        assert_eq!(text(read(&rules, "_xsrf.hub-a=x").for_hub_plane(&hub("hub-a"), None).value), "_xsrf=x");
    }
}
