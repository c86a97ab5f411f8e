//! Runs: in fair weather, with everything that may go wrong, and the same seed twice.
#![cfg(test)]

use std::ops::Range;

use super::many;
use super::rules::{Rule, Rules};
use super::run::Play;

/// The variable that names the seeds of a long run: `0..10000`.
const SEEDS: &str = "HUBROUTER_SIM_SEEDS";
/// The variable that names one seed that is told step by step.
const SEED: &str = "HUBROUTER_SIM_SEED";

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
    if let Ok(seed) = std::env::var(SEED) {
        let play = Play::of(seed.parse().expect("a number"));
        let least = play.minimal();
        let outcome = Play { schedule: least.schedule, aloud: true, ..play }.run();
        eprintln!("{outcome}");
        assert!(outcome.wrong.is_empty());
        return;
    }
    let seeds = std::env::var(SEEDS).ok();
    let summary = many::play(seeds.as_deref().map_or(0..40, range), seeds.is_some(), Play::of);
    eprintln!("{summary}");
    assert!(summary.failed.is_empty(), "{summary}");
}

/// Rules, and a seed that goes wrong without each.
const NEEDED: [(Rule, u64); 4] =
    [(Rule::Claim, 0), (Rule::UnknownStartsNothing, 4), (Rule::AskTheOwnerHub, 0), (Rule::CloseWaitOpen, 1)];

#[test]
fn without_any_of_these_rules_some_seed_goes_wrong() {
    for (rule, seed) in NEEDED {
        let outcome = Play::of(seed).without(Rules::without(rule)).run();
        assert!(!outcome.wrong.is_empty(), "nothing goes wrong without {rule:?} in {outcome}");
    }
}

/// Finds seeds for the table of rules: not a test, a tool.
#[test]
#[ignore = "a tool: finds seeds that a rule is needed for"]
fn seeds_that_a_rule_is_needed_for() {
    let seeds = std::env::var(SEEDS).unwrap_or_else(|_| "0..200".to_owned());
    for rule in Rule::ALL {
        let without = |seed| Play::of(seed).without(Rules::without(rule));
        let found = range(&seeds).map(|seed| without(seed).run()).find(|outcome| !outcome.wrong.is_empty());
        match found {
            Some(outcome) => {
                eprintln!("{rule:?}: after {:?}: {}", outcome.lasted, without(outcome.seed).minimal());
            }
            None => eprintln!("{rule:?}: none of {seeds}"),
        }
    }
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").expect("two numbers with `..` in between");
    from.parse().expect("a number")..to.parse().expect("a number")
}
