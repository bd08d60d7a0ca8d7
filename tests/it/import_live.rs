//! `import live`: every kind of rule becomes a file whose first plan is empty, and nothing that is there is passed over.

use serde_json::{Value, json};

use crate::world::{HUNT, TASK, TENANT, World, snapshot};

const IMPORT: &str = "import live -e lab";
const PLAN: &str = "plan -e lab --detailed-exitcode";
const APPLY: &str = "apply -e lab --auto-approve";
const HUNT_NAME: &str = "Unsigned program from a task";
const TASK_NAME: &str = "Task created by a person";
const TEMPLATE: &str = "0dd422ee-e6af-4204-b219-f59ac172e4c6";

/// An analytics rule as the portal would have made it.
fn rule(id: &str, kind: &str, properties: &Value) -> Value {
    let path = format!(
        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-soc/providers/\
         Microsoft.OperationalInsights/workspaces/law-lab/providers/Microsoft.SecurityInsights/alertRules/{id}"
    );
    json!({"id": path, "name": id, "kind": kind, "properties": properties})
}

fn scheduled(name: &str, query: &str) -> Value {
    json!({"displayName": name, "enabled": true, "severity": "Low", "query": query, "queryFrequency": "PT1H",
        "queryPeriod": "PT24H", "triggerOperator": "GreaterThan", "triggerThreshold": 3, "suppressionEnabled": false,
        "suppressionDuration": "PT5H"})
}

