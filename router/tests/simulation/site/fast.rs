//! The fast path of a process, played: the same steps as the real one, with the production's own decisions.
//!
//! What the real one does besides, cookies and headers and bodies, is tested elsewhere: here it matters which hub is asked for
//! what, and what the control side hears of it.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use hubrouter::control::claims::{Answered, Settled, Ticket, Waits};
use hubrouter::control::clock;
use hubrouter::control::signals::Signal;
use hubrouter::core::facts::{Asked, RequestFacts};
use hubrouter::core::health::passive::Tally;
use hubrouter::core::health::{Answer, Plane as Watched};
use hubrouter::core::life::claim::{StartAnswer, had_no_right};
use hubrouter::core::route::{Decision, Start, route};
use hubrouter::core::snapshot::Snapshot;
use hubrouter::core::spawning::{Heard, Start as Begun, Told};
use hubrouter::core::starting::{StartPlan, StartWaits, Starter, start_of};
use hubrouter_config::HubId;
use hubrouter_hub_adapter::address::{Plane, classify};
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::destination::Dest;
use hubrouter_hub_adapter::names::UserName;

use super::super::hubs::{Row, Started, Visit};
use super::super::truth::{By, Truth};
use super::super::users::{Act, Saw};
use super::Fleet;
use super::replica::Process;
use super::rules::Rule;

/// Patience of the router for a hub's answer, and of a browser for the router's.
const WITHIN: Duration = Duration::from_secs(60);
/// Pages that wait reload themselves so often.
const AGAIN: Duration = Duration::from_secs(5);
/// A start that waits is asked for again after this.
const START_AGAIN: Duration = Duration::from_secs(2);
const MAINTENANCE: Duration = Duration::from_secs(30);

/// A request for one user at one process.
pub struct Fast<'a> {
    pub fleet: &'a Fleet,
    pub process: &'a Process,
    pub user: &'a UserName,
    pub proven: bool,
    /// The hub that this person chose.
    pub chosen: Option<HubId>,
}

