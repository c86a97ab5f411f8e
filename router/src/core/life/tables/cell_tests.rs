//! The two tables, cell by cell: one test each, named by row and column.
//!
//! A test sets the record as the controllers will have left it once everybody has read it; what happens until then is in
//! the cells called *closing*.

use hubrouter_config::{Intent, Storage};

use super::{Answer, AskFirst, Page, Start, hub_page, start, user_request};
use crate::core::health::{HubPlane, ProxyPlane};
use crate::core::life::state::{Gate, Next, Situation, Spawning, UserState};

/// A user of a shared, healthy hub, with an open candidate.
const UP: Situation = Situation {
    intent: Intent::Active,
    proxy: ProxyPlane::Up,
    hub: HubPlane::Up,
    spawning: Spawning::Ok,
    gate: Gate::Here,
    storage: Storage::Shared,
    next: Next::Open,
    user: UserState::Idle,
};
const SLOW: Situation = Situation { hub: HubPlane::Slow, gate: Gate::NewElsewhere, ..UP };
const SPAWN_FAILING: Situation = Situation { spawning: Spawning::Failing, gate: Gate::AllElsewhere, ..UP };
const STARTING: Situation = Situation { hub: HubPlane::Starting, ..UP };
const HUB_DOWN: Situation = Situation { hub: HubPlane::Down, ..UP };
const PROXY_DOWN: Situation = Situation { proxy: ProxyPlane::Down, ..UP };
const BOTH_DOWN: Situation = Situation { proxy: ProxyPlane::Down, hub: HubPlane::Down, ..UP };
const CORDONED: Situation = Situation { intent: Intent::Cordoned, gate: Gate::NewElsewhere, ..UP };
const DRAINING: Situation = Situation { intent: Intent::Draining, gate: Gate::AllElsewhere, ..UP };
const MAINTENANCE: Situation = Situation { intent: Intent::Maintenance, gate: Gate::AllElsewhere, ..UP };

const CLAIM: Start = Start::Claim(AskFirst::Ask);
const CLAIM_UNASKED: Start = Start::Claim(AskFirst::CannotBeAsked);

fn failed_over(at: Situation) -> Situation {
    Situation { gate: Gate::AllElsewhere, ..at }
}

fn closing(at: Situation) -> Situation {
    Situation { gate: Gate::ClosedToAll, ..at }
}

fn alone(at: Situation) -> Situation {
    Situation { next: Next::Nobody, ..at }
}

fn local(at: Situation) -> Situation {
    Situation { storage: Storage::Local, ..at }
}

fn attached(at: Situation) -> Situation {
    Situation { storage: Storage::Attached, ..at }
}

fn running(at: Situation) -> Situation {
    Situation { user: UserState::RunningHere, ..at }
}

fn new_user(at: Situation) -> Situation {
    Situation { user: UserState::New, ..at }
}

fn unknown(at: Situation) -> Situation {
    Situation { user: UserState::Unknown, ..at }
}

