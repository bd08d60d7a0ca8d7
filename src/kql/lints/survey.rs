//! One walk over a query that gathers what the lints ask about, so that thirty lints do not walk thirty times.
//!
//! Everything is a flat list in the order of the text. A [`Place`] says where in which pipeline something stands. Start
//! at [`Survey::new`].

use std::collections::{HashMap, HashSet};

use crate::kql::bind::Bound;
use crate::kql::parser::Parse;
use crate::kql::schema::Platform;
use crate::kql::span::Span;
use crate::kql::syntax::*;
use crate::kql::walk::{Node, children};

use super::columns;

/// A query, its meaning, and what a walk over it found.
pub(crate) struct Survey<'t> {
    pub(crate) text: &'t str,
    pub(crate) bound: &'t Bound,
    pub(crate) platform: Platform,
    pub(crate) pipelines: Vec<PipelineSite<'t>>,
    pub(crate) comparisons: Vec<Comparison<'t>>,
    pub(crate) calls: Vec<CallSite<'t>>,
    /// Lists in which a comma can be forgotten: of `in`, of `dynamic([...])`, rows of `datatable`.
    pub(crate) lists: Vec<&'t [Expr]>,
    /// `a and b`, `a or b`, with where the whole stands.
    pub(crate) chains: Vec<(&'t Chain, Place)>,
    /// `let` statements, nested ones too.
    pub(crate) lets: Vec<&'t Let>,
    let_names: HashSet<&'t str>,
    /// How often each name is mentioned where a value or a table may stand.
    pub(crate) mentions: HashMap<&'t str, u32>,
    /// Where a condition on the time of events stands, sorted.
    pub(crate) time_filters: Vec<u32>,
    /// `TimeGenerated between (a .. b)`
    pub(crate) time_ranges: Vec<&'t Between>,
    /// `externaldata(...)[...]`
    pub(crate) external: Vec<Span>,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Index of the innermost pipeline, if any.
    pub(crate) pipeline: Option<usize>,
    /// Index of the operator in that pipeline; `None` in its source.
    pub(crate) step: Option<usize>,
    /// Inside an odd number of `not(...)`.
    pub(crate) negated: bool,
    /// Inside a function that replaces null: `coalesce(...)`, `iff(isnull(..), ..)`.
    pub(crate) guarded: bool,
}

/// What a pipeline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The query's result.
    Result,
    /// The value of a `let`.
    Let,
    /// The right side of a join.
    Joined,
    /// One table of a union.
    Branch,
    /// Anything else: a sub-query, the body of a function.
    Inner,
}

/// A pipeline.
pub(crate) struct PipelineSite<'t> {
    pub(crate) operators: &'t [Operator],
    pub(crate) span: Span,
    pub(crate) role: Role,
    /// The table of the schema that it reads, if its source is one.
    pub(crate) table: Option<&'t Name>,
}

/// A comparison with one value or with several.
pub(crate) struct Comparison<'t> {
    pub(crate) test: Test,
    pub(crate) op_span: Span,
    pub(crate) left: &'t Expr,
    pub(crate) right: &'t [Expr],
    pub(crate) place: Place,
}

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    One(BinaryOp),
    List(InOp),
}

/// A call.
pub(crate) struct CallSite<'t> {
    pub(crate) call: &'t Call,
    pub(crate) span: Span,
    pub(crate) place: Place,
    /// It is the argument of `invoke` or `evaluate`.
    pub(crate) operator: bool,
}

impl<'t> Survey<'t> {
    /// Walks over the query once.
    pub(crate) fn new(text: &'t str, parse: &'t Parse, bound: &'t Bound, platform: Platform) -> Self {
        let mut survey = Survey {
            text,
            bound,
            platform,
            pipelines: Vec::new(),
            comparisons: Vec::new(),
            calls: Vec::new(),
            lists: Vec::new(),
            chains: Vec::new(),
            lets: Vec::new(),
            let_names: HashSet::new(),
            mentions: HashMap::new(),
            time_filters: Vec::new(),
            time_ranges: Vec::new(),
            external: Vec::new(),
        };
        let last = parse.query.statements.iter().rposition(|s| matches!(s.kind, StatementKind::Expr(_)));
        for (index, statement) in parse.query.statements.iter().enumerate() {
            let role = if Some(index) == last { Role::Result } else { Role::Inner };
            survey.statement(statement, role);
        }
        survey.time_filters.sort_unstable();
        survey
    }

