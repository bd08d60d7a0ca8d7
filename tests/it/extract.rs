//! `import … --extract-allowlist`: what the options refuse, what is written where, and that the round trip ends in an empty plan.
//! That the rules select the same events is in `extract_equal`.

use serde_json::{Value, json};

use crate::world::{TENANT, World};

const RULE: &str = r#"name: Odd program
description: A program nobody knows.
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  SecurityEvent
  | where EventID == 4688
  // Begin environment-specific filter.
  | where not(NewProcessName =~ @"C:\Program Files\Contoso\agent.exe" and Account == @"CONTOSO\svc")
  | where not(ipv4_is_private(IpAddress))
  // End environment-specific filter.
  | where Computer !in~ ("build01", "build02")
  | project TimeGenerated, Computer, Account, NewProcessName
"#;

const EXTRACT: &[&str] = &["--extract-allowlist", "--owner", "soc@example.com", "--expires", "2027-05-01"];

fn import(world: &World, more: &[&str]) -> crate::world::Ran {
    let path = world.beside("foreign.yaml");
    std::fs::write(&path, RULE).unwrap();
    world.try_run(&[&["import", "files", path.to_str().unwrap()], more].concat())
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let world = World::empty();
    for (options, says) in [
        (&["--extract-allowlist"][..], "--owner <NAME>"),
        (&["--owner", "x"], "--extract-allowlist"),
        (&["--extract-allowlist", "--owner", " "], "--owner says nothing"),
        (&["--extract-allowlist", "--owner", "x", "--expires", "2026-11-23"], "is not in the future"),
        (
            &["--extract-allowlist", "--owner", "x", "--expires", "2020-01-01"],
            "2020-01-01 is not in the future",
        ),
        (
            &["--extract-allowlist", "--owner", "x", "--expires", "2028-01-01"],
            "at most 365 days, until 2027-11-23",
        ),
        (&["--extract-allowlist", "--owner", "x", "--expires", "soon"], "--expires <DATE>"),
        (&["--extract-allowlist", "--owner", "x", "--ttl", "10y"], "is not a duration"),
        (
            &["--extract-allowlist", "--owner", "x", "--ttl", "1d", "--expires", "2027-01-01"],
            "cannot be used with",
        ),
        (&["--extract-allowlist", "--owner", "x", "-e", "lap"], "did you mean `lab`?"),
        (&["-e", "lab"], "--extract-allowlist"),
    ] {
        import(&world, options).exits(1).says(&[says]);
    }
    assert!(!world.root().join("rules").exists(), "nothing was written");
    world.write("palisade.yaml", "owner: acme\nallowlist: {require_ticket: true, max_ttl: P30D}\n");
    import(&world, &["--extract-allowlist", "--owner", "x"]).exits(1).says(&["--ticket"]);
    import(&world, &["--extract-allowlist", "--owner", "x", "--ticket", "SEC-1"]).exits(0);
    let list = world.read("environments/lab/allowlists/imported/odd-program.yaml");
    assert!(list.contains("    ticket: SEC-1\n    created: 2026-11-23\n    expires: 2026-12-23\n"), "{list}");
}

