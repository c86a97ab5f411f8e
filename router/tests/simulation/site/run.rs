//! One seed, played and judged: people, faults, then peace until everybody is home, then a last start of everybody's.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use hubrouter::control::operator::What;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::faults::{Kind, Plan, Schedule};
use super::super::hubs::Habits;
use super::super::net::Weather;
use super::super::play::{Site, alone, harm, live};
use super::super::rng::Rng;
use super::super::truth::Because;
use super::super::users::{Act, Manners, Person, Request, Saw};
use super::super::world::World;
use super::Fleet;
use super::config::Layout;
use super::judge::Judge;
use super::operator::person;
use super::rules::Rules;

const SECOND: Duration = Duration::from_secs(1);
/// Until everything is calm and everybody may start.
const WARM: Duration = Duration::from_secs(60);
/// Until no fault is left.
const FAULTY: Duration = Duration::from_secs(1500);
/// Servers that nobody uses for so long are stopped, as on most sites.
const CULLED_AFTER: Duration = Duration::from_secs(200);
/// The longest that it may take until everybody is home: the wait for failback doubles up to two hours.
const HOME_WITHIN: Duration = Duration::from_secs(4 * 3600);
/// The longest that anybody waits for a server when all is well.
const SERVED_WITHIN: Duration = Duration::from_secs(180);
/// A drain is over by then: its deadline, and what stopping takes.
const EMPTY_WITHIN: Duration = Duration::from_secs(900);

/// What is played.
#[derive(Clone, Debug)]
pub struct Play {
    pub seed: u64,
    pub schedule: Schedule,
    pub weather: Weather,
    pub manners: Manners,
    pub habits: Habits,
    pub rules: Rules,
    pub aloud: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub seed: u64,
    pub schedule: Schedule,
    /// What must not happen.
    pub wrong: Vec<String>,
    /// Users with two servers because a start arrived late.
    pub late: usize,
    pub starts: u64,
    /// All that was seen, as a number.
    pub digest: String,
    pub lasted: Duration,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<&str> = self.wrong.iter().take(3).map(String::as_str).collect();
        let more = self.wrong.len() - told.len();
        write!(f, "seed {}: {} (and {more} more) | played: {}", self.seed, told.join(" | "), self.schedule)
    }
}

impl Play {
    /// What a seed gives: every other one is hard on everybody, and some know a few kinds of faults only.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::named(seed, "play");
        let layout = Layout::draw(seed);
        let hard = rng.happens(0.5);
        let faults = if hard { 8 + rng.below(14) } else { 1 + rng.below(9) };
        let few = rng.happens(0.5).then(|| (0..3).map(|_| *rng.pick(&Kind::ALL)).collect());
        let plan = Plan {
            hubs: layout.hubs.len(),
            replicas: layout.replicas,
            users: layout.people,
            from: WARM + 30 * SECOND,
            until: FAULTY,
            faults,
            kinds: few.unwrap_or_default(),
        };
        let mild = rng.happens(0.5);
        let weather = match (hard, mild) {
            (true, false) => Weather::ROUGHER,
            (true, true) | (false, false) => Weather::ROUGH,
            (false, true) => Weather::FAIR,
        };
        let usual =
            Manners { replicas: layout.replicas, away: 60 * SECOND, session: 12, ..Manners::default() };
        let hasty = Manners {
            away: 15 * SECOND,
            works: 8 * SECOND,
            session: 6,
            two_tabs: 0.4,
            double: 0.2,
            stops: 0.8,
            ..usual
        };
        let slow =
            Habits { spawn: (3 * SECOND, 45 * SECOND), stop: (SECOND, 25 * SECOND), ..Habits::default() };
        let (manners, habits) = if hard { (hasty, slow) } else { (usual, Habits::default()) };
        let schedule = Schedule::draw(seed, &plan);
        Self { seed, schedule, weather, manners, habits, rules: Rules::default(), aloud: false }
    }

    /// Hasty people, rough weather, and much that goes wrong in a few ways only.
    pub fn harsh(seed: u64, kinds: &[Kind]) -> Self {
        let usual = Self::of(seed);
        let layout = Layout::draw(seed);
        let plan = Plan {
            hubs: layout.hubs.len(),
            replicas: layout.replicas,
            users: layout.people,
            from: WARM + 30 * SECOND,
            until: FAULTY,
            faults: 20,
            kinds: kinds.iter().copied().collect(),
        };
        let manners = Manners {
            away: 15 * SECOND,
            works: 8 * SECOND,
            session: 6,
            two_tabs: 0.6,
            double: 0.3,
            stops: 0.8,
            ..usual.manners
        };
        Self { schedule: Schedule::draw(seed, &plan), weather: Weather::ROUGHER, manners, ..usual }
    }

    /// The same with nothing that goes wrong.
    pub fn fair(seed: u64) -> Self {
        Self { schedule: Schedule::default(), weather: Weather::FAIR, ..Self::of(seed) }
    }

    pub fn without(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Plays it in a world of its own.
    pub fn run(&self) -> Outcome {
        count_panics();
        PANICS.set(0);
        let mut outcome = alone(played(self.clone()));
        let panics = PANICS.get();
        if panics > 0 {
            outcome.wrong.push(format!("{panics} panics"));
        }
        outcome
    }

    /// Takes away every fault that the failure does not need.
    pub fn minimal(&self) -> Outcome {
        let (mut least, mut outcome) = (self.clone(), self.run());
        let mut number = 0;
        while number < least.schedule.faults.len() {
            let less = Self { schedule: least.schedule.without(number), ..least.clone() };
            let other = less.run();
            if other.wrong.is_empty() {
                number += 1;
            } else {
                (least, outcome) = (less, other);
            }
        }
        outcome
    }
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// A task that panics takes nobody with it: it is counted on its thread.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            usual(info);
        }));
    });
}

