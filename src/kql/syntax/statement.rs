//! Statements, functions and the types they declare.

use super::super::span::Span;
use super::{Expr, Name};

/// One statement of a query or of a function body.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Without its `;`.
    pub span: Span,
}

/// What a [`Statement`] does.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `let name = value`
    Let(Let),
    /// `set option` or `set option = value`
    Set(SetOption),
    /// `declare query_parameters(a:string = "x", ...)`
    QueryParameters(Vec<Parameter>),
    /// `alias database name = cluster("c").database("d")`
    Alias(Alias),
    /// `declare pattern name = (...) { ... }`
    Pattern(Box<Pattern>),
    /// `restrict access to (T, database("d").*)`
    Restrict(Restrict),
    /// A query, or any expression.
    Expr(Expr),
}

/// `let name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// What is declared.
    pub name: Name,
    /// What it stands for.
    pub value: LetValue,
}

/// The right side of a `let`.
#[derive(Clone, Debug, PartialEq)]
pub enum LetValue {
    /// A scalar or tabular expression; `materialize(...)` is [`super::ExprKind::Materialize`].
    Expr(Expr),
    /// `(a:long, T:(x:string)) { body }`, optionally after `view`
    Function(Box<Function>),
}

/// A function declared by `let`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Span of the word `view`, if written: the function then takes part in `union *`.
    pub view: Option<Span>,
    /// In order.
    pub parameters: Vec<Parameter>,
    /// Between the braces.
    pub body: FunctionBody,
    /// From `view` or `(` to `}`.
    pub span: Span,
}

/// `{ let a = 1; T | take a }`
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionBody {
    /// `let` and `declare query_parameters` statements before the result.
    pub statements: Vec<Statement>,
    /// The result; a body may lack it.
    pub result: Option<Expr>,
    /// With braces.
    pub span: Span,
}

/// A declared parameter, `name:type` or `name:type = default`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeRef,
    /// A literal, or a bare word as [`super::ExprKind::Name`].
    pub default: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// A type as written after `:`.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeRef {
    /// `string`. The text may be no type at all; then an error was reported.
    Scalar(Name),
    /// `(a:string, b:long)` or `(*)`
    Table(TableType),
    /// Nothing stood there (an error was reported).
    Missing(Span),
}

/// The columns of a tabular parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct TableType {
    /// The columns that must exist; empty for `(*)` and `()`.
    pub columns: Vec<ColumnDecl>,
    /// `(*)`: any table.
    pub any: bool,
    /// With parentheses.
    pub span: Span,
}

/// `name:type` in a schema: of `datatable`, `externaldata`, `parse-kv`, a tabular parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDecl {
    /// The column.
    pub name: Name,
    /// Its type.
    pub ty: TypeRef,
    /// All of it.
    pub span: Span,
}

/// `set name` or `set name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct SetOption {
    /// The option.
    pub name: Name,
    /// Its value; true if absent.
    pub value: Option<Expr>,
}

/// `alias database name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// What is declared.
    pub name: Name,
    /// The database it stands for.
    pub value: Expr,
}

/// `restrict access to (names) with (properties)`
#[derive(Clone, Debug, PartialEq)]
pub struct Restrict {
    /// Tables, functions and wildcards that stay visible.
    pub entities: Vec<Expr>,
    /// `with (name = value)`
    pub properties: Vec<super::OperatorParameter>,
}

/// `declare pattern name = (parameters)[path:type] { matches }`
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What is declared.
    pub name: Name,
    /// Between the parentheses; empty for a declaration without a definition.
    pub parameters: Vec<ColumnDecl>,
    /// The parameter in brackets.
    pub path: Option<ColumnDecl>,
    /// The cases.
    pub matches: Vec<PatternMatch>,
}

/// `("a", "b").["c"] = { body };`
#[derive(Clone, Debug, PartialEq)]
pub struct PatternMatch {
    /// One value for each parameter.
    pub arguments: Vec<Expr>,
    /// The value in brackets.
    pub path: Option<Expr>,
    /// What the case stands for.
    pub body: FunctionBody,
    /// All of it, without `;`.
    pub span: Span,
}
