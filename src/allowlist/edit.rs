//! New text for an allowlist file: an entry added, or one that ends today. Comments, order and indentation stay as they are.
//!
//! Works on text because YAML writers lose what people wrote around the data. The result is always read again by the same
//! decoder that reads every file before anybody sees it (`cli::allowlist`), so a mistake here is refused, never saved.

use jiff::civil::Date;

use crate::model::allowlist::{Allowlist, Entry};
use crate::source::Span;
use crate::yaml::{Node, NodeKind};

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Unique in its file.
    pub id: String,
    /// One paragraph.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it was decided.
    pub ticket: Option<String>,
    /// Today.
    pub created: Date,
    /// The first day on which it no longer holds.
    pub expires: Date,
    /// Whether it stops the environment once it has expired.
    pub required: bool,
    /// All must match.
    pub predicates: Vec<NewPredicate>,
}

/// A condition to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPredicate {
    /// The column.
    pub column: String,
    /// Operator and values; more than one pair only for `min` with `max`.
    pub tests: Vec<(String, Vec<Scalar>)>,
}

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number, `true` or `false`, as it stands.
    Raw(String),
}

/// Why a file cannot be edited by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// `entries: [ … ]`, or an entry in braces.
    #[error("the entries of this file do not stand on lines of their own")]
    Inline,
    /// A value with a line break or another control character.
    #[error("{} cannot be written on one line", crate::characters::code_point(*.0))]
    Unwritable(char),
    /// The text is not what the entry was read from.
    #[error("the file changed while it was read")]
    Changed,
}

/// A new file with one entry. `slot` is written unless it is `main`.
///
/// # Errors
/// [`EditError::Unwritable`].
pub fn create(rules: &[String], slot: &str, entry: &NewEntry) -> Result<String, EditError> {
    let rules: Result<Vec<String>, EditError> = rules.iter().map(|rule| scalar(rule)).collect();
    let slot = if slot == "main" { String::new() } else { format!("slot: {}\n", scalar(slot)?) };
    let lines = lines(entry, "  - ", 2)?;
    Ok(format!("rules: [{}]\n{slot}entries:\n{}\n", rules?.join(", "), lines.join("\n")))
}

/// `text`, from which `list` was read, with an entry after the last one and in the same style.
///
/// # Errors
/// When the entries do not stand on lines of their own, or a value cannot be written.
pub fn append(text: &str, list: &Allowlist, entry: &NewEntry) -> Result<String, EditError> {
    let last = list.entries.last().ok_or(EditError::Inline)?;
    let start = last.span.start as usize;
    let line_start = text.get(..start).ok_or(EditError::Changed)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line_start..start).ok_or(EditError::Changed)?;
    let dash = before.trim_start();
    if !dash.starts_with('-')
        || !dash.trim_start_matches('-').trim().is_empty()
        || dash.matches('-').count() != 1
    {
        return Err(EditError::Inline);
    }
    let indent = before.len() - dash.len();
    // The step from `match:` to its columns, when they stand on lines of their own.
    let step = last.predicates.first().map(|predicate| column_of(text, predicate.column.span));
    let step = step.and_then(|column| column.checked_sub(before.len())).filter(|step| (1..=8).contains(step));
    let end = end_of_item(text, line_start, indent);
    let break_ = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = lines(entry, before, step.unwrap_or(2))?;
    let (head, tail) = text.split_at_checked(end).ok_or(EditError::Changed)?;
    let opening = if head.ends_with('\n') { "" } else { break_ };
    Ok(format!("{head}{opening}{}{break_}{tail}", lines.join(break_)))
}

/// `text` with an entry that no longer holds from `today` on, and that does not stop the environment for it.
///
/// # Errors
/// [`EditError::Changed`] when the entry is not there.
pub fn expire(text: &str, entry: &Entry, today: Date) -> Result<String, EditError> {
    let node = node_of(text, entry).ok_or(EditError::Changed)?;
    let mut edits = vec![(entry.expires.span, today.to_string())];
    let member = |name: &str| match &node.kind {
        NodeKind::Map(members) => members.iter().find(|(key, _)| key.name == name),
        _ => None,
    };
    if entry.required {
        match member("required") {
            Some((_, value)) => edits.push((value.span, "false".to_owned())),
            None => {
                let (key, _) = member("expires").ok_or(EditError::Changed)?;
                edits.push(new_member(text, key.span, entry.expires.span)?);
            }
        }
    }
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    for (span, new) in edits {
        let range = span.start as usize..span.end as usize;
        text.get(range.clone()).ok_or(EditError::Changed)?;
        text.replace_range(range, &new);
    }
    Ok(text)
}

