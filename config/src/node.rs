//! YAML text as a tree that remembers where everything stood.
//!
//! Knows YAML and nothing of the configuration: types, keys and meanings are the reader's. Scalars stay the text they are, so
//! that `1.50` and `010` mean what the key says. Built without recursion and inside bounds, whatever the text.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, options};

/// Deeper than any configuration; keeps what walks the tree away from the end of its stack.
const MAX_DEPTH: usize = 32;
/// Nodes of the tree, repeated ones included: a few aliases of aliases can ask for billions.
const MAX_NODES: usize = 100_000;

/// Line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub line: u32,
    pub column: u32,
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub at: Position,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Text as it reads after YAML's escapes. `plain`: without quotes, so it may be a number or a truth value.
    Scalar { text: String, plain: bool },
    /// In the order of the file.
    List(Vec<Node>),
    /// In the order of the file; a key may stand there twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_at: Position,
    pub value: Node,
}

/// Text that is not the YAML we read.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub at: Position,
    pub message: String,
    pub hint: String,
}

impl Position {
    /// Where a finding about the whole file points.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(mark: Marker) -> Self {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self { line: number(mark.line()).max(1), column: number(mark.col()).saturating_add(1) }
    }
}

impl Node {
    /// Whether nothing was written: an empty value, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    fn empty() -> Self {
        Self { at: Position::START, value: Value::Scalar { text: String::new(), plain: true } }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
        }
    }
}

/// Reads one YAML document; an empty text is an empty value.
pub(crate) fn tree(text: &str) -> Result<Node, SyntaxError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options! { emit_comments: false }) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        builder.take(event, span)?;
    }
    Ok(builder.root.unwrap_or_else(Node::empty))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    anchor: usize,
    node: Node,
    key: Option<(String, Position)>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let at = Position::of(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), at)?;
                let value = Value::Scalar { text: Cow::into_owned(text), plain: style == ScalarStyle::Plain };
                self.place(Node { at, value }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), at)?;
                self.begin(Node { at, value: Value::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), at)?;
                self.begin(Node { at, value: Value::Map(Vec::new()) }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.place(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| error(at, "an alias stands inside what it repeats", "write it out"))?;
                self.nodes += node.size();
                self.place(node, 0)
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(error(at, "a second document begins", "write one document and no ---")),
                }
            }
            // Where streams and documents end, and comments: nothing that has a value.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(node.at, "lists and maps are nested too deeply", "no key is this deep"));
        }
        self.open.push(Open { anchor, node, key: None });
        Ok(())
    }

    /// Puts a finished value where it belongs: as a key, as a value, into a list, or at the root.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(error(node.at, "the file is too large", "use fewer aliases"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match (open.key.take(), node.value) {
                (Some((key, key_at)), value) => {
                    entries.push(Entry { key, key_at, value: Node { at: node.at, value } });
                }
                (None, Value::Scalar { text, .. }) => {
                    // The first key is where a map begins; the parser's own mark may stand on the colon.
                    if entries.is_empty() {
                        open.node.at = open.node.at.min(node.at);
                    }
                    open.key = Some((text, node.at));
                }
                (None, _) => {
                    return Err(error(
                        node.at,
                        "a key is a list or a map",
                        "write a plain name before the colon",
                    ));
                }
            },
            Value::Scalar { .. } => {}
        }
        Ok(())
    }
}

fn refuse_tag(tagged: bool, at: Position) -> Result<(), SyntaxError> {
    match tagged {
        true => Err(error(at, "YAML tags are not supported", "remove the word that begins with !")),
        false => Ok(()),
    }
}

fn syntax(error: &ScanError) -> SyntaxError {
    let hint = "check indentation, quotes and brackets here and in the line above; indent with spaces";
    self::error(Position::of(*error.marker()), format!("not YAML: {}", error.info()), hint)
}

fn error(at: Position, message: impl Into<String>, hint: &str) -> SyntaxError {
    SyntaxError { at, message: message.into(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(node: Node) -> Vec<Entry> {
        match node.value {
            Value::Map(entries) => entries,
            other => panic!("not a map: {other:?}"),
        }
    }

    #[test]
    fn keys_and_values_know_their_line_and_column() {
        let entries = entries(tree("# first\nsite:\n  hsts: off\n").unwrap());
        assert_eq!(entries[0].key_at, Position { line: 2, column: 1 });

        let inner = self::entries(entries[0].value.clone());
        assert_eq!(inner[0].key_at, Position { line: 3, column: 3 });
        assert_eq!(inner[0].value.at, Position { line: 3, column: 9 });
    }

    #[test]
    fn quotes_make_text_that_is_never_null() {
        let entries = entries(tree("a:\nb: ''\nc: ~\nd: 'null'").unwrap());
        let nulls: Vec<bool> = entries.iter().map(|entry| entry.value.is_null()).collect();
        assert_eq!(nulls, [true, false, true, false]);
    }

    #[test]
    fn an_alias_repeats_a_value() {
        let entries = entries(tree("a: &token {env: A}\nb: *token").unwrap());
        assert!(matches!(&entries[1].value.value, Value::Map(inner) if inner[0].key == "env"));
    }

    #[test]
    fn broken_yaml_is_told_with_its_place() {
        let refused = tree("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(refused.at.line >= 2 && refused.message.starts_with("not YAML"), "{refused:?}");
        assert!(tree("a: *nobody").is_err());
        assert!(tree("a: 1\n---\nb: 2").is_err());
        assert!(tree("a: !include b").is_err());
        assert!(tree("[a]: b").is_err());
    }

    #[test]
    fn depth_and_repetition_are_bounded() {
        assert!(tree(&"[".repeat(10_000)).is_err());
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
        }
        assert!(tree(&laughs).unwrap_err().message.contains("too large"));
    }
}
