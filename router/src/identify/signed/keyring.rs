//! Signs and verifies short values with a list of keys. What the values mean is left to the payloads.
//!
//! A value is `1.<key id>.<payload>.<mac>`: version, which key, payload and HMAC-SHA256, the last two in unpadded URL-safe
//! base64. The mac covers everything before it and the kind of the cookie, so that a value of one kind never passes as
//! another. Nothing is encrypted: a payload holds nothing secret.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hubrouter_config::Session as Settings;
use sha2::Sha256;

use super::Kind;

/// Longer values are not looked at. A session of the longest user name that is signed has about 1,450 bytes.
const LONGEST_VALUE: usize = 1536;

const VERSION: &str = "1";

/// The keys of a site: the first signs, all verify.
///
/// Rotation that no request notices: add the new key at the second place everywhere, then make it the first everywhere,
/// and drop the old one after `session.lifetime`. `Debug` shows key ids only.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<SigningKey>,
    lifetime: Duration,
}

#[derive(Clone)]
struct SigningKey {
    /// Names the key in a value and tells nothing about it. Two keys may share one: then both are tried.
    id: String,
    /// The state after the key, so that the key itself is hashed only once.
    mac: Hmac<Sha256>,
}

/// What a value held.
pub(super) struct Opened {
    pub(super) payload: Vec<u8>,
    /// Signed by a key that is not the first any more.
    pub(super) by_retired_key: bool,
}

impl Keyring {
    /// The keys and the lifetime of the configuration; without keys `fallback`, which the caller draws at random once per
    /// process: then sessions end with the process.
    #[must_use]
    pub fn from_config(session: &Settings, fallback: [u8; 32]) -> Self {
        let mut keys: Vec<SigningKey> =
            session.keys.iter().map(|key| SigningKey::new(key.expose())).collect();
        if keys.is_empty() {
            keys.push(SigningKey::new(&fallback));
        }
        Self { keys, lifetime: session.lifetime }
    }

    /// How long a session is good: `session.lifetime`.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub(super) fn seal(&self, kind: Kind, payload: &[u8]) -> String {
        self.seal_as(kind.label(), payload)
    }

    /// `label` tells what is signed; whatever else is signed has another one.
    pub(super) fn seal_as(&self, label: &str, payload: &[u8]) -> String {
        let key = self.keys.first().expect("from_config puts at least one key in");
        let head = format!("{VERSION}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(payload));
        let mac = key.mac_of(label, &head).finalize().into_bytes();
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// `None` for everything that none of our keys signed as this kind, whatever is wrong with it.
    pub(super) fn open(&self, kind: Kind, value: &str) -> Option<Opened> {
        self.open_as(kind.label(), value)
    }

    /// The same for what [`Keyring::seal_as`] signed.
    pub(super) fn open_as(&self, label: &str, value: &str) -> Option<Opened> {
        if value.len() > LONGEST_VALUE {
            return None;
        }
        let (head, mac) = value.rsplit_once('.')?;
        let (key_id, payload) = head.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // Every key with this id; `verify_slice` compares in constant time.
        let place = self
            .keys
            .iter()
            .position(|key| key.id == key_id && key.mac_of(label, head).verify_slice(&mac).is_ok())?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        Some(Opened { payload, by_retired_key: place > 0 })
    }
}

impl SigningKey {
    fn new(key: &[u8]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        let id = mac.clone().chain_update(b"hubrouter key id").finalize().into_bytes();
        Self { id: URL_SAFE_NO_PAD.encode(&id[..3]), mac }
    }

    fn mac_of(&self, label: &str, head: &str) -> Hmac<Sha256> {
        // The label is one of five words and ends with a byte that no head holds.
        self.mac
            .clone()
            .chain_update("hubrouter cookie\0")
            .chain_update(label)
            .chain_update("\0")
            .chain_update(head)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Keyring").field("key_ids", &ids).field("lifetime", &self.lifetime).finish()
    }
}
