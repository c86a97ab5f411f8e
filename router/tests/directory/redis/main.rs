//! The directory in Redis passes the contract of all stores, on real processes: alone, with a password, with TLS, behind
//! sentinels.
//!
//! `cargo xtask test --only redis` runs these tests; elsewhere they are ignored, because they need more than Rust.
//! `HUBROUTER_REDIS_SERVER` names the program redis-server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

#[path = "../contract/mod.rs"]
mod contract;
mod hostile;
mod secured;
mod sentinels;
mod server;

use std::sync::Arc;
use std::time::Duration;

use hubrouter::directory::{RedisStore, Store};

use contract::Site;
use server::Server;

impl Site for Server {
    async fn start() -> Self {
        Server::plain().await
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(RedisStore::new(&self.config()).expect("a configuration that is right"))
    }

    async fn lose_everything(&mut self) {
        self.command(&["FLUSHALL"]).await;
    }
}

impl contract::Slow for Server {
    async fn stall(&mut self) -> Duration {
        self.signal("-STOP");
        Duration::from_millis(150)
    }

    async fn go_on(&mut self) {
        self.signal("-CONT");
    }
}

impl contract::Lasting for Server {
    async fn restart(&mut self) {
        self.command(&["SAVE"]).await;
        self.end();
        self.begin().await;
    }

    async fn back_up(&mut self) {
        self.command(&["SAVE"]).await;
        std::fs::copy(self.dump(), self.dump().with_extension("old")).unwrap();
    }

    async fn restore(&mut self) {
        self.end();
        std::fs::copy(self.dump().with_extension("old"), self.dump()).unwrap();
        self.begin().await;
    }

    async fn cut(&mut self) {
        self.command(&["SAVE"]).await;
        self.end();
    }

    async fn mend(&mut self) {
        self.begin().await;
    }
}

mod redis_alone {
    contract::every_store!(super::Server, ignore = "needs Redis: cargo xtask test --only redis");
    contract::slow_store!(super::Server, ignore = "needs Redis: cargo xtask test --only redis");
    contract::lasting_store!(super::Server, ignore = "needs Redis: cargo xtask test --only redis");
    use super::contract;
}
