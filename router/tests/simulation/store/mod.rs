//! The directory of one replica over the played network: a [`Store`] that fails as the one in Redis does.
//!
//! What a call has done when its answer is lost is judged here as the real connection judges it; what the store then holds is
//! [`Memory`]'s, the process around it [`Host`]'s.

mod follow;
mod host;
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter::directory::{
    Answer, Beats, Error, Feed, Fingerprint, Full, Identity, Key, Lease, Mark, Memory, Outcome, Pulse,
    Repair, Repaired, ReplicaId, Seen, Store, Teller, Write,
};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::host::Host;
use super::net::{Net, Party};
use super::rng::Rng;

/// The longest wait for a connection to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Whether something may have been done when the answer is lost.
#[derive(Clone, Copy)]
enum Effect {
    None,
    Writes,
}

/// The way of one replica to the store. It ends with its replica.
pub struct SimStore {
    link: Arc<Link>,
    teller: Teller,
    following: OnceLock<AbortHandle>,
    /// For the pauses of whoever follows.
    rng: Rng,
}

/// The one connection for commands: made when needed, given up when it is doubtful.
struct Link {
    net: Net,
    host: Host,
    me: Party,
    /// The run of the store's process that the connection leads to.
    present: Mutex<Option<u64>>,
    /// Whoever has it makes the next connection; all others wait for the result.
    attempts: Arc<tokio::sync::Mutex<Pauses>>,
}

/// Pauses between attempts: growing, and not the same for all replicas.
struct Pauses {
    rng: Rng,
    failures: u32,
    not_before: Option<Instant>,
}

impl Pauses {
    fn new(rng: Rng) -> Self {
        Self { rng, failures: 0, not_before: None }
    }

    fn after_failure(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures += 1;
        self.rng.between(pause / 2, pause)
    }
}

impl std::fmt::Debug for SimStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimStore").field("me", &self.link.me).finish_non_exhaustive()
    }
}

impl Drop for SimStore {
    fn drop(&mut self) {
        if let Some(following) = self.following.get() {
            following.abort();
        }
    }
}

impl SimStore {
    /// The way of `me`; connects when it is first asked. `rng` is for pauses only.
    pub fn new(net: Net, host: Host, me: Party, mut rng: Rng) -> Self {
        let pauses = Pauses::new(rng.fork());
        let attempts = Arc::new(tokio::sync::Mutex::new(pauses));
        let link = Link { net, host, me, present: Mutex::new(None), attempts };
        Self { link: Arc::new(link), teller: Teller::new(), following: OnceLock::new(), rng }
    }

    fn call<T: Send + 'static>(
        &self,
        call: &'static str,
        effect: Effect,
        within: Duration,
        work: impl FnOnce(Memory) -> BoxFuture<'static, Result<T, Error>> + Send + 'static,
    ) -> Answer<'static, T> {
        let link = self.link.clone();
        Box::pin(async move { link.call(call, effect, within, work).await })
    }
}

impl Link {
    async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        call: &'static str,
        effect: Effect,
        within: Duration,
        work: impl FnOnce(Memory) -> BoxFuture<'static, Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + within;
        let unreachable = |reason| Error::Unreachable { call, reason };
        let run = match timeout_at(deadline, self.ready()).await {
            Ok(Ok(run)) => run,
            Ok(Err(problem)) => return Err(unreachable(problem)),
            Err(_) => return Err(unreachable(format!("no connection within {within:?}"))),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let host = self.host.clone();
        let answer =
            self.net.call(self.me, Party::Store, left, async move { host.serve(run, work).await }).await;
        answer.unwrap_or_else(|_| {
            self.give_up(run);
            let reason = format!("no answer within {within:?}");
            Err(match effect {
                Effect::None => Error::Unreachable { call, reason },
                Effect::Writes => Error::Unknown { call, reason },
            })
        })
    }

