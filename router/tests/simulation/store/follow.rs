//! The other connection of a replica: it hears of changes, in their order, and says so whenever some may have been missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{Change, Teller};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::net::Party;
use super::super::rng::Rng;
use super::{CONNECT_WITHIN, Link, Pauses};

/// How often the connection is tried.
const CHECK_EVERY: Duration = Duration::from_secs(2);

pub(super) struct Follower {
    link: Arc<Link>,
    teller: Teller,
    pauses: Pauses,
}

impl Follower {
    pub(super) fn new(link: Arc<Link>, teller: Teller, rng: Rng) -> Self {
        Self { link, teller, pauses: Pauses::new(rng) }
    }

    /// Listens for ever.
    pub(super) async fn run(mut self) {
        loop {
            if let Ok(Ok(run)) = timeout(CONNECT_WITHIN, self.link.connect()).await {
                self.pauses.failures = 0;
                self.listen(run).await;
            }
            sleep(self.pauses.after_failure()).await;
        }
    }

    /// Until the connection to process `run` is known to be gone.
    async fn listen(&self, run: u64) {
        let mut changes = self.link.host.feed();
        // The first word of a feed: nobody heard what was before.
        let _ = changes.next().await;
        self.teller.tell(Change::Resync);
        let mut arriving: VecDeque<(Instant, Change)> = VecDeque::new();
        let mut check_at = Instant::now() + CHECK_EVERY;
        let mut broken = false;
        loop {
            let next_at = arriving.front().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = until(next_at) => {
                    let (_, change) = arriving.pop_front().expect("it was due");
                    // What is not heard leaves a gap, and nothing is taken behind a gap.
                    broken |= self.link.net.is_cut(Party::Store, self.link.me);
                    if !broken {
                        self.teller.tell(change);
                    }
                }
                () = self.link.host.ended(run) => return,
                Some(change) = changes.next() => {
                    // Sent over one connection: whatever was sent before has to arrive before.
                    match self.link.net.toss(Party::Store, self.link.me) {
                        Some(delay) if !self.link.net.is_cut(Party::Store, self.link.me) => {
                            arriving.push_back((Instant::now() + delay, change));
                        }
                        _ => broken = true,
                    }
                }
                () = sleep_until(check_at) => {
                    if broken || !self.answers().await {
                        return;
                    }
                    check_at = Instant::now() + CHECK_EVERY;
                }
            }
        }
    }

    /// Whether the connection takes a ping.
    async fn answers(&self) -> bool {
        let host = self.link.host.clone();
        let greet = async move { host.greet().await };
        self.link.net.call(self.link.me, Party::Store, CONNECT_WITHIN, greet).await.is_ok()
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
