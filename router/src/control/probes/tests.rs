//! The probes of several hubs on real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};

use hubrouter_config::{FixedSources, HubUrl, parse};
use hubrouter_hub_adapter::client::Resolver;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::control::calls::Network;

const SOON: Duration = Duration::from_secs(5);

/// A hub that answers every probe, or none, and counts them.
struct FakeHub {
    url: HubUrl,
    probes: Arc<AtomicUsize>,
}

impl FakeHub {
    async fn answering(answer: &'static str) -> FakeHub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let probes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&probes);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        FakeHub { url, probes }
    }

    async fn up() -> FakeHub {
        FakeHub::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await
    }

    fn probes(&self) -> usize {
        self.probes.load(Ordering::SeqCst)
    }
}

fn config(interval: &str, hubs: &[(&str, &FakeHub)]) -> Config {
    // Long enough for a busy machine, but never longer than the interval.
    let patience = if interval.ends_with("ms") { interval } else { "2s" };
    let mut text = format!("health: {{interval: {interval}, timeout: {patience}}}\nhubs:\n");
    for (id, hub) in hubs {
        text.push_str(&format!("  - {{id: {id}, url: '{}'}}\n", hub.url));
    }
    parse(&text, "test.yaml", &FixedSources::default()).unwrap().config
}

fn probes() -> (Probes, mpsc::Receiver<ProbeReport>) {
    let (sender, receiver) = mpsc::channel(64);
    (Probes::new(network(), Arc::new(|| 0.5), sender, Tasks::default()), receiver)
}

fn network() -> Arc<dyn Dial> {
    Arc::new(Network::new(Resolver::new()))
}

async fn next(reports: &mut mpsc::Receiver<ProbeReport>) -> ProbeReport {
    timeout(SOON, reports.recv()).await.unwrap().unwrap()
}

/// The next reports, until each of these hubs and planes has been seen once.
async fn until_seen(reports: &mut mpsc::Receiver<ProbeReport>, wanted: &[(&str, Plane)]) {
    let mut missing: BTreeSet<(String, Plane)> =
        wanted.iter().map(|(id, plane)| ((*id).to_owned(), *plane)).collect();
    while !missing.is_empty() {
        let report = next(reports).await;
        missing.remove(&(report.hub.to_string(), report.plane));
    }
}

const BOTH_OF_A: [(&str, Plane); 2] = [("a", Plane::Proxy), ("a", Plane::Hub)];

#[tokio::test]
async fn both_planes_of_every_hub_are_probed_at_once() {
    let (a, b) = (FakeHub::up().await, FakeHub::answering("HTTP/1.1 503 No\r\n\r\n").await);
    let (mut probes, mut reports) = probes();

    probes.follow(&config("1h", &[("a", &a), ("b", &b)]));

    for _ in 0..4 {
        let report = next(&mut reports).await;
        assert_eq!(report.result.seen == Seen::Ok, report.hub.as_str() == "a", "{report:?}");
    }
    assert_eq!((a.probes(), b.probes()), (2, 2));
}

#[tokio::test]
async fn a_plane_is_probed_again_and_again() {
    let a = FakeHub::up().await;
    let (mut probes, mut reports) = probes();
    probes.follow(&config("100ms", &[("a", &a)]));

    let started = Instant::now();
    for _ in 0..8 {
        next(&mut reports).await;
    }

    // Two planes: the eighth report is the fourth of a plane, after three intervals.
    assert!(started.elapsed() >= Duration::from_millis(280), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_hub_that_hangs_delays_no_other_and_is_asked_once_at_a_time() {
    let (hanging, b) = (FakeHub::answering("").await, FakeHub::up().await);
    let (mut probes, mut reports) = probes();
    probes.follow(&config("100ms", &[("a", &hanging), ("b", &b)]));

    let mut of_a = 0;
    for _ in 0..20 {
        of_a += usize::from(next(&mut reports).await.hub.as_str() == "a");
    }

    assert!(b.probes() >= 8, "{}", b.probes());
    assert!(hanging.probes() <= of_a + 2, "{} asked, {of_a} ended", hanging.probes());
}

#[tokio::test]
async fn a_nudge_probes_one_plane_before_its_time() {
    let a = FakeHub::up().await;
    let (mut probes, mut reports) = probes();
    probes.follow(&config("2s", &[("a", &a)]));
    until_seen(&mut reports, &BOTH_OF_A).await;
    let nudges = probes.nudges();
    let started = Instant::now();

    std::thread::spawn(move || nudges.nudge(&"a".parse().unwrap(), Plane::Hub)).join().unwrap();

    assert_eq!(next(&mut reports).await.plane, Plane::Hub);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_storm_of_nudges_is_no_storm_of_probes() {
    let a = FakeHub::up().await;
    let (mut probes, mut reports) = probes();
    probes.follow(&config("2s", &[("a", &a)]));
    until_seen(&mut reports, &BOTH_OF_A).await;

    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        probes.nudges().nudge(&"a".parse().unwrap(), Plane::Hub);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    // A tenth of the interval apart: at most three in the time, and the first two of all.
    assert!((3..=5).contains(&a.probes()), "{}", a.probes());
}

#[tokio::test]
async fn a_reload_adds_and_removes_hubs_and_leaves_the_others_alone() {
    let (a, b) = (FakeHub::up().await, FakeHub::up().await);
    let (mut probes, mut reports) = probes();
    probes.follow(&config("1h", &[("a", &a)]));
    until_seen(&mut reports, &BOTH_OF_A).await;

    probes.follow(&config("1h", &[("a", &a), ("b", &b)]));
    until_seen(&mut reports, &[("b", Plane::Proxy), ("b", Plane::Hub)]).await;
    probes.follow(&config("1h", &[("b", &b)]));
    probes.nudges().nudge(&"a".parse().unwrap(), Plane::Hub);
    tokio::time::sleep(Duration::from_millis(50)).await;

    assert_eq!((a.probes(), b.probes()), (2, 2));
    assert!(reports.try_recv().is_err());
}

#[tokio::test]
async fn a_hub_with_a_new_address_is_probed_there_at_once_and_no_longer_at_the_old_one() {
    let (old, new) = (FakeHub::up().await, FakeHub::up().await);
    let (mut probes, mut reports) = probes();
    probes.follow(&config("100ms", &[("a", &old)]));
    until_seen(&mut reports, &BOTH_OF_A).await;

    probes.follow(&config("100ms", &[("a", &new)]));
    let before = old.probes();
    while new.probes() < 4 {
        next(&mut reports).await;
    }

    assert!(old.probes() <= before + 2, "{} after {before}", old.probes());
}

#[tokio::test]
async fn the_probes_end_with_their_owner() {
    let a = FakeHub::up().await;
    let (mut probes, mut reports) = probes();
    probes.follow(&config("100ms", &[("a", &a)]));
    until_seen(&mut reports, &BOTH_OF_A).await;

    drop(probes);

    while timeout(SOON, reports.recv()).await.unwrap().is_some() {}
}

#[tokio::test]
async fn the_probes_end_when_nobody_listens() {
    let a = FakeHub::up().await;
    let (mut probes, reports) = probes();
    probes.follow(&config("100ms", &[("a", &a)]));

    drop(reports);
    tokio::time::sleep(Duration::from_millis(350)).await;

    assert!(a.probes() <= 2, "{}", a.probes());
}

#[test]
fn the_time_between_probes_strays_by_a_fifth_both_ways() {
    let second = Duration::from_secs(1);
    let spread = [0.0, 0.5, 1.0].map(|chance| stray(second, chance).as_millis());

    assert_eq!(spread, [800, 1000, 1200]);
}
