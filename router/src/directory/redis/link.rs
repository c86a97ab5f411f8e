//! The one connection for commands: made when needed, shared, given up when it is doubtful, tried again with growing pauses.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::super::store::Error;
use super::servers::{Address, NoConnection, Ready, Servers};

/// The longest wait for a connection to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The pause after the first failed attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// What a call may leave behind when its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Writes,
}

/// Pauses between attempts: growing, and not the same for all replicas.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    failures: u32,
}

impl Pauses {
    pub(super) fn after_failure(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures += 1;
        let thousandths = getrandom::u32().unwrap_or_default() % 500;
        pause.mul_f64(0.5 + f64::from(thousandths) / 1000.0)
    }

    pub(super) fn after_success(&mut self) {
        self.failures = 0;
    }
}

/// The way to the store for commands.
#[derive(Clone)]
pub(super) struct Link {
    servers: Arc<Servers>,
    current: Arc<Mutex<Option<Arc<Ready>>>>,
    /// Whoever has it makes the next connection; all others wait for the result.
    attempts: Arc<tokio::sync::Mutex<Attempts>>,
}

#[derive(Debug, Default)]
struct Attempts {
    pauses: Pauses,
    not_before: Option<Instant>,
}

impl Link {
    pub(super) fn new(servers: Arc<Servers>) -> Self {
        Self { servers, current: Arc::default(), attempts: Arc::default() }
    }

    /// Sends what `send` sends, and judges its failure: whether something may have been written.
    pub(super) async fn call<T, F>(
        &self,
        call: &'static str,
        effect: Effect,
        within: Duration,
        send: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let deadline = Instant::now() + within;
        let unreachable = |reason| Error::Unreachable { call, reason };
        let ready = match timeout_at(deadline, self.ready()).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(problem)) => return Err(unreachable(problem)),
            Err(_) => return Err(unreachable(format!("no connection within {within:?}"))),
        };
        let lost = |reason| match effect {
            Effect::None => Error::Unreachable { call, reason },
            Effect::Writes => Error::Unknown { call, reason },
        };
        match timeout_at(deadline, send(ready.commands.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if is_refusal(&error) => {
                if means_another_server(&error) {
                    self.give_up(&ready);
                }
                Err(unreachable(format!("{}: the store refuses: {}", ready.address, words_of(&error))))
            }
            Ok(Err(error)) => {
                self.give_up(&ready);
                Err(lost(format!("{}: {error}", ready.address)))
            }
            Err(_) => {
                self.give_up(&ready);
                Err(lost(format!("{}: no answer within {within:?}", ready.address)))
            }
        }
    }

    /// The server of the present connection.
    pub(super) fn address(&self) -> Option<Address> {
        self.present().map(|ready| ready.address.clone())
    }

    /// Ends the present connection if it leads to another server than `address`.
    pub(super) fn leave_unless(&self, address: &Address) {
        if let Some(ready) = self.present().filter(|ready| ready.address != *address) {
            self.give_up(&ready);
        }
    }

    /// Ends the present connection; the next call asks anew where to go.
    pub(super) fn leave(&self) {
        self.locked().take();
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Arc<Ready>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn present(&self) -> Option<Arc<Ready>> {
        self.locked().clone().filter(|ready| !ready.driver.is_finished())
    }

    fn give_up(&self, ready: &Arc<Ready>) {
        let mut current = self.locked();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, ready)) {
            *current = None;
        }
    }

    async fn ready(&self) -> Result<Arc<Ready>, String> {
        if let Some(ready) = self.present() {
            return Ok(ready);
        }
        let mut attempts = self.attempts.clone().lock_owned().await;
        if let Some(ready) = self.present() {
            return Ok(ready);
        }
        let this = self.clone();
        // Apart from the caller: with many short deadlines a connection would otherwise never be made.
        let attempt = tokio::spawn(async move {
            if let Some(not_before) = attempts.not_before {
                sleep_until(not_before).await;
            }
            let connected = timeout(CONNECT_WITHIN, this.servers.connect()).await;
            this.note(connected, &mut attempts)
        });
        attempt.await.unwrap_or_else(|broken| Err(broken.to_string()))
    }

    fn note(
        &self,
        connected: Result<Result<Ready, NoConnection>, tokio::time::error::Elapsed>,
        attempts: &mut Attempts,
    ) -> Result<Arc<Ready>, String> {
        let problem = match connected {
            Ok(Ok(ready)) => {
                let ready = Arc::new(ready);
                *self.locked() = Some(ready.clone());
                attempts.pauses.after_success();
                attempts.not_before = None;
                return Ok(ready);
            }
            Ok(Err(problem)) => problem.to_string(),
            Err(_) => format!("no connection within {CONNECT_WITHIN:?}"),
        };
        attempts.not_before = Some(Instant::now() + attempts.pauses.after_failure());
        Err(problem)
    }
}

/// The server answered, and the answer says that it did nothing: our scripts write last, and whole.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed)
}

/// What the server said, unless it repeats what it was sent, as it does with a command that it does not know.
fn words_of(error: &RedisError) -> String {
    let said = error.to_string();
    if said.contains("args beginning with") { error.category().to_owned() } else { said }
}

/// The server answers, but another one might do better: a replica, one that is loading, one that lost its master.
fn means_another_server(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading
        ) | ErrorKind::AuthenticationFailed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_success() {
        let mut pauses = Pauses::default();
        let first = pauses.after_failure();
        let last = (0..20).map(|_| pauses.after_failure()).last().unwrap();

        assert!(first <= FIRST_PAUSE, "{first:?}");
        assert!((LONGEST_PAUSE / 2..=LONGEST_PAUSE).contains(&last), "{last:?}");

        pauses.after_success();
        assert!(pauses.after_failure() <= FIRST_PAUSE);
    }
}
