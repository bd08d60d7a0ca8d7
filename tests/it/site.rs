//! `coverage` and `docs build`: what is counted, that the site is whole and closed, and that nothing hostile or secret gets
//! into it. What moves in a browser is tested in one: `tests/browser`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::World;

/// Every file below a folder, with its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The values of an attribute in a page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let open = format!(" {attribute}=\"");
    page.split(open.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

fn built(world: &World) -> Vec<(String, String)> {
    world.run("docs build --out site").exits(0).says(&["site/index.html"]);
    files(&world.root().join("site"))
}

#[test]
fn every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere() {
    let world = World::shipped();
    let all = built(&world);
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let pages: Vec<_> = all.iter().filter(|(name, _)| name.ends_with(".html")).collect();
    assert_eq!(pages.len(), 2 + 7, "{names:?}");
    for (name, page) in &pages {
        assert!(page.contains("default-src 'none'"), "{name}");
        for forbidden in
            ["<style", " style=", " onclick=", "<iframe", "<img", "javascript:", "@import", "url("]
        {
            assert!(!page.contains(forbidden), "{name} has {forbidden}");
        }
        assert_eq!(page.matches("<script").count(), 1, "{name}");
        for source in values(page, "src") {
            assert!(!source.contains("://"), "{name}: {source}");
        }
        let folder = Path::new(name).parent().unwrap().to_path_buf();
        for link in values(page, "href") {
            if link.starts_with("http") || link.starts_with("data:,") {
                continue;
            }
            let (path, fragment) =
                link.split_once('#').map_or((link, None), |(path, rest)| (path, Some(rest)));
            let path = path.split('?').next().unwrap();
            let target = match path {
                "" => (*name).clone(),
                path => {
                    let mut target: Vec<String> =
                        folder.iter().map(|p| p.to_string_lossy().into_owned()).collect();
                    for part in path.split('/') {
                        if part == ".." { drop(target.pop()) } else { target.push(part.to_owned()) }
                    }
                    target.join("/")
                }
            };
            assert!(names.contains(target.as_str()), "{name} leads to {target}, which is not there");
            let technique = fragment.is_some_and(|id| id.starts_with('T') || id.contains("/T"));
            if let Some(id) = fragment.filter(|_| !technique) {
                let page = &all.iter().find(|(known, _)| *known == target).unwrap().1;
                assert!(values(page, "id").contains(&id), "{name} leads to {target}#{id}");
            }
        }
    }
    for (name, text) in all.iter().filter(|(name, _)| name.starts_with("assets/")) {
        for forbidden in ["http:", "https:", "@import", "url(", "eval(", "innerHTML", "fetch("] {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn a_rule_shows_its_query_per_environment_and_what_differs() {
    let world = World::shipped();
    let all = built(&world);
    let (_, page) =
        all.iter().find(|(name, _)| name == "rules/scheduled-task-untrusted-binary.html").unwrap();
    for text in [
        "Scheduled task runs an untrusted binary",
        "T1053.005 Scheduled Task",
        "What differs in sandbox (defender) from production (defender)",
        "environments/production/allowlists/unsigned-updaters.yaml#contoso-updater",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let (_, index) = all.iter().find(|(name, _)| name == "index.html").unwrap();
    assert!(index.contains("href=\"#Persistence/T1053.005\""));
    let (_, lists) = all.iter().find(|(name, _)| name == "allowlists.html").unwrap();
    assert!(lists.contains("May 2027") && lists.contains("id=\"due-2027-05-01\""));
}

#[test]
fn hostile_and_sensitive_text_does_no_harm() {
    let world = World::new();
    let name = r#"</title><script>alert(1)</script>"#;
    world.edit("rules/hunt.yaml", "name: Unsigned program from a task", &format!("name: '{name}'"));
    world.append("rules/hunt.yaml", "references: ['javascript:alert(2)', 'https://example.com/a?b=\"c']\n");
    world.write(
        "environments/lab/allowlists/secret.yaml",
        "rules: [hunt]\nsensitive: true\nentries:\n  - id: hidden-tool\n    reason: The tool of the \u{202e}red team.\n    \
         owner: red@example.com\n    created: 2026-11-01\n    expires: 2027-01-01\n    match:\n      \
         SHA1: {equals: deadbeefdeadbeefdeadbeefdeadbeefdeadbeef}\n",
    );
    // The direction mark is refused where it is written, so it cannot even reach the site.
    world
        .run("docs build --out site")
        .exits(1)
        .says(&["error[FMT-08]", "environments/lab/allowlists/secret.yaml:5:29"]);
    world.edit("environments/lab/allowlists/secret.yaml", "\u{202e}", "");
    for (file, text) in built(&world) {
        assert!(!text.contains("<script>alert"), "{file}");
        assert!(!text.contains("href=\"javascript:"), "{file}");
        assert!(!text.contains("deadbeef"), "{file} shows a sensitive value");
        if file == "rules/hunt.html" {
            assert!(text.contains("(sensitive, sha256:"), "{text}");
            assert!(text.contains("&lt;script&gt;alert(1)"));
        }
    }
}

#[test]
fn a_folder_of_other_files_is_left_alone_and_an_earlier_build_is_replaced() {
    let world = World::new();
    std::fs::create_dir(world.root().join("mine")).unwrap();
    world.write("mine/thesis.txt", "years of work");
    world
        .run("docs build --out mine")
        .exits(1)
        .says(&["holds files that no build left there", "an empty or a new folder"]);
    assert_eq!(world.read("mine/thesis.txt"), "years of work");
    world.run("docs build --out palisade.yaml").exits(1).says(&["cannot be read as a folder"]);

    built(&world);
    assert!(world.root().join("site/rules/hunt.html").exists());
    world.remove("rules/hunt.yaml");
    world.write("site/notes.txt", "beside");
    let all = built(&world);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"rules/hunt.html") && names.contains(&"rules/task.html"), "{names:?}");
    assert!(names.contains(&"notes.txt"), "{names:?}");
}

#[test]
fn nothing_is_written_while_a_file_is_wrong() {
    let world = World::new();
    world.edit("rules/hunt.yaml", "DeviceProcessEvents\n", "DeviceProcesEvents | where\n");
    world.run("docs build --out site").exits(1).says(&["rules/hunt.yaml"]);
    assert!(!world.root().join("site").exists());
    world.run("coverage").exits(1).says(&["rules/hunt.yaml"]);
}

#[test]
fn coverage_counts_what_can_raise_an_alert() {
    let world = World::new();
    let techniques = |value: &Value| -> Vec<String> {
        let tactics = value["tactics"].as_array().unwrap().iter();
        tactics
            .flat_map(|tactic| tactic["techniques"].as_array().unwrap().iter())
            .map(|one| format!("{} {}", one["id"].as_str().unwrap(), one["rules"]))
            .collect()
    };
    let files = world.run("coverage -e lab --format json").exits(0).json();
    assert_eq!(techniques(&files), ["T1053.005 [\"hunt\",\"task\"]"]);
    assert_eq!(
        (&files["deployed"], &files["watching"], &files["live"]),
        (&json!(2), &json!(2), &json!(false))
    );

    // Nothing is there yet; then both; then one is switched off by somebody, and by its file.
    assert_eq!(world.run("coverage --live --format json").exits(0).json()["watching"], 0);
    world.run("apply -e lab --auto-approve").exits(0);
    let live = world.run("coverage --live --format json").exits(0).json();
    assert_eq!((&live["watching"], &live["live"]), (&json!(2), &json!(true)));
    world.edit("rules/task.yaml", "severity: high", "severity: high\nenabled: false");
    let off = world.run("coverage --format json").exits(0).json();
    assert_eq!(techniques(&off), ["T1053.005 [\"hunt\"]"]);
    // Only wanted off: until it is applied, the tenant still has it on, but nobody counts on it.
    assert_eq!(world.run("coverage --live --format json").exits(0).json()["watching"], 1);

    let text = world.run("coverage").exits(0);
    text.says(&["lab: 1 of 2 deployed rules are switched on in the files, 1 technique in 1 tactic\n"]);
    world.run("coverage -e nowhere").exits(1).says(&["there is no environment `nowhere`"]);
}

#[test]
fn a_navigator_layer_has_what_the_format_asks_for() {
    let world = World::shipped();
    world.run("coverage --format navigator").exits(1).says(&["one environment", "--out DIR"]);
    world.run("coverage --out layers").exits(0).says(&["2 layers written"]);
    let layer: Value = serde_json::from_str(&world.read("layers/production.json")).unwrap();
    let printed = world.run("coverage -e production --format navigator").exits(0).json();
    assert_eq!(printed, layer);
    // Layer format 4.5: name, versions and domain are required; a technique has an id and a tactic's short name.
    assert_eq!(layer["domain"], "enterprise-attack");
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert_eq!(layer["name"], "production");
    let tactics = ["execution", "persistence", "privilege-escalation", "defense-evasion", "lateral-movement"];
    for one in layer["techniques"].as_array().unwrap() {
        assert!(one["techniqueID"].as_str().unwrap().starts_with('T'), "{one}");
        assert!(tactics.contains(&one["tactic"].as_str().unwrap()), "{one}");
    }
    let scored = |id: &str, tactic: &str| {
        layer["techniques"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["techniqueID"] == id && one["tactic"] == tactic)
            .unwrap()
            .clone()
    };
    assert_eq!(scored("T1053.005", "execution")["score"], 5);
    assert_eq!(scored("T1053", "execution")["showSubtechniques"], true);
}

#[test]
fn health_is_shown_where_the_tenant_was_asked() {
    let world = World::deployed();
    world.run("docs build --out site --live").exits(0);
    let page = world.read("site/rules/hunt.html");
    assert!(page.contains(">in step<"), "{page}");
    world.edit("rules/hunt.yaml", "frequency: PT1H", "frequency: PT3H");
    world.run("docs build --out site --live").exits(0);
    assert!(world.read("site/rules/hunt.html").contains(">change pending<"));
    assert!(world.read("site/index.html").contains("1 change pending"));
    // Without a look, nothing is claimed.
    world.run("docs build --out site").exits(0);
    assert!(world.read("site/index.html").contains("not looked at"));
}
