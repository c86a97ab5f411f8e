//! What the four cookies hold, as bytes and back. Who signed them is the keyring's question.
//!
//! Times are whole seconds since 1970 in eight big-endian bytes; the text that a payload ends with takes all the rest.

use std::time::{Duration, SystemTime};

use hubrouter_config::HubId;
use sha2::{Digest as _, Sha256};

use super::Flow;
use crate::core::login::{LoginMark, Strength};

/// The longest user name that is signed, in bytes: hubs keep names of at most 255 characters of at most 4 bytes.
pub(super) const LONGEST_NAME: usize = 1020;

/// The bytes of a flow's state that are kept: enough to tell flows apart, too few to make the state from.
const STATE_HASH: usize = 16;

/// A session before its name has been judged by the site's rule.
pub(super) struct RawSession {
    pub(super) user: String,
    pub(super) issued_at: SystemTime,
    pub(super) expires_at: SystemTime,
}

impl RawSession {
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.user.len() > LONGEST_NAME {
            return None;
        }
        let times = [time_bytes(self.issued_at), time_bytes(self.expires_at)].concat();
        Some([times.as_slice(), self.user.as_bytes()].concat())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (issued_at, rest) = split_time(bytes)?;
        let (expires_at, user) = split_time(rest)?;
        Some(Self { user: str::from_utf8(user).ok()?.to_owned(), issued_at, expires_at })
    }
}

pub(super) fn login_bytes(mark: &LoginMark, expires_at: SystemTime) -> Vec<u8> {
    let strength = match mark.strength {
        Strength::Weak => 0,
        Strength::Strong => 1,
    };
    [&time_bytes(expires_at)[..], &[strength, mark.rounds], mark.hub.as_str().as_bytes()].concat()
}

pub(super) fn login_from(bytes: &[u8]) -> Option<(LoginMark, SystemTime)> {
    let (expires_at, rest) = split_time(bytes)?;
    let (&[strength, rounds], hub) = rest.split_first_chunk()?;
    let strength = match strength {
        0 => Strength::Weak,
        1 => Strength::Strong,
        _ => return None,
    };
    Some((LoginMark { hub: hub_id(hub)?, strength, rounds }, expires_at))
}

pub(super) fn hub_bytes(hub: &HubId, expires_at: SystemTime) -> Vec<u8> {
    [&time_bytes(expires_at)[..], hub.as_str().as_bytes()].concat()
}

pub(super) fn hub_from(bytes: &[u8]) -> Option<(HubId, SystemTime)> {
    let (expires_at, hub) = split_time(bytes)?;
    Some((hub_id(hub)?, expires_at))
}

/// A page that is longer is not kept: the login ends at home then.
const LONGEST_NEXT: usize = 512;

/// After the state: whether the hub's own cookie names the flow.
const JARRED: char = '+';
const NOT_JARRED: char = '-';

pub(super) fn flow_bytes(state: &str, flow: &Flow, expires_at: SystemTime) -> Vec<u8> {
    let next = flow.next.as_deref().filter(|next| next.len() <= LONGEST_NEXT).unwrap_or_default();
    let mark = if flow.jarred { JARRED } else { NOT_JARRED };
    // No hub's id holds a line break.
    let text = format!("{mark}{}\n{next}", flow.hub);
    [&time_bytes(expires_at)[..], &state_hash(state), text.as_bytes()].concat()
}

/// The flow with this state; `None` when the payload is another flow's.
pub(super) fn flow_from(bytes: &[u8], state: &str) -> Option<(Flow, SystemTime)> {
    let (expires_at, rest) = split_time(bytes)?;
    let text = str::from_utf8(rest.strip_prefix(&state_hash(state))?).ok()?;
    let (jarred, text) = match text.strip_prefix(JARRED) {
        Some(text) => (true, text),
        None => (false, text.strip_prefix(NOT_JARRED)?),
    };
    let (hub, next) = text.split_once('\n')?;
    let next = (!next.is_empty()).then(|| next.to_owned());
    Some((Flow { hub: hub.parse().ok()?, next, jarred }, expires_at))
}

fn state_hash(state: &str) -> [u8; STATE_HASH] {
    let digest = Sha256::digest(state.as_bytes());
    *digest.first_chunk().expect("SHA-256 has 32 bytes")
}

pub(super) fn rescue_bytes(user: &str, hub: &HubId, expires_at: SystemTime) -> Vec<u8> {
    // Ids of hubs hold no line break.
    [&time_bytes(expires_at)[..], hub.as_str().as_bytes(), b"\n", user.as_bytes()].concat()
}

pub(super) fn rescue_from(bytes: &[u8]) -> Option<(HubId, String, SystemTime)> {
    let (expires_at, rest) = split_time(bytes)?;
    let (hub, user) = str::from_utf8(rest).ok()?.split_once('\n')?;
    Some((hub.parse().ok()?, user.to_owned(), expires_at))
}

fn hub_id(bytes: &[u8]) -> Option<HubId> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

fn time_bytes(time: SystemTime) -> [u8; 8] {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_1970.as_secs().to_be_bytes()
}

fn split_time(bytes: &[u8]) -> Option<(SystemTime, &[u8])> {
    let (seconds, rest) = bytes.split_first_chunk()?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_be_bytes(*seconds)))?;
    Some((time, rest))
}
