//! `palisade validate`: everything that can be known offline, for every environment.

use std::path::{Path, PathBuf};

use crate::compile::{Analyses, advice, compile_with};
use crate::diagnostic::Diagnostics;
use crate::model::Repository;
use crate::render::{annotations, diagnostics, diagnostics_markdown, json};
use crate::source::SourceMap;
use crate::verify::Verifier;

use super::failure::{Exit, Failure};
use super::outputs::{self, MarkdownArgs};
use super::repository::{EnvironmentArgs, count_line, open, open_at};
use super::selection::list;
use super::settings::Settings;
use super::ui::Ui;

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    environments: EnvironmentArgs,
    /// Warnings are errors
    #[arg(long)]
    strict: bool,
    /// Accept the findings of this file; an entry that no longer occurs is an error
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the baseline instead of comparing with it
    #[arg(long, requires = "baseline")]
    write_baseline: bool,
    /// Refuse queries with a higher cost score
    #[arg(long, value_name = "N")]
    max_cost: Option<u32>,
    /// Also compare with the repository as of this git revision: versions, and rules that disappeared
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = FindingsFormat::Text)]
    format: FindingsFormat,
    /// Also write the findings as JSON to this file
    #[arg(long, value_name = "FILE")]
    json_into: Option<PathBuf>,
    /// Also write the findings as SARIF to this file
    #[arg(long, value_name = "FILE")]
    sarif_into: Option<PathBuf>,
    #[command(flatten)]
    markdown: MarkdownArgs,
}

/// How to print findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FindingsFormat {
    /// For people, with the lines of the files
    Text,
    /// For programs
    Json,
    /// For code scanning
    Sarif,
    /// As annotations of GitHub Actions, ten of each type, and as text
    Github,
    /// As issues of Azure Pipelines, ten of each type, and as text
    Azdo,
    /// For a comment or a step summary, at most --max-bytes long
    Markdown,
}

pub(crate) fn run(args: &ValidateArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    outputs::writable([&args.json_into, &args.sarif_into, &args.markdown.markdown_into])?;
    let opened = open(start)?;
    let today = settings.today()?;
    let environments = opened.select_or_all(&args.environments, ui)?;
    let whole = environments.len() == opened.repository.environments.len();
    let sources = &opened.repository.sources;
    let mut findings: Diagnostics = opened.diagnostics.clone();
    let analyses = Analyses::default();
    let verifier = Verifier::new(&opened.repository, &analyses, today);
    for environment in &environments {
        let (desired, mut compiled) = compile_with(&analyses, &opened.repository, environment, today);
        // Rules that could not be read are not there: that a list reaches none of them would say nothing.
        let incomplete = opened.diagnostics.has_errors();
        compiled.retain(|finding| !incomplete || finding.code != "ALW-11");
        findings.extend(compiled);
        if !incomplete {
            findings.extend(verifier.promises(environment, &desired));
            findings.extend(advice::empty_environment(&opened.repository, environment, &desired));
        }
    }
    findings.extend(advice::advise(&opened.repository));
    findings.extend(verifier.mistakes(&|_| true));
    findings.extend(verifier.untested());
    if let Some(revision) = &args.since {
        let then = open_at(start, revision)?;
        if then.diagnostics.has_errors() {
            return Err(Failure::error(format!("the repository as of {revision} has errors itself"))
                .help("choose a revision in which `palisade validate` succeeds"));
        }
        findings.extend(advice::since(&opened.repository, &then.repository));
    }
    // A silence may be needed in an environment that was not looked at.
    if whole && !findings.has_errors() {
        let useless = advice::useless_silences(&opened.repository, &findings);
        findings.extend(useless);
    }
    if let Some(most) = args.max_cost {
        findings.extend(advice::costs(&opened.repository, most));
    }
    if let Some(path) = &args.baseline {
        if args.write_baseline {
            let count = super::baseline::write(path, &findings, sources)?;
            ui.say(&format!("{count} findings are accepted in `{}`.", path.display()));
        }
        super::baseline::apply(path, &mut findings, sources)?;
    }
    findings.settle(sources);

    ui.data(&shown(&findings, &opened.repository, args, ui));
    if let Some(file) = &args.json_into {
        outputs::write(file, &json::pretty(&as_json(&findings, sources)))?;
    }
    if let Some(file) = &args.sarif_into {
        outputs::write(file, &outputs::sarif_text(&findings, &opened.repository))?;
    }
    args.markdown.write(|limit| diagnostics_markdown::markdown(TITLE, &findings, sources, limit))?;
    let strict = args.strict || opened.repository.project.lint.strict;
    let warnings = findings.count(crate::diagnostic::Severity::Warning);
    if findings.has_errors() || (strict && warnings > 0) {
        ui.tell(&count_line(&findings));
        return Ok(Exit::Error);
    }
    let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
    ui.say(&format!(
        "{} valid in {}.{}",
        match opened.repository.rules.len() {
            1 => "1 rule is".to_owned(),
            count => format!("{count} rules are"),
        },
        if names.is_empty() { "no environment".to_owned() } else { list(names.iter().copied()) },
        if findings.is_empty() { String::new() } else { format!(" {}.", count_line(&findings)) }
    ));
    Ok(Exit::Done)
}

/// Heading of the markdown.
const TITLE: &str = "Palisade validate";

fn as_json(findings: &Diagnostics, sources: &SourceMap) -> serde_json::Value {
    serde_json::json!({ "diagnostics": diagnostics::json(findings, sources) })
}

fn shown(findings: &Diagnostics, repository: &Repository, args: &ValidateArgs, ui: &Ui) -> String {
    let sources = &repository.sources;
    let text = |color| diagnostics::text(findings, sources, color, ui.width);
    match args.format {
        FindingsFormat::Text => text(ui.out.color),
        FindingsFormat::Json => json::pretty(&as_json(findings, sources)),
        FindingsFormat::Sarif => outputs::sarif_text(findings, repository),
        // Annotations are few and short; the log has everything.
        FindingsFormat::Github => format!("{}{}", text(ui.out.color), annotations::github(findings, sources)),
        FindingsFormat::Azdo => format!("{}{}", text(ui.out.color), annotations::azure(findings, sources)),
        FindingsFormat::Markdown => {
            diagnostics_markdown::markdown(TITLE, findings, sources, args.markdown.max_bytes)
        }
    }
}
