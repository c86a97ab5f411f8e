//! `hubrouter check FILE`: whether the router would take this configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hubrouter_config::{Loaded, Problem, load};
use serde::Serialize;

use super::{CannotRun, Format, Outcome, count_of, finish, readable, write_json};

/// Says whether the router would take a configuration file, and what is wrong with it; needs no network.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The configuration file.
    pub file: PathBuf,
    /// How to print the problems.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs `check` with this process's output. `also` finds what a good configuration asks for and this release cannot do.
#[must_use]
pub fn check(args: &CheckArgs, also: &dyn Fn(&Loaded) -> Vec<Problem>) -> ExitCode {
    finish(run(args, also, &mut io::stdout().lock()))
}

#[derive(Serialize)]
struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

fn run(
    args: &CheckArgs,
    also: &dyn Fn(&Loaded) -> Vec<Problem>,
    out: &mut dyn Write,
) -> Result<Outcome, CannotRun> {
    readable(&args.file)?;
    let findings = match load(&args.file) {
        Ok(loaded) => Findings { problems: also(&loaded), warnings: loaded.warnings },
        Err(problems) => Findings { problems: problems.into_vec(), warnings: Vec::new() },
    };
    match args.format {
        Format::Text => write_text(args, &findings, out)?,
        Format::Json => write_json(out, &findings)?,
    }
    Ok(if findings.problems.is_empty() { Outcome::Fine } else { Outcome::Findings })
}

fn write_text(args: &CheckArgs, findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    for warning in &findings.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for problem in &findings.problems {
        writeln!(out, "{problem}")?;
    }
    let file = args.file.display();
    let warnings = match findings.warnings.len() {
        0 => String::new(),
        count => format!(", {}", count_of(count, "warning")),
    };
    match findings.problems.len() {
        0 => writeln!(out, "{file}: fine{warnings}"),
        count => {
            writeln!(out, "{file}: {}{warnings}; the router would not take it", count_of(count, "problem"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit_code;
    use super::super::test_files::{Files, keys, two_hubs};
    use super::*;

    fn run_check(file: PathBuf, format: Format, also: &dyn Fn(&Loaded) -> Vec<Problem>) -> (u8, String) {
        let mut out = Vec::new();
        let result = run(&CheckArgs { file, format }, also, &mut out);
        (exit_code(&result), String::from_utf8(out).unwrap())
    }

    fn nothing(_: &Loaded) -> Vec<Problem> {
        Vec::new()
    }

    #[test]
    fn a_good_file_is_fine() {
        let files = Files::new();
        let (code, text) = run_check(files.write("c.yaml", &two_hubs()), Format::Text, &nothing);
        assert_eq!(code, 0, "{text}");
        assert!(text.lines().last().unwrap().contains("c.yaml: fine"), "{text}");
    }

    #[test]
    fn problems_are_printed_one_per_line_and_counted() {
        let files = Files::new();
        let broken = two_hubs().replace("hub-b", "hub-a") + "nonsense: 1\n";
        let (code, text) = run_check(files.write("c.yaml", &broken), Format::Text, &nothing);
        assert_eq!(code, 1);
        assert!(text.contains("nonsense"), "{text}");
        assert!(text.lines().last().unwrap().contains("2 problems"), "{text}");
    }

    #[test]
    fn json_has_the_promised_keys() {
        let files = Files::new();
        let (code, text) = run_check(files.write("c.yaml", "nonsense: 1\n"), Format::Json, &nothing);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(code, 1);
        assert_eq!(keys(&json), ["problems", "warnings"]);
        assert_eq!(keys(&json["problems"][0]), ["file", "line", "column", "key", "message", "hint"]);
    }

    #[test]
    fn what_this_release_cannot_do_is_a_problem_too() {
        let files = Files::new();
        let also =
            |loaded: &Loaded| vec![loaded.problem_at("hubs", "is not in this release", "leave it out")];
        let (code, text) = run_check(files.write("c.yaml", &two_hubs()), Format::Text, &also);
        assert_eq!(code, 1);
        assert!(text.contains("hubs: is not in this release. leave it out"), "{text}");
    }

    #[test]
    fn a_missing_file_cannot_be_checked() {
        let (code, text) = run_check(Files::new().path("none.yaml"), Format::Text, &nothing);
        assert_eq!((code, text.as_str()), (2, ""));
    }
}
