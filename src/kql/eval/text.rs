//! The operators on text: `has`, `contains`, `startswith`, `=~`, each by Kusto's rules of case and of terms.

use crate::kql::syntax::BinaryOp;

/// Whether `text OP needle` holds; `None` if `op` is no operator on text (or is `matches regex`, which needs more).
pub(crate) fn test(op: BinaryOp, text: &str, needle: &str) -> Option<bool> {
    let lower = |s: &str| s.to_lowercase();
    Some(match op {
        BinaryOp::EqualTilde => lower(text) == lower(needle),
        BinaryOp::NotEqualTilde => lower(text) != lower(needle),
        BinaryOp::Contains => lower(text).contains(&lower(needle)),
        BinaryOp::NotContains => !lower(text).contains(&lower(needle)),
        BinaryOp::ContainsCs => text.contains(needle),
        BinaryOp::NotContainsCs => !text.contains(needle),
        BinaryOp::StartsWith => lower(text).starts_with(&lower(needle)),
        BinaryOp::NotStartsWith => !lower(text).starts_with(&lower(needle)),
        BinaryOp::StartsWithCs => text.starts_with(needle),
        BinaryOp::NotStartsWithCs => !text.starts_with(needle),
        BinaryOp::EndsWith => lower(text).ends_with(&lower(needle)),
        BinaryOp::NotEndsWith => !lower(text).ends_with(&lower(needle)),
        BinaryOp::EndsWithCs => text.ends_with(needle),
        BinaryOp::NotEndsWithCs => !text.ends_with(needle),
        BinaryOp::Has => has(&lower(text), &lower(needle)),
        BinaryOp::NotHas => !has(&lower(text), &lower(needle)),
        BinaryOp::HasCs => has(text, needle),
        BinaryOp::NotHasCs => !has(text, needle),
        _ => return None,
    })
}

/// Whether `needle` stands in `text` between characters that are neither letters nor digits.
fn has(text: &str, needle: &str) -> bool {
    text.match_indices(needle).any(|(at, found)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
