//! Rules that the service still answers for in the shape it has retired (CONTRACT A.0, A.4): who is written anew, who is
//! only listed, and why.
//!
//! What such a rule says was mapped when it was read, so its content compares like any other. What is left to do is one
//! update with the same content, which Defender may take for a new rule and run over 30 days: it is done when somebody asks,
//! never on the side. An update for another reason rewrites the shape as well, and its change says so.

use serde_json::json;

use crate::address::Address;
use crate::diff::{FieldChange, compare};
use crate::resource::{Live, Resource};

use super::build::{Builder, Known, Migration, Ownership, TargetState, Wanted};
use super::change::{Class, Listed, SHAPE};

/// The shape, as a difference beside those of properties.
pub(super) fn shape_change() -> FieldChange {
    FieldChange { path: SHAPE.to_owned(), before: json!("retired"), after: json!("present") }
}

/// Why a rule cannot be rewritten without a loss.
pub(super) fn loses(live: &Live) -> Option<String> {
    let unmapped = &live.server.unmapped;
    (!unmapped.is_empty()).then(|| {
        format!(
            "the present shape has no place for {}; replace that in the portal, or say it in the file in today's words",
            unmapped.join(", ")
        )
    })
}

impl<'a> Builder<'a> {
    /// Whether nothing but the shape of a rule is reason enough to write it.
    pub(super) fn migrates(&self, known: &Known<'_>) -> bool {
        known.live.server.legacy && self.input.policy.migration != Migration::Leave
    }

    /// Lists a rule that is as its file says, if its shape is the retired one.
    pub(super) fn retired(&mut self, resource: &Resource, known: &Known<'_>) {
        if known.live.server.legacy {
            self.summary.retired += 1;
            self.list(&resource.address, known.live, "retired_shape", None);
        }
    }

    /// Plans nothing but the shape of a rule; one that differs from its file is an update's business.
    pub(super) fn migration(&mut self, wanted: Wanted<'a>, known: Option<&Known<'a>>) {
        let Wanted { resource, content: after, .. } = wanted;
        let Some(known) = known.filter(|known| known.live.kind == resource.kind) else { return };
        if !known.live.server.legacy {
            self.summary.no_op += 1;
            return;
        }
        let after = self.without_reenabling(resource, known, after);
        let same = after.equals(&known.content);
        let why = match self.ownership(resource, known) {
            Ownership::Ours(_) if same => {
                return self.update(resource, after, known, Class::Migrated);
            }
            Ownership::Adoptable if same => {
                return self.update(resource, after, known, Class::Adopted);
            }
            Ownership::Foreign(owner) => format!("it belongs to {owner}"),
            Ownership::Unmarked | Ownership::NoMarker | Ownership::Unmanaged if same => {
                "its ownership marker was removed; an apply decides that first".to_owned()
            }
            _ => {
                let fields = compare(known.content.form(), after.form());
                let names: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
                format!("its file differs in {}; an apply updates it, in the present shape", names.join(", "))
            }
        };
        self.list(&resource.address, known.live, "not_migrated", Some(why));
    }

    /// A rule in the retired shape that no file stands for: what to do about it.
    pub(super) fn retired_without_file(&mut self, state: &TargetState, known: &Known<'_>) {
        let live = known.live;
        if !live.server.legacy {
            return;
        }
        let environment = self.input.environment;
        let (rule, why) = match &live.marker {
            None => (
                &live.remote_id,
                format!(
                    "no file stands for it: `palisade import live -e {environment} --select {}` writes one",
                    live.remote_id
                ),
            ),
            Some(marker) if marker.owner == self.input.owner => {
                (&marker.rule, "its file is gone: an apply decides what becomes of it".to_owned())
            }
            Some(marker) => (&live.remote_id, format!("it belongs to {}", marker.owner)),
        };
        let address = Address { target: state.target.clone(), rule: rule.clone() };
        if self.considers(&address) {
            self.list(&address, live, "not_migrated", Some(why));
        }
    }

    fn list(&mut self, address: &Address, live: &Live, class: &str, detail: Option<String>) {
        self.listed.push(Listed {
            address: address.to_string(),
            name: live.name.clone(),
            class: class.to_owned(),
            detail,
        });
    }
}
