//! `palisade allowlist audit`.

use std::path::Path;

use jiff::civil::Date;

use crate::allowlist::audit::{audit, fails};
use crate::allowlist::uses::Reach;
use crate::compile::{Analyses, compile_with};
use crate::diagnostic::{Diagnostics, Severity};
use crate::model::Repository;
use crate::render::{diagnostics, json, sarif};
use crate::source::SourceMap;
use crate::verify::Verifier;
use crate::verify::bypass::Bypass;

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
    /// Also change the attacks of `must_alert` cases as an attacker could, and report the entries that silence them then
    #[arg(long)]
    bypass: bool,
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
    let bypasses = if args.bypass { search(repository, settings.today()?) } else { Vec::new() };
    findings.extend(bypasses.iter().map(|bypass| bypass.finding.clone()).collect());
    findings.settle(&repository.sources);

    let text = shown(&findings, &repository.sources, args.format, ui);
    ui.data(&if args.bypass && args.format == AuditFormat::Json {
        with_events(text, &bypasses)
    } else {
        text
    });
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

/// Ways through the entries of every environment.
fn search(repository: &Repository, today: Date) -> Vec<Bypass> {
    let analyses = Analyses::default();
    let verifier = Verifier::new(repository, &analyses, today);
    let of = |environment| {
        let (desired, _) = compile_with(&analyses, repository, environment, today);
        verifier.bypasses(environment, &desired)
    };
    repository.environments.iter().flat_map(of).collect()
}

/// The findings as JSON, and beside them what an attacker changes and the events that nobody sees.
fn with_events(findings: String, bypasses: &[Bypass]) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(&findings) else { return findings };
    let bypasses = bypasses.iter().map(|bypass| {
        let change = |change: &crate::verify::bypass::Mutation| {
            serde_json::json!({"column": change.column, "before": change.before, "after": change.after, "how": change.how})
        };
        serde_json::json!({
            "rule": bypass.rule,
            "case": bypass.case,
            "entry": bypass.entry,
            "environments": bypass.finding.environments,
            "mutations": bypass.mutations.iter().map(change).collect::<Vec<_>>(),
            "event": bypass.event,
        })
    });
    let bypasses: Vec<serde_json::Value> = bypasses.collect();
    if let Some(members) = value.as_object_mut() {
        members.insert("bypasses".into(), bypasses.into());
    }
    json::pretty(&value)
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
    let tables = [
        crate::diagnostic::codes::AUTHORING,
        crate::compile::CODES,
        crate::allowlist::CODES,
        crate::verify::CODES,
    ];
    tables.into_iter().flatten().copied().collect()
}

fn counts(findings: &Diagnostics) -> String {
    count_line(findings).replace("; nothing was sent.", "")
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
