//! What is said of a hub and by it: how it works, the states of its process and its rows, and its answers.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// How a hub does its work.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// From a start to a running server: the shortest and the longest.
    pub spawn: (Duration, Duration),
    /// From the wish to stop to the end.
    pub stop: (Duration, Duration),
    /// From the start of its process to its first answer.
    pub boot: (Duration, Duration),
    /// How many starts it has under way at most (`concurrent_spawn_limit`); the next one is told 429.
    pub spawns_at_once: usize,
    /// Whether replicas reach its own port (`hub_url`), and not only its proxy.
    pub direct: bool,
}

impl Default for Habits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            spawn: (seconds(3), seconds(15)),
            stop: (seconds(1), seconds(8)),
            boot: (seconds(8), seconds(14)),
            spawns_at_once: 100,
            direct: true,
        }
    }
}

/// The hub's own process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Up,
    /// Answers nothing, and goes on later with what it was asked.
    Hanging,
    Down {
        since: Instant,
    },
    /// Reads its database, and answers at `until`.
    Booting {
        until: Instant,
        down_since: Instant,
    },
}

/// What the hub's database says of a user's server. No row: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Starting {
        until: Instant,
        well: bool,
    },
    Running,
    Stopping {
        until: Instant,
    },
    /// From before the hub's own start; it looks at `until` whether the server still runs.
    Unchecked {
        until: Instant,
    },
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting { .. } => "starting",
            Self::Running => "running",
            Self::Stopping { .. } => "stopping",
            Self::Unchecked { .. } => "not looked at yet",
        })
    }
}

impl Row {
    /// When something becomes of it by itself.
    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Self::Starting { until, .. } | Self::Stopping { until } | Self::Unchecked { until } => {
                Some(until)
            }
            Self::Running => None,
        }
    }
}

/// How starts go wrong, if they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spawning {
    #[default]
    Well,
    /// 500 at once.
    FailsAtOnce,
    /// Accepted, and ended without a server later.
    FailsLater,
}

/// What a hub says to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// 202, or a redirect to `spawn-pending/`.
    Pending,
    /// 400 "already running", or a redirect to `/user/<name>/`.
    Runs,
    /// 400: a stop or a look is under way.
    Refused,
    /// 429.
    Busy { retry_after: Duration },
    /// 500.
    Failed,
}

/// What a hub says to the wish to stop a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// 202.
    Pending,
    /// 204: nothing runs.
    Nothing,
    /// 404.
    UnknownUser,
}

/// What comes back through the proxy for `/user/<name>/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// The server's own answer.
    Server,
    /// The server's own 500: it cannot ask its hub who this is.
    Broken,
    /// A redirect of the hub, by the proxy's default route.
    NoServer,
    /// 503 of the proxy.
    Unavailable,
}
