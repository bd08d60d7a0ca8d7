//! What editors and shells get: schemas of files, completions that know the repository, manual pages.

use std::collections::BTreeSet;

use crate::world::World;

const KINDS: [&str; 6] = ["project", "rule", "environment", "allowlist", "watchlist", "cases"];

#[test]
fn the_schemas_beside_the_docs_are_those_that_the_program_prints() {
    let world = World::empty();
    world.run("schema write schemas").exits(0).says(&["Wrote schemas/rule.json"]);
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    for kind in KINDS {
        let printed = world.run(&format!("schema {kind}")).exits(0).stdout;
        assert_eq!(printed, world.read(&format!("schemas/{kind}.json")));
        let kept = std::fs::read_to_string(docs.join(format!("{kind}.json"))).unwrap_or_default();
        assert_eq!(printed, kept, "docs/schema is stale: palisade schema write docs/schema --force");
    }
}

#[test]
fn schemas_that_somebody_changed_are_not_replaced_unasked() {
    let world = World::empty();
    world.run("schema write schemas").exits(0);
    world.run("schema write schemas").exits(0).says(&["Unchanged: schemas/rule.json"]);
    world.write("schemas/rule.json", "{}");
    world.remove("schemas/cases.json");
    world.run("schema write schemas").exits(1).says(&["`schemas/rule.json` says something else", "--force"]);
    assert_eq!(world.read("schemas/rule.json"), "{}");
    assert!(!world.root().join("schemas/cases.json").exists(), "nothing is half done");
    world
        .run("schema write schemas --force")
        .exits(0)
        .says(&["Wrote schemas/rule.json", "Wrote schemas/cases.json"]);
}

/// What a shell shows when the last word of the line is to be completed.
fn completed(world: &World, line: &[&str]) -> BTreeSet<String> {
    let output = world
        .command()
        .env("PALISADE_COMPLETE", "fish")
        .arg("--")
        .arg("palisade")
        .args(line)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // Candidate, a tab, what it is.
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn completions_know_environments_rules_and_codes() {
    let world = World::new();
    world.write("environments/_base/environment.yaml", "owner: x\n");
    world.write("rules/windows/broken.yaml", "id: [");
    world.run("completions bash").exits(0).says(&["PALISADE_COMPLETE"]);
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        world.run(&format!("completions {shell}")).exits(0).says(&["PALISADE_COMPLETE"]);
    }
    assert_eq!(completed(&world, &["plan", "-e", ""]), set(["lab"]));
    assert_eq!(completed(&world, &["diff", "la"]), set(["lab"]));
    assert_eq!(completed(&world, &["render", "h"]), set(["hunt"]));
    // Rules in folders too, and a broken file takes nothing away.
    let rules = completed(&world, &["allowlist", "list", ""]);
    assert!(rules.is_superset(&set(["hunt", "task", "broken"])), "{rules:?}");
    assert_eq!(completed(&world, &["explain", "ALW-06"]), set(["ALW-06"]));
    assert!(completed(&world, &["allo"]).contains("allowlist"));
    // From elsewhere, and where there is no repository at all.
    let (root, nowhere) = (world.root().display().to_string(), tempfile::tempdir().unwrap());
    let other = World::empty();
    assert_eq!(completed(&other, &["-C", &root, "render", "h"]), set(["hunt"]));
    let nowhere = nowhere.path().display().to_string();
    assert_eq!(completed(&other, &["-C", &nowhere, "plan", "--env", "l"]), set([]));
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::empty();
    world.run("man --out pages").exits(0).says(&["pages/palisade.1"]);
    let mut wanted = vec![(palisade::cli::definition(), "palisade".to_owned())];
    let mut seen = 0;
    while let Some((command, name)) = wanted.pop() {
        let page = world.read(&format!("pages/{name}.1"));
        assert!(page.contains(".TH ") && page.contains(".SH SYNOPSIS"), "{name}: {page}");
        let children = command.get_subcommands().filter(|child| !child.is_hide_set());
        wanted.extend(children.map(|child| (child.clone(), format!("{name}-{}", child.get_name()))));
        seen += 1;
    }
    assert!(seen > 40, "{seen} pages");
    world.run("man").exits(0).says(&[".TH palisade 1"]);
}
