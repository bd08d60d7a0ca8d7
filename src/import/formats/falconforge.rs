//! FalconForge's `usecase.yml`: a use case with one query, for Sentinel or for Defender.

use serde_json::{Map, Value, json};

use super::xdr_converter::account_member;
use super::{Foreign, Format, Reading, azure_sentinel, keep_rest, words};
use crate::import::draft::{Draft, Section};
use crate::import::{Fate, raise};
use crate::model::rule::Severity;
use crate::resource::Kind;

type Object = Map<String, Value>;

/// The rule of a document.
pub(super) fn read(mut document: Object, reading: &mut Reading) {
    let Some(Value::Object(mut detection)) = document.shift_remove("detection_query") else {
        return reading.broken(None, "`detection_query` is no mapping");
    };
    let language = text(&mut detection, "language").unwrap_or_else(|| "Kusto".to_owned());
    if !matches!(language.to_ascii_lowercase().as_str(), "kusto" | "kql") {
        let reason = format!("its query is written in {language}, and only KQL runs here");
        return reading.broken(None, reason);
    }
    let platform = text(&mut detection, "platform").unwrap_or_default();
    let variables = match detection.shift_remove("deployment_variables") {
        Some(Value::Object(variables)) => variables,
        _ => Object::new(),
    };
    let (Some(name), Some(query)) = (text(&mut document, "name"), text(&mut detection, "query")) else {
        return reading.broken(None, "a use case needs a name and a query");
    };
    let mut draft = match platform.to_ascii_lowercase().as_str() {
        "sentinel" | "azure sentinel" | "microsoft sentinel" => sentinel(variables),
        "m365 security" | "m365" | "m365d" | "mde" | "microsoft defender" => defender(variables),
        _ => {
            let reason = format!("its query runs on `{platform}`, which is neither Sentinel nor Defender");
            return reading.broken(None, reason);
        }
    };
    draft.name = name;
    draft.query = Some(words::tidy(&query));
    if ["{{", "{%"].iter().any(|sign| query.contains(sign)) {
        let why = "it holds Jinja templates, which are no KQL: make them parameters (`let NAME = …;`) or an allowlist slot";
        draft.remark(Fate::Kept, "detection_query.query", why);
    }
    describe(&mut document, &mut draft);
    let id = text(&mut document, "id");
    draft.keep("original-id", id.clone().unwrap_or_default().into(), "a rule's id is in lower case here");
    keep_rest(&mut draft, detection, "a rule file has no key for it");
    keep_rest(&mut draft, document, "a rule file has no key for it");
    reading.rules.push(Foreign { id_from: id, ..Foreign::new(Format::FalconForge, draft) });
}

fn text(object: &mut Object, name: &str) -> Option<String> {
    let found = object.get(name)?.as_str()?.to_owned();
    object.shift_remove(name);
    Some(found)
}

/// What is said about the use case, besides its query.
fn describe(document: &mut Object, draft: &mut Draft) {
    let severity = document.get("severity").and_then(Value::as_str).and_then(|word| {
        Severity::NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, severity)| *severity)
    });
    if severity.is_some() {
        draft.severity = severity;
        document.shift_remove("severity");
    }
    let paragraph = |document: &mut Object, name: &str| text(document, name).map(|text| words::tidy(&text));
    draft.description = paragraph(document, "description");
    draft.false_positives.extend(paragraph(document, "false_positives").filter(|text| !text.is_empty()));
    draft.blind_spots.extend(paragraph(document, "blindspots").filter(|text| !text.is_empty()));
    draft.response = paragraph(document, "response_plan");
    for (name, into) in [("references", &mut draft.references), ("tags", &mut draft.tags)] {
        if let Some(lines) = document.get(name).and_then(lines) {
            *into = lines;
            document.shift_remove(name);
        }
    }
    attack(document, draft);
    if let Some(Value::Array(sources)) = document.get("data_sources") {
        for table in sources.iter().filter_map(|source| source.get("table_name")?.as_str()) {
            if !draft.data_sources.iter().any(|known| known == table) && !table.trim().is_empty() {
                draft.data_sources.push(table.to_owned());
            }
        }
    }
    changelog(document, draft);
}

fn lines(value: &Value) -> Option<Vec<String>> {
    let line = |item: &Value| {
        item.as_str().filter(|text| !text.trim().is_empty() && !text.contains('\n')).map(str::to_owned)
    };
    value.as_array()?.iter().map(line).collect()
}

