//! Regular expressions: Kusto's are RE2's, and so are these but for details of writing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// Compiled regular expressions by their text. To compile one takes longer than most queries run, and rules are played
/// again and again: so they outlive one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: RefCell<HashMap<Box<str>, Compiled>>,
}

/// A regular expression, or what is wrong with it.
type Compiled = Result<Arc<Regex>, String>;

/// A compiled regular expression may take this much memory; the service refuses large ones as well.
const SIZE: usize = 4 << 20;

/// So many are remembered; then all are forgotten. A pattern that is made from data is another for each row.
const MOST: usize = 1_000;

impl Patterns {
    /// A regular expression, compiled unless it is known.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn get(&self, pattern: &str) -> Compiled {
        if let Some(known) = self.known.borrow().get(pattern) {
            return known.clone();
        }
        let made = RegexBuilder::new(&translated(pattern))
            .size_limit(SIZE)
            .build()
            .map(Arc::new)
            .map_err(|error| format!("the regular expression is not valid: {error}"));
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(pattern.into(), made.clone());
        made
    }
}

/// A pattern of RE2 as one of `regex`, where both mean the same but write it differently: a `{` that begins no repetition
/// and a `[` inside a class stand for themselves in RE2, and `&&`, `--`, `~~` inside a class are two characters.
fn translated(pattern: &str) -> String {
    let mut made = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut class = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => {
                let escaped = after.chars().next();
                made.push('\\');
                made.extend(escaped);
                rest = after.get(escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
                continue;
            }
            '[' if class => {
                let named = after.strip_prefix(':').and_then(|name| name.find(":]"));
                match named {
                    Some(end) => {
                        let length = 1 + end + 2;
                        made.push('[');
                        made.push_str(after.get(..length).unwrap_or_default());
                        rest = after.get(length..).unwrap_or_default();
                        continue;
                    }
                    None => made.push_str("\\["),
                }
            }
            '[' => {
                class = true;
                made.push('[');
                // A bracket right at the start of a class is a character of it.
                let (negated, first) = match after.strip_prefix('^') {
                    Some(first) => (true, first),
                    None => (false, after),
                };
                if negated {
                    made.push('^');
                }
                rest = first;
                if let Some(others) = first.strip_prefix(']') {
                    made.push_str("\\]");
                    rest = others;
                }
                continue;
            }
            ']' if class => {
                class = false;
                made.push(']');
            }
            '&' | '~' if class => {
                made.push('\\');
                made.push(c);
            }
            '-' if class && after.starts_with('-') => made.push_str("\\-"),
            '{' if !class && !repeats(after) => made.push_str("\\{"),
            _ => made.push(c),
        }
        rest = after;
    }
    made
}

/// Whether what follows a `{` makes it a repetition: `2}`, `2,}`, `2,5}`.
fn repeats(after: &str) -> bool {
    let Some((inner, _)) = after.split_once('}') else { return false };
    let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && number(low) && number(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_re2_are_understood() {
        for (pattern, text, matches) in [
            ("a{b", "a{b", true),
            ("Win{|Get", "Get", true),
            ("x{2,3}", "xx", true),
            (r"x{1-3}", "x{1-3}", true),
            (r"[[\]]", "[", true),
            ("[[:digit:]]+", "12", true),
            ("[]a]", "]", true),
            ("[^]a]", "b", true),
            ("[a&&b]", "&", true),
            (r"\{x\}", "{x}", true),
            ("[a-z]{2}", "a{2}", false),
        ] {
            let regex = Regex::new(&translated(pattern)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.is_match(text), matches, "{pattern}");
        }
    }
}
