//! One rule's query for one platform in one environment: parameters replaced, slots filled, every byte with its origin.

use std::sync::Arc;

use crate::address::Target;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::model::allowlist::Predicate;
use crate::model::rule::{Query, Rule};
use crate::resource::{EntryUse, LineOrigin};
use crate::source::Span;

use super::origin::{Locator, OffsetMap, Origin};
use super::outline::{Outline, Trivia};
use super::{Scope, allowlist, analysis, parameters, slot};

/// What a platform allows in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Sentinel, and Defender on a schedule.
    Full,
    /// Continuous custom detections: no comments, and no `now()` in an entry (CONTRACT A.5).
    Continuous,
}

/// A compiled query.
#[derive(Debug, Clone)]
pub(crate) struct Compiled<'a> {
    pub(crate) text: String,
    pub(crate) lines: Vec<LineOrigin>,
    pub(crate) entries: Vec<EntryUse>,
    /// Where the query stands, for messages about the whole.
    pub(crate) span: Span,
    /// Where every byte of the text came from.
    pub(crate) map: OffsetMap,
    /// Every predicate of an allowlist in the text, in order; [`Origin::Predicate`] has their indices.
    pub(crate) predicates: Vec<Placed<'a>>,
    /// What is known of the text before anything was put in.
    pub(crate) outline: Arc<Outline>,
}

/// A predicate of an allowlist in a compiled query.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'a> {
    pub(crate) predicate: &'a Predicate,
    /// The `|` of its slot's `where` in the compiled text: the columns in scope there are the ones it may use.
    pub(crate) slot_at: u32,
}

/// The query that a rule has for a target, or `None` for kinds without one.
pub(crate) fn of_target<'a>(rule: &'a Rule, target: &Target) -> Option<(&'a Query, Dialect)> {
    match target {
        Target::Defender => {
            let section = rule.defender.as_ref()?;
            let dialect = if section.frequency.seconds() == 0 { Dialect::Continuous } else { Dialect::Full };
            Some((section.query.as_ref().or(rule.query.as_ref())?, dialect))
        }
        Target::Sentinel(_) => {
            let section = rule.sentinel.as_ref().filter(|section| section.kind.has_query())?;
            Some((section.query.as_ref().or(rule.query.as_ref())?, Dialect::Full))
        }
    }
}

/// Compiles `query`; `None` after an error that leaves nothing worth looking at.
pub(crate) fn compile<'a>(
    scope: &Scope<'a>,
    rule: &Rule,
    query: &Query,
    dialect: Dialect,
    diagnostics: &mut Diagnostics,
) -> Option<Compiled<'a>> {
    // With a line break at the end, every slot has a line after it to be filled.
    let text = format!("{}\n", query.text.value.trim_end());
    let outline = scope.analyses.outline(&text);
    let locator = Locator::new(&query.text, query.span);
    ill_formed(&outline, &locator, diagnostics)?;

    let mut edits = Vec::new();
    if let Some(given) = scope.environment.parameters.iter().find(|given| given.rule.value == rule.id.value) {
        let replaced = parameters::resolve(&outline.parameters, given, diagnostics);
        edits.extend(replaced.into_iter().map(|replacement| replace(scope, replacement)));
    }
    let mut entries = Vec::new();
    for found in &outline.slots {
        if let Some(fault) = found.fault {
            diagnostics.push(
                Diagnostic::error("CMP-06", "misplaced allowlist slot")
                    .labelled(locator.span(found.start, found.end), fault),
            );
            continue;
        }
        let policy = rule.allowlist.iter().find(|policy| policy.slot.value == found.name);
        let filled = allowlist::fill(scope, rule, &found.name, policy, dialect, diagnostics);
        if !filled.lines.is_empty() {
            edits.push(insertion(found, &filled));
            entries.extend(filled.entries);
        }
    }
    unknown_slots(scope, rule, &outline.slots, diagnostics);
    if dialect == Dialect::Continuous {
        edits.extend(outline.trivia.iter().flat_map(|run| without_comments(*run, &text, &outline.slots)));
    }
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let path: Arc<str> = scope.repository.sources.path(query.span.file).into();
    let rule_line = |offset: usize| LineOrigin::Rule {
        path: Arc::clone(&path),
        line: scope.repository.sources.position(locator.span(offset, offset)).line,
    };
    let mut assembler = assemble(&text, &edits, rule_line);
    assembler.finish();
    let Assembler { text, lines, map, predicates, .. } = assembler;
    Some(Compiled { text, lines, entries, span: query.span, map, predicates, outline })
}

