//! The values of a plan. Their JSON names are public (product.md §6, "Names in machine output").

use serde::{Deserialize, Serialize};

use crate::diff::FieldChange;
use crate::resource::{Body, Kind, LineOrigin};

use super::affected::ChangedEntry;
use super::guards::GuardViolation;

/// Everything that one apply does to one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Major part: readers refuse others. Minor part: additions that readers may ignore.
    pub format_version: String,
    /// Version of Palisade that made it.
    pub tool_version: String,
    /// The environment's name.
    pub environment: String,
    /// The environment's owner id.
    pub owner: String,
    /// The tenant that it is for.
    pub tenant_id: String,
    /// ARM ids of the workspaces that it is for.
    pub workspaces: Vec<String>,
    /// When it was made (UTC).
    pub evaluated_at: String,
    /// Until when it may be applied (UTC): an allowlist entry that expires changes the result.
    pub valid_until: String,
    /// `sha256:` over the effects only: addresses, actions, digests before and after.
    pub digest: String,
    /// The least time, in seconds, that carrying it out takes within the services' quotas, when they are full at the
    /// beginning; `0` where no quota is known. An estimate: no part of the effects.
    #[serde(default)]
    pub estimated_seconds: u64,
    /// Counts.
    pub summary: Summary,
    /// Changes, coverage-reducing ones first.
    pub changes: Vec<Change>,
    /// The revision whose difference to the files the plan is limited to; `null`: it is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_since: Option<String>,
    /// Allowlist entries that changed, each with the rules it changes: since that revision, or else against what is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_entries: Vec<ChangedEntry>,
    /// Rules that were changed outside of Palisade, whatever is done about it.
    pub drift: Vec<DriftNote>,
    /// Orphans that are kept, foreign and unmanaged rules, and rules that the service switched off.
    pub listed: Vec<Listed>,
    /// Limits that this plan exceeds; any of them stops an apply.
    pub guards: Vec<GuardViolation>,
    /// Findings of the compilation that are worth carrying along (warnings), as text.
    pub diagnostics: Vec<serde_json::Value>,
}

/// Counts of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rules to create.
    pub create: usize,
    /// Rules to update.
    pub update: usize,
    /// Rules to delete.
    pub delete: usize,
    /// Rules to delete and create again.
    pub replace: usize,
    /// Rules to adopt.
    pub adopt: usize,
    /// Rules that their files pin, that are as these say, and that nobody has adopted yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adoptable: usize,
    /// Rules that are as their files say, that the service answers for in the shape it has retired, and that are left so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retired: usize,
    /// Rules that are as they should be.
    pub no_op: usize,
    /// Rules changed outside of Palisade.
    pub drift: usize,
    /// Rules changed both here and there.
    pub conflict: usize,
    /// Rules of ours without a file, deleted or not.
    pub orphan: usize,
    /// Rules of another owner.
    pub foreign: usize,
    /// Rules of nobody.
    pub unmanaged: usize,
    /// Changes that reduce coverage.
    pub coverage_reducing: usize,
    /// Changes that will not be made.
    pub blocked: usize,
    /// Allowlist entries in force that are weaker than required, with somebody's consent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub exceptions: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One change of one rule at one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `sentinel/law-soc:rule-id` or `defender:rule-id`.
    pub address: String,
    /// `sentinel` or `defender`.
    pub platform: String,
    /// The rule's id.
    pub rule: String,
    /// Its display name.
    pub name: String,
    /// What kind of rule it is.
    pub kind: Kind,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// Why.
    pub class: Class,
    /// In which ways it reduces coverage; empty: not at all.
    pub coverage_reducing: Vec<CoverageReduction>,
    /// The fields that differ. Empty for a deletion.
    pub fields: Vec<FieldChange>,
    /// Digest of the rule that is replaced; `null` when there is none.
    pub before_digest: Option<String>,
    /// Digest of the rule afterwards; `null` when there is none.
    pub after_digest: Option<String>,
    /// Where each changed line of the query comes from.
    pub provenance: Vec<Provenance>,
    /// Why it will not be done, if so.
    pub blocked: Option<String>,
    /// Something to know before saying yes.
    pub note: Option<String>,
    /// What must hold at apply.
    pub precondition: Precondition,
    /// What is written; `null` for a deletion.
    pub write: Option<WriteContent>,
}

