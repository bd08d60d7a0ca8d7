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
    /// No JSON, or only the beginning of it.
    #[error("not a plan file, or not the whole of one: {0}")]
    Syntax(serde_json::Error),
    /// JSON of something else.
    #[error("not a plan file: it has no `format_version`")]
    Other,
    /// What was printed for several environments.
    #[error("it holds the plans of {0} environments, and a saved plan is for one")]
    Several(usize),
    /// Made by a version that writes another format.
    #[error("the plan has format {found}, written by Palisade {tool}; this is {}, which reads format {}", env!("CARGO_PKG_VERSION"), Plan::FORMAT_VERSION)]
    Format {
        /// The format of the file.
        found: String,
        /// The version that wrote it.
        tool: String,
    },
    /// It is as it was written, and still no plan of this version's.
    #[error("the plan cannot be read by this version: {0}")]
    Shape(serde_json::Error),
    /// Somebody changed it.
    #[error("the plan's digest does not fit its content: the file was changed after it was made")]
    Digest,
}

impl PlanFileError {
    /// The next step.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Format { .. } | Self::Shape(_) => {
                "use the version that made it, or make the plan again with `palisade plan -e NAME --out FILE`"
            }
            Self::Digest => {
                "make the plan again with `palisade plan -e NAME --out FILE`, and find out who could change the file"
            }
            Self::Syntax(_) | Self::Other | Self::Several(_) => {
                "make the plan again with `palisade plan -e NAME --out FILE`"
            }
        }
    }
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

/// Reads a plan file's text.
///
/// # Errors
/// When it is no plan, of another major format, or was changed.
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    let mut value: Value = serde_json::from_str(text).map_err(PlanFileError::Syntax)?;
    if let Some(plans) = value.get("plans").and_then(Value::as_array) {
        return Err(PlanFileError::Several(plans.len()));
    }
    let said = |name: &str| value.get(name).and_then(Value::as_str);
    let found = said("format_version").ok_or(PlanFileError::Other)?;
    if found.split('.').next() != Plan::FORMAT_VERSION.split('.').next() {
        let tool = said("tool_version").unwrap_or("of an unknown version");
        return Err(PlanFileError::Format { found: bounded(found), tool: bounded(tool) });
    }
    let found = value.as_object_mut().and_then(|members| members.shift_remove(SEAL));
    if found.is_none_or(|found| found != seal(&value)) {
        return Err(PlanFileError::Digest);
    }
    let plan: Plan = serde_json::from_value(value).map_err(PlanFileError::Shape)?;
    if is_sound(&plan) { Ok(plan) } else { Err(PlanFileError::Digest) }
}

/// A version as the file has it: anybody's text, and for one line.
fn bounded(version: &str) -> String {
    version.chars().filter(|c| !c.is_control()).take(40).collect()
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
