//! Whether a hub starts servers: a verdict on the starts that ended lately.
//!
//! Pure; what was heard of starts arrives from the edge. One user whose server never comes up says nothing of the hub,
//! and neither does a start that is told of twice: by the answer to the request, by the events of it in several tabs,
//! by events that are asked for again after the end.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use hubrouter_hub_adapter::names::UserName;

/// How many of the starts that ended last count.
const LAST: usize = 5;
/// So many failures among them make a hub failing,
const FAILURES: usize = 3;
/// if they are of so many users,
const USERS: usize = 2;
/// and if they are not older than this.
const WINDOW: Duration = Duration::from_mins(10);
/// While a hub is failing, one start in so many is sent there all the same, to see whether it still is.
const TRIAL_EVERY: u64 = 10;
/// How many starts are remembered to know them again; beyond that the oldest are forgotten.
const REMEMBERED: usize = 1024;

/// The verdict on a hub's starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// No start has said anything yet.
    Unknown,
    /// Starts go well enough.
    Ok,
    /// They do not: others than this hub should start servers.
    Failing,
}

impl Verdict {
    /// The stable word for logs and `/status`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Unknown => "unknown",
            Verdict::Ok => "ok",
            Verdict::Failing => "failing",
        }
    }
}

/// The verdict and what it rests on, small enough to travel in every snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawning {
    /// What this replica thinks of the hub's starts.
    pub verdict: Verdict,
    /// When the verdict changed last; before that, when the hub became known.
    pub since: Instant,
    /// How many starts count: the last five that ended within 10 minutes.
    pub finished: usize,
    /// How many of these failed.
    pub failed: usize,
    /// Of how many known users those are.
    pub users: usize,
}

/// Whose server a start is of, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The owner; not always known.
    pub user: Option<UserName>,
    /// The server's name; the default one has none.
    pub server: String,
}

/// What was heard of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has begun.
    Pending,
    /// The hub says that it succeeded.
    Started,
    /// The hub says that a server runs, perhaps for long.
    Runs,
    /// The hub says that it failed.
    Failed,
    /// The last event of a stream of events.
    LastEvent {
        /// Whether the server runs.
        ready: bool,
        /// Whether the stream saw the start under way. Else it may have ended long before.
        under_way: bool,
    },
}

/// A word about a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The start.
    pub start: Start,
    /// What was heard of it.
    pub heard: Heard,
    /// When the request was sent whose answer tells it.
    pub asked_at: Instant,
}

/// What is known of the starts of one hub.
#[derive(Clone, Debug)]
pub struct Starts {
    verdict: Verdict,
    since: Instant,
    last: VecDeque<Ended>,
    known: BTreeMap<(UserName, String), Known>,
}

/// A start that ended.
#[derive(Clone, Debug)]
struct Ended {
    ok: bool,
    user: Option<UserName>,
    at: Instant,
}

/// What is remembered of one server's starts.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// A start is under way.
    pending: bool,
    /// When the last one ended.
    ended_at: Option<Instant>,
    heard_at: Instant,
}

/// How a start ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whose.
    pub user: UserName,
    /// When.
    pub at: Instant,
    /// Whether the server runs.
    pub ok: bool,
}

/// The verdict over the starts that all replicas saw end, the oldest first: by the same rule as that of one.
#[must_use]
pub fn agreed<'a>(outcomes: impl IntoIterator<Item = (&'a UserName, bool)>) -> Verdict {
    let mut verdict = Verdict::Unknown;
    let mut last: VecDeque<(&UserName, bool)> = VecDeque::new();
    for (user, ok) in outcomes {
        if ok && verdict == Verdict::Failing {
            last.clear();
        }
        last.push_back((user, ok));
        if last.len() > LAST {
            last.pop_front();
        }
        let mut failed: Vec<&UserName> = last.iter().filter(|(_, ok)| !ok).map(|(user, _)| *user).collect();
        let failures = failed.len();
        failed.sort_unstable();
        failed.dedup();
        verdict = match verdict {
            _ if ok => Verdict::Ok,
            _ if failures >= FAILURES && failed.len() >= USERS => Verdict::Failing,
            as_before => as_before,
        };
    }
    verdict
}

/// For how long a start that ended counts.
pub const OUTCOMES_COUNT_FOR: Duration = WINDOW;

impl Spawning {
    /// Of a hub that has just become known.
    pub fn new(now: Instant) -> Spawning {
        Spawning { verdict: Verdict::Unknown, since: now, finished: 0, failed: 0, users: 0 }
    }
}

