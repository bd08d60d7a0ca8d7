//! `plan`, `apply` and `drift` of many environments in one process: one report in a fixed order, the worst exit code, and
//! nobody stopped by another's failure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::tenants::{fleet, tenant};
use crate::world::World;

/// Six environments: `lab`, and five in rings canary, early, broad, none, canary.
fn six() -> World {
    let world = World::new();
    fleet(&world, 5);
    world
}

const APPLY: &str = "apply --all-envs --auto-approve --tenant-parallelism 4";
/// The order of a report: by ring, then by name; what is in no ring comes last.
const ORDER: [&str; 6] = ["tenant-0", "tenant-4", "tenant-1", "tenant-2", "lab", "tenant-3"];

#[test]
fn a_report_does_not_depend_on_who_was_faster() {
    let world = six();
    // The first of them is the slowest.
    world.faults(&json!([{"match": {"path_contains": "law-0"}, "fault": {"kind": "delay", "ms": 300}}]));
    for format in ["text", "json", "markdown"] {
        let one = world.run(&format!("plan --all-envs --format {format}")).exits(0);
        let many = world.run(&format!("plan --all-envs --format {format} --tenant-parallelism 6")).exits(0);
        assert_eq!(one.stdout, many.stdout);
        assert_eq!(one.stderr, many.stderr);
        many.says(&["6 environments: 6 with changes."]);
    }
    let plans = world.run("plan --all-envs --format json --tenant-parallelism 3").json();
    let names: Vec<&str> =
        plans["plans"].as_array().unwrap().iter().map(|plan| plan["environment"].as_str().unwrap()).collect();
    assert_eq!(names, ORDER);
    world.run("plan --all-envs --tenant-parallelism 6 --detailed-exitcode").exits(2);
    for wrong in ["0", "65", "x"] {
        world.run(&format!("plan --all-envs --tenant-parallelism {wrong}")).exits(1);
    }
}

#[test]
fn a_tenant_that_fails_does_not_stop_the_others_and_is_in_every_report() {
    let world = six();
    let known: Vec<String> =
        [0, 2, 3, 4].map(tenant).into_iter().chain([crate::world::TENANT.to_owned()]).collect();
    world.switch("token_known_tenants", &known.join(","));
    let ran = world
        .run("plan --all-envs --tenant-parallelism 4 --format json --json-into p.json --markdown-into p.md --sarif-into p.sarif")
        .exits(1);
    ran.says(&["6 environments: 5 with changes, 1 failed (tenant-1).", "error: tenant-1:"]);
    let plans: Value = serde_json::from_str(&world.read("p.json")).unwrap();
    assert_eq!(
        (plans["plans"].as_array().unwrap().len(), &plans["failed"][0]["environment"]),
        (5, &json!("tenant-1"))
    );
    assert_eq!(plans["failed"][0]["exit_code"], 1);
    assert!(world.read("p.md").contains("### Failed: 1\n\n- `tenant-1`: "), "{}", world.read("p.md"));
    let ran = world.run("drift --all-envs --tenant-parallelism 4 --format json").exits(1);
    let found = ran.json();
    assert_eq!(
        (found["environments"].as_array().unwrap().len(), &found["failed"][0]["environment"]),
        (5, &json!("tenant-1"))
    );
    let ran = world.run(&format!("{APPLY} --report r.json --format json")).exits(1);
    ran.says(&["6 environments: 5 applied, 1 failed (tenant-1)."]);
    let report: Value = serde_json::from_str(&world.read("r.json")).unwrap();
    assert_eq!(
        (report["environments"].as_array().unwrap().len(), &report["failed"][0]["environment"]),
        (5, &json!("tenant-1"))
    );
    assert_eq!(world.names("defender").len(), 5);
    world.run("audit verify").exits(0).says(&["5 records, unbroken"]);
}

#[test]
fn findings_of_many_environments_are_said_once() {
    let world = six();
    world.edit("rules/task.yaml", "SecurityEvent\n", "SecurityEvnt\n");
    let ran = world.run("plan --all-envs --tenant-parallelism 3").exits(0);
    assert_eq!(ran.stderr.matches("warning[").count(), 1, "{ran}");
    ran.says(&["in environments: tenant-0, tenant-4, tenant-1, tenant-2, lab, tenant-3"]);
    world.forget_requests();
    world.edit("rules/task.yaml", "  | where EventID == 4698\n", "  | where EventID ==\n");
    for command in ["plan --all-envs", APPLY] {
        let ran = world.run(command).exits(1).says(&["6 environments: 6 failed", "tenant-0"]);
        assert_eq!(ran.stderr.matches("error[").count(), 1, "{ran}");
    }
    assert!(world.requests().is_empty());
}

#[test]
fn the_worst_exit_code_is_the_command_s() {
    let world = six();
    world.run(APPLY).exits(0).says(&["6 environments: 6 applied."]);
    world
        .run("plan --all-envs --tenant-parallelism 4 --detailed-exitcode")
        .exits(0)
        .says(&["6 environments: 6 without changes."]);
    world.run(APPLY).exits(0).says(&["6 environments: 6 with nothing to do."]);
    // Changed in the files, and in one tenant by somebody else too: a conflict there, held back by a guard.
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.play(&json!({"op": "edit", "rule": "Task created by a person", "set": {"properties.severity": "Medium"}, "workspace": ["law-3"]}));
    let ran = world.run(APPLY).exits(3);
    ran.says(&["5 applied", "1 failed (tenant-3)"]);
}

