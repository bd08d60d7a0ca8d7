//! Microsoft Sentinel analytics rules over Azure Resource Manager (CONTRACT B).
//!
//! [`Sentinel`] is the rules of one workspace. `api` speaks the operations, `wire` is the shape of their messages,
//! `convert` goes between that and [`Live`](crate::resource::Live), `schema` says how properties compare. `watchlists`
//! are the tables of values that rules refer to, a resource of their own.
//!
//! # Kinds without a marker
//!
//! Fusion, machine learning and threat intelligence rules have no text that we may write, so no marker can say who made
//! them ([`Kind::marker_carrier`](crate::resource::Kind::marker_carrier)). The rule for them:
//!
//! - they are ours by id alone: the id that a rule file pins (`rule_id: BuiltInFusion`, where the service keeps the
//!   workspace's one Fusion rule) or the computed one, which nobody else arrives at;
//! - there is no digest of what was last applied, so they are compared in full each time and every difference is a change;
//! - they are never pruned: with the file gone nothing proves that they were ours, and switching Fusion off by accident
//!   is exactly the loss of coverage that this tool exists to prevent.

mod api;
mod convert;
mod schema;
mod watchlists;
pub(crate) mod wire;

pub use api::Sentinel;

use crate::provider::Write;
use crate::resource::Schema;

/// How the properties of analytics rules compare.
#[must_use]
pub fn schema() -> &'static Schema {
    &schema::SCHEMA
}

/// The body that a first PUT of this rule sends.
#[must_use]
pub fn payload(write: &Write) -> serde_json::Value {
    serde_json::to_value(convert::sent(write, None)).unwrap_or_default()
}

#[cfg(test)]
mod openapi_tests;
#[cfg(test)]
mod tests;
