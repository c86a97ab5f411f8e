//! Runs: in fair weather, with everything that may go wrong, and the same seed twice.
#![cfg(test)]

use std::ops::Range;

use super::many;
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
    let summary = many::play(seeds.as_deref().map_or(0..300, range), seeds.is_some(), Play::of);
    eprintln!("{summary}");
    assert!(summary.failed.is_empty(), "{summary}");
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").expect("two numbers with `..` in between");
    from.parse().expect("a number")..to.parse().expect("a number")
}
