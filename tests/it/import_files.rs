//! `palisade import files`: every format becomes rule files, nothing is lost, and nothing that is there is replaced.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{Ran, World};

/// The fixtures, one folder a format.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

fn import(world: &World, path: &Path, more: &[&str]) -> Ran {
    let path = path.display().to_string();
    world.try_run(&[&["import", "files", path.as_str()], more].concat())
}

/// Imports one fixture and gives the text of the one file that came of it.
fn one(name: &str, id: &str) -> String {
    let world = World::empty();
    import(&world, &fixture(name), &[]).exits(0);
    world.read(&format!("rules/{id}.yaml"))
}

fn says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
}

#[test]
fn azure_sentinel_rules() {
    says(
        &one("azure-sentinel/scheduled.yaml", "logon-from-a-new-country"),
        &[
            "name: Logon from a new country\n",
            "severity: medium\n",
            "description: Somebody signed in",
            "- tactic: InitialAccess\n    techniques: [T1078.004, T1110]\n",
            "- tactic: CredentialAccess\n",
            "tags: [identity]\n",
            "kind: scheduled\n",
            "frequency: PT1H\n",
            "period: P1DT12H\n",
            "threshold: 3}",
            "{type: Account, fields: {FullName: UserPrincipalName}}",
            "lookback: PT3H",
            "suppression: {enabled: true, duration: PT5H}",
            "entityType: Spaceship",
            "alertnameFormat: misspelt",
            "version: \"1.10\"",
        ],
    );
    let nrt = one("azure-sentinel/nrt.yaml", "audit-log-cleared");
    says(&nrt, &["kind: nrt\n", "techniques: [T1070.001]"]);
}

#[test]
fn arm_templates_of_the_portal_and_of_bicep() {
    says(
        &one("arm/export.json", "exported-rule"),
        &[
            "enabled: false\n",
            "query: |\n  SecurityEvent\n  | where EventID == 4625\n",
            "template: {name: 0f0f0f0f-1111-4222-8333-444444444444, version: ",
            "x-sentinel:\n  somethingNew: {level: 7}\n",
            "{type: Host, fields: {FullName: Computer}}",
        ],
    );
    let world = World::empty();
    let ran = import(&world, &fixture("arm/bicep.json"), &[]).exits(1);
    ran.says(&[
        "resource 3: its displayName is an expression that cannot be worked out here: [parameters('unknown')]",
        "$schema, languageVersion, contentVersion, metadata, parameters, variables",
    ]);
    says(
        &world.read("rules/soc-log-cleared.yaml"),
        &["name: SOC - Log cleared\n", "[in brackets]", "kind: nrt\n"],
    );
    says(&world.read("rules/soc-inner.yaml"), &["name: SOC inner\n"]);
}

#[test]
fn ids_can_be_pinned_to_the_platform_s() {
    let world = World::empty();
    import(&world, &fixture("arm/export.json"), &["--pin-ids"]).exits(0);
    says(&world.read("rules/exported-rule.yaml"), &["rule_id: 6b2f7f5e-5d0b-4c39-9d55-3f3c0f6a1b02\n"]);
    let world = World::empty();
    import(&world, &fixture("graph/new.json"), &["--pin-ids"]).exits(0);
    says(&world.read("rules/encoded-command.yaml"), &["rule_id: encoded-command\n"]);
}

#[test]
fn falconforge_use_cases() {
    says(
        &one("falconforge/usecase.yml", "0xab-0001-service-made-by-a-script-win"),
        &[
            "- tactic: Persistence\n    techniques: [T1543.003]\n",
            "data_sources: [DeviceEvents]\n",
            "frequency: PT1H\n",
            "hosts: [{deviceIdColumn: DeviceId}]",
            "accounts: [{upnColumn: InitiatingProcessAccountUpn}]",
            "// Begin client-specific filter.",
            "response: Look at the script.\n",
            "x-permission_required: Administrator\n",
        ],
    );
    says(
        &one("falconforge/sentinel.yml", "0xab-0002-role-for-a-stranger-aws"),
        &[
            "kind: scheduled\n",
            "period: PT2H\n",
            "event_grouping: AlertPerResult\n",
            "lookback: PT6H",
            "{type: Account, fields: {Name: UserIdentityArn}}",
        ],
    );
}

