//! The limits of both services, checked before anything is sent.
//!
//! [`rule`] says about one effective rule (an environment's overrides already laid over it) everything that Microsoft
//! Graph or Azure Resource Manager would refuse, and what they would accept but quietly degrade. Severity follows that
//! line: *error* is refused, *warning* is degraded, *info* is worth knowing. Facts are data in [`facts`]; what each code
//! means is in [`codes`]; one family of checks a file.
//!
//! [`compiled_query`] says the same about one compiled query and what is known of its meaning; where nothing is known for certain, it
//! says nothing. Neither compares rules with each other (uniqueness is `compile`'s), and both know no clock and no network.

mod attack;
mod codes;
mod defender;
mod facts;
mod output;
mod placeholders;
mod policy;
mod query;
mod sentinel;
mod slots;
mod sources;
#[cfg(test)]
pub(in crate::compile) mod testing;
mod words;

pub use codes::{CODES, Code};
pub use policy::apply as apply_policy;
pub(crate) use sources::Reading;

use crate::address::Target;
use crate::compile::AllowlistIndex;
use crate::compile::analysis::{self, Analysis};
use crate::compile::origin::Locator;
use crate::compile::query::Compiled;
use crate::diagnostic::Diagnostics;
use crate::kql::schema::{Platform, Schema};
use crate::model::environment::Environment;
use crate::model::project::Project;
use crate::model::rule::Rule;
use crate::source::SourceMap;

/// What a rule is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The environment that would take the rule; `None` checks only what holds everywhere.
    pub environment: Option<&'a Environment>,
    /// The lint policy.
    pub project: &'a Project,
}

/// Checks one rule and adds what it finds, after the project's lint policy and the rule's own silences.
///
/// Findings that depend on the environment carry its name; the others hold wherever the rule goes, so checking a rule
/// for several environments and settling the diagnostics shows them once.
pub fn rule(rule: &Rule, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut found = Diagnostics::default();
    attack::check(rule, &mut found);
    if let Some(section) = &rule.sentinel {
        sentinel::check(rule, section, context, &mut found);
    }
    if let Some(section) = &rule.defender {
        defender::check(rule, section, context, &mut found);
    }
    diagnostics.extend(policy::apply(&context.project.lint, &rule.silence, found));
}

/// One compiled query of a rule, with what is known of its meaning.
pub(crate) struct Queried<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) target: &'a Target,
    pub(crate) compiled: &'a Compiled<'a>,
    pub(crate) analysis: &'a Analysis,
    /// Finds places of the query's own text.
    pub(crate) locator: &'a Locator<'a>,
    pub(crate) sources: &'a SourceMap,
    /// Remembers which entries have been reported.
    pub(crate) index: &'a AllowlistIndex<'a>,
    pub(crate) project: &'a Project,
}

/// Checks a compiled query: its language, its allowlists, and what its platform wants of it.
pub(crate) fn compiled_query(queried: &Queried<'_>, reading: &mut Reading, diagnostics: &mut Diagnostics) {
    let Queried { rule, compiled, analysis, locator, .. } = *queried;
    let mut found = Diagnostics::default();
    let reported = slots(queried, &mut found);
    analysis::report(analysis, compiled, locator, &reported, &mut found);
    read(queried, reading);

    let shape = &compiled.outline.shape;
    let output = analysis.result().map(|result| output::Output {
        result,
        query: compiled.span,
        sources: queried.sources,
    });
    match (queried.target, &rule.sentinel, &rule.defender) {
        (Target::Sentinel(_), Some(section), _) => {
            query::sentinel(section, shape, locator, &mut found);
            if let Some(output) = output {
                output::sentinel(section, &output, &mut found);
            }
        }
        (Target::Defender, _, Some(section)) => {
            query::defender(section, shape, locator, &mut found);
            defender::result::columns(analysis, compiled, locator, &mut found);
            defender::result::continuous(section, analysis, compiled, locator, &mut found);
            if let Some(output) = output {
                output::defender(rule, section, &output, &mut found);
            }
        }
        _ => {}
    }
    diagnostics.extend(policy::apply(&queried.project.lint, &rule.silence, found));
}

/// Compares a rule's declared data sources with what its queries read.
pub(crate) fn data_sources(rule: &Rule, reading: &Reading, project: &Project, diagnostics: &mut Diagnostics) {
    let mut found = Diagnostics::default();
    let known = Schema::built_in(Platform::Unified);
    sources::check(rule, reading, |name| known.table_columns(name).is_some(), &mut found);
    diagnostics.extend(policy::apply(&project.lint, &rule.silence, found));
}

/// Checks the allowlist predicates; gives back the indices of those that do not fit.
fn slots(queried: &Queried<'_>, found: &mut Diagnostics) -> Vec<usize> {
    let mut reported = Vec::new();
    for (index, placed) in queried.compiled.predicates.iter().enumerate() {
        if let Some(finding) = slots::watchlist(placed, queried.target) {
            reported.push(index);
            found.push(finding);
            continue;
        }
        let Some(row) = queried.analysis.slot(placed.slot_at) else { continue };
        let Some(finding) = slots::check(placed, row, queried.compiled.span) else { continue };
        reported.push(index);
        if queried.index.first_report(placed.predicate.column.span, "ALW-05") {
            found.push(finding);
        }
    }
    reported
}

/// Notes what a query reads.
fn read(queried: &Queried<'_>, reading: &mut Reading) {
    let Queried { compiled, analysis, locator, .. } = *queried;
    for table in &analysis.tables {
        let source = compiled.outline.shape.sources.iter().find(|(name, _)| **name == **table);
        let span =
            source.map_or(compiled.span, |(_, span)| locator.span(span.start as usize, span.end as usize));
        reading.table(table, span);
    }
    reading.functions(&analysis.functions);
    if !analysis.syntax.is_empty() {
        reading.is_incomplete();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::{environment, everywhere, findings_of};
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_explained() {
        let names: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(names.len(), CODES.len());
        for code in CODES {
            assert!(code.title.len() > 10 && code.explanation.len() > 60, "{}", code.code);
            assert!(!code.explanation.contains("  "), "{}: {}", code.code, code.explanation);
        }
    }

    #[test]
    fn a_good_rule_has_no_findings() {
        assert_eq!(findings_of(&everywhere(), None), Diagnostics::default());
        assert_eq!(findings_of(&everywhere(), Some(&environment())), Diagnostics::default());
    }
}
