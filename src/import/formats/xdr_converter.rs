//! XDRConverter's YAML: a custom detection with names of its own, in the retired shape's words or the present ones.

use serde_json::{Map, Value, json};

use super::{Foreign, Format, Reading, graph, keep_rest, words};
use crate::import::Fate;
use crate::import::draft::Draft;

type Object = Map<String, Value>;

/// Its names of response actions, and ours.
const ACTIONS: &[(&str, &str)] = &[
    ("IsolateMachine", "isolateDevices"),
    ("CollectInvestigationPackage", "collectInvestigationPackages"),
    ("RunAntivirusScan", "runAntivirusScans"),
    ("InitiateInvestigation", "initiateInvestigations"),
    ("RestrictAppExecution", "restrictAppExecutions"),
];

/// The rule of a document.
pub(super) fn read(mut document: Object, reading: &mut Reading) {
    let mut notes = Draft::default();
    let mut take = |name: &str| document.shift_remove(name).filter(|value| !value.is_null());
    let mut rule = Object::new();
    let mut alert = Object::new();
    let mut action = Object::new();
    for (name, property) in
        [("ruleName", "displayName"), ("description", "description"), ("status", "status")]
    {
        put(&mut rule, property, take(name));
    }
    match take("isEnabled") {
        Some(enabled) if rule.contains_key("status") => {
            notes.keep("isEnabled", enabled, "`status` says it too");
        }
        enabled => put(&mut rule, "isEnabled", enabled),
    }
    put(&mut rule, "queryCondition", take("queryText").map(|query| json!({ "queryText": query })));
    put(&mut rule, "schedule", take("frequency").as_ref().map(frequency));
    put(&mut alert, "title", take("alertTitle"));
    put(&mut alert, "description", take("alertDescription"));
    put(&mut alert, "recommendedActions", take("alertRecommendedAction"));
    let severity = take("alertSeverity");
    put(
        &mut alert,
        "severity",
        severity.map(|value| value.as_str().map(str::to_lowercase).map_or(value, Value::from)),
    );
    tactics(&mut alert, take("tactics"), take("alertCategory"), take("mitreTechniques"), &mut notes);
    put(&mut alert, "customDetails", take("customDetails"));
    put(&mut alert, "entityMappings", take("entityMappings"));
    if let Some(entities) = take("impactedEntities") {
        impacted(&entities, &mut alert, &mut notes);
    }
    if let Some(scope) = take("organizationalScope") {
        let scope = if scope.is_array() { json!({ "deviceGroups": scope }) } else { scope };
        action.insert("organizationalScope".to_owned(), scope);
    }
    if let Some(actions) = take("actions") {
        response(actions, &mut action, &mut notes);
    }
    let id = take("guid").or_else(|| take("id"));
    action.insert("alertTemplate".to_owned(), alert.into());
    rule.insert("detectionAction".to_owned(), action.into());
    match graph::draft(rule) {
        Ok((mut draft, _)) => {
            if draft.query.as_deref().is_some_and(|query| query.contains("%%")) {
                let why =
                    "it holds variables (%%NAME%%), which are no KQL: make them parameters (`let NAME = …;`)";
                draft.remark(Fate::Kept, "queryText", why);
            }
            draft.keep("original-id", id.clone().unwrap_or_default(), "ids are made from names here");
            keep_rest(&mut draft, document, "a rule file has no key for it");
            draft.remarks.extend(notes.remarks);
            draft.extra.extend(notes.extra);
            // The service takes ids that begin with a letter.
            let id = id.and_then(|id| id.as_str().map(str::to_owned));
            let platform_id = id.filter(|id| id.starts_with(|c: char| c.is_ascii_alphabetic()));
            reading.rules.push(Foreign { platform_id, ..Foreign::new(Format::XdrConverter, draft) });
        }
        Err(reason) => reading.broken(None, reason),
    }
}

