//! Dates.

use super::columns;
use super::survey::Survey;
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind};
use crate::kql::token::LiteralKind;

pub(super) const FIXED_DATE: Lint = Lint {
    id: "KQL-C09",
    severity: Severity::Warning,
    title: "the time of events is compared with a fixed date",
    why: "A rule runs again and again over the newest events. A condition that compares their time with a date from a \
          calendar was right once, for an investigation; as a rule it finds nothing or looks at more and more.",
    bad: "SigninLogs | where TimeGenerated > datetime(2024-03-01) | project Identity",
    good: "SigninLogs | where TimeGenerated > ago(1h) | project Identity",
    source: "https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview",
    platforms: &[],
    check: fixed_date,
};

fn fixed_date(survey: &Survey<'_>, report: &mut Report) {
    for comparison in &survey.comparisons {
        let left = std::iter::once(comparison.left);
        let time = left.clone().chain(comparison.right).any(columns::is_time_expr);
        for date in left.chain(comparison.right).filter_map(|expr| date(survey.text, expr)).filter(|_| time) {
            tell(report, date);
        }
    }
    for date in survey
        .time_ranges
        .iter()
        .flat_map(|range| [&range.low, &range.high])
        .filter_map(|e| date(survey.text, e))
    {
        tell(report, date);
    }
}

fn tell(report: &mut Report, date: Span) {
    report.add(
        date,
        "the time of events is compared with a fixed date",
        "use ago(), for example `> ago(1h)`",
    );
}

/// The place of a `datetime(...)` constant with a day in it: not `datetime(now)`, nor a place to be filled in.
fn date(text: &str, expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Literal(LiteralKind::Datetime) => {
            let inside = expr.span.of(text).split_once('(').map_or("", |(_, inside)| inside);
            let first = inside.trim_start().trim_start_matches(['"', '\'']).chars().next();
            first.is_some_and(|c| c.is_ascii_digit()).then_some(expr.span)
        }
        ExprKind::Paren(inner) => date(text, inner),
        _ => None,
    }
}
