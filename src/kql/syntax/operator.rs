//! One step of a pipeline, and the shapes that several operators share.

use super::super::span::Span;
use super::*;

/// One step of a [`Pipeline`].
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Which operator, with its parts.
    pub kind: OperatorKind,
    /// The `|` before it; `None` for the first operator of a pipeline without a source.
    pub pipe: Option<Span>,
    /// The operator's name as written: `where`, `mv-expand`.
    pub keyword: Span,
    /// From its name to its end, without the `|`.
    pub span: Span,
}

/// Every tabular operator.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    /// `as name`
    As(As),
    /// `assert-schema (a:string, ...)`
    AssertSchema(Vec<ColumnDecl>),
    /// `consume`
    Consume(Vec<OperatorParameter>),
    /// `count`, or the old `count as name`
    Count(Option<Name>),
    /// `distinct a, b` or `distinct *`
    Distinct(Columns),
    /// `evaluate plugin(...)`
    Evaluate(Evaluate),
    /// `__executeAndCache`
    ExecuteAndCache,
    /// `extend a = 1, ...`
    Extend(Vec<Expr>),
    /// `facet by a, b with (...)`
    Facet(Facet),
    /// `find in (T, U) where ... project ...`
    Find(Box<Find>),
    /// `fork name=(...) (...)`
    Fork(Vec<Branch>),
    /// `getschema`
    Getschema(Option<OperatorParameter>),
    /// `graph-mark-components kind=weak`
    GraphMarkComponents(Vec<OperatorParameter>),
    /// `graph-match (a)-[e]->(b) where ... project ...`
    GraphMatch(Box<GraphMatch>),
    /// `graph-shortest-paths output=any (a)-[e*1..3]->(b) where ... project ...`
    GraphShortestPaths(Box<GraphMatch>),
    /// `graph-to-table nodes as N, edges as E`
    GraphToTable(Vec<GraphOutput>),
    /// `graph-where-edges predicate`
    GraphWhereEdges(Expr),
    /// `graph-where-nodes predicate`
    GraphWhereNodes(Expr),
    /// `inline_external_table ...` after a pipe
    InlineExternalTable(Expr),
    /// `invoke f(...)`
    Invoke(Expr),
    /// `join kind=inner (T) on a`
    Join(Join),
    /// `lookup kind=leftouter (T) on a`
    Lookup(Join),
    /// `macro-expand group as X (...)`
    MacroExpand(Box<MacroExpand>),
    /// `make-graph source --> target with nodes on id`
    MakeGraph(Box<MakeGraph>),
    /// `make-series a = count() default = 0 on t from x to y step z by b`
    MakeSeries(Box<MakeSeries>),
    /// `mv-apply x to typeof(long) limit 5 on (...)`
    MvApply(Box<MvApply>),
    /// `mv-expand kind=array x to typeof(long) limit 5`; `mvexpand` too
    MvExpand(MvExpand),
    /// `parse kind=regex x with * "a" b:long`
    Parse(Parse),
    /// `parse-where ...`, which drops rows that do not match
    ParseWhere(Parse),
    /// `parse-kv x as (a:string) with (pair_delimiter=",")`
    ParseKv(ParseKv),
    /// `partition by a (...)` or `partition by a { ... }`
    Partition(Box<Partition>),
    /// `__partitionby a id x (...)`
    PartitionBy(Box<PartitionBy>),
    /// `print a = 1, ...`
    Print(Vec<Expr>),
    /// `project a, b = 1`
    Project(Vec<Expr>),
    /// `project-away a, b*`
    ProjectAway(Vec<Expr>),
    /// `project-by-names a, b`
    ProjectByNames(Vec<Expr>),
    /// `project-keep a, b*`
    ProjectKeep(Vec<Expr>),
    /// `project-rename new = old`
    ProjectRename(Vec<Expr>),
    /// `project-reorder a, b* asc`
    ProjectReorder(Vec<Ordered>),
    /// `range x from a to b step c`
    Range(Box<Range>),
    /// `reduce by x with threshold=0.1`
    Reduce(Reduce),
    /// `render timechart with (title="x")`
    Render(Render),
    /// `sample 5`
    Sample(Rows),
    /// `sample-distinct 5 of x`
    SampleDistinct(SampleDistinct),
    /// `scan with (step s: x > 1;)`
    Scan(Box<Scan>),
    /// `search in (T) "x"`
    Search(Box<Search>),
    /// `serialize a = 1`
    Serialize(Columns),
    /// `sort by a desc`; `order by` too
    Sort(Sort),
    /// `summarize count() by a`
    Summarize(Summarize),
    /// `take 5`; `limit` too
    Take(Rows),
    /// `top 5 by a desc`
    Top(Box<Top>),
    /// `top-hitters 5 of a by b`
    TopHitters(Box<TopHitters>),
    /// `top-nested 5 of a by count(), top-nested ...`
    TopNested(Vec<TopNested>),
    /// `union kind=outer T, U*`
    Union(Columns),
    /// `where predicate`; `filter` too
    Where(Rows),
    /// An unknown operator, or nothing after a `|` (an error was reported). Holds the name that stood there.
    Unknown(Name),
}

/// `name = value` after an operator's name: `kind=inner`, `hint.strategy=shuffle`, `isfuzzy=true`.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorParameter {
    /// With its dot, as in `hint.remote`.
    pub name: Name,
    /// A literal, a call, or a word as [`ExprKind::Name`]; [`ExprKind::Missing`] if it is a list.
    pub value: Expr,
    /// For the few that take a list of columns (`render ... with (ycolumns = a, b)`).
    pub columns: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// Operators that are a list with parameters before it: `distinct`, `serialize`, `union`.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Before the list.
    pub parameters: Vec<OperatorParameter>,
    /// The list.
    pub items: Vec<Expr>,
}

/// Operators that are one expression with parameters before it: `where`, `take`, `sample`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Before the expression.
    pub parameters: Vec<OperatorParameter>,
    /// The predicate, or how many.
    pub value: Expr,
}

/// An expression with an order: `a desc nulls last`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered {
    /// What to order by.
    pub expr: Expr,
    /// `None` if not written: descending for `sort` and `top`.
    pub direction: Option<Direction>,
    /// `nulls first` or `nulls last`.
    pub nulls: Option<Nulls>,
    /// All of it.
    pub span: Span,
}

/// The written direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `asc`
    Asc,
    /// `desc`
    Desc,
    /// `granny-asc`: digits in text compared as numbers
    GrannyAsc,
    /// `granny-desc`
    GrannyDesc,
}

/// Where nulls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// `nulls first`
    First,
    /// `nulls last`
    Last,
}
