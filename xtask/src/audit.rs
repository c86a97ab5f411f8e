//! Licences, sources, banned crates and known advisories of everything this workspace depends on, by cargo-deny.
//!
//! Apart from `cargo xtask test`: building cargo-deny takes minutes, and its list of advisories comes from the network.

use std::path::Path;
use std::process::Command;

use crate::command::{on_path, run, run_logged};
use crate::places::Places;
use crate::quick::cargo;
use crate::report::Report;

const CARGO_DENY: &str = "0.20.2";

/// Runs each of the checks of deny.toml by its name.
pub fn run_all(places: &Places, report: &mut Report) {
    let own = places.parts.join("cargo-deny");
    let mut program = own.join("bin/cargo-deny");
    if let Some(found) = on_path(&["cargo-deny"]) {
        program = found;
    } else if !report.part("install cargo-deny", || install(places, &own)) {
        return;
    }
    for check in ["bans", "licenses", "sources"] {
        report.part(check, || run(&mut deny(places, &program, check)));
    }
    report.part("advisories", || {
        run(&mut deny(places, &program, "advisories")).map_err(|problem| {
            format!("{problem}; without network access the list of advisories cannot be fetched")
        })
    });
}

fn install(places: &Places, folder: &Path) -> Result<(), String> {
    if folder.join("bin/cargo-deny").is_file() {
        return Ok(());
    }
    run_logged(
        // Unoptimised: it is built for one run and checks a small graph.
        cargo(places)
            .args(["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--debug", "--root"])
            .arg(folder),
        &places.parts.join("install-logs/cargo-deny.log"),
    )
}

fn deny(places: &Places, program: &Path, check: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--locked", "check", "--hide-inclusion-graph", check]).current_dir(&places.root);
    command
}