/// What is done to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// Its content is replaced.
    Update,
    /// It is removed.
    Delete,
    /// It is marked as ours, nothing else.
    Adopt,
}

impl Change {
    /// The rule is made anew under another id, because its kind cannot be changed in place.
    #[must_use]
    pub fn is_replacement(&self) -> bool {
        self.actions.contains(&Action::Create) && self.actions.contains(&Action::Delete)
    }

    /// The rule that it writes acts on devices, accounts, files or mail by itself.
    #[must_use]
    pub fn has_response_actions(&self) -> bool {
        let action = self.write.as_ref().and_then(|content| content.body.get("detectionAction"));
        let automated = action.and_then(|action| action.get("automatedActions")?.as_object());
        automated.is_some_and(|kinds| {
            kinds.values().any(|items| items.as_array().is_some_and(|items| !items.is_empty()))
        })
    }

    /// The rule is written in the present shape for the first time: what is there is in the retired one.
    #[must_use]
    pub fn rewrites_shape(&self) -> bool {
        self.fields.iter().any(|field| field.path == SHAPE)
    }

    /// The rule is removed and nothing takes its place.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.actions == [Action::Delete]
    }
}

/// Why a rule changes (product.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is not there yet.
    New,
    /// The files changed.
    Change,
    /// It was changed outside of Palisade.
    Drift,
    /// Both.
    Conflict,
    /// It has no file any more.
    Orphan,
    /// It was nobody's and becomes ours.
    Adopted,
    /// It was somebody else's.
    Foreign,
    /// It is as its file says; the service answers for it in the shape that it has retired.
    Migrated,
}

/// One way in which a change lets more pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageReduction {
    /// Stable word: `deleted`, `disabled`, `severity_lowered`, `runs_less_often`, `looks_back_less`, `allowlist_widened`,
    /// `response_action_removed`, `threshold_raised`, `tactic_lost`, `suppression_on`, `scope_narrowed`, `no_incident`.
    pub kind: String,
    /// For people: what exactly.
    pub detail: String,
}

/// Where a changed line of a query comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Line of the compiled query, from 1.
    pub line: usize,
    /// Its origin.
    pub origin: LineOrigin,
}

/// A rule that was changed outside of Palisade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftNote {
    /// Its address.
    pub address: String,
    /// The fields that were changed; empty when only the digest tells.
    pub fields: Vec<String>,
    /// By whom, if the service says.
    pub modified_by: Option<String>,
    /// When, if the service says.
    pub modified_at: Option<String>,
}

/// A rule that is only listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its address.
    pub address: String,
    /// Its display name.
    pub name: String,
    /// `orphan`, `foreign`, `unmanaged`, `auto_disabled`, `adoptable` (pinned, as its file says, without a marker) or, in
    /// a plan that only adopts, `not_adopted`; `retired_shape` (as its file says, in the shape that the service has retired)
    /// or, in a plan that only migrates, `not_migrated`.
    pub class: String,
    /// The owner or the reason.
    pub detail: Option<String>,
}

/// What must hold for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// The platform's id of the rule.
    pub remote_id: String,
    /// The digest that the live rule must have; `null`: it must not exist.
    pub live_digest: Option<String>,
    /// The owner in the live rule's marker; `null`: it carries none.
    #[serde(default)]
    pub live_owner: Option<String>,
}

/// What a change writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteContent {
    /// The platform's id.
    pub remote_id: String,
    /// The managed content, canonical.
    pub body: Body,
    /// Whether the rule refuses deletion from now on.
    pub protect: bool,
}

/// The path of the entry in [`Change::fields`] that says that a change rewrites the shape. No property has this name.
pub const SHAPE: &str = "shape";

impl Plan {
    /// Version of the format that this program writes.
    pub const FORMAT_VERSION: &'static str = "1.0";

    /// Changes that an apply would carry out.
    pub fn effective(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.blocked.is_none())
    }

    /// Nothing to do and nothing held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
