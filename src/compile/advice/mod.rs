//! Advice about rules and environments that are valid: what a reviewer would say before the rule goes into service.
//!
//! [`advise`] looks at what people wrote, once, not at what each environment makes of it: lints of the source queries
//! (`kql::lints`), what a rule says about itself, its history, values that look like credentials, environments that step on
//! each other. Nothing here is needed to deploy, so only `validate` asks for it. What a service would refuse is in `check`.
//!
//! One family a file; codes in [`CODES`].

mod codes;
mod environments;
mod history;
mod metadata;
mod queries;
mod secrets;
mod since;
#[cfg(test)]
mod tests;
mod tuning;

use crate::diagnostic::Diagnostics;
use crate::model::Repository;
use crate::model::environment::Environment;

pub use codes::CODES;
pub use queries::costs;
pub use since::since;

use super::Desired;
use super::check::apply_policy;

/// Everything worth saying about a repository, after its lint policy and the rules' own silences.
#[must_use]
pub fn advise(repository: &Repository) -> Diagnostics {
    let policy = &repository.project.lint;
    let mut advice = Diagnostics::default();
    let mut linter = queries::Linter::default();
    for rule in &repository.rules {
        let mut found = Diagnostics::default();
        linter.check(rule, &mut found);
        metadata::check(rule, &mut found);
        history::check(rule, &mut found);
        tuning::check(rule, &mut found);
        advice.extend(apply_policy(policy, &rule.silence, found));
    }
    let mut found = Diagnostics::default();
    environments::check(&repository.environments, &mut found);
    secrets::check(&repository.sources, &mut found);
    advice.extend(apply_policy(policy, &[], found));
    advice
}

/// An environment that takes no rule although there are some.
#[must_use]
pub fn empty_environment(
    repository: &Repository,
    environment: &Environment,
    desired: &Desired,
) -> Diagnostics {
    let mut found = Diagnostics::default();
    let rules = desired.resources.iter().filter(|resource| resource.kind != crate::resource::Kind::Watchlist);
    if rules.count() == 0 && !repository.rules.is_empty() {
        found.push(
            codes::NO_RULES
                .warning("an environment takes no rule")
                .labelled(environment.span, format!("none of {} rules", repository.rules.len()))
                .with_help("look at `select` and `lifecycle`")
                .in_environment(environment.name.clone()),
        );
    }
    apply_policy(&repository.project.lint, &[], found)
}

/// Silences that silenced nothing. `findings` is everything that was found in every environment, [`advise`] included.
#[must_use]
pub fn useless_silences(repository: &Repository, findings: &Diagnostics) -> Diagnostics {
    let silences = repository.rules.iter().flat_map(|rule| &rule.silence);
    // These need an earlier state to compare with, which is not always there.
    let silences = silences.filter(|silence| !["LIFE-01", "LIFE-04"].contains(&silence.lint.value.as_str()));
    let useless = silences.filter(|silence| !findings.is_silence_used(silence.lint.span)).map(|silence| {
        codes::USELESS_SILENCE
            .warning("a silence without effect")
            .labelled(
                silence.lint.span,
                format!("nothing of `{}` was found in this rule", silence.lint.value),
            )
            .with_help("remove the silence")
    });
    apply_policy(&repository.project.lint, &[], useless.collect())
}
