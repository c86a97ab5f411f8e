//! The command line.

use std::process::ExitCode;

pub mod findings;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
