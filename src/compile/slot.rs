//! Finds allowlist slots in a query: comment lines at which a compiled `| where not(...)` may be inserted.
//!
//! A comment is a token, so a slot inside a string is no slot. A slot must stand exactly where the syntax tree lets a
//! pipe operator begin; anywhere else it would change what the query means, so it is an error, never a guess.

use std::collections::BTreeSet;

use crate::kql::parser::Parse;
use crate::kql::syntax::visit::{Node, walk};
use crate::kql::syntax::{Expr, ExprKind, LetValue, OperatorKind, Query, StatementKind};
use crate::kql::{Token, TokenKind};

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// `main` unless the comment names another.
    pub(crate) name: String,
    /// Byte range of the comment.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where a line may be inserted: after the comment's line break, or the end of the text.
    pub(crate) insert_at: usize,
    /// White space in front of the comment on its line.
    pub(crate) indent: String,
    /// Why nothing may be inserted here, if so.
    pub(crate) fault: Option<&'static str>,
}

/// The name that a comment gives to a slot, or `None` when it is an ordinary comment.
///
/// `// allowlist` and `// allowlist: NAME`; FalconFriday's `// Begin environment-specific filter.` (also
/// `client-specific`) is the slot `main`.
fn slot_name(comment: &str) -> Option<String> {
    let text = comment.trim_start_matches('/').trim();
    let lower = text.to_ascii_lowercase();
    if lower == "allowlist" {
        return Some("main".to_owned());
    }
    if let Some(rest) = lower.strip_prefix("allowlist:") {
        let name = text[text.len() - rest.len()..].trim();
        let valid =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        return valid.then(|| name.to_owned());
    }
    is_begin_marker(comment).then(|| "main".to_owned())
}

/// Whether a comment opens a filter of the FalconFriday form.
pub(crate) fn is_begin_marker(comment: &str) -> bool {
    is_marker(comment, ["begin environment-specific filter", "begin client-specific filter"])
}

/// Whether a comment closes a filter of the FalconFriday form.
pub(crate) fn is_end_marker(comment: &str) -> bool {
    is_marker(comment, ["end environment-specific filter", "end client-specific filter"])
}

fn is_marker(comment: &str, words: [&str; 2]) -> bool {
    let text = comment.trim_start_matches('/').trim().to_ascii_lowercase();
    words.contains(&text.trim_end_matches('.'))
}

/// Every slot of a query, in order.
pub(crate) fn find(text: &str, parsed: &Parse) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut steps = None;
    for (index, token) in parsed.tokens.iter().enumerate() {
        if token.kind != TokenKind::Comment {
            continue;
        }
        let Some(name) = slot_name(token.text(text)) else { continue };
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let before = text.get(line_start..start).unwrap_or("");
        let insert_at =
            text.get(end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| end + at + 1);
        let fault = if !before.trim().is_empty() {
            Some("the slot comment must stand on a line of its own")
        } else if slots.iter().any(|slot| slot.name == name) {
            Some("the query has two slots of this name")
        } else {
            misplaced(&parsed.tokens, index, steps.get_or_insert_with(|| step_ends(&parsed.query)))
        };
        slots.push(Slot { name, start, end, insert_at, indent: before.to_owned(), fault });
    }
    slots
}

/// A pipe operator may begin here when a step of a pipeline ends with the token before, and the one after begins the next
/// step or belongs to what is around the pipeline.
fn misplaced(tokens: &[Token], index: usize, steps: &BTreeSet<u32>) -> Option<&'static str> {
    let (before, after) = tokens.split_at_checked(index)?;
    let before = before.iter().rev().find(|token| !token.is_trivia());
    let after = after.iter().find(|token| !token.is_trivia()).map(|token| token.kind);
    let ended = before.is_some_and(|token| steps.contains(&token.span.end));
    let continues = matches!(
        after,
        None | Some(TokenKind::Pipe | TokenKind::Semicolon | TokenKind::CloseParen | TokenKind::CloseBrace)
    );
    match (ended, continues) {
        (true, true) => None,
        (_, true) => Some("there is no complete pipeline step before it"),
        (_, false) if before.is_none() => Some("there is no complete pipeline step before it"),
        (_, false) => Some("the step before it goes on after it; put the slot between two `|` steps"),
    }
}