#[test]
fn a_ring_is_begun_when_the_one_before_it_has_ended() {
    let world = six();
    world.forget_requests();
    world.run(APPLY).exits(0);
    let place = |path: &str| {
        ORDER.iter().position(|name| {
            let number = name.strip_prefix("tenant-").unwrap_or("lab");
            path.contains(&format!("/law-{number}/"))
        })
    };
    let stages = [0, 0, 1, 2, 3, 3];
    let written: Vec<usize> =
        world.writes().iter().filter_map(|write| place(write.path())).map(|at| stages[at]).collect();
    assert_eq!(written.len(), 6);
    assert!(written.is_sorted(), "{written:?}");
}

#[test]
fn nobody_is_asked_about_several_at_once() {
    let world = six();
    let ran = world.run("apply --all-envs --tenant-parallelism 2").exits(1);
    ran.says(&["nobody can be asked about several environments at once", "--auto-approve"]);
    assert!(world.requests().is_empty());
}

#[test]
fn plans_of_many_environments_are_saved_shown_and_carried_out() {
    let world = six();
    world
        .run("plan --all-envs --tenant-parallelism 4 --out saved.plan")
        .exits(0)
        .says(&["exactly these 6 plans"]);
    let saved: Value = serde_json::from_str(&world.read("saved.plan")).unwrap();
    assert_eq!(saved["plans"].as_array().unwrap().len(), 6);
    for name in ORDER {
        world.run("show saved.plan").exits(0).says(&[&format!("{name}  tenant")]);
    }
    assert_eq!(world.run("show saved.plan --format json").json()["plans"].as_array().unwrap().len(), 6);
    // One job of a matrix takes its own plan.
    world
        .run("apply saved.plan -e tenant-2")
        .exits(0)
        .says(&["tenant-2  tenant", "Applied 2 of 2"])
        .never_says(&["lab  tenant"]);
    world.run("apply saved.plan -e nobody").exits(1).says(&["has no plan for nobody"]);
    // The others; what is done already is skipped.
    world.run("apply saved.plan --tenant-parallelism 6").exits(0).says(&["6 environments: 6 applied."]);
    assert_eq!(world.names("defender").len(), 6);
    world.run("plan --all-envs --detailed-exitcode").exits(0);
    // Nobody changes one of them unnoticed.
    let text = world.read("saved.plan").replacen("\"create\": 2", "\"create\": 1", 1);
    world.write("saved.plan", text);
    world.run("apply saved.plan").exits(1).says(&["changed after it was made"]);
}

#[test]
fn one_saved_plan_that_is_stale_does_not_keep_the_others() {
    let world = six();
    world.run("plan --all-envs --out saved.plan").exits(0);
    world.edit("environments/tenant-1/environment.yaml", &tenant(1), &tenant(9));
    let ran = world.run("apply saved.plan --tenant-parallelism 3").exits(4);
    ran.says(&["is for another tenant (", "5 environments: 5 applied."]);
    assert_eq!(world.names("defender").len(), 5);
}

#[test]
fn reviewed_digests_of_all_environments_are_expected_of_each() {
    let world = six();
    world.run("plan --all-envs --json-into reviewed.json").exits(0);
    world.edit(
        "environments/tenant-3/environment.yaml",
        "prune: owned",
        "prune: owned\nparameters: {hunt: {minimum: 9}}",
    );
    let ran = world.run("apply --all-envs --expect-digest reviewed.json --tenant-parallelism 4").exits(4);
    ran.says(&["1 failed (tenant-3)", "5 applied"]);
}

#[test]
fn drift_of_many_environments_is_one_report() {
    let world = six();
    world.run(APPLY).exits(0);
    world.play(&json!({"op": "edit", "rule": "Task created by a person", "set": {"properties.severity": "Medium"}, "workspace": ["law-3"]}));
    let ran = world.run("drift --all-envs --tenant-parallelism 4 --detailed-exitcode").exits(2);
    let ran = ran.says(&["6 environments: 5 without drift, 1 with drift."]);
    let names: Vec<&str> = ran.stdout.lines().filter(|line| ORDER.contains(line)).collect();
    assert_eq!(names, ORDER);
}

/// Writes under way are finished in every tenant, and no further tenant is begun.
#[test]
#[cfg(unix)]
fn a_signal_stops_all_tenants() {
    let world = six();
    world.faults(
        &json!([{"match": {"service": "graph", "writes": true}, "fault": {"kind": "delay", "ms": 1500}}]),
    );
    let mut command = world.command();
    command.args(APPLY.split(' ')).args(["--parallelism", "1", "--format", "ndjson", "--report", "r.json"]);
    let (code, stdout) = crate::interrupt::signalled_by_output(command, "INT", "change_started");
    assert_eq!(code, Some(5), "{stdout}");
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let not_begun: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["type"] == "not_begun")
        .flat_map(|event| event["environments"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    // The signal came in the ring of the first two.
    assert_eq!(not_begun, ORDER[2..].iter().copied().collect());
    let written = world.writes().iter().filter(|write| write.status() < 300).count();
    let report: Value = serde_json::from_str(&world.read("r.json")).unwrap();
    let applied: usize = report["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["applied"].as_array().unwrap().len())
        .sum();
    assert_eq!(written, applied, "{report:#}");
    world.no_faults();
    world.run(APPLY).exits(0);
    world.run("plan --all-envs --detailed-exitcode").exits(0);
}
