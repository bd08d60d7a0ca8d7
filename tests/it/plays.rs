//! Cases played: outcomes, attacks that must alert, ways through allowlists, coverage, recorded rows.

use serde_json::{Value, json};

use crate::cases::{GOOD, cases};
use crate::world::{World, entry};

fn outcomes(world: &World, arguments: &str) -> Vec<Value> {
    let ran = world.run(&format!("test --format json {arguments}"));
    ran.json()["cases"].as_array().unwrap().clone()
}

#[test]
fn cases_are_played_in_every_environment_and_without_allowlist() {
    let world = cases(GOOD);
    let ran = world.run("test").exits(0);
    ran.says(&[
        "task",
        "ok",
        "a person registers a task",
        "lab, without allowlist",
        "4 times: 4 passed, 0 failed",
    ]);
    let all = outcomes(&world, "");
    let names: Vec<_> =
        all.iter().map(|case| (case["environment"].clone(), case["expect"].clone())).collect();
    let lab = json!("lab");
    assert_eq!(
        names,
        [
            (lab.clone(), json!("alert")),
            (lab, json!("silent")),
            (Value::Null, json!("alert")),
            (Value::Null, json!("silent"))
        ]
    );
    assert!(
        all.iter()
            .all(|case| case["passed"] == true && case["rule"] == "task" && case.get("message").is_none())
    );
    world.run("test nothing").exits(1).says(&["`nothing` fits no rule"]);
    world.run("test taks").exits(1).says(&["did you mean `task`?"]);
    world.run("test hunt").exits(1).says(&["these rules have no cases"]);
    world.run("test -e lab task").exits(0);
    World::new().run("test").exits(0).says(&["No rule has cases"]);
}

#[test]
fn a_failure_says_what_was_expected_and_what_came_out() {
    let world = cases(GOOD);
    world.edit("tests/task.yaml", "EventID: 4699", "EventID: 4698");
    let ran = world.run("test").exits(1);
    ran.says(&[
        "FAILED",
        "another event",
        "expected silent: raises an alert: 1 row",
        "+ Computer: pc-1",
        "2 failed",
    ]);
    let junit = world.beside("junit.xml");
    world.try_run(&["test", "--junit-into", junit.to_str().unwrap(), "--format", "junit"]).exits(1);
    let text = std::fs::read_to_string(junit).unwrap();
    assert!(text.contains("<testsuite name=\"task\" tests=\"4\" failures=\"2\">"), "{text}");
    assert!(text.contains("<failure message=\"raises an alert: 1 row\">"), "{text}");
    for (expect, said) in [
        ("{alert: {count: 2}}", "1 row instead of 2"),
        ("{alert: {columns: {Computer: pc-2}}}", "`Computer` is `pc-1`, not `pc-2`"),
        ("{alert: {columns: {Comptuer: pc-1}}}", "the result has no column `Comptuer`"),
        ("{alert: {rows: [{Computer: pc-1, Activity: x}]}}", "an expected row differs in Activity"),
        ("{alert: {entities: [Account]}}", "the rule maps no Account"),
        ("{alert: {entities: {Host: pc-2}}}", "the Host of row 1 is `pc-1`"),
    ] {
        let world = cases(&format!(
            "cases:\n  - name: one\n    expect: {expect}\n    events: {{SecurityEvent: [{{EventID: 4698, Computer: pc-1}}]}}\n"
        ));
        world.run("test").exits(1).says(&[said]);
    }
    let world = cases("cases:\n  - {name: one, expect: alert, events: {SecurityEvent: []}}\n");
    world.run("test").exits(1).says(&["expected alert: raises no alert"]);
}

