//! The full copy: order, gaps, age, and stores that lost something.

use super::*;
use crate::directory::Value;

fn hubs(names: &[&str]) -> BTreeSet<HubId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number).unwrap()
}

fn at(user: &str, number: u64, hub: Option<&str>) -> Entry {
    let key = Key::new("user", user).unwrap();
    let value = hub.map(|hub| Value::of(&hub).unwrap());
    Entry { key, epoch: epoch(number), written_at: StoreTime::from_millis(1000), value }
}

fn full(counter: u64, entries: &[Entry]) -> Full {
    Full {
        entries: entries.iter().map(|entry| (entry.key.clone(), entry.clone())).collect(),
        counter: epoch(counter),
        time: StoreTime::from_millis(2000),
        identity: Some(Identity { fingerprint: Fingerprint::of([1; 16]), hubs: hubs(&["a", "b"]) }),
        malformed: 0,
    }
}

fn copy_of(store: &Full) -> FullCopy {
    let mut copy = FullCopy::new();
    assert_eq!(copy.take(store.clone(), Instant::now(), &hubs(&["a"])), Taken::InStep);
    copy
}

fn hub_of<'a>(copy: &'a FullCopy, user: &str) -> Option<&'a str> {
    copy.get(&Key::new("user", user).unwrap()).map(|entry| entry.value.as_ref().unwrap().as_str())
}

#[test]
fn the_next_write_is_new_an_older_one_is_ignored_and_a_missing_one_is_noticed() {
    let mut copy = copy_of(&full(2, &[at("ada", 2, Some("a"))]));

    assert_eq!(copy.apply(at("ada", 1, Some("b"))), Applied::Old);
    assert_eq!(copy.apply(at("ada", 2, Some("a"))), Applied::Old);
    assert_eq!(copy.apply(at("bo", 3, Some("b"))), Applied::New);
    assert_eq!(copy.apply(at("ada", 5, None)), Applied::Gap);

    assert_eq!((hub_of(&copy, "ada"), hub_of(&copy, "bo")), (None, Some("\"b\"")));
    assert_eq!(copy.seen().unwrap().epoch, epoch(5));
}

#[test]
fn two_writes_with_one_number_are_a_gap() {
    let mut copy = copy_of(&full(2, &[at("ada", 2, Some("a"))]));

    assert_eq!(copy.apply(at("ada", 2, Some("b"))), Applied::Gap);
    assert_eq!(copy.apply(at("bo", 2, Some("b"))), Applied::Gap);
}

#[test]
fn a_copy_is_as_old_as_the_last_look_that_found_nothing_missing() {
    let began = Instant::now();
    let mut copy = copy_of(&full(2, &[]));
    let look = |counter, copy: &FullCopy| Mark {
        counter: epoch(counter),
        time: StoreTime::from_millis(3000),
        fingerprint: copy.fingerprint.clone(),
    };
    let later = began + Duration::from_secs(60);

    assert_eq!(copy.confirm(&look(2, &copy), later), Confirmed::InStep);
    assert_eq!(copy.confirm(&look(3, &copy), later + Duration::from_secs(1)), Confirmed::Lagging);
    assert_eq!(copy.confirm(&look(1, &copy), later + Duration::from_secs(2)), Confirmed::Doubtful);
    assert_eq!(FullCopy::new().age(later), None);

    assert_eq!(copy.age(later + Duration::from_secs(5)), Some(Duration::from_secs(5)));
}

#[test]
fn a_store_of_another_founding_is_doubtful_and_one_without_our_hubs_is_foreign() {
    let store = full(2, &[at("ada", 2, Some("a"))]);
    let mut copy = copy_of(&store);
    let other =
        Mark { counter: epoch(9), time: StoreTime::default(), fingerprint: Some(Fingerprint::of([2; 16])) };

    assert_eq!(copy.confirm(&other, Instant::now()), Confirmed::Doubtful);
    let taken = copy.take(store, Instant::now(), &hubs(&["x"]));

    assert_eq!(taken, Taken::Foreign(Fingerprint::of([1; 16])));
    assert_eq!(hub_of(&copy, "ada"), Some("\"a\""));
}

#[test]
fn a_flushed_store_is_given_back_all_that_is_known() {
    let mut copy = copy_of(&full(7, &[at("ada", 5, Some("a")), at("bo", 7, None)]));
    let flushed = Full { identity: None, ..full(0, &[]) };

    let Taken::Behind(repair) = copy.take(flushed, Instant::now(), &hubs(&["a"])) else {
        panic!("not behind")
    };

    assert_eq!((repair.found, repair.raise_to), (epoch(0), epoch(1007)));
    assert_eq!(repair.entries, [at("ada", 5, Some("a")), at("bo", 7, None)]);
    assert_eq!(repair.identity.fingerprint, Fingerprint::of([1; 16]));
}

#[test]
fn the_union_with_an_older_store_has_the_later_write_of_each_key() {
    let mut copy = copy_of(&full(9, &[at("ada", 9, Some("b")), at("bo", 2, Some("a"))]));
    let older = full(5, &[at("ada", 1, Some("a")), at("bo", 4, Some("b")), at("cy", 5, Some("a"))]);

    let Taken::Behind(repair) = copy.take(older, Instant::now(), &hubs(&["a"])) else { panic!("not behind") };

    assert_eq!(repair.entries, [at("ada", 9, Some("b"))]);
    let all = ["ada", "bo", "cy"].map(|user| hub_of(&copy, user).unwrap());
    assert_eq!(all, ["\"b\"", "\"b\"", "\"a\""]);
}

#[test]
fn a_store_that_lost_a_write_and_counted_on_is_behind_although_its_counter_is_not() {
    let mut copy = copy_of(&full(9, &[at("ada", 9, Some("b"))]));
    let counted_on = full(12, &[at("bo", 9, Some("a")), at("cy", 12, Some("a"))]);

    let Taken::Behind(repair) = copy.take(counted_on, Instant::now(), &hubs(&["a"])) else {
        panic!("not behind")
    };

    assert_eq!(repair.entries, [at("ada", 9, Some("b"))]);
    assert_eq!(repair.raise_to, epoch(1012));
}

#[test]
fn an_entry_above_the_counter_is_a_store_that_is_behind() {
    let mut copy = FullCopy::new();

    let taken = copy.take(full(3, &[at("ada", 8, Some("a"))]), Instant::now(), &hubs(&["a"]));

    assert!(
        matches!(taken, Taken::Behind(repair) if repair.raise_to == epoch(1008) && repair.entries.is_empty())
    );
}

#[test]
fn deletions_are_forgotten_after_a_day_and_a_copy_that_was_away_for_longer_brings_nothing_back() {
    let day_later = StoreTime::from_millis(2000).plus(KEPT_FOR).plus(Duration::from_secs(1));
    let mut copy = copy_of(&full(7, &[at("ada", 5, Some("a")), at("bo", 7, None)]));
    let moved_on = Full { time: day_later, ..full(9, &[]) };

    assert_eq!(copy.take(moved_on, Instant::now(), &hubs(&["a"])), Taken::InStep);

    assert_eq!(copy.entries.len(), 0);
}
