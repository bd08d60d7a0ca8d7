//! An apply that is stopped or killed, and the same plan again.
//!
//! The sandbox lives in the program's own process, so a fault that ends the process (`die`) is a `kill -9` at an exact
//! point: before a write is carried out, or after it and before anybody heard of it. What the sandbox had accepted is on
//! disk.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::World;

/// The rules of a run: half on each platform.
const RULES: usize = 50;
const SAVE: &str = "plan -e lab --out saved.plan";
const RESUME: &str = "apply saved.plan";

fn sentinel(n: usize) -> String {
    format!(
        "id: task-{n:02}\nname: Task {n:02}\nstatus: production\nseverity: high\ndescription: A task.\nattack:\n  - {{tactic: Persistence, techniques: [T1053.005]}}\n\
         query: |\n  SecurityEvent\n  | where EventID == 4698\n  | project TimeGenerated, Computer\nsentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT2H\n  \
         trigger: {{operator: GreaterThan, threshold: {n}}}\n  entities:\n    - {{type: Host, fields: {{FullName: Computer}}}}\n"
    )
}

fn defender(n: usize) -> String {
    format!(
        "id: hunt-{n:02}\nname: Hunt {n:02}\nstatus: production\nseverity: medium\ndescription: A hunt.\nattack:\n  - {{tactic: Persistence, techniques: [T1053.005]}}\n\
         query: |\n  DeviceProcessEvents\n  | project Timestamp, DeviceId, ReportId, FileName\ndefender:\n  frequency: PT1H\n  title: Hunt {n:02}\n  \
         entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
    )
}

/// A world with `rules` rules to create, half of them on each platform, and the plan saved.
fn planned(rules: usize) -> World {
    let world = World::empty();
    for n in 0..rules / 2 {
        world.write(&format!("rules/task-{n:02}.yaml"), sentinel(n));
        world.write(&format!("rules/hunt-{n:02}.yaml"), defender(n));
    }
    world.run(SAVE).exits(0);
    world
}

