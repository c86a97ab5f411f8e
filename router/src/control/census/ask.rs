//! Two endless rows of questions to one hub: its own word, and the routes of its proxy.
//!
//! Says what came of each to the desk; when it is worth a log line, that is written here.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubrouter_config::{Hub, HubId};
use hubrouter_hub_adapter::census::{
    ActiveUser, ActiveUsers, Judgement, RouteSource, Routes, ServerState, Tables,
};
use hubrouter_hub_adapter::client::HubError;
use hubrouter_hub_adapter::names::UserName;
use tokio::sync::{Notify, mpsc};
use tracing::{info, warn};

use super::desk::{Desk, Told};
use crate::control::calls::HubCalls;
use crate::control::clock;
use crate::control::leases::Leases;
use crate::control::probes::{Chance, stray};
use crate::control::tasks::Task;
use crate::core::census::{Asked, Pace, Servers};

/// Patience for all pages of the list: 5,000 rows took a hub 3.3 s.
const AUTHORITY_WITHIN: Duration = Duration::from_secs(30);
/// Patience for a table of routes. A hub whose proxy is dead would take 30 s to say so.
const SIGHTINGS_WITHIN: Duration = Duration::from_secs(10);
/// Patience for the hub to put lost routes back.
const RESTORE_WITHIN: Duration = Duration::from_secs(30);

/// A hub's own word on who has a server there.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Which hub's.
    pub hub: HubId,
    /// When it was asked, and answered.
    pub asked: Asked,
    /// Everybody with a server.
    pub users: Arc<BTreeMap<UserName, ActiveUser>>,
}

/// Where such words go.
pub type News = mpsc::UnboundedSender<Authority>;

/// Who asks one hub one kind of question.
pub(super) struct Asker {
    pub hub: Hub,
    pub calls: Arc<dyn HubCalls>,
    pub desk: Arc<Desk>,
    pub chance: Chance,
    pub every: Duration,
    /// The hub's own word is unknown when it is older.
    pub max_age: Duration,
    pub task: Task,
    /// Only the replica that holds the hub's lease asks.
    pub leases: Arc<Leases>,
    /// Whom the hub's own word is told to.
    pub news: News,
    /// Asks for an answer now.
    pub bell: Arc<Notify>,
}

impl Asker {
    /// Asks the hub who has a server, again and again.
    pub(super) async fn authority(self) {
        let mut pace = Pace::new(self.every).fresh(self.max_age);
        loop {
            self.leases.held(&self.hub.id).await;
            let at = clock::now();
            let answer = self.calls.active_users(AUTHORITY_WITHIN).await;
            let asked = Asked { at, answered_at: clock::now() };
            let period = next(&mut pace, asked, answer.as_ref().map(|answer| answer.took));
            let told = match answer {
                Ok(answer) => {
                    let users = answer.users.iter().map(|(user, active)| (user.clone(), servers(active)));
                    let (users, took) = (users.collect(), answer.took);
                    self.tell_news(asked, answer);
                    Told::Users { users, took }
                }
                Err(error) => Told::Nothing(in_words(&error, AUTHORITY_SCOPES)),
            };
            self.note(&told, period);
            if let Some(change) = self.desk.told(&self.hub.id, asked, told, &pace, period) {
                self.tell("who has a server", change);
            }
            self.rest(at, period).await;
        }
    }

    /// Looks at the routes of the hub's proxy, again and again.
    pub(super) async fn sightings(self) {
        let Some(source) = RouteSource::of(&self.hub) else { return };
        let mut pace = Pace::new(self.every);
        let mut tables = Tables::default();
        loop {
            self.leases.held(&self.hub.id).await;
            let at = clock::now();
            let answer = self.calls.routes(SIGHTINGS_WITHIN).await;
            let asked = Asked { at, answered_at: clock::now() };
            let period = next(&mut pace, asked, answer.as_ref().map(|routes| routes.took));
            let told = match answer {
                Ok(routes) => self.judged(&mut tables, routes).await,
                Err(error) => Told::Nothing(in_words(&error, scopes_of(source))),
            };
            self.note(&told, period);
            if let Some(change) = self.desk.sighted(&self.hub.id, asked, told, &pace, period) {
                self.tell("the routes of its proxy", change);
            }
            self.rest(at, period).await;
        }
    }

