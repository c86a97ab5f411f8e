//! A directory that is empty, or may be an old one, does not say who is away from home: the hubs are asked before anything is
//! started.
//!
//! A new site in front of old hubs, a directory in memory that ended with its process, a store that was emptied while no replica
//! ran: what operators wanted is lost with it, and said to be. And a shared store in which no other replica has been heard lately: a
//! backup may have been restored meanwhile, and nobody would remember what it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::stream::{self, StreamExt};
use hubrouter_config::{Hub, HubId};
use hubrouter_hub_adapter::census::ActiveUsers;
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::names::UserName;
use hubrouter_hub_adapter::site::Site;
use tracing::{info, warn};

use super::Controller;
use super::effects::{Done, WITHIN};
use crate::control::calls::Dial;
use crate::control::clock;
use crate::control::keeper::{Write, Writer, Wrote, user_key};
use crate::control::live::Live;
use crate::core::life::claim::is_movable;
use crate::core::life::records::{Assignment, Cause, Epoch, Heartbeat};
use crate::core::life::time::StoreTime;

/// So long it is tried; then starts go on by what is known.
const TRIED_FOR: Duration = Duration::from_secs(30);
/// From one question to a hub that does not answer to the next.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// From one try to write to the next.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// So many records are written at a time.
const AT_ONCE: usize = 16;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Rebuild {
    /// It is not known yet whether the directory says anything.
    #[default]
    Unread,
    /// The hubs are asked.
    UnderWay,
    /// The directory says who is where.
    Done,
}

/// What came of it.
#[derive(Debug)]
pub struct Rebuilt {
    /// Users who were found away from home.
    found: usize,
    /// Hubs that did not say who has a server there, and why.
    silent: BTreeMap<HubId, String>,
    /// The directory was empty; else it may have been an old one.
    was_empty: bool,
}

impl Controller {
    /// Looks for the first time at what stands in the directory, and who else has been heard.
    pub(super) fn rebuild(&mut self, others: Option<(&[Heartbeat], StoreTime)>) {
        if self.rebuild != Rebuild::Unread || !self.view.read {
            return;
        }
        let config = &self.parts.loaded.config;
        let is_empty = self.view.exceptions.placement().is_none();
        let believed = match others {
            _ if is_empty => false,
            _ if !self.parts.share.is_shared => true,
            None => return, // its heartbeats come in a moment
            Some((heartbeats, now)) => {
                let me = self.parts.share.me.as_str();
                is_vouched_for(heartbeats, me, now, config.failover.hold)
            }
        };
        if believed || config.hubs.len() < 2 {
            self.rebuild = Rebuild::Done;
            return;
        }
        self.rebuild = Rebuild::UnderWay;
        self.parts.board.note_rebuild(true, Vec::new());
        let job = Job {
            hubs: config.hubs.clone(),
            site: Arc::clone(&self.parts.live.load().snapshot.site),
            dial: Arc::clone(&self.parts.share.dial),
            writer: self.parts.share.writer.clone(),
            live: Arc::clone(&self.parts.live),
            began: self.parts.live.load_full(),
            is_empty,
            until: clock::now() + TRIED_FOR,
        };
        let done = self.done.clone();
        tokio::spawn(async move {
            let rebuilt = job.run().await;
            // At shutdown nobody waits for it.
            let _ = done.send(Done::Rebuilt(rebuilt));
        });
    }

    /// Whether nothing may be started yet, because nobody has been asked who is away from home.
    pub(super) fn is_rebuilding(&self) -> bool {
        self.rebuild != Rebuild::Done
    }

    pub(super) fn rebuilt(&mut self, rebuilt: Rebuilt) {
        let Rebuilt { found, silent, was_empty } = rebuilt;
        let (state, lost) = if was_empty {
            ("the directory was empty", "; what operators had ordered before is not known")
        } else {
            ("no other router has been heard for long, so the directory may be an old one", "")
        };
        self.rebuild = Rebuild::Done;
        for (hub, why) in &silent {
            warn!(hub.id = %hub, why, "hub `{hub}` did not say who has a server there, and {state}");
        }
        let names: Vec<String> = silent.keys().map(ToString::to_string).collect();
        let asked = if names.is_empty() {
            "every hub was asked".to_owned()
        } else {
            format!("{} did not answer", names.join(", "))
        };
        let text = format!(
            "{state}: {found} users were found with a server where they were not known to be, {asked}{lost}"
        );
        info!("{text}");
        self.parts.board.events.note("directory_rebuilt", None, None, text);
        self.parts.board.note_rebuild(false, names);
        self.publish();
        if let Some(now) = self.store_now() {
            self.activate(now);
        }
    }
}

struct Job {
    hubs: Vec<Hub>,
    site: Arc<Site>,
    dial: Arc<dyn Dial>,
    writer: Writer,
    live: Arc<ArcSwap<Live>>,
    /// What stood when it began.
    began: Arc<Live>,
    is_empty: bool,
    until: Instant,
}

