//! Expressions, scalar and tabular: Kusto does not tell them apart before names are known.

use super::super::span::Span;
use super::super::token::LiteralKind;
use super::{ColumnDecl, Name, Operator, OperatorParameter, TypeRef};

/// An expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// What an [`Expr`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Nothing stood where an expression was needed (an error was reported). The span is empty.
    Missing,
    /// A column, variable, table or function without parentheses.
    Name(Name),
    /// `T*`, `*_CL`, `a*b`, `[*x]`: in `union`, `find`, `project-away` and their like.
    Wildcard(Box<str>),
    /// `*` alone: all columns.
    Star,
    /// `@` alone.
    At,
    /// One or several adjacent string literals, which Kusto joins: `"a" "b"`.
    String(StringLiteral),
    /// Any other constant; its text is the span's.
    Literal(LiteralKind),
    /// `null`, inside `dynamic(...)` only.
    Null,
    /// `dynamic(value)`; the value is made of [`Self::Array`], [`Self::Object`], literals and [`Self::Null`].
    Dynamic(Box<Expr>),
    /// `[1, 2]` inside `dynamic(...)`.
    Array(Vec<Expr>),
    /// `{"a": 1}` inside `dynamic(...)`.
    Object(Vec<Property>),
    /// `typeof(string)`, `typeof(a:string, b:long)`
    TypeOf(Box<TypeOf>),
    /// `name(arguments)`
    Call(Box<Call>),
    /// `base.selector`, as in `a.b`, `$left.a`, `database("d").T`, `cluster("c").database("d")`
    Path(Box<Path>),
    /// `base[index]`, as in `a[0]`, `a['b']`
    Index(Box<Index>),
    /// `[expr]` without a base, which Kusto parses but that means nothing except after a `.`.
    Bracketed(Box<Expr>),
    /// `-a`, `+a`
    Unary(Box<Unary>),
    /// Operators of one level that associate: `a or b or c`, `a + b - c`, `a * b / c`. At least two operands.
    Chain(Box<Chain>),
    /// A comparison: `a == b`, `a has b`, `a:b`. These do not chain.
    Binary(Box<Binary>),
    /// `a in (1, 2)`, `a !in~ (T | project x)`, `a has_any ("x", "y")`
    In(Box<In>),
    /// `a between (low .. high)`
    Between(Box<Between>),
    /// `name = value`, `(a, b) = value`: a column declared where columns may be, or a named argument.
    Named(Box<Named>),
    /// `(inner)`
    Paren(Box<Expr>),
    /// A query: a source and the operators it is piped through, or operators alone (`print 1`, `union A, B`).
    Pipeline(Box<Pipeline>),
    /// `toscalar(query)`
    ToScalar(Box<Conversion>),
    /// `totable(query)`
    ToTable(Box<Conversion>),
    /// `materialize(query)`
    Materialize(Box<Expr>),
    /// `datatable(schema)[values]`
    Datatable(Box<Datatable>),
    /// `externaldata(schema)[uris] with (properties)`
    Externaldata(Box<Externaldata>),
    /// `inline_external_table (schema) kind=storage ... (uris)`
    InlineExternalTable(Box<InlineExternalTable>),
    /// `__contextual_datatable id (schema)`
    ContextualDatatable(Box<ContextualDatatable>),
    /// `materialized-view-combine(name) base(..) delta(..) aggregations(..)`
    MaterializedViewCombine(Box<MaterializedViewCombine>),
    /// `T datascope = hotcache`
    DataScope(Box<DataScope>),
    /// `entity_group [a, b]`
    EntityGroup(Vec<Expr>),
}

/// What a string literal stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct StringLiteral {
    /// Decoded and joined. For a string with a fault: its text without the quote.
    pub value: Box<str>,
    /// How many adjacent literals were joined; above 1 in a list, a comma is probably missing.
    pub parts: u32,
}

/// One `"name": value` of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Decoded; empty if missing.
    pub name: Box<str>,
    /// With quotes.
    pub name_span: Span,
    /// Its value.
    pub value: Expr,
}

/// `typeof(...)`
#[derive(Clone, Debug, PartialEq)]
pub enum TypeOf {
    /// `typeof(string)`; the name may be no type.
    Scalar(Name),
    /// `typeof(*, a:string)`
    Table {
        /// `*` is written.
        star: bool,
        /// The columns.
        columns: Vec<ColumnDecl>,
    },
}

/// `name(arguments)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub name: Name,
    /// In order; `x = 1` is [`ExprKind::Named`], `*` is [`ExprKind::Star`].
    pub arguments: Vec<Expr>,
    /// With parentheses.
    pub arguments_span: Span,
}

/// `base.selector`
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// What stands before the dot.
    pub base: Expr,
    /// [`ExprKind::Name`], [`ExprKind::Call`], [`ExprKind::Wildcard`], [`ExprKind::Bracketed`] or
    /// [`ExprKind::Missing`].
    pub selector: Expr,
}

/// `base[index]`
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// What stands before the bracket.
    pub base: Expr,
    /// Between the brackets. `a['b']` has a [`ExprKind::String`] here.
    pub index: Expr,
}

/// `-operand`, `+operand`
#[derive(Clone, Debug, PartialEq)]
pub struct Unary {
    /// True for `-`.
    pub negative: bool,
    /// What it applies to.
    pub operand: Expr,
}

/// `first op a op b ...`, evaluated from the left.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The leftmost operand.
    pub first: Expr,
    /// The others, at least one; their operators all bind equally strongly.
    pub rest: Vec<Link>,
}

/// One `op operand` of a [`Chain`].
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Which operator.
    pub op: ChainOp,
    /// Where the operator is written.
    pub op_span: Span,
    /// Its right operand.
    pub operand: Expr,
}

