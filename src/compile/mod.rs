//! From what people write to what the services should hold: `(Repository, Environment, today) -> (Desired, Diagnostics)`.
//!
//! Pure: no file, no network, no clock (the day is an argument), no random number. It never stops at the first problem;
//! an environment with any error is not planned, so half a result is never pushed. Read [`compile`] first, then the
//! steps in its order: `select` (which rules), `parameters` and `slot` (what changes in a query), `allowlist` (which
//! entries hold, and as what KQL), `query` (the edits put together), `lower` (the API's properties), `check` (limits).

pub mod advice;
mod alike;
mod allowlist;
mod analysis;
pub mod check;
mod codes;
pub(crate) mod columns;
pub(crate) mod literal;
mod lower;
mod origin;
pub(crate) mod outline;
mod parameters;
mod predicate;
mod query;
mod select;
mod shape;
pub(crate) mod slot;
pub(crate) mod strength;
pub(crate) mod tuning;
mod watchlists;

#[cfg(test)]
mod injection_tests;

use std::sync::Arc;

use jiff::civil::Date;

use crate::address::{Address, RuleId, Target};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Repository;
use crate::model::allowlist::Entry;
use crate::model::environment::Environment;
use crate::model::rule::{Query, Rule};
use crate::resource::Resource;

use alike::{Alike, Surroundings};
pub use allowlist::AllowlistIndex;
pub(crate) use allowlist::is_in as list_is_in;
pub use analysis::{Analyses, CODES as ANALYSIS_CODES};
pub(crate) use analysis::{Known, platform_of};
pub(crate) use check::apply_policy;
pub use codes::CODES;
pub use lower::MAX_QUERY;
pub use select::{DropReason, Dropped};

/// What an environment should hold.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Every rule at every target, ordered by address.
    pub resources: Vec<Resource>,
    /// Rules that this environment does not take, and why.
    pub dropped: Vec<Dropped>,
    /// The next day on which an entry in force expires, after which this result is no longer right.
    pub next_expiry: Option<Date>,
}

/// An entry as the condition that is deployed, in parentheses. With `run_time_expiry` it stops holding by itself.
#[must_use]
pub fn compiled_entry(entry: &Entry, run_time_expiry: bool) -> String {
    predicate::entry(entry, run_time_expiry).text
}

/// The rules that an environment deploys somewhere, without compiling them.
#[must_use]
pub fn selected_rules(repository: &Repository, environment: &Environment) -> Vec<RuleId> {
    let selection = select::select(repository, environment, &mut Diagnostics::default());
    let has_target = |rule: &Rule| {
        rule.defender.is_some() && environment.defender.is_some()
            || rule.sentinel.is_some() && !environment.sentinel.is_empty()
    };
    let taken = selection.taken.into_iter().filter(|(rule, _)| has_target(rule));
    taken.map(|(rule, _)| rule.id.value.clone()).collect()
}

/// Compiles one environment as of `today` (UTC).
///
/// With any error among the diagnostics, the result is for looking at, not for deploying.
#[must_use]
pub fn compile(repository: &Repository, environment: &Environment, today: Date) -> (Desired, Diagnostics) {
    compile_with(&Analyses::default(), repository, environment, today)
}

/// As [`compile`], remembering in `analyses` what queries mean: for several environments of one repository.
#[must_use]
pub fn compile_with(
    analyses: &Analyses,
    repository: &Repository,
    environment: &Environment,
    today: Date,
) -> (Desired, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let selection = select::select(repository, environment, &mut diagnostics);
    let index = AllowlistIndex::new(repository, environment, &selection, today, &mut diagnostics);
    let mut desired = Desired { dropped: selection.dropped.clone(), ..Desired::default() };

    let scope = Scope { repository, environment, index: &index, analyses, today };
    let surroundings = Surroundings::of(&scope);
    for (rule, enabled) in &selection.taken {
        let targets = targets(environment, rule, &mut diagnostics);
        let key = surroundings.of_rule(&scope, rule, *enabled, &targets);
        if let Some(alike) = key.and_then(|key| analyses.alike(key)) {
            let owner = &environment.owner.value;
            desired.resources.extend(targets.iter().filter_map(|target| alike.at(rule, target, owner)));
            continue;
        }
        let mut found = Diagnostics::default();
        let resources = compile_rule(&scope, rule, *enabled, &targets, &mut found);
        if let Some(key) = key.filter(|_| found == Diagnostics::default()) {
            analyses.keep(key, Alike::new(rule, &resources));
        }
        desired.resources.extend(resources);
        diagnostics.extend(found);
    }
    index.report_unused(&mut diagnostics);
    desired.resources.extend(watchlists::resources(repository, environment));
    desired.next_expiry = index.next_expiry();
    desired.resources.sort_by(|a, b| a.address.cmp(&b.address));
    unique_names(&desired, &mut diagnostics);
    for diagnostic in diagnostics.iter_mut() {
        diagnostic.environments = vec![environment.name.clone()];
    }
    // The limits say for themselves whether they hold only here.
    let context = check::Context { environment: Some(environment), project: &repository.project };
    for (rule, _) in &selection.taken {
        check::rule(rule, &context, &mut diagnostics);
    }
    (desired, diagnostics)
}