#[test]
fn events_come_from_files_of_every_form() {
    for (name, text) in [
        ("deep/e.yaml", "- {EventID: 4698, Computer: pc-1}\n"),
        ("e.json", "{\"Results\": [{\"EventID\": 4698, \"Computer\": \"pc-1\"}]}"),
        ("deep/e.ndjson", "{\"EventID\": 4698, \"Computer\": \"pc-1\"}\n\n{\"EventID\": 1}\n"),
        ("e.csv", "EventID,Computer\n4698,pc-1\n1,\"a, b\"\n"),
    ] {
        let world = cases(&format!(
            "- name: one\n  expect: {{alert: {{count: 1, columns: {{Computer: pc-1}}}}}}\n  events: {{SecurityEvent: {{file: {name}}}}}\n"
        ));
        world.write(&format!("tests/{name}"), text).run("test").exits(0).says(&["2 passed"]);
    }
    for (name, text, place) in [
        ("e.json", "[{\"EventID\": 4698,\n  \"Comptuer\": \"x\"}]", "tests/e.json:2:3"),
        ("e.json", "[{\"EventID\": \"4698\"}]", "tests/e.json:1:14"),
        ("e.json", "[{\"EventID\": }]", "tests/e.json:1:14"),
        ("e.ndjson", "{\"EventID\": 1}\n{\"EventID\": true}\n", "tests/e.ndjson:2:13"),
        ("e.csv", "EventID,Computer\nx,pc-1\n", "tests/e.csv:2:1"),
        ("e.csv", "EventID,Computer\n1\n", "tests/e.csv:2:1"),
    ] {
        let world =
            cases(&format!("- {{name: one, expect: silent, events: {{SecurityEvent: {{file: {name}}}}}}}\n"));
        world.write(&format!("tests/{name}"), text).run("test").exits(1).says(&[place]);
    }
}

#[test]
fn queries_that_would_run_away_end_with_a_word() {
    for (query, said) in [
        ("range x from 1 to 1000000000 step 1 | where x < 0", "the query was stopped"),
        (
            "range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 100000 step 1 | extend k = 1) on k",
            "the query was stopped",
        ),
        (
            "print d = repeat(strrep('x', 1000), 1000000) | mv-expand d",
            "the query was stopped: more than 4194304 bytes in one value",
        ),
        (
            "print d = 1 | extend d = pack_array(d) | extend d = repeat(repeat(d, 1000), 100000) | mv-expand d | mv-expand d",
            "the query was stopped",
        ),
    ] {
        let world = cases("- {name: one, must_alert: true, events: {SecurityEvent: []}}\n");
        world.edit(
            "rules/task.yaml",
            "  SecurityEvent\n  | where EventID == 4698\n  // allowlist\n  | project TimeGenerated, Computer, SubjectUserSid, Activity\n",
            &format!("  let everything = toscalar({query} | count);\n  SecurityEvent\n  | where EventID == 4698 and everything > 1\n  // allowlist\n  | project TimeGenerated, Computer\n"),
        );
        world.run("test").exits(1).says(&[said, "rules/task.yaml:10:"]);
        world.run("plan -e lab").exits(1).says(&["error[CASE-21]", said]);
    }
}

const ATTACK: &str = "\
cases:
  - name: the attack
    must_alert: true
    events:
      SecurityEvent: [{EventID: 4698, Computer: pc-1, SubjectUserSid: S-1-5-21-9}]
  - name: known noise
    silenced_by: deployment
    events:
      SecurityEvent: [{EventID: 4698, Computer: pc-1, SubjectUserSid: S-1-5-21-1}]
  - name: another event
    expect: silent
    events:
      SecurityEvent: [{EventID: 1}]
";

