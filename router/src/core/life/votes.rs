//! What the replicas agree on: a plane is down when more than half of the live votes say so.
//!
//! Only this view moves users. What one replica sees decides its own answers and is `core::health`'s.

use hubrouter_config::HubId;

use super::records::{Heartbeat, Verdict, Vote};
use super::time::{StoreTime, Times};
use crate::core::health::Plane;

/// The verdict of the live replicas on one plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Agreed {
    /// More than half of the votes are not for down.
    Up,
    /// The same, and more than half say slow.
    Slow,
    /// More than half of the votes are for down.
    Down {
        /// When the probes of more than half had begun to fail: the timers of the outage run from here.
        since: StoreTime,
    },
}

/// How a vote on one plane came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The verdict; none without votes: what was agreed before stands.
    pub verdict: Option<Agreed>,
    /// How many live replicas voted.
    pub votes: usize,
    /// How many of them say down.
    pub down: usize,
    /// Replicas that see it otherwise, by name: "`status` names a dissenter".
    pub dissenters: Vec<String>,
}

/// Whether a replica counts: it is heard, and has not said goodbye.
#[must_use]
pub fn is_live(heartbeat: &Heartbeat, times: &Times, now: StoreTime) -> bool {
    !heartbeat.goodbye && times.is_live(heartbeat.at, now)
}

/// Whether a replica vanished: its heartbeats stopped without goodbye.
#[must_use]
pub fn is_vanished(heartbeat: &Heartbeat, times: &Times, now: StoreTime) -> bool {
    !heartbeat.goodbye && !times.is_live(heartbeat.at, now)
}

/// What the live replicas agree on about a plane: "down needs more than half of the live votes (1 of 1, 2 of 2, 2 of 3)".
///
/// A replica votes once it has probed the plane `health.fall` times; one that has not yet, or whose word is of a newer
/// release, is not counted. `heartbeats` holds the last one of each replica.
#[must_use]
pub fn agree(
    heartbeats: &[Heartbeat],
    hub: &HubId,
    plane: Plane,
    times: &Times,
    now: StoreTime,
) -> Agreement {
    let votes: Vec<(&str, &Vote)> = heartbeats
        .iter()
        .filter(|heartbeat| is_live(heartbeat, times, now))
        .filter_map(|heartbeat| vote_on(heartbeat, hub, plane).map(|vote| (heartbeat.replica.as_str(), vote)))
        .collect();
    let saying = |verdict| votes.iter().filter(|(_, vote)| vote.verdict == verdict).count();
    let down = saying(Verdict::Down);
    let verdict = if votes.is_empty() {
        None
    } else if down * 2 > votes.len() {
        Some(Agreed::Down { since: most_fail_since(&votes, now) })
    } else if saying(Verdict::Slow) * 2 > votes.len() {
        Some(Agreed::Slow)
    } else {
        Some(Agreed::Up)
    };
    Agreement { verdict, votes: votes.len(), down, dissenters: dissenters(&votes, verdict) }
}

fn vote_on<'a>(heartbeat: &'a Heartbeat, hub: &HubId, plane: Plane) -> Option<&'a Vote> {
    heartbeat
        .votes
        .iter()
        .find(|vote| vote.hub == *hub && vote.plane == plane)
        .filter(|vote| vote.verdict != Verdict::Unknown)
}

/// Each vote counts from its own first failed probe: one replica that has been cut off from the hub for long, and another whose
/// probes are lost for a moment, are no long outage.
fn most_fail_since(votes: &[(&str, &Vote)], now: StoreTime) -> StoreTime {
    let down = votes.iter().filter(|(_, vote)| vote.verdict == Verdict::Down);
    // A clock that runs ahead must not push the timers of the outage into the future.
    let mut since: Vec<_> = down.map(|(_, vote)| vote.failing_since.unwrap_or(now).min(now)).collect();
    since.sort_unstable();
    since.get(votes.len() / 2).copied().unwrap_or(now)
}

