//! The JSON Schema of the configuration file, made from the doc comments of the model.
//!
//! For editors, which complete and explain keys by it; the reader has its own, stricter judgement.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::model::{BaseUrl, Config, HubId, HubUrl, PublicUrl, ServiceHome, Weight};

/// The JSON Schema (draft 2020-12) of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".to_owned(), "hubrouter configuration".into());
    schema.to_value()
}

/// `kind` may be left out of the memory directory: it is the default.
pub(crate) fn kind_is_memory_by_default(schema: &mut Schema) {
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for variant in variants.filter(|variant| variant["properties"]["kind"]["const"] == "memory") {
        variant["properties"]["kind"]["default"] = "memory".into();
        if let Some(variant) = variant.as_object_mut() {
            variant.remove("required");
        }
    }
}

/// Describes a value that is written as text (or as a number) under its own name.
macro_rules! written {
    ($($type:ident, $title:literal, $schema:tt;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                schema.insert("title".to_owned(), $title.into());
                schema
            }
        }
    )*};
}

/// An IP address with a port.
pub(crate) struct Address;
/// An IP network.
pub(crate) struct Network;
/// A duration.
pub(crate) struct DurationText;
/// A duration or `off`.
pub(crate) struct OffOrDuration;
/// A size in bytes.
pub(crate) struct SizeText;
/// Where a secret is found.
pub(crate) struct SecretSource;
/// Where a secret is found, or the secret itself.
pub(crate) struct SecretOrText;

written! {
    HubId, "hub id", {
        "type": "string", "pattern": "^[a-z0-9-]{1,32}$",
        "description": "1 to 32 of a-z, 0-9 and -."
    };
    BaseUrl, "path", {
        "type": "string", "pattern": "^/([A-Za-z0-9._~-]+/)*$",
        "description": "A path that begins and ends with /."
    };
    HubUrl, "hub address", {
        "type": "string", "pattern": "^https?://[^/?#@]+/?$",
        "description": "http:// or https://, host and port; no path."
    };
    PublicUrl, "site address", {
        "type": "string", "pattern": "^https?://[^/?#@]+",
        "description": "http:// or https:// and host; a path only if it is site.base_url."
    };
    Weight, "weight", {
        "type": "number", "minimum": 0.001, "maximum": 1000,
        "description": "0.001 to 1000, with at most three decimals."
    };
    ServiceHome, "hub id or home", {
        "type": "string", "pattern": "^[a-z0-9-]{1,32}$",
        "description": "A hub's id, or home."
    };
    Address, "address", {
        "type": "string", "pattern": "^.+:[0-9]{1,5}$",
        "description": "IP address and port."
    };
    Network, "network", {
        "type": "string", "pattern": "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$",
        "description": "A network such as 10.0.0.0/8, or one address."
    };
    DurationText, "duration", {
        "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$",
        "description": "A whole number and ms, s, m, h or d."
    };
    OffOrDuration, "off or duration", {
        "anyOf": [{"enum": ["off", false]}, {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}],
        "description": "off, or a whole number and ms, s, m, h or d."
    };
    SizeText, "size", {
        "type": ["string", "integer"], "pattern": "^[0-9]+(KiB|MiB|GiB)?$", "minimum": 0,
        "description": "Bytes, or a whole number and KiB, MiB or GiB."
    };
    SecretSource, "secret", {
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": {
            "env": {"type": "string", "description": "The environment variable that holds the secret."},
            "file": {"type": "string", "description": "The file that holds the secret; one newline at its end is not part of it."}
        },
        "description": "{env: NAME} or {file: PATH}."
    };
    SecretOrText, "secret or text", {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
                "properties": {"env": {"type": "string"}, "file": {"type": "string"}}
            }
        ],
        "description": "{env: NAME}, {file: PATH} or the text itself."
    };
}
