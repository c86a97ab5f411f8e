//! Installs what the real-hub run needs, at pinned versions, each into its own folder below the parts folder.
//!
//! A stamp beside each folder holds what was asked for, so a second run installs nothing. What the system must bring
//! itself (Python, Node, Chromium, Redis) is looked for on the search path; only Chromium and Redis are installed, and only by root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{is_root, on_path, output, run_logged};
use crate::places::Places;
use crate::report::Report;

/// Chromium under any of its names.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// One thing to install: what it is called, and how.
struct Piece {
    name: &'static str,
    install: fn(&Places) -> Result<(), String>,
}

const PIECES: [Piece; 4] = [
    Piece { name: "JupyterHub 6.1.1", install: |places| python_environment(places, "hub-6") },
    Piece { name: "JupyterHub 5.5.4", install: |places| python_environment(places, "hub-5") },
    Piece { name: "configurable-http-proxy and playwright-core", install: node_packages },
    Piece { name: "Chromium", install: |places| browser(places).map(|_| ()) },
];

/// Installs what is missing, side by side. Says whether everything is there now.
pub fn all(places: &Places, report: &mut Report) -> bool {
    println!("==> install (logs in {})", logs(places).display());
    let results: Vec<(&str, Duration, Result<(), String>)> = thread::scope(|scope| {
        let running: Vec<_> = PIECES
            .iter()
            .map(|piece| {
                scope.spawn(move || {
                    let began = Instant::now();
                    let result = (piece.install)(places);
                    (piece.name, began.elapsed(), result)
                })
            })
            .collect();
        running.into_iter().map(|piece| piece.join().expect("an installer returns its failures")).collect()
    });
    let mut complete = true;
    for (name, time, result) in results {
        report.took(&format!("install {name}"), time);
        match result {
            Ok(()) => report.passed(&format!("install {name}")),
            Err(problem) => {
                complete = false;
                report.failed(&format!("install {name}"), &problem);
            }
        }
    }
    complete
}

/// Chromium's program, installed if need be.
///
/// # Errors
///
/// A sentence that names the package to install.
pub fn browser(places: &Places) -> Result<PathBuf, String> {
    if let Some(found) = on_path(&BROWSERS) {
        return Ok(found);
    }
    if !may_install() {
        return Err("no Chromium on the search path: install the package `chromium`".to_owned());
    }
    apt_install(places, "chromium", &["chromium", "fonts-liberation"])?;
    on_path(&BROWSERS).ok_or_else(|| "the package `chromium` brought no program of a known name".to_owned())
}

/// The program redis-server, which is a sentinel, too; installed if need be.
///
/// # Errors
///
/// A sentence that names the package to install.
pub fn redis_server(places: &Places) -> Result<PathBuf, String> {
    const PROGRAM: [&str; 1] = ["redis-server"];
    if let Some(found) = on_path(&PROGRAM) {
        return Ok(found);
    }
    if !may_install() {
        return Err("no redis-server on the search path: install the package `redis-server`".to_owned());
    }
    apt_install(places, "redis-server", &PROGRAM)?;
    on_path(&PROGRAM).ok_or_else(|| "the package `redis-server` brought no program of this name".to_owned())
}

/// Packages of the system are installed by root only, and only where this knows how.
fn may_install() -> bool {
    is_root() && on_path(&["apt-get"]).is_some()
}

/// Installs packages of the system, for the sake of `wanted`.
fn apt_install(places: &Places, wanted: &str, packages: &[&str]) -> Result<(), String> {
    let apt = |arguments: &[&str], log: &str| {
        run_logged(
            Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"),
            &logs(places).join(log),
        )
        .map_err(|problem| format!("the package `{wanted}` could not be installed: {problem}"))
    };
    apt(&["update", "--quiet"], "apt-update.log")?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&install, packages].concat(), &format!("{wanted}.log"))
}

