//! Real hubs behind the router, driven by a real browser: starts the scripts of `xtask/real`, passes on one line per
//! behaviour, and fails for every required name that did not come.
//!
//! What is clicked and expected stands in `xtask/real/browser`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::ValueEnum;

use crate::command;
use crate::install::{browser, redis_server};
use crate::places::Places;
use crate::quick::cargo;
use crate::report::Report;

/// A set of hubs and a router with one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Site {
    /// Two hubs whose users log in by form.
    Form,
    /// Two hubs whose users log in at an OAuth provider.
    Oauth,
    /// One hub runs the older JupyterHub.
    Versions,
    /// The site lives below a path.
    Prefix,
    /// Hubs die, are drained and join, under two routers that share a Redis.
    Failover,
    /// What the census costs a hub with 5,000 users: twenty minutes, and no part of other runs.
    Census,
}

/// How long the router of the failover run takes for what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Times {
    /// A tenth of its defaults: three minutes.
    Tenth,
    /// Its defaults: 25 minutes.
    Default,
}

/// What the real runs are made with.
pub struct With {
    /// The router; none: the one of this repository, built.
    pub router: Option<PathBuf>,
    /// Its times in the failover run.
    pub times: Times,
}

impl Site {
    /// What runs where none is named.
    pub const USUAL: [Self; 5] = [Self::Form, Self::Oauth, Self::Versions, Self::Prefix, Self::Failover];

    fn name(self) -> &'static str {
        match self {
            Site::Form => "form",
            Site::Oauth => "oauth",
            Site::Versions => "versions",
            Site::Prefix => "prefix",
            Site::Failover => "failover",
            Site::Census => "census",
        }
    }
}

/// Runs `sites` one after the other.
pub fn run(places: &Places, sites: &[Site], with: With, report: &mut Report) {
    let built = places.root.join("target/debug/hubrouter");
    let router = match with.router {
        Some(given) => given,
        None if build(places, report) => built,
        None => return,
    };
    for site in sites {
        let began = Instant::now();
        if let Err(problem) = run_site(places, *site, &router, with.times, report) {
            report.failed(&format!("real site {}", site.name()), &problem);
        }
        report.took(&format!("real site {}", site.name()), began.elapsed());
    }
    println!("logs and pictures: {}", places.output().display());
}

/// Builds the programs that the real runs start. With the whole workspace: a part of it would build shared crates anew.
pub fn build(places: &Places, report: &mut Report) -> bool {
    report.part("build", || command::run(cargo(places).args(["build", "--workspace", "--bins", "--locked"])))
}

fn run_site(
    places: &Places,
    site: Site,
    router: &Path,
    times: Times,
    report: &mut Report,
) -> Result<(), String> {
    println!("==> real site {}", site.name());
    let mut missing = required(places, site.name())?;
    let mut script =
        script(places, site, router, times)?.spawn().map_err(|error| format!("python3: {error}"))?;
    let lines = script.stdout.take().ok_or("the script's output is a pipe")?;
    for line in BufReader::new(lines).lines() {
        let line = line.map_err(|error| error.to_string())?;
        println!("{line}");
        let Some(behaviour) = Behaviour::read(&line) else { continue };
        if missing.remove(behaviour.name) {
            report.count(behaviour.name, behaviour.passed);
        } else if behaviour.passed {
            report.failed(behaviour.name, "it is not listed in xtask/real/behaviours.json, or came twice");
        } else {
            report.count(behaviour.name, false);
        }
    }
    script.wait().map_err(|error| error.to_string())?;
    for name in missing {
        report.failed(&name, "the run did not come to it");
    }
    Ok(())
}

fn script(places: &Places, site: Site, router: &Path, times: Times) -> Result<Command, String> {
    let mut command = kept(places, "browser/run.mjs", site.name(), site.name())?;
    command
        .env("REAL_ROUTER", router)
        .env("REAL_CHROMIUM", browser(places)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if site == Site::Failover {
        let times = times.to_possible_value().ok_or("a value of `times` has a name")?;
        command.env("REAL_REDIS", redis_server(places)?).env("REAL_TIMES", times.get_name());
    }
    Ok(command)
}

/// The command that runs `script WORD` below the keeper, with the output of its last run, `name`, removed.
///
/// Its standard input has to be a pipe from this process: when this process is gone, the pipe closes, and the keeper
/// ends everything the script has started.
pub fn kept(places: &Places, script: &str, word: &str, name: &str) -> Result<Command, String> {
    for kind in ["logs", "screenshots", "state"] {
        let old = places.output().join(kind).join(name);
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|error| format!("{}: {error}", old.display()))?;
        }
    }
    let mut command = Command::new("python3");
    command
        .arg(places.scripts().join("keeper.py"))
        .arg("node")
        .args([places.scripts().join(script), word.into()])
        .env("REAL_PARTS", &places.parts)
        .env("REAL_OUTPUT", places.output())
        .current_dir(&places.root);
    Ok(command)
}

/// The names that must come for `site`.
fn required(places: &Places, site: &str) -> Result<BTreeSet<String>, String> {
    let file = places.scripts().join("behaviours.json");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let all: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("behaviours.json: {error}"))?;
    let names =
        all[site].as_array().ok_or_else(|| format!("behaviours.json does not name the site {site}"))?;
    Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// A behaviour's line: `ok      NAME (1.2 s)` or `FAILED  NAME: why`.
#[derive(Debug, PartialEq, Eq)]
struct Behaviour<'a> {
    name: &'a str,
    passed: bool,
}

impl<'a> Behaviour<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("ok      ") {
            let name = rest.rsplit_once(" (").map_or(rest, |(name, _time)| name);
            return Some(Self { name, passed: true });
        }
        let rest = line.strip_prefix("FAILED  ")?;
        Some(Self { name: rest.split_once(": ").map_or(rest, |(name, _why)| name), passed: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviours_name_is_read_without_its_time_or_its_problem() {
        let passed = Behaviour::read("ok      each opens JupyterLab (4.2 s)");
        let failed = Behaviour::read("FAILED  each opens JupyterLab: timeout (30 s): no page");

        assert_eq!(passed, Some(Behaviour { name: "each opens JupyterLab", passed: true }));
        assert_eq!(failed, Some(Behaviour { name: "each opens JupyterLab", passed: false }));
        assert_eq!(Behaviour::read("a warning of Node"), None);
    }

    #[test]
    fn every_site_has_its_list_of_required_names_and_its_script() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf();
        let places = Places { parts: root.join(".parts"), root };
        for site in Site::value_variants() {
            assert!(required(&places, site.name()).unwrap().len() > 3, "{}", site.name());
            assert!(places.scripts().join(format!("browser/sites/{}.mjs", site.name())).is_file());
        }
    }
}
