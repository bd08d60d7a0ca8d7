//! Where the rows come from.

use super::columns::SHARED_TABLES;
use super::survey::Survey;
use super::{Lint, Report};
use crate::diagnostic::Severity;

pub(super) const EXTERNAL: Lint = Lint {
    id: "KQL-C10",
    severity: Severity::Warning,
    title: "the rule depends on a file on the internet",
    why: "`externaldata` fetches the file at every run: when it moves, is empty or is changed by somebody else, the rule \
          stops or changes its meaning without a commit. Near-real-time rules refuse it. Use a watchlist, or an allowlist of \
          this repository.",
    bad: "let bad = externaldata(ip:string)[\"https://example.com/ips.csv\"];\n\
          SigninLogs | where TimeGenerated > ago(1h) | where IPAddress in (bad) | project IPAddress",
    good: "let bad = _GetWatchlist('bad-ips') | project SearchKey;\n\
           SigninLogs | where TimeGenerated > ago(1h) | where IPAddress in (bad) | project IPAddress",
    source: "https://learn.microsoft.com/kusto/query/externaldata-operator",
    platforms: &[],
    check: external,
};

pub(super) const SHARED_TABLE: Lint = Lint {
    id: "KQL-C14",
    severity: Severity::Info,
    title: "a table that many products share is read without saying whose records are meant",
    why: "Tables such as CommonSecurityLog hold the records of every connected product. Without a condition on the product \
          or kind of record the rule changes its meaning with each new connector, and it reads far more than it needs.",
    bad: "CommonSecurityLog | where TimeGenerated > ago(1h) | where DestinationPort == 3389 | project SourceIP",
    good: "CommonSecurityLog\n| where TimeGenerated > ago(1h)\n| where DeviceVendor == \"Fortinet\" and DestinationPort == 3389\n| project SourceIP",
    source: "https://learn.microsoft.com/azure/azure-monitor/reference/tables/commonsecuritylog",
    platforms: &[],
    check: shared_table,
};

fn external(survey: &Survey<'_>, report: &mut Report) {
    for span in &survey.external {
        report.add(
            *span,
            "reads a file from outside at every run",
            "keep the values in a watchlist or an allowlist",
        );
    }
}

fn shared_table(survey: &Survey<'_>, report: &mut Report) {
    for site in &survey.pipelines {
        let Some(table) = site.table else { continue };
        let Some((_, columns)) = SHARED_TABLES.iter().find(|(name, _)| **name == *table.text) else {
            continue;
        };
        if !columns.iter().any(|column| survey.mentions.contains_key(column)) {
            report.add(
                table.span,
                format!("`{}` is read without a condition on the product", table.text),
                format!("add a condition on {}", columns.join(", ")),
            );
        }
    }
}
