//! `hubrouter serve`: the router in the foreground, until a signal ends it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::cannot_run;
use crate::app::{self, AppError, Setup};
use crate::control::load;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration file; changes to it are taken while running.
    #[arg(long, env = "HUBROUTER_CONFIG", default_value = "hubrouter.yaml")]
    config: PathBuf,
}

pub(super) fn serve(args: &ServeArgs) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cannot_run(&error),
    }
}

fn run(args: &ServeArgs) -> Result<(), AppError> {
    let file = args.config.clone();
    let load = Box::new(move || load::load(&file));
    let loaded = load()?;
    app::init_logging(&loaded.config.telemetry);
    raise_descriptor_limit();
    let source = args.config.display().to_string();
    let running = app::start_loaded(loaded, Setup { load, file: Some(args.config.clone()), source })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(running.until_signalled())?;
    Ok(())
}

/// Every WebSocket takes two descriptors; the soft limit of many systems is 1,024. As far as the hard limit allows.
fn raise_descriptor_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors stays as it is"),
    }
}
