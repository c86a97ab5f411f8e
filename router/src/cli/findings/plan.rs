//! `hubrouter plan OLD NEW --users FILE`: who would move, before anybody does.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use hubrouter_config::Config;
use serde::Serialize;

use super::moves::{Flow, Move, Moves, changes};
use super::table::Table;
use super::{CannotRun, Format, Outcome, Printed, count_of, finish, load_good, names_file, write_json};

/// How many names a line of the text gives as examples.
const EXAMPLES: usize = 3;

/// Says who would move from one configuration to another; needs no running router.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// The configuration as it is.
    pub old: PathBuf,
    /// The configuration as it shall be.
    pub new: PathBuf,
    /// The users, one name per line; empty lines and `#` comments are passed over; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub users: PathBuf,
    /// Exit with 1 when more users move: a share such as `15%`, or a number of users.
    #[arg(long, value_name = "LIMIT")]
    pub max_moves: Option<MaxMoves>,
    /// Name everybody who moves.
    #[arg(long)]
    pub who: bool,
    /// How to print the plan.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The most users that may move: `15%` of the users, or so many users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxMoves {
    /// Of all users, 0 to 100.
    Percent(f64),
    /// A number of users.
    Users(usize),
}

impl MaxMoves {
    fn allows(self, moved: usize, users: usize) -> bool {
        match self {
            Self::Percent(percent) => moved as f64 * 100.0 <= percent * users as f64,
            Self::Users(most) => moved <= most,
        }
    }
}

impl FromStr for MaxMoves {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let limit = match text.strip_suffix('%') {
            Some(percent) => {
                percent.trim().parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(Self::Percent)
            }
            None => text.parse().ok().map(Self::Users),
        };
        limit.ok_or_else(|| "a share from 0% to 100%, or a number of users".to_owned())
    }
}

impl std::fmt::Display for MaxMoves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Users(most) => write!(f, "{most}"),
        }
    }
}

/// Runs `plan` with this process's input and output.
#[must_use]
pub fn plan(args: &PlanArgs) -> ExitCode {
    finish(run(args, &mut Printed::new(), &mut io::stderr().lock()))
}

#[derive(Serialize)]
struct Report {
    users: usize,
    moved: usize,
    minimum: usize,
    flows: Vec<Flow>,
    /// Only with `--who`.
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<Vec<Move>>,
}

fn run(args: &PlanArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome, CannotRun> {
    let (old, new) = (load_good(&args.old)?, load_good(&args.new)?);
    let names = names_file::read(&args.users)?;
    names_file::report_refused(&names, err)?;
    let moves = Moves::between(&old, &new, &names.raw)
        .ok_or_else(|| CannotRun("a configuration without hubs gives nobody a home".to_owned()))?;
    match args.format {
        Format::Text => write_text(args, (&old, &new), &moves, out)?,
        Format::Json => write_json(out, &report(args, &moves))?,
    }
    let allowed = args.max_moves.is_none_or(|most| most.allows(moves.moved.len(), moves.users));
    Ok(if allowed { Outcome::Fine } else { Outcome::Findings })
}

fn report(args: &PlanArgs, moves: &Moves) -> Report {
    Report {
        users: moves.users,
        moved: moves.moved.len(),
        minimum: moves.minimum(),
        flows: moves.flows(),
        moves: args.who.then(|| moves.moved.clone()),
    }
}

fn write_text(
    args: &PlanArgs,
    (old, new): (&Config, &Config),
    moves: &Moves,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", summary(moves))?;
    let changes = changes(old, new);
    if !changes.is_empty() {
        writeln!(out, "Changed: {}.", changes.join(", "))?;
    }
    if !moves.moved.is_empty() {
        writeln!(out, "{}\n", needless(moves))?;
        flow_table(moves).write(out)?;
    }
    writeln!(out)?;
    hub_table(moves).write(out)?;
    if args.who {
        writeln!(out)?;
        who_table(moves).write(out)?;
    }
    match args.max_moves {
        Some(most) if most.allows(moves.moved.len(), moves.users) => {
            writeln!(out, "\nWithin --max-moves {most}.")
        }
        Some(most) => writeln!(out, "\nMore than --max-moves {most} allows."),
        None => Ok(()),
    }
}

fn summary(moves: &Moves) -> String {
    let users = count_of(moves.users, "user");
    match moves.moved.len() {
        0 => format!("Of {users} nobody moves."),
        moved => format!("Of {users} {moved} move ({:.1} %).", moved as f64 * 100.0 / moves.users as f64),
    }
}

fn needless(moves: &Moves) -> String {
    let minimum = moves.minimum();
    match moves.moved.len() - minimum {
        0 => "That is the minimum for these numbers of users per hub.".to_owned(),
        needless => format!(
            "The minimum for these numbers of users per hub is {minimum}: {needless} move needlessly."
        ),
    }
}

fn flow_table(moves: &Moves) -> Table {
    let mut table = Table::new(&["from", "to", ">users", "for example"]);
    for flow in moves.flows() {
        let on_it = moves.moved.iter().filter(|step| step.from == flow.from && step.to == flow.to);
        let mut examples: Vec<&str> = on_it.take(EXAMPLES).map(|step| step.user.as_str()).collect();
        if flow.users > EXAMPLES {
            examples.push("...");
        }
        table.row(vec![
            flow.from.to_string(),
            flow.to.to_string(),
            flow.users.to_string(),
            examples.join(", "),
        ]);
    }
    table
}

fn hub_table(moves: &Moves) -> Table {
    let mut table = Table::new(&["hub", ">before", ">after", ">change"]);
    for (hub, &before) in &moves.before {
        let after = moves.after.get(hub).copied().unwrap_or(0);
        let change = match after.cmp(&before) {
            std::cmp::Ordering::Less => format!("-{}", before - after),
            std::cmp::Ordering::Equal => "0".to_owned(),
            std::cmp::Ordering::Greater => format!("+{}", after - before),
        };
        table.row(vec![hub.to_string(), before.to_string(), after.to_string(), change]);
    }
    table
}

fn who_table(moves: &Moves) -> Table {
    let mut table = Table::new(&["user", "from", "to"]);
    for step in &moves.moved {
        table.row(vec![step.user.clone(), step.from.to_string(), step.to.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests;
