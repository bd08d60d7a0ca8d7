//! A text of YAML or JSON made to say something else, with as little touched as possible: members are exchanged, added and
//! removed where they stand; every other byte, comments included, stays.
//!
//! The result is read again and compared with what was wanted, value by value, and its comments with those that were there:
//! a mistake of the editing is refused, never written. Start with [`rewrite`].

use serde_json::{Map, Value};

use super::write;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};
use crate::yaml::{Key, Node, NodeKind, format, json, read};

/// Longest line that a list or mapping is put on.
const WIDTH: usize = 100;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// JSON (RFC 8259).
    Json,
    /// YAML.
    Yaml,
}

/// Which member takes whose place: old name, new name.
pub type Places = [(&'static str, &'static str)];

/// Reads a text in its notation.
///
/// # Errors
/// The first thing, or every thing, that it is not.
pub fn parse(text: &str, file: FileId, notation: Notation) -> Result<Node, Diagnostics> {
    match notation {
        Notation::Yaml => read::read(text, file),
        Notation::Json => json::read(text, 0, text.len(), file).map_err(|found| {
            let mut all = Diagnostics::default();
            all.push(*found);
            all
        }),
    }
}

/// Whether a node says this. The order of members does not count.
#[must_use]
pub fn says(node: &Node, wanted: &Value) -> bool {
    match (&node.kind, wanted) {
        (NodeKind::Map(members), Value::Object(wanted)) => {
            let alike =
                |(key, node): &(Key, Node)| wanted.get(&key.name).is_some_and(|wanted| says(node, wanted));
            members.len() == wanted.len() && members.iter().all(alike)
        }
        (NodeKind::Seq(items), Value::Array(wanted)) => {
            items.len() == wanted.len() && items.iter().zip(wanted).all(|(item, wanted)| says(item, wanted))
        }
        (NodeKind::Map(_) | NodeKind::Seq(_), _) => false,
        _ => node.to_json() == *wanted,
    }
}

/// `text`, whose tree is `root`, saying `wanted`. Line ends must be line feeds.
///
/// # Errors
/// When the new text cannot be proved to say that with all its comments.
pub fn rewrite(
    text: &str,
    root: &Node,
    wanted: &Value,
    notation: Notation,
    places: &Places,
) -> Result<String, Diagnostics> {
    let file = root.file();
    let comments = comments(text, file, notation)?;
    let mut editor = Editor { text, notation, places, comments: &comments, edits: Vec::new() };
    editor.node(root, wanted);
    let after = editor.finish();
    let kept = |comments: &[(usize, &str)]| {
        let mut all: Vec<String> = comments.iter().map(|(_, text)| (*text).to_owned()).collect();
        all.sort();
        all
    };
    let says = parse(&after, file, notation).is_ok_and(|node| says(&node, wanted));
    let keeps = self::comments(&after, file, notation).is_ok_and(|after| kept(&after) == kept(&comments));
    if says && keeps { Ok(after) } else { Err(unproven(file)) }
}

fn comments(text: &str, file: FileId, notation: Notation) -> Result<Vec<(usize, &str)>, Diagnostics> {
    match notation {
        Notation::Json => Ok(Vec::new()),
        Notation::Yaml => format::comments(text, file),
    }
}

fn unproven(file: FileId) -> Diagnostics {
    let finding = Diagnostic::error(codes::YAML_FEATURE, "the file cannot be rewritten by a program")
        .at(Span::new(file, 0, 0))
        .with_detail("The new text would not provably say what it should, with all its comments.")
        .with_help("it was left as it is; rewrite it by hand, or write the unusual part in a plainer way");
    let mut found = Diagnostics::default();
    found.push(finding);
    found
}

/// The part of the text from `start` to `end` is exchanged.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

struct Editor<'t> {
    text: &'t str,
    notation: Notation,
    places: &'t Places,
    comments: &'t [(usize, &'t str)],
    edits: Vec<Edit>,
}

type Members = [(Key, Node)];

