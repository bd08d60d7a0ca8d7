//! Expressions to [`Typed`] trees: names resolved against the columns at hand, constants computed.
//!
//! `names` says what a name means, `calls` handles functions (the forms that do not evaluate all their arguments, the
//! library, the query's own), `operators` the operators, `literal` the constants, `windows` functions that look at other
//! rows, `returns` the type of a call, `naming` the name of an unnamed column.

mod calls;
mod literal;
mod names;
mod naming;
mod operators;
mod returns;
mod windows;

use std::cell::RefCell;
use std::rc::Rc;

use super::Fault;
use super::aggregate::Aggregate;
use super::call::Context;
use super::frame::Frame;
use super::run::Run;
use super::scalar::{At, Node, Typed};
use super::scope::Scope;
use super::value::Value;
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind};
use crate::kql::types::ScalarType;

pub(crate) use calls::common;
pub(crate) use literal::{declared_type, type_of};
pub(crate) use naming::number_text;

/// The rows that an expression is compiled for.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'r> {
    pub(crate) frame: &'r Frame,
    /// Tells these rows from all others: see [`super::scope::Bound`].
    pub(crate) id: u64,
}

/// An aggregate call found in an expression; its result is the column of its place.
pub(crate) struct Aggregated {
    pub(crate) work: Work,
    pub(crate) args: Vec<Typed>,
    pub(crate) returns: ScalarType,
    pub(crate) span: Span,
}

/// How an aggregate comes to its result.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Library(&'static Aggregate),
    /// The number of the row where the argument is greatest or least.
    Extreme {
        greatest: bool,
    },
    /// The number of the first row; with `full`, of the first whose argument is neither null nor empty.
    AnyRow {
        full: bool,
    },
    /// The argument on the row that the aggregate in that place picked.
    OfRow(usize),
}

/// Compiles the expressions of one operator.
#[derive(Clone)]
pub(crate) struct Compiler<'r, 'a> {
    pub(crate) run: &'r Run<'a>,
    pub(crate) scope: Scope<'a>,
    pub(crate) rows: Option<Rows<'r>>,
    /// The right side of a join, in its condition.
    pub(crate) right: Option<&'r Frame>,
    /// Bare names may be columns: not in the body of a function, nor outside the arguments of an aggregate.
    pub(crate) columns: bool,
    /// Where aggregates are allowed: those found so far.
    pub(crate) aggregates: Option<&'r RefCell<Vec<Aggregated>>>,
    /// In `search`: a text alone stands for "any column has it".
    pub(crate) search: bool,
}

impl<'r, 'a> Compiler<'r, 'a> {
    /// For expressions that read no row.
    pub(crate) fn constants(run: &'r Run<'a>, scope: &Scope<'a>) -> Compiler<'r, 'a> {
        Compiler {
            run,
            scope: scope.clone(),
            rows: None,
            right: None,
            columns: false,
            aggregates: None,
            search: false,
        }
    }

    /// For expressions over these rows.
    pub(crate) fn over(run: &'r Run<'a>, scope: &Scope<'a>, frame: &'r Frame) -> Compiler<'r, 'a> {
        let rows = Rows { frame, id: run.next_id() };
        Compiler { rows: Some(rows), columns: true, ..Compiler::constants(run, scope) }
    }

    pub(crate) fn context(&self) -> &'r Context {
        &self.run.context
    }

    /// The expression as a tree that can be evaluated on each row.
    pub(crate) fn compile(&self, expr: &'a Expr) -> Result<Typed, Fault> {
        let _nested = self.run.enter(self.scope.place(expr.span))?;
        match &expr.kind {
            ExprKind::Name(name) => self.name(&name.text, name.span),
            ExprKind::String(string) => Ok(Typed::constant(Value::string(&string.value), ScalarType::String)),
            ExprKind::Literal(kind) => self.literal(expr, *kind),
            ExprKind::Null => Ok(Typed::constant(Value::Null, ScalarType::Dynamic)),
            ExprKind::Dynamic(value) => self.dynamic(value),
            ExprKind::Call(call) => self.call(call, expr),
            ExprKind::Path(path) => self.path(path, expr),
            ExprKind::Index(index) => self.index(&index.base, &index.index, expr.span),
            ExprKind::Bracketed(inner) => match &inner.kind {
                ExprKind::String(name) => self.name(&name.value, inner.span),
                _ => self.compile(inner),
            },
            ExprKind::Unary(unary) => self.unary(unary, expr.span),
            ExprKind::Chain(chain) => self.chain(chain, expr.span),
            ExprKind::Binary(binary) => self.binary(binary, expr.span),
            ExprKind::In(test) => self.in_list(test, expr.span),
            ExprKind::Between(test) => self.between(test, expr.span),
            ExprKind::Named(named) => self.compile(&named.value),
            ExprKind::Paren(inner) => self.compile(inner),
            ExprKind::ToScalar(query) => self.to_scalar(&query.query),
            ExprKind::TypeOf(_) => self.type_name(expr),
            ExprKind::Pipeline(_) => self.to_scalar(expr),
            ExprKind::Missing => Err(self.scope.failed("something is missing here", expr.span)),
            _ => Err(self.scope.failed("a single value is expected here", expr.span)),
        }
    }

    /// The value of an expression that reads no row, such as the argument of `take`.
    pub(crate) fn constant(&self, expr: &'a Expr) -> Result<(Value, ScalarType), Fault> {
        let inner = Compiler { rows: None, columns: false, ..self.clone() };
        let typed = inner.compile(expr)?;
        let value = typed.value(At::new(&[], 0, self.context()))?;
        Ok((value, typed.ty))
    }

    /// A node over these children; computed now if they are constants.
    pub(crate) fn node(
        &self,
        ty: ScalarType,
        children: &[&Typed],
        node: Node,
        span: Span,
    ) -> Result<Typed, Fault> {
        Typed::build(ty, children, node, self.context(), self.scope.place(span))
    }

    pub(crate) fn pair(
        &self,
        ty: ScalarType,
        left: Typed,
        right: Typed,
        node: impl FnOnce(Rc<(Typed, Typed)>) -> Node,
        span: Span,
    ) -> Result<Typed, Fault> {
        let pair = Rc::new((left, right));
        self.node(ty, &[&pair.0, &pair.1], node(Rc::clone(&pair)), span)
    }

    /// The first column of the first row of a query.
    fn to_scalar(&self, query: &'a Expr) -> Result<Typed, Fault> {
        let frame = self.run.table(query, &self.scope)?;
        let ty = frame.ty(0);
        let value = frame.rows.first().and_then(|row| row.first()).cloned();
        Ok(Typed::constant(value.unwrap_or_else(|| Value::missing(ty)), ty))
    }
}
