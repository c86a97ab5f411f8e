//! The one source of chance: a seed gives the same numbers for ever.
//!
//! SplitMix64 (Steele, Lea, Flood, 2014). Whoever draws gets a stream of their own by [`Rng::fork`], so that one more draw
//! here changes nothing there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hubrouter::control::probes::Chance;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(mixed(seed.wrapping_add(GOLDEN)))
    }

    /// A stream of its own for `name`: it depends on the seed and on the name, not on what was drawn between.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a: the same on every machine, unlike the hashes of the standard library.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::new(seed ^ mixed(hash))
    }

    /// A stream of its own, begun by the next number.
    pub fn fork(&mut self) -> Self {
        Self::new(self.number())
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mixed(self.0)
    }

    /// From 0 (included) to 1 (excluded).
    #[allow(clippy::cast_precision_loss, reason = "53 bits are kept")]
    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 (included) to `end` (excluded); 0 for an empty range.
    pub fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.number()) * end as u128;
        usize::try_from(wide >> 64).unwrap_or_default()
    }

    /// True so often out of 1.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Evenly between the two, in whole milliseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        in_millis(least + most.saturating_sub(least).mul_f64(self.unit()))
    }

    /// Mostly short, seldom long, `mean` on average, ten times that at most; in whole milliseconds.
    pub fn about(&mut self, mean: Duration) -> Duration {
        let times = -(1.0 - self.unit()).ln();
        in_millis(mean.mul_f64(times.min(10.0)))
    }

    /// One of `all`; there has to be one.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of `all`, each as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, all: &[(u32, T)]) -> T {
        let sum: u32 = all.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(sum as usize) as u32;
        for (weight, one) in all {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        panic!("no weights")
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.number().to_le_bytes()[0])
    }

    /// The rest of this stream, for the router's own use of chance.
    pub fn chance(self) -> Chance {
        let shared = Arc::new(Mutex::new(self));
        Arc::new(move || shared.lock().unwrap_or_else(PoisonError::into_inner).unit())
    }
}

fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Timers of tokio know milliseconds: what is finer would be rounded there, and not here.
fn in_millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[test]
fn a_seed_gives_the_same_numbers_on_every_machine() {
    let drawn: Vec<u64> = (0..3)
        .map({
            let mut rng = Rng::new(7);
            move |_| rng.number()
        })
        .collect();
    let again: Vec<u64> = (0..3)
        .map({
            let mut rng = Rng::new(7);
            move |_| rng.number()
        })
        .collect();

    assert_eq!(drawn, again);
    assert_eq!(drawn[0], 13_309_476_754_707_697_221);
    assert_ne!(Rng::new(8).number(), drawn[0]);
    assert_ne!(Rng::named(7, "store"), Rng::named(7, "hub"));
}

#[test]
fn chances_are_as_often_as_they_say() {
    let mut rng = Rng::new(1);
    let often = (0..10_000).filter(|_| rng.happens(0.3)).count();
    assert!((2_800..3_200).contains(&often), "{often}");
    let mean: Duration = (0..10_000).map(|_| rng.about(Duration::from_secs(1))).sum::<Duration>() / 10_000;
    assert!((950..1_050).contains(&mean.as_millis()), "{mean:?}");
    let heavy = (0..10_000).filter(|_| rng.weighted(&[(1, false), (3, true)])).count();
    assert!((7_200..7_800).contains(&heavy), "{heavy}");
    let drawn: Vec<usize> = (0..100).map(|_| rng.below(3)).collect();
    assert!((0..3).all(|number| drawn.contains(&number)) && drawn.iter().all(|number| *number < 3));
    assert_eq!(rng.below(0), 0);
    assert_ne!(rng.bytes::<8>(), rng.bytes::<8>());
    let (one, other) = (rng.clone().chance(), rng.chance());
    let both: Vec<(f64, f64)> = (0..100).map(|_| (one(), other())).collect();
    assert!(both.iter().all(|(one, other)| one == other && (0.0..1.0).contains(one)), "{both:?}");
}
