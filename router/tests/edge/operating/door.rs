//! The real admin listener on a free port, with a stand-in behind it: two hubs, one user, drains that begin and end.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hubrouter::admin::{
    Access, AdminView, CensusReport, ConfigReport, DirectoryReport, HubReport, PlacementReport, PlaneReport,
    PlanesReport, Readiness, SpawningReport, StartsReport, StatusReport, TrafficReport, serve,
};
use hubrouter::control::operator::{Event, EventPage, Explanation, Operate, Order, Outcome, Refused, What};
use hubrouter_config::{Admin, AdminToken, HubId, Intent, Role, Secret, Storage, Tier, Weight};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::{Said, run};

pub const READER: &str = "token-of-readers";
pub const OPERATOR: &str = "token-of-operators";
pub const BOSS: &str = "token-of-the-boss";

/// An open admin listener.
pub struct Door {
    address: SocketAddr,
    site: Arc<StandIn>,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Door {
    pub async fn open() -> Self {
        let site = Arc::new(StandIn::default());
        site.happens("began", "it began");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut door = Self { address: listener.local_addr().unwrap(), site, serving: None };
        door.serve(listener);
        door
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel::<()>();
        let view: Arc<dyn AdminView> = Arc::<StandIn>::clone(&self.site);
        let served = tokio::spawn(serve(listener, view, async { _ = stopped.await }));
        self.serving = Some((stop, served));
    }

    /// Closes the door as a router does that ends.
    pub async fn close(&mut self) {
        let (stop, served) = self.serving.take().expect("it is open");
        stop.send(()).unwrap();
        served.await.unwrap();
    }

    /// Opens it again at the same place.
    pub async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs the built binary against this door.
    pub async fn run(&self, token: &str, line: &str) -> Said {
        run(&self.url(), token, line).await
    }

    /// Something happens at hub-a.
    pub fn happens(&self, text: &str) {
        self.site.happens("happened", text);
    }
}

#[derive(Default)]
struct StandIn {
    /// Who drains which hub.
    drains: Mutex<BTreeMap<HubId, String>>,
    events: Mutex<Vec<Event>>,
    happened: Notify,
}

impl StandIn {
    fn happens(&self, kind: &str, text: &str) {
        let mut events = self.events.lock().unwrap();
        let number = events.len() as u64 + 1;
        let (hub, kind, text) = (Some("hub-a".to_owned()), kind.to_owned(), text.to_owned());
        events.push(Event { number, at: 1_795_511_494_000, kind, hub, user: None, text });
        self.happened.notify_waiters();
    }

    fn after(&self, after: u64) -> EventPage {
        let all = self.events.lock().unwrap();
        let events = all.iter().filter(|event| event.number > after).cloned().collect();
        EventPage { events, last: all.len() as u64, missed: false }
    }

    fn carry_out(&self, order: &Order) -> Result<Outcome, Refused> {
        let summary = match &order.what {
            What::Drain { hub, .. } => {
                let mut drains = self.drains.lock().unwrap();
                if let Some(who) = drains.get(hub) {
                    return Err(Refused::Conflict(format!("`{hub}` is drained already, by {who}")));
                }
                if !order.dry_run {
                    drains.insert(hub.clone(), order.who.clone());
                }
                format!("`{hub}` is drained by {}", order.who)
            }
            What::Abort { hub } => match self.drains.lock().unwrap().remove(hub) {
                None => return Err(Refused::Conflict(format!("`{hub}` is not drained: nothing to abort"))),
                Some(who) => format!("the drain of `{hub}` by {who} is over"),
            },
            other => format!("{} it is", other.label()),
        };
        Ok(Outcome { dry_run: order.dry_run, summary, details: vec!["2 users go to hub-b".to_owned()] })
    }
}

impl Operate for StandIn {
    fn order(&self, order: Order) -> Pin<Box<dyn Future<Output = Result<Outcome, Refused>> + Send + '_>> {
        Box::pin(async move { self.carry_out(&order) })
    }