impl Job {
    async fn run(&self) -> Rebuilt {
        let answers = stream::iter(self.hubs.clone()).map(|hub| async move {
            let told = self.ask(&hub).await;
            (hub.id, told)
        });
        let answers: Vec<_> = answers.buffer_unordered(self.hubs.len().max(1)).collect().await;
        let (mut silent, mut at) = (BTreeMap::new(), BTreeMap::<UserName, BTreeSet<HubId>>::new());
        for (hub, told) in answers {
            match told {
                Ok(active) => active.users.into_keys().for_each(|user| {
                    at.entry(user).or_default().insert(hub.clone());
                }),
                Err(why) => drop(silent.insert(hub, why)),
            }
        }
        let away = at.into_iter().filter_map(|(user, hubs)| match hubs.len() {
            // Who has servers on two hubs is reported, and never repaired.
            1 => hubs.into_iter().next().map(|hub| (user, hub)),
            _ => None,
        });
        let each = stream::iter(away).map(|(user, hub)| async move { self.keep(user, hub).await });
        let found = each.buffer_unordered(AT_ONCE).filter(|kept| std::future::ready(*kept)).count().await;
        Rebuilt { found, silent, was_empty: self.is_empty }
    }

    /// Who has a server there; a hub that cannot be reached is asked for as long as there is time.
    async fn ask(&self, hub: &Hub) -> Result<ActiveUsers, String> {
        let calls = self.dial.calls(hub, &self.site);
        if !calls.may_be_asked() {
            return Err("it has no api_token".to_owned());
        }
        loop {
            let left = self.until.saturating_duration_since(clock::now());
            match calls.active_users(left.max(ASK_AGAIN)).await {
                Ok(active) => return Ok(active),
                Err(error) if may_pass(&error) && clock::now() + ASK_AGAIN < self.until => {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Assigns a user to where they have a server, unless that is their home. Whether they were assigned.
    async fn keep(&self, user: UserName, hub: HubId) -> bool {
        loop {
            let live = self.live.load_full();
            let snapshot = &live.snapshot;
            let at_home = snapshot.placement.home(&user) == Some(&hub);
            let stands = snapshot.exceptions.assignment(&user);
            let is_news = match stands {
                None => !at_home,
                Some(stands) => stands.hub != hub && is_movable(stands.cause),
            };
            // What others wrote meanwhile is newer than what the hubs said.
            let on = snapshot.exceptions.epoch_of(&user);
            let is_new = on != self.began.snapshot.exceptions.epoch_of(&user);
            if !is_news || is_new {
                return false;
            }
            // The hubs may answer before the first heartbeat says what time it is.
            let Some(known) = snapshot.knowledge.clock else {
                tokio::time::sleep(TRY_AGAIN).await;
                continue;
            };
            let assignment = Assignment {
                user: user.clone(),
                hub: hub.clone(),
                cause: Cause::Found,
                epoch: Epoch::default(),
                since: known.time_at(clock::now()),
                last_start: None,
                provisional_until: None,
            };
            let Some(write) = user_key(&user).and_then(|key| Write::set(key, on, &assignment)) else {
                return false;
            };
            match self.writer.write(&write, WITHIN).await {
                Wrote::Stands(_) => return true,
                Wrote::Conflict(_) => {}
                Wrote::Unknown(_) | Wrote::Unreachable(_) => tokio::time::sleep(TRY_AGAIN).await,
            }
        }
    }
}

/// Whether another replica that knows the directory has been heard within `lately`.
fn is_vouched_for(heartbeats: &[Heartbeat], me: &str, now: StoreTime, lately: Duration) -> bool {
    heartbeats.iter().any(|beat| beat.replica != me && !beat.rebuilding && now.since(beat.at) <= lately)
}

/// Whether asking once more may help.
fn may_pass(error: &HubError) -> bool {
    matches!(
        error,
        HubError::Connect { .. }
            | HubError::NoAnswer { .. }
            | HubError::Busy { .. }
            | HubError::Failing { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sketch_tests::at;

    fn heard(replica: &str, seconds: u64, rebuilding: bool) -> Heartbeat {
        let beat = serde_json::json!({"replica": replica, "at": 0, "rebuilding": rebuilding});
        let beat: Heartbeat = serde_json::from_value(beat).unwrap();
        Heartbeat { at: at(seconds), ..beat }
    }

    #[test]
    fn a_directory_is_believed_where_another_router_that_knows_it_was_heard_lately() {
        let believed = |beats: &[Heartbeat]| is_vouched_for(beats, "me", at(100), Duration::from_secs(60));
        assert!(!believed(&[]), "nobody remembers what a restored backup lacks");
        assert!(!believed(&[heard("me", 100, false)]));
        assert!(!believed(&[heard("other", 39, false)]));
        assert!(!believed(&[heard("other", 99, true)]), "it has just begun, too");
        assert!(believed(&[heard("me", 100, true), heard("other", 40, false)]));
    }
}
