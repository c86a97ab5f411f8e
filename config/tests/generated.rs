//! The schema and the reference page that the repository holds are the ones the code makes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which end a test by it")]

use std::path::Path;

fn fresh(name: &str, made: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == made,
        "config/{name} is stale: run `{command}`, or UPDATE_GENERATED=1 cargo test -p hubrouter-config"
    );
}

#[test]
fn the_schema_in_the_repository_is_fresh() {
    let made = format!("{:#}\n", hubrouter_config::schema());
    fresh("hubrouter.schema.json", &made, "cargo run --release -- schema > config/hubrouter.schema.json");
}

#[test]
fn the_reference_page_in_the_repository_is_fresh() {
    let command = "cargo run --release -- schema --format markdown > config/REFERENCE.md";
    fresh("REFERENCE.md", &hubrouter_config::reference(), command);
}
