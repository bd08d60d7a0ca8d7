//! What we POST and PATCH, against Microsoft Graph's published metadata (the type mappings of beta), read from the
//! reference data beside the project; without it the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::convert::{created, live, updated};
use super::tests::{full, small};
use super::wire;
use crate::provider::fields::Table;
use crate::provider::testing::*;
use crate::resource::Kind;

const METADATA: &str = "api/openapi/graph/beta-type-mappings.detectionRule.excerpt.json";
const CONSTANTS: &str = "api/constants.json";

/// Newer than the metadata, in the reference pages (CONTRACT A.4).
const NEWER: [(&str, &str); 3] = [
    ("ruleSchedule", "lookback"),
    ("alertTemplate", "eventGroupingKind"),
    ("detectionAction", "incidentConfiguration"),
];

/// Removed on 2026-10-01 (CONTRACT A.0); still in the metadata.
const REMOVED: [&str; 12] = [
    "isEnabled",
    "detectorId",
    "lastRunDetails",
    "lastModifiedDateTime",
    "period",
    "nextRunDateTime",
    "category",
    "mitreTechniques",
    "impactedAssets",
    "responseActions",
    "scopeType",
    "scopeNames",
];

const READ_ONLY: [&str; 3] = ["createdBy", "createdDateTime", "lastModifiedBy"];

fn load(path: &str) -> Option<Value> {
    let file = shared(path)?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

struct Metadata(BTreeMap<String, BTreeSet<String>>);

impl Metadata {
    fn read() -> Option<Self> {
        let document = load(METADATA)?;
        let mut types = BTreeMap::new();
        for group in ["complex", "entity"] {
            for (name, kind) in document[group].as_object().unwrap() {
                let properties =
                    kind["properties"].as_array().unwrap().iter().map(|p| p.as_str().unwrap().to_owned());
                types.insert(name.clone(), properties.collect());
            }
        }
        Some(Self(types))
    }

    /// Every property in `value` that the type does not have, or that must not be sent.
    fn complaints(&self, kind: &str, value: &Value, complaints: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.complaints(kind, item, complaints)),
            Value::Object(members) => {
                for (name, member) in members {
                    let known = self.0[kind].contains(name)
                        || base(kind).is_some_and(|base| self.0[base].contains(name))
                        || NEWER.contains(&(kind, name))
                        || (kind == "detectionRule" && name == "id");
                    if !known || REMOVED.contains(&name.as_str()) || READ_ONLY.contains(&name.as_str()) {
                        complaints.push(format!("{kind}.{name}"));
                    }
                    if let Some(inner) = type_of(kind, name) {
                        self.complaints(inner, member, complaints);
                    }
                }
            }
            _ => {}
        }
    }
}

fn base(kind: &str) -> Option<&'static str> {
    (kind == "isolateDeviceAction").then_some("deviceAction")
}

