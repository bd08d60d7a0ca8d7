//! Messages of `Microsoft.SecurityInsights/alertRules` (CONTRACT B.1–B.3), and which properties each kind has.
//!
//! Properties stay JSON objects: their names are ours already (`resource::Body`). These types never leave the provider,
//! except to the sandbox, which speaks the same language from the other side.

use serde::{Deserialize, Serialize};

use crate::provider::fields::Known::{Object, Server, Value};
use crate::provider::fields::Table;
use crate::resource::{Body, Kind};

/// The API version that is used unless the environment names one; the newest with NRT rules and sub-techniques.
pub(crate) const API_VERSION: &str = "2025-07-01-preview";

/// Member of a page that leads to the next.
pub(super) const NEXT_LINK: &str = "nextLink";

/// A rule as GET, PUT and list answer it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AlertRule {
    /// `ruleId`.
    pub(crate) name: String,
    pub(crate) kind: String,
    /// Some types of this provider keep it inside `properties` (CONTRACT B.4); `convert` looks in both places.
    #[serde(default)]
    pub(crate) etag: Option<String>,
    #[serde(default, rename = "systemData")]
    pub(crate) system_data: Option<SystemData>,
    #[serde(default)]
    pub(crate) properties: Body,
}

impl AlertRule {
    /// A rule of an answer. Its properties move: copying them piece by piece is most of what a long list costs.
    pub(super) fn read(mut answer: serde_json::Value) -> Result<Self, serde_json::Error> {
        let properties = answer.get_mut("properties").and_then(serde_json::Value::as_object_mut);
        let properties = properties.map(std::mem::take).unwrap_or_default();
        let rule: Self = serde_json::from_value(answer)?;
        Ok(Self { properties, ..rule })
    }
}

/// Who touched a resource, as ARM keeps it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SystemData {
    pub(crate) last_modified_at: Option<String>,
    pub(crate) last_modified_by: Option<String>,
}

/// What PUT takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Put {
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    pub(crate) properties: Body,
}

/// The properties of a kind.
pub(super) const fn table(kind: &Kind) -> Table {
    match kind {
        Kind::Scheduled => SCHEDULED,
        Kind::Nrt => NRT,
        Kind::MicrosoftSecurityIncidentCreation => MICROSOFT_SECURITY,
        Kind::Fusion => FUSION,
        Kind::MlBehaviorAnalytics => MACHINE_LEARNING,
        Kind::ThreatIntelligence => THREAT_INTELLIGENCE,
        Kind::Watchlist | Kind::CustomDetection | Kind::Other(_) => &[],
    }
}

const GROUPING: Table = &[
    ("enabled", Value),
    ("reopenClosedIncident", Value),
    ("lookbackDuration", Value),
    ("matchingMethod", Value),
    ("groupByEntities", Value),
    ("groupByAlertDetails", Value),
    ("groupByCustomDetails", Value),
];
const INCIDENT: Table = &[("createIncident", Value), ("groupingConfiguration", Object(GROUPING))];
const EVENT_GROUPING: Table = &[("aggregationKind", Value)];
const ALERT_OVERRIDE: Table = &[
    ("alertDisplayNameFormat", Value),
    ("alertDescriptionFormat", Value),
    ("alertTacticsColumnName", Value),
    ("alertSeverityColumnName", Value),
    ("alertDynamicProperties", Value),
];

const SCHEDULED: Table = &[
    ("queryFrequency", Value),
    ("queryPeriod", Value),
    ("triggerOperator", Value),
    ("triggerThreshold", Value),
    // From here on as NRT.
    ("displayName", Value),
    ("description", Value),
    ("severity", Value),
    ("enabled", Value),
    ("query", Value),
    ("tactics", Value),
    ("techniques", Value),
    ("subTechniques", Value),
    ("entityMappings", Value),
    ("sentinelEntitiesMappings", Value),
    ("customDetails", Value),
    ("alertDetailsOverride", Object(ALERT_OVERRIDE)),
    ("eventGroupingSettings", Object(EVENT_GROUPING)),
    ("incidentConfiguration", Object(INCIDENT)),
    ("suppressionEnabled", Value),
    ("suppressionDuration", Value),
    ("alertRuleTemplateName", Value),
    ("templateVersion", Value),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];

const NRT: Table = &[
    ("displayName", Value),
    ("description", Value),
    ("severity", Value),
    ("enabled", Value),
    ("query", Value),
    ("tactics", Value),
    ("techniques", Value),
    ("subTechniques", Value),
    ("entityMappings", Value),
    ("sentinelEntitiesMappings", Value),
    ("customDetails", Value),
    ("alertDetailsOverride", Object(ALERT_OVERRIDE)),
    ("eventGroupingSettings", Object(EVENT_GROUPING)),
    ("incidentConfiguration", Object(INCIDENT)),
    ("suppressionEnabled", Value),
    ("suppressionDuration", Value),
    ("alertRuleTemplateName", Value),
    ("templateVersion", Value),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];

const MICROSOFT_SECURITY: Table = &[
    ("displayName", Value),
    ("description", Value),
    ("enabled", Value),
    ("productFilter", Value),
    ("severitiesFilter", Value),
    ("displayNamesFilter", Value),
    ("displayNamesExcludeFilter", Value),
    ("alertRuleTemplateName", Value),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];

const FUSION: Table = &[
    ("enabled", Value),
    ("alertRuleTemplateName", Value),
    ("sourceSettings", Value),
    ("scenarioExclusionPatterns", Value),
    ("displayName", Server),
    ("description", Server),
    ("severity", Server),
    ("tactics", Server),
    ("techniques", Server),
    ("subTechniques", Server),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];

const MACHINE_LEARNING: Table = &[
    ("enabled", Value),
    ("alertRuleTemplateName", Value),
    ("displayName", Server),
    ("description", Server),
    ("severity", Server),
    ("tactics", Server),
    ("techniques", Server),
    ("subTechniques", Server),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];

/// As machine learning, but for the name: read-only by the specification, demanded by the service (CONTRACT B.3).
const THREAT_INTELLIGENCE: Table = &[
    ("enabled", Value),
    ("alertRuleTemplateName", Value),
    ("displayName", Value),
    ("description", Server),
    ("severity", Server),
    ("tactics", Server),
    ("techniques", Server),
    ("subTechniques", Server),
    ("lastModifiedUtc", Server),
    ("provisioningState", Server),
    ("etag", Server),
];
