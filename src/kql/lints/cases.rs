//! Upper and lower case.

use super::survey::{Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::{BinaryOp, ExprKind, InOp};

pub(super) const FOLDED: Lint = Lint {
    id: "KQL-P04",
    severity: Severity::Warning,
    title: "a value is changed to one case to be compared",
    why: "`tolower(x) == \"…\"` changes every value and cannot use the index; `x =~ \"…\"` compares without case by itself. It \
          also hides mistakes: compared with a text that has capitals, tolower(x) is never equal.",
    bad: "SigninLogs | where TimeGenerated > ago(1h) | where tolower(UserPrincipalName) == \"admin@contoso.com\" | project IPAddress",
    good: "SigninLogs | where TimeGenerated > ago(1h) | where UserPrincipalName =~ \"admin@contoso.com\" | project IPAddress",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[],
    check: folded,
};

fn folded(survey: &Survey<'_>, report: &mut Report) {
    for comparison in &survey.comparisons {
        let ExprKind::Call(call) = &comparison.left.kind else { continue };
        let lower = match &*call.name.text {
            "tolower" => true,
            "toupper" => false,
            _ => continue,
        };
        let instead = match comparison.test {
            Test::One(BinaryOp::Equal | BinaryOp::EqualTilde) => "=~",
            Test::One(BinaryOp::NotEqual | BinaryOp::NotEqualTilde) => "!~",
            Test::One(BinaryOp::Has) => "has",
            Test::One(BinaryOp::Contains) => "contains",
            Test::One(BinaryOp::StartsWith) => "startswith",
            Test::One(BinaryOp::EndsWith) => "endswith",
            Test::List(InOp::In | InOp::InTilde) => "in~",
            Test::List(InOp::NotIn | InOp::NotInTilde) => "!in~",
            _ => continue,
        };
        let values: Vec<&str> = comparison.right.iter().filter_map(Survey::string).collect();
        if values.is_empty() {
            continue;
        }
        let exact = matches!(
            comparison.test,
            Test::One(BinaryOp::Equal | BinaryOp::NotEqual) | Test::List(InOp::In | InOp::NotIn)
        );
        let wrong = if lower { char::is_uppercase } else { char::is_lowercase };
        let never = exact && values.iter().any(|value| value.contains(wrong));
        let name = &call.name.text;
        report.add(
            comparison.left.span,
            if never {
                format!("{name}() never gives a text that is written like this")
            } else {
                format!("{name}() is not needed to compare without case")
            },
            format!("compare the column itself with `{instead}`"),
        );
    }
}
