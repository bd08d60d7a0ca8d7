//! Watchlists as resources of their own: made before the rules that refer to them, changed item by item, and never anybody
//! else's.

use serde_json::json;

use crate::world::{World, entry, snapshot};

const LIST: &str = "environments/lab/watchlists/scanners.yaml";
const APPLY: &str = "apply -e lab --auto-approve";
const SCANNERS: &str = "\
name: Vulnerability scanners
description: What scans, and from where.
search_key: Host
items:
  - {Host: scan1.example.com, Site: Berlin}
  - {Host: scan2.example.com, Site: 'Paris, \"north\"'}
  - scan3.example.com
";

/// A list, and a rule that refers to it.
fn world() -> World {
    let world = World::new();
    world.write(LIST, SCANNERS);
    world.allowlist(
        "scans",
        "task",
        &[entry("scanners", "Computer: {watchlist: {alias: scanners, column: Host}}")],
    );
    world
}

/// Methods and ends of the paths of everything that was written to watchlists and Sentinel's rules.
fn written(world: &World) -> Vec<String> {
    let writes = world.writes().into_iter().filter(|request| !request.path().contains("detectionRules"));
    writes
        .map(|request| {
            let path = request.path().split("SecurityInsights/").last().unwrap().to_owned();
            let path = path.split('?').next().unwrap();
            let short: Vec<&str> = path.split('/').take(3).collect();
            format!("{} {}", request.method(), short.join("/"))
        })
        .collect()
}

#[test]
fn a_list_is_made_before_the_rule_and_then_nothing_is_to_do() {
    let world = world();
    snapshot!("watchlist_plan", world.run("plan -e lab --target *watchlist* --target task").exits(0));
    world.run(APPLY).exits(0);
    let writes = written(&world);
    assert_eq!(writes[0], "PUT watchlists/scanners");
    assert!(writes[1].starts_with("PUT alertRules/"), "{writes:?}");
    let list = world.document("Vulnerability scanners");
    let mut rows: Vec<_> = list["items"].as_object().unwrap().values().cloned().collect();
    rows.sort_by_key(ToString::to_string);
    assert_eq!(
        rows,
        [
            json!({"Host": "scan1.example.com", "Site": "Berlin"}),
            json!({"Host": "scan2.example.com", "Site": "Paris, \"north\""}),
            json!({"Host": "scan3.example.com", "Site": ""}),
        ]
    );
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    world.forget_requests();
    world.run(APPLY).exits(0);
    world.wrote_nothing();
    world.run("drift -e lab").exits(0);
}

#[test]
fn what_changes_is_written_item_by_item_and_more_items_are_less_coverage() {
    let world = world();
    world.run(APPLY).exits(0);
    world.forget_requests();
    world.edit(LIST, "  - scan3.example.com\n", "  - scan4.example.com\n");
    world.edit(LIST, "Site: Berlin", "Site: Rome");
    snapshot!("watchlist_items", world.run("plan -e lab").exits(0));
    let plan = world.run("plan -e lab --format json").exits(0).json();
    assert_eq!(plan["summary"]["coverage_reducing"], 1);
    assert_eq!(plan["changes"][0]["coverage_reducing"][0]["kind"], "allowlist_widened");
    world.run(APPLY).exits(0);
    let writes = written(&world);
    assert_eq!(
        writes,
        [
            "PUT watchlists/scanners",
            "DELETE watchlists/scanners/watchlistItems",
            "PUT watchlists/scanners/watchlistItems",
            "PUT watchlists/scanners/watchlistItems",
        ]
    );
    assert!(
        world.writes()[0].body()["properties"].get("rawContent").is_none(),
        "the list is not uploaded again"
    );
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    // Fewer items report more.
    world.edit(LIST, "  - scan4.example.com\n", "");
    let plan = world.run("plan -e lab --format json").exits(0).json();
    assert_eq!(plan["summary"]["coverage_reducing"], 0);
}

