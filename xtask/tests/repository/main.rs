//! What ARCHITECTURE.md, CONTRIBUTING.md and SECURITY.md promise about the source, held against the source.
//!
//! Each test names the files and lines that break its sentence. What holds while the router runs is tested beside the
//! code that makes it hold.
#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test that asks for it")]

mod documents;
mod rooms;
mod source;

use source::{File, Token, rust_files, text_files};

/// Spells what is looked for, to look for it.
const THIS_FILE: &str = "xtask/tests/repository/main.rs";

#[test]
fn every_file_opens_with_its_purpose() {
    // Twenty characters are no sentence, but fewer are none for certain.
    let opens = |file: &File| {
        file.text.starts_with("//! ") && file.text.lines().next().is_some_and(|line| line.len() >= 20)
    };
    let silent = rust_files("").into_iter().filter(|file| !opens(file)).map(|file| file.path);
    assert_none("a file that does not open with `//! ` and its purpose", silent);
}

#[test]
fn the_paths_of_a_hub_are_spelled_in_hub_adapter_only() {
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

/// `text` holds a path of a hub or of what stands behind its proxy, as in `/hub/login`, `hub/api` or `/user/ada`; the
/// router's own pages aside.
fn is_hub_path(text: &str) -> bool {
    let text = text.replace("_hubrouter/hub/", "");
    ["hub/", "user/"].iter().any(|beginning| {
        text.match_indices(beginning)
            .any(|(at, _)| at == 0 || text[..at].ends_with(['/', '"', '\'', '(', '=', '}']))
    })
}

#[test]
fn the_simulated_hub_is_a_second_reading_of_jupyterhub_and_shares_no_type_with_the_first() {
    let manifest = text_files().into_iter().find(|file| file.path == "loadtest/Cargo.toml").unwrap();
    let shared =
        ["hubrouter-config", "hubrouter-hub-adapter"].into_iter().filter(|name| manifest.text.contains(name));
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
    for file in text_files().iter().filter(|file| file.path != THIS_FILE) {
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
fn no_comment_cites_a_paper_that_is_not_here() {
    let mut found = Vec::new();
    for file in rust_files("").iter().chain(&documents::documents()).filter(|file| file.path != THIS_FILE) {
        for (number, line) in file.text.lines().enumerate() {
            let prose = if file.path.ends_with(".md") { line } else { comment_of(line) };
            let mut words = prose.split(|letter: char| !letter.is_alphanumeric());
            let cited = words.find(|word| is_citation(word));
            found.extend(cited.map(|cited| format!("{}:{}: {cited}", file.path, number + 1)));
        }
    }
    assert_none("the number of a rule that no file of the repository explains", found);
}

fn comment_of(line: &str) -> &str {
    line.find("//").map_or("", |at| &line[at..])
}

/// A rule's number, as the papers have it that the project grew from: `D5`, `J2`, `JR12`.
fn is_citation(word: &str) -> bool {
    let number = ["JR", "J", "D"].iter().find_map(|paper| word.strip_prefix(paper)).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
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
    for path in ["/hub/login", "hub/api/user", "{base}hub/home", "/user/ada/", "{base}user/"] {
        assert!(is_hub_path(path), "{path}");
    }
    for path in ["/_hubrouter/hub/a", "github/actions", "the hub", "superuser/x"] {
        assert!(!is_hub_path(path), "{path}");
    }
    assert!(is_citation("JR12") && is_citation("D5") && !is_citation("SHA256") && !is_citation("Db1"));
    assert_eq!(comment_of("let a = 1; // why"), "// why");
    let file = File::new(
        "a.rs",
        "use tokio::net; // rand\nlet a = \"/hub/x\"; /* \"/hub/y\" */\n#[cfg(test)]\nmod sketch;\nlet b = hyper_util::x;\n\
         #[cfg(test)]\nmod tests {\n\"hub/z\" }",
    );
    let lines = file.code_lines();
    assert!(lines[0].names("tokio") && !lines[0].names("rand") && !lines[0].names("tok"));
    assert!(lines.iter().any(|line| line.begins("hyper") && !line.names("hyper")));
    let texts: Vec<Token> =
        file.tokens_before_tests().into_iter().filter(|token| matches!(token, Token::Text { .. })).collect();
    assert_eq!(texts, [Token::Text { line: 2, text: "/hub/x".to_owned() }]);
}
