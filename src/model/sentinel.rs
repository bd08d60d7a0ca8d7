//! The `sentinel:` section of a rule: everything of an analytics rule that is not the shared metadata.
//! Facts: CONTRACT B.3.

use crate::duration::IsoDuration;
use crate::model::rule::{Query, Severity};
use crate::source::{Span, Spanned};

/// One analytics rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// Pins the platform's id (rules that were adopted); otherwise it is computed.
    pub rule_id: Option<Spanned<String>>,
    /// Workspaces by name that take the rule; empty: all of the environment.
    pub workspaces: Vec<Spanned<String>>,
    /// What kind of rule it is, with what only that kind has.
    pub kind: Spanned<Kind>,
    /// `alertRuleTemplateName` and `templateVersion`.
    pub template: Option<Template>,
    /// A query for this platform instead of the shared one.
    pub query: Option<Query>,
    /// The section's place.
    pub span: Span,
}

/// The kinds of analytics rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Runs on a schedule.
    Scheduled(Box<(Schedule, Alerting)>),
    /// Near real time: every minute.
    Nrt(Box<Alerting>),
    /// `MicrosoftSecurityIncidentCreation`: makes incidents of another product's alerts.
    MicrosoftSecurity(Box<MicrosoftSecurity>),
    /// The Fusion correlation engine.
    Fusion(Box<Fusion>),
    /// `MLBehaviorAnalytics`: on or off, by template.
    MlBehaviorAnalytics,
    /// `ThreatIntelligence`: on or off, by template.
    ThreatIntelligence,
}

impl Kind {
    /// The word that rule files use.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Scheduled(_) => "scheduled",
            Self::Nrt(_) => "nrt",
            Self::MicrosoftSecurity(_) => "microsoft-security",
            Self::Fusion(_) => "fusion",
            Self::MlBehaviorAnalytics => "ml-behavior-analytics",
            Self::ThreatIntelligence => "threat-intelligence",
        }
    }

    /// Whether it has a query.
    #[must_use]
    pub const fn has_query(&self) -> bool {
        matches!(self, Self::Scheduled(_) | Self::Nrt(_))
    }
}

/// When a scheduled rule runs and when it alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `queryFrequency`.
    pub frequency: Spanned<IsoDuration>,
    /// `queryPeriod`.
    pub period: Spanned<IsoDuration>,
    /// `GreaterThan`, `LessThan`, `Equal`, `NotEqual`; default `GreaterThan`.
    pub operator: Spanned<String>,
    /// 0–10,000; default 0.
    pub threshold: Spanned<u32>,
}

/// What scheduled and NRT rules share: how results become alerts and incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerting {
    /// Entity mappings.
    pub entities: Vec<EntityMapping>,
    /// `sentinelEntitiesMappings`: columns that hold entities already.
    pub sentinel_entities: Vec<Spanned<String>>,
    /// Custom details: key to column.
    pub custom_details: Vec<(Spanned<String>, Spanned<String>)>,
    /// `alertDetailsOverride`.
    pub alert: Option<AlertOverride>,
    /// `SingleAlert` or `AlertPerResult`; default `SingleAlert`.
    pub event_grouping: Option<Spanned<String>>,
    /// `incidentConfiguration.createIncident`; default true.
    pub create_incident: Option<Spanned<bool>>,
    /// `incidentConfiguration.groupingConfiguration`.
    pub grouping: Option<Grouping>,
    /// `suppressionEnabled` and `suppressionDuration`.
    pub suppression: Option<Suppression>,
}

/// One entity mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityMapping {
    /// Entity type, for example `Host`.
    pub entity: Spanned<String>,
    /// Identifier to column, at most three.
    pub fields: Vec<(Spanned<String>, Spanned<String>)>,
    /// Its place.
    pub span: Span,
}

/// `alertDetailsOverride`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertOverride {
    /// `alertDisplayNameFormat`.
    pub name_format: Option<Spanned<String>>,
    /// `alertDescriptionFormat`.
    pub description_format: Option<Spanned<String>>,
    /// `alertTacticsColumnName`.
    pub tactics_column: Option<Spanned<String>>,
    /// `alertSeverityColumnName`.
    pub severity_column: Option<Spanned<String>>,
    /// `alertDynamicProperties`: property to column.
    pub dynamic_properties: Vec<(Spanned<String>, Spanned<String>)>,
}

/// `groupingConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Whether alerts are grouped.
    pub enabled: Spanned<bool>,
    /// Whether a closed incident is reopened.
    pub reopen_closed: Spanned<bool>,
    /// PT5M–P7D.
    pub lookback: Spanned<IsoDuration>,
    /// `AllEntities`, `AnyAlert`, `Selected`.
    pub matching: Spanned<String>,
    /// Entity types to group by.
    pub by_entities: Vec<Spanned<String>>,
    /// `DisplayName`, `Severity`.
    pub by_alert_details: Vec<Spanned<String>>,
    /// Keys of custom details.
    pub by_custom_details: Vec<Spanned<String>>,
}

/// Suppression after an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Whether it is on.
    pub enabled: Spanned<bool>,
    /// PT5M–PT24H.
    pub duration: Spanned<IsoDuration>,
}

/// The content template that a rule came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// `alertRuleTemplateName`.
    pub name: Spanned<String>,
    /// `templateVersion`.
    pub version: Option<Spanned<String>>,
}

/// What only `microsoft-security` has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicrosoftSecurity {
    /// `productFilter`, in the old product names.
    pub product: Spanned<String>,
    /// `severitiesFilter`.
    pub severities: Vec<Spanned<Severity>>,
    /// `displayNamesFilter`.
    pub display_names: Vec<Spanned<String>>,
    /// `displayNamesExcludeFilter`.
    pub exclude_display_names: Vec<Spanned<String>>,
}

/// What only `fusion` has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fusion {
    /// `sourceSettings`.
    pub sources: Vec<FusionSource>,
    /// `scenarioExclusionPatterns`: pattern and when it was added (UTC, ISO-8601).
    pub exclusion_patterns: Vec<(Spanned<String>, Spanned<String>)>,
}

/// One source of Fusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FusionSource {
    /// `sourceName`.
    pub name: Spanned<String>,
    /// Whether it is used.
    pub enabled: Spanned<bool>,
    /// `sourceSubTypes`.
    pub sub_types: Vec<FusionSubType>,
}

/// One sub-type of a Fusion source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FusionSubType {
    /// `sourceSubTypeName`.
    pub name: Spanned<String>,
    /// Whether it is used.
    pub enabled: Spanned<bool>,
    /// `severityFilters.filters`: severity and whether it is used.
    pub severities: Vec<(Spanned<Severity>, Spanned<bool>)>,
}
