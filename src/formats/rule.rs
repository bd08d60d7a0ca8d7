//! A rule file: the shared part, `defender:` and `sentinel:`.

use serde_json::{Value, json};

use super::shape::{
    boolean, date, duration, file, form, insert, int, line, list, map, name, names, object, one_or_many,
    rule_id, text, words,
};
use crate::model::attack::TACTICS;
use crate::model::rule::{Severity, Status, Strength};
use crate::model::vocabulary::{
    AGGREGATION_KINDS, ALERT_DETAILS, ALERT_PROPERTIES, AUTOMATED_ACTIONS, ENTITY_MAPPINGS, ENTITY_TYPES,
    EVENT_GROUPING_KINDS, ISOLATION_TYPES, MATCHING_METHODS, PRODUCTS, TRIGGER_OPERATORS,
};

/// Kinds whose alerts get their severity from elsewhere.
const WITHOUT_SEVERITY: [&str; 4] =
    ["microsoft-security", "fusion", "ml-behavior-analytics", "threat-intelligence"];
/// Keys of `sentinel:` and the kinds that have them; any other key belongs to every kind.
const OF_KINDS: [(&[&str], &[&str]); 4] = [
    (&["frequency", "period", "trigger"], &["scheduled"]),
    (
        &[
            "query",
            "entities",
            "sentinel_entities",
            "custom_details",
            "alert",
            "event_grouping",
            "incidents",
            "grouping",
            "suppression",
        ],
        &["scheduled", "nrt"],
    ),
    (&["product", "severities", "display_names", "exclude_display_names"], &["microsoft-security"]),
    (&["sources", "exclusion_patterns"], &["fusion"]),
];

pub(super) fn schema() -> Value {
    let mut rule = file(
        [
            ("id", rule_id()),
            ("name", line()),
            ("previous_ids", list(rule_id())),
            ("status", names(&Status::NAMES)),
            ("enabled", boolean()),
            ("severity", names(&Severity::NAMES)),
            ("description", text()),
            ("attack", list(object([("tactic", tactic()), ("techniques", list(technique()))], &["tactic"]))),
            ("references", list(line())),
            ("false_positives", one_or_many(text())),
            ("blind_spots", one_or_many(text())),
            ("response", text()),
            ("owner", line()),
            ("tags", list(line())),
            ("data_sources", list(line())),
            ("environments", list(line())),
            ("protect", boolean()),
            ("query", text()),
            (
                "allowlist",
                map(object([("columns", list(line())), ("require", names(&Strength::NAMES))], &[])),
            ),
            ("defender", defender()),
            ("sentinel", sentinel()),
            (
                "changelog",
                list(object(
                    [("version", line()), ("date", date()), ("message", text())],
                    &["version", "date", "message"],
                )),
            ),
            ("silence", list(object([("lint", line()), ("reason", text())], &["lint", "reason"]))),
            ("tests", super::cases::tests()),
        ],
        &["id", "name", "status"],
    );
    // Only those kinds of analytics rule do without a severity, and only when the rule is nothing else.
    let elsewhere = json!({"properties": {"kind": {"enum": WITHOUT_SEVERITY}}, "required": ["kind"]});
    let alone = json!({"not": {"required": ["defender"]}, "required": ["sentinel"], "properties": {"sentinel": elsewhere}});
    insert(&mut rule, "anyOf", json!([{"required": ["severity"]}, alone]));
    rule
}

/// A part of a rule, as an environment lays it over the file: nothing is required, and what is fixed everywhere is not there.
pub(super) fn partial() -> Value {
    let mut rule = schema();
    if let Some(properties) = rule.get_mut("properties").and_then(Value::as_object_mut) {
        for fixed in
            ["id", "previous_ids", "environments", "query", "allowlist", "tests", "changelog", "silence"]
        {
            properties.remove(fixed);
        }
        for section in ["defender", "sentinel"] {
            let keys = properties.get_mut(section).and_then(|section| section.get_mut("properties"));
            keys.and_then(Value::as_object_mut).map(|keys| keys.remove("query"));
        }
    }
    if let Some(members) = rule.as_object_mut() {
        members.remove("patternProperties");
    }
    relax(&mut rule);
    rule
}

/// Takes away what is demanded of a whole.
fn relax(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                for demand in ["required", "anyOf", "allOf"] {
                    members.remove(demand);
                }
            }
            members.values_mut().for_each(relax);
        }
        Value::Array(items) => items.iter_mut().for_each(relax),
        _ => {}
    }
}

/// The services' names are offered; ATT&CK's own spellings and ids are taken as well.
fn tactic() -> Value {
    let known: Vec<&str> = TACTICS.iter().map(|(name, _)| *name).collect();
    json!({"anyOf": [{"enum": known}, {"type": "string", "pattern": r"^([A-Za-z][A-Za-z _-]+|[Tt][Aa]\d{4})$"}]})
}

fn technique() -> Value {
    form(r"^T\d{4}(\.\d{3})?$", "T1053.005")
}

