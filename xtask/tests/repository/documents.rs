//! The documents: what they link to is there, and the tests and files that they name exist.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::{File, root, rust_files, text_files};

/// All documents of the repository.
pub(crate) fn documents() -> Vec<File> {
    let pages: Vec<File> = text_files().into_iter().filter(|file| file.path.ends_with(".md")).collect();
    assert!(pages.len() > 5, "the documents are not read any more");
    pages
}

/// The words between backticks, code blocks left out.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2))
}

#[test]
fn what_the_documents_link_to_exists() {
    let mut missing = Vec::new();
    for page in documents() {
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !link.starts_with("http") && !folder.join(file).exists() {
                missing.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert_none("a document links to what is not there", missing);
}

#[test]
fn every_test_that_a_document_names_exists() {
    let code: String = rust_files("").into_iter().map(|file| file.text).collect();
    let mut missing = Vec::new();
    let mut named = 0;
    for page in documents() {
        for name in quoted(&page.text).filter(|word| is_test_name(word)) {
            named += 1;
            if !code.contains(&format!("fn {name}(")) {
                missing.push(format!("{}: {name}", page.path));
            }
        }
    }
    assert!(named > 40, "the table of invariants is not read any more");
    assert_none("a document names a test that is not there", missing);
}

/// Tests are sentences: four words and more.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}

#[test]
fn every_file_that_a_document_names_exists() {
    let files = text_files();
    let mut missing = BTreeSet::new();
    for page in documents() {
        for name in quoted(&page.text).filter(|word| is_file_name(word)) {
            let ends = format!("/{}", name.trim_start_matches("./"));
            if !files.iter().any(|file| format!("/{}", file.path).ends_with(&ends)) {
                missing.insert(format!("{}: {name}", page.path));
            }
        }
    }
    assert_none("a document names a file that is not there", missing);
}

/// A source file, as `control/live.rs`.
fn is_file_name(word: &str) -> bool {
    word.ends_with(".rs") && !word.contains([' ', '*', '<'])
}
