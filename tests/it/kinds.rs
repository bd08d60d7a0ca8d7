//! Every kind of rule with everything that it can say: what is applied is what the next plan reads back.

use serde_json::{Value, json};

use crate::world::World;

const PLAN: &str = "plan -e lab --detailed-exitcode";
const APPLY: &str = "apply -e lab --auto-approve";

/// What every rule file starts with.
const HEAD: &str = r#"
name: Everything
status: production
severity: medium
description: |
  Two lines,
  with trailing blanks cut.
attack:
  - {tactic: Persistence, techniques: [T1053.005, T1543]}
  - {tactic: PrivilegeEscalation, techniques: [T1053.005]}
references: [https://example.com/a]
false_positives: [None known.]
blind_spots: [Many.]
response: |
  1. Look.
  2. Act.
owner: soc@example.com
tags: [windows]
data_sources: [SecurityEvent]
changelog: [{version: "1.0", date: 2026-11-02, message: First.}]
"#;

const ALERTING: &str = r#"
  entities:
    - {type: Host, fields: {FullName: Computer}}
    - {type: Account, fields: {Name: SubjectUserName, NTDomain: SubjectDomainName, Sid: SubjectUserSid}}
    - {type: Process, fields: {CommandLine: CommandLine}}
  sentinel_entities: [Entities]
  custom_details: {Task: TaskName, User: SubjectUserName}
  alert:
    name_format: "Task {{TaskName}} on {{Computer}}"
    description_format: "Made by {{SubjectUserName}}"
    tactics_column: Tactics
    severity_column: Severity
    dynamic_properties: {ProviderName: Provider, AlertLink: Link, ConfidenceLevel: Confidence}
  event_grouping: AlertPerResult
  incidents: {create: true}
  grouping:
    enabled: true
    reopen_closed: true
    lookback: PT7H
    matching: Selected
    by_entities: [Host, Account]
    by_alert_details: [DisplayName, Severity]
    by_custom_details: [Task]
  suppression: {enabled: false, duration: PT3H}
"#;

const SENTINEL_QUERY: &str = r#"
query: |
  SecurityEvent
  | where EventID == 4698
  // allowlist
  | extend TaskName = Activity, Entities = "[]", Tactics = "Persistence", Severity = "Low", Provider = "p", Link = "l", Confidence = "High",
      CommandLine = ""
  | project TimeGenerated, Computer, SubjectUserName, SubjectDomainName, SubjectUserSid, TaskName, CommandLine, Entities,
      Tactics, Severity, Provider, Link, Confidence
"#;

/// Applies a rule, plans again, changes something through the files, applies, plans again, and removes it.
fn lives(world: &World, id: &str, rule: &str, change: (&str, &str)) -> Value {
    let file = format!("rules/{id}.yaml");
    world.write(&file, format!("id: {id}{rule}"));
    world.run(PLAN).exits(2).says(&["1 to create"]);
    world.run(APPLY).exits(0).says(&["Applied 1 of 1 change"]);
    world.run(PLAN).has_nothing_to_do();
    let created = world.writes().first().unwrap().body().clone();

    world.edit(&file, change.0, change.1);
    world.run(PLAN).exits(2).says(&["1 to update"]);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();

    // Whatever the file no longer says goes away on the other side too.
    world.remove(&file);
    world.run("apply -e lab --auto-approve --allow-empty").exits(0).says(&["1 to delete"]);
    world.run(PLAN).has_nothing_to_do();
    created
}

/// A tenant to which one rule of every kind was deployed with everything it can say, updated, and emptied.
pub(crate) fn with_one_of_every_kind() -> World {
    let world = World::empty();
    world.append("environments/lab/environment.yaml", ALLOW);
    let template = "template: {name: 0dd422ee-e6af-4204-b219-f59ac172e4c6}";
    let small = |kind: &str, more: &str| {
        format!("\nname: Of kind {kind}\nstatus: production\nsentinel:\n  kind: {kind}\n{more}")
    };
    let detection = |frequency: &str| {
        format!("{HEAD}{DEFENDER_QUERY}{DEFENDER}")
            .replace("frequency: PT3H", &format!("frequency: {frequency}"))
    };
    let rules = [
        (
            "scheduled",
            format!(
                "{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT2H{ALERTING}"
            ),
        ),
        ("nrt", format!("{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: nrt{ALERTING}")),
        (
            "security",
            small(
                "microsoft-security",
                "  product: Azure Security Center\n  severities: [high]\n  display_names: [a]\n  exclude_display_names: [b]\n",
            ),
        ),
        (
            "fusion",
            small(
                "fusion",
                "  sources:\n    - name: Anomalies\n      enabled: true\n      sub_types: [{name: One, enabled: true, severities: {high: true, low: false}}]\n",
            ),
        ),
        ("machine", small("ml-behavior-analytics", &format!("  {template}\n"))),
        ("intelligence", small("threat-intelligence", &format!("  {template}\n"))),
        ("detection", detection("PT3H")),
        ("continuous", detection("PT0S")),
    ];
    for (number, (id, rule)) in rules.iter().enumerate() {
        let rule = rule.replace("name: Everything", &format!("name: Everything {number}"));
        let rule = rule.replace("title: \"", &format!("title: \"{number} "));
        world.write(&format!("rules/{id}.yaml"), format!("id: {id}{rule}"));
    }
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
    for (id, _) in &rules {
        let path = format!("rules/{id}.yaml");
        world.write(
            &path,
            world
                .read(&path)
                .replace("severity: medium", "severity: high")
                .replace("severities: [high]", "severities: [low]"),
        );
    }
    world.run(&format!("{APPLY} --max-coverage-reducing 20")).exits(0);
    for (id, _) in &rules {
        world.remove(&format!("rules/{id}.yaml"));
    }
    world.run(&format!("{APPLY} --allow-empty --max-deletes 20 --max-coverage-reducing 20")).exits(0);
    world
}

/// The names in every object of a JSON value, as `a.b.c`, without list positions.
fn paths(value: &Value, prefix: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                paths(value, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, prefix, found)),
        _ => {}
    }
}

