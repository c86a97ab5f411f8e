//! Where a login lands: at the hub where its next page lives.
//!
//! Pure. Who logged in where, and to which page, arrives as facts; dropping cookies and redirecting is left to
//! `proxy`.

use hubrouter_config::HubId;
use hubrouter_hub_adapter::destination::Dest;
use hubrouter_hub_adapter::names::UserName;

use super::snapshot::{HubIndex, Snapshot};

/// How often a login may be sent on to another hub before a page explains instead.
pub const MAX_ROUNDS: u8 = 2;

/// Whether a login must take place at its hub, or just happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Keeps a stranger at one hub until somebody names a better one.
    Weak,
    /// Set by a bounce: pins the next login, over the form's name.
    Strong,
}

/// What the login cookie holds: where the login that is going on takes place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoginMark {
    /// The hub of the login.
    pub hub: HubId,
    /// How binding that is.
    pub strength: Strength,
    /// How many times the login was sent on from hub to hub so far.
    pub rounds: u8,
}

impl LoginMark {
    /// Whether a bounce set it.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.strength == Strength::Strong
    }
}

/// A login that a hub just confirmed.
#[derive(Clone, Debug)]
pub struct Landed<'a> {
    /// The hub that confirmed it.
    pub at: HubIndex,
    /// Who that hub says it is.
    pub user: &'a UserName,
    /// Where the page lives to which the hub sends the browser.
    pub next: Dest,
    /// Who our session cookie named before.
    pub session: Option<&'a UserName>,
    /// What the login cookie held.
    pub mark: Option<&'a LoginMark>,
    /// The hub the person chose.
    pub chosen: Option<HubIndex>,
}

/// What to do with a confirmed login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Pass the hub's answer on: a login at home, or a visit.
    Stay,
    /// Drop the hub's cookies and log in at `to`, where the next page lives.
    Bounce {
        /// The hub at which to log in.
        to: HubIndex,
        /// How often this login was sent on, this time included.
        rounds: u8,
    },
    /// Sent on too often: explain.
    Loop,
}

/// Bounce if and only if the next page lives elsewhere, and this login was not sent here for this user.
#[must_use]
pub fn land(snapshot: &Snapshot, login: &Landed<'_>) -> Landing {
    let target = destination(snapshot, &login.next, login.user, login.chosen);
    let Some(to) = target.filter(|to| *to != login.at) else {
        return Landing::Stay;
    };
    let rounds = login.mark.filter(|mark| mark.is_strong()).map_or(0, |mark| mark.rounds);
    if rounds > 0 && sent_here(snapshot, login) {
        return Landing::Stay;
    }
    if rounds >= MAX_ROUNDS {
        return Landing::Loop;
    }
    Landing::Bounce { to, rounds: rounds + 1 }
}

/// `dest(L, U)`: the hub to which `user` would be sent for a page that lives at `dest`.
#[must_use]
pub fn destination(
    snapshot: &Snapshot,
    dest: &Dest,
    user: &UserName,
    chosen: Option<HubIndex>,
) -> Option<HubIndex> {
    let named = match dest {
        // A service at `home` names no hub by itself: the chosen hub comes first, as for any page without an owner.
        Dest::Service(service) => snapshot.service_hub(service),
        other => snapshot.named_by(other),
    };
    named.or(chosen).or_else(|| snapshot.owner(user))
}

/// Whether this login was sent to this hub, for this user: then it is final.
fn sent_here(snapshot: &Snapshot, login: &Landed<'_>) -> bool {
    login.mark.is_some_and(|mark| mark.is_strong() && mark.hub == *snapshot.id(login.at))
        && login.session == Some(login.user)
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
