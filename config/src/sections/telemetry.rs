//! `telemetry`: logs and traces.

use crate::model::{Log, LogFormat, LogLevel, Otlp, Telemetry};
use crate::read::{At, boolean, choice, share, text};

pub(super) fn telemetry(at: &At<'_>) -> Option<Telemetry> {
    let mut keys = at.section()?;
    let defaults = Telemetry::default();
    let telemetry = Telemetry {
        log: keys.or("log", defaults.log, log),
        access_log: keys.or("access_log", defaults.access_log, boolean),
        otlp: keys.optional("otlp", otlp),
    };
    keys.finish();
    Some(telemetry)
}

fn log(at: &At<'_>) -> Option<Log> {
    use LogLevel::{Debug, Error, Info, Trace, Warn};
    let mut keys = at.section()?;
    let log = Log {
        format: keys.or("format", LogFormat::default(), choice(&[LogFormat::Json, LogFormat::Text])),
        level: keys.or("level", LogLevel::default(), choice(&[Error, Warn, Info, Debug, Trace])),
    };
    keys.finish();
    Some(log)
}

fn otlp(at: &At<'_>) -> Option<Otlp> {
    let mut keys = at.section()?;
    let endpoint = keys.required("endpoint", "write for example http://otel-collector:4317", endpoint);
    let sample = keys.or("sample", Otlp::default_sample(), share(0.0..=1.0));
    keys.finish();
    Some(Otlp { endpoint: endpoint?, sample })
}

/// A collector may stand behind a path, and may not hold a password.
fn endpoint(at: &At<'_>) -> Option<String> {
    let text = text(at)?;
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ', '?', '#']) => {
            Some(text)
        }
        _ => at.problem("not an http:// or https:// address", "write for example http://otel-collector:4317"),
    }
}
