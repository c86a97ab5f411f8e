//! Health of a hub, per plane: what probes saw becomes a verdict, and a verdict says whether a request passes.
//!
//! Pure: results and instants arrive as arguments. Probing is left to `control`, moving users to the directory's
//! verdicts: what stands here is this replica's own view and decides answers only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::Config;
pub use hubrouter_hub_adapter::probe::{Plane, ProbeResult, Seen};

mod latency;
pub mod passive;
mod pause;

use latency::Latencies;
use pause::Pause;

use super::spawning::Spawning;

/// When a verdict changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failed probes in a row that end an up: 3.
    pub fall: u32,
    /// Answered probes in a row that end a down: 2.
    pub rise: u32,
    /// How long a silent hub counts as restarting, from the first failed probe: 60 s.
    pub hold: Duration,
}

impl Rules {
    /// The rules that the operator set: `health.fall`, `health.rise`, `failover.hold`.
    pub fn of(config: &Config) -> Rules {
        Rules { fall: config.health.fall.max(1), rise: config.health.rise.max(1), hold: config.failover.hold }
    }
}

/// The verdict on a proxy plane: running servers and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyPlane {
    /// Serves.
    Up,
    /// Does not; sockets through it have ended.
    Down,
}

/// The verdict on a hub plane: the hub's own pages and API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HubPlane {
    /// Silent for less than `failover.hold`: most likely only restarting.
    Starting,
    /// Serves.
    Up,
    /// Serves, but the median of its last answers took more than 1 s.
    Slow,
    /// Silent for longer than a restart takes.
    Down,
}

/// A failed probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When its result came.
    pub at: Instant,
    /// What happened instead of an answer.
    pub reason: Arc<str>,
}

/// The verdict on one plane and the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaneHealth<V> {
    /// What this replica thinks of the plane.
    pub verdict: V,
    /// When the verdict changed last; before that, when the plane became known.
    pub since: Instant,
    /// The first failed probe of the present outage; none while probes are answered. Timers of an outage count from
    /// here, not from `since`.
    pub failing_since: Option<Instant>,
    /// The last failed probe ever, kept after recovery.
    pub last_failure: Option<Failure>,
    streak: Streak,
    latencies: Latencies,
    pause: Pause,
}

/// How many probes in a row said the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Streak {
    /// No result yet.
    None,
    Answered(u32),
    Failed(u32),
}

/// The health of both planes of one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubHealth {
    /// Running servers and services.
    pub proxy: PlaneHealth<ProxyPlane>,
    /// The hub's own pages and API. Without `hub_url` it is seen through the proxy and falls with it.
    pub hub: PlaneHealth<HubPlane>,
    /// How starts of servers go. Probes say nothing of it, and it decides no answer.
    pub spawning: Spawning,
}

/// What happens to a request for a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is sent to the hub.
    Pass,
    /// A navigation gets the waiting page, a script 503 with `Retry-After`.
    Wait(WaitReason),
}

/// Why a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// The hub's proxy is down: nothing of this hub is reachable.
    ProxyDown,
    /// The hub seems to restart; running notebooks work.
    HubStarting,
    /// The hub is down; running notebooks work, for about 300 s at least.
    HubDown,
    /// Connections to the hub's address have just failed: a probe looks, and until then it is left alone.
    ProxyPaused,
    /// Many requests to the hub have just failed: a probe looks, and until then it is left alone.
    HubPaused,
}

impl WaitReason {
    /// Whether a running notebook of this hub still answers, so that the page can link to it.
    pub fn notebooks_run(self) -> bool {
        match self {
            WaitReason::ProxyDown | WaitReason::ProxyPaused => false,
            WaitReason::HubStarting | WaitReason::HubDown | WaitReason::HubPaused => true,
        }
    }
}

impl HubHealth {
    /// A hub that has just become known: both planes count as up until a result says otherwise.
    pub fn new(now: Instant) -> HubHealth {
        HubHealth {
            proxy: PlaneHealth::new(ProxyPlane::Up, now),
            hub: PlaneHealth::new(HubPlane::Up, now),
            spawning: Spawning::new(now),
        }
    }

