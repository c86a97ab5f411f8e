//! The directory in Redis: its tests, which need more than Rust and are ignored everywhere else.

use crate::command::run;
use crate::install::redis_server;
use crate::places::Places;
use crate::quick::cargo;
use crate::report::Report;

/// Runs them on real processes of redis-server, installed if need be.
pub fn tests(places: &Places, report: &mut Report) {
    report.part("redis", || {
        let program = redis_server(places)?;
        // The whole workspace, as in the other parts: with a part of it shared crates would be built anew.
        run(cargo(places)
            .args([
                "test",
                "--workspace",
                "--locked",
                "--test",
                "redis",
                "--test",
                "agreement",
                "--",
                "--ignored",
            ])
            .env("HUBROUTER_REDIS_SERVER", program))
    });
}
