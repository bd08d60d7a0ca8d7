//! `plan --changed-since REVISION`: only rules that compile differently, and for each changed allowlist entry its rules.

use serde_json::{Value, json};

use crate::governance::{commit, git, path};
use crate::world::{Ran, World, entry, snapshot};

const SHARED: &str = "environments/_shared/allowlists/scanners.yaml";
const SHA: &str = "SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}";

/// Two environments that take one shared list, a list of one of them, and a commit of it all.
fn world() -> World {
    let world = World::new();
    world.append("environments/lab/environment.yaml", "allowlists: [_shared/scanners]\n");
    let other =
        world.read("environments/lab/environment.yaml").replace("acme/lab", "acme/other") + "shares: [lab]\n";
    let other = other.replace("law-lab", "law-other").replace("allowlists: [_shared/scanners]\n", "");
    world.write("environments/other/environment.yaml", other);
    world.write(SHARED, format!("rules: [hunt]\nentries:\n{}", entry("scanner", SHA)));
    world.allowlist("own", "task", &[entry("mine", "Computer: {equals: pc1.example.com}")]);
    git(&world, &["init", "-q"]);
    commit(&world, "first");
    world
}

fn run(world: &World, arguments: &str) -> Ran {
    world.run_with(arguments, &[("PATH", &path())])
}

fn addresses(plan: &Value) -> Vec<&str> {
    plan["changes"].as_array().unwrap().iter().map(|change| change["address"].as_str().unwrap()).collect()
}

#[test]
fn nothing_changed_plans_nothing() {
    let world = world();
    // Nothing is deployed, and yet: no rule changed.
    run(&world, "plan -e lab --changed-since HEAD")
        .exits(0)
        .says(&["No changes.", "Only what changed since HEAD was considered."]);
    world.edit(SHARED, "rules:", "# A comment above everything.\nrules:");
    world.edit("rules/hunt.yaml", "description:", "# Why.\ndescription:");
    let plan = run(&world, "plan -e lab --changed-since HEAD --format json").exits(0).json();
    assert_eq!((addresses(&plan), plan.get("changed_entries")), (vec![], None));
    assert_eq!(plan["changed_since"], "HEAD");
    run(&world, "apply -e lab --changed-since HEAD --auto-approve").exits(0);
    world.wrote_nothing();
}

#[test]
fn each_way_to_change_a_rule_is_found() {
    for (file, from, to, expected) in [
        ("rules/task.yaml", "severity: high", "severity: low", "sentinel/law-lab:task"),
        (SHARED, "9b1f", "9b1e", "defender:hunt"),
        ("environments/lab/allowlists/own.yaml", "2027-05-01", "2027-04-01", "sentinel/law-lab:task"),
        (
            "environments/lab/environment.yaml",
            "prune: owned",
            "prune: owned\nparameters: {hunt: {minimum: 5}}",
            "defender:hunt",
        ),
        (
            "environments/lab/environment.yaml",
            "prune: owned",
            "prune: owned\noverrides: {task: {severity: low}}",
            "sentinel/law-lab:task",
        ),
        (
            "environments/lab/environment.yaml",
            "prune: owned",
            "prune: owned\nlifecycle: {production: disabled}",
            "defender:hunt sentinel/law-lab:task",
        ),
    ] {
        let world = world();
        world.edit(file, from, to);
        let plan = run(&world, "plan -e lab --changed-since HEAD --format json").exits(0).json();
        assert_eq!(addresses(&plan).join(" "), expected, "{file}: {to}");
    }
}

#[test]
fn changed_entries_are_listed_with_their_rules() {
    let world = world();
    run(&world, "apply -e lab --auto-approve").exits(0);
    world.edit(SHARED, "rules: [hunt]", "rules: [any]");
    world.edit("environments/lab/allowlists/own.yaml", "id: mine", "id: yours");
    let ran = run(&world, "plan -e lab --changed-since HEAD").exits(1);
    ran.says(&["ALW-05"]);
    world.edit(SHARED, "rules: [any]", "rules: [hunt]").edit(SHARED, "9b1f", "9b1e");
    snapshot!("changed_since", run(&world, "plan -e lab --changed-since HEAD").exits(0));
    let plan = run(&world, "plan -e lab --changed-since HEAD --format json").exits(0).json();
    assert_eq!(
        plan["changed_entries"],
        json!([
            {"entry": format!("{SHARED}#scanner"), "change": "changed", "rules": ["defender:hunt"]},
            {"entry": "environments/lab/allowlists/own.yaml#mine", "change": "removed", "rules": ["sentinel/law-lab:task"]},
            {"entry": "environments/lab/allowlists/own.yaml#yours", "change": "added", "rules": ["sentinel/law-lab:task"]},
        ])
    );
    // Without a revision, what is deployed is the other side; what went away has no name there.
    let plan = run(&world, "plan -e lab --format json").exits(0).json();
    assert_eq!(
        plan["changed_entries"],
        json!([{"entry": format!("{SHARED}#scanner"), "change": "written", "rules": ["defender:hunt"]}])
    );
}

#[test]
fn a_shared_list_plans_every_environment_that_takes_it_and_no_other() {
    let world = world();
    world.edit(SHARED, "9b1f", "9b1e");
    let ran = run(&world, "plan --all-envs --changed-since HEAD").exits(0);
    ran.says(&["lab  tenant", "Not changed since HEAD: other."]).never_says(&["other  tenant"]);
    git(&world, &["checkout", "-q", "--", "."]);
    let plans = run(&world, "plan --all-envs --changed-since HEAD --format json").exits(0).json();
    assert_eq!(plans, json!({"plans": []}));
    run(&world, "plan --all-envs --changed-since nowhere").exits(1).says(&["there is no revision `nowhere`"]);
}

#[test]
fn a_rule_that_went_away_is_deleted_and_a_new_environment_is_planned_whole() {
    let world = world();
    run(&world, "apply -e lab --auto-approve").exits(0);
    world.remove("rules/hunt.yaml").remove(SHARED);
    world.edit("environments/lab/environment.yaml", "allowlists: [_shared/scanners]\n", "");
    world.write(
        "environments/new/environment.yaml",
        world.read("environments/lab/environment.yaml").replace("acme/lab", "acme/new")
            + "shares: [lab, other]\n",
    );
    let plan = run(&world, "plan -e lab --changed-since HEAD --format json").exits(0).json();
    assert_eq!(addresses(&plan), ["defender:hunt"]);
    assert_eq!(plan["changes"][0]["actions"], json!(["delete"]));
    assert_eq!(plan["changed_entries"][0]["change"], "removed");
    let plan = run(&world, "plan -e new --changed-since HEAD --format json").exits(0).json();
    assert_eq!(addresses(&plan), ["sentinel/law-lab:task"]);
}
