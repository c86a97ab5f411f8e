//! The command line: one place that maps arguments to commands, and errors to exit codes.
//!
//! 0: all is well. 1: findings (problems in a configuration, too many moves). 2: the command could not run.

#[cfg(feature = "demo")]
mod demo;
pub mod findings;
mod serve;
mod simulate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::control::load::for_this_release;
use findings::{CheckArgs, ExplainArgs, PlanArgs, SchemaArgs};

/// One web site from many JupyterHubs.
#[derive(Debug, Parser)]
#[command(name = "hubrouter", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the router.
    Serve(serve::ServeArgs),
    /// Try it: two simulated hubs, a standby and the router, on loopback.
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Judge a configuration: all problems at once.
    Check(CheckArgs),
    /// Say who moves, from where to where, when one configuration replaces another.
    Plan(PlanArgs),
    /// Play placement, a failover and a drain with many users.
    Simulate(simulate::SimulateArgs),
    /// Say where a user belongs, and why.
    Explain(ExplainArgs),
    /// Print the JSON Schema of the configuration, or its reference.
    Schema(SchemaArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::serve(&args),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::demo(&args),
        Command::Check(args) => findings::check(&args, &for_this_release),
        Command::Plan(args) => findings::plan(&args),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Explain(args) => findings::explain(&args),
        Command::Schema(args) => findings::schema(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hubrouter", &mut findings::Printed::new());
            ExitCode::SUCCESS
        }
    }
}

/// Says on standard error why a command could not run.
fn cannot_run(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("hubrouter: {error}");
    ExitCode::from(2)
}
