//! What only a directory in memory can show: a slow or failing disk, files that are no directory, and a day of time.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::entry::{KEPT_FOR, Value};
use super::super::store::Comparison;
use super::*;

const SOON: Duration = Duration::from_secs(5);

fn identity() -> Identity {
    Identity { fingerprint: Fingerprint::of([1; 16]), hubs: BTreeSet::from(["a".parse().unwrap()]) }
}

fn seen(epoch: u64) -> Seen {
    Seen { fingerprint: Fingerprint::of([1; 16]), epoch: super::super::Epoch::new(epoch).unwrap() }
}

fn claim(user: &str) -> Write {
    let target = Comparison { key: Key::new("user", user).unwrap(), epoch: None };
    Write { target, value: Value::of(&"a"), conditions: Vec::new() }
}

/// A clock that the test moves.
fn clock() -> (Clock, Arc<AtomicU64>) {
    let millis = Arc::new(AtomicU64::new(1_000));
    let read = millis.clone();
    (Arc::new(move || StoreTime::from_millis(read.load(Ordering::SeqCst))), millis)
}

/// A disk that does what the test says.
struct Scripted(fn() -> Result<(), NotReplaced>);

impl Disk for Scripted {
    fn replace(&self, _: &[u8]) -> Result<(), NotReplaced> {
        (self.0)()
    }
}

async fn founded_on(replace: fn() -> Result<(), NotReplaced>) -> Memory {
    let state = State { identity: Some(identity()), ..State::default() };
    Memory::with(state, Some(Box::new(Scripted(replace))), clock().0)
}

#[tokio::test]
async fn a_write_that_the_disk_refuses_is_not_done() {
    let memory = founded_on(|| Err(NotReplaced::Untouched(io::Error::other("full")))).await;

    let error = memory.write(&claim("ada"), &seen(0), SOON).await.unwrap_err();

    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(memory.load(SOON).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_write_of_which_the_disk_is_not_sure_is_unknown_and_seen_by_everybody() {
    let memory = founded_on(|| Err(NotReplaced::Perhaps(io::Error::other("folder")))).await;

    let error = memory.write(&claim("ada"), &seen(0), SOON).await.unwrap_err();

    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    assert_eq!(memory.load(SOON).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_write_that_takes_too_long_is_unknown_and_done_whole() {
    let memory = founded_on(|| {
        std::thread::sleep(Duration::from_millis(200));
        Ok(())
    })
    .await;

    let error = memory.write(&claim("ada"), &seen(0), Duration::from_millis(20)).await.unwrap_err();

    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    assert_eq!(memory.load(SOON).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_deletion_is_remembered_for_a_day_and_an_hour() {
    let (clock, millis) = clock();
    let memory = Memory::new(clock);
    memory.introduce(&identity(), SOON).await.unwrap();
    let Outcome::Written(ada) = memory.write(&claim("ada"), &seen(0), SOON).await.unwrap() else {
        panic!("not written")
    };
    let delete = Write {
        target: Comparison { key: ada.key.clone(), epoch: Some(ada.epoch) },
        value: None,
        conditions: Vec::new(),
    };
    memory.write(&delete, &seen(1), SOON).await.unwrap();

    let after = async |time: Duration| {
        millis.fetch_add(super::millis(time), Ordering::SeqCst);
        memory.load(SOON).await.unwrap().entries.len()
    };

    assert_eq!(after(KEPT_FOR).await, 1);
    assert_eq!(after(Duration::from_secs(3599)).await, 1);
    assert_eq!(after(Duration::from_secs(2)).await, 0);
}

#[tokio::test]
async fn time_does_not_go_back_when_the_clock_was_set_back_between_two_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let at = |millis| -> Clock { Arc::new(move || StoreTime::from_millis(millis)) };
    let memory = Memory::open(&file, at(9_000)).unwrap();
    memory.introduce(&identity(), SOON).await.unwrap();
    drop(memory);

    let memory = Memory::open(&file, at(5_000)).unwrap();

    assert_eq!(memory.mark(SOON).await.unwrap().time, StoreTime::from_millis(9_000));
}

#[tokio::test]
async fn a_torn_or_foreign_file_is_refused_with_its_reason_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let memory = Memory::open(&file, Memory::system_clock()).unwrap();
    memory.introduce(&identity(), SOON).await.unwrap();
    memory.write(&claim("ada"), &seen(0), SOON).await.unwrap();
    drop(memory);
    let whole = std::fs::read_to_string(&file).unwrap();
    let half = whole[..whole.len() / 2].to_owned();
    let cases = [
        (half, "EOF"),
        (String::new(), "it is empty"),
        ("{\"a\": 1}".to_owned(), "unknown field"),
        (whole.replace("directory 1", "directory 2"), "its format is `hubrouter directory 2`"),
        (whole.replace("\"user\"", "\"U\""), "its entry 1 holds what no entry may"),
        (whole.replace("\"counter\": 1", "\"counter\": 0"), "its entry 1 is later than the counter"),
        (whole.replace("\"counter\": 1", "\"counter\": 18446744073709551615"), "an epoch is at most"),
    ];
    for (text, reason) in cases {
        std::fs::write(&file, &text).unwrap();

        let error = Memory::open(&file, Memory::system_clock()).unwrap_err().to_string();

        assert!(error.contains(reason), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[tokio::test]
async fn a_file_serves_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let first = Memory::open(&file, Memory::system_clock()).unwrap();

    let second = Memory::open(&file, Memory::system_clock()).unwrap_err();
    assert!(matches!(second, OpenError::Taken { .. }), "{second}");
    drop(first);

    assert!(Memory::open(&file, Memory::system_clock()).is_ok());
}

#[tokio::test]
async fn nobody_else_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.json");
    let memory = Memory::open(&file, Memory::system_clock()).unwrap();
    memory.introduce(&identity(), SOON).await.unwrap();

    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn without_a_disk_nobody_waits_for_an_answer() {
    let memory = Memory::new(clock().0);
    let began = tokio::time::Instant::now();

    memory.introduce(&identity(), Duration::ZERO).await.unwrap();
    memory.write(&claim("ada"), &seen(0), Duration::ZERO).await.unwrap();

    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_restored_dump_is_all_there_is_and_nobody_is_told() {
    let (clock, millis) = clock();
    let memory = Memory::new(clock);
    memory.introduce(&identity(), SOON).await.unwrap();
    memory.write(&claim("ada"), &seen(0), SOON).await.unwrap();
    let backup = memory.dump();
    memory.write(&claim("bo"), &seen(1), SOON).await.unwrap();
    let mut feed = memory.feed();
    assert_eq!(feed.next().await, Some(Change::Resync));

    memory.restore(backup);
    let restored = memory.load(SOON).await.unwrap();
    memory.restore(Dump::default());
    let flushed = memory.load(SOON).await.unwrap();

    let users: Vec<_> = restored.entries.keys().map(ToString::to_string).collect();
    assert_eq!((users, restored.counter.as_number()), (vec!["user:ada".to_owned()], 1));
    assert_eq!((flushed.entries.len(), flushed.identity), (0, None));
    let told = tokio::time::timeout(Duration::from_millis(20), feed.next()).await;
    assert!(told.is_err(), "{told:?}");
    millis.store(500, Ordering::SeqCst);
    memory.restore(Dump::default());
    assert_eq!(
        memory.mark(SOON).await.unwrap().time,
        StoreTime::from_millis(500),
        "as a restarted database's"
    );
}
