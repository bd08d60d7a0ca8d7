//! Saved plans: one JSON document with a version, checked when it is read back.

use super::build::effects_digest;
use super::change::Plan;

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

/// The text of a plan file.
///
/// # Errors
/// Never for plans that this program made.
pub fn write(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(plan).map(|text| text + "\n")
}

/// Reads a plan file's text.
///
/// # Errors
/// When it is no plan, of another major format, or was changed.
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    let found = value.get("format_version").and_then(|v| v.as_str()).unwrap_or("unknown");
    if found.split('.').next() != Plan::FORMAT_VERSION.split('.').next() {
        return Err(PlanFileError::Format { found: found.to_owned() });
    }
    let plan: Plan = serde_json::from_value(value)?;
    if !is_sound(&plan) {
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
