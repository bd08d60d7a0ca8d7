//! Rows in no order.

use super::survey::{Role, Survey};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::OperatorKind;

pub(super) const RANDOM_ROWS: Lint = Lint {
    id: "KQL-C06",
    severity: Severity::Warning,
    title: "the result is a random part of what was found",
    why: "`take`, `limit` and `sample` return any rows, other ones at each run. In a rule this means that an event raises an \
          alert or does not by chance. It is a tool for exploring; limit with `top … by …`, or not at all.",
    bad: "SecurityEvent | where TimeGenerated > ago(1h) | where EventID == 4625 | project Account | take 100",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where EventID == 4625 | project Account",
    source: "https://learn.microsoft.com/kusto/query/take-operator",
    platforms: &[],
    check: random_rows,
};

fn random_rows(survey: &Survey<'_>, report: &mut Report) {
    for site in survey.pipelines.iter().filter(|site| matches!(site.role, Role::Result | Role::Let)) {
        let mut ordered = false;
        for operator in site.operators {
            match &operator.kind {
                OperatorKind::Sort(_) | OperatorKind::Top(_) => ordered = true,
                // These keep the order.
                OperatorKind::Where(_)
                | OperatorKind::Extend(_)
                | OperatorKind::Project(_)
                | OperatorKind::ProjectAway(_)
                | OperatorKind::ProjectKeep(_)
                | OperatorKind::ProjectRename(_)
                | OperatorKind::ProjectReorder(_)
                | OperatorKind::Serialize(_)
                | OperatorKind::Parse(_) => {}
                OperatorKind::Take(_) if ordered => {}
                OperatorKind::Take(_) | OperatorKind::Sample(_) | OperatorKind::SampleDistinct(_) => {
                    let name = operator.keyword.of(survey.text);
                    report.add(
                        operator.span,
                        format!("`{name}` picks rows at random"),
                        "remove it, or use `top N by COLUMN`",
                    );
                }
                _ => ordered = false,
            }
        }
    }
}
