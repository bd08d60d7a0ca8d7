//! Changes that write: a rule is made, changed, taken over, or made anew under another id.

use crate::address::{Target, matches_glob};
use crate::diff::{FieldChange, compare};
use crate::resource::{Body, Kind, LineOrigin, Live, Resource, sentinel_successor_id};

use super::build::{Builder, Known, OnDrift};
use super::change::{Action, Change, Class, DriftNote, Listed, Precondition, Provenance, WriteContent};
use super::content::Content;
use super::migration::{loses, shape_change};
use super::risk;

impl<'a> Builder<'a> {
    pub(super) fn create(&mut self, resource: &Resource, after: Content<'_>, namesake: Option<&Live>) {
        self.summary.create += 1;
        let new = Change {
            actions: vec![Action::Create],
            class: Class::New,
            fields: compare(&Body::new(), after.form()),
            provenance: provenance(&resource.lines, "", query_of(after.form())),
            note: match namesake {
                Some(live) => Some(format!(
                    "an unmanaged rule has this name ({id}); to keep that one instead, pin it in the file: `rule_id: {id}`",
                    id = live.remote_id
                )),
                None => (resource.kind == Kind::CustomDetection)
                    .then(|| "the first run looks back 30 days and may raise up to 150 alerts".to_owned()),
            },
            ..change(resource, after, None)
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

    pub(super) fn update(
        &mut self,
        resource: &Resource,
        after: Content<'_>,
        known: &Known<'_>,
        class: Class,
    ) {
        let (before, form) = (known.content.form(), after.form());
        let mut fields = compare(before, form);
        let coverage_reducing = match resource.kind {
            Kind::Watchlist => risk::of_items(before, form),
            _ => risk::of_update(before, form, &resource.lines),
        };
        let names: Vec<String> = fields.iter().map(|field| field.path.clone()).collect();
        let (mut blocked, mut note) = (None, None);
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
                        let what = match known.live.marker {
                            Some(_) => "changed both in the files and outside of Palisade",
                            None => "its ownership marker was removed, so it cannot be told who changed what",
                        };
                        blocked = Some(format!(
                            "{what}{}; decide with --on-drift=revert or --on-drift=keep",
                            by_whom(known.live)
                        ));
                    }
                    Some(OnDrift::Revert) | None => {}
                }
            }
            _ => {}
        }
        if blocked.is_none() && resource.kind == Kind::Watchlist {
            blocked = fixed_columns(&fields);
        }
        if known.live.server.legacy {
            // With nothing else to change, no one would miss what goes with it.
            if fields.is_empty() {
                blocked = blocked.or_else(|| loses(known.live));
            } else {
                note = loses(known.live);
            }
            fields.push(shape_change());
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
            provenance: provenance(&resource.lines, query_of(before), query_of(form)),
            blocked,
            note,
            fields,
            ..change(resource, after, Some(known))
        });
    }

    /// A kind cannot be changed in place, and a deleted id cannot be used again at once (CONTRACT B.2, B.5): the rule is
    /// made anew under another id, and the old one is deleted when the new one stands.
    pub(super) fn replace(&mut self, resource: &Resource, after: Content<'_>, known: &Known<'_>) {
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
        let (before, form) = (known.content.form(), after.form());
        let new = Change {
            actions: vec![Action::Create, Action::Delete],
            class: Class::Change,
            coverage_reducing: risk::of_update(before, form, &resource.lines),
            fields: compare(before, form),
            provenance: provenance(&resource.lines, query_of(before), query_of(form)),
            blocked: refused.map(|why| format!("a kind ({kinds}) cannot be changed in place; {why}")),
            note: Some(format!(
                "kind {kinds}: a new rule with the id {id}, then the old one ({}) is deleted; automation rules and incidents keep the old id, and that id cannot be used again for up to a day",
                live.remote_id
            )),
            ..change(resource, after, Some(known))
        };
        let write = new.write.map(|write| WriteContent { remote_id: id, ..write });
        self.changes.push(Change { write, ..new });
    }

    pub(super) fn foreign(
        &mut self,
        resource: &Resource,
        after: Content<'_>,
        known: &Known<'_>,
        owner: &str,
    ) {
        let (before, form) = (known.content.form(), after.form());
        let fields = compare(before, form);
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
            coverage_reducing: risk::of_update(before, form, &resource.lines),
            provenance: provenance(&resource.lines, query_of(before), query_of(form)),
            fields,
            blocked: (!taken).then(|| format!("it belongs to `{owner}`; take it with --take-over {owner}")),
            ..change(resource, after, Some(known))
        });
    }

    /// A watchlist of that alias is there and carries no marker: it is somebody's work, and rules may depend on it.
    pub(super) fn unmanaged(&mut self, resource: &Resource, after: Content<'_>, known: &Known<'_>) {
        self.summary.blocked += 1;
        self.summary.unmanaged += 1;
        self.changes.push(Change {
            actions: vec![Action::Update],
            class: Class::Foreign,
            blocked: Some(
                "a watchlist of this alias is there already and carries no marker, so it is never touched; rename the file, or delete that list in the portal"
                    .to_owned(),
            ),
            ..change(resource, after, Some(known))
        });
    }

    /// The service switched it off: its switch is left alone unless the user wants otherwise.
    pub(super) fn without_reenabling(
        &mut self,
        resource: &Resource,
        known: &Known<'_>,
        after: Content<'a>,
    ) -> Content<'a> {
        let Some(reason) = &known.live.auto_disabled else { return after };
        self.listed.push(Listed {
            address: resource.address.to_string(),
            name: known.live.name.clone(),
            class: "auto_disabled".into(),
            detail: Some(reason.clone()),
        });
        if self.input.policy.reenable_auto_disabled {
            return after;
        }
        let before = known.content.form();
        after.with_form(|form| {
            for key in ["enabled", "status"] {
                if let (Some(value), true) = (before.get(key), form.contains_key(key)) {
                    form.insert(key.into(), value.clone());
                }
            }
        })
    }
}

