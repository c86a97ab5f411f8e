//! What is kept of an answer: what a client could act on, without what differs from run to run.
//!
//! Pure: text in, text out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::jar::SetCookie;
use super::player::Answer;
use super::script::Step;
use crate::simhub::quote_segment;

/// What is kept of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) status: u16,
    /// Those that a client acts on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// `name: set|deleted; attributes`, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cookies: Vec<String>,
    /// A JSON body, normalised; or the last event of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Value>,
    /// A short text that is neither page nor JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Whether a page holds the texts that the step looks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) page: BTreeMap<String, bool>,
}

/// Headers that are kept.
const HEADERS: &[&str] = &[
    "content-type",
    "location",
    "cache-control",
    "retry-after",
    "sec-websocket-protocol",
    "content-security-policy",
];

/// Parameters whose values differ from run to run.
const SECRETS: &[&str] = &["state", "code", "code_challenge", "_xsrf"];

/// JSON members whose values differ from run to run.
const VOLATILE: &[&str] = &[
    "token",
    "id",
    "token_id",
    "session_id",
    "total",
    "pid",
    "code",
    "sys_executable",
    "python",
    "note",
    "command",
];

/// Keeps what matters of an answer.
pub(super) fn keep(step: &Step, answer: &Answer, vars: &BTreeMap<String, String>, version: &str) -> Kept {
    let names = Names::new(vars, version);
    let mut headers = BTreeMap::new();
    for name in HEADERS {
        if let Some(value) = answer.header(name) {
            let value = if *name == "retry-after" { "<seconds>".to_owned() } else { names.hide(&value) };
            headers.insert((*name).to_owned(), value);
        }
    }
    let kind = headers.get("content-type").cloned().unwrap_or_default();
    let lines = answer.headers.get_all(http::header::SET_COOKIE);
    let mut cookies: Vec<String> =
        lines.iter().filter_map(|line| cookie(&names, &String::from_utf8_lossy(line.as_bytes()))).collect();
    cookies.sort();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut kept =
        Kept { status: answer.status, headers, cookies, json: None, text: None, page: BTreeMap::new() };
    if kind.starts_with("application/json") {
        kept.json =
            answer.json().map(|json| if step.shape_only { shape(&json) } else { names.json(&json, "") });
    } else if kind.starts_with("text/event-stream") {
        let last = text.lines().rev().find_map(|line| line.strip_prefix("data: "));
        kept.json =
            last.and_then(|last| serde_json::from_str(last).ok()).map(|json: Value| names.json(&json, ""));
    } else if kind.starts_with("text/html") {
        let words = names.hide(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        kept.page =
            step.needles.iter().map(|needle| (needle.clone(), words.contains(needle.as_str()))).collect();
    } else if text.len() <= 200
        && !text.contains('\u{fffd}')
        && !kind.contains("css")
        && !kind.contains("javascript")
    {
        kept.text = Some(names.hide(text.trim())).filter(|text| !text.is_empty());
    }
    kept
}

fn cookie(names: &Names, line: &str) -> Option<String> {
    let set = SetCookie::parse(line)?;
    let what = if set.deletes() { "deleted" } else { "set" };
    let mut attributes: Vec<String> = set
        .attributes
        .iter()
        .map(|(name, value)| match value {
            Some(_) if name.eq_ignore_ascii_case("expires") => "expires".to_owned(),
            Some(value) => format!("{name}={}", names.hide(value)),
            None => name.clone(),
        })
        .collect();
    attributes.sort();
    // of two hops at once the second has a name of its own
    let name = match set.name.split_once("-oauth-state-") {
        Some((front, _)) => format!("{front}-oauth-state-*"),
        None => set.name.clone(),
    };
    Some(format!("{}: {what}; {}", names.hide(&name), attributes.join("; ")))
}

/// Only the kinds of values; of a list, of its first element.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => json!("<bool>"),
        Value::Number(_) => json!("<number>"),
        Value::String(_) => json!("<text>"),
        Value::Array(all) => Value::Array(all.first().map(shape).into_iter().collect()),
        Value::Object(all) => {
            let mut members: Vec<(&String, &Value)> = all.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), shape(value))).collect())
        }
    }
}