#[test]
fn an_item_added_in_the_portal_is_drift_and_goes() {
    let world = world();
    world.run(APPLY).exits(0);
    let item = "items.11111111-1111-4111-8111-111111111111";
    world.portal_edit("Vulnerability scanners", &json!({item: {"Host": "evil.example.com", "Site": ""}}));
    world
        .run("drift -e lab --detailed-exitcode")
        .exits(2)
        .says(&["sentinel/law-lab:watchlist/scanners", "items.evil.example.com"]);
    world.run("plan -e lab").exits(0).says(&["undo a change made outside", "items.evil.example.com"]);
    world.run(APPLY).exits(0);
    assert_eq!(world.document("Vulnerability scanners")["items"].as_object().unwrap().len(), 3);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

#[test]
fn a_list_of_somebody_else_is_never_touched_and_holds_back_the_rules_that_need_it() {
    let world = world();
    world.run(APPLY).exits(0);
    // Somebody takes the marker away: it might as well be another list of that name.
    world.portal_edit("Vulnerability scanners", &json!({"properties.description": "Mine."}));
    world.edit(LIST, "  - scan3.example.com\n", "");
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.forget_requests();
    let ran = world.run("plan -e lab").exits(0);
    ran.says(&[
        "x sentinel/law-lab:watchlist/scanners",
        "is there already and carries no marker",
        "its query looks into sentinel/law-lab:watchlist/scanners, which is held back",
        "Blocked: 2.",
    ]);
    world.run(APPLY);
    world.wrote_nothing();
    // Another environment's list in the same workspace.
    let other = world
        .read("environments/lab/environment.yaml")
        .replace("acme/lab", "acme/other")
        .replace("defender: {}\n", "")
        + "shares: [lab]\n";
    world.portal_edit("Vulnerability scanners", &json!({"properties.description": "[palisade:v1 owner=acme/third rule=scanners h=0123456789abcdef0123456789abcdef]"}));
    world.write("environments/other/environment.yaml", other);
    world.write("environments/other/watchlists/scanners.yaml", SCANNERS);
    world
        .run("plan -e other")
        .exits(0)
        .says(&["it belongs to `acme/third`; take it with --take-over acme/third"]);
    world.run("apply -e other --auto-approve --target *watchlist*");
    world.wrote_nothing();
}

#[test]
fn a_list_without_a_file_is_deleted_after_the_rules_only_where_lists_are_ours_to_look_at() {
    let world = world();
    world.run(APPLY).exits(0);
    world.remove(LIST).remove("environments/lab/allowlists/scans.yaml");
    world.forget_requests();
    // Without a list and without the key, watchlists are not even asked for.
    let plan = world.run("plan -e lab --format json").exits(0).json();
    assert_eq!(plan["summary"]["delete"], 0);
    assert!(world.requests().iter().all(|request| !request.path().contains("watchlists")));
    world.append("environments/lab/environment.yaml", "watchlists: []\n");
    let plan = world.run("plan -e lab --format json").exits(0).json();
    assert_eq!((&plan["summary"]["delete"], &plan["summary"]["coverage_reducing"]), (&json!(1), &json!(0)));
    world.forget_requests();
    world.run(APPLY).exits(0);
    let writes = written(&world);
    assert!(writes[0].starts_with("PUT alertRules/"), "{writes:?}");
    assert_eq!(writes[1..], ["DELETE watchlists/scanners"]);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

#[test]
fn an_upload_is_waited_for_and_a_rule_without_its_list_is_not_begun() {
    let world = world();
    world.run("plan -e lab").exits(0);
    world.switch("arm_watchlist_polls", "2");
    world.switch("arm_page_size", "2");
    world.run(APPLY).exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();

    let world = self::world();
    world.run("plan -e lab").exits(0);
    world.faults(&json!([{"match": {"method": "PUT", "path_contains": "/watchlists/"}, "fault": {"kind": "status", "status": 403}}]));
    let ran = world.run(APPLY).exits(5);
    ran.says(&["watchlist/scanners"]);
    assert!(!world.names("sentinel").contains(&"Task created by a person".to_owned()));
    world.no_faults();
    world.run(APPLY).exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

#[test]
fn what_broke_off_between_items_is_finished_by_the_next_run() {
    let world = world();
    world.run(APPLY).exits(0);
    world.edit(LIST, "  - scan3.example.com\n", "  - scan4.example.com\n  - scan5.example.com\n");
    world.faults(&json!([{"match": {"method": "PUT", "path_contains": "/watchlistItems/"}, "fault": {"kind": "status", "status": 403}}]));
    world.run(APPLY).exits(1).says(&["some items are written"]);
    world.no_faults();
    world.run("plan -e lab").exits(0).says(&["undo a change made outside"]);
    world.run(APPLY).exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    assert_eq!(world.document("Vulnerability scanners")["items"].as_object().unwrap().len(), 4);
}

#[test]
fn columns_are_fixed_when_a_list_is_made() {
    let world = world();
    world.run(APPLY).exits(0);
    world.edit(LIST, "Site: Berlin", "Place: Berlin");
    world
        .run("plan -e lab")
        .exits(0)
        .says(&["the columns of a watchlist cannot be changed in place", "Blocked: 1."]);
}

#[test]
fn shared_lists_go_where_they_are_named() {
    let world = world();
    world.remove(LIST);
    world.write("environments/_shared/watchlists/scanners.yaml", SCANNERS);
    world.run("plan -e lab").exits(0).never_says(&["watchlist/scanners"]);
    world.append("environments/lab/environment.yaml", "watchlists: [_shared/scanners]\n");
    world.run("plan -e lab").exits(0).says(&["+ sentinel/law-lab:watchlist/scanners"]);
    world.edit("environments/lab/environment.yaml", "_shared/scanners", "_shared/scaners");
    world
        .run("validate")
        .exits(1)
        .says(&["a shared watchlist that does not exist", "did you mean `_shared/scanners`?"]);
    world.edit("environments/lab/environment.yaml", "_shared/scaners", "_shared/scanners");
    world.write(LIST, SCANNERS);
    world.run("validate").exits(1).says(&["two watchlists have the same alias"]);
}

#[test]
fn mistakes_are_found_at_their_place() {
    for (from, to, says) in [
        ("search_key: Host", "search_key: Hst", "`Hst` is missing"),
        ("  - scan3.example.com", "  - SCAN1.example.com", "two items have the same search key"),
        ("  - scan3.example.com", "  - 5", "expected a string"),
        ("  - scan3.example.com", "  - {Host: 5}", "quote it"),
        ("  - scan3.example.com", "  - {Host: a, SearchKey: b}", "every watchlist has by itself"),
        ("  - scan3.example.com", "  - \"a\\u202eb\"", "U+202E"),
        ("name: Vulnerability scanners\n", "", "`name` is missing"),
        ("description:", "descripton:", "did you mean `description`?"),
    ] {
        let world = world();
        world.edit(LIST, from, to);
        world.run("validate").exits(1).says(&[says, "environments/lab/watchlists/scanners.yaml:"]);
        world.run(APPLY).exits(1);
        assert!(world.requests().is_empty(), "{to}");
    }
    let world = world();
    world.edit("environments/lab/allowlists/scans.yaml", "column: Host", "column: Hots");
    world.run("validate").exits(1).says(&["the watchlist has no such column", "did you mean `Host`?"]);
    world.edit("environments/lab/allowlists/scans.yaml", "column: Hots", "column: Host");
    world.edit("environments/lab/allowlists/scans.yaml", "entries:", "sensitive: true\nentries:");
    world.run("validate").exits(1).says(&["ALW-25", "a sensitive value is shown"]);
    world.write("environments/lab/watchlists/Not An Alias.yaml", SCANNERS);
    world.run("validate").exits(1).says(&["the file's name cannot be an alias"]);
}
