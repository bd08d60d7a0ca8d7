//! What an apply does to the tenant, and that the next plan is empty.

use serde_json::{Value, json};

use crate::world::{HUNT, World, entry, snapshot};

const PLAN: &str = "plan -e lab --detailed-exitcode";
const APPLY: &str = "apply -e lab --auto-approve";

#[test]
fn creates_and_then_has_nothing_to_do() {
    let world = World::new();
    snapshot!("plan_create", world.run(PLAN).exits(2));
    world.wrote_nothing();
    snapshot!("apply_create", world.run(&format!("{APPLY} --parallelism 1")).exits(0));
    assert_eq!(world.names("defender"), ["Unsigned program from a task"]);
    assert_eq!(world.names("sentinel"), ["Task created by a person"]);
    snapshot!("plan_nothing", world.run(PLAN).has_nothing_to_do());

    world.forget_requests();
    world.run(APPLY).has_nothing_to_do();
    world.wrote_nothing();
}

#[test]
fn the_shipped_repository_is_applied_and_then_unchanged() {
    let world = World::shipped();
    world.run("validate").exits(0);
    world.run("apply -e sandbox --auto-approve").exits(0).says(&["Applied 8 of 8 changes."]);
    world.run("plan -e sandbox --detailed-exitcode").has_nothing_to_do();
}

