//! Single values: strings, words, numbers, durations, dates, ids.
//!
//! Every string is checked for characters that cannot be seen, because names and values end up in queries, terminals and
//! portals.

use jiff::civil::Date;

use super::object::{shown, wrong_type};
use crate::address::RuleId;
use crate::characters;
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::duration::{DurationError, IsoDuration};
use crate::source::{Span, Spanned};
use crate::yaml::{Node, NodeKind, Text};

/// A string on one line: names, titles, columns.
pub fn line(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    checked(node, out, false)
}

/// A string of any number of lines. Trailing line breaks are removed: they come from the `|` and mean nothing.
pub fn text(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let mut found = checked(node, out, true)?;
    found.value.truncate(found.value.trim_end_matches('\n').len());
    Some(found)
}

/// A string with its map back to the file, for queries. Lines may be as they like; only hidden characters are refused.
pub fn located(node: &Node, out: &mut Diagnostics) -> Option<Text> {
    checked(node, out, true)?;
    match &node.kind {
        NodeKind::Str(text) => Some(text.clone()),
        _ => None,
    }
}

/// `true` or `false`.
pub fn boolean(node: &Node, out: &mut Diagnostics) -> Option<Spanned<bool>> {
    match &node.kind {
        NodeKind::Bool(value) => Some(Spanned::new(*value, node.span)),
        NodeKind::Str(text) if matches!(text.value.as_str(), "true" | "false") => {
            out.push(wrong_type(node, "a boolean").with_help("remove the quotes"));
            None
        }
        _ => {
            out.push(wrong_type(node, "a boolean"));
            None
        }
    }
}

/// A whole number between `least` and `most`, both included.
pub fn int(least: u32, most: u32) -> impl Fn(&Node, &mut Diagnostics) -> Option<Spanned<u32>> {
    move |node, out| match &node.kind {
        NodeKind::Int(value) => match u32::try_from(*value) {
            Ok(number) if (least..=most).contains(&number) => Some(Spanned::new(number, node.span)),
            _ => {
                out.push(invalid(
                    node.span,
                    "number out of range",
                    format!("must be from {least} to {most}"),
                ));
                None
            }
        },
        NodeKind::Str(text) if text.value.parse::<u32>().is_ok() => {
            out.push(wrong_type(node, "a whole number").with_help("remove the quotes"));
            None
        }
        _ => {
            out.push(wrong_type(node, "a whole number"));
            None
        }
    }
}

/// One word of a table, in the table's spelling.
pub fn word<T: Copy>(
    names: &'static [(&'static str, T)],
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Spanned<T>> {
    move |node, out| {
        let found = written_word(node, || names.iter().map(|(name, _)| *name).collect(), out)?;
        let hit = names.iter().find(|(name, _)| *name == found.value);
        if hit.is_none() {
            out.push(not_one_of(&found, names.iter().map(|(name, _)| *name)));
        }
        hit.map(|(_, value)| Spanned::new(*value, node.span))
    }
}

/// One word of a list, as a string.
pub fn name_of(
    names: &'static [&'static str],
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Spanned<String>> + Copy {
    move |node, out| {
        let found = written_word(node, || names.to_vec(), out)?;
        if names.contains(&found.value.as_str()) {
            return Some(found);
        }
        out.push(not_one_of(&found, names.iter().copied()));
        None
    }
}

const DURATION_FORM: &str = "PT5M is five minutes, PT1H an hour, P1D a day, P14D two weeks";

/// An ISO-8601 duration.
pub fn duration(node: &Node, out: &mut Diagnostics) -> Option<Spanned<IsoDuration>> {
    if node.as_str().is_none() {
        out.push(wrong_type(node, "a duration").with_help(DURATION_FORM));
        return None;
    }
    let found = line(node, out)?;
    match IsoDuration::parse(&found.value) {
        Ok(value) => Some(Spanned::new(value, node.span)),
        Err(error) => {
            let help = suggest_duration(&found.value)
                .map_or_else(|| DURATION_FORM.to_owned(), |meant| format!("did you mean `{meant}`?"));
            let label = match error {
                DurationError::Syntax => "not an ISO-8601 duration",
                DurationError::Calendar => "months and years have no fixed length",
                DurationError::Fraction => "only whole, unsigned numbers",
            };
            out.push(invalid(node.span, "not a duration", label).with_help(help));
            None
        }
    }
}

/// A day, `2026-11-02`.
pub fn date(node: &Node, out: &mut Diagnostics) -> Option<Spanned<Date>> {
    let found = line(node, out)?;
    // jiff also takes times and zones; a day is all that means anything here.
    let value = if found.value.len() == 10 { found.value.parse::<Date>().ok() } else { None };
    if value.is_none() {
        let shaped = found.value.len() == 10 && found.value.bytes().filter(|byte| *byte == b'-').count() == 2;
        let label = if shaped { "there is no such day" } else { "not a date" };
        out.push(invalid(node.span, "not a date", label).with_help("write year, month and day: 2027-05-01"));
    }
    value.map(|value| Spanned::new(value, node.span))
}

/// A rule id.
pub fn rule_id(node: &Node, out: &mut Diagnostics) -> Option<Spanned<RuleId>> {
    let found = line(node, out)?;
    id(&found, out)
}

