//! Reading more than the detection needs: all of time, all columns, all tables.

use super::survey::{Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::schema::Platform;
use crate::kql::syntax::{BinaryOp, ExprKind, OperatorKind};

pub(super) const NO_TIME_FILTER: Lint = Lint {
    id: "KQL-P01",
    severity: Severity::Info,
    title: "nothing in the query limits the time",
    why: "A scheduled rule is limited by its period, but the same query in a workbook, in a hunt or behind a longer period \
          reads everything that was ever kept. A condition on TimeGenerated or ingestion_time() as the first step lets the \
          service skip whole shards of data. In Defender custom detections the service limits the time itself (see XDR-05).",
    bad: "SecurityEvent | where EventID == 4720 | project Account",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where EventID == 4720 | project Account",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[Platform::Sentinel],
    check: no_time_filter,
};

pub(super) const ALL_COLUMNS: Lint = Lint {
    id: "KQL-P05",
    severity: Severity::Warning,
    title: "every column or every table is searched",
    why: "`search`, `find`, `* has` and `union` with a wildcard read every column of every table that they match, and change \
          their meaning when a connector adds a table. Name the tables and columns in which the evidence stands.",
    bad: "SecurityEvent | where TimeGenerated > ago(1h) | where * has \"mimikatz\" | project Account",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where CommandLine has \"mimikatz\" | project Account",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[],
    check: all_columns,
};

fn no_time_filter(survey: &Survey<'_>, report: &mut Report) {
    if !survey.time_filters.is_empty() {
        return;
    }
    // A parser function takes its own times; a query over nothing but functions is not ours to judge.
    let Some(table) = survey.pipelines.iter().find_map(|site| site.table) else { return };
    report.add(
        table.span,
        format!("`{}` is read without a condition on time", table.text),
        "begin with `| where TimeGenerated > ago(…)`",
    );
}

fn all_columns(survey: &Survey<'_>, report: &mut Report) {
    for comparison in &survey.comparisons {
        let Test::One(op) = comparison.test else { continue };
        if matches!(comparison.left.kind, ExprKind::Star) && op != BinaryOp::Search {
            report.add(
                comparison.left.span.to(comparison.op_span),
                "every column is searched",
                "name the column in which the value stands",
            );
        }
    }
    for operator in survey.pipelines.iter().flat_map(|site| site.operators) {
        let (what, help) = match &operator.kind {
            OperatorKind::Search(_) => ("`search` reads every column", "use `where COLUMN has …`"),
            OperatorKind::Find(find) if find.tables.is_empty() => {
                ("`find` without `in (…)` reads every table", "name the tables")
            }
            OperatorKind::Union(union)
                if union
                    .items
                    .iter()
                    .any(|item| matches!(item.kind, ExprKind::Star | ExprKind::Wildcard(_))) =>
            {
                ("`union` with a wildcard reads every table that matches", "name the tables")
            }
            _ => continue,
        };
        report.add(operator.keyword, what, help);
    }
}
