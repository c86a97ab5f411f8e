//! What the operator's door shows: the picture of now, and the board.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use hubrouter_config::{Config, Standing};

use super::census;
use super::fleet::Shown;
use super::readiness;
use crate::admin::{
    Access, AdminView, CertificateReport, ConfigReport, DatabaseReport, HandshakesReport, HubReport,
    PlaneReport, PlanesReport, Readiness, ReloadReport, SpawningReport, StatusReport, TaskReport,
    TrafficReport,
};
use crate::control::board::{Board, Database};
use crate::control::census::moment;
use crate::control::certificates;
use crate::control::live::Live;
use crate::control::operator::Operate;
use crate::control::tasks;
use crate::core::health::{HubPlane, PlaneHealth, ProxyPlane};
use crate::core::snapshot::HubView;
use crate::core::spawning::Spawning;
use crate::proxy::shared::Shared;

pub(super) struct View {
    live: Arc<ArcSwap<Live>>,
    board: Arc<Board>,
    shared: Arc<Shared>,
    operate: Arc<dyn Operate>,
}

impl View {
    pub(super) fn new(
        live: Arc<ArcSwap<Live>>,
        board: Arc<Board>,
        shared: Arc<Shared>,
        operate: Arc<dyn Operate>,
    ) -> Self {
        Self { live, board, shared, operate }
    }

    fn config(&self) -> ConfigReport {
        let state = self.board.state();
        ConfigReport {
            file: self.board.source.clone(),
            loaded_at: unix(state.loaded_at),
            last_reload: state.reload.map(|reload| ReloadReport {
                at: unix(reload.at),
                accepted: reload.accepted,
                problems: reload.problems,
            }),
        }
    }

    fn traffic(&self) -> TrafficReport {
        let counts = self.shared.counts.now();
        TrafficReport {
            connections: counts.connections,
            turned_away: self.shared.crowd.turned_away(),
            streams: counts.streams,
            requests: counts.requests,
            handshakes: HandshakesReport {
                under_way: counts.handshakes.under_way,
                done: counts.handshakes.done,
                failed: counts.handshakes.failed,
                late: counts.handshakes.late,
                shed: counts.handshakes.shed,
            },
            dropped_cookies: counts.dropped_cookies,
        }
    }
}

impl AdminView for View {
    fn readiness(&self) -> Readiness {
        if self.board.is_leaving() {
            return Readiness::NotReady("shutting down".into());
        }
        match readiness::lacks(&self.live.load().snapshot, &self.board, Instant::now()) {
            Some(why) => Readiness::NotReady(why),
            None => Readiness::Ready,
        }
    }

    fn status(&self) -> StatusReport {
        let live = self.live.load();
        let now = Instant::now();
        let doubles = self.board.census.doubles();
        let shown = Shown::new(&live.snapshot, &self.board, now);
        StatusReport {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: now.duration_since(self.board.started_at).as_secs(),
            readiness: self.readiness(),
            snapshot: live.snapshot.number,
            config: self.config(),
            hubs: live.snapshot.hubs.iter().map(|view| hub(view, &shown, &self.shared)).collect(),
            directory: shown.directory(),
            replicas: shown.replicas(),
            placement: shown.placement(),
            users_on_two_hubs: census::doubles(&doubles),
            users_on_two_hubs_count: doubles.count,
            tasks: self.board.tasks.all().into_iter().map(|seen| task(seen, now)).collect(),
            certificates: certificates(&live.snapshot.config),
            traffic: self.traffic(),
        }
    }

    fn access(&self) -> Arc<Access> {
        Arc::new(Access::new(&self.live.load().snapshot.config.admin))
    }

