//! Everything that can go wrong on the way to a service, at both services: what the journal says, how the run ends, and
//! that a second apply makes everything as planned, with nothing lost and nothing doubled.
//!
//! Each case deploys two rules of one platform, one after the other, and then two watchlists; the fault strikes the first write
//! unless the case says otherwise. The waits in these tests are the product's own.

use serde_json::{Value, json};

use crate::world::{HUNT, TASK, World};

const APPLY: &str = "apply -e lab --auto-approve --parallelism 1";

/// A fault and what is expected of a run that meets it.
struct Case {
    name: &'static str,
    fault: Value,
    /// Which requests, besides the service; the first write when it says nothing.
    when: Value,
    /// Of analytics rules, and of watchlists too.
    sentinel: Expected,
    defender: Expected,
}

/// Exit code, and how the journal says that the writes of the first rule ended.
type Expected = (i32, &'static [&'static str]);

const WRITTEN: Expected = (0, &["written"]);
/// The answer was lost and the rule was not there: created again.
const AGAIN: Expected = (0, &["not_written", "written"]);

fn first_write() -> Value {
    json!({"writes": true, "nth": 1})
}

fn case(name: &'static str, fault: Value, sentinel: Expected, defender: Expected) -> Case {
    Case { name, fault, when: first_write(), sentinel, defender }
}

/// What is deployed in a table's run: rules of a service, or watchlists, which are Resource Manager's as well.
const KINDS: [&str; 3] = ["arm", "graph", "lists"];

fn service_of(kind: &str) -> &str {
    if kind == "graph" { "graph" } else { "arm" }
}

fn world(kind: &str) -> World {
    let world = World::empty();
    match kind {
        "lists" => {
            for id in ["a", "b"] {
                let text =
                    format!("name: List {id}\nsearch_key: Host\nitems: [h1.example.com, h2.example.com]\n");
                world.write(&format!("environments/lab/watchlists/{id}.yaml"), text);
            }
        }
        "arm" => {
            world.write("rules/a.yaml", TASK.replace("id: task\n", "id: a\n"));
            let second = TASK
                .replace("id: task\n", "id: b\n")
                .replace("name: Task created", "name: Another task created");
            world.write("rules/b.yaml", second);
        }
        _ => {
            world.write("rules/a.yaml", HUNT.replace("id: hunt\n", "id: a\n"));
            let second =
                HUNT.replace("id: hunt\n", "id: b\n").replace("name: Unsigned", "name: Another unsigned");
            world.write("rules/b.yaml", second.replace("title: \"Unsigned", "title: \"Another unsigned"));
        }
    }
    world
}

/// Endings of the writes of rule `a`, in order.
fn endings(world: &World) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(world.root().join(".palisade/journal")) else { return vec![] };
    let mut lines: Vec<Value> = Vec::new();
    for file in folder {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    let is_a = |at: &str| at.ends_with(":a") || at.ends_with(":watchlist/a");
    let of_a = lines.iter().filter(|line| line["address"].as_str().is_some_and(is_a));
    let (intents, done): (Vec<&Value>, Vec<&Value>) = of_a.partition(|line| line["event"] == "intent");
    assert_eq!(intents.len(), done.len(), "every write that was begun has an end: {lines:#?}");
    done.into_iter().map(|line| line["ending"].as_str().unwrap().to_owned()).collect()
}

