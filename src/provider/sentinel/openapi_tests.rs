//! What we PUT, against Microsoft's own schemas: the OpenAPI specification 2024-03-01 and the 2025-07-01-preview
//! template schema. Both are read from the reference data beside the project; without it the tests say so and pass.
//!
//! The schemas leave objects open and say `readOnly` in words only. Here every object is closed and every read-only
//! property forbidden, so that a misspelt or echoed property is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::convert::sent;
use super::tests::bodies;
use crate::provider::testing::*;
use crate::resource::Kind;

const OPENAPI: &str = "api/openapi/azure-rest-api-specs@kairu-ms-6664d3ef/specification/securityinsights/resource-manager/Microsoft.SecurityInsights/stable/2024-03-01/AlertRules.json";
const TEMPLATE: &str =
    "api/openapi/arm-template-schemas@a1454431/Microsoft.SecurityInsights-2025-07-01-preview.json";

/// The definitions of a file and of every file that it refers to, by one name each.
#[derive(Default)]
struct Bundle(BTreeMap<String, Value>);

impl Bundle {
    fn read(file: &Path) -> Self {
        let mut bundle = Self::default();
        bundle.add(file);
        bundle
    }

    fn add(&mut self, file: &Path) {
        let key = key(file);
        if self.0.contains_key(&key) {
            return;
        }
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut definitions = document["definitions"].clone();
        self.0.insert(key, Value::Null);
        self.close(&mut definitions, file, false);
        self.0.insert(super::openapi_tests::key(file), definitions);
    }

    /// Points references into the bundle, closes objects where they are used and forbids what is read-only.
    fn close(&mut self, schema: &mut Value, file: &Path, inherits: bool) {
        match schema {
            Value::Object(members) => {
                if members.get("readOnly") == Some(&Value::Bool(true)) {
                    *schema = Value::Bool(false);
                    return;
                }
                if let Some(Value::String(reference)) = members.get("$ref").cloned() {
                    if reference.starts_with("https://") {
                        // Template expressions: we send values.
                        *schema = Value::Bool(false);
                        return;
                    }
                    let (path, name) = reference.split_once("#/definitions/").unwrap();
                    let target: PathBuf = if path.is_empty() {
                        file.to_owned()
                    } else {
                        file.parent().unwrap().join(path).canonicalize().unwrap()
                    };
                    self.add(&target);
                    *members = json!({"$ref": format!("#/definitions/{}/{name}", key(&target))})
                        .as_object()
                        .cloned()
                        .unwrap();
                    if !inherits {
                        members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
                    }
                    return;
                }
                for (name, value) in members.iter_mut() {
                    self.close(value, file, name == "allOf");
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.close(item, file, inherits)),
            _ => {}
        }
    }

    fn errors(&self, file: &Path, definition: &str, value: &Value) -> Vec<String> {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/definitions/{}/{definition}", key(file)),
            "unevaluatedProperties": false,
            "definitions": self.0,
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

fn key(file: &Path) -> String {
    file.canonicalize().unwrap().to_string_lossy().replace(['/', '~', '#', '%', '@'], "_")
}

/// Name of a kind's rule in the two schemas.
fn definition(kind: &Kind) -> &'static str {
    match kind {
        Kind::Scheduled => "ScheduledAlertRule",
        Kind::Nrt => "NrtAlertRule",
        Kind::MicrosoftSecurityIncidentCreation => "MicrosoftSecurityIncidentCreationAlertRule",
        Kind::Fusion => "FusionAlertRule",
        Kind::MlBehaviorAnalytics => "MLBehaviorAnalyticsAlertRule",
        Kind::ThreatIntelligence => "ThreatIntelligenceAlertRule",
        Kind::Watchlist | Kind::CustomDetection | Kind::Other(_) => panic!("not in these schemas"),
    }
}

fn put(kind: &Kind, body: Value) -> Value {
    serde_json::to_value(sent(&write(kind.clone(), "id", body), None)).unwrap()
}

#[test]
fn every_kind_is_valid_by_the_preview_schema() {
    let Some(file) = shared(TEMPLATE) else { return println!("skipped: no {TEMPLATE}") };
    let bundle = Bundle::read(&file);
    for (kind, mut body) in bodies() {
        if kind == Kind::ThreatIntelligence {
            // The schema calls it read-only; the service was seen to demand it.
            body.as_object_mut().unwrap().remove("displayName");
        }
        let put = put(&kind, body);
        assert_eq!(bundle.errors(&file, definition(&kind), &put), Vec::<String>::new(), "{kind:?}");
        // The check can fail.
        let mut wrong = put;
        wrong["properties"]["dispalyName"] = json!("x");
        assert!(!bundle.errors(&file, definition(&kind), &wrong).is_empty(), "{kind:?}");
    }
}

#[test]
fn stable_kinds_are_valid_by_the_openapi_specification() {
    let Some(file) = shared(OPENAPI) else { return println!("skipped: no {OPENAPI}") };
    let bundle = Bundle::read(&file);
    for (kind, mut body) in bodies() {
        let members = body.as_object_mut().unwrap();
        match kind {
            Kind::Scheduled | Kind::MicrosoftSecurityIncidentCreation => {}
            // Its settings are in preview versions only.
            Kind::Fusion => members
                .retain(|name, _| !matches!(name.as_str(), "sourceSettings" | "scenarioExclusionPatterns")),
            _ => continue,
        }
        members.remove("subTechniques");
        let put = put(&kind, body);
        assert_eq!(bundle.errors(&file, definition(&kind), &put), Vec::<String>::new(), "{kind:?}");
        let mut wrong = put;
        wrong["properties"]["lastModifiedUtc"] = json!("2026-11-23T10:00:00Z");
        assert!(!bundle.errors(&file, definition(&kind), &wrong).is_empty(), "{kind:?}");
    }
}

#[test]
fn watchlists_are_valid_by_both_schemas() {
    const WATCHLISTS: &str = "api/openapi/azure-rest-api-specs@kairu-ms-6664d3ef/specification/securityinsights/resource-manager/Microsoft.SecurityInsights/stable/2024-03-01/Watchlists.json";
    let body = json!({"displayName": "Scanners", "itemsSearchKey": "Host", "columns": ["Host", "Site"],
                      "items": {"a": "a,Berlin", "b": "b,"}});
    let write = write(Kind::Watchlist, "watchlist/scanners", body);
    let sent = |version: &str| Value::Object(super::watchlists::upload(&write, "scanners", version));
    assert_eq!(sent("2024-03-01")["rawContent"], json!("Host,Site\na,Berlin\nb,\n"));
    let (Some(stable), Some(preview)) = (shared(WATCHLISTS), shared(TEMPLATE)) else {
        return println!("skipped: no {WATCHLISTS} or no {TEMPLATE}");
    };
    let put = json!({"etag": "e", "properties": sent("2024-03-01")});
    assert_eq!(Bundle::read(&stable).errors(&stable, "Watchlist", &put), Vec::<String>::new());
    let item = json!({"properties": {"itemsKeyValue": {"Host": "a"}}});
    assert_eq!(Bundle::read(&stable).errors(&stable, "WatchlistItem", &item), Vec::<String>::new());
    let bundle = Bundle::read(&preview);
    let mut put = sent("2025-07-01-preview");
    assert_eq!(bundle.errors(&preview, "WatchlistProperties", &put), Vec::<String>::new());
    put["sourceType"] = json!("Local file");
    assert!(!bundle.errors(&preview, "WatchlistProperties", &put).is_empty(), "the check can fail");
}
