//! Whether most replicas reach a hub, by what a schedule does: then it must not be failed over by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::faults::{Schedule, What};
use super::super::net::Party;

/// From the end of a fault until nothing that anybody saw of it counts any more.
const FORGOTTEN: Duration = Duration::from_secs(150);

/// Whether nothing was wrong at `at` and lately but what at most a minority of the replicas saw.
pub fn most_reach(schedule: &Schedule, replicas: usize, hub: usize, at: Duration) -> bool {
    let lately = schedule.faults.iter().filter(|fault| fault.begins <= at && at <= fault.ends + FORGOTTEN);
    let mut blind = BTreeSet::new();
    for fault in lately {
        match blinded(&fault.what, hub) {
            Blinds::Nobody => {}
            Blinds::One(replica) => drop(blind.insert(replica)),
            Blinds::Perhaps => return false,
        }
    }
    blind.len() * 2 < replicas
}

/// Who may see a hub as down that is not.
#[derive(Debug, PartialEq, Eq)]
enum Blinds {
    Nobody,
    One(usize),
    /// The hub is not well, or what is agreed may be anything.
    Perhaps,
}

fn blinded(what: &What, hub: usize) -> Blinds {
    use Party::{Hub, Replica, Store};
    match what {
        What::Ordered(_) => Blinds::Nobody,
        What::Cut(Replica(replica), Store)
        | What::Storm(Replica(replica), Store)
        | What::Alone(Replica(replica))
        | What::ReplicaDies(replica) => Blinds::One(*replica),
        What::Cut(Replica(replica), Hub(there)) | What::Storm(Replica(replica), Hub(there)) => {
            if *there == hub { Blinds::One(*replica) } else { Blinds::Nobody }
        }
        What::HubDies(there)
        | What::ProxyDies(there)
        | What::MachineDies(there)
        | What::HubHangs(there)
        | What::HubIsSlow(there)
        | What::StartsFail(there, _)
        | What::Alone(Hub(there))
            if *there != hub =>
        {
            Blinds::Nobody
        }
        _ => Blinds::Perhaps,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::faults::Fault;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(what: What, seconds: u32) -> bool {
        let fault = Fault { begins: 100 * SECOND, ends: 200 * SECOND, what };
        most_reach(&Schedule::of(vec![fault]), 3, 0, seconds * SECOND)
    }

    #[test]
    fn a_hub_is_reached_by_most_unless_it_is_not_well_itself_or_was_not_lately() {
        let cut = What::Cut(Party::Replica(1), Party::Hub(0));
        assert!(after(cut.clone(), 150), "two of three reach it");
        assert!(!most_reach(
            &Schedule::of(vec![Fault { begins: SECOND, ends: 9 * SECOND, what: cut }]),
            2,
            0,
            5 * SECOND
        ));
        for (seconds, reached) in [(99, true), (100, false), (340, false), (351, true)] {
            assert_eq!(after(What::HubDies(0), seconds), reached, "{seconds}");
        }
        assert!(after(What::HubDies(1), 150), "another one");
        assert!(!after(What::StoreDies, 150) && !after(What::ClockJumps(5), 150));
    }
}