#[track_caller]
fn sends(body: &Value, wanted: &[&str]) {
    let mut found = Vec::new();
    paths(body, "", &mut found);
    for path in wanted {
        assert!(found.iter().any(|one| one == path), "{path} was not sent: {body:#}");
    }
}

#[test]
fn scheduled_with_everything() {
    let world = World::empty();
    let rule = format!(
        "{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: scheduled\n  template: {{name: 00000000-0000-4000-8000-00000000cafe, version: 1.0.4}}\n  \
         frequency: PT1H\n  period: PT2H\n  trigger: {{operator: GreaterThan, threshold: 2}}{ALERTING}"
    );
    let body = lives(&world, "scheduled-everything", &rule, ("frequency: PT1H", "frequency: PT30M"));
    assert_eq!(body["kind"], "Scheduled");
    sends(
        &body["properties"],
        &[
            "displayName",
            "enabled",
            "description",
            "severity",
            "tactics",
            "techniques",
            "subTechniques",
            "query",
            "queryFrequency",
            "queryPeriod",
            "triggerOperator",
            "triggerThreshold",
            "suppressionEnabled",
            "suppressionDuration",
            "alertRuleTemplateName",
            "templateVersion",
            "customDetails.Task",
            "entityMappings.fieldMappings.identifier",
            "sentinelEntitiesMappings.columnName",
            "alertDetailsOverride.alertDisplayNameFormat",
            "alertDetailsOverride.alertDescriptionFormat",
            "alertDetailsOverride.alertTacticsColumnName",
            "alertDetailsOverride.alertSeverityColumnName",
            "alertDetailsOverride.alertDynamicProperties.alertProperty",
            "eventGroupingSettings.aggregationKind",
            "incidentConfiguration.createIncident",
            "incidentConfiguration.groupingConfiguration.lookbackDuration",
            "incidentConfiguration.groupingConfiguration.groupByEntities",
            "incidentConfiguration.groupingConfiguration.groupByAlertDetails",
            "incidentConfiguration.groupingConfiguration.groupByCustomDetails",
        ],
    );
}

