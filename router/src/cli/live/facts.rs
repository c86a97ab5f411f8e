//! Facts in JSON, of this release or a newer one, as words on one line.

use serde_json::Value;

use super::time::{span, utc};
use crate::admin::plain;

/// Most entries of a list that are shown.
const SHOWN: usize = 10;
/// Numbers above this are instants in milliseconds since 1970, where the name says that they are instants.
const INSTANT: u64 = 100_000_000_000;

/// The text at a JSON pointer; empty where there is none.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => plain(&other.to_string()),
    }
}

/// The number at a JSON pointer.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// The list at a JSON pointer; empty where there is none.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Everything that is in `value`, in words; none where nothing is.
pub(super) fn words(value: &Value) -> Option<String> {
    named_words("", value)
}

fn named_words(name: &str, value: &Value) -> Option<String> {
    let words = match value {
        Value::Null => String::new(),
        Value::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => match number.as_u64() {
            Some(seconds) if name.ends_with("_seconds") => span(seconds),
            Some(millis) if millis > INSTANT && is_instant(name) => utc(millis),
            _ => number.to_string(),
        },
        Value::String(text) => plain(text),
        Value::Array(list) => {
            let mut shown: Vec<String> = list.iter().take(SHOWN).filter_map(words).collect();
            if list.len() > SHOWN {
                shown.push(format!("and {} more", list.len() - SHOWN));
            }
            shown.join("; ")
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let title = name.strip_suffix("_seconds").unwrap_or(name).replace('_', " ");
                named_words(name, value).map(|words| format!("{} {words}", plain(&title)))
            };
            fields.iter().filter_map(field).collect::<Vec<_>>().join(", ")
        }
    };
    (!words.is_empty()).then_some(words)
}

fn is_instant(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or(name);
    matches!(last, "at" | "since" | "until" | "deadline" | "eta")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_that_nobody_has_heard_of_are_words_all_the_same() {
        let drain = json!({"users": 120, "moved": 40, "running": null, "age_seconds": 11_100,
            "deadline": 1_795_511_494_000_u64, "eta": {"drained": false}, "why": "a\nb"});
        let said =
            "users 120, moved 40, age 3h 5m, deadline 2026-11-24T09:11:34Z, eta drained no, why a\\u{a}b";
        assert_eq!(words(&drain).unwrap(), said);
        assert_eq!(words(&json!({"a": null, "b": [], "c": {}})), None);
        let many: Vec<u32> = (1..=12).collect();
        assert_eq!(words(&json!(many)).unwrap(), "1; 2; 3; 4; 5; 6; 7; 8; 9; 10; and 2 more");
    }

    #[test]
    fn what_is_not_there_is_empty() {
        let value = json!({"a": {"b": null, "c": "x", "d": 5}});
        assert_eq!(
            (text(&value, "/a/b"), text(&value, "/a/c"), text(&value, "/z")),
            ("".into(), "x".into(), "".into())
        );
        assert_eq!((number(&value, "/a/d"), number(&value, "/a/c")), (Some(5), None));
        assert!(list(&value, "/a").is_empty());
    }
}
