//! Where a hub's name leads, and who is believed there: addresses looked up in the background, and the last good answer kept.
//!
//! A name server that is slow or gone for a while is noticed by nobody: an answer that is no longer fresh is
//! still used while the next one is fetched, and a failed look-up never replaces a good one.
//! Which of the addresses to connect to, and how long to try, is left to the caller.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hubrouter_config::HubUrl;

use crate::secure::Trusts;

/// How long an answer is used without asking again.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// How long a failed first look-up answers for those who ask next, so that a storm asks the name server once.
const FAILED_FOR: Duration = Duration::from_secs(1);

type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type Lookup = dyn Fn(String, u16) -> LookupFuture + Send + Sync;

/// Turns hub addresses into socket addresses, and keeps whom to believe there. Clones share one cache, also between threads and
/// runtimes.
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    lookup: Box<Lookup>,
    fresh_for: Duration,
    names: Mutex<HashMap<(String, u16), Arc<Name>>>,
    trusts: Trusts,
}

/// What is known about one name.
#[derive(Default)]
struct Name {
    known: Mutex<Known>,
    /// Held while somebody looks the name up: one question at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    good: Option<(Vec<SocketAddr>, Instant)>,
    failed: Option<(io::ErrorKind, String, Instant)>,
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::new()
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that asks the operating system; answers are fresh for 10 s.
    pub fn new() -> Resolver {
        Resolver::with(FRESH_FOR, |host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        })
    }

    pub(crate) fn with(
        fresh_for: Duration,
        lookup: impl Fn(String, u16) -> LookupFuture + Send + Sync + 'static,
    ) -> Resolver {
        Resolver(Arc::new(Shared {
            lookup: Box::new(lookup),
            fresh_for,
            names: Mutex::default(),
            trusts: Trusts::default(),
        }))
    }

    /// Whom to believe at hubs that are https.
    pub fn trusts(&self) -> &Trusts {
        &self.0.trusts
    }

    /// The addresses of `url`, at least one, in the name server's order.
    ///
    /// Answers at once, except for the first question about a name. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Only when the name has never been resolved: nothing was sent to the hub.
    pub async fn addresses(&self, url: &HubUrl) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = url.host().parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, url.port())]);
        }
        let key = (url.host().to_owned(), url.port());
        let name = Arc::clone(locked(&self.0.names).entry(key.clone()).or_default());
        let Some((addresses, age)) = name.last_good() else { return self.first(&key, &name).await };
        if age >= self.0.fresh_for {
            self.refresh(key, name);
        }
        Ok(addresses)
    }

    async fn first(&self, key: &(String, u16), name: &Name) -> io::Result<Vec<SocketAddr>> {
        let _one_at_a_time = name.asking.lock().await;
        match name.settled() {
            Some(answer) => answer,
            None => name.ask(&self.0.lookup, key).await,
        }
    }

    fn refresh(&self, key: (String, u16), name: Arc<Name>) {
        let shared = Arc::clone(&self.0);
        // The task is short and belongs to the runtime of whoever asked: if that one ends, the next asker tries.
        drop(tokio::spawn(async move {
            let Ok(_one_at_a_time) = name.asking.try_lock() else { return };
            if name.failed_just_now() {
                return;
            }
            // A failure is remembered beside the good answer, which stays.
            let _ = name.ask(&shared.lookup, &key).await;
        }));
    }
}

impl Name {
    fn last_good(&self) -> Option<(Vec<SocketAddr>, Duration)> {
        locked(&self.known).good.as_ref().map(|(addresses, at)| (addresses.clone(), at.elapsed()))
    }

    fn failed_just_now(&self) -> bool {
        locked(&self.known).failed.as_ref().is_some_and(|(_, _, at)| at.elapsed() < FAILED_FOR)
    }

    /// What somebody else found out while we waited for our turn.
    fn settled(&self) -> Option<io::Result<Vec<SocketAddr>>> {
        let known = locked(&self.known);
        if let Some((addresses, _)) = &known.good {
            return Some(Ok(addresses.clone()));
        }
        let (kind, text, at) = known.failed.as_ref()?;
        (at.elapsed() < FAILED_FOR).then(|| Err(io::Error::new(*kind, text.clone())))
    }