    /// The text of a string literal.
    pub(crate) fn string(expr: &'t Expr) -> Option<&'t str> {
        match &expr.kind {
            ExprKind::String(literal) => Some(&literal.value),
            ExprKind::Paren(inner) => Self::string(inner),
            _ => None,
        }
    }

    /// The name of the column that an expression is; the last name of a path.
    pub(crate) fn column(&self, expr: &'t Expr) -> Option<&'t str> {
        match &expr.kind {
            ExprKind::Name(name) if !self.is_let(&name.text) => Some(&name.text),
            ExprKind::Path(path) => match &path.selector.kind {
                ExprKind::Name(name) => Some(&name.text),
                _ => None,
            },
            ExprKind::Paren(inner) => self.column(inner),
            _ => None,
        }
    }

    pub(crate) fn is_let(&self, name: &str) -> bool {
        self.let_names.contains(name)
    }

    /// Whether a condition on the time of events stands inside a span.
    pub(crate) fn filters_time_in(&self, span: Span) -> bool {
        let first = self.time_filters.partition_point(|at| *at < span.start);
        self.time_filters.get(first).is_some_and(|at| *at < span.end)
    }

    /// The pipeline at a place.
    pub(crate) fn pipeline(&self, place: Place) -> Option<&PipelineSite<'t>> {
        self.pipelines.get(place.pipeline?)
    }

    fn statement(&mut self, statement: &'t Statement, role: Role) {
        match &statement.kind {
            StatementKind::Let(item) => {
                self.lets.push(item);
                self.let_names.insert(&item.name.text);
                match &item.value {
                    LetValue::Expr(expr) => self.expr(expr, Place::default(), Role::Let),
                    LetValue::Function(function) => {
                        function.body.statements.iter().for_each(|s| self.statement(s, Role::Inner));
                        if let Some(result) = &function.body.result {
                            self.expr(result, Place::default(), Role::Inner);
                        }
                    }
                }
            }
            StatementKind::Expr(expr) => self.expr(expr, Place::default(), role),
            _ => children(Node::Statement(statement), &mut |child| self.node(child, Place::default())),
        }
    }

    fn node(&mut self, node: Node<'t>, place: Place) {
        match node {
            Node::Statement(statement) => self.statement(statement, Role::Inner),
            Node::Expr(expr) => self.expr(expr, place, Role::Inner),
            Node::Operator(_) => {} // reached through their pipeline only
        }
    }

    fn expr(&mut self, expr: &'t Expr, place: Place, role: Role) {
        let mut inner = place;
        match &expr.kind {
            ExprKind::Pipeline(pipeline) => return self.enter(pipeline, expr.span, role),
            ExprKind::Paren(inside) | ExprKind::Materialize(inside) => return self.expr(inside, place, role),
            ExprKind::Name(name) => {
                *self.mentions.entry(&name.text).or_default() += 1;
            }
            ExprKind::Binary(binary) => {
                let right = std::slice::from_ref(&binary.right);
                self.compare(Test::One(binary.op), binary.op_span, &binary.left, right, place);
                if columns::is_time_expr(&binary.left) || columns::is_time_expr(&binary.right) {
                    self.time_filters.push(expr.span.start);
                }
            }
            ExprKind::In(test) => {
                self.compare(Test::List(test.op), test.op_span, &test.left, &test.list, place);
                self.lists.push(&test.list);
            }
            ExprKind::Between(test) if columns::is_time_expr(&test.left) => {
                self.time_filters.push(expr.span.start);
                self.time_ranges.push(test);
            }
            ExprKind::Externaldata(_) => self.external.push(expr.span),
            ExprKind::Array(items) => self.lists.push(items),
            ExprKind::Datatable(table) => self.lists.push(&table.values),
            ExprKind::Chain(chain) => self.chains.push((chain, place)),
            ExprKind::Call(call) => {
                match &*call.name.text {
                    "not" => inner.negated = !place.negated,
                    "coalesce" | "isnull" | "isnotnull" | "isempty" | "isnotempty" => inner.guarded = true,
                    _ => {}
                }
                self.calls.push(CallSite { call, span: expr.span, place, operator: false });
            }
            _ => {}
        }
        children(Node::Expr(expr), &mut |child| self.node(child, inner));
    }

    fn compare(&mut self, test: Test, op_span: Span, left: &'t Expr, right: &'t [Expr], place: Place) {
        self.comparisons.push(Comparison { test, op_span, left, right, place });
    }

    fn enter(&mut self, pipeline: &'t Pipeline, span: Span, role: Role) {
        let index = self.pipelines.len();
        let table = pipeline.source.as_ref().and_then(|source| self.table(source));
        self.pipelines.push(PipelineSite { operators: &pipeline.operators, span, role, table });
        let mut place = Place { pipeline: Some(index), ..Place::default() };
        if let Some(source) = &pipeline.source {
            self.expr(source, place, if role == Role::Result { Role::Result } else { Role::Inner });
        }
        for (step, operator) in pipeline.operators.iter().enumerate() {
            place.step = Some(step);
            self.operator(operator, place);
        }
    }

    fn operator(&mut self, operator: &'t Operator, place: Place) {
        match &operator.kind {
            OperatorKind::Join(join) | OperatorKind::Lookup(join) => {
                self.expr(&join.right, place, Role::Joined);
                match &join.condition {
                    Some(JoinCondition::On(keys)) => {
                        keys.iter().for_each(|key| self.expr(key, place, Role::Inner));
                    }
                    Some(JoinCondition::Where(predicate)) => self.expr(predicate, place, Role::Inner),
                    None => {}
                }
            }
            OperatorKind::Union(union) => {
                union.items.iter().for_each(|item| self.expr(item, place, Role::Branch));
            }
            OperatorKind::Invoke(call) | OperatorKind::Evaluate(Evaluate { call, .. }) => {
                let first = self.calls.len();
                self.expr(call, place, Role::Inner);
                if let Some(site) = self.calls.get_mut(first) {
                    site.operator = true;
                }
            }
            _ => children(Node::Operator(operator), &mut |child| self.node(child, place)),
        }
    }

    /// The schema's table that an expression names.
    pub(crate) fn table(&self, expr: &'t Expr) -> Option<&'t Name> {
        match &expr.kind {
            ExprKind::Name(name) => {
                let known = self.bound.tables.iter().any(|table| **table == *name.text);
                (known && !self.is_let(&name.text)).then_some(name)
            }
            ExprKind::Paren(inner) => self.table(inner),
            ExprKind::DataScope(scope) => self.table(&scope.expr),
            _ => None,
        }
    }
}
