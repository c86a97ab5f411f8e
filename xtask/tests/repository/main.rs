//! What ARCHITECTURE.md promises about the source, held against the source.
//!
//! Each test names the files and lines that break its sentence.
#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test that asks for it")]

mod source;

use std::path::Path;

use source::{File, Token, rust_files, text_files};

/// The rooms of the router, from left to right: a room may name those with a lower number, and itself.
const ROOMS: [(&str, u8); 8] = [
    ("core", 0),
    ("identify", 1),
    ("pages", 2),
    ("control", 3),
    ("proxy", 4),
    ("admin", 5),
    ("app", 6),
    ("cli", 7),
];

#[test]
fn every_source_file_opens_with_its_purpose() {
    let silent =
        rust_files("").into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path);
    assert_none("a file that does not open with `//! ` and its purpose", silent);
}

#[test]
fn core_has_no_sockets_clock_log_or_chance() {
    let outside = [
        "tokio",
        "tracing",
        "rand",
        "getrandom",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "std::fs",
        "std::process",
        "std::env",
        "std::thread",
        "SystemTime::now",
        "Instant::now",
        "hyper",
        "println",
        "eprintln",
    ];
    let mut found = Vec::new();
    for file in rust_files("router/src/core").iter().filter(|file| !file.is_test()) {
        for line in file.code_lines() {
            found.extend(
                outside
                    .iter()
                    .filter(|name| line.names(name))
                    .map(|name| format!("{}: {name}", line.place())),
            );
        }
    }
    assert_none("something from outside in `core`", found);
}

#[test]
fn the_hubs_paths_are_spelled_only_in_the_adapter() {
    // The one default that an operator may read in the configuration: where a hub says that it is well.
    let allowed = |file: &File, text: &str| file.path.starts_with("config/") && text == "/hub/health";
    let mut found = Vec::new();
    for file in [rust_files("router/src"), rust_files("config/src")].concat() {
        if file.is_test() {
            continue;
        }
        for token in file.tokens_before_tests() {
            if let Token::Text { line, text } = token
                && is_hub_path(&text)
                && !allowed(&file, &text)
            {
                found.push(format!("{}:{line}: {text:?}", file.path));
            }
        }
    }
    assert_none("a path of the hub outside of `hub-adapter`", found);
}

/// `text` holds a path below the hub's own prefix, as in `/hub/login` or `hub/api`; not the router's own pages.
fn is_hub_path(text: &str) -> bool {
    !text.contains("_hubrouter/")
        && text
            .match_indices("hub/")
            .any(|(at, _)| at == 0 || text[..at].ends_with(['/', '"', '\'', '(', '=', '}']))
}

#[test]
fn imports_between_the_rooms_of_the_router_point_to_the_left() {
    let mut found = Vec::new();
    for (room, rank) in ROOMS {
        let mut files = rust_files(&format!("router/src/{room}"));
        files.extend(
            rust_files("router/src").into_iter().filter(|file| file.path == format!("router/src/{room}.rs")),
        );
        for file in files {
            for line in file.code_lines() {
                found.extend(
                    ROOMS
                        .iter()
                        .filter(|(other, theirs)| *other != room && *theirs >= rank)
                        .filter(|(other, _)| line.names(&format!("crate::{other}")))
                        .map(|(other, _)| format!("{}: `{room}` names `{other}`", line.place())),
                );
            }
        }
    }
    assert_none("an import that points to the right", found);
}

#[test]
fn the_load_test_shares_no_reading_of_jupyterhub_with_the_router() {
    let manifest = text_files().into_iter().find(|file| file.path == "loadtest/Cargo.toml").unwrap();
    let shared = ["hubrouter-config", "hubrouter-hub-adapter"]
        .into_iter()
        .filter(|name| manifest.text.lines().any(|line| line.trim_start().starts_with(name)));
    assert_none("a dependency of `loadtest`", shared);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let checkout = format!("{}/", source::root().display());
    // Where notebook images keep their user's files is no machine of ours.
    let homes = ["/root/", "/Users/", "/home/"];
    let starts_there = |line: &str, home: &str| {
        line.match_indices(home).any(|(at, _)| {
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || "}._-".contains(before))
        })
    };
    let mut found = Vec::new();
    for file in text_files() {
        // This file spells them to look for them.
        if Path::new(&file.path) == Path::new("xtask/tests/repository/main.rs") {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let line = line.replace("/home/jovyan", "");
            if line.contains(&checkout) || homes.iter().any(|home| starts_there(&line, home)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none("a path of one machine", found);
}

#[test]
fn the_lock_of_the_node_packages_names_no_registry() {
    let lock = text_files().into_iter().find(|file| file.path == "xtask/real/package-lock.json").unwrap();
    assert_none(
        "an address in package-lock.json",
        lock.text.lines().filter(|line| line.contains("\"resolved\"")),
    );
}

fn assert_none(what: &str, found: impl IntoIterator<Item = impl ToString>) {
    let found: Vec<String> = found.into_iter().map(|one| one.to_string()).collect();
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn these_checks_see_what_they_look_for() {
    assert!(is_hub_path("/hub/login") && is_hub_path("hub/api/user") && is_hub_path("{base}hub/home"));
    assert!(!is_hub_path("/_hubrouter/hub/a") && !is_hub_path("github/actions") && !is_hub_path("the hub"));
    let file = File::new(
        "a.rs",
        "use tokio::net; // rand\nlet a = \"/hub/x\"; /* \"/hub/y\" */\n#[cfg(test)]\nmod tests {\n\"hub/z\" }",
    );
    let lines = file.code_lines();
    assert!(lines[0].names("tokio") && !lines[0].names("rand") && !lines[0].names("tok"));
    let texts: Vec<Token> =
        file.tokens_before_tests().into_iter().filter(|token| matches!(token, Token::Text { .. })).collect();
    assert_eq!(texts, [Token::Text { line: 2, text: "/hub/x".to_owned() }]);
}
