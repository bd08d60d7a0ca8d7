//! Work that is done too early, or for nobody.

use std::collections::HashSet;

use super::survey::{Role, Survey};
use super::{Lint, Report};
use crate::diagnostic::Severity;
use crate::kql::syntax::*;
use crate::kql::walk::{Node, children};

pub(super) const PARSE_BEFORE_WHERE: Lint = Lint {
    id: "KQL-P02",
    severity: Severity::Info,
    title: "text is taken apart before the rows are filtered",
    why: "`parse`, `extract()` and parse_json() are run on every row that reaches them. A condition that does not need their \
          result belongs before them: the fewer rows, the less is parsed.",
    bad: "Syslog | extend User = extract(\"user=(\\\\w+)\", 1, SyslogMessage) | where TimeGenerated > ago(1h) and Facility == \"auth\" | project User",
    good: "Syslog | where TimeGenerated > ago(1h) and Facility == \"auth\" | extend User = extract(\"user=(\\\\w+)\", 1, SyslogMessage) | project User",
    source: "https://learn.microsoft.com/kusto/query/best-practices",
    platforms: &[],
    check: parse_before_where,
};

pub(super) const ALL_OUTPUT: Lint = Lint {
    id: "KQL-P09",
    severity: Severity::Info,
    title: "the query returns every column of a wide table",
    why: "Every column is read, sent and stored with the alert, most of them empty. A final `project` keeps what the analyst \
          and the entity mappings need, and makes the rule independent of columns that come and go.",
    bad: "SigninLogs | where TimeGenerated > ago(1h) | where ResultType == \"50126\"",
    good: "SigninLogs | where TimeGenerated > ago(1h) | where ResultType == \"50126\" | project TimeGenerated, UserPrincipalName, IPAddress",
    source: "https://learn.microsoft.com/defender-xdr/advanced-hunting-best-practices",
    platforms: &[],
    check: all_output,
};

/// A table with more columns is wide.
const WIDE: usize = 40;

/// Functions that read a whole text.
const PARSERS: [&str; 9] = [
    "extract",
    "extract_all",
    "extract_json",
    "parse_json",
    "todynamic",
    "parse_xml",
    "parse_command_line",
    "parse_url",
    "parse_csv",
];

fn parse_before_where(survey: &Survey<'_>, report: &mut Report) {
    for site in survey.pipelines.iter().filter(|site| site.table.is_some()) {
        let mut made: HashSet<&str> = HashSet::new();
        let mut parser = None;
        for operator in site.operators {
            match &operator.kind {
                OperatorKind::Where(rows) => {
                    if let Some(parser) = parser.filter(|_| !mentions(Node::Expr(&rows.value), &made)) {
                        let name: &Operator = parser;
                        report.add(
                            operator.keyword,
                            format!(
                                "this condition comes after `{}`, which it does not need",
                                name.keyword.of(survey.text)
                            ),
                            "move the condition up, before the text is parsed",
                        );
                    }
                    break;
                }
                OperatorKind::Parse(parse) | OperatorKind::ParseWhere(parse) => {
                    made.extend(parse.pattern.iter().filter_map(|part| match part {
                        ParsePart::Column { name, .. } => Some(&*name.text),
                        _ => None,
                    }));
                    parser.get_or_insert(operator);
                }
                OperatorKind::Extend(items) => {
                    for item in items {
                        if let ExprKind::Named(named) = &item.kind {
                            made.extend(named.names.iter().map(|name| &*name.text));
                        }
                    }
                    if calls_parser(Node::Operator(operator)) {
                        parser.get_or_insert(operator);
                    }
                }
                OperatorKind::ProjectReorder(_) | OperatorKind::Serialize(_) => {}
                // Anything else may change what the columns mean.
                _ => break,
            }
        }
    }
}

fn mentions(node: Node<'_>, names: &HashSet<&str>) -> bool {
    let mut found = match node {
        Node::Expr(Expr { kind: ExprKind::Name(name), .. }) => names.contains(&*name.text),
        Node::Expr(Expr { kind: ExprKind::Star, .. }) => true,
        _ => false,
    };
    children(node, &mut |child| found = found || mentions(child, names));
    found
}

fn calls_parser(node: Node<'_>) -> bool {
    let mut found = matches!(node, Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if PARSERS.contains(&&*call.name.text));
    children(node, &mut |child| found = found || calls_parser(child));
    found
}

fn all_output(survey: &Survey<'_>, report: &mut Report) {
    let Some(site) = survey.pipelines.iter().find(|site| site.role == Role::Result) else { return };
    let chooses = |operator: &Operator| {
        !matches!(
            operator.kind,
            OperatorKind::Where(_)
                | OperatorKind::Extend(_)
                | OperatorKind::Parse(_)
                | OperatorKind::ParseWhere(_)
                | OperatorKind::Sort(_)
                | OperatorKind::Take(_)
                | OperatorKind::Join(_)
                | OperatorKind::Lookup(_)
                | OperatorKind::MvExpand(_)
                | OperatorKind::Invoke(_)
                | OperatorKind::Union(_)
                | OperatorKind::ProjectReorder(_)
        )
    };
    if survey.bound.columns.len() > WIDE && !site.operators.iter().any(chooses) {
        let place = site.operators.last().map_or(site.span, |operator| operator.keyword);
        report.add(
            place,
            format!("the query returns {} columns", survey.bound.columns.len()),
            "end with `| project` of the columns that the alert needs",
        );
    }
}
