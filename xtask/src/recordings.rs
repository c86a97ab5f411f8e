//! Conversations with a real hub: records them anew, or compares one of each group with what a real hub says today.
use crate::places::Places;
use crate::report::Report;

/// What to do with the recordings.
pub enum Mode {
    /// Write them anew.
    Record,
    /// Compare.
    Compare,
}

/// Starts a real hub and runs the recorder against it.
pub fn run(_places: &Places, _mode: Mode, _report: &mut Report) {}
