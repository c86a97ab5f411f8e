//! `hubrouter simulate`: placement, a failover and a drain of many users, before any of it happens.
//!
//! It asks the router's own `core` for every user, and needs no running router, no network and no clock. Findings go to
//! standard output; exit codes are those of [`findings`](super::findings): 1 when a drain would strand or overload, or no
//! hub takes the users of a dead one.

mod crowd;
mod hubs;
mod report;
mod tally;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hubrouter_config::{Config, HubId, Tier};
use hubrouter_hub_adapter::names::UserName;

use super::findings::{CannotRun, Format, Outcome, Printed, finish, load_good, names_file, write_json};
use crate::core::placement::build;
use crowd::{Crowd, Share};
use hubs::{Hubs, equal_hubs};
use report::Report;
use tally::{Play, play};

/// Plays placement, a failover and a drain with many users; needs no running router.
///
/// Failover and drain each begin with a site where all is well and everybody is at home.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// The configuration whose hubs are played; without it: equal hubs that share storage, and a standby.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How many active hubs, where there is no configuration.
    #[arg(long, value_name = "N", default_value_t = 16, conflicts_with = "config", value_parser = clap::value_parser!(u16).range(1..=999))]
    pub hubs: u16,
    /// How many users, with names from a counter.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub users: u32,
    /// The users instead, one name per line; empty lines and `#` comments are passed over; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub users_file: Option<PathBuf>,
    /// The share of the users who have a server.
    #[arg(long, value_name = "SHARE", default_value = "20%")]
    pub running: Share,
    /// Another seed means other names, and other users with a server.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// The hub that dies, both its planes. With neither this nor --drain: the first active hub dies, and the second is drained.
    #[arg(long, value_name = "HUB")]
    pub fail: Option<String>,
    /// The hub that is drained, on another day: all hubs are well, as before --fail.
    #[arg(long, value_name = "HUB")]
    pub drain: Option<String>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs `simulate` with this process's input and output.
#[must_use]
pub fn simulate(args: &SimulateArgs) -> ExitCode {
    finish(run(args, &mut Printed::new(), &mut io::stderr().lock()))
}

fn run(args: &SimulateArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome, CannotRun> {
    let config = match &args.config {
        Some(file) => load_good(file)?,
        None => equal_hubs(args.hubs),
    };
    let (fail, drain) = closing(args, &config)?;
    let crowd = crowd(args, &config, err)?;
    let placement = build(&config.placement, &config.hubs);
    let well = Hubs::well(&config);
    let played = Play {
        placement: placement.as_ref(),
        failover: fail.map(|hub| (hub.clone(), well.failed_over(&hub))),
        drain: drain.map(|hub| (hub.clone(), well.draining(&hub))),
        well,
    };
    let report = Report::of(&config, &played, &play(&played, &crowd));
    match args.format {
        Format::Text => text::write(&report, out)?,
        Format::Json => write_json(out, &report)?,
    }
    Ok(if report.finds_fault() { Outcome::Findings } else { Outcome::Fine })
}

/// Which hub dies and which is drained.
fn closing(args: &SimulateArgs, config: &Config) -> Result<(Option<HubId>, Option<HubId>), CannotRun> {
    if args.fail.is_none() && args.drain.is_none() {
        let mut hubs = config.hubs.iter().filter(|hub| hub.tier == Tier::Active).map(|hub| hub.id.clone());
        let first = hubs.next().or_else(|| config.hubs.first().map(|hub| hub.id.clone()));
        return Ok((first.clone(), hubs.next().or(first)));
    }
    let known = |name: &Option<String>| name.as_deref().map(|name| known(name, config)).transpose();
    Ok((known(&args.fail)?, known(&args.drain)?))
}

fn known(name: &str, config: &Config) -> Result<HubId, CannotRun> {
    let hub = config.hubs.iter().find(|hub| hub.id.as_str() == name);
    hub.map(|hub| hub.id.clone()).ok_or_else(|| {
        let ids: Vec<&str> = config.hubs.iter().map(|hub| hub.id.as_str()).collect();
        CannotRun(format!("no hub has the id {name:?}; there are {}", ids.join(", ")))
    })
}

fn crowd(args: &SimulateArgs, config: &Config, err: &mut dyn Write) -> Result<Crowd, CannotRun> {
    let rule = config.placement.user_names;
    let Some(file) = &args.users_file else {
        return Ok(Crowd::counted(args.users as usize, args.seed, args.running, rule));
    };
    let names = names_file::read(file)?;
    names_file::report_refused(&names, err)?;
    let mut seen = HashSet::new();
    let users = names.raw.iter().filter_map(|name| UserName::canonical(name, rule));
    let users = users.filter(|user| seen.insert(user.clone())).collect();
    Ok(Crowd::listed(users, args.seed, args.running, rule))
}
