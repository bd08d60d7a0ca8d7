//! What Graph refuses in a custom detection, in the words that were recorded (CONTRACT A.5).

use serde_json::{Map, Value};

use super::tables::{ASSETS, COMBINATIONS, CUSTOM_FREQUENCY, FREQUENCIES, LEGACY, RULE};
use crate::sandbox::query::Query;
use crate::sandbox::schema::{self, Problem, Strictness};
use crate::sandbox::switches::{Dynamic, Switches, Unknown};
use crate::sandbox::{duration, paths};

/// The first objection to a whole rule (a POST, or the result of a PATCH).
pub(crate) fn rule(rule: &Map<String, Value>, newest: bool, switches: &Switches) -> Option<String> {
    let root = Value::Object(rule.clone());
    let id = paths::text(&root, "id");
    if !is_id(id) {
        return Some("Invalid rule identifier format. Rule ID must consist of letters, numbers, dashes, or underscores only, begin with a letter, and not exceed 100 characters.".to_owned());
    }
    shape(rule, newest, switches)
        .or_else(|| tactics(&root, switches))
        .or_else(|| entities(&root))
        .or_else(|| schedule(&root))
        .or_else(|| dynamic_columns(&root, switches))
        .or_else(|| query(&root, switches))
}

/// Objections to the shape of a body. Legacy properties come first: their message is the most telling.
pub(crate) fn shape(body: &Map<String, Value>, newest: bool, switches: &Switches) -> Option<String> {
    let root = Value::Object(body.clone());
    if paths::text(&root, "schedule.period") == "Custom" {
        return Some(
            "Schedule.Period 'Custom' is not in a recognized format. Valid formats are 0, 1H, 3H, 12H, 24H."
                .to_owned(),
        );
    }
    let legacy = LEGACY.iter().find(|path| paths::get(&root, path).is_some());
    if let Some(path) = legacy.filter(|_| switches.graph_legacy_properties == Unknown::Refused) {
        return Some(format!("Property '{path}' is no longer supported."));
    }
    let how = Strictness {
        null_collections_refused: switches.graph_null_refused,
        unknown_refused: switches.graph_unknown_properties == Unknown::Refused,
        new_known: newest,
        new_refused: switches.graph_unknown_properties == Unknown::Refused,
    };
    let problems = schema::check(RULE, body, "", how);
    let objection = problems.into_iter().find(|problem| match problem {
        // A legacy property that is not refused is not unknown either.
        Problem::Unknown { path } => !LEGACY.contains(&path.as_str()),
        Problem::Missing { path } => path.as_str() != "detectionAction.alertTemplate.entityMappings",
        _ => true,
    });
    objection.map(|problem| in_words(&problem))
}

