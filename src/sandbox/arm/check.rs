//! What is wrong with the properties of an alert rule, in words (CONTRACT B.3, B.7).

use serde_json::{Map, Value};

use super::tables::{FUSION_TEMPLATE, IDENTIFIERS, PREVIEW_PRODUCTS, RuleKind};
use crate::sandbox::schema::Problem;
use crate::sandbox::switches::Switches;
use crate::sandbox::{duration, paths};

/// Wordings that peers recorded are kept; the others are ours.
pub(crate) fn in_words(problem: &Problem) -> String {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    match problem {
        Problem::Missing { path } => format!("{path}: Required property '{}' not found in JSON.", last(path)),
        Problem::Null { path } => format!("{path}: The value cannot be null."),
        Problem::Wrong { path, expected } => format!("{path}: The value must be {expected}."),
        Problem::TooMany { path, max } => format!("{path}: At most {max} items are allowed."),
        Problem::TooLong { path, max } => format!("{path}: The maximum length is {max} characters."),
        Problem::ReadOnly { path } => {
            format!("{path}: Read-only property '{}' cannot be assigned", last(path))
        }
        Problem::Unknown { path } => format!("{path}: Could not find member '{}'.", last(path)),
    }
}

/// Rules between properties.
pub(crate) fn relations(
    kind: &RuleKind,
    properties: &Map<String, Value>,
    preview: bool,
    switches: &Switches,
) -> Vec<String> {
    let mut out = Vec::new();
    let root = Value::Object(properties.clone());
    let seconds = |name: &str| duration::seconds(paths::text(&root, name));
    if let (Some(frequency), Some(period)) = (seconds("queryFrequency"), seconds("queryPeriod")) {
        if period < frequency {
            out.push(": Invalid Properties for Scheduled alert rule: 'queryPeriod' should be greater than or equal to 'queryFrequency'.".to_owned());
        }
        if period >= 2 * 86_400 && frequency < 3_600 {
            out.push(": Invalid Properties for Scheduled alert rule: When 'queryPeriod' greater than or equal to 2 days, the 'queryFrequency' should be greater than or equal to 1 hour.".to_owned());
        }
        let suppressed = paths::get(&root, "suppressionEnabled") == Some(&Value::Bool(true));
        if suppressed && seconds("suppressionDuration").is_some_and(|suppression| suppression < frequency) {
            out.push(": Invalid Properties for Scheduled alert rule: 'suppressionDuration' should be greater than or equal to 'queryFrequency'.".to_owned());
        }
    }
    if !paths::text(&root, "templateVersion").is_empty()
        && paths::text(&root, "alertRuleTemplateName").is_empty()
    {
        out.push(": Invalid Properties for alert rule: 'templateVersion' can only be used if 'alertRuleTemplateName' is not empty.".to_owned());
    }
    for name in ["displayName", "query"] {
        if properties.get(name).and_then(Value::as_str).is_some_and(|text| text.trim().is_empty()) {
            out.push(format!("properties.{name}: The value cannot be empty."));
        }
    }
    if !preview && PREVIEW_PRODUCTS.contains(&paths::text(&root, "productFilter")) {
        out.push("properties.productFilter: The value is not known to this api-version.".to_owned());
    }
    if kind.name == "Fusion" && paths::text(&root, "alertRuleTemplateName") != FUSION_TEMPLATE {
        out.push("properties.alertRuleTemplateName: The template is not a Fusion template.".to_owned());
    }
    entities(&root, &mut out);
    grouping(&root, switches, &mut out);
    for name in ["alertDisplayNameFormat", "alertDescriptionFormat"] {
        let format = paths::text(&root, &format!("alertDetailsOverride.{name}")).to_owned();
        if format.matches("{{").count() > 3 {
            out.push(format!("properties.alertDetailsOverride.{name}: At most 3 parameters are allowed."));
        }
    }
    out
}

fn entities(root: &Value, out: &mut Vec<String>) {
    let list = |name: &str| paths::get(root, name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mappings = list("entityMappings");
    if mappings.len() + list("sentinelEntitiesMappings").len() > 10 {
        out.push("properties.entityMappings: At most 10 entity mappings are allowed.".to_owned());
    }
    for mapping in &mappings {
        let entity = paths::text(mapping, "entityType");
        let fields = mapping.get("fieldMappings").and_then(Value::as_array).cloned().unwrap_or_default();
        let used: Vec<&str> = fields.iter().map(|field| paths::text(field, "identifier")).collect();
        let Some(table) = IDENTIFIERS.iter().find(|table| table.entity == entity) else { continue };
        for identifier in used.iter().filter(|used| !table.known.contains(used)) {
            out.push(format!(
                "properties.entityMappings: '{identifier}' is not an identifier of entity '{entity}'."
            ));
        }
        let present = |needed: &&&str| used.contains(*needed);
        let met = if table.all {
            table.needed.iter().all(|n| present(&n))
        } else {
            table.needed.iter().any(|n| present(&n))
        };
        if !met {
            let needed = table.needed.join(", ");
            out.push(format!(
                "properties.entityMappings: Entity '{entity}' lacks a required identifier ({needed})."
            ));
        }
    }
}

fn grouping(root: &Value, switches: &Switches, out: &mut Vec<String>) {
    let Some(grouping) =
        paths::get(root, "incidentConfiguration.groupingConfiguration").filter(|g| g.is_object())
    else {
        return;
    };
    let list = |name: &str| grouping.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let by = ["groupByEntities", "groupByAlertDetails", "groupByCustomDetails"];
    if paths::text(grouping, "matchingMethod") == "Selected" && by.iter().all(|name| list(name).is_empty()) {
        out.push("properties.incidentConfiguration.groupingConfiguration: With matching method 'Selected' at least one of groupByEntities, groupByAlertDetails, groupByCustomDetails must not be empty.".to_owned());
    }
    if !switches.arm_check_grouping {
        return;
    }
    let mapped: Vec<String> = paths::get(root, "entityMappings")
        .and_then(Value::as_array)
        .map(|all| all.iter().map(|m| paths::text(m, "entityType").to_owned()).collect())
        .unwrap_or_default();
    for entity in
        list("groupByEntities").iter().filter_map(Value::as_str).filter(|e| !mapped.iter().any(|m| m == e))
    {
        out.push(format!("properties.incidentConfiguration.groupingConfiguration.groupByEntities: Entity '{entity}' is not mapped in the rule."));
    }
    let details = paths::get(root, "customDetails");
    for key in list("groupByCustomDetails").iter().filter_map(Value::as_str) {
        if details.and_then(|details| details.get(key)).is_none() {
            out.push(format!("properties.incidentConfiguration.groupingConfiguration.groupByCustomDetails: '{key}' is not a custom detail of the rule."));
        }
    }
}
