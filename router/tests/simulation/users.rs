//! People: they log in, start a server, work, stop or just leave, come back, and click twice.
//!
//! What they do next follows from what they saw; how a request of theirs is routed and answered is whoever plays them's.

use std::time::Duration;

use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::rng::Rng;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A login at the site.
    Login,
    /// A request that starts the server.
    Start,
    /// A look at the page of a start that is under way.
    Look,
    /// Something under `/user/<name>/`.
    Work,
    /// The wish to stop the server.
    Stop,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub act: Act,
    /// The replica that it reaches, by number.
    pub replica: usize,
    /// How long after the first one of the same click.
    pub later: Duration,
}

/// What somebody saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// It was done: logged in, the server answered, the wish to stop was taken.
    Done,
    /// A start is under way.
    Pending,
    /// A page that asks for patience, or 429 or 503 with `Retry-After`.
    Wait(Duration),
    /// There is no server.
    NoServer,
    /// An error, or no answer at all.
    Failed,
}

/// What somebody does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// When, from now.
    pub after: Duration,
    /// Usually one; two for a double click or two tabs.
    pub requests: Vec<Request>,
}

/// How people are.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub replicas: usize,
    /// How many clicks are double, out of 1.
    pub double: f64,
    /// How many starts come from two tabs, through two replicas, out of 1.
    pub two_tabs: f64,
    /// How many sessions end with a stop, and not just with a closed browser, out of 1.
    pub stops: f64,
    /// How long they are away on average.
    pub away: Duration,
    /// How often they ask for something while they work, on average.
    pub works: Duration,
    /// How many things they ask for in one session, at most.
    pub session: usize,
    /// How many of them a hub or our cookie has named; of the others only the request says who they are.
    pub proven: f64,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            replicas: 2,
            double: 0.1,
            two_tabs: 0.15,
            stops: 0.6,
            away: Duration::from_secs(120),
            works: Duration::from_secs(20),
            session: 20,
            proven: 0.9,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Away,
    LoggingIn,
    Starting { tries: usize },
    Working { left: usize, failures: usize },
    Stopping,
}

/// Somebody.
#[derive(Debug)]
pub struct Person {
    pub name: UserName,
    /// Whether it is proven who asks.
    pub proven: bool,
    manners: Manners,
    rng: Rng,
    doing: Doing,
    replica: usize,
}

/// After so many failures in a row people do something else.
const PATIENCE: usize = 8;

impl Person {
    pub fn new(seed: u64, number: usize, manners: Manners) -> Self {
        let text = format!("user-{number}");
        let mut rng = Rng::named(seed, &text);
        let name = UserName::canonical(&text, NameRule::Lower).expect("letters and digits");
        let proven = rng.happens(manners.proven);
        let replica = rng.below(manners.replicas);
        Self { name, proven, manners, rng, doing: Doing::Away, replica }
    }

    /// What this one does after what it saw last; the first time that is of no account.
    pub fn next(&mut self, saw: Saw) -> Click {
        let (doing, after, act) = self.decide(saw);
        self.doing = doing;
        // Whoever balances between replicas keeps a browser at one of them most of the time.
        if self.rng.happens(0.2) {
            self.replica = self.rng.below(self.manners.replicas);
        }
        Click { after, requests: self.requests(act) }
    }

    fn requests(&mut self, act: Act) -> Vec<Request> {
        let first = Request { act, replica: self.replica, later: Duration::ZERO };
        let mut all = vec![first];
        let (double, tabs) = (self.rng.happens(self.manners.double), self.rng.happens(self.manners.two_tabs));
        let later = self.rng.between(Duration::ZERO, Duration::from_millis(400));
        if act == Act::Start && tabs {
            let replica = (self.replica + 1) % self.manners.replicas;
            all.push(Request { replica, later, ..first });
        } else if matches!(act, Act::Start | Act::Stop) && double {
            all.push(Request { later, ..first });
        }
        all
    }

    fn decide(&mut self, saw: Saw) -> (Doing, Duration, Act) {
        let session = Doing::Working { left: 1 + self.rng.below(self.manners.session), failures: 0 };
        match (self.doing, saw) {
            (Doing::Away, _) => self.come(),
            (Doing::LoggingIn, Saw::Done | Saw::Pending | Saw::NoServer) => self.start(0),
            (Doing::LoggingIn, Saw::Wait(time)) => (Doing::LoggingIn, self.patience(time), Act::Login),
            (Doing::LoggingIn, Saw::Failed) => (Doing::LoggingIn, self.soon(), Act::Login),
            (Doing::Starting { .. }, Saw::Done) => (session, self.soon(), Act::Work),
            (Doing::Starting { tries }, Saw::Pending) => (Doing::Starting { tries }, self.soon(), Act::Look),
            (Doing::Starting { tries }, _) if tries >= PATIENCE => self.go(),
            (Doing::Starting { tries }, Saw::Wait(time)) => {
                (Doing::Starting { tries: tries + 1 }, self.patience(time), Act::Start)
            }
            (Doing::Starting { tries }, Saw::NoServer | Saw::Failed) => self.start(tries + 1),
            (Doing::Working { left: 0, .. }, _) => self.end(),
            (Doing::Working { .. }, Saw::NoServer) => self.start(0),
            (Doing::Working { failures, .. }, Saw::Failed | Saw::Wait(_)) if failures >= PATIENCE => {
                self.start(0)
            }
            (Doing::Working { left, failures }, Saw::Failed | Saw::Wait(_)) => {
                (Doing::Working { left, failures: failures + 1 }, self.soon(), Act::Work)
            }
            (Doing::Working { left, .. }, Saw::Done | Saw::Pending) => {
                let after = self.rng.about(self.manners.works);
                (Doing::Working { left: left - 1, failures: 0 }, after, Act::Work)
            }
            (Doing::Stopping, Saw::Failed | Saw::Wait(_)) if self.rng.happens(0.7) => {
                (Doing::Stopping, self.soon(), Act::Stop)
            }
            (Doing::Stopping, _) => self.go(),
        }
    }

