//! The `hubrouter` binary: hands the command line to [`hubrouter::cli`] and returns its exit code.

use std::process::ExitCode;

/// Many small allocations per request, freed by the thread that made them: what mimalloc is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hubrouter::cli::main()
}
