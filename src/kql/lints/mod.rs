//! Advice about queries that are valid: what will not find what it should, is easily evaded, or costs more than it must.
//!
//! A lint is a value of the registry ([`ALL`]): a code, a severity, what `palisade explain` says about it with a bad and a
//! good example, and a function over one shared [`survey`] of the tree. [`run`] is pure and takes a few microseconds a
//! query. Lints never look at lines or at text that the lexer has not understood, know neither rules nor files, and are
//! never errors: whether a query can run is the parser's and the binder's word alone. When in doubt a lint is silent.
//!
//! One family a file. Where published advice conflicts (time filters, case, short terms) the platform decides.

mod cases;
mod columns;
mod dates;
mod defender;
mod evasion;
mod exclusions;
mod joins;
mod lists;
mod order;
mod performance;
mod regex;
mod reuse;
mod scans;
mod sentinel;
mod sources;
pub(crate) mod survey;
mod terms;

#[cfg(test)]
mod tests;

use crate::diagnostic::Severity;
use crate::kql::bind::Bound;
use crate::kql::parser::Parse;
use crate::kql::schema::Platform;
use crate::kql::span::Span;
use survey::Survey;

/// Findings of one lint in one query that are kept.
const MAX_FINDINGS: usize = 20;

/// One lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Stable code, for example `KQL-P03`.
    pub id: &'static str,
    /// Warning or Info.
    pub severity: Severity,
    /// One line, without a full stop.
    pub title: &'static str,
    /// Why it matters, one paragraph.
    pub why: &'static str,
    /// A query in which it fires.
    pub bad: &'static str,
    /// The same query as it should be.
    pub good: &'static str,
    /// Where the advice comes from.
    pub source: &'static str,
    /// Where it applies; empty: everywhere.
    pub platforms: &'static [Platform],
    check: fn(&Survey<'_>, &mut Report),
}

/// Something that a lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint's code.
    pub code: &'static str,
    /// The lint's severity.
    pub severity: Severity,
    /// Where in the query.
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
}

/// Every lint, in the order of its code.
pub const ALL: &[Lint] = &[
    lists::MISSING_COMMA,
    exclusions::SEPARATE_EXCLUSIONS,
    exclusions::NULL_EXCLUSION,
    joins::DEFAULT_KIND,
    order::RANDOM_ROWS,
    joins::PROCESS_ID,
    dates::FIXED_DATE,
    sources::EXTERNAL,
    terms::NOT_A_TERM,
    sources::SHARED_TABLE,
    evasion::CASE,
    evasion::EXACT_COMMAND_LINE,
    evasion::ARGUMENT_ORDER,
    scans::NO_TIME_FILTER,
    performance::PARSE_BEFORE_WHERE,
    terms::CONTAINS,
    cases::FOLDED,
    scans::ALL_COLUMNS,
    joins::UNFILTERED_SIDE,
    reuse::COMPUTED_TWICE,
    regex::NEEDLESS_REGEX,
    performance::ALL_OUTPUT,
    sentinel::UNPACKED_COLUMNS,
    defender::TIMESTAMP_FILTER,
    defender::FILE_PROFILE,
    defender::PREVALENCE,
];

/// What the lints of a platform have to say about a query, in the order of the text.
///
/// `text` is the text that `parse` was made from, `bound` its meaning on that platform. A query with syntax errors gets no
/// advice: its tree is a guess.
#[must_use]
pub fn run(text: &str, parse: &Parse, bound: &Bound, platform: Platform) -> Vec<Finding> {
    if !parse.errors.is_empty() {
        return Vec::new();
    }
    let survey = Survey::new(text, parse, bound, platform);
    let mut findings = Vec::new();
    for lint in ALL {
        if lint.platforms.is_empty() || lint.platforms.contains(&platform) {
            let mut report = Report { lint, findings: Vec::new() };
            (lint.check)(&survey, &mut report);
            findings.append(&mut report.findings);
        }
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.code));
    findings
}

/// The lint of that code, in any case.
#[must_use]
pub fn find(code: &str) -> Option<&'static Lint> {
    ALL.iter().find(|lint| lint.id.eq_ignore_ascii_case(code))
}

/// Takes one lint's findings.
struct Report {
    lint: &'static Lint,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding {
                code: self.lint.id,
                severity: self.lint.severity,
                span,
                message: message.into(),
                help: Some(help.into()),
            });
        }
    }
}