/// What stands for what in this run, longest first.
struct Names {
    pairs: Vec<(String, String)>,
}

impl Names {
    fn new(vars: &BTreeMap<String, String>, version: &str) -> Names {
        let mut pairs = Vec::new();
        for (name, value) in vars.iter().filter(|(name, value)| *name != "base" && !value.is_empty()) {
            let placeholder = format!("{{{name}}}");
            let mut form = value.clone();
            // a name may be escaped again with each address it is put into
            for _ in 0..4 {
                pairs.push((form.clone(), placeholder.clone()));
                pairs.push((form.replace("%20", "+"), placeholder.clone()));
                pairs.push((form.replace('@', "%40"), placeholder.clone()));
                form = quote_segment(&form);
            }
            pairs.push((value.replace('\'', "&#39;").replace(';', "&#59;"), placeholder));
        }
        pairs.push((version.to_owned(), "{version}".to_owned()));
        pairs.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        pairs.dedup();
        Names { pairs }
    }

    /// The text with this run's names and secrets hidden.
    fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, placeholder) in &self.pairs {
            text = text.replace(value.as_str(), placeholder);
        }
        for name in SECRETS {
            for equals in ["=", "%3D", "%253D", "%25253D"] {
                text = hide_parameter(&text, &format!("{name}{equals}"));
            }
        }
        text
    }

    fn json(&self, value: &Value, member: &str) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(_) | Value::String(_) if VOLATILE.contains(&member) => json!(format!("<{member}>")),
            Value::Number(_) => value.clone(),
            Value::String(text) if is_date(text) => json!("<date>"),
            Value::String(text) => json!(self.hide(text)),
            Value::Array(_) if VOLATILE.contains(&member) => json!(format!("<{member}>")),
            Value::Array(all) => {
                let mut all: Vec<Value> = all.iter().map(|value| self.json(value, "")).collect();
                if all.iter().all(Value::is_string) {
                    all.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                }
                Value::Array(all)
            }
            Value::Object(all) => {
                let mut members: Vec<(String, Value)> =
                    all.iter().map(|(name, value)| (self.hide(name), self.json(value, name))).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                // what a spawner keeps for itself is not the API's
                Value::Object(members.into_iter().filter(|(name, _)| name != "state").collect::<Map<_, _>>())
            }
        }
    }
}

/// `2026-01-31T09:00:00.123456Z` and the like.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && text.ends_with('Z')
}

/// Replaces the value behind `marker`, wherever it begins a parameter, by `*`.
fn hide_parameter(text: &str, marker: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(marker) {
        let (front, behind) = rest.split_at(at + marker.len());
        out.push_str(front);
        let begins =
            front[..at].ends_with(['?', '&']) || front[..at].ends_with("%3F") || front[..at].ends_with("26");
        let begins = begins || front[..at].ends_with("253F");
        let mut value = behind.len();
        for (index, c) in behind.char_indices() {
            let padding =
                c == '%' && ["%3D", "%253D", "%25253D"].iter().any(|pad| behind[index..].starts_with(pad));
            let inside_padding = c.is_ascii_alphanumeric();
            if !(inside_padding || "_-~.|".contains(c) || padding) {
                value = index;
                break;
            }
        }
        if begins && value > 0 {
            out.push('*');
            rest = &behind[value..];
        } else {
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_deep_they_are_nested() {
        assert_eq!(hide_parameter("/a?state=x_Y-1&b=2", "state="), "/a?state=*&b=2");
        assert_eq!(
            hide_parameter("/l?next=%2Fa%3Fstate%3DxY%26b", "state%3D"),
            "/l?next=%2Fa%3Fstate%3D*%26b"
        );
    }

    #[test]
    fn names_are_hidden_in_every_escaping() {
        let vars = BTreeMap::from([("mail".to_owned(), "m-1@x.org".to_owned())]);
        let names = Names::new(&vars, "6.1.1");

        assert_eq!(
            names.hide("/user/m-1@x.org/?next=%2Fuser%2Fm-1%40x.org"),
            "/user/{mail}/?next=%2Fuser%2F{mail}"
        );
    }
}
