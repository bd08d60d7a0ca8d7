//! The parts of the graph operators.

use super::super::span::Span;
use super::*;

/// `graph-match` and `graph-shortest-paths`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMatch {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// Patterns, each a list of nodes and edges.
    pub patterns: Vec<Vec<GraphElement>>,
    /// `where predicate`
    pub predicate: Option<Expr>,
    /// `project columns`
    pub project: Option<Vec<Expr>>,
}

/// A node or an edge of a graph pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphElement {
    /// `(name)`
    Node {
        /// Absent in `()`.
        name: Option<Name>,
        /// With parentheses.
        span: Span,
    },
    /// `-[name*1..3]->`, `<-[..]-`, `-[..]-`, `-->`, `<--`, `--`
    Edge {
        /// Which way it points.
        direction: EdgeDirection,
        /// Absent in `-->` and in `-[]->`.
        name: Option<Name>,
        /// `*low..high`
        range: Option<(Expr, Expr)>,
        /// From the first dash to the last.
        span: Span,
    },
}

/// Which way an edge points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeDirection {
    /// `-->`
    Right,
    /// `<--`
    Left,
    /// `--`
    Any,
}

/// `nodes as N with_node_id=x`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphOutput {
    /// `nodes` if true, else `edges`.
    pub nodes: bool,
    /// `as name`
    pub name: Option<Name>,
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// All of it.
    pub span: Span,
}

/// `make-graph source --> target with ... partitioned-by x (...)`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeGraph {
    /// After the name.
    pub parameters: Vec<OperatorParameter>,
    /// Column of the edge's start.
    pub source: Name,
    /// True for `-->`, false for `--`.
    pub directed: bool,
    /// Column of the edge's end.
    pub target: Name,
    /// `with T on id, ...`
    pub nodes: Vec<GraphNodes>,
    /// `with_node_id = name`
    pub node_id: Option<Name>,
    /// `partitioned-by column (subquery)`
    pub partitioned_by: Option<(Expr, Expr)>,
}

/// `T on id`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNodes {
    /// The nodes.
    pub table: Expr,
    /// Their key.
    pub key: Name,
}