#[test]
fn scheduled_with_nothing_optional_and_then_less() {
    let world = World::empty();
    let lean = "\nname: Lean\nstatus: production\nseverity: low\nquery: SecurityEvent | take 1\nsentinel:\n  kind: scheduled\n  frequency: PT5M\n  period: PT5M\n";
    lives(&world, "lean", lean, ("severity: low", "severity: informational"));

    // From everything to nothing: every optional property is taken back.
    let full = format!(
        "id: both{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT2H{ALERTING}"
    );
    world.write("rules/both.yaml", full);
    world.run(APPLY).exits(0);
    world.write("rules/both.yaml", format!("id: both{}", lean.replace("name: Lean", "name: Everything")));
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
    let properties = &world.document("Everything")["properties"];
    for name in ["customDetails", "entityMappings", "alertDetailsOverride", "tactics", "description"] {
        let value = &properties[name];
        let nothing = value.is_null() || *value == json!([]) || *value == json!("") || *value == json!({});
        assert!(nothing, "{name} is still {value}");
    }
}

#[test]
fn near_real_time_with_everything() {
    let world = World::empty();
    let rule = format!("{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: nrt{ALERTING}");
    let body = lives(&world, "nrt-everything", &rule, ("duration: PT3H", "duration: PT4H"));
    assert_eq!(body["kind"], "NRT");
    let mut found = Vec::new();
    paths(&body, "", &mut found);
    for path in ["properties.queryFrequency", "properties.queryPeriod", "properties.triggerOperator"] {
        assert!(!found.iter().any(|one| one == path), "{path} does not exist in NRT rules");
    }
}

#[test]
fn microsoft_security_with_everything() {
    let world = World::empty();
    let rule = "
name: Incidents from Defender for Office
status: production
description: Creates incidents.
sentinel:
  kind: microsoft-security
  product: Office 365 Advanced Threat Protection
  severities: [high, medium]
  display_names: [phish, malware]
  exclude_display_names: [test]
";
    let body = lives(&world, "office", rule, ("[high, medium]", "[high]"));
    assert_eq!(body["kind"], "MicrosoftSecurityIncidentCreation");
    sends(
        &body["properties"],
        &["productFilter", "severitiesFilter", "displayNamesFilter", "displayNamesExcludeFilter"],
    );
}