/// `required: false` on a line after that of `expires`, or after its value in a mapping in braces.
fn new_member(text: &str, key: Span, value: Span) -> Result<(Span, String), EditError> {
    let start = key.start as usize;
    let line_start = text.get(..start).ok_or(EditError::Changed)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line_start..start).ok_or(EditError::Changed)?;
    if !before.trim_start_matches([' ', '-']).is_empty() {
        let end = closing_quote(text, value);
        return Ok((Span::new(value.file, end, end), ", required: false".to_owned()));
    }
    let rest = text.get(value.end as usize..).ok_or(EditError::Changed)?;
    let line_end = rest.find(['\r', '\n']).unwrap_or(rest.len());
    let at = value.end + u32::try_from(line_end).unwrap_or(0);
    let break_ = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let indent = " ".repeat(before.chars().count());
    Ok((Span::new(value.file, at, at), format!("{break_}{indent}required: false")))
}

/// A quoted value's span may leave its quotes out.
fn closing_quote(text: &str, value: Span) -> u32 {
    let quoted = text.get(value.end as usize..).is_some_and(|rest| rest.starts_with(['\'', '"']));
    value.end + u32::from(quoted)
}

fn node_of(text: &str, entry: &Entry) -> Option<Node> {
    let document = crate::yaml::read::read(text, entry.span.file).ok()?;
    let NodeKind::Seq(items) = &document.get("entries")?.kind else { return None };
    items.iter().find(|item| item.get("id").and_then(Node::as_str) == Some(entry.id.value.as_str())).cloned()
}

/// Bytes before a span on its line.
fn column_of(text: &str, span: Span) -> usize {
    let start = span.start as usize;
    let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let before = text.get(line_start..start).unwrap_or("");
    if before.trim().is_empty() { before.len() } else { usize::MAX }
}

/// Where the list item that starts on the line at `start` ends: before the first line that is not indented deeper, without
/// the blank lines in between.
fn end_of_item(text: &str, start: usize, indent: usize) -> usize {
    let mut end = start;
    let mut at = start;
    for (number, line) in text.get(start..).unwrap_or("").split_inclusive('\n').enumerate() {
        let content = line.trim();
        let depth = line.len() - line.trim_start().len();
        if number > 0 && !content.is_empty() && depth <= indent {
            break;
        }
        at += line.len();
        if !content.is_empty() {
            end = at;
        }
    }
    end
}

/// The lines of an entry; `dash` is what stands before its first key.
fn lines(entry: &NewEntry, dash: &str, step: usize) -> Result<Vec<String>, EditError> {
    let indent = " ".repeat(dash.len());
    let deeper = " ".repeat(dash.len() + step);
    let mut lines = vec![format!("{dash}id: {}", scalar(&entry.id)?)];
    lines.push(format!("{indent}reason: {}", scalar(&one_paragraph(&entry.reason))?));
    lines.push(format!("{indent}owner: {}", scalar(&entry.owner)?));
    if let Some(ticket) = &entry.ticket {
        lines.push(format!("{indent}ticket: {}", scalar(ticket)?));
    }
    lines.push(format!("{indent}created: {}", entry.created));
    lines.push(format!("{indent}expires: {}", entry.expires));
    if !entry.required {
        lines.push(format!("{indent}required: false"));
    }
    lines.push(format!("{indent}match:"));
    for predicate in &entry.predicates {
        let column = scalar(&predicate.column)?;
        if let [(operator, values)] = predicate.tests.as_slice()
            && values.len() > 1
        {
            lines.push(format!("{deeper}{column}:"));
            lines.push(format!("{deeper}  {operator}:"));
            for value in values {
                lines.push(format!("{deeper}    - {}", value.text()?));
            }
            continue;
        }
        let tests: Result<Vec<String>, EditError> = predicate
            .tests
            .iter()
            .flat_map(|(operator, values)| values.iter().map(move |value| (operator, value)))
            .map(|(operator, value)| {
                let value = value.text()?;
                Ok(if operator == "in" { format!("in: [{value}]") } else { format!("{operator}: {value}") })
            })
            .collect();
        lines.push(format!("{deeper}{column}: {{{}}}", tests?.join(", ")));
    }
    Ok(lines)
}

impl Scalar {
    fn text(&self) -> Result<String, EditError> {
        match self {
            Self::Text(text) => scalar(text),
            Self::Raw(text) => Ok(text.clone()),
        }
    }
}

fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A string as YAML: plain when nobody can take it for anything else, in single quotes otherwise.
fn scalar(text: &str) -> Result<String, EditError> {
    if let Some(c) = text.chars().find(|c| {
        crate::characters::is_control(*c)
            || crate::characters::is_bidi_control(*c)
            || crate::characters::is_invisible(*c)
    }) {
        return Err(EditError::Unwritable(c));
    }
    let words = ["true", "false", "null", "yes", "no", "on", "off"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@ ".contains(c))
        && !text.ends_with(' ')
        && !words.contains(&text.to_ascii_lowercase().as_str());
    Ok(if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) })
}
