//! Runs: in fair weather, with everything that may go wrong, and the same seed twice.
#![cfg(test)]

use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;

use super::super::faults::Kind;
use super::super::net::Weather;
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

/// Seeds in which something went wrong once, and the kinds of faults by which they were found.
const ONCE_WRONG: [(Harm, &[u64]); 3] = [
    (Harm::Any, &[50, 63, 129, 133, 198, 213, 584, 1686, 2445, 2487, 9737]),
    (WAYS, &[143, 155, 165, 345]),
    (STORES, &[26, 52, 87, 95]),
];

#[test]
fn what_went_wrong_once_does_not_any_more() {
    for (harm, seeds) in ONCE_WRONG {
        let summary = many::play(seeds.iter().copied(), false, |seed| harm.play(seed));
        assert!(summary.failed.is_empty(), "{summary}");
    }
}

/// A rule, what has to go wrong for somebody to suffer without it, the rule that would save them, and the seed that showed it last:
/// where it shows nothing any more, others are searched.
struct Needed(Rule, Harm, Option<Rule>, u64);

/// So many seeds are searched.
const SEARCHED: Range<u64> = 0..500;

/// What goes wrong.
#[derive(Clone, Copy)]
enum Harm {
    /// Whatever the seed gives.
    Any,
    /// Much of these kinds only, in rough weather.
    Much(&'static [Kind]),
    /// The same, and no message is lost but where a way is cut.
    Clear(&'static [Kind]),
}

impl Harm {
    fn play(self, seed: u64) -> Play {
        match self {
            Self::Any => Play::of(seed),
            Self::Much(kinds) => Play::harsh(seed, kinds),
            Self::Clear(kinds) => Play { weather: Weather::FAIR, ..Play::harsh(seed, kinds) },
        }
    }
}

const WAYS: Harm = Harm::Much(&[Kind::Operator, Kind::Network]);
const CRASHES: Harm = Harm::Much(&[Kind::Crash]);
const STORES: Harm = Harm::Much(&[Kind::StoreState, Kind::Replicas]);

const NEEDED: [Needed; 19] = [
    Needed(Rule::Calm, WAYS, None, 10),
    Needed(Rule::Claim, WAYS, None, 1),
    Needed(Rule::UnknownStartsNothing, WAYS, None, 1),
    Needed(Rule::ClaimComparesUser, Harm::Any, None, 5),
    // A claim by an old picture of the hubs does harm only where others open before everybody has read that.
    Needed(Rule::ClaimComparesHubs, WAYS, Some(Rule::CloseWaitOpen), 4),
    Needed(Rule::AskTheOwnerHub, Harm::Much(&[Kind::Operator]), None, 1),
    Needed(Rule::CloseWaitOpen, WAYS, None, 13),
    // While a copy is fresh or does not count, nobody starts by an old one.
    Needed(Rule::HeartbeatsSayWhatWasRead, WAYS, Some(Rule::Calm), 3),
    Needed(Rule::SecureRunning, Harm::Any, None, 3),
    Needed(Rule::UnclaimedStartsAreTold, CRASHES, None, 15),
    Needed(Rule::AuthorityCountsPending, CRASHES, None, 4),
    Needed(Rule::DeletionAfterTheLastStart, Harm::Any, None, 0),
    // A server that no list shows is known by its start, for as long as that is told.
    Needed(Rule::CensusAge, Harm::Much(&[Kind::Network, Kind::Crash]), Some(Rule::UnclaimedStartsAreTold), 2),
    Needed(Rule::VanishedReplica, Harm::Much(&[Kind::Replicas, Kind::Crash, Kind::Network]), None, 127),
    Needed(Rule::StoreIsRepaired, Harm::Much(&[Kind::StoreState, Kind::Operator, Kind::Network]), None, 49),
    Needed(Rule::SilenceEndsStarts, Harm::Clear(&[Kind::Operator, Kind::Network]), None, 11),
    Needed(Rule::FoundServersAreRecorded, STORES, None, 52),
    Needed(Rule::PlacementsAreAnnounced, Harm::Much(&[Kind::Skew, Kind::Operator]), None, 8),
    Needed(Rule::Majority, Harm::Much(&[Kind::Network]), None, 16),
];

#[test]
fn without_any_of_these_rules_some_seed_goes_wrong_that_does_not_with_it() {
    let shown: BTreeSet<Rule> = NEEDED.iter().map(|needed| needed.0).collect();
    assert_eq!(shown, Rule::ALL.into(), "every rule is to be shown");
    let only = std::env::var(WITHOUT).ok();
    let mut needless = Vec::new();
    for Needed(rule, harm, saver, hint) in NEEDED {
        if only.as_ref().is_some_and(|only| !only.contains(&format!("{rule:?}"))) {
            continue;
        }
        let off = |rules: Vec<Rule>| {
            let rules = Rules::without(rules);
            move |seed| harm.play(seed).without(rules.clone())
        };
        let (without, with) =
            (off(saver.into_iter().chain([rule]).collect()), off(saver.into_iter().collect()));
        match many::first_wrong(iter::once(hint).chain(SEARCHED), without, with) {
            Some(outcome) => eprintln!("without {rule:?}: {outcome}"),
            None => needless.push(rule),
        }
    }
    assert!(needless.is_empty(), "nothing goes wrong in {SEARCHED:?} without {needless:?}");
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").expect("two numbers with `..` in between");
    from.parse().expect("a number")..to.parse().expect("a number")
}
