//! Patterns and orders that something simpler does.

use super::survey::{Survey, Test};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::{BinaryOp, OperatorKind};

pub(super) const NEEDLESS_REGEX: Lint = Lint {
    id: "KQL-P08",
    severity: Severity::Info,
    title: "an expensive step that something cheaper does",
    why: "A regular expression without any special sign is a plain search, and `has` or `contains` do it many times faster; \
          one that begins with `.*` reads every text again from each position. `sort` followed by `take` orders everything \
          to keep a few rows, which `top` does in one pass. An order before `summarize` or `join` is lost.",
    bad: "SecurityEvent | where TimeGenerated > ago(1h) | where CommandLine matches regex \"mimikatz\" | project Account",
    good: "SecurityEvent | where TimeGenerated > ago(1h) | where CommandLine has \"mimikatz\" | project Account",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[],
    check: needless,
};

/// What makes a text a pattern.
const SPECIAL: &str = r"\.+*?()[]{}|^$";

fn needless(survey: &Survey<'_>, report: &mut Report) {
    for comparison in survey.comparisons.iter().filter(|c| c.test == Test::One(BinaryOp::MatchesRegex)) {
        for expr in comparison.right {
            let Some(pattern) = Survey::string(expr) else { continue };
            if !pattern.contains(|c| SPECIAL.contains(c)) {
                report.add(expr.span, "the pattern has no special sign", "use `has_cs` or `contains_cs`");
            } else if pattern.starts_with(".*") {
                report.add(
                    expr.span,
                    "`.*` at the beginning of a pattern does nothing but cost",
                    "leave it out: a pattern matches anywhere in the text",
                );
            }
        }
    }
    for site in &survey.pipelines {
        for pair in site.operators.windows(2) {
            let [first, second] = pair else { continue };
            let OperatorKind::Sort(_) = first.kind else { continue };
            let (message, help) = match &second.kind {
                OperatorKind::Take(_) => {
                    ("`sort` and `take` order every row to keep a few", "use `top N by COLUMN`")
                }
                OperatorKind::Join(_) | OperatorKind::Lookup(_) | OperatorKind::Union(_) => {
                    ("the order is lost in the next step", "order after it")
                }
                OperatorKind::Summarize(_) if !collects(second.span.of(survey.text)) => {
                    ("the order is lost in the next step", "order after it")
                }
                _ => continue,
            };
            report.add(first.keyword, message, help);
        }
    }
}

/// Whether a `summarize` gathers values in the order in which they come.
fn collects(summarize: &str) -> bool {
    ["make_list", "makelist", "make_set", "makeset", "make_bag", "take_any", "any("]
        .iter()
        .any(|f| summarize.contains(f))
}
