//! Reading a tree key by key, collecting every finding on the way.
//!
//! A value that is wrong is reported and replaced by its default, so that reading goes on; whoever asked for a configuration
//! gets the findings instead. Which keys there are is told by `sections`; what fits together, by `validate`.

mod scalar;
mod secret;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use scalar::{
    boolean, choice, list_of, parsed, period, request_path, share, size, socket_address, text, whole, word,
};
pub(crate) use secret::{existing_file, password, pem_file, seed, session_key, token};

use crate::nearest::nearest;
use crate::node::{Entry, Node, Position, Value};
use crate::problem::Problem;
use crate::source::Sources;
use crate::values::{Malformed, PemFile};

/// What all parts of one reading share.
pub(crate) struct Reader<'r> {
    file: &'r str,
    folder: PathBuf,
    sources: &'r dyn Sources,
    positions: BTreeMap<String, Position>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    files: RefCell<Vec<PathBuf>>,
    pems: RefCell<BTreeMap<String, PemFile>>,
}

/// What a reading leaves behind.
pub(crate) struct Findings {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    pub files: Vec<PathBuf>,
    pub positions: BTreeMap<String, Position>,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(file: &'r str, sources: &'r dyn Sources, root: &Node) -> Self {
        let mut positions = BTreeMap::new();
        note_positions(root, String::new(), root.at, &mut positions);
        Self {
            file,
            folder: Path::new(file).parent().unwrap_or(Path::new("")).to_owned(),
            sources,
            positions,
            problems: RefCell::default(),
            warnings: RefCell::default(),
            files: RefCell::default(),
            pems: RefCell::default(),
        }
    }

    pub(crate) fn finish(self) -> Findings {
        Findings {
            problems: self.problems.into_inner(),
            warnings: self.warnings.into_inner(),
            files: self.files.into_inner(),
            positions: self.positions,
        }
    }

    /// A mistake at `key`.
    pub(crate) fn problem(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problem_here(position_of(&self.positions, key), key, message, hint);
    }

    /// What is allowed but probably not meant.
    pub(crate) fn warn(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let position = position_of(&self.positions, key);
        self.warnings.borrow_mut().push(problem(self.file, position, key, message.into(), hint.into()));
    }

    /// The PEM file that was read for `key`.
    pub(crate) fn pem(&self, key: &str) -> Option<PemFile> {
        self.pems.borrow().get(key).cloned()
    }

    /// Whether nothing is known against the values at these keys or inside them. A rule about several values keeps silent when
    /// one of them is replaced by its default.
    pub(crate) fn sound(&self, keys: &[&str]) -> bool {
        let inside = |problem: &Problem, key: &str| match problem.key.strip_prefix(key) {
            Some(rest) => key.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        };
        !self.problems.borrow().iter().any(|problem| keys.iter().any(|key| inside(problem, key)))
    }

    fn problem_here(
        &self,
        position: Position,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(problem(self.file, position, key, message.into(), hint.into()));
    }
}

/// The place of `key`, or of the nearest key around it that stands in the file.
pub(crate) fn position_of(positions: &BTreeMap<String, Position>, key: &str) -> Position {
    let mut key = key;
    loop {
        if let Some(position) = positions.get(key) {
            return *position;
        }
        match key.rfind(['.', '[']) {
            Some(end) => key = &key[..end],
            None => return Position::START,
        }
    }
}

pub(crate) fn problem(file: &str, at: Position, key: &str, message: String, hint: String) -> Problem {
    Problem { file: file.to_owned(), line: at.line, column: at.column, key: key.to_owned(), message, hint }
}

/// Scalars are found at their value, lists and maps at their key.
fn note_positions(node: &Node, key: String, key_at: Position, positions: &mut BTreeMap<String, Position>) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                note_positions(item, format!("{key}[{index}]"), item.at, positions);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                note_positions(&entry.value, join(&key, &entry.key), entry.key_at, positions);
            }
        }
    }
    let at = match &node.value {
        Value::Scalar { text, .. } if !text.is_empty() => node.at,
        _ => key_at,
    };
    positions.entry(key).or_insert(at);
}

fn join(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

/// One value and the key that leads to it.
#[derive(Clone)]
pub(crate) struct At<'r> {
    pub reader: &'r Reader<'r>,
    pub key: String,
    pub node: &'r Node,
}

impl<'r> At<'r> {
    pub(crate) fn root(reader: &'r Reader<'r>, node: &'r Node) -> Self {
        Self { reader, key: String::new(), node }
    }

    /// Reports a mistake here; `None`, so that a reading function can end with it.
    pub(crate) fn problem<T>(&self, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.reader.problem(&self.key, message, hint);
        None
    }

    pub(crate) fn malformed<T>(&self, malformed: Malformed) -> Option<T> {
        self.problem(malformed.message, malformed.hint)
    }

