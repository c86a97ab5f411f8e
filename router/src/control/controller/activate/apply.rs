//! An operator wants a placement to be active now: `hubrouter apply`.
//!
//! What an activation does, and what it waits for without an operator, stands beside it.

use std::sync::Arc;

use hubrouter_config::HubId;
use tokio::sync::oneshot;

use super::super::Controller;
use super::super::effects::answer;
use super::super::orders::{Waiting, because};
use crate::control::operator::{Order, Outcome, Refused};
use crate::core::life::records::{ActivePlacement, PlacementRecord};
use crate::core::life::time::StoreTime;

/// What comes of an order to apply.
enum Judged {
    /// Nothing is to be written: a dry run, or what was wanted is done.
    Said(Outcome),
    /// This is to be announced; the operator hears of it when it is.
    Announce { record: Arc<PlacementRecord>, proposed: ActivePlacement, outcome: Outcome },
}

impl Controller {
    /// An operator wants the proposal of this replica to be active.
    pub(in super::super) fn order_apply(
        &mut self,
        force: bool,
        order: &Order,
        reply: oneshot::Sender<Result<Outcome, Refused>>,
        now: StoreTime,
    ) {
        match self.judge_apply(force, order, now) {
            Err(refused) => answer(reply, Err(refused)),
            Ok(Judged::Said(outcome)) => answer(reply, Ok(outcome)),
            Ok(Judged::Announce { record, proposed, outcome }) => {
                let why = because(&order.why);
                let text = format!("a placement is applied by {}{why}", order.who);
                self.parts.board.events.note("apply", None, None, text);
                let forced_by = force.then(|| order.who.clone());
                let waiting = Waiting::of(outcome, reply);
                self.announce(&record, proposed, now, forced_by, Some(waiting));
                if force {
                    self.release_retired();
                }
            }
        }
    }

    /// Whether it may be applied, and what that would do.
    fn judge_apply(&mut self, force: bool, order: &Order, now: StoreTime) -> Result<Judged, Refused> {
        let proposed = self.placements.proposed(&self.proposal_config());
        let Some(record) = self.placements.record.clone() else {
            return Err(Refused::Conflict(
                "the first placement is being activated: there is nothing to apply".into(),
            ));
        };
        // What is under way loses by its epoch.
        if self.placements.under_way && !force {
            return Err(Refused::Conflict(
                "a step of an activation is being written: try again in a moment".into(),
            ));
        }
        if record.active.places_alike(&proposed) && force && self.retired().next().is_some() {
            return Ok(Judged::Said(self.let_go_by_force(order)));
        }
        if record.active.places_alike(&proposed) {
            return Err(Refused::Conflict("the active placement is the one of this configuration".into()));
        }
        if let Some(next) =
            record.next.as_ref().filter(|next| next.placement.places_alike(&proposed) && !force)
        {
            let since = now.since(next.since).as_secs();
            return Err(Refused::Conflict(format!("it is being activated, for {since} s")));
        }
        let waits = self.not_ready(&proposed, &record, now);
        if let Some(why) = waits.clone().filter(|_| !force) {
            return Err(Refused::Unsafe(format!("{why}; --force does it all the same")));
        }
        let mut details = self.movers(&proposed);
        details.extend(waits.map(|why| format!("forced although {why}")));
        let begins = if order.dry_run { "would be" } else { "is being" };
        let summary = format!(
            "generation {} {begins} activated; the status says when it is",
            record.active.generation + 1
        );
        let outcome = Outcome { dry_run: order.dry_run, summary, details };
        Ok(if order.dry_run { Judged::Said(outcome) } else { Judged::Announce { record, proposed, outcome } })
    }

    /// The placement is active, and hubs that are gone from the configuration are only kept for who is still there.
    fn let_go_by_force(&mut self, order: &Order) -> Outcome {
        let names: Vec<String> = self.retired().map(|hub| format!("`{hub}`")).collect();
        let becomes = if order.dry_run { "would be" } else { "is" };
        let summary = format!("{} {becomes} let go of, whoever is still recorded there", names.join(", "));
        if !order.dry_run {
            self.release_retired();
        }
        Outcome { dry_run: order.dry_run, summary, details: Vec::new() }
    }

    /// Whom the proposal moves, among those who are known.
    fn movers(&self, proposed: &ActivePlacement) -> Vec<String> {
        let Some(following) = self.placements.of(proposed) else { return Vec::new() };
        let config = &self.parts.loaded.config;
        let moves = |hub: &HubId| -> usize {
            self.known_at(hub).iter().filter(|user| following.home(user) != Some(hub)).count()
        };
        let lines = config.hubs.iter().map(|hub| (&hub.id, self.known_at(&hub.id).len(), moves(&hub.id)));
        lines
            .map(|(hub, running, moves)| {
                format!("`{hub}`: {running} users with a server; {moves} of them get another home and stay until they are idle")
            })
            .collect()
    }
}