    fn operate(&self) -> &dyn Operate {
        &*self.operate
    }
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn hub(view: &HubView, shown: &Shown<'_>, shared: &Shared) -> HubReport {
    let Shown { snapshot, board, now, .. } = *shown;
    let (hub, record) = (&view.hub, &view.record);
    let at = moment(snapshot, &hub.id, now);
    let streams = shared.counts.streams_to(&hub.id);
    HubReport {
        id: hub.id.clone(),
        url: hub.url.to_string(),
        intent: view.intent(),
        word: shown.word(record),
        starts: shown.starts(record),
        drain: shown.drain(view, usize::try_from(streams).unwrap_or(usize::MAX)),
        outage: shown.outage(record),
        failover: shown.fleet.held.get(&hub.id).cloned(),
        failed_over: shown.failed_over(record),
        stale: record.stale.iter().map(ToString::to_string).collect(),
        dissenters: shown.fleet.dissenters.get(&hub.id).cloned().unwrap_or_default(),
        assigned: snapshot.exceptions.assignments().filter(|stands| stands.hub == hub.id).count(),
        tier: hub.tier,
        weight: hub.weight,
        storage: hub.storage,
        database: board.database(&hub.id).map(|seen| database(&seen, now)),
        planes: PlanesReport {
            proxy: plane(&view.health.proxy, proxy_word(view.health.proxy.verdict), now),
            hub: plane(&view.health.hub, hub_word(view.health.hub.verdict), now),
        },
        spawning: spawning(&view.health.spawning, now),
        census: census::report(hub, &board.census.hub(&hub.id, at), at),
        counts: BTreeMap::from([("streams", streams)]),
    }
}

fn spawning(seen: &Spawning, now: Instant) -> SpawningReport {
    SpawningReport {
        state: seen.verdict.label(),
        since_seconds: now.saturating_duration_since(seen.since).as_secs(),
        finished: seen.finished,
        failed: seen.failed,
        users: seen.users,
    }
}

fn task(seen: tasks::Seen, now: Instant) -> TaskReport {
    let (at, result) = seen.last.unzip();
    TaskReport {
        name: seen.name,
        period_seconds: seen.period.as_secs_f64(),
        last_run_seconds_ago: at.map(|at| now.saturating_duration_since(at).as_secs()),
        last_result: result.map(Cow::into_owned),
    }
}

fn database(seen: &Database, now: Instant) -> DatabaseReport {
    DatabaseReport {
        ok: seen.answered.is_ok(),
        asked_seconds_ago: now.saturating_duration_since(seen.at).as_secs(),
        latency_ms: seen.answered.as_ref().ok().copied().map(millis),
        reason: seen.answered.as_ref().err().cloned(),
    }
}

fn certificates(config: &Config) -> Vec<CertificateReport> {
    let now = SystemTime::now();
    let report = |aged: certificates::Aged| {
        let (state, left) = match aged.validity.at(now) {
            Standing::Good { left } if left < certificates::EXPIRES_SOON.as_secs() => {
                ("expires_soon", Some(left))
            }
            Standing::Good { left } => ("good", Some(left)),
            Standing::Expired => ("expired", None),
            Standing::NotYet => ("not_yet", None),
        };
        CertificateReport {
            used_by: aged.used_by,
            file: aged.file,
            names: aged.names,
            state,
            not_before: aged.validity.not_before.unix,
            not_after: aged.validity.not_after.unix,
            expires_in_seconds: left,
        }
    };
    certificates::all(config).into_iter().map(report).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn proxy_word(verdict: ProxyPlane) -> &'static str {
    match verdict {
        ProxyPlane::Up => "up",
        ProxyPlane::Down => "down",
    }
}

fn hub_word(verdict: HubPlane) -> &'static str {
    match verdict {
        HubPlane::Starting => "starting",
        HubPlane::Up => "up",
        HubPlane::Slow => "slow",
        HubPlane::Down => "down",
    }
}

fn plane<V: Copy + PartialEq>(health: &PlaneHealth<V>, state: &'static str, now: Instant) -> PlaneReport {
    PlaneReport {
        state,
        since_seconds: now.saturating_duration_since(health.since).as_secs(),
        probed: health.is_probed(),
        failures: health.failures(),
        paused: health.is_paused(),
        reason: health.last_failure.as_ref().map(|failure| failure.reason.to_string()),
        latency_ms: health.median_latency().map(millis),
    }
}
