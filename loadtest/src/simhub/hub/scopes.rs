//! Who asks, and what they may: JupyterHub's scopes, as far as its API needs them.
//!
//! Pure but for the look into the database; enforcing is for the handlers.

use std::collections::BTreeSet;

use super::super::inner::Inner;
use super::super::options::TokenOwner;
use super::super::state::Token;

/// Each scope with those it contains (JupyterHub's `scopes.py`, 6.1).
const CONTAINED: &[(&str, &[&str])] = &[
    ("admin:users", &["admin:auth_state", "users", "read:roles:users", "delete:users"]),
    ("users", &["read:users", "list:users", "users:activity"]),
    ("list:users", &["read:users:name"]),
    ("read:users", &["read:users:name", "read:users:groups", "read:users:activity"]),
    ("read:roles", &["read:roles:users", "read:roles:services", "read:roles:groups"]),
    ("users:activity", &["read:users:activity"]),
    ("admin:servers", &["admin:server_state", "servers"]),
    ("servers", &["read:servers", "start:servers", "delete:servers"]),
    ("read:servers", &["read:users:name"]),
    ("tokens", &["read:tokens"]),
    ("admin:groups", &["groups", "read:roles:groups", "delete:groups"]),
    ("groups", &["read:groups", "list:groups"]),
    ("list:groups", &["read:groups:name"]),
    ("read:groups", &["read:groups:name"]),
    ("admin:services", &["list:services", "read:services", "read:roles:services"]),
    ("list:services", &["read:services:name"]),
    ("read:services", &["read:services:name"]),
    ("users:shares", &["read:users:shares"]),
    ("groups:shares", &["read:groups:shares"]),
    ("shares", &["access:servers", "read:shares", "users:shares", "groups:shares"]),
];

/// What every user may do to themselves (`self`).
const SELF: &[&str] =
    &["access:servers", "read:shares", "read:users", "servers", "tokens", "users:activity", "users:shares"];

/// What an admin may do.
const ADMIN: &[&str] = &[
    "admin-ui",
    "admin:users",
    "admin:servers",
    "admin:services",
    "tokens",
    "admin:groups",
    "list:services",
    "read:services",
    "read:hub",
    "proxy",
    "shutdown",
    "access:services",
    "access:servers",
    "read:roles",
    "read:metrics",
    "shares",
];

/// Whoever makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    /// A service, not a user.
    pub(crate) service: bool,
    pub(crate) admin: bool,
    /// Expanded, each as `scope` or `scope!kind=name`.
    pub(crate) scopes: BTreeSet<String>,
    /// The token used: its id and session.
    pub(crate) token: Option<(String, Option<String>)>,
}

