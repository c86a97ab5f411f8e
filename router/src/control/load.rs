//! A configuration, judged twice: by `config`, whether it is right; by the router, whether this release can do it.

use std::fmt;
use std::path::PathBuf;

use hubrouter_config::{Loaded, Problem, Problems};

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

/// Refuses what is right but not in this release.
///
/// # Errors
///
/// Everything that this release cannot do, at once.
pub fn for_this_release(loaded: Loaded) -> Result<Loaded, Refusal> {
    let problems = not_in_this_release(&loaded);
    if problems.is_empty() {
        return Ok(loaded);
    }
    Err(Refusal { problems, files: loaded.files })
}

/// What the configuration asks for that this release does not do: silence would be a promise.
#[must_use]
pub fn not_in_this_release(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    let mut found = Vec::new();
    let mut refuse = |key: String, what: &str, hint: &str| {
        found.push(loaded.problem_at(&key, format!("{what} is not in this release"), hint));
    };
    for (at, listen) in config.listen.iter().enumerate() {
        let key = |name: &str| format!("listen[{at}].{name}");
        if listen.tls.is_some() {
            refuse(
                key("tls"),
                "TLS",
                "let the load balancer in front do it, and set site.public_url and site.trusted_proxies",
            );
        }
        if listen.redirect_to_https {
            refuse(key("redirect_to_https"), "the redirect to https", "let the load balancer in front do it");
        }
        if listen.proxy_protocol {
            refuse(key("proxy_protocol"), "the PROXY protocol", "let the load balancer send X-Forwarded-For");
        }
        if listen.h2c {
            refuse(key("h2c"), "HTTP/2", "leave the key out");
        }
    }
    for (at, hub) in config.hubs.iter().enumerate() {
        let key = |name: &str| format!("hubs[{at}].{name}");
        let https = |url: &hubrouter_config::HubUrl| url.scheme() == hubrouter_config::Scheme::Https;
        if https(&hub.url) || hub.hub_url.as_ref().is_some_and(https) || hub.tls.is_some() {
            refuse(key("url"), "TLS to hubs", "use an http address inside the cluster");
        }
        if matches!(hub.intent, hubrouter_config::Intent::Cordoned | hubrouter_config::Intent::Draining) {
            refuse(key("intent"), "moving users away from a hub", "use active or maintenance");
        }
    }
    if config.site.hsts.is_some() {
        refuse("site.hsts".into(), "HSTS", "let the load balancer in front send it");
    }
    if matches!(config.directory, hubrouter_config::Directory::Redis(_)) {
        refuse("directory.kind".into(), "the redis directory", "run one replica with kind: memory");
    }
    if config.placement.load_bound > 0.0 {
        refuse("placement.load_bound".into(), "the load bound", "leave the key out, or set 0");
    }
    if config.telemetry.otlp.is_some() {
        refuse("telemetry.otlp".into(), "tracing over OTLP", "leave the key out");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<String> {
        let hub = "hubs:\n  - {id: a, url: 'http://127.0.0.1:1'}\n";
        let text = if text.contains("hubs:") { text.to_owned() } else { format!("{hub}{text}") };
        let loaded = hubrouter_config::parse(&text, "t.yaml", &hubrouter_config::FixedSources::default())
            .expect("right as such");
        not_in_this_release(&loaded)
            .into_iter()
            .map(|problem| format!("{}:{}", problem.line, problem.key))
            .collect()
    }

    #[test]
    fn what_this_release_does_is_not_refused() {
        assert_eq!(refused(""), Vec::<String>::new());
    }

    #[test]
    fn what_this_release_does_not_do_is_refused_where_it_stands() {
        assert_eq!(refused("site: {public_url: 'https://s.example', hsts: 1d}\n"), ["3:site.hsts"]);
        assert_eq!(refused("placement: {load_bound: 1.25}\n"), ["3:placement.load_bound"]);
        assert_eq!(refused("hubs:\n  - {id: a, url: 'https://h.example'}\n"), ["2:hubs[0].url"]);
        assert_eq!(
            refused("hubs:\n  - {id: a, url: 'http://127.0.0.1:1', intent: draining}\n"),
            ["2:hubs[0].intent"]
        );
    }
}
