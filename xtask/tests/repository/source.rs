//! The repository's files, and Rust source taken apart just far enough: code, comments and texts told from each other.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what was built or installed, or are no part of the source.
const NOT_OURS: [&str; 4] = ["target", ".git", ".parts", "node_modules"];

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// One file; `path` is below the top, with `/`.
#[derive(Clone)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// Every file of the repository that is text.
pub fn text_files() -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 20, "the repository has more files than {}", found.len());
    found
}

/// The Rust files below `folder`; there must be some.
pub fn rust_files(folder: &str) -> Vec<File> {
    let inside: Vec<File> = text_files()
        .into_iter()
        .filter(|file| {
            file.path.ends_with(".rs") && (folder.is_empty() || file.path.starts_with(&format!("{folder}/")))
        })
        .collect();
    assert!(!inside.is_empty(), "no Rust file below `{folder}`: has it moved?");
    inside
}

fn collect(folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path, text });
        }
    }
}

/// A piece of Rust source; `line` is counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    /// Anything that is neither comment nor text, one line of it at most.
    Code { line: usize, text: String },
    /// A text or byte text, as it stands between its quotes.
    Text { line: usize, text: String },
}

/// The code of one line, without comments and texts.
pub struct CodeLine<'a> {
    path: &'a str,
    number: usize,
    code: String,
}

impl CodeLine<'_> {
    /// `name` occurs as a whole word or path.
    pub fn names(&self, name: &str) -> bool {
        self.words_that_begin(name).any(|after| !after.starts_with(is_word))
    }

    /// A word or path begins with `beginning`.
    pub fn begins(&self, beginning: &str) -> bool {
        self.words_that_begin(beginning).next().is_some()
    }

    /// What follows `beginning`, wherever a word begins with it.
    fn words_that_begin<'c>(&'c self, beginning: &'c str) -> impl Iterator<Item = &'c str> {
        self.code
            .match_indices(beginning)
            .filter(|(at, _)| !self.code[..*at].ends_with(is_word))
            .map(|(at, _)| &self.code[at + beginning.len()..])
    }

    /// `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.path, self.number)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// A file that holds nothing but tests, by its name: `tests.rs`, `route_tests.rs`, or below `tests/`.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// Code and texts up to the tests, which stand last in a file. A declaration of a file of tests ends nothing.
    pub fn tokens_before_tests(&self) -> Vec<Token> {
        let opens_a_block = |at: &usize| {
            let item = &self.text[*at..];
            item.find('{').unwrap_or(item.len()) < item.find(';').unwrap_or(item.len())
        };
        let mut marks = self.text.match_indices("#[cfg(test)]").map(|(at, _)| at);
        tokens(&self.text[..marks.find(opens_a_block).unwrap_or(self.text.len())])
    }

    /// The code before the tests, line by line.
    pub fn code_lines(&self) -> Vec<CodeLine<'_>> {
        let mut lines: Vec<CodeLine<'_>> = Vec::new();
        for token in self.tokens_before_tests() {
            let Token::Code { line, text } = token else { continue };
            match lines.last_mut() {
                Some(last) if last.number == line => {
                    last.code.push(' ');
                    last.code.push_str(&text);
                }
                _ => lines.push(CodeLine { path: &self.path, number: line, code: text }),
            }
        }
        lines
    }
}

/// Takes Rust source apart. Lifetimes and characters stay code, except that a quote in a character opens no text.
fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, code: String::new(), found: Vec::new() };
    while let Some(next) = reader.rest.chars().next() {
        if reader.rest.starts_with("//") {
            let end = reader.rest.find('\n').unwrap_or(reader.rest.len());
            reader.pass(end);
        } else if reader.rest.starts_with("/*") {
            let end = reader.rest.find("*/").map_or(reader.rest.len(), |at| at + 2);
            reader.pass(end);
        } else if let Some((opening, closing)) = raw_text(reader.rest) {
            let start = &reader.rest[opening..];
            let length = start.find(&closing).unwrap_or(start.len());
            reader.text(opening, length, closing.len());
        } else if next == '"' {
            let length = plain_text_length(&reader.rest[1..]);
            reader.text(1, length, 1);
        } else if reader.rest.starts_with("'\"'") || reader.rest.starts_with("'\\\"'") {
            let end = reader.rest[1..].find("\"'").map_or(1, |at| at + 3);
            reader.pass(end);
        } else {
            if next == '\n' {
                reader.end_of_line();
            } else {
                reader.code.push(next);
            }
            reader.pass(next.len_utf8());
        }
    }
    reader.end_of_line();
    reader.found
}

/// The length of a raw text's opening (`r#"`), and its closing; only where no word stands before it.
fn raw_text(rest: &str) -> Option<(usize, String)> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.chars().take_while(|character| *character == '#').count();
    after[hashes..].starts_with('"').then(|| (hashes + 2, format!("\"{}", "#".repeat(hashes))))
}

/// How many bytes a text has up to its closing quote.
fn plain_text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    rest.len()
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    code: String,
    found: Vec<Token>,
}

impl Reader<'_> {
    fn pass(&mut self, bytes: usize) {
        let bytes = bytes.min(self.rest.len());
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    fn text(&mut self, opening: usize, length: usize, closing: usize) {
        self.end_of_line();
        let text = self.rest[opening..opening + length].to_owned();
        self.found.push(Token::Text { line: self.line, text });
        self.pass(opening + length + closing);
    }

    fn end_of_line(&mut self) {
        let code = std::mem::take(&mut self.code);
        if !code.trim().is_empty() {
            self.found.push(Token::Code { line: self.line, text: code });
        }
    }
}
