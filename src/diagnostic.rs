//! Something the author of a file should know: the first of the three error channels (see ARCHITECTURE.md).
//!
//! A [`Diagnostic`] is a value with a stable code and a place. It is accumulated, never thrown: one run reports every
//! mistake of every file. It does not format itself; `render` turns it into text, JSON or SARIF.

pub mod codes;

use std::collections::BTreeSet;

use crate::source::{SourceMap, Span};

/// How bad it is. Errors stop an environment from being planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is pushed while one stands.
    Error,
    /// Deployable, but probably not what was meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, for example `ALW-05`; `palisade explain CODE` describes it.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Short, without the author's data where possible, so that it becomes recognisable.
    pub summary: String,
    /// Where. `None` only when there is no file to point at.
    pub span: Option<Span>,
    /// What the marker under the source line says.
    pub label: Option<String>,
    /// What is wrong and why, one or more sentences.
    pub detail: Option<String>,
    /// The next step, "did you mean" included.
    pub help: Option<String>,
    /// What the place would read if the guess of `help` is right; set only where exchanging it is safe: one word for
    /// another, nothing else changes.
    pub replacement: Option<Box<str>>,
    /// Other places that belong to it, each with a short text.
    pub related: Vec<(Span, String)>,
    /// The environments in which it holds; empty when it holds whatever the environment.
    pub environments: Vec<String>,
}

impl Diagnostic {
    /// An error with a code and a summary; add the rest with the `with_…` methods.
    pub fn error(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, summary)
    }

    /// A warning with a code and a summary.
    pub fn warning(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, summary)
    }

    /// A finding of any severity.
    pub fn new(code: &'static str, severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            summary: summary.into(),
            span: None,
            label: None,
            detail: None,
            help: None,
            replacement: None,
            related: Vec::new(),
            environments: Vec::new(),
        }
    }

    /// Sets the place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Sets the place and what stands under the source line.
    #[must_use]
    pub fn labelled(mut self, span: Span, label: impl Into<String>) -> Self {
        self.span = Some(span);
        self.label = Some(label.into());
        self
    }

    /// Sets the longer explanation.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets the next step.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Guesses the word that was meant in place of the one at the span: the next step for people, a fix for tools.
    #[must_use]
    pub fn with_guess(mut self, meant: &str) -> Self {
        self.help = Some(format!("did you mean `{meant}`?"));
        self.replacement = Some(meant.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn with_related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    /// Says that it holds in `environment`.
    #[must_use]
    pub fn in_environment(mut self, environment: impl Into<String>) -> Self {
        self.environments.push(environment.into());
        self
    }
}

/// Findings of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    /// Where the silences stand that took something away.
    silences: BTreeSet<Span>,
    /// What was taken away, for outputs that show it as such.
    suppressed: Vec<Suppressed>,
}

/// A finding that somebody decided to live with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// What would have been reported.
    pub finding: Diagnostic,
    /// Where the decision stands.
    pub by: Suppression,
    /// Why, in the words of whoever decided.
    pub reason: String,
}

