//! Small pieces of wording that every check shares: words of a closed list, lengths, lists for people.

use crate::compile::check::codes::Code;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Spanned;

/// `None` when `word` is one of `allowed`, spelled exactly so; otherwise the error, with "did you mean".
/// `what` reads "entity type", "trigger operator"; `service` is whose list it is.
pub(super) fn one_of<'a>(
    code: Code,
    what: &str,
    service: &str,
    word: &Spanned<String>,
    allowed: impl Iterator<Item = &'a str> + Clone,
) -> Option<Diagnostic> {
    if allowed.clone().any(|candidate| candidate == word.value) {
        return None;
    }
    let help = match did_you_mean(&word.value, allowed.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("use one of {}", list(allowed, "or")),
    };
    Some(
        code.error(format!("unknown {what}"))
            .labelled(word.span, format!("not a known {what}"))
            .with_detail(format!(
                "{service} has no {what} `{}`; the list is closed and its words are compared with case.",
                word.value
            ))
            .with_help(help),
    )
}

/// `a, b or c`, each in backticks.
pub(super) fn list<'a>(words: impl Iterator<Item = &'a str>, last: &str) -> String {
    let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., tail] => format!("{} {last} {tail}", head.join(", ")),
    }
}

/// Length as the services count it: UTF-16 units.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether `text` is `[first][A-Za-z0-9_]*`.
pub(super) fn is_word(text: &str, first: fn(char) -> bool) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(first) && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The places of every item that equals an earlier one, with the earlier one.
pub(super) fn repeated<'a, T, K: PartialEq>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<(&'a T, &'a T)> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let earlier = items.iter().take(index).find(|earlier| key(earlier) == key(item))?;
            Some((earlier, item))
        })
        .collect()
}