    fn present(&self) -> Option<u64> {
        let run = (*self.present.lock().unwrap_or_else(PoisonError::into_inner))?;
        // The end of a process is heard of, unless nothing can be heard.
        let believed = self.host.runs(run) || self.net.is_cut(Party::Store, self.me);
        believed.then_some(run)
    }

    fn give_up(&self, run: u64) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == Some(run) {
            *present = None;
        }
    }

    async fn ready(self: &Arc<Self>) -> Result<u64, String> {
        if let Some(run) = self.present() {
            return Ok(run);
        }
        let mut attempts = self.attempts.clone().lock_owned().await;
        if let Some(run) = self.present() {
            return Ok(run);
        }
        let this = self.clone();
        // Apart from the caller: with many short deadlines a connection would otherwise never be made.
        let attempt = tokio::spawn(async move {
            if let Some(not_before) = attempts.not_before {
                sleep_until(not_before).await;
            }
            let connected = this.connect().await;
            match &connected {
                Ok(run) => {
                    *this.present.lock().unwrap_or_else(PoisonError::into_inner) = Some(*run);
                    attempts.failures = 0;
                    attempts.not_before = None;
                }
                Err(_) => attempts.not_before = Some(Instant::now() + attempts.after_failure()),
            }
            connected
        });
        attempt.await.unwrap_or_else(|broken| Err(broken.to_string()))
    }

    /// A new connection: to which run of the store's process.
    async fn connect(&self) -> Result<u64, String> {
        let host = self.host.clone();
        let greet = async move { Some(host.greet().await) };
        match self.net.call(self.me, Party::Store, CONNECT_WITHIN, greet).await {
            Ok(Some(run)) => Ok(run),
            Ok(None) => Err("connection refused".to_owned()),
            Err(_) => Err(format!("no connection within {CONNECT_WITHIN:?}")),
        }
    }
}

impl Store for SimStore {
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity> {
        let offered = offered.clone();
        self.call("an introduction", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.introduce(&offered, within).await })
        })
    }

    fn load(&self, within: Duration) -> Answer<'_, Full> {
        self.call("a load", Effect::None, within, move |memory| {
            Box::pin(async move { memory.load(within).await })
        })
    }

    fn mark(&self, within: Duration) -> Answer<'_, Mark> {
        self.call("a look", Effect::None, within, move |memory| {
            Box::pin(async move { memory.mark(within).await })
        })
    }

    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome> {
        let (write, seen) = (write.clone(), seen.clone());
        self.call("a write", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.write(&write, &seen, within).await })
        })
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        let repair = repair.clone();
        self.call("a repair", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.repair(&repair, within).await })
        })
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        let (pulse, site) = (pulse.clone(), site.clone());
        self.call("a heartbeat", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.beat(&pulse, &site, within).await })
        })
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        let (replica, site) = (replica.clone(), site.clone());
        self.call("a goodbye", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.part(&replica, &site, within).await })
        })
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        self.call("a look at the heartbeats", Effect::None, within, move |memory| {
            Box::pin(async move { memory.beats(within).await })
        })
    }

    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease> {
        let (name, replica, site) = (name.clone(), replica.clone(), site.clone());
        self.call("a lease", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.lease(&name, &replica, time, &site, within).await })
        })
    }

    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()> {
        let (name, replica, site) = (name.clone(), replica.clone(), site.clone());
        self.call("the end of a lease", Effect::Writes, within, move |memory| {
            Box::pin(async move { memory.release(&name, &replica, &site, within).await })
        })
    }

    fn feed(&self) -> Feed {
        let feed = self.teller.feed();
        self.following.get_or_init(|| {
            let follower = follow::Follower::new(self.link.clone(), self.teller.clone(), self.rng.clone());
            tokio::spawn(follower.run()).abort_handle()
        });
        feed
    }

    fn malformed(&self) -> u64 {
        0 // nobody else writes here
    }
}
