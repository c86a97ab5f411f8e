//! Operators at the door: orders go to the controller, explanations come from the picture of now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::{mpsc, oneshot};

use crate::control::board::Board;
use crate::control::census::moment;
use crate::control::controller::Ordered;
use crate::control::live::Live;
use crate::control::operator::{
    AssignmentReport, Candidate, EventPage, Explanation, Operate, Order, Outcome, Presence, Refused,
};
use crate::core::census;
use crate::core::life::claim::{Identity, Way};
use crate::core::life::records::Assignment;
use crate::core::life::tables::AskFirst;
use crate::core::life::time::StoreTime;
use crate::core::snapshot::{HubIndex, Snapshot};
use crate::core::starting::{StartPlan, StartWaits, Starter, start_of};
use crate::core::whereabouts::Whereabouts;

/// The operators of one process.
pub(super) struct Operators {
    pub live: Arc<ArcSwap<Live>>,
    pub board: Arc<Board>,
    pub orders: mpsc::UnboundedSender<Ordered>,
}

impl Operate for Operators {
    fn order(&self, order: Order) -> BoxFuture<'_, Result<Outcome, Refused>> {
        let (reply, end) = oneshot::channel();
        let sent = self.orders.send(Ordered { order, reply }).is_ok();
        async move {
            let gone = || Refused::Unavailable("this replica is shutting down: ask another one".to_owned());
            if sent { end.await.unwrap_or_else(|_| Err(gone())) } else { Err(gone()) }
        }
        .boxed()
    }

    fn events(&self, after: Option<u64>, wait: Duration) -> BoxFuture<'_, EventPage> {
        self.board.events.after(after, wait).boxed()
    }

    fn explain(&self, user: &str) -> Result<Explanation, Refused> {
        let user = self.user(user)?;
        let live = self.live.load();
        let place = live.snapshot.whereabouts(&user);
        let place = place.ok_or_else(|| Refused::Unavailable("there is no hub at all".to_owned()))?;
        Ok(explain(&live.snapshot, &self.board, &user, &place, Instant::now()))
    }

    fn hub(&self, id: &str) -> Result<HubId, Refused> {
        let live = self.live.load();
        let found = live.snapshot.find_named(id).map(|hub| live.snapshot.id(hub).clone());
        let known = || live.snapshot.hubs.iter().map(|view| view.hub.id.clone()).collect();
        found.ok_or_else(|| Refused::UnknownHub { hub: id.to_owned(), known: known() })
    }

    fn user(&self, name: &str) -> Result<UserName, Refused> {
        let names = self.live.load().snapshot.site.names();
        let text = || Refused::Invalid(format!("`{}` is no name that a hub takes", name.escape_debug()));
        UserName::canonical(name, names).ok_or_else(text)
    }
}

fn explain(
    snapshot: &Snapshot,
    board: &Board,
    user: &UserName,
    place: &Whereabouts<'_>,
    now: Instant,
) -> Explanation {
    let id = |hub: HubIndex| snapshot.id(hub).to_string();
    let owner = snapshot.owner(user).unwrap_or(place.at);
    let (why, because) = why(snapshot, user, place, owner);
    Explanation {
        user: user.to_string(),
        home: snapshot.home(user).map(id).unwrap_or_default(),
        candidates: candidates(snapshot, user),
        owner: id(owner),
        why,
        because,
        assignment: place.assignment.map(report),
        start: start(snapshot, user, now),
        census: presence(snapshot, board, user, now),
    }
}

/// Why the owner hub is this one.
fn why(snapshot: &Snapshot, user: &UserName, place: &Whereabouts<'_>, owner: HubIndex) -> (String, String) {
    if let Some(assignment) = place.assignment {
        let label = assignment.cause.label();
        return (format!("assigned_{label}"), format!("the user is recorded to be there: {label}"));
    }
    if owner == place.at {
        return ("home".to_owned(), "placement gives the user to this hub".to_owned());
    }
    let served = snapshot.page(user, place, false);
    let because = format!(
        "the home is closed to the user ({}), and this is their next hub",
        served.answer.why.sentence()
    );
    (served.answer.why.label().to_owned(), because)
}

