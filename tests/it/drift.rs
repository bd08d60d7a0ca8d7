//! What other people do to the tenant: portal edits, deletions, other owners, the services' own switching off.

use serde_json::{Value, json};

use crate::world::{HUNT, TASK, World, entry, snapshot};

const PLAN: &str = "plan -e lab --detailed-exitcode";
const APPLY: &str = "apply -e lab --auto-approve";
const HUNT_NAME: &str = "Unsigned program from a task";
const TASK_NAME: &str = "Task created by a person";

/// The class of the first change of a plan, and every field of every change as `address path`.
fn class_and_fields(world: &World) -> (String, Vec<String>) {
    let plan = world.run("plan -e lab --format json -q").json();
    let changes = plan["changes"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |change: &Value| -> Vec<String> {
        let fields = change["fields"].as_array().unwrap().iter();
        fields.map(|field| format!("{} {}", text(&change["address"]), text(&field["path"]))).collect()
    };
    let class = changes.first().map_or("nothing".to_owned(), |change| text(&change["class"]));
    (class, changes.iter().flat_map(of).collect())
}

fn fields(world: &World) -> Vec<String> {
    class_and_fields(world).1
}

fn class(world: &World) -> String {
    class_and_fields(world).0
}

#[test]
fn a_portal_edit_is_drift_in_exactly_that_field() {
    let world = World::deployed();
    world.portal_edit(TASK_NAME, &json!({"severity": "Low"}));
    snapshot!("plan_drift_sentinel", world.run(PLAN).exits(2));
    assert_eq!(fields(&world), ["sentinel/law-lab:task severity"]);
    world.run(APPLY).exits(0);
    assert_eq!(world.document(TASK_NAME)["properties"]["severity"], "High");
    world.run(PLAN).has_nothing_to_do();

    world.portal_edit(HUNT_NAME, &json!({"enabled": false}));
    snapshot!("plan_drift_defender", world.run(PLAN).exits(2));
    assert_eq!(fields(&world), ["defender:hunt status"]);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
}

/// Every field that a person can change in a portal, one at a time.
#[test]
fn every_field_drifts_alone_and_is_put_back() {
    let world = World::deployed();
    for (name, set, path) in [
        (TASK_NAME, json!({"displayName": "Task created by somebody"}), "sentinel/law-lab:task displayName"),
        (TASK_NAME, json!({"description": "Short."}), "sentinel/law-lab:task description"),
        (TASK_NAME, json!({"enabled": false}), "sentinel/law-lab:task enabled"),
        (TASK_NAME, json!({"queryFrequency": "PT2H"}), "sentinel/law-lab:task queryFrequency"),
        (TASK_NAME, json!({"queryPeriod": "P1D"}), "sentinel/law-lab:task queryPeriod"),
        (TASK_NAME, json!({"triggerThreshold": 5}), "sentinel/law-lab:task triggerThreshold"),
        (TASK_NAME, json!({"triggerOperator": "Equal"}), "sentinel/law-lab:task triggerOperator"),
        (TASK_NAME, json!({"suppressionEnabled": true}), "sentinel/law-lab:task suppressionEnabled"),
        (TASK_NAME, json!({"tactics": ["Persistence", "Execution"]}), "sentinel/law-lab:task tactics"),
        (TASK_NAME, json!({"customDetails": {"A": "Computer"}}), "sentinel/law-lab:task customDetails"),
        (TASK_NAME, json!({"entityMappings": null}), "sentinel/law-lab:task entityMappings"),
        (
            TASK_NAME,
            json!({"incidentConfiguration.createIncident": false}),
            "sentinel/law-lab:task incidentConfiguration.createIncident",
        ),
        (
            TASK_NAME,
            json!({"eventGroupingSettings.aggregationKind": "AlertPerResult"}),
            "sentinel/law-lab:task eventGroupingSettings.aggregationKind",
        ),
        (HUNT_NAME, json!({"severity": "low"}), "defender:hunt detectionAction.alertTemplate.severity"),
        (HUNT_NAME, json!({"frequency": "PT3H"}), "defender:hunt schedule.frequency"),
        (
            HUNT_NAME,
            json!({"title": "Other {{FileName}}"}),
            "defender:hunt detectionAction.alertTemplate.title",
        ),
        (
            HUNT_NAME,
            json!({"recommendedActions": "Ignore it."}),
            "defender:hunt detectionAction.alertTemplate.recommendedActions",
        ),
        (
            HUNT_NAME,
            json!({"detectionAction.alertTemplate.entityMappings.hosts": [{"nameColumn": "DeviceName"}]}),
            "defender:hunt detectionAction.alertTemplate.entityMappings.hosts",
        ),
        (
            HUNT_NAME,
            json!({"automatedActions": {"runAntivirusScans": [{"deviceIdColumn": "DeviceId"}]}}),
            "defender:hunt detectionAction.automatedActions",
        ),
        (
            HUNT_NAME,
            json!({"organizationalScope": {"deviceGroups": ["Servers"]}}),
            "defender:hunt detectionAction.organizationalScope",
        ),
    ] {
        // The rule is found by its marker, because its name may be what changes.
        let rule = if name == TASK_NAME { "rule=task " } else { "rule=hunt " };
        world.portal_edit(rule, &set);
        let (class, found) = class_and_fields(&world);
        assert_eq!(class, "drift", "{set}");
        assert_eq!(found.len(), 1, "{set}: {found:?}");
        assert!(found[0].starts_with(path), "{set}: {found:?}");
        world.run(APPLY).exits(0);
        let plan = world.run(PLAN);
        assert_eq!(plan.code, 0, "{set}\n{plan}");
    }
}

#[test]
fn a_portal_edit_of_the_query_shows_its_line() {
    let world = World::deployed();
    let query = world.document(TASK_NAME)["properties"]["query"].as_str().unwrap().to_owned();
    world.portal_edit(TASK_NAME, &json!({"query": query.replace("4698", "4702")}));
    let ran = world.run(PLAN).exits(2);
    snapshot!("plan_drift_query", ran);
    world.run(APPLY).exits(0);
    assert_eq!(world.document(TASK_NAME)["properties"]["query"], query);
}

#[test]
fn who_changed_what_decides_the_class() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: medium");
    assert_eq!(class(&world), "change");

    // Both sides changed: held back until somebody decides.
    world.portal_edit(TASK_NAME, &json!({"queryFrequency": "PT2H"}));
    assert_eq!(class(&world), "conflict");
    snapshot!("plan_conflict", world.run(PLAN).exits(2));
    world.forget_requests();
    world.run(APPLY).exits(3).says(&["held back"]);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --on-drift keep").exits(0);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --on-drift fail").exits(3);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --on-drift revert").exits(0);
    world.run(PLAN).has_nothing_to_do();
    let properties = &world.document(TASK_NAME)["properties"];
    assert_eq!((&properties["severity"], &properties["queryFrequency"]), (&json!("Medium"), &json!("PT1H")));

    // The portal already has what the file now says: nothing is left to do, whoever was first.
    world.portal_edit(TASK_NAME, &json!({"severity": "Informational"}));
    world.edit("rules/task.yaml", "severity: medium", "severity: informational");
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn on_drift_decides_about_drift() {
    let world = World::deployed();
    world.portal_edit(TASK_NAME, &json!({"severity": "Low"}));
    world.forget_requests();
    world.run("apply -e lab --auto-approve --on-drift fail").exits(3);
    world.run("apply -e lab --auto-approve --on-drift keep").exits(0).says(&["Changed outside of Palisade"]);
    world.wrote_nothing();
    assert_eq!(world.document(TASK_NAME)["properties"]["severity"], "Low");
    world.run(APPLY).exits(0);
    assert_eq!(world.document(TASK_NAME)["properties"]["severity"], "High");
}