/// Where a decision to live with a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suppression {
    /// In the file itself (`silence:`).
    InSource,
    /// In a baseline beside it.
    External,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, other: Diagnostics) {
        self.items.extend(other.items);
        self.silences.extend(other.silences);
        self.suppressed.extend(other.suppressed);
    }

    /// Takes away the findings for which `is` is true; they are kept as suppressed, with the reason.
    pub fn suppress(&mut self, by: Suppression, reason: &str, is: impl Fn(&Diagnostic) -> bool) {
        let (taken, kept) = std::mem::take(&mut self.items).into_iter().partition(is);
        self.items = kept;
        let taken: Vec<Diagnostic> = taken;
        let suppressed =
            taken.into_iter().map(|finding| Suppressed { finding, by, reason: reason.to_owned() });
        self.suppressed.extend(suppressed);
    }

    /// What was taken away, in the order of [`Diagnostics::settle`] once that was called.
    #[must_use]
    pub fn suppressed(&self) -> &[Suppressed] {
        &self.suppressed
    }

    /// Notes that the silence at `place` took a finding away.
    pub fn silenced_by(&mut self, place: Span) {
        self.silences.insert(place);
    }

    /// Whether the silence at `place` took anything away.
    #[must_use]
    pub fn is_silence_used(&self, place: Span) -> bool {
        self.silences.contains(&place)
    }

    /// Keeps the findings for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.items.retain(keep);
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// How many have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.items.iter().filter(|item| item.severity == severity).count()
    }

    /// No finding at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All of them, in the present order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.items.iter_mut()
    }

    /// All of them, and what was taken away, to be changed.
    pub fn everything_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.items.iter_mut().chain(self.suppressed.iter_mut().map(|one| &mut one.finding))
    }

    /// Orders by path, place and code, and folds findings that differ only in their environments into one.
    pub fn settle(&mut self, sources: &SourceMap) {
        self.items.sort_by(|a, b| order(a, sources).cmp(&order(b, sources)));
        let mut settled: Vec<Diagnostic> = Vec::with_capacity(self.items.len());
        for item in self.items.drain(..) {
            match settled.last_mut() {
                Some(last) if same_but_environments(last, &item) => add_environments(last, item.environments),
                _ => settled.push(item),
            }
        }
        self.items = settled;
        self.suppressed.sort_by(|a, b| order(&a.finding, sources).cmp(&order(&b.finding, sources)));
        let mut settled: Vec<Suppressed> = Vec::with_capacity(self.suppressed.len());
        for item in self.suppressed.drain(..) {
            match settled.last_mut() {
                Some(last) if same_but_environments(&last.finding, &item.finding) && last.by == item.by => {
                    add_environments(&mut last.finding, item.finding.environments);
                }
                _ => settled.push(item),
            }
        }
        self.suppressed = settled;
    }
}

/// Place first, then what is said there.
fn order<'a>(finding: &'a Diagnostic, sources: &'a SourceMap) -> impl Ord + use<'a> {
    let place = finding.span.map(|span| (sources.path(span.file), span.start, span.end));
    (place, finding.code, &finding.summary, &finding.detail)
}

fn add_environments(finding: &mut Diagnostic, environments: Vec<String>) {
    for environment in environments {
        if !finding.environments.contains(&environment) {
            finding.environments.push(environment);
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(items: I) -> Self {
        Self { items: items.into_iter().collect(), ..Self::default() }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

fn same_but_environments(a: &Diagnostic, b: &Diagnostic) -> bool {
    a.code == b.code
        && a.severity == b.severity
        && a.span == b.span
        && a.summary == b.summary
        && a.detail == b.detail
        && a.help == b.help
}

/// The candidate that a misspelt word most likely meant, if one is near enough: at most a third of the letters differ.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count().max(3)) / 3;
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insert, delete, replace, swap two neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let replace = last[j] + usize::from(left != right);
            let mut best = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = last;
        last = row;
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let keys = ["frequency", "period", "trigger"];
        assert_eq!(did_you_mean("peroid", keys), Some("period"));
        assert_eq!(did_you_mean("Frequenzy", keys), Some("frequency"));
        assert_eq!(did_you_mean("colour", keys), None);
    }

    #[test]
    fn settling_folds_environments() {
        let mut sources = SourceMap::default();
        let file = sources.add("rules/a.yaml", "id: a\n");
        let span = Span::new(file, 0, 2);
        let finding = |environment: &str| Diagnostic::error("X-01", "s").at(span).in_environment(environment);
        let mut all: Diagnostics = [finding("b"), finding("a"), finding("b")].into_iter().collect();
        all.settle(&sources);
        assert_eq!(all.iter().map(|d| d.environments.clone()).collect::<Vec<_>>(), [["b", "a"]]);
    }
}
