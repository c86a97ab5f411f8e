//! `drain`, `cordon`, `resume`, `maintenance`, `failover`, `move`, `pin`, `apply`: orders to a running router.

use std::io::Write;

use clap::{Args, Subcommand};
use hubrouter_config::read_duration;

use super::client::Client;
use super::{Asking, show, typed};
use crate::admin::{OrderBody, OrderReport, Then, Verb, plain};
use crate::cli::findings::{CannotRun, Outcome};

/// Commands that change something.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Orders {
    /// Empty a hub: its users go to another one at their next start.
    Drain(DrainArgs),
    /// Take no new users at a hub; its own stay.
    Cordon(HubArgs),
    /// Put a hub to ordinary work again.
    Resume(HubArgs),
    /// Close a hub but for servers that run.
    Maintenance(ForcedHubArgs),
    /// Send the idle users of a hub that is down to other hubs now.
    Failover(FailoverArgs),
    /// Assign a user without a running server to a hub, until it is no longer needed.
    Move(MoveArgs),
    /// Assign a user to a hub for good.
    Pin(PinArgs),
    /// Activate the placement that the configuration proposes.
    Apply(ApplyArgs),
}

/// What every order takes.
#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    asking: Asking,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Why: other operators see it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The name that other operators see. It proves nothing: the token does.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    who: Option<String>,
}

