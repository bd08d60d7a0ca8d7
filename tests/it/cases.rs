//! Mistakes in cases and in files of events: each with its place, each with the next step.

use crate::world::World;

/// A repository whose rule `task` has these cases.
pub(crate) fn cases(text: &str) -> World {
    let world = World::new();
    world.write("tests/task.yaml", text);
    world
}

/// One case that alerts and one that is silent.
pub(crate) const GOOD: &str = "\
cases:
  - name: a person registers a task
    expect: {alert: {count: 1, columns: {Computer: pc-1}, entities: {Host: pc-1}}}
    events:
      SecurityEvent: [{EventID: 4698, Computer: pc-1, SubjectUserSid: S-1-5-21-1}]
  - name: another event
    expect: silent
    events:
      SecurityEvent: [{EventID: 4699, Computer: pc-1}]
";

#[test]
fn mistakes_have_their_place_and_the_nearest_name() {
    let one =
        |events: &str| format!("cases:\n  - name: one\n    expect: silent\n    events:\n      {events}\n");
    for (text, said) in [
        (one("SecurityEvnt: []"), vec!["error[CASE-10]: unknown table", "tests/task.yaml:5:7", "did you mean `SecurityEvent`?"]),
        (one("SecurityEvent: [{Comptuer: x}]"), vec!["error[CASE-10]: unknown column", "tests/task.yaml:5:24", "did you mean `Computer`?"]),
        (one("SecurityEvent: [{EventID: x}]"), vec!["error[CASE-11]: expected a whole number", "tests/task.yaml:5:33", "column of type int"]),
        (one("SecurityEvent: [{EventID: 99999999999}]"), vec!["a whole number of 32 bits"]),
        (one("SecurityEvent: [{TimeGenerated: noon}]"), vec!["error[CASE-11]: expected a time", "-5m for five minutes before"]),
        (one("SecurityEvent: [{Computer: 5}]"), vec!["expected a string", "quote it"]),
        (one("SecurityEvent: {file: missing.json}"), vec!["error[CASE-03]", "there is no such file below tests/"]),
        (one("SecurityEvent: {file: ../palisade.yaml}"), vec!["error[FILE-03]", "not a path below tests/"]),
        (one("SecurityEvent: {file: /etc/passwd}"), vec!["error[FILE-03]"]),
        (one("SecurityEvent: {file: notes.txt}"), vec!["error[CASE-03]"]),
        (one("SecurityEvent: 5"), vec!["expected a list"]),
        ("cases:\n  - {name: one, expct: silent, events: {}}\n".into(), vec!["error[FMT-01]", "did you mean `expect`?"]),
        ("cases:\n  - {name: one, expect: loud, events: {}}\n".into(), vec!["error[FMT-03]"]),
        ("cases:\n  - {name: one, expect: silent, must_alert: true, events: {}}\n".into(), vec!["error[FMT-05]", "contradicts itself"]),
        ("cases:\n  - {name: one, must_alert: true, environments: [lab], events: {}}\n".into(), vec!["error[FMT-05]"]),
        ("cases:\n  - {name: one, expect: silent, environments: [lba], events: {}}\n".into(), vec!["error[CASE-02]", "did you mean `lab`?"]),
        ("cases:\n  - {name: one, silenced_by: nobody, events: {}}\n".into(), vec!["error[CASE-02]"]),
        ("cases:\n  - {name: one, expect: silent, events: {}}\n  - {name: one, expect: silent, events: {}}\n".into(), vec!["error[FMT-07]"]),
        ("cases: []\n".into(), vec!["error[FMT-04]"]),
    ] {
        let world = cases(&text);
        world.write("tests/notes.txt", "x");
        world.run("validate").exits(1).says(&said);
        world.run("test").exits(1);
    }
    let world = World::new();
    world
        .write("tests/taks.yaml", GOOD)
        .run("validate")
        .exits(1)
        .says(&["error[CASE-01]", "did you mean tests/task.yaml?"]);
}

#[test]
fn a_file_of_a_gigabyte_is_refused_with_the_bound() {
    let world = cases("- {name: one, expect: silent, events: {SecurityEvent: {file: e.ndjson}}}\n");
    let file = std::fs::File::create(world.root().join("tests/e.ndjson")).unwrap();
    file.set_len(1 << 30).unwrap();
    let said = ["error[FILE-04]: the file is too large", "1073741824 bytes; the limit is 16777216"];
    world.run("test").exits(1).says(&said);
    let many = "- {name: one, expect: silent, events: {SecurityEvent: {file: [a.csv, b.csv]}}}\n";
    let world = cases(many);
    let rows = format!("EventID\n{}", "1\n".repeat(15_000));
    world.write("tests/a.csv", &rows).write("tests/b.csv", &rows);
    world.run("test").exits(1).says(&["too many events", "more than 25000 rows"]);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_repository_are_not_followed() {
    for link in ["tests/out", "tests/e.ndjson"] {
        let world = cases("- {name: one, expect: silent, events: {SecurityEvent: {file: out/e.ndjson}}}\n");
        world.edit(
            "tests/task.yaml",
            "out/e.ndjson",
            if link.ends_with("out") { "out/e.ndjson" } else { "e.ndjson" },
        );
        let outside = world.beside("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("e.ndjson"), "{\"EventID\": 4698}\n").unwrap();
        let to = if link.ends_with("out") { outside } else { outside.join("e.ndjson") };
        std::os::unix::fs::symlink(to, world.root().join(link)).unwrap();
        world.run("test").exits(1).says(&["error[FILE-03]", "a link leads out of the repository"]);
    }
}
