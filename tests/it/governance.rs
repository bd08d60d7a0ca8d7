//! What an organisation holds an apply to: the record of who did what, the way back, drift, rings.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{HUNT, NOW, World};

const APPLY: &str = "apply -e lab --auto-approve";

/// Runs git in the repository, with nothing of the machine's configuration.
pub(crate) fn git(world: &World, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(world.root())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

pub(crate) fn commit(world: &World, message: &str) -> String {
    world.write(".gitignore", ".palisade/\nreport.json\n");
    git(world, &["add", "-A"]);
    git(world, &["commit", "-q", "-m", message]);
    git(world, &["rev-parse", "HEAD"])
}

#[test]
fn every_apply_is_reported_with_who_what_and_where() {
    let world = World::new();
    git(&world, &["init", "-q"]);
    let commit = commit(&world, "first");
    let path = path();
    let pipeline = [
        ("PATH", path.as_str()),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_REPOSITORY", "acme/detections"),
        ("GITHUB_RUN_ID", "42"),
    ];
    world.run_with(&format!("{APPLY} --report report.json"), &pipeline).exits(0);
    let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
    assert_eq!(report["commit"], json!(commit));
    assert_eq!(report["run_url"], "https://github.example/acme/detections/actions/runs/42");
    assert_eq!((&report["environment"], &report["exit_code"]), (&json!("lab"), &json!(0)));
    assert_eq!(report["started_at"], NOW);
    assert!(
        report["who"]["application"].is_string() && report["digest"].as_str().unwrap().starts_with("sha256:")
    );
    let applied = report["applied"].as_array().unwrap();
    assert_eq!(applied.len(), 2);
    for rule in applied {
        assert_eq!((&rule["actions"], &rule["result"]), (&json!(["create"]), &json!("applied")));
        assert_eq!(rule["request_ids"][0].as_str().unwrap().len(), 36, "{rule}");
    }
    // Files that are not as committed have no commit.
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.run_with(&format!("{APPLY} --report report.json"), &pipeline).exits(0);
    let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
    assert_eq!(report["commit"], Value::Null);
    // The audit file has the same records, chained.
    let audit = world.read(".palisade/audit.jsonl");
    assert_eq!(serde_json::from_str::<Value>(audit.lines().last().unwrap()).unwrap(), report);
    world.run("audit verify").exits(0).says(&["2 records, unbroken."]);
}

#[test]
fn a_tampered_record_is_found() {
    let world = World::new();
    world.run("audit verify").exits(1).says(&["written by `palisade apply`"]);
    world.run(APPLY).exits(0);
    world.edit("rules/task.yaml", "severity: high", "severity: low").run(APPLY).exits(0);
    world.edit("rules/task.yaml", "severity: low", "severity: medium").run(APPLY).exits(0);
    let audit = world.read(".palisade/audit.jsonl");
    let lines: Vec<&str> = audit.lines().collect();
    for (tampered, line) in [
        (audit.replacen("\"exit_code\":0", "\"exit_code\":5", 1), 1),
        (format!("{}\n{}\n", lines[0], lines[2]), 2),
        (format!("{}\n{}\n{}\n", lines[0], lines[0], lines[1]), 2),
    ] {
        world.write(".palisade/audit.jsonl", tampered);
        world.run("audit verify").exits(1).says(&[&format!("line {line}")]);
    }
}

#[test]
fn a_revision_is_planned_and_applied_without_touching_the_working_tree() {
    let world = World::new();
    git(&world, &["init", "-q"]);
    let good = commit(&world, "good");
    world.run(APPLY).exits(0);
    world.edit("rules/task.yaml", "severity: high", "severity: low").remove("rules/hunt.yaml");
    commit(&world, "bad");
    world.run(APPLY).exits(0);
    // Work that goes on, also broken.
    world.write("rules/half.yaml", "id: half\n");
    let (before, status) = (world.read("rules/task.yaml"), git(&world, &["status", "--porcelain"]));
    let path = path();
    let with_git = [("PATH", path.as_str())];

    let plan = world.run_with(&format!("plan -e lab --at {good}"), &with_git).exits(0);
    plan.says(&["1 to create, 1 to update", "\"Low\" → \"High\""]);
    world.run_with(&format!("{APPLY} --at HEAD~1"), &with_git).exits(0);
    assert_eq!((world.names("defender").len(), world.names("sentinel").len()), (1, 1));
    world.run_with(&format!("plan -e lab --at {good} --detailed-exitcode"), &with_git).has_nothing_to_do();
    assert_eq!((world.read("rules/task.yaml"), git(&world, &["status", "--porcelain"])), (before, status));

    world.forget_requests();
    for unknown in ["no-such-revision", "--help", "HEAD:rules"] {
        let ran = world.run_with(&format!("plan -e lab --at={unknown}"), &with_git).exits(1);
        ran.says(&["there is no revision", unknown, "` in `[folder]"]);
    }
    // A folder that git knows nothing about is another mistake than an unknown revision.
    let bare = World::new();
    let ran = bare.run_with("plan -e lab --at HEAD", &with_git).exits(1);
    ran.says(&["git cannot look for the revision `HEAD`", "not a git repository", "has to be a git clone"]);
    // Without git there is no way back, and it says so.
    world.run("plan -e lab --at HEAD").exits(1).says(&["git cannot be run"]);
    world.wrote_nothing();
}

#[test]
fn a_repository_in_a_folder_of_a_bigger_one_is_read_at_a_revision() {
    let world = World::new();
    let outer = world.root();
    std::fs::create_dir(outer.join("soc")).unwrap();
    for name in ["palisade.yaml", "rules", "environments"] {
        std::fs::rename(outer.join(name), outer.join("soc").join(name)).unwrap();
    }
    git(&world, &["init", "-q"]);
    commit(&world, "first");
    let path = path();
    world.run_with("-C soc plan -e lab --at HEAD", &[("PATH", &path)]).exits(0).says(&["2 to create"]);
}

#[test]
fn drift_knows_what_was_changed_outside_and_nothing_else() {
    let world = World::deployed();
    let drift = "drift -e lab --detailed-exitcode";
    world.run(drift).exits(0).says(&["No drift."]);
    // What is not deployed yet is no drift.
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.write(
        "rules/new.yaml",
        HUNT.replace("id: hunt\n", "id: new\n").replace("name: Unsigned", "name: New"),
    );
    let ran = world.run(drift).exits(0);
    ran.says(&["No drift.", "never applied", "defender:new"]);
    // A portal edit is, with who and when, and with the fields when the file still is what was applied.
    world.portal_edit(
        "Unsigned program from a task",
        &json!({"detectionAction.alertTemplate.severity": "low"}),
    );
    world.portal_edit("Task created by a person", &json!({"properties.description": "changed"}));
    let ran = world.run("drift -e lab --format json --detailed-exitcode").exits(2);
    let json = ran.json();
    let found = json["drift"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{json:#}");
    assert_eq!((&found[0]["address"], &found[0]["what"]), (&json!("defender:hunt"), &json!("changed")));
    assert_eq!(found[0]["fields"][0]["path"], "detectionAction.alertTemplate.severity");
    assert!(found[0]["modified_by"].is_string() && found[0]["modified_at"].is_string());
    assert_eq!(found[1]["fields"], json!([]), "the file is not what was applied");
    world
        .run("drift -e lab")
        .exits(0)
        .says(&["2 rules are not as they were last applied.", "\"medium\" → \"low\""]);
    // A deletion too, because the record of the apply knows that the rule was there.
    world.play(&json!({"op": "delete", "rule": "Task created by a person"}));
    world.run(drift).exits(2).says(&["sentinel/law-lab:task  deleted"]);
    // Mistakes in the files are no reason not to look.
    world.write("rules/half.yaml", "id: half\n");
    world.run(drift).exits(2).says(&["The files have errors"]);
}

#[test]
fn a_ring_stands_for_its_environments() {
    let world = World::new();
    let text = world.read("environments/lab/environment.yaml");
    let early = text.replace("acme/lab", "acme/early") + "ring: early\n";
    world.write("environments/early/environment.yaml", early);
    world.append("environments/lab/environment.yaml", "ring: canary\n");
    let ran = world.run("plan --ring canary").exits(0).says(&["owner acme/lab"]);
    ran.never_says(&["owner acme/early"]);
    world.run("plan --ring early").exits(0).says(&["owner acme/early"]).never_says(&["owner acme/lab"]);
    // All of them go by their rings, not by their names, and the next ring waits for the one before it.
    let plans = world.run("plan --all-envs --format json -q").json();
    let order: Vec<&Value> =
        plans["plans"].as_array().unwrap().iter().map(|plan| &plan["environment"]).collect();
    assert_eq!(order, ["lab", "early"]);
    world.faults(&json!([{"match": {"service": "arm", "writes": true}, "fault": {"kind": "forbidden"}}]));
    let ran = world.run("apply --all-envs --auto-approve --fail-fast").exits(5);
    ran.says(&["owner acme/lab", "Not begun: early."]).never_says(&["owner acme/early"]);
    world.no_faults();
    world.run("plan --ring broad").exits(1).says(&["no environment is in that ring"]);
    world.run("plan --ring canary -e lab").exits(1);
}

#[test]
fn failing_fast_begins_nothing_more() {
    let world = World::empty();
    for n in 0..5 {
        let rule = crate::world::TASK.replace("id: task\n", &format!("id: r{n}\n"));
        world.write(&format!("rules/r{n}.yaml"), rule.replace("name: Task", &format!("name: {n}. task")));
    }
    world.faults(
        &json!([{"match": {"service": "arm", "writes": true, "nth": 2}, "fault": {"kind": "forbidden"}}]),
    );
    let ran = world.run("apply -e lab --auto-approve --parallelism 1 --fail-fast").exits(5);
    ran.says(&["Applied (1):", "Failed (1):", "Not attempted (3):"]);
    assert_eq!(world.writes().len(), 2);
}

#[test]
fn a_changed_kind_is_a_replacement_that_is_never_without_either() {
    let world = World::new();
    world.run(APPLY).exits(0);
    world.forget_requests();
    let scheduled = "  kind: scheduled\n  frequency: PT1H\n  period: PT2H\n  trigger: {operator: GreaterThan, threshold: 0}\n";
    world.edit("rules/task.yaml", scheduled, "  kind: nrt\n");
    let plan = world.run("plan -e lab").exits(0);
    plan.says(&[
        "To replace: 1.",
        "-/+ sentinel/law-lab:task  replace",
        "Scheduled → NRT",
        "automation rules and incidents keep the old id",
    ]);
    world.run(APPLY).exits(0).says(&["sentinel/law-lab:task: replaced"]);
    let methods: Vec<String> = world.writes().iter().map(|write| write.method().to_owned()).collect();
    assert_eq!(methods, ["PUT", "DELETE"]);
    assert_eq!(world.names("sentinel"), ["Task created by a person"]);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    // And back again: a third id, because the first one is still held.
    world.edit("rules/task.yaml", "  kind: nrt\n", scheduled);
    world.run(APPLY).exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    // A protected rule is not replaced.
    world.append("rules/task.yaml", "protect: true\n").run(APPLY).exits(0);
    world.edit("rules/task.yaml", scheduled, "  kind: nrt\n");
    world.run(APPLY).exits(3).says(&["it is protected"]);
}

#[test]
fn a_journal_of_another_plan_stops_everything() {
    let world = World::new();
    world.run("plan -e lab --out saved.plan").exits(0);
    let plan: Value = serde_json::from_str(&world.read("saved.plan")).unwrap();
    let name = plan["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let begin = |digest: &str| json!({"at": NOW, "event": "begin", "plan": digest, "environment": "lab", "tenant_id": "t", "tool_version": "0", "changes": 1});
    world.forget_requests();
    for (text, says) in [
        (format!("{}\n", begin("sha256:other")), "belongs to another plan"),
        ("not a journal\n".to_owned(), "is damaged in line 1"),
    ] {
        world.write(&format!(".palisade/journal/{name}.jsonl"), text);
        world.run("apply saved.plan").exits(1).says(&[says, "nothing was changed"]);
        world.wrote_nothing();
    }
    // A folder in its place: what cannot be recorded is not done.
    world.remove(&format!(".palisade/journal/{name}.jsonl"));
    std::fs::create_dir(world.root().join(format!(".palisade/journal/{name}.jsonl"))).unwrap();
    world.run("apply saved.plan").exits(1).says(&["cannot be written; nothing was changed"]);
    world.wrote_nothing();
}

/// `docs/promises.md` names a test for each promise; a test that was renamed must not leave a promise without one.
#[test]
fn every_promise_names_tests_that_are_there() {
    fn collect(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    collect(&project.join("src"), &mut sources);
    collect(&project.join("tests/it"), &mut sources);
    let page = std::fs::read_to_string(project.join("docs/promises.md")).unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Promise")).collect();
    assert!(rows.len() >= 20);
    for row in rows {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let named: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        for name in named.iter().filter(|name| name.contains("::")) {
            let last = name.rsplit("::").next().unwrap();
            let module = last == "risk"
                || last == "guards"
                || last == "audit"
                || last == "machine_tests"
                || last == "tests";
            assert!(module || sources.contains(&format!("fn {last}(")), "{last} is not there: {row}");
        }
        for file in named.iter().filter(|name| name.contains('/') && name.ends_with(".rs")) {
            assert!(project.join(file).is_file(), "{file} is not there: {row}");
        }
    }
}

#[test]
fn validate_since_asks_for_versions_and_for_rules_that_disappeared() {
    let world = World::new();
    git(&world, &["init", "-q"]);
    let history = |entries: &str| format!("changelog:\n{entries}");
    let first = "  - {version: \"1.0\", date: 2026-11-01, message: First.}\n";
    world.append("rules/task.yaml", &history(first));
    let earlier = commit(&world, "first");
    let path = path();
    let with_git = [("PATH", path.as_str())];
    let since = format!("validate --since {earlier}");
    world.run_with(&since, &with_git).exits(0).never_says(&["LIFE-0"]);

    // A comment is no change; a changed rule wants a version.
    let written = world.read("rules/task.yaml");
    world.write("rules/task.yaml", format!("# a comment\n{written}"));
    world.run_with(&since, &with_git).exits(0).never_says(&["LIFE-0"]);
    world.edit("rules/task.yaml", "frequency: PT1H", "frequency: PT30M");
    world.run_with(&since, &with_git).exits(0).says(&["warning[LIFE-01]", "its version is still 1.0"]);
    world.run("validate").exits(0).never_says(&["LIFE-0"]);
    let second = "  - {version: \"1.1\", date: 2026-11-02, message: Twice as often.}\n";
    world.edit("rules/task.yaml", first, &format!("{second}{first}"));
    world.run_with(&since, &with_git).exits(0).never_says(&["LIFE-0"]);
    world.edit("rules/task.yaml", "\"1.1\"", "\"1.4\"");
    world.run_with(&since, &with_git).exits(0).says(&["LIFE-01", "versions are skipped: it was 1.0"]);
    world.edit("rules/task.yaml", "\"1.4\"", "\"0.9\"");
    world.run_with(&since, &with_git).says(&["LIFE-01", "lower than it was"]);

    // In service, and gone.
    world.write("rules/task.yaml", &written);
    world.remove("rules/hunt.yaml");
    world.run_with(&since, &with_git).says(&[
        "warning[LIFE-04]",
        "`hunt` was in production",
        "rules/hunt.yaml",
    ]);
    world.run_with("validate --since no-such-revision", &with_git).exits(1).says(&["no-such-revision"]);
}
