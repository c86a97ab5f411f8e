//! What the fast path noticed, put together per hub: signs of trouble become pauses, words about starts a verdict.
//!
//! Neither is a verdict on a plane: those are the probes'. Nobody moves by what stands here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hubrouter_config::HubId;
use tracing::{info, warn};

use super::picture::Healths;
use crate::core::health::passive::{Recent, Tally};
use crate::core::health::{HubHealth, Plane};
use crate::core::spawning::{Spawning, Starts, Told, Verdict};

/// The passive signs of all hubs.
#[derive(Debug, Default)]
pub(super) struct Passive {
    hubs: BTreeMap<HubId, Signs>,
}

#[derive(Debug)]
struct Signs {
    recent: Recent,
    starts: Starts,
}

impl Passive {
    /// Forgets hubs that `healths` does not know: they are gone, or are others now.
    pub(super) fn follow(&mut self, healths: &Healths) {
        self.hubs.retain(|id, _| healths.contains_key(id));
    }

    /// Connections to the hub's address fail; whether a pause begins.
    pub(super) fn unreachable(&mut self, healths: &mut Healths, hub: &HubId, now: Instant) -> bool {
        let Some(length) = pause(healths, hub, Plane::Proxy, now) else { return false };
        warn!(
            hub.id = %hub,
            pause_ms = millis(length),
            "hub `{hub}`: connections to its address fail: it is left alone until a probe is answered"
        );
        true
    }

    /// Requests were counted; whether a sign of trouble came of it.
    pub(super) fn counted(&mut self, healths: &mut Healths, hub: &HubId, tally: Tally, now: Instant) -> bool {
        if !healths.contains_key(hub) {
            return false;
        }
        let Some(trouble) = self.signs(hub, now).recent.add(tally, now) else { return false };
        if let Some(length) = pause(healths, hub, Plane::Hub, now) {
            warn!(
                hub.id = %hub,
                requests = trouble.total(),
                failed = trouble.failed,
                pause_ms = millis(length),
                "hub `{hub}`: {} of {} requests to its hub plane failed: it is left alone until a probe is answered",
                trouble.failed,
                trouble.total()
            );
        }
        true
    }

    /// Something was heard of a start; whether anything that is shown changes by it.
    pub(super) fn heard(&mut self, healths: &mut Healths, hub: &HubId, told: Told, now: Instant) -> bool {
        if !healths.contains_key(hub) {
            return false;
        }
        let starts = &mut self.signs(hub, now).starts;
        starts.hear(told, now);
        let spawning = starts.verdict();
        show(healths, hub, spawning)
    }

    /// Lets go of pauses and starts whose time is over; whether anything that is shown changes by it.
    pub(super) fn lapse(&mut self, healths: &mut Healths, now: Instant) -> bool {
        let mut changed = false;
        for health in healths.values_mut() {
            changed |= health.lapse(now);
        }
        for (hub, signs) in &mut self.hubs {
            signs.starts.lapse(now);
            changed |= show(healths, hub, signs.starts.verdict());
        }
        changed
    }

    /// When [`Passive::lapse`] has something to do.
    pub(super) fn next_lapse(&self, healths: &Healths) -> Option<Instant> {
        let pauses = healths.values().filter_map(HubHealth::next_lapse);
        let starts = self.hubs.values().filter_map(|signs| signs.starts.next_lapse());
        pauses.chain(starts).min()
    }

    fn signs(&mut self, hub: &HubId, now: Instant) -> &mut Signs {
        self.hubs
            .entry(hub.clone())
            .or_insert_with(|| Signs { recent: Recent::new(now), starts: Starts::new(now) })
    }
}

fn pause(healths: &mut Healths, hub: &HubId, plane: Plane, now: Instant) -> Option<Duration> {
    healths.get_mut(hub)?.pause(plane, now)
}

