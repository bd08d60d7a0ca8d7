//! The parts of each tabular operator, in alphabetical order of the operator; those of graphs are in `graph.rs`.

use super::super::span::Span;
use super::*;

/// `as hint.materialized=true name`
#[derive(Clone, Debug, PartialEq)]
pub struct As {
    /// Before the name.
    pub parameters: Vec<OperatorParameter>,
    /// What the input is called from here on.
    pub name: Name,
}

/// `evaluate hint.distribution=single plugin(arguments) : (schema)`
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    /// Before the call.
    pub parameters: Vec<OperatorParameter>,
    /// A [`ExprKind::Call`], or [`ExprKind::Missing`].
    pub call: Expr,
    /// `: (*, a:string)`
    pub schema: Option<EvaluateSchema>,
}

/// The declared result of `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluateSchema {
    /// `*` is written: the input's columns come too.
    pub star: bool,
    /// The columns.
    pub columns: Vec<ColumnDecl>,
    /// With parentheses.
    pub span: Span,
}

/// `facet by columns with operator` or `with (pipeline)`
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// `by`.
    pub columns: Vec<Expr>,
    /// A pipeline without a source.
    pub with: Option<Expr>,
}

/// `find withsource=x in (T) where predicate project columns`
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// `datascope = all`
    pub data_scope: Option<Name>,
    /// `in (...)`: names, wildcards, or `T | as name`.
    pub tables: Vec<Expr>,
    /// After `where`, or alone.
    pub predicate: Expr,
    /// `project` and its columns.
    pub project: Option<FindProject>,
    /// `__projectAway` and its columns.
    pub project_away: Vec<FindColumn>,
}

/// What a `find` returns.
#[derive(Clone, Debug, PartialEq)]
pub enum FindProject {
    /// `project a, b:string, pack(*)`
    Columns(Vec<FindColumn>),
    /// `project-smart`
    Smart,
}

/// A column of `find ... project`.
#[derive(Clone, Debug, PartialEq)]
pub enum FindColumn {
    /// `pack(*)`
    Pack(Span),
    /// `*`
    Star(Span),
    /// `a` or `a:string`
    Column {
        /// The column.
        name: Name,
        /// Its type, if written.
        ty: Option<TypeRef>,
    },
}

/// One branch of `fork`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// `name = (...)`
    pub name: Option<Name>,
    /// A pipeline, normally without a source.
    pub query: Expr,
    /// With name and parentheses.
    pub span: Span,
}

/// `join` and `lookup`
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// `kind=inner`, hints.
    pub parameters: Vec<OperatorParameter>,
    /// The right side.
    pub right: Expr,
    /// How rows are matched; `None` if not written, which Kusto refuses only when the query runs.
    pub condition: Option<JoinCondition>,
}

/// How a join matches rows.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinCondition {
    /// `on a, $left.b == $right.c`
    On(Vec<Expr>),
    /// `where predicate`
    Where(Expr),
}

/// `macro-expand group as X ( statements )`
#[derive(Clone, Debug, PartialEq)]
pub struct MacroExpand {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// What is expanded.
    pub group: Expr,
    /// `as name`
    pub scope: Option<Name>,
    /// Between the parentheses.
    pub statements: Vec<Statement>,
}

/// `make-series a = count() default = 0 on t from x to y step z by b`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// What is counted.
    pub aggregates: Vec<SeriesAggregate>,
    /// After `on`.
    pub axis: Expr,
    /// From where to where.
    pub range: SeriesRange,
    /// `by`.
    pub by: Vec<Expr>,
}

/// `a = count() default = 0`
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAggregate {
    /// The aggregate, perhaps named.
    pub expr: Expr,
    /// For empty bins.
    pub default: Option<Expr>,
}

/// The axis of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesRange {
    /// `from a to b step c`
    FromToStep {
        /// Start.
        from: Option<Expr>,
        /// End.
        to: Option<Expr>,
        /// Bin size.
        step: Expr,
    },
    /// `in range(a, b, c)`
    InRange(Vec<Expr>),
}

/// `mv-apply x to typeof(long) limit 5 id y on (subquery)`
#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    /// `with_itemindex=i`
    pub parameters: Vec<OperatorParameter>,
    /// What is expanded.
    pub items: Vec<MvItem>,
    /// `limit n`
    pub limit: Option<Expr>,
    /// `id x`
    pub id: Option<Expr>,
    /// A pipeline without a source.
    pub subquery: Expr,
}

/// `mv-expand x to typeof(long) limit 5`
#[derive(Clone, Debug, PartialEq)]
pub struct MvExpand {
    /// `kind=array`, `bagexpansion=array`, `with_itemindex=i`
    pub parameters: Vec<OperatorParameter>,
    /// What is expanded.
    pub items: Vec<MvItem>,
    /// `limit n`
    pub limit: Option<Expr>,
}

