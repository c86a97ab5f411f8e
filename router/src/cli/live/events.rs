//! `events`: what happened, lately or, with `--follow`, from now on.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Client, Failure};
use super::time::utc;
use super::{Asking, fail, show, typed};
use crate::admin::plain;
use crate::cli::findings::{CannotRun, Format, Outcome};
use crate::control::operator::{Event, EventPage};

/// How long one question waits for something to happen.
const WAIT: Duration = Duration::from_secs(25);
/// What an answer may take beyond that.
const BEYOND: Duration = Duration::from_secs(10);
/// The pause before asking again where the router did not answer, or answered nothing at once.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `events`.
#[derive(Args, Debug)]
pub(in crate::cli) struct EventsArgs {
    /// Go on until Ctrl-C, also over restarts of the router. With `--format json` each event is one line.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    pub(super) asking: Asking,
}

pub(super) async fn events(args: &EventsArgs, client: &Client) -> Result<Outcome, CannotRun> {
    let first = client.get("/events").await;
    if !args.follow {
        return show(args.asking.format, first, |answer, out| write_page(answer, out));
    }
    match first {
        Err(failure) => fail(args.asking.format, &failure),
        Ok(page) => {
            // An unreadable page ends it, so that the handler of the signal is the last thing to be made.
            let page = typed(&page)?;
            tokio::select! {
                followed = follow(args.asking.format, client, page) => followed,
                _ = tokio::signal::ctrl_c() => Ok(Outcome::Fine),
            }
        }
    }
}

fn write_page(answer: &Value, out: &mut dyn Write) -> Result<(), CannotRun> {
    let page: EventPage = typed(answer)?;
    for event in &page.events {
        writeln!(out, "{}", line(event))?;
    }
    Ok(())
}

/// Prints events as they come; ends when nobody reads them any more.
async fn follow(format: Format, client: &Client, first: EventPage) -> Result<Outcome, CannotRun> {
    let mut page = first;
    let mut silent = false;
    loop {
        if !print(format, &page)? {
            return Ok(Outcome::Fine);
        }
        let asked_at = Instant::now();
        let path = format!("/events?after={}&wait={}", page.last, WAIT.as_secs());
        match client.get_within(WAIT + BEYOND, &path).await {
            Ok(answer) => {
                silent = false;
                page = typed(&answer)?;
                if page.events.is_empty() && asked_at.elapsed() < PAUSE {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Err(Failure::Refused(refusal)) if is_for_good(refusal.status) => {
                return fail(format, &Failure::Refused(refusal));
            }
            Err(failure) => {
                if !silent {
                    note(&format!("{}; trying again", failure.sentence()));
                }
                silent = true;
                page.events.clear();
                page.missed = false;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The router will not change its mind about whoever asks like this.
fn is_for_good(status: u16) -> bool {
    (400..500).contains(&status) && status != 429
}

/// Prints a page at once; false when nobody reads any more.
fn print(format: Format, page: &EventPage) -> Result<bool, CannotRun> {
    if page.missed {
        note("some events before these were missed");
    }
    let mut out = io::stdout().lock();
    let mut say = || -> io::Result<()> {
        for event in &page.events {
            match format {
                Format::Text => writeln!(out, "{}", line(event))?,
                Format::Json => writeln!(out, "{}", serde_json::to_string(event)?)?,
            }
        }
        out.flush()
    };
    match say() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "hubrouter: {text}");
}

/// One event on one line: when, what, about whom, in words.
fn line(event: &Event) -> String {
    let about: Vec<String> =
        [&event.hub, &event.user].into_iter().flatten().map(|name| plain(name)).collect();
    let about = if about.is_empty() { "-".to_owned() } else { about.join(" ") };
    format!("{}  {}  {about}  {}", utc(event.at), plain(&event.kind), plain(&event.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_contains() {
        let event = Event {
            number: 1,
            at: 1_795_511_494_000,
            kind: "moved".to_owned(),
            hub: Some("hub-a".to_owned()),
            user: Some("ada\n".to_owned()),
            text: "ada moved\x1b[2J".to_owned(),
        };
        assert_eq!(line(&event), "2026-11-24T09:11:34Z  moved  hub-a ada\\u{a}  ada moved\\u{1b}[2J");
        let site = Event { hub: None, user: None, text: "ready".to_owned(), ..event };
        assert_eq!(line(&site), "2026-11-24T09:11:34Z  moved  -  ready");
    }

    #[test]
    fn a_router_that_is_busy_or_away_is_asked_again_and_one_that_refuses_is_not() {
        assert!([429, 500, 503].into_iter().all(|status| !is_for_good(status)));
        assert!([400, 401, 403, 404].into_iter().all(is_for_good));
    }
}
