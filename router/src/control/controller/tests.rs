//! What the controller does by itself when the time has come.

use hubrouter_config::FixedSources;
use hubrouter_hub_adapter::client::Resolver;
use hubrouter_hub_adapter::cookies::Cookies;

use super::super::load;
use super::super::tasks::Tasks;
use super::*;

const ONE: &str = "hubs: [{id: a, url: 'http://127.0.0.1:9'}]\n";
const TWO: &str = "hubs: [{id: a, url: 'http://127.0.0.1:9'}, {id: b, url: 'http://127.0.0.1:9'}]\n";

struct NoListeners;

impl Listeners for NoListeners {
    fn change(&mut self, _: &[SocketAddr]) -> Result<(), Unopened> {
        Ok(())
    }
}

/// Sessions that live for less than a file may ask for, so that a test need not wait.
fn loaded(text: &str) -> Loaded {
    let mut loaded = load::parse(text, "t.yaml", &FixedSources::default()).unwrap();
    loaded.config.session.lifetime = Duration::from_secs(1);
    loaded
}

/// A controller of a site with one hub whose next reload brings another, and what it draws.
fn growing(changes: mpsc::Receiver<()>) -> (Controller, Arc<ArcSwap<Live>>) {
    let materials = Materials { fallback_key: [7; 32], resolver: Resolver::new() };
    let (loaded_one, now) = (loaded(ONE), Instant::now());
    let first = picture::of(loaded_one.config.clone(), 1, None, &Healths::new(), &materials, now);
    let live = Arc::new(ArcSwap::from_pointee(first));
    let (tasks, (reported, reports)) = (Tasks::default(), mpsc::channel(64));
    let (_, signals) = mpsc::unbounded_channel();
    let parts = Parts {
        loaded: loaded_one,
        load: Box::new(|| Ok(loaded(TWO))),
        live: Arc::clone(&live),
        probes: Probes::new(materials.resolver.clone(), Arc::new(|| 0.5), reported, tasks.clone()),
        materials,
        reports,
        signals,
        changes,
        watched: None,
        listeners: Box::new(NoListeners),
        board: Arc::new(Board::new("t.yaml".into(), tasks, now, SystemTime::now())),
    };
    (Controller::new(parts), live)
}

/// Whose login a cookie without a jar is.
fn owner_of_bare_names(live: &ArcSwap<Live>) -> Vec<String> {
    let live = live.load();
    let field: &[u8] = b"jupyterhub-hub-login=x";
    let logins = Cookies::read(&live.snapshot.jars, [field].into_iter()).logins();
    logins.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_sessions_of_the_hub_that_was_alone_are_adopted_for_as_long_as_sessions_live() {
    let (change, changes) = mpsc::channel(1);
    let (controller, live) = growing(changes);
    let (_stop, stopped) = watch::channel(false);
    let watched = async {
        change.send(()).await.unwrap();
        while live.load().snapshot.hubs.len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(owner_of_bare_names(&live), ["a"]);
        let joined_at = Instant::now();
        while !owner_of_bare_names(&live).is_empty() && joined_at.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        joined_at.elapsed()
    };

    let adopted_for = tokio::select! {
        adopted_for = watched => adopted_for,
        () = controller.run(stopped) => panic!("nobody stopped it"),
    };

    let lifetime = Duration::from_millis(800)..Duration::from_secs(5);
    assert!(lifetime.contains(&adopted_for), "{adopted_for:?}");
}
