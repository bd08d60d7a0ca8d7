//! A custom detection's properties, in the present Graph shape, as a rule file. Facts: CONTRACT A.2–A.4.

use serde_json::{Value, json};

use super::attack;
use super::rest::{Rest, columns, line, lines, word};
use crate::import::draft::{Draft, Properties, Section};
use crate::model::vocabulary::{AUTOMATED_ACTIONS, ENTITY_MAPPINGS, EVENT_GROUPING_KINDS, ISOLATION_TYPES};

/// The section's keys in the order of docs/formats.md.
const ORDER: [&str; 11] = [
    "frequency",
    "lookback",
    "title",
    "rule_description",
    "description",
    "entities",
    "custom_details",
    "event_grouping",
    "actions",
    "device_groups",
    "exclude_from_correlation",
];

/// The draft of a custom detection: its properties in Graph's words, without the server's own.
///
/// The id and what pins the rule are the caller's to fill in.
#[must_use]
pub fn defender(properties: &Properties) -> Draft {
    let mut draft = Draft::default();
    let mut rest = Rest::new(properties);
    let mut settings = Properties::new();
    draft.name = rest.line("displayName").unwrap_or_default();
    let status = rest.word("status", &["enabled", "disabled"]);
    draft.enabled = status.filter(|status| status == "disabled").map(|_| false);
    draft.query = rest.object("queryCondition", |rest| rest.text("queryText")).flatten();
    let own_description = rest.text("description");
    rest.object("schedule", |rest| {
        for name in ["frequency", "lookback"] {
            if let Some(duration) = rest.duration(name) {
                settings.insert(name.into(), duration.to_string().into());
            }
        }
    });
    let alert_description = rest.object("detectionAction", |rest| {
        let description = rest.object("alertTemplate", |rest| alert(rest, &mut draft, &mut settings));
        if let Some(actions) = rest.object("automatedActions", |rest| collections(rest, AUTOMATED_ACTIONS)) {
            put(&mut settings, "actions", actions);
        }
        let scope = rest.object("organizationalScope", |rest| rest.take("deviceGroups", lines));
        put(&mut settings, "device_groups", json!(scope.flatten()));
        let excluded = rest
            .object("incidentConfiguration", |rest| rest.boolean("isExcludedFromIncidentCorrelation"))
            .flatten();
        put(&mut settings, "exclude_from_correlation", json!(excluded));
        description.flatten()
    });
    descriptions(&mut draft, &mut settings, own_description, alert_description.flatten());
    rest.settle(&mut draft, "defender");
    let settings = ORDER.iter().filter_map(|key| settings.shift_remove_entry(*key)).collect();
    draft.defender = Some(Section { settings, ..Section::default() });
    draft
}

/// Takes the alert's template; gives its description, which depends on the rule's own.
fn alert(rest: &mut Rest, draft: &mut Draft, settings: &mut Properties) -> Option<String> {
    let title = rest.line("title").filter(|title| *title != draft.name);
    put(settings, "title", json!(title));
    draft.severity = rest.severity("severity");
    draft.response = rest.text("recommendedActions");
    draft.attack = rest.take("tactics", attack::tree).unwrap_or_default();
    if let Some(entities) = rest.object("entityMappings", |rest| collections(rest, ENTITY_MAPPINGS)) {
        put(settings, "entities", entities);
    }
    put(settings, "custom_details", json!(rest.take("customDetails", columns)));
    put(settings, "event_grouping", json!(rest.word("eventGroupingKind", EVENT_GROUPING_KINDS)));
    rest.text("description")
}

/// The rule's description is the alert's too, unless the section has another; and the other way round.
fn descriptions(draft: &mut Draft, settings: &mut Properties, own: Option<String>, alert: Option<String>) {
    let same = own.as_deref().map(str::trim_end) == alert.as_deref().map(str::trim_end);
    match (own, alert) {
        (own, _) if same => draft.description = own,
        (Some(own), None) => put(settings, "rule_description", own.into()),
        (own, Some(alert)) => {
            draft.description = own;
            put(settings, "description", alert.into());
        }
        (None, None) => {}
    }
}

/// The collections that the table knows, with every member; an item with anything else in it leaves its collection.
fn collections(rest: &mut Rest, table: &[(&str, &[&str])]) -> Value {
    let mut found = Properties::new();
    for (name, members) in table {
        let items = rest.take(name, |value| {
            let item = |item: &Value| {
                let item = item.as_object()?;
                let fits =
                    |(key, value): (&String, &Value)| members.contains(&key.as_str()) && fits(key, value);
                item.iter().all(fits).then(|| Value::Object(item.clone()))
            };
            value.as_array()?.iter().map(item).collect::<Option<Vec<_>>>()
        });
        if let Some(items) = items {
            found.insert((*name).to_owned(), items.into());
        }
    }
    found.into()
}

fn fits(member: &str, value: &Value) -> bool {
    match member {
        "deviceGroupNames" => lines(value).is_some(),
        "isolationType" => word(value, ISOLATION_TYPES).is_some(),
        _ => line(value).is_some(),
    }
}

fn put(settings: &mut Properties, name: &str, value: Value) {
    if !crate::import::draft::says_nothing(&value) {
        settings.insert(name.to_owned(), value);
    }
}