#[test]
fn a_foreign_rule_is_split_and_deployed() {
    let world = World::empty();
    let ran = import(&world, EXTRACT).exits(0);
    ran.says(&[
        "Moved the exclusions of 1 rule into 2 allowlist entries; owner soc@example.com, until 2027-05-01:",
        "environments/lab/allowlists/imported/odd-program.yaml (2 entries, slot main)",
        "Exclusions that stay in their query (ALW-26): 1",
        "rules/odd-program.yaml, query line 5: `not(ipv4_is_private(IpAddress))`: `ipv4_is_private(IpAddress)`: it compares no column with constants",
        "Weak, as the exclusions were: 1 of 2",
    ]);
    assert_eq!(
        world.read("environments/lab/allowlists/imported/odd-program.yaml"),
        "rules: [odd-program]\nentries:\n  - id: imported-1\n    reason: imported\n    owner: soc@example.com\n    \
         created: 2026-11-23\n    expires: 2027-05-01\n    match:\n      NewProcessName: {equals: 'C:\\Program Files\\Contoso\\agent.exe'}\n      \
         Account: {equals: 'CONTOSO\\svc', case: sensitive}\n  - id: imported-2\n    reason: imported\n    owner: soc@example.com\n    \
         created: 2026-11-23\n    expires: 2027-05-01\n    match: {Computer: {in: [build01, build02]}}\n"
    );
    let rule = world.read("rules/odd-program.yaml");
    assert!(
        rule.contains(
            "  | where EventID == 4688\n  // Begin environment-specific filter.\n  | where not(ipv4_is_private(IpAddress))\n  \
             // End environment-specific filter.\n  | project TimeGenerated"
        ),
        "{rule}"
    );
    world.run("fmt --check environments/lab/allowlists").exits(0);
    world.run("validate").exits(0).says(&["ALW-26"]);
    world.run("render odd-program -e lab").exits(0).says(&[
        r#"| where not((NewProcessName =~ @"C:\Program Files\Contoso\agent.exe" and Account == @"CONTOSO\svc" and now() < datetime(2027-05-01))"#,
        r#"or (Computer in~ ("build01", "build02") and now() < datetime(2027-05-01))"#,
    ]);
    world.run("apply -e lab --auto-approve").exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();

    // The same again changes nothing; what somebody has changed stays.
    import(&world, EXTRACT).exits(0);
    world.edit(
        "environments/lab/allowlists/imported/odd-program.yaml",
        "id: imported-1\n    reason: imported",
        "id: imported-1\n    reason: The agent.",
    );
    import(&world, EXTRACT).exits(1).says(&["imported/odd-program.yaml is there already"]);
    import(&world, &[EXTRACT, &["--force"]].concat()).exits(0);
    assert!(!world.read("environments/lab/allowlists/imported/odd-program.yaml").contains("The agent."));
}

#[test]
fn without_the_option_a_query_stays_as_it_is() {
    let world = World::empty();
    import(&world, &[]).exits(0).never_says(&["allowlist"]);
    assert!(world.read("rules/odd-program.yaml").contains("Computer !in~ (\"build01\", \"build02\")"));
    assert!(!world.root().join("environments/lab/allowlists").exists());
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::empty();
    import(&world, &[EXTRACT, &["--dry-run"]].concat())
        .exits(0)
        .says(&["Would move the exclusions of 1 rule"]);
    assert!(!world.root().join("rules").exists());
    assert!(!world.root().join("environments/lab/allowlists").exists());
}

#[test]
fn every_environment_that_takes_the_rule_has_the_entries() {
    let world = World::empty();
    let second = world
        .read("environments/lab/environment.yaml")
        .replace("acme/lab", "acme/other")
        .replace("law-lab", "law-o");
    world.write("environments/other/environment.yaml", &second);
    import(&world, EXTRACT).exits(0);
    assert_eq!(
        world.read("environments/lab/allowlists/imported/odd-program.yaml"),
        world.read("environments/other/allowlists/imported/odd-program.yaml")
    );
    assert!(!world.read("rules/odd-program.yaml").contains("environments:"));

    let world = World::empty();
    world.write("environments/other/environment.yaml", &second);
    import(&world, &[EXTRACT, &["-e", "other"]].concat()).exits(0);
    assert!(!world.root().join("environments/lab/allowlists").exists());
    let rule = world.read("rules/odd-program.yaml");
    assert!(rule.contains("environments: [other]\n"), "elsewhere it would lack its exclusions: {rule}");
}

#[test]
fn shared_lists_are_for_environments_that_name_them() {
    let world = World::empty();
    import(&world, &[EXTRACT, &["-e", "_shared"]].concat())
        .exits(0)
        .says(&["allowlists: [_shared/imported/odd-program]"]);
    world.append("environments/lab/environment.yaml", "allowlists: [_shared/imported/odd-program]\n");
    world.run("render odd-program -e lab").exits(0).says(&["Computer in~"]);
}

