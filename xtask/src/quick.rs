//! The parts that need nothing but Rust.

use std::process::Command;

use crate::command::{on_path, output, run};
use crate::places::Places;
use crate::report::Report;

/// rustfmt would change nothing.
pub fn format(places: &Places, report: &mut Report) {
    report.part("format", || run(cargo(places).args(["fmt", "--all", "--check"])));
}

/// clippy has nothing to say about any target.
pub fn clippy(places: &Places, report: &mut Report) {
    report.part("clippy", || {
        run(cargo(places).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    });
}

/// All tests of the workspace, then the examples in its documentation.
pub fn tests(places: &Places, report: &mut Report) {
    // nextest runs tests of different programs side by side; without it cargo's own runner does the same work.
    let nextest = on_path(&["cargo-nextest"]).is_some()
        && output(cargo(places).args(["nextest", "--version"])).is_some();
    report.part("tests", || {
        if nextest {
            run(cargo(places).args([
                "nextest",
                "run",
                "--workspace",
                "--all-targets",
                "--locked",
                "--no-fail-fast",
                // Played optimised, in a part of its own.
                "-E",
                "not binary(simulation)",
            ]))
        } else {
            run(cargo(places).args(["test", "--workspace", "--locked", "--no-fail-fast"]))
        }
    });
    report.part("examples in documentation", || {
        run(cargo(places).args(["test", "--workspace", "--doc", "--locked"]))
    });
}

/// Simulated sites: as many seeds as `seeds` names, on the unchanged program in virtual time.
pub fn simulation(places: &Places, seeds: &str, report: &mut Report) {
    report.part("simulation", || {
        run(cargo(places)
            .args(["test", "--profile", "simulation", "-p", "hubrouter", "--test", "simulation", "--locked"])
            .args(["--", "--nocapture"])
            .env("HUBROUTER_SIM_SEEDS", seeds))
    });
}

/// cargo, at the top of the repository.
pub fn cargo(places: &Places) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&places.root);
    cargo
}
