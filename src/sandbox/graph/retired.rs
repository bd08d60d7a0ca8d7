//! The shape in which Graph showed custom detections before 2026-10-01 (CONTRACT A.4, "Legacy shape"): numeric-looking
//! periods, one category, assets and response actions as lists of typed objects with words for columns.
//!
//! Whether the service still answers like this for rules that nobody touched is open (CONTRACT E1), so a switch names the
//! rules. Only what the old words can say is put into them; an entity or action beyond that keeps the present form.

use serde_json::{Map, Value, json};

use crate::sandbox::paths;
use crate::sandbox::shelf::Record;
use crate::sandbox::switches::Switches;

type Object = Map<String, Value>;

/// The class of a record that was updated while its retired shape was switched on.
pub(crate) const REWRITTEN: &str = "rewritten";

/// Is the rule still shown in the old shape?
pub(crate) fn is_retired(record: &Record, switches: &Switches) -> bool {
    if record.class == REWRITTEN || switches.graph_retired_shape.is_empty() {
        return false;
    }
    let document: Value = serde_json::from_str(&record.document).unwrap_or_default();
    let name = paths::text(&document, "displayName");
    switches
        .graph_retired_shape
        .iter()
        .any(|one| one == "*" || one.eq_ignore_ascii_case(&record.id) || one.eq_ignore_ascii_case(name))
}

/// Columns of the result that the old shape has words for, by kind of asset.
const DEVICE: &[&str] =
    &["deviceId", "deviceName", "remoteDeviceName", "targetDeviceName", "destinationDeviceName"];
const USER: &[&str] = &[
    "accountObjectId",
    "accountSid",
    "accountUpn",
    "accountName",
    "accountDomain",
    "accountId",
    "requestAccountSid",
    "requestAccountName",
    "requestAccountDomain",
    "recipientObjectId",
    "processAccountObjectId",
    "initiatingAccountSid",
    "initiatingProcessAccountUpn",
    "initiatingAccountName",
    "initiatingAccountDomain",
    "servicePrincipalId",
    "servicePrincipalName",
    "targetAccountUpn",
];
const MAILBOX: &[&str] = &[
    "accountUpn",
    "fileOwnerUpn",
    "initiatingProcessAccountUpn",
    "lastModifyingAccountUpn",
    "targetAccountUpn",
    "senderFromAddress",
    "senderDisplayName",
    "recipientEmailAddress",
    "senderMailFromAddress",
];

/// Collections of entities with their type and its words.
const ASSETS: &[(&str, &str, &[&str])] = &[
    ("hosts", "impactedDeviceAsset", DEVICE),
    ("accounts", "impactedUserAsset", USER),
    ("mailboxes", "impactedMailboxAsset", MAILBOX),
];

/// Collections of actions with their type.
const ACTIONS: &[(&str, &str)] = &[
    ("allowFiles", "allowFile"),
    ("blockFiles", "blockFile"),
    ("collectInvestigationPackages", "collectInvestigationPackage"),
    ("disableUsers", "disableUser"),
    ("forceUserPasswordResets", "forceUserPasswordReset"),
    ("hardDeleteEmails", "hardDelete"),
    ("initiateInvestigations", "initiateInvestigation"),
    ("isolateDevices", "isolateDevice"),
    ("markUsersAsCompromised", "markUserAsCompromised"),
    ("moveEmailsToDeletedItems", "moveToDeletedItems"),
    ("moveEmailsToInbox", "moveToInbox"),
    ("moveEmailsToJunk", "moveToJunk"),
    ("restrictAppExecutions", "restrictAppExecution"),
    ("runAntivirusScans", "runAntivirusScan"),
    ("softDeleteEmails", "softDelete"),
    ("stopAndQuarantineFiles", "stopAndQuarantineFile"),
];

