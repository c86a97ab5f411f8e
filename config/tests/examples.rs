//! The examples load, show every key, and agree with schema and defaults.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which end a test by it")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use hubrouter_config::{
    Config, Directory, FixedSources, Hub, Intent, Loaded, LogLevel, Problems, Role, Sources, Storage, Tier,
    UserNames, parse, schema,
};
use serde_json::Value;

const EXAMPLES: [&str; 3] = ["minimal.yaml", "memory.yaml", "full.yaml"];

/// A world in which every variable is set and every file is there.
struct Everything;

impl Sources for Everything {
    fn env(&self, name: &str) -> Option<String> {
        Some(format!("value-of-{name}"))
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        Ok(format!("0123456789-0123456789-0123456789-{}\n", path.display()).into_bytes())
    }
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap()
}

fn example(name: &str) -> Loaded {
    parse(&text_of(name), &format!("examples/{name}"), &Everything)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn parsed(text: &str) -> Result<Loaded, Problems> {
    parse(text, "hubrouter.yaml", &FixedSources::default())
}

#[test]
fn every_file_in_examples_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let names: BTreeSet<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, EXAMPLES.map(str::to_owned).into());
}

#[test]
fn the_minimal_example_is_two_hubs_and_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/minimal.yaml");
    let loaded = hubrouter_config::load(&path).unwrap();

    let hub = |id: &str, url: &str| Hub::new(id.parse().unwrap(), url.parse().unwrap());
    let hubs = vec![hub("hub-a", "http://127.0.0.1:8001"), hub("hub-b", "http://127.0.0.1:8002")];
    assert_eq!(loaded.config, Config::of_hubs(hubs));
    assert_eq!(loaded.config.listen[0].address.to_string(), "0.0.0.0:8000");
    assert_eq!(loaded.files, [path]);
}

#[test]
fn a_file_that_is_not_there_is_a_problem_that_names_it() {
    let path = Path::new("/nowhere/hubrouter.yaml");
    let refused = hubrouter_config::load(path).unwrap_err();
    assert!(refused.to_string().starts_with("/nowhere/hubrouter.yaml:1:1: cannot be read"), "{refused}");
    assert_eq!(refused.files(), [path]);
    assert!(refused.is_unread());
    assert!(!parsed("nonsense").unwrap_err().is_unread());
}

#[test]
fn the_minimal_example_is_warned_of_what_real_users_need() {
    let warnings = example("minimal.yaml").warnings;
    let mut keys: Vec<&str> = warnings.iter().map(|warning| warning.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "hubs[0].api_token",
            "hubs[0].storage",
            "hubs[1].api_token",
            "hubs[1].storage",
            "placement.seed",
            "session.keys"
        ]
    );
}

#[test]
fn the_example_for_one_replica_has_no_warning() {
    assert_eq!(example("memory.yaml").warnings, []);
}