/// Operators that associate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

/// `left op right`
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// Which comparison.
    pub op: BinaryOp,
    /// Where the operator is written.
    pub op_span: Span,
    /// [`ExprKind::Star`] in `* has "x"`.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
}

/// Comparisons. For the string operators, `Cs` is the case-sensitive variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is named like the operator it stands for
pub enum BinaryOp {
    /// `==`
    Equal,
    /// `!=` and `<>`
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// `=~`
    EqualTilde,
    /// `!~`
    NotEqualTilde,
    /// `column:"term"`, in `search` and `find`
    Search,
    Has,
    NotHas,
    HasCs,
    NotHasCs,
    HasPrefix,
    NotHasPrefix,
    HasPrefixCs,
    NotHasPrefixCs,
    HasSuffix,
    NotHasSuffix,
    HasSuffixCs,
    NotHasSuffixCs,
    Like,
    NotLike,
    LikeCs,
    NotLikeCs,
    Contains,
    NotContains,
    ContainsCs,
    NotContainsCs,
    StartsWith,
    NotStartsWith,
    StartsWithCs,
    NotStartsWithCs,
    EndsWith,
    NotEndsWith,
    EndsWithCs,
    NotEndsWithCs,
    /// `matches regex`
    MatchesRegex,
}

/// `left op (list)`
#[derive(Clone, Debug, PartialEq)]
pub struct In {
    /// Which test.
    pub op: InOp,
    /// Where the operator is written.
    pub op_span: Span,
    /// What is looked for.
    pub left: Expr,
    /// Values; or exactly one query ([`ExprKind::Pipeline`], or a name that turns out to be a table).
    pub list: Vec<Expr>,
    /// With parentheses.
    pub list_span: Span,
}

/// Tests against a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InOp {
    /// `in`
    In,
    /// `in~`
    InTilde,
    /// `!in`
    NotIn,
    /// `!in~`
    NotInTilde,
    /// `has_any`
    HasAny,
    /// `has_all`
    HasAll,
}

/// `left between (low .. high)`
#[derive(Clone, Debug, PartialEq)]
pub struct Between {
    /// True for `!between`.
    pub negated: bool,
    /// Where the operator is written.
    pub op_span: Span,
    /// What is tested.
    pub left: Expr,
    /// Lower bound.
    pub low: Expr,
    /// Upper bound.
    pub high: Expr,
}

/// `name = value` or `(a, b) = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// One name, or several if `list`.
    pub names: Vec<Name>,
    /// Written in parentheses; may be so with one name too.
    pub list: bool,
    /// What is named.
    pub value: Expr,
}

/// `source | operator | operator`
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// What the first operator reads. `None` if the pipeline starts with an operator: `print`, `range`, `union`,
    /// `find`, `search`, `evaluate`; or in a sub-query that reads what surrounds it (`mv-apply`, `fork`, `facet`,
    /// `partition`).
    pub source: Option<Expr>,
    /// In order, at least one.
    pub operators: Vec<Operator>,
}

/// `toscalar kind=nooptimization (query)`
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// `kind=...`, if written.
    pub kind: Option<OperatorParameter>,
    /// Between the parentheses.
    pub query: Expr,
}

/// `datatable(schema)[values]`
#[derive(Clone, Debug, PartialEq)]
pub struct Datatable {
    /// Before the schema; Kusto defines none.
    pub parameters: Vec<OperatorParameter>,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
    /// Row after row.
    pub values: Vec<Expr>,
}

/// `externaldata(schema)[uris] with (properties)`
#[derive(Clone, Debug, PartialEq)]
pub struct Externaldata {
    /// Before the schema; Kusto defines none.
    pub parameters: Vec<OperatorParameter>,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
    /// Where to read from.
    pub uris: Vec<Expr>,
    /// `with (name = value, ...)`
    pub properties: Vec<OperatorParameter>,
}

/// `inline_external_table (schema) kind=storage partition by (..) pathformat=(..) dataformat=csv (uris) with (..)`
#[derive(Clone, Debug, PartialEq)]
pub struct InlineExternalTable {
    /// The columns; a delta table may leave them out.
    pub columns: Vec<ColumnDecl>,
    /// `storage` or `delta`.
    pub kind: Name,
    /// `partition by (...)`
    pub partitions: Vec<TablePartition>,
    /// `pathformat = (...)`: text, names and calls of `datetime_pattern`.
    pub path: Vec<Expr>,
    /// `dataformat = csv`
    pub format: Option<Name>,
    /// Where to read from.
    pub uris: Vec<Expr>,
    /// `with (name = value, ...)`
    pub properties: Vec<OperatorParameter>,
}

/// `name:type = value` in a table's partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct TablePartition {
    /// The column.
    pub name: Name,
    /// `datetime`, `long` or `string`.
    pub ty: TypeRef,
    /// How it is computed.
    pub value: Option<Expr>,
}

/// `__contextual_datatable id (schema)`
#[derive(Clone, Debug, PartialEq)]
pub struct ContextualDatatable {
    /// Which context.
    pub id: Expr,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
}

/// `materialized-view-combine(name) base(..) delta(..) aggregations(..)`
#[derive(Clone, Debug, PartialEq)]
pub struct MaterializedViewCombine {
    /// The view.
    pub view: Expr,
    /// What is already materialised.
    pub base: Expr,
    /// What is new.
    pub delta: Expr,
    /// A pipeline of one `summarize`.
    pub aggregations: Expr,
}

/// `expr datascope = hotcache`
#[derive(Clone, Debug, PartialEq)]
pub struct DataScope {
    /// What it applies to.
    pub expr: Expr,
    /// `all` or `hotcache`.
    pub scope: Name,
}