/// What a scope is asked for.
#[derive(Clone, Copy)]
pub(crate) enum On<'a> {
    /// The hub itself, or all of a kind.
    All,
    User(&'a str),
    Server(&'a str, &'a str),
    Group(&'a str),
    Service(&'a str),
}

impl Identity {
    /// A user with all their rights.
    pub(crate) fn of_user(inner: &Inner, name: &str) -> Identity {
        let data = inner.data();
        let admin = data.user(name).is_some_and(|user| user.admin);
        let mut scopes = expand(SELF, &format!("!user={name}"));
        if admin {
            scopes.extend(expand(ADMIN, ""));
        }
        let groups: Vec<String> = data
            .groups
            .iter()
            .filter(|(_, members)| members.contains(name))
            .map(|(group, _)| group.clone())
            .collect();
        let shared = data.sharing.shares.iter().filter(|share| {
            share.user.as_deref() == Some(name)
                || share.group.as_ref().is_some_and(|group| groups.contains(group))
        });
        scopes.extend(shared.map(|share| format!("access:servers!server={}/{}", share.owner, share.server)));
        let services = inner.options.services.iter().filter(|service| service.open);
        scopes.extend(services.map(|service| format!("access:services!service={}", service.name)));
        drop_covered(&mut scopes);
        Identity { name: name.to_owned(), service: false, admin, scopes, token: None }
    }

    /// The owner of a token with the token's rights; `None`: no such token.
    pub(crate) fn of_token(inner: &Inner, text: &str) -> Option<Identity> {
        let token = inner.data().use_token(text)?;
        Some(Identity::of_row(inner, &token))
    }

    /// The owner of a token's row with the token's rights.
    pub(crate) fn of_row(inner: &Inner, token: &Token) -> Identity {
        let used = Some((token.id.clone(), token.session_id.clone()));
        let given: Vec<&str> = token.scopes.iter().map(String::as_str).collect();
        match &token.owner {
            TokenOwner::Service(name) => {
                let scopes = expand_given(&given, "");
                Identity { name: name.clone(), service: true, admin: false, scopes, token: used }
            }
            TokenOwner::User(name) => {
                let owner = Identity::of_user(inner, name);
                if given.is_empty() || given.contains(&"inherit") {
                    return Identity { token: used, ..owner };
                }
                let mut scopes = expand_given(&given, name);
                scopes.retain(|scope| owner.holds(scope));
                Identity { scopes, token: used, ..owner }
            }
        }
    }

    /// Whether it holds `scope` for that thing.
    pub(crate) fn may(&self, scope: &str, on: On<'_>) -> bool {
        let holds = |filter: String| self.scopes.contains(&format!("{scope}!{filter}"));
        self.scopes.contains(scope)
            || match on {
                On::All => false,
                On::User(name) => holds(format!("user={name}")),
                On::Server(user, server) => {
                    holds(format!("user={user}")) || holds(format!("server={user}/{server}"))
                }
                On::Group(name) => holds(format!("group={name}")),
                On::Service(name) => holds(format!("service={name}")),
            }
    }

    /// Whether it holds `scope` for anything at all.
    pub(crate) fn may_for_some(&self, scope: &str) -> bool {
        let filtered = format!("{scope}!");
        self.scopes.iter().any(|held| held == scope || held.starts_with(&filtered))
    }

    fn holds(&self, scope: &str) -> bool {
        let bare = scope.split('!').next().unwrap_or(scope);
        self.scopes.contains(scope)
            || self.scopes.contains(bare)
            || scope.split_once("!server=").is_some_and(|(bare, server)| {
                let user = server.split('/').next().unwrap_or_default();
                self.scopes.contains(&format!("{bare}!user={user}"))
            })
    }
}

/// Whether somebody may use that server of `owner`: their own, a shared one, or as an admin.
pub(crate) fn may_access(inner: &Inner, who: &Identity, owner: &str, server: &str) -> bool {
    if who.may("access:servers", On::Server(owner, server)) {
        return true;
    }
    // a token may be older than the share: what counts is what its owner may now
    !who.service
        && who.token.is_none()
        && Identity::of_user(inner, &who.name).may("access:servers", On::Server(owner, server))
}

/// Scopes with all they contain, each with `filter` behind it.
fn expand(scopes: &[&str], filter: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut left: Vec<&str> = scopes.to_vec();
    while let Some(scope) = left.pop() {
        if all.insert(format!("{scope}{filter}")) {
            let contained = CONTAINED.iter().find(|(name, _)| *name == scope);
            left.extend(contained.iter().flat_map(|(_, parts)| parts.iter().copied()));
        }
    }
    all
}

/// Scopes as somebody wrote them; `!user` alone and `self` mean `owner`.
fn expand_given(given: &[&str], owner: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for scope in given {
        match scope.split_once('!') {
            None if *scope == "self" => all.extend(expand(SELF, &format!("!user={owner}"))),
            None => all.extend(expand(&[scope], "")),
            Some((scope, "user")) => all.extend(expand(&[scope], &format!("!user={owner}"))),
            Some((scope, filter)) => all.extend(expand(&[scope], &format!("!{filter}"))),
        }
    }
    drop_covered(&mut all);
    all
}

/// Drops what a scope without a filter covers anyway.
fn drop_covered(scopes: &mut BTreeSet<String>) {
    let bare: BTreeSet<String> = scopes.iter().filter(|scope| !scope.contains('!')).cloned().collect();
    scopes.retain(|scope| scope.split_once('!').is_none_or(|(name, _)| !bare.contains(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_contains_its_parts_with_the_same_filter() {
        let scopes = expand_given(&["servers!user=ada"], "");

        assert!(scopes.contains("start:servers!user=ada"));
        assert!(scopes.contains("read:users:name!user=ada"));
        assert!(!scopes.contains("start:servers"));
    }

    #[test]
    fn self_means_the_owner() {
        assert!(expand_given(&["self"], "ada").contains("tokens!user=ada"));
    }
}