    /// What a table shows; one that cannot be believed shows nothing, and the hub is asked to restore it.
    async fn judged(&self, tables: &mut Tables, routes: Routes) -> Told {
        match tables.judge(&routes) {
            Judgement::Whole => {
                let mut users = BTreeMap::<_, Servers>::new();
                for route in routes.servers {
                    users.entry(route.user).or_default().running += 1;
                }
                Told::Users { users, took: routes.took }
            }
            Judgement::Doubtful { why, ask } => {
                let outcome = if ask { self.restore(why).await } else { "the hub was asked to restore it" };
                Told::Nothing(format!("the table of routes is not believed: {why}; {outcome}"))
            }
        }
    }

    async fn restore(&self, why: &str) -> &'static str {
        let id = &self.hub.id;
        if !self.calls.may_be_asked() {
            return "without api_token the hub cannot be asked";
        }
        match self.calls.restore_routes(RESTORE_WITHIN).await {
            Ok(()) => {
                info!(hub.id = %id, why, "hub `{id}`: its proxy lost routes ({why}), the hub restored them");
                "the hub was asked to restore it"
            }
            Err(error) => {
                let reason = in_words(&error, "the scope `proxy`");
                warn!(hub.id = %id, why, reason, "hub `{id}`: its proxy lost routes ({why}), and it does not restore them");
                "the hub does not restore it"
            }
        }
    }

    fn note(&self, told: &Told, period: Duration) {
        self.task.every(period);
        let result = match told {
            Told::Users { users, .. } => format!("{} users", users.len()),
            Told::Nothing(reason) => reason.clone(),
        };
        self.task.ran(clock::now(), result);
    }

    /// What the hub said, for those who work by it.
    fn tell_news(&self, asked: Asked, answer: ActiveUsers) {
        let news = Authority { hub: self.hub.id.clone(), asked, users: Arc::new(answer.users) };
        // Nobody listens at the end only.
        let _ = self.news.send(news);
    }

    /// A change between answering and not is worth a line.
    fn tell(&self, what: &str, change: Result<(), String>) {
        let id = &self.hub.id;
        match change {
            Ok(()) => info!(hub.id = %id, "hub `{id}`: it tells {what} again"),
            Err(reason) => warn!(hub.id = %id, reason, "hub `{id}`: it does not tell {what}"),
        }
    }

    /// Until the next question is due, so that replicas do not ask in step.
    async fn rest(&self, asked_at: Instant, period: Duration) {
        let due = asked_at + stray(period, (self.chance)());
        tokio::select! {
            biased;
            () = clock::until(Some(due)) => {}
            () = self.bell.notified() => {}
        }
    }
}

/// From this question to the next.
fn next(pace: &mut Pace, asked: Asked, took: Result<Duration, &HubError>) -> Duration {
    match took {
        Ok(took) => {
            pace.answered(took);
            pace.period()
        }
        Err(HubError::Busy { retry_after, .. }) => pace.period().max(*retry_after),
        // What failed at once changes nothing; what was waited for may keep the hub busy still.
        Err(_) => pace.period_after_silence(asked.answered_at.duration_since(asked.at)),
    }
}

/// How many servers of a user run, and how many are on their way.
#[must_use]
pub fn servers(active: &ActiveUser) -> Servers {
    let count = |state: ServerState| {
        let found = active.servers.values().filter(|server| server.state == state).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let (running, pending) = (count(ServerState::Ready), count(ServerState::Pending));
    // Active by its database, and not looked at yet.
    if running + pending == 0 { Servers { running: 0, pending: 1 } } else { Servers { running, pending } }
}

const AUTHORITY_SCOPES: &str = "one of the scopes `list:users`, `read:users`, `read:servers`";

fn scopes_of(source: RouteSource<'_>) -> &'static str {
    match source {
        RouteSource::Proxy(_) => "",
        RouteSource::Hub(_) => "the scope `proxy`",
    }
}

/// An error with what is behind it; a refusal with what may be wrong with the token. `scopes` is empty for the proxy.
fn in_words(error: &HubError, scopes: &str) -> String {
    match error {
        HubError::Failing { status, .. } if matches!(status.as_u16(), 401 | 403) => match scopes {
            "" => format!("{error}: proxy_api.token is not the token of this proxy"),
            scopes => format!("{error}: the hub does not know api_token, or the token lacks {scopes}"),
        },
        _ => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
