//! `explain USER --live`: where a user is, and why, as the running router knows it.

use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use super::time::{span, utc};
use super::{AdminUrl, Asking, ask, show, typed};
use crate::admin::{plain, segment};
use crate::cli::findings::table::Table;
use crate::cli::findings::{CannotRun, Format};
use crate::control::operator::{AssignmentReport, Explanation, Presence};

/// Asks the router at `admin` about `user`.
pub(in crate::cli) fn explain(user: &str, admin: AdminUrl, format: Format) -> ExitCode {
    let path = format!("/users/{}", segment(user.trim()));
    ask(&Asking { admin, format }, async |client| {
        show(format, client.get(&path).await, |answer, out| write(&typed(answer)?, now(), out))
    })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn write(found: &Explanation, now: u64, out: &mut dyn Write) -> Result<(), CannotRun> {
    let (user, owner) = (plain(&found.user), plain(&found.owner));
    writeln!(out, "{user} belongs to {owner}: {}: {}", plain(&found.why), plain(&found.because))?;
    if found.home != found.owner {
        writeln!(out, "Home is {}.", plain(&found.home))?;
    }
    if let Some(assignment) = &found.assignment {
        writeln!(out, "{}", assigned(assignment, now))?;
    }
    writeln!(out, "A start now: {}\n", plain(&found.start))?;
    let mut table = Table::new(&[">place", "hub", "tier", "intent", "planes", "servers", "takes the user"]);
    for (candidate, place) in found.candidates.iter().zip(1_u32..) {
        let here = found.census.iter().find(|presence| presence.hub == candidate.hub);
        let takes = candidate.closed.as_deref().map_or("yes".to_owned(), |why| format!("no: {}", plain(why)));
        table.row(vec![
            place.to_string(),
            plain(&candidate.hub),
            plain(&candidate.tier),
            plain(&candidate.intent),
            plain(&candidate.health),
            here.map_or("-".to_owned(), presence),
            takes,
        ]);
    }
    table.write(out)?;
    let listed = |hub: &str| found.candidates.iter().any(|candidate| candidate.hub == hub);
    for elsewhere in found.census.iter().filter(|presence| !listed(&presence.hub)) {
        writeln!(out, "Servers at {}: {}", plain(&elsewhere.hub), presence(elsewhere))?;
    }
    Ok(())
}

/// `running (12s ago)`.
fn presence(presence: &Presence) -> String {
    let servers = plain(&presence.servers);
    presence.age_seconds.map_or(servers.clone(), |age| format!("{servers} ({} ago)", span(age)))
}

fn assigned(assignment: &AssignmentReport, now: u64) -> String {
    let (hub, cause, since) = (plain(&assignment.hub), plain(&assignment.cause), utc(assignment.since));
    let mut said = format!("Assigned to {hub} since {since}: {cause} (write {})", assignment.epoch);
    if let Some(start) = assignment.last_start {
        said.push_str(&format!(", last start {}", utc(start)));
    }
    match assignment.provisional_until.map(|until| until.saturating_sub(now) / 1000) {
        None => {}
        Some(0) => said.push_str(", about to end by itself"),
        Some(left) => said.push_str(&format!(", ends by itself in {}", span(left))),
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::operator::Candidate;

    #[test]
    fn the_text_says_where_why_and_what_would_happen_now() {
        let candidate = |hub: &str, closed: Option<&str>| Candidate {
            hub: hub.to_owned(),
            tier: "active".to_owned(),
            intent: "active".to_owned(),
            health: "up/up".to_owned(),
            closed: closed.map(str::to_owned),
        };
        let presence = |hub: &str, servers: &str, age_seconds| Presence {
            hub: hub.to_owned(),
            servers: servers.to_owned(),
            age_seconds,
        };
        let found = Explanation {
            user: "ada".to_owned(),
            home: "hub-a".to_owned(),
            candidates: vec![candidate("hub-a", Some("it is draining\x07")), candidate("hub-b", None)],
            owner: "hub-b".to_owned(),
            why: "assigned".to_owned(),
            because: "a server runs there".to_owned(),
            assignment: Some(AssignmentReport {
                hub: "hub-b".to_owned(),
                cause: "running".to_owned(),
                since: 1_795_511_494_000,
                last_start: None,
                provisional_until: Some(1_795_511_554_000),
                epoch: 12,
            }),
            start: "goes to hub-b".to_owned(),
            census: vec![presence("hub-b", "running", Some(12)), presence("hub-z", "unknown", None)],
        };
        let mut out = Vec::new();

        write(&found, 1_795_511_524_000, &mut out).unwrap();

        let text = "\
ada belongs to hub-b: assigned: a server runs there
Home is hub-a.
Assigned to hub-b since 2026-11-24T09:11:34Z: running (write 12), ends by itself in 30s
A start now: goes to hub-b

  place  hub    tier    intent  planes  servers            takes the user
      1  hub-a  active  active  up/up   -                  no: it is draining\\u{7}
      2  hub-b  active  active  up/up   running (12s ago)  yes
Servers at hub-z: unknown
";
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}
