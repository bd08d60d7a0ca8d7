//! What names stand for while a query is bound, in arenas addressed by small ids.
//!
//! A column has an identity: `where` hands the same columns on, `extend x = a` makes a new one. Identity decides what
//! `summarize arg_max(t, *) by t` repeats. A table is a list of columns that may be *open*: more columns may exist, and
//! those that the query mentions are inferred and remembered in the order of their mention.

use std::sync::Arc;

use crate::kql::builtins::Function;
use crate::kql::schema::Name;
use crate::kql::syntax::{Expr, ExprKind};
use crate::kql::token::LiteralKind;
use crate::kql::types::Ty;

/// Id of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ColId(pub(super) u32);

/// Id of a table, also the payload of `Ty::Table`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TableId(pub(super) u32);

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: Name,
    pub(super) ty: Ty,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Arc<[ColId]>,
    pub(super) open: bool,
    /// Columns that the query expects of an open table.
    pub(super) inferred: Vec<ColId>,
}

/// Several columns that one expression gives.
#[derive(Clone, Debug)]
pub(super) struct Tuple {
    pub(super) columns: Arc<[ColId]>,
    /// The table it is a row of: `$left`, a step of `scan`, a node of a graph.
    pub(super) row_of: Option<TableId>,
}

/// Several symbols that one name matched.
#[derive(Clone, Debug)]
pub(super) enum Group {
    Columns(Arc<[ColId]>),
    Tables(Vec<TableId>),
}

/// A graph: the columns of its edges and nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Graph {
    pub(super) edges: TableId,
    pub(super) nodes: Option<TableId>,
}

/// A variable: `let`, a parameter, a step of `scan`, `as`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable<'a> {
    pub(super) ty: Ty,
    pub(super) constant: bool,
    pub(super) value: Option<Value<'a>>,
}

/// A literal, with the text it is written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) expr: &'a Expr,
    pub(super) source: &'a str,
}

impl<'a> Value<'a> {
    /// The value of a string literal.
    pub(super) fn string(self) -> Option<&'a str> {
        match &self.expr.kind {
            ExprKind::String(string) => Some(&string.value),
            _ => None,
        }
    }

    /// How the literal is written; a string without its quotes.
    pub(super) fn text(self) -> &'a str {
        self.string().unwrap_or_else(|| self.expr.span.of(self.source))
    }

    pub(super) fn boolean(self) -> Option<bool> {
        match self.expr.kind {
            ExprKind::Literal(LiteralKind::Bool) if self.text().eq_ignore_ascii_case("true") => Some(true),
            ExprKind::Literal(LiteralKind::Bool) if self.text().eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    pub(super) fn integer(self) -> Option<i64> {
        match self.expr.kind {
            ExprKind::Literal(LiteralKind::Long | LiteralKind::Int) => self.text().parse().ok(),
            _ => None,
        }
    }
}

/// What an expression refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sym {
    None,
    Column(ColId),
    Table(TableId),
    Variable(u32),
    /// A function of this query or of the schema.
    User(u32),
    Builtin(&'static Function),
    Group(u32),
    /// The type named by `typeof(...)`.
    TypeOf(Ty),
    /// `x.y` of a bag, an operator: refers to nothing that matters.
    Other,
}

impl Sym {
    pub(super) fn column(self) -> Option<ColId> {
        match self {
            Sym::Column(id) => Some(id),
            _ => None,
        }
    }
}

/// What is known of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info<'a> {
    /// The type; a tuple of several columns stays a tuple here.
    pub(super) ty: Ty,
    pub(super) sym: Sym,
    pub(super) constant: bool,
    /// The column that the value is, seen through parentheses and conversions that do nothing.
    pub(super) column: Option<ColId>,
    /// The literal that the value is.
    pub(super) value: Option<Value<'a>>,
}

impl Info<'_> {
    pub(super) fn of(ty: Ty) -> Self {
        Info { ty, sym: Sym::None, constant: false, column: None, value: None }
    }

    pub(super) const ERROR: Self =
        Info { ty: Ty::Error, sym: Sym::None, constant: false, column: None, value: None };

    pub(super) fn constant(ty: Ty) -> Self {
        Info { constant: true, ..Info::of(ty) }
    }
}

/// A scope is a chain of bindings, newest first; the chain at the place of a function's declaration is its scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) name: Name,
    pub(super) sym: Sym,
    pub(super) outer: Option<u32>,
    /// Which `{ }` it belongs to: two of one name in one block clash.
    pub(super) block: u32,
}
