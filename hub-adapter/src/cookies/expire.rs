//! The lines that make a browser forget: a jar, a login under way, a user's server.
//!
//! A browser forgets a cookie only at its exact path (RFC 6265, 5.3), so each name has the paths at which
//! hubs set it. Telling the hub as well is the caller's: an expired cookie whose session lives on still opens
//! the notebook.

use http::HeaderValue;
use hubrouter_config::HubId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::names::{Base, JarRules, Kind, MAX_FLOWS, Role, flow_tag, is_cookie_name};
use super::read::Cookies;
use super::to_client::{jar_name, state_name};
use crate::UserName;

/// No answer carries more than so many lines that clear up after hubs and logins that are gone.
const MAX_LINES: usize = 32;

/// What Python's `urllib.parse.quote` leaves alone: letters, digits and `_.-~/`.
const PYTHON_QUOTE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');

impl JarRules {
    /// Forget the hub's jar. Logins under way have names of their own: [`Cookies::expire_flows`].
    ///
    /// Names without a jar are expired too where they count as this hub's.
    #[must_use]
    pub fn expire_jar(&self, hub: &HubId) -> Vec<HeaderValue> {
        let raw = self.raw_owner.is_some() && self.raw_owner == self.index_of(hub);
        let mut lines = Vec::new();
        for base in &self.bases {
            if !self.single {
                self.expire_base(base, &jar_name(&base.name, hub), &mut lines);
            }
            if raw {
                self.expire_base(base, &base.name, &mut lines);
            }
        }
        lines
    }

    /// Forget one OAuth login under way, by its `state` (decoded).
    #[must_use]
    pub fn expire_flow(&self, hub: &HubId, state: &str) -> Vec<HeaderValue> {
        let mut lines = Vec::new();
        for base in self.bases.iter().filter(|base| base.role == Role::State) {
            let name =
                if self.single { base.name.to_string() } else { state_name(&base.name, hub, Some(state)) };
            self.expire_base(base, &name, &mut lines);
        }
        lines
    }

    /// Forget that this browser may use the user's server: `jupyterhub-user-<name>` below
    /// `<base>user/<name>/`.
    ///
    /// The name is quoted as Python does (`%40`), the path as the hub does (`@`).
    fn expire_user(&self, user: &UserName) -> HeaderValue {
        let name = format!("jupyterhub-user-{}", utf8_percent_encode(user.as_str(), PYTHON_QUOTE));
        let path = format!("{}user/{}/", self.base_url, user.quoted());
        self.expiry(&name, &path)
    }

    /// Forget everything that hubs and servers have set: every hub's jar, and the user's server.
    ///
    /// For answers that could not look at the request's cookies; else [`Cookies::expire_all`] is shorter.
    #[must_use]
    pub fn expire_all(&self, user: Option<&UserName>) -> Vec<HeaderValue> {
        let jars = self.hubs.iter().flat_map(|hub| self.expire_jar(hub));
        jars.chain(self.expire_beside_jars(user)).collect()
    }

    /// The user's server, and the services cookie that hubs still clear.
    fn expire_beside_jars(&self, user: Option<&UserName>) -> impl Iterator<Item = HeaderValue> {
        let services = self.expiry("jupyterhub-services", &format!("{}services", self.base_url));
        [services].into_iter().chain(user.map(|user| self.expire_user(user)))
    }

    pub(super) fn expire_base(&self, base: &Base, name: &str, lines: &mut Vec<HeaderValue>) {
        // A plain-http site cannot hold one, nor clear it.
        if name.starts_with("__Host-") && !self.secure {
            return;
        }
        lines.extend(base.paths.iter().map(|path| self.expiry(name, path)));
    }

    /// For names that are tokens and paths below the site's base.
    fn expiry(&self, name: &str, path: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!("{name}=; Path={path}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{secure}");
        HeaderValue::try_from(line).expect("neither tokens nor the base path hold control bytes")
    }
}

