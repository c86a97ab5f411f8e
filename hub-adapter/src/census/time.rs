//! Times as hubs write them: `2026-05-01T12:00:00.123456Z`, always UTC (`jupyterhub/utils.py`, `isoformat`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time in `text`; none for what is not one, and for times before 1970.
pub(super) fn read(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let legal = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !legal {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds) + micros(fraction)?)
}

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The digits behind the point, as microseconds.
fn micros(fraction: &str) -> Option<Duration> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
    six.parse().ok().map(Duration::from_micros)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March: then the leap day is the
/// last of its year.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    const TO_1970: u64 = 719_468; // from 0000-03-01
    let year = if month <= 2 { year - 1 } else { year };
    let month = if month <= 2 { month + 9 } else { month - 3 };
    let before_the_month = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + before_the_month + day - 1 - TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_hubs_are_read_to_the_microsecond() {
        for (text, seconds, micros) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1970-03-01T00:00:00Z", 5_097_600, 0),
            ("2000-02-29T23:59:59.5Z", 951_868_799, 500_000),
            ("2024-12-31T12:00:00.000001Z", 1_735_646_400, 1),
            ("2026-11-24T07:18:00.123456Z", 1_795_504_680, 123_456),
        ] {
            let expected = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-11-24",
            "2026-11-24T07:18:00",
            "2026-11-24T07:18:00+01:00",
            "2026-13-24T07:18:00Z",
            "2026-11-24T27:18:00Z",
            "1969-11-24T07:18:00Z",
            "2026-11-24T07:18:00.Z",
            "2026-11-24T07:18:00.1e3Z",
            "+026-11-24T07:18:00Z",
            "99999-11-24T07:18:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