impl Editor<'_> {
    fn node(&mut self, node: &Node, wanted: &Value) {
        match (&node.kind, wanted) {
            (NodeKind::Map(members), Value::Object(wanted)) => self.mapping(node, members, wanted),
            (NodeKind::Seq(items), Value::Array(wanted)) if items.len() == wanted.len() => {
                items.iter().zip(wanted).for_each(|(item, wanted)| self.node(item, wanted));
            }
            _ if says(node, wanted) => {}
            _ => {
                let (start, end) = place(node.span);
                let text = self.inline(wanted);
                self.edits.push(Edit { start, end, text });
            }
        }
    }

    fn mapping(&mut self, node: &Node, members: &Members, wanted: &Map<String, Value>) {
        let is_flow = self.notation == Notation::Json || self.at(place(node.span).0) == Some(b'{');
        let is_there = |name: &str| members.iter().any(|(key, _)| key.name == name);
        let mut placed: Vec<&str> = Vec::new();
        let mut gone: Vec<usize> = Vec::new();
        for (number, (key, member)) in members.iter().enumerate() {
            let name = key.name.as_str();
            let new = self.places.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
            let new = new.filter(|new| !is_there(new) && !placed.contains(new));
            let mut instead: Vec<(&str, &Value)> = Vec::new();
            instead.extend(new.and_then(|new| Some((new, wanted.get(new)?))));
            placed.extend(instead.iter().map(|(new, _)| *new));
            match wanted.get(name) {
                Some(same) if instead.is_empty() && enters(member, same) => {
                    self.node(member, same);
                    continue;
                }
                Some(rest) => instead.push((name, rest)),
                None => {}
            }
            if instead.is_empty() {
                gone.push(number);
            } else if is_flow {
                self.exchange_in_flow(key, member, &instead);
            } else {
                self.exchange_in_block(key, member, &instead);
            }
        }
        if is_flow {
            self.remove_in_flow(members, &gone);
        } else {
            gone.iter().for_each(|number| self.remove_in_block(members, *number));
        }
    }

    fn exchange_in_flow(&mut self, key: &Key, member: &Node, instead: &[(&str, &Value)]) {
        let (start, end) = (place(key.span).0, self.end(key, member));
        let margin = self.margin(start);
        let one = |(name, value): &(&str, &Value)| {
            let short = format!("{}: {}", self.key(name), self.inline(value));
            let column = start - self.line_start(start);
            let stands_alone = margin.is_some() && self.notation == Notation::Json;
            match margin.as_deref().filter(|_| stands_alone && column + short.chars().count() > WIDTH) {
                Some(margin) => format!("{}: {}", self.key(name), spread(value, margin, self.unit())),
                None if self.is_dense() => format!("{}:{value}", self.key(name)),
                None => short,
            }
        };
        let between = match &margin {
            Some(margin) => format!(",\n{margin}"),
            None if self.is_dense() => ",".to_owned(),
            None => ", ".to_owned(),
        };
        let text = instead.iter().map(one).collect::<Vec<_>>().join(&between);
        self.edits.push(Edit { start, end, text });
    }

    /// A run of members goes with the comma behind it, or the one before when it is the last.
    fn remove_in_flow(&mut self, members: &Members, gone: &[usize]) {
        let begin = |number: usize| members.get(number).map(|(key, _)| place(key.span).0);
        let end = |number: usize| members.get(number).map(|(key, member)| self.end(key, member));
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for number in gone {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *number => *last = *number,
                _ => runs.push((*number, *number)),
            }
        }
        let range = |(first, last): (usize, usize)| {
            let before = first.checked_sub(1).and_then(end);
            match (begin(last + 1), before) {
                (Some(next), _) => begin(first).zip(Some(next)),
                (None, Some(before)) => end(last).map(|end| (before, end)),
                (None, None) => begin(first).zip(end(last)),
            }
        };
        let edit = |(start, end)| Edit { start, end, text: String::new() };
        let edits: Vec<Edit> = runs.into_iter().filter_map(range).map(edit).collect();
        self.edits.extend(edits);
    }

    fn exchange_in_block(&mut self, key: &Key, member: &Node, instead: &[(&str, &Value)]) {
        let (start, end) = (place(key.span).0, self.end(key, member));
        let margin =
            " ".repeat(self.text.get(self.line_start(start)..start).map_or(0, |text| text.chars().count()));
        let mut lines: Vec<String> = self.comments_in(start, end).map(str::to_owned).collect();
        for (name, value) in instead {
            let document = Map::from_iter([((*name).to_owned(), (*value).clone())]);
            lines.extend(write::yaml(&document).trim_end().lines().map(str::to_owned));
        }
        self.edits.push(Edit { start, end, text: lines.join(&format!("\n{margin}")) });
    }

    /// Whole lines go; comments on them stay.
    fn remove_in_block(&mut self, members: &Members, number: usize) {
        let Some((key, member)) = members.get(number) else { return };
        let (start, end) = (place(key.span).0, self.end(key, member));
        let line = self.line_start(start);
        let margin = self.text.get(line..start).unwrap_or_default();
        let after =
            self.text.get(end..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |at| end + at + 1);
        if margin.trim().is_empty() {
            let kept: String =
                self.comments_in(start, after).map(|text| format!("{margin}{text}\n")).collect();
            self.edits.push(Edit { start: line, end: after, text: kept });
        } else if let Some((next, _)) = members.get(number + 1) {
            // It stands beside a dash, and the next member moves there.
            self.edits.push(Edit { start, end: place(next.span).0, text: String::new() });
        }
    }

    fn comments_in(&self, start: usize, end: usize) -> impl Iterator<Item = &str> {
        self.comments.iter().filter(move |(at, _)| (start..end).contains(at)).map(|(_, text)| *text)
    }

    /// Where a member ends. One that says nothing ends with its colon.
    fn end(&self, key: &Key, member: &Node) -> usize {
        let (start, end) = place(member.span);
        let after = place(key.span).1;
        if end > start && end > after {
            return end;
        }
        self.text.get(after..).and_then(|rest| rest.find(':')).map_or(after, |at| after + at + 1)
    }

    fn key(&self, name: &str) -> String {
        match self.notation {
            Notation::Json => Value::from(name).to_string(),
            Notation::Yaml => name.to_owned(),
        }
    }

    /// A value on one line.
    fn inline(&self, value: &Value) -> String {
        match (self.notation, write::flow(value)) {
            (Notation::Yaml, Some(text)) => text,
            _ => spaced(value),
        }
    }

    fn at(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
    }

    /// The white space before a member, if it begins a line.
    fn margin(&self, at: usize) -> Option<String> {
        let before = self.text.get(self.line_start(at)..at)?;
        let begins = before.trim().is_empty() && self.text.contains('\n');
        begins.then(|| before.to_owned())
    }

    /// One step of indentation: that of the first line that has any.
    fn unit(&self) -> &str {
        let indent = |line: &'_ str| line.len() - line.trim_start().len();
        let line = self.text.lines().find(|line| indent(line) > 0 && !line.trim().is_empty());
        line.and_then(|line| line.get(..indent(line))).unwrap_or("  ")
    }

    /// JSON without white space.
    fn is_dense(&self) -> bool {
        self.notation == Notation::Json && !self.text.trim_end().contains('\n') && !self.text.contains("\": ")
    }

    fn finish(mut self) -> String {
        self.edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for edit in &self.edits {
            out.push_str(self.text.get(done..edit.start).unwrap_or_default());
            out.push_str(&edit.text);
            done = edit.end.max(done);
        }
        out.push_str(self.text.get(done..).unwrap_or_default());
        out
    }
}

