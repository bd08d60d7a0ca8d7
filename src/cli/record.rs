//! What is recorded of an apply: who carried out what, from which commit, in which run, with which result. The same
//! value is the report (`apply --report FILE`) and the line in the audit file.

use std::path::Path;

use serde_json::{Value, json};

use crate::apply::Outcome;
use crate::plan::Plan;
use crate::provider::auth::{Identity, Variables};

use super::carry_out::lists_json;
use super::failure::Exit;
use super::git;

/// Version of the record's format.
const FORMAT_VERSION: &str = "1.0";

/// What a record is made of.
pub(crate) struct Facts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) outcome: &'a Outcome,
    pub(crate) exit: Exit,
    pub(crate) identity: Option<&'a Identity>,
    pub(crate) started_at: String,
    pub(crate) ended_at: String,
}

/// The record, not yet chained.
pub(crate) fn record(facts: &Facts<'_>, root: &Path, variables: &Variables) -> Value {
    let plan = facts.plan;
    let mut record = json!({
        "format_version": FORMAT_VERSION,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "environment": plan.environment,
        "owner": plan.owner,
        "tenant_id": plan.tenant_id,
        "workspaces": plan.workspaces,
        "digest": plan.digest,
        "started_at": facts.started_at,
        "ended_at": facts.ended_at,
        "who": facts.identity.map(|identity| json!({
            "application": identity.app_id,
            "object_id": identity.object_id,
            "user": identity.user,
            "credential": identity.credential,
        })),
        "commit": git::clean_commit(root),
        "run_url": run_url(variables),
        "exit_code": facts.exit.code(),
        "blocked": plan.changes.iter().filter(|change| change.blocked.is_some()).map(|change| &change.address).collect::<Vec<_>>(),
        "unrecorded": facts.outcome.unrecorded,
    });
    if let Value::Object(members) = &mut record {
        members.extend(lists_json(facts.outcome).into_iter().map(|(name, list)| (name.to_owned(), list)));
    }
    record
}

/// The page of the pipeline's run, from the variables of GitHub Actions, Azure Pipelines and GitLab.
fn run_url(variables: &Variables) -> Option<String> {
    let get = |name| variables.get(name).filter(|value| !value.is_empty());
    if let (Some(server), Some(repository), Some(run)) =
        (get("GITHUB_SERVER_URL"), get("GITHUB_REPOSITORY"), get("GITHUB_RUN_ID"))
    {
        return Some(format!("{server}/{repository}/actions/runs/{run}"));
    }
    if let (Some(collection), Some(project), Some(build)) =
        (get("SYSTEM_COLLECTIONURI"), get("SYSTEM_TEAMPROJECT"), get("BUILD_BUILDID"))
    {
        return Some(format!("{collection}{project}/_build/results?buildId={build}"));
    }
    get("CI_JOB_URL").map(str::to_owned)
}