/// Reports a text that is no query. Nothing is put into such a text: it could mean anything there.
fn ill_formed(outline: &Outline, locator: &Locator<'_>, diagnostics: &mut Diagnostics) -> Option<()> {
    for (span, what) in &outline.faults {
        diagnostics.push(
            Diagnostic::error("KQL-C01", "the query is not well-formed")
                .labelled(locator.span(span.start as usize, span.end as usize), *what),
        );
    }
    for error in &outline.errors {
        let span = locator.span(error.span.start as usize, error.span.end as usize);
        diagnostics.push(analysis::syntax_error(error).labelled(span, error.message.clone()));
    }
    (outline.faults.is_empty() && outline.errors.is_empty()).then_some(())
}

/// A replacement of `start..end` by `text`.
#[derive(Default)]
struct Edit<'a> {
    start: usize,
    end: usize,
    text: String,
    /// Origin of each line that the new text touches; none leaves the line to the rule.
    origins: Vec<LineOrigin>,
    /// Origin of each piece of the new text, by its first byte in it.
    pieces: Vec<(usize, Piece<'a>)>,
}

enum Piece<'a> {
    Parameter(Origin),
    /// The slot's comment stands here.
    Slot(usize),
    Predicate(&'a Predicate),
}

fn replace<'a>(scope: &Scope<'_>, replacement: parameters::Replacement) -> Edit<'a> {
    let parameters::Replacement { parameter, literal, origin, value } = replacement;
    let sources = &scope.repository.sources;
    let line = LineOrigin::Parameter {
        path: sources.path(origin.file).into(),
        line: sources.position(origin).line,
        name: parameter.name,
    };
    let (start, end) = (parameter.start, parameter.end);
    let piece = Piece::Parameter(Origin::Parameter { value, literal: (start, end) });
    Edit { start, end, text: literal, origins: vec![line], pieces: vec![(0, piece)] }
}

/// The text of a slot, as whole lines after the slot's comment.
fn insertion<'a>(slot: &slot::Slot, filled: &allowlist::Filled<'a>) -> Edit<'a> {
    let mut edit = Edit { start: slot.insert_at, end: slot.insert_at, ..Edit::default() };
    edit.pieces.push((0, Piece::Slot(slot.start)));
    for line in &filled.lines {
        edit.text.push_str(&slot.indent);
        let at = edit.text.len();
        for (range, predicate) in &line.predicates {
            edit.pieces.push((at + range.start, Piece::Predicate(predicate)));
            edit.pieces.push((at + range.end, Piece::Slot(slot.start)));
        }
        edit.text.push_str(&line.text);
        edit.text.push('\n');
        edit.origins.push(LineOrigin::Allowlist { entries: line.entries.clone() });
    }
    edit
}

