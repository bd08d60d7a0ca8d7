//! Analytic rules as the repository Azure-Sentinel has them: almost the API's own properties, with shorter words.

use serde_json::{Map, Value, json};

use super::{Foreign, Format, Reading, keep_rest, words};
use crate::import::draft::Draft;
use crate::import::raise;
use crate::model::attack::split_technique;
use crate::model::vocabulary::ENTITY_TYPES;
use crate::resource::Kind;

type Object = Map<String, Value>;

/// Properties that have the API's own name and form, once durations are spelled out.
const SAME: &[&str] = &[
    "severity",
    "query",
    "enabled",
    "queryFrequency",
    "queryPeriod",
    "triggerOperator",
    "triggerThreshold",
    "suppressionDuration",
    "suppressionEnabled",
    "customDetails",
    "alertDetailsOverride",
    "incidentConfiguration",
    "eventGroupingSettings",
    "sentinelEntitiesMappings",
    "alertRuleTemplateName",
    "templateVersion",
    "productFilter",
    "severitiesFilter",
    "displayNamesFilter",
    "displayNamesExcludeFilter",
];

/// Whether a document with a query is a rule, and not a hunting query.
pub(super) fn is_rule(document: &Object) -> bool {
    let has = |key: &str| document.contains_key(key);
    let has_name = has("name") || has("displayName");
    has_name
        && (has("kind") || has("queryFrequency") || has("triggerOperator"))
        && (has("query") || has("productFilter"))
}

/// The rule of a document.
pub(super) fn read(mut document: Object, reading: &mut Reading) {
    let kind = document.shift_remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("Scheduled");
    let kind = kind_named(kind);
    let mut properties = Object::new();
    let mut notes = Draft::default();
    for (name, key) in [("name", "displayName"), ("displayName", "displayName")] {
        if let Some(value) = document.shift_remove(name) {
            let value = value.as_str().map_or(value.clone(), |name| name.trim().into());
            properties.insert(key.to_owned(), value);
        }
    }
    if let Some(value) = document.shift_remove("description") {
        properties.insert("description".to_owned(), description(value, &mut notes));
    }
    for name in SAME {
        if let Some(value) = document.shift_remove(*name) {
            properties.insert((*name).to_owned(), value);
        }
    }
    spell_out(&mut properties);
    attack(&mut document, &mut properties, &mut notes);
    if let Some(mappings) = document.shift_remove("entityMappings") {
        entities(mappings, &mut properties, &mut notes);
    }
    let mut draft = raise::sentinel(&kind, &properties);
    tags(&mut document, &mut draft);
    let id = document.shift_remove("id");
    if let Some(id) = &id {
        draft.keep("original-id", id.clone(), "ids are made from names here");
    }
    keep_rest(&mut draft, document, "a rule file has no key for it");
    draft.remarks.splice(0..0, notes.remarks);
    draft.extra.extend(notes.extra);
    if draft.name.is_empty() {
        return reading.broken(None, "the rule has no name");
    }
    let platform_id = id.and_then(|id| id.as_str().map(str::to_owned));
    reading.rules.push(Foreign { platform_id, ..Foreign::new(Format::AzureSentinel, draft) });
}

/// The kind of that name, however it is capitalised.
pub(super) fn kind_named(name: &str) -> Kind {
    let known = [
        Kind::Scheduled,
        Kind::Nrt,
        Kind::MicrosoftSecurityIncidentCreation,
        Kind::Fusion,
        Kind::MlBehaviorAnalytics,
        Kind::ThreatIntelligence,
    ];
    let found = known.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name.trim()));
    found.unwrap_or_else(|| Kind::Other(name.to_owned()))
}

