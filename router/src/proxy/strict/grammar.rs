//! The words of HTTP/1.1 that say where messages begin and end (RFC 9110 5.6, RFC 9112 3, 6 and 7.1). Pure.

/// What a line of a head says of the framing; lines come without their CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `Content-Length`, one number.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// `Upgrade`, to whatever.
    Upgrade,
    /// Nothing.
    Other,
}

/// Reads a field line; nothing, if it says something of the framing that may be read in two ways.
pub fn field(line: &[u8]) -> Option<Field> {
    match line.first().map(u8::to_ascii_lowercase) {
        Some(b'c') => match value(line, b"content-length") {
            Some(length) => number(length, 10).map(Field::Length),
            None => Some(Field::Other),
        },
        Some(b't') => match value(line, b"transfer-encoding") {
            Some(coding) => coding.eq_ignore_ascii_case(b"chunked").then_some(Field::Chunked),
            None => Some(Field::Other),
        },
        Some(b'u') if value(line, b"upgrade").is_some() => Some(Field::Upgrade),
        _ => Some(Field::Other),
    }
}

/// The value of a field of this name, without the white space around it.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":").filter(|_| found.eq_ignore_ascii_case(name))?;
    Some(without_space(value))
}

fn without_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// One number of digits and nothing else.
fn number(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        number.checked_mul(radix.into())?.checked_add(digit.into())
    })
}

/// Whether these bytes may stand in the line that begins a request: no control byte, nothing that is not ASCII (RFC 9112 3), and
/// no fragment, which is cut off by some and sent on by others.
pub fn is_request_line(piece: &[u8]) -> bool {
    piece.iter().all(|byte| matches!(byte, 0x20..=0x7e) && *byte != b'#')
}

/// The status in the line that begins an answer.
pub fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (digits, after) = rest.get(2..)?.split_at_checked(3)?;
    let ends = rest[1] == b' ' && matches!(after.first(), None | Some(b' '));
    let status = number(digits, 10).filter(|_| ends)?;
    u16::try_from(status).ok().filter(|status| (100..600).contains(status))
}

/// The size in the line that begins a chunk, whose extensions are well-formed (RFC 9112 7.1.1).
pub fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extensions) = line.split_at(digits);
    // Sixteen digits say all sizes there are; more are zeros that somebody hides behind.
    let size = number(size, 16).filter(|_| digits <= 16)?;
    are_extensions(extensions).then_some(size)
}

/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(named) = before_space(rest).strip_prefix(b";") else { return false };
        let Some(after) = token(before_space(named)) else { return false };
        rest = after;
        if let Some(given) = before_space(rest).strip_prefix(b"=") {
            let given = before_space(given);
            let Some(after) = token(given).or_else(|| quoted(given)) else { return false };
            rest = after;
        }
    }
    true
}

fn before_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// What follows a token.
fn token(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|byte| is_token(**byte)).count();
    (length > 0).then(|| &text[length..])
}

/// What follows a quoted string (RFC 9110 5.6.4).
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., after @ ..] => after,
            [b'\t' | b' ' | b'!' | b'#'..=b'[' | b']'..=b'~' | 0x80.., after @ ..] => after,
            _ => return None,
        };
    }
}

/// RFC 9110 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a line behind the last chunk is a field.
pub fn is_trailer(line: &[u8]) -> bool {
    let Some([b':', value @ ..]) = token(line) else { return false };
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_one_number_of_digits() {
        for (line, read) in [
            ("Content-Length: 5", Some(Field::Length(5))),
            ("content-length:18446744073709551615\t ", Some(Field::Length(u64::MAX))),
            ("Content-Length: 18446744073709551616", None),
            ("Content-Length: +5", None),
            ("Content-Length: -5", None),
            ("Content-Length: 5, 5", None),
            ("Content-Length: 5 5", None),
            ("Content-Length: 0x5", None),
            ("Content-Length:", None),
            ("Content-Lengths: x", Some(Field::Other)),
            ("Content-Type: x", Some(Field::Other)),
            ("C", Some(Field::Other)),
        ] {
            assert_eq!(field(line.as_bytes()), read, "{line}");
        }
    }

    #[test]
    fn the_only_coding_is_chunked() {
        for (line, read) in [
            ("Transfer-Encoding: chunked", Some(Field::Chunked)),
            ("transfer-encoding:\tCHUNKED ", Some(Field::Chunked)),
            ("Transfer-Encoding: gzip, chunked", None),
            ("Transfer-Encoding: chunked, chunked", None),
            ("Transfer-Encoding: chunked;q=1", None),
            ("Transfer-Encoding: identity", None),
            ("Transfer-Encoding: \"chunked\"", None),
            ("Transfer-Encoding: \x0bchunked", None),
            ("Transfer-Encoding:", None),
            ("TE: trailers", Some(Field::Other)),
            ("Upgrade: websocket", Some(Field::Upgrade)),
        ] {
            assert_eq!(field(line.as_bytes()), read, "{line}");
        }
    }

    #[test]
    fn a_chunk_has_a_size_of_hexadecimal_digits_and_well_formed_extensions() {
        for (line, size) in [
            ("0", Some(0)),
            ("aF", Some(0xaf)),
            ("ffffffffffffffff", Some(u64::MAX)),
            ("00000000000000005", None),
            ("10000000000000000", None),
            ("5;a", Some(5)),
            ("5 ; a = b;c=\"d;\\\" e\"", Some(5)),
            ("", None),
            ("+5", None),
            ("0x5", None),
            (" 5", None),
            ("5 ", None),
            ("5 5", None),
            ("5_0", None),
            ("5;", None),
            ("5;a=", None),
            ("5;a;", None),
            ("5;a=\"b", None),
            ("5;a\0", None),
            ("5;a\rb", None),
            ("5,a", None),
        ] {
            assert_eq!(chunk_size(line.as_bytes()), size, "{line:?}");
        }
    }

    #[test]
    fn a_status_has_three_digits() {
        assert_eq!(status(b"HTTP/1.1 200 OK"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404"), Some(404));
        for line in
            ["HTTP/1.1  200", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/2 200", "HTTP/1.1 999 x", "200 OK"]
        {
            assert_eq!(status(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_trailer_is_a_field() {
        assert!(is_trailer(b"X-Sum: 1") && is_trailer(b"x:"));
        for line in ["X Sum: 1", "X-Sum : 1", " x: 1", ": 1", "x", "x: a\0b", "x: a\rb"] {
            assert!(!is_trailer(line.as_bytes()), "{line:?}");
        }
    }
}