    /// The health after one more result of a probe of `plane`.
    #[must_use]
    pub fn step(mut self, rules: &Rules, plane: Plane, result: &ProbeResult, now: Instant) -> HubHealth {
        match plane {
            Plane::Proxy => self.proxy = self.proxy.step(rules, result, now),
            Plane::Hub => self.hub = self.hub.step(rules, result, now),
        }
        self
    }

    /// Leaves `plane` alone for a moment after a sign of trouble, 1 to 30 s, longer each time until a probe is answered;
    /// returns for how long, or nothing where a pause is under way. No verdict changes by it.
    pub fn pause(&mut self, plane: Plane, now: Instant) -> Option<Duration> {
        match plane {
            Plane::Proxy => self.proxy.pause.begin(now),
            Plane::Hub => self.hub.pause.begin(now),
        }
    }

    /// Ends the pauses whose time is over; whether there was one.
    pub fn lapse(&mut self, now: Instant) -> bool {
        let lapsed = [self.proxy.pause.lapse(now), self.hub.pause.lapse(now)];
        lapsed.contains(&true)
    }

    /// When the next pause ends by its time.
    pub fn next_lapse(&self) -> Option<Instant> {
        [self.proxy.pause.until(), self.hub.pause.until()].into_iter().flatten().min()
    }

    /// Whether a request for `plane` of this hub passes.
    pub fn answer_for(&self, plane: Plane) -> Answer {
        match (answer_for(self.proxy.verdict, self.hub.verdict, plane), plane) {
            (Answer::Pass, _) if self.proxy.is_paused() => Answer::Wait(WaitReason::ProxyPaused),
            (Answer::Pass, Plane::Hub) if self.hub.is_paused() => Answer::Wait(WaitReason::HubPaused),
            (by_verdict, _) => by_verdict,
        }
    }
}

/// Whether a request for `plane` may be sent a second time when its connection broke: a slow hub needs less of them,
/// not more.
pub fn may_repeat(hub: HubPlane, plane: Plane) -> bool {
    match (hub, plane) {
        (HubPlane::Slow, Plane::Hub) => false,
        (HubPlane::Starting | HubPlane::Up | HubPlane::Slow | HubPlane::Down, Plane::Proxy) => true,
        (HubPlane::Starting | HubPlane::Up | HubPlane::Down, Plane::Hub) => true,
    }
}

/// Whether a request passes, for a hub whose intent is active: every request goes through the hub's proxy, and a
/// running server does not need the hub.
pub fn answer_for(proxy: ProxyPlane, hub: HubPlane, plane: Plane) -> Answer {
    match (proxy, hub, plane) {
        (ProxyPlane::Down, _, _) => Answer::Wait(WaitReason::ProxyDown),
        (ProxyPlane::Up, _, Plane::Proxy) => Answer::Pass,
        (ProxyPlane::Up, HubPlane::Up | HubPlane::Slow, Plane::Hub) => Answer::Pass,
        (ProxyPlane::Up, HubPlane::Starting, Plane::Hub) => Answer::Wait(WaitReason::HubStarting),
        (ProxyPlane::Up, HubPlane::Down, Plane::Hub) => Answer::Wait(WaitReason::HubDown),
    }
}

impl<V> PlaneHealth<V> {
    /// The middle of the last answers' times; none before there are six of them since the last outage.
    pub fn median_latency(&self) -> Option<Duration> {
        self.latencies.median()
    }

    /// Failed probes in a row up to now.
    pub fn failures(&self) -> u32 {
        match self.streak {
            Streak::None | Streak::Answered(_) => 0,
            Streak::Failed(failures) => failures,
        }
    }

    /// Whether the plane is left alone for a moment, whatever the verdict.
    pub fn is_paused(&self) -> bool {
        self.pause.until().is_some()
    }

    /// Whether any probe has come back yet; before that the verdict is a courtesy.
    pub fn is_probed(&self) -> bool {
        self.streak != Streak::None
    }
}

impl<V: Copy + PartialEq> PlaneHealth<V> {
    fn new(verdict: V, now: Instant) -> PlaneHealth<V> {
        PlaneHealth {
            verdict,
            since: now,
            failing_since: None,
            last_failure: None,
            streak: Streak::None,
            latencies: Latencies::default(),
            pause: Pause::default(),
        }
    }

