//! The reference page: every key of the file in Markdown, written from the JSON Schema, which is made from the doc comments.
//!
//! One table per section, one row per key: how it is named, what it takes, what stands in for it, what it means.

use std::fmt::Write;

use serde_json::Value;

use crate::schema::schema;

/// The reference page of the configuration file, in Markdown.
#[must_use]
pub fn reference() -> String {
    let root = schema();
    let page = Page { definitions: &root["$defs"] };
    let mut text = String::from("# Configuration reference\n\n");
    text.push_str("<!-- Made from the doc comments in `config/src/model`: `hubrouter schema --format markdown`. -->\n\n");
    let _ = writeln!(text, "{}\n", prose(&root));
    text.push_str("Examples that work stand in `config/examples`. ");
    text.push_str("Keys without a default and without *required* are off when absent.\n");
    for (name, schema) in properties(&root) {
        page.section(&mut text, name, schema, is_required(&root, name));
    }
    text
}

struct Page<'a> {
    definitions: &'a Value,
}

/// One row of a table.
struct Row {
    key: String,
    takes: String,
    default: String,
    meaning: String,
}

impl<'a> Page<'a> {
    fn section(&self, text: &mut String, name: &str, schema: &'a Value, required: bool) {
        let _ = writeln!(text, "\n## `{name}`\n\n{}\n", prose(schema));
        let item = self.item(schema);
        let mut rows = Vec::new();
        for variant in self.objects(item) {
            self.rows(&mut rows, &name_below(name, schema), variant);
        }
        if rows.is_empty() {
            let row = self.row(name.to_owned(), schema, required);
            let default = if row.default.is_empty() { "none" } else { &row.default };
            let _ = writeln!(text, "Takes: {}. Default: {default}.", row.takes);
            return;
        }
        if schema["default"].as_array().is_some_and(|default| !default.is_empty()) {
            let _ = writeln!(text, "Default: `{}`\n", shown(&schema["default"]));
        }
        text.push_str("| key | takes | default | meaning |\n|---|---|---|---|\n");
        for row in rows {
            let meaning = row.meaning.replace("\n\n", " ").replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {} | {} | {meaning} |", row.key, row.takes, row.default);
        }
    }

    /// The keys of an object, those of objects inside it after their own row.
    fn rows(&self, rows: &mut Vec<Row>, prefix: &str, object: &'a Value) {
        for (name, schema) in properties(object) {
            let key = format!("{prefix}.{name}");
            let mut row = self.row(key.clone(), schema, is_required(object, name));
            // What tells several possible objects apart speaks for the whole of its object.
            if let Some(word) = schema["const"].as_str() {
                row.takes = format!("`{word}`");
                row.meaning = prose(object);
            }
            rows.push(row);
            let item = self.item(schema);
            if item["title"].is_null() {
                for inner in self.objects(item) {
                    self.rows(rows, &name_below(&key, schema), inner);
                }
            }
        }
    }

    fn row(&self, key: String, schema: &'a Value, required: bool) -> Row {
        let default = match &schema["default"] {
            _ if required => "*required*".to_owned(),
            Value::Null | Value::Object(_) => String::new(),
            Value::Array(items) if items.is_empty() => "`[]`".to_owned(),
            default => format!("`{}`", shown(default)),
        };
        Row {
            key,
            takes: self.takes(schema),
            default,
            meaning: format!("{}{}", prose(schema), self.choices(schema)),
        }
    }

    /// What kind of value a key takes.
    fn takes(&self, schema: &'a Value) -> String {
        let inner = self.present(schema);
        if let Some(title) = inner["title"].as_str() {
            return title.to_owned();
        }
        let constants = constants(inner);
        if !constants.is_empty() {
            return constants.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        }
        match &inner["type"] {
            Value::String(kind) if kind == "array" => match self.takes(&inner["items"]).as_str() {
                "map" => "list of maps".to_owned(),
                item => format!("list of: {item}"),
            },
            Value::String(kind) if kind == "object" => match &inner["additionalProperties"] {
                values @ Value::Object(_) => format!("name: {}", self.takes(values)),
                _ => "map".to_owned(),
            },
            Value::String(kind) => word_for(kind).to_owned(),
            Value::Array(kinds) => word_for(kinds[0].as_str().unwrap_or_default()).to_owned(),
            _ => "map".to_owned(),
        }
    }

    /// What each word of a choice means.
    fn choices(&self, schema: &'a Value) -> String {
        constants(self.present(schema)).iter().fold(String::new(), |mut text, (name, meaning)| {
            let _ = write!(text, " `{name}`: {meaning}");
            text
        })
    }

    /// The schema of a value that is there: behind `$ref`, and without `null`.
    fn present(&self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            return &self.definitions[name];
        }
        let not_null = |schema: &&Value| schema["type"] != "null";
        match schema["anyOf"].as_array() {
            Some(variants) if schema["title"].is_null() => {
                variants.iter().find(not_null).map_or(schema, |schema| self.present(schema))
            }
            _ => schema,
        }
    }

    /// The items of a list, and what is no list itself.
    fn item(&self, schema: &'a Value) -> &'a Value {
        let schema = self.present(schema);
        if schema["type"] == "array" { self.present(&schema["items"]) } else { schema }
    }

    /// An object, or each of several that are possible.
    fn objects(&self, schema: &'a Value) -> Vec<&'a Value> {
        let variants =
            schema["oneOf"].as_array().map_or_else(|| vec![schema], |variants| variants.iter().collect());
        variants.into_iter().filter(|variant| properties(variant).next().is_some()).collect()
    }
}

fn name_below(key: &str, schema: &Value) -> String {
    if schema["type"] == "array" { format!("{key}[]") } else { key.to_owned() }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
}

/// The words of a choice, each with its meaning.
fn constants(schema: &Value) -> Vec<(&str, String)> {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    variants.filter_map(|variant| Some((variant["const"].as_str()?, prose(variant)))).collect()
}

fn word_for(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "boolean" => "`true`, `false`",
        "integer" => "whole number",
        kind => kind,
    }
}

/// The description in paragraphs, without the line breaks of the source.
fn prose(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// A default as YAML in one line, without the keys that are off.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let on = keys.iter().filter(|(_, value)| !value.is_null() && **value != Value::Bool(false));
            format!(
                "{{{}}}",
                on.map(|(key, value)| format!("{key}: {}", shown(value))).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Number(number) if number.as_f64() == Some(0.0) => "0".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_name_type_default_and_meaning() {
        let page = reference();
        for row in [
            "| `hubs[].id` | hub id | *required* | 1 to 32 of",
            "| `hubs[].weight` | weight | `1` | ",
            "| `timeouts.response_head.hub` | duration | `120s` | ",
            "| `session.keys` | list of: secret | `[]` | ",
            "| `hubs[].proxy_api` | map |  | ",
            "| `admin.tokens` | list of maps | `[]` | ",
            "| `listen[].tls.certificates[].cert` | text | *required* | ",
            "Takes: name: hub id or home. Default: none.",
            "Takes: whole number. Default: `0`.",
            "| `directory.kind` | `redis` | *required* | In Redis",
        ] {
            assert!(page.contains(row), "{row}\n\n{page}");
        }
    }

    #[test]
    fn a_choice_explains_its_words() {
        let page = reference();
        assert!(page.contains("| `hubs[].tier` | `active`, `standby` | `active` | "), "{page}");
        assert!(page.contains("`standby`: Waits for the day"), "{page}");
    }
}
