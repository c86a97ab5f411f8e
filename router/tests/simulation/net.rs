//! A network between named parties: it delays, loses, reorders, and can be cut.
//!
//! A call is a request and a reply, and each may be lost or late. What was sent lives apart from who waits for it: a request
//! that arrives after its caller has given up has its effect all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::rng::Rng;

/// Who sends and receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    Replica(usize),
    Store,
    /// A hub's machine: its own process and its proxy.
    Hub(usize),
    Users,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(number) => write!(f, "replica {number}"),
            Self::Store => f.write_str("store"),
            Self::Hub(number) => write!(f, "hub {number}"),
            Self::Users => f.write_str("users"),
        }
    }
}

/// How a way between two parties is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// The shortest time of a message.
    pub least: Duration,
    /// What comes on top, on average.
    pub more: Duration,
    /// How many messages are lost, out of 1.
    pub loss: f64,
    /// How many messages are late by up to `late`, out of 1: others overtake them.
    pub lateness: f64,
    pub late: Duration,
}

impl Weather {
    /// A few milliseconds, and nothing lost.
    pub const FAIR: Self = Self {
        least: Duration::from_millis(1),
        more: Duration::from_millis(1),
        loss: 0.0,
        lateness: 0.0,
        late: Duration::ZERO,
    };
    /// Something lost now and then, something late more often.
    pub const ROUGH: Self = Self {
        loss: 0.005,
        lateness: 0.02,
        late: Duration::from_secs(4),
        more: Duration::from_millis(8),
        ..Self::FAIR
    };
    /// As rough, and worse: one message in ten is late by seconds.
    pub const ROUGHER: Self = Self { loss: 0.02, lateness: 0.1, late: Duration::from_secs(6), ..Self::ROUGH };
    /// Half of everything is lost, and the rest slow.
    pub const STORM: Self = Self {
        loss: 0.5,
        lateness: 0.5,
        late: Duration::from_secs(8),
        more: Duration::from_millis(200),
        ..Self::FAIR
    };
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// The network. Clones are the same one.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Ways>>);

struct Ways {
    seed: u64,
    usual: Weather,
    weathers: BTreeMap<(Party, Party), Weather>,
    cuts: BTreeSet<(Party, Party)>,
    hung: BTreeSet<Party>,
    streams: BTreeMap<(Party, Party), Rng>,
    sent: u64,
    lost: u64,
}

impl Net {
    pub fn new(seed: u64, usual: Weather) -> Self {
        Self(Arc::new(Mutex::new(Ways {
            seed,
            usual,
            weathers: BTreeMap::new(),
            cuts: BTreeSet::new(),
            hung: BTreeSet::new(),
            streams: BTreeMap::new(),
            sent: 0,
            lost: 0,
        })))
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the way between two parties is from now on, in both directions; `None`: as usual.
    pub fn weather(&self, one: Party, other: Party, weather: Option<Weather>) {
        let mut ways = self.ways();
        for way in [(one, other), (other, one)] {
            match weather {
                Some(weather) => ways.weathers.insert(way, weather),
                None => ways.weathers.remove(&way),
            };
        }
    }

    /// How all ways are that nobody speaks of.
    pub fn usually(&self, weather: Weather) {
        self.ways().usual = weather;
    }

    /// Nothing passes between the two, in either direction; what is on its way is lost.
    pub fn cut(&self, one: Party, other: Party) {
        self.ways().cuts.extend([(one, other), (other, one)]);
    }

    /// Nothing passes from one to the other; the way back is open.
    pub fn cut_one_way(&self, from: Party, to: Party) {
        self.ways().cuts.insert((from, to));
    }

    pub fn mend(&self, one: Party, other: Party) {
        let mut ways = self.ways();
        ways.cuts.remove(&(one, other));
        ways.cuts.remove(&(other, one));
    }

    /// `party` neither sends nor receives.
    pub fn hang(&self, party: Party, hung: bool) {
        let mut ways = self.ways();
        if hung {
            ways.hung.insert(party)
        } else {
            ways.hung.remove(&party)
        };
    }

    /// Everything is mended, and the weather is as usual.
    pub fn heal(&self) {
        let mut ways = self.ways();
        ways.cuts.clear();
        ways.hung.clear();
        ways.weathers.clear();
    }

    /// Nothing gets from one to the other now.
    pub fn is_cut(&self, from: Party, to: Party) -> bool {
        let ways = self.ways();
        ways.cuts.contains(&(from, to)) || ways.hung.contains(&from) || ways.hung.contains(&to)
    }

    /// How many messages were sent, and how many of them lost.
    pub fn counts(&self) -> (u64, u64) {
        let ways = self.ways();
        (ways.sent, ways.lost)
    }

    /// How long a message will be on its way; `None`: it is lost.
    pub fn toss(&self, from: Party, to: Party) -> Option<Duration> {
        let mut ways = self.ways();
        let seed = ways.seed;
        let weather = *ways.weathers.get(&(from, to)).unwrap_or(&ways.usual);
        let stream = ways
            .streams
            .entry((from, to))
            .or_insert_with(|| Rng::named(seed, &format!("from {from} to {to}")));
        // All drawn, whatever comes of it: a cut changes nothing about the messages after it.
        let (lost, late) = (stream.happens(weather.loss), stream.happens(weather.lateness));
        let (more, later) = (stream.about(weather.more), stream.between(Duration::ZERO, weather.late));
        ways.sent += 1;
        ways.lost += u64::from(lost);
        let delay = weather.least + more + if late { later } else { Duration::ZERO };
        (!lost).then_some(delay)
    }

    /// Takes a message from one to the other; `false`: it never arrives.
    pub async fn pass(&self, from: Party, to: Party) -> bool {
        let Some(delay) = self.toss(from, to).filter(|_| !self.is_cut(from, to)) else { return false };
        sleep(delay).await;
        !self.is_cut(from, to)
    }

    /// Sends a request that has the effect `act` where it arrives, and waits for the reply.
    pub async fn call<T, F>(&self, from: Party, to: Party, within: Duration, act: F) -> Result<T, NoAnswer>
    where
        T: Send + 'static,
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let deadline = Instant::now() + within;
        let (reply, replied) = oneshot::channel();
        let net = self.clone();
        tokio::spawn(async move {
            if !net.pass(from, to).await {
                return;
            }
            let Some(answer) = act.await else { return };
            if net.pass(to, from).await {
                let _ = reply.send(answer);
            }
        });
        if let Ok(Ok(answer)) = timeout_at(deadline, replied).await {
            return Ok(answer);
        }
        // Whoever lost it does not say so: the caller waits as long as it meant to.
        sleep_until(deadline).await;
        Err(NoAnswer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const ONE: Party = Party::Replica(0);
    const TWO: Party = Party::Users;
    const SECOND: Duration = Duration::from_secs(1);

    /// Calls `times` times; gives how many answers came and how often it happened.
    async fn calls(net: &Net, times: u32) -> (u32, u32) {
        let happened = Arc::new(AtomicU32::new(0));
        let mut answered = 0;
        for _ in 0..times {
            let happened = happened.clone();
            let act = async move {
                happened.fetch_add(1, Ordering::SeqCst);
                Some(())
            };
            answered += u32::from(net.call(ONE, TWO, SECOND, act).await.is_ok());
        }
        sleep(SECOND * 60).await;
        (answered, happened.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_fair_network_answers_everything_and_a_cut_one_nothing() {
        let net = Net::new(1, Weather::FAIR);
        assert_eq!(calls(&net, 50).await, (50, 50));
        net.cut(ONE, TWO);
        assert_eq!(calls(&net, 5).await, (0, 0));
        net.mend(ONE, TWO);
        net.cut_one_way(TWO, ONE);
        assert_eq!(calls(&net, 5).await, (0, 5), "what was done is done without an answer");
        net.heal();
        net.hang(TWO, true);
        assert_eq!(calls(&net, 5).await, (0, 0));
        net.hang(TWO, false);
        assert_eq!(calls(&net, 5).await, (5, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_storm_more_happens_than_is_answered() {
        let net = Net::new(1, Weather::FAIR);
        net.weather(ONE, TWO, Some(Weather::STORM));

        let (answered, happened) = calls(&net, 200).await;

        assert!((5..60).contains(&answered), "{answered}");
        assert!((80..120).contains(&happened), "{happened}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_message_is_overtaken() {
        let net = Net::new(3, Weather { lateness: 0.5, late: SECOND, ..Weather::FAIR });
        let order = Arc::new(Mutex::new(Vec::new()));
        let sent = (0..20).map(|number| {
            let order = order.clone();
            net.call(ONE, TWO, SECOND * 5, async move {
                order.lock().unwrap().push(number);
                Some(())
            })
        });

        futures_util::future::join_all(sent).await;

        let order = order.lock().unwrap();
        assert_eq!(order.len(), 20);
        assert!(!order.is_sorted(), "{order:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_takes_its_whole_time() {
        let net = Net::new(1, Weather::FAIR);
        let began = Instant::now();

        let answer = net.call(ONE, TWO, SECOND, async { None::<()> }).await;

        assert_eq!((answer, began.elapsed()), (Err(NoAnswer), SECOND));
    }

    #[test]
    fn what_happens_on_one_way_changes_nothing_on_another() {
        let tossed = |before: u32| {
            let net = Net::new(5, Weather::ROUGH);
            (0..before).for_each(|_| {
                net.toss(TWO, ONE);
            });
            (0..50).map(|_| net.toss(ONE, TWO)).collect::<Vec<_>>()
        };
        assert_eq!(tossed(0), tossed(17));
    }
}