/// The type of a property that is an object or a list of objects.
fn type_of(kind: &str, name: &str) -> Option<&'static str> {
    Some(match (kind, name) {
        ("detectionRule", "queryCondition") => "queryCondition",
        ("detectionRule", "schedule") => "ruleSchedule",
        ("detectionRule", "detectionAction") => "detectionAction",
        ("detectionAction", "alertTemplate") => "alertTemplate",
        ("detectionAction", "automatedActions") => "automatedActionSet",
        ("detectionAction", "organizationalScope") => "organizationalScope",
        ("alertTemplate", "tactics") => "mitreTactic",
        ("mitreTactic", "techniques") => "mitreTechnique",
        ("alertTemplate", "entityMappings") => "entityMappingConfiguration",
        ("automatedActionSet", "allowFiles" | "blockFiles") => "fileAction",
        ("automatedActionSet", "isolateDevices") => "isolateDeviceAction",
        ("automatedActionSet", "disableUsers" | "forceUserPasswordResets") => "accountSidAction",
        ("automatedActionSet", "markUsersAsCompromised") => "accountObjectIdAction",
        ("automatedActionSet", "stopAndQuarantineFiles") => "stopAndQuarantineFileAction",
        ("automatedActionSet", mail) if mail.contains("Emails") => "emailAction",
        ("automatedActionSet", _) => "deviceAction",
        ("entityMappingConfiguration", "accounts") => "accountEntityMapping",
        ("entityMappingConfiguration", "amazonResources") => "amazonResourceEntityMapping",
        ("entityMappingConfiguration", "azureResources") => "azureResourceEntityMapping",
        ("entityMappingConfiguration", "cloudApplications") => "cloudApplicationEntityMapping",
        ("entityMappingConfiguration", "dns") => "dnsEntityMapping",
        ("entityMappingConfiguration", "files") => "fileEntityMapping",
        ("entityMappingConfiguration", "googleCloudResources") => "googleCloudResourceEntityMapping",
        ("entityMappingConfiguration", "hosts") => "hostEntityMapping",
        ("entityMappingConfiguration", "ips") => "ipEntityMapping",
        ("entityMappingConfiguration", "mailboxes") => "mailboxEntityMapping",
        ("entityMappingConfiguration", "mailClusters") => "mailClusterEntityMapping",
        ("entityMappingConfiguration", "mailMessages") => "mailMessageEntityMapping",
        ("entityMappingConfiguration", "oAuthApplications") => "oAuthApplicationEntityMapping",
        ("entityMappingConfiguration", "processes") => "processEntityMapping",
        ("entityMappingConfiguration", "registryValues") => "registryValueEntityMapping",
        ("entityMappingConfiguration", "securityGroups") => "securityGroupEntityMapping",
        ("entityMappingConfiguration", "urls") => "urlEntityMapping",
        _ => return None,
    })
}

/// A rule with every collection and every member in it.
fn everything() -> Option<Value> {
    let constants = load(CONSTANTS)?;
    let mut body = full();
    for (group, path) in [("entityMappings", "alertTemplate"), ("automatedActions", "")] {
        let mut collections = json!({});
        for (collection, members) in constants["graph"][group].as_object().unwrap() {
            let mut item = json!({});
            for member in members.as_array().unwrap() {
                let member = member.as_str().unwrap();
                match member.strip_suffix("[]") {
                    Some(list) => item[list] = json!(["A", "B"]),
                    None => item[member] = json!(if member == "isolationType" { "full" } else { "Column" }),
                }
            }
            collections[collection] = json!([item]);
        }
        let action = &mut body["detectionAction"];
        if path.is_empty() { action[group] = collections } else { action[path][group] = collections }
    }
    Some(body)
}

#[test]
fn requests_have_only_properties_of_the_present_shape() {
    let (Some(metadata), Some(everything)) = (Metadata::read(), everything()) else {
        return println!("skipped: no {METADATA}");
    };
    let before = {
        let mut answer = everything.clone();
        answer["id"] = json!("acme--rule-a");
        answer["createdBy"] = json!("a");
        live(object(answer))
    };
    for body in [everything, full(), small()] {
        let write = write(Kind::CustomDetection, "acme--rule-a", body.clone());
        for sent in [created(&write), updated(&write, &before)] {
            let mut complaints = Vec::new();
            metadata.complaints("detectionRule", &Value::Object(sent.clone()), &mut complaints);
            assert_eq!(complaints, Vec::<String>::new());
        }
        let mut answer = created(&write);
        answer.insert("createdBy".to_owned(), json!("a"));
        assert_eq!(Value::Object(live(answer).body), body, "and it comes back");
    }
    // The check can fail.
    let mut complaints = Vec::new();
    metadata.complaints(
        "detectionRule",
        &json!({"isEnabled": true, "schedule": {"period": "1H"}, "x": 1}),
        &mut complaints,
    );
    assert_eq!(complaints, ["detectionRule.isEnabled", "ruleSchedule.period", "detectionRule.x"]);
}

#[test]
fn our_collections_are_those_of_the_metadata() {
    let Some(metadata) = Metadata::read() else { return println!("skipped: no {METADATA}") };
    let names = |table: Table| table.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names(wire::ENTITY_MAPPINGS), metadata.0["entityMappingConfiguration"]);
    assert_eq!(names(wire::AUTOMATED_ACTIONS), metadata.0["automatedActionSet"]);
}