fn in_words(problem: &Problem) -> String {
    match problem {
        Problem::Missing { path } => format!("The {path} field is required."),
        Problem::Null { path } => format!("The {path} field must not be null."),
        Problem::Wrong { path, .. } if path == "status" => {
            "Status must be one of enabled, disabled.".to_owned()
        }
        Problem::Wrong { path, expected } => format!("The value of {path} is invalid: expected {expected}."),
        Problem::TooMany { path, max } => format!("{path} must not exceed {max} items."),
        Problem::TooLong { path, max } => format!("{path} must not exceed {max} characters."),
        Problem::ReadOnly { path } => format!("Property '{path}' is read-only."),
        Problem::Unknown { path } => {
            format!("The property '{path}' does not exist on type 'microsoft.graph.security.detectionRule'.")
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= 100
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn tactics(root: &Value, switches: &Switches) -> Option<String> {
    let empty = Vec::new();
    let tactics =
        paths::get(root, "detectionAction.alertTemplate.tactics").and_then(Value::as_array).unwrap_or(&empty);
    if tactics.len() > 1 {
        return Some("Multiple MITRE tactics are not supported. Specify a single tactic.".to_owned());
    }
    let Some(tactic) = tactics.first() else {
        let needed = switches.graph_tactic_required;
        return needed.then(|| "Either tactics or category must be provided.".to_owned());
    };
    let techniques = tactic.get("techniques").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let needed = switches.graph_technique_required && !techniques;
    needed.then(|| format!("Tactic '{}' must specify at least one technique.", paths::text(tactic, "tactic")))
}

fn entities(root: &Value) -> Option<String> {
    let none = Map::new();
    let mappings = paths::get(root, "detectionAction.alertTemplate.entityMappings")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let filled =
        |name: &str| mappings.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if !mappings.keys().any(|name| filled(name)) {
        return Some("At least one of impactedAssets or entityMappings must be provided.".to_owned());
    }
    if !ASSETS.iter().any(|name| filled(name)) {
        return Some(
            "At least one asset entity (Machine, User, or Mailbox) or an IP entity must be included."
                .to_owned(),
        );
    }
    for entity in COMBINATIONS {
        for mapping in mappings.get(entity.collection).and_then(Value::as_array).into_iter().flatten() {
            let complete =
                |columns: &&[&str]| columns.iter().all(|column| !paths::text(mapping, column).is_empty());
            if !entity.combinations.iter().any(complete) {
                let combinations: Vec<String> = entity.combinations.iter().map(|c| c.join(" + ")).collect();
                return Some(format!(
                    "Entity mapping for '{}' is invalid. Set non-empty column values for all fields in at least one of these combinations: {}.",
                    entity.label,
                    combinations.join("; ")
                ));
            }
        }
    }
    None
}

/// The wordings are inferred.
fn schedule(root: &Value) -> Option<String> {
    let frequency = duration::seconds(paths::text(root, "schedule.frequency"))?;
    let custom = (CUSTOM_FREQUENCY.0..=CUSTOM_FREQUENCY.1).contains(&frequency);
    if !FREQUENCIES.contains(&frequency) && !custom {
        return Some(
            "Schedule.Frequency is not valid. Valid values are PT0S, PT1H, PT3H, PT12H, P1D.".to_owned(),
        );
    }
    if !FREQUENCIES.contains(&frequency) && uses_defender_table(root) {
        return Some("Schedule.Frequency: a custom frequency is supported only for queries over Microsoft Sentinel data.".to_owned());
    }
    let lookback = duration::seconds(paths::text(root, "schedule.lookback"))?;
    if frequency == 0 {
        return Some("Schedule.Lookback is not supported for continuous rules.".to_owned());
    }
    (lookback < frequency)
        .then(|| "Schedule.Lookback must be greater than or equal to Schedule.Frequency.".to_owned())
}

/// Does the query read a table of Defender XDR? By name only; the families are those of CONTRACT A.6.
fn uses_defender_table(root: &Value) -> bool {
    const FAMILIES: &[&str] =
        &["Device", "Email", "Identity", "CloudAppEvents", "UrlClickEvents", "AlertInfo", "AlertEvidence"];
    let query = Query::read(paths::text(root, "queryCondition.queryText"));
    query.table().is_some_and(|table| FAMILIES.iter().any(|family| table.starts_with(family)))
}

fn dynamic_columns(root: &Value, switches: &Switches) -> Option<String> {
    let columns = |field: &str| {
        let text = paths::text(root, &format!("detectionAction.alertTemplate.{field}"));
        let mut names: Vec<String> = text
            .split("{{")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    };
    let (title, description) = (columns("title"), columns("description"));
    let exceeded = match switches.graph_dynamic_columns {
        Dynamic::Off => false,
        Dynamic::PerField => title.len() > 3 || description.len() > 3,
        Dynamic::Together => {
            let mut both = [title, description].concat();
            both.sort();
            both.dedup();
            both.len() > 3
        }
    };
    exceeded
        .then(|| "Dynamic properties in alertTitle and alertDescription must not exceed 3 fields".to_owned())
}

fn query(root: &Value, switches: &Switches) -> Option<String> {
    if !switches.graph_check_query {
        return None;
    }
    let text = paths::text(root, "queryCondition.queryText");
    let query = Query::read(text);
    if let Some(fault) = query.fault() {
        return Some(format!("The query contains syntax errors: {fault}."));
    }
    if text.encode_utf16().count() > 10_000 {
        return Some("The query exceeds the maximum length of 10000 characters.".to_owned());
    }
    if query.calls("workspace") {
        return Some("The query has a semantic error: Unknown function: 'workspace'. Fix semantic errors in your query.".to_owned());
    }
    let continuous = duration::seconds(paths::text(root, "schedule.frequency")) == Some(0);
    if continuous && switches.graph_check_continuous {
        let banned = ["let", "join", "union", "externaldata"].into_iter().find(|word| query.uses(word));
        let banned =
            banned.map(|word| format!("'{word}'")).or(query.has_comment().then(|| "comments".to_owned()));
        if let Some(banned) = banned {
            return Some(format!(
                "The query is not supported for continuous (NRT) frequency: it uses {banned}."
            ));
        }
    }
    let columns = query.columns()?;
    let mut missing: Vec<&str> = Vec::new();
    let mappings =
        paths::get(root, "detectionAction.alertTemplate.entityMappings").and_then(Value::as_object)?;
    let mapped = mappings.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    for column in mapped.flat_map(Map::values).filter_map(Value::as_str) {
        if !columns.contains(&column) && !missing.contains(&column) {
            missing.push(column);
        }
    }
    (!missing.is_empty()).then(|| {
        let names = missing.join(", ");
        format!("Entity mappings reference the following column(s) which are not projected by the query output: {names}..")
    })
}
