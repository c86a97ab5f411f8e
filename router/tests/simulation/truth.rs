//! What must never happen, counted on the hubs' own databases.
//!
//! The router is not asked: who has a server where is read from the hubs, those included that are down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;
use tokio::time::Instant;

use super::hubs::{Hubs, Row};
use super::net::Party;

/// Why a start went where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The router decided.
    Router,
    /// The user or an operator said that the server elsewhere is gone: self-rescue, assume-stopped.
    Act,
}

/// What must not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A start was forwarded to a hub while another one had a row of that user.
    DoubleBecauseOfUs { user: UserName, to: HubId, had: Vec<(HubId, Row)>, by: Party, at: Duration },
    /// A user's owner hub became another one while a server ran.
    MovedWhileRunning { user: UserName, from: HubId, to: HubId, says: Party, at: Duration },
    /// A hub was failed over that most replicas reach.
    NeedlessFailover { hub: HubId, at: Duration },
    /// Replicas with the same inputs decided differently.
    Disagreement { what: String, at: Duration },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoubleBecauseOfUs { user, to, had, by, at } => {
                let had: Vec<String> = had.iter().map(|(hub, row)| format!("{hub} ({row})")).collect();
                write!(f, "{at:?}: {by} forwarded a start of {user} to {to}, servers at {}", had.join(", "))
            }
            Self::MovedWhileRunning { user, from, to, says, at } => {
                write!(f, "{at:?}: {says} moved {user} from {from}, where a server runs, to {to}")
            }
            Self::NeedlessFailover { hub, at } => {
                write!(f, "{at:?}: hub {hub} was failed over, and most replicas reach it")
            }
            Self::Disagreement { what, at } => write!(f, "{at:?}: replicas disagree: {what}"),
        }
    }
}

/// A user with rows at more than one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Double {
    pub user: UserName,
    pub at: Vec<HubId>,
    pub began: Duration,
    /// How it came about.
    pub because: Because,
}

/// How a user came to have two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// A violation: see there.
    Us,
    /// An act allowed it.
    Act,
    /// No start was forwarded while another hub had a row: one arrived late, at a hub that hung or over a slow way.
    LateStart,
}

/// Looks on, and writes down.
pub struct Truth {
    hubs: Hubs,
    began: Instant,
    violations: Vec<Violation>,
    doubles: Vec<Double>,
    standing: BTreeSet<UserName>,
    blamed: BTreeMap<UserName, Because>,
    owners: BTreeMap<(Party, UserName), HubId>,
    excused: BTreeSet<UserName>,
    starts: u64,
}

impl Truth {
    pub fn new(hubs: Hubs) -> Self {
        Self {
            hubs,
            began: Instant::now(),
            violations: Vec::new(),
            doubles: Vec::new(),
            standing: BTreeSet::new(),
            blamed: BTreeMap::new(),
            owners: BTreeMap::new(),
            excused: BTreeSet::new(),
            starts: 0,
        }
    }

    fn at(&self) -> Duration {
        self.began.elapsed()
    }

    /// Where the user has a row, by the hubs' own databases.
    pub fn rows_of(&self, user: &UserName) -> Vec<(HubId, Row)> {
        let row = |number| self.hubs.with(number, |hub, _| hub.rows().get(user).copied());
        let row_at = |number| row(number).map(|row| (self.hubs.id(number).clone(), row));
        (0..self.hubs.len()).filter_map(row_at).collect()
    }

