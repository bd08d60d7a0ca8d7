//! Findings as markdown, for a step summary or a comment: errors first, each with its place, and never more than a size.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::SourceMap;

use super::diagnostics::{severity_word, without_secrets};
use super::markdown::{Page, code, prose};

/// The findings on one page of at most `limit` bytes, under `title` (ours).
#[must_use]
pub fn markdown(title: &str, diagnostics: &Diagnostics, sources: &SourceMap, limit: usize) -> String {
    let findings = without_secrets(diagnostics, sources);
    let mut page = Page::new(limit);
    page.push(&format!("## {title}\n\n{}\n", counts(&findings)));
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let of: Vec<String> =
            findings.iter().filter(|one| one.severity == severity).map(|one| item(one, sources)).collect();
        page.list(&format!("### {}: {}", plural(severity), of.len()), &of);
    }
    page.finish("")
}

const fn plural(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Errors",
        Severity::Warning => "Warnings",
        Severity::Info => "Notes",
    }
}

/// `2 errors, 1 warning.`
#[must_use]
pub fn counts(findings: &Diagnostics) -> String {
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
    let counted = words.into_iter().filter_map(|(severity, word)| match findings.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        count => Some(format!("{count} {word}s")),
    });
    let parts: Vec<String> = counted.collect();
    if parts.is_empty() { "No findings.".to_owned() } else { format!("{}.", parts.join(", ")) }
}

/// `` `rules/a.yaml:3:9` **ALW-06** allowlist entry is too weak `` and what belongs to it, a line each.
fn item(finding: &Diagnostic, sources: &SourceMap) -> String {
    let place = finding.span.map(|span| format!("{} ", code(&sources.display(span)))).unwrap_or_default();
    let environments = match finding.environments.as_slice() {
        [] => String::new(),
        names => format!(" (in {})", names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ")),
    };
    let mut out = format!(
        "{place}{} **{}** {}{environments}",
        severity_word(finding.severity),
        finding.code,
        prose(&finding.summary)
    );
    let label = finding.label.as_deref();
    for text in [label, finding.detail.as_deref(), finding.help.as_deref()].into_iter().flatten() {
        // Two blanks keep the line in the item; a line break in the text would begin a paragraph of its own.
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            out.push_str(&format!("  \n  {}", prose(line.trim())));
        }
    }
    out
}
