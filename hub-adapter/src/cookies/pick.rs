//! One hub's jar in one request: which cookie counts for a name that comes more than once.
//!
//! The rules and their reasons stand in the module's documentation.

use super::field::Sent;
use super::line::is_empty;
use super::names::{Kind, Role, flow_tag};
use super::read::{Cookies, Pair};

/// Where a jar's cookie was found; a later one beats an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// In the jar of a hub that is the only one now, from when there were more.
    Left,
    /// Without a jar: adopted, or the only hub's.
    Raw,
    /// In the jar.
    Jar,
    /// In the jar, for the very login that the request belongs to.
    Flow,
}

/// Of the cookies that would get one name, those that count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    pub(super) source: Source,
    pub(super) first: usize,
    pub(super) last: usize,
    /// All values are equal.
    pub(super) agree: bool,
}

/// One hub's jar: a [`Pick`] for each name of the list.
pub(super) struct Jar<'c, 'a> {
    cookies: &'c Cookies<'a>,
    hub: u16,
    tag: Option<String>,
    pub(super) picks: Vec<Option<Pick>>,
}

impl<'a> Cookies<'a> {
    /// The jar as a request with this `state` sees it.
    pub(super) fn jar(&self, hub: u16, state: Option<&str>) -> Jar<'_, 'a> {
        let picks = vec![None; self.rules.bases.len()];
        let mut jar = Jar { cookies: self, hub, tag: state.map(flow_tag), picks };
        for (index, pair) in self.pairs.iter().enumerate() {
            let Some((base, source)) = jar.place(pair) else { continue };
            let found = Pick { source, first: index, last: index, agree: true };
            let pick = jar.picks[usize::from(base)].get_or_insert(found);
            if source > pick.source {
                *pick = found;
            } else if source == pick.source {
                pick.agree &= self.pairs[pick.first].value == pair.value;
                pick.last = index;
            }
        }
        jar
    }
}

