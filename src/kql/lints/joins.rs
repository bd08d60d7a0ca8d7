//! Joins and what they are keyed by.

use super::columns;
use super::survey::{PipelineSite, Role, Survey};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::schema::Platform;
use crate::kql::syntax::*;

pub(super) const DEFAULT_KIND: Lint = Lint {
    id: "KQL-C05",
    severity: Severity::Warning,
    title: "a join does not say its kind",
    why: "Without `kind=` a join is `innerunique`: it keeps one arbitrary row for each key of the left side. Events that \
          differ in anything but the key disappear, and which one stays may change from run to run.",
    bad: "SigninLogs | where TimeGenerated > ago(1h) | join (AuditLogs | where TimeGenerated > ago(1h)) on CorrelationId | project Identity",
    good: "SigninLogs | where TimeGenerated > ago(1h) | join kind=inner (AuditLogs | where TimeGenerated > ago(1h)) on CorrelationId | project Identity",
    source: "https://learn.microsoft.com/kusto/query/join-operator",
    platforms: &[],
    check: default_kind,
};

pub(super) const PROCESS_ID: Lint = Lint {
    id: "KQL-C07",
    severity: Severity::Warning,
    title: "a process id is used as a key on its own",
    why: "Systems use process ids again within minutes, and every device has its own. A process is identified by its id \
          together with the device and the time it was created; without them unrelated processes are joined.",
    bad: "DeviceProcessEvents | join kind=inner (DeviceNetworkEvents) on $left.ProcessId == $right.InitiatingProcessId | project FileName",
    good: "DeviceProcessEvents\n| join kind=inner (DeviceNetworkEvents)\n    on DeviceId, $left.ProcessId == $right.InitiatingProcessId,\n\
           \x20      $left.ProcessCreationTime == $right.InitiatingProcessCreationTime\n| project FileName",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-best-practices",
    platforms: &[],
    check: process_id,
};

pub(super) const UNFILTERED_SIDE: Lint = Lint {
    id: "KQL-P06",
    severity: Severity::Info,
    title: "the joined table is not limited in time",
    why: "A time condition before a join does not reach the table inside the join's brackets: that side is read as far back \
          as the query may look. Repeat the condition there.",
    bad: "SigninLogs | where TimeGenerated > ago(1h) | join kind=inner (AuditLogs | where Result == \"success\") on CorrelationId | project Identity",
    good: "SigninLogs\n| where TimeGenerated > ago(1h)\n\
           | join kind=inner (AuditLogs | where TimeGenerated > ago(1h) | where Result == \"success\") on CorrelationId\n| project Identity",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[Platform::Sentinel, Platform::Unified],
    check: unfiltered_side,
};

fn joins<'t>(site: &PipelineSite<'t>) -> impl Iterator<Item = (&'t Operator, &'t Join)> {
    site.operators.iter().filter_map(|operator| match &operator.kind {
        OperatorKind::Join(join) => Some((operator, join)),
        _ => None,
    })
}

fn default_kind(survey: &Survey<'_>, report: &mut Report) {
    for (operator, join) in survey.pipelines.iter().flat_map(joins) {
        if !join.parameters.iter().any(|parameter| &*parameter.name.text == "kind") {
            report.add(
                operator.keyword,
                "without a kind this join keeps one arbitrary left row for each key",
                "write kind=inner for every pair of rows, or kind=innerunique if that is what you want",
            );
        }
    }
}

fn process_id(survey: &Survey<'_>, report: &mut Report) {
    for site in &survey.pipelines {
        for operator in site.operators {
            let keys = match &operator.kind {
                OperatorKind::Join(Join { condition: Some(JoinCondition::On(keys)), .. }) => keys,
                _ => continue,
            };
            let mut names = Vec::new();
            keys.iter().for_each(|key| key_names(key, &mut names));
            let Some(process) = names.iter().find(|name| columns::is_process_id(&name.text)) else {
                continue;
            };
            let device = names.iter().any(|name| columns::is_device(&name.text));
            let time = names.iter().any(|name| name.text.to_ascii_lowercase().contains("time"));
            // Only Defender's tables say when a process was created, and correlation over one process's own
            // attributes (the id and its file) is enough of a check elsewhere.
            let defender = survey.bound.tables.iter().any(|table| table.starts_with("Device"));
            let missing = match (device, time || !defender) {
                (false, false) => "the device and the time the process was created",
                (false, true) => "the device",
                (true, false) => "the time the process was created",
                (true, true) => continue,
            };
            report.add(
                process.span,
                format!("`{}` as a key without {missing}", process.text),
                "add DeviceId and the creation time of the process to the keys",
            );
        }
    }
}

/// The columns of a join's key: `a`, `$left.a == $right.b`, `x and y`.
fn key_names<'t>(key: &'t Expr, names: &mut Vec<&'t Name>) {
    match &key.kind {
        ExprKind::Name(name) => names.push(name),
        ExprKind::Path(path) => key_names(&path.selector, names),
        ExprKind::Binary(binary) => {
            key_names(&binary.left, names);
            key_names(&binary.right, names);
        }
        ExprKind::Chain(chain) => {
            key_names(&chain.first, names);
            chain.rest.iter().for_each(|link| key_names(&link.operand, names));
        }
        ExprKind::Paren(inner) => key_names(inner, names),
        _ => {}
    }
}

fn unfiltered_side(survey: &Survey<'_>, report: &mut Report) {
    if survey.time_filters.is_empty() {
        return; // the whole query is without: KQL-P01
    }
    for (_, join) in survey.pipelines.iter().flat_map(joins) {
        let joined =
            |site: &&PipelineSite<'_>| site.role == Role::Joined && join.right.span.covers(site.span);
        let first = survey.pipelines.partition_point(|site| site.span.start < join.right.span.start);
        let table = match survey.pipelines.get(first).filter(joined) {
            Some(site) => site.table,
            None => survey.table(&join.right),
        };
        if let Some(table) = table
            && !survey.filters_time_in(join.right.span)
        {
            report.add(
                table.span,
                format!("`{}` is joined over the whole time range", table.text),
                "repeat the time condition inside the brackets of the join",
            );
        }
    }
}