/// Whether the start number `nth` (from 0) since a hub became failing is sent there as a trial: one in ten, and the
/// first of them, so that a hub that is well again is noticed early.
pub fn is_trial(nth: u64) -> bool {
    nth.is_multiple_of(TRIAL_EVERY)
}

impl Starts {
    /// No start yet.
    pub fn new(now: Instant) -> Starts {
        Starts { verdict: Verdict::Unknown, since: now, last: VecDeque::new(), known: BTreeMap::new() }
    }

    /// Takes in what was heard.
    pub fn hear(&mut self, told: Told, now: Instant) {
        let Told { start: Start { user, server }, heard, asked_at } = told;
        let Some(name) = user.clone() else {
            // Without a name it cannot be told from another start.
            match heard {
                Heard::Started => self.ended(true, None, now),
                Heard::Failed => self.ended(false, None, now),
                Heard::Pending | Heard::Runs | Heard::LastEvent { .. } => {}
            }
            return;
        };
        let key = (name, server);
        let before = self.known.get(&key).copied();
        if before.and_then(|known| known.ended_at).is_some_and(|ended_at| asked_at <= ended_at) {
            return; // of a start whose end is known
        }
        let pending = before.is_some_and(|known| known.pending);
        let ok = match heard {
            Heard::Pending => {
                let ended_at = before.and_then(|known| known.ended_at);
                self.remember(key, Known { pending: true, ended_at, heard_at: now });
                return;
            }
            Heard::Started => true,
            Heard::Failed => false,
            Heard::Runs if pending => true,
            Heard::LastEvent { ready, under_way } if pending || under_way => ready,
            Heard::Runs | Heard::LastEvent { .. } => return, // of a start that was not seen
        };
        self.remember(key, Known { pending: false, ended_at: Some(now), heard_at: now });
        self.ended(ok, user, now);
    }

    /// Lets go of what is too old. A hub that was failing is unknown when nothing says so any more; the good name of
    /// one that was not stays.
    pub fn lapse(&mut self, now: Instant) {
        let recent = |at: Instant| now.saturating_duration_since(at) < WINDOW;
        self.last.retain(|ended| recent(ended.at));
        self.known.retain(|_, known| recent(known.heard_at));
        if self.verdict == Verdict::Failing && self.last.is_empty() {
            self.judge(Verdict::Unknown, now);
        }
    }

    /// When [`Starts::lapse`] would let go of a start that counts.
    pub fn next_lapse(&self) -> Option<Instant> {
        self.last.front().map(|ended| ended.at + WINDOW)
    }

    /// The starts that ended lately, of users that are known: what other replicas are told.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.last
            .iter()
            .filter_map(|ended| Some(Outcome { user: ended.user.clone()?, at: ended.at, ok: ended.ok }))
    }

    /// The verdict of now.
    pub fn verdict(&self) -> Spawning {
        let failed = || self.last.iter().filter(|ended| !ended.ok);
        let mut users: Vec<&UserName> = failed().filter_map(|ended| ended.user.as_ref()).collect();
        users.sort_unstable();
        users.dedup();
        Spawning {
            verdict: self.verdict,
            since: self.since,
            finished: self.last.len(),
            failed: failed().count(),
            users: users.len(),
        }
    }

    fn ended(&mut self, ok: bool, user: Option<UserName>, now: Instant) {
        self.lapse(now);
        if ok && self.verdict == Verdict::Failing {
            // What was before is over, or the next failure would make it failing again.
            self.last.clear();
        }
        self.last.push_back(Ended { ok, user, at: now });
        if self.last.len() > LAST {
            self.last.pop_front();
        }
        let Spawning { failed, users, .. } = self.verdict();
        let verdict = match self.verdict {
            _ if ok => Verdict::Ok,
            _ if failed >= FAILURES && users >= USERS => Verdict::Failing,
            as_before => as_before,
        };
        self.judge(verdict, now);
    }

    fn judge(&mut self, verdict: Verdict, now: Instant) {
        if verdict != self.verdict {
            (self.verdict, self.since) = (verdict, now);
        }
    }

    fn remember(&mut self, key: (UserName, String), known: Known) {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(&key) {
            let oldest =
                self.known.iter().min_by_key(|(_, known)| known.heard_at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
            }
        }
        self.known.insert(key, known);
    }
}

#[cfg(test)]
#[path = "spawning_tests.rs"]
mod tests;
