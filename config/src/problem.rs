//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One finding: a mistake, or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The configuration file, as it was named to the reader.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Dotted key, such as `hubs[1].weight`; empty for the file as a whole.
    pub key: String,
    /// What is wrong. Never holds a secret.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}. {}", self.message, self.hint)
    }
}

/// All that is wrong with a configuration, in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems {
    problems: Vec<Problem>,
    #[serde(skip)]
    files: Vec<PathBuf>,
    #[serde(skip)]
    unread: bool,
}

impl Problems {
    /// Takes findings, of which there is at least one, and puts them in order.
    #[must_use]
    pub fn new(problems: Vec<Problem>) -> Self {
        Self { problems: in_order(problems), files: Vec::new(), unread: false }
    }

    /// The configuration file itself cannot be read.
    pub(crate) fn unread(problem: Problem) -> Self {
        Self { unread: true, ..Self::new(vec![problem]) }
    }

    pub(crate) fn with_files(self, files: Vec<PathBuf>) -> Self {
        Self { files, ..self }
    }

    pub(crate) fn with_file(mut self, file: &Path) -> Self {
        self.files.insert(0, file.to_owned());
        self
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.problems
    }

    /// Whether the configuration file itself could not be read, so that nothing is known of what it says.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    /// The refused configuration file (from [`load`](crate::load)) and the files that it names, those that could not be read
    /// included: when one of them changes, it may be right.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

/// Sorts findings as they stand in the file.
pub(crate) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.problems.into_iter()
    }
}

impl std::error::Error for Problems {}

/// One line per problem: `file:line:column: key: message. hint`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}