/// `x = y to typeof(long)`
#[derive(Clone, Debug, PartialEq)]
pub struct MvItem {
    /// The array or bag; [`ExprKind::Missing`] in `mv-apply to typeof(long) on (...)`.
    pub expr: Expr,
    /// After `to`: a [`ExprKind::TypeOf`].
    pub to: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// `parse` and `parse-where`
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    /// `kind=regex`, `flags=U`
    pub parameters: Vec<OperatorParameter>,
    /// What is parsed.
    pub expr: Expr,
    /// After `with`.
    pub pattern: Vec<ParsePart>,
}

/// One part of a `parse` pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// `*`
    Star(Span),
    /// `"text"`: a [`ExprKind::String`]
    Text(Expr),
    /// `name` or `name:type`
    Column {
        /// The new column.
        name: Name,
        /// `string` if absent.
        ty: Option<TypeRef>,
    },
}

/// `parse-kv x as (schema) with (properties)`
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKv {
    /// What is parsed.
    pub expr: Expr,
    /// The new columns.
    pub columns: Vec<ColumnDecl>,
    /// `with (name = value)`
    pub properties: Vec<OperatorParameter>,
}

/// `partition by column in scope (subquery)`
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// Hints.
    pub parameters: Vec<OperatorParameter>,
    /// `by`.
    pub by: Expr,
    /// `in (...)`
    pub scope: Option<Expr>,
    /// A pipeline without a source in parentheses, or a whole query in braces.
    pub subquery: Expr,
    /// The sub-query stands in braces.
    pub braces: bool,
}

/// `__partitionby column id x (subquery)`
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionBy {
    /// Hints.
    pub parameters: Vec<OperatorParameter>,
    /// The column.
    pub by: Expr,
    /// `id x`
    pub id: Option<Expr>,
    /// A pipeline without a source.
    pub subquery: Expr,
}

/// `range x from a to b step c`
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The new column.
    pub name: Name,
    /// First value.
    pub from: Expr,
    /// Last value.
    pub to: Expr,
    /// Distance.
    pub step: Expr,
}

/// `reduce by x with threshold=0.1, characters="x"`
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// What is reduced.
    pub by: Expr,
    /// After `with`.
    pub with: Vec<OperatorParameter>,
}

/// `render timechart with (title="x")`
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    /// The chart.
    pub chart: Name,
    /// The old form: `kind=stacked title="x" by a, b`, and those in `with (...)`.
    pub properties: Vec<OperatorParameter>,
}

/// `sample-distinct n of x`
#[derive(Clone, Debug, PartialEq)]
pub struct SampleDistinct {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// How many.
    pub count: Expr,
    /// Of what.
    pub of: Expr,
}

/// `scan kind=partial order by a partition by b declare (c:long) with (steps)`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// `with_match_id=m`
    pub parameters: Vec<OperatorParameter>,
    /// `order by`
    pub order_by: Vec<Ordered>,
    /// `partition by`
    pub partition_by: Vec<Expr>,
    /// `declare (...)`
    pub declare: Vec<Parameter>,
    /// The steps.
    pub steps: Vec<ScanStep>,
}

/// `step name optional output=all: predicate => a = 1, b = 2;`
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    /// The step.
    pub name: Name,
    /// `optional` is written.
    pub optional: bool,
    /// `output = all | last | none`
    pub output: Option<Name>,
    /// When the step matches.
    pub predicate: Expr,
    /// After `=>`.
    pub assignments: Vec<(Name, Expr)>,
    /// All of it.
    pub span: Span,
}

/// `search kind=case_sensitive in (T) predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// `datascope = all`
    pub data_scope: Option<Name>,
    /// `in (...)`
    pub tables: Vec<Expr>,
    /// What to look for.
    pub predicate: Expr,
}

/// `sort by a desc, b`
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// Hints.
    pub parameters: Vec<OperatorParameter>,
    /// In order.
    pub by: Vec<Ordered>,
}

/// `summarize a = count() by b`
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    /// Hints.
    pub parameters: Vec<OperatorParameter>,
    /// What is computed; may be empty.
    pub aggregates: Vec<Expr>,
    /// `by`; empty if not written. An old `bin = 1h` at the end is [`ExprKind::Named`].
    pub by: Vec<Expr>,
}

/// `top n by x desc`
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// Hints.
    pub parameters: Vec<OperatorParameter>,
    /// How many.
    pub count: Expr,
    /// By what.
    pub by: Ordered,
}

/// `top-hitters n of x by y`
#[derive(Clone, Debug, PartialEq)]
pub struct TopHitters {
    /// How many.
    pub count: Expr,
    /// Of what.
    pub of: Expr,
    /// By what; by number of rows if absent.
    pub by: Option<Expr>,
}

/// One `top-nested n of x with others = "other" by y`
#[derive(Clone, Debug, PartialEq)]
pub struct TopNested {
    /// How many; all if absent.
    pub count: Option<Expr>,
    /// Of what.
    pub of: Expr,
    /// For the rest.
    pub others: Option<Expr>,
    /// By what.
    pub by: Ordered,
    /// All of it.
    pub span: Span,
}
