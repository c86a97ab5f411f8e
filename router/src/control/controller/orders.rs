//! What operators order: judged by the lives, the plan and the directory, tried dry, or carried out.

mod drain;
mod users;

use std::collections::BTreeSet;
use std::time::SystemTime;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::oneshot;
use tracing::info;

use super::Controller;
use super::effects::answer;
use crate::control::events::Events;
use crate::control::keeper::Wrote;
use crate::control::operator::{Order, Outcome, Refused, What};
use crate::core::life::records::{HubRecord, Word};
use crate::core::life::step::{Effect, HubEvent, Refusal, Verb, step};
use crate::core::life::time::StoreTime;

/// So many users are named in the answer to an order.
const NAMED: usize = 20;

/// An order, and who waits for its end.
#[derive(Debug)]
pub struct Ordered {
    /// It.
    pub order: Order,
    /// Its end.
    pub reply: oneshot::Sender<Result<Outcome, Refused>>,
}

/// An operator who waits for a record to be written.
#[derive(Debug)]
pub struct Waiting {
    outcome: Outcome,
    /// What is to be told when it stands, of which hub.
    event: Option<(&'static str, HubId, String)>,
    reply: oneshot::Sender<Result<Outcome, Refused>>,
}

impl Waiting {
    /// Waits to hear `outcome` once it stands.
    pub(super) fn of(outcome: Outcome, reply: oneshot::Sender<Result<Outcome, Refused>>) -> Self {
        Self { outcome, event: None, reply }
    }

    /// Tells, once it stands.
    pub(super) fn told(&self, events: &Events) {
        if let Some((label, hub, text)) = &self.event {
            events.note(label, Some(hub), None, text.clone());
        }
    }

    /// The life of the hub refuses the order.
    pub(super) fn refused(self, refusal: &Refusal) {
        answer(self.reply, Err(refused(refusal)));
    }

    /// The record was written, or not.
    pub(super) fn wrote(self, wrote: &Wrote) {
        let end = match wrote {
            Wrote::Stands(_) => Ok(self.outcome),
            Wrote::Conflict(_) => Err(Refused::Conflict(
                "somebody else changed the record at the same moment: look at the status, and order again if you still \
                 want it"
                    .to_owned(),
            )),
            Wrote::Unknown(reason) => Err(Refused::Unavailable(format!(
                "nobody knows whether it was written ({reason}): look at the status before you order again"
            ))),
            Wrote::Unreachable(reason) => Err(Refused::Unavailable(format!("nothing was changed: {reason}"))),
        };
        answer(self.reply, end);
    }
}

impl Controller {
    pub(super) fn ordered(&mut self, ordered: Ordered) {
        let Ordered { order, reply } = ordered;
        info!(
            order = order.what.label(),
            who = order.who,
            reason = order.why,
            dry_run = order.dry_run,
            "an order"
        );
        let Some(now) = self.store_now().filter(|_| self.view.read) else {
            let text = "the directory has not been read yet: nothing can be ordered".to_owned();
            answer(reply, Err(Refused::Unavailable(text)));
            return;
        };
        match &order.what {
            What::Move { user, to } => self.order_move(user.clone(), to.clone(), false, &order, reply),
            What::Pin { user, to } => self.order_move(user.clone(), to.clone(), true, &order, reply),
            What::Unpin { user } => self.order_unpin(user.clone(), &order, reply),
            What::Rescue { user, hub } => self.order_rescue(user.clone(), hub.clone(), &order, reply),
            What::Apply { force } => {
                let force = *force;
                self.order_apply(force, &order, reply, now);
            }
            What::Cordon { hub } => self.order_hub(hub, Verb::Cordon, &order, reply, now),
            What::Abort { hub } => self.order_hub(hub, Verb::Abort, &order, reply, now),
            What::Resume { hub } => self.order_hub(hub, Verb::Resume, &order, reply, now),
            What::Maintenance { hub, force } => {
                let verb = Verb::Maintenance { forced: *force };
                self.order_hub(hub, verb, &order, reply, now);
            }
            What::Failover { hub, assume_stopped } => {
                let verb = Verb::Failover { assume_stopped: *assume_stopped };
                self.order_hub(hub, verb, &order, reply, now);
            }
            What::Drain { hub, .. } => self.order_drain(hub.clone(), &order, reply),
        }
    }

    /// An order about a hub that its life judges.
    fn order_hub(
        &mut self,
        hub: &HubId,
        verb: Verb,
        order: &Order,
        reply: oneshot::Sender<Result<Outcome, Refused>>,
        now: StoreTime,
    ) {
        let details = self.concerned(hub, verb);
        self.say(hub, verb, details, order, reply, now);
    }

