//! The `defender:` section of a rule: everything of a custom detection that is not the shared metadata.
//! Facts: CONTRACT A.2–A.4. Only the new Graph shape exists here.

use crate::duration::IsoDuration;
use crate::model::rule::Query;
use crate::source::{Span, Spanned};

/// One custom detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defender {
    /// Pins the platform's id (rules that were adopted); otherwise it is computed.
    pub rule_id: Option<Spanned<String>>,
    /// `PT0S` (continuous), `PT1H`, `PT3H`, `PT12H`, `PT24H`, or custom for Sentinel-only data.
    pub frequency: Spanned<IsoDuration>,
    /// `schedule.lookback`; newest beta only.
    pub lookback: Option<Spanned<IsoDuration>>,
    /// Alert title; defaults to the rule's name.
    pub title: Option<Spanned<String>>,
    /// The custom detection's own description; defaults to the rule's description.
    pub rule_description: Option<Spanned<String>>,
    /// Alert description; defaults to the rule's description.
    pub description: Option<Spanned<String>>,
    /// Recommended actions of the alert; defaults to the rule's response.
    pub recommended_actions: Option<Spanned<String>>,
    /// Entity collections (`hosts`, `accounts`, …), each a list of mappings.
    pub entities: Vec<Collection>,
    /// Custom details: key to column.
    pub custom_details: Vec<(Spanned<String>, Spanned<String>)>,
    /// `alertPerEvent` or `singleAlert`; newest beta only.
    pub event_grouping: Option<Spanned<String>>,
    /// Response actions (`isolateDevices`, …), each a list of settings.
    pub actions: Vec<Collection>,
    /// Device groups that the rule is scoped to; empty: all.
    pub device_groups: Vec<Spanned<String>>,
    /// `incidentConfiguration.isExcludedFromIncidentCorrelation`; newest beta only.
    pub exclude_from_correlation: Option<Spanned<bool>>,
    /// A query for this platform instead of the shared one.
    pub query: Option<Query>,
    /// The section's place.
    pub span: Span,
}

/// A named list of flat mappings, as `entityMappings.hosts` or `automatedActions.isolateDevices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its name in the contract.
    pub name: Spanned<String>,
    /// Its members, each a mapping from member name to value.
    pub items: Vec<Vec<(Spanned<String>, MemberValue)>>,
}

/// The value of a member of a [`Collection`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberValue {
    /// A column name or an enum word.
    One(Spanned<String>),
    /// `deviceGroupNames`.
    Many(Vec<Spanned<String>>),
}
