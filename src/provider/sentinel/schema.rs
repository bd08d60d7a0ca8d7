//! How properties of analytics rules compare, and what their absence stands for. Facts: CONTRACT B.3.

use crate::resource::{Field, Kind, Schema, Shape};

const ALERTING: &[Kind] = &[Kind::Scheduled, Kind::Nrt];
const SCHEDULED: &[Kind] = &[Kind::Scheduled];
const MICROSOFT_SECURITY: &[Kind] = &[Kind::MicrosoftSecurityIncidentCreation];
const FUSION: &[Kind] = &[Kind::Fusion];
const DESCRIBED: &[Kind] =
    &[Kind::Scheduled, Kind::Nrt, Kind::MicrosoftSecurityIncidentCreation, Kind::Watchlist];

/// The table.
pub(super) static SCHEMA: Schema = Schema {
    fields: &[
        field("description", Shape::Text, None, DESCRIBED),
        field("query", Shape::Text, None, ALERTING),
        field("queryFrequency", Shape::Duration, None, SCHEDULED),
        field("queryPeriod", Shape::Duration, None, SCHEDULED),
        field("triggerOperator", Shape::Plain, Some(r#""GreaterThan""#), SCHEDULED),
        field("triggerThreshold", Shape::Plain, Some("0"), SCHEDULED),
        field("suppressionEnabled", Shape::Plain, Some("false"), ALERTING),
        field("suppressionDuration", Shape::Duration, Some(r#""PT5H""#), ALERTING),
        field("eventGroupingSettings.aggregationKind", Shape::Plain, Some(r#""SingleAlert""#), ALERTING),
        field("incidentConfiguration.createIncident", Shape::Plain, Some("true"), ALERTING),
        field("incidentConfiguration.groupingConfiguration.enabled", Shape::Plain, Some("false"), ALERTING),
        field(
            "incidentConfiguration.groupingConfiguration.reopenClosedIncident",
            Shape::Plain,
            Some("false"),
            ALERTING,
        ),
        field(
            "incidentConfiguration.groupingConfiguration.lookbackDuration",
            Shape::Duration,
            Some(r#""PT5H""#),
            ALERTING,
        ),
        field(
            "incidentConfiguration.groupingConfiguration.matchingMethod",
            Shape::Plain,
            Some(r#""AllEntities""#),
            ALERTING,
        ),
        field("incidentConfiguration.groupingConfiguration.groupByEntities", Shape::Set, None, ALERTING),
        field("incidentConfiguration.groupingConfiguration.groupByAlertDetails", Shape::Set, None, ALERTING),
        field("incidentConfiguration.groupingConfiguration.groupByCustomDetails", Shape::Set, None, ALERTING),
        field("tactics", Shape::Set, None, ALERTING),
        field("techniques", Shape::Set, None, ALERTING),
        field("subTechniques", Shape::Set, None, ALERTING),
        field("entityMappings", Shape::Set, None, ALERTING),
        field("entityMappings[].fieldMappings", Shape::Set, None, ALERTING),
        field("sentinelEntitiesMappings", Shape::Set, None, ALERTING),
        field("alertDetailsOverride.alertDescriptionFormat", Shape::Text, None, ALERTING),
        field("alertDetailsOverride.alertDynamicProperties", Shape::Set, None, ALERTING),
        field("severitiesFilter", Shape::Set, None, MICROSOFT_SECURITY),
        field("displayNamesFilter", Shape::Set, None, MICROSOFT_SECURITY),
        field("displayNamesExcludeFilter", Shape::Set, None, MICROSOFT_SECURITY),
        field("sourceSettings", Shape::Set, None, FUSION),
        field("sourceSettings[].sourceSubTypes", Shape::Set, None, FUSION),
        field("sourceSettings[].sourceSubTypes[].severityFilters.filters", Shape::Set, None, FUSION),
        field("scenarioExclusionPatterns", Shape::Set, None, FUSION),
    ],
};

const fn field(
    path: &'static str,
    shape: Shape,
    default: Option<&'static str>,
    kinds: &'static [Kind],
) -> Field {
    Field { path, shape, default, optional: false, kinds }
}
