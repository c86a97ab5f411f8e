//! The keeper at work, in virtual time: what it tells, when, and what it keeps to itself.

use std::sync::Mutex;

use hubrouter_hub_adapter::names::{NameRule, UserName};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::super::tasks::Tasks;
use super::super::test_store::TestStore;
use super::*;
use crate::core::life::records::{Assignment, Cause, Epoch, HubRecord};
use crate::core::life::time::StoreTime;
use crate::core::sketch_tests::assigned;
use crate::directory::{Comparison, Identity, Key, Value, Write as RawWrite};

const INTERVAL: Duration = Duration::from_secs(5);
const WITHIN_TEST: Duration = Duration::from_secs(2);

/// A keeper that runs, and what it has told so far.
struct Kept {
    store: TestStore,
    writer: Writer,
    heard: Arc<Heard>,
    journal: Arc<Journal>,
    me: ReplicaId,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    _site: watch::Sender<(BTreeSet<HubId>, Duration)>,
    _heartbeat: watch::Sender<Heartbeat>,
}

/// What a controller would have in force.
#[derive(Default)]
struct Heard {
    view: Mutex<Option<View>>,
    beats: Mutex<Vec<Heartbeat>>,
    jumps: Mutex<usize>,
    repairs: Mutex<usize>,
}

impl Kept {
    fn start(store: &TestStore, number: u8) -> Self {
        Self::of_hubs(store, number, &["a", "b"])
    }

    fn of_hubs(store: &TestStore, number: u8, hubs: &[&str]) -> Self {
        let me = ReplicaId::of([number; 8]);
        let ids = hubs.iter().map(|hub| hub.parse().unwrap()).collect();
        let (site, site_in) = watch::channel((ids, INTERVAL));
        let beat = Heartbeat { proposes: "the same".to_owned(), ..Heartbeat::silent(me.as_str()) };
        let (heartbeat, heartbeat_in) = watch::channel(beat);
        let (told, told_in) = mpsc::unbounded_channel();
        let journal = Arc::<Journal>::default();
        let (keeper, writer) = Keeper::new(Parts {
            store: Arc::new(store.clone()),
            me: me.clone(),
            fresh: Fingerprint::of([number; 16]),
            site: site_in,
            heartbeat: heartbeat_in,
            journal: Arc::clone(&journal),
            told,
            task: Tasks::default().add("directory", INTERVAL),
        });
        let heard = Arc::<Heard>::default();
        tokio::spawn(listen(Arc::clone(&heard), told_in));
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(keeper.run(stopped));
        Self {
            store: store.clone(),
            writer,
            heard,
            journal,
            me,
            stop,
            running,
            _site: site,
            _heartbeat: heartbeat,
        }
    }

    fn view(&self) -> View {
        self.heard.view.lock().unwrap().clone().unwrap_or_else(View::nothing)
    }

    fn hub_of(&self, user: &str) -> Option<String> {
        self.view().exceptions.assignment(&name(user)).map(|stands| stands.hub.to_string())
    }

    async fn put(&self, user: &str, hub: &str, on: Option<Epoch>) -> Wrote {
        let write = Write::set(user_key(&name(user)).unwrap(), on, &record(user, hub)).unwrap();
        self.writer.write(&write, WITHIN_TEST).await
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.running.await.unwrap();
    }
}

/// A controller as far as the keeper sees one: puts what it is told in force, and says so.
async fn listen(heard: Arc<Heard>, mut told: mpsc::UnboundedReceiver<Told>) {
    while let Some(told) = told.recv().await {
        match told {
            Told::View(view, acks) => {
                *heard.view.lock().unwrap() = Some(*view);
                for ack in acks {
                    let _ = ack.send(());
                }
            }
            Told::Beats { heartbeats, .. } => *heard.beats.lock().unwrap() = heartbeats,
            Told::ClockJumped => *heard.jumps.lock().unwrap() += 1,
            Told::Repaired => *heard.repairs.lock().unwrap() += 1,
        }
    }
}

fn name(user: &str) -> UserName {
    UserName::canonical(user, NameRule::Lower).unwrap()
}

fn record(user: &str, hub: &str) -> Assignment {
    assigned(user, hub, Cause::Drain, Epoch::default())
}

/// Long enough for all that is under way, and shorter than a heartbeat.
async fn moment() {
    sleep(Duration::from_millis(100)).await;
}

/// Puts something into the store past every keeper.
async fn plant(store: &TestStore, key: Key, json: &str) {
    let full = store.memory.load(WITHIN_TEST).await.unwrap();
    let seen = Seen { fingerprint: full.identity.unwrap().fingerprint, epoch: full.counter };
    let value = Some(Value::parse(json).unwrap());
    let write = RawWrite { target: Comparison { key, epoch: None }, value, conditions: Vec::new() };
    store.memory.write(&write, &seen, WITHIN_TEST).await.unwrap();
}