#[test]
fn the_full_example_means_what_it_says() {
    let loaded = example("full.yaml");
    let config = &loaded.config;
    assert_eq!(loaded.warnings, []);

    assert_eq!(config.listen.len(), 3);
    assert!(config.listen[0].redirect_to_https && config.listen[1].proxy_protocol && config.listen[2].h2c);
    assert_eq!(config.admin.tokens[2].role, Role::Read);
    assert_eq!(config.site.base_url.as_str(), "/jhub/");
    assert_eq!(config.site.public_url.as_ref().unwrap().origin(), "https://jupyter.example.org");
    assert_eq!(config.site.trusted_proxies[1].to_string(), "2001:db8::7/128");
    assert_eq!(config.site.hsts, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(config.site.identity_headers, ["remote-user"]);
    assert_eq!(config.workers, 4);

    let hub = config.hub(&"hub-a".parse().unwrap()).unwrap();
    assert_eq!((hub.weight.as_thousandths(), hub.tier, hub.intent), (1500, Tier::Active, Intent::Active));
    assert_eq!((hub.storage, hub.storage_pool.as_str()), (Storage::Shared, "campus"));
    assert_eq!(hub.api_token.as_ref().unwrap().expose(), "value-of-HUB_A_TOKEN");
    assert_eq!(hub.hub_url.as_ref().unwrap().port(), 8081);
    assert_eq!(config.hubs[2].tier, Tier::Standby);

    assert_eq!((config.placement.load_bound, config.placement.user_names), (1.25, UserNames::Lower));
    assert_eq!(config.session.keys.len(), 2);
    assert_eq!(config.timeouts.response_head.user, Duration::from_secs(3600));
    assert_eq!(config.limits.request_head_bytes, 32 * 1024);
    assert_eq!(config.telemetry.log.level, LogLevel::Info);
    let Directory::Redis(redis) = &config.directory else { panic!("{:?}", config.directory) };
    assert_eq!((redis.sentinels.len(), redis.master.as_deref()), (3, Some("hubrouter")));
}

#[test]
fn every_file_that_is_named_is_known_to_be_watched() {
    let loaded = example("full.yaml");
    let files: BTreeSet<&str> = loaded.files.iter().map(|path| path.to_str().unwrap()).collect();
    for file in ["tls/site.crt", "tls/site.key", "secrets/session.key", "secrets/redis", "tls/redis-ca.crt"] {
        assert!(files.contains(format!("examples/{file}").as_str()), "{file}: {files:?}");
    }
    assert_eq!(files.len(), 12);
}

#[test]
fn the_examples_show_every_key_of_the_schema_and_no_other() {
    let schema = schema();
    let mut known = BTreeSet::new();
    keys_of_schema(&schema, &schema, "", &mut known);
    let mut shown = BTreeSet::new();
    for name in EXAMPLES {
        let value: Value = serde_saphyr::from_str(&text_of(name)).unwrap();
        keys_of_value(&value, "", &mut shown);
    }
    // Shown as the other way to name a Redis, in a comment.
    shown.insert("directory.url".to_owned());
    assert_eq!(known, shown);
}

#[test]
fn a_file_that_spells_out_all_defaults_means_the_same_as_one_without() {
    let schema = schema();
    let mut value = serde_json::json!({"hubs": [{"id": "hub-a", "url": "http://127.0.0.1:8001"}]});
    for (name, property) in schema["properties"].as_object().unwrap() {
        if let Some(default) = property.get("default") {
            value[name] = default.clone();
        }
    }
    let spelled_out = parsed(&value.to_string()).unwrap_or_else(|problems| panic!("{problems}"));
    let short = parsed("hubs: [{id: hub-a, url: 'http://127.0.0.1:8001'}]").unwrap();
    assert_eq!(spelled_out.config, short.config);
}

/// Dotted keys below a schema; `{env}` and `{file}` of secrets are no keys of ours.
fn keys_of_schema(root: &Value, schema: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    if let Some(path) = schema["$ref"].as_str() {
        return keys_of_schema(root, &root["$defs"][path.trim_start_matches("#/$defs/")], prefix, keys);
    }
    if !schema["title"].is_null() && !prefix.is_empty() {
        return;
    }
    for variants in ["anyOf", "oneOf"] {
        for variant in schema[variants].as_array().into_iter().flatten() {
            keys_of_schema(root, variant, prefix, keys);
        }
    }
    if !schema["items"].is_null() {
        keys_of_schema(root, &schema["items"], &format!("{prefix}[]"), keys);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let key = format!("{prefix}.{name}").trim_start_matches('.').to_owned();
        keys_of_schema(root, inner, &key, keys);
        keys.insert(key);
    }
}

fn keys_of_value(value: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    for item in value.as_array().into_iter().flatten() {
        keys_of_value(item, &format!("{prefix}[]"), keys);
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "env" | "file") && prefix != "directory" || prefix == "services" {
            continue;
        }
        let key = format!("{prefix}.{name}").trim_start_matches('.').to_owned();
        keys_of_value(inner, &key, keys);
        keys.insert(key);
    }
}
