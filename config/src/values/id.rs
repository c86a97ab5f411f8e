//! Ids of hubs, the common base path, and weights.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Malformed;

/// A hub's id: 1 to 32 of `a-z`, `0-9`, `-`. Stable for the life of the hub: placement and cookie names use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubId(Arc<str>); // the only way in is `impl FromStr for HubId`

impl HubId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HubId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.into()));
        }
        Err(Malformed::new(
            format!("`{}` is not a hub id", text.escape_debug()),
            "use 1 to 32 of a-z, 0-9 and -, for example hub-a",
        ))
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for HubId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for HubId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The hubs' common base path: `/` or `/jhub/`. Always begins and ends with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(Arc<str>);

impl BaseUrl {
    /// The path, with both slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BaseUrl {
    fn default() -> Self {
        Self("/".into())
    }
}

impl FromStr for BaseUrl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let shown = text.escape_debug();
        if !text.starts_with('/') {
            let trimmed = text.trim_matches('/');
            let hint = if text.contains("://") {
                "write the path only; scheme and host belong into site.public_url".to_owned()
            } else {
                format!("write /{}/", trimmed.escape_debug())
            };
            return Err(Malformed::new(format!("`{shown}` does not begin with /"), hint));
        }
        if !text.ends_with('/') {
            return Err(Malformed::new(format!("`{shown}` does not end with /"), format!("write {shown}/")));
        }
        // RFC 3986 unreserved: such a path is the same text raw, decoded and in a cookie's Path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let segments = text.trim_matches('/');
        let odd_segment = |segment: &str| matches!(segment, "" | "." | "..");
        if !text.bytes().all(plain)
            || (text != "/" && segments.split('/').any(odd_segment))
            || text.contains("//")
        {
            return Err(Malformed::new(
                format!("`{shown}` is not a plain path"),
                "use letters, digits, -, ., _ and ~ between single slashes, as in /jhub/",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for BaseUrl {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A hub's weight in thousandths: 1 to 1,000,000, written `0.001` to `1000`. An integer, so that placement has the same bits
/// everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Weight(u32);

impl Weight {
    /// The weight of so many thousandths; `None` outside 1 to 1,000,000.
    #[must_use]
    fn from_thousandths(thousandths: u32) -> Option<Self> {
        (1..=1_000_000).contains(&thousandths).then_some(Self(thousandths))
    }

    /// 1 to 1,000,000; 1,000 is the ordinary weight of 1.
    #[must_use]
    pub fn as_thousandths(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1000)
    }
}

impl FromStr for Weight {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || {
            let hint = match text.trim() {
                "0" | "0.0" => {
                    "use 0.001 to 1000; to take a hub's new users away set its intent to cordoned or draining"
                }
                _ => "use 0.001 to 1000 with at most three decimals, for example 1 or 1.5",
            };
            Malformed::new(format!("`{}` is not a weight", text.escape_debug()), hint)
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = decimals.trim_end_matches('0');
        if !digits(whole) || decimals.len() > 3 || !(decimals.is_empty() || digits(decimals)) {
            return Err(malformed());
        }
        let thousandths = format!("{whole}{decimals:0<3}").parse().map_err(|_| malformed())?;
        Self::from_thousandths(thousandths).ok_or_else(malformed)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_u32(self.0 / 1000),
            _ => serializer.serialize_f64(f64::from(self.0) / 1000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_id_is_short_lower_case_and_fit_for_a_cookie_name() {
        assert!("hub-a".parse::<HubId>().is_ok());
        assert!("a".repeat(32).parse::<HubId>().is_ok());
        for bad in ["", "Hub", "hub_a", "hub.a", "hüb", &"a".repeat(33), "a b"] {
            assert!(bad.parse::<HubId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_base_url_begins_and_ends_with_a_slash() {
        assert_eq!("/".parse::<BaseUrl>().unwrap().as_str(), "/");
        assert_eq!("/jhub/".parse::<BaseUrl>().unwrap().as_str(), "/jhub/");
        assert_eq!("jhub".parse::<BaseUrl>().unwrap_err().hint, "write /jhub/");
        assert_eq!("/jhub".parse::<BaseUrl>().unwrap_err().hint, "write /jhub/");
        for bad in ["", "//", "/a//b/", "/../", "/a%2f/", "/a b/", "/a?b/", "https://a.example/"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_weight_has_three_decimals_and_is_never_zero() {
        for (text, thousandths) in
            [("1", 1000), ("1.5", 1500), ("0.001", 1), ("1000", 1_000_000), ("2.250", 2250)]
        {
            assert_eq!(text.parse::<Weight>().unwrap().as_thousandths(), thousandths, "{text}");
        }
        for bad in ["0", "0.0", "-1", "1000.001", "0.0001", "1e3", "", ".5", "nan", "+1", "1.2.3"] {
            assert!(bad.parse::<Weight>().is_err() || bad == "{bad:?}");
        }
        assert!("0".parse::<Weight>().unwrap_err().hint.contains("cordoned"));
    }

    #[test]
    fn a_weight_is_written_as_it_is_read() {
        for text in ["1", "1.5", "0.001", "999.999"] {
            assert_eq!(text.parse::<Weight>().unwrap().to_string(), text);
        }
    }
}