/// Whether a member is looked into, or left, rather than exchanged as a whole.
fn enters(node: &Node, wanted: &Value) -> bool {
    match (&node.kind, wanted) {
        (NodeKind::Map(_), Value::Object(_)) => true,
        (NodeKind::Seq(items), Value::Array(wanted)) => items.len() == wanted.len(),
        (NodeKind::Seq(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        _ => true,
    }
}

fn place(span: Span) -> (usize, usize) {
    (span.start as usize, span.end as usize)
}

/// JSON on one line, with a blank after colons and commas.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), spaced(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

/// JSON over several lines, further in than `margin`; what is short enough stays on one.
fn spread(value: &Value, margin: &str, unit: &str) -> String {
    let inner = format!("{margin}{unit}");
    let short = spaced(value);
    if inner.chars().count() + short.chars().count() <= WIDTH && !matches!(value, Value::Object(_)) {
        return short;
    }
    let (open, close, lines): (_, _, Vec<String>) = match value {
        Value::Array(items) if !items.is_empty() => {
            ('[', ']', items.iter().map(|item| short_or_spread(item, &inner, unit)).collect())
        }
        Value::Object(members) if !members.is_empty() => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), short_or_spread(value, &inner, unit))
            };
            ('{', '}', members.iter().map(member).collect())
        }
        value => return value.to_string(),
    };
    format!("{open}\n{inner}{}\n{margin}{close}", lines.join(&format!(",\n{inner}")))
}

fn short_or_spread(value: &Value, margin: &str, unit: &str) -> String {
    let short = spaced(value);
    if margin.chars().count() + short.chars().count() <= WIDTH { short } else { spread(value, margin, unit) }
}