#[test]
fn a_list_for_any_rule_does_not_reach_the_new_slot() {
    let world = World::empty();
    world.write(
        "environments/lab/allowlists/everywhere.yaml",
        "rules: any\nentries:\n  - id: one\n    reason: Known.\n    owner: soc@example.com\n    created: 2026-11-01\n    \
         expires: 2027-05-01\n    match:\n      Computer: {equals: trusted}\n",
    );
    let path = world.beside("plain.yaml");
    std::fs::write(
        &path,
        RULE.replace("  // Begin environment-specific filter.\n", "")
            .replace("  // End environment-specific filter.\n", ""),
    )
    .unwrap();
    world.try_run(&[&["import", "files", path.to_str().unwrap()], EXTRACT].concat()).exits(0);
    assert!(world.read("rules/odd-program.yaml").contains("  // allowlist: main-2\n"));
    world.run("render odd-program -e lab").exits(0).never_says(&["trusted"]);
}

/// An analytics rule that somebody made in the portal.
fn add(world: &World, id: &str, name: &str, query: &str) {
    let path = format!(
        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-soc/providers/\
         Microsoft.OperationalInsights/workspaces/law-lab/providers/Microsoft.SecurityInsights/alertRules/{id}"
    );
    let properties = json!({"displayName": name, "enabled": true, "severity": "Low", "query": query,
        "queryFrequency": "PT1H", "queryPeriod": "PT24H", "triggerOperator": "GreaterThan", "triggerThreshold": 3,
        "suppressionEnabled": false, "suppressionDuration": "PT5H"});
    let body = json!({"id": path, "name": id, "kind": "Scheduled", "properties": properties});
    world.play(&json!({"op": "add", "rule_body": body, "tenant": TENANT}));
}

#[test]
fn deployed_rules_are_split_and_change_nothing_but_their_text() {
    let world = World::empty();
    add(
        &world,
        "7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0001",
        "Tuned",
        "SecurityEvent\n| where EventID == 4688\n| where Account !in (\"svc-backup\", \"svc-scan\")\n| project TimeGenerated, Account",
    );
    add(&world, "7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0002", "Plain", "SecurityEvent\n| where EventID == 1102");
    let live: Vec<Value> = world.rules();
    let ran = world.run("import live -e lab --extract-allowlist --owner soc@example.com --ttl 30d").exits(0);
    ran.says(&[
        "3 rules imported, 0 held back",
        "Moved the exclusions of 1 rule into 1 allowlist entry; owner soc@example.com, until 2026-12-24:",
        "environments/lab/allowlists/imported/tuned.yaml (1 entry, slot main)",
        "changes the query's text of 1 rule",
    ]);
    assert_eq!(world.rules(), live, "an import changes nothing in the tenant");
    assert!(
        world.read("rules/tuned.yaml").contains("  | where EventID == 4688\n  // allowlist\n  | project")
    );
    // One rule changes, in its query only.
    let plan = world.run("plan -e lab --adopt --format json").exits(0).json();
    let changes = plan["changes"].as_array().unwrap();
    let update: Vec<&Value> =
        changes.iter().filter(|change| change["actions"] == json!(["update"])).collect();
    assert_eq!(update.len(), 1, "{plan:#}");
    assert_eq!(update[0]["rule"], "tuned");
    let fields: Vec<&str> =
        update[0]["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!(fields, ["query"], "{plan:#}");
    // A plan compares texts; that the rule selects the same is what the import has proved.
    assert_eq!(update[0]["coverage_reducing"][0]["kind"], "allowlist_widened", "{plan:#}");
    assert_eq!(update[0]["blocked"], Value::Null);
    world.run("apply -e lab --adopt --auto-approve").exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    let json = world.run("import live -e lab --extract-allowlist --owner x --format json").exits(0).json();
    assert_eq!(json["allowlists"]["entries"], 0);
}

#[test]
fn a_rule_whose_entries_would_not_do_stays_whole() {
    let world = World::empty();
    world.write("palisade.yaml", "owner: acme\nallowlist: {require: strong}\n");
    add(
        &world,
        "7a2f0f0e-6a0b-4c8b-9a5e-0a4a4a9f0001",
        "Tuned",
        "SecurityEvent\n| where Computer != \"build01\"\n| project TimeGenerated, Computer",
    );
    let ran = world.run("import live -e lab --extract-allowlist --owner soc@example.com").exits(0);
    ran.says(&["Moved no exclusion", "weaker than `allowlist.require`"]);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}
