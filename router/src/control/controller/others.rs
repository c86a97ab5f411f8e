//! What other routers wrote into the records of hubs becomes an event here, too: `events` says the same at every router.
//!
//! Only what stands says it. What this router wrote itself it tells when its write is answered, in more words; that answer comes a
//! moment after the record is in force, so a change waits until the second heartbeat before it counts as another's.

use hubrouter_config::HubId;

use super::Controller;
use super::orders::because;
use super::words::words;
use crate::core::health::Plane;
use crate::core::life::records::{Epoch, HubRecord, Starts};
use crate::core::life::step::Change;

/// Changes of a record whose author is not known yet.
#[derive(Debug)]
pub(super) struct Noticed {
    hub: HubId,
    epoch: Epoch,
    events: Vec<(&'static str, String)>,
    waited: bool,
}

impl Controller {
    /// Compares what stands with what the lives know, before they learn of it.
    pub(super) fn notice(&mut self) {
        for hub in self.parts.loaded.config.hubs.iter().map(|hub| &hub.id) {
            let known = self.lives.get(hub).filter(|life| life.read).map(|life| &life.record);
            let (Some(before), Some(after)) = (known, self.view.exceptions.hub(hub)) else { continue };
            if before.epoch >= after.epoch {
                continue;
            }
            let events = differences(before, after);
            if !events.is_empty() {
                self.noticed.push(Noticed { hub: hub.clone(), epoch: after.epoch, events, waited: false });
            }
        }
    }

    /// This router wrote it.
    pub(super) fn is_ours(&mut self, hub: &HubId, epoch: Epoch) {
        self.noticed.retain(|noticed| noticed.hub != *hub || noticed.epoch != epoch);
    }

    /// A heartbeat later nobody here has said that it was theirs.
    pub(super) fn tell_of_others(&mut self) {
        for noticed in &mut self.noticed {
            if noticed.waited {
                for (kind, text) in noticed.events.drain(..) {
                    let text = format!("hub `{}`: {text} (told by another router)", noticed.hub);
                    self.parts.board.events.note(kind, Some(&noticed.hub), None, text);
                }
            }
            noticed.waited = true;
        }
        self.noticed.retain(|noticed| !noticed.events.is_empty());
    }
}

/// What changed from one record to another one, as far as operators want to know.
fn differences(before: &HubRecord, after: &HubRecord) -> Vec<(&'static str, String)> {
    let mut events = Vec::new();
    match &after.word {
        word if *word == before.word => {}
        Some(word) => {
            let said = word.intent.label();
            events.push(("operator_spoke", format!("`{said}` by {}{}", word.who, because(&word.why))));
        }
        None => events.push(("operator_spoke", "what an operator ordered is over".to_owned())),
    }
    let changes = changes(before, after);
    events.extend(changes.into_iter().map(words).map(|(kind, text)| (kind, text.to_owned())));
    events
}

fn changes(before: &HubRecord, after: &HubRecord) -> Vec<Change> {
    let mut changes = Vec::new();
    let outage = |record: &HubRecord, plane| {
        let outage = record.outage.unwrap_or_default();
        match plane {
            Plane::Proxy => outage.proxy.is_some(),
            Plane::Hub => outage.hub.is_some(),
        }
    };
    for plane in [Plane::Proxy, Plane::Hub] {
        match (outage(before, plane), outage(after, plane)) {
            (false, true) => changes.push(Change::OutageBegan(plane)),
            (true, false) => changes.push(Change::OutageEnded(plane)),
            (true, true) | (false, false) => {}
        }
    }
    match (before.failed_over.is_some(), after.failed_over.is_some()) {
        (false, true) => changes.push(Change::FailedOver),
        (true, false) => changes.push(Change::FailedBack),
        (true, true) | (false, false) => {}
    }
    match (before.starts, after.starts) {
        (was, is) if was == is => {}
        (_, Starts::Closed { .. }) => changes.push(Change::StartsClosed),
        (Starts::Closed { .. }, Starts::Elsewhere { .. }) => changes.push(Change::CandidatesOpened),
        (_, Starts::Elsewhere { .. }) => changes.push(Change::StartsNarrowed),
        (_, Starts::Here) => changes.push(Change::OpenedAgain),
        (_, Starts::Unknown) => {}
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::life::records::{AtDeadline, Cause, FailedOver, Outage, Whom, Word};
    use crate::core::sketch_tests::at;
    use hubrouter_config::Intent;

    fn record() -> HubRecord {
        HubRecord::new("a".parse().unwrap())
    }

    fn kinds(before: &HubRecord, after: &HubRecord) -> Vec<&'static str> {
        differences(before, after).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn what_another_router_was_ordered_is_told_with_who_and_why() {
        let word = Word {
            intent: Intent::Draining,
            who: "alice".to_owned(),
            why: "new disks".to_owned(),
            since: at(5),
            deadline: None,
            at_deadline: AtDeadline::Wait,
            at_first: (0, 0),
            idle_for: 0,
            forced: false,
            configured: Intent::Active,
            before: None,
        };
        let ordered = HubRecord { word: Some(word), ..record() };
        let told = differences(&record(), &ordered);
        assert_eq!(told, [("operator_spoke", "`draining` by alice: new disks".to_owned())]);
        assert_eq!(kinds(&ordered, &record()), ["operator_spoke"]);
        assert_eq!(kinds(&ordered, &ordered), Vec::<&str>::new());
    }

    #[test]
    fn outages_failovers_and_where_starts_go_are_told_as_they_begin_and_end() {
        let closed = Starts::Closed { since: at(1), whom: Whom::Everybody, cause: Cause::Failover };
        let elsewhere = Starts::Elsewhere { since: at(2), whom: Whom::Everybody, cause: Cause::Failover };
        let down =
            HubRecord { outage: Some(Outage { hub: Some(at(1)), proxy: None }), starts: closed, ..record() };
        let failed_over = FailedOver {
            at: at(3),
            epoch: Epoch::default(),
            who: None,
            why: String::new(),
            assume_stopped: false,
            moved: Vec::new(),
        };
        let moved = HubRecord { failed_over: Some(failed_over), starts: elsewhere, ..down.clone() };
        assert_eq!(kinds(&record(), &down), ["outage_began", "starts_closed"]);
        assert_eq!(kinds(&down, &moved), ["failed_over", "candidates_opened"]);
        assert_eq!(kinds(&moved, &record()), ["outage_ended", "failed_back", "opened_again"]);
    }
}
