//! `cargo xtask`: the project's own tasks. `cargo xtask test` runs everything that must hold before a change lands.
//!
//! What a part does stands in its own file; this one reads the command line and picks the parts.

mod audit;
mod command;
mod install;
mod places;
mod quick;
mod real;
mod recordings;
mod redis;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::places::Places;
use crate::real::{Site, Times, With};
use crate::report::Report;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check; installs what is missing into .parts (or $HUBROUTER_PARTS).
    Test {
        /// Only what needs nothing but Rust.
        #[arg(long, conflicts_with = "only")]
        quick: bool,
        /// Only these parts.
        #[arg(long, value_enum)]
        only: Vec<Part>,
    },
    /// Drive real hubs behind the router with a real browser.
    Real {
        /// Which sites; all but `census` when none is named.
        #[arg(value_enum)]
        sites: Vec<Site>,
        /// Test this binary instead of building one.
        #[arg(long)]
        router: Option<PathBuf>,
        /// The router's times in the failover run.
        #[arg(long, value_enum, default_value = "tenth")]
        times: Times,
    },
    /// Play many simulated sites; each that goes wrong is told with its seed.
    Simulate {
        /// Which seeds. One alone, step by step: HUBROUTER_SIM_SEED=7.
        #[arg(default_value = "0..10000")]
        seeds: String,
    },
    /// Install the parts that the real-hub run needs, and nothing else.
    Install,
    /// Record the conversations with a real hub anew, for the simulated one to be compared with.
    Record,
    /// Check licences, sources and known advisories of all dependencies; builds cargo-deny on first use.
    Audit,
}

/// The parts of `cargo xtask test`, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// rustfmt would change nothing.
    Format,
    /// clippy has nothing to say.
    Clippy,
    /// All tests of the workspace, the examples in documentation among them.
    Tests,
    /// Simulated sites, with everything that may go wrong.
    Simulation,
    /// The directory in Redis, on real processes.
    Redis,
    /// Python environments, Node packages, Chromium.
    Install,
    /// Real hubs in a real browser.
    Real,
    /// Recorded conversations still are what a real hub says.
    Recordings,
}

/// The seeds of every run; many more are played by `cargo xtask simulate`.
const SEEDS: &str = "0..300";

impl Part {
    const QUICK: [Part; 4] = [Part::Format, Part::Clippy, Part::Tests, Part::Simulation];
}

fn main() -> ExitCode {
    let places = match Places::find() {
        Ok(places) => places,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::new();
    match Arguments::parse().task {
        Task::Test { quick: true, .. } => test(&places, &Part::QUICK, &mut report),
        Task::Test { only, .. } if !only.is_empty() => {
            // The real parts need what they need, also when nobody names it.
            let with_needs: Vec<Part> = Part::value_variants()
                .iter()
                .copied()
                .filter(|part| {
                    only.contains(part) || (*part == Part::Install && only.iter().any(needs_installation))
                })
                .collect();
            test(&places, &with_needs, &mut report);
        }
        Task::Test { .. } => test(&places, Part::value_variants(), &mut report),
        Task::Real { sites, router, times } => {
            let sites = if sites.is_empty() { Site::USUAL.to_vec() } else { sites };
            if install::all(&places, &mut report) {
                real::run(&places, &sites, With { router, times }, &mut report);
            }
        }
        Task::Simulate { seeds } => quick::simulation(&places, &seeds, &mut report),
        Task::Install => {
            install::all(&places, &mut report);
        }
        Task::Record => {
            if install::all(&places, &mut report) {
                recordings::play(&places, recordings::Mode::Record, &mut report);
            }
        }
        Task::Audit => audit::run_all(&places, &mut report),
    }
    report.close()
}

fn needs_installation(part: &Part) -> bool {
    matches!(part, Part::Real | Part::Recordings)
}

fn test(places: &Places, parts: &[Part], report: &mut Report) {
    let mut installed = true;
    for part in parts {
        match part {
            Part::Format => quick::format(places, report),
            Part::Clippy => quick::clippy(places, report),
            Part::Tests => quick::tests(places, report),
            Part::Simulation => quick::simulation(places, SEEDS, report),
            Part::Redis => redis::tests(places, report),
            Part::Install => installed = install::all(places, report),
            Part::Real if installed => {
                let with = With { router: None, times: Times::Tenth };
                real::run(places, &Site::USUAL, with, report);
            }
            Part::Recordings if installed => recordings::play(places, recordings::Mode::Compare, report),
            Part::Real | Part::Recordings => report.failed(
                &format!("{part:?}").to_lowercase(),
                "what it needs could not be installed (see above)",
            ),
        }
    }
}
