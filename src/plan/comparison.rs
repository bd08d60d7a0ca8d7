//! Two states of the same rules side by side: what two environments would hold, or what one holds and should hold.
//!
//! Only content counts here: whose a rule is, and what an apply would do about it, is a plan's business. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::build::TargetState;
use super::change::Provenance;
use super::redact::hide;
use super::writes::{provenance, query_of};
use crate::address::{Platform, Target};
use crate::diff::{FieldChange, canonical, compare};
use crate::resource::{Body, Kind, Live, Resource, Schema};

/// What differs between a left and a right side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the left side is called.
    pub left: String,
    /// What the right side is called.
    pub right: String,
    /// Rules that are the same on both.
    pub same: usize,
    /// Every rule that is not, by address.
    pub differences: Vec<Difference>,
}

/// One rule that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// `defender:RULE`, `sentinel:RULE`, or with the workspace where only one is meant.
    pub address: String,
    /// Its display name.
    pub name: String,
    /// In which way.
    pub what: What,
    /// Why a side lacks it, if anything is known.
    pub detail: Option<String>,
    /// The fields that differ, from left to right; values of sensitive lists are hidden.
    pub fields: Vec<FieldChange>,
    /// Where lines of the right side's query come from.
    pub provenance: Vec<Provenance>,
}

/// In which way a rule differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Both have it, with other content.
    Changed,
    /// Only the left side has it.
    OnlyLeft,
    /// Only the right side has it.
    OnlyRight,
}

/// An environment as it compiles.
#[derive(Debug)]
pub struct Compiled<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it would hold.
    pub desired: &'a [Resource],
    /// Rules that it does not take, and why.
    pub dropped: BTreeMap<String, &'static str>,
}

/// How properties of each platform compare.
pub type SchemaOf = fn(Platform) -> &'static Schema;

/// Compares what two environments would hold. Where an environment has several workspaces, their rules count once: a
/// rule compiles to the same for each.
#[must_use]
pub fn environments<'a>(left: &Compiled<'a>, right: &Compiled<'a>, schema_of: SchemaOf) -> Comparison {
    let index = |side: &Compiled<'_>| -> BTreeMap<String, usize> {
        let keys = side.desired.iter().enumerate().rev();
        keys.map(|(at, resource)| (key(resource), at)).collect()
    };
    let (left_by, right_by) = (index(left), index(right));
    let of = |side: &Compiled<'a>, at: Option<&usize>| at.and_then(|at| side.desired.get(*at));
    let mut keys: Vec<&String> = left_by.keys().chain(right_by.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut comparison = Comparison::new(left.name, right.name);
    for key in keys {
        let pair = (of(left, left_by.get(key)), of(right, right_by.get(key)));
        let reason = |side: &Compiled<'_>, rule: &str| {
            side.dropped.get(rule).map(|why| format!("{}: {why}", side.name))
        };
        match pair {
            (Some(one), Some(other)) => {
                let schema = schema_of(other.address.target.platform());
                let before = with_kind(&one.kind, canonical(schema, &one.kind, &one.body));
                comparison.pair(key, &before, other, schema);
            }
            (Some(one), None) => {
                comparison.alone(key, name_of(one), What::OnlyLeft, reason(right, &one.address.rule));
            }
            (None, Some(other)) => {
                comparison.alone(key, name_of(other), What::OnlyRight, reason(left, &other.address.rule));
            }
            (None, None) => {}
        }
    }
    comparison
}

/// Compares what an environment holds (left) with what it would hold (right), whosever the rules are.
#[must_use]
pub fn live(owner: &str, desired: &[Resource], actual: &[TargetState]) -> Comparison {
    let mut comparison = Comparison::new("live", "files");
    for state in actual {
        let mut seen = vec![false; state.live.len()];
        for resource in desired.iter().filter(|resource| resource.address.target == state.target) {
            let address = resource.address.to_string();
            let at = state.live.iter().position(|live| is_it(owner, resource, live));
            match at.and_then(|at| Some((at, state.live.get(at)?))) {
                Some((at, live)) => {
                    seen.iter_mut().skip(at).take(1).for_each(|seen| *seen = true);
                    let before = with_kind(&live.kind, canonical(state.schema, &live.kind, &live.body));
                    comparison.pair(&address, &before, resource, state.schema);
                }
                None => comparison.alone(&address, name_of(resource), What::OnlyRight, None),
            }
        }
        for (live, _) in state.live.iter().zip(&seen).filter(|(_, seen)| !**seen) {
            let whose = match &live.marker {
                None => "unmanaged".to_owned(),
                Some(marker) if marker.owner == owner => format!("{}, without a file", marker.rule),
                Some(marker) => format!("of {}", marker.owner),
            };
            let address = format!("{}:{}", state.target, live.remote_id);
            comparison.alone(&address, live.name.clone(), What::OnlyLeft, Some(whose));
        }
    }
    comparison.differences.sort_by(|a, b| a.address.cmp(&b.address));
    comparison
}

impl Comparison {
    fn new(left: &str, right: &str) -> Self {
        Self { left: left.to_owned(), right: right.to_owned(), same: 0, differences: Vec::new() }
    }

    fn pair(&mut self, address: &str, before: &Body, resource: &Resource, schema: &Schema) {
        let after = with_kind(&resource.kind, canonical(schema, &resource.kind, &resource.body));
        let mut fields = compare(before, &after);
        if fields.is_empty() {
            self.same += 1;
            return;
        }
        for field in &mut fields {
            hide(&mut field.before);
            hide(&mut field.after);
        }
        self.differences.push(Difference {
            address: address.to_owned(),
            name: name_of(resource),
            what: What::Changed,
            detail: None,
            provenance: provenance(&resource.lines, query_of(before), query_of(&after)),
            fields,
        });
    }

    fn alone(&mut self, address: &str, name: String, what: What, detail: Option<String>) {
        self.differences.push(Difference {
            address: address.to_owned(),
            name,
            what,
            detail,
            fields: Vec::new(),
            provenance: Vec::new(),
        });
    }
}

/// A kind cannot be changed in place, so it counts like a property.
fn with_kind(kind: &Kind, mut body: Body) -> Body {
    body.insert("kind".to_owned(), Value::from(kind.as_str()));
    body
}

fn is_it(owner: &str, resource: &Resource, live: &Live) -> bool {
    let marked = live.marker.as_ref().filter(|marker| marker.owner == owner);
    marked.is_some_and(|marker| marker.rule == resource.address.rule)
        || live.remote_id.eq_ignore_ascii_case(&resource.remote_id)
}

fn key(resource: &Resource) -> String {
    let platform = match resource.address.target {
        Target::Defender => Platform::Defender,
        Target::Sentinel(_) => Platform::Sentinel,
    };
    format!("{platform}:{}", resource.address.rule)
}

fn name_of(resource: &Resource) -> String {
    let name = resource.body.get("displayName").and_then(Value::as_str);
    name.unwrap_or(&resource.address.rule).to_owned()
}
