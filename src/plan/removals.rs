//! Rules that no file stands behind: listed, or deleted when they are ours.

use crate::address::Address;
use crate::model::environment::Prune;
use crate::resource::{Kind, Marker};

use super::build::{Builder, Known, TargetState};
use super::change::{Action, Change, Class, CoverageReduction, Listed, Precondition};
use super::writes::by_whom;

impl Builder<'_> {
    /// A rule that no file stands behind.
    pub(super) fn without_file(&mut self, state: &TargetState, known: &Known<'_>) {
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
        let digest = known.content.digest().to_owned();
        let note = if left_over {
            Some(format!(
                "left over from a replacement ({}); the rule that took its place is there",
                known.live.remote_id
            ))
        } else {
            (digest.get(..Marker::DIGEST_LENGTH) != Some(&*marker.digest)).then(|| {
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
            // A watchlist silences; without it more is reported.
            coverage_reducing: (!left_over && known.live.kind != Kind::Watchlist)
                .then(|| CoverageReduction {
                    kind: "deleted".into(),
                    detail: "no rule file of this environment stands behind it any more".into(),
                })
                .into_iter()
                .collect(),
            fields: Vec::new(),
            before_digest: Some(digest.clone()),
            after_digest: None,
            provenance: Vec::new(),
            blocked,
            note,
            precondition: Precondition {
                remote_id: known.live.remote_id.clone(),
                live_digest: Some(digest),
                live_owner: Some(marker.owner.clone()),
            },
            write: None,
        });
    }
}
