//! Compare-and-set, epochs, deletions, and the feed.

use std::sync::Arc;

use hubrouter::directory::{Applied, Change, Comparison, Epoch, Full, Key, Outcome, Value, Write};

use super::{Replica, SOON, Site, next, next_entry, settled, user_key, write};

pub async fn a_write_is_done_when_what_stands_is_what_it_expects(site: impl Site) {
    let mut replica = Replica::joined(&site, 1).await;

    let first = replica.claim("ada", "a").await;
    let second = replica.claim("ada", "b").await;

    assert!(second.epoch > first.epoch && second.written_at >= first.written_at);
    let full = replica.store.load(SOON).await.unwrap();
    assert_eq!(full.entries[&user_key("ada")], second);
    assert_eq!(full.counter, second.epoch);
}

pub async fn a_write_that_expects_something_else_is_told_what_stands(site: impl Site) {
    let mut replica = Replica::joined(&site, 1).await;
    let stands = replica.claim("ada", "a").await;
    let before = replica.store.load(SOON).await.unwrap();
    let other = Epoch::new(77);

    for wrong in [write("ada", None, Some("b")), write("ada", other, Some("b")), write("ada", None, None)] {
        let outcome = replica.try_write(&wrong, SOON).await.unwrap();
        assert_eq!(outcome, Outcome::Conflict([(user_key("ada"), Some(stands.clone()))].into()));
    }
    let outcome = replica.try_write(&write("bo", other, Some("b")), SOON).await.unwrap();

    assert_eq!(outcome, Outcome::Conflict([(user_key("bo"), None)].into()));
    let after = replica.store.load(SOON).await.unwrap();
    assert_eq!((after.entries, after.counter), (before.entries, before.counter));
}

pub async fn a_condition_on_another_key_is_part_of_the_comparison(site: impl Site) {
    let mut replica = Replica::joined(&site, 1).await;
    let hub = Key::hub(&"a".parse().unwrap());
    let record = Comparison { key: hub.clone(), epoch: None };
    let open = Write { target: record.clone(), value: Value::of(&"open"), conditions: Vec::new() };
    let Outcome::Written(opened) = replica.try_write(&open, SOON).await.unwrap() else {
        panic!("not written")
    };
    let claim = |condition| Write { conditions: vec![condition], ..write("ada", None, Some("a")) };

    let refused = replica.try_write(&claim(record), SOON).await.unwrap();
    let right = Comparison { key: hub.clone(), epoch: Some(opened.epoch) };
    let done = replica.try_write(&claim(right), SOON).await.unwrap();

    assert_eq!(refused, Outcome::Conflict([(hub, Some(opened)), (user_key("ada"), None)].into()));
    assert!(matches!(done, Outcome::Written(_)), "{done:?}");
    replica.sync().await.unwrap();
    assert_eq!(replica.hub_of("ada").as_deref(), Some("a"));
}

pub async fn of_many_writers_at_once_exactly_one_wins(site: impl Site) {
    let replicas: Vec<Arc<Replica>> = {
        let mut all = Vec::new();
        for number in 1..=4 {
            all.push(Arc::new(Replica::joined(&site, number).await));
        }
        all
    };
    for round in 0..20 {
        let user = format!("user-{round}");
        let claims = replicas.iter().enumerate().map(|(at, replica)| {
            let (replica, write) = (replica.clone(), write(&user, None, Some(&format!("hub-{at}"))));
            tokio::spawn(async move { replica.try_write(&write, SOON).await.unwrap() })
        });
        let mut won = Vec::new();
        let mut told = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Outcome::Written(entry) => won.push(entry),
                Outcome::Conflict(stands) => told.push(stands[&user_key(&user)].clone().unwrap()),
            }
        }
        assert_eq!(won.len(), 1, "{user}");
        assert!(told.iter().all(|stands| *stands == won[0]), "the losers are told who won: {told:?}");
    }
}

pub async fn epochs_are_counted_over_the_whole_site(site: impl Site) {
    let (mut one, mut two) = (Replica::joined(&site, 1).await, Replica::joined(&site, 2).await);

    let epochs = [
        one.claim("ada", "a").await.epoch,
        two.claim("bo", "b").await.epoch,
        one.claim("ada", "b").await.epoch,
        two.claim("cy", "a").await.epoch,
    ];

    assert!(epochs.windows(2).all(|pair| pair[0].next() == Some(pair[1])), "{epochs:?}");
    assert_eq!(one.store.mark(SOON).await.unwrap().counter, epochs[3]);
}

