//! `application/x-www-form-urlencoded`, as query strings and forms write it: one key or value at a time.
//!
//! Which of several values counts, and what it means, is told by whoever asks for it.

use std::borrow::Cow;
use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but RFC 3986's unreserved characters.
const QUOTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The text as a key or value.
pub(crate) fn encoded(text: &str) -> impl Display + '_ {
    utf8_percent_encode(text, QUOTE)
}

/// A key or value, decoded once: `+` is a space; `None` if that is no UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_to_the_same_text() {
        for text in ["", "a b+c", "a|b==", "/user/é?x=1&y#z", "100%"] {
            assert_eq!(decoded(&encoded(text).to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_plus_is_a_space_and_what_is_no_text_is_none() {
        assert_eq!(decoded("a+b%2Bc").as_deref(), Some("a b+c"));
        assert_eq!(decoded("%ff"), None);
    }
}