impl Fast<'_> {
    pub async fn answer(&self, act: Act) -> Saw {
        let user = self.user;
        let (method, path) = match act {
            Act::Login => (Method::POST, "/hub/login".to_owned()),
            // A start at a hub that somebody chose names no owner.
            Act::Start if self.chosen.is_some() => (Method::GET, "/hub/spawn".to_owned()),
            Act::Start => (Method::GET, format!("/hub/spawn/{user}")),
            Act::Look | Act::Work => (Method::GET, format!("/user/{user}/lab")),
            Act::Stop => (Method::DELETE, format!("/hub/api/users/{user}/server")),
        };
        match self.decide(act, &method, &path) {
            Decision::Forward { hub, .. } => {
                let hub = self.process.live.load().snapshot.id(hub).clone();
                self.forward(act, &hub).await
            }
            Decision::Wait { hub, .. } => {
                let hub = self.process.live.load().snapshot.id(hub).clone();
                self.look(&hub);
                Saw::Wait(AGAIN)
            }
            Decision::Start(start) => self.start(&start).await,
            Decision::Own(_) | Decision::Ask(_) => Saw::Wait(MAINTENANCE),
        }
    }

    fn decide(&self, act: Act, method: &Method, path: &str) -> Decision {
        let live = self.process.live.load();
        let place = classify(&live.snapshot.site, method, path, None).expect("a good address");
        let facts = RequestFacts {
            place: &place,
            start: place.row.is_start(method),
            navigation: true,
            session: (self.proven && act != Act::Login).then(|| self.user.clone()),
            chosen: self.chosen.as_ref().and_then(|hub| live.snapshot.find(hub)),
            login: None,
            jars: Vec::new(),
            next: Dest::Nobody,
            form_user: (act == Act::Login).then(|| self.user.clone()),
            flow: None,
            referer: Dest::Nobody,
            token: Asked::Nothing,
            jar_user: Asked::Nothing,
            spread: 0,
        };
        route(&live.snapshot, &facts)
    }

    async fn forward(&self, act: Act, hub: &HubId) -> Saw {
        let (hubs, me) = (&self.fleet.hubs, self.process.party());
        match act {
            Act::Login => {
                let done = hubs.login(me, hub, self.user, WITHIN).await;
                self.heard(hub, true, done.as_ref().err());
                done.map_or_else(|error| after(&error), |()| Saw::Done)
            }
            Act::Stop => {
                let done = hubs.stop(me, hub, self.user, WITHIN).await;
                self.heard(hub, true, done.as_ref().err());
                done.map_or_else(|error| after(&error), |_| Saw::Done)
            }
            Act::Look | Act::Work | Act::Start => {
                let asked_at = clock::now();
                let seen = hubs.visit(me, hub, self.user, WITHIN).await;
                self.heard(hub, false, seen.as_ref().err());
                if act == Act::Look {
                    self.events(hub, asked_at);
                }
                match seen {
                    Ok(Visit::Server) => Saw::Done,
                    Ok(Visit::NoServer) if act == Act::Look && self.is_starting(hub) => Saw::Pending,
                    Ok(Visit::NoServer) => Saw::NoServer,
                    Ok(Visit::Broken | Visit::Unavailable) => Saw::Failed,
                    Err(error) => after(&error),
                }
            }
        }
    }

    async fn start(&self, start: &Start) -> Saw {
        let (hub, ticket) = match self.settle(start).await {
            Settled::Start(hub, ticket) => (hub, ticket),
            Settled::Wait { hub, why } => {
                if let Waits::Hub(_) = why {
                    self.look(&hub);
                }
                return Saw::Wait(START_AGAIN);
            }
            Settled::Page { .. } => return Saw::Wait(MAINTENANCE),
            Settled::NotThere { .. } | Settled::NoHub => return Saw::Failed,
        };
        let live = self.process.live.load_full();
        let answers = live.snapshot.find(&hub).map(|index| live.snapshot.hub(index).answers(Plane::Hub));
        if answers != Some(Answer::Pass) {
            self.look(&hub);
            return Saw::Wait(AGAIN);
        }
        self.send(&hub, ticket).await
    }

    /// Where the start goes, as the real fast path finds out.
    async fn settle(&self, start: &Start) -> Settled {
        let live = self.process.live.load_full();
        let snapshot = &live.snapshot;
        let id = |hub| snapshot.id(hub).clone();
        let starter = Starter {
            user: start.user.clone(),
            identity: start.identity,
            chosen: start.chosen,
            trial: false,
        };
        let moment = self.fleet.rules.silence(snapshot.knowledge.at(clock::now(), &snapshot.times));
        match start_of(snapshot, &starter, &moment) {
            None => Settled::NoHub,
            Some(StartPlan::Go(hub)) if self.fleet.rules.is_off(Rule::UnclaimedStartsAreTold) => {
                Settled::Start(id(hub), None)
            }
            Some(StartPlan::Go(hub)) => {
                let journal = &self.process.journal;
                match moment.now.and_then(|now| journal.note(snapshot.id(hub), &start.user, now)) {
                    Some(noted) => Settled::Start(id(hub), Some(Ticket::Unasked(noted, start.identity))),
                    None => Settled::Wait { hub: id(hub), why: Waits::Directory },
                }
            }
            Some(StartPlan::Wait { hub, why: StartWaits::Directory })
                if self.fleet.rules.is_off(Rule::Calm)
                    && snapshot.exceptions.assignment(&start.user).is_none() =>
            {
                Settled::Start(id(hub), None)
            }
            Some(StartPlan::Wait { hub, why: StartWaits::Hub(why) }) => {
                Settled::Wait { hub: id(hub), why: Waits::Hub(why) }
            }
            Some(StartPlan::Wait { hub, why: StartWaits::Directory }) => {
                Settled::Wait { hub: id(hub), why: Waits::Directory }
            }
            Some(StartPlan::Page { hub, page, why }) => Settled::Page { hub: id(hub), page, why },
            Some(StartPlan::NotThere { chosen, owner }) => {
                Settled::NotThere { chosen: id(chosen), owner: id(owner), runs: false }
            }
            Some(StartPlan::Claim(claiming)) if let Some(hub) = self.unclaimed(snapshot, &claiming) => {
                Settled::Start(hub, None)
            }
            Some(StartPlan::Claim(_)) => {
                let chosen = start.chosen.map(id);
                let settled = self.process.claims.settle(start.user.clone(), start.identity, chosen).await;
                self.despite(settled.unwrap_or(Settled::Wait { hub: id(start.hub), why: Waits::Directory }))
            }
        }
    }

    /// Where a start goes that should claim and, with a rule off, does not.
    fn unclaimed(
        &self,
        snapshot: &Snapshot,
        claiming: &hubrouter::core::starting::Claiming,
    ) -> Option<HubId> {
        use hubrouter::core::life::claim::Way;
        match &claiming.facts.way {
            Way::Owner if self.fleet.rules.is_off(Rule::Calm) => {}
            Way::Elsewhere { to, .. } if self.fleet.rules.is_off(Rule::Claim) => return Some(to.hub.clone()),
            Way::Owner | Way::Hold | Way::Elsewhere { .. } => return None,
        }
        Some(snapshot.id(claiming.owner).clone())
    }

    /// What a start does whose claim may stand or not, with that rule off.
    fn despite(&self, settled: Settled) -> Settled {
        use hubrouter::core::life::claim::WaitWhy;
        match settled {
            Settled::Wait { hub, why: Waits::Claim(WaitWhy::OutcomeUnknown) }
                if self.fleet.rules.is_off(Rule::UnknownStartsNothing) =>
            {
                Settled::Start(hub, None)
            }
            settled => settled,
        }
    }

    async fn send(&self, hub: &HubId, ticket: Option<Ticket>) -> Saw {
        let me = self.process.party();
        self.fleet.say(|| format!("{me} forwards a start of {} to {hub}", self.user));
        let why = if self.is_act() { By::Act } else { By::Router };
        self.fleet.truth.lock().unwrap().forwarded(me, self.user, hub, why);
        let asked_at = clock::now();
        let answer = self.fleet.hubs.start(me, hub, self.user, WITHIN).await;
        match ticket {
            Some(Ticket::Claim(claimed)) => {
                self.process.claims.answered(Answered { claimed: *claimed, answer: means(&answer) });
            }
            Some(Ticket::Unasked(noted, identity)) if had_no_right(means(&answer), identity) => {
                self.process.journal.refused(&noted);
            }
            Some(Ticket::Unasked(..)) | None => {}
        }
        self.fleet.say(|| format!("{me} hears of the start of {} at {hub}: {answer:?}", self.user));
        match answer {
            Ok(started) => {
                let (heard, saw) = match started {
                    Started::Pending => (Some(Heard::Pending), Saw::Pending),
                    Started::Refused => (None, Saw::Pending),
                    Started::Runs => (Some(Heard::Runs), Saw::Done),
                    Started::Failed => (Some(Heard::Failed), Saw::Failed),
                    Started::Busy { retry_after } => (None, Saw::Wait(retry_after)),
                };
                if let Some(heard) = heard {
                    self.tell(hub, heard, asked_at);
                }
                saw
            }
            Err(error) => {
                self.heard(hub, false, Some(&error));
                after(&error)
            }
        }
    }

    /// Whether an operator's act has moved this user from a server.
    fn is_act(&self) -> bool {
        let truth = self.fleet.truth.lock().unwrap();
        acted(&self.process.live.load().snapshot, &truth).contains(self.user)
    }

    /// The events of a start that a browser looks at.
    fn events(&self, hub: &HubId, asked_at: std::time::Instant) {
        let number = self.fleet.hubs.number(hub);
        let row = self.fleet.hubs.with(number, |hub, _| hub.rows().get(self.user).copied());
        match row {
            Some(Row::Running) => {
                self.tell(hub, Heard::LastEvent { ready: true, under_way: true }, asked_at);
            }
            None => self.tell(hub, Heard::LastEvent { ready: false, under_way: true }, asked_at),
            Some(Row::Starting { .. } | Row::Stopping { .. } | Row::Unchecked { .. }) => {}
        }
    }

    fn is_starting(&self, hub: &HubId) -> bool {
        let number = self.fleet.hubs.number(hub);
        let row = self.fleet.hubs.with(number, |hub, _| hub.rows().get(self.user).copied());
        matches!(row, Some(Row::Starting { .. }))
    }

    fn tell(&self, hub: &HubId, heard: Heard, asked_at: std::time::Instant) {
        let start = Begun { user: Some(self.user.clone()), server: String::new() };
        self.signal(Signal::Start(hub.clone(), Told { start, heard, asked_at }));
    }

    /// What an answer, or none, says of the hub.
    fn heard(&self, hub: &HubId, counts: bool, error: Option<&HubError>) {
        let failed = match error {
            Some(HubError::Connect { .. }) => {
                self.signal(Signal::Unreachable(hub.clone()));
                return;
            }
            Some(HubError::Failing { .. }) => {
                self.signal(Signal::Look(hub.clone(), Watched::Hub));
                true
            }
            Some(_) => true,
            None => false,
        };
        if counts {
            let tally = Tally { answered: u32::from(!failed), failed: u32::from(failed) };
            self.signal(Signal::Counted(hub.clone(), tally));
        }
    }

    /// Somebody waits for this hub.
    fn look(&self, hub: &HubId) {
        self.signal(Signal::Look(hub.clone(), Watched::Proxy));
        self.signal(Signal::Look(hub.clone(), Watched::Hub));
    }

    fn signal(&self, signal: Signal) {
        let _ = self.process.signals.send(signal);
    }
}

