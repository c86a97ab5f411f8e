//! `check`, `plan`, `explain` and `schema`: commands that read configurations and print what they find.
//!
//! They need no running router and no network. Findings go to standard output, as text for a person or as JSON with stable
//! keys; what keeps a command from running goes to standard error. Exit codes: 0 fine, 1 findings, 2 cannot run.

mod check;
mod explain;
mod moves;
pub(super) mod names_file;
mod plan;
mod printed;
mod schema;
pub(super) mod table;
#[cfg(test)]
pub(super) mod test_files;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;
use hubrouter_config::{Config, ProcessSources, Sources, load_judged};
use serde::Serialize;

pub use check::{CheckArgs, check};
pub use explain::{ExplainArgs, explain};
pub use plan::{MaxMoves, PlanArgs, plan};
pub use printed::Printed;
pub use schema::{SchemaArgs, SchemaFormat, schema};

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Text,
    /// One JSON object; its keys never change their meaning.
    Json,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Fine,
    Findings,
    /// A running router refused.
    Refused,
}

/// Why a command could not do its work; shown as it is.
#[derive(Debug)]
pub(super) struct CannotRun(pub(super) String);

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for CannotRun {
    fn from(error: io::Error) -> Self {
        Self(format!("cannot write the findings: {error}"))
    }
}

/// The end of every command: what kept it from running on standard error, and the exit code.
pub(super) fn finish(result: Result<Outcome, CannotRun>) -> ExitCode {
    let code = exit_code(&result);
    if let Err(reason) = result {
        // Nobody is left to tell when standard error is closed, too.
        let _ = writeln!(io::stderr(), "hubrouter: {reason}");
    }
    ExitCode::from(code)
}

pub(super) fn exit_code(result: &Result<Outcome, CannotRun>) -> u8 {
    match result {
        Ok(Outcome::Fine) => 0,
        Ok(Outcome::Findings | Outcome::Refused) => 1,
        Err(_) => 2,
    }
}

/// A configuration that must be good before a command can say anything else, as far as placement is concerned.
pub(super) fn load_good(path: &Path) -> Result<Config, CannotRun> {
    match load_judged(path, &SeedOnly, &|_| {}) {
        Ok(loaded) => Ok(loaded.config),
        Err(problems) if problems.is_unread() => Err(CannotRun(problems.to_string())),
        Err(problems) => Err(CannotRun(format!("{} has problems:\n{problems}", path.display()))),
    }
}

/// The sources of this process, where of all secrets and files only the placement seed must be there: what needs no router
/// needs no tokens either, and runs where nobody would want to keep them.
struct SeedOnly;

impl Sources for SeedOnly {
    fn env(&self, name: &str) -> Option<String> {
        ProcessSources.env(name)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        ProcessSources.read(path)
    }

    fn stand_in(&self, key: &str) -> Option<Vec<u8>> {
        (!key.starts_with("placement.seed")).then(|| vec![b'x'; 32])
    }
}

pub(super) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), CannotRun> {
    serde_json::to_writer_pretty(&mut *out, value)
        .map_err(|error| CannotRun(format!("cannot write JSON: {error}")))?;
    writeln!(out)?;
    Ok(())
}

/// `1 user`, `2 users`.
pub(super) fn count_of(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_fine_from_findings_from_failure() {
        assert_eq!(exit_code(&Ok(Outcome::Fine)), 0);
        assert_eq!(exit_code(&Ok(Outcome::Findings)), 1);
        assert_eq!(exit_code(&Ok(Outcome::Refused)), 1);
        assert_eq!(exit_code(&Err(CannotRun(String::new()))), 2);
    }
}
