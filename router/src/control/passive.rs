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
use crate::core::spawning::{Outcome, Spawning, Starts, Told, Verdict};

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

/// What came of the time that passed.
#[derive(Debug)]
pub(super) struct Lapsed {
    /// Whether anything that is shown changes by it.
    pub(super) changed: bool,
    /// Hubs whose hub plane a probe has to look at now.
    pub(super) troubled: Vec<HubId>,
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

    /// Requests were counted; they are judged by [`Passive::lapse`], when all threads have told.
    pub(super) fn counted(&mut self, healths: &Healths, hub: &HubId, tally: Tally, now: Instant) {
        if healths.contains_key(hub) {
            self.signs(hub, now).recent.add(tally, now);
        }
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

    /// The starts at `hub` that ended lately.
    pub(super) fn outcomes(&self, hub: &HubId) -> Vec<Outcome> {
        self.hubs.get(hub).map(|signs| signs.starts.outcomes().collect()).unwrap_or_default()
    }

    /// Judges what was counted, and lets go of pauses and starts whose time is over.
    pub(super) fn lapse(&mut self, healths: &mut Healths, now: Instant) -> Lapsed {
        let (mut changed, mut troubled) = (false, Vec::new());
        for health in healths.values_mut() {
            changed |= health.lapse(now);
        }
        for (hub, signs) in &mut self.hubs {
            signs.starts.lapse(now);
            changed |= show(healths, hub, signs.starts.verdict());
            if let Some(trouble) = signs.recent.judge(now) {
                changed |= leave_alone(healths, hub, trouble, now);
                troubled.push(hub.clone());
            }
        }
        Lapsed { changed, troubled }
    }

    /// When [`Passive::lapse`] has something to do.
    pub(super) fn next_lapse(&self, healths: &Healths) -> Option<Instant> {
        let pauses = healths.values().filter_map(HubHealth::next_lapse);
        let starts = self.hubs.values().filter_map(|signs| signs.starts.next_lapse());
        let counted = self.hubs.values().filter_map(|signs| signs.recent.next_judgement());
        pauses.chain(starts).chain(counted).min()
    }

    fn signs(&mut self, hub: &HubId, now: Instant) -> &mut Signs {
        self.hubs
            .entry(hub.clone())
            .or_insert_with(|| Signs { recent: Recent::new(now), starts: Starts::new(now) })
    }
}

/// Whether a pause begins.
fn leave_alone(healths: &mut Healths, hub: &HubId, trouble: Tally, now: Instant) -> bool {
    let Some(length) = pause(healths, hub, Plane::Hub, now) else { return false };
    let (requests, failed) = (trouble.total(), trouble.failed);
    warn!(
        hub.id = %hub,
        requests,
        failed,
        pause_ms = millis(length),
        "hub `{hub}`: {failed} of {requests} requests to its hub plane failed: it is left alone until a probe is answered"
    );
    true
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

        fn counted(&mut self, answered: u32, failed: u32) {
            self.passive.counted(&self.healths, &self.hub, Tally { answered, failed }, self.now);
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
        fn lapse_next(&mut self) -> Lapsed {
            self.now = self.passive.next_lapse(&self.healths).unwrap();
            self.passive.lapse(&mut self.healths, self.now)
        }
    }

    #[test]
    fn a_sign_of_trouble_pauses_the_plane_until_its_time_is_over() {
        let mut control = Control::with_hub();

        control.counted(11, 10);
        assert!(control.lapse_next().troubled.is_empty());
        assert_eq!(control.answer(), Answer::Pass);
        control.counted(0, 1);
        assert_eq!(control.lapse_next().troubled, std::slice::from_ref(&control.hub));
        assert_eq!(control.answer(), Answer::Wait(WaitReason::HubPaused));

        assert!(control.lapse_next().changed);
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

        assert!(control.lapse_next().changed);
        assert_eq!(control.healths[&control.hub].spawning.verdict, Verdict::Unknown);
    }

    #[test]
    fn nothing_is_kept_of_a_hub_that_is_gone_or_was_never_there() {
        let mut control = Control::with_hub();
        control.counted(0, 19);
        control.healths.clear();
        control.passive.follow(&control.healths);

        control.counted(0, 30);
        assert!(!control.failed_start("ada"));
        assert!(control.passive.hubs.is_empty());
    }
}
