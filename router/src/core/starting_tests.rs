//! Where starts go, by snapshots of a line.

use std::time::Instant;

use super::*;
use crate::core::life::claim::Identity;
use crate::core::life::time::StoreTime;
use crate::core::moment::Knowledge;
use crate::core::sketch_tests::{snapshot, user_at};

fn starter(user: UserName) -> Starter {
    Starter { user, identity: Identity::Proven, chosen: None, trial: false }
}

#[test]
fn a_start_goes_home_at_once_where_the_home_is_calm_and_waits_while_the_directory_was_never_read() {
    let site = snapshot("a, b", "{}");
    let user = user_at(&site, "b", 0);
    let now = Instant::now();
    let nothing = Knowledge::default().at(now, &site.times);
    let clock = crate::core::moment::Clock { store: StoreTime::from_millis(100_000_000), at: now };
    let known = Knowledge { clock: Some(clock), in_step: Some(now), heard: Some(now), behind: false };

    let unread = start_of(&site, &starter(user.clone()), &nothing);
    let calm = start_of(&site, &starter(user), &known.at(now, &site.times));

    assert_eq!(unread, Some(StartPlan::Wait { hub: HubIndex(1), why: StartWaits::Directory }));
    assert_eq!(calm, Some(StartPlan::Go(HubIndex(1))));
}
