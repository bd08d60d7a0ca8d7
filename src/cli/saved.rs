//! Whether a saved plan still is for the environment that it was made for.

use std::path::Path;

use crate::model::environment::Environment;
use crate::plan::Plan;
use crate::render::safe;

use super::failure::{Exit, Failure};
use super::planning::seconds;
use super::repository::Opened;
use super::settings::Settings;

/// The saved plan, as messages call it.
pub(super) fn named(file: Option<&Path>) -> String {
    file.map_or_else(|| "the plan".to_owned(), |file| format!("the plan `{}`", file.display()))
}

/// The environment of a saved plan, if the plan still is what was reviewed.
pub(super) fn located<'a>(
    plan: &Plan,
    opened: &'a Opened,
    file: Option<&Path>,
    settings: &Settings,
) -> Result<&'a Environment, Failure> {
    let of = named(file);
    let name = safe::line(&plan.environment);
    let again =
        format!("make it again with `palisade plan -e {name} --out FILE`, and have the new one reviewed");
    let now = settings.now()?;
    let until: Option<jiff::Timestamp> = plan.valid_until.parse().ok();
    if until.is_none_or(|until| now >= until) {
        let found = format!(
            "{of} was valid until {}, and it is {}; nothing was changed",
            safe::line(&plan.valid_until),
            seconds(now)
        );
        return Err(Failure::with(Exit::Stale, found).help(again));
    }
    let environments = &opened.repository.environments;
    let Some(environment) = environments.iter().find(|environment| environment.name == plan.environment)
    else {
        return Err(Failure::error(format!(
            "{of} is for `{name}`, and `{}` has no such environment; nothing was changed",
            opened.root.display()
        ))
        .help("apply it in the detection repository that it was made in, or name that with -C DIR"));
    };
    if let Some(other) = elsewhere(plan, environment) {
        let found = format!("{of} is for another {other}; nothing was changed");
        return Err(Failure::with(Exit::Stale, found).help(again));
    }
    Ok(environment)
}

/// In what the environment is another one than the plan was made for: `tenant (…) than `lab` has now (…)`.
fn elsewhere(plan: &Plan, environment: &Environment) -> Option<String> {
    let differs = |what: &str, planned: &str, now: &str| {
        format!("{what} ({}) than `{}` has now ({})", safe::line(planned), environment.name, safe::line(now))
    };
    if environment.tenant_id.value != plan.tenant_id {
        return Some(differs("tenant", &plan.tenant_id, &environment.tenant_id.value));
    }
    if environment.owner.value != plan.owner {
        return Some(differs("owner", &plan.owner, &environment.owner.value));
    }
    let known: Vec<String> = environment.sentinel.iter().map(|workspace| workspace.resource_id()).collect();
    let gone = plan.workspaces.iter().find(|id| !known.iter().any(|one| one.eq_ignore_ascii_case(id)))?;
    Some(differs(
        "workspace",
        gone,
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }.as_str(),
    ))
}