    /// Back at the site: by a login, or straight to the address of the notebook.
    fn come(&mut self) -> (Doing, Duration, Act) {
        let after = self.rng.about(self.manners.away);
        if self.rng.happens(0.3) {
            let left = 1 + self.rng.below(self.manners.session);
            return (Doing::Working { left, failures: 0 }, after, Act::Work);
        }
        (Doing::LoggingIn, after, Act::Login)
    }

    fn start(&mut self, tries: usize) -> (Doing, Duration, Act) {
        (Doing::Starting { tries }, self.soon(), Act::Start)
    }

    fn end(&mut self) -> (Doing, Duration, Act) {
        if self.rng.happens(self.manners.stops) {
            return (Doing::Stopping, self.soon(), Act::Stop);
        }
        self.go()
    }

    fn go(&mut self) -> (Doing, Duration, Act) {
        self.doing = Doing::Away;
        self.come()
    }

    fn soon(&mut self) -> Duration {
        self.rng.between(Duration::from_millis(300), Duration::from_secs(4))
    }

    /// Pages reload themselves in time; people are a little later, or do not wait at all.
    fn patience(&mut self, asked: Duration) -> Duration {
        if self.rng.happens(0.1) { self.soon() } else { asked + self.soon() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What a person does at a site where everything works; gives how often each act was done.
    fn life(seed: u64, manners: Manners, clicks: usize) -> (BTreeMap<Act, usize>, Vec<Click>) {
        let mut person = Person::new(seed, 1, manners);
        let (mut saw, mut runs, mut all, mut counts) = (Saw::Done, false, Vec::new(), BTreeMap::new());
        for _ in 0..clicks {
            let click = person.next(saw);
            let act = click.requests[0].act;
            *counts.entry(act).or_insert(0) += 1;
            saw = match act {
                Act::Login => Saw::Done,
                Act::Start if runs => Saw::Done,
                Act::Start => Saw::Pending,
                Act::Look => {
                    runs = true;
                    Saw::Done
                }
                Act::Work if runs => Saw::Done,
                Act::Work => Saw::NoServer,
                Act::Stop => {
                    runs = false;
                    Saw::Done
                }
            };
            all.push(click);
        }
        (counts, all)
    }

    #[test]
    fn people_do_everything_that_people_do_and_the_same_for_a_seed() {
        let (counts, clicks) = life(5, Manners::default(), 3000);

        assert_eq!(clicks, life(5, Manners::default(), 3000).1);
        let people: Vec<Person> = (0..100).map(|number| Person::new(5, number, Manners::default())).collect();
        assert_eq!(people[7].name.as_str(), "user-7");
        assert!((80..100).contains(&people.iter().filter(|person| person.proven).count()));
        for act in [Act::Login, Act::Start, Act::Look, Act::Work, Act::Stop] {
            assert!(counts.get(&act).is_some_and(|times| *times > 20), "{act:?}: {counts:?}");
        }
        assert!(counts[&Act::Work] > counts[&Act::Start] * 3, "{counts:?}");
        let starts = |click: &&Click| click.requests[0].act == Act::Start;
        let tabs = |click: &&Click| matches!(&click.requests[..], [one, two] if one.replica != two.replica && two.later < Duration::from_secs(1));
        let double = |click: &&Click| matches!(&click.requests[..], [one, two] if one.replica == two.replica && one.act == two.act);
        assert!(clicks.iter().filter(starts).filter(tabs).count() > 5);
        assert!(clicks.iter().filter(double).count() > 5);
    }

    #[test]
    fn whoever_is_asked_to_wait_comes_back_and_nobody_waits_for_ever() {
        let mut person = Person::new(1, 1, Manners::default());
        let mut acts = Vec::new();
        for _ in 0..60 {
            acts.push(person.next(Saw::Wait(Duration::from_secs(2))).requests[0].act);
        }
        assert!(acts.iter().any(|act| matches!(act, Act::Login | Act::Work)), "{acts:?}");

        let mut person = Person::new(2, 2, Manners::default());
        while person.next(Saw::Done).requests[0].act != Act::Start {}
        let tries = (0..100).take_while(|_| person.next(Saw::Failed).requests[0].act == Act::Start).count();
        assert_eq!(tries, PATIENCE);
    }
}
