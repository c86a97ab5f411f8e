//! The directory in Redis, alone or behind sentinels, for any number of replicas.
//!
//! Compare-and-set happens in scripts on keys of one hash tag; a change is published to those who listen. Names and values
//! reach Redis as arguments only, never as a part of a key or a script. How a call may fail is judged in `link.rs`, what is
//! found is read in `record.rs`.

mod calls;
mod link;
mod listener;
mod record;
mod servers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hubrouter_config::RedisDirectory;
use redis::Script;
use tokio::task::AbortHandle;

use self::link::Link;
use self::listener::Listener;
use self::servers::Servers;
pub use self::servers::Unusable;
use super::feed::{Feed, Teller};
use super::identity::{Fingerprint, Identity, ReplicaId};
use super::key::Key;
use super::store::{Answer, Beats, Full, Lease, Mark, Outcome, Pulse, Repair, Repaired, Seen, Store, Write};

/// The whole text of a script.
macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(
            include_str!("scripts/common.lua"),
            include_str!(concat!("scripts/", $file, ".lua"))
        ))
    };
}

/// A directory in Redis. It connects when it is first asked; what fails then is tried again with growing pauses.
pub struct RedisStore {
    link: Link,
    servers: Arc<Servers>,
    names: Names,
    scripts: Scripts,
    teller: Teller,
    malformed: Arc<AtomicU64>,
    listening: OnceLock<AbortHandle>,
}

/// The names in Redis, all of one hash tag, so that one server has them all.
struct Names {
    directory: String,
    beats: String,
    leases: String,
    channel: String,
}

struct Scripts {
    introduce: Script,
    write: Script,
    repair: Script,
    beat: Script,
    lease: Script,
    forget: Script,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.get() {
            listening.abort();
        }
    }
}

impl RedisStore {
    /// The directory that the configuration names. Reads the file with the authorities; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// That file cannot be used, or an address is none.
    pub fn new(config: &RedisDirectory) -> Result<Self, Unusable> {
        let servers = Arc::new(Servers::of(config)?);
        let name = |what: &str| format!("{{{}}}:{what}", config.prefix);
        Ok(Self {
            link: Link::new(servers.clone()),
            servers,
            names: Names {
                directory: name("directory"),
                beats: name("beats"),
                leases: name("leases"),
                channel: name("feed"),
            },
            scripts: Scripts {
                introduce: script!("introduce"),
                write: script!("write"),
                repair: script!("repair"),
                beat: script!("beat"),
                lease: script!("lease"),
                forget: script!("forget"),
            },
            teller: Teller::new(),
            malformed: Arc::default(),
            listening: OnceLock::new(),
        })
    }
}

impl Store for RedisStore {
    fn introduce<'a>(&'a self, offered: &'a Identity, within: Duration) -> Answer<'a, Identity> {
        Box::pin(self.introduce_site(offered, within))
    }

    fn load(&self, within: Duration) -> Answer<'_, Full> {
        Box::pin(self.load_all(within))
    }

    fn mark(&self, within: Duration) -> Answer<'_, Mark> {
        Box::pin(self.look(within))
    }

    fn write<'a>(&'a self, write: &'a Write, seen: &'a Seen, within: Duration) -> Answer<'a, Outcome> {
        Box::pin(self.compare_and_set(write, seen, within))
    }

    fn repair<'a>(&'a self, repair: &'a Repair, within: Duration) -> Answer<'a, Repaired> {
        Box::pin(self.write_back(repair, within))
    }

    fn beat<'a>(&'a self, pulse: &'a Pulse, site: &'a Fingerprint, within: Duration) -> Answer<'a, Mark> {
        Box::pin(self.send_beat("a heartbeat", &pulse.replica, Some(pulse), site, within))
    }

    fn part<'a>(&'a self, replica: &'a ReplicaId, site: &'a Fingerprint, within: Duration) -> Answer<'a, ()> {
        Box::pin(async move { self.send_beat("a goodbye", replica, None, site, within).await.map(|_| ()) })
    }

    fn beats(&self, within: Duration) -> Answer<'_, Beats> {
        Box::pin(self.all_beats(within))
    }

    fn lease<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        time: Duration,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, Lease> {
        Box::pin(async move {
            let lease = self.ask_lease("a lease", name, replica, Some(time), site, within).await?;
            lease.ok_or_else(|| calls::unsure("a lease"))
        })
    }

    fn release<'a>(
        &'a self,
        name: &'a Key,
        replica: &'a ReplicaId,
        site: &'a Fingerprint,
        within: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.ask_lease("the end of a lease", name, replica, None, site, within).await.map(|_| ())
        })
    }

    fn feed(&self) -> Feed {
        let feed = self.teller.feed();
        self.listening.get_or_init(|| {
            let listener = Listener {
                servers: self.servers.clone(),
                link: self.link.clone(),
                channel: self.names.channel.clone(),
                teller: self.teller.clone(),
                malformed: self.malformed.clone(),
            };
            tokio::spawn(listener.run()).abort_handle()
        });
        feed
    }

    fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }
}