/// Shows the verdict on a hub's starts, and tells when it is another one.
fn show(healths: &mut Healths, hub: &HubId, spawning: Spawning) -> bool {
    let Some(health) = healths.get_mut(hub) else { return false };
    let before = std::mem::replace(&mut health.spawning, spawning);
    let Spawning { verdict, finished, failed, users, .. } = spawning;
    match (before.verdict, verdict) {
        (before, after) if before == after => {}
        (_, Verdict::Failing) => warn!(
            hub.id = %hub,
            from = before.verdict.label(),
            to = verdict.label(),
            finished,
            failed,
            users,
            "hub `{hub}`: {failed} of its last {finished} starts failed, of {users} users"
        ),
        (_, Verdict::Ok | Verdict::Unknown) => info!(
            hub.id = %hub,
            from = before.verdict.label(),
            to = verdict.label(),
            finished,
            failed,
            "hub `{hub}`: how its starts go changed"
        ),
    }
    let shown = |of: &Spawning| (of.verdict, of.finished, of.failed, of.users);
    shown(&before) != shown(&spawning)
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::{NameRule, UserName};

    use super::*;
    use crate::core::health::{Answer, WaitReason};
    use crate::core::spawning::{Heard, Start};

    struct Control {
        passive: Passive,
        healths: Healths,
        hub: HubId,
        now: Instant,
    }

    impl Control {
        fn with_hub() -> Control {
            let (hub, now): (HubId, _) = ("a".parse().unwrap(), Instant::now());
            let healths = Healths::from([(hub.clone(), HubHealth::new(now))]);
            Control { passive: Passive::default(), healths, hub, now }
        }

        fn counted(&mut self, answered: u32, failed: u32) -> bool {
            self.passive.counted(&mut self.healths, &self.hub, Tally { answered, failed }, self.now)
        }

        fn failed_start(&mut self, user: &str) -> bool {
            let user = UserName::canonical(user, NameRule::Lower);
            let start = Start { user, server: String::new() };
            let told = Told { start, heard: Heard::Failed, asked_at: self.now };
            self.passive.heard(&mut self.healths, &self.hub, told, self.now)
        }

        fn answer(&self) -> Answer {
            self.healths[&self.hub].answer_for(Plane::Hub)
        }

        /// Lets time pass to the next thing that lapses.
        fn lapse_next(&mut self) -> bool {
            self.now = self.passive.next_lapse(&self.healths).unwrap();
            self.passive.lapse(&mut self.healths, self.now)
        }
    }

    #[test]
    fn a_sign_of_trouble_pauses_the_plane_until_its_time_is_over() {
        let mut control = Control::with_hub();

        assert!(!control.counted(11, 10));
        assert_eq!(control.answer(), Answer::Pass);
        assert!(control.counted(0, 1));
        assert_eq!(control.answer(), Answer::Wait(WaitReason::HubPaused));

        assert!(control.lapse_next());
        assert_eq!(control.answer(), Answer::Pass);
        assert_eq!(control.passive.next_lapse(&control.healths), None);
    }

    #[test]
    fn an_address_that_refuses_pauses_everything_behind_it_once() {
        let mut control = Control::with_hub();

        assert!(control.passive.unreachable(&mut control.healths, &control.hub, control.now));
        assert!(!control.passive.unreachable(&mut control.healths, &control.hub, control.now));

        assert_eq!(control.answer(), Answer::Wait(WaitReason::ProxyPaused));
    }

    #[test]
    fn the_verdict_on_starts_is_shown_and_changes_no_answer() {
        let mut control = Control::with_hub();
        for user in ["ada", "bo", "cy"] {
            assert!(control.failed_start(user));
        }

        assert_eq!(control.healths[&control.hub].spawning.verdict, Verdict::Failing);
        assert_eq!(control.answer(), Answer::Pass);

        assert!(control.lapse_next());
        assert_eq!(control.healths[&control.hub].spawning.verdict, Verdict::Unknown);
    }

    #[test]
    fn nothing_is_kept_of_a_hub_that_is_gone_or_was_never_there() {
        let mut control = Control::with_hub();
        control.counted(0, 19);
        control.healths.clear();
        control.passive.follow(&control.healths);

        assert!(!control.counted(0, 30) && !control.failed_start("ada"));
        assert!(control.passive.hubs.is_empty());
    }
}