    /// Everybody with a row, and where.
    pub fn everybody(&self) -> BTreeMap<UserName, Vec<(HubId, Row)>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for number in 0..self.hubs.len() {
            let rows = self.hubs.with(number, |hub, _| hub.rows().clone());
            for (user, row) in rows {
                all.entry(user).or_default().push((self.hubs.id(number).clone(), row));
            }
        }
        all
    }

    /// How many rows a hub has.
    pub fn count_at(&self, hub: &HubId) -> usize {
        self.hubs.with(self.hubs.number(hub), |hub, _| hub.rows().len())
    }

    /// Users with a row at another hub than `home` says.
    pub fn away(&self, home: impl Fn(&UserName) -> HubId) -> Vec<(UserName, HubId)> {
        let all = self.everybody();
        let away = all.into_iter().flat_map(|(user, rows)| {
            let home = home(&user);
            rows.into_iter().filter(move |(hub, _)| *hub != home).map(move |(hub, _)| (user.clone(), hub))
        });
        away.collect()
    }

    /// An act says that this user's servers elsewhere are gone.
    pub fn excuse(&mut self, user: &UserName) {
        self.excused.insert(user.clone());
    }

    /// To be called at the moment at which a replica forwards a start.
    pub fn forwarded(&mut self, by: Party, user: &UserName, to: &HubId, why: By) {
        self.starts += 1;
        let had: Vec<_> = self.rows_of(user).into_iter().filter(|(hub, _)| hub != to).collect();
        if had.is_empty() {
            return;
        }
        if why == By::Act {
            self.blamed.insert(user.clone(), Because::Act);
            return;
        }
        self.blamed.insert(user.clone(), Because::Us);
        let (user, to, at) = (user.clone(), to.clone(), self.at());
        self.violations.push(Violation::DoubleBecauseOfUs { user, to, had, by, at });
    }

    /// To be called with each owner hub that a replica's picture gives, after every step: a change is judged.
    pub fn owner(&mut self, says: Party, user: &UserName, owner: &HubId) {
        let before = self.owners.insert((says, user.clone()), owner.clone());
        let Some(from) = before.filter(|before| before != owner) else { return };
        let rows = self.rows_of(user);
        let runs_at = |hub: &HubId| rows.iter().any(|(at, row)| at == hub && *row == Row::Running);
        // To a server is right, whatever ran before.
        if runs_at(&from) && !runs_at(owner) && !self.excused.contains(user) {
            let (user, to, at) = (user.clone(), owner.clone(), self.at());
            self.violations.push(Violation::MovedWhileRunning { user, from, to, says, at });
        }
    }

    /// To be called instead where a replica's picture gives a hub by rank alone, for a user of whose servers it knows none: what it
    /// says next takes nobody away from there.
    pub fn guesses(&mut self, says: Party, user: &UserName, owner: &HubId) {
        self.owner(says, user, owner);
        self.owners.remove(&(says, user.clone()));
    }

    /// A replica is gone: what the next one with its number says is compared with nothing.
    pub fn forget(&mut self, replica: Party) {
        self.owners.retain(|(says, _), _| *says != replica);
    }

    /// A hub was failed over by itself while most replicas reached it.
    pub fn needless(&mut self, hub: &HubId) {
        let (hub, at) = (hub.clone(), self.at());
        self.violations.push(Violation::NeedlessFailover { hub, at });
    }

    /// Replicas with the same inputs must give equal answers.
    pub fn agree<T: PartialEq + fmt::Debug>(&mut self, about: &str, answers: &[(Party, T)]) {
        let Some(((first, one), rest)) = answers.split_first() else { return };
        if let Some((other, another)) = rest.iter().find(|(_, answer)| answer != one) {
            let what = format!("{about}: {first} says {one:?}, {other} {another:?}");
            let at = self.at();
            self.violations.push(Violation::Disagreement { what, at });
        }
    }

    /// To be called after every step: finds users with two servers, however they came to them.
    pub fn step(&mut self) {
        let at = self.at();
        let mut standing = BTreeSet::new();
        let all = self.everybody();
        // Without any server the story begins anew.
        self.blamed.retain(|user, _| all.contains_key(user));
        self.excused.retain(|user| all.contains_key(user));
        for (user, rows) in all.into_iter().filter(|(_, rows)| rows.len() > 1) {
            if !self.standing.contains(&user) {
                let because = self.blamed.get(&user).copied().unwrap_or(Because::LateStart);
                let hubs = rows.into_iter().map(|(hub, _)| hub).collect();
                self.doubles.push(Double { user: user.clone(), at: hubs, began: at, because });
            }
            standing.insert(user);
        }
        // And so does it with one again.
        let all = std::mem::replace(&mut self.standing, standing);
        for over in all.difference(&self.standing) {
            self.blamed.remove(over);
            self.excused.remove(over);
        }
    }

    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Users with two servers so far, however they came to them.
    pub fn doubles(&self) -> &[Double] {
        &self.doubles
    }

    /// How many starts were forwarded.
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// Fails with everything that went wrong, the seed and what was played.
    pub fn judge(&self, seed: u64, played: &dyn fmt::Display) {
        let all: Vec<String> = self.violations.iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "seed {seed}: {}\nplayed: {played}", all.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use hubrouter_hub_adapter::names::NameRule;
    use tokio::time::sleep;

    use super::super::hubs::Habits;
    use super::super::net::{Net, Weather};
    use super::*;

    const ME: Party = Party::Replica(0);
    const SOON: Duration = Duration::from_secs(5);

    fn site() -> (Hubs, Truth, UserName, [HubId; 2]) {
        let ids = ["a", "b"].map(|id| id.parse::<HubId>().unwrap());
        let hubs = Hubs::new(Net::new(1, Weather::FAIR), 1, ids.clone().map(|id| (id, Habits::default())));
        let ada = UserName::canonical("ada", NameRule::Lower).unwrap();
        (hubs.clone(), Truth::new(hubs), ada, ids)
    }

    async fn start(hubs: &Hubs, truth: &mut Truth, user: &UserName, hub: &HubId, why: By) {
        truth.forwarded(ME, user, hub, why);
        hubs.start(ME, hub, user, SOON).await.unwrap();
        truth.step();
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_beside_a_server_of_another_hub_is_ours_even_while_that_hub_is_down() {
        let (hubs, mut truth, ada, [a, b]) = site();
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        truth.judge(1, &"");
        sleep(SOON * 10).await;
        hubs.kill(0);

        start(&hubs, &mut truth, &ada, &b, By::Router).await;

        assert!(matches!(truth.violations(), [Violation::DoubleBecauseOfUs { to, .. }] if *to == b));
        assert_eq!(truth.doubles().iter().map(|double| double.because).collect::<Vec<_>>(), [Because::Us]);
        assert_eq!(truth.away(|_| a.clone()), [(ada.clone(), b)]);
        assert_eq!((truth.starts(), truth.count_at(&a)), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_act_is_no_violation_and_neither_is_a_start_that_arrived_late() {
        let (hubs, mut truth, ada, [a, b]) = site();
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        start(&hubs, &mut truth, &ada, &b, By::Act).await;
        let bo = UserName::canonical("bo", NameRule::Lower).unwrap();
        hubs.hang(0, true);
        truth.forwarded(ME, &bo, &a, By::Router);
        let _ = hubs.start(ME, &a, &bo, SOON).await;
        start(&hubs, &mut truth, &bo, &b, By::Router).await;
        hubs.hang(0, false);
        sleep(SOON).await;
        truth.step();

        assert_eq!(truth.violations(), []);
        let because: Vec<_> = truth.doubles().iter().map(|double| double.because).collect();
        assert_eq!(because, [Because::Act, Because::LateStart]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_act_excuses_its_users_until_they_have_one_server_again() {
        let (hubs, mut truth, ada, [a, b]) = site();
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        sleep(SOON * 10).await;
        truth.owner(ME, &ada, &a);
        hubs.kill(0);
        truth.excuse(&ada);
        truth.step();
        truth.owner(ME, &ada, &b);
        start(&hubs, &mut truth, &ada, &b, By::Act).await;
        hubs.begin(0);
        sleep(SOON * 10).await;
        assert_eq!(truth.violations(), []);

        hubs.stop(ME, &a, &ada, SOON).await.unwrap();
        sleep(SOON * 10).await;
        truth.step();
        truth.owner(ME, &ada, &a);

        assert!(matches!(truth.violations(), [Violation::MovedWhileRunning { from, .. }] if *from == b));
    }

    #[tokio::test(start_paused = true)]
    async fn an_excuse_ends_with_the_last_server() {
        let (hubs, mut truth, ada, [a, b]) = site();
        truth.excuse(&ada);
        truth.step();
        truth.owner(ME, &ada, &a);
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        sleep(SOON * 10).await;

        truth.owner(ME, &ada, &b);

        assert_eq!(truth.violations().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_that_changes_under_a_running_server_is_a_move() {
        let (hubs, mut truth, ada, [a, b]) = site();
        truth.owner(ME, &ada, &b);
        truth.owner(ME, &ada, &a);
        start(&hubs, &mut truth, &ada, &a, By::Router).await;
        truth.owner(ME, &ada, &b);
        truth.owner(ME, &ada, &a);
        assert_eq!(truth.violations(), [], "a start is no running server yet");
        sleep(SOON * 10).await;
        truth.forget(ME);
        truth.owner(ME, &ada, &b);
        truth.owner(ME, &ada, &a);
        assert_eq!(truth.violations(), [], "a new replica moved nobody, and home to a server is right");
        truth.guesses(Party::Replica(2), &ada, &a);
        truth.owner(Party::Replica(2), &ada, &b);
        assert_eq!(truth.violations(), [], "a guess takes nobody away");
        truth.guesses(ME, &ada, &b);
        truth.agree("ada", &[(ME, &a), (Party::Replica(1), &b)]);

        let told: Vec<String> = truth.violations().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("replica 0 moved ada from a"), "{told:?}");
        assert!(told[1].contains("replicas disagree: ada"), "{told:?}");
    }
}
