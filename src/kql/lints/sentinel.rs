//! What Sentinel accepts and then trips over.

use super::survey::Survey;
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::schema::Platform;
use crate::kql::syntax::*;

pub(super) const UNPACKED_COLUMNS: Lint = Lint {
    id: "SEN-09",
    severity: Severity::Warning,
    title: "columns from bag_unpack are used without a default",
    why: "bag_unpack makes a column for each key that occurs in the data. On a day without that key the column does not \
          exist, the query fails, and after repeated failures Sentinel switches the rule off. `column_ifexists(\"name\", \"\")` gives \
          it a default; so does a declared schema after the plugin.",
    bad: "AuditLogs | where TimeGenerated > ago(1h) | evaluate bag_unpack(AdditionalDetails) | project UserAgent",
    good: "AuditLogs | where TimeGenerated > ago(1h) | evaluate bag_unpack(AdditionalDetails) | project UserAgent = column_ifexists(\"UserAgent\", \"\")",
    source: "https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview",
    platforms: &[Platform::Sentinel],
    check: unpacked_columns,
};

fn unpacked_columns(survey: &Survey<'_>, report: &mut Report) {
    if survey.calls.iter().any(|site| matches!(&*site.call.name.text, "column_ifexists" | "columnifexists")) {
        return;
    }
    for site in &survey.pipelines {
        let unpacks = |operator: &Operator| match &operator.kind {
            OperatorKind::Evaluate(Evaluate {
                call: Expr { kind: ExprKind::Call(call), .. },
                schema: None,
                ..
            }) => &*call.name.text == "bag_unpack",
            _ => false,
        };
        let Some(at) = site.operators.iter().position(unpacks) else { continue };
        let used = site.operators.iter().skip(at + 1).any(|operator| {
            matches!(
                operator.kind,
                OperatorKind::Project(_) | OperatorKind::Where(_) | OperatorKind::Summarize(_)
            )
        });
        if let Some(operator) = site.operators.get(at).filter(|_| used) {
            report.add(
                operator.span,
                "a key that does not occur in the data leaves its column out, and the query fails",
                "use column_ifexists(\"name\", \"\") for the columns that come from it",
            );
        }
    }
}