fn detection(id: &str, name: &str, query: &str, more: Value) -> Value {
    let mut body = json!({"id": id, "displayName": name, "status": "enabled", "queryCondition": {"queryText": query},
        "schedule": {"frequency": "PT3H"},
        "detectionAction": {"alertTemplate": {"title": format!("{name}!"), "severity": "medium",
            "tactics": [{"tactic": "Persistence", "techniques": [{"technique": "T1053", "subTechniques": ["T1053.005"]}]}],
            "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}]}}}});
    merge(&mut body, more);
    body
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn add(world: &World, body: &Value) {
    world.play(&json!({"op": "add", "rule_body": body, "tenant": TENANT}));
}

const QUERY: &str = "SecurityEvent\r\n| where EventID == 4698  \r\n\t// allowlist\r\n| project TimeGenerated, Computer, \
                     SubjectUserName, SubjectUserSid, Activity\r\n";
const HUNTING: &str = "DeviceProcessEvents\n| where FileName =~ \"x.exe\"\n| project Timestamp, DeviceId, ReportId, DeviceName, FileName";

/// A tenant in which people made one rule of every kind by hand.
fn tenant() -> World {
    let world = World::empty();
    let mut full = scheduled("Task: \"odd\" 🔥 registered", QUERY);
    merge(
        &mut full,
        json!({"description": "Two lines,\r\nwith a # in them.  \r\n", "tactics": ["Persistence", "Execution"],
            "techniques": ["T1053"], "subTechniques": ["T1053.005"], "alertRuleTemplateName": TEMPLATE, "templateVersion": "1.0.4",
            "entityMappings": [
                {"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "Computer"}]},
                {"entityType": "Account", "fieldMappings": [{"identifier": "Sid", "columnName": "SubjectUserSid"},
                    {"identifier": "Name", "columnName": "SubjectUserName"}]}],
            "customDetails": {"User": "SubjectUserName"},
            "alertDetailsOverride": {"alertDisplayNameFormat": "Task on {{Computer}}"},
            "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
            "incidentConfiguration": {"createIncident": true, "groupingConfiguration": {"enabled": true,
                "reopenClosedIncident": true, "lookbackDuration": "P1D", "matchingMethod": "Selected",
                "groupByEntities": ["Host"], "groupByAlertDetails": [], "groupByCustomDetails": ["User"]}}}),
    );
    add(&world, &rule("5fa8cbe5-0f6b-4c43-b2ab-4b3bb7a9f7d1", "Scheduled", &full));
    let mut nrt = scheduled("Near real time", "SecurityEvent | where EventID == 1102");
    for name in ["queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"] {
        nrt.as_object_mut().unwrap().remove(name);
    }
    nrt["enabled"] = json!(false);
    add(&world, &rule("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0002", "NRT", &nrt));
    add(
        &world,
        &rule(
            "7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0003",
            "MicrosoftSecurityIncidentCreation",
            &json!({"displayName": "Incidents of Defender for Cloud", "enabled": true, "productFilter": "Azure Security Center",
                "severitiesFilter": ["High", "Medium"], "displayNamesExcludeFilter": ["test"]}),
        ),
    );
    // Machine learning takes no name from anybody.
    for (id, kind, properties) in [
        ("0004", "MLBehaviorAnalytics", json!({"enabled": true, "alertRuleTemplateName": TEMPLATE})),
        (
            "0005",
            "ThreatIntelligence",
            json!({"enabled": true, "displayName": "Microsoft's threat intelligence", "alertRuleTemplateName": TEMPLATE}),
        ),
    ] {
        add(&world, &rule(&format!("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f{id}"), kind, &properties));
    }
    let everything = json!({"description": "What the rule says.", "detectionAction": {
        "alertTemplate": {"description": "What the alert says.", "recommendedActions": "1. Look.\n2. Act.",
            "customDetails": {"File": "FileName"}},
        "organizationalScope": {"deviceGroups": ["Servers"]}}});
    add(&world, &detection("contoso-hunt", "Hunt for x", HUNTING, everything));
    let continuous = json!({"schedule": {"frequency": "PT0S"}, "description": "Only the rule says something.",
        "detectionAction": {"alertTemplate": {"tactics": []}}});
    add(&world, &detection("contoso-live", "Live hunt", HUNTING, continuous));
    world
}

/// The names below a folder.
fn names(world: &World, folder: &str) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(world.root().join(folder)) else { return Vec::new() };
    let mut names: Vec<String> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_kind_becomes_a_file_and_the_first_plan_is_empty() {
    let world = tenant();
    world.forget_requests();
    let ran = world.run(IMPORT).exits(0);
    assert_eq!(
        names(&world, "rules"),
        [
            "advanced-multistage-attack-detection.yaml",
            "hunt-for-x.yaml",
            "incidents-of-defender-for-cloud.yaml",
            "live-hunt.yaml",
            "microsofts-threat-intelligence.yaml",
            "near-real-time.yaml",
            "rule-of-kind-mlbehavioranalytics.yaml",
            "task-odd-registered.yaml",
        ],
        "{ran}"
    );
    assert!(names(&world, "imports").is_empty());
    snapshot!("import_live", ran);
    snapshot!("import_live_scheduled", text(&world, "rules/task-odd-registered.yaml"));
    snapshot!("import_live_detection", text(&world, "rules/hunt-for-x.yaml"));
    world.wrote_nothing();

    let ran = world.run(PLAN).has_nothing_to_do().says(&["palisade adopt -e lab"]);
    snapshot!("import_live_plan", ran);
    let plan = world.run("plan -e lab --format json").json();
    assert_eq!(plan["changes"], json!([]));
    for count in ["create", "update", "delete", "replace", "adopt", "unmanaged", "foreign"] {
        assert_eq!(plan["summary"][count], 0, "{count}");
    }
    // Nothing is written as long as nobody asks.
    world.run(APPLY).exits(0);
    world.wrote_nothing();
    // The files are laid out as `fmt` would.
    world.run("fmt --check").exits(0);
    // Importing again finds a file for every rule.
    world.run(IMPORT).exits(0).says(&[
        "0 rules imported, 0 held back, 8 left alone.",
        "A file stands for it already",
        "rules/hunt-for-x.yaml",
    ]);
}

fn text(world: &World, path: &str) -> String {
    world.read(path)
}

#[test]
fn adopting_writes_the_marker_and_nothing_else() {
    let world = tenant();
    world.run(IMPORT).exits(0);
    world.forget_requests();
    let shown =
        world.run("adopt -e lab --dry-run").exits(0).says(&["To adopt: 5.", "^ defender:hunt-for-x  adopt"]);
    snapshot!("adopt_dry_run", shown);
    world.wrote_nothing();
    let json = world.run("plan -e lab --adopt --format json --detailed-exitcode").exits(2).json();
    let actions: Vec<&Value> =
        json["changes"].as_array().unwrap().iter().map(|change| &change["actions"]).collect();
    assert_eq!(actions, vec![&json!(["adopt"]); 5]);
    assert_eq!((&json["summary"]["adopt"], &json["summary"]["update"]), (&json!(5), &json!(0)));

    let query = world.document("Task: \"odd\" 🔥 registered")["properties"]["query"].clone();
    world.run("adopt -e lab hunt-* --auto-approve").exits(0).says(&["Applied 1 of 1 changes."]);
    let writes = world.writes();
    assert_eq!(writes.len(), 1);
    // A detection gets one text and keeps everything else, so nothing is looked for again.
    let names: Vec<&str> = writes[0].body().as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((writes[0].method(), names), ("PATCH", vec!["description"]));

    world.run("adopt -e lab --auto-approve").exits(0).says(&["Applied 4 of 4 changes."]);
    let document = world.document("Task: \"odd\" 🔥 registered");
    let marked = document["properties"]["query"].as_str().unwrap();
    let (rest, marker) = marked.rsplit_once('\n').unwrap();
    assert_eq!(rest.replace("\r\n", "\n"), query.as_str().unwrap().trim_end().replace("\r\n", "\n"));
    assert!(marker.starts_with("// palisade:v1 owner=acme/lab rule=task-odd-registered h="), "{marker}");
    assert!(writes.iter().all(|write| write.method() != "DELETE"));
    world.run(PLAN).has_nothing_to_do().never_says(&["palisade adopt"]);
    world.run("adopt -e lab --auto-approve").exits(0).says(&["No changes."]);

    // From here on the three-way comparison holds.
    world.portal_edit("Hunt for x", &json!({"status": "disabled"}));
    world.run(PLAN).exits(2).says(&["Drift: 1."]);
}

#[test]
fn a_changed_file_of_an_imported_rule_updates_it_in_place() {
    let world = tenant();
    world.run(IMPORT).exits(0);
    world.edit("rules/near-real-time.yaml", "severity: low", "severity: high");
    world.run(PLAN).exits(2).says(&["1 to update", "adopt and update in place"]).never_says(&["to adopt: 1"]);
    world
        .run("adopt -e lab --dry-run near-real-time")
        .exits(0)
        .says(&["Not adopted", "its file differs in severity"]);
    world.forget_requests();
    world.run(APPLY).exits(0).says(&["Applied 1 of 1 changes."]);
    let writes = world.writes();
    assert_eq!((writes.len(), writes[0].method()), (1, "PUT"));
    assert!(writes[0].path().ends_with("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0002"), "{}", writes[0].path());
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn ours_and_those_of_others_are_told_apart() {
    let world = World::deployed();
    // A second owner's rule, an orphan of ours, and one that a file stands for.
    world.edit("environments/lab/environment.yaml", "owner: acme/lab", "owner: other/lab");
    world.remove("rules/hunt.yaml");
    world.write("rules/task.yaml", TASK.replace("id: task", "id: theirs").replace(TASK_NAME, "Theirs"));
    std::fs::rename(world.root().join("rules/task.yaml"), world.root().join("rules/theirs.yaml")).unwrap();
    world.run(APPLY).exits(0);
    world.edit("environments/lab/environment.yaml", "owner: other/lab", "owner: acme/lab");
    world.remove("rules/theirs.yaml");
    world.write("rules/task.yaml", TASK);
    world.run("import live -e lab --select task*").exits(0).says(&["0 rules imported", "Not selected"]);
    world.run(IMPORT).exits(0).says(&[
        "Of other owners",
        "\"Theirs\"",
        "other/lab",
        "A file stands for it already",
        "rules/task.yaml",
    ]);
    // The orphan came back under its own id, without its marker in any text, and unpinned: its id is computed.
    let file = world.read("rules/hunt.yaml");
    assert!(!file.contains("palisade:v1") && !file.contains("rule_id"), "{file}");
    assert!(file.contains(HUNT_NAME) && HUNT.contains("minimum = 3") && file.contains("minimum = 3"));
    world.run(PLAN).has_nothing_to_do().never_says(&["palisade adopt"]);
}

#[test]
fn names_that_make_bad_files() {
    let world = World::empty();
    let names_ =
        ["../../etc/passwd", "..", "🔥🔥", "a/b", "A  B", &"very long ".repeat(25), "Twice", "Twice", "CON"];
    for (number, name) in names_.iter().enumerate() {
        let id = format!("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f10{number:02}");
        add(&world, &rule(&id, "Scheduled", &scheduled(name.trim(), "SecurityEvent | take 1")));
    }
    world.write("rules/a-b.yaml", TASK.replace("id: task", "id: a-b"));
    world.run(IMPORT).exits(0).says(&["10 rules imported"]);
    let files = names(&world, "rules");
    for file in [
        "etc-passwd.yaml",
        "a-b.yaml",
        "a-b-2.yaml",
        "a-b-3.yaml",
        "twice.yaml",
        "twice-2.yaml",
        "rule-con.yaml",
    ] {
        assert!(files.iter().any(|name| name == file), "{file} in {files:?}");
    }
    assert_eq!(files.iter().filter(|name| name.starts_with("rule-")).count(), 3, "{files:?}");
    assert!(world.read("rules/a-b.yaml").contains(TASK_NAME), "the file that was there is untouched");
    world.remove("rules/a-b.yaml");
    world.run(PLAN).has_nothing_to_do().says(&["9 rules wait to be adopted"]);
}

/// Changes a rule in the tenant's state in a way that the sandbox's checks would refuse.
fn force(world: &World, name: &str, change: impl Fn(&mut Value)) {
    let path = world.state().join("state.ndjson");
    let state = std::fs::read_to_string(&path).unwrap();
    let is_it = |line: &&str| line.contains("\"document\"") && line.contains(name);
    let mut entry: Value = serde_json::from_str(state.lines().rfind(is_it).unwrap()).unwrap();
    let mut document: Value =
        serde_json::from_str(entry.pointer("/put/record/document").unwrap().as_str().unwrap()).unwrap();
    change(&mut document);
    entry["put"]["record"]["document"] = json!(document.to_string());
    std::fs::write(&path, format!("{state}{entry}\n")).unwrap();
}

#[test]
fn what_no_file_can_say_is_held_back_and_kept() {
    let world = tenant();
    let body = scheduled("Long", "SecurityEvent | take 1");
    add(&world, &rule("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f2001", "Scheduled", &body));
    force(&world, "\\\"Long\\\"", |document| {
        let wide = "x".repeat(20_000);
        document["properties"]["query"] = json!(format!("SecurityEvent | where Activity != \"{wide}\""));
    });
    let mut future = body.clone();
    future["displayName"] = json!("From the future");
    add(&world, &rule("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f2002", "Scheduled", &future));
    force(&world, "From the future", |document| {
        document["kind"] = json!("Clairvoyance");
        document["properties"]["crystal"] = json!({"ball": [1, null]});
    });
    let isolate = json!({"detectionAction": {"automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]}}});
    add(&world, &detection("isolating", "Isolating", HUNTING, isolate));
    let ran = world.run(IMPORT).exits(0).says(&[
        "8 rules imported, 3 held back, 0 left alone.",
        "SEN-01: the compiled query is too long",
        "imports/lab/long.yaml",
        "this version does not know rules of the kind `Clairvoyance`",
        "imports/lab/from-the-future.json",
        "imports/lab/isolating.yaml",
        "XDR-08",
        "correct its file and move it below rules/",
    ]);
    assert!(world.read("imports/lab/long.yaml").contains("xxxx"), "{ran}");
    let raw: Value = serde_json::from_str(&world.read("imports/lab/from-the-future.json")).unwrap();
    assert_eq!((&raw["kind"], &raw["properties"]["crystal"]["ball"][0]), (&json!("Clairvoyance"), &json!(1)));
    world.run(PLAN).has_nothing_to_do();

    // Nothing of it is lost when the import runs again, nor when somebody worked on what it left.
    world.run(IMPORT).exits(0);
    world.append("imports/lab/isolating.yaml", "# mine\n");
    world.run(IMPORT).exits(1).says(&["imports/lab/isolating.yaml", "--force"]);
    assert!(world.read("imports/lab/isolating.yaml").ends_with("# mine\n"));
    world.run("import live -e lab --force").exits(0);
    assert!(!world.read("imports/lab/isolating.yaml").contains("# mine"));
}

#[test]
fn a_column_that_nobody_knows_is_told_with_the_way_on() {
    let world = World::empty();
    let body = scheduled("Odd", "SecurityEvent | where Contoso == 1 | project TimeGenerated");
    add(&world, &rule("7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f2001", "Scheduled", &body));
    world.run("import live -e lab --select odd").exits(0).says(&[
        "0 rules imported, 1 held back",
        "no column, variable or function is named 'Contoso'",
        "`palisade schema pull -e lab`, then import again",
    ]);
    world.run(PLAN).has_nothing_to_do().says(&["Left alone: 2 unmanaged"]);
    // Corrected and moved, it is the same rule.
    let file = world.read("imports/lab/odd.yaml").replace("Contoso == 1", "EventID == 1");
    world.write("rules/odd.yaml", file);
    world.run(PLAN).exits(2).says(&["0 to create, 1 to update, 0 to delete", "adopt and update in place"]);
}

#[test]
fn properties_that_nobody_knows_survive() {
    let world = tenant();
    world.switch("graph_unknown_properties", "ignored");
    force(&world, "Near real time", |document| {
        document["properties"]["sentience"] = json!({"level": 3});
    });
    force(&world, "Hunt for x", |document| {
        document["detectionAction"]["alertTemplate"]["mood"] = json!("grim");
    });
    world.run(IMPORT).exits(0).says(&["kept sentinel"]);
    let file = world.read("rules/near-real-time.yaml");
    assert!(file.contains("x-sentinel:\n  sentience: {level: 3}\n"), "{file}");
    assert!(world.read("rules/hunt-for-x.yaml").contains("mood: grim"));
    world.run("validate").exits(0).never_says(&["x-sentinel"]);
    world.run("fmt").exits(0);
    assert_eq!(world.read("rules/near-real-time.yaml"), file);
    world.run(PLAN).has_nothing_to_do();
    world.edit("rules/near-real-time.yaml", "severity: low", "severity: high");
    world.edit("rules/hunt-for-x.yaml", "severity: medium", "severity: high");
    world.forget_requests();
    world.run(APPLY).exits(0);
    let sent: Vec<String> = world.writes().iter().map(|write| write.body().to_string()).collect();
    assert!(
        sent.iter().any(|body| body.contains("sentience"))
            && sent.iter().any(|body| body.contains("\"mood\":\"grim\"")),
        "{sent:?}"
    );
}

#[test]
fn an_import_belongs_to_its_environment_and_workspace() {
    let world = tenant();
    let file = "environments/lab/environment.yaml";
    let second = "  - {subscription: 22222222-2222-4222-8222-222222222222, resource_group: rg-soc, workspace: law-two}\n";
    world.edit(file, "prune: owned\n", &format!("{second}prune: owned\nselect: {{tags: [lab]}}\n"));
    let other = world.read(file).replace("acme/lab", "acme/other").replace("[lab]", "[all]");
    world.write("environments/other/environment.yaml", other.replace("11111111-1111", "33333333-1111"));
    world.run(IMPORT).exits(0);
    let text = world.read("rules/near-real-time.yaml");
    assert!(
        text.contains("tags: [lab]\nenvironments: [lab]\n") && text.contains("workspaces: [law-lab]\n"),
        "{text}"
    );
    world.run(PLAN).has_nothing_to_do();
    // The Fusion rule of both workspaces is one file.
    let fusion = world.read("rules/advanced-multistage-attack-detection.yaml");
    assert!(fusion.contains("workspaces: [law-lab, law-two]"), "{fusion}");
    world.edit("environments/other/environment.yaml", "[all]", "[lab]");
    let plan = world.run("plan -e other --format json").json();
    assert_eq!(plan["changes"], json!([]), "nothing of it goes to another environment");
}

#[test]
fn the_switch_of_a_rule_comes_along_whatever_the_lifecycle_says() {
    let world = tenant();
    for name in ["Hunt for x", "Task: \"odd\" 🔥 registered"] {
        world.play(&json!({"op": "auto_disable", "rule": name, "reason": "The table is gone."}));
    }
    world.append("environments/lab/environment.yaml", "lifecycle: {production: disabled}\n");
    world.run(IMPORT).exits(0).says(&[
        "8 rules imported, 0 held back, 0 left alone.",
        "the service switched the rule off by itself",
        "The table is gone.",
    ]);
    // On, off, and switched off by the service, which somebody will want on again.
    for (file, enabled) in
        [("live-hunt", true), ("near-real-time", false), ("hunt-for-x", true), ("task-odd-registered", true)]
    {
        let text = world.read(&format!("rules/{file}.yaml"));
        assert_eq!(text.contains("\nenabled: true\n"), enabled, "{text}");
        assert!(!text.contains("AUTO DISABLED") && !text.contains("enabled: false"), "{text}");
    }
    world.run(PLAN).has_nothing_to_do().says(&["switched off by the service"]);
    world
        .run("plan -e lab --reenable-auto-disabled")
        .exits(0)
        .says(&["2 to update", "status: \"disabled\" → \"enabled\""]);

    let world = tenant();
    world.append("environments/lab/environment.yaml", "lifecycle: {production: absent}\n");
    world.run(IMPORT).exits(0);
    assert!(world.read("rules/live-hunt.yaml").contains("status: test\nenabled: true\n"));
    world.run(PLAN).has_nothing_to_do();
    let none = "lifecycle: {production: absent, test: absent, experimental: absent, deprecated: absent}";
    world.edit("environments/lab/environment.yaml", "lifecycle: {production: absent}", none);
    world.run(IMPORT).exits(1).says(&["its lifecycle makes every status absent"]);
}

#[test]
fn properties_of_the_newest_version_are_the_services_unless_they_are_managed() {
    let world = World::empty();
    let more = json!({"schedule": {"frequency": "P1D", "lookback": "P3D"}, "detectionAction": {
        "alertTemplate": {"eventGroupingKind": "singleAlert"},
        "incidentConfiguration": {"isExcludedFromIncidentCorrelation": true}}});
    add(&world, &detection("newest", "Newest", HUNTING, more));
    world.run("import live -e lab --select newest").exits(0).says(&["kept defender"]);
    let file = world.read("rules/newest.yaml");
    assert!(file.contains("x-defender:") && file.contains("lookback: P3D"), "{file}");
    world.run(PLAN).has_nothing_to_do();
    // An update leaves them as they are.
    world.edit("rules/newest.yaml", "severity: medium", "severity: high");
    world.run(APPLY).exits(0);
    let document = world.document("Newest");
    assert_eq!(
        (&document["schedule"]["lookback"], &document["detectionAction"]["alertTemplate"]["severity"]),
        (&json!("P3D"), &json!("high"))
    );
    world.run(PLAN).has_nothing_to_do();

    world.remove("rules/newest.yaml");
    world.edit("environments/lab/environment.yaml", "defender: {}", "defender: {preview_fields: true}");
    world.run("import live -e lab --select newest").exits(0).never_says(&["kept"]);
    let file = world.read("rules/newest.yaml");
    let said = file.contains("event_grouping: singleAlert\n  exclude_from_correlation: true\n");
    assert!(said && file.contains("lookback: P3D"), "{file}");
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn an_environment_may_pin_another_id() {
    let world = tenant();
    world
        .run("import live -e lab --select near*")
        .exits(0)
        .says(&["1 rule imported, 0 held back, 7 left alone."]);
    let file = "rules/near-real-time.yaml";
    let pin = "7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0002";
    world.edit(file, &format!("rule_id: {pin}"), "rule_id: elsewhere");
    world.run(PLAN).exits(2).says(&["1 to create", &format!("an unmanaged rule has this name ({pin})")]);
    let overrides = format!("overrides: {{near-real-time: {{sentinel: {{rule_id: {pin}}}}}}}\n");
    world.append("environments/lab/environment.yaml", &overrides);
    world.run(PLAN).has_nothing_to_do().says(&["1 rule waits to be adopted"]);
    world.run("import live -e lab --select neer*").exits(1).says(&["no rule of `lab` fits --select neer*"]);
}

#[test]
fn a_file_of_the_same_name_is_pointed_at() {
    let world = tenant();
    world.write("rules/mine.yaml", HUNT.replace("id: hunt", "id: mine").replace(HUNT_NAME, "Hunt for x"));
    world
        .run(IMPORT)
        .exits(0)
        .says(&["rules/mine.yaml has this name already", "pin it there with `rule_id: contoso-hunt`"]);
    world.run(PLAN).exits(2).says(&["an unmanaged rule has this name (contoso-hunt)"]);
    world.edit("rules/mine.yaml", "defender:\n", "defender:\n  rule_id: contoso-hunt\n");
    world.run(PLAN).exits(2).says(&["1 to update", "adopt and update in place"]);
}

#[test]
fn the_report_for_programs_names_everything() {
    let world = tenant();
    let report = world.run("import live -e lab --dry-run --format json --select *hunt*").exits(0).json();
    let imported: Vec<&str> =
        report["imported"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(imported, ["rules/hunt-for-x.yaml", "rules/live-hunt.yaml"]);
    assert_eq!(report["imported"][0]["found"], json!(["defender:contoso-hunt"]));
    assert_eq!(report["left"].as_array().unwrap().len(), 6);
    assert!(names(&world, "rules").is_empty());
}
