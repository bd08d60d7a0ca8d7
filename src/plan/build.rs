//! The decisions: which rule is whose, what changes, and why (product.md §4).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::address::{Address, Target, matches_glob};
use crate::diff::{canonical, compare};
use crate::model::environment::{Guards, Prune};
use crate::parallel;
use crate::resource::{Body, Kind, Live, Marker, Resource, Schema, digest, hex};

use super::affected::{Affected, written};
use super::change::{Change, Class, DriftNote, Listed, Plan, Summary};
use super::guards;

/// Everything that a plan is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The environment's owner id.
    pub owner: &'a str,
    /// The tenant.
    pub tenant_id: &'a str,
    /// What should be there, ordered by address.
    pub desired: &'a [Resource],
    /// What is there, one entry per target of the environment.
    pub actual: &'a [TargetState],
    /// How to decide.
    pub policy: &'a Policy,
    /// When (UTC, RFC 3339).
    pub evaluated_at: &'a str,
    /// Until when (UTC, RFC 3339).
    pub valid_until: &'a str,
}

/// What is at one target.
#[derive(Debug)]
pub struct TargetState {
    /// Where.
    pub target: Target,
    /// How its properties compare.
    pub schema: &'static Schema,
    /// Every rule there.
    pub live: Vec<Live>,
}

/// How a plan decides.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What happens to orphans.
    pub prune: Prune,
    /// Limits of the run.
    pub guards: Guards,
    /// What happens to rules that were changed outside; `None`: drift is reverted, a conflict is held back.
    pub on_drift: Option<OnDrift>,
    /// Owners whose rules may be taken.
    pub take_over: Vec<String>,
    /// What happens to rules that their files pin and that carry no marker yet.
    pub adoption: Adoption,
    /// What happens to rules that are as their files say, but that the service answers for in the shape it has retired.
    pub migration: Migration,
    /// Switch on again what the service switched off.
    pub reenable_auto_disabled: bool,
    /// Addresses, rule ids or globs of either to consider; empty: all. Orphans are then pruned only when named.
    pub targets: Vec<String>,
    /// What changed since a revision, with that revision's name: nothing else is considered. `None`: everything is.
    pub changed: Option<(String, Affected)>,
    /// Plan to delete everything although nothing is desired.
    pub allow_empty: bool,
    /// Addresses, rule ids or globs of either that are created under a new id, because the service still holds the old
    /// one after a deletion (CONTRACT B.5). Sentinel only: Defender holds the name as well.
    pub replace_ids: Vec<String>,
}

/// What to do about rules that a file pins by the platform's id, that are as the file says, and that carry no marker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Adoption {
    /// List them: a write of nothing but the marker resets a schedule, or has a service look at old events again.
    #[default]
    Leave,
    /// Write the marker, besides everything else that is to be done.
    Also,
    /// Write the marker, and do nothing else.
    Only,
}

/// What to do about rules that need nothing but to be written in the present shape (CONTRACT A.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Migration {
    /// List them: a write of the same content may have the service look at old events again.
    #[default]
    Leave,
    /// Write them anew, besides everything else that is to be done.
    Also,
    /// Write them anew, and do nothing else.
    Only,
}

/// What to do about changes made outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDrift {
    /// Put our content back.
    Revert,
    /// Leave theirs.
    Keep,
    /// Hold the change back.
    Fail,
}

/// Makes the plan of one environment.
#[must_use]
pub fn plan(input: &Input<'_>) -> Plan {
    let exceptions: BTreeSet<(&str, &str)> = input
        .desired
        .iter()
        .flat_map(|resource| &resource.entries)
        .filter(|used| used.exception)
        .map(|used| (used.path.as_str(), used.entry.as_str()))
        .collect();
    let summary = Summary { exceptions: exceptions.len(), ..Summary::default() };
    let mut builder = Builder { input, summary, changes: vec![], drift: vec![], listed: vec![] };
    for state in input.actual {
        builder.target(state);
    }
    builder.finish()
}