impl Cookies<'_> {
    /// Forget the jars of hubs that are not configured. One line per path, 32 at most.
    #[must_use]
    pub fn foreign(&self) -> Vec<HeaderValue> {
        let stray = self.pairs.iter().filter_map(|pair| match pair.kind {
            Kind::Stray { base } => Some((pair.name, base)),
            _ => None,
        });
        self.expire_named(stray.filter(|(name, base)| self.is_jar_of_some_id(name, *base)))
    }

    /// Forget the hub's OAuth logins under way.
    #[must_use]
    pub fn expire_flows(&self, hub: &HubId) -> Vec<HeaderValue> {
        let index = self.rules.index_of(hub);
        self.expire_named(
            self.flows().filter(|(_, _, owner)| Some(*owner) == index).map(|(name, base, _)| (name, base)),
        )
    }

    /// Forget the OAuth logins that are too many, oldest first; never the one with the state `keep`.
    #[must_use]
    pub fn flows_over_cap(&self, keep: Option<&str>) -> Vec<HeaderValue> {
        let tag = keep.map(flow_tag);
        let excess = self.flows().count().saturating_sub(MAX_FLOWS);
        let kept = |name: &[u8]| tag.as_ref().is_some_and(|tag| name.ends_with(tag.as_bytes()));
        self.expire_named(
            self.flows().filter(|(name, ..)| !kept(name)).take(excess).map(|(name, base, _)| (name, base)),
        )
    }

    /// Forget everything that this request shows or may hide at another path: the jars and logins of the hubs
    /// that it names, those of unknown hubs, and the user's server.
    #[must_use]
    pub fn expire_all(&self, user: Option<&UserName>) -> Vec<HeaderValue> {
        let mut hubs = self.jars();
        hubs.extend(self.state_jars().into_iter().filter(|hub| !hubs.contains(hub)).collect::<Vec<_>>());
        let mut lines: Vec<HeaderValue> = hubs.iter().flat_map(|hub| self.rules.expire_jar(hub)).collect();
        lines.extend(self.expire_named(self.flows().map(|(name, base, _)| (name, base))));
        lines.extend(self.foreign());
        if self.rules.single {
            // A jar from when there were more hubs; `expire_jar` does not know that it is there.
            lines.extend(self.expire_named(self.pairs.iter().filter_map(|pair| match pair.kind {
                Kind::Jar { base, flow: false, .. } => Some((pair.name, base)),
                _ => None,
            })));
        }
        lines.extend(self.rules.expire_beside_jars(user));
        lines
    }

    /// Name, base and hub of the OAuth logins under way that carry their flow's tag.
    fn flows(&self) -> impl Iterator<Item = (&[u8], u16, u16)> {
        self.pairs.iter().filter_map(|pair| match pair.kind {
            Kind::Jar { hub, base, flow: true } => Some((pair.name, base, hub)),
            _ => None,
        })
    }

    fn is_jar_of_some_id(&self, name: &[u8], base: u16) -> bool {
        let suffix = name.get(self.rules.base(base).name.len() + 1..).unwrap_or_default();
        let id = suffix.split(|byte| *byte == b'.').next().unwrap_or_default();
        std::str::from_utf8(id).is_ok_and(|id| id.parse::<HubId>().is_ok())
    }

    fn expire_named<'n>(&self, names: impl Iterator<Item = (&'n [u8], u16)>) -> Vec<HeaderValue> {
        let mut lines: Vec<HeaderValue> = Vec::new();
        for (name, base) in names {
            if lines.len() >= MAX_LINES {
                break;
            }
            if let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_cookie_name(name)) {
                self.rules.expire_base(self.rules.base(base), name, &mut lines);
            }
        }
        lines.dedup();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{adopting, hub, hubs, lines, read, rules, two_hubs};
    use super::super::{JarRules, flow_tag};
    use crate::{NameRule, UserName};

    const PAST: &str = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure";

    fn expiry(name: &str, path: &str) -> String {
        format!("{name}=; Path={path}; {PAST}")
    }

    fn sorted(mut lines: Vec<&str>) -> Vec<&str> {
        lines.sort_unstable();
        lines
    }

    #[test]
    fn a_jar_is_expired_at_the_exact_paths_of_its_cookies() {
        let rules = rules("/jhub/", &["hub-a", "hub-b"], None);

        let expired = rules.expire_jar(&hub("hub-b"));

        assert_eq!(
            sorted(lines(&expired)),
            [
                expiry("__Host-jupyterhub-hub-login.hub-b", "/"),
                expiry("_xsrf.hub-b", "/jhub/hub/"),
                expiry("jupyterhub-hub-login.hub-b", "/jhub/hub/"),
                expiry("jupyterhub-session-id.hub-b", "/jhub/"),
                expiry("oauthenticator-state.hub-b", "/"),
                expiry("oauthenticator-state.hub-b", "/jhub/"),
            ]
        );
    }

    #[test]
    fn an_adopted_hubs_cookies_without_a_jar_end_with_its_jar() {
        let rules = adopting("hub-a");
        let has_raw = |id: &str| {
            lines(&rules.expire_jar(&hub(id))).contains(&&*expiry("jupyterhub-hub-login", "/hub/"))
        };

        assert!(has_raw("hub-a"));
        assert!(!has_raw("hub-b"));
    }

    #[test]
    fn a_logout_forgets_what_is_left_in_the_jar_of_the_only_hub() {
        let rules = hubs(&["hub-a"]);

        let expired = read(&rules, "jupyterhub-hub-login.hub-a=l; _xsrf=x").expire_all(None);

        for name in ["jupyterhub-hub-login.hub-a", "jupyterhub-hub-login", "_xsrf"] {
            assert!(lines(&expired).contains(&expiry(name, "/hub/").as_str()), "{name}: {expired:?}");
        }
    }

    #[test]
    fn a_single_hubs_cookies_are_expired_under_their_own_names() {
        let rules = hubs(&["hub-a"]);
        let expired = rules.expire_jar(&hub("hub-a"));

        assert!(lines(&expired).contains(&&*expiry("jupyterhub-hub-login", "/hub/")));
        assert!(!lines(&expired).iter().any(|line| line.contains(".hub-a")));
    }

    #[test]
    fn a_users_server_cookie_is_quoted_as_python_does_and_its_path_as_the_hub_does() {
        let user = |name: &str| UserName::canonical(name, NameRule::Lower).unwrap();
        let rules = two_hubs();

        let at = rules.expire_user(&user("bob@example.org"));
        let odd = rules.expire_user(&user("a b;~é"));

        assert_eq!(at, expiry("jupyterhub-user-bob%40example.org", "/user/bob@example.org/"));
        assert_eq!(odd, expiry("jupyterhub-user-a%20b%3B~%C3%A9", "/user/a%20b%3B~%C3%A9/"));
    }

    #[test]
    fn jars_of_unknown_hubs_are_expired_and_other_dotted_names_are_not() {
        let rules = two_hubs();
        let field = "jupyterhub-hub-login.gone=x; oauthenticator-state.gone.0011aabb=x; _xsrf.hub-a=x; \
            jupyterhub-user-jo.gone=x; _xsrf.No-Id=x; jupyterhub-session-id.=x; _xsrf.a\u{e9}=x";

        let expired = read(&rules, field).foreign();

        assert_eq!(
            lines(&expired),
            [expiry("jupyterhub-hub-login.gone", "/hub/"), expiry("oauthenticator-state.gone.0011aabb", "/")]
        );
    }

    #[test]
    fn clearing_up_never_fills_the_answer() {
        let field: String = (0..500).map(|n| format!("_xsrf.gone-{n}=x; ")).collect();

        assert_eq!(read(&two_hubs(), &field).foreign().len(), 32);
    }

    #[test]
    fn beyond_eight_logins_under_way_the_oldest_are_expired_but_never_the_present_one() {
        let rules = two_hubs();
        let states: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
        let name = |state: &str| format!("oauthenticator-state.hub-a.{}", flow_tag(state));
        let field = states.iter().map(|s| format!("{}=x", name(s))).collect::<Vec<_>>().join("; ");
        let cookies = read(&rules, &field);

        assert_eq!(
            lines(&cookies.flows_over_cap(Some("s0"))),
            [expiry(&name("s1"), "/"), expiry(&name("s2"), "/")]
        );
        assert_eq!(cookies.expire_flows(&hub("hub-a")).len(), 10);
        assert!(cookies.expire_flows(&hub("hub-b")).is_empty());
    }

    #[test]
    fn a_logout_expires_every_jar_shown_the_logins_under_way_and_the_users_server() {
        let rules = two_hubs();
        let user = UserName::canonical("alice", NameRule::Lower).unwrap();
        let flow = format!("oauthenticator-state.hub-b.{}", flow_tag("s"));
        let field = format!("jupyterhub-session-id.hub-a=x; {flow}=x; jupyterhub-hub-login.gone=x");

        let expired = read(&rules, &field).expire_all(Some(&user));

        let expired = lines(&expired);
        for (name, path) in [
            ("jupyterhub-hub-login.hub-a", "/hub/"),
            ("_xsrf.hub-a", "/hub/"),
            ("jupyterhub-session-id.hub-a", "/"),
            ("jupyterhub-hub-login.hub-b", "/hub/"),
            (&*flow, "/"),
            ("jupyterhub-hub-login.gone", "/hub/"),
            ("jupyterhub-services", "/services"),
            ("jupyterhub-user-alice", "/user/alice/"),
        ] {
            assert!(expired.contains(&&*expiry(name, path)), "{name}");
        }
    }

    #[test]
    fn a_plain_http_site_expires_plain_names_and_asks_for_no_secure_channel() {
        let ids = [hub("hub-a"), hub("hub-b")];
        let rules = JarRules::new(&super::super::testing::site("/"), &ids, &[], None, false);

        let expired = rules.expire_all(None);

        assert!(lines(&expired).iter().all(|line| !line.contains("__Host-") && !line.contains("Secure")));
    }
}