/// Takes comments, and the blank lines that they and others leave, out of a run of white space and comments. A slot's
/// lines go in between: its place stays a line of its own.
fn without_comments<'a>(run: Trivia, text: &str, slots: &[slot::Slot]) -> Vec<Edit<'a>> {
    let mut edits = Vec::new();
    let mut start = run.start;
    let inside = |at: &usize| run.start < *at && *at <= run.end;
    for at in slots.iter().map(|slot| slot.insert_at).filter(inside) {
        // Up to, not including, the line break before the slot's lines.
        edits.push(Edit { start, end: (at - 1).max(start), ..Edit::default() });
        start = at;
    }
    let rest = text.get(start..run.end).unwrap_or("");
    let end = match rest.rfind('\n') {
        // At the start of the text or of a line nothing is before the last line break that it would have to end.
        Some(last) if start == 0 || start > run.start => start + last + 1,
        Some(last) => start + last,
        None if run.comment => run.end,
        None => start,
    };
    edits.push(Edit { start, end, ..Edit::default() });
    edits.retain(|edit| edit.start < edit.end);
    edits
}

/// Applies edits (sorted, not overlapping) and says for each line of the result where it came from. Trailing blank
/// lines go: neither service keeps them.
fn assemble<'a>(text: &str, edits: &[Edit<'a>], rule_line: impl Fn(usize) -> LineOrigin) -> Assembler<'a> {
    let mut result = Assembler::default();
    let mut position = 0;
    for edit in edits {
        let copied = text.get(position..edit.start).unwrap_or("");
        result.map.push(result.text.len(), Origin::Query(position));
        result.append(copied, |_, at| (Some(rule_line(position + at)), false));
        result.pieces(edit);
        result.append(&edit.text, |line, _| (edit.origins.get(line).cloned(), true));
        position = edit.end;
    }
    result.map.push(result.text.len(), Origin::Query(position));
    result.append(text.get(position..).unwrap_or(""), |_, at| (Some(rule_line(position + at)), false));
    result
}

#[derive(Default)]
struct Assembler<'a> {
    text: String,
    lines: Vec<LineOrigin>,
    current: Option<LineOrigin>,
    map: OffsetMap,
    predicates: Vec<Placed<'a>>,
}

impl<'a> Assembler<'a> {
    /// Notes where the pieces of an edit will stand, before its text is appended.
    fn pieces(&mut self, edit: &Edit<'a>) {
        let base = self.text.len();
        let indent = edit.text.len() - edit.text.trim_start().len();
        let slot_at = u32::try_from(base + indent).unwrap_or(u32::MAX);
        for (start, piece) in &edit.pieces {
            let origin = match piece {
                Piece::Parameter(origin) => *origin,
                Piece::Slot(comment) => Origin::Slot(*comment),
                Piece::Predicate(predicate) => {
                    let index = self.predicates.len();
                    self.predicates.push(Placed { predicate, slot_at });
                    Origin::Predicate { column: predicate.column.span, index }
                }
            };
            self.map.push(base + start, origin);
        }
    }

    /// Appends a piece. `origin` gets the number and the offset of each line in the piece, and answers with the line's
    /// origin and whether that goes before what the line had from an earlier piece.
    fn append(&mut self, piece: &str, origin: impl Fn(usize, usize) -> (Option<LineOrigin>, bool)) {
        let mut offset = 0;
        for (number, line) in piece.split_inclusive('\n').enumerate() {
            match origin(number, offset) {
                (Some(found), overrides) if overrides || self.current.is_none() => self.current = Some(found),
                _ => {}
            }
            self.text.push_str(line);
            if line.ends_with('\n') {
                self.lines.extend(self.current.take());
            }
            offset += line.len();
        }
    }

    fn finish(&mut self) {
        self.lines.extend(self.current.take());
        self.text.truncate(self.text.trim_end().len());
        self.lines.truncate(self.text.split('\n').count());
        // These are kept for every rule until the end of the run.
        self.lines.shrink_to_fit();
        self.text.shrink_to_fit();
    }
}

