//! A configuration, judged twice in one go: by `config`, whether it is right; here, whether this release can do it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hubrouter_config::{Loaded, Problem, Problems, ProcessSources, Reading, Sources};

use super::certificates;

/// Why a configuration is not taken.
#[derive(Debug)]
pub struct Refusal {
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
    /// The files that it names: when one of them changes, it may be right.
    pub files: Vec<PathBuf>,
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        let files = problems.files().to_vec();
        Self { problems: problems.into_vec(), files }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Loads a configuration file for this release.
///
/// # Errors
///
/// Everything that is wrong with it, and everything that this release cannot do, at once.
pub fn load(path: &Path) -> Result<Loaded, Refusal> {
    hubrouter_config::load_judged(path, &ProcessSources, &for_this_release).map_err(Refusal::from)
}

/// Reads the text of a configuration file for this release; `file` is its name in findings.
///
/// # Errors
///
/// As [`load`].
pub fn parse(text: &str, file: &str, sources: &dyn Sources) -> Result<Loaded, Refusal> {
    hubrouter_config::parse_judged(text, file, sources, &for_this_release).map_err(Refusal::from)
}

/// Refuses what this release does not do, and warns of what it passes over: silence would be a promise.
pub fn for_this_release(reading: &Reading<'_>) {
    certificates::judge(reading, SystemTime::now());
    if reading.has("telemetry.otlp") {
        not_yet(reading, "telemetry.otlp", "tracing over OTLP", "leave the key out");
    }
    without_effect(reading);
    with_half_an_effect(reading);
    forgetful(reading);
    before_a_second_hub_joins(reading);
}

fn not_yet(reading: &Reading<'_>, key: &str, what: &str, hint: &str) {
    reading.problem(key, format!("{what} is not in this release"), hint);
}

/// Keys that may stand in a file for the releases to come, and do nothing yet.
fn without_effect(reading: &Reading<'_>) {
    let key = "admin.metrics";
    if reading.has(key) {
        reading.warn(key, "has no effect in this release", "do not count on it; it may stay for later ones");
    }
}

/// A directory that ends with the process takes drains, pins and assignments with it.
fn forgetful(reading: &Reading<'_>) {
    let lasts = reading.text("directory.kind") == Some("redis") || reading.has("directory.file");
    if !lasts && reading.count("hubs") > 1 {
        reading.warn(
            "directory",
            "drains, pins and assignments end with this process",
            "set directory: {file: ...} for one replica, or directory: {kind: redis, ...} for several",
        );
    }
}

/// Keys that are kept in some places and not yet in all that their description names.
fn with_half_an_effect(reading: &Reading<'_>) {
    let partly = [("timeouts.stream_idle", "concerns only WebSockets, not event streams")];
    for (key, what) in partly.into_iter().filter(|(key, _)| reading.has(key)) {
        reading.warn(key, format!("in this release it {what}"), "do not count on the rest yet");
    }
}

/// A second hub makes names of cookies move; what of the first one's sessions then is remembered with the active placement.
fn before_a_second_hub_joins(reading: &Reading<'_>) {
    let lasts = reading.text("directory.kind") == Some("redis") || reading.has("directory.file");
    if lasts || reading.count("hubs") != 1 || reading.has("site.adopt_sessions_of") {
        return;
    }
    if let Some(id) = reading.text("hubs[0].id") {
        reading.warn(
            "site.adopt_sessions_of",
            "when a second hub joins, people stay logged in only as long as this process runs",
            format!(
                "before that, set site: {{adopt_sessions_of: {id}}}, and remove it after session.lifetime"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "hubs:\n  - {id: a, url: 'http://127.0.0.1:1'}\n";

    fn judged(text: &str) -> Result<Loaded, Refusal> {
        let text = if text.contains("hubs:") { text.to_owned() } else { format!("{HUB}{text}") };
        parse(&text, "t.yaml", &hubrouter_config::FixedSources::default())
    }

    fn places(found: Vec<Problem>) -> Vec<String> {
        found.into_iter().map(|problem| format!("{}:{}", problem.line, problem.key)).collect()
    }

    fn refused(text: &str) -> Vec<String> {
        judged(text).map_or_else(|refusal| places(refusal.problems), |_| Vec::new())
    }

    /// Where the file is warned of a key without effect.
    fn idle(text: &str) -> Vec<String> {
        let warnings = judged(text).expect("a file without mistakes").warnings;
        places(warnings.into_iter().filter(|warning| warning.message.contains("no effect")).collect())
    }

    #[test]
    fn what_this_release_does_is_not_refused() {
        assert_eq!(refused(""), Vec::<String>::new());
        let off = "listen: [{address: '127.0.0.1:1', h2c: true, proxy_protocol: true}]\nsite: {public_url: 'https://s.example', hsts: 1d, \
            trusted_proxies: [127.0.0.1]}\nplacement: {load_bound: 0}\n";
        assert_eq!(refused(off), Vec::<String>::new());
    }

    #[test]
    fn what_this_release_does_not_do_is_refused_where_it_stands() {
        assert_eq!(refused("telemetry: {otlp: {endpoint: 'http://o:4317'}}\n"), ["3:telemetry.otlp"]);
    }

    #[test]
    fn what_is_wrong_and_what_is_not_in_this_release_is_told_in_one_go() {
        let found = refused(
            "workers: many\nlisten:\n  - {address: '127.0.0.1:1', tls: {certificates: []}}\n  - {address: nowhere, h2c: maybe}\n\
             hubs:\n  - {id: a, url: 'http://h.example', wieght: 2}\ntelemetry: {otlp: {endpoint: 'http://o:4317'}}\n",
        );
        for place in [
            "1:workers",
            "3:listen[0].tls.certificates",
            "4:listen[1].address",
            "4:listen[1].h2c",
            "6:hubs[0].wieght",
            "7:telemetry.otlp",
        ] {
            assert!(found.iter().any(|found| found == place), "{place}: {found:?}");
        }
    }

    #[test]
    fn a_key_that_does_nothing_yet_is_pointed_out_where_it_is_set() {
        assert_eq!(idle(""), Vec::<String>::new());
        assert_eq!(idle("limits: {connections: 0, uri_bytes: 8KiB}\n"), Vec::<String>::new());
        assert_eq!(idle("limits:\n  connections: 10\n  connections_per_client: 5\n"), Vec::<String>::new());
        assert_eq!(idle("timeouts: {request_head: 10s}\n"), Vec::<String>::new());
        assert_eq!(idle("admin: {metrics: open}\n").len(), 1);
    }

    #[test]
    fn a_key_that_is_not_kept_everywhere_yet_says_where_it_is() {
        let told = |text: &str| judged(text).unwrap().warnings;
        let found = told("timeouts: {body_progress: 30s, stream_idle: 1h, idle: 75s}\n");
        let partly: Vec<_> =
            found.into_iter().filter(|warning| warning.message.contains("it concerns only")).collect();
        assert_eq!(places(partly), ["3:timeouts.stream_idle"]);
    }

    #[test]
    fn a_site_whose_directory_ends_with_the_process_is_told_what_that_takes_along() {
        let told = |text: &str| {
            let warnings = judged(text).unwrap().warnings;
            warnings.iter().any(|warning| warning.message.contains("end with this process"))
        };
        let two = "hubs: [{id: a, url: 'http://a'}, {id: b, url: 'http://b'}]\n";
        assert!(told(two) && !told(""));
        assert!(!told(&format!("{two}directory: {{file: d.json}}\n")));
    }

    #[test]
    fn a_site_of_one_hub_is_told_what_keeps_people_logged_in_when_it_grows() {
        let told = |text: &str| {
            let warnings = judged(text).unwrap().warnings;
            warnings.iter().any(|warning| warning.key == "site.adopt_sessions_of")
        };
        assert!(told(""));
        assert!(!told("site: {adopt_sessions_of: a}\n"));
        assert!(!told("hubs: [{id: a, url: 'http://a'}, {id: b, url: 'http://b'}]\n"));
    }
}
