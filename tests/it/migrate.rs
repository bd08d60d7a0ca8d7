//! `migrate`: custom detections in the shape that Graph retired, deployed ones and those in files.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::{TENANT, World, snapshot};

const PLAN: &str = "plan -e lab --detailed-exitcode";
const HUNTING: &str = "DeviceProcessEvents\n| where FileName =~ \"x.exe\"\n| project Timestamp, DeviceId, ReportId, AccountSid, FileName";

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name))
        .unwrap()
}

/// What came of the rule of `migrate/rule.yaml`: the same lines but for those of the retired shape, every comment there.
const REWRITTEN: &str = r##"# Kept beside the runbook.
displayName: Tool copied to a share
status: enabled          # switched on in March
queryCondition:
  queryText: |
    DeviceFileEvents
    | where FileName =~ "tool.exe" // category: not a key
    | project Timestamp, DeviceId, ReportId, AccountName, AccountDomain, SHA1
schedule:
  frequency: PT12H            # twice a day
detectionAction:
  alertTemplate:
    title: "Tool copied: #1"
    severity: medium
    tactics:
      - tactic: LateralMovement
        techniques: [{technique: T1021.002}] # the first of two
    # shares
    # whom it is about
    # the machine
    entityMappings:
      hosts: [{deviceIdColumn: DeviceId}]
      accounts: [{nameColumn: AccountName, ntDomainColumn: AccountDomain}]
  organizationalScope: {deviceGroups: [Servers]}
  automatedActions:
    isolateDevices: [{deviceIdColumn: DeviceId, isolationType: full}] # careful
"##;

#[test]
fn files_are_shown_first_and_rewritten_when_asked() {
    let world = World::empty();
    let before = fixture("migrate/rule.yaml");
    world.write("old/rule.yaml", &before).write("old/notes.yaml", "a: 1\n");
    snapshot!("migrate_files", world.run("migrate old").exits(0));
    assert_eq!(world.read("old/rule.yaml"), before);
    world.run("migrate old --write").exits(0).says(&["Rewrote 1 rule in 1 file."]);
    assert_eq!(world.read("old/rule.yaml"), REWRITTEN);
    world.run("migrate old --write").exits(0).says(&["Nothing to migrate in 2 files."]);
    assert_eq!(world.read("old/rule.yaml"), REWRITTEN);
    // What came of it is a rule like any other.
    world.run("import files old/rule.yaml").exits(0);
    let file = world.read("rules/tool-copied-to-a-share.yaml");
    assert!(file.contains("accounts: [{nameColumn: AccountName, ntDomainColumn: AccountDomain}]"), "{file}");
}

#[test]
fn what_has_no_place_is_reported_where_it_stands_and_stays() {
    let world = World::empty();
    world.write("graph.json", fixture("graph/legacy.json"));
    let left = ["error[FMT-09]", "impactedSpaceshipAsset", "sendFlowersResponseAction", "2 errors"];
    world.run("migrate graph.json").exits(1).says(&left).says(&["graph.json:23:29", "graph.json:29:27"]);
    world.run("migrate graph.json --write").exits(1).says(&["graph.json:23:30", "graph.json:34:28"]);
    let once = world.read("graph.json");
    let rule = &serde_json::from_str::<Value>(&once).unwrap()["value"][0];
    let template = &rule["detectionAction"]["alertTemplate"];
    assert_eq!(
        (&rule["id"], &rule["status"], &rule["schedule"], &template["entityMappings"]),
        (
            &json!("7506"),
            &json!("enabled"),
            &json!({"frequency": "PT12H"}),
            &json!({"hosts": [{"deviceIdColumn": "DeviceId"}], "accounts": [{"upnColumn": "AccountUpn"}]})
        )
    );
    assert_eq!(template["impactedAssets"].as_array().unwrap().len(), 1);
    assert_eq!(rule["detectionAction"]["responseActions"].as_array().unwrap().len(), 1);
    world.run("migrate graph.json --write").exits(1);
    assert_eq!(world.read("graph.json"), once);

    // A rule file that an import left such a thing in.
    world.write("graph.json", fixture("graph/legacy.json"));
    world.run("import files graph.json").exits(0);
    let file = "rules/tool-copied-to-a-share.yaml";
    world.run("migrate rules").exits(1).says(&["error[FMT-09]", &format!("{file}:"), "2 errors"]);
}