macro_rules! cells {
    ($($name:ident: $asked:ident($at:expr) => $answer:expr;)+) => {
        $(#[test] fn $name() { assert_eq!($asked(&$at).answer, $answer); })+
    };
}

// By health, intent active.
cells! {
    up_up_a_running_server_passes: user_request(running(UP)) => Answer::Pass;
    up_up_hub_pages_pass: hub_page(running(UP)) => Answer::Pass;
    up_up_a_user_without_a_server_starts_here: start(UP) => Start::Here;
    up_up_a_new_user_starts_by_placement: start(new_user(UP)) => Start::Here;

    up_slow_a_running_server_passes: user_request(running(SLOW)) => Answer::Pass;
    up_slow_hub_pages_pass_without_retries: hub_page(running(SLOW)) => Answer::PassOnce;
    up_slow_a_user_without_a_server_starts_here: start(SLOW) => Start::Here;
    up_slow_a_new_user_claims_the_next_candidate: start(new_user(SLOW)) => CLAIM;

    up_spawn_failing_a_running_server_passes: user_request(running(SPAWN_FAILING)) => Answer::Pass;
    up_spawn_failing_hub_pages_pass: hub_page(running(SPAWN_FAILING)) => Answer::Pass;
    up_spawn_failing_hub_pages_of_idle_users_pass: hub_page(SPAWN_FAILING) => Answer::Pass;
    up_spawn_failing_a_user_without_a_server_claims_the_next_candidate: start(SPAWN_FAILING) => CLAIM;
    up_spawn_failing_a_new_user_claims_the_next_candidate: start(new_user(SPAWN_FAILING)) => CLAIM;

    up_starting_a_running_server_passes: user_request(running(STARTING)) => Answer::Pass;
    up_starting_hub_pages_wait: hub_page(running(STARTING)) => Answer::Waiting;
    up_starting_a_user_without_a_server_waits: start(STARTING) => Start::Wait;
    up_starting_a_new_user_waits: start(new_user(STARTING)) => Start::Wait;

    up_down_a_running_server_passes: user_request(running(HUB_DOWN)) => Answer::Pass;
    up_down_a_running_server_passes_after_the_failover_too:
        user_request(running(failed_over(HUB_DOWN))) => Answer::Pass;
    up_down_hub_pages_wait: hub_page(running(HUB_DOWN)) => Answer::Waiting;
    up_down_a_running_user_is_offered_no_move: start(running(failed_over(HUB_DOWN))) => Start::Wait;
    up_down_a_user_without_a_server_waits_at_first: start(HUB_DOWN) => Start::Wait;
    up_down_a_user_without_a_server_claims_the_next_candidate_after_the_failover:
        start(failed_over(HUB_DOWN)) => CLAIM_UNASKED;
    up_down_a_new_user_waits_at_first: start(new_user(HUB_DOWN)) => Start::Wait;
    up_down_a_new_user_claims_the_next_candidate_after_the_failover:
        start(new_user(failed_over(HUB_DOWN))) => CLAIM_UNASKED;

    down_up_a_running_server_waits: user_request(running(PROXY_DOWN)) => Answer::Waiting;
    down_up_hub_pages_wait: hub_page(running(PROXY_DOWN)) => Answer::Waiting;
    down_up_a_user_without_a_server_waits_at_first: start(PROXY_DOWN) => Start::Wait;
    down_up_a_user_without_a_server_claims_the_next_candidate_after_the_failover:
        start(failed_over(PROXY_DOWN)) => CLAIM;
    down_up_a_new_user_waits_at_first: start(new_user(PROXY_DOWN)) => Start::Wait;
    down_up_a_new_user_claims_the_next_candidate_after_the_failover:
        start(new_user(failed_over(PROXY_DOWN))) => CLAIM;

    down_down_a_running_server_waits: user_request(running(BOTH_DOWN)) => Answer::Waiting;
    down_down_hub_pages_wait: hub_page(running(BOTH_DOWN)) => Answer::Waiting;
    down_down_a_user_without_a_server_waits_at_first: start(BOTH_DOWN) => Start::Wait;
    down_down_a_user_without_a_server_claims_the_next_candidate_after_the_failover:
        start(failed_over(BOTH_DOWN)) => CLAIM_UNASKED;
    down_down_a_new_user_waits_at_first: start(new_user(BOTH_DOWN)) => Start::Wait;
    down_down_a_new_user_claims_the_next_candidate_after_the_failover:
        start(new_user(failed_over(BOTH_DOWN))) => CLAIM_UNASKED;
    down_down_a_running_user_stays_after_the_failover:
        start(running(failed_over(BOTH_DOWN))) => Start::Wait;
}

// By intent.
cells! {
    cordoned_a_running_server_passes: user_request(running(CORDONED)) => Answer::Pass;
    cordoned_hub_pages_of_idle_users_pass: hub_page(CORDONED) => Answer::Pass;
    cordoned_a_start_goes_here: start(CORDONED) => Start::Here;
    cordoned_a_new_user_claims_the_next_candidate: start(new_user(CORDONED)) => CLAIM;

    draining_a_running_server_passes: user_request(running(DRAINING)) => Answer::Pass;
    draining_hub_pages_of_idle_users_pass_until_a_start: hub_page(DRAINING) => Answer::Pass;
    draining_a_start_claims_the_next_candidate: start(DRAINING) => CLAIM;
    draining_without_a_candidate_a_page_says_so: start(alone(DRAINING)) => Start::Page(Page::Draining);
    draining_a_new_user_claims_the_next_candidate: start(new_user(DRAINING)) => CLAIM;
    draining_pages_of_a_new_user_are_the_next_candidates: hub_page(new_user(DRAINING)) => Answer::Candidate;
    draining_another_server_of_a_running_user_starts_here: start(running(DRAINING)) => Start::Here;

    maintenance_a_running_server_passes_while_the_proxy_is_up:
        user_request(running(MAINTENANCE)) => Answer::Pass;
    maintenance_a_running_server_behind_a_dead_proxy_gets_the_page:
        user_request(running(Situation { proxy: ProxyPlane::Down, ..MAINTENANCE }))
            => Answer::Page(Page::Maintenance);
    maintenance_hub_pages_of_idle_users_go_to_the_next_candidate: hub_page(MAINTENANCE) => Answer::Candidate;
    maintenance_hub_pages_are_the_page_where_the_pool_allows_nothing_else:
        hub_page(alone(MAINTENANCE)) => Answer::Page(Page::Maintenance);
    maintenance_a_start_claims_the_next_candidate: start(MAINTENANCE) => CLAIM;
    maintenance_a_start_gets_the_page_where_the_pool_allows_nothing_else:
        start(alone(MAINTENANCE)) => Start::Page(Page::Maintenance);
    maintenance_a_new_user_claims_the_next_candidate: start(new_user(MAINTENANCE)) => CLAIM;
    maintenance_goes_on_while_the_hub_is_off:
        start(Situation { hub: HubPlane::Down, ..MAINTENANCE }) => CLAIM_UNASKED;
}

// None left: "cordoned, slow and spawn failing answer as up/up; starting and down show the waiting page; draining and
// maintenance their page". A `local` hub is a pool of its own.
cells! {
    alone_cordoned_answers_as_up: start(new_user(alone(CORDONED))) => Start::Here;
    alone_slow_answers_as_up: start(new_user(alone(SLOW))) => Start::Here;
    alone_spawn_failing_answers_as_up: start(alone(SPAWN_FAILING)) => Start::Here;
    alone_starting_waits: start(alone(STARTING)) => Start::Wait;
    alone_down_waits_after_the_failover_too: start(alone(failed_over(BOTH_DOWN))) => Start::Wait;
    local_users_of_a_failed_hub_wait: start(local(failed_over(BOTH_DOWN))) => Start::Wait;
    local_users_of_a_draining_hub_get_its_page: start(local(DRAINING)) => Start::Page(Page::Draining);
    local_users_of_a_hub_in_maintenance_get_its_page:
        start(local(MAINTENANCE)) => Start::Page(Page::Maintenance);
    local_users_see_their_own_hubs_pages: hub_page(local(failed_over(HUB_DOWN))) => Answer::Waiting;
}

// `attached` moves by the hub's own word only; unknown counts as running; closing waits.
cells! {
    attached_users_leave_a_drained_hub_that_can_be_asked: start(attached(DRAINING)) => CLAIM;
    attached_users_never_leave_a_hub_that_is_down: start(attached(failed_over(HUB_DOWN))) => Start::Wait;
    attached_pages_wait_with_their_hub: hub_page(attached(failed_over(HUB_DOWN))) => Answer::Waiting;
    an_unknown_user_of_a_dead_hub_waits: start(unknown(failed_over(BOTH_DOWN))) => Start::Wait;
    an_unknown_user_of_a_draining_hub_leaves_by_its_word_only: start(unknown(DRAINING)) => CLAIM;
    an_unknown_user_of_a_healthy_hub_starts_at_home: start(unknown(UP)) => Start::Here;
    an_unknown_users_notebook_is_reached_where_it_may_run:
        user_request(unknown(failed_over(HUB_DOWN))) => Answer::Pass;
    who_is_new_is_not_known_of_a_hub_that_cannot_be_asked:
        start(new_user(Situation { hub: HubPlane::Down, ..CORDONED })) => Start::Wait;
    closing_a_draining_hub_starts_wait: start(closing(DRAINING)) => Start::Wait;
    closing_a_failing_hub_starts_wait: start(closing(HUB_DOWN)) => Start::Wait;
    closing_for_maintenance_starts_get_the_page:
        start(closing(MAINTENANCE)) => Start::Page(Page::Maintenance);
    closing_a_cordoned_hub_new_users_wait:
        start(new_user(Situation { gate: Gate::ClosedToNew, ..CORDONED })) => Start::Wait;
    closing_a_cordoned_hub_its_own_users_do_not_wait:
        start(Situation { gate: Gate::ClosedToNew, ..CORDONED }) => Start::Here;
    a_hub_that_has_just_returned_still_sends_idle_users_on: start(failed_over(UP)) => CLAIM;
    pages_of_idle_users_of_a_failed_hub_are_the_next_candidates:
        hub_page(failed_over(BOTH_DOWN)) => Answer::Candidate;
    what_only_one_router_sees_as_slow_closes_nothing:
        start(new_user(Situation { gate: Gate::Here, ..SLOW })) => Start::Here;
    whoever_is_assigned_elsewhere_is_sent_there:
        start(Situation { user: UserState::RunningElsewhere, ..BOTH_DOWN }) => Start::There;
}
