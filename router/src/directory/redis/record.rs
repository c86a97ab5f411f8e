//! How the directory is written in Redis, and strict reading of whatever is found there.
//!
//! One hash holds everything that must be lost or kept together: `#fingerprint`, `#hubs`, `#counter`, and one field per entry.
//! A field is the kind, a colon and the name, percent-encoded; its text is `epoch milliseconds json`, without JSON for a
//! deletion. What does not read back exactly as it would have been written is malformed.

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use redis::Value as Reply;

use super::super::entry::{Entry, Value};
use super::super::identity::{Fingerprint, Identity, ReplicaId};
use super::super::key::Key;
use super::super::store::{Beat, Full};
use crate::core::life::records::Epoch;
use crate::core::life::time::StoreTime;

/// How much of a foreign text is shown.
const SHOWN: usize = 64;

/// The field of a key: letters, digits, `%` and one colon, whatever the name holds.
pub(super) fn field(key: &Key) -> String {
    let (kind, name) = key.parts();
    format!("{kind}:{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// The key of a field.
pub(super) fn key(written: &[u8]) -> Option<Key> {
    let (kind, name) = std::str::from_utf8(written).ok()?.split_once(':')?;
    let key = Key::new(kind, &percent_decode_str(name).decode_utf8().ok()?)?;
    // One key, one field: no other spelling counts.
    (field(&key).as_bytes() == written).then_some(key)
}

/// The text of an entry.
pub(super) fn text(entry: &Entry) -> String {
    let Entry { epoch, written_at, value, .. } = entry;
    match value {
        Some(value) => format!("{epoch} {} {}", written_at.as_millis(), value.as_str()),
        None => format!("{epoch} {}", written_at.as_millis()),
    }
}

/// The entry that stands in a field.
pub(super) fn entry(key: Key, text: &[u8]) -> Option<Entry> {
    let mut parts = std::str::from_utf8(text).ok()?.splitn(3, ' ');
    let epoch = epoch(parts.next()?).filter(|epoch| *epoch > Epoch::default())?;
    let written_at = time(parts.next()?)?;
    let value = match parts.next() {
        Some(json) => Some(Value::parse(json)?),
        None => None,
    };
    Some(Entry { key, epoch, written_at, value })
}

/// What the feed says: an entry, `None` for "load everything"; an outer `None` for anything else.
pub(super) fn message(payload: &[u8]) -> Option<Option<Entry>> {
    if payload == b"#resync" {
        return Some(None);
    }
    let space = payload.iter().position(|byte| *byte == b' ')?;
    entry(key(&payload[..space])?, &payload[space + 1..]).map(Some)
}

/// An epoch in plain digits.
pub(super) fn epoch(text: &str) -> Option<Epoch> {
    Epoch::new(number(text)?)
}

/// A time in plain digits.
pub(super) fn time(text: &str) -> Option<StoreTime> {
    number(text).map(StoreTime::from_millis)
}

fn number(text: &str) -> Option<u64> {
    // As in `whole` of common.lua: no sign, no space, and no more digits than a double holds.
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// The bytes of a reply that is a text.
pub(super) fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::BulkString(bytes) => Some(bytes),
        Reply::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// A reply that is readable as `T`.
pub(super) fn read<T: FromStr>(reply: &Reply) -> Option<T> {
    std::str::from_utf8(bytes(reply)?).ok()?.parse().ok()
}

/// A reply that is a text.
pub(super) fn plain(reply: &Reply) -> Option<&str> {
    std::str::from_utf8(bytes(reply)?).ok()
}

/// What `TIME` replies: seconds and microseconds.
pub(super) fn clock(reply: &Reply) -> Option<StoreTime> {
    let Reply::Array(parts) = reply else { return None };
    let [seconds, micros] = parts.as_slice() else { return None };
    let (seconds, micros): (u64, u64) = (read(seconds)?, read(micros)?);
    Some(StoreTime::from_millis(seconds.checked_mul(1000)?.checked_add(micros / 1000)?))
}

/// Field and text of each member of a hash.
pub(super) fn members(reply: &Reply) -> Option<Vec<(&[u8], &[u8])>> {
    match reply {
        Reply::Map(members) => {
            members.iter().map(|(key, value)| Some((bytes(key)?, bytes(value)?))).collect()
        }
        Reply::Array(all) => {
            all.chunks_exact(2).map(|pair| Some((bytes(&pair[0])?, bytes(&pair[1])?))).collect()
        }
        _ => None,
    }
}

/// What others wrote, escaped and cut.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).escape_debug().to_string()
}

/// A directory as it was read.
pub(super) struct Read {
    pub(super) full: Full,
    /// A fingerprint that is none.
    pub(super) unreadable_fingerprint: Option<String>,
}

/// Everything in the hash.
pub(super) fn full(reply: &Reply, time: StoreTime) -> Option<Read> {
    let mut full = Full { time, ..Full::default() };
    let (mut fingerprint, mut unreadable_fingerprint, mut hubs) = (None, None, Default::default());
    for (field, text) in members(reply)? {
        match field {
            b"#fingerprint" => match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
                Some(read) => fingerprint = Some::<Fingerprint>(read),
                None => unreadable_fingerprint = Some(shown(text)),
            },
            b"#counter" => match std::str::from_utf8(text).ok().and_then(epoch) {
                Some(counter) => full.counter = counter,
                None => full.malformed += 1,
            },
            b"#hubs" => {
                let words =
                    std::str::from_utf8(text).unwrap_or_default().split(' ').filter(|word| !word.is_empty());
                hubs = words.filter_map(|word| word.parse().ok()).collect();
            }
            _ => match key(field).and_then(|key| entry(key, text)) {
                Some(entry) => {
                    full.entries.insert(entry.key.clone(), entry);
                }
                None => full.malformed += 1,
            },
        }
    }
    full.identity = fingerprint.map(|fingerprint| Identity { fingerprint, hubs });
    Some(Read { full, unreadable_fingerprint })
}

/// All heartbeats that can be read, and how many cannot.
pub(super) fn beats(reply: &Reply) -> Option<(Vec<Beat>, u64)> {
    let members = members(reply)?;
    let all = members.len();
    let read: BTreeMap<ReplicaId, Beat> = members
        .into_iter()
        .filter_map(|(replica, text)| {
            let replica: ReplicaId = std::str::from_utf8(replica).ok()?.parse().ok()?;
            let mut parts = std::str::from_utf8(text).ok()?.splitn(3, ' ');
            let (at, until) = (time(parts.next()?)?, time(parts.next()?)?);
            let payload = Value::parse(parts.next()?)?;
            Some((replica.clone(), Beat { replica, payload, at, until }))
        })
        .collect();
    let malformed = (all - read.len()) as u64;
    Some((read.into_values().collect(), malformed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_plain_whatever_the_name_holds_and_reads_back() {
        for name in ["ada", "a:b c", "ü💣{x}*", "%41", "\u{202e}", "'); redis.call('FLUSHALL') --"] {
            let own = Key::new("user", name).unwrap();
            let written = field(&own);

            assert!(
                written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":%".contains(&byte)),
                "{written}"
            );
            assert_eq!(key(written.as_bytes()), Some(own));
        }
        for other in
            ["user:%61da", "user:%c3%bc", "user:a b", "user", "user:", "User:ada", "user:%ff", "user:%0A"]
        {
            assert_eq!(key(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn an_entry_reads_back_and_nothing_else_reads_at_all() {
        let own = Key::new("user", "ada").unwrap();
        for good in ["7 1000 {\"hub\":\"a\"}", "7 1000", "9007199254740991 0 null"] {
            assert_eq!(text(&entry(own.clone(), good.as_bytes()).unwrap()), good);
        }
        let bad: [&[u8]; 12] = [
            b"",
            b"7",
            b"x 1 1",
            b"7 x 1",
            b"7 1000 ",
            b"7 1000 {",
            b"-7 1 1",
            b"+7 1 1",
            b"0 1 1",
            b" 7 1 1",
            b"9007199254740992 1 1",
            b"7 1 \"\xff\"",
        ];
        for bad in bad {
            assert_eq!(entry(own.clone(), bad), None, "{}", shown(bad));
        }
    }

    #[test]
    fn what_the_feed_says_is_an_entry_or_resync_or_nothing() {
        assert_eq!(message(b"#resync"), Some(None));
        assert_eq!(message(b"user:ada 7 1000 1").unwrap().unwrap().epoch.as_number(), 7);
        for bad in [&b""[..], b"user:ada", b"user:ada ", b"\xff\xfe 7 1 1", b"#counter 7 1 1"] {
            assert_eq!(message(bad), None, "{}", shown(bad));
        }
    }
}