#[test]
fn templates_get_the_present_version_and_broken_files_stop_nothing() {
    let world = World::empty();
    let rule = r#"{"queryCondition":{"queryText":"T"},"schedule":{"period":"Custom"},"isEnabled":true}"#;
    let template = |version: &str, rule: &str| {
        format!(
            r#"{{"resources":{{"a":{{"type":"Microsoft.Security/detectionRules@{version}","properties":{rule}}}}}}}"#
        )
    };
    world.write("a/template.json", template("2026-01-01-preview", rule));
    world.write("a/broken.json", "{\"queryCondition\": ");
    world.write("a/broken.yaml", "queryCondition: [\n");
    world.write("a/converter.yaml", fixture("xdr-converter/detection.yaml"));
    let ran = world.run("migrate a --write --format json").exits(1);
    let report = ran.json();
    assert_eq!(report["changed"][0]["path"], "a/template.json", "{report:#}");
    assert_eq!((&report["files"], &report["foreign"]), (&json!(4), &json!(["a/converter.yaml"])));
    ran.says(&[
        "a/broken.json:1:",
        "a/broken.yaml:1:",
        "such as `frequency: PT1H`",
        "palisade import files a/converter.yaml",
    ]);
    let after = r#"{"queryCondition":{"queryText":"T"},"schedule":{"period":"Custom"},"status":"enabled"}"#;
    assert_eq!(world.read("a/template.json"), template("2026-06-01-preview", after));
    world.run("migrate missing.json").exits(1).says(&["`missing.json` cannot be read"]);
    world.run("migrate --write").exits(1).says(&["--write is for files"]);
}

#[test]
fn deployed_rules_in_the_retired_shape_are_rewritten_in_place() {
    let world = World::deployed();
    world.switch("graph_retired_shape", "*");
    // It is as its file says: no change, and the next step.
    world
        .run(PLAN)
        .has_nothing_to_do()
        .says(&["1 rule still has the shape that was retired", "palisade migrate -e lab"]);
    world.run("drift -e lab").exits(0);
    snapshot!("migrate_dry_run", world.run("migrate -e lab --dry-run").exits(0));
    let plan = world.run("migrate -e lab --dry-run --format json").exits(0).json();
    let change = &plan["changes"][0];
    assert_eq!((&change["class"], &change["actions"]), (&json!("migrated"), &json!(["update"])));
    assert_eq!(change["fields"], json!([{"path": "shape", "before": "retired", "after": "present"}]));
    assert_eq!(change["before_digest"], change["after_digest"]);
    world.wrote_nothing();

    // Reviewed, then carried out: one PATCH with everything, in today's words.
    world.run("migrate -e lab --out plan.json").exits(0).says(&["Saved."]);
    world.run("show plan.json").exits(0).says(&["migrate in place", "~ shape: \"retired\" → \"present\""]);
    world.run("apply plan.json").exits(0).says(&["Applied 1 of 1 changes."]);
    let writes = world.writes();
    assert_eq!((writes.len(), writes[0].method(), writes[0].status()), (1, "PATCH", 200));
    let body = writes[0].body();
    assert_eq!((&body["status"], &body["schedule"]["frequency"]), (&json!("enabled"), &json!("PT1H")));
    assert_eq!(
        body["detectionAction"]["alertTemplate"]["entityMappings"]["hosts"],
        json!([{"deviceIdColumn": "DeviceId"}])
    );
    assert!(!body.to_string().contains("isEnabled") && !body.to_string().contains("impactedAssets"));
    world.run(PLAN).has_nothing_to_do().never_says(&["retired"]);
    world.run("migrate -e lab --auto-approve").exits(0).says(&["No changes."]);
    world.run("apply plan.json").exits(0).says(&["already"]);
}

