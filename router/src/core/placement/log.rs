//! A logarithm with the same bits on every machine and in every release.
//!
//! The platform's `ln` may differ in the last bit from one libm to the next, and so may a dependency after an update. This
//! one uses only the four basic operations, which IEEE 754 rounds exactly and Rust neither reorders nor fuses.

use std::f64::consts::{LN_2, SQRT_2};

/// 2^-52, the width of one step of [`unit`].
const STEP: f64 = 1.0 / (1_u64 << 52) as f64;

/// The exponent bits of 1.0.
const ONE: u64 = 1023 << 52;

/// The 52 bits of a double's fraction.
const FRACTION: u64 = (1 << 52) - 1;

/// A hash as a number above 0 and below 1, never one of them: the middle of one of 2^52 equal steps.
pub(super) fn unit(hash: u64) -> f64 {
    // 52 bits and a half fit into a double exactly.
    ((hash >> 12) as f64 + 0.5) * STEP
}

/// `-ln(u)` for a normal `u` above 0 and below 1; the error is below 1e-15 of the result.
///
/// With `u = 2^e * m` and `m` between 1/sqrt(2) and sqrt(2): `ln(u) = e ln(2) + 2 artanh((m - 1) / (m + 1))`, the latter as
/// its power series. The argument is at most 0.172, so that eleven terms reach the last bit.
pub(super) fn minus_ln(u: f64) -> f64 {
    let bits = u.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & FRACTION) | ONE);
    if mantissa > SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    -(exponent as f64 * LN_2 + 2.0 * s * artanh_series(s * s))
}

/// `1 + z/3 + z^2/5 + ... + z^10/21`.
fn artanh_series(z: f64) -> f64 {
    const TERMS: [f64; 11] = [
        1.0 / 21.0,
        1.0 / 19.0,
        1.0 / 17.0,
        1.0 / 15.0,
        1.0 / 13.0,
        1.0 / 11.0,
        1.0 / 9.0,
        1.0 / 7.0,
        1.0 / 5.0,
        1.0 / 3.0,
        1.0,
    ];
    TERMS.iter().fold(0.0, |sum, term| sum * z + term)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_unit_never_touches_its_ends() {
        assert!(unit(0) > 0.0);
        assert!(unit(u64::MAX) < 1.0);
        assert!(minus_ln(unit(u64::MAX)) > 0.0);
        assert!(minus_ln(unit(0)).is_finite());
    }

    #[test]
    fn the_bits_are_pinned() {
        let bits = [0.5, 0.1, 0.9, unit(0), unit(u64::MAX), unit(0x0123_4567_89ab_cdef)]
            .map(|u| minus_ln(u).to_bits());
        assert_eq!(
            bits,
            [
                0x3fe6_2e42_fefa_39ef,
                0x4002_6bb1_bbb5_5515,
                0x3fba_f8e8_210a_415b,
                0x4042_5e4f_7b27_37fa,
                0x3ca0_0000_0000_0000,
                0x4015_aa16_394d_4834,
            ],
            "{bits:#018x?}"
        );
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_platform_to_the_last_digits(hash: u64) {
            let u = unit(hash);
            let expected = -u.ln();
            prop_assert!((minus_ln(u) - expected).abs() <= 1e-15 * expected);
        }

        #[test]
        fn a_greater_hash_never_scores_less(a: u64, b: u64) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(minus_ln(unit(low)) >= minus_ln(unit(high)));
        }
    }
}
