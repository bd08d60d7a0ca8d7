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
        let made = regex::RegexBuilder::new(pattern)
            .size_limit(REGEX_SIZE)
            .build()
            .map(Arc::new)
            .map_err(|error| format!("the regular expression is not valid: {error}"));
        self.regexes.borrow_mut().insert(pattern.into(), made.clone());
        made.map_err(failed)
    }
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
