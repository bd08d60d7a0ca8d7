//! What a custom detection's query must return, and what a continuous one may read. Facts: CONTRACT A.5, A.6.
//!
//! Defender finds the event behind a row by its time, its device and its report id, all of one event. Which of them a query
//! must return depends on the tables that it reads; what a table does not have cannot be asked for. Where a query reads
//! Sentinel's tables as well, only the time is certain to be needed.

use crate::compile::analysis::{Analysis, Dropped};
use crate::compile::check::words::list;
use crate::compile::check::{codes, facts};
use crate::compile::origin::Locator;
use crate::compile::query::Compiled;
use crate::compile::shape::Value;
use crate::diagnostic::Diagnostics;
use crate::kql::bind::RowSchema;
use crate::kql::schema::{Platform, Schema};
use crate::model::defender::Defender;
use crate::source::Span;

/// The names under which the time of an event is returned; one of them is needed.
const TIMES: [&str; 2] = ["Timestamp", "TimeGenerated"];

/// Checks what the query returns.
pub(in crate::compile::check) fn columns(
    analysis: &Analysis,
    compiled: &Compiled<'_>,
    locator: &Locator<'_>,
    found: &mut Diagnostics,
) {
    let Some(result) = analysis.result() else { return };
    if result.open {
        return;
    }
    let has = |column: &str| result.column(column).is_some();
    let needed = needed(&analysis.tables);
    let Some(needed) = needed.iter().find(|columns| lacks(columns, result).is_empty()).or(needed.first())
    else {
        return;
    };
    let lacking = lacks(needed, result);
    if !lacking.is_empty() {
        missing(&lacking, needed, analysis, compiled, locator, found);
        return;
    }
    let shape = &compiled.outline.shape;
    // The table's own name of the time counts, if both are returned.
    let time = needed.iter().copied().chain(TIMES).find(|column| TIMES.contains(column) && has(column));
    let defined = shape.definitions.iter().rev().find(|definition| time == Some(&*definition.column));
    if let Some(definition) = defined.filter(|definition| definition.value == Value::Other) {
        found.push(
            codes::RESULT_COLUMNS
                .warning("the event's time is changed")
                .labelled(
                    place(locator, definition.span),
                    format!("`{}` is no longer the event's own", definition.column),
                )
                .with_detail(
                    "Defender takes the time of the alert from this column, and finds the event by it.",
                )
                .with_help("return the column as the table has it, and give the computed time another name"),
        );
    }
    separated(needed, compiled, locator, found);
}

/// For each Defender table of the query, the columns that tell its events apart; any one of them is enough.
fn needed(tables: &[String]) -> Vec<Vec<&'static str>> {
    let xdr = Schema::built_in(Platform::Xdr);
    let mut all = Vec::new();
    for table in tables {
        let Some(columns) = xdr.table_columns(table) else {
            // Data of the workspace.
            return vec![vec!["TimeGenerated"]];
        };
        let has = |wanted: &str| columns.iter().any(|(name, _)| *name == wanted);
        if !has("Timestamp") {
            continue;
        }
        let ids: &[&'static str] = match table.as_str() {
            name if name.starts_with("Alert") => &[],
            name if name.starts_with("Observation") => &["ObservationId"],
            name if name.starts_with("Device") => &["DeviceId", "ReportId"],
            _ => &["ReportId"],
        };
        let wanted = ids.iter().copied().filter(|id| has(id));
        all.push(std::iter::once("Timestamp").chain(wanted).collect());
    }
    all
}

fn lacks<'n>(needed: &[&'n str], result: &RowSchema) -> Vec<&'n str> {
    let has = |column: &str| result.column(column).is_some();
    needed
        .iter()
        .copied()
        .filter(|column| if TIMES.contains(column) { !TIMES.into_iter().any(has) } else { !has(column) })
        .collect()
}