fn converges(world: &World, kind: &str, name: &str) {
    let again = world.run(APPLY);
    assert_eq!(again.code, 0, "{name} at {kind}, again:\n{again}");
    match kind {
        "arm" => assert_eq!(world.names("sentinel").len(), 2, "{name}"),
        "graph" => assert_eq!(world.names("defender").len(), 2, "{name}"),
        _ => {
            for list in ["List a", "List b"] {
                assert_eq!(world.document(list)["items"].as_object().unwrap().len(), 2, "{name}: {list}");
            }
        }
    }
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

fn run(cases: Vec<Case>) {
    run_with(cases, &[]);
}

fn run_with(cases: Vec<Case>, variables: &[(&str, &str)]) {
    for case in cases {
        for kind in KINDS {
            let (code, expected) = if kind == "graph" { case.defender } else { case.sentinel };
            let world = world(kind);
            let mut when = case.when.clone();
            when["service"] = json!(service_of(kind));
            world.faults(&json!([{"match": when, "fault": case.fault}]));
            let ran = world.run_with(APPLY, variables);
            assert_eq!(ran.code, code, "{} at {kind}:\n{ran}", case.name);
            assert_eq!(endings(&world), expected, "{} at {kind}:\n{ran}", case.name);
            world.no_faults();
            converges(&world, kind, case.name);
        }
    }
}

#[test]
fn refusals_for_a_while() {
    let status = |status: u16, more: Value| {
        let mut fault = json!({"kind": "status", "status": status});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    run(vec![
        case("429 in seconds", status(429, json!({"retry_after": 1})), WRITTEN, WRITTEN),
        case("429 as a date", status(429, json!({"retry_after_date": 1})), WRITTEN, WRITTEN),
        case("429 without", status(429, json!({})), WRITTEN, WRITTEN),
        case("500", status(500, json!({})), WRITTEN, AGAIN),
        case("502", status(502, json!({})), WRITTEN, AGAIN),
        case("503", status(503, json!({"retry_after": 1})), WRITTEN, AGAIN),
        case("504", status(504, json!({})), WRITTEN, AGAIN),
    ]);
}

#[test]
fn connections_that_break() {
    let kind = |kind: &str| json!({"kind": kind});
    run(vec![
        case("refused", json!({"kind": "refuse", "ms": 200}), WRITTEN, AGAIN),
        case("reset before", kind("reset_before"), WRITTEN, AGAIN),
        case("reset after", kind("reset_after_accept"), WRITTEN, WRITTEN),
        case("silence", json!({"kind": "silence", "ms": 100}), WRITTEN, AGAIN),
        case("silence after", json!({"kind": "silence", "ms": 100, "accepted": true}), WRITTEN, WRITTEN),
        case("truncated body", kind("truncated_body"), WRITTEN, WRITTEN),
        case("invalid JSON", kind("invalid_json"), WRITTEN, WRITTEN),
    ]);
}

/// A silence that is longer than the client waits: a second here, the usual minute when `PALISADE_LONG_TESTS` is set.
#[test]
fn a_minute_of_silence() {
    let cases = vec![
        case("60 s", json!({"kind": "silence", "ms": 70_000}), WRITTEN, AGAIN),
        case("60 s after", json!({"kind": "silence", "ms": 70_000, "accepted": true}), WRITTEN, WRITTEN),
    ];
    let usual = std::env::var_os("PALISADE_LONG_TESTS").is_some();
    let variables = [("PALISADE_TIMEOUT_SECONDS", "1")];
    run_with(cases, if usual { &[] } else { &variables });
}

#[test]
fn answers_that_lie_and_clocks_that_are_wrong() {
    let kind = |kind: &str| json!({"kind": kind});
    let mut skewed =
        case("an hour of skew", json!({"kind": "clock_skew", "seconds": 3600}), WRITTEN, WRITTEN);
    skewed.when = json!({"nth": 1});
    let mut late = case("reads lag", kind("list_lag"), WRITTEN, WRITTEN);
    late.when = json!({"method": "GET", "from": 3, "count": 4});
    run(vec![
        case("create, then 400", kind("create_then_400"), WRITTEN, WRITTEN),
        case("create, then 409", kind("create_then_409"), WRITTEN, WRITTEN),
        late,
    ]);
}

#[test]
fn a_service_whose_clock_is_off_by_an_hour() {
    for (service, seconds) in [("arm", "3600"), ("arm", "-3600"), ("graph", "3600"), ("graph", "-3600")] {
        let world = world(service);
        world.switch("clock_skew_seconds", seconds);
        // The answer is lost, so that the service's time is needed to tell an old rule from a new one.
        world.faults(&json!([{"match": {"service": service, "writes": true, "nth": 1}, "fault": {"kind": "reset_after_accept"}}]));
        world.run(APPLY).exits(0);
        assert_eq!(endings(&world), ["written"]);
        world.no_faults();
        converges(&world, service, "skew");
    }
}

#[test]
fn permissions_that_are_missing() {
    // Whatever token comes is refused from the second write on: that one is refused, and nothing else is tried.
    let refused = || json!({"kind": "unauthorized"});
    let mut mid_run = case("401 from now on", refused(), (5, &["written"]), (5, &["written"]));
    mid_run.when = json!({"writes": true, "from": 2});
    let mut at_once = case("401", refused(), (5, &["not_written"]), (5, &["not_written"]));
    at_once.when = json!({"writes": true});
    run(vec![
        mid_run,
        at_once,
        case("403 on one rule", json!({"kind": "forbidden"}), (5, &["not_written"]), (5, &["not_written"])),
    ]);
}

/// Before the second write two hours pass at the service, and its tokens hold for one: the program fetches another one and
/// goes on.
#[test]
fn a_token_that_ends_in_mid_run_is_replaced() {
    for kind in KINDS {
        let service = service_of(kind);
        let later = json!({"kind": "clock_skew", "seconds": 7_200});
        let refused = json!({"kind": "unauthorized"});
        for (name, fault) in [("two hours pass", later), ("401 once", refused)] {
            let world = world(kind);
            world.faults(&json!([{"match": {"service": service, "writes": true, "nth": 2}, "fault": fault}]));
            world.forget_requests();
            let ran = world.run(APPLY).exits(0).says(&["Applied 2 of 2 changes."]);
            assert_eq!(endings(&world), ["written"], "{name} at {kind}:\n{ran}");
            let refused = world.requests().iter().filter(|request| request.status() == 401).count();
            assert_eq!((refused, world.writes().len()), (1, 3), "{name} at {kind}");
            world.no_faults();
            converges(&world, kind, name);
        }
    }
}

#[test]
fn a_property_that_the_service_drops_is_reported() {
    for (service, property, path) in [
        ("arm", "properties.severity", "severity"),
        ("arm", "properties.entityMappings", "entityMappings"),
        ("graph", "detectionAction.alertTemplate.recommendedActions", "recommendedActions"),
        ("graph", "detectionAction.alertTemplate.tactics", "tactics"),
    ] {
        let world = world(service);
        world.append("rules/a.yaml", "response: Isolate the device.\n");
        world.faults(&json!([{"match": {"service": service, "writes": true, "nth": 1}, "fault": {"kind": "drop_property", "property": property}}]));
        let ran = world.run(APPLY).exits(5);
        let ran =
            ran.says(&["the service keeps other values in", path, "(deviates)", "Applied 1 of 2 changes."]);
        assert_eq!(endings(&world), ["written"], "{ran}");
        world.no_faults();
        // The service lost it; the files did not change. So it is drift, named by its field.
        world.run("plan -e lab").exits(0).says(&["Drift: 1.", path]);
        converges(&world, service, "drop");
    }
}

#[test]
fn lists_that_repeat_themselves_and_lists_that_never_end() {
    for service in ["arm", "graph"] {
        let world = world(service);
        world.run(APPLY).exits(0);
        world.edit("rules/a.yaml", "description: A", "description: Now a");
        let list =
            |fault: &str| json!([{"match": {"service": service, "method": "GET"}, "fault": {"kind": fault}}]);
        for fault in ["next_link_loop", "next_link_foreign_host"] {
            world.faults(&list(fault)).forget_requests();
            world.run(APPLY).exits(1);
            world.wrote_nothing();
        }
        world.faults(&list("list_repeat"));
        world.run(APPLY).exits(0).says(&["Applied 1 of 1 changes."]);
        world.no_faults();
        converges(&world, service, "lists");
    }
}

#[test]
fn somebody_who_edits_the_same_rule_during_the_apply_is_not_overwritten() {
    // Sentinel's etag finds out at the write; at Graph, which has none, the read before the write does.
    for (service, method, path, set) in [
        ("arm", "PUT", "properties.description", "alertRules/"),
        ("graph", "GET", "detectionAction.alertTemplate.description", "detectionRules/"),
    ] {
        let world = world(service);
        world.run(APPLY).exits(0);
        world.edit("rules/a.yaml", "description: A", "description: Now a");
        let edit = json!({"kind": "edit_between", "set": {path: "Written in the portal."}});
        world.faults(&json!([{"match": {"service": service, "method": method, "path_contains": set, "nth": 1}, "fault": edit}]));
        let ran = world.run(APPLY).exits(4).says(&["changed since the plan was made; not written"]);
        world.no_faults();
        let documents = std::fs::read_to_string(world.state().join("state.ndjson")).unwrap();
        assert!(documents.contains("Written in the portal."), "{ran}");
        // Both have changed it now: that is a conflict, and held back until somebody decides.
        world.run(APPLY).exits(3);
        world.run(&format!("{APPLY} --on-drift=revert")).exits(0);
        converges(&world, service, "edit");
    }
}

#[test]
fn a_deleted_rules_id_is_held_and_given_a_successor_on_request() {
    let world = world("arm");
    world.run(APPLY).exits(0);
    let text = world.read("rules/a.yaml");
    world.remove("rules/a.yaml").run(APPLY).exits(0);
    world.write("rules/a.yaml", text);
    let ran = world.run(&format!("{APPLY} --wait 1"));
    ran.exits(1).says(&["the service still holds the id; waiting 1 s", "--replace-id a"]);
    world.run("plan -e lab --replace-id a").exits(0).says(&["it gets the new id", "as --replace-id asks"]);
    world.run(&format!("{APPLY} --replace-id a")).exits(0);
    converges(&world, "arm", "tombstone");
    // The id comes free while the run waits.
    let world = crate::faults::world("arm");
    world.run(APPLY).exits(0);
    let text = world.read("rules/a.yaml");
    world.remove("rules/a.yaml").run(APPLY).exits(0);
    world.write("rules/a.yaml", text).switch("arm_tombstone_seconds", "1");
    world.run(APPLY).exits(0);
    converges(&world, "arm", "tombstone that ends");
}

#[test]
fn a_deleted_detections_name_is_waited_for() {
    let world = world("graph");
    world.switch("graph_reserved_seconds", "2");
    world.run(APPLY).exits(0);
    let text = world.read("rules/a.yaml");
    world.remove("rules/a.yaml").run(APPLY).exits(0);
    world.write("rules/a.yaml", text);
    world.run(APPLY).exits(0);
    converges(&world, "graph", "held name");
}

#[test]
fn a_deletion_that_lingers_is_waited_for() {
    let world = world("graph");
    world.switch("graph_delete_linger_seconds", "2");
    world.run(APPLY).exits(0);
    world.remove("rules/a.yaml").run(APPLY).exits(0).says(&["defender:a: deleted"]);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    assert_eq!(world.names("defender").len(), 1);
}

#[test]
fn a_rule_that_changed_between_plan_and_apply_is_stale_and_the_others_are_written() {
    for service in ["arm", "graph"] {
        let world = world(service);
        world.run(APPLY).exits(0);
        world.edit("rules/a.yaml", "description: A", "description: Now a");
        world.edit("rules/b.yaml", "description: A", "description: Now a");
        world.run("plan -e lab --out saved.plan").exits(0);
        // Another etag, and at Graph another time of modification.
        let name = if service == "arm" { "Task created by a person" } else { "Unsigned program from a task" };
        let set = if service == "arm" { "description" } else { "detectionAction.alertTemplate.description" };
        world.portal_edit(name, &json!({set: "Mine."}));
        let ran = world.run("apply saved.plan --parallelism 1 --report report.json").exits(5);
        let ran = ran.says(&["1 stale", "changed since the plan was made; not written"]);
        let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
        assert_eq!(report["failed"][0]["result"], "stale", "{ran}");
        assert_eq!(report["applied"].as_array().unwrap().len(), 1, "{ran}");
        let state = std::fs::read_to_string(world.state().join("state.ndjson")).unwrap();
        assert!(state.contains("Mine."), "{ran}");
        world.run(&format!("{APPLY} --on-drift=revert")).exits(0);
        converges(&world, service, "etag");
    }
}

#[test]
fn one_rule_of_ten_that_is_forbidden_fails_alone() {
    for (service, platform) in [("arm", "sentinel"), ("graph", "defender")] {
        let world = World::empty();
        for n in 0..10 {
            let rule = match service {
                "arm" => TASK.replace("id: task\n", "id: r#\n").replace("name: Task", "name: #. task"),
                _ => HUNT
                    .replace("id: hunt\n", "id: r#\n")
                    .replace("name: Unsigned", "name: #. unsigned")
                    .replace("title: \"Unsigned", "title: \"#. unsigned"),
            };
            world.write(&format!("rules/r{n}.yaml"), rule.replace('#', &n.to_string()));
        }
        world.faults(
            &json!([{"match": {"service": service, "writes": true, "nth": 4}, "fault": {"kind": "forbidden"}}]),
        );
        let ran = world.run("apply -e lab --auto-approve --report report.json").exits(5);
        let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
        let count = |list: &str| report[list].as_array().unwrap().len();
        assert_eq!((count("applied"), count("failed"), count("not_attempted")), (9, 1, 0), "{ran}");
        world.no_faults();
        world.run(APPLY).exits(0).says(&["Applied 1 of 1 changes."]);
        assert_eq!(world.names(platform).len(), 10);
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    }
}
