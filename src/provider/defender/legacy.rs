//! The retired shape of a rule, read as the present one (CONTRACT A.4, "Legacy shape"). Never written.
//!
//! The old shape names result columns by enum words (`accountUpn`), the new one by the columns themselves
//! (`AccountUpn`); the words are the columns in camel case. Each impacted asset becomes one mapping.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Properties of the retired shape that say something about the rule, as paths, each with the one that took its place
/// (CONTRACT A.0, A.4).
pub const RETIRED: &[(&str, &str)] = &[
    ("isEnabled", "status"),
    ("schedule.period", "schedule.frequency"),
    ("detectionAction.alertTemplate.category", "detectionAction.alertTemplate.tactics"),
    ("detectionAction.alertTemplate.mitreTechniques", "detectionAction.alertTemplate.tactics"),
    ("detectionAction.alertTemplate.impactedAssets", "detectionAction.alertTemplate.entityMappings"),
    ("detectionAction.responseActions", "detectionAction.automatedActions"),
    ("detectionAction.organizationalScope.scopeType", "detectionAction.organizationalScope.deviceGroups"),
    ("detectionAction.organizationalScope.scopeNames", "detectionAction.organizationalScope.deviceGroups"),
];

/// Properties of the retired shape in which the service told about the rule; nothing took their place (CONTRACT A.4).
pub const SAID_BY_SERVICE: &[&str] =
    &["detectorId", "lastRunDetails", "queryCondition.lastModifiedDateTime", "schedule.nextRunDateTime"];

/// What [`modernise`] left of the retired shape, as paths; an item of a list has its number from 0, and its type.
#[must_use]
pub fn unmapped(rule: &Object) -> Vec<String> {
    let mut found = Vec::new();
    for (path, _) in RETIRED {
        let mut names = path.split('.');
        let first = names.next().and_then(|name| rule.get(name));
        let value = names.fold(first, |value, name| value?.get(name));
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                let item = |(number, item): (usize, &Value)| match (type_name(item), item.as_str()) {
                    ("", None) => format!("{path}[{number}]"),
                    ("", Some(text)) => format!("{path}[{number}] ({text})"),
                    (kind, _) => format!("{path}[{number}] ({kind})"),
                };
                found.extend(items.iter().enumerate().map(item));
            }
            // It says nothing without the names, and the period only when the frequency is not known.
            Some(Value::String(text)) if text.is_empty() || path.ends_with("scopeType") => {}
            Some(Value::String(text)) => found.push(format!("{path} ({text})")),
            Some(_) => found.push((*path).to_owned()),
        }
    }
    found
}

/// Fills the present properties that are missing from those of the retired shape; whether there was anything to fill.
///
/// What is said in the present shape is taken out of the retired one. What is left of it (a `Custom` period, an asset or action
/// that the present shape has no place for) stays where it is.
pub fn modernise(rule: &mut Object) -> bool {
    let mut filled = false;
    if let Some(enabled) = rule.get("isEnabled").and_then(Value::as_bool) {
        if !has(rule, "status") {
            rule.insert("status".to_owned(), json!(if enabled { "enabled" } else { "disabled" }));
            filled = true;
        }
        rule.shift_remove("isEnabled");
    }
    if let Some(schedule) = rule.get_mut("schedule").and_then(Value::as_object_mut) {
        if !has(schedule, "frequency")
            && let Some(frequency) = schedule.get("period").and_then(Value::as_str).and_then(frequency)
        {
            schedule.insert("frequency".to_owned(), json!(frequency));
            filled = true;
        }
        if has(schedule, "frequency") {
            schedule.shift_remove("period");
        }
    }
    if let Some(action) = rule.get_mut("detectionAction").and_then(Value::as_object_mut) {
        if let Some(template) = action.get_mut("alertTemplate").and_then(Value::as_object_mut) {
            filled |= tactics(template);
            filled |= entities(template);
        }
        filled |= actions(action);
        filled |= scope(action);
    }
    filled
}

fn has(object: &Object, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

/// `None` for `Custom`, which says nothing about the length.
fn frequency(period: &str) -> Option<&'static str> {
    [("0", "PT0S"), ("1H", "PT1H"), ("3H", "PT3H"), ("12H", "PT12H"), ("24H", "P1D")]
        .into_iter()
        .find_map(|(old, new)| (old == period).then_some(new))
}

fn tactics(template: &mut Object) -> bool {
    let Some(category) = template.get("category").and_then(Value::as_str).filter(|text| !text.is_empty())
    else {
        return false;
    };
    let techniques: Vec<Value> =
        strings(template.get("mitreTechniques")).map(|technique| json!({ "technique": technique })).collect();
    let tactics = json!([{ "tactic": category, "techniques": techniques }]);
    let filled = !has(template, "tactics");
    if filled {
        template.insert("tactics".to_owned(), tactics);
    }
    template.shift_remove("category");
    template.shift_remove("mitreTechniques");
    filled
}