#[test]
fn falconfriday_markdown() {
    says(
        &one("falconfriday/hunt.md", "0xab-0100-unsigned-driver-win"),
        &[
            "name: Unsigned driver loaded\n",
            "- tactic: PrivilegeEscalation\n    techniques: [T1068]\n",
            "- tactic: DefenseEvasion\n    techniques: [T1562.001]\n",
            "description: Drivers that nobody signed.\n",
            "data_sources: [DeviceImageLoadEvents]\n",
            "query: |\n  DeviceImageLoadEvents\n",
            "hosts: [{deviceIdColumn: DeviceId}]",
            "Costly on large fleets.",
            "message: Faster.",
        ],
    );
}

#[test]
fn xdr_converter_graph_and_its_retired_shape() {
    says(
        &one("xdr-converter/detection.yaml", "mailbox-rule-hides-mail"),
        &[
            "enabled: false\n",
            "frequency: PT3H\n",
            "accounts: [{upnColumn: AccountUpn}]",
            "isolateDevices: [{deviceIdColumn: DeviceId, isolationType: selective}]",
            "device_groups: [Finance]\n",
            "actionType: SendFlowers",
            "entityType: RegistryKey",
        ],
    );
    says(
        &one("graph/new.json", "encoded-command"),
        &[
            "techniques: [T1059.001]",
            "response: Look.\n",
            "novelty: kept",
            "createdBy: j.doe@example.com",
            "description: What the rule is for.\n",
        ],
    );
    says(
        &one("graph/legacy.json", "tool-copied-to-a-share"),
        &[
            "frequency: PT12H\n",
            "- tactic: LateralMovement\n    techniques: [T1021.002]\n",
            "hosts: [{deviceIdColumn: DeviceId}]",
            "accounts: [{upnColumn: AccountUpn}]",
            "stopAndQuarantineFiles: [{sha1Column: SHA1, deviceIdColumn: DeviceId}]",
            "device_groups: [Servers]\n",
            "impactedSpaceshipAsset",
            "sendFlowersResponseAction",
            "67aa92a1-b04b-4f2a-a223-236968a3da96",
        ],
    );
}

#[test]
fn sigma_with_kql_and_without() {
    says(
        &one("sigma/with-kql.yml", "shadow-copies-deleted"),
        &[
            "status: test\n",
            "severity: high\n",
            "tactic: Impact\n",
            "techniques: [T1490]",
            "DeviceProcessEvents\n",
            "defender:\n",
            "x-author: Example\n",
        ],
    );
    let world = World::empty();
    let ran = import(&world, &fixture("sigma/without-kql.yml"), &[]).exits(1);
    ran.says(&["it is a Sigma rule without KQL", "sigma convert -t kusto"]);
}

/// Words of a document that a rule file says by leaving something out, or that are about the message and not the rule.
const SAID_OTHERWISE: &[&str] = &[
    "gt",
    "1d12h",
    "TA0002",
    "TA0003",
    "GreaterThan",
    "SingleAlert",
    "AllEntities",
    "Kusto",
    "PT5H",
    "NRT",
    "Scheduled",
    "Sentinel",
    "M365 Security",
    "enabled",
    "#microsoft.graph.security.detectionRule",
    "#microsoft.graph.security.impactedDeviceAsset",
    "#microsoft.graph.security.impactedUserAsset",
    "#microsoft.graph.security.stopAndQuarantineFileResponseAction",
    "deviceGroup",
    "Machine",
    "User",
    "IsolateMachine",
    "critical",
];

