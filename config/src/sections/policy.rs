//! `placement` and `session`.

use std::time::Duration;

use crate::model::{Algorithm, Placement, Session, UserNames};
use crate::read::{At, choice, list_of, period, seed, session_key, share};

pub(super) fn placement(at: &At<'_>) -> Option<Placement> {
    let mut keys = at.section()?;
    let defaults = Placement::default();
    let placement = Placement {
        algorithm: keys.or(
            "algorithm",
            defaults.algorithm,
            choice(&[Algorithm::Rendezvous, Algorithm::Ring]),
        ),
        seed: keys.optional("seed", seed),
        load_bound: keys.or("load_bound", defaults.load_bound, load_bound),
        user_names: keys.or("user_names", defaults.user_names, choice(&[UserNames::Lower, UserNames::Exact])),
    };
    keys.finish();
    Some(placement)
}

fn load_bound(at: &At<'_>) -> Option<f64> {
    match share(0.0..=100.0)(at)? {
        bound if bound == 0.0 || bound > 1.0 => Some(bound),
        _ => at.problem(
            "a bound of the mean or less would turn most users away",
            "write 0 for off, or more than 1, for example 1.25",
        ),
    }
}

pub(super) fn session(at: &At<'_>) -> Option<Session> {
    let mut keys = at.section()?;
    let defaults = Session::default();
    let session = Session {
        keys: keys.or("keys", defaults.keys, list_of(session_key)),
        lifetime: keys.or("lifetime", defaults.lifetime, lifetime),
    };
    keys.finish();
    Some(session)
}

fn lifetime(at: &At<'_>) -> Option<Duration> {
    let minute = Duration::from_mins(1);
    match period(at)? {
        lifetime if lifetime >= minute => Some(lifetime),
        _ => at.problem("shorter than a minute", "write at least 1m: each renewal asks a hub"),
    }
}
