//! The syntax tree of a query.
//!
//! A plain tree of owned values: enums and structs, a [`Span`] on every node, no parent links, no arena. The parser
//! ([`parse`](super::parser::parse)) always returns one; where something was missing it holds
//! [`ExprKind::Missing`] or an empty [`Name`], and an error was reported for it.
//!
//! How the shapes relate to a text:
//!
//! ```text
//! let Limit = 5;                     Statement::Let        value: LetValue::Expr
//! let f = (T:(*), n:long=1) {...};   Statement::Let        value: LetValue::Function
//! SecurityEvent                      Statement::Expr(ExprKind::Pipeline)
//! | where EventID in (1, 2)            source: Some(name), operators: [Where, Summarize]
//! | summarize count() by Computer
//! print 1 | extend y = 2             ExprKind::Pipeline    source: None, operators: [Print, Extend]
//! SecurityEvent                      ExprKind::Name: a pipeline without an operator is just its source
//! ```
//!
//! Start with [`Query`], then [`Expr`] and [`Operator`]. What is written but means nothing (white space, comments,
//! commas, `by`) has no node: ask the tokens for it.
//!
//! Depth: chains of `and`, `or`, `+`, `*` are flat ([`ExprKind::Chain`]), pipelines are flat, and everything else
//! nests at most as deep as the parser's budget, so a recursive walk cannot overflow the stack.

mod expr;
mod graph;
mod operator;
mod parts;
mod statement;
pub mod visit;

pub use expr::*;
pub use graph::*;
pub use operator::*;
pub use parts::*;
pub use statement::*;

use super::span::Span;

/// A whole query text: statements separated by `;`.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// `#name arguments` lines before the first statement.
    pub directives: Vec<Span>,
    /// In order. The last [`StatementKind::Expr`] is what the query returns.
    pub statements: Vec<Statement>,
    /// From the first to the last token.
    pub span: Span,
}

impl Query {
    /// The tabular expression that gives the query its result: the last expression statement.
    #[must_use]
    pub fn body(&self) -> Option<&Expr> {
        self.statements.iter().rev().find_map(|s| match &s.kind {
            StatementKind::Expr(expr) => Some(expr),
            _ => None,
        })
    }
}

/// A name as it is declared or referred to.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name itself: `my col` for `['my col']`. Empty if the name is missing (an error was reported).
    pub text: Box<str>,
    /// How it is written.
    pub form: NameForm,
    /// With brackets, if any.
    pub span: Span,
}

impl Name {
    /// True if nothing stood where a name was needed.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.text.is_empty() && self.form == NameForm::Bare
    }
}

/// How a [`Name`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameForm {
    /// `Computer`
    Bare,
    /// `['Computer']` or `["Computer"]`
    Bracketed,
    /// `{Computer}`: a place that a client fills in.
    Braced,
}
