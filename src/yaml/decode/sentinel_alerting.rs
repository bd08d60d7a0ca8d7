//! What scheduled and near-real-time rules share: entities, details, alert texts, incidents, suppression.

use super::object::{Object, pairs};
use super::scalar::{boolean, duration, line, name_of, text};
use crate::diagnostic::Diagnostics;
use crate::duration::IsoDuration;
use crate::model::sentinel::{AlertOverride, Alerting, EntityMapping, Grouping, Suppression};
use crate::model::vocabulary::{
    AGGREGATION_KINDS, ALERT_DETAILS, ALERT_PROPERTIES, ENTITY_TYPES, MATCHING_METHODS,
};
use crate::source::Spanned;
use crate::yaml::Node;

/// Every key that is read here.
pub(super) const ALERTING_KEYS: &[&str] = &[
    "entities",
    "sentinel_entities",
    "custom_details",
    "alert",
    "event_grouping",
    "incidents",
    "grouping",
    "suppression",
];

/// Column names by the author's keys.
type Columns = Vec<(Spanned<String>, Spanned<String>)>;

/// The shared part of a section; it has no mandatory keys.
pub(super) fn alerting(section: &Object<'_>, out: &mut Diagnostics) -> Alerting {
    Alerting {
        entities: section.list("entities", out, entity),
        sentinel_entities: section.list("sentinel_entities", out, line),
        custom_details: section.optional("custom_details", out, columns).unwrap_or_default(),
        alert: section.optional("alert", out, alert),
        event_grouping: section.optional("event_grouping", out, name_of(AGGREGATION_KINDS)),
        create_incident: section.optional("incidents", out, |node, out| {
            let object = Object::open(node, "the incidents section", &["create"], out)?;
            object.required("create", out, boolean)
        }),
        grouping: section.optional("grouping", out, grouping),
        suppression: section.optional("suppression", out, suppression),
    }
}

fn columns(node: &Node, out: &mut Diagnostics) -> Option<Columns> {
    pairs(node, "a mapping from name to column", out, line)
}

fn entity(node: &Node, out: &mut Diagnostics) -> Option<EntityMapping> {
    let object = Object::open(node, "an entity", &["type", "fields"], out)?;
    let entity = object.required("type", out, name_of(ENTITY_TYPES));
    let fields = object.required("fields", out, columns);
    Some(EntityMapping { entity: entity?, fields: fields?, span: object.span() })
}

fn alert(node: &Node, out: &mut Diagnostics) -> Option<AlertOverride> {
    let keys =
        ["name_format", "description_format", "tactics_column", "severity_column", "dynamic_properties"];
    let object = Object::open(node, "the alert section", &keys, out)?;
    Some(AlertOverride {
        name_format: object.optional("name_format", out, line),
        description_format: object.optional("description_format", out, text),
        tactics_column: object.optional("tactics_column", out, line),
        severity_column: object.optional("severity_column", out, line),
        dynamic_properties: object
            .optional("dynamic_properties", out, |node, out| {
                Object::open(node, "the dynamic_properties section", ALERT_PROPERTIES, out)?;
                columns(node, out)
            })
            .unwrap_or_default(),
    })
}

/// Defaults where nothing is said: not reopened, five hours, all entities (CONTRACT B.3; the portal's own defaults).
fn grouping(node: &Node, out: &mut Diagnostics) -> Option<Grouping> {
    let keys = [
        "enabled",
        "reopen_closed",
        "lookback",
        "matching",
        "by_entities",
        "by_alert_details",
        "by_custom_details",
    ];
    let object = Object::open(node, "the grouping", &keys, out)?;
    let at = object.span();
    let enabled = object.required("enabled", out, boolean);
    Some(Grouping {
        reopen_closed: object.optional("reopen_closed", out, boolean).unwrap_or(Spanned::new(false, at)),
        lookback: object
            .optional("lookback", out, duration)
            .unwrap_or(Spanned::new(IsoDuration::from_hours(5), at)),
        matching: object
            .optional("matching", out, name_of(MATCHING_METHODS))
            .unwrap_or_else(|| Spanned::new("AllEntities".to_owned(), at)),
        by_entities: object.list("by_entities", out, name_of(ENTITY_TYPES)),
        by_alert_details: object.list("by_alert_details", out, name_of(ALERT_DETAILS)),
        by_custom_details: object.list("by_custom_details", out, line),
        enabled: enabled?,
    })
}

fn suppression(node: &Node, out: &mut Diagnostics) -> Option<Suppression> {
    let object = Object::open(node, "the suppression", &["enabled", "duration"], out)?;
    let enabled = object.required("enabled", out, boolean);
    let length = object.required("duration", out, duration);
    Some(Suppression { enabled: enabled?, duration: length? })
}
