//! The log: one JSON line per event, or text for people; the level from the configuration, or `HUBROUTER_LOG`.

use std::io::IsTerminal;

use hubrouter_config::{LogFormat, LogLevel, Telemetry};
use tracing_subscriber::EnvFilter;

/// Overrides `telemetry.log.level` with a filter such as `hubrouter=debug,access=off`.
const FILTER: &str = "HUBROUTER_LOG";

/// Starts the log of this process on standard error. A second call changes nothing.
pub fn init(telemetry: &Telemetry) {
    let level = match telemetry.log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when the process has a log already.
    let _ = match telemetry.log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
}
