//! The decisions: which rule is whose, what changes, and why (product.md §4).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::address::{Address, Target, matches_glob};
use crate::diff::{canonical, compare};
use crate::model::environment::{Guards, Prune};
use crate::resource::{
    Body, Kind, LineOrigin, Live, Marker, Resource, Schema, digest, hex, sentinel_successor_id,
};

use super::change::{
    Action, Change, Class, CoverageReduction, DriftNote, Listed, Plan, Precondition, Provenance, Summary,
    WriteContent,
};
use super::{guards, risk};

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
    /// Switch on again what the service switched off.
    pub reenable_auto_disabled: bool,
    /// Addresses, rule ids or globs of either to consider; empty: all. Orphans are then pruned only when named.
    pub targets: Vec<String>,
    /// Plan to delete everything although nothing is desired.
    pub allow_empty: bool,
    /// Addresses, rule ids or globs of either that are created under a new id, because the service still holds the old
    /// one after a deletion (CONTRACT B.5). Sentinel only: Defender holds the name as well.
    pub replace_ids: Vec<String>,
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
    let mut builder =
        Builder { input, summary: Summary::default(), changes: vec![], drift: vec![], listed: vec![] };
    for state in input.actual {
        builder.target(state);
    }
    builder.finish()
}

struct Builder<'a> {
    input: &'a Input<'a>,
    summary: Summary,
    changes: Vec<Change>,
    drift: Vec<DriftNote>,
    listed: Vec<Listed>,
}

/// A live rule with the digest of its canonical form.
struct Known<'a> {
    live: &'a Live,
    schema: &'static Schema,
    digest: String,
    claimed: bool,
}

impl Known<'_> {
    /// Its canonical form. Made when it is needed: most rules are as they should be, and their digest says so.
    fn body(&self) -> Body {
        canonical(self.schema, &self.live.kind, &self.live.body)
    }
}

