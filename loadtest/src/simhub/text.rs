//! Small text tools a hub needs: percent-encoding as JupyterHub does it, forms, dates, random ids.
//!
//! Pure, but for the clock and the random source. Knows nothing of HTTP messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `quote(text, safe='')` leaves alone: letters, digits and `_.-~`.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');
const WITH_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');
const WITH_AT: &AsciiSet = &UNRESERVED.remove(b'@');

/// Encodes a value of a query: everything but letters, digits and `_.-~`.
pub(crate) fn quote(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Encodes as the hub names OAuth clients and cookies: as [`quote`], `/` kept.
pub(crate) fn quote_client(text: &str) -> String {
    utf8_percent_encode(text, WITH_SLASH).to_string()
}

/// Encodes a path segment as the hub does: as [`quote`], `@` kept.
pub(crate) fn quote_segment(text: &str) -> String {
    utf8_percent_encode(text, WITH_AT).to_string()
}

/// Decodes percent escapes once; what is not UTF-8 becomes a replacement character.
pub(crate) fn unquote(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes a query or an urlencoded body: `+` is a space; order and repetitions are kept.
pub(crate) fn form_pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| unquote(&part.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Encodes pairs as a query, as Python's `urlencode`: a space becomes `+`.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| quote(text).replace("%20", "+");
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// Adds pairs to the query of `url`.
pub(crate) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return url.to_owned();
    }
    let (front, fragment) = url.split_once('#').map_or((url, None), |(front, rest)| (front, Some(rest)));
    let joint = match front.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|rest| format!("#{rest}")).unwrap_or_default();
    format!("{front}{joint}{}{fragment}", query(pairs))
}

/// Fields of a `multipart/form-data` body with small text parts.
pub(crate) fn multipart_pairs(content_type: &str, body: &str) -> Vec<(String, String)> {
    let Some((_, boundary)) = content_type.split_once("boundary=") else { return Vec::new() };
    let boundary = format!("--{}", boundary.split(';').next().unwrap_or_default().trim().trim_matches('"'));
    body.split(boundary.as_str())
        .filter_map(|part| part.split_once("\r\n\r\n"))
        .filter_map(|(head, value)| {
            let (_, name) = head.split_once(" name=\"")?;
            let (name, _) = name.split_once('"')?;
            Some((name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned()))
        })
        .collect()
}

/// Text made safe inside HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `bytes` random bytes in lower-case hex.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    getrandom::fill(&mut raw).expect("the operating system has randomness");
    hex(&raw)
}

/// Lower-case hex.
pub(crate) fn hex(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// An instant as JupyterHub's API writes it: `2026-01-31T09:00:00.123456Z`.
pub(crate) fn iso(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day, hour, minute, second) = civil(since.as_secs());
    let micros = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// The `expires` attribute for `after` from now; `None`: long ago, as hubs delete cookies.
pub(crate) fn cookie_date(after: Option<Duration>) -> String {
    let now = unix_now();
    let at = match after {
        Some(after) => now + after.as_secs(),
        None => now.saturating_sub(366 * 86_400),
    };
    http_date(at)
}

/// An HTTP date (RFC 9110 5.6.7) for seconds since 1970.
pub(crate) fn http_date(at: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second) = civil(at);
    let weekday = DAYS[(at / 86_400 % 7) as usize];
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month, day, hour, minute, second of seconds since 1970, in UTC.
fn civil(at: u64) -> (u64, u64, u64, u64, u64, u64) {
    // days from 1 March of year 0, so that the leap day is a year's last
    let days = at / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let second = at % 86_400;
    (year, month, day, second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_in_the_rfc() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
    }

    #[test]
    fn names_are_quoted_as_the_hub_quotes_them() {
        assert_eq!(quote_segment("bob@example.org"), "bob@example.org");
        assert_eq!(quote_segment("a b~'é"), "a%20b~%27%C3%A9");
        assert_eq!(quote_client("bob@x/lab"), "bob%40x/lab");
    }

    #[test]
    fn a_query_is_added_to_what_is_there() {
        assert_eq!(with_query("/a", &[("next", "/b c")]), "/a?next=%2Fb+c");
        assert_eq!(with_query("/a?x=1#f", &[("y", "2")]), "/a?x=1&y=2#f");
    }

    #[test]
    fn multipart_fields_are_read() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nada\r\n--XX--\r\n";
        let pairs = multipart_pairs("multipart/form-data; boundary=XX", body);
        assert_eq!(pairs, [("username".to_owned(), "ada".to_owned())]);
    }
}
