//! Diagnostics and their codes.
//!
//! A code is stable: `KQL142` means the same for ever. The number is the one Kusto.Language uses for the same fault
//! (`KS142`), so that an answer of Microsoft's can be found; the words are ours.

use std::borrow::Cow;

use super::{Binder, MAX_DIAGNOSTICS};
use crate::kql::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The query cannot run.
    Error,
    /// The query can run, or this binder does not know enough to say that it cannot.
    Warning,
}

/// Something wrong with the meaning of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code, see [`code_title`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence for a person.
    pub message: String,
    /// Where it is.
    pub span: Span,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

/// Every code with what it is about: the table for documentation.
pub const CODES: &[(&str, &str)] = &[
    ("KQL005", "a word of an operator's parameter is not one of those allowed"),
    ("KQL100", "a parse pattern is not in order"),
    ("KQL106", "an operator is not defined for these types"),
    ("KQL107", "a value of another type is expected"),
    ("KQL108", "a scalar value is expected"),
    ("KQL109", "a column name is expected"),
    ("KQL110", "a rename (new = old) is expected"),
    ("KQL111", "a table is expected"),
    ("KQL112", "a table or a scalar is expected"),
    ("KQL116", "a value of this type is not allowed here"),
    ("KQL117", "the function must be called with arguments"),
    ("KQL119", "the function takes another number of arguments"),
    ("KQL124", "no such plugin"),
    ("KQL126", "a plugin is only allowed after evaluate"),
    ("KQL127", "no overload of the function takes these arguments"),
    ("KQL129", "a constant is expected"),
    ("KQL131", "a literal is expected, perhaps one of a list"),
    ("KQL134", "an integer is expected"),
    ("KQL135", "a value of another kind of type is expected"),
    ("KQL139", "several values cannot be assigned to one variable"),
    ("KQL142", "the name is not known"),
    ("KQL144", "an aggregate is not allowed here"),
    ("KQL145", "the column must exist on both sides of the join"),
    ("KQL147", "indexing is only possible into dynamic values"),
    ("KQL149", "the number of names and values differs"),
    ("KQL160", "no such type"),
    ("KQL171", "the column is declared twice"),
    ("KQL173", "the number of values does not fit the number of columns"),
    ("KQL174", "the operator cannot start a query, or must"),
    ("KQL177", "the operator is not allowed in this sub-query"),
    ("KQL178", "the step does not fit the range"),
    ("KQL179", "the operator has no such parameter"),
    ("KQL180", "the parameter is given twice"),
    ("KQL182", "the condition of the join is not of an allowed form"),
    ("KQL184", "the name stands for several columns"),
    ("KQL185", "pack(*) must be last"),
    ("KQL190", "the table has no columns"),
    ("KQL191", "* is not allowed here"),
    ("KQL195", "the arguments do not fit the parameters"),
    ("KQL201", "the variable is declared twice"),
    ("KQL204", "the table is not known"),
    ("KQL205", "a table or function of a fuzzy union is not known"),
    ("KQL211", "the function is not known"),
    ("KQL215", "decimal values cannot be part of dynamic values"),
    ("KQL219", "the operator needs a graph as input"),
    ("KQL226", "tabular parameters come first"),
    ("KQL227", "the columns of the join have different types"),
    ("KQL229", "the outputs of the graph are not as they must be"),
    ("KQL232", "the arguments have no type in common"),
    ("KQL236", "a column is used without an aggregate"),
    ("KQL237", "the name is not a plugin"),
    ("KQL238", "the graph pattern is not in order"),
    ("KQL240", "ids of nodes cannot be dynamic"),
    ("KQL241", "the key of a join cannot be dynamic"),
    ("KQL249", "the table lacks columns that the function needs"),
    ("KQL268", "wildcards are not allowed here"),
];

/// What a code is about.
#[must_use]
pub fn code_title(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, title)| *title)
}

impl Binder<'_> {
    /// Reports an error.
    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<Cow<'static, str>>) {
        self.report(code, Severity::Error, span, message.into(), None);
    }

    pub(super) fn warning(&mut self, code: &'static str, span: Span, message: impl Into<Cow<'static, str>>) {
        self.report(code, Severity::Warning, span, message.into(), None);
    }

    pub(super) fn report(
        &mut self,
        code: &'static str,
        severity: Severity,
        span: Span,
        message: Cow<'static, str>,
        suggestion: Option<String>,
    ) {
        if self.quiet == 0 && self.diagnostics.len() < MAX_DIAGNOSTICS {
            let message = message.into_owned();
            self.diagnostics.push(Diagnostic { code, severity, message, span, suggestion });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(code_title("KQL142"), Some("the name is not known"));
        assert_eq!(code_title("KQL999"), None);
    }
}