impl<'a> Builder<'a> {
    fn target(&mut self, state: &'a TargetState) {
        let mut known: Vec<Known<'a>> = state
            .live
            .iter()
            .map(|live| {
                let body = canonical(state.schema, &live.kind, &live.body);
                Known { live, schema: state.schema, digest: digest(&live.kind, &body), claimed: false }
            })
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
                self.desired(state, resource, at.and_then(|at| known.get(at)));
            }
        }
        for known in known.iter().filter(|known| !known.claimed) {
            self.without_file(state, known);
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

    fn considers(&self, address: &Address) -> bool {
        let targets = &self.input.policy.targets;
        let full = address.to_string();
        targets.is_empty()
            || targets.iter().any(|glob| matches_glob(glob, &full) || matches_glob(glob, &address.rule))
    }

    /// A rule that should be there.
    fn desired(&mut self, state: &TargetState, resource: &Resource, known: Option<&Known<'_>>) {
        let after = canonical(state.schema, &resource.kind, &resource.body);
        let Some(known) = known else {
            return self.create(resource, after);
        };
        if known.live.kind != resource.kind {
            return self.replace(resource, after, known);
        }
        let after = self.without_reenabling(resource, known, after);
        let after_digest = digest(&resource.kind, &after);
        let class = match self.ownership(resource, known) {
            Ownership::Ours(last) => three_way(&last, &after_digest, &known.digest),
            Ownership::Unmarked => Some(Class::Drift),
            Ownership::Adoptable => Some(Class::Adopted),
            Ownership::Foreign(owner) => return self.foreign(resource, after, known, &owner),
            Ownership::NoMarker => (after_digest != known.digest).then_some(Class::Change),
        };
        let protection_changes =
            known.live.marker.as_ref().is_some_and(|marker| marker.protect != resource.protect);
        let class = match class {
            None if protection_changes => Class::Change,
            None => {
                self.summary.no_op += 1;
                return;
            }
            Some(class) => class,
        };
        self.update(resource, after, after_digest, known, class);
    }

    fn create(&mut self, resource: &Resource, after: Body) {
        self.summary.create += 1;
        let after_digest = digest(&resource.kind, &after);
        let new = Change {
            actions: vec![Action::Create],
            class: Class::New,
            fields: compare(&Body::new(), &after),
            provenance: provenance(&resource.lines, "", query_of(&after)),
            note: (resource.kind == Kind::CustomDetection)
                .then(|| "the first run looks back 30 days and may raise up to 150 alerts".to_owned()),
            ..change(resource, after, after_digest, None)
        };
        self.changes.push(if self.gets_new_id(resource) { self.under_new_id(resource, new) } else { new });
    }

    fn gets_new_id(&self, resource: &Resource) -> bool {
        let address = resource.address.to_string();
        let named =
            |glob: &String| matches_glob(glob, &address) || matches_glob(glob, &resource.address.rule);
        matches!(resource.address.target, Target::Sentinel(_))
            && !resource.pinned
            && self.input.policy.replace_ids.iter().any(named)
    }

    /// The day is part of the id, so that it is another one the next time, and the same one when the plan is made again.
    fn under_new_id(&self, resource: &Resource, change: Change) -> Change {
        let day = self.input.evaluated_at.split('T').next().unwrap_or_default();
        let held = format!("{}@{day}", resource.remote_id);
        let id = sentinel_successor_id(self.input.owner, &resource.address.rule, &held);
        Change {
            note: Some(format!(
                "it gets the new id {id}, as --replace-id asks, because the service may still hold {}; what refers to the old id does not follow",
                resource.remote_id
            )),
            precondition: Precondition { remote_id: id.clone(), ..change.precondition },
            write: change.write.map(|write| WriteContent { remote_id: id, ..write }),
            ..change
        }
    }

    fn update(
        &mut self,
        resource: &Resource,
        after: Body,
        after_digest: String,
        known: &Known<'_>,
        class: Class,
    ) {
        let before = known.body();
        let fields = compare(&before, &after);
        let coverage_reducing = risk::of_update(&before, &after, &resource.lines);
        let names: Vec<String> = fields.iter().map(|field| field.path.clone()).collect();
        let mut blocked = None;
        match class {
            Class::Drift | Class::Conflict => {
                self.drift.push(DriftNote {
                    address: resource.address.to_string(),
                    fields: names,
                    modified_by: known.live.server.modified_by.clone(),
                    modified_at: known.live.server.modified_at.clone(),
                });
                let conflict = class == Class::Conflict;
                if conflict {
                    self.summary.conflict += 1;
                } else {
                    self.summary.drift += 1;
                }
                match self.input.policy.on_drift {
                    Some(OnDrift::Keep) => return,
                    Some(OnDrift::Fail) => {
                        blocked = Some("changed outside of Palisade (--on-drift=fail)".to_owned());
                    }
                    None if conflict => {
                        blocked = Some(format!(
                            "changed both in the files and outside of Palisade{}; decide with --on-drift=revert or --on-drift=keep",
                            by_whom(known.live)
                        ));
                    }
                    Some(OnDrift::Revert) | None => {}
                }
            }
            _ => {}
        }
        let adopt_only = class == Class::Adopted && fields.is_empty();
        match (&blocked, adopt_only) {
            (Some(_), _) => self.summary.blocked += 1,
            (None, true) => self.summary.adopt += 1,
            (None, false) => self.summary.update += 1,
        }
        self.changes.push(Change {
            actions: vec![if adopt_only { Action::Adopt } else { Action::Update }],
            class,
            coverage_reducing,
            provenance: provenance(&resource.lines, query_of(&before), query_of(&after)),
            blocked,
            fields,
            ..change(resource, after, after_digest, Some(known))
        });
    }

    /// A kind cannot be changed in place, and a deleted id cannot be used again at once (CONTRACT B.2, B.5): the rule is
    /// made anew under another id, and the old one is deleted when the new one stands.
    fn replace(&mut self, resource: &Resource, after: Body, known: &Known<'_>) {
        let live = known.live;
        let ours = live.marker.as_ref().filter(|marker| marker.owner == self.input.owner);
        let refused = match ours {
            _ if matches!(resource.address.target, Target::Defender) => Some("this version does not know the live rule's kind".to_owned()),
            // What nothing proves to be ours is not deleted.
            None => Some("the live rule does not carry this environment's marker, so it is not deleted".to_owned()),
            Some(marker) if marker.protect => {
                Some("it is protected, and this would delete it; set `protect: false` in its file and apply that first".to_owned())
            }
            Some(_) if resource.pinned => {
                Some("its file fixes the platform's id, and a new rule needs a new one; take `sentinel.id` out of the file".to_owned())
            }
            Some(_) => None,
        };
        let id = sentinel_successor_id(self.input.owner, &resource.address.rule, &live.remote_id);
        match refused {
            Some(_) => self.summary.blocked += 1,
            None => self.summary.replace += 1,
        }
        let kinds = format!("{} → {}", live.kind.as_str(), resource.kind.as_str());
        let after_digest = digest(&resource.kind, &after);
        let before = known.body();
        let new = Change {
            actions: vec![Action::Create, Action::Delete],
            class: Class::Change,
            coverage_reducing: risk::of_update(&before, &after, &resource.lines),
            fields: compare(&before, &after),
            provenance: provenance(&resource.lines, query_of(&before), query_of(&after)),
            blocked: refused.map(|why| format!("a kind ({kinds}) cannot be changed in place; {why}")),
            note: Some(format!(
                "kind {kinds}: a new rule with the id {id}, then the old one ({}) is deleted; automation rules and incidents keep the old id, and that id cannot be used again for up to a day",
                live.remote_id
            )),
            ..change(resource, after, after_digest, Some(known))
        };
        let write = new.write.map(|write| WriteContent { remote_id: id, ..write });
        self.changes.push(Change { write, ..new });
    }

    fn foreign(&mut self, resource: &Resource, after: Body, known: &Known<'_>, owner: &str) {
        let after_digest = digest(&resource.kind, &after);
        let before = known.body();
        let fields = compare(&before, &after);
        let taken = self.input.policy.take_over.iter().any(|allowed| allowed == owner);
        if taken {
            self.summary.update += 1;
        } else {
            self.summary.blocked += 1;
            self.summary.foreign += 1;
        }
        self.changes.push(Change {
            actions: vec![Action::Update],
            class: Class::Foreign,
            coverage_reducing: risk::of_update(&before, &after, &resource.lines),
            provenance: provenance(&resource.lines, query_of(&before), query_of(&after)),
            fields,
            blocked: (!taken).then(|| format!("it belongs to `{owner}`; take it with --take-over {owner}")),
            ..change(resource, after, after_digest, Some(known))
        });
    }

    /// The service switched it off: its switch is left alone unless the user wants otherwise.
    fn without_reenabling(&mut self, resource: &Resource, known: &Known<'_>, mut after: Body) -> Body {
        let Some(reason) = &known.live.auto_disabled else { return after };
        self.listed.push(Listed {
            address: resource.address.to_string(),
            name: known.live.name.clone(),
            class: "auto_disabled".into(),
            detail: Some(reason.clone()),
        });
        if !self.input.policy.reenable_auto_disabled {
            let before = known.body();
            for key in ["enabled", "status"] {
                if let (Some(value), true) = (before.get(key), after.contains_key(key)) {
                    after.insert(key.into(), value.clone());
                }
            }
        }
        after
    }

    fn ownership(&self, resource: &Resource, known: &Known<'_>) -> Ownership {
        match &known.live.marker {
            Some(marker) if marker.owner == self.input.owner => Ownership::Ours(marker.digest.clone()),
            Some(marker) => Ownership::Foreign(marker.owner.clone()),
            None if resource.kind.marker_carrier().is_none() => Ownership::NoMarker,
            // An id that only this owner and rule can have: somebody took the marker off.
            None if !resource.pinned => Ownership::Unmarked,
            None => Ownership::Adoptable,
        }
    }

    /// A rule that no file stands behind.
    fn without_file(&mut self, state: &TargetState, known: &Known<'_>) {
        let live = known.live;
        let address = |rule: &str| Address { target: state.target.clone(), rule: rule.to_owned() };
        let list = |address: &Address, class: &str, detail: Option<String>| Listed {
            address: address.to_string(),
            name: live.name.clone(),
            class: class.into(),
            detail,
        };
        match &live.marker {
            None => {
                self.summary.unmanaged += 1;
                self.listed.push(list(&address(&live.remote_id), "unmanaged", None));
            }
            Some(marker) if marker.owner != self.input.owner => {
                self.summary.foreign += 1;
                self.listed.push(list(&address(&live.remote_id), "foreign", Some(marker.owner.clone())));
            }
            Some(marker) => {
                let address = address(&marker.rule);
                self.summary.orphan += 1;
                if self.input.policy.prune == Prune::Never || !self.considers(&address) {
                    self.listed.push(list(&address, "orphan", None));
                    return;
                }
                self.delete(&address, marker, known);
            }
        }
    }

    fn delete(&mut self, address: &Address, marker: &Marker, known: &Known<'_>) {
        // A replacement that broke off after the new rule stood: that one covers what this one did.
        let left_over = self.input.desired.iter().any(|resource| resource.address == *address);
        let last: String = known.digest.chars().take(Marker::DIGEST_LENGTH).collect();
        let note = if left_over {
            Some(format!(
                "left over from a replacement ({}); the rule that took its place is there",
                known.live.remote_id
            ))
        } else {
            (last != marker.digest).then(|| {
                format!("it was changed outside of Palisade after it was last applied{}", by_whom(known.live))
            })
        };
        let blocked = if left_over {
            None
        } else if marker.protect {
            Some("it is protected; set `protect: false` in its file and apply that first".to_owned())
        } else if self.input.desired.is_empty() && !self.input.policy.allow_empty {
            Some("nothing is desired at all; if every rule should really go, say --allow-empty".to_owned())
        } else {
            None
        };
        match blocked {
            Some(_) => self.summary.blocked += 1,
            None => self.summary.delete += 1,
        }
        self.changes.push(Change {
            address: address.to_string(),
            platform: address.target.platform().as_str().into(),
            rule: address.rule.clone(),
            name: known.live.name.clone(),
            kind: known.live.kind.clone(),
            actions: vec![Action::Delete],
            class: Class::Orphan,
            coverage_reducing: (!left_over)
                .then(|| CoverageReduction {
                    kind: "deleted".into(),
                    detail: "no rule file of this environment stands behind it any more".into(),
                })
                .into_iter()
                .collect(),
            fields: Vec::new(),
            before_digest: Some(known.digest.clone()),
            after_digest: None,
            provenance: Vec::new(),
            blocked,
            note,
            precondition: Precondition {
                remote_id: known.live.remote_id.clone(),
                live_digest: Some(known.digest.clone()),
                live_owner: Some(marker.owner.clone()),
            },
            write: None,
        });
    }

    fn finish(mut self) -> Plan {
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
            summary: self.summary,
            changes: self.changes,
            drift: self.drift,
            listed: self.listed,
            guards,
            diagnostics: Vec::new(),
        }
    }
}

