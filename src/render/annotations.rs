//! Findings as commands of a build agent: GitHub's workflow commands and Azure Pipelines' logging commands. They are shown
//! beside the lines of a change.
//!
//! Here, and nowhere else, a command is written on purpose; what it carries is escaped as the agents' own toolkits do it, so
//! that a finding stays one command whatever it quotes. GitHub keeps ten annotations of each type and step and drops
//! the rest without a word, so the rest is counted in a line.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{SourceMap, Span};

use super::diagnostics::without_secrets;
use super::safe;

/// Annotations of one type that GitHub keeps of a step.
pub const MOST: usize = 10;

/// `::error file=…,line=…,title=CODE: summary::message`, at most ten of each type, and what was left out.
#[must_use]
pub fn github(findings: &Diagnostics, sources: &SourceMap) -> String {
    capped(findings, sources, |finding, place| {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut properties = Vec::new();
        if let Some(place) = place {
            properties.push(format!("file={}", property(&place.path)));
            properties.push(format!("line={},endLine={}", place.line, place.end_line));
            // Columns belong to one line only.
            if place.line == place.end_line {
                properties.push(format!("col={},endColumn={}", place.column, place.end_column));
            }
        }
        properties.push(format!("title={}", property(&format!("{}: {}", finding.code, finding.summary))));
        format!("::{kind} {}::{}\n", properties.join(","), data(&message(finding)))
    })
}

/// `##vso[task.logissue type=error;sourcepath=…;linenumber=…;code=…]message`. Azure Pipelines knows no notes: those are
/// plain lines.
#[must_use]
pub fn azure(findings: &Diagnostics, sources: &SourceMap) -> String {
    capped(findings, sources, |finding, place| {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => {
                let text =
                    format!("{} {}. {}", finding.code, finding.summary, message(finding).replace('\n', ". "));
                return format!("{}\n", safe::line(&text));
            }
        };
        let place = place.map_or_else(String::new, |place| {
            let path = azure_property(&place.path);
            format!("sourcepath={path};linenumber={};columnnumber={};", place.line, place.column)
        });
        let code = azure_property(finding.code);
        let text = azure_data(&format!("{}\n{}", safe::line(&finding.summary), message(finding)));
        format!("##vso[task.logissue type={kind};{place}code={code};]{text}\n")
    })
}

/// Where a finding is, in the numbers of editors.
struct Place {
    path: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

fn place(span: Span, sources: &SourceMap) -> Place {
    let start = sources.position(span);
    let end = sources.position(Span::new(span.file, span.end, span.end));
    Place {
        path: sources.path(span.file).to_owned(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column.max(start.column),
    }
}

/// Errors first, so that the ten that are kept are the ones that matter.
fn capped(
    findings: &Diagnostics,
    sources: &SourceMap,
    write: impl Fn(&Diagnostic, Option<Place>) -> String,
) -> String {
    let findings = without_secrets(findings, sources);
    let mut out = String::new();
    let mut rest = Vec::new();
    for (severity, word) in
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")]
    {
        let of: Vec<&Diagnostic> = findings.iter().filter(|finding| finding.severity == severity).collect();
        for finding in of.iter().take(MOST) {
            out.push_str(&write(finding, finding.span.map(|span| place(span, sources))));
        }
        match of.len().saturating_sub(MOST) {
            0 => {}
            1 => rest.push(format!("1 more {word}")),
            count => rest.push(format!("{count} more {word}s")),
        }
    }
    if !rest.is_empty() {
        out.push_str(&format!("Not annotated: {}.\n", rest.join(", ")));
    }
    out
}

fn message(finding: &Diagnostic) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(finding.label.clone());
    parts.extend(finding.detail.clone());
    if !finding.environments.is_empty() {
        parts.push(format!("In environments: {}", finding.environments.join(", ")));
    }
    parts.extend(finding.help.as_ref().map(|help| format!("Help: {help}")));
    if parts.is_empty() {
        parts.push(finding.summary.clone());
    }
    parts.iter().map(|part| safe::lines(part)).collect::<Vec<_>>().join("\n")
}

/// As `escapeData` of actions/toolkit.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As `escapeProperty` of actions/toolkit.
fn property(text: &str) -> String {
    data(&safe::line(text)).replace(':', "%3A").replace(',', "%2C")
}

/// As `escapedata` of azure-pipelines-task-lib.
fn azure_data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As `escape` of azure-pipelines-task-lib.
fn azure_property(text: &str) -> String {
    azure_data(&safe::line(text)).replace(']', "%5D").replace(';', "%3B")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> (SourceMap, Span) {
        let mut sources = SourceMap::default();
        let file = sources.add("rules/a,b:c;d].yaml", "id: a\nname: b\n");
        (sources, Span::new(file, 6, 10))
    }

    #[test]
    fn a_finding_is_one_command() {
        let (sources, span) = sources();
        let finding = Diagnostic::error("X-01", "a: b, 5 %")
            .labelled(span, "one\ntwo ::error::x ##vso[y]")
            .with_help("do");
        let all: Diagnostics = [finding].into_iter().collect();
        assert_eq!(
            github(&all, &sources),
            "::error file=rules/a%2Cb%3Ac;d].yaml,line=2,endLine=2,col=1,endColumn=5,title=X-01%3A a%3A b%2C 5 %25::\
             one%0Atwo ::error::x # #vso[y]%0AHelp: do\n"
        );
        assert_eq!(
            azure(&all, &sources),
            "##vso[task.logissue type=error;sourcepath=rules/a,b:c%3Bd%5D.yaml;linenumber=2;columnnumber=1;code=X-01;]\
             a: b, 5 %AZP25%0Aone%0Atwo ::error::x # #vso[y]%0AHelp: do\n"
        );
    }

    #[test]
    fn ten_of_each_type_and_the_rest_counted() {
        let (sources, span) = sources();
        let many = |severity, count| {
            (0..count).map(move |number| Diagnostic::new("X-01", severity, format!("n{number}")).at(span))
        };
        let all: Diagnostics = many(Severity::Info, 3)
            .chain(many(Severity::Warning, 11))
            .chain(many(Severity::Error, 41))
            .collect();
        let text = github(&all, &sources);
        let count = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
        assert_eq!((count("::error "), count("::warning "), count("::notice ")), (10, 10, 3));
        assert!(
            text.starts_with("::error ")
                && text.ends_with("Not annotated: 31 more errors, 1 more warning.\n")
        );
        assert_eq!(azure(&all, &sources).matches("##vso[").count(), 20);
    }
}
