//! `status` and `hubs`: what a router sees, on one screen.
//!
//! Read loosely: what a newer router adds harms nothing, and what an older one lacks stays empty.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::facts::{list, number, text, words};
use super::time::span;
use super::{Asking, show};
use crate::cli::findings::table::Table;
use crate::cli::findings::{CannotRun, Outcome, count_of};

/// What is said of a hub below the table, where there is something to say.
const OF_A_HUB: [&str; 7] = ["word", "drain", "starts", "outage", "failover", "failed_over", "stale"];
/// What is said of the site below that.
const OF_THE_SITE: [&str; 5] = ["directory", "placement", "replicas", "freeze", "assignments"];
/// A task is late after so many of its periods, and so many seconds.
const LATE: (f64, f64) = (3.0, 10.0);

pub(super) async fn status(asking: &Asking, client: &Client) -> Result<Outcome, CannotRun> {
    show(asking.format, client.get("/status").await, write_status)
}

pub(super) async fn hubs(asking: &Asking, client: &Client) -> Result<Outcome, CannotRun> {
    show(asking.format, client.get("/hubs").await, |answer, out| {
        table(answer, true).write(out)?;
        of_the_hubs(answer, out)
    })
}

fn write_status(status: &Value, out: &mut dyn Write) -> Result<(), CannotRun> {
    let ready = match text(status, "/readiness/ready").as_str() {
        "yes" => "ready".to_owned(),
        _ => format!("NOT READY: {}", text(status, "/readiness/why")),
    };
    let uptime = number(status, "/uptime_seconds").map_or_else(|| "?".to_owned(), span);
    writeln!(out, "{ready}")?;
    writeln!(
        out,
        "hubrouter {}, up {uptime}, snapshot {}, configuration {}\n",
        text(status, "/version"),
        text(status, "/snapshot"),
        text(status, "/config/file")
    )?;
    table(status, false).write(out)?;
    of_the_hubs(status, out)?;
    for name in OF_THE_SITE {
        if let Some(said) = status.get(name).and_then(words) {
            writeln!(out, "\n{name}: {said}")?;
        }
    }
    section("certificates", &certificates(status), out)?;
    section("users on two hubs", &doubles(status), out)?;
    section("tasks", &tasks(status), out)?;
    section("trouble", &trouble(status), out)
}

/// What the router does by itself: how often, when last, and what came of it.
fn tasks(status: &Value) -> Vec<String> {
    let mut lines: Vec<String> = list(status, "/tasks").iter().map(task).collect();
    lines.sort();
    lines
}

fn task(task: &Value) -> String {
    let name = text(task, "/name");
    let period = task.get("period_seconds").and_then(Value::as_f64).map(Duration::from_secs_f64);
    let every = period.map_or_else(
        || "?".to_owned(),
        |period| match period.as_secs() {
            0 => format!("{} ms", period.as_millis()),
            seconds => span(seconds),
        },
    );
    match number(task, "/last_run_seconds_ago") {
        Some(ago) => format!("{name}: every {every}, {} ago: {}", span(ago), text(task, "/last_result")),
        None => format!("{name}: every {every}, not yet"),
    }
}

