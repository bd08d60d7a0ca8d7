//! YAML with places: text in, a tree of located nodes out, and a collecting decoder on top.
//!
//! `read` turns text into a [`Node`] tree (strict: no duplicate keys, no merge keys, bounded aliases and depth);
//! `decode` takes values out of it and reports *every* problem with its span. It never reads a file and knows nothing of
//! rules. Start with [`Node`].

pub mod csv;
pub mod decode;
pub mod encoding;
pub mod format;
pub mod json;
pub mod merge;
pub mod read;
mod syntax;
mod verbatim;

#[cfg(test)]
mod read_tests;

use crate::source::{FileId, Span};

/// A value of a YAML document and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: NodeKind,
    /// Its place. For a block scalar: the lines of its content.
    pub span: Span,
}

/// The value of a [`Node`].
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false` (YAML 1.2: `yes` and `no` are strings).
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// Any other scalar.
    Str(Text),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping in the order of writing.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Its place.
    pub span: Span,
}

/// A string and how its bytes map back to the file, so that a place inside a query is a place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The string's value; line breaks are `\n`.
    pub value: String,
    /// For a literal block scalar or a whole file: the file offset of each line's first character, in order.
    /// Empty when the value is not a verbatim copy of the file (quoted, folded, plain): then only the whole is known.
    pub line_starts: Vec<u32>,
}

impl Text {
    /// The place in the file of bytes `start..end` of the value; `whole` when it cannot be told more exactly.
    #[must_use]
    pub fn locate(&self, whole: Span, start: usize, end: usize) -> Span {
        let offset = |position: usize| {
            let position = position.min(self.value.len());
            let before = self.value.as_bytes().get(..position)?;
            let line = before.iter().filter(|byte| **byte == b'\n').count();
            let in_line = before.iter().rev().take_while(|byte| **byte != b'\n').count();
            Some(self.line_starts.get(line)? + u32::try_from(in_line).ok()?)
        };
        match (offset(start), offset(end)) {
            (Some(start), Some(end)) => Span::new(whole.file, start, end),
            (Some(start), None) => Span::new(whole.file, start, start),
            _ => whole,
        }
    }

    /// The text of a whole file; `\r\n` becomes `\n`, and places still count the file's bytes.
    #[must_use]
    pub fn of_file(text: &str) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next));
        Self { value: text.replace("\r\n", "\n"), line_starts }
    }
}

impl Node {
    /// The value of a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            NodeKind::Map(entries) => entries.iter().find(|(name, _)| name.name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a string scalar.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Str(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The same value without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            NodeKind::Null => serde_json::Value::Null,
            NodeKind::Bool(value) => (*value).into(),
            NodeKind::Int(value) => (*value).into(),
            NodeKind::Float(value) => (*value).into(),
            NodeKind::Str(text) => text.value.as_str().into(),
            NodeKind::Seq(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()
            }
        }
    }

    /// What it is, for messages: "a list", "a number".
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Int(_) => "a whole number",
            NodeKind::Float(_) => "a number",
            NodeKind::Str(_) => "a string",
            NodeKind::Seq(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }

    /// The file it stands in.
    #[must_use]
    pub const fn file(&self) -> FileId {
        self.span.file
    }
}