async fn played(play: Play) -> Outcome {
    let Play { seed, schedule, weather, manners, habits, rules, aloud } = play;
    let (began, rules_hold) = (Instant::now(), rules.all_hold());
    let layout = Layout::draw(seed);
    let reached = |direct: &bool| Habits { direct: *direct, ..habits };
    let hubs = layout.hubs.iter().cloned().zip(layout.direct.iter().map(reached));
    let world = World::new(seed, weather, hubs.collect::<Vec<_>>());
    let fleet = Fleet::begin(seed, layout, world, rules, aloud);
    let site: Arc<dyn Site> = fleet.clone();
    for number in 0..fleet.layout.people {
        tokio::spawn(live(Person::new(seed, number, manners), site.clone(), began + FAULTY));
    }
    let wishing = fleet.clone();
    tokio::spawn(harm(fleet.world.clone(), schedule.clone(), move |wish| wishing.wish(wish)));
    tokio::spawn(fleet.clone().keep_watch(seed.is_multiple_of(3)));
    let mut run = Run {
        fleet: fleet.clone(),
        judge: Judge::of(schedule.clone()),
        wrong: Vec::new(),
        seen: String::new(),
    };
    run.until(began + FAULTY).await;
    if run.ends_early() {
        return run.outcome(seed, schedule, began);
    }
    fleet.world.lock().unwrap().net.usually(Weather::FAIR);
    if rules_hold && run.comes_home().await {
        run.everybody_starts(&site, &manners).await;
        run.drains().await;
        run.comes_home().await;
    }
    run.outcome(seed, schedule, began)
}

struct Run {
    fleet: Arc<Fleet>,
    judge: Judge,
    wrong: Vec<String>,
    seen: String,
}

impl Run {
    /// Looks every second until then.
    async fn until(&mut self, then: Instant) {
        while Instant::now() < then && !self.ends_early() {
            self.step().await;
        }
    }

    /// With a rule off, the first thing that goes wrong is enough.
    fn ends_early(&self) -> bool {
        !self.fleet.rules.all_hold() && !self.fleet.truth.lock().unwrap().violations().is_empty()
    }

    async fn step(&mut self) {
        sleep(SECOND).await;
        self.judge.look(&self.fleet);
        self.cull();
    }

