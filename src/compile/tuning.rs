//! Where a query is tuned by hand: runs of `where` steps, the slot that stands among them, and the markers around them.
//!
//! Steps of one run may change places: each only drops rows. So an exclusion of any of them says the same at the run's slot. That
//! is not so when a condition looks at neighbouring rows (`prev`, `row_number`) or at chance, see [`Run::fixed`].
//!
//! For the advice about exclusions beside a slot (`advice::tuning`) and for moving them into an allowlist (`import::extract`).

use std::ops::Range;

use crate::kql::parser::Parse;
use crate::kql::syntax::visit::{Node, walk, walk_expr};
use crate::kql::syntax::*;
use crate::kql::{Span, Token, TokenKind};

use super::slot::{self, Slot};

/// `where` steps that follow each other.
#[derive(Debug)]
pub(crate) struct Run<'t> {
    /// In order, at least one.
    pub(crate) steps: Vec<Step<'t>>,
    /// Index of the slot among them, in the list that [`runs`] gives.
    pub(crate) slot: Option<usize>,
    /// What its pipeline is.
    pub(crate) place: Place,
    /// A condition looks at other rows or at chance: the steps may not change places.
    pub(crate) fixed: bool,
}

/// One `| where condition`.
#[derive(Debug)]
pub(crate) struct Step<'t> {
    pub(crate) operator: &'t Operator,
    pub(crate) condition: &'t Expr,
    /// Somebody said that it is tuning: it stands between the markers, or behind the slot of its run.
    pub(crate) marked: bool,
}

/// Which part of the query a pipeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// What the query returns, or a table that goes into it as it is.
    Main,
    /// A `let`, a function, or an inner join: fewer rows here are fewer alerts, as far as can be seen.
    Branch,
    /// What is subtracted, looked up or computed from: fewer rows here may be more alerts.
    Other,
}

/// Functions whose result depends on other rows or on chance.
const NOT_OF_THE_ROW: [&str; 10] = [
    "prev",
    "next",
    "row_number",
    "row_cumsum",
    "row_rank_dense",
    "row_rank_min",
    "row_window_session",
    "rand",
    "new_guid",
    "current_cluster_endpoint",
];

/// All runs of a query, in order, and its slots.
pub(crate) fn runs<'t>(text: &str, parsed: &'t Parse) -> (Vec<Run<'t>>, Vec<Slot>) {
    let slots = slot::find(text, parsed);
    let marked = between_markers(text, parsed, &slots);
    let places = places(&parsed.query);
    let mut found = Vec::new();
    walk(&parsed.query, &mut |node| {
        if let Node::Expr(expr) = node
            && let ExprKind::Pipeline(pipeline) = &expr.kind
        {
            let known = places.iter().find(|(known, _)| *known == expr.span);
            let place = known.map_or(Place::Other, |(_, place)| *place);
            of_pipeline(pipeline, place, &parsed.tokens, &slots, &marked, &mut found);
        }
    });
    (found, slots)
}

fn of_pipeline<'t>(
    pipeline: &'t Pipeline,
    place: Place,
    tokens: &[Token],
    slots: &[Slot],
    marked: &[Range<usize>],
    found: &mut Vec<Run<'t>>,
) {
    let mut before = pipeline.source.as_ref().map(|source| source.span.end);
    let mut run: Option<(Vec<u32>, Run<'t>)> = None;
    for operator in &pipeline.operators {
        match (&operator.kind, operator.pipe) {
            (OperatorKind::Where(rows), Some(pipe)) if rows.parameters.is_empty() => {
                let (ends, run) = run.get_or_insert_with(|| {
                    let run = Run { steps: Vec::new(), slot: None, place, fixed: false };
                    (before.into_iter().collect(), run)
                });
                let start = pipe.start as usize;
                let marked = marked.iter().any(|range| range.contains(&start));
                run.fixed |= is_fixed(&rows.value);
                run.steps.push(Step { operator, condition: &rows.value, marked });
                ends.push(operator.span.end);
            }
            _ => found.extend(run.take().map(|run| with_slot(run, tokens, slots))),
        }
        before = Some(operator.span.end);
    }
    found.extend(run.take().map(|run| with_slot(run, tokens, slots)));
}

/// A slot belongs to a run when the last token before it ends a step of the run or the step before it.
fn with_slot<'t>((ends, mut run): (Vec<u32>, Run<'t>), tokens: &[Token], slots: &[Slot]) -> Run<'t> {
    let stands = |slot: &Slot| {
        let before = tokens.partition_point(|token| (token.span.start as usize) < slot.start);
        let before = tokens.get(..before)?.iter().rev().find(|token| !token.is_trivia())?;
        (slot.fault.is_none() && ends.contains(&before.span.end)).then_some(())
    };
    run.slot = slots.iter().position(|slot| stands(slot).is_some());
    if let Some(slot) = run.slot.and_then(|index| slots.get(index)) {
        for step in &mut run.steps {
            step.marked |= step.operator.pipe.is_some_and(|pipe| pipe.start as usize > slot.start);
        }
    }
    run
}