#[test]
fn an_attack_that_must_alert_holds_the_environment() {
    let world = World::new();
    world.allowlist("list", "task", &[entry("deployment", "SubjectUserSid: {equals: S-1-5-21-1}")]);
    world.write("tests/task.yaml", ATTACK);
    world.run("test").exits(0).says(&["silenced by environments/lab/allowlists/list.yaml#deployment"]);
    world.run("validate").exits(0);
    world.run("plan -e lab").exits(0);

    // Too broad: the attacker's account begins like the known one.
    world.edit("environments/lab/allowlists/list.yaml", "{equals: S-1-5-21-1}", "{starts_with: S-1-5-21-}");
    world.run("test").exits(1).says(&[
        "FAILED  the attack  lab",
        "raises no alert: silenced by environments/lab/allowlists/list.yaml#deployment",
    ]);
    let said = [
        "error[CASE-20]: an allowlist silences an attack that must alert",
        "tests/task.yaml:2:11",
        "`task` stays silent on this",
        "environments/lab/allowlists/list.yaml:3:9",
        "silenced by this entry",
    ];
    world.run("validate").exits(1).says(&said);
    world.run("plan -e lab").exits(1).says(&said);
    world.run("apply -e lab --auto-approve").exits(1).says(&said);
    world.wrote_nothing();
}

#[test]
fn an_entry_that_silences_an_attack_is_not_written() {
    let world = World::new();
    world.write("tests/task.yaml", &ATTACK[..ATTACK.find("  - name: known noise").unwrap()]);
    let arguments = [
        "allowlist",
        "add",
        "task",
        "-e",
        "lab",
        "-m",
        "Computer=pc-1",
        "--reason",
        "Noise.",
        "--owner",
        "soc@example.com",
        "--ttl",
        "24h",
    ];
    world.try_run(&arguments).exits(1).says(&["error[CASE-20]", "was not changed"]);
}

#[test]
fn not_knowing_counts_as_broken() {
    let world = cases("- {name: the attack, must_alert: true, events: {SecurityEvent: [{EventID: 4698}]}}\n");
    world.edit("rules/task.yaml", "  // allowlist\n", "  | evaluate autocluster()\n  // allowlist\n");
    let ran = world.run("validate").exits(1);
    ran.says(&["error[CASE-21]", "not evaluated: ", "rules/task.yaml:12:"]);
    world.run("plan -e lab").exits(1).says(&["error[CASE-21]"]);
    world.run("test").exits(1).says(&["not evaluated: "]);
    // The same without the promise is only reported by `test`.
    world.edit("tests/task.yaml", "must_alert: true", "expect: alert");
    world.run("plan -e lab").says(&["Plan:"]);

    let world = cases("- {name: the attack, must_alert: true, events: {SecurityEvent: [{EventID: 4699}]}}\n");
    world.run("validate").exits(1).says(&["error[CASE-22]", "allowlist or not"]);
    let world = cases("- {name: the attack, must_alert: true, events: {SecurityEvent: [{EventID: x}]}}\n");
    world.run("plan -e lab").exits(1).says(&["error[CASE-21]", "it has mistakes"]);
}

#[test]
fn a_way_through_an_entry_is_found_and_shown() {
    let world = World::new();
    world.write("rules/hunt.yaml", HUNT);
    world.write("tests/hunt.yaml", HUNT_CASES);
    for (predicates, way) in [
        (
            "FolderPath: {equals: 'C:\\ProgramData\\Backup\\agent.exe'}",
            Some("becomes `C:\\ProgramData\\Backup\\agent.exe`"),
        ),
        ("FolderPath: {starts_with: 'D:\\agent\\'}", Some("becomes `D:\\agent\\evil.exe`")),
        ("FolderPath: {ends_with: '\\agent.exe'}", Some("becomes `C:\\Users\\Public\\agent.exe`")),
        ("FileName: {equals: agent.exe}", Some("FileName: `evil.exe` becomes `agent.exe`")),
        ("ProcessCommandLine: {contains: --update}", Some("ProcessCommandLine gains `--update` at its end")),
        ("FileName: {regex: '^agent-[0-9]+\\.exe$'}", Some("becomes `agent-0.exe`")),
        ("FolderPath: {starts_with: 'C:\\Program Files\\Backup\\'}", None),
        ("SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}", None),
        ("DeviceName: {equals: build-1}", None),
        (
            "FileName: {equals: agent.exe}\n      SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}",
            None,
        ),
    ] {
        world.allowlist("list", "hunt", &[entry("agent", predicates)]);
        let ran = world.run("allowlist audit --bypass");
        match way {
            Some(way) => {
                let ran = ran.exits(1).says(&[
                    "error[CASE-40]",
                    "list.yaml:3:9",
                    "the attack `an unsigned program`",
                ]);
                let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(way), "{way} in {ran}");
                let json = world.run("allowlist audit --bypass --format json").exits(1).json();
                let bypass = &json["bypasses"][0];
                assert_eq!(bypass["entry"], "environments/lab/allowlists/list.yaml#agent");
                assert_eq!(bypass["case"], "an unsigned program");
                let change = &bypass["mutations"][0];
                assert_eq!(
                    bypass["event"][change["column"].as_str().unwrap()],
                    change["after"],
                    "{bypass:#}"
                );
                world.run("allowlist audit --bypass --format sarif").exits(1).says(&["CASE-40"]);
                world.run("allowlist audit --bypass --format markdown").exits(1).says(&["CASE-40"]);
            }
            None => drop(ran.never_says(&["CASE-40"])),
        }
        world.run("allowlist audit").never_says(&["CASE-40"]);
    }
}

