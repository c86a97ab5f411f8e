//! The `hubrouter` binary: hands the command line to [`hubrouter::cli`] and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hubrouter::cli::main()
}