fn put(object: &mut Object, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// `1H` and the like are the retired words, `0` may be a number.
fn frequency(value: &Value) -> Value {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.starts_with('P') { json!({ "frequency": text }) } else { json!({ "period": text }) }
}

fn tactics(
    alert: &mut Object,
    present: Option<Value>,
    category: Option<Value>,
    techniques: Option<Value>,
    notes: &mut Draft,
) {
    if let Some(present) = present {
        alert.insert("tactics".to_owned(), present);
        for (name, value) in [("alertCategory", category), ("mitreTechniques", techniques)] {
            notes.keep(name, value.unwrap_or_default(), "`tactics` says it too");
        }
        return;
    }
    let known = category.as_ref().and_then(Value::as_str).and_then(words::tactic);
    match known {
        Some(tactic) => {
            alert.insert("category".to_owned(), tactic.into());
            put(alert, "mitreTechniques", techniques);
        }
        None => {
            notes.keep("alertCategory", category.unwrap_or_default(), "ATT&CK has no such tactic");
            notes.keep(
                "mitreTechniques",
                techniques.unwrap_or_default(),
                "techniques stand under a tactic in a rule file",
            );
        }
    }
}

/// Entities by type and column.
fn impacted(entities: &Value, alert: &mut Object, notes: &mut Draft) {
    let mut mappings =
        alert.shift_remove("entityMappings").and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let mut unknown = Vec::new();
    if !entities.is_array() {
        unknown.push(entities.clone());
    }
    for entity in entities.as_array().cloned().unwrap_or_default() {
        let said = |name: &str| entity.get(name).and_then(Value::as_str);
        let (Some(kind), Some(column)) = (said("entityType"), said("entityIdentifier")) else {
            unknown.push(entity);
            continue;
        };
        let ends = |end: &str| column.to_ascii_lowercase().ends_with(&end.to_ascii_lowercase());
        let place = match kind {
            "Machine" | "Device" if ends("deviceId") => Some(("hosts", "deviceIdColumn")),
            "Machine" | "Device" => Some(("hosts", "nameColumn")),
            "User" | "Account" => Some(("accounts", account_member(column))),
            "Mailbox" => Some(("mailboxes", "primaryAddressColumn")),
            "IP" => Some(("ips", "addressColumn")),
            "URL" => Some(("urls", "addressColumn")),
            "FileHash" if ends("sha1") => Some(("files", "sha1Column")),
            "FileHash" if ends("sha256") => Some(("files", "sha256Column")),
            "Process" if ends("sha1") => Some(("processes", "sha1Column")),
            "Process" if ends("sha256") => Some(("processes", "sha256Column")),
            _ => None,
        };
        let Some((collection, member)) = place else {
            unknown.push(entity);
            continue;
        };
        if let Value::Array(items) = mappings.entry(collection).or_insert_with(|| json!([])) {
            items.push(json!({ member: capital(column) }));
        }
    }
    alert.insert("entityMappings".to_owned(), mappings.into());
    notes.keep("impactedEntities", unknown.into(), "no entity of a custom detection is like this");
}

/// Columns begin with a capital; the retired shape's words for them do not.
fn capital(column: &str) -> String {
    let mut rest = column.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Which member an account column belongs to, by the end of its name.
pub(super) fn account_member(column: &str) -> &'static str {
    let members = [
        ("sid", "sidColumn"),
        ("upn", "upnColumn"),
        ("objectid", "aadUserIdColumn"),
        ("accountid", "aadUserIdColumn"),
        ("domain", "ntDomainColumn"),
    ];
    let lower = column.to_ascii_lowercase();
    members
        .into_iter()
        .find_map(|(end, member)| lower.ends_with(end).then_some(member))
        .unwrap_or("nameColumn")
}

fn response(actions: Value, action: &mut Object, notes: &mut Draft) {
    let items = actions.as_array().cloned().unwrap_or_default();
    if items.iter().any(|item| item.get("@odata.type").is_some()) {
        action.insert("responseActions".to_owned(), actions);
        return;
    }
    let mut automated = Object::new();
    let mut unknown = Vec::new();
    if !actions.is_array() {
        unknown.push(actions);
    }
    for item in items {
        let name = item.get("actionType").and_then(Value::as_str).unwrap_or_default();
        let known = ACTIONS.iter().find(|(word, _)| word.eq_ignore_ascii_case(name));
        let fields = item.get("additionalFields").and_then(Value::as_object).cloned().unwrap_or_default();
        let isolation = fields.get("isolationType").and_then(Value::as_str).map(str::to_lowercase);
        let is_known = fields.keys().all(|key| key == "isolationType");
        let Some((_, collection)) = known.filter(|_| is_known) else {
            unknown.push(item);
            continue;
        };
        let mut entry = json!({"deviceIdColumn": "DeviceId"});
        if let (Some(isolation), Some(entry)) = (isolation, entry.as_object_mut()) {
            entry.insert("isolationType".to_owned(), isolation.into());
        }
        if let Value::Array(items) = automated.entry(*collection).or_insert_with(|| json!([])) {
            items.push(entry);
        }
    }
    put(action, "automatedActions", (!automated.is_empty()).then(|| automated.into()));
    notes.keep("actions", unknown.into(), "no response action of a custom detection is like this");
}
