//! The router's own four cookies: made, read and ended here, signed with the site's keys.
//!
//! They route and never authenticate: a hub checks everybody by its own cookies. What is forged, cut, too old or signed by
//! a key that is not ours counts as absent, never as an error. No clock and no random source: times and fresh keys are
//! arguments. When to set which cookie is decided elsewhere.

mod keyring;
mod payload;

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::cookies::FLOW_SECONDS;
use hubrouter_hub_adapter::names::{NameRule, UserName};

use crate::core::login::LoginMark;
pub use keyring::Keyring;
use payload::RawSession;

/// How long a login mark is good: 10 minutes, the time to type a password twice.
const LOGIN_FOR: Duration = Duration::from_mins(10);
/// How long a chosen hub is good: 1 hour.
pub const CHOSEN_HUB_FOR: Duration = Duration::from_hours(1);
/// How long an OAuth flow may take: as long as its state cookie lives, 10 minutes.
const FLOW_FOR: Duration = Duration::from_secs(FLOW_SECONDS as u64);

/// What the signature of a rescue covers besides its token.
const RESCUE: &str = "rescue";
/// How long the form of a rescue is good.
const RESCUE_FOR: Duration = Duration::from_mins(10);

/// The router's own cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who asks, as a hub named them.
    Session,
    /// Where the login that is going on takes place.
    Login,
    /// The hub that the user chose by `/_hubrouter/hub/<id>`.
    ChosenHub,
    /// Which hub began the OAuth flow that is going on, and for which page.
    Flow,
}

impl Kind {
    /// All of them.
    const ALL: [Self; 4] = [Self::Session, Self::Login, Self::ChosenHub, Self::Flow];

    /// What the signature covers besides the value; never changes.
    fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Login => "login",
            Self::ChosenHub => "hub",
            Self::Flow => "flow",
        }
    }
}

/// A session that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who asks, canonical by the site's rule.
    pub user: UserName,
    /// When the cookie was signed.
    pub issued_at: SystemTime,
    /// From this instant on it counts as absent.
    pub expires_at: SystemTime,
    /// The key that signed it is still good but not the first any more.
    pub by_retired_key: bool,
}

impl Session {
    /// Whether the cookie should be set again: less than half of its lifetime is left, or its key is retired.
    #[must_use]
    pub fn needs_renewal(&self, now: SystemTime) -> bool {
        let lifetime = self.expires_at.duration_since(self.issued_at).unwrap_or_default();
        let left = self.expires_at.duration_since(now).unwrap_or_default();
        self.by_retired_key || left < lifetime / 2
    }
}

/// An OAuth login under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The hub that began it, and holds its state.
    pub hub: HubId,
    /// The page that was wanted: for somebody whose login has to begin anew.
    pub next: Option<String>,
    /// Whether the hub's own state cookie names the flow: without that cookie the hub cannot end the login.
    pub jarred: bool,
}

/// Makes, reads and ends the own cookies of one site.
#[derive(Clone, Debug)]
pub struct OwnCookies {
    keys: Keyring,
    secure: bool,
    names: NameRule,
}

impl OwnCookies {
    /// `secure`: the site is https, so the cookies carry the `__Host-` prefix and others cannot plant them.
    #[must_use]
    pub fn new(keys: Keyring, secure: bool, names: NameRule) -> Self {
        Self { keys, secure, names }
    }