    fn events(
        &self,
        after: Option<u64>,
        wait: Duration,
    ) -> Pin<Box<dyn Future<Output = EventPage> + Send + '_>> {
        Box::pin(async move {
            let happened = self.happened.notified();
            let page = self.after(after.unwrap_or(0));
            if !page.events.is_empty() || wait.is_zero() {
                return page;
            }
            let _ = tokio::time::timeout(wait, happened).await;
            self.after(after.unwrap_or(0))
        })
    }

    fn explain(&self, user: &str) -> Result<Explanation, Refused> {
        let word = |word: &str| word.to_owned();
        Ok(Explanation {
            user: self.user(user)?.to_string(),
            home: word("hub-a"),
            candidates: Vec::new(),
            owner: word("hub-b"),
            why: word("pinned"),
            because: word("an operator said so"),
            assignment: None,
            start: word("goes to hub-b"),
            census: Vec::new(),
        })
    }

    fn hub(&self, id: &str) -> Result<HubId, Refused> {
        let known: Vec<HubId> = ["hub-a", "hub-b"].map(|id| id.parse().unwrap()).into();
        let unknown = Refused::UnknownHub { hub: id.to_owned(), known: known.clone() };
        known.into_iter().find(|hub| hub.as_str() == id).ok_or(unknown)
    }

    fn user(&self, name: &str) -> Result<UserName, Refused> {
        let Some(user) = UserName::canonical(name, NameRule::Lower) else {
            return Err(Refused::Invalid("that is no user name".to_owned()));
        };
        if user.as_str() == "ada" { Ok(user) } else { Err(Refused::UnknownUser { user: name.to_owned() }) }
    }
}

impl AdminView for StandIn {
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn status(&self) -> StatusReport {
        StatusReport {
            version: "9.9.9".to_owned(),
            uptime_seconds: 1,
            readiness: Readiness::Ready,
            snapshot: 42,
            config: ConfigReport { file: "hubrouter.yaml".to_owned(), loaded_at: 1, last_reload: None },
            hubs: vec![hub("hub-a"), hub("hub-b")],
            directory: DirectoryReport::default(),
            replicas: Vec::new(),
            placement: PlacementReport::default(),
            users_on_two_hubs: Vec::new(),
            users_on_two_hubs_count: 0,
            certificates: Vec::new(),
            traffic: TrafficReport::default(),
            tasks: Vec::new(),
        }
    }

    fn access(&self) -> Arc<Access> {
        let tokens = [(Role::Read, READER), (Role::Operate, OPERATOR), (Role::Admin, BOSS)];
        let tokens =
            tokens.map(|(role, token)| AdminToken { role, token: Secret::new(token.to_owned()) }).into();
        Arc::new(Access::new(&Admin { tokens, ..Admin::default() }))
    }

    fn operate(&self) -> &dyn Operate {
        self
    }
}

fn hub(id: &str) -> HubReport {
    let plane = || PlaneReport {
        state: "up",
        since_seconds: 7,
        probed: true,
        failures: 0,
        paused: false,
        reason: None,
        latency_ms: Some(12),
    };
    HubReport {
        id: id.parse().unwrap(),
        url: format!("http://{id}"),
        intent: Intent::Active,
        word: None,
        starts: StartsReport { to: "here", whom: None, cause: None, since_seconds: None },
        drain: None,
        outage: None,
        failover: None,
        failed_over: None,
        stale: Vec::new(),
        dissenters: Vec::new(),
        assigned: 0,
        tier: Tier::Active,
        weight: Weight::default(),
        storage: Storage::Local,
        database: None,
        planes: PlanesReport { proxy: plane(), hub: plane() },
        spawning: SpawningReport { state: "ok", since_seconds: 9, finished: 5, failed: 0, users: 2 },
        census: CensusReport { source: "hub", users: 12, known: true, ..CensusReport::default() },
        counts: BTreeMap::new(),
    }
}
