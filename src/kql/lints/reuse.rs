//! Tables that are computed more than once.

use super::survey::Survey;
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::*;

pub(super) const COMPUTED_TWICE: Lint = Lint {
    id: "KQL-P07",
    severity: Severity::Info,
    title: "a costly table is computed each time it is named",
    why: "A `let` is a shorthand, not a variable: the query behind it runs again wherever its name stands. For one that \
          aggregates, joins or parses, materialize() runs it once and keeps the result.",
    bad: "let logons = SecurityEvent | where TimeGenerated > ago(1h) | summarize count() by Account;\n\
          logons | where count_ > 10 | join kind=inner logons on Account | project Account",
    good: "let logons = materialize(SecurityEvent | where TimeGenerated > ago(1h) | summarize count() by Account);\n\
           logons | where count_ > 10 | join kind=inner logons on Account | project Account",
    source: "https://learn.microsoft.com/kusto/query/materialize-function",
    platforms: &[],
    check: computed_twice,
};

fn computed_twice(survey: &Survey<'_>, report: &mut Report) {
    for item in &survey.lets {
        let LetValue::Expr(value) = &item.value else { continue };
        let ExprKind::Pipeline(pipeline) = &value.kind else { continue };
        let costly = |operator: &Operator| {
            matches!(
                operator.kind,
                OperatorKind::Summarize(_)
                    | OperatorKind::Join(_)
                    | OperatorKind::MvExpand(_)
                    | OperatorKind::MvApply(_)
                    | OperatorKind::MakeSeries(_)
                    | OperatorKind::Parse(_)
                    | OperatorKind::Union(_)
            )
        };
        let times = survey.mentions.get(&*item.name.text).copied().unwrap_or(0);
        if times > 1 && pipeline.operators.iter().any(costly) {
            report.add(
                item.name.span,
                format!("`{}` is computed {times} times", item.name.text),
                "wrap it: `let … = materialize(…);`",
            );
        }
    }
}