/// Users whose servers somebody has declared lost: those whom the record lists, and, until it does, all who had one there.
pub fn acted(snapshot: &Snapshot, truth: &Truth) -> BTreeSet<UserName> {
    let mut acted = BTreeSet::new();
    for view in &snapshot.hubs {
        let record = &view.record;
        let moved = record.failed_over.iter().flat_map(|failed_over| &failed_over.moved);
        acted.extend(moved.chain(&record.stale).cloned());
        if record.ordered.as_ref().is_some_and(|ordered| ordered.assume_stopped) {
            let there = truth
                .everybody()
                .into_iter()
                .filter(|(_, rows)| rows.iter().any(|(hub, _)| *hub == view.hub.id));
            acted.extend(there.map(|(user, _)| user));
        }
    }
    acted
}

/// What the hub's answer means for a claim.
fn means(answer: &Result<Started, HubError>) -> StartAnswer {
    match answer {
        Ok(Started::Pending | Started::Runs) => StartAnswer::Accepted,
        Ok(Started::Refused) => StartAnswer::BadRequest,
        Ok(Started::Busy { .. }) => StartAnswer::Busy,
        Ok(Started::Failed) => StartAnswer::Other,
        Err(HubError::Connect { .. } | HubError::Failing { .. }) => StartAnswer::Other,
        Err(_) => StartAnswer::Lost,
    }
}

/// What somebody sees of a hub that did not answer.
fn after(error: &HubError) -> Saw {
    match error {
        HubError::Connect { .. } | HubError::Failing { .. } => Saw::Wait(AGAIN),
        _ => Saw::Failed,
    }
}
