//! A compiled query as HTML: numbered lines, words coloured by their kind, and a mark on every line that an environment put
//! there. Two queries side by side as a diff.

use maud::{Markup, html};

use crate::catalogue::QueryText;
use crate::diff::{LineTag, hunks};
use crate::kql::{Span, TokenKind, lex};
use crate::resource::LineOrigin;

use super::super::safe;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// The whole query.
pub(super) fn query(query: &QueryText, label: &str) -> Markup {
    let lines = coloured(&query.text);
    html! {
        pre.kql tabindex="0" role="group" aria-label=(label) { code {
            @for (number, pieces) in lines.iter().enumerate() {
                @let origin = query.lines.get(number);
                span.line.{ (class(origin)) } title=[title(origin)] {
                    @for (kind, text) in pieces {
                        @if kind.is_empty() { (safe::line(text)) } @else { span.(kind) { (safe::line(text)) } }
                    }
                }
                "\n"
            }
        } }
    }
}

/// What turns one query into the other.
pub(super) fn difference(before: &str, after: &str, label: &str) -> Markup {
    html! {
        pre.kql.diff tabindex="0" role="group" aria-label=(label) { code {
            @for (number, hunk) in hunks(before, after, CONTEXT).iter().enumerate() {
                @if number > 0 { span.line.gap { "⋯" } "\n" }
                @for line in &hunk.lines {
                    @let (class, sign) = match line.tag { LineTag::Equal => ("same", "  "), LineTag::Removed => ("removed", "- "), LineTag::Added => ("added", "+ ") };
                    span.line.(class) {
                        (sign)
                        @for (changed, text) in &line.pieces {
                            @if *changed { mark { (safe::line(text)) } } @else { (safe::line(text)) }
                        }
                    }
                    "\n"
                }
            }
        } }
    }
}

fn class(origin: Option<&LineOrigin>) -> &'static str {
    match origin {
        Some(LineOrigin::Allowlist { .. }) => "allow",
        Some(LineOrigin::Parameter { .. }) => "parameter",
        Some(LineOrigin::Rule { .. }) | None => "own",
    }
}

fn title(origin: Option<&LineOrigin>) -> Option<String> {
    match origin? {
        LineOrigin::Allowlist { entries } => Some(safe::line(&entries.join(", "))),
        LineOrigin::Parameter { path, line, name } => Some(safe::line(&format!("{name} from {path}:{line}"))),
        LineOrigin::Rule { .. } => None,
    }
}

/// Each line as pieces with the class of their kind; empty for what has no colour.
fn coloured(text: &str) -> Vec<Vec<(&'static str, &str)>> {
    let mut lines = vec![Vec::new()];
    for token in lex(text) {
        let Span { start, end } = token.span;
        let piece = text.get(start as usize..end as usize).unwrap_or_default();
        for (number, part) in piece.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) {
                line.push((kind(token.kind), part));
            }
        }
    }
    lines
}

const fn kind(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Comment | TokenKind::Directive => "comment",
        TokenKind::Keyword(_) => "word",
        TokenKind::Literal(crate::kql::LiteralKind::String) => "string",
        TokenKind::Literal(_) => "literal",
        TokenKind::Pipe => "pipe",
        _ => "",
    }
}
