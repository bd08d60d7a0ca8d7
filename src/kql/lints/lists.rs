//! Lists of values.

use super::survey::Survey;
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::ExprKind;

pub(super) const MISSING_COMMA: Lint = Lint {
    id: "KQL-C02",
    severity: Severity::Warning,
    title: "two strings stand side by side in a list",
    why: "Kusto joins adjacent string literals into one, so a forgotten comma silently turns two values into one that \
          matches neither.",
    bad: "SecurityEvent | where TimeGenerated > ago(1h) | where Computer in (\"dc1\" \"dc2\") | project Account",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where Computer in (\"dc1\", \"dc2\") | project Account",
    source: "https://learn.microsoft.com/kusto/query/scalar-data-types/string",
    platforms: &[],
    check: missing_comma,
};

fn missing_comma(survey: &Survey<'_>, report: &mut Report) {
    for item in survey.lists.iter().flat_map(|list| list.iter()) {
        if let ExprKind::String(literal) = &item.kind
            && literal.parts > 1
        {
            report.add(
                item.span,
                format!("{} strings without a comma between them are one value", literal.parts),
                "put a comma between them, or join them with strcat() if one value is meant",
            );
        }
    }
}
