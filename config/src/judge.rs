//! A second judge of a file: whoever uses the configuration has rules of its own, found together with all others.
//!
//! It sees the file as it was written, right or wrong, so that nothing it knows has to wait until all else is mended.

use crate::node::{Node, Value};
use crate::read::Reader;
use crate::values::PemFile;

/// Notes what it has against a file, or about it.
pub type Judge<'j> = &'j dyn Fn(&Reading<'_>);

/// A file as it was written. Keys are dotted, such as `listen[0].tls`.
pub struct Reading<'r> {
    reader: &'r Reader<'r>,
    root: &'r Node,
}

impl<'r> Reading<'r> {
    pub(crate) fn new(reader: &'r Reader<'r>, root: &'r Node) -> Self {
        Self { reader, root }
    }

    /// Whether a value stands at `key`; an empty one counts as absent.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// What is written at `key`; nothing where a list or a map stands.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'r str> {
        match &self.node(key)?.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The PEM file that is named at `key`, if the file could be read: the very bytes that the configuration gets.
    #[must_use]
    pub fn pem(&self, key: &str) -> Option<PemFile> {
        self.reader.pem(key)
    }

    /// How many items the list at `key` has; 0 where none stands.
    #[must_use]
    pub fn count(&self, key: &str) -> usize {
        match self.node(key).map(|node| &node.value) {
            Some(Value::List(items)) => items.len(),
            Some(Value::Scalar { .. } | Value::Map(_)) | None => 0,
        }
    }

    /// The names of the keys at `key`, in the order of the file.
    #[must_use]
    pub fn keys(&self, key: &str) -> Vec<&'r str> {
        match self.node(key).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            Some(Value::Scalar { .. } | Value::List(_)) | None => Vec::new(),
        }
    }

    /// Notes a mistake at `key`, or at the nearest key around it that stands in the file: the file is refused.
    pub fn problem(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.reader.problem(key, message, hint);
    }

    /// Notes what is allowed but probably not meant; shown for a file without mistakes only.
    pub fn warn(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.reader.warn(key, message, hint);
    }

    fn node(&self, key: &str) -> Option<&'r Node> {
        let steps = key.split(['.', '[']).map(|step| step.trim_end_matches(']'));
        let found =
            steps.filter(|step| !step.is_empty()).try_fold(self.root, |node, step| match &node.value {
                Value::Map(entries) => {
                    entries.iter().find(|entry| entry.key == step).map(|entry| &entry.value)
                }
                Value::List(items) => items.get(step.parse::<usize>().ok()?),
                Value::Scalar { .. } => None,
            });
        found.filter(|node| !node.is_null())
    }
}
