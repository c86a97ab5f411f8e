//! What others write into Redis is ignored and counted; it neither blocks nor breaks anything.

use std::time::Duration;

use hubrouter::directory::{Change, Epoch, Error, Key, Outcome, Pulse, Value};

use crate::contract::{Replica, SOON, next, settled, write};
use crate::server::Server;

const DIRECTORY: &[u8] = b"{site-1}:directory";

/// What is no entry, in fields and texts.
const GARBAGE: [(&[u8], &[u8]); 12] = [
    (b"user:bo", b"\xff\xfe\x00"),
    (b"user:cy", b"7 1000 {"),
    (b"user:di", b""),
    (b"user:ed", b"99999999999999999999999 1 1"),
    (b"user:flo", b"-1 1 1"),
    (b"user:%61da", b"3 1 1"),
    (b"user:\xff", b"3 1 1"),
    (b"", b""),
    (b"no colon", b"1"),
    (b"USER:ada", b"1 1 1"),
    (b"user:gil", b"9007199254740992 1 1"),
    (b"user:hal", b"1.5 1 1"),
];

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn what_is_unreadable_is_ignored_and_counted() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    replica.claim("ada", "a").await;
    for (field, text) in GARBAGE {
        server.bytes(&[b"HSET", DIRECTORY, field, text]).await;
    }

    let synced = replica.sync().await.unwrap();

    assert_eq!(synced.malformed, GARBAGE.len() as u64);
    assert_eq!(replica.store.malformed(), GARBAGE.len() as u64);
    assert_eq!(replica.copy.standing().count(), 1);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_user_whose_entry_is_unreadable_can_be_written() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    for text in [&b"\xff\xfe\x00"[..], b"7 1000 {", b"", b"12 34 \xff", b"x"] {
        server.bytes(&[b"HSET", DIRECTORY, b"user:ada", text]).await;

        let outcome = replica.try_write(&write("ada", None, Some("a")), SOON).await.unwrap();

        let Outcome::Written(entry) = outcome else { panic!("{text:?} is in the way: {outcome:?}") };
        replica.copy.apply(entry.clone());
        let deleted = replica.try_write(&write("ada", Some(entry.epoch), None), SOON).await.unwrap();
        assert!(matches!(deleted, Outcome::Written(_)), "{deleted:?}");
    }
    assert!(replica.store.malformed() > 0);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_counter_that_is_none_is_a_store_that_is_behind_and_gets_one() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    replica.claim("ada", "a").await;
    for counter in
        ["banana", "-1", "1e9", "0x7fffffff", "99999999999999999999", "9007199254740992", "inf", ""]
    {
        server.command(&["HSET", "{site-1}:directory", "#counter", counter]).await;
        let before = replica.seen().epoch;

        let claim = replica.try_write(&write("bo", None, Some("a")), SOON).await;
        let synced = replica.sync().await.unwrap();

        assert!(matches!(claim, Err(Error::Behind { .. })), "{counter}: {claim:?}");
        assert!(synced.repaired, "{counter}");
        assert_eq!(replica.seen().epoch, before.raised(), "{counter}");
    }
    replica.claim("bo", "a").await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn an_entry_with_a_number_that_nobody_counted_raises_the_counter() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    server.command(&["HSET", "{site-1}:directory", "user:ada", "5000 1000 \"b\""]).await;

    assert!(replica.sync().await.unwrap().repaired);

    assert_eq!(replica.hub_of("ada").as_deref(), Some("b"));
    assert_eq!(replica.claim("ada", "a").await.epoch, Epoch::new(6001).unwrap());
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_fingerprint_that_is_none_belongs_to_somebody_else() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    server.bytes(&[b"HSET", DIRECTORY, b"#fingerprint", &[b'\xff'; 1000]]).await;

    let synced = replica.sync().await;
    let claim = replica.try_write(&write("bo", None, Some("a")), SOON).await;
    let introduced = replica.store.introduce(&replica.identity(), SOON).await;

    for error in [synced.unwrap_err(), claim.unwrap_err(), introduced.unwrap_err()] {
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
        assert!(
            error.to_string().len() < 700 && error.to_string().is_ascii()
                || error.to_string().contains('\u{fffd}')
        );
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_key_of_another_kind_is_an_answer_and_not_the_end() {
    let server = Server::plain().await;
    server.command(&["SET", "{site-1}:directory", "a text"]).await;
    server.command(&["SET", "{site-1}:beats", "a text"]).await;
    let mut replica = Replica::new(&server, 1);

    let synced = replica.sync().await.unwrap_err();
    let beats = replica.store.beats(SOON).await.unwrap_err();

    for error in [synced, beats] {
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    }
    assert_eq!(
        server.command(&["GET", "{site-1}:directory"]).await,
        redis::Value::BulkString(b"a text".into())
    );
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn what_is_published_by_others_is_ignored_and_counted() {
    let server = Server::plain().await;
    let mut reader = Replica::joined(&server, 1).await;
    let mut feed = settled(&server, &mut reader).await;
    for message in [&b""[..], b"\xff\xfe", b"user:ada", b"user:ada 1", b"user:ada 1 1 {", b"#counter 5 5 5"] {
        server.bytes(&[b"PUBLISH", b"{site-1}:feed", message]).await;
    }
    let entry = reader.claim("ada", "a").await;

    assert_eq!(next(&mut feed).await, Change::Entry(entry));
    assert_eq!(reader.store.malformed(), 6);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn heartbeats_and_leases_of_others_are_passed_over() {
    let server = Server::plain().await;
    let replica = Replica::joined(&server, 1).await;
    let payload = Value::of(&1).unwrap();
    let pulse = Pulse { replica: replica.id.clone(), payload, lives_for: Duration::from_secs(60) };
    for (field, text) in
        [("Replica!", "9000000000000000 1 1"), ("r-1", "x"), ("r-2", "9000000000000000 1 {"), ("r-3", "")]
    {
        server.command(&["HSET", "{site-1}:beats", field, text]).await;
    }
    let census = Key::new("census", "hub-a").unwrap();
    server.command(&["HSET", "{site-1}:leases", "census:hub%2Da", "for ever mine"]).await;

    replica.store.beat(&pulse, &replica.site(), SOON).await.unwrap();
    let beats = replica.store.beats(SOON).await.unwrap();
    let lease = replica.store.lease(&census, &replica.id, SOON, &replica.site(), SOON).await.unwrap();

    assert_eq!(beats.beats.len(), 1);
    assert_eq!(replica.store.malformed(), 4);
    assert_eq!(lease.holder, replica.id);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn no_name_is_a_part_of_a_key_and_two_prefixes_are_two_directories() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    replica.claim("a b}:{*\u{202e}", "a").await;
    let other = hubrouter_config::RedisDirectory { prefix: "site-2".to_owned(), ..server.config() };
    let mut neighbour = Replica::of(&server, 2, &["x"]);
    neighbour.store = std::sync::Arc::new(hubrouter::directory::RedisStore::new(&other).unwrap());

    neighbour.sync().await.unwrap();

    assert_eq!(neighbour.copy.standing().count(), 0);
    let mut keys: Vec<String> = redis::from_redis_value(server.command(&["KEYS", "*"]).await).unwrap();
    keys.sort();
    assert_eq!(keys, ["{site-1}:directory", "{site-2}:directory"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn old_deletions_are_forgotten_by_the_store_after_a_day_and_an_hour() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    replica.claim("ada", "a").await;
    let now = replica.store.mark(SOON).await.unwrap().time.as_millis();
    let hours = |hours: u64| now - hours * 3_600_000;
    for (field, hours) in [("user:bo", hours(26)), ("user:cy", hours(24) - 60_000), ("user:di", hours(1))] {
        server.command(&["HSET", "{site-1}:directory", field, &format!("1 {hours}")]).await;
    }

    replica.sync().await.unwrap();

    let fields = ["user:bo", "user:cy", "user:di"];
    let mut left = Vec::new();
    for field in fields {
        let there = server.command(&["HEXISTS", "{site-1}:directory", field]).await;
        left.push(there == redis::Value::Int(1));
    }
    assert_eq!(left, [false, true, true]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_feed_that_was_cut_says_so_when_it_is_back() {
    let mut server = Server::plain().await;
    let mut reader = Replica::joined(&server, 1).await;
    let mut feed = settled(&server, &mut reader).await;

    server.command(&["SAVE"]).await;
    server.end();
    server.begin().await;

    assert_eq!(next(&mut feed).await, Change::Resync);
    let entry = reader.claim("ada", "a").await;
    assert_eq!(next(&mut feed).await, Change::Entry(entry));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_hundred_thousand_entries_are_loaded_and_written_back() {
    let server = Server::plain().await;
    let mut replica = Replica::joined(&server, 1).await;
    let script = "for at = 1, 100000 do redis.call('HSET', KEYS[1], 'user:u' .. at, at .. ' 1000 \"a\"') end \
                  redis.call('HSET', KEYS[1], '#counter', '100000')";
    server.command(&["EVAL", script, "1", "{site-1}:directory"]).await;
    replica.sync().await.unwrap();
    server.command(&["FLUSHALL"]).await;

    let synced = replica.sync().await.unwrap();

    assert!(synced.repaired);
    let length = server.command(&["HLEN", "{site-1}:directory"]).await;
    assert_eq!(length, redis::Value::Int(100_003));
}