/// One mapping for each tactic and technique; several techniques of a tactic come together.
fn attack(document: &mut Object, draft: &mut Draft) {
    if !document.get("attack").is_some_and(Value::is_array) {
        return;
    }
    let Some(Value::Array(items)) = document.shift_remove("attack") else { return };
    let mut unknown = Vec::new();
    for item in items {
        let said = |name: &str| {
            item.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let tactic = said("tactic").as_deref().and_then(words::tactic);
        let technique = said("technique").map(|technique| {
            match said("sub_technique").filter(|sub| !sub.is_empty() && sub != "null") {
                Some(sub) => format!("{technique}.{sub}"),
                None => technique,
            }
        });
        let technique = technique.as_deref().map(words::technique);
        match (tactic, technique) {
            (Some(tactic), Some(Some(technique))) => add(draft, tactic, Some(technique)),
            (Some(tactic), None) => add(draft, tactic, None),
            _ => unknown.push(item),
        }
    }
    draft.keep("attack", unknown.into(), "ATT&CK has no such tactic or technique");
}

/// Adds a technique under a tactic.
pub(super) fn add(draft: &mut Draft, tactic: &str, technique: Option<String>) {
    let at = draft.attack.iter().position(|(known, _)| known == tactic).unwrap_or_else(|| {
        draft.attack.push((tactic.to_owned(), Vec::new()));
        draft.attack.len() - 1
    });
    if let (Some((_, techniques)), Some(technique)) = (draft.attack.get_mut(at), technique)
        && !techniques.contains(&technique)
    {
        techniques.push(technique);
    }
}

/// Version, date and message; the impact has no key.
fn changelog(document: &mut Object, draft: &mut Draft) {
    let Some(Value::Array(entries)) = document.get_mut("change_log") else { return };
    for entry in entries.iter_mut() {
        let said = |name: &str| match entry.get(name)? {
            Value::String(text) => Some(words::tidy(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let (Some(version), Some(date), Some(message)) = (said("version"), said("date"), said("message"))
        else {
            continue;
        };
        if date.parse::<jiff::civil::Date>().is_err() || date.len() != 10 || message.is_empty() {
            continue;
        }
        draft.changelog.push((version, date, message));
        if let Value::Object(entry) = entry {
            entry.retain(|name, _| !matches!(name.as_str(), "date" | "message"));
        }
    }
}

/// Deployed to Sentinel.
fn sentinel(mut variables: Object) -> Draft {
    let mut properties = Object::new();
    let mut notes = Draft::default();
    for (name, property) in [
        ("query_frequency", "queryFrequency"),
        ("query_period", "queryPeriod"),
        ("custom_details", "customDetails"),
    ] {
        if let Some(value) = variables.shift_remove(name) {
            properties.insert(property.to_owned(), value);
        }
    }
    if let Some(format) = variables.shift_remove("alert_display_name_format") {
        properties.insert("alertDetailsOverride".to_owned(), json!({ "alertDisplayNameFormat": format }));
    }
    if let Some(aggregation) = variables.get("aggregation").and_then(Value::as_bool) {
        let kind = if aggregation { "SingleAlert" } else { "AlertPerResult" };
        properties.insert("eventGroupingSettings".to_owned(), json!({ "aggregationKind": kind }));
        variables.shift_remove("aggregation");
        notes.remark(Fate::Changed, "aggregation", "it is `event_grouping` in a rule file");
    }
    if variables.get("grouping").is_some_and(Value::is_object)
        && let Some(Value::Object(grouping)) = variables.shift_remove("grouping")
    {
        let names = [
            ("reopen_closed_incident", "reopenClosedIncident"),
            ("lookback_duration", "lookbackDuration"),
            ("matching_method", "matchingMethod"),
            ("group_by_entities", "groupByEntities"),
            ("group_by_alert_details", "groupByAlertDetails"),
            ("group_by_custom_details", "groupByCustomDetails"),
        ];
        let mut members: Object = grouping
            .into_iter()
            .map(|(name, value)| {
                let known = names.iter().find(|(word, _)| *word == name);
                (known.map_or(name.clone(), |(_, property)| (*property).to_owned()), value)
            })
            .collect();
        members.insert("enabled".to_owned(), true.into());
        let incidents = json!({"createIncident": true, "groupingConfiguration": members});
        properties.insert("incidentConfiguration".to_owned(), incidents);
    }
    if let Some(mapping) = variables.shift_remove("entity_mapping") {
        azure_sentinel::entities(entities(&mapping), &mut properties, &mut notes);
    }
    azure_sentinel::spell_out(&mut properties);
    let mut draft = raise::sentinel(&Kind::Scheduled, &properties);
    draft.extra.extend(notes.extra);
    draft.remarks.extend(notes.remarks);
    keep_rest(&mut draft, variables, "a rule file has no key for it");
    draft
}

/// `Account: {Name: Column}`, or a list of such mappings, as the API has it.
fn entities(mapping: &Value) -> Value {
    let maps: Vec<&Object> = match mapping {
        Value::Object(map) => vec![map],
        Value::Array(items) => items.iter().filter_map(Value::as_object).collect(),
        _ => return mapping.clone(),
    };
    let entity = |(kind, fields): (&String, &Value)| {
        let fields: Vec<Value> = fields
            .as_object()
            .into_iter()
            .flatten()
            .map(|(identifier, column)| json!({"identifier": identifier, "columnName": column}))
            .collect();
        json!({"entityType": kind, "fieldMappings": fields})
    };
    maps.into_iter().flatten().map(entity).collect()
}

/// Deployed to Defender.
fn defender(mut variables: Object) -> Draft {
    let mut draft = Draft::default();
    let mut settings = Object::new();
    if let Some(frequency) =
        variables.get("query_frequency").and_then(Value::as_str).and_then(words::duration)
    {
        settings.insert("frequency".to_owned(), frequency.into());
        variables.shift_remove("query_frequency");
    }
    if let Some(Value::Object(mapping)) = variables.get_mut("entity_mapping") {
        let mut found = Object::new();
        mapping.retain(|kind, column| {
            let Some(column) = column.as_str() else { return true };
            let (collection, member) = match kind.as_str() {
                "machine" if column.to_ascii_lowercase().ends_with("deviceid") => ("hosts", "deviceIdColumn"),
                "machine" => ("hosts", "nameColumn"),
                "user" => ("accounts", account_member(column)),
                "mailbox" => ("mailboxes", "primaryAddressColumn"),
                _ => return true,
            };
            found.insert(collection.to_owned(), json!([{ member: column }]));
            false
        });
        if !found.is_empty() {
            settings.insert("entities".to_owned(), found.into());
        }
    }
    draft.defender = Some(Section { settings, ..Section::default() });
    keep_rest(&mut draft, variables, "a rule file has no key for it");
    draft
}
