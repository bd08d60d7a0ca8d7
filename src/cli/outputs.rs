//! What every command can write beside what it prints: JSON, markdown of a limited size, SARIF. A file that cannot be
//! written is found out before anything else happens.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::diagnostic::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Repository;
use crate::plan::{Plan, redacted};
use crate::render::{json as printed, markdown, plan_markdown, sarif};
use crate::resource::LineOrigin;

use super::failure::{Exit, Failure};
use super::ui::Ui;

/// What a comment on GitHub may have, in characters; bytes are never fewer.
const COMMENT: usize = 65_536;

/// The code of [`reductions`].
pub(crate) const REDUCES: Code = Code {
    code: "PLAN-01",
    title: "a change reduces coverage",
    explanation: "An apply would leave less detected than now: the rule goes, is switched off, runs less often, or an allowlist lets more \
                  pass. It may be exactly what is wanted; it should not happen unseen. Reported by `plan --sarif-into`, at the allowlist \
                  entry or the rule that causes it.",
};

/// `--markdown-into` and its size.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct MarkdownArgs {
    /// Also write it as markdown to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown_into: Option<PathBuf>,
    /// The most bytes of markdown: 65536 fit into a comment, 1048576 into a step summary
    #[arg(long, value_name = "N", default_value_t = COMMENT, value_parser = bytes)]
    pub(crate) max_bytes: usize,
}

fn bytes(text: &str) -> Result<usize, String> {
    /// Less has no room for a heading and what is left out.
    const LEAST: usize = 2_048;
    match text.parse() {
        Ok(count) if count >= LEAST => Ok(count),
        _ => Err(format!("a number of bytes, at least {LEAST}")),
    }
}

impl MarkdownArgs {
    /// Writes the document, if a file was named.
    pub(crate) fn write(&self, text: impl FnOnce(usize) -> String) -> Result<(), Failure> {
        match &self.markdown_into {
            Some(path) => write(path, &text(self.max_bytes)),
            None => Ok(()),
        }
    }

    /// Writes plans, if a file was named, and says when some are only counted there.
    pub(crate) fn write_plans(&self, plans: &[Plan], missing: &[Missing], ui: &Ui) -> Result<(), Failure> {
        let Some(path) = &self.markdown_into else { return Ok(()) };
        let page = plans_markdown(plans, missing, self.max_bytes);
        write(path, &page.text)?;
        if page.whole < page.changes {
            ui.say(&format!(
                "`{}` shows {} of {} changes whole, because it may have {} bytes (--max-bytes); --json-into has all.",
                path.display(),
                page.whole,
                page.changes,
                self.max_bytes
            ));
        }
        Ok(())
    }
}

/// An environment that belongs into a report of several and failed.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) environment: String,
    pub(crate) why: String,
    pub(crate) exit: Exit,
}

impl Missing {
    pub(crate) fn new(environment: &str, failure: &Failure) -> Self {
        let why = match failure.message.as_str() {
            "" => "its files have errors",
            message => message,
        };
        Self { environment: environment.to_owned(), why: why.to_owned(), exit: failure.exit }
    }

    /// For programs.
    pub(crate) fn json(all: &[Self]) -> Value {
        let one = |one: &Self| json!({"environment": one.environment, "message": one.why, "exit_code": one.exit.code()});
        all.iter().map(one).collect()
    }

    /// A section of a page, within a part of its size.
    pub(crate) fn markdown(all: &[Self], limit: usize) -> String {
        if all.is_empty() {
            return String::new();
        }
        let mut text = format!("\n### Failed: {}\n\n", all.len());
        for (number, one) in all.iter().enumerate() {
            let line = format!("- {}: {}\n", markdown::code(&one.environment), markdown::prose(&one.why));
            if text.len() + line.len() > limit / 4 {
                text.push_str(&format!("- and {} more\n", all.len() - number));
                break;
            }
            text.push_str(&line);
        }
        text
    }
}

/// Plans as markdown, without sensitive values, and at the end the environments without one.
pub(crate) fn plans_markdown(
    plans: &[Plan],
    missing: &[Missing],
    limit: usize,
) -> plan_markdown::PlanMarkdown {
    let shown: Vec<_> = plans.iter().map(redacted).collect();
    let failed = Missing::markdown(missing, limit);
    let mut page = plan_markdown::markdown(
        &shown.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        limit.saturating_sub(failed.len()),
    );
    page.text.push_str(&failed);
    page
}

/// Fails now if any of these files cannot be written later.
pub(crate) fn writable<'a>(paths: impl IntoIterator<Item = &'a Option<PathBuf>>) -> Result<(), Failure> {
    for path in paths.into_iter().flatten() {
        let existed = path.exists();
        // Not truncated: what stands there is replaced only when there is something to replace it with.
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| unwritable(path, &error))?;
        if !existed {
            // An empty file would look like an answer.
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

/// Writes a file that holds nothing that may not be read.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::error(format!("`{}` cannot be written", path.display()))
        .caused_by(error)
        .help("nothing was done; name a file in a folder that exists and that you may write")
}

/// Findings as SARIF, with everything that is known of each code.
pub(crate) fn sarif_text(findings: &Diagnostics, repository: &Repository) -> String {
    let known = super::reference::entries().into_iter();
    let codes: Vec<Code> = known
        .map(|entry| Code { code: entry.code, title: entry.title, explanation: entry.explanation })
        .collect();
    printed::pretty(&sarif::sarif(findings, &repository.sources, &codes))
}

/// Every way in which a plan reduces coverage, as a finding at the entry or the rule that causes it.
pub(crate) fn reductions(plan: &Plan, repository: &Repository) -> Diagnostics {
    let mut found = Diagnostics::default();
    for change in &plan.changes {
        let rule =
            repository.rules.iter().find(|rule| rule.id.as_str() == change.rule).map(|rule| rule.id.span);
        let entries = change.provenance.iter().filter_map(|one| match &one.origin {
            LineOrigin::Allowlist { entries } => Some(entries),
            _ => None,
        });
        let entries: Vec<&String> = entries.flatten().collect();
        for reduction in &change.coverage_reducing {
            let named = entries.iter().find(|entry| reduction.detail.contains(entry.as_str()));
            let span = named.and_then(|entry| place_of(entry, repository)).or(rule);
            let kind = reduction.kind.replace('_', " ");
            let finding = Diagnostic::warning(REDUCES.code, REDUCES.title)
                .with_detail(format!("{}: {}", change.address, reduction.detail))
                .in_environment(plan.environment.clone());
            found.push(match span {
                Some(span) => finding.labelled(span, kind),
                None => Diagnostic { label: Some(kind), ..finding },
            });
        }
    }
    found
}

/// The place of `file#entry`.
fn place_of(entry: &str, repository: &Repository) -> Option<crate::source::Span> {
    let (path, id) = entry.rsplit_once('#')?;
    let mut lists = repository.allowlists.iter();
    let list = lists.find(|list| repository.sources.path(list.span.file) == path)?;
    list.entries.iter().find(|entry| entry.id.value == id).map(|entry| entry.id.span)
}
