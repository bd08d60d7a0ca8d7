//! What a function of the library is given besides its arguments.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use super::patterns::Patterns;
use super::{Budget, Fault, Value};
use crate::kql::span::Span;
use crate::kql::types::ScalarType;

/// What holds for a whole query: the clock, what was used of the budget, regular expressions.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) now: i64,
    budget: Budget,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    /// The operator at work, which is blamed where nothing smaller is known.
    operator: Cell<Span>,
    patterns: Rc<Patterns>,
}

/// Text that is looked at in one step; a regular expression is slower.
const TEXT_STEP: usize = 16;
const PATTERN_STEP: usize = 8;

/// Larger values are refused. The service cuts its own at 1 MB of text; an array of 2^20 elements is its longest.
const LARGEST_TEXT: usize = 4 << 20;
const LARGEST_DYNAMIC: usize = 64 << 20;

/// Dynamics nested deeper are refused: they are compared, written and dropped by recursion. JSON text is read to 128 levels.
const DEEPEST: usize = 160;

impl Context {
    pub(crate) fn new(now: i64, budget: Budget, patterns: Rc<Patterns>) -> Context {
        let (steps, bytes, operator) = (Cell::new(0), Cell::new(0), Cell::default());
        Context { now, budget, steps, bytes, operator, patterns }
    }

    /// Notes which operator is at work; gives the one before.
    pub(crate) fn enter(&self, operator: Span) -> Span {
        self.operator.replace(operator)
    }

    /// The operator at work.
    pub(crate) fn operator(&self) -> Span {
        self.operator.get()
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

    /// Counts the work of looking at texts.
    pub(crate) fn look(&self, length: usize) -> Result<(), Fault> {
        if length < TEXT_STEP { Ok(()) } else { self.spend((length / TEXT_STEP) as u64, self.operator.get()) }
    }

    /// Counts the work of finding a regular expression in a text.
    pub(crate) fn scan(&self, length: usize) -> Result<(), Fault> {
        self.spend((length / PATTERN_STEP) as u64, self.operator.get())
    }

    /// Counts the work of looking at values, such as the keys of a group.
    pub(crate) fn look_at(&self, values: &[Value]) -> Result<(), Fault> {
        self.look(values.iter().map(Value::size).fold(0, usize::saturating_add))
    }

    /// Counts memory for cells; a fault when there was too much of it.
    pub(crate) fn hold(&self, rows: usize, columns: usize) -> Result<(), Fault> {
        self.take(rows.saturating_mul(columns).saturating_mul(size_of::<Value>()), self.operator.get())
    }

    /// Counts the memory of a new value; a fault when there was too much of it, or when it is larger than any may be.
    pub(crate) fn made(&self, value: &Value, span: Span) -> Result<(), Fault> {
        match value {
            Value::String(text) => self.room(text.len(), span),
            Value::Dynamic(inner) => match inner.size_within(DEEPEST) {
                Some(size) if size <= LARGEST_DYNAMIC => self.take(size, span),
                Some(_) => Err(too_large(LARGEST_DYNAMIC, span)),
                None => Err(Fault::Budget { what: "levels in one value", limit: DEEPEST as u64, span }),
            },
            _ => Ok(()),
        }
    }

    /// Counts the memory of a text that is still to be made, or of any other value that is many times as large as what it is
    /// made of.
    pub(crate) fn room(&self, bytes: usize, span: Span) -> Result<(), Fault> {
        if bytes > LARGEST_TEXT {
            return Err(too_large(LARGEST_TEXT, span));
        }
        self.take(bytes, span)
    }

    /// Counts the work of a call with these arguments.
    pub(crate) fn arguments(&self, values: &[Value], span: Span) -> Result<(), Fault> {
        let size = values.iter().map(Value::size).fold(0, usize::saturating_add);
        if size > LARGEST_DYNAMIC {
            return Err(too_large(LARGEST_DYNAMIC, span));
        }
        self.spend(1 + (size / TEXT_STEP) as u64, span)
    }

    /// Counts the memory of copies of dynamics; other values are shared.
    pub(crate) fn copies(&self, values: &[Value]) -> Result<(), Fault> {
        let dynamics = values.iter().filter(|value| matches!(value, Value::Dynamic(_)));
        let size = dynamics.map(Value::size).fold(0, usize::saturating_add);
        if size > LARGEST_DYNAMIC { Err(too_large(LARGEST_DYNAMIC, self.operator())) } else { Ok(()) }
    }

    fn take(&self, bytes: usize, span: Span) -> Result<(), Fault> {
        let used = self.bytes.get().saturating_add(bytes as u64);
        self.bytes.set(used);
        if used > self.budget.bytes {
            return Err(Fault::Budget { what: "bytes of memory", limit: self.budget.bytes, span });
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

    /// A regular expression, compiled at its first use.
    pub(crate) fn regex(&self, pattern: &str, span: Span) -> Result<Arc<Regex>, Fault> {
        self.patterns.get(pattern).map_err(|message| Fault::Failed { message, span })
    }
}

fn too_large(limit: usize, span: Span) -> Fault {
    Fault::Budget { what: "bytes in one value", limit: limit as u64, span }
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
    /// What a function gives for these arguments, with both counted.
    pub(crate) fn of(
        &self,
        function: fn(&Call<'_>, &[Value]) -> Result<Value, Fault>,
        values: &[Value],
    ) -> Result<Value, Fault> {
        self.context.arguments(values, self.span)?;
        let value = function(self, values)?;
        self.context.made(&value, self.span)?;
        Ok(value)
    }

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