fn epoch_of(wrote: &Wrote) -> Epoch {
    match wrote {
        Wrote::Stands(entry) => entry.epoch,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_word_says_what_stood_before_this_process_began() {
    let store = TestStore::new();
    let first = Kept::start(&store, 1);
    moment().await;
    first.put("ada", "b", None).await;

    let second = Kept::start(&store, 2);
    moment().await;

    assert!(second.view().read);
    assert_eq!(second.hub_of("ada").as_deref(), Some("b"));
    assert!(!second.view().knowledge.behind);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_as_read_while_the_store_is_silent() {
    let store = TestStore::new();
    store.silent(true);
    let kept = Kept::start(&store, 1);
    sleep(Duration::from_secs(10)).await;
    assert!(!kept.view().read && kept.view().trouble.is_some());
    assert!(matches!(kept.put("ada", "b", None).await, Wrote::Unreachable(_)));

    store.silent(false);
    sleep(Duration::from_secs(3)).await;

    assert!(kept.view().read && kept.view().trouble.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_own_write_is_in_force_before_its_writer_goes_on() {
    let kept = Kept::start(&TestStore::new(), 1);
    moment().await;
    for hub in ["a", "b", "a"] {
        let on = kept.view().exceptions.epoch_of(&name("ada"));
        let wrote = kept.put("ada", hub, on).await;
        assert_eq!(kept.hub_of("ada").as_deref(), Some(hub));
        assert_eq!(
            kept.view().exceptions.epoch_of(&name("ada")),
            Some(epoch_of(&wrote)),
            "the store's number"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_replica_writes_is_heard_at_once() {
    let store = TestStore::new();
    let (one, two) = (Kept::start(&store, 1), Kept::start(&store, 2));
    moment().await;

    one.put("ada", "b", None).await;
    sleep(Duration::from_millis(1)).await;

    assert_eq!(two.hub_of("ada").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_conflict_has_the_winners_record_in_force() {
    let store = TestStore::new();
    let one = Kept::start(&store, 1);
    moment().await;
    let first = epoch_of(&one.put("ada", "a", None).await);
    one.put("ada", "b", Some(first)).await;

    let lost = one.put("ada", "a", Some(first)).await;

    let Wrote::Conflict(stands) = lost else { panic!("{lost:?}") };
    assert_eq!(stands.len(), 1);
    assert_eq!(one.hub_of("ada").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_refused_where_another_record_has_changed() {
    let kept = Kept::start(&TestStore::new(), 1);
    moment().await;
    let hub: HubId = "b".parse().unwrap();
    let closed = Write::set(hub_key(&hub), None, &HubRecord::new(hub.clone())).unwrap();
    kept.writer.write(&closed, WITHIN_TEST).await;

    let mut claim = Write::set(user_key(&name("ada")).unwrap(), None, &record("ada", "b")).unwrap();
    claim.conditions = vec![(hub_key(&hub), None)];

    assert!(matches!(kept.writer.write(&claim, WITHIN_TEST).await, Wrote::Conflict(_)));
    assert_eq!(kept.hub_of("ada"), None);
    assert!(kept.view().exceptions.hub(&hub).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_comes_into_force_all_the_same() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    moment().await;
    store.loses_answers(true);

    let wrote = kept.put("ada", "b", None).await;

    assert!(matches!(wrote, Wrote::Unknown(_)), "{wrote:?}");
    moment().await;
    assert_eq!(kept.hub_of("ada").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn what_the_feed_did_not_tell_is_found_within_two_heartbeats() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    moment().await;
    let elsewhere = TestStore::new();
    elsewhere.memory.restore(store.memory.dump());
    plant(&elsewhere, user_key(&name("ada")).unwrap(), &serde_json::to_string(&record("ada", "b")).unwrap())
        .await;

    store.memory.restore(elsewhere.memory.dump());
    sleep(INTERVAL / 2 + Duration::from_millis(500)).await;
    assert_eq!(kept.hub_of("ada"), None, "the feed may be a moment late");
    sleep(INTERVAL).await;

    assert_eq!(kept.hub_of("ada").as_deref(), Some("b"));
    assert_eq!(*kept.heard.repairs.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lost_writes_gets_them_back_and_nobody_claims_before() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    moment().await;
    let before = store.memory.dump();
    let lost = epoch_of(&kept.put("ada", "b", None).await);

    store.memory.restore(before);
    let refused = kept.put("bob", "b", None).await;
    assert!(matches!(refused, Wrote::Unreachable(_)), "{refused:?}");
    moment().await;

    assert_eq!(*kept.heard.repairs.lock().unwrap(), 1);
    assert_eq!(kept.hub_of("ada").as_deref(), Some("b"));
    let full = store.memory.load(WITHIN_TEST).await.unwrap();
    assert!(full.counter.as_number() >= lost.as_number() + 1000, "{}", full.counter);
    assert!(full.entries.contains_key(&user_key(&name("ada")).unwrap()));
    assert!(!kept.view().knowledge.behind);
    assert!(matches!(kept.put("bob", "b", None).await, Wrote::Stands(_)));
}

#[tokio::test(start_paused = true)]
async fn another_sites_directory_is_neither_read_nor_written() {
    let store = TestStore::new();
    let identity = Identity { fingerprint: Fingerprint::of([9; 16]), hubs: ["x".parse().unwrap()].into() };
    store.memory.introduce(&identity, WITHIN_TEST).await.unwrap();
    plant(&store, user_key(&name("ada")).unwrap(), &serde_json::to_string(&record("ada", "b")).unwrap())
        .await;
    let before = store.memory.load(WITHIN_TEST).await.unwrap();

    let kept = Kept::start(&store, 1);
    sleep(Duration::from_secs(10)).await;

    assert!(!kept.view().read && kept.view().knowledge.behind);
    assert_eq!(kept.hub_of("ada"), None);
    assert!(kept.view().trouble.unwrap().contains("another founding"));
    assert!(!matches!(kept.put("bob", "a", None).await, Wrote::Stands(_)));
    let after = store.memory.load(WITHIN_TEST).await.unwrap();
    assert_eq!((before.counter, before.entries), (after.counter, after.entries));
}

/// Hostile and foreign values, for each kind of key.
const HOSTILE: [&str; 10] = [
    "null",
    "[]",
    "7",
    "\"x\"",
    "{}",
    r#"{"user": "eve", "hub": "b", "cause": "drain", "epoch": 1, "since": 1}"#,
    r#"{"hub": "../../etc", "epoch": 1}"#,
    r#"{"user": "ada", "hub": "B!", "cause": "drain", "epoch": 1, "since": 1}"#,
    r#"{"asked_at": -1, "answered_at": 0, "users": []}"#,
    r#"{"active": {"generation": 99999999999999999999}, "since": 1}"#,
];

#[tokio::test(start_paused = true)]
async fn hostile_and_foreign_records_are_counted_and_mean_nothing() {
    for json in HOSTILE {
        let store = TestStore::new();
        let kept = Kept::start(&store, 1);
        moment().await;
        let hub: HubId = "a".parse().unwrap();
        let keys = [
            user_key(&name("ada")).unwrap(),
            hub_key(&hub),
            placement_key(),
            census_key(&hub),
            Key::new("novel", "thing").unwrap(),
            Key::new("hub", "No Hub").unwrap(),
        ];
        for key in &keys {
            plant(&store, key.clone(), json).await;
        }
        moment().await;

        let view = kept.view();
        assert_eq!(view.unreadable, keys.len() as u64, "{json}");
        assert_eq!((view.exceptions.count(), view.exceptions.placement()), (0, None), "{json}");
        assert!(view.census.is_empty(), "{json}");
        let stands = view.exceptions.hub(&hub).unwrap();
        assert_eq!(HubRecord { epoch: Epoch::default(), ..(**stands).clone() }, HubRecord::new(hub.clone()));

        let again = Kept::start(&store, 2);
        moment().await;
        assert_eq!(again.view().unreadable, keys.len() as u64, "also for who reads it later: {json}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_replaced_by_who_names_its_epoch() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    moment().await;
    plant(&store, user_key(&name("ada")).unwrap(), "[1, 2]").await;
    moment().await;
    assert!(matches!(kept.put("ada", "b", None).await, Wrote::Conflict(_)), "something stands");

    let on = kept.view().exceptions.epoch_of(&name("ada"));
    assert!(on.is_some());
    kept.put("ada", "b", on).await;

    assert_eq!(kept.hub_of("ada").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_is_no_record() {
    let kept = Kept::start(&TestStore::new(), 1);
    moment().await;
    let on = epoch_of(&kept.put("ada", "b", None).await);
    kept.writer.write(&Write::delete(user_key(&name("ada")).unwrap(), on), WITHIN_TEST).await;
    assert_eq!((kept.hub_of("ada"), kept.view().exceptions.epoch_of(&name("ada"))), (None, None));
    assert_eq!(kept.view().unreadable, 0);
}

#[tokio::test(start_paused = true)]
async fn the_copy_is_never_older_than_the_interval_while_the_store_answers() {
    let kept = Kept::start(&TestStore::new(), 1);
    for _ in 0..60 {
        sleep(Duration::from_millis(997)).await;
        let known = kept.view().knowledge;
        for at in [known.in_step, known.heard] {
            assert!(clock::now().duration_since(at.unwrap()) < INTERVAL);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_tells_unasked_starts_and_how_far_its_replica_has_read() {
    let store = TestStore::new();
    let (one, two) = (Kept::start(&store, 1), Kept::start(&store, 2));
    moment().await;
    let hub: HubId = "a".parse().unwrap();
    assert!(one.journal.note(&hub, &name("ada"), StoreTime::from_millis(7)).is_some());

    sleep(INTERVAL * 2).await;

    let now = two.view().knowledge.clock.unwrap().time_at(clock::now());
    let beats = two.heard.beats.lock().unwrap().clone();
    assert_eq!(beats.len(), 2);
    let first = beats.iter().find(|beat| beat.replica == one.me.as_str()).unwrap();
    assert_eq!((first.starts.len(), first.starts[0].user.as_str()), (1, "ada"));
    assert_eq!(first.proposes, "the same");
    assert!(now.since(first.read) <= INTERVAL * 2 && first.read <= first.at, "{first:?} {now:?}");
    assert!(first.at <= now);
}

#[tokio::test(start_paused = true)]
async fn a_replica_says_goodbye_at_its_end() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    sleep(INTERVAL).await;
    assert_eq!(store.memory.beats(WITHIN_TEST).await.unwrap().beats.len(), 1);

    kept.end().await;

    assert_eq!(store.memory.beats(WITHIN_TEST).await.unwrap().beats, []);
}

#[tokio::test(start_paused = true)]
async fn starts_that_no_hub_has_confirmed_outlive_their_replica_in_its_goodbye() {
    let store = TestStore::new();
    let (one, two) = (Kept::start(&store, 1), Kept::start(&store, 2));
    sleep(INTERVAL).await;
    let hub = "a".parse().unwrap();
    assert!(one.journal.note(&hub, &name("ada"), StoreTime::from_millis(7)).is_some());
    let me = one.me.clone();

    one.end().await;
    sleep(INTERVAL * 4).await;

    let beats = two.heard.beats.lock().unwrap().clone();
    let last = beats.iter().find(|beat| beat.replica == me.as_str()).unwrap();
    assert!(last.goodbye, "{last:?}");
    assert_eq!((last.starts.len(), last.starts[0].user.as_str()), (1, "ada"));
}

#[tokio::test(start_paused = true)]
async fn a_full_journal_of_long_names_is_told_whole() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    let (hub, long): (HubId, _) = ("a".parse().unwrap(), "\u{1F600}".repeat(100));
    let note =
        |nth: usize| kept.journal.note(&hub, &name(&format!("{long}{nth}")), StoreTime::from_millis(7));
    let noted = (0..2000).filter(|nth| note(*nth).is_some()).count();
    assert!(noted < 2000);
    sleep(INTERVAL * 2).await;
    let beats = kept.heard.beats.lock().unwrap().clone();
    assert_eq!(beats[0].starts.len(), noted);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_silent_at_the_end_keeps_nobody_alive() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    sleep(INTERVAL).await;
    store.silent(true);
    let ended = tokio::time::timeout(Duration::from_secs(5), kept.end()).await;
    assert!(ended.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_stores_clock_is_told_and_a_steady_one_is_not() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(*kept.heard.jumps.lock().unwrap(), 0);

    store.jump(Duration::from_secs(40));
    sleep(INTERVAL).await;

    assert_eq!(*kept.heard.jumps.lock().unwrap(), 1);
    let known = kept.view().knowledge.clock.unwrap();
    let there = store.memory.mark(WITHIN_TEST).await.unwrap().time;
    assert_eq!(known.time_at(clock::now()), there);
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_makes_the_copy_old_and_says_why() {
    let store = TestStore::new();
    let kept = Kept::start(&store, 1);
    sleep(INTERVAL).await;
    store.silent(true);
    sleep(INTERVAL * 3).await;

    let known = kept.view().knowledge;
    assert!(clock::now().duration_since(known.heard.unwrap()) > INTERVAL);
    assert!(kept.view().trouble.unwrap().contains("no answer"));

    store.silent(false);
    sleep(INTERVAL).await;
    assert!(clock::now().duration_since(kept.view().knowledge.heard.unwrap()) < INTERVAL);
    assert_eq!(kept.view().trouble, None);
    assert!(kept.store.memory.beats(WITHIN_TEST).await.unwrap().beats.len() == 1);
}
