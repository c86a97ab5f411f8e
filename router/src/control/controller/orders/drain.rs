//! The plan of a drain, before it begins: who would go where, whom it strands, what it overloads.

use std::collections::BTreeMap;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use tokio::sync::oneshot;

use super::{Controller, Ordered, answer};
use crate::control::census::moment;
use crate::control::clock;
use crate::control::controller::effects::{Done, WITHIN};
use crate::control::operator::{Order, Outcome, Refused, What};
use crate::core::life::candidates::NoCandidate;
use crate::core::life::claim::is_movable;
use crate::core::life::drain::{Load, Plan, Resident, plan};
use crate::core::life::step::Verb;
use crate::core::snapshot::{HubIndex, Snapshot};

/// So many names are tried for a user whom placement puts at a hub.
const NAMES_TRIED: u32 = 1024;

impl Controller {
    pub(super) fn order_drain(
        &self,
        hub: HubId,
        order: &Order,
        reply: oneshot::Sender<Result<Outcome, Refused>>,
    ) {
        let Some(calls) = self.calls(&hub) else {
            answer(reply, Err(self.unknown_hub(&hub)));
            return;
        };
        let (order, done) = (order.clone(), self.done.clone());
        tokio::spawn(async move {
            // Who has no server is not known by name; how many they are only the hub can tell.
            let users = if calls.may_be_asked() { calls.count_users(WITHIN).await.ok() } else { None };
            let _ = done.send(Done::Counted { hub, users, ordered: Ordered { order, reply } });
        });
    }

    /// Goes on with a drain when its hub was asked how many users it has.
    pub(in crate::control::controller) fn drain_counted(
        &mut self,
        hub: &HubId,
        users: Option<usize>,
        ordered: Ordered,
    ) {
        let Ordered { order, reply } = ordered;
        let What::Drain { deadline, at_deadline, idle_for, force, .. } = &order.what else { return };
        let Some(now) = self.store_now() else { return };
        let plan = self.drain_plan(hub, users);
        if let Some(refusal) = plan.refusal().filter(|_| !force) {
            let text = format!("{refusal}; use --force to do it all the same");
            answer(reply, Err(Refused::Unsafe(text)));
            return;
        }
        let verb = Verb::Drain {
            deadline: deadline.map(|deadline| now.plus(deadline)),
            at_deadline: *at_deadline,
            idle_for: *idle_for,
            at_first: (plan.users, plan.running),
            forced: *force,
        };
        self.say(hub, verb, lines(&plan), &order, reply, now);
    }

    /// `users`: how many the hub says it has; none: it did not say.
    fn drain_plan(&self, hub: &HubId, users: Option<usize>) -> Plan {
        let live = self.parts.live.load();
        let snapshot = &live.snapshot;
        let Some(from) = snapshot.find(hub) else {
            return plan(hub, &[], &BTreeMap::new(), 0.0);
        };
        let at = moment(snapshot, hub, clock::now());
        let running = self.known_at(hub);
        let assigned = self.view.exceptions.assignments().filter(|assignment| assignment.hub == *hub);
        let mut known = running.clone();
        known.extend(assigned.map(|assignment| assignment.user.clone()));
        let residents: Vec<Resident> = known
            .into_iter()
            .map(|user| Resident {
                running: running.contains(&user)
                    || self.parts.board.census.presence(hub, &user, at).is_seen(),
                next: self.goes_to(snapshot, &user, from),
                user,
            })
            .collect();
        let mut plan = plan(hub, &residents, &self.loads_by_hub(), snapshot.config.placement.load_bound);
        // Idle users are known by their number only. Where one of them could go, all can.
        let idle = users.map_or(usize::from(plan.users == 0), |users| users.saturating_sub(plan.users));
        let anybody = (0..NAMES_TRIED)
            .filter_map(|number| UserName::canonical(&format!("anybody{number}"), NameRule::Exact))
            .find(|user| snapshot.home(user) == Some(from));
        let next = anybody.map(|user| snapshot.next_candidate(&user, from));
        if let Some(Err(because)) = next
            && idle > 0
        {
            plan.stranded += idle;
            plan.stranded_because.get_or_insert(because);
        }
        plan.users += idle * usize::from(users.is_some() || plan.stranded > 0);
        plan
    }

    /// Where a drain sends the user; a pin holds against it.
    fn goes_to(&self, snapshot: &Snapshot, user: &UserName, from: HubIndex) -> Result<HubId, NoCandidate> {
        let stands = self.view.exceptions.assignment(user);
        if stands.is_some_and(|stands| !is_movable(stands.cause)) {
            return Err(NoCandidate::Pinned(snapshot.id(from).clone()));
        }
        snapshot.next_candidate(user, from).map(|next| snapshot.id(next).clone())
    }

    /// Servers and weight of each hub.
    pub(in crate::control::controller) fn loads_by_hub(&self) -> BTreeMap<HubId, Load> {
        let live = self.parts.live.load();
        let now = clock::now();
        let load = |view: &crate::core::snapshot::HubView| {
            let seen = self.parts.board.census.hub(&view.hub.id, moment(&live.snapshot, &view.hub.id, now));
            let servers = usize::try_from(seen.totals.users).unwrap_or(usize::MAX);
            (view.hub.id.clone(), Load { servers, weight: view.hub.weight.as_thousandths() })
        };
        live.snapshot.hubs.iter().map(load).collect()
    }
}

/// The plan for people.
fn lines(plan: &Plan) -> Vec<String> {
    let mut lines =
        vec![format!("{} users are known there, {} of them with a server", plan.users, plan.running)];
    let to =
        plan.to.iter().map(|(hub, users)| format!("{users} of those who are known by name go to `{hub}`"));
    lines.extend(to);
    if let Some(refusal) = plan.refusal() {
        lines.push(format!("forced although {refusal}"));
    }
    lines
}
