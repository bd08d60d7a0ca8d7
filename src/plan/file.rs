//! Saved plans: one JSON document with a version, checked when it is read back.
//!
//! A person reads a plan, and later a program carries out the file. Both must see the same, so the file carries a digest
//! over everything in it ([`SEAL`]), not only over its effects: whoever edits a count, a field or the expiry is noticed.
//! It is no signature: whoever can replace the file can seal it again; `--expect-digest` is for that.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::build::effects_digest;
use super::change::Plan;
use crate::resource::{hex, sorted_json};

/// The member that holds the digest of all others.
const SEAL: &str = "content_digest";

/// Why a saved plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// Not a plan at all.
    #[error("not a plan file: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Made by a version that writes another format.
    #[error("the plan has format {found}; this version reads {}", Plan::FORMAT_VERSION)]
    Format {
        /// The format of the file.
        found: String,
    },
    /// Somebody changed it.
    #[error("the plan's digest does not fit its content: the file was changed after it was made")]
    Digest,
}

/// A plan as JSON, sealed.
///
/// # Errors
/// Never for plans that this program made.
pub fn to_json(plan: &Plan) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(plan)?;
    let seal = seal(&value);
    if let Value::Object(members) = &mut value {
        members.insert(SEAL.to_owned(), seal.into());
    }
    Ok(value)
}

/// `sha256:` over the members, whatever their order and spacing.
fn seal(value: &Value) -> String {
    format!("sha256:{}", hex(&Sha256::digest(sorted_json(value).as_bytes())))
}

/// Reads a plan file's text: one plan, or `{"plans": […]}`; whether it is the latter. One plan that cannot be used spoils
/// the file.
///
/// # Errors
/// When it is no plan, of another major format, or was changed.
pub fn read_all(text: &str) -> Result<(Vec<Plan>, bool), PlanFileError> {
    let mut value: Value = serde_json::from_str(text)?;
    match value.get_mut("plans").map(Value::take) {
        Some(Value::Array(plans)) => {
            plans.into_iter().map(plan).collect::<Result<_, _>>().map(|plans| (plans, true))
        }
        _ => plan(value).map(|plan| (vec![plan], false)),
    }
}

/// Reads the text of a file with one plan.
///
/// # Errors
/// As [`read_all`].
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    plan(serde_json::from_str(text)?)
}

fn plan(mut value: Value) -> Result<Plan, PlanFileError> {
    let found = value.get("format_version").and_then(|v| v.as_str()).unwrap_or("unknown");
    if found.split('.').next() != Plan::FORMAT_VERSION.split('.').next() {
        return Err(PlanFileError::Format { found: found.to_owned() });
    }
    let found = value.as_object_mut().and_then(|members| members.shift_remove(SEAL));
    let whole = found.is_some_and(|found| found == seal(&value));
    let plan: Plan = serde_json::from_value(value)?;
    if !whole || !is_sound(&plan) {
        return Err(PlanFileError::Digest);
    }
    Ok(plan)
}

/// The plan's digest fits its effects, and every content that it writes fits the digest of its change.
fn is_sound(plan: &Plan) -> bool {
    let contents = plan.changes.iter().all(|change| match (&change.write, &change.after_digest) {
        (Some(write), Some(after)) => crate::resource::digest(&change.kind, &write.body) == *after,
        (None, None) => true,
        _ => false,
    });
    let preconditions =
        plan.changes.iter().all(|change| change.precondition.live_digest == change.before_digest);
    contents && preconditions && plan.digest == effects_digest(&plan.changes)
}