/// Where the steps of all pipelines end: their sources and their operators.
fn step_ends(query: &Query) -> BTreeSet<u32> {
    let mut ends = BTreeSet::new();
    walk(query, &mut |node| match node {
        Node::Statement(statement) => match &statement.kind {
            StatementKind::Expr(expr) => table(expr, &mut ends),
            StatementKind::Let(declared) => match &declared.value {
                LetValue::Expr(expr) => table(expr, &mut ends),
                LetValue::Function(function) => {
                    function.body.result.iter().for_each(|result| table(result, &mut ends));
                }
            },
            _ => {}
        },
        Node::Operator(operator) => match &operator.kind {
            OperatorKind::Join(join) | OperatorKind::Lookup(join) => table(&join.right, &mut ends),
            OperatorKind::Union(union) => union.items.iter().for_each(|item| table(item, &mut ends)),
            OperatorKind::Facet(facet) => facet.with.iter().for_each(|query| table(query, &mut ends)),
            _ => {}
        },
        Node::Expr(expr) => match &expr.kind {
            ExprKind::Pipeline(pipeline) => {
                ends.extend(pipeline.source.iter().map(|source| source.span.end));
                ends.extend(pipeline.operators.iter().map(|operator| operator.span.end));
            }
            ExprKind::ToScalar(conversion) | ExprKind::ToTable(conversion) => {
                table(&conversion.query, &mut ends);
            }
            ExprKind::Materialize(inner) => table(inner, &mut ends),
            // `x in (T)`: the only item of the list may be a table.
            ExprKind::In(test) => {
                if let [only] = test.list.as_slice() {
                    table(only, &mut ends);
                }
            }
            _ => {}
        },
    });
    ends
}

/// A table without an operator is a pipeline too: a further step may follow its name. Inside parentheses it may follow
/// there, and behind them.
fn table(expr: &Expr, ends: &mut BTreeSet<u32>) {
    match &expr.kind {
        ExprKind::Paren(inner) => {
            ends.insert(expr.span.end);
            table(inner, ends);
        }
        ExprKind::Name(_)
        | ExprKind::Wildcard(_)
        | ExprKind::Call(_)
        | ExprKind::Path(_)
        | ExprKind::Materialize(_)
        | ExprKind::Datatable(_)
        | ExprKind::Externaldata(_) => {
            ends.insert(expr.span.end);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parse;

    fn slots(text: &str) -> Vec<(String, Option<&'static str>)> {
        find(text, &parse(text)).into_iter().map(|slot| (slot.name, slot.fault)).collect()
    }

    #[test]
    fn names_and_marker_forms() {
        for (comment, name) in [
            ("// allowlist", Some("main")),
            ("//allowlist", Some("main")),
            ("// Allowlist: Child-Process", Some("Child-Process")),
            ("// Begin environment-specific filter.", Some("main")),
            ("// Begin client-specific filter", Some("main")),
            ("// allowlisted below", None),
            ("// allowlist: a b", None),
            ("// End environment-specific filter.", None),
        ] {
            assert_eq!(slot_name(comment).as_deref(), name, "{comment}");
        }
    }

    #[test]
    fn only_between_steps() {
        let ok = |text: &str| assert_eq!(slots(text), [("main".to_owned(), None)], "{text}");
        ok("T\n| where a == 1\n// allowlist\n| project a");
        ok("T\n// allowlist");
        ok("T\n| join (U\n  // allowlist\n  ) on a");
        ok("let x = T | where a\n// allowlist\n;\nx");
        ok("let f = (n:long) {\n  T\n  // allowlist\n  };\nf(1)");
        ok("union (T\n// allowlist\n), U");
        ok("union T, U\n// allowlist");
        ok("T\n| mv-apply x on (\n  where x > 1\n  // allowlist\n  )\n| take 1");
        ok("print toscalar(T\n// allowlist\n| count)");
        ok("T\n| where a in (U\n  // allowlist\n  )");
        let bad = |text: &str| assert!(slots(text)[0].1.is_some(), "{text}");
        bad("// allowlist\nT");
        bad("T | project a,\n// allowlist\nb");
        bad("T | where a ==\n// allowlist\n1");
        bad("T | where a\n// allowlist\nand b");
        bad("T | where a // allowlist\n| project a");
        bad("T |\n// allowlist\nproject a");
        bad("T | where a in (\n// allowlist\n1)");
        bad("T | where (a\n// allowlist\n)");
        bad("let x = 5\n// allowlist\n;\nT");
        bad("T | extend f(a\n// allowlist\n)");
    }

    #[test]
    fn not_inside_strings() {
        assert_eq!(slots("print \"\n// allowlist\n\"").len(), 1, "an unterminated string ends with its line");
        assert_eq!(slots("print ```\n// allowlist\n```"), []);
    }
}