/// Whose a live rule is.
enum Ownership {
    /// Ours; with the digest of what was last applied.
    Ours(String),
    /// Ours by its id, but the marker is gone.
    Unmarked,
    /// Nobody's, and the rule file pins its id.
    Adoptable,
    /// Another owner's.
    Foreign(String),
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

/// The parts that every change of a desired rule has.
fn change(resource: &Resource, after: Body, after_digest: String, known: Option<&Known<'_>>) -> Change {
    let before_digest = known.map(|known| known.digest.clone());
    let remote_id = known.map_or(&resource.remote_id, |known| &known.live.remote_id).clone();
    Change {
        address: resource.address.to_string(),
        platform: resource.address.target.platform().as_str().into(),
        rule: resource.address.rule.clone(),
        name: name_of(&after, resource),
        kind: resource.kind.clone(),
        actions: Vec::new(),
        class: Class::Change,
        coverage_reducing: Vec::new(),
        fields: Vec::new(),
        before_digest: before_digest.clone(),
        after_digest: Some(after_digest),
        provenance: Vec::new(),
        blocked: None,
        note: None,
        precondition: Precondition {
            remote_id: remote_id.clone(),
            live_digest: before_digest,
            live_owner: known.and_then(|known| known.live.marker.as_ref()).map(|marker| marker.owner.clone()),
        },
        write: Some(WriteContent { remote_id, body: after, protect: resource.protect }),
    }
}

fn name_of(body: &Body, resource: &Resource) -> String {
    body.get("displayName").and_then(|name| name.as_str()).unwrap_or(&resource.address.rule).to_owned()
}

/// The query inside a canonical body of either platform.
fn query_of(body: &Body) -> &str {
    body.get("query")
        .or_else(|| body.get("queryCondition").and_then(|condition| condition.get("queryText")))
        .and_then(|query| query.as_str())
        .unwrap_or("")
}

/// The origin of every line of the query that the live rule does not have in that place.
fn provenance(lines: &[LineOrigin], before: &str, after: &str) -> Vec<Provenance> {
    crate::diff::hunks(before, after, 0)
        .into_iter()
        .flat_map(|hunk| hunk.lines)
        .filter(|line| line.tag == crate::diff::LineTag::Added)
        .filter_map(|line| {
            let number = line.new?;
            Some(Provenance { line: number, origin: lines.get(number - 1)?.clone() })
        })
        .collect()
}

fn by_whom(live: &Live) -> String {
    live.server.modified_by.as_ref().map(|who| format!(" (by {who})")).unwrap_or_default()
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