/// Who sees a plane on the other side of up and down. Slow is a shade of up.
fn dissenters(votes: &[(&str, &Vote)], verdict: Option<Agreed>) -> Vec<String> {
    let Some(verdict) = verdict else { return Vec::new() };
    let agreed_down = match verdict {
        Agreed::Down { .. } => true,
        Agreed::Up | Agreed::Slow => false,
    };
    let mut names: Vec<String> = votes
        .iter()
        .filter(|(_, vote)| (vote.verdict == Verdict::Down) != agreed_down)
        .map(|(replica, _)| (*replica).to_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use hubrouter_config::{Census, Failover, Health};

    use super::*;

    const NOW: StoreTime = StoreTime::from_millis(100_000);

    fn times() -> Times {
        Times::of(&Health::default(), &Failover::default(), &Census::default())
    }

    fn seconds(seconds: u64) -> StoreTime {
        StoreTime::from_millis(seconds * 1000)
    }

    /// A replica that was heard at `heard` and says this of hub a's hub plane.
    fn heard(replica: &str, heard: u64, verdict: Verdict, failing_since: Option<u64>) -> Heartbeat {
        Heartbeat {
            replica: replica.to_owned(),
            at: seconds(heard),
            read: seconds(heard),
            goodbye: false,
            rebuilding: false,
            votes: vec![Vote {
                hub: "a".parse().unwrap(),
                plane: Plane::Hub,
                verdict,
                failing_since: failing_since.map(seconds),
            }],
            spawns: Vec::new(),
            starts: Vec::new(),
            proposes: String::new(),
        }
    }

    fn agreement(heartbeats: &[Heartbeat]) -> Agreement {
        agree(heartbeats, &"a".parse().unwrap(), Plane::Hub, &times(), NOW)
    }

    fn is_down(votes: &[Verdict]) -> bool {
        let heartbeats: Vec<Heartbeat> = votes
            .iter()
            .enumerate()
            .map(|(number, verdict)| heard(&format!("r{number}"), 99, *verdict, Some(80)))
            .collect();
        matches!(agreement(&heartbeats).verdict, Some(Agreed::Down { .. }))
    }

    #[test]
    fn down_needs_more_than_half_of_the_live_votes() {
        use Verdict::{Down, Up};
        for (votes, down) in [
            (vec![Down], true),
            (vec![Up], false),
            (vec![Down, Up], false),
            (vec![Down, Down], true),
            (vec![Down, Down, Up], true),
            (vec![Down, Up, Up], false),
            (vec![Down, Down, Up, Up], false),
        ] {
            assert_eq!(is_down(&votes), down, "{votes:?}");
        }
    }

    #[test]
    fn silent_and_parting_replicas_have_no_vote() {
        let parting = Heartbeat { goodbye: true, ..heard("r2", 99, Verdict::Up, None) };
        let heartbeats = [
            heard("r1", 99, Verdict::Down, Some(80)),
            heard("r3", 85, Verdict::Up, None),
            parting.clone(),
            heard("r4", 99, Verdict::Unknown, None),
        ];

        let agreement = agreement(&heartbeats);

        assert_eq!((agreement.votes, agreement.down), (1, 1));
        assert!(is_vanished(&heartbeats[1], &times(), NOW));
        assert!(!is_vanished(&parting, &times(), NOW) && !is_live(&parting, &times(), NOW));
        assert!(is_live(&heard("r", 86, Verdict::Up, None), &times(), NOW));
    }

    #[test]
    fn without_votes_nothing_is_agreed() {
        assert_eq!(agreement(&[]).verdict, None);
        assert_eq!(agreement(&[heard("r", 10, Verdict::Down, Some(1))]).verdict, None);
    }

    #[test]
    fn an_outage_counts_from_when_most_had_begun_to_see_it() {
        let heartbeats = [
            heard("r1", 99, Verdict::Down, Some(80)),
            heard("r2", 99, Verdict::Down, Some(78)),
            heard("r3", 99, Verdict::Up, Some(50)),
        ];
        assert_eq!(agreement(&heartbeats).verdict, Some(Agreed::Down { since: seconds(80) }));
        let third = heard("r3", 99, Verdict::Down, Some(90));
        let all = [heartbeats[0].clone(), heartbeats[1].clone(), third];
        assert_eq!(
            agreement(&all).verdict,
            Some(Agreed::Down { since: seconds(80) }),
            "two of three sufficed"
        );
        let ahead = [heard("r1", 99, Verdict::Down, Some(500))];
        assert_eq!(agreement(&ahead).verdict, Some(Agreed::Down { since: NOW }));
    }

    #[test]
    fn dissenters_are_named_whichever_side_they_are_on() {
        use Verdict::{Down, Slow, Up};
        let down = [heard("x", 99, Up, None), heard("y", 99, Down, Some(9)), heard("z", 99, Down, Some(9))];
        assert_eq!(agreement(&down).dissenters, ["x"]);
        let up = [heard("x", 99, Up, None), heard("y", 99, Down, Some(9)), heard("z", 99, Slow, None)];
        assert_eq!(agreement(&up).dissenters, ["y"]);
    }

    #[test]
    fn a_hub_is_slow_when_most_say_so() {
        use Verdict::{Slow, Up};
        let most = [heard("x", 99, Slow, None), heard("y", 99, Slow, None), heard("z", 99, Up, None)];
        assert_eq!(agreement(&most).verdict, Some(Agreed::Slow));
        assert_eq!(agreement(&most[1..]).verdict, Some(Agreed::Up));
    }
}
