//! Conditions that an attacker walks around by typing differently.

use super::columns;
use super::survey::{Comparison, Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::{BinaryOp, Expr, ExprKind, InOp};

pub(super) const CASE: Lint = Lint {
    id: "KQL-E01",
    severity: Severity::Warning,
    title: "a name is compared with case",
    why: "Windows does not care about the case of file names, paths, commands and accounts, so `PowerShell.EXE` runs what \
          `powershell.exe` runs and `==` does not see it. Use `=~`, `in~` and the operators without `_cs` on these columns.",
    bad: "DeviceProcessEvents | where FileName == \"powershell.exe\" | project DeviceName",
    good: "DeviceProcessEvents | where FileName =~ \"powershell.exe\" | project DeviceName",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-best-practices",
    platforms: &[],
    check: case,
};

pub(super) const EXACT_COMMAND_LINE: Lint = Lint {
    id: "KQL-E02",
    severity: Severity::Warning,
    title: "a whole command line is compared",
    why: "One more space, a quote, a full path in front or another order of arguments, and the command line is another text \
          that does the same. Look for what the attack cannot do without: `has_all` of its terms, or parse_command_line().",
    bad: "DeviceProcessEvents | where ProcessCommandLine =~ \"vssadmin delete shadows /all\" | project DeviceName",
    good: "DeviceProcessEvents | where ProcessCommandLine has_all (\"vssadmin\", \"delete\", \"shadows\") | project DeviceName",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-best-practices",
    platforms: &[],
    check: exact_command_line,
};

pub(super) const ARGUMENT_ORDER: Lint = Lint {
    id: "KQL-E03",
    severity: Severity::Info,
    title: "a command line is searched for arguments in a certain order",
    why: "Most programs take their arguments in any order and with any number of spaces between them, so a text or pattern \
          with two arguments side by side misses the other spellings. Ask for each term with `has_all`, or split the line with \
          parse_command_line().",
    bad: "DeviceProcessEvents | where ProcessCommandLine contains \"-nop -enc\" | project DeviceName",
    good: "DeviceProcessEvents | where ProcessCommandLine has_all (\"-nop\", \"-enc\") | project DeviceName",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-best-practices",
    platforms: &[],
    check: argument_order,
};

/// The operator that ignores case, for one that does not. Negations are left alone: comparing an exclusion with case
/// lets more events through, not fewer.
fn ignoring_case(comparison: &Comparison<'_>) -> Option<&'static str> {
    Some(match comparison.test {
        Test::One(BinaryOp::Equal) => "=~",
        Test::One(BinaryOp::HasCs) => "has",
        Test::One(BinaryOp::ContainsCs) => "contains",
        Test::One(BinaryOp::StartsWithCs) => "startswith",
        Test::One(BinaryOp::EndsWithCs) => "endswith",
        Test::One(BinaryOp::HasPrefixCs) => "hasprefix",
        Test::One(BinaryOp::HasSuffixCs) => "hassuffix",
        Test::List(InOp::In) => "in~",
        _ => return None,
    })
}

fn case(survey: &Survey<'_>, report: &mut Report) {
    for comparison in survey.comparisons.iter().filter(|c| !c.place.negated) {
        let Some(instead) = ignoring_case(comparison) else { continue };
        let Some(column) = survey.column(comparison.left) else { continue };
        let name = columns::is_chosen_by_attacker(column);
        let has_letters = |expr: &Expr| match &expr.kind {
            ExprKind::String(literal) => literal.value.chars().any(char::is_alphabetic),
            _ => false,
        };
        if (name || columns::is_account(column)) && comparison.right.iter().any(has_letters) {
            report.add(
                comparison.op_span,
                format!("`{column}` is compared with case"),
                format!("use `{instead}`"),
            );
        }
    }
}

fn exact_command_line(survey: &Survey<'_>, report: &mut Report) {
    for comparison in survey.comparisons.iter().filter(|c| !c.place.negated) {
        let exact = matches!(
            comparison.test,
            Test::One(BinaryOp::Equal | BinaryOp::EqualTilde) | Test::List(InOp::In | InOp::InTilde)
        );
        let Some(column) = survey.column(comparison.left).filter(|c| exact && columns::is_command_line(c))
        else {
            continue;
        };
        if comparison.right.iter().filter_map(Survey::string).any(|value| value.trim().contains(' ')) {
            report.add(
                comparison.op_span,
                format!("`{column}` must equal a whole command line"),
                "look for its terms with `has_all`",
            );
        }
    }
}

fn argument_order(survey: &Survey<'_>, report: &mut Report) {
    for comparison in survey.comparisons.iter().filter(|c| !c.place.negated) {
        let pattern = match comparison.test {
            Test::One(BinaryOp::MatchesRegex) => true,
            Test::One(BinaryOp::Contains | BinaryOp::Has | BinaryOp::ContainsCs | BinaryOp::HasCs)
            | Test::List(InOp::HasAny | InOp::HasAll) => false,
            _ => continue,
        };
        let Some(column) = survey.column(comparison.left).filter(|c| columns::is_command_line(c)) else {
            continue;
        };
        for expr in comparison.right {
            let Some(value) = Survey::string(expr) else { continue };
            let ordered = if pattern { arguments_in_pattern(value) } else { arguments_in_text(value) };
            if ordered {
                report.add(
                    expr.span,
                    format!("`{column}` is searched for arguments in one order"),
                    "ask for each argument with `has_all`",
                );
            }
        }
    }
}

/// Two words with a blank between them, at least one of them an option.
fn arguments_in_text(value: &str) -> bool {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.len() > 1 && words.iter().any(|word| word.starts_with(['-', '/']) && word.len() > 1)
}

/// Two options with anything between them.
fn arguments_in_pattern(value: &str) -> bool {
    let mut parts = value.split(".*").flat_map(|part| part.split(".+")).flat_map(|part| part.split(r"\s+"));
    let is_option = |part: &str| {
        let part = part.trim_start_matches(['(', '?', ':', ' ', '^', '\\', '[']);
        part.starts_with(['-', '/']) && part.chars().any(char::is_alphabetic)
    };
    parts.by_ref().any(is_option) && parts.any(is_option)
}