    /// Takes the evidence in, all but the verdict.
    fn seen(&mut self, result: &ProbeResult, now: Instant) {
        match &result.seen {
            Seen::Ok => {
                self.failing_since = None;
                self.pause.end();
                self.latencies.push(result.took);
                self.streak = match self.streak {
                    Streak::Answered(answers) => Streak::Answered(answers.saturating_add(1)),
                    Streak::None | Streak::Failed(_) => Streak::Answered(1),
                };
            }
            Seen::Failed(reason) => {
                self.failing_since.get_or_insert(now);
                self.last_failure = Some(Failure { at: now, reason: reason.as_str().into() });
                self.streak = Streak::Failed(self.failures().saturating_add(1));
            }
        }
    }

    fn judged(mut self, verdict: V, now: Instant) -> PlaneHealth<V> {
        if verdict != self.verdict {
            self.verdict = verdict;
            self.since = now;
        }
        self
    }
}

impl PlaneHealth<ProxyPlane> {
    /// The plane's health after one more result.
    #[must_use]
    pub fn step(mut self, rules: &Rules, result: &ProbeResult, now: Instant) -> PlaneHealth<ProxyPlane> {
        self.seen(result, now);
        let verdict = match (self.verdict, self.streak) {
            (ProxyPlane::Up, Streak::Failed(failures)) if failures >= rules.fall => ProxyPlane::Down,
            (ProxyPlane::Down, Streak::Answered(answers)) if answers >= rules.rise => ProxyPlane::Up,
            (unchanged, _) => unchanged,
        };
        self.judged(verdict, now)
    }
}

impl PlaneHealth<HubPlane> {
    /// The plane's health after one more result.
    ///
    /// A hub that has answered before keeps its verdict until `fall` probes in a row have failed: one lost packet must
    /// not turn everybody's page into a waiting page. From then on it is starting, and once `hold` has passed since
    /// the *first* of these failures, down. A hub that never answered has no good name to lose: its first failure
    /// already says starting, as it does when router and hub are started together.
    ///
    /// A starting hub is up with its first answer: that is what everybody waits for. A hub that was down has to
    /// answer `rise` times in a row.
    #[must_use]
    pub fn step(mut self, rules: &Rules, result: &ProbeResult, now: Instant) -> PlaneHealth<HubPlane> {
        let never_answered = self.streak == Streak::None;
        self.seen(result, now);
        let verdict = match self.streak {
            Streak::None => self.verdict,
            Streak::Failed(failures) => self.after_failures(rules, failures, never_answered, now),
            Streak::Answered(answers) => self.after_answers(rules, answers),
        };
        if matches!(verdict, HubPlane::Starting | HubPlane::Down) {
            // How fast the hub was before the outage says nothing about the process that comes back.
            self.latencies = Latencies::default();
        }
        self.judged(verdict, now)
    }

    fn after_failures(&self, rules: &Rules, failures: u32, first_result: bool, now: Instant) -> HubPlane {
        let silent_for =
            self.failing_since.map_or(Duration::ZERO, |first| now.saturating_duration_since(first));
        let fallen = failures >= rules.fall;
        match self.verdict {
            HubPlane::Down => HubPlane::Down,
            HubPlane::Up | HubPlane::Slow | HubPlane::Starting if fallen && silent_for >= rules.hold => {
                HubPlane::Down
            }
            HubPlane::Starting => HubPlane::Starting,
            HubPlane::Up | HubPlane::Slow if fallen || first_result => HubPlane::Starting,
            as_before @ (HubPlane::Up | HubPlane::Slow) => as_before,
        }
    }

    fn after_answers(&self, rules: &Rules, answers: u32) -> HubPlane {
        match self.verdict {
            HubPlane::Down if answers < rules.rise => HubPlane::Down,
            HubPlane::Down | HubPlane::Starting => HubPlane::Up,
            HubPlane::Slow if !self.latencies.is_fast_again() => HubPlane::Slow,
            HubPlane::Up if self.latencies.is_slow() => HubPlane::Slow,
            HubPlane::Up | HubPlane::Slow => HubPlane::Up,
        }
    }
}

#[cfg(test)]
mod tests;