fn entities(template: &mut Object) -> bool {
    if has(template, "entityMappings") {
        return false;
    }
    let Some(Value::Array(assets)) = template.get_mut("impactedAssets") else { return false };
    let mut mappings = Object::new();
    // A name and a domain are two assets there and one account here, which is incomplete without either (CONTRACT A.5).
    let said: Vec<String> =
        assets.iter().filter_map(|asset| asset.get("identifier")?.as_str()).map(str::to_owned).collect();
    let is_said = |identifier: &str| said.iter().any(|one| one == identifier);
    assets.retain(|asset| {
        let Some(identifier) = asset.get("identifier").and_then(Value::as_str) else { return true };
        if type_name(asset) == "impactedUserAsset" {
            if let Some(stem) = identifier.strip_suffix("Domain")
                && is_said(&format!("{stem}Name"))
            {
                return false;
            }
            let domain = identifier.strip_suffix("Name").map(|stem| format!("{stem}Domain"));
            if let Some(domain) = domain.filter(|domain| is_said(domain)) {
                let account = json!({"nameColumn": column(identifier), "ntDomainColumn": column(&domain)});
                push(&mut mappings, "accounts", account);
                return false;
            }
        }
        let (collection, member) = match type_name(asset) {
            "impactedDeviceAsset" if identifier == "deviceId" => ("hosts", "deviceIdColumn"),
            "impactedDeviceAsset" => ("hosts", "nameColumn"),
            "impactedUserAsset" => ("accounts", account_member(identifier)),
            "impactedMailboxAsset" => ("mailboxes", "primaryAddressColumn"),
            _ => return true,
        };
        push(&mut mappings, collection, json!({ member: column(identifier) }));
        false
    });
    drop_empty(template, "impactedAssets");
    if mappings.is_empty() {
        return false;
    }
    template.insert("entityMappings".to_owned(), Value::Object(mappings));
    true
}

/// Removes a list with nothing in it.
fn drop_empty(object: &mut Object, name: &str) {
    if object.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty) {
        object.shift_remove(name);
    }
}

/// Which member an account column belongs to, by the end of its name.
fn account_member(identifier: &str) -> &'static str {
    [
        ("Sid", "sidColumn"),
        ("Upn", "upnColumn"),
        ("ObjectId", "aadUserIdColumn"),
        ("accountId", "aadUserIdColumn"),
        ("Domain", "ntDomainColumn"),
    ]
    .into_iter()
    .find_map(|(end, member)| identifier.ends_with(end).then_some(member))
    .unwrap_or("nameColumn")
}

fn actions(action: &mut Object) -> bool {
    if has(action, "automatedActions") {
        return false;
    }
    let Some(Value::Array(responses)) = action.get_mut("responseActions") else { return false };
    let mut automated = Object::new();
    responses.retain(|response| {
        let word = type_name(response).strip_suffix("ResponseAction").unwrap_or_default();
        let Some((_, collection)) = COLLECTIONS.iter().find(|(old, _)| *old == word) else { return true };
        let identifiers = response.get("identifier").and_then(Value::as_str).unwrap_or_default();
        let mut item = Object::new();
        for identifier in identifiers.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            item.insert(action_member(collection, identifier).to_owned(), json!(column(identifier)));
        }
        for kept in ["isolationType", "deviceGroupNames"] {
            if let Some(value) = response.get(kept).filter(|value| !value.is_null()) {
                item.insert(kept.to_owned(), value.clone());
            }
        }
        push(&mut automated, collection, Value::Object(item));
        false
    });
    drop_empty(action, "responseActions");
    if automated.is_empty() {
        return false;
    }
    action.insert("automatedActions".to_owned(), Value::Object(automated));
    true
}

/// Derived types of `responseAction` without their suffix, and the collections that replace them.
const COLLECTIONS: [(&str, &str); 16] = [
    ("allowFile", "allowFiles"),
    ("blockFile", "blockFiles"),
    ("collectInvestigationPackage", "collectInvestigationPackages"),
    ("disableUser", "disableUsers"),
    ("forceUserPasswordReset", "forceUserPasswordResets"),
    ("hardDelete", "hardDeleteEmails"),
    ("initiateInvestigation", "initiateInvestigations"),
    ("isolateDevice", "isolateDevices"),
    ("markUserAsCompromised", "markUsersAsCompromised"),
    ("moveToDeletedItems", "moveEmailsToDeletedItems"),
    ("moveToInbox", "moveEmailsToInbox"),
    ("moveToJunk", "moveEmailsToJunk"),
    ("restrictAppExecution", "restrictAppExecutions"),
    ("runAntivirusScan", "runAntivirusScans"),
    ("softDelete", "softDeleteEmails"),
    ("stopAndQuarantineFile", "stopAndQuarantineFiles"),
];

fn action_member(collection: &str, identifier: &str) -> &'static str {
    match identifier {
        "networkMessageId" => "networkMessageIdColumn",
        "recipientEmailAddress" => "recipientColumn",
        "deviceId" => "deviceIdColumn",
        "sha256" | "initiatingProcessSHA256" => "sha256Column",
        "sha1" | "initiatingProcessSHA1" => "sha1Column",
        _ if collection == "markUsersAsCompromised" => "accountObjectIdColumn",
        _ => "accountSidColumn",
    }
}

fn scope(action: &mut Object) -> bool {
    let Some(scope) = action.get_mut("organizationalScope").and_then(Value::as_object_mut) else {
        return false;
    };
    if has(scope, "deviceGroups") || !has(scope, "scopeNames") {
        return false;
    }
    let names: Vec<Value> = strings(scope.get("scopeNames")).map(|name| json!(name)).collect();
    scope.insert("deviceGroups".to_owned(), Value::Array(names));
    scope.shift_remove("scopeNames");
    scope.shift_remove("scopeType");
    true
}

/// The last word of `@odata.type`.
fn type_name(value: &Value) -> &str {
    let name = value.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default()
}

/// `accountUpn` → `AccountUpn`, `sha1` → `SHA1`.
fn column(identifier: &str) -> String {
    match identifier {
        "sha1" => "SHA1".to_owned(),
        "sha256" => "SHA256".to_owned(),
        _ => {
            let mut rest = identifier.chars();
            rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
        }
    }
}

fn push(into: &mut Object, collection: &str, item: Value) {
    if let Value::Array(items) = into.entry(collection).or_insert_with(|| json!([])) {
        items.push(item);
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