/// The environment `name`, as `xtask/real/<name>.txt` asks for it.
fn python_environment(places: &Places, name: &str) -> Result<(), String> {
    let wanted = places.scripts().join(format!("{name}.txt"));
    let constraints = places.scripts().join("constraints.txt");
    let python = python()?;
    let folder = places.parts.join(name);
    // An environment holds its own path and its Python's version.
    let stamp =
        Stamp::of(places, name, &[&wanted, &constraints], &[&folder.display().to_string(), &python.version])?;
    if stamp.stands() && folder.join("bin/jupyterhub").is_file() {
        return Ok(());
    }
    stamp.lift()?;
    run_logged(
        Command::new(&python.program).args(["-m", "venv", "--clear"]).arg(&folder),
        &logs(places).join(format!("{name}-venv.log")),
    )
    .map_err(|problem| format!("{problem}\n(on Debian the package `python3-venv` brings this)"))?;
    run_logged(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--disable-pip-version-check", "--no-input", "--only-binary=:all:", "-r"])
            .arg(&wanted),
        &logs(places).join(format!("{name}.log")),
    )?;
    stamp.set()
}

/// The packages of `xtask/real/package-lock.json`.
fn node_packages(places: &Places) -> Result<(), String> {
    let version = output(Command::new("node").arg("--version"))
        .ok_or("no `node` on the search path: install Node.js 20 or newer (package `nodejs`)")?;
    let major: u32 =
        version.trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    if major < 20 {
        return Err(format!("Node.js {version} is too old: 20 or newer is needed (package `nodejs`)"));
    }
    let files = ["package.json", "package-lock.json", ".npmrc"];
    let sources = files.map(|file| places.scripts().join(file));
    let stamp = Stamp::of(places, "node", &sources.each_ref().map(PathBuf::as_path), &[])?;
    if stamp.stands() && places.node().join("node_modules/playwright-core").is_dir() {
        return Ok(());
    }
    stamp.lift()?;
    fs::create_dir_all(places.node()).map_err(|error| format!("{}: {error}", places.node().display()))?;
    for (file, source) in files.iter().zip(&sources) {
        fs::copy(source, places.node().join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    run_logged(
        Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(places.node()),
        &logs(places).join("node.log"),
    )?;
    stamp.set()
}

struct Python {
    program: PathBuf,
    version: String,
}

/// A Python that is new enough for the pinned packages.
fn python() -> Result<Python, String> {
    let program = on_path(&["python3"])
        .ok_or("no `python3` on the search path: install Python 3.11 or newer (package `python3`)")?;
    let ask = "import sys; print('.'.join(map(str, sys.version_info[:2])), int(sys.version_info >= (3, 11)))";
    let answer = output(Command::new(&program).args(["-c", ask])).ok_or("`python3` does not run")?;
    match answer.split_once(' ') {
        Some((version, "1")) => Ok(Python { program, version: version.to_owned() }),
        _ => Err(format!("Python {answer} is too old: 3.11 or newer is needed (package `python3`)")),
    }
}

fn logs(places: &Places) -> PathBuf {
    places.parts.join("install-logs")
}

/// What an installed folder was made from. It stands only after the installation has ended well.
struct Stamp {
    file: PathBuf,
    text: String,
}

impl Stamp {
    fn of(places: &Places, name: &str, sources: &[&Path], facts: &[&str]) -> Result<Self, String> {
        let mut text = facts.iter().map(|fact| format!("{fact}\n")).collect::<String>();
        for source in sources {
            text += &fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
        }
        Ok(Self { file: places.parts.join(format!("{name}.stamp")), text })
    }

    fn stands(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|text| text == self.text)
    }

    fn lift(&self) -> Result<(), String> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", self.file.display()))
            }
            _ => Ok(()),
        }
    }

    fn set(&self) -> Result<(), String> {
        fs::write(&self.file, &self.text).map_err(|error| format!("{}: {error}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_stands_only_for_what_it_was_set_for() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pins = folder.join("pins.txt");
        let places = Places { root: folder.clone(), parts: folder.clone() };
        fs::write(&pins, "jupyterhub==6.1.1").unwrap();
        let stamp = Stamp::of(&places, "hub", &[&pins], &["3.11"]).unwrap();
        assert!(!stamp.stands());

        stamp.set().unwrap();

        assert!(Stamp::of(&places, "hub", &[&pins], &["3.11"]).unwrap().stands());
        assert!(!Stamp::of(&places, "hub", &[&pins], &["3.12"]).unwrap().stands());
        fs::write(&pins, "jupyterhub==6.1.2").unwrap();
        assert!(!Stamp::of(&places, "hub", &[&pins], &["3.11"]).unwrap().stands());
        fs::remove_dir_all(&folder).unwrap();
    }
}