    async fn ask(&self, lookup: &Lookup, (host, port): &(String, u16)) -> io::Result<Vec<SocketAddr>> {
        let answer = lookup(host.clone(), *port).await.and_then(|addresses| match addresses.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, format!("`{host}` has no address"))),
            false => Ok(addresses),
        });
        let mut known = locked(&self.known);
        match &answer {
            Ok(addresses) => *known = Known { good: Some((addresses.clone(), Instant::now())), failed: None },
            Err(error) => known.failed = Some((error.kind(), error.to_string(), Instant::now())),
        }
        answer
    }
}

/// A panic elsewhere cannot leave these maps half written, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Name servers that answer one after the other, and how often they were asked.
    fn asking(fresh_for: Duration, answers: &[Result<u8, &'static str>]) -> (Resolver, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answers) = (Arc::clone(&asked), answers.to_vec());
        let resolver = Resolver::with(fresh_for, move |_, port| {
            let turn = count.fetch_add(1, Ordering::SeqCst);
            let answer = answers.get(turn).copied().unwrap_or(Err("asked too often"));
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                match answer {
                    Ok(last) => Ok(vec![SocketAddr::from(([192, 0, 2, last], port))]),
                    Err(text) => Err(io::Error::new(io::ErrorKind::NotFound, text)),
                }
            })
        });
        (resolver, asked)
    }

    fn named() -> HubUrl {
        "http://hub-a.example:81".parse().unwrap()
    }

    fn address(last: u8) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([192, 0, 2, last], 81))]
    }

    /// Asks until the background has brought this answer.
    async fn until(resolver: &Resolver, last: u8) {
        for _ in 0..400 {
            if resolver.addresses(&named()).await.unwrap() == address(last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the answer {last} never came");
    }

    #[tokio::test]
    async fn an_address_is_no_question() {
        let (resolver, asked) = asking(LONG, &[]);

        let v4 = resolver.addresses(&"http://192.0.2.7:80".parse().unwrap()).await.unwrap();
        let v6 = resolver.addresses(&"http://[2001:db8::7]:81".parse().unwrap()).await.unwrap();

        assert_eq!(
            (v4[0].to_string(), v6[0].to_string()),
            ("192.0.2.7:80".into(), "[2001:db8::7]:81".into())
        );
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_fresh_answer_is_used_again() {
        let (resolver, asked) = asking(LONG, &[Ok(1)]);

        for _ in 0..3 {
            assert_eq!(resolver.addresses(&named()).await.unwrap(), address(1));
        }

        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_old_answer_is_used_while_the_next_one_is_fetched() {
        let (resolver, _) = asking(Duration::ZERO, &[Ok(1), Ok(2)]);
        assert_eq!(resolver.addresses(&named()).await.unwrap(), address(1));

        assert_eq!(resolver.addresses(&named()).await.unwrap(), address(1));

        until(&resolver, 2).await;
    }

    #[tokio::test]
    async fn a_name_server_that_fails_takes_no_good_answer_away() {
        let (resolver, asked) = asking(Duration::ZERO, &[Ok(1), Err("gone"), Err("gone")]);

        for _ in 0..10 {
            assert_eq!(resolver.addresses(&named()).await.unwrap(), address(1));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }

        assert_eq!(asked.load(Ordering::SeqCst), 2, "a failure is not repeated within a second");
    }

    #[tokio::test]
    async fn a_storm_of_first_questions_asks_once() {
        for answer in [Ok(1), Err("no such name")] {
            let (resolver, asked) = asking(LONG, &[answer]);
            let storm = (0..20).map(|_| {
                let resolver = resolver.clone();
                tokio::spawn(async move { resolver.addresses(&named()).await })
            });

            for asker in storm.collect::<Vec<_>>() {
                let got = asker.await.unwrap().map_err(|error| error.to_string());
                assert_eq!(got, answer.map(address).map_err(str::to_owned));
            }

            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_an_error_that_says_so() {
        let resolver = Resolver::with(LONG, |_, _| Box::pin(async { Ok(Vec::new()) }));

        let error = resolver.addresses(&named()).await.unwrap_err();

        assert_eq!(error.to_string(), "`hub-a.example` has no address");
    }

    #[tokio::test]
    async fn the_operating_system_knows_localhost() {
        let addresses = Resolver::new().addresses(&"http://localhost:8081".parse().unwrap()).await.unwrap();

        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 8081));
    }
}
