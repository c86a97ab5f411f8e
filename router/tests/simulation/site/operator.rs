//! The operator of the simulated site: orders what a schedule says, and takes it back until that is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hubrouter::control::controller::Ordered;
use hubrouter::control::operator::{Order as Wanted, Refused, What};
use hubrouter::core::life::records::AtDeadline;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::{NameRule, UserName};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::super::faults::Order;
use super::Fleet;

const PATIENCE: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_secs(5);
/// So often an order is tried that the directory keeps from being taken.
const TRIES: u32 = 4;
/// A drain stops idle servers after so long.
const DEADLINE: Duration = Duration::from_secs(240);
const IDLE_FOR: Duration = Duration::from_secs(30);

pub fn person(number: usize) -> UserName {
    UserName::canonical(&format!("user-{number}"), NameRule::Lower).expect("letters and digits")
}

impl Fleet {
    pub fn hub(&self, number: usize) -> HubId {
        self.hubs.id(number).clone()
    }

    /// Orders it; whoever refuses for good has the last word.
    pub async fn order(self: Arc<Self>, order: Order) {
        let what = match order {
            Order::Cordon(hub) => What::Cordon { hub: self.hub(hub) },
            Order::Drain(hub) | Order::DrainAndAbort(hub) => self.drain(hub),
            Order::Maintenance(hub) => What::Maintenance { hub: self.hub(hub), force: false },
            Order::Move { user, to } => What::Move { user: person(user), to: self.hub(to) },
        };
        for _ in 0..TRIES {
            match self.ask(what.clone()).await {
                Some(Ok(())) => return,
                Some(Err(Refused::Unavailable(_))) | None => sleep(AGAIN).await,
                Some(Err(_)) => return,
            }
        }
    }

    pub fn drain(&self, hub: usize) -> What {
        What::Drain {
            hub: self.hub(hub),
            deadline: Some(DEADLINE),
            at_deadline: AtDeadline::StopIdle,
            idle_for: IDLE_FOR,
            force: false,
        }
    }

    /// Takes it back, however long that takes.
    pub async fn take_back(self: Arc<Self>, order: Order) {
        let (hub, what) = match order {
            Order::DrainAndAbort(hub) => (hub, What::Abort { hub: self.hub(hub) }),
            Order::Cordon(hub) | Order::Drain(hub) | Order::Maintenance(hub) => {
                (hub, What::Resume { hub: self.hub(hub) })
            }
            Order::Move { .. } => return,
        };
        // An order that is still tried would come after its end.
        sleep((PATIENCE + AGAIN) * TRIES).await;
        loop {
            self.ask(what.clone()).await;
            sleep(AGAIN).await;
            if !self.has_word(hub) {
                return;
            }
        }
    }

    /// Whether any process knows an operator's word about the hub, or none can say.
    fn has_word(&self, hub: usize) -> bool {
        let hub = self.hub(hub);
        let processes = self.processes();
        processes.is_empty()
            || processes.iter().any(|process| {
                let live = process.live.load();
                let read = live.snapshot.knowledge.in_step.is_some();
                !read || live.snapshot.exceptions.hub(&hub).is_some_and(|record| record.word.is_some())
            })
    }

    /// Looks at what is frozen or dead now and then, and decides, as operators do who are called at night.
    pub async fn keep_watch(self: Arc<Self>, declares_stopped: bool) {
        let mut since = BTreeMap::<HubId, u32>::new();
        loop {
            sleep(AGAIN).await;
            let Some(process) = self.balance(0) else { continue };
            let (held, live) = (process.board.fleet().held, process.live.load_full());
            for view in &live.snapshot.hubs {
                let hub = &view.hub.id;
                let frozen = held.get(hub).is_some_and(|why| why.contains("frozen"));
                let dead =
                    view.record.outage.is_some_and(|outage| outage.proxy.is_some() && outage.hub.is_some());
                let looks = since.entry(hub.clone()).or_default();
                *looks = if frozen || dead { *looks + 1 } else { 0 };
                let assume_stopped = dead && declares_stopped;
                if (frozen && *looks == 12) || (assume_stopped && *looks == 50) {
                    self.ask(What::Failover { hub: hub.clone(), assume_stopped }).await;
                }
            }
        }
    }

    /// Asks the first process that works; none: nobody answered.
    pub async fn ask(&self, what: What) -> Option<Result<(), Refused>> {
        let process = self.balance(0)?;
        let order = Wanted { what, who: "kim".into(), why: "simulated".into(), dry_run: false };
        self.say(|| format!("{} is told: {:?}", process.party(), order.what));
        let (reply, replied) = oneshot::channel();
        process.orders.send(Ordered { order, reply }).ok()?;
        let answer = timeout(PATIENCE, replied).await.ok()?.ok()?;
        self.say(|| format!("the operator hears: {answer:?}"));
        Some(answer.map(|_| ()))
    }
}