/// Whether the rows that a condition keeps depend on more than the row itself.
fn is_fixed(condition: &Expr) -> bool {
    let mut fixed = false;
    walk_expr(condition, &mut |node| {
        if let Node::Expr(expr) = node
            && let ExprKind::Call(call) = &expr.kind
        {
            fixed |= NOT_OF_THE_ROW.contains(&&*call.name.text);
        }
    });
    fixed
}

/// What stands between a beginning marker and the next ending one.
fn between_markers(text: &str, parsed: &Parse, slots: &[Slot]) -> Vec<Range<usize>> {
    let ends: Vec<usize> = parsed
        .tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Comment && slot::is_end_marker(token.text(text)))
        .map(|token| token.span.start as usize)
        .collect();
    let range = |slot: &Slot| {
        let end = ends.iter().find(|end| **end > slot.start)?;
        slot::is_begin_marker(text.get(slot.start..slot.end)?).then_some(slot.start..*end)
    };
    slots.iter().filter_map(range).collect()
}

/// Pipelines whose rows become alerts, by where they stand.
fn places(query: &Query) -> Vec<(Span, Place)> {
    let mut places = Vec::new();
    let subtracted = subtracted(query);
    let body = query.body().map(|body| body.span);
    for statement in &query.statements {
        match &statement.kind {
            StatementKind::Expr(expr) if body == Some(expr.span) => {
                flow(expr, Place::Main, &mut places);
            }
            StatementKind::Let(declared) if !subtracted.contains(&&*declared.name.text) => {
                match &declared.value {
                    LetValue::Expr(expr) => flow(expr, Place::Branch, &mut places),
                    LetValue::Function(function) => {
                        function
                            .body
                            .result
                            .iter()
                            .for_each(|result| flow(result, Place::Branch, &mut places));
                    }
                }
            }
            _ => {}
        }
    }
    places
}

/// Follows a table to everything that its rows come from without being subtracted or computed from.
fn flow(expr: &Expr, place: Place, places: &mut Vec<(Span, Place)>) {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Materialize(inner) => flow(inner, place, places),
        ExprKind::Pipeline(pipeline) => {
            places.push((expr.span, place));
            if let Some(source) = &pipeline.source {
                flow(source, place, places);
            }
            for operator in &pipeline.operators {
                match &operator.kind {
                    OperatorKind::Union(union) => {
                        union.items.iter().for_each(|item| flow(item, place, places));
                    }
                    OperatorKind::Join(join) | OperatorKind::Lookup(join) if is_inner(operator, join) => {
                        flow(&join.right, Place::Branch, places);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Rows of the right side that go are rows of the result that go.
fn is_inner(operator: &Operator, join: &Join) -> bool {
    let kind = kind_of(join);
    let inner = kind.is_some_and(|kind| matches!(kind, "inner" | "innerunique" | "leftsemi" | "rightsemi"));
    inner || (kind.is_none() && matches!(operator.kind, OperatorKind::Join(_)))
}

fn kind_of(join: &Join) -> Option<&str> {
    let kind = join.parameters.iter().find(|parameter| &*parameter.name.text == "kind")?;
    match &kind.value.kind {
        ExprKind::Name(name) => Some(&name.text),
        _ => None,
    }
}

/// Names of tables that are subtracted, looked up or computed from somewhere.
fn subtracted(query: &Query) -> Vec<&str> {
    let mut names = Vec::new();
    walk(query, &mut |node| match node {
        Node::Operator(operator) => match &operator.kind {
            OperatorKind::Join(join) | OperatorKind::Lookup(join) if !is_inner(operator, join) => {
                names_in(&join.right, &mut names);
            }
            _ => {}
        },
        Node::Expr(expr) => match &expr.kind {
            ExprKind::In(test) if matches!(test.op, InOp::NotIn | InOp::NotInTilde) => {
                test.list.iter().for_each(|item| names_in(item, &mut names));
            }
            ExprKind::ToScalar(conversion) | ExprKind::ToTable(conversion) => {
                names_in(&conversion.query, &mut names);
            }
            _ => {}
        },
        Node::Statement(_) => {}
    });
    names
}

fn names_in<'t>(expr: &'t Expr, names: &mut Vec<&'t str>) {
    walk_expr(expr, &mut |node| {
        if let Node::Expr(expr) = node {
            match &expr.kind {
                ExprKind::Name(name) => names.push(&name.text),
                ExprKind::Call(call) => names.push(&call.name.text),
                _ => {}
            }
        }
    });
}
