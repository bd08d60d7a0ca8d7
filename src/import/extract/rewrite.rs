//! The text of a query without the conditions that became entries, and with their slots.
//!
//! Edits the text and touches nothing else: layout, comments and line breaks stay. A comment that stood in or behind what goes gets a
//! line of its own in its place. The result is read again: it must have exactly the tokens that were to stay, and every slot where a
//! step may begin.

use super::choose::{Choice, Chosen, Cut, bare};
use crate::compile::slot;
use crate::kql::parser::Parse;
use crate::kql::{Span, TokenKind, lex, parse};

/// The new text; `None` when it does not read back as what it should be.
pub(super) fn rewrite(text: &str, parsed: &Parse, choice: &Choice<'_>) -> Option<String> {
    let editor = Editor { text, parsed, line_break: if text.contains("\r\n") { "\r\n" } else { "\n" } };
    let mut edits = Vec::new();
    let mut gone: Vec<(usize, usize)> = Vec::new();
    for run in &choice.runs {
        editor.run(run, &mut edits, &mut gone)?;
    }
    for statement in &choice.lets {
        editor.statement(*statement, &mut edits, &mut gone)?;
    }
    edits.sort_by_key(|edit: &Edit| std::cmp::Reverse((edit.start, edit.end)));
    let mut result = text.to_owned();
    let mut limit = text.len();
    for edit in &edits {
        if edit.end > limit || edit.start > edit.end {
            return None;
        }
        limit = edit.start;
        result.replace_range(edit.start..edit.end, &edit.text);
    }
    is_sound(text, parsed, &gone, &result, choice).then_some(result)
}

#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

struct Editor<'t> {
    text: &'t str,
    parsed: &'t Parse,
    line_break: &'static str,
}

/// Where a piece stands on its line.
struct Line<'t> {
    /// Start of the line.
    start: usize,
    /// White space at its beginning.
    indent: &'t str,
    /// Nothing stands before the piece.
    first: bool,
    /// The comment behind the piece, if any.
    comment: Option<&'t str>,
    /// Nothing but a comment stands behind the piece.
    last: bool,
    /// Before and after the line break that ends the line of the piece's end.
    end: usize,
    next: usize,
}

impl<'t> Editor<'t> {
    fn run(&self, run: &Chosen<'_>, edits: &mut Vec<Edit>, gone: &mut Vec<(usize, usize)>) -> Option<()> {
        let touched = |cut: &Cut<'_>| cut.operands.iter().any(|(_, gone)| *gone);
        let last = run.steps.iter().rposition(touched)?;
        for (index, cut) in run.steps.iter().enumerate().filter(|(_, cut)| touched(cut)) {
            let slot = (index == last && !run.has_slot).then(|| comment_of(&run.slot));
            if cut.operands.iter().all(|(_, gone)| *gone) {
                self.whole_step(cut, slot, edits, gone)?;
            } else {
                self.operands(cut, slot, edits, gone)?;
            }
        }
        Some(())
    }

    /// Takes out `| where …`.
    fn whole_step(
        &self,
        cut: &Cut<'_>,
        slot: Option<String>,
        edits: &mut Vec<Edit>,
        gone: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        let operator = cut.step.operator;
        let (start, end) = (operator.pipe?.start as usize, operator.span.end as usize);
        gone.push((start, end));
        let line = self.line(start, end)?;
        let mut lines = self.comments(start, end);
        if line.last {
            lines.extend(line.comment.map(str::to_owned));
        }
        lines.extend(slot);
        edits.push(match (line.first, line.last) {
            (true, true) => {
                let whole = lines.iter().map(|one| format!("{}{one}{}", line.indent, self.line_break));
                Edit { start: line.start, end: line.next, text: whole.collect() }
            }
            (_, true) => {
                let start = start - trailing(self.text.get(line.start..start)?);
                let whole = lines.iter().map(|one| format!("{}{}{one}", self.line_break, line.indent));
                Edit { start, end: line.end, text: whole.collect() }
            }
            _ if lines.is_empty() => Edit { start, end, text: String::new() },
            (true, false) => {
                let whole = lines.iter().map(|one| format!("{one}{}{}", self.line_break, line.indent));
                Edit { start, end: end + leading(self.text.get(end..)?), text: whole.collect() }
            }
            (false, false) => {
                let whole = lines.iter().map(|one| format!("{}{}{one}", self.line_break, line.indent));
                let text = format!("{}{}{}", whole.collect::<String>(), self.line_break, line.indent);
                let end = end + leading(self.text.get(end..)?);
                Edit { start: start - trailing(self.text.get(line.start..start)?), end, text }
            }
        });
        Some(())
    }

