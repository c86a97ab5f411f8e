//! Commands that ask a running router, by its admin API: what it sees, what happened, and orders.
//!
//! The router decides and refuses; here questions are sent and answers shown. Text from the router is shown without control
//! characters, for users and hubs choose some of it.

mod client;
mod events;
mod explain;
mod facts;
mod orders;
mod status;
mod time;
mod url;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::findings::{CannotRun, Format, Outcome, Printed, finish, write_json};
use client::{Client, Failure};
pub(super) use explain::explain;
pub(super) use orders::Orders;
pub(super) use url::AdminUrl;

/// Where the router listens when nobody says otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:9901";

/// Which router is asked, and how its answer is printed.
#[derive(Args, Clone, Debug)]
pub(super) struct Asking {
    /// The admin listener of a router; of several replicas any one. A token is taken from HUBROUTER_TOKEN.
    #[arg(long, value_name = "URL", env = "HUBROUTER_ADMIN_URL", default_value = DEFAULT_URL)]
    admin: AdminUrl,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Commands that look and change nothing.
#[derive(Debug, Subcommand)]
pub(super) enum Looks {
    /// Tell what is wrong: hubs, starts, drains, users on two hubs, as a running router sees them.
    Status(Asking),
    /// List the hubs of a running router.
    Hubs(Asking),
    /// List what happened, lately or from now on.
    Events(events::EventsArgs),
}

pub(super) fn look(command: &Looks) -> ExitCode {
    match command {
        Looks::Status(asking) => ask(asking, async |client| status::status(asking, &client).await),
        Looks::Hubs(asking) => ask(asking, async |client| status::hubs(asking, &client).await),
        Looks::Events(args) => ask(&args.asking, async |client| events::events(args, &client).await),
    }
}

pub(super) fn order(command: Orders) -> ExitCode {
    let order = command.order();
    let asking = order.asking.clone();
    ask(&asking, async |client| orders::give(order, &client).await)
}

/// Runs a command against the router that it names.
fn ask<F>(asking: &Asking, command: impl FnOnce(Client) -> F) -> ExitCode
where
    F: Future<Output = Result<Outcome, CannotRun>>,
{
    let run = || {
        let client = Client::of_this_process(asking.admin.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CannotRun(format!("cannot start: {error}")))?;
        runtime.block_on(command(client))
    };
    finish(run())
}

/// Shows an answer, or says what kept the router from one.
fn show(
    format: Format,
    answer: Result<Value, Failure>,
    text: impl FnOnce(&Value, &mut dyn Write) -> Result<(), CannotRun>,
) -> Result<Outcome, CannotRun> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return fail(format, &failure),
    };
    let mut out = Printed::new();
    match format {
        Format::Text => text(&answer, &mut out)?,
        Format::Json => write_json(&mut out, &answer)?,
    }
    Ok(Outcome::Fine)
}

/// A refusal is an outcome; anything else keeps the command from running.
fn fail(format: Format, failure: &Failure) -> Result<Outcome, CannotRun> {
    match failure {
        Failure::Refused(refusal) if refusal.is_an_answer() => {
            match format {
                // Nobody is left to tell when standard error is closed.
                Format::Text => drop(writeln!(io::stderr(), "hubrouter: refused: {}", failure.sentence())),
                Format::Json => {
                    let (status, kind, message) = (refusal.status, &refusal.kind, &refusal.message);
                    let refusal = json!({"status": status, "kind": kind, "message": message});
                    write_json(&mut Printed::new(), &refusal)?;
                }
            }
            Ok(Outcome::Refused)
        }
        Failure::Refused(_) | Failure::Silent(_) => Err(CannotRun(failure.sentence())),
    }
}

/// An answer as the type that it should be.
fn typed<T: serde::de::DeserializeOwned>(answer: &Value) -> Result<T, CannotRun> {
    T::deserialize(answer).map_err(|error| {
        CannotRun(format!("the router's answer cannot be read, is it of another release? {error}"))
    })
}
