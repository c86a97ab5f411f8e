//! Recorded conversations with a real hub: writes them anew, or compares one of each group with what a real hub says
//! today.
//!
//! What is said and compared is `hubrouter-loadtest`'s affair; this starts it between real hubs.

use std::process::{Command, Stdio};

use crate::places::Places;
use crate::real;
use crate::report::Report;

/// What to do with the recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Write all of them anew.
    Record,
    /// Play one of each group and tell the differences.
    Compare,
}

/// Starts real hubs and lets the recorder talk to them.
pub fn play(places: &Places, mode: Mode, report: &mut Report) {
    if !real::build(places, report) {
        return;
    }
    let word = match mode {
        Mode::Record => "record",
        Mode::Compare => "compare",
    };
    report.part("recordings", || {
        let mut script = script(places, word)?.spawn().map_err(|error| format!("python3: {error}"))?;
        // Held until the script has ended: a closed pipe tells the keeper that nobody waits any more.
        let pipe = script.stdin.take();
        let status = script.wait().map_err(|error| error.to_string())?;
        drop(pipe);
        if status.success() { Ok(()) } else { Err(format!("see above, and {}", places.output().display())) }
    });
}

fn script(places: &Places, word: &str) -> Result<Command, String> {
    let mut command = real::kept(places, "browser/recordings.mjs", word, "recordings")?;
    command.env("REAL_LOADTEST", places.root.join("target/debug/hubrouter-loadtest")).stdin(Stdio::piped());
    Ok(command)
}