/// Allowlists and policies for slots that the query does not have.
fn unknown_slots(scope: &Scope<'_>, rule: &Rule, slots: &[slot::Slot], diagnostics: &mut Diagnostics) {
    let names: Vec<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
    let help = |wanted: &str| match did_you_mean(wanted, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => {
            "put a comment line `// allowlist` between two steps of the query, where the columns still exist"
                .to_owned()
        }
        None => format!("its slots are: {}", names.join(", ")),
    };
    for policy in rule.allowlist.iter().filter(|policy| !names.contains(&policy.slot.value.as_str())) {
        diagnostics.push(
            Diagnostic::error("ALW-04", "no such allowlist slot")
                .labelled(
                    policy.slot.span,
                    format!("the query of `{}` has no slot `{}`", rule.id.value, policy.slot.value),
                )
                .with_help(help(&policy.slot.value)),
        );
    }
    for list in scope.index.of_rule(&rule.id.value) {
        if list.explicit && !names.contains(&list.list.slot.value.as_str()) {
            diagnostics.push(
                Diagnostic::error("ALW-04", "no such allowlist slot")
                    .labelled(
                        list.pattern,
                        format!("`{}` has no slot `{}`", rule.id.value, list.list.slot.value),
                    )
                    .with_detail("an allowlist that cannot be applied would be forgotten in silence")
                    .with_help(help(&list.list.slot.value)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text without comments, as for a continuous rule; `inserted` goes to every slot.
    fn stripped(text: &str, inserted: &str) -> String {
        let outline = Outline::of(text);
        let mut edits: Vec<Edit<'_>> =
            outline.trivia.iter().flat_map(|run| without_comments(*run, text, &outline.slots)).collect();
        for slot in outline.slots.iter().filter(|_| !inserted.is_empty()) {
            let (start, end) = (slot.insert_at, slot.insert_at);
            let origins = vec![LineOrigin::Allowlist { entries: Vec::new() }];
            edits.push(Edit { start, end, text: format!("{inserted}\n"), origins, ..Edit::default() });
        }
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let line = |offset| LineOrigin::Rule { path: "".into(), line: u32::try_from(offset).unwrap() };
        let mut assembler = assemble(text, &edits, line);
        assembler.finish();
        assert_eq!(assembler.lines.len(), assembler.text.split('\n').count(), "{text:?}");
        // What was copied is found where it came from.
        let written = crate::yaml::Text::of_file(text);
        let whole = Span::new(crate::source::SourceMap::default().add("q", text), 0, 0);
        let locator = Locator::new(&written, whole);
        for (at, character) in assembler.text.char_indices() {
            let at = u32::try_from(at).unwrap();
            let place = assembler.map.place(crate::kql::Span::new(at, at + 1), &locator);
            if matches!(place.origin, Origin::Query(_)) && inserted.is_empty() {
                assert!(text[place.span.start as usize..].starts_with(character), "{text:?} at {at}");
            }
        }
        assembler.text
    }

    #[test]
    fn continuous_rules_lose_comments_and_blank_lines_only() {
        for (text, expected) in [
            ("T\n| where a\n", "T\n| where a"),
            ("// first\n// second\nT // why\n\n  // more\n  | where a // end\n", "T\n  | where a"),
            ("T\n\n\n| where a\n", "T\n| where a"),
            ("T | where a == \"// no\" // yes\n", "T | where a == \"// no\""),
            ("T | where a == ```\n\n// text\n``` // yes\n", "T | where a == ```\n\n// text\n```"),
            ("T\n// allowlist\n// and more\n| take 1\n", "T\n| take 1"),
        ] {
            assert_eq!(stripped(text, ""), expected, "{text:?}");
        }
    }

    #[test]
    fn a_slot_stays_a_line_among_stripped_comments() {
        for (text, expected) in [
            ("T\n// allowlist\n| take 1\n", "T\n| where x\n| take 1"),
            ("T // a\n// b\n// allowlist\n// c\n  | take 1\n", "T\n| where x\n  | take 1"),
            ("T\n// allowlist\n", "T\n| where x"),
        ] {
            assert_eq!(stripped(text, "| where x"), expected, "{text:?}");
        }
    }
}