/// Exactly the planned set: every name once, and the next plan is empty.
fn is_exactly_as_planned(world: &World, rules: usize) {
    for (platform, name) in [("sentinel", "Task"), ("defender", "Hunt")] {
        let names = world.names(platform);
        let expected: BTreeSet<String> = (0..rules / 2).map(|n| format!("{name} {n:02}")).collect();
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
    }
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

fn die_at(world: &World, nth: u64, accepted: bool) {
    let when = json!({"service": "any", "writes": true, "nth": nth});
    // Writes for tokens are none: `writes` is about rules, and the token endpoint is another service.
    let order = |service: &str| {
        let mut when = when.clone();
        when["service"] = json!(service);
        json!({"match": when, "fault": {"kind": "die", "accepted": accepted}})
    };
    world.faults(&json!([order("arm"), order("graph")]));
}

/// The journal's entries.
fn journal(world: &World) -> Vec<Value> {
    let folder = world.root().join(".palisade/journal");
    let mut files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let text = std::fs::read_to_string(files.next().unwrap()).unwrap();
    assert_eq!(files.next(), None, "one plan has one journal");
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn killed(world: &World, options: &[&str]) -> bool {
    let output = world.command().args(RESUME.split(' ')).args(options).output().unwrap();
    output.status.code().is_none()
}

/// One plan of fifty rules, one write after the other, killed before and after every single one: at each boundary exactly
/// the writes before it are there, and the next run of the same plan goes on from it.
#[test]
#[cfg(unix)]
fn a_run_that_is_killed_at_every_write_ends_as_planned() {
    let world = planned(RULES);
    for write in 1..=RULES {
        for accepted in [false, true] {
            die_at(&world, 1, accepted);
            assert!(killed(&world, &["--parallelism", "1"]), "write {write}, accepted: {accepted}");
            let there = world.names("sentinel").len() + world.names("defender").len();
            assert_eq!(there, if accepted { write } else { write - 1 }, "write {write}");
        }
    }
    world.no_faults().forget_requests();
    world.run(RESUME).exits(0).says(&["An earlier run was cut off while creating"]);
    world.wrote_nothing();
    is_exactly_as_planned(&world, RULES);
    let journal = journal(&world);
    let count = |event: &str| journal.iter().filter(|line| line["event"] == event).count();
    // Nobody lived to write down how a write ended.
    assert_eq!((count("begin"), count("intent"), count("done")), (2 * RULES + 1, 2 * RULES, 0));
}

/// Fresh fifty rules, four writes at once, and one resumed run to the end: for a few boundaries, for every one of each
/// platform when `PALISADE_LONG_TESTS` is set.
#[test]
#[cfg(unix)]
fn a_run_that_is_killed_at_any_one_write_is_resumed() {
    let per_platform = (RULES / 2) as u64;
    let boundaries: Vec<u64> = if std::env::var_os("PALISADE_LONG_TESTS").is_some() {
        (1..=per_platform).collect()
    } else {
        vec![1, 13, per_platform]
    };
    for nth in boundaries {
        for accepted in [false, true] {
            let world = planned(RULES);
            die_at(&world, nth, accepted);
            assert!(killed(&world, &[]), "{nth} {accepted}");
            world.no_faults();
            world.run(RESUME).exits(0).says(&["An earlier run was cut off while creating"]);
            is_exactly_as_planned(&world, RULES);
        }
    }
}

#[test]
#[cfg(unix)]
fn a_signal_finishes_what_is_under_way_and_the_same_plan_goes_on() {
    for name in ["INT", "TERM"] {
        let world = planned(10);
        // The second write takes long enough for the signal to arrive before the run is over.
        world.faults(&json!([{"match": {"service": "graph", "writes": true, "nth": 2}, "fault": {"kind": "delay", "ms": 1500}}]));
        let mut command = world.command();
        command.args(["apply", "saved.plan", "--parallelism", "1", "--report", "report.json"]);
        let (code, stderr) = signalled(command, name, 1);
        assert_eq!(code, Some(5), "{stderr}");
        for text in ["Stopping:", "Applied (", "Failed (0):", "Not attempted (", "Run the same command again"]
        {
            assert!(stderr.contains(text), "{text} in {stderr}");
        }
        let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
        let (applied, open) =
            (report["applied"].as_array().unwrap(), report["not_attempted"].as_array().unwrap());
        assert_eq!((applied.len() + open.len(), report["exit_code"].as_u64()), (10, Some(5)));
        assert!(!applied.is_empty() && !open.is_empty(), "{report:#}");
        assert_eq!(world.names("sentinel").len() + world.names("defender").len(), applied.len());
        world.no_faults();
        world.run(RESUME).exits(0);
        is_exactly_as_planned(&world, 10);
    }
}

#[test]
#[cfg(unix)]
fn a_second_signal_stops_at_once_and_nothing_is_lost_or_doubled() {
    let world = planned(10);
    // The first write is accepted, and its answer never comes. The other one of the two that are under way ends, which
    // is the sign that the first one was sent.
    world.faults(&json!([{"match": {"service": "graph", "writes": true, "nth": 1},
        "fault": {"kind": "silence", "ms": 50_000, "accepted": true}}]));
    let mut command = world.command();
    command.args(["apply", "saved.plan", "--parallelism", "2"]);
    let (code, stderr) = signalled(command, "INT", 2);
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("(interrupted)") && stderr.contains("Stopping at once."), "{stderr}");
    world.no_faults();
    world.run(RESUME).exits(0).says(&["An earlier run was cut off while creating"]);
    is_exactly_as_planned(&world, 10);
}

/// Nobody waits for a quota, or for what `Retry-After` asks, after being told to stop. If somebody did, the second create
/// would be sent, after the wait.
#[test]
#[cfg(unix)]
fn a_signal_ends_the_waiting_for_a_quota() {
    let refused = json!([{"match": {"service": "graph", "writes": true, "from": 2},
        "fault": {"kind": "status", "status": 429, "retry_after": 60}}]);
    let nothing = json!([]);
    let a_minute = [("PALISADE_GRAPH_CREATES_PER_MINUTE", "1")];
    for (name, orders, variables, sign, asked) in [
        ("INT", &nothing, a_minute.as_slice(), "waiting for a turn", 1),
        ("TERM", &nothing, a_minute.as_slice(), "waiting for a turn", 1),
        ("INT", &refused, [].as_slice(), "waiting before another try", 2),
    ] {
        let world = planned(10);
        world.faults(orders).forget_requests();
        let mut command = world.command();
        command.envs(variables.iter().copied());
        command.args(["-v", "apply", "saved.plan", "--parallelism", "1", "--report", "report.json"]);
        let (code, stderr) = signalled_at(command, name, &[sign]);
        assert_eq!(code, Some(5), "{stderr}");
        for text in ["Stopping:", "Applied (1):", "Failed (0):", "Not attempted (9):"] {
            assert!(stderr.contains(text), "{text} in {stderr}");
        }
        assert_eq!(world.writes().len(), asked, "{stderr}");
        let report: Value = serde_json::from_str(&world.read("report.json")).unwrap();
        assert_eq!(report["not_attempted"].as_array().unwrap().len(), 9, "{report:#}");
        // What was given up while it waited stands in the journal as not written.
        let journal = journal(&world);
        let ends = |ending: &str| journal.iter().filter(|line| line["ending"] == ending).count();
        assert_eq!((ends("written"), ends("not_written")), (1, 1));
        world.no_faults();
        world.run(RESUME).exits(0);
        is_exactly_as_planned(&world, 10);
    }
}

/// In the middle of an upload, and between two items of a change: what the list holds then is finished by the next run.
#[test]
#[cfg(unix)]
fn a_signal_in_the_middle_of_a_watchlist_leaves_nothing_that_the_next_run_does_not_finish() {
    let list = |hosts: &str| format!("name: Scanners\nsearch_key: Host\nitems: [{hosts}]\n");
    let interrupted = |world: &World, sign: &str| {
        let mut command = world.command();
        command.args(["-v", "apply", "-e", "lab", "--auto-approve"]);
        let (code, stderr) = signalled_at(command, "INT", &[sign]);
        assert_eq!(code, Some(5), "{stderr}");
        for text in ["Failed (1):\n  sentinel/law-lab:watchlist/scanners", "Run the same command again"] {
            assert!(stderr.contains(text), "{text} in {stderr}");
        }
        stderr
    };
    let finishes = |world: &World, items: usize| {
        world.run("apply -e lab --auto-approve").exits(0);
        assert_eq!(world.document("Scanners")["items"].as_object().unwrap().len(), items);
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    };
    let world = World::empty();
    world.write("environments/lab/watchlists/scanners.yaml", list("a.example.com, b.example.com"));
    world.run("plan -e lab").exits(0);
    world.switch("arm_watchlist_polls", "4");
    let stderr = interrupted(&world, "waiting for the service to go on");
    assert!(stderr.contains("plan again later"), "{stderr}");
    finishes(&world, 2);

    world.write(
        "environments/lab/watchlists/scanners.yaml",
        list("a.example.com, c.example.com, d.example.com"),
    );
    world.faults(&json!([{"match": {"method": "PUT", "path_contains": "/watchlistItems/", "from": 2},
        "fault": {"kind": "status", "status": 429, "retry_after": 60}}]));
    let stderr = interrupted(&world, "waiting before another try");
    assert!(stderr.contains("some items are written"), "{stderr}");
    world.no_faults();
    finishes(&world, 3);
}

/// A run over several environments ends with the one that was under way.
#[test]
#[cfg(unix)]
fn a_signal_keeps_the_next_environment_from_being_begun() {
    let world = planned(4);
    let lab = world.read("environments/lab/environment.yaml");
    let other = lab.replace("acme/lab", "acme/field").replace("law-lab", "law-field");
    world.write("environments/field/environment.yaml", other);
    let mut command = world.command();
    command.env("PALISADE_GRAPH_CREATES_PER_MINUTE", "1");
    command.args(["-v", "apply", "-e", "lab", "-e", "field", "--auto-approve", "--parallelism", "1"]);
    let (code, stderr) = signalled_at(command, "INT", &["waiting for a turn"]);
    assert_eq!(code, Some(5), "{stderr}");
    assert!(stderr.contains("Applied (1):") && stderr.contains("Not begun: field."), "{stderr}");
    assert_eq!((world.names("defender").len(), world.names("sentinel").len()), (1, 0));
}

/// Runs a command and sends a signal when the first rule is created, and another when it says that it stops; exit code,
/// stderr.
#[cfg(unix)]
fn signalled(command: std::process::Command, name: &str, times: usize) -> (Option<i32>, String) {
    signalled_at(command, name, &[": created", "Stopping:"][..times])
}

/// Runs a command and sends a signal at each of these texts, in order; exit code, stderr.
#[cfg(unix)]
fn signalled_at(mut command: std::process::Command, name: &str, signs: &[&str]) -> (Option<i32>, String) {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut stderr = String::new();
    let mut signs = signs.iter().peekable();
    let send = || {
        let status = std::process::Command::new("/bin/kill")
            .args([&format!("-{name}"), &child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    };
    while let Some(Ok(line)) = lines.next() {
        let go = signs.next_if(|sign| line.contains(**sign)).is_some();
        stderr.push_str(&line);
        stderr.push('\n');
        if go {
            send();
        }
    }
    (child.wait().unwrap().code(), stderr)
}
