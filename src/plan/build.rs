//! The decisions: which rule is whose, what changes, and why (product.md §4).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::address::{Address, Target, matches_glob};
use crate::diff::compare;
use crate::model::environment::{Guards, Prune};
use crate::parallel;
use crate::resource::{Kind, Live, Marker, Resource, Schema, hex};

use super::affected::{Affected, written};
use super::change::{Change, Class, DriftNote, Listed, Plan, Summary};
use super::content::{Comparing, Content};
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

/// A live rule with its content.
pub(super) struct Known<'a> {
    pub(super) live: &'a Live,
    pub(super) content: Content<'a>,
    pub(super) claimed: bool,
}

/// A rule that should be there, with its content and the place of the live rule that it stands for.
pub(super) struct Wanted<'a> {
    pub(super) resource: &'a Resource,
    pub(super) content: Content<'a>,
    at: Option<usize>,
    /// That the live rule is the same showed without a digest.
    is_there: bool,
}

impl<'a> Builder<'a> {
    fn target(&mut self, state: &'a TargetState) {
        let mut comparing = Comparing::new(state.schema);
        let mut known: Vec<Known<'a>> = state
            .live
            .iter()
            .map(|live| Known { live, content: comparing.content(&live.kind, &live.body), claimed: false })
            .collect();
        // Every rule of the target by its id (`/` cannot be in one) and by the rule that our marker names.
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, one) in known.iter().enumerate() {
            by_name.entry(format!("/{}", one.live.remote_id.to_lowercase())).or_default().push(at);
            if let Some(marker) = one.live.marker.as_ref().filter(|marker| marker.owner == self.input.owner) {
                by_name.entry(marker.rule.clone()).or_default().push(at);
            }
        }
        let mut wanted: Vec<Wanted<'a>> = Vec::new();
        for resource in self.input.desired.iter().filter(|resource| resource.address.target == state.target) {
            let at = self.counterpart(resource, &known, &by_name);
            if let Some(known) = at.and_then(|at| known.get_mut(at)) {
                known.claimed = true;
            }
            if self.considers(&resource.address) {
                let content = comparing.content(&resource.kind, &resource.body);
                let live = at.and_then(|at| known.get(at));
                let is_there = live.is_some_and(|known| content.is_plainly(&known.content));
                wanted.push(Wanted { resource, content, at, is_there });
            }
        }
        // Digests of what may differ, on all cores: what is decided below finds them made.
        let others: Vec<(&Wanted<'a>, &Known<'a>)> = wanted
            .iter()
            .filter(|wanted| !wanted.is_there)
            .filter_map(|wanted| Some((wanted, known.get(wanted.at?)?)))
            .collect();
        parallel::map(&others, |(wanted, known)| {
            wanted.content.digest();
            known.content.digest();
        });
        for wanted in wanted {
            let known = wanted.at.and_then(|at| known.get(at));
            match (self.input.policy.adoption, self.input.policy.migration) {
                (Adoption::Only, _) => self.adoption(wanted, known),
                (_, Migration::Only) => self.migration(wanted, known),
                _ => self.desired(state, wanted, known),
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
        if targets.is_empty() && self.input.policy.changed.is_none() {
            return true;
        }
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
    fn desired(&mut self, state: &TargetState, wanted: Wanted<'a>, known: Option<&Known<'a>>) {
        let Wanted { resource, content: after, is_there, .. } = wanted;
        let Some(known) = known else {
            return self.create(resource, after, of_the_same_name(state, resource));
        };
        if known.live.kind != resource.kind {
            return self.replace(resource, after, known);
        }
        let after = self.without_reenabling(resource, known, after);
        let same = is_there && known.live.auto_disabled.is_none() || after.equals(&known.content);
        let class = match self.ownership(resource, known) {
            Ownership::Ours(_) if same => None,
            Ownership::Ours(last) => Some(three_way(&last, after.digest(), known.content.digest())),
            // Without the digest in the marker nobody knows which side changed: what differs is a conflict.
            Ownership::Unmarked if same => Some(Class::Drift),
            Ownership::Unmarked => Some(Class::Conflict),
            // A migration writes the rule, and whatever is written carries our marker.
            Ownership::Adoptable
                if same && self.input.policy.adoption == Adoption::Leave && !self.migrates(known) =>
            {
                return self.adoptable(resource, known);
            }
            Ownership::Adoptable => Some(Class::Adopted),
            Ownership::Foreign(owner) => return self.foreign(resource, after, known, &owner),
            Ownership::Unmanaged => return self.unmanaged(resource, after, known),
            Ownership::NoMarker => (!same).then_some(Class::Change),
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
        self.update(resource, after, known, class);
    }

    /// Plans nothing but the marker of a rule that its file pins; one that differs from its file is an update's business.
    fn adoption(&mut self, wanted: Wanted<'a>, known: Option<&Known<'a>>) {
        let Wanted { resource, content: after, .. } = wanted;
        let Some(known) = known.filter(|known| known.live.kind == resource.kind) else { return };
        match self.ownership(resource, known) {
            Ownership::Adoptable => {}
            Ownership::Ours(_) | Ownership::NoMarker => {
                self.summary.no_op += 1;
                return;
            }
            Ownership::Unmarked | Ownership::Foreign(_) | Ownership::Unmanaged => return,
        }
        let after = self.without_reenabling(resource, known, after);
        if after.equals(&known.content) {
            self.update(resource, after, known, Class::Adopted);
            return;
        }
        let fields = compare(known.content.form(), after.form());
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

/// Three-way comparison of two contents that differ with the digest in the marker.
fn three_way(last: &str, desired: &str, live: &str) -> Class {
    let is_last = |digest: &str| digest.get(..Marker::DIGEST_LENGTH) == Some(last);
    match (is_last(desired), is_last(live)) {
        (_, true) => Class::Change,
        (true, false) => Class::Drift,
        (false, false) => Class::Conflict,
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
