//! One deployed rule as a draft that keeps its place: pinned to the platform's id, and taken by this environment only.

use super::live::Input;
use super::raise;
use super::{Draft, Fate};
use crate::address::{Address, Target};
use crate::model::environment::{Environment, Presence};
use crate::model::rule::Status;
use crate::plan::TargetState;
use crate::resource::{Body, Kind, Live, Schema, defender_rule_id, sensitive_condition, sentinel_rule_id};

/// Where the service keeps a workspace's one Fusion rule.
const FUSION_ID: &str = "BuiltInFusion";

/// A deployed rule and its draft.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) live: &'a Live,
    pub(super) schema: &'static Schema,
    pub(super) targets: Vec<Target>,
    /// Its addresses with the platform's id.
    pub(super) found: Vec<String>,
    pub(super) draft: Draft,
}

pub(super) fn candidate<'a>(
    input: &Input<'_>,
    state: &'a TargetState,
    live: &'a Live,
    status: Status,
) -> Candidate<'a> {
    let environment = input.environment;
    let mut draft = match live.kind {
        Kind::CustomDetection => raise::defender(&live.body),
        _ => raise::sentinel(&live.kind, &live.body),
    };
    if draft.name.is_empty() {
        // Kinds whose name nobody may write still have one.
        draft.name = if is_line(&live.name) {
            live.name.clone()
        } else {
            format!("Rule of kind {}", live.kind.as_str())
        };
    }
    draft.status = status;
    draft.enabled = enabled(environment, status, is_on(&live.body), live.auto_disabled.is_some());
    keep_unknown(&mut draft, live);
    if let Some(reason) = &live.auto_disabled {
        draft.remark(
            Fate::Changed,
            "status",
            format!("the service switched the rule off by itself ({reason}); it stays off until `--reenable-auto-disabled`"),
        );
    }
    if draft
        .query
        .as_deref()
        .is_some_and(|query| query.lines().any(|line| sensitive_condition(line).is_some()))
    {
        draft.remark(
            Fate::Changed,
            "query",
            "it holds values of a sensitive allowlist in the clear: move them into an allowlist before you commit the file",
        );
    }
    if live.server.legacy {
        draft.remark(
            Fate::Changed,
            "shape",
            format!("the service answered in the shape that it has retired; `palisade migrate -e {}` writes the present one", environment.name),
        );
        for path in &live.server.unmapped {
            draft.remark(Fate::Dropped, path, "only the retired shape has a word for it: it is in the tenant, and goes with the first update");
        }
    }
    if input.repository.environments.len() > 1 {
        draft.environments = vec![environment.name.clone()];
    }
    if let Some(tag) = environment.select.tags.first() {
        draft.tags = vec![tag.value.clone()];
    }
    if let (Target::Sentinel(workspace), Some(section), true) =
        (&state.target, &mut draft.sentinel, environment.sentinel.len() > 1)
    {
        section.workspaces = vec![workspace.workspace.clone()];
    }
    let found = Address { target: state.target.clone(), rule: live.remote_id.clone() }.to_string();
    Candidate { live, schema: state.schema, targets: vec![state.target.clone()], found: vec![found], draft }
}

impl Candidate<'_> {
    /// Fixes the platform's id, unless the rule's own id leads there by itself.
    pub(super) fn pin(&mut self, owner: &str) {
        let id = &self.live.remote_id;
        let computed = match self.live.kind {
            Kind::CustomDetection => defender_rule_id(owner, &self.draft.id),
            Kind::Fusion => FUSION_ID.to_owned(),
            _ => sentinel_rule_id(owner, &self.draft.id),
        };
        let section = match self.live.kind {
            Kind::CustomDetection => self.draft.defender.as_mut(),
            _ => self.draft.sentinel.as_mut(),
        };
        if let Some(section) = section.filter(|_| !computed.eq_ignore_ascii_case(id)) {
            section.rule_id = Some(id.clone());
        }
    }

    /// The same rule under the same id in another workspace.
    pub(super) fn is_same_elsewhere(&self, other: &Self) -> bool {
        let plain = |candidate: &Self| {
            let mut draft = candidate.draft.clone();
            if let Some(section) = &mut draft.sentinel {
                section.workspaces.clear();
            }
            draft
        };
        self.live.name == other.live.name
            && self.live.remote_id == other.live.remote_id
            && self.live.kind == other.live.kind
            && self.draft.sentinel.is_some()
            && plain(self) == plain(other)
    }

    pub(super) fn join(&mut self, other: Self) {
        self.targets.extend(other.targets);
        self.found.extend(other.found);
        if let (Some(mine), Some(theirs)) = (&mut self.draft.sentinel, other.draft.sentinel) {
            mine.workspaces.extend(theirs.workspaces);
        }
    }
}

/// What the file says about the switch. A rule that the service switched off is meant to be on.
fn enabled(environment: &Environment, status: Status, on: bool, by_service: bool) -> Option<bool> {
    let usual = environment.lifecycle.presence(status) == Presence::Enabled;
    let meant = on || by_service;
    (usual != meant).then_some(meant)
}

fn is_on(body: &Body) -> bool {
    let off = body.get("enabled").is_some_and(|on| on.as_bool() == Some(false));
    !off && body.get("status").is_none_or(|status| status.as_str() != Some("disabled"))
}

/// Properties that this version does not know stay in the tenant at every update; the file shows that they are there.
fn keep_unknown(draft: &mut Draft, live: &Live) {
    if live.unknown.is_empty() {
        return;
    }
    let key = if live.kind == Kind::CustomDetection { "defender" } else { "sentinel" };
    draft.keep(
        key,
        live.unknown.clone().into(),
        "properties that this version does not manage; updates leave them as they are",
    );
}

fn is_line(text: &str) -> bool {
    crate::yaml::decode::scalar::is_acceptable(text, false)
}
