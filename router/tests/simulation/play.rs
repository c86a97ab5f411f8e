//! Plays people and faults against a site, whatever routes there.
//!
//! How a site answers a request is the [`Site`]'s; the one in the tests is a router that nobody should have: it shows that what
//! is counted here can be seen.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use hubrouter_hub_adapter::names::UserName;
use tokio::time::{Instant, sleep, sleep_until};

use super::faults::Schedule;
use super::users::{Person, Request, Saw};
use super::world::{Wish, World};

/// Runs one seed in a runtime of its own: one thread, time that stands still while anybody has something to do, and nothing
/// of another run still on its way.
pub fn alone<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without sockets").block_on(run)
}

/// Whoever answers requests.
pub trait Site: Send + Sync {
    /// What the user sees of a request.
    fn answer<'a>(&'a self, user: &'a UserName, proven: bool, request: Request) -> BoxFuture<'a, Saw>;
}

/// Somebody lives with a site until then.
pub async fn live(mut person: Person, site: Arc<dyn Site>, until: Instant) {
    let mut saw = Saw::Done;
    loop {
        let click = person.next(saw);
        sleep(click.after).await;
        if Instant::now() >= until {
            return;
        }
        let seen = click.requests.into_iter().map(|request| {
            let (site, person) = (&site, &person);
            async move {
                sleep(request.later).await;
                site.answer(&person.name, person.proven, request).await
            }
        });
        saw = best(join_all(seen).await);
    }
}

/// Of two tabs people look at the one that works.
fn best(seen: Vec<Saw>) -> Saw {
    let worth = |saw: &Saw| match saw {
        Saw::Done => 0,
        Saw::Pending => 1,
        Saw::NoServer => 2,
        Saw::Wait(_) => 3,
        Saw::Failed => 4,
    };
    seen.into_iter().min_by_key(worth).unwrap_or(Saw::Failed)
}

/// Plays a schedule from now on; what others have to do goes to `wish`.
pub async fn harm(world: Arc<Mutex<World>>, schedule: Schedule, wish: impl Fn(Wish)) {
    let began = Instant::now();
    for (at, edge, number) in schedule.edges() {
        sleep_until(began + at).await;
        let wanted = world.lock().unwrap().play(number, edge, &schedule.faults[number].what);
        wanted.into_iter().for_each(&wish);
    }
}

/// Looks every so often, from now to the end of the run.
pub async fn watch(every: Duration, mut look: impl FnMut()) {
    loop {
        sleep(every).await;
        look();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hubrouter_hub_adapter::probe::{Plane, Seen};

    use super::super::faults::{Kind, Plan};
    use super::super::hubs::{Habits, Hubs, Started, Visit};
    use super::super::net::{Party, Weather};
    use super::super::truth::{By, Truth};
    use super::super::users::{Act, Manners};
    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const PEOPLE: usize = 12;

    /// Sends everybody to the first hub that answers a probe now.
    struct Reflex {
        hubs: Hubs,
        truth: Arc<Mutex<Truth>>,
    }

    impl Site for Reflex {
        fn answer<'a>(&'a self, user: &'a UserName, _: bool, request: Request) -> BoxFuture<'a, Saw> {
            Box::pin(async move {
                let (me, hubs) = (Party::Replica(request.replica), &self.hubs);
                let home = user.as_str().len() + user.as_str().bytes().map(usize::from).sum::<usize>();
                for step in 0..hubs.len() {
                    let hub = hubs.id((home + step) % hubs.len()).clone();
                    if hubs.probe(me, &hub, Plane::Hub, Duration::from_secs(2)).await.seen != Seen::Ok {
                        continue;
                    }
                    return match request.act {
                        Act::Login => {
                            hubs.login(me, &hub, user, SOON).await.map_or(Saw::Failed, |()| Saw::Done)
                        }
                        Act::Start => {
                            self.truth.lock().unwrap().forwarded(me, user, &hub, By::Router);
                            match hubs.start(me, &hub, user, SOON).await {
                                Ok(Started::Runs) => Saw::Done,
                                Ok(Started::Pending | Started::Refused) => Saw::Pending,
                                Ok(Started::Busy { retry_after }) => Saw::Wait(retry_after),
                                Ok(Started::Failed) | Err(_) => Saw::Failed,
                            }
                        }
                        Act::Look | Act::Work => match hubs.visit(me, &hub, user, SOON).await {
                            Ok(Visit::Server) => Saw::Done,
                            Ok(Visit::NoServer) => Saw::NoServer,
                            Ok(Visit::Broken | Visit::Unavailable) | Err(_) => Saw::Failed,
                        },
                        Act::Stop => hubs.stop(me, &hub, user, SOON).await.map_or(Saw::Failed, |_| Saw::Done),
                    };
                }
                Saw::Failed
            })
        }
    }

    /// An hour; gives what was counted, as text, and how many violations there were.
    fn hour(seed: u64, faults: usize) -> (String, usize) {
        alone(hour_of(seed, faults))
    }

    async fn hour_of(seed: u64, faults: usize) -> (String, usize) {
        let ids = ["a", "b", "c"].map(|id| (id.parse().unwrap(), Habits::default()));
        let weather = if faults == 0 { Weather::FAIR } else { Weather::ROUGH };
        let world = World::new(seed, weather, ids);
        let hubs = world.hubs.clone();
        let plan = Plan {
            hubs: 3,
            replicas: 2,
            users: PEOPLE,
            from: Duration::from_secs(60),
            until: Duration::from_secs(3000),
            faults,
            kinds: BTreeSet::from([Kind::Crash, Kind::Hang, Kind::Network]),
        };
        let schedule = Schedule::draw(seed, &plan);
        let truth = Arc::new(Mutex::new(Truth::new(hubs.clone())));
        let site: Arc<dyn Site> = Arc::new(Reflex { hubs, truth: truth.clone() });
        let until = Instant::now() + Duration::from_secs(3600);
        tokio::spawn(harm(Arc::new(Mutex::new(world)), schedule.clone(), |_| {}));
        let looking = truth.clone();
        let looks = tokio::spawn(watch(Duration::from_secs(1), move || looking.lock().unwrap().step()));
        let people = (0..PEOPLE).map(|number| {
            tokio::spawn(live(Person::new(seed, number, Manners::default()), site.clone(), until))
        });
        for person in people.collect::<Vec<_>>() {
            person.await.unwrap();
        }
        looks.abort();
        let truth = truth.lock().unwrap();
        let all: Vec<String> = truth.violations().iter().map(ToString::to_string).collect();
        let counted = format!("{} {all:#?} {:?} {schedule}", truth.starts(), truth.doubles());
        (counted, truth.violations().len())
    }

    #[test]
    fn while_nothing_goes_wrong_nobody_gets_two_servers() {
        for seed in 0..5 {
            let (counted, violations) = hour(seed, 0);
            assert_eq!(violations, 0, "seed {seed}: {counted}");
            assert!(!counted.starts_with("0 "), "people start servers");
        }
    }

    #[test]
    fn a_router_that_follows_each_probe_gives_people_two_servers_and_that_is_seen() {
        let mut caught = 0;
        for seed in 0..10 {
            caught += usize::from(hour(seed, 6).1 > 0);
        }
        assert!(caught >= 8, "{caught} of 10 seeds");
    }

    #[test]
    fn an_hour_of_a_seed_is_the_same_twice() {
        for seed in 0..10 {
            assert_eq!(hour(seed, 6), hour(seed, 6));
        }
    }
}