#[test]
fn updates_exactly_what_changed() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.edit("rules/hunt.yaml", "frequency: PT1H", "frequency: PT3H");
    snapshot!("plan_update", world.run(PLAN).exits(2));
    world.run(APPLY).exits(0);
    assert_eq!(world.writes().len(), 2);
    assert_eq!(world.document("Task created by a person")["properties"]["severity"], "Low");
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn a_rename_keeps_the_deployed_rule() {
    let world = World::deployed();
    let before = world.rules();
    let renamed = HUNT.replace("id: hunt", "id: task-runs-unsigned\nprevious_ids: [hunt]");
    world.remove("rules/hunt.yaml").write("rules/task-runs-unsigned.yaml", renamed);
    world.run(APPLY).exits(0);
    let ids = |rules: &[Value]| rules.iter().map(|rule| rule["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&world.rules()), ids(&before));
    let methods: Vec<String> = world.writes().iter().map(|one| one.method().to_owned()).collect();
    assert!(methods.iter().all(|method| method == "PATCH"), "{methods:?}");
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn a_removed_file_is_pruned_as_coverage_reducing() {
    let world = World::deployed();
    world.remove("rules/task.yaml");
    snapshot!("plan_delete", world.run(PLAN).exits(2));
    world.run(APPLY).exits(0);
    assert_eq!(world.names("sentinel"), Vec::<String>::new());
    assert_eq!(world.names("defender").len(), 1);
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn prune_never_only_lists_orphans() {
    let world = World::deployed();
    world.edit("environments/lab/environment.yaml", "prune: owned", "prune: never");
    world.remove("rules/task.yaml");
    snapshot!("plan_orphan_kept", world.run(PLAN).exits(0));
    world.run(APPLY).exits(0);
    world.wrote_nothing();
    assert_eq!(world.names("sentinel").len(), 1);
}

#[test]
fn a_rule_whose_lifecycle_makes_it_absent_is_an_orphan() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "status: production", "status: experimental");
    world.run(PLAN).exits(2).says(&["- sentinel/law-lab:task  delete", "1 to delete"]);
    world.edit("rules/task.yaml", "status: experimental", "status: deprecated");
    world.run(PLAN).exits(2).says(&["~ enabled: true → false", "disabled: switch: true → false"]);
    world.run(APPLY).exits(0);
    assert_eq!(world.document("Task created by a person")["properties"]["enabled"], false);
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn a_new_entry_is_exactly_one_line_with_its_source() {
    let world = World::deployed();
    let first = entry("updater", "FolderPath: {equals: 'C:\\Program Files\\Contoso\\updater.exe'}");
    world.allowlist("updaters", "hunt", std::slice::from_ref(&first));
    world.run(APPLY).exits(0);

    let second = entry("agent", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}");
    world.allowlist("updaters", "hunt", &[first.clone(), second.clone()]);
    let ran = world.run(PLAN).exits(2);
    assert_eq!(added(&ran.stdout).len(), 1, "{ran}");
    assert!(removed(&ran.stdout).is_empty(), "{ran}");
    assert!(added(&ran.stdout)[0].contains("3395856ce81f2b7382dee72602f798b642f14140"));
    let ran = ran.says(&[
        "└ environments/lab/allowlists/updaters.yaml#agent",
        "allowlist widened: allowlist environments/lab/allowlists/updaters.yaml#agent",
        "Coverage-reducing: 1.",
    ]);
    snapshot!("plan_new_entry", ran);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();

    // In another order, and from another file: nothing more passes than before.
    world.allowlist("updaters", "hunt", &[second.clone(), first.clone()]);
    let ran = world.run(PLAN);
    assert!(!ran.stdout.contains("Coverage-reducing"), "{ran}");
    world.allowlist("updaters", "hunt", &[first]).allowlist("agents", "hunt", &[second]);
    let ran = world.run(PLAN);
    assert!(!ran.stdout.contains("Coverage-reducing"), "{ran}");

    // Gone: more is detected, not less.
    world.remove("environments/lab/allowlists/agents.yaml");
    let ran = world.run(PLAN).exits(2);
    assert_eq!(removed(&ran.stdout).len(), 1, "{ran}");
    assert!(!ran.stdout.contains("Coverage-reducing"), "{ran}");
}

#[test]
fn a_prolonged_or_widened_entry_reduces_coverage() {
    let world = World::deployed();
    let entry = entry("updater", "SHA1: {in: [3395856ce81f2b7382dee72602f798b642f14140]}");
    world.allowlist("updaters", "hunt", std::slice::from_ref(&entry));
    world.run(APPLY).exits(0);
    for (from, to) in [
        ("expires: 2027-05-01", "expires: 2027-06-01"),
        (
            "[3395856ce81f2b7382dee72602f798b642f14140]",
            "[3395856ce81f2b7382dee72602f798b642f14140, 0000000000000000000000000000000000000001]",
        ),
    ] {
        world.allowlist("updaters", "hunt", &[entry.replace(from, to)]);
        world.run(PLAN).exits(2).says(&["Coverage-reducing: 1.", "updaters.yaml#updater"]);
    }
    // A shorter time is no danger.
    world.allowlist("updaters", "hunt", &[entry.replace("2027-05-01", "2027-01-01")]);
    world.run(PLAN).exits(2).never_says(&["Coverage-reducing"]);
}

#[test]
fn parameters_and_overrides_of_an_environment_reach_the_rule() {
    let world = World::deployed();
    world.append(
        "environments/lab/environment.yaml",
        "parameters: {hunt: {minimum: 5}}\noverrides: {task: {severity: low, enabled: false}}\n",
    );
    world.run(PLAN).exits(2).says(&[
        "let minimum = 5;",
        "environments/lab/environment.yaml:8 (parameter minimum)",
        "~ severity: \"High\" → \"Low\"",
    ]);
    world.run(APPLY).exits(0);
    world.run(PLAN).has_nothing_to_do();
}

/// Lines of a plan's diff that are added.
fn added(plan: &str) -> Vec<&str> {
    diff_lines(plan, '+')
}

fn removed(plan: &str) -> Vec<&str> {
    diff_lines(plan, '-')
}

fn diff_lines(plan: &str, sign: char) -> Vec<&str> {
    let is_diff = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|number| number.parse::<u32>().is_ok())
            && words.next().is_some_and(|word| word == sign.to_string())
    };
    plan.lines().filter(is_diff).collect()
}

/// A world with so many custom detections.
fn detections(count: u32) -> World {
    let world = World::empty();
    for number in 0..count {
        let rule = HUNT
            .replace("id: hunt", &format!("id: hunt-{number}"))
            .replace("name: Unsigned", &format!("name: {number} unsigned"))
            .replace("\"Unsigned", &format!("\"{number} unsigned"));
        world.write(&format!("rules/hunt-{number}.yaml"), rule);
    }
    world
}

/// The number in the id of the rule that the first write was for, and in the first line of progress.
fn first_asked_and_first_done(parallelism: u32, delay_ms: u32) -> (String, String) {
    let world = detections(5);
    // The first create takes long; the others need not wait for it.
    world.faults(&json!([{"match": {"service": "graph", "method": "POST", "nth": 1}, "fault": {"kind": "delay", "ms": delay_ms}}]));
    let ran = world
        .run(&format!("{APPLY} --parallelism {parallelism}"))
        .exits(0)
        .says(&["Applied 5 of 5 changes."]);
    let number = |text: &str| text.split("hunt-").nth(1).unwrap()[..1].to_owned();
    let asked = number(world.writes()[0].body()["id"].as_str().unwrap());
    (asked, number(ran.stderr.lines().find(|line| line.contains("created")).unwrap()))
}

#[test]
fn creates_run_in_parallel() {
    let (asked, done) = first_asked_and_first_done(4, 3000);
    assert_ne!(asked, done);
    let (asked, done) = first_asked_and_first_done(1, 0);
    assert_eq!(asked, done);
}

#[test]
fn throttled_creates_are_repeated_and_none_is_lost() {
    let world = detections(8);
    // Every second create is told to come back at once.
    world.faults(&json!([{
        "match": {"service": "graph", "method": "POST", "every": 2, "count": 3},
        "fault": {"kind": "status", "status": 429, "retry_after": 0}
    }]));
    world.run(APPLY).exits(0).says(&["Applied 8 of 8 changes."]);
    let statuses: Vec<u64> = world.writes().iter().map(crate::world::Request::status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 8, "{statuses:?}");
    world.no_faults();
    world.run(PLAN).has_nothing_to_do();
}

#[test]
fn nobody_comes_back_before_retry_after() {
    for order in [
        json!({"match": {"service": "graph", "method": "POST", "nth": 1}, "fault": {"kind": "status", "status": 429, "retry_after": 1}}),
        json!({"match": {"service": "graph", "method": "GET", "nth": 1}, "fault": {"kind": "status", "status": 503, "retry_after": 1}}),
        json!({"match": {"service": "arm", "method": "PUT", "nth": 1}, "fault": {"kind": "status", "status": 429, "retry_after": 1}}),
    ] {
        let world = World::new();
        world.faults(&json!([order]));
        world.run(&format!("{APPLY} --parallelism 1")).exits(0);
        let requests = world.requests();
        let refused = requests.iter().find(|request| matches!(request.status(), 429 | 503)).unwrap();
        let again = requests.iter().find(|request| {
            request.number() > refused.number()
                && (request.method(), request.path()) == (refused.method(), refused.path())
        });
        let waited = refused.at().until(again.unwrap().at()).unwrap().total(jiff::Unit::Millisecond).unwrap();
        assert!(waited >= 999.0, "came back after {waited} ms: {order}");
    }
}

/// What a demo does: an edit as in the portal, by command, and the plan that shows it.
#[test]
fn a_portal_edit_can_be_played_by_command() {
    let world = World::deployed();
    world.run("sandbox list").exits(0).says(&["Task created by a person", "Unsigned program from a task"]);
    world.run("sandbox edit-rule task --set severity=Low").exits(0);
    world.run(PLAN).exits(2).says(&["~ severity: \"Low\" → \"High\"", "Drift: 1."]);
    world.run("sandbox reset").exits(0);
    world.run(PLAN).exits(2).says(&["2 to create"]);
    world.run("sandbox switch arm_role=reader").exits(0);
    world.run(APPLY).exits(5);
    world.run("sandbox switch nonsense=1").exits(1).says(&["no switch `nonsense`"]);
}
