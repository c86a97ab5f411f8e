//! Each guard alone, and the one hub that may always fail over.

use hubrouter_config::{Census, Failover, Health};

use super::*;
use crate::core::life::test_lives::at;

fn times() -> Times {
    Times::of(&Health::default(), &Failover::default(), &Census::default())
}

fn id(name: &str) -> HubId {
    name.parse().unwrap()
}

/// A fleet of so many hubs with an open one in the pool, these others down since then.
fn fleet(hubs: usize, down: &[(&str, u64)]) -> Fleet {
    let down = down.iter().map(|(name, since)| (id(name), at(*since))).collect();
    Fleet { hubs, down, open_in_pool: true }
}

/// A shared hub whose hub plane went down at 1000 s, counted 10 s before.
fn judged(change: impl FnOnce(&mut Site)) -> Result<(), Held> {
    let mut site = Site::default();
    change(&mut site);
    may_fail_over(&site.evidence(), &times())
}

struct Site {
    outage: Outage,
    storage: Storage,
    has_token: bool,
    census: Option<StoreTime>,
    vanished: Vec<StoreTime>,
    fleet: Fleet,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            outage: Outage { proxy: None, hub: Some(at(1000)) },
            storage: Storage::Shared,
            has_token: true,
            census: Some(at(990)),
            vanished: Vec::new(),
            fleet: fleet(3, &[]),
        }
    }
}

impl Site {
    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            outage: &self.outage,
            storage: self.storage,
            has_token: self.has_token,
            census: self.census,
            vanished: &self.vanished,
            fleet: &self.fleet,
        }
    }
}

#[test]
fn one_plane_is_due_at_after_and_both_at_dead_after_from_the_first_failed_probe() {
    let due = |proxy: Option<u64>, hub: Option<u64>| {
        due_at(&Outage { proxy: proxy.map(at), hub: hub.map(at) }, &times()).map(|due| due.as_millis() / 1000)
    };
    assert_eq!(due(None, None), None);
    assert_eq!(due(None, Some(1000)), Some(1120));
    assert_eq!(due(Some(1000), None), Some(1120));
    assert_eq!(due(Some(1050), Some(1000)), Some(1180));
}

#[test]
fn one_hub_alone_may_always_fail_over() {
    assert_eq!(judged(|_| {}), Ok(()));
    assert_eq!(judged(|site| site.fleet = fleet(2, &[])), Ok(()));
    assert_eq!(judged(|site| site.fleet = fleet(2, &[("b", 1000)])), Ok(()));
}

#[test]
fn two_hubs_of_three_that_fall_within_the_window_freeze_and_are_named() {
    for since in [700, 1000, 1300] {
        let held = judged(|site| site.fleet = fleet(3, &[("b", since)])).unwrap_err();
        assert!(held.is_freeze() && held.to_string().contains("`b`"), "{held}");
    }
    for since in [699, 1301] {
        assert_eq!(judged(|site| site.fleet = fleet(3, &[("b", since)])), Ok(()));
    }
}

#[test]
fn without_an_open_hub_in_the_pool_it_freezes() {
    let held = judged(|site| site.fleet.open_in_pool = false).unwrap_err();
    assert!(held == Held::NobodyOpen && held.is_freeze());
}

#[test]
fn a_replica_that_vanished_and_may_have_started_servers_since_the_hubs_last_word_makes_it_manual() {
    // The hub was counted at 990 s; a replica goes on for 120 s, and a start is under way for 30 s at most.
    let with = |seconds| judged(|site| site.vanished = vec![at(700), at(seconds)]);
    assert_eq!(with(950), Err(Held::ReplicaVanished { unknown_for: Duration::from_secs(110) }));
    assert_eq!(with(841), Err(Held::ReplicaVanished { unknown_for: Duration::from_secs(1) }));
    assert_eq!(with(840), Ok(()));
    // It may see the hub up while the others do not.
    assert_eq!(with(1001), Err(Held::ReplicaVanished { unknown_for: Duration::from_secs(161) }));
    let can_be_asked = |site: &mut Site| {
        site.outage = Outage { proxy: Some(at(1000)), hub: None };
        site.vanished = vec![at(1001)];
    };
    assert_eq!(judged(can_be_asked), Ok(()), "each user is asked for before they leave");
}

#[test]
fn an_old_or_missing_census_makes_it_manual() {
    assert_eq!(judged(|site| site.census = None), Err(Held::CensusUnknown));
    assert_eq!(judged(|site| site.census = Some(at(849))), Err(Held::CensusUnknown));
    assert_eq!(judged(|site| site.census = Some(at(850))), Ok(()));
}

#[test]
fn storage_and_a_missing_token_hold_a_hub_before_anything_else() {
    assert_eq!(judged(|site| site.storage = Storage::Local), Err(Held::Local));
    assert_eq!(judged(|site| site.storage = Storage::Attached), Err(Held::Attached));
    assert_eq!(judged(|site| site.has_token = false), Err(Held::NoToken));
}

#[test]
fn an_operator_goes_past_the_freeze_but_not_past_storage_or_ignorance() {
    let ordered = |assume_stopped, change: fn(&mut Site)| {
        let mut site = Site::default();
        change(&mut site);
        may_be_ordered(&site.evidence(), assume_stopped, &times())
    };
    assert_eq!(ordered(false, |site| site.fleet = fleet(3, &[("b", 1000)])), Ok(()));
    assert_eq!(ordered(false, |site| site.vanished = vec![at(950)]), Ok(()));
    assert_eq!(ordered(false, |site| site.census = None), Err(Held::CensusUnknown));
    assert_eq!(ordered(true, |site| site.census = None), Ok(()));
    assert_eq!(ordered(true, |site| site.storage = Storage::Local), Err(Held::Local));
    assert_eq!(ordered(true, |site| site.storage = Storage::Attached), Err(Held::Attached));
    assert_eq!(ordered(true, |site| site.fleet.open_in_pool = false), Err(Held::NobodyOpen));
}

#[test]
fn every_hold_says_what_it_is_about() {
    for (held, words) in [
        (Held::Local, "files"),
        (Held::Attached, "attached"),
        (Held::NoToken, "api_token"),
        (Held::NobodyOpen, "pool"),
        (Held::CensusUnknown, "too old"),
        (Held::ReplicaVanished { unknown_for: Duration::from_secs(7) }, "7 s"),
    ] {
        assert!(held.to_string().contains(words), "{held}");
    }
}