#[test]
fn every_value_of_the_original_is_in_the_file_or_in_the_account() {
    for name in [
        "azure-sentinel/scheduled.yaml",
        "azure-sentinel/nrt.yaml",
        "arm/export.json",
        "falconforge/usecase.yml",
        "falconforge/sentinel.yml",
        "xdr-converter/detection.yaml",
        "graph/new.json",
        "graph/legacy.json",
        "sigma/with-kql.yml",
    ] {
        let world = World::empty();
        let account = import(&world, &fixture(name), &["--format", "json"]).exits(0);
        let mut said = plain(&account.stdout);
        for rule in account.json()["rules"].as_array().unwrap() {
            said.push_str(&plain(&world.read(rule["path"].as_str().unwrap())));
        }
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        let document: Value = serde_saphyr::from_str(&text).unwrap();
        let mut leaves = Vec::new();
        collect(&document, "", &mut leaves);
        assert!(leaves.len() > 8, "{name}");
        for (path, leaf) in leaves {
            let about_deployment = ["$schema", "apiVersion", "contentVersion", "type", "id"]
                .iter()
                .any(|key| path.ends_with(key))
                && name.starts_with("arm/");
            if about_deployment || SAID_OTHERWISE.contains(&leaf.as_str()) {
                continue;
            }
            assert!(
                said.contains(&plain(leaf.trim_start_matches("attack."))),
                "{name}: {path} = {leaf} is nowhere"
            );
        }
    }
}

/// Of a page every line and every cell of a table, without the signs of markdown.
#[test]
fn every_line_of_a_page_is_in_the_file_or_in_the_account() {
    // Titles and labels of a known meaning, which became the keys.
    const KEYS: &[&str] = &[
        "Metadata",
        "ID",
        "ATT&CK Tags",
        "Detection description",
        "False Positives",
        "Suggested Response Actions",
        "Detection Blind Spots",
        "References",
        "Detection",
        "Query",
        "Version History",
        "Version",
        "Date",
        "Notes",
        "C#",
    ];
    let world = World::empty();
    let account = import(&world, &fixture("falconfriday/hunt.md"), &["--format", "json"]).exits(0);
    let file = world.read("rules/0xab-0100-unsigned-driver-win.yaml");
    let said = plain(&format!("{}{file}", account.stdout));
    let text = std::fs::read_to_string(fixture("falconfriday/hunt.md")).unwrap();
    let signs = |c: char| matches!(c, '#' | '*' | '`' | '-' | ':' | ' ' | '|');
    let mut parts = 0;
    for line in text.lines() {
        for part in line.split(['|', ':']).map(|part| part.trim_matches(signs)) {
            parts += usize::from(!part.is_empty());
            assert!(
                part.is_empty() || KEYS.contains(&part) || said.contains(&plain(part)),
                "`{part}` of `{line}` is nowhere"
            );
        }
    }
    assert!(parts > 50, "{parts}");
}

/// Of a template every value of its rules; what lies around them is named.
#[test]
fn every_value_of_a_compiled_rule_is_in_the_file_or_in_the_account() {
    let world = World::empty();
    let account = import(&world, &fixture("arm/bicep.json"), &["--format", "json"]).exits(1);
    let report = account.json();
    let mut said = plain(&account.stdout);
    for rule in report["rules"].as_array().unwrap() {
        said.push_str(&plain(&world.read(rule["path"].as_str().unwrap())));
    }
    let template: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("arm/bicep.json")).unwrap()).unwrap();
    for name in template.as_object().unwrap().keys().filter(|name| *name != "resources") {
        assert!(report["around"][0]["what"].as_str().unwrap().contains(name.as_str()), "{name} is nowhere");
    }
    let mut leaves = Vec::new();
    for pointer in
        ["/resources/rule", "/resources/module/properties/template/resources/0", "/resources/unnamed"]
    {
        collect(template.pointer(pointer).unwrap(), pointer, &mut leaves);
    }
    // Worked out, and in the file by what they stand for.
    let resolved = ["[variables('ruleName')]", "[parameters('name')]"];
    for (path, leaf) in leaves {
        let about_deployment = ["apiVersion", "type"].iter().any(|key| path.ends_with(key));
        let otherwise = SAID_OTHERWISE.contains(&leaf.as_str()) || resolved.contains(&leaf.as_str());
        // A rule without a name is no file; the account says which, and why.
        let is_left = path.starts_with("/resources/unnamed") && !leaf.starts_with('[');
        assert!(
            about_deployment || otherwise || is_left || said.contains(&plain(&leaf)),
            "{path} = {leaf} is nowhere"
        );
    }
    for name in ["SOC - Log cleared", "SOC inner"] {
        assert!(said.contains(&plain(name)), "{name} is nowhere");
    }
}

