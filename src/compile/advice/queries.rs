//! Lints of the queries as people wrote them.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::duration::IsoDuration;
use crate::kql::bind::bind;
use crate::kql::cost::cost;
use crate::kql::lints;
use crate::kql::parse;
use crate::kql::schema::Platform;
use crate::kql::verdict::Schemas;
use crate::model::Repository;
use crate::model::rule::{Query, Rule};
use crate::model::sentinel::Kind;

use super::codes;

/// A rule's period or look-back bounds its time by itself, so this one is for queries that are run by hand.
const NOT_FOR_RULES: &str = "KQL-P01";

/// Keeps the schemas between rules.
#[derive(Debug)]
pub(super) struct Linter {
    schemas: Schemas,
}

impl Default for Linter {
    fn default() -> Self {
        Self { schemas: Schemas::new(&[]) }
    }
}

impl Linter {
    /// Lints a rule's query for each platform that it goes to; a finding of both is kept once.
    pub(super) fn check(&mut self, rule: &Rule, found: &mut Diagnostics) {
        let mut seen: Vec<Diagnostic> = Vec::new();
        for (query, platform) in queries(rule) {
            for finding in self.lint(query, platform) {
                if !seen.contains(&finding) {
                    seen.push(finding);
                }
            }
        }
        seen.into_iter().for_each(|finding| found.push(finding));
        delay(rule, found);
    }

    fn lint(&self, query: &Query, platform: Platform) -> Vec<Diagnostic> {
        let text = &query.text.value;
        let parsed = parse(text);
        let bound = bind(&parsed, text, self.schemas.of(platform));
        let findings = lints::run(text, &parsed, &bound, platform);
        let findings = findings.into_iter().filter(|finding| finding.code != NOT_FOR_RULES);
        let shown = findings.map(|finding| {
            let range = finding.span.range();
            let title = lints::find(finding.code).map_or("", |lint| lint.title);
            let diagnostic = Diagnostic::new(finding.code, finding.severity, title)
                .labelled(query.text.locate(query.span, range.start, range.end), finding.message);
            match finding.help {
                Some(help) => diagnostic.with_help(help),
                None => diagnostic,
            }
        });
        shown.collect()
    }
}

/// Queries that cost more than `most`, as errors.
#[must_use]
pub fn costs(repository: &Repository, most: u32) -> Diagnostics {
    let schemas = Schemas::new(&[]);
    let mut found = Diagnostics::default();
    for (query, platform) in repository.rules.iter().flat_map(|rule| queries(rule)) {
        let text = &query.text.value;
        let parsed = parse(text);
        let cost = cost(text, &parsed, &bind(&parsed, text, schemas.of(platform)), platform);
        let Some(worst) = cost.items.iter().max_by_key(|item| item.weight).filter(|_| cost.total > most)
        else {
            continue;
        };
        let range = worst.span.range();
        found.push(
            codes::COST
                .error(format!("the query costs {}, more than {most}", cost.total))
                .labelled(query.text.locate(query.span, range.start, range.end), worst.what)
                .with_help("`palisade kql check` lists everything that adds to the cost"),
        );
    }
    found
}

/// The queries of a rule, each with where it runs.
fn queries(rule: &Rule) -> impl Iterator<Item = (&Query, Platform)> {
    let shared = rule.query.as_ref();
    let sentinel = rule.sentinel.as_ref().and_then(|s| s.query.as_ref().or(shared));
    let defender = rule.defender.as_ref().and_then(|s| s.query.as_ref().or(shared));
    sentinel.map(|q| (q, Platform::Sentinel)).into_iter().chain(defender.map(|q| (q, Platform::Xdr)))
}

/// A scheduled rule that looks back exactly as far as to its last run, by the time of events.
fn delay(rule: &Rule, found: &mut Diagnostics) {
    let Some(section) = &rule.sentinel else { return };
    let Kind::Scheduled(both) = &section.kind.value else { return };
    let schedule = &both.0;
    let query = section.query.as_ref().or(rule.query.as_ref());
    let arrived = query.is_some_and(|query| query.text.value.contains("ingestion_time"));
    // A rule that looks back a day or more loses little at the edge, and usually counts over the day.
    let short = schedule.period.value < IsoDuration::from_days(1);
    if schedule.period.value == schedule.frequency.value && short && !arrived {
        found.push(
            codes::INGESTION_DELAY
                .info("events that arrive late are never looked at")
                .labelled(schedule.period.span, "equal to the frequency")
                .with_help(
                    "make the period longer by the usual delay and add `where ingestion_time() > ago(FREQUENCY)`",
                ),
        );
    }
}
