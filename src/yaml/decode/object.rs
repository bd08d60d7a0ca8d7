//! Mappings and lists: known keys, mandatory keys, members.
//!
//! [`Object::open`] reports unknown keys at once; the fields are then taken by name in any order.

use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::source::{Span, Spanned};
use crate::yaml::{Key, Node, NodeKind};

/// A mapping whose keys have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Object<'n> {
    entries: &'n [(Key, Node)],
    what: &'static str,
    span: Span,
}

impl<'n> Object<'n> {
    /// Opens a mapping; `what` names it in messages ("a rule"), `keys` are all keys that it may have.
    ///
    /// `None` when the node is no mapping; unknown keys are reported, but do not stop it.
    pub fn open(node: &'n Node, what: &'static str, keys: &[&str], out: &mut Diagnostics) -> Option<Self> {
        let object = Self::open_any(node, what, out)?;
        for (key, _) in object.entries {
            if !keys.contains(&key.name.as_str()) {
                out.push(unknown_key(key, what, keys));
            }
        }
        Some(object)
    }

    /// As [`Self::open`], for the top level of a file: keys that start with `x-` are the author's own.
    pub fn open_file(
        node: &'n Node,
        what: &'static str,
        keys: &[&str],
        out: &mut Diagnostics,
    ) -> Option<Self> {
        if node.kind == NodeKind::Null {
            out.push(
                Diagnostic::error(codes::EMPTY_VALUE, "the file is empty")
                    .at(node.span)
                    .with_detail(format!("It should hold {what}.")),
            );
            return None;
        }
        let object = Self::open_any(node, what, out)?;
        for (key, _) in object.entries {
            if !key.name.starts_with("x-") && !keys.contains(&key.name.as_str()) {
                out.push(unknown_key(key, what, keys));
            }
        }
        Some(object)
    }

    /// Opens a mapping whose keys are the author's.
    pub fn open_any(node: &'n Node, what: &'static str, out: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            NodeKind::Map(entries) => Some(Self { entries, what, span: node.span }),
            _ => {
                out.push(wrong_type(node, "a mapping").with_detail(format!("This should be {what}.")));
                None
            }
        }
    }

    /// The members in the order of writing.
    #[must_use]
    pub const fn entries(&self) -> &'n [(Key, Node)] {
        self.entries
    }

    /// Its place.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The key and value of a member.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<(&'n Key, &'n Node)> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, node)| (key, node))
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// The value of a key that must be there.
    pub fn required<T>(
        &self,
        name: &str,
        out: &mut Diagnostics,
        read: impl FnOnce(&'n Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            out.push(self.missing(name));
            return None;
        }
        self.optional(name, out, read)
    }

    /// The value of a key that may be there. An empty value is an error, not absence.
    pub fn optional<T>(
        &self,
        name: &str,
        out: &mut Diagnostics,
        read: impl FnOnce(&'n Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let (key, node) = self.member(name)?;
        if node.kind == NodeKind::Null {
            out.push(
                Diagnostic::error(codes::EMPTY_VALUE, format!("`{name}` has no value"))
                    .labelled(key.span, "nothing follows")
                    .with_help("give a value, or remove the key"),
            );
            return None;
        }
        read(node, out)
    }

    /// The members of a list that may be there.
    pub fn list<T>(
        &self,
        name: &str,
        out: &mut Diagnostics,
        read: impl FnMut(&'n Node, &mut Diagnostics) -> Option<T>,
    ) -> Vec<T> {
        self.optional(name, out, |node, out| list(node, out, read)).unwrap_or_default()
    }

    /// Says that `name` is missing: at the first key, which is where a reader looks, and never in another file.
    #[must_use]
    pub fn missing(&self, name: &str) -> Diagnostic {
        let own = |entry: &&(Key, Node)| entry.0.span.file == self.span.file;
        let span = self.entries.iter().find(own).map_or(self.span, |(key, _)| key.span);
        Diagnostic::error(codes::MISSING_KEY, format!("`{name}` is missing"))
            .labelled(span, format!("{} needs `{name}`", self.what))
    }
}

/// Every member of a list; those that cannot be read are reported and left out.
pub fn list<'n, T>(
    node: &'n Node,
    out: &mut Diagnostics,
    mut read: impl FnMut(&'n Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    match &node.kind {
        NodeKind::Seq(items) => Some(items.iter().filter_map(|item| read(item, out)).collect()),
        NodeKind::Map(_) => {
            out.push(wrong_type(node, "a list").with_help("start each item with `- `"));
            None
        }
        _ => {
            out.push(wrong_type(node, "a list").with_help("wrap it in [ ]"));
            None
        }
    }
}

/// A list, or one value that stands for a list of one.
pub fn one_or_many<'n, T>(
    node: &'n Node,
    out: &mut Diagnostics,
    mut read: impl FnMut(&'n Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    match &node.kind {
        NodeKind::Seq(_) => list(node, out, read),
        _ => Some(read(node, out).into_iter().collect()),
    }
}

/// A mapping of the author's keys to values, in the order of writing.
pub fn pairs<'n, T>(
    node: &'n Node,
    what: &'static str,
    out: &mut Diagnostics,
    mut read: impl FnMut(&'n Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<(Spanned<String>, T)>> {
    let object = Object::open_any(node, what, out)?;
    let mut found = Vec::new();
    for (key, value) in object.entries() {
        if let Some(value) = object.optional(&key.name, out, |_, out| read(value, out)) {
            found.push((Spanned::new(key.name.clone(), key.span), value));
        }
    }
    Some(found)
}

/// "expected X, found Y", with the usual remedy.
#[must_use]
pub fn wrong_type(node: &Node, expected: &str) -> Diagnostic {
    let finding = Diagnostic::error(codes::WRONG_TYPE, format!("expected {expected}"))
        .labelled(node.span, format!("found {}", node.describe()));
    match &node.kind {
        NodeKind::Bool(_) | NodeKind::Int(_) | NodeKind::Float(_) if expected.contains("string") => {
            finding.with_help("quote it")
        }
        NodeKind::Str(text) if matches!(text.value.as_str(), "yes" | "no" | "on" | "off") => {
            finding.with_help("YAML 1.2 has only `true` and `false`")
        }
        _ => finding,
    }
}

/// An unknown key: what was meant, or what there is.
#[must_use]
pub fn unknown_key(key: &Key, what: &str, keys: &[&str]) -> Diagnostic {
    let finding = Diagnostic::error(codes::UNKNOWN_KEY, "unknown key")
        .labelled(key.span, format!("{what} has no key `{}`", shown(&key.name)));
    let known = keys.join(", ");
    match did_you_mean(&key.name, keys.iter().copied()) {
        Some(near) => finding.with_guess(near).with_detail(format!("Known keys: {known}.")),
        None => finding.with_help(format!("known keys: {known}")),
    }
}

/// A name as messages quote it: one line, not endless.
#[must_use]
pub fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(60).flat_map(char::escape_debug).collect();
    if name.chars().nth(60).is_some() {
        text.push('…');
    }
    text
}
