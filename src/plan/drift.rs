//! What was changed outside of Palisade: what is there against what was last applied, and nothing else.
//!
//! The marker of each rule holds the digest of what was last applied, so changes of the files that are not deployed yet
//! make no noise. Pure; the files' rules serve only to name the fields that differ, where they are what was applied.

use std::collections::BTreeSet;

use serde::Serialize;

use super::build::TargetState;
use super::redact::hide;
use crate::address::Address;
use crate::diff::{FieldChange, canonical, compare};
use crate::resource::{Live, Marker, Resource, digest};

/// What [`drift`] looks at.
#[derive(Debug)]
pub struct DriftInput<'a> {
    /// The environment's owner id.
    pub owner: &'a str,
    /// What the files say.
    pub desired: &'a [Resource],
    /// What is there.
    pub actual: &'a [TargetState],
    /// Addresses that the record of earlier applies says are deployed.
    pub deployed: &'a BTreeSet<String>,
}

/// A rule that is not as it was last applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drifted {
    /// Its address.
    pub address: String,
    /// Its display name.
    pub name: String,
    /// In which way.
    pub what: DriftKind,
    /// The fields that differ, from what was applied to what is there; empty when only the digest tells.
    pub fields: Vec<FieldChange>,
    /// The service's reason, when it switched the rule off.
    pub reason: Option<String>,
    /// By whom, if the service says.
    pub modified_by: Option<String>,
    /// When, if the service says.
    pub modified_at: Option<String>,
}

/// In which way a rule differs from what was last applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Its content was changed.
    Changed,
    /// Somebody took the ownership marker off.
    MarkerRemoved,
    /// The service switched it off by itself.
    AutoDisabled,
    /// It was applied, and is gone.
    Deleted,
}

/// Every drifted rule by address, and the addresses of files that nothing is deployed for, as far as anybody knows.
#[must_use]
pub fn drift(input: &DriftInput<'_>) -> (Vec<Drifted>, Vec<String>) {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for state in input.actual {
        let desired: Vec<&Resource> =
            input.desired.iter().filter(|resource| resource.address.target == state.target).collect();
        for live in &state.live {
            found.extend(of_rule(input, state, &desired, live));
        }
        let there: BTreeSet<String> =
            state.live.iter().filter_map(|live| rule_of(input, &desired, live)).collect();
        let prefix = format!("{}:", state.target);
        let known = input.deployed.iter().filter_map(|address| address.strip_prefix(&prefix));
        for rule in known.filter(|rule| !there.contains(*rule)) {
            let resource = desired.iter().find(|resource| resource.address.rule == rule);
            found.push(Drifted {
                address: format!("{prefix}{rule}"),
                name: resource.and_then(|resource| name(resource)).unwrap_or_else(|| rule.to_owned()),
                what: DriftKind::Deleted,
                fields: Vec::new(),
                reason: None,
                modified_by: None,
                modified_at: None,
            });
        }
        let open = desired.iter().map(|resource| &resource.address);
        let open = open.filter(|address| !there.contains(&address.rule)).map(ToString::to_string);
        absent.extend(open.filter(|address| !input.deployed.contains(address)));
    }
    found.sort_by(|a, b| a.address.cmp(&b.address));
    absent.sort();
    (found, absent)
}

fn of_rule(
    input: &DriftInput<'_>,
    state: &TargetState,
    desired: &[&Resource],
    live: &Live,
) -> Option<Drifted> {
    let rule = rule_of(input, desired, live)?;
    let body = canonical(state.schema, &live.kind, &live.body);
    let short = |digest: String| digest.chars().take(Marker::DIGEST_LENGTH).collect::<String>();
    let now = short(digest(&live.kind, &body));
    let resource = desired.iter().find(|resource| resource.address.rule == rule);
    let wanted = resource.map(|resource| canonical(state.schema, &resource.kind, &resource.body));
    let what = match (&live.marker, &live.auto_disabled) {
        (_, Some(_)) => DriftKind::AutoDisabled,
        (Some(marker), None) if marker.digest == now => return None,
        (Some(_), None) => DriftKind::Changed,
        (None, None) => DriftKind::MarkerRemoved,
    };
    let last = live.marker.as_ref().map(|marker| marker.digest.as_str());
    let fields = match (&wanted, resource) {
        (Some(wanted), Some(resource)) if last == Some(&short(digest(&resource.kind, wanted))) => {
            compare(wanted, &body)
        }
        _ => Vec::new(),
    };
    let mut fields = fields;
    for field in &mut fields {
        hide(&mut field.before);
        hide(&mut field.after);
    }
    Some(Drifted {
        address: Address { target: state.target.clone(), rule }.to_string(),
        name: live.name.clone(),
        what,
        fields,
        reason: live.auto_disabled.clone(),
        modified_by: live.server.modified_by.clone(),
        modified_at: live.server.modified_at.clone(),
    })
}

/// The rule of ours that a live rule is: by its marker, or by an id that only we compute.
fn rule_of(input: &DriftInput<'_>, desired: &[&Resource], live: &Live) -> Option<String> {
    match &live.marker {
        Some(marker) => (marker.owner == input.owner).then(|| marker.rule.clone()),
        None if live.kind.marker_carrier().is_none() => None,
        None => desired
            .iter()
            .find(|resource| !resource.pinned && resource.remote_id.eq_ignore_ascii_case(&live.remote_id))
            .map(|resource| resource.address.rule.clone()),
    }
}

fn name(resource: &Resource) -> Option<String> {
    resource.body.get("displayName")?.as_str().map(str::to_owned)
}
