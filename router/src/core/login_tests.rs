//! Where logins land: at the page's hub, at home, after two rounds nowhere.

use hubrouter_hub_adapter::destination::Dest;

use super::*;
use crate::core::sketch_tests::{index, snapshot, user_at};

struct Case {
    at: &'static str,
    next: Dest,
    known: bool,
    mark: Option<(&'static str, Strength, u8)>,
    chosen: Option<&'static str>,
}

const AT_A: Case = Case { at: "a", next: Dest::Nobody, known: false, mark: None, chosen: None };

/// What happens when the first user at home on `a` logs in.
fn landing(case: Case) -> Landing {
    let snapshot = snapshot("a, b, s standby", "{x: b}");
    let user = user_at(&snapshot, "a", 0);
    let mark =
        case.mark.map(|(hub, strength, rounds)| LoginMark { hub: hub.parse().unwrap(), strength, rounds });
    land(
        &snapshot,
        &Landed {
            at: index(&snapshot, case.at),
            user: &user,
            next: case.next,
            session: case.known.then_some(&user),
            mark: mark.as_ref(),
            chosen: case.chosen.map(|hub| index(&snapshot, hub)),
        },
    )
}

fn bounce(to: u16, rounds: u8) -> Landing {
    Landing::Bounce { to: HubIndex(to), rounds }
}

#[test]
fn a_login_at_home_for_a_page_of_ones_own_stays() {
    assert_eq!(landing(AT_A), Landing::Stay);
}

#[test]
fn a_login_elsewhere_for_a_page_of_ones_own_goes_home() {
    assert_eq!(landing(Case { at: "b", ..AT_A }), bounce(0, 1));
}

#[test]
fn a_login_for_a_page_of_somebody_else_is_a_visit_at_their_hub() {
    let snapshot = snapshot("a, b, s standby", "{x: b}");
    let bob = Dest::Owner(user_at(&snapshot, "b", 0));
    assert_eq!(landing(Case { at: "b", next: bob.clone(), ..AT_A }), Landing::Stay);
    assert_eq!(landing(Case { next: bob, ..AT_A }), bounce(1, 1));
}

#[test]
fn a_login_for_a_service_lands_where_the_service_is() {
    let service = || Dest::Service("x".into());
    assert_eq!(landing(Case { at: "b", next: service(), ..AT_A }), Landing::Stay);
    assert_eq!(landing(Case { next: service(), ..AT_A }), bounce(1, 1));
    assert_eq!(landing(Case { next: Dest::Service("unnamed".into()), ..AT_A }), Landing::Stay);
}

#[test]
fn a_login_under_a_chosen_hub_lands_there() {
    assert_eq!(landing(Case { at: "s", chosen: Some("s"), ..AT_A }), Landing::Stay);
    assert_eq!(landing(Case { chosen: Some("b"), ..AT_A }), bounce(1, 1));
}

#[test]
fn a_login_that_was_sent_here_for_this_user_is_final() {
    let sent = Case { at: "b", known: true, mark: Some(("b", Strength::Strong, 1)), ..AT_A };
    assert_eq!(landing(sent), Landing::Stay);
}

#[test]
fn a_login_that_was_sent_here_for_somebody_else_goes_on_and_ends_after_two_rounds() {
    assert_eq!(landing(Case { at: "b", mark: Some(("b", Strength::Strong, 1)), ..AT_A }), bounce(0, 2));
    assert_eq!(landing(Case { at: "b", mark: Some(("b", Strength::Strong, 2)), ..AT_A }), Landing::Loop);
}

#[test]
fn a_weak_login_counts_no_rounds() {
    assert_eq!(
        landing(Case { at: "b", known: true, mark: Some(("b", Strength::Weak, 0)), ..AT_A }),
        bounce(0, 1)
    );
}
