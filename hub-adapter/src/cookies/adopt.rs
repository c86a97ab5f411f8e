//! The day the router is put in front of a living hub: its cookies have no jar yet, and get one.
//!
//! Nobody has to log in anew (`site.adopt_sessions_of`). Reading such cookies as the hub's own is done
//! wherever jars are read; here they are written. The way back, when a hub is the only one again, is the same.

use http::HeaderValue;

use super::names::{Base, Role};
use super::pick::Source;
use super::read::Cookies;
use super::to_client::jar_name;

/// How long a hub's login cookie lives in a browser, in seconds: 30 days, tornado's default.
const LOGIN_SECONDS: u32 = 30 * 24 * 60 * 60;

impl Cookies<'_> {
    /// The lines that move cookies without a jar into the adopted hub's: each is set again under its jar's
    /// name, with the attributes that hubs give it, and expired under its own. Where a hub is the only one, what is left
    /// in its jar gets its own name back.
    ///
    /// Only for answers on the hub plane: elsewhere a bare `_xsrf` is a server's own. To stand *before* the
    /// hub's own lines, whose word is newer. Left alone: what the jar has already, and what is disputed.
    #[must_use]
    pub fn adopted(&self) -> Vec<HeaderValue> {
        let Some(owner) = self.rules.raw_owner else { return Vec::new() };
        let moves = if self.rules.single { Source::Left } else { Source::Raw };
        let jar = self.jar(owner, None);
        let mut lines = Vec::new();
        for (base, pick) in self.rules.bases.iter().zip(&jar.picks) {
            let Some(pick) = pick.filter(|pick| pick.source == moves) else { continue };
            let chosen = match base.role {
                Role::Login | Role::Extra if pick.agree => pick.first,
                Role::Login | Role::Extra => continue,
                Role::Session | Role::State => pick.last,
                // Of several the hub takes the first valid one; a wrong guess costs a reload.
                Role::Xsrf => pick.first,
            };
            let (bare, jarred) = (base.name.to_string(), jar_name(&base.name, self.rules.hub(owner)));
            let (old, new) = if self.rules.single { (jarred, bare) } else { (bare, jarred) };
            let value = self.pairs[chosen].value;
            let line = [new.as_bytes(), b"=", value, self.attributes(base).as_bytes()].concat();
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                lines.push(line);
                self.rules.expire_base(base, &old, &mut lines);
            }
        }
        lines
    }

    fn attributes(&self, base: &Base) -> String {
        let (hub_path, base_url) = (&self.rules.hub_path, &self.rules.base_url);
        let secure = if self.rules.secure { "; Secure" } else { "" };
        match base.role {
            Role::Login if base.name.starts_with("__Host-") => {
                format!("; Path=/; Max-Age={LOGIN_SECONDS}; HttpOnly; Secure")
            }
            Role::Login => format!("; Path={hub_path}; Max-Age={LOGIN_SECONDS}; HttpOnly{secure}"),
            Role::Session => format!("; Path={base_url}; HttpOnly{secure}"),
            Role::State => format!("; Path=/; Max-Age={}; HttpOnly{secure}", super::names::FLOW_SECONDS),
            // Hubs leave it readable for scripts, and without Secure.
            Role::Xsrf => format!("; Path={hub_path}"),
            Role::Extra if base.name.starts_with("__Host-") => "; Path=/; HttpOnly; Secure".to_owned(),
            Role::Extra => format!("; Path={base_url}; HttpOnly{secure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{adopting, lines, read, two_hubs};

    #[test]
    fn cookies_without_a_jar_move_into_the_adopted_hubs_jar_with_the_attributes_hubs_give() {
        let rules = adopting("hub-a");
        let past = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure";

        let moved = read(&rules, "_xsrf=\"x|y=\"; jupyterhub-hub-login=\"l\"; a=1; jupyterhub-session-id=s")
            .adopted();

        let mut moved = lines(&moved);
        moved.sort_unstable();
        assert_eq!(
            moved,
            [
                "_xsrf.hub-a=\"x|y=\"; Path=/hub/",
                &format!("_xsrf=; Path=/hub/; {past}"),
                "jupyterhub-hub-login.hub-a=\"l\"; Path=/hub/; Max-Age=2592000; HttpOnly; Secure",
                &format!("jupyterhub-hub-login=; Path=/hub/; {past}"),
                "jupyterhub-session-id.hub-a=s; Path=/; HttpOnly; Secure",
                &format!("jupyterhub-session-id=; Path=/; {past}"),
            ]
        );
    }

    #[test]
    fn what_the_jar_has_already_or_is_disputed_is_not_moved() {
        let rules = adopting("hub-a");

        assert!(
            read(&rules, "jupyterhub-hub-login=old; jupyterhub-hub-login.hub-a=new").adopted().is_empty()
        );
        assert!(read(&rules, "jupyterhub-hub-login=one; jupyterhub-hub-login=two").adopted().is_empty());
        assert!(read(&rules, "jupyterhub-hub-login=").adopted().is_empty());
    }

    #[test]
    fn a_jar_of_the_only_hub_gets_its_own_names_back_where_they_are_free() {
        let rules = super::super::testing::hubs(&["hub-a"]);
        let past = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure";

        let moved =
            read(&rules, "jupyterhub-hub-login.hub-a=l; _xsrf.hub-a=old; _xsrf=new; _xsrf.hub-b=x").adopted();

        assert_eq!(
            lines(&moved),
            [
                "jupyterhub-hub-login=l; Path=/hub/; Max-Age=2592000; HttpOnly; Secure",
                &format!("jupyterhub-hub-login.hub-a=; Path=/hub/; {past}"),
            ]
        );
    }

    #[test]
    fn without_an_adopted_hub_nothing_moves() {
        assert!(read(&two_hubs(), "jupyterhub-hub-login=x").adopted().is_empty());
        assert!(
            read(&super::super::testing::hubs(&["hub-a"]), "jupyterhub-hub-login=x").adopted().is_empty()
        );
    }
}
