//! What scheduled and near-real-time rules share: entities, details, alert texts, incidents, suppression.
//!
//! A key is left out where it would say what a rule file means without it.

use serde_json::{Value, json};

use super::rest::{Rest, columns, line, lines, word};
use crate::duration::IsoDuration;
use crate::import::draft::Properties;
use crate::model::vocabulary::{
    AGGREGATION_KINDS, ALERT_DETAILS, ALERT_PROPERTIES, ENTITY_TYPES, MATCHING_METHODS,
};

/// Five hours: the portal's own default for grouping and suppression (CONTRACT B.3).
const USUAL: IsoDuration = IsoDuration::from_hours(5);

/// Takes everything of alerts and incidents, in the order of docs/formats.md.
pub(super) fn raise(rest: &mut Rest, settings: &mut Properties) {
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    };
    put("entities", rest.take("entityMappings", entities));
    put("sentinel_entities", rest.take("sentinelEntitiesMappings", sentinel_entities));
    put("custom_details", rest.take("customDetails", columns));
    put("alert", rest.object("alertDetailsOverride", alert).filter(has_members));
    let kind = rest.object("eventGroupingSettings", |rest| rest.word("aggregationKind", AGGREGATION_KINDS));
    put("event_grouping", kind.flatten().filter(|kind| kind != "SingleAlert").map(Value::from));
    let incidents = rest.object("incidentConfiguration", |rest| {
        let create = rest.boolean("createIncident");
        let grouping = rest.object("groupingConfiguration", grouping);
        (create, grouping.flatten())
    });
    let (create, grouping) = incidents.unwrap_or_default();
    put("incidents", create.filter(|create| !create).map(|create| json!({"create": create})));
    put("grouping", grouping);
    put("suppression", suppression(rest));
}

fn entities(value: &Value) -> Option<Value> {
    let entity = |mapping: &Value| {
        only(mapping, &["entityType", "fieldMappings"])?;
        let kind = word(mapping.get("entityType")?, ENTITY_TYPES)?;
        let mut fields = Properties::new();
        for field in mapping.get("fieldMappings")?.as_array()? {
            only(field, &["identifier", "columnName"])?;
            let column = line(field.get("columnName")?)?;
            // Two columns for one identifier cannot be said in a mapping.
            if fields.insert(line(field.get("identifier")?)?, column.into()).is_some() {
                return None;
            }
        }
        Some(json!({"type": kind, "fields": fields}))
    };
    value.as_array()?.iter().map(entity).collect::<Option<Vec<_>>>().map(Value::from)
}

fn sentinel_entities(value: &Value) -> Option<Value> {
    let column = |mapping: &Value| {
        only(mapping, &["columnName"])?;
        line(mapping.get("columnName")?)
    };
    value.as_array()?.iter().map(column).collect::<Option<Vec<_>>>().map(Value::from)
}

fn alert(rest: &mut Rest) -> Value {
    let mut alert = Properties::new();
    for (name, property, many) in [
        ("name_format", "alertDisplayNameFormat", false),
        ("description_format", "alertDescriptionFormat", true),
        ("tactics_column", "alertTacticsColumnName", false),
        ("severity_column", "alertSeverityColumnName", false),
    ] {
        let text = if many { rest.text(property) } else { rest.line(property) };
        if let Some(text) = text {
            alert.insert(name.to_owned(), text.into());
        }
    }
    let dynamic = rest.take("alertDynamicProperties", |value| {
        let mut found = Properties::new();
        for property in value.as_array()? {
            only(property, &["alertProperty", "value"])?;
            let name = word(property.get("alertProperty")?, ALERT_PROPERTIES)?;
            if found.insert(name, line(property.get("value")?)?.into()).is_some() {
                return None;
            }
        }
        Some(found)
    });
    if let Some(dynamic) = dynamic {
        alert.insert("dynamic_properties".to_owned(), dynamic.into());
    }
    alert.into()
}

/// Nothing, when it is what a rule without the key gets.
fn grouping(rest: &mut Rest) -> Option<Value> {
    let enabled = rest.boolean("enabled").unwrap_or(false);
    let mut said = Properties::new();
    if rest.boolean("reopenClosedIncident") == Some(true) {
        said.insert("reopen_closed".into(), true.into());
    }
    if let Some(lookback) = rest.duration("lookbackDuration").filter(|found| *found != USUAL) {
        said.insert("lookback".into(), lookback.to_string().into());
    }
    if let Some(matching) =
        rest.word("matchingMethod", MATCHING_METHODS).filter(|found| found != "AllEntities")
    {
        said.insert("matching".into(), matching.into());
    }
    let of = |words: &'static [&'static str]| {
        move |value: &Value| {
            value.as_array()?.iter().map(|item| word(item, words)).collect::<Option<Vec<_>>>()
        }
    };
    for (name, found) in [
        ("by_entities", rest.take("groupByEntities", of(ENTITY_TYPES))),
        ("by_alert_details", rest.take("groupByAlertDetails", of(ALERT_DETAILS))),
        ("by_custom_details", rest.take("groupByCustomDetails", lines)),
    ] {
        if let Some(found) = found {
            said.insert(name.to_owned(), json!(found));
        }
    }
    if !enabled && said.is_empty() {
        return None;
    }
    let mut grouping = Properties::new();
    grouping.insert("enabled".into(), enabled.into());
    grouping.extend(said);
    Some(grouping.into())
}

/// Nothing, when it is what a rule without the key gets: off, for five hours.
fn suppression(rest: &mut Rest) -> Option<Value> {
    let enabled = rest.boolean("suppressionEnabled").unwrap_or(false);
    let duration = rest.duration("suppressionDuration").unwrap_or(USUAL);
    (enabled || duration != USUAL).then(|| json!({"enabled": enabled, "duration": duration.to_string()}))
}

/// The object has no member but these.
fn only(value: &Value, members: &[&str]) -> Option<()> {
    value.as_object()?.keys().all(|key| members.contains(&key.as_str())).then_some(())
}

fn has_members(value: &Value) -> bool {
    value.as_object().is_some_and(|members| !members.is_empty())
}