impl<'a> Jar<'_, 'a> {
    /// The name that this cookie would have in this jar, and what speaks for it.
    pub(super) fn place(&self, pair: &Pair<'a>) -> Option<(u16, Source)> {
        let rules = self.cookies.rules;
        let (base, source) = match pair.kind {
            Kind::Jar { hub, base, flow: false } if hub == self.hub => {
                (base, if rules.single { Source::Left } else { Source::Jar })
            }
            Kind::Jar { hub, base, flow: true } if hub == self.hub => {
                let source = if rules.single { Source::Left } else { Source::Flow };
                pair.name.ends_with(self.tag.as_deref()?.as_bytes()).then_some((base, source))?
            }
            Kind::Raw { base } if rules.raw_owner == Some(self.hub) => (base, Source::Raw),
            Kind::Own | Kind::Jar { .. } | Kind::Stray { .. } | Kind::Raw { .. } | Kind::Other => {
                return None;
            }
        };
        // An empty login is none, and may not dispute one.
        let idle = rules.base(base).role == Role::Login && is_empty(pair.value);
        (!idle).then_some((base, source))
    }

    /// Whether this cookie, the `index`th, is one that counts for its name.
    pub(super) fn counts(&self, index: usize, pair: &Pair<'a>) -> Option<u16> {
        let (base, source) = self.place(pair)?;
        let pick = self.picks[usize::from(base)].filter(|pick| pick.source == source)?;
        let counts = match self.cookies.rules.base(base).role {
            Role::Login | Role::Extra => pick.agree && index == pick.first,
            Role::Session | Role::State => index == pick.last,
            Role::Xsrf => true,
        };
        counts.then_some(base)
    }

    /// A login here that nothing disputes.
    pub(super) fn has_login(&self) -> bool {
        let bases = self.cookies.rules.bases.iter();
        let logins = bases.zip(&self.picks).filter(|(base, _)| base.role == Role::Login);
        logins.filter_map(|(_, pick)| pick.as_ref()).any(|pick| pick.agree)
    }

    /// The cookie under the hub's name, if it counts.
    pub(super) fn sent(&self, index: usize, pair: &Pair<'a>) -> Option<Sent<'a>>
    where
        Self: 'a,
    {
        let base = self.counts(index, pair)?;
        Some(Sent { name: self.cookies.rules.base(base).name.as_bytes(), value: pair.value, jar: true })
    }

    /// What counts, for the roles that are wanted.
    pub(super) fn all(&self, wanted: impl Fn(Role) -> bool) -> Vec<Sent<'a>> {
        let sent = self.cookies.pairs.iter().enumerate().filter_map(|(index, pair)| {
            let base = self.cookies.rules.base(self.counts(index, pair)?);
            wanted(base.role).then_some(Sent { name: base.name.as_bytes(), value: pair.value, jar: true })
        });
        sent.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hub, read, text, two_hubs};

    fn hub_plane(field: &str, id: &str) -> String {
        text(read(&two_hubs(), field).for_hub_plane(&hub(id), None).value)
    }

    fn proxy_plane(field: &str, id: &str) -> String {
        text(read(&two_hubs(), field).for_proxy_plane(&hub(id)).value)
    }

    #[test]
    fn a_planted_second_login_neither_wins_nor_gets_the_real_one_deleted() {
        for field in [
            "jupyterhub-hub-login.hub-a=evil; jupyterhub-hub-login.hub-a=real; a=1",
            "jupyterhub-hub-login.hub-a=real; jupyterhub-hub-login.hub-a=evil; a=1",
        ] {
            assert_eq!(hub_plane(field, "hub-a"), "a=1");
            let rules = two_hubs();
            let cookies = read(&rules, field);
            assert!(cookies.logins().is_empty());
            assert_eq!(cookies.jar_pairs(&hub("hub-a")), None);
        }
    }

    #[test]
    fn equal_or_empty_second_logins_dispute_nothing() {
        let same = "jupyterhub-hub-login.hub-a=real; jupyterhub-hub-login.hub-a=real";
        let empty =
            "jupyterhub-hub-login.hub-a=; jupyterhub-hub-login.hub-a=real; jupyterhub-hub-login.hub-a=\"\"";

        assert_eq!(hub_plane(same, "hub-a"), "jupyterhub-hub-login=real");
        assert_eq!(hub_plane(empty, "hub-a"), "jupyterhub-hub-login=real");
    }

    #[test]
    fn of_two_session_ids_the_last_is_sent_and_of_xsrf_tokens_all() {
        let field = "_xsrf.hub-a=evil; _xsrf.hub-a=real; jupyterhub-session-id.hub-a=evil; jupyterhub-session-id.hub-a=real";

        assert_eq!(hub_plane(field, "hub-a"), "_xsrf=evil; _xsrf=real; jupyterhub-session-id=real");
        assert_eq!(proxy_plane(field, "hub-a"), "jupyterhub-session-id=real");
    }

    #[test]
    fn cookies_that_are_nobodys_pass_as_often_as_they_came() {
        assert_eq!(hub_plane("a=1; a=2;a=1 ;; b", "hub-a"), "a=1; a=2; a=1");
    }

    #[test]
    fn a_logout_takes_every_value_of_a_disputed_login_with_it() {
        let field = "jupyterhub-hub-login.hub-a=one; jupyterhub-hub-login.hub-a=two; jupyterhub-session-id.hub-a=s; _xsrf.hub-a=x";
        let rules = two_hubs();
        let cookies = read(&rules, field);

        let fields: Vec<String> =
            cookies.for_logout(&hub("hub-a")).into_iter().map(|f| text(Some(f))).collect();

        let rest = "jupyterhub-session-id=s; _xsrf=x";
        assert_eq!(
            fields,
            [format!("jupyterhub-hub-login=one; {rest}"), format!("jupyterhub-hub-login=two; {rest}")]
        );
        assert!(cookies.for_logout(&hub("hub-b")).is_empty());
    }
}
