//! Exclusions that are written into a query behind its allowlist slot, or between the markers of environment-specific filters.

use crate::compile::tuning::runs;
use crate::diagnostic::Diagnostics;
use crate::kql::exclusion::{conjuncts, constants, excluded, is_exclusion};
use crate::kql::parse;
use crate::model::rule::{Query, Rule};

use super::codes;

/// Reports each such exclusion of a rule's queries.
pub(super) fn check(rule: &Rule, found: &mut Diagnostics) {
    let queries = [
        rule.query.as_ref(),
        rule.defender.as_ref().and_then(|section| section.query.as_ref()),
        rule.sentinel.as_ref().and_then(|section| section.query.as_ref()),
    ];
    queries.into_iter().flatten().for_each(|query| in_query(query, found));
}

fn in_query(query: &Query, found: &mut Diagnostics) {
    let text = &query.text.value;
    // Without a slot nothing was declared to be tuning.
    if !text.contains("//") {
        return;
    }
    let parsed = parse(text);
    if !parsed.errors.is_empty() {
        return;
    }
    let lets = constants(&parsed.query);
    let (runs, _) = runs(text, &parsed);
    for step in runs.iter().flat_map(|run| &run.steps).filter(|step| step.marked) {
        for operand in conjuncts(step.condition).into_iter().filter(|operand| is_exclusion(operand)) {
            let (what, help) = match excluded(text, operand, &lets) {
                Ok(_) => (
                    "nobody answers for it, and it never ends".to_owned(),
                    "write it as an entry of an allowlist, and take it out of the query",
                ),
                Err(unread) => (
                    format!("no entry says quite the same: {}", unread.why),
                    "write what is known and harmless as an entry, or keep it with a reason under `silence`",
                ),
            };
            let range = operand.span.range();
            found.push(
                codes::TUNING
                    .info("an exclusion stands in the query, not in an allowlist")
                    .labelled(query.text.locate(query.span, range.start, range.end), what)
                    .with_help(help),
            );
        }
    }
}
