//! How properties of custom detections compare, and what their absence stands for. Facts: CONTRACT A.2–A.4.

use crate::resource::{Field, Kind, Schema, Shape};

const KINDS: &[Kind] = &[Kind::CustomDetection];

/// The table.
pub(super) static SCHEMA: Schema = Schema {
    fields: &[
        field("description", Shape::Text, None),
        field("queryCondition.queryText", Shape::Text, None),
        field("schedule.frequency", Shape::Duration, None),
        field("schedule.lookback", Shape::Duration, None),
        field("detectionAction.alertTemplate.description", Shape::Text, None),
        field("detectionAction.alertTemplate.recommendedActions", Shape::Text, None),
        field("detectionAction.alertTemplate.tactics", Shape::Set, None),
        field("detectionAction.alertTemplate.tactics[].techniques", Shape::Set, None),
        field("detectionAction.alertTemplate.tactics[].techniques[].subTechniques", Shape::Set, None),
        field("detectionAction.alertTemplate.entityMappings.*", Shape::Set, None),
        field("detectionAction.alertTemplate.eventGroupingKind", Shape::Plain, Some(r#""alertPerEvent""#)),
        field("detectionAction.automatedActions.*", Shape::Set, None),
        field("detectionAction.automatedActions.*[].deviceGroupNames", Shape::Set, None),
        field("detectionAction.organizationalScope.deviceGroups", Shape::Set, None),
        field(
            "detectionAction.incidentConfiguration.isExcludedFromIncidentCorrelation",
            Shape::Plain,
            Some("false"),
        ),
    ],
};

/// Every default of this table belongs to a property of the newest beta only (CONTRACT A.4), so none is ever filled in.
const fn field(path: &'static str, shape: Shape, default: Option<&'static str>) -> Field {
    Field { path, shape, default, optional: default.is_some(), kinds: KINDS }
}
