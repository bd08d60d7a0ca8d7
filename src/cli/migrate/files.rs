//! `palisade migrate PATH…`: files that hold custom detections in the retired shape, rewritten in place.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::failure::{Exit, Failure};
use super::super::files::{below, replace, text};
use super::super::fmt::difference;
use super::super::plan::Format;
use super::super::repository::count_line;
use super::super::ui::Ui;
use crate::diagnostic::Diagnostics;
use crate::import::migrate::{Migrated, leftovers, migrate};
use crate::import::rewrite::Notation;
use crate::render::safe;
use crate::source::SourceMap;

/// Files of these kinds are looked at below a folder.
const EXTENSIONS: &[&str] = &["json", "yaml", "yml"];
/// Largest file, in bytes. All of it is held with the place of every value.
const MAX_BYTES: u64 = 32 << 20;
/// Differences are shown of files of up to this many bytes: finding them takes the square of their lines.
const SHOWN_BYTES: usize = 1 << 20;
/// A difference of more lines is only counted.
const MOST_LINES: usize = 1_000;

/// What became of the files.
#[derive(Default)]
struct Outcome {
    sources: SourceMap,
    problems: Diagnostics,
    /// Files that could not be read, with the reason.
    unreadable: Vec<String>,
    /// Files that hold rules in words of another tool.
    foreign: Vec<String>,
    changed: Vec<(String, Migrated)>,
    /// Files with rules in which nothing is to be done.
    same: usize,
    looked_at: usize,
}

pub(super) fn run(
    paths: &[PathBuf],
    write: bool,
    format: Format,
    start: &Path,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let mut outcome = Outcome::default();
    for path in paths {
        for file in below(path, EXTENSIONS)? {
            one(&file, start, write, format, &mut outcome, ui)?;
        }
    }
    finish(write, format, outcome, ui)
}

fn one(
    path: &Path,
    start: &Path,
    write: bool,
    format: Format,
    outcome: &mut Outcome,
    ui: &Ui,
) -> Result<(), Failure> {
    let shown = path.strip_prefix(start).unwrap_or(path).display().to_string();
    outcome.looked_at += 1;
    let before = match text(path, MAX_BYTES) {
        Ok(text) => text,
        Err(reason) => {
            outcome.unreadable.push(format!("{shown}: {reason}"));
            return Ok(());
        }
    };
    if is_xdr_converter(&before) {
        outcome.foreign.push(shown);
        return Ok(());
    }
    if !["queryCondition", "detectionAction", "x-defender"].iter().any(|name| before.contains(name)) {
        return Ok(());
    }
    let notation = match before.trim_start().chars().next() {
        Some('{' | '[') => Notation::Json,
        _ => Notation::Yaml,
    };
    let file = outcome.sources.add(&*shown, &*before);
    let mut migrated = match migrate(&before, file, notation) {
        Ok(migrated) => migrated,
        Err(problems) => {
            outcome.problems.extend(problems);
            return Ok(());
        }
    };
    let changes = migrated.text != before;
    // Places are those of the file as it lies there when the command ends.
    let file = if write && changes { outcome.sources.add(&*shown, &*migrated.text) } else { file };
    let lies_there = if write { migrated.text.as_str() } else { before.as_str() };
    match leftovers(lies_there, file, notation) {
        Ok(left) => outcome.problems.extend(left),
        Err(problems) => outcome.problems.extend(problems),
    }
    if !changes {
        outcome.same += 1;
        return Ok(());
    }
    if write {
        replace(path, &migrated.text)?;
    }
    if format == Format::Text {
        ui.data(&safe::line(&shown));
        if !write {
            ui.data(&preview(&before, &migrated.text, ui));
        }
    }
    migrated.text = String::new();
    outcome.changed.push((shown, migrated));
    Ok(())
}

/// What would change in a file.
fn preview(before: &str, after: &str, ui: &Ui) -> String {
    if before.len().max(after.len()) > SHOWN_BYTES {
        return format!("    (not shown: the file is larger than {} MiB)", SHOWN_BYTES >> 20);
    }
    let lines = difference(before, after, ui.out);
    match lines.lines().count() {
        count if count > MOST_LINES => format!("    (not shown: {count} lines)"),
        _ => lines,
    }
}

/// XDRConverter has names of its own for some of the retired words; its files are its business, or an import's.
fn is_xdr_converter(text: &str) -> bool {
    let has = |name: &str| {
        text.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
    };
    has("queryText") && ["impactedEntities", "alertCategory", "isEnabled"].into_iter().any(has)
}

fn finish(write: bool, format: Format, mut outcome: Outcome, ui: &Ui) -> Result<Exit, Failure> {
    outcome.problems.settle(&outcome.sources);
    if format == Format::Json {
        ui.json(&report(&outcome));
    }
    let mut dropped: Vec<&str> =
        outcome.changed.iter().flat_map(|(_, found)| found.dropped.clone()).collect();
    dropped.sort_unstable();
    dropped.dedup();
    if !dropped.is_empty() {
        let verb = if write { "Taken out" } else { "Would be taken out" };
        ui.say(&format!(
            "{verb}, because the service said so and nothing took its place: {}.",
            dropped.join(", ")
        ));
    }
    for file in &outcome.foreign {
        let file = safe::line(file);
        ui.say(&format!("Left alone: {file} has XDRConverter's own names; `palisade import files {file}` writes a rule file."));
    }
    if outcome.problems.has_errors() {
        let text =
            crate::render::diagnostics::text(&outcome.problems, &outcome.sources, ui.err.color, ui.width);
        ui.tell(text.trim_end());
        ui.tell(count_line(&outcome.problems).trim_end_matches("; nothing was sent."));
    }
    for problem in &outcome.unreadable {
        ui.tell(&format!("{} {}", ui.err.removed("error:"), safe::line(problem)));
    }
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let rules = outcome.changed.iter().map(|(_, found)| found.rewritten).sum();
    let (rules, files) = (count(rules, "rule"), count(outcome.changed.len(), "file"));
    let failed = outcome.problems.has_errors() || !outcome.unreadable.is_empty();
    match (outcome.changed.len(), write) {
        (0, _) if failed => {}
        (0, _) => ui.say(&format!("Nothing to migrate in {}.", count(outcome.looked_at, "file"))),
        (_, true) => ui.say(&format!("Rewrote {rules} in {files}.")),
        (_, false) => ui.say(&format!("Would rewrite {rules} in {files}; --write does it.")),
    }
    if failed { Err(Failure::diagnosed(Exit::Error)) } else { Ok(Exit::Done) }
}

fn report(outcome: &Outcome) -> Value {
    let file = |(path, found): &(String, Migrated)| json!({"path": path, "rules": found.rules, "rewritten": found.rewritten, "dropped": found.dropped});
    json!({
        "files": outcome.looked_at,
        "changed": outcome.changed.iter().map(file).collect::<Vec<_>>(),
        "unchanged": outcome.same,
        "foreign": outcome.foreign,
        "unreadable": outcome.unreadable,
        "diagnostics": crate::render::diagnostics::json(&outcome.problems, &outcome.sources),
    })
}
