//! A `Set-Cookie` line on its way to the browser: into the hub's jar, as it is, or not at all.
//!
//! Hubs get their jar. Servers and services write cookies of their own and nothing else: what
//! would touch the router's cookies, a jar, or a name that has jars is dropped, in any spelling that some
//! reader might take for one. Dropping is told with a reason to be counted; the value is never told.

use bytes::Bytes;
use http::HeaderValue;
use hubrouter_config::HubId;

use super::likeness::Likeness;
use super::line::Line;
use super::names::{FLOW_SECONDS, JarRules, Kind, Role, flow_tag};
use crate::Plane;

/// Who sends the line, and in answer to what.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The hub that answered.
    pub hub: &'a HubId,
    /// The plane on which it did.
    pub plane: Plane,
    /// The request's path as the browser wrote it: says which server or service answers.
    pub path: &'a str,
    /// `state` of the OAuth login, decoded: from the answer's `Location` when a login begins, else from the
    /// request (a callback). Names the login's state cookie.
    pub state: Option<&'a str>,
}

/// What becomes of a `Set-Cookie` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetCookie {
    /// Goes to the browser like this.
    Pass(HeaderValue),
    /// Does not.
    Drop(Reason),
}

/// Why a `Set-Cookie` line was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It names one of the router's own cookies.
    Own,
    /// It names a jar: only the router names jars.
    Jar,
    /// A server names a cookie that hubs set.
    Base,
    /// A hub's cookie, but not quite spelled like one.
    Spelling,
}