fn candidates(snapshot: &Snapshot, user: &UserName) -> Vec<Candidate> {
    let rank = snapshot.placement.rank(user);
    let of = |(place, ranked): (usize, &crate::core::placement::Ranked)| {
        let view = snapshot.hub(snapshot.find(&ranked.hub)?);
        let standing = snapshot.standing(&ranked.hub)?;
        let word = |debug: String| debug.to_lowercase();
        Some(Candidate {
            hub: ranked.hub.to_string(),
            tier: word(format!("{:?}", ranked.tier)),
            intent: word(format!("{:?}", view.intent())),
            health: word(format!("{:?}/{:?}", view.health.proxy.verdict, view.health.hub.verdict)),
            closed: standing.closed_to(place == 0).map(|why| why.sentence().to_owned()),
        })
    };
    rank.iter().enumerate().filter_map(of).collect()
}

fn report(assignment: &Assignment) -> AssignmentReport {
    AssignmentReport {
        hub: assignment.hub.to_string(),
        cause: assignment.cause.label().to_owned(),
        since: assignment.since.as_millis(),
        last_start: assignment.last_start.map(StoreTime::as_millis),
        provisional_until: assignment.provisional_until.map(StoreTime::as_millis),
        epoch: assignment.epoch.as_number(),
    }
}

/// Where a start would go now, in a sentence.
fn start(snapshot: &Snapshot, user: &UserName, now: Instant) -> String {
    let starter = Starter { user: user.clone(), identity: Identity::Proven, chosen: None, trial: false };
    let moment = snapshot.knowledge.at(now, &snapshot.times);
    let id = |hub: HubIndex| snapshot.id(hub);
    match start_of(snapshot, &starter, &moment) {
        None => "nowhere: there is no hub".to_owned(),
        Some(StartPlan::Go(hub)) => format!("to `{}` at once", id(hub)),
        Some(StartPlan::Claim(claiming)) => match (claiming.because, &claiming.facts.way) {
            (Some(not_calm), _) => format!("to `{}`, by a claim: {}", id(claiming.owner), not_calm.label()),
            (None, Way::Elsewhere { to, ask: AskFirst::CannotBeAsked, .. }) => {
                format!("to `{}`, by a claim: `{}` cannot be asked", to.hub, id(claiming.owner))
            }
            (None, Way::Elsewhere { to, .. }) => format!(
                "to `{}`, by a claim, unless `{}` says that a server runs there",
                to.hub,
                id(claiming.owner)
            ),
            (None, Way::Hold) => format!(
                "to the chosen hub, once every replica knows it; recorded at `{}` until then",
                id(claiming.owner)
            ),
            (None, Way::Owner) => format!("to `{}`, by a claim", id(claiming.owner)),
        },
        Some(StartPlan::Wait { hub, why: StartWaits::Hub(why) }) => {
            format!("it waits for `{}`: {}", id(hub), why.sentence())
        }
        Some(StartPlan::Wait { why: StartWaits::Directory, .. }) => "it waits for the directory".to_owned(),
        Some(StartPlan::Page { hub, why, .. }) => format!("nowhere, `{}`: {}", id(hub), why.sentence()),
        Some(StartPlan::NotThere { owner, .. }) => format!("only to `{}`", id(owner)),
    }
}

fn presence(snapshot: &Snapshot, board: &Board, user: &UserName, now: Instant) -> Vec<Presence> {
    let word = |presence| match presence {
        census::Presence::Running => "running",
        census::Presence::Pending => "pending",
        census::Presence::None => "none",
        census::Presence::Unknown => "unknown",
    };
    let of = |hub: &HubId| {
        let at = moment(snapshot, hub, now);
        Presence {
            hub: hub.to_string(),
            servers: word(board.census.presence(hub, user, at)).to_owned(),
            age_seconds: board.census.hub(hub, at).age.map(|age| age.as_secs()),
        }
    };
    snapshot.hubs.iter().map(|view| of(&view.hub.id)).collect()
}
