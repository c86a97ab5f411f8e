//! Logs and traces: the settings.

use schemars::JsonSchema;
use serde::Serialize;

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The log, on standard error.
    pub log: Log,
    /// One log line per request.
    pub access_log: bool,
    /// Where traces and metrics are pushed; absent: off.
    pub otlp: Option<Otlp>,
}

/// The log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is worth a line.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    #[default]
    Json,
    /// For the eye.
    Text,
}

/// What is worth a log line; each level includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What somebody must look at.
    Error,
    /// What somebody may have to look at.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// Why it happened.
    Debug,
    /// Every step.
    Trace,
}

/// Push by the OpenTelemetry protocol.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Otlp {
    /// `http://` or `https://` address of the collector.
    pub endpoint: String,
    /// The share of requests that are traced, 0 to 1.
    #[schemars(default = "Otlp::default_sample", range(min = 0, max = 1))]
    pub sample: f64,
}

impl Otlp {
    pub(crate) fn default_sample() -> f64 {
        0.01
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log: Log::default(), access_log: true, otlp: None }
    }
}

impl LogLevel {
    /// The level's name as the file spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