    /// Stops what nobody uses.
    fn cull(&self) {
        for number in 0..self.fleet.hubs.len() {
            let idle: Vec<_> = self.fleet.hubs.with(number, |hub, now| {
                if hub.process() != super::super::hubs::Process::Up {
                    return Vec::new();
                }
                let idle = |at: Option<Instant>| at.is_some_and(|at| now - at > CULLED_AFTER);
                let users = hub.rows().keys().filter(|user| idle(hub.last_activity(user)));
                users.cloned().collect()
            });
            for user in idle {
                self.fleet.hubs.with(number, |hub, now| hub.stop(&user, now));
            }
        }
    }

    /// Waits until all is well.
    async fn comes_home(&mut self) -> bool {
        let until = Instant::now() + HOME_WITHIN;
        loop {
            self.until(Instant::now() + 10 * SECOND).await;
            match self.fleet.unsettled() {
                None => return true,
                Some(why) if Instant::now() >= until => {
                    self.wrong.push(format!("not well after {HOME_WITHIN:?}: {why}"));
                    return false;
                }
                Some(_) => {}
            }
        }
    }

    /// Nobody waits for ever.
    async fn everybody_starts(&mut self, site: &Arc<dyn Site>, manners: &Manners) {
        let until = Instant::now() + SERVED_WITHIN;
        let people = self.fleet.layout.people;
        let mut waiting: Vec<_> =
            (0..people).map(|number| tokio::spawn(served(site.clone(), number, *manners, until))).collect();
        self.until(until).await;
        for (number, one) in waiting.drain(..).enumerate() {
            if !one.await.unwrap_or(false) {
                self.wrong.push(format!("{} got no server within {SERVED_WITHIN:?}", person(number)));
            }
        }
    }

    /// A drained hub empties.
    async fn drains(&mut self) {
        let (fleet, number) = (self.fleet.clone(), 0);
        let hub = fleet.hub(number);
        let before = fleet.truth.lock().unwrap().count_at(&hub);
        match fleet.ask(fleet.drain(number)).await {
            Some(Ok(())) => {}
            refused => self.wrong.push(format!("a drain in peace is refused: {refused:?}")),
        }
        self.until(Instant::now() + EMPTY_WITHIN).await;
        let after = fleet.truth.lock().unwrap().count_at(&hub);
        if after > 0 {
            self.wrong.push(format!("{hub} is drained and has {after} servers, {before} before"));
        }
        match fleet.ask(What::Resume { hub }).await {
            Some(Ok(())) => {}
            refused => self.wrong.push(format!("a resume in peace is refused: {refused:?}")),
        }
    }

    fn outcome(mut self, seed: u64, schedule: Schedule, began: Instant) -> Outcome {
        let truth = self.fleet.truth.lock().unwrap();
        self.wrong.extend(truth.violations().iter().map(ToString::to_string));
        let late = truth.doubles().iter().filter(|double| double.because == Because::LateStart).count();
        let lasted = began.elapsed();
        let counts = self.fleet.world.lock().unwrap().net.counts();
        self.seen =
            format!("{:?} {:?} {} {counts:?} {lasted:?}", truth.doubles(), self.wrong, truth.starts());
        Outcome { seed, schedule, wrong: self.wrong, late, starts: truth.starts(), digest: self.seen, lasted }
    }
}

/// Asks for a server until there is one.
async fn served(site: Arc<dyn Site>, number: usize, manners: Manners, until: Instant) -> bool {
    let user = person(number);
    let mut act = Act::Login;
    while Instant::now() < until {
        let request = Request { act, replica: number % manners.replicas, later: Duration::ZERO };
        let saw = site.answer(&user, true, request).await;
        act = match (act, saw) {
            (Act::Login, Saw::Done) => Act::Start,
            (Act::Start | Act::Look, Saw::Done | Saw::Pending) => Act::Work,
            (Act::Work, Saw::Done) => return true,
            (Act::Work, Saw::NoServer) => Act::Start,
            (act, _) => act,
        };
        let pause = if let Saw::Wait(time) = saw { time } else { 2 * SECOND };
        sleep_until((Instant::now() + pause).min(until)).await;
    }
    false
}
