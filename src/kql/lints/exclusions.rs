//! Conditions that leave events out, and leave out more than they say.

use super::survey::{Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::*;

pub(super) const SEPARATE_EXCLUSIONS: Lint = Lint {
    id: "KQL-C03",
    severity: Severity::Info,
    title: "an exclusion of two columns drops events that match only one of them",
    why: "`User != \"svc\" and IP != \"10.0.0.1\"` drops everything of that user and everything from that address, not only \
          that user from that address. An exception for a combination is `not(User == \"svc\" and IP == \"10.0.0.1\")`.",
    bad: "SigninLogs\n| where TimeGenerated > ago(1h)\n| where UserPrincipalName != \"svc@contoso.com\" and IPAddress != \"10.1.2.3\"\n\
          | project UserPrincipalName, IPAddress",
    good: "SigninLogs\n| where TimeGenerated > ago(1h)\n\
           | where not(UserPrincipalName == \"svc@contoso.com\" and IPAddress == \"10.1.2.3\")\n| project UserPrincipalName, IPAddress",
    source: "https://learn.microsoft.com/azure/sentinel/false-positives",
    platforms: &[],
    check: separate_exclusions,
};

pub(super) const NULL_EXCLUSION: Lint = Lint {
    id: "KQL-C04",
    severity: Severity::Warning,
    title: "an address test is negated without a thought for null",
    why: "The ipv4_… and ipv6_… functions give null when a value is no address of their kind: an empty field, an IPv6 \
          address, a host name. `not(null)` is null, and `where` drops the event, so an attacker who comes over IPv6 is never \
          seen. `coalesce(…, false)` decides what happens.",
    bad: "SigninLogs | where TimeGenerated > ago(1h) | where not(ipv4_is_in_range(IPAddress, \"10.0.0.0/8\")) | project IPAddress",
    good: "SigninLogs | where TimeGenerated > ago(1h) | where not(coalesce(ipv4_is_in_range(IPAddress, \"10.0.0.0/8\"), false)) | project IPAddress",
    source: "https://learn.microsoft.com/kusto/query/ipv4-is-in-range-function",
    platforms: &[],
    check: null_exclusion,
};

/// A `where` that is nothing but `column != "constant"` for different columns.
fn separate_exclusions(survey: &Survey<'_>, report: &mut Report) {
    for (chain, place) in &survey.chains {
        let operands: Vec<&Expr> =
            std::iter::once(&chain.first).chain(chain.rest.iter().map(|l| &l.operand)).collect();
        if chain.rest.iter().any(|link| link.op != ChainOp::And) || operands.len() > 3 || place.negated {
            continue;
        }
        let columns: Vec<Option<&str>> =
            operands.iter().map(|operand| excluded_column(survey, operand)).collect();
        let Some(first) = columns.first().copied().flatten() else { continue };
        if columns.iter().all(|column| column.is_some_and(|c| !c.is_empty()))
            && columns.iter().skip(1).all(|column| *column != Some(first))
        {
            let span = chain.first.span.to(operands.last().map_or(chain.first.span, |last| last.span));
            report.add(
                span,
                "drops events that match any one of these, not only those that match all",
                "if the combination is meant, write not(a == … and b == …)",
            );
        }
    }
}

/// The column of `column != "constant"`, where the constant is a value of its own and not "is not empty".
fn excluded_column<'t>(survey: &Survey<'t>, expr: &'t Expr) -> Option<&'t str> {
    let ExprKind::Binary(binary) = &expr.kind else { return None };
    let negative = matches!(binary.op, BinaryOp::NotEqual | BinaryOp::NotEqualTilde);
    let value = Survey::string(&binary.right)?;
    (negative && value.chars().count() > 3).then(|| survey.column(&binary.left)).flatten()
}

const ADDRESS_TESTS: [&str; 6] = [
    "ipv4_is_in_range",
    "ipv4_is_in_any_range",
    "ipv4_is_match",
    "ipv6_is_in_range",
    "ipv6_is_in_any_range",
    "ipv6_is_match",
];

fn null_exclusion(survey: &Survey<'_>, report: &mut Report) {
    let is_test = |name: &str| ADDRESS_TESTS.contains(&name) || name == "ipv4_is_private";
    let calls = survey.calls.iter().filter(|site| is_test(&site.call.name.text) && !site.place.guarded);
    let mut found: Vec<_> = calls.filter(|site| site.place.negated).map(|s| (s.span, s.call)).collect();
    for comparison in &survey.comparisons {
        let ExprKind::Call(call) = &comparison.left.kind else { continue };
        let against_false =
            comparison.right.iter().any(|e| e.span.of(survey.text).eq_ignore_ascii_case("false"));
        if is_test(&call.name.text)
            && against_false
            && !comparison.place.negated
            && comparison.test == Test::One(BinaryOp::Equal)
        {
            found.push((comparison.left.span, call));
        }
    }
    for (span, call) in found {
        report.add(
            span,
            format!(
                "{}() is null for a value that is no such address, and the event is dropped",
                call.name.text
            ),
            format!("write coalesce({}(…), false) so that such events stay", call.name.text),
        );
    }
}
