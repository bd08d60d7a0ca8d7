//! `apply --expect-digest`: the digest of the plan that was reviewed, given itself or by the plan's JSON file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::plan::Plan;
use crate::render::safe;

use super::failure::{Exit, Failure};

/// The largest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// What must be so for a plan to be applied.
pub(crate) enum Expected {
    /// This digest, whatever the environment; there is only one.
    Digest(String),
    /// For each environment its digest, from this file.
    File(String, BTreeMap<String, String>),
}

impl Expected {
    /// `sha256:…`, or a file that `plan --json-into`, `--format json` or `--out` wrote.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if text.starts_with("sha256:") {
            return Ok(Self::Digest(text.to_owned()));
        }
        let failed = || {
            Failure::error(format!("no digest can be read from `{}`", safe::line(text)))
                .help("give `sha256:…`, or the file that `palisade plan --json-into FILE` wrote")
        };
        let size = std::fs::metadata(Path::new(text)).map_err(|error| failed().caused_by(&error))?.len();
        if size > MAX_BYTES {
            return Err(failed());
        }
        let json = std::fs::read_to_string(text).map_err(|error| failed().caused_by(&error))?;
        let json: Value = serde_json::from_str(&json).map_err(|error| failed().caused_by(&error))?;
        let plans = match json.get("plans").and_then(Value::as_array) {
            Some(plans) => plans.iter().collect(),
            None => vec![&json],
        };
        let member = |plan: &Value, name: &str| plan.get(name).and_then(Value::as_str).map(str::to_owned);
        let digests: Option<BTreeMap<String, String>> = plans
            .into_iter()
            .map(|plan| Some((member(plan, "environment")?, member(plan, "digest")?)))
            .collect();
        digests.map(|digests| Self::File(text.to_owned(), digests)).ok_or_else(failed)
    }

    /// Whether several environments can be meant.
    pub(crate) const fn is_one(&self) -> bool {
        matches!(self, Self::Digest(_))
    }

    /// Stops when the plan is not the one that was reviewed.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), Failure> {
        let expected = match self {
            Self::Digest(digest) => digest,
            Self::File(file, digests) => digests.get(&plan.environment).ok_or_else(|| {
                Failure::error(format!("`{file}` has no plan of {}", safe::line(&plan.environment)))
                    .help("review the plan of this environment first")
            })?,
        };
        if *expected == plan.digest {
            return Ok(());
        }
        let found = format!(
            "the plan of {} has the digest {}, not the expected {}; nothing was changed",
            safe::line(&plan.environment),
            plan.digest,
            safe::line(expected)
        );
        Err(Failure::with(Exit::Stale, found)
            .help("the files, an allowlist's day or the tenant changed since the review: review the new plan, and expect its digest"))
    }
}
