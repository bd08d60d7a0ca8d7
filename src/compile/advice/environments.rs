//! Environments against each other.

use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;

use super::codes;

pub(super) fn check(environments: &[Environment], found: &mut Diagnostics) {
    for (index, environment) in environments.iter().enumerate() {
        for earlier in environments.iter().take(index) {
            if let Some(place) = shared_place(earlier, environment) {
                found.push(
                    codes::SAME_TARGET
                        .warning("two environments deploy to the same place")
                        .labelled(environment.tenant_id.span, format!("{place}, as in `{}`", earlier.name))
                        .with_related(earlier.tenant_id.span, "the other environment")
                        .with_help("give them different places, or keep their rules apart with `select`"),
                );
            }
        }
    }
}

/// Where both deploy to, in words. Sandboxes are one to each environment.
fn shared_place(a: &Environment, b: &Environment) -> Option<String> {
    if a.tenant_id.value != b.tenant_id.value || a.cloud.value != b.cloud.value || is_sandbox(a) {
        return None;
    }
    if a.defender.is_some() && b.defender.is_some() {
        return Some("Defender of one tenant".to_owned());
    }
    let both = a.sentinel.iter().find(|one| b.sentinel.iter().any(|other| one.value == other.value))?;
    Some(format!("workspace `{}`", both.value.workspace))
}

fn is_sandbox(environment: &Environment) -> bool {
    environment.cloud.value == crate::model::environment::Cloud::Sandbox
}