/// What every step of one environment's compilation may look at.
pub(crate) struct Scope<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) environment: &'a Environment,
    pub(crate) index: &'a AllowlistIndex<'a>,
    pub(crate) analyses: &'a Analyses,
    pub(crate) today: Date,
}

/// One rule at its targets. Where its result may serve other environments, see `alike`.
fn compile_rule(
    scope: &Scope<'_>,
    rule: &Rule,
    enabled: bool,
    targets: &[Target],
    diagnostics: &mut Diagnostics,
) -> Vec<Resource> {
    let mut resources = Vec::with_capacity(targets.len());
    let mut reading = check::Reading::default();
    for target in targets {
        let compiled = match query::of_target(rule, target) {
            Some((query, dialect)) => match query::compile(scope, rule, query, dialect, diagnostics) {
                Some(compiled) => {
                    check_query(scope, rule, target, query, &compiled, &mut reading, diagnostics);
                    Some(compiled)
                }
                None => {
                    reading.is_incomplete();
                    continue;
                }
            },
            None => None,
        };
        let resource = match target {
            Target::Sentinel(_) => lower::sentinel(scope, rule, enabled, target, compiled, diagnostics),
            Target::Defender => lower::defender(scope, rule, enabled, compiled, diagnostics),
        };
        resources.extend(resource);
    }
    let elsewhere = rule.defender.is_some() && scope.environment.defender.is_none()
        || rule.sentinel.is_some() && scope.environment.sentinel.is_empty();
    if elsewhere {
        reading.is_incomplete();
    }
    check::data_sources(rule, &reading, &scope.repository.project, diagnostics);
    resources
}

/// Finds out what a compiled query means, and reports what is wrong with it.
fn check_query(
    scope: &Scope<'_>,
    rule: &Rule,
    target: &Target,
    query: &Query,
    compiled: &query::Compiled<'_>,
    reading: &mut check::Reading,
    diagnostics: &mut Diagnostics,
) {
    let platform = analysis::platform_of(target, scope.environment);
    let known = scope.analyses.schema(scope.repository, scope.environment, platform);
    let queried = check::Queried {
        rule,
        target,
        compiled,
        analysis: &scope.analyses.of(compiled, &known),
        locator: &origin::Locator::new(&query.text, query.span),
        sources: &scope.repository.sources,
        index: scope.index,
        project: &scope.repository.project,
    };
    check::compiled_query(&queried, reading, diagnostics);
}

/// Where a rule goes in this environment. A rule with a section for a platform that the environment lacks simply has no
/// target there; one that names an unknown workspace is an error.
fn targets(environment: &Environment, rule: &Rule, diagnostics: &mut Diagnostics) -> Vec<Target> {
    let mut targets = Vec::new();
    if rule.defender.is_some() && environment.defender.is_some() {
        targets.push(Target::Defender);
    }
    let Some(section) = &rule.sentinel else { return targets };
    for wanted in &section.workspaces {
        if !environment.sentinel.is_empty()
            && !environment.sentinel.iter().any(|known| known.workspace == wanted.value)
        {
            diagnostics.push(
                Diagnostic::error("CMP-01", "unknown workspace")
                    .labelled(wanted.span, format!("`{}` is no workspace of this environment", wanted.value))
                    .with_help(
                        "name a workspace of the environment's `sentinel:` list, or leave `workspaces` out",
                    ),
            );
        }
    }
    let wanted = |name: &str| {
        section.workspaces.is_empty() || section.workspaces.iter().any(|wanted| wanted.value == name)
    };
    targets.extend(
        environment
            .sentinel
            .iter()
            .filter(|workspace| wanted(&workspace.workspace))
            .map(|workspace| Target::Sentinel(Arc::clone(&workspace.value))),
    );
    targets
}

/// Defender refuses two detections with one name or one alert title (CONTRACT A.5).
fn unique_names(desired: &Desired, diagnostics: &mut Diagnostics) {
    let mut seen: std::collections::BTreeMap<(&'static str, String), &Address> =
        std::collections::BTreeMap::new();
    for resource in desired.resources.iter().filter(|resource| resource.address.target == Target::Defender) {
        let title = resource.body.get("detectionAction").and_then(|v| v.pointer("/alertTemplate/title"));
        for (what, value) in [("name", resource.body.get("displayName")), ("alert title", title)] {
            let Some(text) = value.and_then(serde_json::Value::as_str) else { continue };
            if let Some(other) = seen.insert((what, text.to_lowercase()), &resource.address) {
                diagnostics.push(
                    Diagnostic::error("CMP-02", format!("two custom detections with one {what}"))
                        .with_detail(format!(
                            "{other} and {} both have the {what} `{text}`; Defender refuses the second one",
                            resource.address
                        ))
                        .with_help(format!("give one of them another {what}")),
                );
            }
        }
    }
}
