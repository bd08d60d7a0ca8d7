//! At which step of a query the columns that identify an event get lost.

use crate::kql::Span;
use crate::kql::bind::Bound;
use crate::kql::parser::Parse;
use crate::kql::schema::{Platform, Schema};
use crate::kql::syntax::{ExprKind, OperatorKind};

/// The columns by which Defender finds an event (CONTRACT A.6).
const IDENTITY: [&str; 5] = ["Timestamp", "TimeGenerated", "DeviceId", "ReportId", "ObservationId"];

/// A column that is there before an operator and not behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) column: &'static str,
    /// The operator's word, in the compiled text.
    pub(crate) span: Span,
    /// The operator is `summarize`.
    pub(crate) summarize: bool,
}

/// The last loss of each identifying column that the result lacks, along the outermost pipeline.
pub(super) fn dropped(parsed: &Parse, bound: &Bound, schema: &Schema) -> Vec<Dropped> {
    let has = |name: &str| bound.columns.iter().any(|column| column.name == name);
    let lacking: Vec<&'static str> = IDENTITY.into_iter().filter(|name| !has(name)).collect();
    let pipeline = match parsed.query.body().map(|body| &body.kind) {
        Some(ExprKind::Pipeline(pipeline)) => pipeline,
        _ => return Vec::new(),
    };
    if schema.platform() == Platform::Sentinel || bound.open || lacking.is_empty() {
        return Vec::new();
    }
    let mut losses = Vec::new();
    let mut before: Vec<&'static str> = Vec::new();
    for (index, operator) in pipeline.operators.iter().enumerate() {
        if let Some(pipe) = operator.pipe.filter(|_| index == 0) {
            before = present(&lacking, bound, schema, pipe.start);
        }
        let next = pipeline.operators.get(index + 1).and_then(|operator| operator.pipe);
        let behind = next.map_or(operator.span.end, |pipe| pipe.start);
        let after = present(&lacking, bound, schema, behind);
        for column in before.iter().filter(|column| !after.contains(column)) {
            losses.retain(|loss: &Dropped| loss.column != *column);
            let summarize = matches!(operator.kind, OperatorKind::Summarize(_));
            losses.push(Dropped { column, span: operator.keyword, summarize });
        }
        before = after;
    }
    losses
}

fn present(names: &[&'static str], bound: &Bound, schema: &Schema, at: u32) -> Vec<&'static str> {
    let row = bound.row_schema_at(schema, at);
    let has = |name: &str| row.as_ref().is_some_and(|row| row.column(name).is_some());
    names.iter().copied().filter(|name| has(name)).collect()
}