#[test]
fn a_change_and_drift_in_different_rules_do_not_disturb_each_other() {
    let world = World::deployed();
    world.portal_edit(TASK_NAME, &json!({"severity": "Low"}));
    world.edit("rules/hunt.yaml", "severity: medium", "severity: high");
    world.forget_requests();
    world.run("apply -e lab --auto-approve --on-drift fail").exits(3).says(&["Applied 1 of 1 change"]);
    assert_eq!(world.writes().len(), 1);
    world.run("plan -e lab --on-drift keep").exits(0).says(&["No changes.", "Changed outside of Palisade"]);
}

#[test]
fn a_rule_deleted_in_the_portal_is_made_again() {
    let world = World::deployed();
    world.play(&json!({"op": "delete", "rule": HUNT_NAME}));
    world.run(PLAN).exits(2).says(&["+ defender:hunt  create"]);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
}

/// A rule of another owner, and one of nobody, in the same tenant.
#[test]
fn rules_of_others_are_left_alone() {
    let world = World::deployed();
    let query = "SecurityEvent | take 1";
    let foreign = format!("{query}\n// palisade:v1 owner=acme/other rule=theirs h={}", "0".repeat(32));
    for (name, query) in [("Nobody's", query), ("Theirs", &foreign)] {
        let properties = json!({
            "displayName": name, "enabled": true, "severity": "Low", "query": query, "queryFrequency": "PT1H",
            "queryPeriod": "PT1H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
            "suppressionEnabled": false, "suppressionDuration": "PT5H",
        });
        world.play(&json!({"op": "add", "rule_body": {"kind": "Scheduled", "properties": properties}}));
    }
    // The Fusion rule is nobody's as well.
    world.run(PLAN).exits(0).says(&["No changes.", "Left alone: 2 unmanaged, 1 of other owners."]);
    world.remove("rules/task.yaml");
    world.forget_requests();
    world.run(APPLY).exits(0).says(&["1 to delete"]);
    assert_eq!(world.names("sentinel"), ["Nobody's", "Theirs"]);
    assert_eq!(world.writes().len(), 1);
}

