//! `hubrouter check FILE`: whether the router would take this configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hubrouter_config::{Judge, Problem, ProcessSources, load_judged};
use serde::Serialize;

use super::{CannotRun, Format, Outcome, Printed, count_of, finish, write_json};

/// Says whether the router would take a configuration file, and what is wrong with it; needs no network.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The configuration file.
    pub file: PathBuf,
    /// How to print the problems.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs `check` with this process's output. `judge` finds what the router has against a configuration that is right as such.
#[must_use]
pub fn check(args: &CheckArgs, judge: Judge<'_>) -> ExitCode {
    finish(run(args, judge, &mut Printed::new()))
}

#[derive(Serialize)]
struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

fn run(args: &CheckArgs, judge: Judge<'_>, out: &mut dyn Write) -> Result<Outcome, CannotRun> {
    let findings = match load_judged(&args.file, &ProcessSources, judge) {
        Ok(loaded) => Findings { problems: Vec::new(), warnings: loaded.warnings },
        Err(problems) if problems.is_unread() => {
            let why = CannotRun(problems.to_string());
            if args.format == Format::Json {
                // Whoever reads JSON shall not have to read anything else.
                write_json(out, &Findings { problems: problems.into_vec(), warnings: Vec::new() })?;
            }
            return Err(why);
        }
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
    use hubrouter_config::Reading;

    use super::super::exit_code;
    use super::super::test_files::{Files, keys, two_hubs};
    use super::*;

    fn run_check(file: PathBuf, format: Format, judge: Judge<'_>) -> (u8, String) {
        let mut out = Vec::new();
        let result = run(&CheckArgs { file, format }, judge, &mut out);
        (exit_code(&result), String::from_utf8(out).unwrap())
    }

    fn nothing(_: &Reading<'_>) {}

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
        let judge = |file: &Reading<'_>| file.problem("hubs", "is not in this release", "leave it out");
        let wrong = two_hubs() + "nonsense: 1\n";
        let (code, text) = run_check(files.write("c.yaml", &wrong), Format::Text, &judge);
        assert_eq!(code, 1);
        assert!(text.contains("hubs: is not in this release. leave it out"), "{text}");
        assert!(text.contains("nonsense"), "beside all else: {text}");
    }

    #[test]
    fn a_missing_file_cannot_be_checked() {
        let (code, text) = run_check(Files::new().path("none.yaml"), Format::Text, &nothing);
        assert_eq!((code, text.as_str()), (2, ""));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem_in_json_too() {
        let files = Files::new();
        for file in [files.path("none.yaml"), files.path("")] {
            let (code, text) = run_check(file, Format::Json, &nothing);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((code, json["problems"][0]["line"].as_u64()), (2, Some(1)), "{text}");
            assert!(json["problems"][0]["message"].as_str().unwrap().starts_with("cannot be read"), "{text}");
        }
    }
}