const HUNT: &str = r#"id: hunt
name: Program from a task
status: production
severity: medium
description: A task ran a program.
attack:
  - {tactic: Persistence, techniques: [T1053.005]}
query: |
  DeviceProcessEvents
  | where InitiatingProcessCommandLine has "Schedule"
  | where FolderPath !startswith @"C:\Windows\"
  // allowlist
  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1
defender:
  frequency: PT1H
  title: "{{FileName}} from a task"
  entities: {hosts: [{deviceIdColumn: DeviceId}]}
"#;

const HUNT_CASES: &str = "\
- name: an unsigned program
  must_alert: true
  events:
    DeviceProcessEvents:
      - FileName: evil.exe
        FolderPath: C:\\Users\\joe\\evil.exe
        ProcessCommandLine: C:\\Users\\joe\\evil.exe -d
        SHA1: 77aa10b3c4d5e6f708192a3b4c5d6e7f80910a1b
        DeviceName: pc-1
        InitiatingProcessCommandLine: svchost.exe -k netsvcs -s Schedule
- name: a program of Windows
  expect: silent
  events:
    DeviceProcessEvents: [{FolderPath: 'C:\\Windows\\a.exe', InitiatingProcessCommandLine: -s Schedule}]
";

#[test]
fn coverage_shows_conditions_that_no_case_exercised() {
    let world = World::new();
    world.write("rules/hunt.yaml", HUNT).write("tests/hunt.yaml", HUNT_CASES);
    let ran = world.run("test --coverage hunt").exits(0);
    ran.says(&[
        "hunt  2 cases, 1 of 2 conditions both ways",
        "   2 | | where InitiatingProcessCommandLine has \"Schedule\"",
        "     |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ never false (yes 2, no 0)",
        "yes 1, no 1",
    ]);
}

#[test]
fn production_without_cases_gets_a_lint() {
    let world = World::new();
    world.remove("rules/hunt.yaml");
    let text = |world: &World| world.run("validate").exits(0).stdout;
    assert!(text(&world).contains("in production with no case at all"));
    world.write("tests/task.yaml", &GOOD[..GOOD.find("  - name: another").unwrap()]);
    assert!(text(&world).contains("in production with no case that expects silence"));
    world.write("tests/task.yaml", GOOD);
    assert!(!text(&world).contains("CASE-30"));
    world.write("tests/task.yaml", "- {name: a, expect: silent, events: {SecurityEvent: []}}\n");
    assert!(text(&world).contains("in production with no case that expects an alert"));
    world.append("rules/task.yaml", "silence: [{lint: CASE-30, reason: Vendor's rule.}]\n");
    assert!(!text(&world).contains("CASE-30"));
    world.edit("rules/task.yaml", "silence: [{lint: CASE-30, reason: Vendor's rule.}]\n", "");
    world.edit("rules/task.yaml", "status: production", "status: test");
    assert!(!text(&world).contains("CASE-30"));
    world.write("tests/task.yaml", "- {name: a, expect: silent, events: {SigninLogs: [{UserId: x}]}}\n");
    assert!(text(&world).contains("warning[CASE-12]"));
}

