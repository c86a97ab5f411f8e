//! What holds for every combination of the questions: all of them are walked.

use hubrouter_config::{Intent, Storage};

use super::{Answer, AskFirst, Start, hub_page, start, user_request};
use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::life::reason::Reason;
use crate::core::life::state::{Gate, Next, Situation, Spawning, UserState};

const INTENTS: [Intent; 4] = [Intent::Active, Intent::Cordoned, Intent::Draining, Intent::Maintenance];
const PROXIES: [ProxyPlane; 2] = [ProxyPlane::Up, ProxyPlane::Down];
const HUBS: [HubPlane; 4] = [HubPlane::Starting, HubPlane::Up, HubPlane::Slow, HubPlane::Down];
const SPAWNING: [Spawning; 3] = [Spawning::Ok, Spawning::Failing, Spawning::Unknown];
const GATES: [Gate; 5] =
    [Gate::Here, Gate::ClosedToNew, Gate::ClosedToAll, Gate::NewElsewhere, Gate::AllElsewhere];
const STORAGES: [Storage; 3] = [Storage::Local, Storage::Shared, Storage::Attached];
const NEXT: [Next; 2] = [Next::Open, Next::Nobody];
const USERS: [UserState; 5] = [
    UserState::RunningHere,
    UserState::RunningElsewhere,
    UserState::Idle,
    UserState::Unknown,
    UserState::New,
];

fn every() -> Vec<Situation> {
    let mut all = Vec::new();
    for intent in INTENTS {
        for proxy in PROXIES {
            for hub in HUBS {
                for spawning in SPAWNING {
                    for gate in GATES {
                        for storage in STORAGES {
                            for next in NEXT {
                                all.extend(USERS.map(|user| Situation {
                                    intent,
                                    proxy,
                                    hub,
                                    spawning,
                                    gate,
                                    storage,
                                    next,
                                    user,
                                }));
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

fn goes_off_home(answer: Start) -> bool {
    match answer {
        Start::Claim(_) | Start::There => true,
        Start::Here | Start::Wait | Start::Page(_) => false,
    }
}

fn page_off_home(answer: Answer) -> bool {
    match answer {
        Answer::Candidate | Answer::There => true,
        Answer::Pass | Answer::PassOnce | Answer::Waiting | Answer::Page(_) => false,
    }
}

#[test]
fn every_combination_has_an_answer_and_a_reason_that_fits_it() {
    let all = every();
    assert_eq!(all.len(), 4 * 2 * 4 * 3 * 5 * 3 * 2 * 5);
    for at in all {
        let (user, page, start) = (user_request(&at), hub_page(&at), start(&at));
        for why in [user.why, page.why, start.why] {
            assert!(Reason::ALL.contains(&why) && !why.sentence().is_empty(), "{at:?}");
        }
        if user.answer == Answer::Pass {
            assert_eq!(at.proxy, ProxyPlane::Up, "{at:?}");
        }
        if matches!(page.answer, Answer::Pass | Answer::PassOnce) || start.answer == Start::Here {
            assert!(at.proxy == ProxyPlane::Up && at.can_be_asked(), "{at:?}");
        }
        if page.answer == Answer::Waiting {
            assert_eq!(page.why.notebooks_run(), at.proxy == ProxyPlane::Up, "{at:?}");
        }
    }
}

#[test]
fn no_start_leaves_home_while_a_server_runs_there() {
    for at in every().into_iter().filter(|at| at.user == UserState::RunningHere) {
        assert!(!goes_off_home(start(&at).answer), "{at:?}");
        assert!(!page_off_home(hub_page(&at).answer) && !page_off_home(user_request(&at).answer), "{at:?}");
    }
}

#[test]
fn who_may_run_at_home_leaves_it_only_by_the_hubs_own_word() {
    for at in every().into_iter().filter(|at| at.user == UserState::Unknown) {
        assert_ne!(start(&at).answer, Start::Claim(AskFirst::CannotBeAsked), "{at:?}");
        assert!(!page_off_home(hub_page(&at).answer) && !page_off_home(user_request(&at).answer), "{at:?}");
    }
}

#[test]
fn a_hub_that_can_be_asked_is_asked_before_anybody_leaves_it() {
    for at in every() {
        if let Start::Claim(ask) = start(&at).answer {
            assert_eq!(ask == AskFirst::Ask, at.can_be_asked(), "{at:?}");
        }
    }
}

#[test]
fn nobody_leaves_before_the_candidates_are_open() {
    let own = |at: &Situation| at.user != UserState::RunningElsewhere;
    for at in every().into_iter().filter(own) {
        let open = match at.gate {
            Gate::AllElsewhere => true,
            Gate::NewElsewhere => at.user == UserState::New,
            Gate::Here | Gate::ClosedToNew | Gate::ClosedToAll => false,
        };
        if !open || at.next == Next::Nobody {
            assert!(!goes_off_home(start(&at).answer) && !page_off_home(hub_page(&at).answer), "{at:?}");
        }
    }
}

#[test]
fn local_users_never_move() {
    let local = |at: &Situation| at.storage == Storage::Local && at.user != UserState::RunningElsewhere;
    for at in every().into_iter().filter(local) {
        assert!(!goes_off_home(start(&at).answer), "{at:?}");
        assert!(!page_off_home(hub_page(&at).answer) && !page_off_home(user_request(&at).answer), "{at:?}");
    }
}

#[test]
fn attached_users_move_by_the_word_of_their_hub_only() {
    for at in every().into_iter().filter(|at| at.storage == Storage::Attached) {
        assert_ne!(start(&at).answer, Start::Claim(AskFirst::CannotBeAsked), "{at:?}");
    }
}

#[test]
fn a_running_notebook_is_reached_whenever_its_proxy_is_up_whatever_operators_want() {
    let here = |at: &Situation| at.user == UserState::RunningHere && at.proxy == ProxyPlane::Up;
    for at in every().into_iter().filter(here) {
        assert_eq!(user_request(&at).answer, Answer::Pass, "{at:?}");
    }
}
