//! Terms: what `has` and `contains` look for.

use super::survey::{Comparison, Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::schema::Platform;
use crate::kql::syntax::{BinaryOp, InOp};

pub(super) const NOT_A_TERM: Lint = Lint {
    id: "KQL-C11",
    severity: Severity::Info,
    title: "`has` is asked for something that is no whole term",
    why: "`has` finds whole terms: runs of letters and digits between other characters. A value without any letter or digit \
          is no term, so the index cannot help; the beginning of a longer word is none either, so `Url has \"http\"` finds no \
          https address.",
    bad: "DeviceNetworkEvents | where ActionType == \"ConnectionSuccess\" | where RemoteUrl has \"http\" | project RemoteUrl",
    good: "DeviceNetworkEvents | where ActionType == \"ConnectionSuccess\" | where RemoteUrl hasprefix \"http\" | project RemoteUrl",
    source: "https://learn.microsoft.com/kusto/query/datatypes-string-operators",
    platforms: &[],
    check: not_a_term,
};

pub(super) const CONTAINS: Lint = Lint {
    id: "KQL-P03",
    severity: Severity::Info,
    title: "`contains` reads every character of every value",
    why: "`has` looks a whole term up in an index of terms with three or more characters; `contains` cannot and reads every \
          value from end to end. Where the value is a whole term, `has` finds the same events much faster. Terms of one or two \
          characters are in no index, and match nearly everything.",
    bad: "SecurityEvent | where TimeGenerated > ago(1h) | where CommandLine contains \"mimikatz\" | project Account",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where CommandLine has \"mimikatz\" | project Account",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[],
    check: contains,
};

/// Beginnings of words that are often meant to match the longer word too.
const BEGINNINGS: [(&str, &str); 1] = [("http", "https")];

fn not_a_term(survey: &Survey<'_>, report: &mut Report) {
    for comparison in survey.comparisons.iter().filter(|c| is_has(c)) {
        for (value, literal) in values(comparison) {
            if !value.is_empty() && !value.chars().any(char::is_alphanumeric) {
                report.add(
                    literal,
                    "a value without letters or digits is no term",
                    "use `contains` for signs",
                );
            } else if let Some((_, longer)) = BEGINNINGS.iter().find(|(start, _)| {
                value.trim_matches(|c: char| !c.is_alphanumeric()).eq_ignore_ascii_case(start)
            }) && !survey.text.contains(longer)
                && !value.contains(':')
            {
                report.add(
                    literal,
                    format!("the term `{value}` does not match `{longer}`"),
                    format!("write `hasprefix \"{value}\"`, or name both terms"),
                );
            }
        }
    }
}

fn contains(survey: &Survey<'_>, report: &mut Report) {
    for comparison in &survey.comparisons {
        let Test::One(op) = comparison.test else { continue };
        let (negated, cs) = match op {
            BinaryOp::Contains => (false, false),
            BinaryOp::NotContains => (true, false),
            BinaryOp::ContainsCs => (false, true),
            BinaryOp::NotContainsCs => (true, true),
            _ => continue,
        };
        for (value, literal) in values(comparison) {
            let length = value.chars().count();
            let word = value.chars().all(|c| c.is_ascii_alphanumeric());
            let shortest = if survey.platform == Platform::Xdr { 3 } else { 2 };
            if word && (1..=shortest).contains(&length) && !negated {
                report.add(
                    literal,
                    format!("a term of {length} characters matches by accident and is in no index"),
                    "look for a longer term",
                );
            } else if word && length > shortest {
                let has = format!("{}has{}", if negated { "!" } else { "" }, if cs { "_cs" } else { "" });
                report.add(
                    comparison.op_span.to(literal),
                    "reads every character of every value",
                    format!("use `{has}` if `{value}` is a whole term there"),
                );
            }
        }
    }
}

fn is_has(comparison: &Comparison<'_>) -> bool {
    matches!(
        comparison.test,
        Test::One(BinaryOp::Has | BinaryOp::HasCs) | Test::List(InOp::HasAny | InOp::HasAll)
    )
}

/// The string literals on the right side.
fn values<'t>(comparison: &Comparison<'t>) -> impl Iterator<Item = (&'t str, crate::kql::span::Span)> {
    comparison.right.iter().filter_map(|expr| Some((Survey::string(expr)?, expr.span)))
}
