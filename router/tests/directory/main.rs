//! The directory in memory, with and without a file, passes the contract of all stores. The one in Redis does so in `redis/`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![allow(missing_docs, reason = "tests document themselves by their names")]

mod contract;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hubrouter::directory::{Clock, Memory, Store};

use contract::Site;

/// A clock that the test can stop: a store that asks for the time waits.
#[derive(Clone, Default)]
struct Stoppable(Arc<(Mutex<bool>, Condvar)>);

impl Stoppable {
    fn clock(&self) -> Clock {
        let (this, real) = (self.clone(), Memory::system_clock());
        Arc::new(move || {
            let (stopped, changed) = &*this.0;
            let waited = changed.wait_while(stopped.lock().unwrap(), |stopped| *stopped);
            drop(waited);
            real()
        })
    }

    fn stop(&self, stop: bool) {
        *self.0.0.lock().unwrap() = stop;
        self.0.1.notify_all();
    }
}

impl Site for Memory {
    async fn start() -> Self {
        Self::new(Self::system_clock())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    async fn lose_everything(&mut self) {
        *self = Self::start().await;
    }
}

/// A directory in memory with a file.
struct InFile {
    folder: tempfile::TempDir,
    memory: Option<Memory>,
    time: Stoppable,
    backup: Vec<u8>,
    /// How often everything was lost: whoever still has the old file open keeps it.
    lost: u32,
}

impl InFile {
    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("site/directory-{}.json", self.lost))
    }

    fn open(&mut self) {
        self.memory = Some(Memory::open(&self.file(), self.time.clock()).expect("the file is whole"));
    }

    fn close(&mut self) {
        drop(self.memory.take().expect("open"));
    }
}

impl Site for InFile {
    async fn start() -> Self {
        let mut site = Self {
            folder: tempfile::tempdir().unwrap(),
            memory: None,
            time: Stoppable::default(),
            backup: Vec::new(),
            lost: 0,
        };
        std::fs::create_dir(site.folder.path().join("site")).unwrap();
        site.open();
        site
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.memory.clone().expect("open"))
    }

    async fn lose_everything(&mut self) {
        self.lost += 1;
        self.open();
    }
}

impl contract::Slow for InFile {
    async fn stall(&mut self) -> Duration {
        self.time.stop(true);
        Duration::from_millis(50)
    }

    async fn go_on(&mut self) {
        self.time.stop(false);
    }
}

impl contract::Lasting for InFile {
    async fn restart(&mut self) {
        self.close();
        self.open();
    }

    async fn back_up(&mut self) {
        self.backup = std::fs::read(self.file()).unwrap();
    }

    async fn restore(&mut self) {
        self.close();
        std::fs::write(self.file(), &self.backup).unwrap();
        self.open();
    }

    async fn cut(&mut self) {
        std::fs::rename(self.folder.path().join("site"), self.folder.path().join("away")).unwrap();
    }

    async fn mend(&mut self) {
        std::fs::rename(self.folder.path().join("away"), self.folder.path().join("site")).unwrap();
    }
}

mod memory {
    contract::every_store!(hubrouter::directory::Memory);
    use super::contract;
}

mod memory_with_a_file {
    contract::every_store!(super::InFile);
    contract::slow_store!(super::InFile);
    contract::lasting_store!(super::InFile);
    use super::contract;
}
