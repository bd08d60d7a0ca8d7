//! One rule's query for one platform in one environment: parameters replaced, slots filled, every line with its origin.

use std::sync::Arc;

use crate::address::Target;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::kql::{TokenFault, TokenKind, lex};
use crate::model::rule::{Query, Rule};
use crate::resource::{EntryUse, LineOrigin};
use crate::source::Span;

use super::{Scope, allowlist, parameters, slot};

/// What a platform allows in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Sentinel, and Defender on a schedule.
    Full,
    /// Continuous custom detections: no comments, and no `now()` in an entry (CONTRACT A.5).
    Continuous,
}

/// A compiled query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) text: String,
    pub(crate) lines: Vec<LineOrigin>,
    pub(crate) entries: Vec<EntryUse>,
    /// Where the query stands, for messages about the whole.
    pub(crate) span: Span,
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
pub(crate) fn compile(
    scope: &Scope<'_>,
    rule: &Rule,
    query: &Query,
    dialect: Dialect,
    diagnostics: &mut Diagnostics,
) -> Option<Compiled> {
    // With a line break at the end, every slot has a line after it to be filled.
    let text = format!("{}\n", query.text.value.trim_end());
    let text = text.as_str();
    let tokens = lex(text);
    let locate = |start: usize, end: usize| query.text.locate(query.span, start, end);
    lexical_faults(&tokens, &locate, diagnostics)?;

    let mut edits = Vec::new();
    if let Some(given) = scope.environment.parameters.iter().find(|given| given.rule.value == rule.id.value) {
        for replacement in parameters::resolve(&parameters::find(text, &tokens), given, diagnostics) {
            let position = scope.repository.sources.position(replacement.origin);
            edits.push(Edit {
                start: replacement.parameter.start,
                end: replacement.parameter.end,
                text: replacement.literal,
                origins: vec![LineOrigin::Parameter {
                    path: scope.repository.sources.path(replacement.origin.file).into(),
                    line: position.line,
                    name: replacement.parameter.name,
                }],
            });
        }
    }

    let slots = slot::find(text, &tokens);
    let mut entries = Vec::new();
    for found in &slots {
        if let Some(fault) = found.fault {
            diagnostics.push(
                Diagnostic::error("CMP-06", "misplaced allowlist slot")
                    .labelled(locate(found.start, found.end), fault),
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
    unknown_slots(scope, rule, &slots, diagnostics);

    if dialect == Dialect::Continuous {
        edits.extend(tokens.iter().filter(|token| token.kind == TokenKind::Comment).map(|token| {
            let (start, end) = (token.span.start as usize, token.span.end as usize);
            Edit { start, end, text: String::new(), origins: Vec::new() }
        }));
    }
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let path: Arc<str> = scope.repository.sources.path(query.span.file).into();
    let rule_line = |offset: usize| LineOrigin::Rule {
        path: Arc::clone(&path),
        line: scope.repository.sources.position(locate(offset, offset)).line,
    };
    let (mut text, mut lines) = assemble(text, &edits, rule_line);
    if dialect == Dialect::Continuous {
        (text, lines) = without_blank_lines(&text, lines);
    }
    Some(Compiled { text, lines, entries, span: query.span })
}

/// A replacement of `start..end` by `text`.
struct Edit {
    start: usize,
    end: usize,
    text: String,
    /// Origin of each line that the new text touches; none leaves the line to the rule.
    origins: Vec<LineOrigin>,
}

/// The text of a slot, as whole lines after the slot's comment.
fn insertion(slot: &slot::Slot, filled: &allowlist::Filled) -> Edit {
    let text = filled.lines.iter().flat_map(|(line, _)| [slot.indent.as_str(), line, "\n"]).collect();
    let origins =
        filled.lines.iter().map(|(_, entries)| LineOrigin::Allowlist { entries: entries.clone() }).collect();
    Edit { start: slot.insert_at, end: slot.insert_at, text, origins }
}

/// Applies edits (sorted, not overlapping) and says for each line of the result where it came from. Trailing blank
/// lines go: neither service keeps them.
fn assemble(
    text: &str,
    edits: &[Edit],
    rule_line: impl Fn(usize) -> LineOrigin,
) -> (String, Vec<LineOrigin>) {
    let mut result = Assembler::default();
    let mut position = 0;
    for edit in edits {
        let copied = text.get(position..edit.start).unwrap_or("");
        result.append(copied, |_, at| (Some(rule_line(position + at)), false));
        result.append(&edit.text, |line, _| (edit.origins.get(line).cloned(), true));
        position = edit.end;
    }
    result.append(text.get(position..).unwrap_or(""), |_, at| (Some(rule_line(position + at)), false));
    result.finish()
}

#[derive(Default)]
struct Assembler {
    text: String,
    lines: Vec<LineOrigin>,
    current: Option<LineOrigin>,
}

impl Assembler {
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

    fn finish(mut self) -> (String, Vec<LineOrigin>) {
        self.lines.extend(self.current);
        self.text.truncate(self.text.trim_end().len());
        self.lines.truncate(self.text.split('\n').count());
        // These are kept for every rule until the end of the run.
        self.lines.shrink_to_fit();
        self.text.shrink_to_fit();
        (self.text, self.lines)
    }
}

fn without_blank_lines(text: &str, lines: Vec<LineOrigin>) -> (String, Vec<LineOrigin>) {
    let kept: Vec<(&str, LineOrigin)> =
        text.lines().map(str::trim_end).zip(lines).filter(|(line, _)| !line.is_empty()).collect();
    let text = kept.iter().map(|(line, _)| *line).collect::<Vec<_>>().join("\n");
    (text, kept.into_iter().map(|(_, origin)| origin).collect())
}

/// Strings and brackets that never close would swallow what is inserted after them: an error here, whatever the service
/// would say.
fn lexical_faults(
    tokens: &[crate::kql::Token],
    locate: &dyn Fn(usize, usize) -> Span,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let mut open = Vec::new();
    let mut faults = 0;
    let mut report = |token: &crate::kql::Token, what: &str| {
        faults += 1;
        diagnostics.push(
            Diagnostic::error("KQL-C01", "the query is not well-formed")
                .labelled(locate(token.span.start as usize, token.span.end as usize), what.to_owned()),
        );
    };
    for token in tokens {
        match (token.fault, token.kind) {
            (Some(TokenFault::UnterminatedString), _) => report(token, "this string is not closed"),
            (Some(TokenFault::UnterminatedLiteral), _) => report(token, "this literal is not closed"),
            (Some(TokenFault::UnknownCharacter), _) => report(token, "this character is not part of KQL"),
            (_, kind) if kind.is_open() => open.push(token),
            (_, kind) if kind.is_close() => match open.pop() {
                Some(opened) if closes(opened.kind, kind) => {}
                _ => report(token, "nothing is open that this closes"),
            },
            _ => {}
        }
    }
    for token in open {
        report(token, "this is never closed");
    }
    (faults == 0).then_some(())
}

fn closes(open: TokenKind, close: TokenKind) -> bool {
    matches!(
        (open, close),
        (TokenKind::OpenParen, TokenKind::CloseParen)
            | (TokenKind::OpenBracket, TokenKind::CloseBracket)
            | (TokenKind::OpenBrace, TokenKind::CloseBrace)
    )
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