fn plain(text: &str) -> String {
    text.replace("\\n", "")
        .replace("\\r", "")
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn collect(value: &Value, path: &str, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| collect(value, &format!("{path}.{name}"), leaves));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, leaves)),
        Value::String(text) => leaves.push((path.to_owned(), text.clone())),
        Value::Number(number) if number.as_i64() != Some(0) => {
            leaves.push((path.to_owned(), number.to_string()));
        }
        _ => {}
    }
}

#[test]
fn one_broken_file_of_a_thousand_stops_nothing_else() {
    let world = World::empty();
    let folder = world.beside("community");
    std::fs::create_dir(&folder).unwrap();
    let text = std::fs::read_to_string(fixture("azure-sentinel/nrt.yaml")).unwrap();
    for number in 0..999 {
        let named = text.replace("Audit log cleared", &format!("Audit log {number} cleared"));
        std::fs::write(folder.join(format!("{number}.yaml")), named).unwrap();
    }
    std::fs::write(folder.join("broken.yaml"), "name: x\n  kind: [\n").unwrap();
    std::fs::write(folder.join("notes.md"), "Nothing to see.\n").unwrap();
    let ran = import(&world, &folder, &["--quiet"]).exits(1);
    ran.says(&["broken.yaml", "not valid YAML", " at 2:", "one thing was not imported"]);
    assert_eq!(std::fs::read_dir(world.root().join("rules")).unwrap().count(), 999);
}

