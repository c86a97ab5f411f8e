//! What changes in a hub's record, in the words of an event.

use crate::core::health::Plane;
use crate::core::life::step::Change;

/// A change in the words of an event.
pub(super) fn words(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Word(_) => ("operator_spoke", "an operator spoke"),
        Change::WordEnded => ("word_ended", "the configuration changed its intent: the operator's word ends"),
        Change::OutageBegan(Plane::Proxy) => ("outage_began", "its proxy plane is down, all agree"),
        Change::OutageBegan(Plane::Hub) => ("outage_began", "its hub plane is down, all agree"),
        Change::OutageEnded(Plane::Proxy) => ("outage_ended", "its proxy plane is up again"),
        Change::OutageEnded(Plane::Hub) => ("outage_ended", "its hub plane is up again"),
        Change::Relapsed => ("relapsed", "it failed again: its users wait longer for it"),
        Change::StartsClosed => ("starts_closed", "it is closed to starts until all routers know it"),
        Change::CandidatesOpened => ("candidates_opened", "its users' next hubs are open to them"),
        Change::StartsNarrowed => {
            ("starts_changed", "its starts go elsewhere for others, or for another reason")
        }
        Change::OpenedAgain => ("opened_again", "starts go there again"),
        Change::FailedOver => ("failed_over", "it is failed over: idle users go to their next hub"),
        Change::StuckMoved => ("stuck_moved", "users whose servers are lost were moved"),
        Change::FailedBack => ("failed_back", "it has been healthy for long enough: idle users come home"),
        Change::StaleStopped => ("stale_stopped", "stale servers were stopped"),
    }
}