#[test]
fn migrating_asks_and_names_only_what_it_was_told() {
    let world = World::deployed();
    world.switch("graph_retired_shape", "*");
    world.run("migrate -e lab").exits(1).says(&["--auto-approve"]);
    world.run("migrate -e lab --target task --auto-approve").exits(0).says(&["No changes."]);
    world.wrote_nothing();
    // An update for another reason rewrites the shape as well, and says so.
    world.edit("rules/hunt.yaml", "severity: medium", "severity: high");
    world
        .run("migrate -e lab --dry-run")
        .exits(0)
        .says(&["Not migrated:", "its file differs in detectionAction.alertTemplate.severity"]);
    world.run(PLAN).exits(2).says(&["~ shape: \"retired\" → \"present\"", "severity"]);
    world.run("apply -e lab --auto-approve").exits(0);
    world.run(PLAN).has_nothing_to_do().never_says(&["retired"]);
}

fn detection(name: &str, more: &Value) -> Value {
    let mut body = json!({"id": "contoso-hunt", "displayName": name, "status": "enabled",
        "queryCondition": {"queryText": HUNTING}, "schedule": {"frequency": "PT3H"},
        "detectionAction": {"alertTemplate": {"title": format!("{name}!"), "severity": "medium",
            "tactics": [{"tactic": "Persistence", "techniques": [{"technique": "T1053.005"}]}],
            "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}], "accounts": [{"sidColumn": "AccountSid"}]}},
            "organizationalScope": {"deviceGroups": ["Servers"]}}});
    for (key, value) in more.as_object().unwrap() {
        body["detectionAction"][key] = value.clone();
    }
    body
}

#[test]
fn a_rule_without_a_file_is_imported_first() {
    let world = World::empty();
    world.play(&json!({"op": "add", "rule_body": detection("Hunt for x", &json!({})), "tenant": TENANT}));
    world.switch("graph_retired_shape", "Hunt for x");
    let next = "`palisade import live -e lab --select contoso-hunt` writes one";
    world.run("migrate -e lab --dry-run").exits(0).says(&["Not migrated:", next]);
    world.run("import live -e lab --select contoso-hunt").exits(0).says(&["1 rule imported", "retired"]);
    world.run(PLAN).has_nothing_to_do().says(&["waits to be adopted", "palisade migrate -e lab"]);
    world.forget_requests();
    let ran = world.run("migrate -e lab --auto-approve").exits(0);
    ran.says(&["adopt and migrate in place", "~ shape", "Applied 1 of 1 changes."]);
    assert_eq!(world.writes().iter().map(|write| write.method().to_owned()).collect::<Vec<_>>(), ["PATCH"]);
    world.run(PLAN).has_nothing_to_do().never_says(&["retired", "adopt"]);
    let document = world.document("Hunt for x");
    assert_eq!(document["detectionAction"]["organizationalScope"]["deviceGroups"], json!(["Servers"]));
}

#[test]
fn a_rule_that_would_lose_something_is_held_back() {
    let world = World::empty();
    world.play(&json!({"op": "add", "rule_body": detection("Hunt for x", &json!({})), "tenant": TENANT}));
    world.switch("graph_retired_shape", "*").switch("graph_unknown_properties", "ignored");
    // Something that only the old shape has a word for.
    let path = world.state().join("state.ndjson");
    let state = std::fs::read_to_string(&path).unwrap();
    let mut entry: Value =
        serde_json::from_str(state.lines().rfind(|line| line.contains("Hunt for x")).unwrap()).unwrap();
    let document = entry.pointer("/put/record/document").unwrap().as_str().unwrap().to_owned();
    let mut document: Value = serde_json::from_str(&document).unwrap();
    document["detectionAction"]["responseActions"] = json!([{"@odata.type": "#microsoft.graph.security.sendFlowersResponseAction", "identifier": "deviceId"}]);
    entry["put"]["record"]["document"] = json!(document.to_string());
    std::fs::write(&path, format!("{state}{entry}\n")).unwrap();

    world.run("import live -e lab --select contoso-hunt").exits(0).says(&["sendFlowersResponseAction"]);
    world.forget_requests();
    world.run("migrate -e lab --auto-approve").exits(3).says(&[
        "BLOCKED: the present shape has no place for",
        "detectionAction.responseActions[0] (sendFlowersResponseAction)",
    ]);
    world.wrote_nothing();
}