/// The parts that every change of a desired rule has.
fn change(resource: &Resource, after: Content<'_>, known: Option<&Known<'_>>) -> Change {
    let before_digest = known.map(|known| known.content.digest().to_owned());
    let after_digest = after.digest().to_owned();
    let after = after.into_form();
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

/// The service gives a watchlist its columns when it is made.
fn fixed_columns(fields: &[FieldChange]) -> Option<String> {
    let fixed = |field: &&FieldChange| {
        (field.path == "columns" || field.path == "itemsSearchKey") && !field.before.is_null()
    };
    let field = fields.iter().find(fixed)?;
    Some(format!(
        "{} of a watchlist cannot be changed in place; give the file another name, so that another list is made",
        if field.path == "columns" { "the columns" } else { "the search key" }
    ))
}

fn name_of(body: &Body, resource: &Resource) -> String {
    body.get("displayName").and_then(|name| name.as_str()).unwrap_or(&resource.address.rule).to_owned()
}

/// The query inside a canonical body of either platform.
pub(super) fn query_of(body: &Body) -> &str {
    body.get("query")
        .or_else(|| body.get("queryCondition").and_then(|condition| condition.get("queryText")))
        .and_then(|query| query.as_str())
        .unwrap_or("")
}

/// The origin of every line of the query that the live rule does not have in that place.
pub(super) fn provenance(lines: &[LineOrigin], before: &str, after: &str) -> Vec<Provenance> {
    if before.is_empty() {
        let all = lines.iter().take(after.lines().count()).enumerate();
        return all.map(|(at, origin)| Provenance { line: at + 1, origin: origin.clone() }).collect();
    }
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

pub(super) fn by_whom(live: &Live) -> String {
    live.server.modified_by.as_ref().map(|who| format!(" (by {who})")).unwrap_or_default()
}