#[test]
fn fusion_is_one_rule_that_every_workspace_has() {
    let world = World::empty();
    let rule = "id: fusion
name: Fusion
status: production
sentinel:
  kind: fusion
  sources:
    - name: Anomalies
      enabled: true
    - name: Microsoft Defender for Endpoint
      enabled: false
";
    world.write("rules/fusion.yaml", rule);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
    world.edit("rules/fusion.yaml", "status: production", "status: deprecated");
    world.run(PLAN).exits(2).says(&["~ enabled: true → false", "Coverage-reducing: 1."]);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
    // It has no room for a marker: without its file it is nobody's, and stays.
    world.remove("rules/fusion.yaml");
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn rules_that_exist_only_as_instances_of_a_template() {
    let world = World::empty();
    for (kind, name) in
        [("ml-behavior-analytics", "MLBehaviorAnalytics"), ("threat-intelligence", "ThreatIntelligence")]
    {
        let file = format!("rules/{kind}.yaml");
        let rule = format!(
            "id: {kind}\nname: From a template\nstatus: production\nsentinel:\n  kind: {kind}\n  \
             template: {{name: 0dd422ee-e6af-4204-b219-f59ac172e4c6}}\n"
        );
        world.write(&file, rule);
        world.run(APPLY).exits(0);
        world.run(PLAN).has_nothing_to_do();
        assert_eq!(world.writes().last().unwrap().body()["kind"], name);
        world.remove(&file);
    }
}

const DEFENDER_QUERY: &str = r#"
query: |
  DeviceProcessEvents
  | where FileName =~ "x.exe"
  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1, SHA256, AccountSid, AccountName,
      AccountUpn, ProcessCommandLine
"#;

/// One of each entity and action whose columns the query has.
const DEFENDER: &str = r#"defender:
  frequency: PT3H
  title: "{{FileName}} on {{DeviceName}}"
  description: The alert's own words.
  recommended_actions: Look at it.
  entities:
    hosts: [{deviceIdColumn: DeviceId}]
    accounts: [{sidColumn: AccountSid}]
    files: [{nameColumn: FileName, sha1Column: SHA1}]
    processes: [{sha256Column: SHA256}]
  custom_details: {Path: FolderPath, CommandLine: ProcessCommandLine}
  actions:
    isolateDevices: [{deviceIdColumn: DeviceId, isolationType: selective}]
    collectInvestigationPackages: [{deviceIdColumn: DeviceId}]
    runAntivirusScans: [{deviceIdColumn: DeviceId}]
    stopAndQuarantineFiles: [{deviceIdColumn: DeviceId, sha1Column: SHA1}]
    disableUsers: [{accountSidColumn: AccountSid}]
  device_groups: [Servers, Clients]
"#;
const ALLOW: &str = "response_actions: {allow: [isolateDevices, collectInvestigationPackages, runAntivirusScans, stopAndQuarantineFiles, disableUsers]}\n";

#[test]
fn custom_detections_with_everything() {
    let world = World::empty();
    world.append("environments/lab/environment.yaml", ALLOW);
    let rule = format!("{HEAD}{DEFENDER_QUERY}{DEFENDER}");
    let body =
        lives(&world, "detection-everything", &rule, ("isolationType: selective", "isolationType: full"));
    sends(
        &body,
        &[
            "id",
            "displayName",
            "description",
            "status",
            "queryCondition.queryText",
            "schedule.frequency",
            "detectionAction.alertTemplate.title",
            "detectionAction.alertTemplate.description",
            "detectionAction.alertTemplate.recommendedActions",
            "detectionAction.alertTemplate.severity",
            "detectionAction.alertTemplate.tactics.techniques.subTechniques",
            "detectionAction.alertTemplate.entityMappings.hosts.deviceIdColumn",
            "detectionAction.alertTemplate.entityMappings.accounts.sidColumn",
            "detectionAction.alertTemplate.entityMappings.files.sha1Column",
            "detectionAction.alertTemplate.entityMappings.processes.sha256Column",
            "detectionAction.alertTemplate.customDetails.Path",
            "detectionAction.automatedActions.isolateDevices.isolationType",
            "detectionAction.automatedActions.disableUsers.accountSidColumn",
            "detectionAction.organizationalScope.deviceGroups",
        ],
    );
    // Names that not every tenant knows are sent only where the environment says so.
    let text = body.to_string();
    for name in ["lookback", "eventGroupingKind", "incidentConfiguration"] {
        assert!(!text.contains(name), "{name} was sent without `preview_fields`: {text}");
    }
}

#[test]
fn custom_detections_with_preview_fields() {
    let world = World::empty();
    world.edit(
        "environments/lab/environment.yaml",
        "defender: {}",
        "defender: {api_version: beta, preview_fields: true}",
    );
    let rule = format!(
        "{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT24H\n  lookback: P3D\n  event_grouping: singleAlert\n  \
         exclude_from_correlation: true\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
    );
    let body =
        lives(&world, "preview", &rule, ("event_grouping: singleAlert", "event_grouping: alertPerEvent"));
    sends(
        &body,
        &[
            "schedule.lookback",
            "detectionAction.alertTemplate.eventGroupingKind",
            "detectionAction.incidentConfiguration.isExcludedFromIncidentCorrelation",
        ],
    );
}

#[test]
fn custom_detections_where_nobody_knows_the_newest_properties() {
    let world = World::empty();
    world.switch("graph_newest_properties", "none").switch("graph_unknown_properties", "refused");
    let rule = format!(
        "{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT24H\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
    );
    lives(&world, "older", &rule, ("frequency: PT24H", "frequency: PT12H"));
}

#[test]
fn continuous_custom_detections_carry_no_comment() {
    let world = World::empty();
    let rule = format!(
        "{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT0S\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
    );
    let body = lives(
        &world,
        "continuous",
        &rule,
        ("{deviceIdColumn: DeviceId}", "{deviceIdColumn: DeviceId, nameColumn: DeviceName}"),
    );
    assert_eq!(body["schedule"]["frequency"], "PT0S");
    assert!(!body["queryCondition"]["queryText"].as_str().unwrap().contains("//"));
    assert!(body["description"].as_str().unwrap().contains("[palisade:v1 owner=acme/lab rule=continuous"));
}

#[test]
fn a_detection_loses_what_its_file_no_longer_says() {
    let world = World::empty();
    world.append("environments/lab/environment.yaml", ALLOW);
    world.write("rules/both.yaml", format!("id: both{HEAD}{DEFENDER_QUERY}{DEFENDER}"));
    world.run(APPLY).exits(0);
    let lean = format!(
        "id: both{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT3H\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n  custom_details: {{Path: FolderPath}}\n"
    );
    world.write("rules/both.yaml", lean);
    world.run(PLAN).exits(2).says(&["response action removed: response action isolateDevices"]);
    world.run(APPLY).exits(0);
    let action = world.document("Everything")["detectionAction"].clone();
    for path in [
        "/automatedActions/isolateDevices",
        "/automatedActions/disableUsers",
        "/organizationalScope/deviceGroups",
        "/alertTemplate/entityMappings/accounts",
    ] {
        let value = action.pointer(path).unwrap_or(&Value::Null);
        assert!(value.is_null() || *value == json!([]), "{path} is still {value}");
    }
}

/// The service keeps custom details that an update empties (CONTRACT A.5): said, and never taken for done.
#[test]
fn custom_details_that_the_service_keeps_are_reported() {
    let world = World::empty();
    let lean = format!(
        "id: both{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT3H\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
    );
    world.write("rules/both.yaml", format!("{lean}  custom_details: {{Path: FolderPath}}\n"));
    world.run(APPLY).exits(0);
    world.write("rules/both.yaml", lean);
    world
        .run(APPLY)
        .exits(1)
        .says(&["the service keeps other values in detectionAction.alertTemplate.customDetails"]);
    world.run(PLAN).exits(2);
}

/// The services spell what they were sent in their own way. Every such spelling is the same rule.
#[test]
fn no_spelling_of_the_services_is_a_difference() {
    for switches in [
        json!({"arm_duration_spelling": "days", "arm_omitted_optionals": "absent", "graph_frequency_spelling": "days"}),
        json!({"arm_duration_spelling": "hours", "arm_empty_arrays": "null", "graph_empty_collections": "null"}),
        json!({"arm_empty_arrays": "absent", "arm_fill_defaults": "false", "graph_query_newlines": "as_sent"}),
        json!({"arm_mixed_id_casing": "true", "arm_system_data": "false", "graph_empty_collections": "as_sent"}),
        json!({"arm_list_order": "unstable", "graph_list_order": "unstable", "arm_page_size": "1", "graph_page_size": "1"}),
        json!({"graph_normalise_techniques": "false", "arm_delete_missing_404": "true"}),
    ] {
        let world = World::empty();
        world.play(&json!({"op": "set_switches", "values": switches}));
        let sentinel = format!(
            "{HEAD}{SENTINEL_QUERY}sentinel:\n  kind: scheduled\n  frequency: PT24H\n  period: P2D{ALERTING}"
        );
        let defender = format!(
            "{HEAD}{DEFENDER_QUERY}defender:\n  frequency: PT24H\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n  custom_details: {{Path: FolderPath}}\n"
        );
        world.write("rules/a.yaml", format!("id: a{sentinel}"));
        world.write("rules/b.yaml", format!("id: b{}", sentinel.replace("name: Everything", "name: Second")));
        world.write("rules/c.yaml", format!("id: c{}", defender.replace("name: Everything", "name: Third")));
        world.write("rules/d.yaml", format!("id: d{}", defender.replace("name: Everything", "name: Fourth")));
        world.run(APPLY).exits(0).says(&["Applied 4 of 4 changes."]);
        let ran = world.run(PLAN);
        assert_eq!(ran.code, 0, "{switches}\n{ran}");
    }
}