fn defender() -> Value {
    object(
        [
            ("rule_id", name("_-", 100)),
            ("frequency", duration()),
            ("lookback", duration()),
            ("title", line()),
            ("rule_description", text()),
            ("description", text()),
            ("recommended_actions", text()),
            ("entities", collections(ENTITY_MAPPINGS)),
            ("custom_details", map(line())),
            ("event_grouping", words(EVENT_GROUPING_KINDS)),
            ("actions", collections(AUTOMATED_ACTIONS)),
            ("device_groups", list(line())),
            ("exclude_from_correlation", boolean()),
            ("query", text()),
        ],
        &["frequency"],
    )
}

/// Collections, each a list of mappings from its members.
fn collections(table: &[(&str, &[&str])]) -> Value {
    let mut all = object([], &[]);
    let properties = table.iter().map(|(collection, members)| {
        let members = members.iter().map(|member| {
            let value = match *member {
                "deviceGroupNames" => list(line()),
                "isolationType" => words(ISOLATION_TYPES),
                _ => line(),
            };
            ((*member).to_owned(), value)
        });
        let mut item = object([], &[]);
        insert(&mut item, "properties", Value::Object(members.collect()));
        ((*collection).to_owned(), list(item))
    });
    insert(&mut all, "properties", Value::Object(properties.collect()));
    all
}

fn sentinel() -> Value {
    let mut section = object(
        [
            ("rule_id", name("._-", 100)),
            ("workspaces", list(line())),
            (
                "kind",
                words(&[
                    "scheduled",
                    "nrt",
                    "microsoft-security",
                    "fusion",
                    "ml-behavior-analytics",
                    "threat-intelligence",
                ]),
            ),
            ("template", object([("name", line()), ("version", line())], &["name"])),
            ("query", text()),
            ("frequency", duration()),
            ("period", duration()),
            ("trigger", object([("operator", words(TRIGGER_OPERATORS)), ("threshold", int(0, 10_000))], &[])),
            (
                "entities",
                list(object([("type", words(ENTITY_TYPES)), ("fields", map(line()))], &["type", "fields"])),
            ),
            ("sentinel_entities", list(line())),
            ("custom_details", map(line())),
            ("alert", alert()),
            ("event_grouping", words(AGGREGATION_KINDS)),
            ("incidents", object([("create", boolean())], &["create"])),
            ("grouping", grouping()),
            (
                "suppression",
                object([("enabled", boolean()), ("duration", duration())], &["enabled", "duration"]),
            ),
            ("product", words(PRODUCTS)),
            ("severities", list(severity())),
            ("display_names", list(line())),
            ("exclude_display_names", list(line())),
            ("sources", list(source())),
            (
                "exclusion_patterns",
                list(object([("pattern", line()), ("added", super::shape::time())], &["pattern", "added"])),
            ),
        ],
        &["kind"],
    );
    let is = |kinds: &[&str]| json!({"properties": {"kind": {"enum": kinds}}, "required": ["kind"]});
    let mut demands: Vec<Value> = OF_KINDS
        .iter()
        .map(|(keys, kinds)| {
            let none: serde_json::Map<String, Value> =
                keys.iter().map(|key| ((*key).to_owned(), json!(false))).collect();
            json!({"if": is(kinds), "else": {"properties": none}})
        })
        .collect();
    demands.push(json!({"if": is(&["scheduled"]), "then": {"required": ["frequency", "period"]}}));
    demands.push(json!({"if": is(&["microsoft-security"]), "then": {"required": ["product"]}}));
    insert(&mut section, "allOf", json!(demands));
    section
}

fn alert() -> Value {
    let mut properties = object([], &[]);
    let all = ALERT_PROPERTIES.iter().map(|property| ((*property).to_owned(), line()));
    insert(&mut properties, "properties", Value::Object(all.collect()));
    object(
        [
            ("name_format", line()),
            ("description_format", text()),
            ("tactics_column", line()),
            ("severity_column", line()),
            ("dynamic_properties", properties),
        ],
        &[],
    )
}

fn grouping() -> Value {
    object(
        [
            ("enabled", boolean()),
            ("reopen_closed", boolean()),
            ("lookback", duration()),
            ("matching", words(MATCHING_METHODS)),
            ("by_entities", list(words(ENTITY_TYPES))),
            ("by_alert_details", list(words(ALERT_DETAILS))),
            ("by_custom_details", list(line())),
        ],
        &["enabled"],
    )
}

/// Sentinel's own severities are capitalised; both spellings are taken where a list of them stands.
fn severity() -> Value {
    json!({"enum": ["informational", "low", "medium", "high", "Informational", "Low", "Medium", "High"]})
}

fn source() -> Value {
    let mut severities = map(boolean());
    insert(&mut severities, "propertyNames", severity());
    let sub_type =
        object([("name", line()), ("enabled", boolean()), ("severities", severities)], &["name", "enabled"]);
    object([("name", line()), ("enabled", boolean()), ("sub_types", list(sub_type))], &["name", "enabled"])
}
