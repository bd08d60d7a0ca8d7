//! What was changed outside of Palisade, as text for a terminal and as markdown for an issue.

use std::fmt::Write as _;

use serde_json::Value;

use crate::plan::{DriftKind, Drifted};

use super::markdown::{Page, code};
use super::paint::Paint;
use super::safe;

/// By this a pipeline finds the issue that it opened earlier.
pub const MARK: &str = "<!-- palisade drift -->";

/// What was found in one environment.
#[derive(Debug)]
pub struct Found<'a> {
    /// Its name.
    pub environment: &'a str,
    /// Rules that are not as they were last applied.
    pub drifted: &'a [Drifted],
    /// Addresses that were never applied, as far as anybody knows.
    pub absent: &'a [String],
}

/// One environment, for people.
#[must_use]
pub fn text(found: &Found<'_>, paint: Paint) -> String {
    let mut out = paint.strong(&safe::line(found.environment));
    out.push('\n');
    let _ = writeln!(out, "{}", count(found.drifted.len()));
    for one in found.drifted {
        let _ = write!(
            out,
            "\n{} {}  {}",
            paint.changed("~"),
            paint.strong(&safe::line(&one.address)),
            what(one.what)
        );
        for (word, value) in [("by", &one.modified_by), ("at", &one.modified_at)] {
            if let Some(value) = value {
                let _ = write!(out, " {word} {}", safe::line(value));
            }
        }
        if let Some(reason) = &one.reason {
            let _ = write!(out, " ({})", safe::line(reason));
        }
        out.push('\n');
        for field in &one.fields {
            let (before, after) = (short(&field.before), short(&field.after));
            let _ = writeln!(out, "    {}: {before} → {after}", safe::line(&field.path));
        }
    }
    if !found.absent.is_empty() {
        let _ = writeln!(
            out,
            "\n{}",
            paint.faint("Not there, and never applied as far as the record here says:")
        );
        for address in found.absent {
            let _ = writeln!(out, "    {}", safe::line(address));
        }
    }
    safe::composed(out)
}

/// All environments on one page of at most `limit` bytes.
#[must_use]
pub fn markdown(all: &[Found<'_>], limit: usize) -> String {
    let mut page = Page::new(limit);
    let total: usize = all.iter().map(|found| found.drifted.len()).sum();
    page.push(&format!("{MARK}\n## Drift\n\n{}\n", count(total)));
    for (number, found) in all.iter().enumerate() {
        let heading = format!("### {}: {}", code(found.environment), found.drifted.len());
        let items: Vec<String> = found.drifted.iter().map(item).collect();
        if items.is_empty() {
            continue;
        }
        let share = page.room() / (all.len() - number);
        let mut part = Page::new(share + Page::TAIL);
        part.list(&heading, &items);
        page.note(&part.finish(""));
    }
    page.finish("")
}

fn item(one: &Drifted) -> String {
    let mut out = format!("{} {}", code(&one.address), what(one.what));
    for (word, value) in [("by", &one.modified_by), ("at", &one.modified_at), ("reason", &one.reason)] {
        if let Some(value) = value {
            let _ = write!(out, ", {word} {}", code(value));
        }
    }
    for field in &one.fields {
        let (before, after) = (code(&short(&field.before)), code(&short(&field.after)));
        let _ = write!(out, "\n  - {}: {before} → {after}", code(&field.path));
    }
    out
}

fn count(rules: usize) -> String {
    match rules {
        0 => "No drift. Every deployed rule is as it was last applied.".to_owned(),
        1 => "1 rule is not as it was last applied.".to_owned(),
        count => format!("{count} rules are not as they were last applied."),
    }
}

const fn what(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Changed => "changed",
        DriftKind::MarkerRemoved => "its ownership marker was removed",
        DriftKind::AutoDisabled => "switched off by the service",
        DriftKind::Deleted => "deleted",
    }
}

/// A value on one line; a long one is counted, because `plan` shows it whole.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        other => safe::line(&other.to_string()),
    };
    match text.chars().count() {
        count if count > 60 => format!("({count} characters)"),
        _ => text,
    }
}