    /// A path that is relative to the folder of the configuration file.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        self.reader.folder.join(path)
    }

    /// The keys of a map.
    pub(crate) fn section(&self) -> Option<Section<'r>> {
        let entries = self.entries("a map of keys")?;
        Some(Section { at: self.clone(), entries, asked: Vec::new(), missing: Vec::new() })
    }

    /// The named values of a map whose names are free.
    pub(crate) fn named(&self) -> Option<Vec<(&'r str, At<'r>)>> {
        let entries = self.entries("a map of names")?;
        Some(entries.iter().map(|entry| (entry.key.as_str(), self.below(entry))).collect())
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<At<'r>>> {
        match &self.node.value {
            Value::List(items) => {
                let item =
                    |(index, node)| At { reader: self.reader, key: format!("{}[{index}]", self.key), node };
                Some(items.iter().enumerate().map(item).collect())
            }
            _ => self.problem(
                format!("expected a list, found {}", self.kind()),
                "write [ ... ] or lines that begin with -",
            ),
        }
    }

    fn entries(&self, what: &str) -> Option<&'r [Entry]> {
        let Value::Map(entries) = &self.node.value else {
            return self.problem(
                format!("expected {what}, found {}", self.kind()),
                "write { key: value } or indented lines",
            );
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|first| first.key == entry.key) {
                self.reader.problem_here(
                    entry.key_at,
                    &join(&self.key, &entry.key),
                    format!("`{}` stands here twice", entry.key.escape_debug()),
                    format!("keep one of them; the first is in line {}", first.key_at.line),
                );
            }
        }
        Some(entries)
    }

    fn below(&self, entry: &'r Entry) -> Self {
        At { reader: self.reader, key: join(&self.key, &entry.key), node: &entry.value }
    }

    /// What kind of value stands here, never the value itself: it may be a secret in the wrong place.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.node.value {
            _ if self.node.is_null() => "nothing",
            Value::Scalar { plain: true, text } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { plain: true, text } if matches!(text.as_str(), "true" | "false") => {
                "true or false"
            }
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// A map whose keys are asked for one by one; [`Section::finish`] refuses what nobody asked for.
pub(crate) struct Section<'r> {
    pub at: At<'r>,
    entries: &'r [Entry],
    asked: Vec<&'static str>,
    /// Required keys that do not stand here, each with its hint.
    missing: Vec<(&'static str, String)>,
}

impl<'r> Section<'r> {
    /// The value of a key; an empty one counts as absent.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<At<'r>> {
        self.asked.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!entry.value.is_null()).then(|| self.at.below(entry))
    }

    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&At<'r>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|at| read(&at))
    }

    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&At<'r>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        read: impl FnOnce(&At<'r>) -> Option<T>,
    ) -> Option<T> {
        let Some(at) = self.get(key) else {
            self.missing.push((key, hint.to_owned()));
            return None;
        };
        read(&at)
    }

    /// Reports a mistake at one of the keys.
    pub(crate) fn problem<T>(
        &self,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.at.reader.problem(&join(&self.at.key, key), message, hint);
        None
    }

    /// Whether nothing is known against these keys.
    pub(crate) fn sound(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.at.reader.sound(&[&join(&self.at.key, key)]))
    }

    /// Refuses the keys that nobody asked for, and reports the required ones that are missing.
    pub(crate) fn finish(self) {
        self.finish_with(|_| None);
    }

    /// The same; `known` may have a better hint for a name than the nearest key.
    pub(crate) fn finish_with(self, known: impl Fn(&str) -> Option<(&'static str, &'static str)>) {
        let mut meant = Vec::new();
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&entry.key.as_str())) {
            let key = join(&self.at.key, &entry.key);
            let name = entry.key.escape_debug();
            let (message, hint) = match known(&entry.key) {
                Some((message, hint)) => (message.to_owned(), hint.to_owned()),
                None if entry.key == "<<" => (
                    "merge keys are not supported".to_owned(),
                    "write the keys out, or repeat whole values with &name and *name".to_owned(),
                ),
                None => {
                    let nearest = nearest(&entry.key, self.asked.iter().copied());
                    meant.extend(nearest);
                    (format!("unknown key `{name}`"), self.suggestion(nearest))
                }
            };
            self.at.reader.problem_here(entry.key_at, &key, message, hint);
        }
        // A key that is misspelt is one mistake, not two.
        for (key, hint) in self.missing.iter().filter(|(key, _)| !meant.contains(key)) {
            self.problem::<()>(key, format!("`{key}` is missing"), hint.as_str());
        }
    }

    fn suggestion(&self, nearest: Option<&str>) -> String {
        match nearest {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", self.asked.join(", ")),
        }
    }
}