/// Puts a rule as the present service shows it into the old shape.
pub(crate) fn dress(root: &mut Value) {
    let Some(rule) = root.as_object_mut() else { return };
    // `autoDisabled` had no place in the old shape.
    if let Some(status) = rule.get("status").and_then(Value::as_str).filter(|word| *word != "autoDisabled") {
        let on = status == "enabled";
        rule.shift_remove("status");
        rule.insert("isEnabled".to_owned(), json!(on));
    }
    rule.insert("detectorId".to_owned(), json!("67aa92a1-b04b-4f2a-a223-236968a3da96"));
    rule.insert("lastRunDetails".to_owned(), json!({"status": "completed"}));
    if let Some(schedule) = rule.get_mut("schedule").and_then(Value::as_object_mut) {
        let frequency = schedule.shift_remove("frequency").unwrap_or_default();
        let period = match frequency.as_str().unwrap_or_default() {
            "PT0S" => "0",
            "PT1H" => "1H",
            "PT3H" => "3H",
            "PT12H" => "12H",
            "P1D" | "PT24H" => "24H",
            _ => "Custom",
        };
        schedule.insert("period".to_owned(), json!(period));
        schedule.insert("nextRunDateTime".to_owned(), json!("2026-11-24T00:00:00Z"));
    }
    let Some(action) = rule.get_mut("detectionAction").and_then(Value::as_object_mut) else { return };
    if let Some(template) = action.get_mut("alertTemplate").and_then(Value::as_object_mut) {
        tactic(template);
        assets(template);
    }
    responses(action);
    if let Some(scope) = action.get_mut("organizationalScope").and_then(Value::as_object_mut)
        && let Some(groups) = scope.shift_remove("deviceGroups")
    {
        scope.insert("scopeType".to_owned(), json!("deviceGroup"));
        scope.insert("scopeNames".to_owned(), groups);
    }
}

fn tactic(template: &mut Object) {
    let Some(tactics) = template.shift_remove("tactics") else { return };
    let Some(first) = tactics.get(0) else { return };
    let mut techniques = Vec::new();
    for technique in first.get("techniques").and_then(Value::as_array).into_iter().flatten() {
        match technique.get("subTechniques").and_then(Value::as_array).filter(|subs| !subs.is_empty()) {
            Some(subs) => techniques.extend(subs.iter().cloned()),
            None => techniques.push(technique.get("technique").cloned().unwrap_or_default()),
        }
    }
    template.insert("category".to_owned(), first.get("tactic").cloned().unwrap_or_default());
    template.insert("mitreTechniques".to_owned(), Value::Array(techniques));
}

/// All entities or none: two shapes side by side would be a third.
fn assets(template: &mut Object) {
    let Some(mappings) = template.get("entityMappings").and_then(Value::as_object) else { return };
    let mut assets = Vec::new();
    for (collection, items) in mappings {
        let known = ASSETS.iter().find(|(name, ..)| name == collection);
        for item in items.as_array().into_iter().flatten() {
            let Some((_, kind, words)) = known else { return };
            for column in item.as_object().into_iter().flatten().filter_map(|(_, column)| column.as_str()) {
                let Some(word) = word(column).filter(|word| words.contains(&word.as_str())) else { return };
                assets.push(
                    json!({"@odata.type": format!("#microsoft.graph.security.{kind}"), "identifier": word}),
                );
            }
        }
    }
    template.shift_remove("entityMappings");
    template.insert("impactedAssets".to_owned(), Value::Array(assets));
}

fn responses(action: &mut Object) {
    let Some(automated) = action.get("automatedActions").and_then(Value::as_object) else { return };
    let mut responses = Vec::new();
    for (collection, items) in automated {
        let Some((_, kind)) = ACTIONS.iter().find(|(name, _)| name == collection) else { return };
        for item in items.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let mut response = Object::new();
            response.insert(
                "@odata.type".to_owned(),
                json!(format!("#microsoft.graph.security.{kind}ResponseAction")),
            );
            let mut words = Vec::new();
            for (member, value) in item {
                match value.as_str().filter(|_| member.ends_with("Column")) {
                    Some(column) => words.extend(word(column)),
                    None => {
                        response.insert(member.clone(), value.clone());
                    }
                }
            }
            response.insert("identifier".to_owned(), json!(words.join(", ")));
            responses.push(Value::Object(response));
        }
    }
    action.shift_remove("automatedActions");
    action.insert("responseActions".to_owned(), Value::Array(responses));
}

/// `AccountUpn` → `accountUpn`, `SHA1` → `sha1`.
fn word(column: &str) -> Option<String> {
    if matches!(column, "SHA1" | "SHA256") {
        return Some(column.to_lowercase());
    }
    let mut rest = column.chars();
    let first = rest.next()?;
    Some(first.to_lowercase().chain(rest).collect())
}
