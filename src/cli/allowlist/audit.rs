//! `palisade allowlist audit`.

use std::path::Path;

use crate::allowlist::audit::{audit, fails};
use crate::allowlist::uses::Reach;
use crate::diagnostic::{Diagnostics, Severity};
use crate::render::{diagnostics, json, sarif};
use crate::source::SourceMap;

use super::super::failure::{Exit, Failure};
use super::super::repository::{count_line, open};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::table;

/// Arguments of `allowlist audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Warnings fail the audit too
    #[arg(long)]
    strict: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = AuditFormat::Text)]
    format: AuditFormat,
}

/// How to print findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AuditFormat {
    /// With the lines of the files
    Text,
    /// One line each
    Table,
    /// For programs
    Json,
    /// For reviews
    Markdown,
    /// For code scanning
    Sarif,
}

pub(super) fn run(args: &AuditArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    let repository = &opened.repository;
    let reach = Reach::of(repository);
    let mut findings = audit(repository, &reach, settings.today()?);
    // What could not be read is missing above. Rules that do not exist are there already.
    let unread = opened.diagnostics.iter().filter(|finding| finding.code != "LIST-02");
    findings.extend(unread.cloned().collect());
    findings.settle(&repository.sources);

    ui.data(&shown(&findings, &repository.sources, args.format, ui));
    let entries: usize = repository.allowlists.iter().map(|list| list.entries.len()).sum();
    let touched = (0..repository.allowlists.len()).flat_map(|list| reach.of_list(repository, list));
    let (mut rules, mut environments): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (environment, reached) in touched {
        environments.push(environment);
        rules.extend(reached);
    }
    for names in [&mut rules, &mut environments] {
        names.sort_unstable();
        names.dedup();
    }
    let found = if findings.is_empty() { "nothing to report".to_owned() } else { counts(&findings) };
    ui.say(&format!(
        "{} in {} touch {} in {}: {found}.",
        super::change::entries(entries),
        counted(repository.allowlists.len(), "list"),
        counted(rules.len(), "rule"),
        counted(environments.len(), "environment"),
    ));
    let strict = args.strict && findings.count(Severity::Warning) > 0;
    Ok(if fails(&findings) || strict { Exit::Error } else { Exit::Done })
}

fn shown(findings: &Diagnostics, sources: &SourceMap, format: AuditFormat, ui: &Ui) -> String {
    match format {
        AuditFormat::Text => diagnostics::text(findings, sources, ui.out.color, ui.width),
        AuditFormat::Json => {
            json::pretty(&serde_json::json!({ "diagnostics": diagnostics::json(findings, sources) }))
        }
        AuditFormat::Sarif => json::pretty(&sarif::sarif(findings, sources, &all_codes())),
        AuditFormat::Table if findings.is_empty() => String::new(),
        AuditFormat::Table => {
            table::aligned(&["SEVERITY", "CODE", "PLACE", "FINDING"], &rows(findings, sources))
        }
        AuditFormat::Markdown => {
            table::markdown(&["Severity", "Code", "Place", "Finding"], &rows(findings, sources))
        }
    }
}

fn rows(findings: &Diagnostics, sources: &SourceMap) -> Vec<Vec<String>> {
    let findings = diagnostics::without_secrets(findings, sources);
    let row = |finding: &crate::diagnostic::Diagnostic| {
        let label = finding.label.as_ref().map(|label| format!(": {label}"));
        vec![
            diagnostics::severity_word(finding.severity).to_owned(),
            finding.code.to_owned(),
            finding.span.map_or_else(String::new, |span| sources.display(span)),
            format!("{}{}", finding.summary, label.unwrap_or_default()),
        ]
    };
    findings.iter().map(row).collect()
}

/// Every code that an audit may report.
fn all_codes() -> Vec<crate::diagnostic::codes::Code> {
    let tables = [crate::diagnostic::codes::AUTHORING, crate::compile::CODES, crate::allowlist::CODES];
    tables.into_iter().flatten().copied().collect()
}

fn counts(findings: &Diagnostics) -> String {
    count_line(findings).replace("; nothing was sent.", "")
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
