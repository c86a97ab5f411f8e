//! One segment of a path: compared, checked and decoded exactly once.
//!
//! Reads as the hub's proxy does: `new URL(..).pathname` (which takes a raw `\` for `/` and resolves `%2e`), then
//! `decodeURIComponent`. Which segments hold names is the table's knowledge.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use percent_encoding::percent_decode_str;

use super::BadPath;

/// The text before the first `/`, and what follows that `/` if there is one.
pub(super) fn cut(path: &str) -> (&str, Option<&str>) {
    match memchr(b'/', path.as_bytes()) {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// Whether `raw`, decoded once, is `literal`. Allocates nothing.
pub(super) fn is(raw: &str, literal: &str) -> bool {
    let mut rest = raw.as_bytes();
    for &wanted in literal.as_bytes() {
        let byte;
        (byte, rest) = match rest {
            [b'%', high, low, tail @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => return false,
            },
            [byte, tail @ ..] => (*byte, tail),
            [] => return false,
        };
        if byte != wanted {
            return false;
        }
    }
    rest.is_empty()
}

/// Whether `raw`, decoded once, ends in `suffix`.
pub(super) fn ends_in(raw: &str, suffix: &str) -> bool {
    percent_decode_str(raw).decode_utf8().is_ok_and(|text| text.ends_with(suffix))
}

/// A name in a path, decoded.
///
/// # Errors
///
/// Whatever could make it more than one name or none: see [`BadPath`].
pub(super) fn name(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    // Node reads bytes beyond ASCII as Latin-1, the hub as UTF-8; a `#` would end the path for one of them.
    match raw.bytes().find(|byte| matches!(byte, b' ' | b'#' | 0x80..)) {
        Some(_) => Err(BadPath::RawByte),
        None => text(raw),
    }
}

/// A percent-encoded name outside of a path, such as the one in an OAuth client's id: as [`name`], but bytes beyond
/// ASCII may be raw.
pub(super) fn text(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    let decoded = match memchr(b'%', raw.as_bytes()) {
        None => Cow::Borrowed(raw),
        Some(_) if !escapes_are_whole(raw.as_bytes()) => return Err(BadPath::BadEscape),
        Some(_) => percent_decode_str(raw).decode_utf8().map_err(|_| BadPath::NotUtf8)?,
    };
    match &*decoded {
        "" => return Err(BadPath::Empty),
        "." | ".." => return Err(BadPath::DotSegment),
        _ => {}
    }
    let wrong = decoded.chars().find_map(|c| match c {
        '/' => Some(BadPath::Slash),
        '\\' => Some(BadPath::Backslash),
        c if c.is_control() => Some(BadPath::Control),
        _ => None,
    });
    wrong.map_or(Ok(decoded), Err)
}

/// Whether any segment is `.` or `..`, raw or encoded. A raw `\` ends a segment too.
pub(super) fn has_dot_segment(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr2(b'.', b'%', &bytes[from..]) {
        let at = from + found;
        let begins = at == 0 || matches!(bytes[at - 1], b'/' | b'\\');
        if begins && is_dots(&bytes[at..]) {
            return true;
        }
        from = at + 1;
    }
    false
}

fn is_dots(mut rest: &[u8]) -> bool {
    for dots in 0..=2 {
        rest = match rest {
            [] | [b'/' | b'\\', ..] => return dots > 0,
            [b'.', tail @ ..] | [b'%', b'2', b'e' | b'E', tail @ ..] => tail,
            _ => return false,
        };
    }
    false
}

fn escapes_are_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = memchr(b'%', rest) {
        match rest[at + 1..] {
            [high, low, ..] if hex(high).is_some() && hex(low).is_some() => rest = &rest[at + 3..],
            _ => return false,
        }
    }
    true
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_met_in_any_encoding_and_only_whole() {
        for raw in ["user", "%75ser", "u%73er", "%75%73%65%72"] {
            assert!(is(raw, "user"), "{raw}");
        }
        for raw in ["", "use", "users", "User", "%2575ser", "%7", "%zzser", "user%00"] {
            assert!(!is(raw, "user"), "{raw}");
        }
    }

    #[test]
    fn a_name_is_decoded_exactly_once_and_a_plus_is_a_plus() {
        for (raw, decoded) in [
            ("a%20b", "a b"),
            ("a+b", "a+b"),
            ("x%2540y", "x%40y"),
            ("%C3%A9", "é"),
            ("a;b", "a;b"),
            ("...", "..."),
        ] {
            assert_eq!(name(raw).unwrap(), decoded);
        }
    }

    #[test]
    fn a_name_that_could_be_two_or_none_is_bad() {
        for (raw, bad) in [
            ("", BadPath::Empty),
            (".", BadPath::DotSegment),
            ("%2E.", BadPath::DotSegment),
            ("a%2fb", BadPath::Slash),
            ("a%5Cb", BadPath::Backslash),
            ("a\\b", BadPath::Backslash),
            ("a%00", BadPath::Control),
            ("a%0d%0a", BadPath::Control),
            ("a\tb", BadPath::Control),
            ("%7f", BadPath::Control),
            ("%c2%85", BadPath::Control),
            ("%ff", BadPath::NotUtf8),
            ("%c3", BadPath::NotUtf8),
            ("%c0%af", BadPath::NotUtf8), // an overlong `/`
            ("%zz", BadPath::BadEscape),
            ("%2", BadPath::BadEscape),
            ("a%", BadPath::BadEscape),
            ("%+1", BadPath::BadEscape),
            ("é", BadPath::RawByte),
            ("a#b", BadPath::RawByte),
        ] {
            assert_eq!(name(raw), Err(bad), "{raw}");
        }
    }

    #[test]
    fn dot_segments_are_seen_anywhere_and_nothing_else_is() {
        for path in ["..", "a/.", "a/../b", "a/%2e%2E/b", "a/.%2e", "a\\..\\b", "a/b/%2e", "./a"] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in
            ["", "a", "...", "a/.b", "a/b.", "a/..b/c", "%252e/a", "a/.../b", "a/%2e%2e%2e", ".hidden/x.y"]
        {
            assert!(!has_dot_segment(path), "{path}");
        }
    }
}
