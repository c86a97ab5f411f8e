//! What a simulation found, for a person.

use std::io::{self, Write};

use super::report::{ComesHome, Drain, Failover, Fullest, Report};
use crate::cli::findings::count_of;
use crate::cli::findings::table::Table;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    placement(report, out)?;
    if let Some(found) = &report.failover {
        writeln!(out)?;
        failover(found, out)?;
    }
    if let Some(found) = &report.drain {
        writeln!(out)?;
        drain(found, out)?;
    }
    Ok(())
}

fn placement(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (users, servers) = (count_of(report.users, "user"), count_of(report.servers, "server"));
    writeln!(out, "Placement: {users} with {servers} on {}.\n", count_of(report.hubs.len(), "hub"))?;
    let mut table = Table::new(&["hub", ">weight", ">users", ">servers"]);
    for row in &report.hubs {
        table.row(vec![
            row.hub.to_string(),
            row.weight.to_string(),
            row.users.to_string(),
            row.servers.to_string(),
        ]);
    }
    table.write(out)?;
    match &report.fullest {
        Some(fullest) => writeln!(out, "\nThe fullest is {}.", share(fullest)),
        None => Ok(()),
    }
}

fn share(fullest: &Fullest) -> String {
    format!("{} with {}, {:.3} of its share", fullest.hub, count_of(fullest.users, "user"), fullest.ratio)
}

fn failover(found: &Failover, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Failover: {} dies, its proxy and its hub process.", found.hub)?;
    let due = match &found.held {
        None => format!("It is failed over {} after its first failed probe.", time(found.after_seconds)),
        Some(held) if found.go > 0 => {
            format!("It is not failed over by itself: {held}. When an operator orders it:")
        }
        Some(held) => format!("It is not failed over by itself: {held}."),
    };
    writeln!(out, "{due}")?;
    let (users, stay, go) = (count_of(found.users, "user"), found.stay, found.go);
    writeln!(out, "Of its {users} {stay} have a server: they are assigned to it and stay.")?;
    if go > 0 {
        writeln!(out, "{go} have none and start at their next candidate.")?;
    }
    stranded(found.stranded, found.stranded_because.as_deref(), out)?;
    if found.go > 0 {
        writeln!(out)?;
        survivors(found).write(out)?;
        writeln!(
            out,
            "\nIf all of them start at once, that takes {} at failover.max_starts_per_minute: {}.",
            time(found.starts_take_seconds),
            found.max_starts_per_minute,
        )?;
    }
    if let Some(fullest) = &found.fullest {
        writeln!(out, "The fullest afterwards is {}.", share(fullest))?;
    }
    needless(found.moved_needlessly, out)?;
    comes_home(&found.comes_home, out)
}

fn survivors(found: &Failover) -> Table {
    let mut table = Table::new(&["hub", ">starts", ">take", ">users then", ">servers then"]);
    for hub in &found.to {
        table.row(vec![
            hub.hub.to_string(),
            hub.starts.to_string(),
            time(hub.starts_take_seconds),
            hub.users.to_string(),
            hub.servers.to_string(),
        ]);
    }
    table
}

fn drain(found: &Drain, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Drain: {} is emptied.", found.hub)?;
    writeln!(
        out,
        "Of its {} {} go at their next start; {} have a server, which ends first.",
        count_of(found.users, "user"),
        found.moved,
        found.running,
    )?;
    stranded(found.stranded, found.stranded_because.as_deref(), out)?;
    if !found.to.is_empty() {
        let mut table = Table::new(&["hub", ">users who come"]);
        for to in &found.to {
            table.row(vec![to.hub.to_string(), to.users.to_string()]);
        }
        writeln!(out)?;
        table.write(out)?;
        writeln!(out)?;
    }
    // One alone is in the refusal.
    for over in found.overloaded.iter().filter(|_| found.overloaded.len() > 1) {
        let (hub, then, now, allowed) = (&over.hub, over.then, over.now, over.allowed);
        writeln!(out, "{hub} would have {then} servers, {now} now; placement.load_bound allows {allowed}.")?;
    }
    if let Some(refused) = &found.refused {
        writeln!(out, "It would be refused unless forced: {refused}.")?;
    }
    needless(found.moved_needlessly, out)?;
    comes_home(&found.comes_home, out)
}

fn stranded(users: usize, because: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    match (users, because) {
        (0, _) => Ok(()),
        (users, Some(why)) => writeln!(out, "No hub takes {}: {why}.", count_of(users, "user")),
        (users, None) => writeln!(out, "No hub takes {}.", count_of(users, "user")),
    }
}

fn needless(users: usize, out: &mut dyn Write) -> io::Result<()> {
    match users {
        0 => writeln!(out, "Nobody moves needlessly."),
        users => writeln!(out, "{} move needlessly.", count_of(users, "user")),
    }
}

fn comes_home(home: &ComesHome, out: &mut dyn Write) -> io::Result<()> {
    if home.users == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "When it is back, {} come home: {} at once, {} when the server that they started elsewhere has ended.",
        count_of(home.users, "user"),
        home.at_once,
        home.when_their_server_ends,
    )
}

/// `45 s`, `11 m 20 s`.
fn time(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} m"),
        (minutes, seconds) => format!("{minutes} m {seconds} s"),
    }
}