pub(super) struct Builder<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) summary: Summary,
    pub(super) changes: Vec<Change>,
    pub(super) drift: Vec<DriftNote>,
    pub(super) listed: Vec<Listed>,
}

/// A live rule with the digest of its canonical form.
pub(super) struct Known<'a> {
    pub(super) live: &'a Live,
    pub(super) schema: &'static Schema,
    pub(super) digest: String,
    pub(super) claimed: bool,
}

impl Known<'_> {
    /// Its canonical form. Made when it is needed: most rules are as they should be, and their digest says so.
    pub(super) fn body(&self) -> Body {
        canonical(self.schema, &self.live.kind, &self.live.body)
    }
}

impl<'a> Builder<'a> {
    fn target(&mut self, state: &'a TargetState) {
        let mut known: Vec<Known<'a>> = parallel::map(&state.live, |live| {
            digest(&live.kind, &canonical(state.schema, &live.kind, &live.body))
        })
        .into_iter()
        .zip(&state.live)
        .map(|(digest, live)| Known { live, schema: state.schema, digest, claimed: false })
        .collect();
        // Every rule of the target by its id (`/` cannot be in one) and by the rule that our marker names.
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, one) in known.iter().enumerate() {
            by_name.entry(format!("/{}", one.live.remote_id.to_lowercase())).or_default().push(at);
            if let Some(marker) = one.live.marker.as_ref().filter(|marker| marker.owner == self.input.owner) {
                by_name.entry(marker.rule.clone()).or_default().push(at);
            }
        }
        for resource in self.input.desired.iter().filter(|resource| resource.address.target == state.target) {
            let at = self.counterpart(resource, &known, &by_name);
            if let Some(known) = at.and_then(|at| known.get_mut(at)) {
                known.claimed = true;
            }
            if self.considers(&resource.address) {
                let known = at.and_then(|at| known.get(at));
                match (self.input.policy.adoption, self.input.policy.migration) {
                    (Adoption::Only, _) => self.adoption(state, resource, known),
                    (_, Migration::Only) => self.migration(state, resource, known),
                    _ => self.desired(state, resource, known),
                }
            }
        }
        if self.input.policy.adoption == Adoption::Only {
            return;
        }
        for known in known.iter().filter(|known| !known.claimed) {
            match self.input.policy.migration {
                Migration::Only => self.retired_without_file(state, known),
                Migration::Leave | Migration::Also => self.without_file(state, known),
            }
        }
    }

    /// The live rule that a file stands for: the one with its id, or the one that our marker names. A replacement that
    /// broke off leaves two; the one of the right kind is it, and the other is left over.
    fn counterpart(
        &self,
        resource: &Resource,
        known: &[Known<'_>],
        by_name: &BTreeMap<String, Vec<usize>>,
    ) -> Option<usize> {
        let id = format!("/{}", resource.remote_id.to_lowercase());
        let candidates =
            [&id, &resource.address.rule].into_iter().filter_map(|name| by_name.get(name)).flatten();
        let rank = |at: usize| {
            let live = known.get(at)?.live;
            let ours = live.marker.as_ref().is_some_and(|marker| marker.owner == self.input.owner);
            let by_id = live.remote_id.eq_ignore_ascii_case(&resource.remote_id);
            Some((live.kind != resource.kind, !ours, !by_id, &live.remote_id, at))
        };
        candidates.filter_map(|at| rank(*at)).min().map(|(.., at)| at)
    }

    pub(super) fn considers(&self, address: &Address) -> bool {
        let targets = &self.input.policy.targets;
        let full = address.to_string();
        if let Some((_, changed)) = &self.input.policy.changed
            && !changed.addresses.contains(&full)
        {
            return false;
        }
        targets.is_empty()
            || targets.iter().any(|glob| matches_glob(glob, &full) || matches_glob(glob, &address.rule))
    }

    /// A rule that should be there.
    fn desired(&mut self, state: &TargetState, resource: &Resource, known: Option<&Known<'_>>) {
        let after = canonical(state.schema, &resource.kind, &resource.body);
        let Some(known) = known else {
            return self.create(resource, after, of_the_same_name(state, resource));
        };
        if known.live.kind != resource.kind {
            return self.replace(resource, after, known);
        }
        let after = self.without_reenabling(resource, known, after);
        let after_digest = digest(&resource.kind, &after);
        let class = match self.ownership(resource, known) {
            Ownership::Ours(last) => three_way(&last, &after_digest, &known.digest),
            // Without the digest in the marker nobody knows which side changed: what differs is a conflict.
            Ownership::Unmarked if after_digest == known.digest => Some(Class::Drift),
            Ownership::Unmarked => Some(Class::Conflict),
            // A migration writes the rule, and whatever is written carries our marker.
            Ownership::Adoptable
                if after_digest == known.digest
                    && self.input.policy.adoption == Adoption::Leave
                    && !self.migrates(known) =>
            {
                return self.adoptable(resource, known);
            }
            Ownership::Adoptable => Some(Class::Adopted),
            Ownership::Foreign(owner) => return self.foreign(resource, after, known, &owner),
            Ownership::Unmanaged => return self.unmanaged(resource, after, known),
            Ownership::NoMarker => (after_digest != known.digest).then_some(Class::Change),
        };
        let protection_changes =
            known.live.marker.as_ref().is_some_and(|marker| marker.protect != resource.protect);
        let class = match class {
            None if protection_changes => Class::Change,
            None if self.migrates(known) => Class::Migrated,
            None => {
                self.summary.no_op += 1;
                self.retired(resource, known);
                return;
            }
            Some(class) => class,
        };
        self.update(resource, after, after_digest, known, class);
    }

    /// Plans nothing but the marker of a rule that its file pins; one that differs from its file is an update's business.
    fn adoption(&mut self, state: &TargetState, resource: &Resource, known: Option<&Known<'_>>) {
        let Some(known) = known.filter(|known| known.live.kind == resource.kind) else { return };
        match self.ownership(resource, known) {
            Ownership::Adoptable => {}
            Ownership::Ours(_) | Ownership::NoMarker => {
                self.summary.no_op += 1;
                return;
            }
            Ownership::Unmarked | Ownership::Foreign(_) | Ownership::Unmanaged => return,
        }
        let after = canonical(state.schema, &resource.kind, &resource.body);
        let after = self.without_reenabling(resource, known, after);
        let after_digest = digest(&resource.kind, &after);
        if after_digest == known.digest {
            self.update(resource, after, after_digest, known, Class::Adopted);
            return;
        }
        let fields = compare(&known.body(), &after);
        let names: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
        self.listed.push(Listed {
            address: resource.address.to_string(),
            name: known.live.name.clone(),
            class: "not_adopted".into(),
            detail: Some(format!(
                "its file differs in {}; an apply updates it and adopts it",
                names.join(", ")
            )),
        });
    }

    /// A rule that is as its file says, and waits for its marker.
    fn adoptable(&mut self, resource: &Resource, known: &Known<'_>) {
        self.summary.no_op += 1;
        self.retired(resource, known);
        self.summary.adoptable += 1;
        self.listed.push(Listed {
            address: resource.address.to_string(),
            name: known.live.name.clone(),
            class: "adoptable".into(),
            detail: None,
        });
    }

    pub(super) fn ownership(&self, resource: &Resource, known: &Known<'_>) -> Ownership {
        match &known.live.marker {
            Some(marker) if marker.owner == self.input.owner => Ownership::Ours(marker.digest.clone()),
            Some(marker) => Ownership::Foreign(marker.owner.clone()),
            None if resource.kind.marker_carrier().is_none() => Ownership::NoMarker,
            // People choose aliases, so one of that name proves nothing.
            None if resource.kind == Kind::Watchlist => Ownership::Unmanaged,
            // An id that only this owner and rule can have: somebody took the marker off.
            None if !resource.pinned => Ownership::Unmarked,
            None => Ownership::Adoptable,
        }
    }

    fn finish(mut self) -> Plan {
        self.hold_back_dependents();
        // Coverage-reducing first; otherwise the order of addresses, so that two plans of one state are equal.
        self.changes.sort_by(|a, b| {
            (a.coverage_reducing.is_empty(), &a.address).cmp(&(b.coverage_reducing.is_empty(), &b.address))
        });
        self.drift.sort_by(|a, b| a.address.cmp(&b.address));
        self.listed.sort_by(|a, b| (&a.class, &a.address).cmp(&(&b.class, &b.address)));
        self.summary.coverage_reducing = self
            .changes
            .iter()
            .filter(|change| change.blocked.is_none() && !change.coverage_reducing.is_empty())
            .count();
        let managed = self.summary.no_op
            + self.changes.iter().filter(|change| change.precondition.live_digest.is_some()).count();
        let guards = guards::check(&self.summary, managed, &self.input.policy.guards);
        let workspaces = self
            .input
            .actual
            .iter()
            .filter_map(|state| match &state.target {
                Target::Sentinel(workspace) => Some(workspace.resource_id()),
                Target::Defender => None,
            })
            .collect();
        let digest = effects_digest(&self.changes);
        let (changed_since, changed_entries) = match &self.input.policy.changed {
            Some((revision, changed)) => (Some(revision.clone()), changed.entries.clone()),
            None => (None, written(&self.changes)),
        };
        Plan {
            format_version: Plan::FORMAT_VERSION.into(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            environment: self.input.environment.into(),
            owner: self.input.owner.into(),
            tenant_id: self.input.tenant_id.into(),
            workspaces,
            evaluated_at: self.input.evaluated_at.into(),
            valid_until: self.input.valid_until.into(),
            digest,
            estimated_seconds: 0,
            summary: self.summary,
            changes: self.changes,
            changed_since,
            changed_entries,
            drift: self.drift,
            listed: self.listed,
            guards,
            diagnostics: Vec::new(),
        }
    }
}

/// A rule that nobody manages and that has the name of one that is to be made: most likely the one that is meant.
fn of_the_same_name<'s>(state: &'s TargetState, resource: &Resource) -> Option<&'s Live> {
    let name = resource.body.get("displayName")?.as_str()?;
    state.live.iter().find(|live| {
        live.marker.is_none()
            && live.kind == resource.kind
            && live.kind != Kind::Watchlist
            && live.name.trim().eq_ignore_ascii_case(name.trim())
    })
}