fn missing(
    lacking: &[&str],
    needed: &[&str],
    analysis: &Analysis,
    compiled: &Compiled<'_>,
    locator: &Locator<'_>,
    found: &mut Diagnostics,
) {
    let names = list(lacking.iter().copied(), "and");
    let all = list(needed.iter().copied(), "and");
    let detail = format!(
        "Defender finds the event behind an alert by {all}, all of one event, and refuses rules that do not return them."
    );
    let dropped: Option<&Dropped> =
        analysis.dropped.iter().rev().find(|dropped| lacking.contains(&dropped.column));
    let (code, span, label, help) = match dropped {
        Some(dropped) if dropped.summarize => (
            codes::SUMMARIZE,
            compiled.map.place(dropped.span, locator).span,
            format!("no {names} after this"),
            "keep one event of each group: `summarize arg_max(Timestamp, *), ... by ...`".to_owned(),
        ),
        Some(dropped) => (
            codes::RESULT_COLUMNS,
            compiled.map.place(dropped.span, locator).span,
            format!("no {names} after this"),
            format!("add {names} to what is kept here"),
        ),
        None => (
            codes::RESULT_COLUMNS,
            compiled.span,
            format!("returns no {names}"),
            format!("let the query return {names}"),
        ),
    };
    found.push(
        code.error("a column that Defender needs is not in the query's result")
            .labelled(span, label)
            .with_detail(detail)
            .with_help(help),
    );
}

/// Columns that are all there, but each picked from an event of its own.
fn separated(needed: &[&str], compiled: &Compiled<'_>, locator: &Locator<'_>, found: &mut Diagnostics) {
    let shape = &compiled.outline.shape;
    let Some(summary) = shape.summaries.last() else { return };
    let ids: Vec<&str> =
        needed.iter().copied().filter(|column| !TIMES.contains(column) && *column != "DeviceId").collect();
    let grouped = |column: &str| summary.by.iter().any(|by| &**by == column);
    let picked = |column: &str| {
        shape.definitions.iter().any(|definition| {
            summary.span.start < definition.span.start && &*definition.column == column && !grouped(column)
        })
    };
    let apart = !summary.keeps_events && ids.iter().any(|id| picked(id)) && TIMES.into_iter().any(picked);
    if apart {
        found.push(
            codes::SUMMARIZE
                .warning("time and id may be of different events")
                .labelled(place(locator, summary.span), "each column is picked by itself")
                .with_detail(format!(
                    "Defender finds the event by {}, all of one event. Aggregates side by side may each pick another one.",
                    list(needed.iter().copied(), "and")
                ))
                .with_help("pick them together: `summarize (Timestamp, ReportId) = arg_max(Timestamp, ReportId), ... by ...`"),
        );
    }
}

/// Continuous rules read one table, of a list.
pub(in crate::compile::check) fn continuous(
    section: &Defender,
    analysis: &Analysis,
    compiled: &Compiled<'_>,
    locator: &Locator<'_>,
    found: &mut Diagnostics,
) {
    if section.frequency.value != facts::CONTINUOUS || !analysis.syntax.is_empty() {
        return;
    }
    let shape = &compiled.outline.shape;
    let span_of = |table: &str| {
        let source = shape.sources.iter().find(|(name, _)| &**name == table);
        source.map_or(compiled.span, |(_, span)| place(locator, *span))
    };
    for table in &analysis.tables {
        if !facts::CONTINUOUS_TABLES.contains(&table.as_str()) {
            found.push(
                codes::CONTINUOUS
                    .error("the table is not for continuous rules")
                    .labelled(span_of(table), format!("`{table}` is not on Defender's list"))
                    .with_related(section.frequency.span, "continuous")
                    .with_detail("Defender streams the events of some tables only to continuous rules.")
                    .with_help("run the rule hourly (`frequency: PT1H`)"),
            );
        }
    }
    // Joins and unions are reported by themselves.
    if let (Some(second), true) = (analysis.tables.get(1), shape.constructs.is_empty()) {
        found.push(
            codes::CONTINUOUS
                .error("a continuous rule reads two tables")
                .labelled(span_of(second), "the second table")
                .with_related(section.frequency.span, "continuous")
                .with_detail("Defender accepts one table in a continuous rule.")
                .with_help("run the rule hourly (`frequency: PT1H`), or do without the second table"),
        );
    }
}

fn place(locator: &Locator<'_>, span: crate::kql::Span) -> Span {
    locator.span(span.start as usize, span.end as usize)
}