    /// The one name under which this site reads and sets the cookie; the name of the other scheme is never read.
    #[must_use]
    pub fn name(&self, kind: Kind) -> &'static str {
        match (kind, self.secure) {
            (Kind::Session, true) => "__Host-hubrouter",
            (Kind::Session, false) => "hubrouter",
            (Kind::Login, true) => "__Host-hubrouter-login",
            (Kind::Login, false) => "hubrouter-login",
            (Kind::ChosenHub, true) => "__Host-hubrouter-hub",
            (Kind::ChosenHub, false) => "hubrouter-hub",
            (Kind::Flow, true) => "__Host-hubrouter-flow",
            (Kind::Flow, false) => "hubrouter-flow",
        }
    }

    /// The session among all values that came under the name of [`Kind::Session`].
    ///
    /// Values that do not verify are passed over. Two that verify and name different users mean no session: one of them was
    /// planted, and nobody can tell which. Of several for one user the freshest counts.
    pub fn session<'a>(&self, values: impl IntoIterator<Item = &'a str>, now: SystemTime) -> Option<Session> {
        let mut sessions = values.into_iter().filter_map(|value| self.open_session(value, now));
        let first = sessions.next()?;
        sessions.try_fold(first, |best, next| {
            (next.user == best.user).then(|| if freshness(&next) > freshness(&best) { next } else { best })
        })
    }

    /// The login mark among all values that came under the name of [`Kind::Login`]; none when they disagree.
    pub fn login<'a>(&self, values: impl IntoIterator<Item = &'a str>, now: SystemTime) -> Option<LoginMark> {
        agreed(values.into_iter().filter_map(|value| self.open(Kind::Login, value, now, payload::login_from)))
    }

    /// The chosen hub among all values that came under the name of [`Kind::ChosenHub`]; none when they disagree.
    ///
    /// The hub may be unknown by now: the caller looks it up.
    pub fn chosen_hub<'a>(
        &self,
        values: impl IntoIterator<Item = &'a str>,
        now: SystemTime,
    ) -> Option<HubId> {
        agreed(
            values.into_iter().filter_map(|value| self.open(Kind::ChosenHub, value, now, payload::hub_from)),
        )
    }

    /// The flow with this `state`, among all values that came under the name of [`Kind::Flow`]; values
    /// of other flows are passed over, and none counts when the rest disagrees.
    pub fn flow<'a>(
        &self,
        values: impl IntoIterator<Item = &'a str>,
        state: &str,
        now: SystemTime,
    ) -> Option<Flow> {
        let open = |bytes: &[u8]| payload::flow_from(bytes, state);
        agreed(values.into_iter().filter_map(|value| self.open(Kind::Flow, value, now, open)))
    }

    /// `Set-Cookie` for the session of this user, from now on for `session.lifetime`.
    ///
    /// `None` for a name of more than 1,020 bytes, which no hub keeps: such a user goes on by the hub's own cookies.
    #[must_use]
    pub fn set_session(&self, user: &UserName, now: SystemTime) -> Option<HeaderValue> {
        let lifetime = self.keys.lifetime();
        let session =
            RawSession { user: user.to_string(), issued_at: now, expires_at: now.checked_add(lifetime)? };
        Some(self.set(Kind::Session, &session.to_bytes()?, lifetime))
    }

    /// `Set-Cookie` for a login mark, good for 10 minutes.
    #[must_use]
    pub fn set_login(&self, mark: &LoginMark, now: SystemTime) -> HeaderValue {
        self.set(Kind::Login, &payload::login_bytes(mark, now + LOGIN_FOR), LOGIN_FOR)
    }

    /// `Set-Cookie` for a chosen hub, good for [`CHOSEN_HUB_FOR`].
    #[must_use]
    pub fn set_chosen_hub(&self, hub: &HubId, now: SystemTime) -> HeaderValue {
        self.set(Kind::ChosenHub, &payload::hub_bytes(hub, now + CHOSEN_HUB_FOR), CHOSEN_HUB_FOR)
    }

    /// `Set-Cookie` for the flow with this `state`, good for 10 minutes; the state itself is not in it.
    #[must_use]
    pub fn set_flow(&self, state: &str, flow: &Flow, now: SystemTime) -> HeaderValue {
        self.set(Kind::Flow, &payload::flow_bytes(state, flow, now + FLOW_FOR), FLOW_FOR)
    }

    /// A token for the form by which `user` declares their server at `hub` lost; good for 10 minutes, and for nobody else.
    #[must_use]
    pub fn rescue_token(&self, user: &UserName, hub: &HubId, now: SystemTime) -> String {
        self.keys.seal_as(RESCUE, &payload::rescue_bytes(user.as_str(), hub, now + RESCUE_FOR))
    }

    /// The hub whose server `user` declares lost by this token.
    #[must_use]
    pub fn rescued(&self, token: &str, user: &UserName, now: SystemTime) -> Option<HubId> {
        let opened = self.keys.open_as(RESCUE, token)?;
        let (hub, name, expires_at) = payload::rescue_from(&opened.payload)?;
        (now < expires_at && name == user.as_str()).then_some(hub)
    }

    /// `Set-Cookie` lines that end all of them in the browser.
    pub fn expire_all(&self) -> impl Iterator<Item = HeaderValue> {
        Kind::ALL.into_iter().map(|kind| self.expire(kind))
    }

    /// `Set-Cookie` that ends the cookie in the browser.
    #[must_use]
    pub fn expire(&self, kind: Kind) -> HeaderValue {
        self.line(kind, "", Duration::ZERO)
    }

    fn set(&self, kind: Kind, payload: &[u8], lifetime: Duration) -> HeaderValue {
        self.line(kind, &self.keys.seal(kind, payload), lifetime)
    }

    fn line(&self, kind: Kind, value: &str, lifetime: Duration) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            self.name(kind),
            lifetime.as_secs()
        );
        HeaderValue::try_from(line).expect("names, base64 and attributes are visible ASCII")
    }

    fn open_session(&self, value: &str, now: SystemTime) -> Option<Session> {
        let opened = self.keys.open(Kind::Session, value)?;
        let RawSession { user, issued_at, expires_at } = RawSession::from_bytes(&opened.payload)?;
        if now >= expires_at {
            return None;
        }
        // The rule may have changed since the cookie was signed.
        let user = UserName::canonical(&user, self.names)?;
        Some(Session { user, issued_at, expires_at, by_retired_key: opened.by_retired_key })
    }

    fn open<T>(
        &self,
        kind: Kind,
        value: &str,
        now: SystemTime,
        read: impl Fn(&[u8]) -> Option<(T, SystemTime)>,
    ) -> Option<T> {
        let (found, expires_at) = read(&self.keys.open(kind, value)?.payload)?;
        (now < expires_at).then_some(found)
    }
}

/// The greater, the longer a session goes without renewal.
fn freshness(session: &Session) -> (bool, SystemTime) {
    (!session.by_retired_key, session.expires_at)
}

/// What all say, if they say the same.
fn agreed<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
mod tests;