    /// Takes out some operands of `| where a and b and …`.
    fn operands(
        &self,
        cut: &Cut<'_>,
        slot: Option<String>,
        edits: &mut Vec<Edit>,
        gone: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        let operator = cut.step.operator;
        let condition = bare(cut.step.condition).span;
        let mut lines = Vec::new();
        // What stays of the condition, with what stands between: from the end of the operand before.
        let mut end_of_kept: Option<usize> = None;
        let mut before = condition.start as usize;
        for (operand, goes) in &cut.operands {
            let (start, end) = (operand.span.start as usize, operand.span.end as usize);
            if !goes {
                let from = if end_of_kept.is_some() { before } else { start };
                let cut_from = end_of_kept.unwrap_or(condition.start as usize);
                if cut_from < from {
                    lines.extend(self.remove(cut_from, from, edits, gone));
                }
                end_of_kept = Some(end);
            }
            before = end;
        }
        let cut_from = end_of_kept?;
        if cut_from < condition.end as usize {
            lines.extend(self.remove(cut_from, condition.end as usize, edits, gone));
        }
        lines.extend(slot);
        if lines.is_empty() {
            return Some(());
        }
        let end = operator.span.end as usize;
        let line = self.line(operator.span.start as usize, end)?;
        let whole: String =
            lines.iter().map(|one| format!("{}{}{one}", self.line_break, line.indent)).collect();
        edits.push(if line.last {
            Edit { start: line.end, end: line.end, text: whole }
        } else {
            let text = format!("{whole}{}{}", self.line_break, line.indent);
            Edit { start: end, end: end + leading(self.text.get(end..)?), text }
        });
        Some(())
    }

    /// Takes a range out of a condition; gives the comments in it.
    fn remove(
        &self,
        start: usize,
        end: usize,
        edits: &mut Vec<Edit>,
        gone: &mut Vec<(usize, usize)>,
    ) -> Vec<String> {
        gone.push((start, end));
        edits.push(Edit { start, end, text: String::new() });
        self.comments(start, end)
    }

    /// Takes out a `let` with its semicolon, and its line if nothing else stands there.
    fn statement(
        &self,
        statement: Span,
        edits: &mut Vec<Edit>,
        gone: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        let start = statement.start as usize;
        let after = |token: &&crate::kql::Token| token.span.start >= statement.end && !token.is_trivia();
        let semicolon = self.parsed.tokens.iter().find(after)?;
        if semicolon.kind != TokenKind::Semicolon {
            return None;
        }
        let end = semicolon.span.end as usize;
        gone.push((start, end));
        let line = self.line(start, end)?;
        let mut comments = self.comments(start, end);
        if line.first && line.last {
            comments.extend(line.comment.map(str::to_owned));
            let whole = comments.iter().map(|one| format!("{}{one}{}", line.indent, self.line_break));
            edits.push(Edit { start: line.start, end: line.next, text: whole.collect() });
        } else if comments.is_empty() {
            edits.push(Edit { start, end, text: String::new() });
        } else {
            return None;
        }
        Some(())
    }

    fn comments(&self, start: usize, end: usize) -> Vec<String> {
        let tokens = self.parsed.tokens.iter().filter(|token| token.kind == TokenKind::Comment);
        tokens
            .filter(|token| token.span.start as usize >= start && token.span.end as usize <= end)
            .map(|token| token.text(self.text).trim_end().to_owned())
            .collect()
    }

    fn line(&self, start: usize, end: usize) -> Option<Line<'t>> {
        let line_start = self.text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        let before = self.text.get(line_start..start)?;
        let rest = self.text.get(end..)?;
        let (line_end, next) = match rest.find('\n') {
            Some(at) => (end + at, end + at + 1),
            None => (self.text.len(), self.text.len()),
        };
        let behind = self.text.get(end..line_end)?;
        let line_end = line_end - (behind.len() - behind.trim_end_matches('\r').len());
        let behind = behind.trim();
        Some(Line {
            start: line_start,
            indent: before.get(..leading(before))?,
            first: before.trim().is_empty(),
            comment: behind.starts_with("//").then_some(behind),
            last: behind.is_empty() || behind.starts_with("//"),
            end: line_end,
            next,
        })
    }
}

fn comment_of(slot: &str) -> String {
    if slot == "main" { "// allowlist".to_owned() } else { format!("// allowlist: {slot}") }
}

/// Bytes of blanks at the beginning.
fn leading(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Bytes of blanks at the end.
fn trailing(text: &str) -> usize {
    text.len() - text.trim_end_matches([' ', '\t']).len()
}

/// The new text has the old one's tokens but those that went, all comments, and its slots where they may be.
fn is_sound(text: &str, old: &Parse, gone: &[(usize, usize)], result: &str, choice: &Choice<'_>) -> bool {
    let new = parse(result);
    let stays = |token: &&crate::kql::Token| {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        !token.is_trivia() && !gone.iter().any(|(from, to)| *from <= start && end <= *to)
    };
    let before = old.tokens.iter().filter(stays).map(|token| token.text(text));
    let after = lex(result);
    let after = after.iter().filter(|token| !token.is_trivia()).map(|token| token.text(result));
    let comments = |parsed: &Parse| parsed.tokens.iter().filter(|t| t.kind == TokenKind::Comment).count();
    let added = choice.runs.iter().filter(|run| !run.has_slot).count();
    let slots = slot::find(result, &new);
    new.errors.is_empty()
        && before.eq(after)
        && comments(&new) == comments(old) + added
        && slots.iter().all(|slot| slot.fault.is_none())
        && choice.runs.iter().all(|run| slots.iter().any(|slot| slot.name == run.slot))
}