/// Arguments of `cordon` and `resume`.
#[derive(Args, Debug)]
pub(in crate::cli) struct HubArgs {
    /// The hub's id.
    hub: String,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `maintenance`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ForcedHubArgs {
    /// The hub's id.
    hub: String,
    /// Although the hub cannot tell who runs there; needs the role `admin`.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `failover`.
#[derive(Args, Debug)]
pub(in crate::cli) struct FailoverArgs {
    /// The hub's id.
    hub: String,
    /// The servers there are lost: users known as running there go, too; needs the role `admin`.
    #[arg(long)]
    assume_stopped: bool,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `drain`.
#[derive(Args, Debug)]
pub(in crate::cli) struct DrainArgs {
    /// The hub's id.
    hub: String,
    /// End the drain: what was before it holds again at once.
    #[arg(long, conflicts_with_all = ["deadline", "at_deadline", "idle_for", "force"])]
    abort: bool,
    /// How long servers may run, such as 2h; without it as long as it takes.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    deadline: Option<String>,
    /// What happens at the deadline to servers that still run.
    #[arg(long, value_enum, value_name = "WHAT", requires = "deadline")]
    at_deadline: Option<Then>,
    /// With `--at-deadline stop-idle`: stop those without activity for so long; without it 30m. Hubs notice activity every
    /// five minutes only: a shorter time may stop servers that work.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "at_deadline")]
    idle_for: Option<String>,
    /// Although users would be stranded or hubs overloaded; needs the role `admin`.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `move`.
#[derive(Args, Debug)]
pub(in crate::cli) struct MoveArgs {
    /// The user's name.
    user: String,
    /// The id of the hub where the user goes.
    hub: String,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `pin`.
#[derive(Args, Debug)]
pub(in crate::cli) struct PinArgs {
    /// The user's name.
    user: String,
    /// The id of the hub where the user goes.
    #[arg(required_unless_present = "clear", conflicts_with = "clear")]
    hub: Option<String>,
    /// End the pin.
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ApplyArgs {
    /// Although replicas differ, or hubs cannot tell who runs there; needs the role `admin`.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

/// An order, ready to be sent.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) asking: Asking,
    verb: Verb,
    target: String,
    body: OrderBody,
}

fn duration(text: &str) -> Result<String, String> {
    match read_duration(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(malformed) => Err(format!("{malformed}; {}", malformed.hint)),
    }
}

impl Common {
    fn order(self, verb: Verb, target: String, body: OrderBody) -> Order {
        let Self { asking, dry_run, reason, who } = self;
        // Where nobody is logged in the variable may be there and empty.
        let who = who.filter(|who| !who.trim().is_empty());
        Order { asking, verb, target, body: OrderBody { dry_run, reason, who, ..body } }
    }
}

impl Orders {
    pub(super) fn order(self) -> Order {
        let plain = OrderBody::default();
        match self {
            Self::Cordon(HubArgs { hub, common }) => common.order(Verb::Cordon, hub, plain),
            Self::Resume(HubArgs { hub, common }) => common.order(Verb::Resume, hub, plain),
            Self::Maintenance(ForcedHubArgs { hub, force, common }) => {
                common.order(Verb::Maintenance, hub, OrderBody { force, ..plain })
            }
            Self::Failover(FailoverArgs { hub, assume_stopped, common }) => {
                common.order(Verb::Failover, hub, OrderBody { assume_stopped, ..plain })
            }
            Self::Drain(DrainArgs { hub, abort: true, common, .. }) => common.order(Verb::Abort, hub, plain),
            Self::Drain(DrainArgs { hub, abort: false, deadline, at_deadline, idle_for, force, common }) => {
                common.order(Verb::Drain, hub, OrderBody { deadline, at_deadline, idle_for, force, ..plain })
            }
            Self::Move(MoveArgs { user, hub, common }) => {
                common.order(Verb::Move, user, OrderBody { hub: Some(hub), ..plain })
            }
            Self::Pin(PinArgs { user, hub: None, common, .. }) => common.order(Verb::Unpin, user, plain),
            Self::Pin(PinArgs { user, hub, common, .. }) => {
                common.order(Verb::Pin, user, OrderBody { hub, ..plain })
            }
            Self::Apply(ApplyArgs { force, common }) => {
                common.order(Verb::Apply, String::new(), OrderBody { force, ..plain })
            }
        }
    }
}

/// Sends an order and prints what it changed.
pub(super) async fn give(order: Order, client: &Client) -> Result<Outcome, CannotRun> {
    let Order { asking, verb, target, body } = order;
    let answer = client.order(verb, &target, &body).await;
    show(asking.format, answer, |answer, out| write(&typed(answer)?, out))
}

fn write(report: &OrderReport, out: &mut dyn Write) -> Result<(), CannotRun> {
    let outcome = &report.outcome;
    writeln!(out, "{}", plain(&outcome.summary))?;
    for detail in &outcome.details {
        writeln!(out, "  {}", plain(detail))?;
    }
    let reason = match report.reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", plain(reason)),
    };
    let done = if outcome.dry_run { "A dry run, nothing was changed; asked" } else { "Ordered" };
    writeln!(out, "{done} by {}{reason}", plain(&report.who))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::control::operator;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        orders: Orders,
    }

    fn parse(line: &str) -> Result<Order, clap::Error> {
        let line = format!("hubrouter {line} --who alice");
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.orders.order())
    }

    fn sent(line: &str) -> (String, String) {
        let order = parse(line).unwrap();
        (order.verb.path(&order.target), serde_json::to_string(&order.body).unwrap())
    }

    #[test]
    fn each_command_is_posted_to_its_address_with_what_it_was_told() {
        for (line, path, body) in [
            ("cordon hub-a", "/hubs/hub-a/cordon", r#"{"who":"alice"}"#),
            ("resume hub-a --dry-run", "/hubs/hub-a/resume", r#"{"who":"alice","dry_run":true}"#),
            ("drain hub-a", "/hubs/hub-a/drain", r#"{"who":"alice"}"#),
            ("drain hub-a --abort", "/hubs/hub-a/abort", r#"{"who":"alice"}"#),
            (
                "drain hub-a --deadline 2h --at-deadline stop-idle --idle-for 45m --force --reason x",
                "/hubs/hub-a/drain",
                r#"{"reason":"x","who":"alice","force":true,"deadline":"2h","at_deadline":"stop-idle","idle_for":"45m"}"#,
            ),
            ("maintenance hub-a --force", "/hubs/hub-a/maintenance", r#"{"who":"alice","force":true}"#),
            (
                "failover hub-a --assume-stopped",
                "/hubs/hub-a/failover",
                r#"{"who":"alice","assume_stopped":true}"#,
            ),
            ("move b/ö hub-a", "/users/b%2F%C3%B6/move", r#"{"who":"alice","hub":"hub-a"}"#),
            ("pin ada hub-a", "/users/ada/pin", r#"{"who":"alice","hub":"hub-a"}"#),
            ("pin ada --clear", "/users/ada/unpin", r#"{"who":"alice"}"#),
            ("apply --force", "/placement/apply", r#"{"who":"alice","force":true}"#),
        ] {
            assert_eq!(sent(line), (path.to_owned(), body.to_owned()), "{line}");
        }
    }

    #[test]
    fn arguments_that_contradict_each_other_are_refused_before_anything_is_sent() {
        for line in [
            "drain hub-a --abort --deadline 2h",
            "drain hub-a --abort --force",
            "drain hub-a --deadline 2",
            "drain hub-a --deadline 2h --at-deadline kill",
            "drain hub-a --at-deadline stop-idle",
            "drain hub-a --deadline 2h --idle-for 30m",
            "pin ada",
            "pin ada hub-a --clear",
            "move ada",
            "cordon hub-a --force",
            "apply --admin https://router",
            "apply --token sesame",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_empty_name_is_no_name() {
        let line = ["hubrouter", "cordon", "hub-a", "--who", " "];
        assert_eq!(Cli::try_parse_from(line).unwrap().orders.order().body.who, None);
    }

    #[test]
    fn the_text_says_what_changes_whom_it_concerns_and_who_ordered_it() {
        let report = OrderReport {
            order: "drain".to_owned(),
            target: Some("hub-a".to_owned()),
            who: "alice (operate@::1)".to_owned(),
            reason: "new\x07 kernel".to_owned(),
            outcome: operator::Outcome {
                dry_run: true,
                summary: "hub-a would be drained".to_owned(),
                details: vec!["12 users go to hub-b\x1b[2J".to_owned()],
            },
        };
        let mut out = Vec::new();

        write(&report, &mut out).unwrap();

        let text = "hub-a would be drained\n  12 users go to hub-b\\u{1b}[2J\n\
            A dry run, nothing was changed; asked by alice (operate@::1): new\\u{7} kernel\n";
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}
