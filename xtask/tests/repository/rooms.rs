//! The rooms of the router: what `core` must not know, and which room may name which.

use std::fs;

use crate::assert_none;
use crate::source::{root, rust_files};

/// The rooms from left to right, and what each may import. `pages` stands beside `proxy` and sees nobody.
const ROOMS: [(&str, &[&str]); 9] = [
    ("core", &[]),
    ("identify", &["core"]),
    ("directory", &["core"]),
    ("pages", &[]),
    ("control", &["core", "identify", "directory"]),
    ("proxy", &["core", "identify", "directory", "control", "pages"]),
    ("admin", &["core", "identify", "directory", "control", "pages", "proxy"]),
    ("app", &["core", "identify", "directory", "control", "pages", "proxy", "admin"]),
    ("cli", &["core", "identify", "directory", "control", "pages", "proxy", "admin", "app"]),
];

/// What would make a decision depend on more than its arguments: crates by how they begin, the rest by their names.
const EFFECTFUL_CRATES: [&str; 5] = ["tokio", "hyper", "tracing", "getrandom", "notify"];
const EFFECTS: [&str; 17] = [
    "rand",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
    "RandomState",
];

#[test]
fn core_decides_without_sockets_clock_log_or_chance() {
    let mut found = Vec::new();
    for file in rust_files("router/src/core").iter().filter(|file| !file.is_test()) {
        for line in file.code_lines() {
            let crates = EFFECTFUL_CRATES.iter().filter(|name| line.begins(name));
            let names = EFFECTS.iter().filter(|name| line.names(name));
            found.extend(crates.chain(names).map(|name| format!("{}: {name}", line.place())));
        }
    }
    assert_none("time, chance and everything outside come into `core` as arguments", found);
}

#[test]
fn imports_point_to_the_left_only() {
    let mut found = Vec::new();
    for (room, may) in ROOMS {
        for file in rust_files("router/src").iter().filter(|file| is_of(&file.path, room)) {
            for line in file.code_lines() {
                let others = ROOMS.iter().filter(|(other, _)| *other != room && !may.contains(other));
                let named = others.filter(|(other, _)| line.names(&format!("crate::{other}")));
                found.extend(named.map(|(other, _)| format!("{}: `{room}` names `{other}`", line.place())));
                if line.begins("crate::{") {
                    found.push(format!("{}: a room is named in full, `crate::<room>`", line.place()));
                }
            }
        }
    }
    assert_none("a room knows only the rooms to its left", found);
}

/// A file of the room: below its folder, or the room's only one.
fn is_of(path: &str, room: &str) -> bool {
    path.starts_with(&format!("router/src/{room}/")) || path == format!("router/src/{room}.rs")
}

#[test]
fn no_room_is_forgotten_here() {
    let entries = fs::read_dir(root().join("router/src")).unwrap().map(|entry| entry.unwrap().path());
    let mut rooms: Vec<String> = entries
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    rooms.sort();
    let mut known = ROOMS.map(|(room, _)| room);
    known.sort_unstable();

    assert_eq!(rooms, known);
}
