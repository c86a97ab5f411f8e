//! The store's process: what it holds, whether it runs, how fast, and what its clock says.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hubrouter::directory::{Clock, Dump, Error, Feed, Memory, Store, StoreTime};
use tokio::time::{Instant, sleep};

use super::super::bell::Bell;
use super::super::rng::Rng;

/// What the store's clock says when the simulation begins.
const BEGINNING: i64 = 1_700_000_000_000;

/// A machine with the store's process. Clones are the same one.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    memory: Memory,
    life: Mutex<Life>,
    changed: Bell,
    ahead: Arc<AtomicI64>,
    clock: Clock,
    rng: Mutex<Rng>,
}

#[derive(Clone, Copy)]
struct Life {
    /// How often the process was begun; connections belong to one of them.
    run: u64,
    up: bool,
    hung: bool,
    /// What every call takes on average, beyond the network.
    slow: Duration,
}

impl Host {
    /// An empty store whose process runs.
    pub fn new(rng: Rng) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = clock(ahead.clone());
        let memory = Memory::new(clock.clone());
        let life = Mutex::new(Life { run: 1, up: true, hung: false, slow: Duration::ZERO });
        Self(Arc::new(Inner { memory, life, changed: Bell::default(), ahead, clock, rng: Mutex::new(rng) }))
    }

    /// The process ends; what it holds stays on its disk.
    pub fn kill(&self) {
        self.change(|life| life.up = false);
    }

    /// A new process with what the one before held.
    pub fn begin(&self) {
        self.change(|life| *life = Life { run: life.run + 1, up: true, hung: false, ..*life });
    }

    /// The process goes on or stands still; what it was sent while it stood still is done when it goes on.
    pub fn hang(&self, hung: bool) {
        self.change(|life| life.hung = hung);
    }

    pub fn slow(&self, mean: Duration) {
        self.change(|life| life.slow = mean);
    }

    /// Everything is gone, and connections stay: somebody gave that command.
    pub fn flush(&self) {
        self.0.memory.restore(Dump::default());
    }

    pub fn dump(&self) -> Dump {
        self.0.memory.dump()
    }

    /// A new process with an older state: a backup, or another machine that had not got the last writes yet.
    pub fn replace(&self, older: Dump) {
        self.kill();
        self.0.memory.restore(older);
        self.begin();
    }

    /// The clock jumps by so many milliseconds, back if that is negative.
    pub fn jump(&self, millis: i64) {
        self.0.ahead.fetch_add(millis, Ordering::SeqCst);
        // It may go back, as that of Redis may.
        self.0.memory.restore(self.0.memory.dump());
    }

    /// What its clock says.
    pub fn time(&self) -> StoreTime {
        (self.0.clock)()
    }

    /// The directory itself, for those who look on: no network, never down.
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The process that was begun as number `run` runs.
    pub(super) fn runs(&self, run: u64) -> bool {
        let life = self.life();
        life.up && life.run == run
    }

    /// Answers a new connection: which process it leads to; `None`: nobody listens.
    pub(super) async fn greet(&self) -> Option<u64> {
        let life = self.awake(None).await;
        life.up.then_some(life.run)
    }

    /// Does `work`, unless the process that it was sent to is gone.
    pub(super) async fn serve<T>(
        &self,
        run: u64,
        work: impl FnOnce(Memory) -> BoxFuture<'static, Result<T, Error>>,
    ) -> Option<Result<T, Error>> {
        let life = self.awake(Some(run)).await;
        if !life.slow.is_zero() {
            let takes = self.0.rng.lock().expect("no test panics with it").about(life.slow);
            sleep(takes).await;
        }
        if !self.runs(run) {
            return None;
        }
        Some(work(self.0.memory.clone()).await)
    }

    pub(super) fn feed(&self) -> Feed {
        self.0.memory.feed()
    }

    /// Ends when process `run` does.
    pub(super) async fn ended(&self, run: u64) {
        self.0.changed.until(|| (!self.runs(run)).then_some(())).await;
    }

    /// Waits while the process stands still, or until `run` is over.
    async fn awake(&self, run: Option<u64>) -> Life {
        let over = |life: &Life| run.is_some_and(|run| life.run != run);
        let awake = |life: &Life| !life.hung || !life.up || over(life);
        self.0.changed.until(|| Some(self.life()).filter(awake)).await
    }

    fn life(&self) -> Life {
        *self.0.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Life)) {
        change(&mut self.0.life.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.ring();
    }
}

fn clock(ahead: Arc<AtomicI64>) -> Clock {
    let began = Instant::now();
    Arc::new(move || {
        let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let millis = BEGINNING + passed + ahead.load(Ordering::SeqCst);
        StoreTime::from_millis(u64::try_from(millis).unwrap_or_default())
    })
}