/// A string that is to be a rule id.
pub fn id(found: &Spanned<String>, out: &mut Diagnostics) -> Option<Spanned<RuleId>> {
    match RuleId::new(&found.value) {
        Ok(id) => Some(Spanned::new(id, found.span)),
        Err(reason) => {
            out.push(
                invalid(found.span, "not a rule id", format!("the id {reason}"))
                    .with_help("an id looks like `scheduled-task-untrusted-binary`"),
            );
            None
        }
    }
}

/// A GUID, in lower case.
pub fn guid(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = line(node, out)?;
    let groups: Vec<&str> = found.value.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex) {
        return Some(found.map(|value| value.to_ascii_lowercase()));
    }
    out.push(
        invalid(node.span, "not a GUID", "not a GUID")
            .with_help("a GUID looks like 72f988bf-86f1-41af-91ab-2d7cd011db47"),
    );
    None
}

/// A string whose characters all satisfy `allowed`; `form` says which those are.
pub fn made_of(
    allowed: fn(char) -> bool,
    most: usize,
    form: &'static str,
) -> impl Fn(&Node, &mut Diagnostics) -> Option<Spanned<String>> + Copy {
    move |node, out| {
        let found = line(node, out)?;
        if found.value.chars().all(allowed) && found.value.chars().count() <= most {
            return Some(found);
        }
        out.push(invalid(node.span, "not an acceptable name", form));
        None
    }
}

/// The error for a value of the right type that is not acceptable.
#[must_use]
pub fn invalid(span: Span, summary: impl Into<String>, label: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::INVALID_VALUE, summary).labelled(span, label)
}

/// The error for a word that is not in its list.
#[must_use]
pub fn not_one_of<'a>(found: &Spanned<String>, names: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let finding = invalid(
        found.span,
        "unknown word",
        format!("`{}` is not one of the words for this", shown(&found.value)),
    );
    let known: Vec<&str> = names.clone().collect();
    let known = known.join(", ");
    match did_you_mean(&found.value, names) {
        Some(near) => finding.with_guess(near).with_detail(format!("Known words: {known}.")),
        None => finding.with_help(format!("known words: {known}")),
    }
}

/// A string where a word of a list belongs; quoting something else would not help.
fn written_word(
    node: &Node,
    names: impl FnOnce() -> Vec<&'static str>,
    out: &mut Diagnostics,
) -> Option<Spanned<String>> {
    if node.as_str().is_none() {
        let finding = Diagnostic::error(codes::WRONG_TYPE, "expected one word")
            .labelled(node.span, format!("found {}", node.describe()));
        out.push(finding.with_help(format!("known words: {}", names().join(", "))));
        return None;
    }
    line(node, out)
}

fn checked(node: &Node, out: &mut Diagnostics, many_lines: bool) -> Option<Spanned<String>> {
    let NodeKind::Str(found) = &node.kind else {
        out.push(wrong_type(node, "a string"));
        return None;
    };
    let value = &found.value;
    if is_blank(value) {
        out.push(
            Diagnostic::error(codes::EMPTY_VALUE, "an empty string")
                .labelled(node.span, "a text is needed here"),
        );
        return None;
    }
    if let Some((at, hidden)) = value.char_indices().find(|(_, c)| is_refused(*c, many_lines)) {
        let span = found.locate(node.span, at, at + hidden.len_utf8());
        // Without a map to the file, the text was written with escapes.
        let help = if found.line_starts.is_empty() {
            "a backslash starts an escape inside double quotes: use single quotes for paths and expressions"
        } else {
            "remove the character"
        };
        let finding = if hidden == '\n' {
            invalid(node.span, "expected one line", "this text has several lines")
        } else {
            Diagnostic::error(codes::UNSAFE_TEXT, "a character that cannot be seen")
                .labelled(span, characters::code_point(hidden))
                .with_help(help)
        };
        out.push(finding);
        return None;
    }
    Some(Spanned::new(value.clone(), node.span))
}

/// Whether [`line`] (or [`text`] and [`located`], with `many_lines`) would take this value: for whoever writes such files.
#[must_use]
pub fn is_acceptable(value: &str, many_lines: bool) -> bool {
    !is_blank(value) && !value.contains(|c| is_refused(c, many_lines))
}

fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}

fn is_refused(c: char, many_lines: bool) -> bool {
    match c {
        '\n' | '\t' => !many_lines,
        c => characters::is_control(c) || characters::is_bidi_control(c),
    }
}

/// What somebody who wrote `1h`, `pt1h` or `24 hours` meant.
fn suggest_duration(written: &str) -> Option<String> {
    let upper = written.trim().to_ascii_uppercase();
    if IsoDuration::parse(&upper).is_ok() {
        return Some(upper);
    }
    let digits = upper.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = upper.split_at(digits);
    let meant = match unit.trim() {
        "S" | "SEC" | "SECONDS" => format!("PT{count}S"),
        "M" | "MIN" | "MINUTES" => format!("PT{count}M"),
        "H" | "HOUR" | "HOURS" => format!("PT{count}H"),
        "D" | "DAY" | "DAYS" => format!("P{count}D"),
        "W" | "WEEK" | "WEEKS" => format!("P{count}W"),
        _ => return None,
    };
    IsoDuration::parse(&meant).is_ok().then_some(meant)
}
