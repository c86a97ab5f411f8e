//! The invariants of ARCHITECTURE.md that can be read from the sources.
//!
//! What holds while the router runs is tested beside the code that makes it hold.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from left to right, and what each may import. `pages` stands beside `proxy` and sees nobody.
const ROOMS: [(&str, &[&str]); 8] = [
    ("core", &[]),
    ("identify", &["core"]),
    ("pages", &[]),
    ("control", &["core", "identify"]),
    ("proxy", &["core", "identify", "control", "pages"]),
    ("admin", &["core", "identify", "control", "pages", "proxy"]),
    ("app", &["core", "identify", "control", "pages", "proxy", "admin"]),
    ("cli", &["core", "identify", "control", "pages", "proxy", "admin", "app"]),
];

/// What would make a decision depend on more than its arguments.
const EFFECTS: [&str; 14] = [
    "tokio",
    "hyper",
    "tracing",
    "getrandom",
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "println!",
    "RandomState",
];

/// JupyterHub's addresses, as they begin.
const PATHS: [&str; 3] = ["/hub/", "\"hub/", "/user/"];

struct Source {
    /// Below the top of the repository.
    path: String,
    text: String,
}

impl Source {
    /// Lines of code with their numbers: no comments, and nothing from the file's tests on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"));
        lines
            .enumerate()
            .map(|(at, line)| (at + 1, without_comment(line)))
            .filter(|(_, line)| !line.trim().is_empty())
    }

    /// Whether the whole file is there for tests.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        self.path.contains("/tests/") || name.starts_with("test") || name.ends_with("tests.rs")
    }
}

fn without_comment(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        false => line.split(" // ").next().unwrap_or_default(),
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below `folder` of the repository, in a fixed order.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&top().join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder} has no sources: these tests look in the wrong place");
    found.iter().map(|path| read(path)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    Source { path: path.strip_prefix(top()).unwrap().to_str().unwrap().replace('\\', "/"), text }
}

#[track_caller]
fn none(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}:\n{}", violations.join("\n"));
}

#[test]
fn every_file_opens_with_its_purpose() {
    let crates = ["config", "hub-adapter", "router", "loadtest", "xtask"];
    let silent: Vec<_> = crates
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|source| !source.text.starts_with("//! ") || source.text.lines().next().unwrap().len() < 20)
        .map(|source| source.path)
        .collect();

    none(&silent, "a file opens with `//!` and what it is for");
}

#[test]
fn core_decides_without_sockets_clock_log_or_chance() {
    let mut violations = Vec::new();
    for source in sources("router/src/core").iter().filter(|source| !source.is_test()) {
        for (at, line) in source.code() {
            let effect = EFFECTS.iter().find(|effect| line.contains(**effect));
            violations.extend(effect.map(|effect| format!("{}:{at}: {effect}", source.path)));
        }
    }

    none(&violations, "time, chance and everything outside come into `core` as arguments");
}

#[test]
fn the_paths_of_a_hub_are_spelled_in_hub_adapter_only() {
    let mut violations = Vec::new();
    for source in
        sources("router/src").iter().chain(&sources("config/src")).filter(|source| !source.is_test())
    {
        for (at, line) in source.code() {
            // The path of the probe is a default of the configuration, which operators may change.
            let line = line.replace("_hubrouter/hub/", "").replace("\"/hub/health\"", "");
            let spelled = PATHS.iter().find(|path| line.contains(**path));
            violations.extend(spelled.map(|path| format!("{}:{at}: {path}", source.path)));
        }
    }

    none(&violations, "ask `hub_adapter` for the address");
}

#[test]
fn imports_point_to_the_left_only() {
    let mut violations = Vec::new();
    for (room, may) in ROOMS {
        for source in sources(&format!("router/src/{room}")).iter().filter(|source| !source.is_test()) {
            for (at, line) in source.code() {
                for (other, _) in ROOMS.iter().filter(|(other, _)| *other != room && !may.contains(other)) {
                    if line.contains(&format!("crate::{other}")) {
                        violations.push(format!("{}:{at}: {room} imports {other}", source.path));
                    }
                }
            }
        }
    }

    none(&violations, "a room knows only the rooms to its left");
}

#[test]
fn no_room_is_forgotten_here() {
    let folders = fs::read_dir(top().join("router/src")).unwrap().map(|entry| entry.unwrap().path());
    let mut rooms: Vec<_> = folders
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    rooms.sort();
    let mut known: Vec<_> = ROOMS.iter().map(|(room, _)| *room).collect();
    known.sort_unstable();

    assert_eq!(rooms, known);
}

#[test]
fn the_simulated_hub_is_a_second_reading_of_jupyterhub_and_shares_no_type_with_the_first() {
    let manifest = fs::read_to_string(top().join("loadtest/Cargo.toml")).unwrap();

    for foreign in ["hubrouter-hub-adapter", "hubrouter-config"] {
        assert!(!manifest.contains(foreign), "loadtest depends on {foreign}");
    }
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let page = fs::read_to_string(top().join("ARCHITECTURE.md")).unwrap();
    let is_test = |word: &&str| {
        word.matches('_').count() >= 3
            && word.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
    };
    let named: Vec<_> = page.split('`').filter(is_test).collect();
    let crates = ["config", "hub-adapter", "router", "loadtest"];
    let code: String = crates.iter().flat_map(|folder| sources(folder)).map(|source| source.text).collect();
    let missing: Vec<_> =
        named.iter().filter(|name| !code.contains(&format!("fn {name}("))).map(ToString::to_string).collect();

    assert!(named.len() > 20, "the table of invariants is not read any more: {named:?}");
    none(&missing, "no such test");
}

#[test]
fn what_the_documents_link_to_exists() {
    let mut missing = Vec::new();
    for page in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "deploy/README.md"]
    {
        let text = fs::read_to_string(top().join(page)).unwrap();
        let folder = top().join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !link.starts_with("http") && !folder.join(file).exists() {
                missing.push(format!("{page}: {link}"));
            }
        }
    }

    none(&missing, "a document links to what is not there");
}
