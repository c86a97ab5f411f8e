//! Durations and sizes as text, both ways.

use std::time::Duration;

use serde::Serializer;

use super::Malformed;

const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

/// Reads `250ms`, `5s`, `10m`, `1h`, `14d`.
///
/// # Errors
///
/// Says what is no duration, and which units there are.
pub fn read_duration(text: &str) -> Result<Duration, Malformed> {
    let (digits, unit) = split_unit(text);
    let malformed = |message: String, hint: &str| Malformed::new(message, hint);
    if unit.is_empty() && !digits.is_empty() {
        return Err(malformed(
            format!("`{digits}` has no unit"),
            &format!("write {digits}s for seconds, or use ms, m, h, d"),
        ));
    }
    let factor = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match (digits.parse::<u64>().ok(), factor) {
        (Some(number), Some(factor)) => number
            .checked_mul(factor)
            .filter(|millis| *millis <= 100 * 366 * 86_400_000)
            .map(Duration::from_millis)
            .ok_or_else(|| malformed(format!("`{text}` is more than a hundred years"), "use a shorter time")),
        _ => Err(malformed(
            format!("`{}` is not a duration", text.escape_debug()),
            "write a whole number and ms, s, m, h or d, for example 250ms, 5s, 10m, 14d",
        )),
    }
}

/// Reads `64KiB`, `10MiB`, `1GiB` or plain bytes.
pub(crate) fn read_size(text: &str) -> Result<u64, Malformed> {
    let (digits, unit) = split_unit(text);
    let factor = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let size = digits.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.ok_or_else(|| {
        Malformed::new(
            format!("`{}` is not a size", text.escape_debug()),
            "write a whole number of bytes, or one with KiB, MiB or GiB, for example 64KiB",
        )
    })
}

/// Writes a duration in the largest unit that keeps it whole; below five minutes in seconds, as people do.
pub(crate) fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |factor: u64| {
        let least = if factor == 60_000 { 5 * factor } else { factor };
        millis.is_multiple_of(u128::from(factor)) && millis >= u128::from(least)
    };
    let (unit, factor) = DURATIONS.into_iter().find(|(_, factor)| fits(*factor)).unwrap_or(("s", 1_000));
    format!("{}{unit}", millis / u128::from(factor))
}

/// Writes a size in the largest unit that keeps it whole.
pub(crate) fn write_size(size: u64) -> String {
    let fits = |factor: u64| size.is_multiple_of(factor) && size >= factor;
    let (unit, factor) = SIZES.into_iter().find(|(_, factor)| fits(*factor)).unwrap_or(("", 1));
    format!("{}{unit}", size / factor)
}

pub(crate) fn duration<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write_duration(*value))
}

pub(crate) fn off_or_duration<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => duration(value, serializer),
        None => serializer.serialize_str("off"),
    }
}

pub(crate) fn size<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write_size(*value))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_alike() {
        for (text, millis) in
            [("250ms", 250), ("5s", 5_000), ("10m", 600_000), ("1h", 3_600_000), ("14d", 1_209_600_000)]
        {
            let duration = read_duration(text).unwrap();
            assert_eq!(
                (duration, write_duration(duration)),
                (Duration::from_millis(millis), text.to_owned())
            );
        }
        assert_eq!(write_duration(Duration::ZERO), "0s");
        assert_eq!(write_duration(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn a_duration_without_a_unit_is_told_which_units_there_are() {
        assert_eq!(read_duration("5").unwrap_err().hint, "write 5s for seconds, or use ms, m, h, d");
        for bad in ["", "s", "5 s", "5sec", "1.5s", "-5s", "5S", "99999999999999999999s", "999999999d"] {
            assert!(read_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_are_read_and_written_alike() {
        for (text, bytes) in
            [("64KiB", 65_536), ("10MiB", 10_485_760), ("1GiB", 1 << 30), ("1000", 1000), ("0", 0)]
        {
            assert_eq!((read_size(text).unwrap(), write_size(bytes)), (bytes, text.to_owned()));
        }
        for bad in ["", "KiB", "64KB", "64 KiB", "64kib", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(read_size(bad).is_err(), "{bad:?}");
        }
    }
}
