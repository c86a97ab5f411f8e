//! The simulation itself: every user once, on all cores, through placement, the failover and the drain.
//!
//! Sums only, and added in the order of the users: the number of threads changes nothing.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use hubrouter_config::HubId;
use hubrouter_hub_adapter::names::UserName;

use super::crowd::Crowd;
use super::hubs::{Course, Hubs};
use crate::core::life::drain::Resident;
use crate::core::life::state::UserState;
use crate::core::placement::{Placement, Ranked};

/// A thread is not worth starting for fewer users.
const USERS_PER_THREAD: usize = 5000;

/// What is simulated. Failover and drain begin with a site where all is well.
#[derive(Debug)]
pub(super) struct Play<'a> {
    pub(super) placement: &'a dyn Placement,
    pub(super) well: Hubs,
    /// The hub that dies, and the hubs after its failover.
    pub(super) failover: Option<(HubId, Hubs)>,
    /// The hub that is drained, and the hubs during the drain.
    pub(super) drain: Option<(HubId, Hubs)>,
}

/// Everything counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Users who belong to each hub.
    pub(super) users: Counts,
    /// Servers that run at each hub.
    pub(super) servers: Counts,
    pub(super) failover: Shift,
    pub(super) drain: Shift,
    /// The users of the hub that is drained.
    pub(super) residents: Vec<Resident>,
}

/// A number per hub.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<HubId, usize>);

impl Counts {
    fn add(&mut self, hub: &HubId) {
        match self.0.get_mut(hub) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(hub.clone(), 1);
            }
        }
    }

    pub(super) fn of(&self, hub: &HubId) -> usize {
        self.0.get(hub).copied().unwrap_or(0)
    }

    pub(super) fn sum(&self) -> usize {
        self.0.values().sum()
    }

    fn append(&mut self, other: Self) {
        for (hub, count) in other.0 {
            *self.0.entry(hub).or_default() += count;
        }
    }
}

/// What becomes of everybody when one hub closes.
#[derive(Debug, Default)]
pub(super) struct Shift {
    /// Users who belonged to that hub.
    pub(super) users: usize,
    /// Those of them who have a server there, and stay.
    pub(super) stay: usize,
    /// Those of them who go, by where to.
    pub(super) go: Counts,
    /// Those of them whom no hub takes.
    pub(super) wait: usize,
    /// Why, for the first of them.
    pub(super) wait_because: Option<String>,
    /// Users of each hub afterwards.
    pub(super) after: Counts,
    /// Users who changed hub without having to: those of other hubs, and those with a server.
    pub(super) moved_needlessly: usize,
    /// Those who go, now or when their server has ended, and belong to that hub again once all is well and no server of theirs
    /// runs elsewhere.
    pub(super) come_home: usize,
}

impl Shift {
    fn append(&mut self, other: Self) {
        self.users += other.users;
        self.stay += other.stay;
        self.go.append(other.go);
        self.wait += other.wait;
        self.wait_because = self.wait_because.take().or(other.wait_because);
        self.after.append(other.after);
        self.moved_needlessly += other.moved_needlessly;
        self.come_home += other.come_home;
    }
}

/// Plays it for every user.
pub(super) fn play(play: &Play<'_>, crowd: &Crowd) -> Tally {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(crowd.len().div_ceil(USERS_PER_THREAD)).max(1);
    let part = crowd.len().div_ceil(threads);
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|number| (number * part).min(crowd.len())..((number + 1) * part).min(crowd.len()))
            .map(|users| scope.spawn(|| play.tally(crowd, users)))
            .collect();
        let mut sum = Tally::default();
        for part in parts {
            sum.append(part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        sum
    })
}

impl Play<'_> {
    fn tally(&self, crowd: &Crowd, users: Range<usize>) -> Tally {
        let mut tally = Tally::default();
        for user in users.filter_map(|number| crowd.user(number)) {
            let running = crowd.runs(&user);
            self.count(&mut tally, user, running);
        }
        tally
    }

    fn count(&self, tally: &mut Tally, user: UserName, running: bool) {
        let rank = self.placement.rank(&user);
        let state = if running { UserState::RunningHere } else { UserState::Idle };
        let Some(at) = self.well.course(&rank, state).map(Course::hub) else { return };
        tally.users.add(at);
        if running {
            tally.servers.add(at);
        }
        if let Some((dead, hubs)) = &self.failover {
            self.shift(&mut tally.failover, dead, hubs, (&rank, state, at));
        }
        if let Some((closed, hubs)) = &self.drain {
            self.shift(&mut tally.drain, closed, hubs, (&rank, state, at));
            if at == closed {
                let next = hubs.next(&rank, closed).cloned();
                // Who runs stays for now, and goes when the server has ended.
                let later = running && next.is_ok() && self.comes_home(&rank, closed);
                tally.drain.come_home += usize::from(later);
                tally.residents.push(Resident { user, running, next });
            }
        }
    }

    /// What becomes of one user, who belongs `at` a hub, when `closed` closes.
    fn shift(
        &self,
        shift: &mut Shift,
        closed: &HubId,
        hubs: &Hubs,
        (rank, state, at): (&[Ranked], UserState, &HubId),
    ) {
        let Some(course) = hubs.course(rank, state) else { return };
        let running = state == UserState::RunningHere;
        shift.after.add(course.hub());
        shift.moved_needlessly += usize::from(course.hub() != at && (at != closed || running));
        if at != closed {
            return;
        }
        shift.users += 1;
        match course {
            Course::Stays(_) => shift.stay += 1,
            Course::Goes(to) => {
                shift.go.add(to);
                shift.come_home += usize::from(self.comes_home(rank, closed));
            }
            Course::Waits(_, why) => {
                shift.wait += 1;
                shift.wait_because.get_or_insert_with(|| match hubs.next(rank, closed) {
                    Err(nobody) => nobody.to_string(),
                    Ok(_) => why.sentence().to_owned(),
                });
            }
        }
    }

    /// Whether a user who left `hub` belongs there again once all is well and no server of theirs runs elsewhere.
    fn comes_home(&self, rank: &[Ranked], hub: &HubId) -> bool {
        self.well.course(rank, UserState::Idle).is_some_and(|course| course.hub() == hub)
    }
}

impl Tally {
    fn append(&mut self, mut other: Self) {
        self.users.append(other.users);
        self.servers.append(other.servers);
        self.failover.append(other.failover);
        self.drain.append(other.drain);
        self.residents.append(&mut other.residents);
    }
}