fn section(title: &str, lines: &[String], out: &mut dyn Write) -> Result<(), CannotRun> {
    if !lines.is_empty() {
        writeln!(out, "\n{title}:")?;
    }
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn table(answer: &Value, in_full: bool) -> Table {
    let mut headings =
        vec!["hub", "tier", "intent", "proxy plane", "hub plane", "starts", ">servers", ">users"];
    if in_full {
        headings.extend([">weight", "storage", "url"]);
    }
    let mut table = Table::new(&headings);
    for hub in list(answer, "/hubs") {
        let mut cells = vec![
            text(hub, "/id"),
            text(hub, "/tier"),
            text(hub, "/intent"),
            plane(hub, "/planes/proxy"),
            plane(hub, "/planes/hub"),
            starts(hub),
            counted(hub, "/census/servers"),
            counted(hub, "/census/users"),
        ];
        if in_full {
            cells.extend(["/weight", "/storage", "/url"].map(|pointer| text(hub, pointer)));
        }
        table.row(cells);
    }
    table
}

/// `up`, `down 12m`; `up?` before the first probe came back.
fn plane(hub: &Value, pointer: &str) -> String {
    let Some(plane) = hub.pointer(pointer) else { return "?".to_owned() };
    let (state, since) = (text(plane, "/state"), number(plane, "/since_seconds"));
    match (state.as_str(), plane.get("probed").and_then(Value::as_bool)) {
        (_, Some(false)) => format!("{state}?"),
        ("up", _) => state,
        _ => since.map_or(state.clone(), |since| format!("{state} {}", span(since))),
    }
}

fn starts(hub: &Value) -> String {
    match text(hub, "/spawning/state").as_str() {
        "failing" => format!("failing {}/{}", text(hub, "/spawning/failed"), text(hub, "/spawning/finished")),
        "unknown" | "" => "-".to_owned(),
        state => state.to_owned(),
    }
}

/// A number of the census, with a question mark where it does not count.
fn counted(hub: &Value, pointer: &str) -> String {
    let known = hub.pointer("/census/known").and_then(Value::as_bool).unwrap_or(false);
    match (number(hub, pointer), known) {
        (Some(count), true) => count.to_string(),
        (Some(0) | None, false) => "?".to_owned(),
        (Some(count), false) => format!("{count}?"),
        (None, true) => "-".to_owned(),
    }
}

fn of_the_hubs(answer: &Value, out: &mut dyn Write) -> Result<(), CannotRun> {
    let mut lines = Vec::new();
    for hub in list(answer, "/hubs") {
        for name in OF_A_HUB {
            // Where starts go by themselves is no news.
            let usual = name == "starts" && text(hub, "/starts/to") == "here";
            let said = hub.get(name).filter(|_| !usual).and_then(words);
            lines.extend(said.map(|said| format!("{} {}: {said}", text(hub, "/id"), name.replace('_', " "))));
        }
    }
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn certificates(status: &Value) -> Vec<String> {
    let line = |certificate: &Value| {
        let names: Vec<String> = list(certificate, "/names").iter().filter_map(words).collect();
        let (used_by, file) = (text(certificate, "/used_by"), text(certificate, "/file"));
        format!("{used_by}: {file} ({}), {}", names.join(", "), age(certificate))
    };
    list(status, "/certificates").iter().map(line).collect()
}

/// How long a certificate is good yet.
fn age(certificate: &Value) -> String {
    match (text(certificate, "/state").as_str(), number(certificate, "/expires_in_seconds")) {
        (_, Some(left)) => format!("expires in {}", span(left)),
        ("not_yet", None) => "not valid yet".to_owned(),
        (state, None) => state.to_owned(),
    }
}

fn doubles(status: &Value) -> Vec<String> {
    let shown = list(status, "/users_on_two_hubs");
    let mut lines: Vec<String> = shown
        .iter()
        .map(|double| {
            let hubs: Vec<String> = list(double, "/hubs").iter().filter_map(words).collect();
            format!("{} at {}", text(double, "/user"), hubs.join(", "))
        })
        .collect();
    let all = number(status, "/users_on_two_hubs_count").and_then(|count| usize::try_from(count).ok());
    if let Some(more) = all.and_then(|all| all.checked_sub(shown.len())).filter(|more| *more > 0) {
        lines.push(format!("and {}", count_of(more, "more user")));
    }
    lines
}

/// What an operator would look for, one line each.
fn trouble(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if status.pointer("/config/last_reload/accepted").and_then(Value::as_bool) == Some(false) {
        let problems = list(status, "/config/last_reload/problems").len();
        let found = count_of(problems, "problem");
        let first = "/config/last_reload/problems/0";
        let words: Vec<String> = ["key", "message", "hint"]
            .map(|name| text(status, &format!("{first}/{name}")))
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        lines.push(format!(
            "the changed configuration is refused ({found}), see `hubrouter check`: {}",
            words.join(": ")
        ));
    }
    for hub in list(status, "/hubs") {
        lines.extend(of_a_hub(hub).into_iter().map(|line| format!("{}: {line}", text(hub, "/id"))));
    }
    for certificate in list(status, "/certificates") {
        if !matches!(text(certificate, "/state").as_str(), "good" | "") {
            let (file, used_by) = (text(certificate, "/file"), text(certificate, "/used_by"));
            lines
                .push(format!("the certificate {file} of {used_by} {}: renew it", troubled_age(certificate)));
        }
    }
    for task in list(status, "/tasks") {
        lines.extend(late(task).map(|ago| {
            let (name, result) = (text(task, "/name"), text(task, "/last_result"));
            format!("task `{name}` is late: it ran {ago} ago: {result}")
        }));
    }
    lines
}

fn of_a_hub(hub: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (pointer, name) in [("/planes/proxy", "proxy plane"), ("/planes/hub", "hub plane")] {
        let state = text(hub, &format!("{pointer}/state"));
        if !matches!(state.as_str(), "up" | "") {
            lines.push(format!("{name} {state}: {}", text(hub, &format!("{pointer}/reason"))));
        }
    }
    if hub.pointer("/database/ok").and_then(Value::as_bool) == Some(false) {
        lines.push(format!("its database does not answer: {}", text(hub, "/database/reason")));
    }
    let known = hub.pointer("/census/known").and_then(Value::as_bool);
    let reason = text(hub, "/census/reason");
    if known == Some(false) && !reason.is_empty() {
        lines.push(format!("who has a server there is not known: {reason}"));
    }
    lines
}

fn troubled_age(certificate: &Value) -> String {
    match text(certificate, "/state").as_str() {
        "expired" => "has expired".to_owned(),
        "not_yet" => "is not valid yet".to_owned(),
        _ => age(certificate),
    }
}

/// How long ago a task ran, if that is too long.
fn late(task: &Value) -> Option<String> {
    let ran = number(task, "/last_run_seconds_ago")?;
    let period = task.get("period_seconds")?.as_f64()?;
    let (periods, seconds) = LATE;
    (period > 0.0 && ran as f64 > (period * periods).max(period + seconds)).then(|| span(ran))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(status: &Value) -> String {
        let mut out = Vec::new();
        write_status(status, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn site() -> Value {
        let plane =
            |state: &str| json!({"state": state, "since_seconds": 720, "probed": true, "reason": "refused"});
        let hub = |id: &str, hub_plane: &str| {
            json!({"id": id, "tier": "active", "intent": "active", "url": "http://h", "weight": 1.0,
                "planes": {"proxy": plane("up"), "hub": plane(hub_plane)},
                "spawning": {"state": "failing", "failed": 3, "finished": 5},
                "census": {"servers": 12, "users": 10, "known": hub_plane == "up", "reason": "no answer"}})
        };
        let mut drained = hub("hub-b", "up");
        drained["intent"] = json!("draining");
        drained["drain"] = json!({"users": 120, "moved": 40, "news": {"of": "a newer release"}});
        json!({"version": "1.2.3", "uptime_seconds": 90, "snapshot": 7, "readiness": {"ready": "yes"},
            "config": {"file": "h.yaml"}, "hubs": [hub("hub-a", "down"), drained],
            "directory": {"kind": "redis", "age_seconds": 2},
            "certificates": [
                {"used_by": "listen[0]", "file": "tls/site.crt", "names": ["site.example", "*.site.example"],
                    "state": "good", "expires_in_seconds": 8_640_000},
                {"used_by": "listen[0]", "file": "tls/old.crt", "names": [], "state": "expired"},
                {"used_by": "hub hub-b", "file": "tls/router.crt", "names": ["router"],
                    "state": "expires_soon", "expires_in_seconds": 90_000}],
            "users_on_two_hubs": [{"user": "ada\u{1b}[2J", "hubs": ["hub-a", "hub-b"]}],
            "users_on_two_hubs_count": 3,
            "tasks": [
                {"name": "probe hub-a", "period_seconds": 5.0, "last_run_seconds_ago": 14, "last_result": "ok"},
                {"name": "census", "period_seconds": 5.0, "last_run_seconds_ago": 16, "last_result": "ok"},
                {"name": "new", "period_seconds": 5.0, "last_run_seconds_ago": null, "last_result": null}]})
    }

    #[test]
    fn the_status_is_one_screen_with_trouble_last() {
        let text = "\
ready
hubrouter 1.2.3, up 1m 30s, snapshot 7, configuration h.yaml

  hub    tier    intent    proxy plane  hub plane  starts       servers  users
  hub-a  active  active    up           down 12m   failing 3/5      12?    10?
  hub-b  active  draining  up           up         failing 3/5       12     10

hub-b drain: users 120, moved 40, news of a newer release

directory: kind redis, age 2s

certificates:
  listen[0]: tls/site.crt (site.example, *.site.example), expires in 100d
  listen[0]: tls/old.crt (), expired
  hub hub-b: tls/router.crt (router), expires in 1d 1h

users on two hubs:
  ada\\u{1b}[2J at hub-a, hub-b
  and 2 more users

tasks:
  census: every 5s, 16s ago: ok
  new: every 5s, not yet
  probe hub-a: every 5s, 14s ago: ok

trouble:
  hub-a: hub plane down: refused
  hub-a: who has a server there is not known: no answer
  the certificate tls/old.crt of listen[0] has expired: renew it
  the certificate tls/router.crt of hub hub-b expires in 1d 1h: renew it
  task `census` is late: it ran 16s ago: ok
";
        assert_eq!(shown(&site()), text);
    }

    #[test]
    fn what_is_not_ready_or_refused_is_said() {
        let mut status = site();
        status["readiness"] = json!({"ready": "no", "why": "shutting down"});
        status["config"]["last_reload"] = json!({"accepted": false, "problems": [
            {"key": "listen[0].tls.certificates[0].key", "message": "site.key is not the key of site.crt", "hint": "name it"},
            {}]});
        let text = shown(&status);
        assert!(text.starts_with("NOT READY: shutting down\n"), "{text}");
        let refused = "the changed configuration is refused (2 problems), see `hubrouter check`: \
            listen[0].tls.certificates[0].key: site.key is not the key of site.crt: name it\n";
        assert!(text.contains(refused), "{text}");
    }

    #[test]
    fn a_status_of_another_release_is_shown_as_far_as_it_goes() {
        let text = shown(&json!({"hubs": [{"id": "hub-a"}, 5], "tasks": "?", "users_on_two_hubs": null}));
        assert!(text.contains("hub-a"), "{text}");
    }
}