impl Reason {
    /// A word for metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Own => "own",
            Reason::Jar => "jar",
            Reason::Base => "base",
            Reason::Spelling => "spelling",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JarRules {
    /// A line from a hub, or from a server or service behind it, on its way to the browser.
    ///
    /// From the hub: names of the list get the hub's id, attributes and deletions stay byte for byte. `_xsrf`
    /// only with a path below `<base>hub/` (or none: then the request's). A state cookie is named after its
    /// login and lives ten minutes. With a single hub, names stay as they are.
    ///
    /// From servers and services: `_xsrf` passes if its path lies below the server's own and no `Domain`
    /// widens it; all other names of the list are dropped, and so are jars and the router's own.
    #[must_use]
    pub fn to_client(&self, sender: &Sender<'_>, value: &HeaderValue) -> SetCookie {
        let likeness = self.likeness(value.as_bytes());
        match (likeness, sender.plane) {
            (Likeness::None, _) => SetCookie::Pass(value.clone()),
            (Likeness::Own, _) => SetCookie::Drop(Reason::Own),
            (Likeness::Jar, _) => SetCookie::Drop(Reason::Jar),
            (Likeness::Base, Plane::Hub) => self.jarred(sender, value),
            (Likeness::Base, Plane::User | Plane::Service | Plane::Router) => {
                if self.is_servers_own_xsrf(sender, value.as_bytes()) {
                    SetCookie::Pass(value.clone())
                } else {
                    SetCookie::Drop(Reason::Base)
                }
            }
        }
    }

    fn jarred(&self, sender: &Sender<'_>, value: &HeaderValue) -> SetCookie {
        let line = Line::read(value.as_bytes());
        let Some((line, base)) = line.and_then(|line| match self.classify(line.name) {
            Kind::Raw { base } => Some((line, self.base(base))),
            Kind::Own | Kind::Jar { .. } | Kind::Stray { .. } | Kind::Other => None,
        }) else {
            return SetCookie::Drop(Reason::Spelling);
        };
        if self.single || (base.role == Role::Xsrf && !self.is_hub_path(line.path())) {
            return SetCookie::Pass(value.clone());
        }
        let bytes = match (base.role, sender.state) {
            // A lifetime would bring a deleted cookie back.
            (Role::State, state) if line.deletes() => {
                line.renamed(&state_name(&base.name, sender.hub, state))
            }
            (Role::State, state) => {
                line.renamed_for(&state_name(&base.name, sender.hub, state), FLOW_SECONDS)
            }
            (Role::Login | Role::Session | Role::Xsrf | Role::Extra, _) => {
                line.renamed(&jar_name(&base.name, sender.hub))
            }
        };
        match HeaderValue::from_maybe_shared(Bytes::from(bytes)) {
            Ok(mut value) => {
                value.set_sensitive(true);
                SetCookie::Pass(value)
            }
            Err(_) => SetCookie::Drop(Reason::Spelling),
        }
    }

    /// Without a path the browser takes the directory of the request's, which is the hub's.
    fn is_hub_path(&self, path: Option<&[u8]>) -> bool {
        let hub = self.hub_path.as_bytes();
        path.is_none_or(|path| path.starts_with(hub) || path == &hub[..hub.len() - 1])
    }
}

/// A hub's jar keeps `base` under this name.
pub(super) fn jar_name(base: &str, hub: &HubId) -> String {
    format!("{base}.{hub}")
}

/// The name of a login's state cookie: after the login where its `state` is known.
pub(super) fn state_name(base: &str, hub: &HubId, state: Option<&str>) -> String {
    match state {
        Some(state) => format!("{base}.{hub}.{}", flow_tag(state)),
        None => jar_name(base, hub),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dropped, from_hub, hub, hubs, passed, rules, site, two_hubs};
    use super::*;

    #[test]
    fn a_hubs_cookies_go_into_its_jar_with_their_attributes_byte_for_byte() {
        let rules = two_hubs();

        for (line, renamed) in [
            (
                "jupyterhub-hub-login=\"2|1:0|10:1|x==\"; expires=Thu, 24 Dec 2026 06:00:00 GMT; HttpOnly;  path=/hub/;Secure",
                "jupyterhub-hub-login.hub-b=\"2|1:0|10:1|x==\"; expires=Thu, 24 Dec 2026 06:00:00 GMT; HttpOnly;  path=/hub/;Secure",
            ),
            (
                "__Host-jupyterhub-hub-login=x; Path=/; Secure",
                "__Host-jupyterhub-hub-login.hub-b=x; Path=/; Secure",
            ),
            (
                "jupyterhub-session-id=0af; HttpOnly; Path=/",
                "jupyterhub-session-id.hub-b=0af; HttpOnly; Path=/",
            ),
            ("_xsrf=a|b=; Max-Age=3600; Path=/hub/", "_xsrf.hub-b=a|b=; Max-Age=3600; Path=/hub/"),
            ("_xsrf = a; Path=/hub/", "_xsrf.hub-b = a; Path=/hub/"),
            ("_xsrf=a", "_xsrf.hub-b=a"),
        ] {
            assert_eq!(passed(from_hub(&rules, "hub-b", line, None)), renamed);
        }
    }

    #[test]
    fn a_deletion_deletes_in_the_jar() {
        let line = "jupyterhub-hub-login=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/hub/";

        let out = passed(from_hub(&two_hubs(), "hub-a", line, None));

        assert_eq!(out, "jupyterhub-hub-login.hub-a=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/hub/");
    }

    #[test]
    fn what_is_no_name_of_the_list_passes_untouched_dots_or_not() {
        let rules = two_hubs();
        for line in [
            "jupyterhub-user-jo.hub-b=x; Path=/user/jo.hub-b/",
            "jupyterhub-services=\"\"; Path=/services",
            "_xsrf=x; Path=/user/jo/",
            "_xsrf_other=x",
            "",
        ] {
            assert_eq!(passed(from_hub(&rules, "hub-a", line, None)), line);
        }
    }

    #[test]
    fn the_hub_paths_follow_the_sites_base_url() {
        let rules = rules("/jhub/", &["hub-a", "hub-b"], None);

        assert_eq!(
            passed(from_hub(&rules, "hub-a", "_xsrf=x; Path=/jhub/hub/", None)),
            "_xsrf.hub-a=x; Path=/jhub/hub/"
        );
        assert_eq!(passed(from_hub(&rules, "hub-a", "_xsrf=x; Path=/hub/", None)), "_xsrf=x; Path=/hub/");
    }

    #[test]
    fn the_operators_names_have_jars_too_unless_they_are_the_routers_or_no_names() {
        let extra =
            ["authservice".to_owned(), "my.sso".to_owned(), "hubrouter-x".to_owned(), "a b".to_owned()];
        let ids = [hub("hub-a"), hub("hub-b")];
        let rules = JarRules::new(&site("/"), &ids, &extra, None, true);

        assert_eq!(
            passed(from_hub(&rules, "hub-a", "authservice=x; Path=/", None)),
            "authservice.hub-a=x; Path=/"
        );
        assert_eq!(passed(from_hub(&rules, "hub-a", "my.sso=x", None)), "my.sso.hub-a=x");
        assert_eq!(passed(from_hub(&rules, "hub-a", "my=x", None)), "my=x");
        assert_eq!(dropped(&from_hub(&rules, "hub-a", "hubrouter-x=x", None)), Some(Reason::Own));
    }

    #[test]
    fn a_login_under_way_is_named_after_its_state_and_lives_ten_minutes() {
        let rules = two_hubs();
        let tag = flow_tag("s1");
        let line = "oauthenticator-state=\"2|x\"; expires=Wed, 25 Nov 2026 06:00:00 GMT; Max-Age=86400; HttpOnly; Path=/";

        let out = passed(from_hub(&rules, "hub-a", line, Some("s1")));

        assert_eq!(
            out,
            format!(
                "oauthenticator-state.hub-a.{tag}=\"2|x\"; expires=Wed, 25 Nov 2026 06:00:00 GMT; HttpOnly; Path=/; Max-Age=600"
            )
        );
        assert_ne!(flow_tag("s2"), tag);
    }

    #[test]
    fn a_state_cookie_without_a_known_state_takes_the_jars_name() {
        let out = passed(from_hub(&two_hubs(), "hub-a", "oauthenticator-state=x; Path=/", None));

        assert_eq!(out, "oauthenticator-state.hub-a=x; Path=/; Max-Age=600");
    }

    #[test]
    fn the_callback_deletes_the_state_of_its_own_login_for_good() {
        let line = "oauthenticator-state=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/";

        let out = passed(from_hub(&two_hubs(), "hub-a", line, Some("s1")));

        let rest = "=\"\"; expires=Mon, 24 Nov 2025 06:00:00 GMT; Path=/";
        assert_eq!(out, format!("oauthenticator-state.hub-a.{}{rest}", flow_tag("s1")));
    }

    #[test]
    fn flow_tags_never_change_between_replicas_and_versions() {
        assert_eq!(flow_tag("eyJzdGF0ZV9pZCI6ICIxIn0="), "3260768e");
    }

    #[test]
    fn no_hub_writes_another_hubs_jar_or_the_routers_cookies() {
        for rules in [two_hubs(), hubs(&["hub-a"])] {
            for (line, reason) in [
                ("jupyterhub-hub-login.hub-b=x; Path=/hub/", Reason::Jar),
                ("jupyterhub-hub-login.hub-a=x; Path=/hub/", Reason::Jar),
                ("=_xsrf.hub-b=x; Path=/hub/", Reason::Jar),
                ("oauthenticator-state.hub-b.00000000=x", Reason::Jar),
                ("__Host-hubrouter=x; Path=/; Secure", Reason::Own),
                ("hubrouter-login=x", Reason::Own),
                ("=jupyterhub-hub-login=x", Reason::Spelling),
                ("JupyterHub-Hub-Login=x", Reason::Spelling),
            ] {
                assert_eq!(dropped(&from_hub(&rules, "hub-a", line, None)), Some(reason), "{line}");
            }
        }
    }

    #[test]
    fn with_a_single_hub_its_lines_pass_as_they_are() {
        let rules = hubs(&["hub-a"]);
        for line in
            ["jupyterhub-hub-login=x; Path=/hub/", "oauthenticator-state=x; Path=/", "_xsrf=x; Path=/hub/"]
        {
            assert_eq!(passed(from_hub(&rules, "hub-a", line, Some("s"))), line);
        }
    }
}
