//! Whatever stands in the file, reading it ends with an answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which end a test by it")]

use std::path::Path;

use hubrouter_config::{Sources, parse};
use proptest::prelude::*;

struct Everything;

impl Sources for Everything {
    fn env(&self, _: &str) -> Option<String> {
        Some("0123456789-0123456789-0123456789".to_owned())
    }

    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(b"0123456789-0123456789-0123456789".to_vec())
    }
}

/// Reads, and checks what holds for every refusal: at least one problem, each in the file and with a hint.
fn read(text: &str) -> bool {
    let lines = text.lines().count() as u32 + 1;
    match parse(text, "hubrouter.yaml", &Everything) {
        Ok(_) => true,
        Err(problems) => {
            assert!(!problems.as_slice().is_empty());
            for problem in problems.as_slice() {
                assert!(
                    (1..=lines).contains(&problem.line) && problem.column > 0,
                    "{problem} in {lines} lines"
                );
                assert!(!problem.hint.is_empty() && !problem.message.is_empty(), "{problem}");
                assert_eq!(problem.to_string().lines().count(), 1, "{problem}");
            }
            false
        }
    }
}

const FULL: &str = include_str!("../examples/full.yaml");

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn arbitrary_text_gets_an_answer(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn text_that_looks_like_yaml_gets_an_answer(
        text in "([a-c]: |- |[\\[\\]{},&*!<>|?:#'\"~-]|\n|  |hubs|site|listen|env|[0-9]|a|\t){0,60}"
    ) {
        read(&text);
    }

    #[test]
    fn a_mutated_example_gets_an_answer(at in 0usize..FULL.len(), len in 0usize..40, put in "\\PC{0,12}") {
        let from = FULL.floor_char_boundary(at);
        let to = FULL.floor_char_boundary((at + len).min(FULL.len())).max(from);
        read(&format!("{}{put}{}", &FULL[..from], &FULL[to..]));
    }

    #[test]
    fn an_example_without_some_of_its_lines_gets_an_answer(keep in proptest::collection::vec(any::<bool>(), 150)) {
        let lines = FULL.lines().zip(keep).filter(|(_, keep)| *keep);
        read(&lines.map(|(line, _)| line).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn the_example_that_is_mutated_is_right_before() {
    assert!(read(FULL));
}
