//! `diff`: what a promotion means, and what is deployed against what should be.

use serde_json::json;

use crate::world::{HUNT, TASK, World, entry, snapshot};

/// `lab`, and `prod` that differs in everything that an environment can change.
fn two() -> World {
    let world = World::new();
    let lab = world.read("environments/lab/environment.yaml");
    let prod = lab
        .replace("acme/lab", "acme/prod")
        .replace("law-lab", "law-prod")
        .replace("11111111-1111", "33333333-1111");
    world.write(
        "environments/prod/environment.yaml",
        format!(
            "{prod}parameters: {{hunt: {{minimum: 5}}}}\noverrides: {{task: {{severity: informational, sentinel: {{frequency: PT2H}}}}}}\n\
             select: {{exclude: [only-lab]}}\n"
        ),
    );
    world.write(
        "rules/only-lab.yaml",
        TASK.replace("id: task", "id: only-lab").replace("Task created", "Lab task"),
    );
    let mine = HUNT
        .replace("id: hunt", "id: only-prod")
        .replace("severity: medium", "severity: medium\nenvironments: [prod]");
    world.write("rules/only-prod.yaml", mine.replace("Unsigned", "Prod unsigned"));
    world.write("rules/same.yaml", TASK.replace("id: task", "id: same").replace("Task created", "Same task"));
    world.allowlist("task", "task", &[entry("scanner", "Computer: {equals: scan1}")]);
    world
}

#[test]
fn a_promotion_shows_what_it_means() {
    let world = two();
    let ran = world.run("diff lab prod --detailed-exitcode").exits(2);
    snapshot!("diff_environments", ran);
    let json = world.run("diff lab prod --format json --rule hunt").exits(0).json();
    assert_eq!((&json["left"], &json["right"], &json["same"]), (&json!("lab"), &json!("prod"), &json!(1)));
    let differences = json["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (&differences[0]["address"], &differences[0]["what"]),
        (&json!("defender:hunt"), &json!("changed"))
    );
    assert_eq!(differences[0]["fields"][0]["path"], "queryCondition.queryText");
    // Same words from the other side, and nothing to say about an environment and itself.
    world.run("diff prod lab").exits(0).says(&["Only in prod\n- defender:only-prod"]);
    world.run("diff -e lab -e prod").exits(0).says(&["~ sentinel:task"]);
    world.run("diff lab lab").exits(1).says(&["two different environments"]);
    world.run("diff lab prdo").exits(1).says(&["did you mean `prod`?"]);
    assert!(world.rules().is_empty(), "nobody was asked");
}

#[test]
fn sensitive_values_are_not_shown() {
    let world = two();
    let list = "environments/lab/allowlists/task.yaml";
    world.write(list, world.read(list).replace("entries:", "sensitive: true\nentries:"));
    world.run("diff lab prod").exits(0).says(&["sensitive, sha256:"]).never_says(&["scan1"]);
    world.run("diff lab prod --format json").exits(0).never_says(&["scan1"]);
}

#[test]
fn what_is_deployed_against_what_should_be() {
    let world = World::deployed();
    world.run("diff --live lab --detailed-exitcode").exits(2).says(&[
        "2 rules are the same",
        "BuiltInFusion",
        "(unmanaged)",
    ]);
    world.portal_edit("Task created by a person", &json!({"severity": "Low"}));
    world.edit("rules/hunt.yaml", "frequency: PT1H", "frequency: PT3H");
    world.write("rules/new.yaml", TASK.replace("id: task", "id: new").replace("Task created", "New task"));
    world.forget_requests();
    let ran = world.run("diff -e lab --live").exits(0);
    snapshot!("diff_live", ran);
    world.wrote_nothing();
    world.run("diff --live").exits(0).says(&["Only in files\n+ sentinel/law-lab:new"]);
}