#[test]
fn a_rule_of_another_owner_is_taken_only_when_told() {
    let world = World::deployed();
    // The environment is given another owner id, and names the rule that the old owner deployed.
    let id = world.rules().iter().find(|rule| rule["name"] == TASK_NAME).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.edit("environments/lab/environment.yaml", "owner: acme/lab", "owner: acme/new");
    world.remove("rules/hunt.yaml");
    world.write("rules/task.yaml", TASK.replace("sentinel:\n", &format!("sentinel:\n  rule_id: {id}\n")));
    world.forget_requests();
    snapshot!("plan_foreign", world.run(PLAN).exits(2).says(&["it belongs to `acme/lab`"]));
    world.run(APPLY).exits(3);
    world.run("apply -e lab --auto-approve --take-over acme/elsewhere").exits(3);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --take-over acme/lab").exits(0);
    assert!(world.document(TASK_NAME)["properties"]["query"].as_str().unwrap().contains("owner=acme/new"));
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn a_stripped_marker_is_written_again() {
    let world = World::deployed();
    let query = world.document(TASK_NAME)["properties"]["query"].as_str().unwrap().to_owned();
    let plain = query.rsplit_once('\n').unwrap().0;
    world.portal_edit(TASK_NAME, &json!({"query": plain}));
    world.portal_edit(HUNT_NAME, &json!({"description": "A task ran a program that nobody signed."}));
    world.run(PLAN).exits(2).says(&["2 to update", "only the marker"]);
    world.run(APPLY).exits(0);
    assert_eq!(world.document(TASK_NAME)["properties"]["query"], query);
    world.run(PLAN).has_nothing_to_do();
}

/// Without the marker nobody knows whether the file or the tenant changed, so nothing is overwritten by default.
#[test]
fn a_rule_without_its_marker_that_differs_is_a_conflict() {
    let properties = |world: &World| world.document(TASK_NAME)["properties"].clone();
    for changed_in_the_file in [true, false] {
        let world = World::deployed();
        let query = properties(&world)["query"].as_str().unwrap().to_owned();
        let plain = query.rsplit_once('\n').unwrap().0;
        world.portal_edit(TASK_NAME, &json!({"query": plain}));
        if changed_in_the_file {
            world.edit("rules/task.yaml", "severity: high", "severity: low");
        } else {
            world.portal_edit(TASK_NAME, &json!({"severity": "Low"}));
        }
        assert_eq!(class(&world), "conflict");
        world.forget_requests();
        world.run(APPLY).exits(3).says(&["its ownership marker was removed", "--on-drift=revert"]);
        world.run("apply -e lab --auto-approve --on-drift keep").exits(0);
        world.wrote_nothing();
        world.run("drift -e lab --detailed-exitcode").exits(2).says(&["its ownership marker was removed"]);
        world.run("apply -e lab --auto-approve --on-drift revert").exits(0);
        world.run(PLAN).has_nothing_to_do();
        assert_eq!(properties(&world)["severity"], if changed_in_the_file { "Low" } else { "High" });
    }
    // No file either: it is nobody's, and stays.
    let world = World::deployed();
    world.portal_edit(HUNT_NAME, &json!({"description": "Mine now."}));
    world.remove("rules/hunt.yaml").forget_requests();
    world.run(APPLY).exits(0).says(&["No changes.", "2 unmanaged"]);
    world.wrote_nothing();
}

#[test]
fn an_unmanaged_rule_is_adopted_by_its_id() {
    let world = World::empty();
    world.write(
        "rules/task.yaml",
        TASK.replace("sentinel:\n", "sentinel:\n  rule_id: 5fa8cbe5-0f6b-4c43-b2ab-4b3bb7a9f7d1\n"),
    );
    let query = "SecurityEvent\n| where EventID == 4698\n// allowlist\n| project TimeGenerated, Computer, SubjectUserSid, Activity";
    let properties = json!({
        "displayName": TASK_NAME, "enabled": true, "severity": "High", "query": query, "queryFrequency": "PT1H",
        "queryPeriod": "PT2H", "triggerOperator": "GreaterThan", "triggerThreshold": 0, "suppressionEnabled": false,
        "suppressionDuration": "PT5H", "tactics": ["Persistence"], "techniques": ["T1053"], "subTechniques": ["T1053.005"],
        "description": "A person, not the system, registered a scheduled task.",
        "entityMappings": [{"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "Computer"}]}],
    });
    let id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-soc/providers/\
              Microsoft.OperationalInsights/workspaces/law-lab/providers/Microsoft.SecurityInsights/alertRules/\
              5fa8cbe5-0f6b-4c43-b2ab-4b3bb7a9f7d1";
    let body = json!({"id": id, "name": "5fa8cbe5-0f6b-4c43-b2ab-4b3bb7a9f7d1", "kind": "Scheduled", "properties": properties});
    world.play(&json!({"op": "add", "rule_body": body}));
    // It is as its file says, and a write would reset its schedule: only who asks gets the marker.
    world.run(PLAN).has_nothing_to_do().says(&["1 rule waits to be adopted"]);
    world.run(&format!("{PLAN} --adopt")).exits(2).says(&["To adopt: 1.", "^ sentinel/law-lab:task  adopt"]);
    world.run(&format!("{APPLY} --adopt")).exits(0);
    world.run(PLAN).has_nothing_to_do().never_says(&["adopted"]);
}

#[test]
fn what_the_service_switched_off_stays_off_unless_told() {
    let world = World::deployed();
    for name in [TASK_NAME, HUNT_NAME] {
        world.play(&json!({"op": "auto_disable", "rule": name, "reason": "The table is gone."}));
    }
    world.forget_requests();
    let ran = world.run(PLAN);
    snapshot!("plan_auto_disabled", ran);
    world.run(APPLY);
    let enabled = |world: &World| -> Vec<Value> {
        world
            .rules()
            .iter()
            .filter(|rule| rule["id"] != "BuiltInFusion")
            .map(|rule| rule["state"].clone())
            .collect()
    };
    assert!(enabled(&world).iter().all(|state| state != "enabled"), "{:?}", enabled(&world));
    world.run("apply -e lab --auto-approve --reenable-auto-disabled").exits(0);
    assert_eq!(enabled(&world), ["enabled", "enabled"]);
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn a_protected_rule_is_not_deleted() {
    let world = World::new();
    world.write("rules/task.yaml", TASK.replace("severity: high", "severity: high\nprotect: true"));
    world.run(APPLY).exits(0);
    world.remove("rules/task.yaml").forget_requests();
    world
        .run(PLAN)
        .exits(2)
        .says(&["BLOCKED: it is protected; set `protect: false` in its file and apply that first"]);
    world.run(APPLY).exits(3);
    world.wrote_nothing();
    world.write("rules/task.yaml", TASK);
    world.run(APPLY).exits(0);
    world.remove("rules/task.yaml");
    world.run(APPLY).exits(0).says(&["1 to delete"]);
}

#[test]
fn guards_refuse_with_code_3_and_name_the_number() {
    let world = World::deployed();
    world
        .append("environments/lab/environment.yaml", "guards: {max_deletes: 0, max_coverage_reducing: 10}\n");
    world.remove("rules/task.yaml").forget_requests();
    snapshot!("apply_guarded", world.run(APPLY).exits(3));
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --max-deletes 1").exits(0);

    world.edit("environments/lab/environment.yaml", "max_coverage_reducing: 10", "max_coverage_reducing: 0");
    world.allowlist(
        "one",
        "hunt",
        &[entry("one", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")],
    );
    world.forget_requests();
    world.run(APPLY).exits(3).says(&["max_coverage_reducing", "--max-coverage-reducing 1"]);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --max-coverage-reducing 1").exits(0);
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn the_share_of_changed_rules_is_guarded() {
    let world = World::empty();
    let rule = |number: u32| {
        TASK.replace("id: task", &format!("id: task-{number}"))
            .replace("name: Task", &format!("name: {number} task"))
    };
    for number in 0..10 {
        world.write(&format!("rules/task-{number}.yaml"), rule(number));
    }
    world.run(APPLY).exits(0);
    for number in 0..4 {
        world.write(&format!("rules/task-{number}.yaml"), rule(number).replace("PT1H", "PT30M"));
    }
    world.forget_requests();
    world
        .run(APPLY)
        .exits(3)
        .says(&["max_change_percent: 40 planned, 30 allowed", "--max-change-percent 40"]);
    world.wrote_nothing();
    world.run("apply -e lab --auto-approve --max-change-percent 40").exits(0);
}

#[test]
fn a_target_touches_nothing_else() {
    let world = World::deployed();
    world.write("rules/hunt.yaml", HUNT.replace("severity: medium", "severity: low"));
    world.write("rules/task.yaml", TASK.replace("severity: high", "severity: low"));
    world.forget_requests();
    for target in ["hunt", "defender:hunt", "defender:*", "h?nt"] {
        world
            .run(&format!("{PLAN} --target {target}"))
            .exits(2)
            .says(&["1 to update"])
            .never_says(&["law-lab:task"]);
    }
    world.remove("rules/task.yaml");
    world.run(&format!("{APPLY} --target hunt")).exits(0).says(&["Applied 1 of 1 change"]);
    assert_eq!(world.writes().len(), 1);
    assert_eq!(world.names("sentinel").len(), 1, "an orphan beside the target stays");
    world.run(&format!("{PLAN} --target task")).exits(2).says(&["1 to delete"]);
}

#[test]
fn a_target_that_fits_nothing_is_not_silence() {
    let world = World::deployed();
    let ran = world.run(&format!("{PLAN} --target hnut"));
    assert_ne!(ran.code, 0, "a misspelt target must not look like success\n{ran}");
}

#[test]
fn the_tenant_is_read_by_lists_only() {
    let world = World::empty();
    for number in 0..12 {
        let rename = |text: &str, word: &str, name: &str| {
            text.replace(&format!("id: {word}"), &format!("id: {word}-{number}"))
                .replace(&format!("name: {name}"), &format!("name: {number} {name}"))
        };
        world.write(&format!("rules/task-{number}.yaml"), rename(TASK, "task", "Task"));
        let hunt = rename(HUNT, "hunt", "Unsigned").replace("\"Unsigned", &format!("\"{number} unsigned"));
        world.write(&format!("rules/hunt-{number}.yaml"), hunt);
    }
    world.run(APPLY).exits(0).says(&["Applied 24 of 24 changes."]);
    world.forget_requests();
    world.run(PLAN).has_nothing_to_do();
    let requests = world.requests();
    assert_eq!(requests.len(), 2, "one page of each platform: {requests:#?}");
    assert!(requests.iter().all(super::world::Request::is_list), "{requests:#?}");

    // By pages, followed to the end.
    world.switch("arm_page_size", "5").switch("graph_page_size", "5").forget_requests();
    world.run(PLAN).has_nothing_to_do();
    let requests = world.requests();
    assert_eq!(requests.len(), 3 + 3, "{requests:#?}");
    assert!(requests.iter().all(super::world::Request::is_list), "{requests:#?}");
}
