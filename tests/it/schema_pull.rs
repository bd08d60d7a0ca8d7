//! `schema pull`: what a tenant has becomes a file, and with the file its tables are checked.

use serde_json::json;

use crate::world::World;

/// A rule over a table that only this tenant has.
const BADGES: &str = r"id: badges
name: Badge refused
status: production
severity: low
description: A door refused a badge.
attack:
  - {tactic: InitialAccess, techniques: [T1078]}
query: |
  Badges_CL
  | where Granted == false
  | project TimeGenerated, Door, BadgeId
sentinel:
  kind: scheduled
  frequency: PT1H
  period: PT2H
  trigger: {operator: GreaterThan, threshold: 0}
  entities:
    - {type: Host, fields: {HostName: Door}}
";
const WORKSPACE: &str = "environments/lab/schema/sentinel.json";
const DEFENDER: &str = "environments/lab/schema/xdr.json";

fn file(world: &World, path: &str) -> serde_json::Value {
    serde_json::from_str(&world.read(path)).unwrap()
}

#[test]
fn custom_tables_are_checked_once_they_are_pulled() {
    let world = World::empty();
    world.write("rules/badges.yaml", BADGES.replace("where Granted", "where Grantd"));
    world.run("validate").never_says(&["Grantd"]);
    world.run("schema pull -e lab").exits(0).says(&[WORKSPACE, DEFENDER]);
    world.run("validate").exits(1).says(&["badges.yaml:10:", "Grantd", "did you mean `Granted`"]);
    world.write("rules/badges.yaml", BADGES);
    world.run("validate").exits(0);
    // The workspace lists every table that it has, so another one is a mistake now.
    world.write("rules/badges.yaml", BADGES.replace("  Badges_CL", "  Badgers_CL"));
    world.run("validate").exits(1).says(&["Badgers_CL"]);
    // A stored function is known, and what it returns is not.
    world.write("rules/badges.yaml", BADGES.replace("  Badges_CL", "  BadgesOfFloor(3)"));
    world.run("validate").exits(0);
}

#[test]
fn the_file_has_the_types_of_queries() {
    let world = World::empty();
    world.run("schema pull -e lab").exits(0);
    let pulled = file(&world, WORKSPACE);
    assert_eq!(pulled["platform"], "sentinel");
    let tables: Vec<&String> = pulled["tables"].as_object().unwrap().keys().collect();
    assert_eq!(tables, ["Badges_CL"], "built-in tables are not repeated");
    for (column, ty) in [
        ("TimeGenerated", "datetime"),
        ("TenantId", "string"),
        ("BadgeId", "guid"),
        ("Floor", "int"),
        ("Granted", "bool"),
        ("Seconds", "real"),
        ("Swipes", "long"),
        ("Visitor", "dynamic"),
        ("LeftAt", "datetime"),
    ] {
        assert_eq!(pulled["tables"]["Badges_CL"][column], ty, "{column}");
    }
    assert_eq!(
        pulled["functions"],
        json!([{"name": "BadgesOfFloor", "params": "(floor:int=1)", "open": true}])
    );
    let defender = file(&world, DEFENDER);
    assert_eq!((&defender["platform"], &defender["complete"]), (&json!("xdr"), &json!(false)));
    assert_eq!(defender["tables"]["UrlClickEvents"]["ClickSurface"], "string");
}

#[test]
fn only_what_was_asked_for_is_read() {
    let world = World::empty();
    world.switch("graph_role", "none");
    world.run("schema pull -e lab --platform sentinel --out-dir elsewhere").exits(0);
    assert!(world.root().join("elsewhere/sentinel.json").exists());
    assert!(!world.root().join("environments/lab/schema").exists());
    assert!(world.requests().iter().all(|request| request.0["service"] == "arm"));
    let ran = world.run("schema pull -e lab").exits(1);
    ran.says(&["403", "ThreatHunting.Read.All"]).never_says(&["CustomDetection"]);
    assert!(!world.root().join("environments/lab/schema").exists(), "all or nothing");
    world.switch("arm_role", "none");
    world.run("schema pull -e lab --platform sentinel").exits(1).says(&["403", "Log Analytics Reader"]);
}

#[test]
fn somebodys_file_is_not_replaced_unasked() {
    let world = World::empty();
    let own = "{\"tables\": {\"Mine_CL\": {\"A\": \"int\"}}}\n";
    world.write(DEFENDER, own);
    world.run("schema pull -e lab").exits(1).says(&["xdr.json", "--force"]);
    assert_eq!(world.read(DEFENDER), own);
    assert!(!world.root().join(WORKSPACE).exists());
    world.run("schema pull -e lab --force").exits(0);
    assert_ne!(world.read(DEFENDER), own);
    world.run("schema pull -e lab").exits(0).says(&["Unchanged: environments/lab/schema/xdr.json"]);
    let left: Vec<_> = std::fs::read_dir(world.root().join("environments/lab/schema")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
