//! What a function of the library is given besides its arguments.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::{Budget, Fault};
use crate::kql::span::Span;
use crate::kql::types::ScalarType;

/// What holds for a whole query: the clock, what was used of the budget, regular expressions that are compiled once.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) now: i64,
    budget: Budget,
    steps: Cell<u64>,
    regexes: RefCell<HashMap<Box<str>, Compiled>>,
}

/// A regular expression, or what is wrong with it.
type Compiled = Result<Arc<Regex>, String>;

/// Compiled regular expressions may take this much memory each.
const REGEX_SIZE: usize = 4 << 20;

impl Context {
    pub(crate) fn new(now: i64, budget: Budget) -> Context {
        Context { now, budget, steps: Cell::new(0), regexes: RefCell::default() }
    }

    /// Counts work; a fault when there was too much of it.
    pub(crate) fn spend(&self, steps: u64, span: Span) -> Result<(), Fault> {
        let used = self.steps.get().saturating_add(steps);
        self.steps.set(used);
        if used > self.budget.steps {
            return Err(Fault::Budget { what: "steps", limit: self.budget.steps, span });
        }
        Ok(())
    }

    /// A fault when a table would have too many rows.
    pub(crate) fn check_rows(&self, rows: usize, span: Span) -> Result<(), Fault> {
        if rows as u64 > self.budget.rows {
            return Err(Fault::Budget { what: "rows", limit: self.budget.rows, span });
        }
        Ok(())
    }

    /// A regular expression, compiled at its first use. Kusto's are RE2's, and so are these but for details.
    pub(crate) fn regex(&self, pattern: &str, span: Span) -> Result<Arc<Regex>, Fault> {
        let failed = |message: String| Fault::Failed { message, span };
        if let Some(known) = self.regexes.borrow().get(pattern) {
            return known.clone().map_err(failed);
        }
        let made = regex::RegexBuilder::new(&translated(pattern))
            .size_limit(REGEX_SIZE)
            .build()
            .map(Arc::new)
            .map_err(|error| format!("the regular expression is not valid: {error}"));
        self.regexes.borrow_mut().insert(pattern.into(), made.clone());
        made.map_err(failed)
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

/// One call of a function or an aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'c> {
    /// As it is written in the query.
    pub(crate) name: &'c str,
    /// The static types of the arguments: what a null among them would have been.
    pub(crate) types: &'c [ScalarType],
    /// The static type of the result. The caller turns a null into an empty string where this is `string`.
    pub(crate) returns: ScalarType,
    /// The call.
    pub(crate) span: Span,
    pub(crate) context: &'c Context,
}

impl Call<'_> {
    /// The type of an argument; `Unknown` if there is none.
    pub(crate) fn ty(&self, index: usize) -> ScalarType {
        self.types.get(index).copied().unwrap_or(ScalarType::Unknown)
    }

    /// The service would refuse this call.
    pub(crate) fn failed(&self, message: impl Into<String>) -> Fault {
        Fault::Failed { message: message.into(), span: self.span }
    }

    /// The evaluator does not know this form of the call. `how` may be empty.
    pub(crate) fn not_evaluated(&self, how: &str) -> Fault {
        let what = if how.is_empty() { format!("{}()", self.name) } else { format!("{}() {how}", self.name) };
        Fault::NotEvaluated { what, span: self.span }
    }

    pub(crate) fn regex(&self, pattern: &str) -> Result<Arc<Regex>, Fault> {
        self.context.regex(pattern, self.span)
    }
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
