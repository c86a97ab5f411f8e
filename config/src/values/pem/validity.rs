//! From when until when a certificate is good (RFC 5280 4.1.2.5): the two times in it and nothing else.
//!
//! Only as much DER is read as leads there. Whether the rest of the certificate makes sense, and who believes it, is
//! judged by the TLS library.

use std::fmt;
use std::time::SystemTime;

/// From when until when a certificate is good, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub not_before: Moment,
    /// The last instant.
    pub not_after: Moment,
}

/// An instant in a certificate, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Seconds since 1970; 0 for everything before.
    pub unix: u64,
    date: (u16, u8, u8),
    time: (u8, u8, u8),
}

/// Where an instant lies to the validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The certificate is not good yet.
    NotYet,
    /// It is good for so many seconds more.
    Good {
        /// How long, in seconds.
        left: u64,
    },
    /// It has expired.
    Expired,
}

impl Validity {
    /// The validity of a certificate in DER; none if the bytes are no certificate.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let tbs = Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE)?;
        let mut fields = Der(tbs);
        fields.take(VERSION); // absent in version 1
        fields.take(INTEGER)?; // serial number
        fields.take(SEQUENCE)?; // signature
        fields.take(SEQUENCE)?; // issuer
        let mut times = Der(fields.take(SEQUENCE)?);
        Some(Self { not_before: times.moment()?, not_after: times.moment()? })
    }

    /// Where `now` lies.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> Standing {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if now < self.not_before.unix {
            Standing::NotYet
        } else if now > self.not_after.unix {
            Standing::Expired
        } else {
            Standing::Good { left: self.not_after.unix - now }
        }
    }
}

/// `2026-11-24 09:11:34 UTC`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = (self.date, self.time);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT` of `TBSCertificate`.
const VERSION: u8 = 0xa0;

/// What is left of a sequence of DER values (X.690 8.1).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value if it has this tag; else nothing is taken.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        if found != tag {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match usize::from(first) {
            short @ ..=0x7f => (short, rest),
            // The long form: so many bytes of length follow. Three are 16 MiB.
            long @ 0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The next value as a time: `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` from then on.
    fn moment(&mut self) -> Option<Moment> {
        if let Some(text) = self.take(UTC_TIME) {
            let year = u16::from(two_digits(text.get(..2)?)?);
            return moment(if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?);
        }
        let text = self.take(GENERALIZED_TIME)?;
        let century = u16::from(two_digits(text.get(..2)?)?);
        moment(century * 100 + u16::from(two_digits(text.get(2..4)?)?), text.get(4..)?)
    }
}

fn two_digits(text: &[u8]) -> Option<u8> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

/// `MMDDhhmmssZ` in a year.
fn moment(year: u16, text: &[u8]) -> Option<Moment> {
    let numbers: Vec<u8> = text.strip_suffix(b"Z")?.chunks(2).map(two_digits).collect::<Option<_>>()?;
    let [month, day, hour, minute, second] = numbers[..] else { return None };
    let fits =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !fits {
        return None;
    }
    let of_day = u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
    let unix = days_since_1970(year, month, day).map_or(0, |days| days * 86_400 + of_day);
    Some(Moment { unix, date: (year, month, day), time: (hour, minute, second) })
}

/// Days from 1970-01-01 to a Gregorian date; none before. March counts as the first month, so that leap days come last.
fn days_since_1970(year: u16, month: u8, day: u8) -> Option<u64> {
    let (year, month, day) = (u64::from(year), u64::from(month), u64::from(day));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // 719,468 days lie between the first of March of the year 0 and 1970.
    (before_year + before_month + day - 1).checked_sub(719_468)
}
