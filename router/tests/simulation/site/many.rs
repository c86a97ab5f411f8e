//! Many seeds, on as many threads as there are cores, and what came of them in a few lines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::run::{Outcome, Play};

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Summary {
    pub seeds: usize,
    pub starts: u64,
    /// Users with two servers because a start arrived late.
    pub late: usize,
    /// Seeds in which a start arrived late.
    pub late_seeds: Vec<u64>,
    pub simulated: Duration,
    pub took: Duration,
    /// Those in which something went wrong, by seed.
    pub failed: BTreeMap<u64, Outcome>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, starts, late, late_seeds, simulated, took, failed } = self;
        writeln!(
            f,
            "{seeds} seeds, {} hours of virtual time in {:.0} s, {starts} starts; {} seeds failed; {late} users with two servers by \
             a start that arrived late, in {} seeds: {:?}",
            simulated.as_secs() / 3600,
            took.as_secs_f64(),
            failed.len(),
            late_seeds.len(),
            &late_seeds[..late_seeds.len().min(10)],
        )?;
        failed.values().try_for_each(|outcome| writeln!(f, "{outcome}"))
    }
}

/// The first of them in which something goes wrong, and nothing in its `control`, as far as one thread per core finds it.
pub fn first_wrong(
    seeds: impl Iterator<Item = u64> + Send,
    of: impl Fn(u64) -> Play + Sync,
    control: impl Fn(u64) -> Play + Sync,
) -> Option<Outcome> {
    let (seeds, found) = (Mutex::new(seeds), Mutex::new(None::<Outcome>));
    on_all_cores(|| {
        while found.lock().unwrap().is_none() {
            let next = seeds.lock().unwrap().next();
            let Some(seed) = next else { return };
            let outcome = of(seed).run();
            if !outcome.wrong.is_empty() && control(seed).run().wrong.is_empty() {
                *found.lock().unwrap() = Some(outcome);
            }
        }
    });
    found.into_inner().unwrap()
}

fn on_all_cores(work: impl Fn() + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(&work);
        }
    });
}

/// Plays all of them; `progress` says so now and then.
pub fn play(
    seeds: impl Iterator<Item = u64> + Send,
    progress: bool,
    of: impl Fn(u64) -> Play + Sync,
) -> Summary {
    let (began, seeds) = (Instant::now(), Mutex::new(seeds));
    let summary = Mutex::new(Summary::default());
    let work = || {
        loop {
            let next = seeds.lock().unwrap().next();
            let Some(seed) = next else { return };
            let outcome = of(seed).run();
            let mut summary = summary.lock().unwrap();
            summary.seeds += 1;
            summary.starts += outcome.starts;
            summary.late += outcome.late;
            summary.simulated += outcome.lasted;
            if outcome.late > 0 {
                summary.late_seeds.push(seed);
            }
            if !outcome.wrong.is_empty() {
                if progress {
                    eprintln!("{outcome}");
                }
                summary.failed.insert(seed, outcome);
            }
            if progress && summary.seeds % 100 == 0 {
                let (seconds, failed) = (began.elapsed().as_secs(), summary.failed.len());
                eprintln!("{} seeds in {seconds} s, {failed} failed", summary.seeds);
            }
        }
    };
    on_all_cores(work);
    let mut summary = summary.into_inner().unwrap();
    summary.took = began.elapsed();
    summary.late_seeds.sort_unstable();
    summary
}