#[test]
fn cases_may_stand_in_the_rule_file_and_beside_it() {
    let world = cases("- {name: two, expect: silent, events: {SecurityEvent: []}}\n");
    world.append(
        "rules/task.yaml",
        "tests:\n  - {name: one, expect: alert, events: {SecurityEvent: [{EventID: 4698}]}}\n",
    );
    world.run("test").exits(0).says(&["2 cases of 1 rule", "one", "two"]);
}

#[test]
fn recorded_rows_become_a_case_that_plays() {
    let world = World::new();
    let rows = r#"[{"TimeGenerated": "2026-11-20T10:00:00Z", "EventID": 4698, "Computer": "srv-1.contoso.com", "SubjectUserName": "j.doe",
        "SubjectUserSid": "S-1-5-21-7-8-9-1104", "EventData": "C:\\Users\\j.doe\\a", "Score": 3, "Activity": ""}]"#;
    let tables = r#"{"tables": [{"name": "PrimaryResult", "columns": [{"name": "TimeGenerated", "type": "datetime"}, {"name": "EventID", "type": "int"},
        {"name": "Computer", "type": "string"}], "rows": [["2026-11-20T10:00:00Z", 4698, "srv-1.contoso.com"]]}]}"#;
    for (name, text, options) in [
        ("r.json", rows, ""),
        ("t.json", tables, ""),
        ("r.json", rows, "--redact"),
        ("g.json", &format!("{{\"results\": {rows}}}"), ""),
    ] {
        std::fs::write(world.beside(name), text).unwrap();
        let file = world.beside(name);
        let mut arguments = vec!["record", file.to_str().unwrap(), "--rule", "task", "--name", "seen: once"];
        arguments.extend(options.split_whitespace());
        let ran = world.try_run(&arguments).exits(0);
        world.write("tests/task.yaml", &ran.stdout);
        world.run("test").exits(0).says(&["seen: once", "2 passed"]);
        let redacted = options == "--redact";
        assert_eq!(ran.stdout.contains("j.doe") || ran.stdout.contains("contoso"), !redacted, "{ran}");
        if redacted {
            ran.says(&[
                "host-1.example.com",
                "C:\\Users\\user-1\\a",
                "no such columns: Score",
                "names and addresses were replaced",
            ]);
        }
    }
    for (text, said) in [
        ("{", "it is not JSON"),
        ("[]", "it holds no rows"),
        ("[{\"Score\": 1}]", "no column of the export is one of SecurityEvent"),
    ] {
        std::fs::write(world.beside("x.json"), text).unwrap();
        let file = world.beside("x.json");
        world.try_run(&["record", file.to_str().unwrap(), "--rule", "task"]).exits(1).says(&[said]);
    }
    world.run("record x.json --rule taks").exits(1).says(&["did you mean `task`?"]);
}

#[test]
fn watching_plays_again_after_a_change() {
    use std::io::BufRead as _;
    let world = cases(GOOD);
    let mut child = world
        .command()
        .args(["test", "--watch"])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut until = |text: &str| {
        for line in lines.by_ref() {
            let line = line.unwrap();
            if line.contains(text) {
                return line;
            }
        }
        panic!("it ended before `{text}`");
    };
    until("4 passed, 0 failed");
    until("Watching");
    world.edit("tests/task.yaml", "EventID: 4699", "EventID: 4698");
    until("2 passed, 2 failed");
    child.kill().unwrap();
    child.wait().unwrap();
}