#[test]
fn names_of_any_kind_become_files_of_their_own_below_the_folder() {
    let world = World::empty();
    let folder = world.beside("community");
    std::fs::create_dir(&folder).unwrap();
    let text = std::fs::read_to_string(fixture("azure-sentinel/nrt.yaml")).unwrap();
    let long = "long ".repeat(60);
    let names =
        ["Twice", "Twice", "twice!", "../../etc/passwd", "a/b\\\\c", "🦀🦀", "..", "CON", long.trim()];
    for (number, name) in names.iter().enumerate() {
        let named = text.replace("name: Audit log cleared", &format!("name: \"{name}\""));
        std::fs::write(folder.join(format!("{number}.yaml")), named).unwrap();
    }
    import(&world, &folder, &["--into", "community/windows"]).exits(0);
    let files: BTreeSet<String> = std::fs::read_dir(world.root().join("rules/community/windows"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files.len(), names.len(), "{files:?}");
    for wanted in
        ["twice.yaml", "twice-2.yaml", "twice-3.yaml", "etc-passwd.yaml", "a-b-c.yaml", "rule-con.yaml"]
    {
        assert!(files.contains(wanted), "{wanted}: {files:?}");
    }
    for outside in ["../x", "a/../../b", "/..", ".hidden"] {
        import(&world, &folder, &["--into", outside]).exits(1).says(&["does not lie below rules/"]);
    }
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let world = World::empty();
    let path = fixture("azure-sentinel/nrt.yaml");
    import(&world, &path, &[]).exits(0);
    // The same again changes nothing.
    import(&world, &path, &[]).exits(0);
    world.append("rules/audit-log-cleared.yaml", "# mine\n");
    let mine = world.read("rules/audit-log-cleared.yaml");
    import(&world, &path, &["--dry-run"]).exits(1);
    import(&world, &path, &[]).exits(1).says(&["rules/audit-log-cleared.yaml is there already", "--force"]);
    assert_eq!(world.read("rules/audit-log-cleared.yaml"), mine);
    import(&world, &path, &["--force"]).exits(0);
    assert_ne!(world.read("rules/audit-log-cleared.yaml"), mine);
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::empty();
    let ran = import(&world, &fixture("azure-sentinel/nrt.yaml"), &["--dry-run"]).exits(0);
    ran.says(&["rules/audit-log-cleared.yaml", "Would import 1 rule from 1 file"]);
    assert!(!world.root().join("rules").exists());
}

/// The export of a workspace, made large: many rules with long queries, fifty megabytes in all.
#[test]
fn an_export_of_fifty_megabytes() {
    let world = World::empty();
    let export: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("arm/export.json")).unwrap()).unwrap();
    let rule = export["resources"][0].to_string();
    let query = "| where EventID == 4625 // one of many lines\\n".repeat(20_000);
    let mut text = String::from("{\"parameters\": {}, \"resources\": [");
    for number in 0..60 {
        let long = rule
            .replace("Exported rule", &format!("Exported rule {number}"))
            .replace("SecurityEvent\\r\\n", &format!("SecurityEvent\\r\\n{query}"));
        text.push_str(if number == 0 { "" } else { ", " });
        text.push_str(&long);
    }
    text.push_str("]}");
    assert!(text.len() > 50 << 20, "{}", text.len());
    let path = world.beside("export.json");
    std::fs::write(&path, &text).unwrap();
    let ran = import(&world, &path, &["--dry-run", "--quiet"]).exits(0);
    assert_eq!(ran.stdout.lines().count(), 60);
    // Cut off in the middle: it is reported.
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    import(&world, &path, &["--dry-run", "--quiet"]).exits(1).says(&["it is not JSON"]);
}

/// Every published rule is imported; what can be deployed is, and the plan after it is empty.
#[test]
fn published_rules_go_from_import_to_an_empty_plan() {
    let shared = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let corpus = shared.join("corpus/rules");
    if !corpus.is_dir() {
        eprintln!("skipped: {} is not there", corpus.display());
        return;
    }
    let world = World::empty();
    let account = import(&world, &corpus, &["--format", "json"]);
    let account = account.json();
    let rules = account["rules"].as_array().unwrap();
    let left = account["left"].as_array().unwrap();
    left.iter().for_each(|left| println!("not imported: {left}"));
    assert!(
        rules.len() > 700 && left.len() * 100 <= rules.len(),
        "{} imported, {} left",
        rules.len(),
        left.len()
    );
    let mut whole = Vec::new();
    for rule in rules {
        let path = rule["path"].as_str().unwrap();
        if rule["error"].is_null() {
            whole.push((path.to_owned(), world.read(path)));
        } else {
            println!("original breaks a rule: {path}: {}", rule["error"]);
        }
        world.remove(path);
    }
    println!("{} of {} can be deployed", whole.len(), rules.len());
    // A workspace takes 512 scheduled rules and 50 near-real-time ones, in the sandbox as in the service.
    for batch in whole.chunks(500) {
        batch.iter().for_each(|(path, text)| {
            world.write(path, text);
        });
        world.run("apply -e lab --auto-approve --max-coverage-reducing 1000").exits(0);
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
        // What is there now comes back as files, and these are what is there.
        batch.iter().for_each(|(path, _)| {
            world.remove(path);
        });
        let back = world.run("import live -e lab --format json").exits(0).json();
        let imported = back["imported"].as_array().unwrap();
        println!("{} deployed, {} back, held: {}", batch.len(), imported.len(), back["held"]);
        assert!(imported.len() >= batch.len(), "{}", back["held"]);
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
        for rule in imported {
            world.remove(rule["file"].as_str().unwrap());
        }
        world.run("sandbox reset").exits(0);
    }
}
