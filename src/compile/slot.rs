//! Finds allowlist slots in a query: comment lines at which a compiled `| where not(...)` may be inserted.
//!
//! Token-based, so a slot inside a string is no slot. A slot must stand where a new pipe operator may begin; anywhere
//! else it would change what the query means, so it is an error, never a guess.

use crate::kql::{Token, TokenKind, keyword::Keyword};

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
    let begin = lower.trim_end_matches('.');
    ["begin environment-specific filter", "begin client-specific filter"]
        .contains(&begin)
        .then(|| "main".to_owned())
}

/// Every slot of a query, in order.
pub(crate) fn find(text: &str, tokens: &[Token]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Comment {
            continue;
        }
        let Some(name) = slot_name(token.text(text)) else { continue };
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line_start..start];
        let insert_at = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        let fault = if !before.trim().is_empty() {
            Some("the slot comment must stand on a line of its own")
        } else if slots.iter().any(|slot| slot.name == name) {
            Some("the query has two slots of this name")
        } else {
            misplaced(tokens, index)
        };
        slots.push(Slot { name, start, end, insert_at, indent: before.to_owned(), fault });
    }
    slots
}

/// A pipe operator may begin here when the token before can end an expression and the one after ends or continues the
/// pipeline.
fn misplaced(tokens: &[Token], index: usize) -> Option<&'static str> {
    let before = tokens[..index].iter().rev().find(|token| !token.is_trivia()).map(|token| token.kind);
    let after = tokens[index + 1..].iter().find(|token| !token.is_trivia()).map(|token| token.kind);
    let continues = matches!(
        after,
        None | Some(TokenKind::Pipe | TokenKind::Semicolon | TokenKind::CloseParen | TokenKind::CloseBrace)
    );
    let ended = match before {
        Some(TokenKind::Identifier | TokenKind::Literal(_) | TokenKind::Star) => true,
        Some(TokenKind::Keyword(keyword)) => !binds_right(keyword),
        Some(kind) => kind.is_close(),
        None => false,
    };
    match (ended, continues) {
        (true, true) => None,
        (false, _) => Some("there is no complete pipeline step before it"),
        (true, false) => Some("the step before it goes on after it; put the slot between two `|` steps"),
    }
}

/// Words after which an expression must follow.
fn binds_right(keyword: Keyword) -> bool {
    matches!(
        keyword.text(),
        "and"
            | "or"
            | "by"
            | "on"
            | "in"
            | "with"
            | "where"
            | "extend"
            | "project"
            | "has"
            | "contains"
            | "between"
            | "let"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::lex;

    fn slots(text: &str) -> Vec<(String, Option<&'static str>)> {
        find(text, &lex(text)).into_iter().map(|slot| (slot.name, slot.fault)).collect()
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
        let bad = |text: &str| assert!(slots(text)[0].1.is_some(), "{text}");
        bad("// allowlist\nT");
        bad("T | project a,\n// allowlist\nb");
        bad("T | where a ==\n// allowlist\n1");
        bad("T | where a\n// allowlist\nand b");
        bad("T | where a // allowlist\n| project a");
        bad("T |\n// allowlist\nproject a");
    }

    #[test]
    fn not_inside_strings() {
        assert_eq!(slots("print \"\n// allowlist\n\"").len(), 1, "an unterminated string ends with its line");
        assert_eq!(slots("print ```\n// allowlist\n```"), []);
    }
}
