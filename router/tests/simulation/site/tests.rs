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

/// The variable that names rules that are off, to see what comes of it.
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
    let rules = std::env::var(WITHOUT)
        .map(|name| Rules::without(name.split(',').map(Rule::named)))
        .unwrap_or_default();
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

/// A rule, what has to go wrong for somebody to suffer without it, and the rule that would save them.
struct Needed(Rule, &'static [Kind], Option<Rule>);

const HARD: &[Kind] = &[Kind::Operator, Kind::Network];
const ANY: &[Kind] = &[];

const NEEDED: [Needed; 17] = [
    Needed(Rule::Calm, HARD, None),
    Needed(Rule::Claim, HARD, None),
    Needed(Rule::UnknownStartsNothing, &[Kind::Operator, Kind::Network, Kind::Crash], None),
    Needed(Rule::ClaimComparesUser, ANY, None),
    // What a claim does by an old picture of the hubs, it may do only where others open before everybody has read that.
    Needed(Rule::ClaimComparesHubs, HARD, Some(Rule::HeartbeatsSayWhatWasRead)),
    Needed(Rule::AskTheOwnerHub, &[Kind::Operator], None),
    Needed(Rule::CloseWaitOpen, HARD, None),
    Needed(Rule::HeartbeatsSayWhatWasRead, HARD, None),
    Needed(Rule::SecureRunning, ANY, None),
    Needed(Rule::UnclaimedStartsAreTold, &[Kind::Crash], None),
    Needed(Rule::AuthorityCountsPending, &[Kind::Crash], None),
    Needed(Rule::DeletionAfterTheLastStart, ANY, None),
    Needed(Rule::CensusAge, &[Kind::Network, Kind::Crash], None),
    Needed(Rule::VanishedReplica, &[Kind::Replicas, Kind::Crash, Kind::Network], None),
    Needed(Rule::StoreIsRepaired, &[Kind::StoreState, Kind::Operator], None),
    Needed(Rule::SilenceEndsStarts, &[Kind::Network], None),
    Needed(Rule::Majority, &[Kind::Network], None),
];

fn hard(seed: u64, kinds: &[Kind]) -> Play {
    if kinds.is_empty() { Play::of(seed) } else { Play::harsh(seed, kinds) }
}

#[test]
fn without_any_of_these_rules_some_seed_goes_wrong_that_does_not_with_it() {
    let seeds = std::env::var(SEEDS).unwrap_or_else(|_| "0..300".to_owned());
    let shown: BTreeSet<Rule> = NEEDED.iter().map(|needed| needed.0).collect();
    assert_eq!(shown, Rule::ALL.into(), "every rule is to be shown");
    let mut needless = Vec::new();
    for Needed(rule, kinds, saver) in NEEDED {
        let off = |rules: Vec<Rule>| {
            let rules = Rules::without(rules);
            move |seed| hard(seed, kinds).without(rules.clone())
        };
        let (without, with) =
            (off(saver.into_iter().chain([rule]).collect()), off(saver.into_iter().collect()));
        match many::first_wrong(range(&seeds), without, with) {
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