pub async fn a_deletion_leaves_a_mark_and_the_key_can_be_written_anew(site: impl Site) {
    let mut replica = Replica::joined(&site, 1).await;
    let first = replica.claim("ada", "a").await;

    let deleted = replica.try_write(&write("ada", Some(first.epoch), None), SOON).await.unwrap();

    let Outcome::Written(mark) = deleted else { panic!("not deleted: {deleted:?}") };
    assert!(mark.value.is_none() && mark.epoch > first.epoch);
    assert_eq!(replica.store.load(SOON).await.unwrap().entries[&user_key("ada")], mark);
    let late = replica.try_write(&write("ada", Some(first.epoch), Some("b")), SOON).await.unwrap();
    assert_eq!(late, Outcome::Conflict([(user_key("ada"), Some(mark.clone()))].into()));
    replica.copy.apply(mark);
    assert_eq!(replica.hub_of("ada"), None);
    replica.claim("ada", "b").await;
}

pub async fn any_name_and_any_value_come_back_to_the_byte(site: impl Site) {
    let mut replica = Replica::joined(&site, 1).await;
    let long = "ü".repeat(512);
    let names = [
        "Ada",
        "ada",
        "a b",
        "a:b",
        "{x}",
        "%41",
        "A",
        "*",
        "ü",
        "u\u{308}",
        "\u{202e}da",
        "💣",
        "#counter",
        "\u{2028}",
        "'); redis.call('FLUSHALL') --",
        "$(reboot)",
        "\"\\u0000\"",
        long.as_str(),
    ];
    for name in names {
        replica.claim(name, &format!("the hub of {name}")).await;
    }
    let big = Value::of(&"\u{1f4a3}\n\"\\ ".repeat(23_000)).expect("it is short enough");
    let target = Comparison { key: Key::new("hub", "big").unwrap(), epoch: None };
    let outcome =
        replica.try_write(&Write { target, value: Some(big.clone()), conditions: Vec::new() }, SOON).await;
    assert!(matches!(outcome, Ok(Outcome::Written(_))), "{outcome:?}");

    let mut other = Replica::joined(&site, 2).await;
    other.sync().await.unwrap();

    for name in names {
        assert_eq!(other.hub_of(name), Some(format!("the hub of {name}")), "{name}");
    }
    assert_eq!(other.copy.get(&Key::new("hub", "big").unwrap()).unwrap().value, Some(big));
    assert_eq!(other.store.malformed(), 0);
}

pub async fn the_feed_tells_every_write_once_and_in_order(site: impl Site) {
    let mut reader = Replica::joined(&site, 1).await;
    let mut feed = reader.store.feed();
    assert_eq!(next(&mut feed).await, Change::Resync, "what was before is not told");
    drop(feed);
    let mut feed = settled(&site, &mut reader).await;
    let (mut one, mut two) = (Replica::joined(&site, 2).await, Replica::joined(&site, 3).await);

    let mut written = Vec::new();
    for round in 0..30 {
        written.push(one.claim(&format!("one-{round}"), "a").await);
        written.push(two.claim(&format!("two-{round}"), "b").await);
    }

    for entry in written {
        assert_eq!(next_entry(&mut feed).await, entry);
    }
}

pub async fn a_copy_that_follows_the_feed_is_what_a_load_gives(site: impl Site) {
    let mut reader = Replica::joined(&site, 1).await;
    let mut feed = settled(&site, &mut reader).await;
    let mut writer = Replica::joined(&site, 2).await;

    let mut last = Epoch::default();
    for round in 0..20 {
        last = writer.claim(&format!("user-{}", round % 5), &format!("hub-{round}")).await.epoch;
    }
    loop {
        let entry = next_entry(&mut feed).await;
        let epoch = entry.epoch;
        assert_eq!(reader.copy.apply(entry), Applied::New);
        if epoch == last {
            break;
        }
    }

    let Full { entries, .. } = reader.store.load(SOON).await.unwrap();
    assert!(reader.copy.standing().eq(entries.values()));
}