/// Whose a live rule is.
pub(super) enum Ownership {
    /// Ours; with the digest of what was last applied.
    Ours(String),
    /// Ours by its id, but the marker is gone.
    Unmarked,
    /// Nobody's, and the rule file pins its id.
    Adoptable,
    /// Another owner's.
    Foreign(String),
    /// Nobody's, and of a kind that is never taken.
    Unmanaged,
    /// Of a kind that has no room for a marker: ours by its id.
    NoMarker,
}

/// Three-way comparison with the marker's digest; `None`: nothing to do.
fn three_way(last: &str, desired: &str, live: &str) -> Option<Class> {
    let short = |digest: &'_ str| digest.chars().take(Marker::DIGEST_LENGTH).collect::<String>();
    if desired == live {
        return None;
    }
    match (short(desired) == last, short(live) == last) {
        (_, true) => Some(Class::Change),
        (true, false) => Some(Class::Drift),
        (false, false) => Some(Class::Conflict),
    }
}

/// `sha256:` over what the changes do, and nothing else: two plans with equal effects are equal.
pub(crate) fn effects_digest(changes: &[Change]) -> String {
    let mut effects: Vec<String> = changes
        .iter()
        .filter(|change| change.blocked.is_none())
        .map(|change| {
            serde_json::json!([
                change.address,
                change.actions,
                change.precondition.remote_id,
                change.precondition.live_owner,
                change.before_digest,
                change.after_digest,
                change.write.as_ref().map(|write| (&write.remote_id, write.protect)),
            ])
            .to_string()
        })
        .collect();
    effects.sort();
    format!("sha256:{}", hex(&Sha256::digest(effects.join("\n").as_bytes())))
}
