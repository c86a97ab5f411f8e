//! A master with a replica behind three sentinels: the store follows the master, wherever it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter::directory::{Change, Error, RedisStore, Store};
use hubrouter_config::RedisDirectory;
use redis::Value;

use crate::contract::{Replica, SOON, Site, next, write};
use crate::server::{Server, free_port};

/// Longer than sentinels need to elect another master.
const FAILS_OVER_WITHIN: Duration = Duration::from_secs(60);

struct Fleet {
    master: Server,
    other: Server,
    sentinels: Vec<Server>,
}

impl Fleet {
    async fn start() -> Self {
        let master = Server::plain().await;
        let follow = format!("replicaof 127.0.0.1 {}", master.port);
        let other = Server::with(free_port(), &[&follow, "repl-diskless-sync-delay 0"]).await;
        wait_for("the replica has the data of the master", async || {
            let info = text(&other.command(&["INFO", "replication"]).await);
            info.contains("master_link_status:up")
        })
        .await;
        let watch = format!("sentinel monitor site-master 127.0.0.1 {} 2", master.port);
        let settings = [
            watch.as_str(),
            "sentinel down-after-milliseconds site-master 800",
            "sentinel failover-timeout site-master 4000",
        ];
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Server::sentinel(&settings).await);
        }
        let fleet = Self { master, other, sentinels };
        wait_for("the sentinels know each other and the replica", async || {
            let mut known = true;
            for sentinel in &fleet.sentinels {
                let Value::Array(state) = sentinel.command(&["SENTINEL", "MASTER", "site-master"]).await
                else {
                    panic!("no state of the master")
                };
                let state: Vec<String> = state.iter().map(text).collect();
                let is =
                    |name: &str, value: &str| state.chunks(2).any(|pair| pair[0] == name && pair[1] == value);
                known &= is("num-slaves", "1") && is("num-other-sentinels", "2");
            }
            known
        })
        .await;
        fleet
    }

    fn config(&self) -> RedisDirectory {
        named_by(&self.master, &self.sentinels)
    }

    fn replica(&self, number: u8) -> Replica {
        let mut replica = Replica::new(&self.master, number);
        replica.store = Arc::new(RedisStore::new(&self.config()).unwrap());
        replica
    }

    /// Everything that the master has written so far is on the other server.
    async fn replicated(&self) {
        let offset = |info: String| {
            info.lines().find_map(|line| line.strip_prefix("master_repl_offset:").map(str::to_owned)).unwrap()
        };
        wait_for("the replica has caught up", async || {
            let there = offset(text(&self.other.command(&["INFO", "replication"]).await));
            there == offset(text(&self.master.command(&["INFO", "replication"]).await))
        })
        .await;
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::VerbatimString { text, .. } => text.clone(),
        other => format!("{other:?}"),
    }
}

async fn wait_for(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < FAILS_OVER_WITHIN, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Writes until it is done; meanwhile no failure is another one than "not reached" or "unknown".
async fn write_until_done(replica: &mut Replica, user: &str) {
    let began = Instant::now();
    loop {
        match replica.sync().await {
            Ok(_) => {
                let epoch = replica.copy.get(&crate::contract::user_key(user)).map(|entry| entry.epoch);
                match replica.try_write(&write(user, epoch, Some("b")), SOON).await {
                    Ok(outcome) => {
                        assert!(matches!(outcome, hubrouter::directory::Outcome::Written(_)), "{outcome:?}");
                        return;
                    }
                    Err(error) => passing(&error),
                }
            }
            Err(error) => passing(&error),
        }
        assert!(began.elapsed() < FAILS_OVER_WITHIN, "nothing could be written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn passing(error: &Error) {
    assert!(matches!(error, Error::Unreachable { .. } | Error::Unknown { .. }), "{error}");
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn when_the_master_dies_the_store_goes_on_at_the_next_one_and_the_feed_says_resync() {
    let mut fleet = Fleet::start().await;
    let mut replica = fleet.replica(1);
    replica.sync().await.unwrap();
    let mut feed = replica.store.feed();
    let first = loop {
        replica.sync().await.unwrap();
        let entry = replica.claim("ada", "a").await;
        let heard =
            tokio::time::timeout(Duration::from_millis(300), crate::contract::next_entry(&mut feed)).await;
        if heard.is_ok_and(|heard| heard == entry) {
            break entry;
        }
    };
    fleet.replicated().await;

    fleet.master.end();
    let began = Instant::now();
    write_until_done(&mut replica, "bo").await;
    println!("written again {:?} after the death of the master", began.elapsed());

    replica.sync().await.unwrap();
    assert_eq!(replica.copy.get(&first.key), Some(&first));
    while next(&mut feed).await != Change::Resync {}
    let mut other = fleet.replica(2);
    other.sync().await.unwrap();
    assert_eq!(["ada", "bo"].map(|user| other.hub_of(user).unwrap()), ["a", "b"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn a_failover_that_loses_writes_is_noticed_and_they_are_written_back() {
    let mut fleet = Fleet::start().await;
    let mut replica = fleet.replica(1);
    replica.sync().await.unwrap();
    fleet.replicated().await;
    // The other server does not hear of what follows.
    fleet.master.command(&["CONFIG", "SET", "repl-timeout", "3600"]).await;
    fleet.other.signal("-STOP");
    replica.claim("ada", "a").await;
    fleet.master.end();
    fleet.other.signal("-CONT");

    write_until_done(&mut replica, "bo").await;

    let mut other = fleet.replica(2);
    other.sync().await.unwrap();
    assert_eq!(["ada", "bo"].map(|user| other.hub_of(user).unwrap()), ["a", "b"]);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test --only redis"]
async fn dead_sentinels_are_passed_over_and_none_left_is_said() {
    let mut fleet = Fleet::start().await;
    fleet.sentinels[0].end();
    fleet.sentinels[1].signal("-STOP");

    fleet.replica(1).sync().await.unwrap();
    fleet.sentinels[1].signal("-CONT");
    for sentinel in &mut fleet.sentinels {
        sentinel.end();
    }
    let error = fleet.replica(2).sync().await.unwrap_err();

    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("no sentinel names a master `site-master`"), "{error}");
}

/// The configuration of a store whose master these sentinels name.
fn named_by(master: &Server, sentinels: &[Server]) -> RedisDirectory {
    RedisDirectory {
        url: None,
        sentinels: sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port)).collect(),
        master: Some("site-master".to_owned()),
        ..master.config()
    }
}

/// A store that one sentinel names.
struct Watched {
    master: Server,
    sentinel: Server,
}

impl Site for Watched {
    async fn start() -> Self {
        let master = Server::plain().await;
        let watch = format!("sentinel monitor site-master 127.0.0.1 {} 1", master.port);
        let sentinel = Server::sentinel(&[&watch]).await;
        Self { master, sentinel }
    }

    fn store(&self) -> Arc<dyn Store> {
        let config = named_by(&self.master, std::slice::from_ref(&self.sentinel));
        Arc::new(RedisStore::new(&config).expect("a configuration that is right"))
    }

    async fn lose_everything(&mut self) {
        self.master.command(&["FLUSHALL"]).await;
    }
}

mod redis_behind_a_sentinel {
    contract::every_store!(super::Watched, ignore = "needs Redis: cargo xtask test --only redis");
    use crate::contract;
}
