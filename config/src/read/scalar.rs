//! Single values: texts, numbers, choices, durations, addresses.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::At;
use crate::nearest::nearest;
use crate::node::Value;
use crate::values::{Malformed, text as format};

/// Any text that says something, numbers included.
pub(crate) fn text(at: &At<'_>) -> Option<String> {
    let text = scalar(at, "a text")?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return at.problem("expected one line of text", "write a text, or leave the key out");
    }
    Some(text.to_owned())
}

/// A text of letters, digits, `-`, `_` and `.`.
pub(crate) fn word(at: &At<'_>) -> Option<String> {
    let word = text(at)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if word.len() > 64 || !word.bytes().all(fits) {
        return at.problem(
            format!("`{}` is not a simple name", word.escape_debug()),
            "use up to 64 letters, digits, -, _ and .",
        );
    }
    Some(word)
}

pub(crate) fn boolean(at: &At<'_>) -> Option<bool> {
    match &at.node.value {
        Value::Scalar { text, plain: true } if text == "true" => Some(true),
        Value::Scalar { text, plain: true } if text == "false" => Some(false),
        _ => at.problem(
            format!("expected true or false, found {}", at.kind()),
            "write true or false, without quotes",
        ),
    }
}

/// A whole number inside a range.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&At<'_>) -> Option<T>
where
    T: FromStr + PartialOrd + Display,
{
    move |at| {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match number(at)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
        {
            Some(number) if range.contains(&number) => Some(number),
            _ => at.problem(format!("expected {expected}, found {}", shown(at)), format!("write {expected}")),
        }
    }
}

/// A number with decimals inside a range.
pub(crate) fn share(range: RangeInclusive<f64>) -> impl Fn(&At<'_>) -> Option<f64> {
    move |at| match number(at).and_then(|text| text.parse::<f64>().ok()) {
        Some(number) if range.contains(&number) => Some(number),
        _ => {
            let expected = format!("a number from {} to {}", range.start(), range.end());
            at.problem(format!("expected {expected}, found {}", shown(at)), format!("write {expected}"))
        }
    }
}

/// One of a few words, spelled as the value serializes.
pub(crate) fn choice<T: Serialize + Copy>(choices: &'static [T]) -> impl Fn(&At<'_>) -> Option<T> {
    move |at| {
        let names: Vec<String> = choices.iter().map(name_of).collect();
        let text = scalar(at, "one word")?;
        if let Some(index) = names.iter().position(|name| name == text) {
            return Some(choices[index]);
        }
        let hint = match nearest(text, names.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean {meant}? There are {}", names.join(", ")),
            None => format!("write one of {}", names.join(", ")),
        };
        at.problem(format!("`{}` is not one of them", text.escape_debug()), hint)
    }
}

/// Whatever reads itself from text.
pub(crate) fn parsed<T: FromStr<Err = Malformed>>(at: &At<'_>) -> Option<T> {
    scalar(at, "a text")?.parse().map_or_else(|malformed| at.malformed(malformed), Some)
}

/// A duration longer than nothing.
pub(crate) fn period(at: &At<'_>) -> Option<Duration> {
    match format::read_duration(scalar(at, "a duration")?) {
        Ok(Duration::ZERO) => at.problem("must be longer than zero", "write for example 5s"),
        Ok(duration) => Some(duration),
        Err(malformed) => at.malformed(malformed),
    }
}

/// A size in bytes inside a range.
pub(crate) fn size(range: RangeInclusive<u64>) -> impl Fn(&At<'_>) -> Option<u64> {
    move |at| match format::read_size(scalar(at, "a size")?) {
        Ok(size) if range.contains(&size) => Some(size),
        Ok(_) => {
            let (least, most) = (format::write_size(*range.start()), format::write_size(*range.end()));
            at.problem(format!("outside {least} to {most}"), format!("write {least} to {most}"))
        }
        Err(malformed) => at.malformed(malformed),
    }
}

pub(crate) fn socket_address(at: &At<'_>) -> Option<SocketAddr> {
    let text = scalar(at, "an address")?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) if text.starts_with("localhost:") => {
            at.problem("expected an IP address and a port", "write 127.0.0.1 in place of localhost")
        }
        Err(_) => at.problem(
            format!("`{}` is not an IP address and a port", text.escape_debug()),
            "write for example 0.0.0.0:443, [::]:443 or 127.0.0.1:9901",
        ),
    }
}

/// The path of a request that the router makes itself.
pub(crate) fn request_path(at: &At<'_>) -> Option<String> {
    let path = text(at)?;
    // RFC 3986 section 3.3: what a path may hold raw.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(fits) {
        return at.problem(
            format!("`{}` is not a path", path.escape_debug()),
            "write a path that begins with /, without a query",
        );
    }
    Some(path)
}

/// A list whose items are read alike; items that cannot be read are reported and left out.
pub(crate) fn list_of<'r, T>(read: impl Fn(&At<'r>) -> Option<T>) -> impl FnOnce(&At<'r>) -> Option<Vec<T>> {
    move |at| Some(at.items()?.iter().filter_map(read).collect())
}

/// The text of a scalar, with or without quotes.
pub(crate) fn scalar<'r>(at: &At<'r>, what: &str) -> Option<&'r str> {
    match &at.node.value {
        Value::Scalar { text, .. } if !at.node.is_null() => Some(text),
        _ => at.problem(format!("expected {what}, found {}", at.kind()), format!("write {what}")),
    }
}

fn number<'r>(at: &At<'r>) -> Option<&'r str> {
    match &at.node.value {
        Value::Scalar { text, plain: true } => Some(text),
        _ => None,
    }
}

/// Numbers are shown as they stand there; whatever else by its kind.
fn shown(at: &At<'_>) -> String {
    match number(at).filter(|text| text.parse::<f64>().is_ok()) {
        Some(text) => text.to_owned(),
        None => at.kind().to_owned(),
    }
}

fn name_of<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
