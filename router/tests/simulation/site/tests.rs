//! Runs: in fair weather, with everything that may go wrong, and the same seed twice.
#![cfg(test)]

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::faults::Kind;
use super::many;
use super::rules::{Rule, Rules};
use super::run::Play;

/// The variable that names the seeds of a long run: `0..10000`.
const SEEDS: &str = "HUBROUTER_SIM_SEEDS";
/// The variable that names one seed that is told step by step.
const SEED: &str = "HUBROUTER_SIM_SEED";

/// The variable that names a rule that is off, to see what comes of it.
const WITHOUT: &str = "HUBROUTER_SIM_WITHOUT";

/// The variable that names kinds of faults, so that every seed is a hard one with these only: `Crash,Network`.
const KINDS: &str = "HUBROUTER_SIM_KINDS";

fn named(kinds: &str) -> Vec<Kind> {
    let kind = |name: &str| Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == name).expect("a kind");
    kinds.split(',').map(kind).collect()
}

#[test]
fn in_fair_weather_everybody_is_served_at_home_and_a_drained_hub_empties() {
    for seed in 0..3 {
        let outcome = Play::fair(seed).run();
        assert!(outcome.wrong.is_empty(), "{outcome}");
        assert!(outcome.starts > 20, "{}", outcome.starts);
    }
}

#[test]
fn a_seed_is_the_same_run_twice() {
    for seed in 0..2 {
        assert_eq!(Play::of(seed).run(), Play::of(seed).run());
    }
}

#[test]
fn whatever_goes_wrong_nobodys_work_is_lost_and_everybody_comes_home() {
    let kinds = std::env::var(KINDS).ok();
    let rules = std::env::var(WITHOUT).map(|name| Rules::without(Rule::named(&name))).unwrap_or_default();
    let play_of = |seed| {
        let play = kinds.as_deref().map_or_else(|| Play::of(seed), |kinds| Play::harsh(seed, &named(kinds)));
        play.without(rules.clone())
    };
    if let Ok(seed) = std::env::var(SEED) {
        let play = play_of(seed.parse().expect("a number"));
        let least = play.minimal();
        let outcome = Play { schedule: least.schedule, aloud: true, ..play }.run();
        eprintln!("{outcome}");
        assert!(outcome.wrong.is_empty());
        return;
    }
    let seeds = std::env::var(SEEDS).ok();
    let summary = many::play(seeds.as_deref().map_or(0..40, range), seeds.is_some(), play_of);
    eprintln!("{summary}");
    assert!(summary.failed.is_empty(), "{summary}");
}

/// Rules, and what has to go wrong for somebody to suffer without each.
const NEEDED: [(Rule, &[Kind]); 17] = [
    (Rule::Calm, &[Kind::Operator, Kind::Network]),
    (Rule::Claim, &[Kind::Operator, Kind::Network]),
    (Rule::UnknownStartsNothing, &[Kind::Operator, Kind::Network, Kind::Crash]),
    (Rule::ClaimComparesUser, &[Kind::Operator, Kind::Network]),
    (Rule::ClaimComparesHubs, &[Kind::Skew, Kind::Operator, Kind::Network]),
    (Rule::AskTheOwnerHub, &[Kind::Operator]),
    (Rule::CloseWaitOpen, &[Kind::Operator, Kind::Network]),
    (Rule::HeartbeatsSayWhatWasRead, &[Kind::Operator, Kind::Network]),
    (Rule::SecureRunning, &[Kind::Crash]),
    (Rule::UnclaimedStartsAreTold, &[Kind::Crash]),
    (Rule::AuthorityCountsPending, &[Kind::Crash]),
    (Rule::DeletionAfterTheLastStart, &[Kind::Operator, Kind::Slow]),
    (Rule::CensusAge, &[Kind::Network, Kind::Crash]),
    (Rule::VanishedReplica, &[Kind::Replicas, Kind::Crash, Kind::Network]),
    (Rule::StoreIsRepaired, &[Kind::StoreState, Kind::Operator]),
    (Rule::SilenceEndsStarts, &[Kind::Network]),
    (Rule::Majority, &[Kind::Network]),
];

#[test]
fn without_any_of_these_rules_some_seed_goes_wrong() {
    let seeds = std::env::var(SEEDS).unwrap_or_else(|_| "0..100".to_owned());
    let shown: BTreeSet<Rule> = NEEDED.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(shown, Rule::ALL.into(), "every rule is to be shown");
    let mut needless = Vec::new();
    for (rule, kinds) in NEEDED {
        let without = |seed| Play::harsh(seed, kinds).without(Rules::without(rule));
        match many::first_wrong(range(&seeds), without) {
            Some(outcome) => eprintln!("without {rule:?}: {outcome}"),
            None => needless.push(rule),
        }
    }
    assert!(needless.is_empty(), "nothing goes wrong in {seeds} without {needless:?}");
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").expect("two numbers with `..` in between");
    from.parse().expect("a number")..to.parse().expect("a number")
}
