//! The command line: one place that maps arguments to commands, and errors to exit codes.
//!
//! 0: all is well. 1: findings (problems in a configuration, too many moves), or a running router refuses (conflict, unsafe,
//! unknown hub or user, a role that does not reach so far). 2: the command could not run (wrong arguments or token, no answer).

#[cfg(feature = "demo")]
mod demo;
pub mod findings;
mod live;
mod serve;
mod simulate;

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

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
    /// Say where a user belongs, and why: by a configuration, or as a running router knows it.
    Explain(ExplainCommand),
    #[command(flatten)]
    Look(live::Looks),
    #[command(flatten)]
    Order(live::Orders),
    /// Print the JSON Schema of the configuration, or its reference.
    Schema(SchemaArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
struct ExplainCommand {
    #[command(flatten)]
    offline: ExplainArgs,
    /// Ask a running router, at HUBROUTER_ADMIN_URL or http://127.0.0.1:9901, and read no configuration.
    #[arg(long)]
    live: bool,
    /// Ask the running router with this admin listener; a token is taken from HUBROUTER_TOKEN.
    #[arg(long, value_name = "URL")]
    admin: Option<live::AdminUrl>,
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
        Command::Explain(args) => explain(&args),
        Command::Look(looks) => live::look(&looks),
        Command::Order(orders) => live::order(orders),
        Command::Schema(args) => findings::schema(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "hubrouter", &mut findings::Printed::new());
            ExitCode::SUCCESS
        }
    }
}

/// Whoever names a router, or wants a live one, asks it; everybody else a configuration.
fn explain(args: &ExplainCommand) -> ExitCode {
    let ExplainCommand { offline, live, admin } = args;
    let admin = match admin {
        Some(admin) => admin.clone(),
        None if *live => match live::AdminUrl::of_this_process() {
            Ok(admin) => admin,
            Err(reason) => return findings::finish(Err(reason)),
        },
        None => return findings::explain(offline),
    };
    live::explain(&offline.user, admin, offline.format)
}

/// Says on standard error why a command could not run.
fn cannot_run(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("hubrouter: {error}");
    ExitCode::from(2)
}
