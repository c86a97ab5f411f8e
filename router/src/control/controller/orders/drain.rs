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
use crate::core::life::drain::{Load, Plan, Resident, plan};
use crate::core::life::step::Verb;

/// Users who stand for those whom nobody knows by name: where one can go, others can.
const SAMPLES: usize = 16;

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
        let (plan, known) = self.drain_plan(hub);
        if let Some(refusal) = plan.refusal().filter(|_| !force) {
            let text = format!("{refusal}; use --force to do it all the same");
            answer(reply, Err(Refused::Unsafe(text)));
            return;
        }
        let verb = Verb::Drain {
            deadline: deadline.map(|deadline| now.plus(deadline)),
            at_deadline: *at_deadline,
            idle_for: *idle_for,
            at_first: (users.unwrap_or(known).max(known), plan.running),
            forced: *force,
        };
        let mut details = lines(&plan, known);
        details.extend(users.map(|users| format!("the hub knows {users} users in all")));
        self.say(hub, verb, details, &order, reply, now);
    }

    /// The plan, and how many users it is about by name.
    fn drain_plan(&self, hub: &HubId) -> (Plan, usize) {
        let live = self.parts.live.load();
        let snapshot = &live.snapshot;
        let Some(from) = snapshot.find(hub) else {
            return (plan(hub, &[], &BTreeMap::new(), 0.0), 0);
        };
        let at = moment(snapshot, hub, clock::now());
        let running = self.known_at(hub);
        let assigned = self.view.exceptions.assignments().filter(|assignment| assignment.hub == *hub);
        let mut users: Vec<UserName> =
            running.iter().cloned().chain(assigned.map(|assignment| assignment.user.clone())).collect();
        users.sort();
        users.dedup();
        // Idle users are not known by name; some that placement puts there stand for them.
        let samples = (0..)
            .filter_map(|number: u32| UserName::canonical(&format!("anybody{number}"), NameRule::Exact))
            .take(SAMPLES * 64)
            .filter(|user| snapshot.home(user) == Some(from))
            .take(if users.is_empty() { SAMPLES } else { 0 });
        let known = users.len();
        let names: Vec<UserName> = users.iter().cloned().chain(samples).collect();
        let residents: Vec<Resident> = names
            .into_iter()
            .map(|user| Resident {
                running: running.contains(&user)
                    || self.parts.board.census.presence(hub, &user, at).is_seen(),
                next: snapshot.next_candidate(&user, from).map(|next| snapshot.id(next).clone()),
                user,
            })
            .collect();
        let bound = snapshot.config.placement.load_bound;
        (plan(hub, &residents, &self.loads_by_hub(), bound), known)
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

/// The plan for people; without anybody known by name it tells where users of the hub go, and not how many.
fn lines(plan: &Plan, known: usize) -> Vec<String> {
    let mut lines =
        vec![format!("{known} users are known there by name, {} of them with a server", plan.running)];
    lines.extend(plan.to.iter().map(|(hub, users)| match known {
        0 => format!("who belongs there goes to `{hub}`, or one of the hubs behind it"),
        _ => format!("{users} of them go to `{hub}`"),
    }));
    if let Some(refusal) = plan.refusal() {
        lines.push(format!("forced although {refusal}"));
    }
    lines
}
