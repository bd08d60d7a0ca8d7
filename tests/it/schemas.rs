//! What was really sent, against what Microsoft publishes: the template schema of alert rules and the metadata of Graph, both read
//! from the reference data beside the project. Without it the tests say so and pass; the clients' unit tests hold the same
//! against more versions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::kinds::with_one_of_every_kind;

const TEMPLATES: &str =
    "api/openapi/arm-template-schemas@a1454431/Microsoft.SecurityInsights-2025-07-01-preview.json";
const METADATA: &str = "api/openapi/graph/beta-type-mappings.detectionRule.excerpt.json";

fn shared(path: &str) -> Option<Value> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("PALISADE_SHARED").map_or_else(beside, PathBuf::from);
    match std::fs::read_to_string(folder.join(path)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {path} is not there");
            None
        }
    }
}

/// Template expressions become impossible, because values are sent; objects take no other member than those described.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("$ref").and_then(Value::as_str).is_some_and(|to| to.starts_with("https://")) {
                *schema = json!({"not": {}});
                return;
            }
            members.values_mut().for_each(close);
            let described =
                members.get("properties").and_then(Value::as_object).is_some_and(|some| !some.is_empty());
            if described && members.get("type") == Some(&json!("object")) {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_alert_rule_that_was_put_fits_the_official_schema() {
    let Some(mut templates) = shared(TEMPLATES) else { return };
    // "properties" may be the name of a member as well: only the definitions are schemas.
    close(&mut templates["definitions"]);
    let world = with_one_of_every_kind();
    let mut kinds = BTreeSet::new();
    let puts: Vec<_> = world.writes().into_iter().filter(|request| request.method() == "PUT").collect();
    for put in &puts {
        let mut body = put.body().clone();
        // The envelope's own; the schema describes what is inside.
        body.as_object_mut().unwrap().remove("etag");
        let kind = body["kind"].as_str().unwrap().to_owned();
        if kind == "ThreatIntelligence" {
            // Not in the schema, but the service was seen to ask for it (CONTRACT B.3).
            body["properties"].as_object_mut().unwrap().remove("displayName");
        }
        let name = match kind.as_str() {
            "NRT" => "NrtAlertRule".to_owned(),
            kind => format!("{kind}AlertRule"),
        };
        let schema =
            json!({"$ref": format!("#/definitions/{name}"), "definitions": templates["definitions"]});
        let validator = jsonschema::draft4::new(&schema).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{body:#}");
        kinds.insert(kind);
    }
    assert!(puts.len() > kinds.len(), "creates and updates");
    let all = [
        "Fusion",
        "MLBehaviorAnalytics",
        "MicrosoftSecurityIncidentCreation",
        "NRT",
        "Scheduled",
        "ThreatIntelligence",
    ];
    assert_eq!(kinds, all.map(str::to_owned).into());
}

#[test]
fn custom_detections_have_only_members_that_graph_knows() {
    let Some(metadata) = shared(METADATA) else { return };
    // Every entity of Graph inherits its id.
    let mut known = BTreeSet::from(["id".to_owned()]);
    for group in ["complex", "entity"] {
        for kind in metadata[group].as_object().unwrap().values() {
            let names = kind["properties"]
                .as_array()
                .unwrap()
                .iter()
                .chain(kind["navigationProperties"].as_array().unwrap());
            known.extend(names.filter_map(Value::as_str).map(str::to_owned));
        }
    }
    let world = with_one_of_every_kind();
    let sent: Vec<_> =
        world.writes().into_iter().filter(|request| matches!(request.method(), "POST" | "PATCH")).collect();
    assert!(sent.iter().any(|one| one.method() == "POST") && sent.iter().any(|one| one.method() == "PATCH"));
    for request in sent {
        let mut names = BTreeSet::new();
        members(request.body(), &mut names);
        let unknown: Vec<&String> = names.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {:#}", request.body());
        // Retired on 2026-10-01, and owned by the service.
        for name in [
            "isEnabled",
            "detectorId",
            "lastRunDetails",
            "impactedAssets",
            "responseActions",
            "createdBy",
            "lastModifiedBy",
        ] {
            assert!(!names.contains(name), "{name} was sent");
        }
    }
}

/// The names of all members but those that people choose.
fn members(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                names.insert(name.clone());
                if name != "customDetails" {
                    members(value, names);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| members(item, names)),
        _ => {}
    }
}