/// Rules there have descriptions in quotes inside of YAML's; what reaches the portal has none.
fn description(value: Value, notes: &mut Draft) -> Value {
    let Some(text) = value.as_str() else { return value };
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let inner = inner.or_else(|| trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')));
    match inner.filter(|inner| !inner.trim().is_empty()) {
        Some(inner) => {
            notes.remark(crate::import::Fate::Changed, "description", "the quotes around it are left out");
            words::tidy(inner).into()
        }
        None => value,
    }
}

/// Durations, operators and words of lists in the API's spelling; values of other types and unknown words stay.
pub(super) fn spell_out(properties: &mut Object) {
    for name in ["queryFrequency", "queryPeriod", "suppressionDuration"] {
        if let Some(value) = properties.get_mut(name) {
            words::fix_duration(value);
        }
    }
    if let Some(value) = properties.get_mut("triggerOperator")
        && let Some(operator) = value.as_str().and_then(words::operator)
    {
        *value = operator.into();
    }
    if let Some(value) = properties.get_mut("triggerThreshold")
        && let Some(number) = value.as_str().and_then(|text| text.trim().parse::<u64>().ok())
    {
        *value = number.into();
    }
    let grouping = properties
        .get_mut("incidentConfiguration")
        .and_then(|incidents| incidents.get_mut("groupingConfiguration"));
    let Some(Value::Object(grouping)) = grouping else { return };
    if let Some(value) = grouping.get_mut("lookbackDuration") {
        words::fix_duration(value);
    }
    if let Some(Value::Array(types)) = grouping.get_mut("groupByEntities") {
        for value in types {
            if let Some(known) = value.as_str().and_then(|name| words::one_of(name, ENTITY_TYPES)) {
                *value = known.into();
            }
        }
    }
}

/// Tactics, and techniques of both levels in one list; what ATT&CK does not know is kept beside.
fn attack(document: &mut Object, properties: &mut Object, notes: &mut Draft) {
    let mut unknown = Object::new();
    let mut tactics: Vec<Value> = Vec::new();
    for item in list(document.shift_remove("tactics"), "tactics", &mut unknown) {
        match item.as_str().and_then(words::tactic) {
            Some(name) => tactics.push(name.into()),
            None => leave(&mut unknown, "tactics", item),
        }
    }
    let (mut parents, mut subs): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for key in ["relevantTechniques", "techniques", "subTechniques"] {
        for item in list(document.shift_remove(key), key, &mut unknown) {
            let Some(id) = item.as_str().and_then(words::technique) else {
                leave(&mut unknown, key, item);
                continue;
            };
            let is_sub = split_technique(&id).is_some_and(|(_, sub)| sub.is_some());
            if is_sub { subs.push(id.into()) } else { parents.push(id.into()) }
        }
    }
    if tactics.is_empty() {
        // Without a tactic there is nothing that a technique could stand under.
        let all: Vec<Value> = parents.into_iter().chain(subs).collect();
        notes.keep(
            "techniques",
            all.into(),
            "techniques stand under a tactic in a rule file, and it has none",
        );
    } else {
        properties.insert("tactics".to_owned(), tactics.into());
        properties.insert("techniques".to_owned(), parents.into());
        properties.insert("subTechniques".to_owned(), subs.into());
    }
    for (key, value) in unknown {
        notes.keep(&key, value, "ATT&CK has no such tactic or technique");
    }
}

/// The items of a list; one value is a list of one.
fn list(value: Option<Value>, key: &str, unknown: &mut Object) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items.into_iter().filter(|item| !item.is_null()).collect(),
        Some(Value::String(text)) => vec![text.into()],
        Some(Value::Null) | None => Vec::new(),
        Some(other) => {
            leave(unknown, key, other);
            Vec::new()
        }
    }
}

fn leave(unknown: &mut Object, key: &str, item: Value) {
    if let Value::Array(items) = unknown.entry(key).or_insert_with(|| json!([])) {
        items.push(item);
    }
}

/// Mappings that a rule file can hold go on; one that it cannot does not take the others with it.
pub(super) fn entities(mappings: Value, properties: &mut Object, notes: &mut Draft) {
    let Value::Array(mappings) = mappings else {
        return notes.keep("entityMappings", mappings, "it is not a list of mappings");
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for mut mapping in mappings {
        if let Some(name) = mapping.get("entityType").and_then(Value::as_str)
            && let Some(known) = words::one_of(name, ENTITY_TYPES)
            && let Some(object) = mapping.as_object_mut()
        {
            object.insert("entityType".to_owned(), known.into());
        }
        if is_mapping(&mapping) { good.push(mapping) } else { bad.push(mapping) }
    }
    properties.insert("entityMappings".to_owned(), good.into());
    notes.keep("entityMappings", bad.into(), "no rule file can hold these mappings");
}

fn is_mapping(mapping: &Value) -> bool {
    let known =
        mapping.get("entityType").and_then(Value::as_str).is_some_and(|name| ENTITY_TYPES.contains(&name));
    let Some(fields) = mapping.get("fieldMappings").and_then(Value::as_array) else { return false };
    let mut seen = Vec::new();
    let mut is_field = |field: &Value| {
        let identifier = field.get("identifier").and_then(Value::as_str);
        let column = field.get("columnName").and_then(Value::as_str);
        let (Some(identifier), Some(column)) = (identifier, column) else { return false };
        let is_new = !seen.contains(&identifier.to_owned());
        seen.push(identifier.to_owned());
        is_new && !column.trim().is_empty() && field.as_object().is_some_and(|members| members.len() == 2)
    };
    known
        && !fields.is_empty()
        && mapping.as_object().is_some_and(|members| members.len() == 2)
        && fields.iter().all(&mut is_field)
}

/// Words become tags; the versions of other rules that some files have there do not.
fn tags(document: &mut Object, draft: &mut Draft) {
    let Some(Value::Array(tags)) = document.get_mut("tags") else { return };
    tags.retain(|tag| match tag.as_str() {
        Some(text) if !text.trim().is_empty() && !text.contains('\n') => {
            draft.tags.push(text.trim().to_owned());
            false
        }
        _ => true,
    });
    if tags.iter().all(crate::import::draft::says_nothing) {
        document.shift_remove("tags");
    }
}
