//! Times for people: instants in UTC, and how long ago something was.

/// An instant in milliseconds since 1970 as `2026-11-24T09:11:34Z`.
pub(super) fn utc(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The Gregorian date so many days after 1970-01-01: years of 365 or 366 days, then months.
fn date(mut days: u64) -> (u64, u64, u64) {
    // 146,097 days are 400 years: whole ones are skipped, so that the loop is short whatever comes.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = if leap { 366 } else { 365 };
        if days < length {
            return month_and_day(year, leap, days);
        }
        days -= length;
        year += 1;
    }
}

fn month_and_day(year: u64, leap: bool, mut days: u64) -> (u64, u64, u64) {
    let february = if leap { 29 } else { 28 };
    for (length, month) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30].into_iter().zip(1..) {
        if days < length {
            return (year, month, days + 1);
        }
        days -= length;
    }
    (year, 12, days + 1)
}

/// A time in seconds as `45s`, `12m`, `3h 5m`, `2d 4h`.
pub(super) fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: u64, unit: char, small: u64, least: char| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit} {small}{least}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) if minutes < 5 => two(minutes, 'm', seconds % 60, 's'),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => two(hours, 'h', minutes % 60, 'm'),
        (days, hours, _) => two(days, 'd', hours % 24, 'h'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_everybody_writes_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_511_494, "2026-11-24T09:11:34Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (13_569_465_600, "2400-01-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds * 1000 + 999), text);
        }
        assert!(!utc(u64::MAX).is_empty());
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (90, "1m 30s"),
            (301, "5m"),
            (3600, "1h"),
            (11_100, "3h 5m"),
            (86_400, "1d"),
            (187_300, "2d 4h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
