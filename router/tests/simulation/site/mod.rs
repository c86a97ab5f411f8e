//! The site that is simulated: several processes of the router, unchanged but for what is around them, and an operator.
//!
//! One request is played in `fast.rs`, one process is begun in `replica.rs`; what has to hold is judged in `judge.rs`, and a
//! whole run is `run.rs`'s.

mod config;
mod dial;
mod fast;
mod judge;
mod many;
mod operator;
mod reach;
mod replica;
mod rules;
mod run;
mod store;
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::time::{Instant, sleep};

use self::config::{Layout, Otherwise};
use self::fast::Fast;
use self::replica::{Place, Process};
use self::rules::{Rule, Rules};
use super::hubs::Hubs;
use super::net::Party;
use super::play::Site;
use super::rng::Rng;
use super::truth::Truth;
use super::users::{Act, Request, Saw};
use super::world::{Wish, World};

/// All processes of the router, and what they are judged by.
pub struct Fleet {
    pub layout: Layout,
    pub world: Arc<Mutex<World>>,
    pub hubs: Hubs,
    pub truth: Arc<Mutex<Truth>>,
    pub rules: Rules,
    places: Mutex<Vec<Option<Arc<Process>>>>,
    otherwise: Mutex<BTreeMap<usize, Otherwise>>,
    begun: AtomicU64,
    asked: AtomicU64,
    began: Instant,
    seed: u64,
    /// Whether what happens is told, for whoever looks into one seed.
    aloud: bool,
}

impl Fleet {
    /// As many processes as the layout says.
    pub fn begin(seed: u64, layout: Layout, world: World, rules: Rules, aloud: bool) -> Arc<Self> {
        let hubs = world.hubs.clone();
        let this = Arc::new(Self {
            truth: Arc::new(Mutex::new(Truth::new(hubs.clone()))),
            world: Arc::new(Mutex::new(world)),
            hubs,
            rules,
            places: Mutex::new((0..layout.replicas).map(|_| None).collect()),
            otherwise: Mutex::default(),
            begun: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            began: Instant::now(),
            layout,
            seed,
            aloud,
        });
        (0..this.layout.replicas).for_each(|number| this.start(number));
        this
    }

    /// Says what happens, if anybody wants to know.
    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.aloud {
            eprintln!("{:>10.3} {}", self.began.elapsed().as_secs_f64(), what());
        }
    }

    /// A new process in this place, if it is empty.
    fn start(&self, number: usize) {
        let mut places = self.places.lock().unwrap();
        if places[number].is_some() {
            return;
        }
        let nth = self.begun.fetch_add(1, Ordering::SeqCst);
        let place = Place {
            number,
            hubs: self.hubs.clone(),
            store: self.world.lock().unwrap().store(number),
            rng: Rng::named(self.seed, &format!("process {nth}")),
            text: self.text(number),
            rules: self.rules.clone(),
        };
        places[number] = Some(Process::begin(place));
    }

    fn text(&self, number: usize) -> String {
        let otherwise = self.otherwise.lock().unwrap().get(&number).copied().unwrap_or_default();
        self.layout.text(Otherwise { ageless: self.rules.is_off(Rule::CensusAge), ..otherwise })
    }

    /// The processes that run.
    pub fn processes(&self) -> Vec<Arc<Process>> {
        self.places.lock().unwrap().iter().flatten().cloned().collect()
    }

    fn empty(&self, number: usize) -> Option<Arc<Process>> {
        let process = self.places.lock().unwrap()[number].take();
        self.truth.lock().unwrap().forget(Party::Replica(number));
        process
    }

    /// Does what a schedule wants of processes and operators.
    pub fn wish(self: &Arc<Self>, wish: Wish) {
        self.say(|| format!("{wish:?}"));
        match wish {
            Wish::Kill(number) => {
                if let Some(process) = self.empty(number) {
                    process.kill();
                }
            }
            Wish::Retire(number) => {
                if let Some(process) = self.empty(number) {
                    tokio::spawn(process.retire());
                }
            }
            Wish::Begin(number) => self.start(number),
            Wish::Skew(number, differs) => self.skew(number, differs),
            Wish::Order(order) => drop(tokio::spawn(self.clone().order(order))),
            Wish::TakeBack(order) => drop(tokio::spawn(self.clone().take_back(order))),
        }
    }

    /// One process gets another configuration, or all do, one after the other.
    fn skew(self: &Arc<Self>, number: usize, differs: bool) {
        let mut rng = Rng::named(self.seed, &format!("skew of {number}"));
        let (weights, all) = (rng.happens(0.6), rng.happens(0.5));
        let otherwise =
            Otherwise { weights: differs && weights, intent: differs && !weights, ageless: false };
        let these = if all { (0..self.layout.replicas).collect() } else { vec![number] };
        let this = self.clone();
        tokio::spawn(async move {
            for number in these {
                this.otherwise.lock().unwrap().insert(number, otherwise);
                let process = this.places.lock().unwrap()[number].clone();
                if let Some(process) = process {
                    process.reload(this.text(number));
                }
                sleep(Duration::from_secs(5)).await;
            }
        });
    }

    /// Now and then somebody chooses a hub for their start.
    fn choice(&self) -> Option<HubId> {
        let nth = usize::try_from(self.asked.fetch_add(1, Ordering::SeqCst)).unwrap_or_default();
        (nth % 19 == 7).then(|| self.hub(nth / 19 % self.hubs.len()))
    }

    /// Who answers a request that was meant for this place.
    fn balance(&self, number: usize) -> Option<Arc<Process>> {
        let places = self.places.lock().unwrap();
        let all = (0..places.len()).map(|step| &places[(number + step) % places.len()]);
        all.flatten().find(|process| process.takes_requests()).cloned()
    }
}

impl Site for Fleet {
    fn answer<'a>(&'a self, user: &'a UserName, proven: bool, request: Request) -> BoxFuture<'a, Saw> {
        Box::pin(async move {
            let Some(process) = self.balance(request.replica) else { return Saw::Failed };
            process.busy.fetch_add(1, Ordering::SeqCst);
            let may_choose = proven && request.act == Act::Start;
            let chosen = may_choose.then(|| self.choice()).flatten();
            let fast = Fast { fleet: self, process: &process, user, proven, chosen };
            let saw = tokio::select! {
                biased;
                () = process.life.over() => Saw::Failed,
                saw = fast.answer(request.act) => saw,
            };
            process.busy.fetch_sub(1, Ordering::SeqCst);
            saw
        })
    }
}