    /// Says it to the hub's life: on a copy first, which is all of a dry run.
    fn say(
        &mut self,
        hub: &HubId,
        verb: Verb,
        details: Vec<String>,
        order: &Order,
        reply: oneshot::Sender<Result<Outcome, Refused>>,
        now: StoreTime,
    ) {
        let Some(life) = self.lives.get(hub).cloned() else {
            answer(reply, Err(self.unknown_hub(hub)));
            return;
        };
        let event = || HubEvent::Operator { verb, who: order.who.clone(), why: order.why.clone() };
        let (after, effects) = step(life.clone(), event(), now);
        if let Some(refusal) = effects.iter().find_map(refusal_of) {
            answer(reply, Err(refused(refusal)));
            return;
        }
        let written = effects.iter().find_map(|effect| match effect {
            Effect::Write { record, .. } => Some(record),
            _ => None,
        });
        let record = written.map_or(&after.record, |record| record);
        let ends = life.record.word.as_ref().filter(|word| record.word.as_ref() != Some(*word));
        let mut details = details;
        details.extend(ends.map(|word| ended(word, now)));
        let outcome =
            Outcome { dry_run: order.dry_run, summary: summary(hub, verb, record, order.dry_run), details };
        if order.dry_run || written.is_none() {
            answer(reply, Ok(outcome));
            return;
        }
        let text = format!("hub `{hub}`: {} by {}{}", order.what.label(), order.who, because(&order.why));
        let told = Some((order.what.label(), hub.clone(), text));
        let mut waiting = Some(Waiting { outcome, event: told, reply });
        for (hub, effect) in self.lives.happens(hub, event(), now) {
            let waits = matches!(effect, Effect::Write { .. } | Effect::Refuse(_));
            let waiting = if waits { waiting.take() } else { None };
            self.carry_one_out(hub, effect, waiting);
        }
    }

    /// Whom an order concerns, as far as that is known.
    fn concerned(&self, hub: &HubId, verb: Verb) -> Vec<String> {
        let known = self.known_at(hub);
        let running = known.len();
        let lost = self.lost_at(hub);
        let assigned = self.view.exceptions.assignments().filter(|assignment| assignment.hub == *hub).count();
        let mut lines = vec![
            format!("{running} users are known with a server there"),
            format!("{assigned} users are recorded to be there"),
        ];
        if let Verb::Failover { assume_stopped: true } = verb {
            let text = format!(
                "the servers of {} users count as lost: they get new ones on their next hubs",
                lost.len()
            );
            lines.push(text);
            lines.extend(named(&lost));
        }
        lines
    }

    fn unknown_hub(&self, hub: &HubId) -> Refused {
        let known = self.parts.loaded.config.hubs.iter().map(|hub| hub.id.clone()).collect();
        Refused::UnknownHub { hub: hub.to_string(), known }
    }
}

/// What another operator ordered, and this order ends.
fn ended(word: &Word, now: StoreTime) -> String {
    let ago = now.since(word.since).as_secs();
    format!("this ends `{}`, ordered by {} {ago} s ago{}", word.intent.label(), word.who, because(&word.why))
}

/// Users by name, as many as an operator reads.
fn named(users: &BTreeSet<UserName>) -> Option<String> {
    let mut names: Vec<String> = users.iter().take(NAMED).map(ToString::to_string).collect();
    if users.len() > NAMED {
        names.push(format!("and {} more", users.len() - NAMED));
    }
    (!names.is_empty()).then(|| format!("these are {}", names.join(", ")))
}

fn refusal_of(effect: &Effect) -> Option<&Refusal> {
    match effect {
        Effect::Refuse(refusal) => Some(refusal),
        _ => None,
    }
}

/// A refusal of the life of a hub, for the operator.
fn refused(refusal: &Refusal) -> Refused {
    match refusal {
        Refusal::NotRead => Refused::Unavailable(refusal.to_string()),
        Refusal::NoToken | Refusal::StillAnswers | Refusal::Held(_) => Refused::Unsafe(refusal.to_string()),
        Refusal::Already { since, .. } => {
            Refused::Conflict(format!("{refusal}, {} s ago", ago(*since).as_secs()))
        }
        Refusal::NothingToResume
        | Refusal::NothingToAbort
        | Refusal::NotDown
        | Refusal::AlreadyFailedOver => Refused::Conflict(refusal.to_string()),
    }
}

fn ago(since: StoreTime) -> std::time::Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(std::time::Duration::from_millis(since.as_millis()))
}

/// Why, as it stands at the end of an event.
pub(super) fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn summary(hub: &HubId, verb: Verb, record: &HubRecord, dry_run: bool) -> String {
    let becomes = if dry_run { "would be" } else { "is" };
    match verb {
        Verb::Cordon => format!("hub `{hub}` {becomes} cordoned: it keeps its users and takes no new ones"),
        Verb::Drain { .. } => format!("hub `{hub}` {becomes} drained: its users go on at their next start"),
        Verb::Maintenance { .. } => {
            format!("hub `{hub}` {becomes} in maintenance: running servers go on, everything else is closed")
        }
        Verb::Resume => format!("hub `{hub}` {becomes} active again"),
        Verb::Abort => {
            let word =
                record.word.as_ref().map_or("as the configuration says", |_| "what was ordered before");
            format!("the drain of hub `{hub}` {becomes} over: it is {word}")
        }
        Verb::Failover { assume_stopped: false } => {
            format!("hub `{hub}` {becomes} failed over: its idle users go to their next hubs")
        }
        Verb::Failover { assume_stopped: true } => format!(
            "hub `{hub}` {becomes} failed over and its servers count as lost: all its users go to their next hubs"
        ),
    }
}
