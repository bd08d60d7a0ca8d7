//! `palisade init`: what it writes works at once, and it never replaces or leaves half of anything. The pipelines are read as their
//! systems read them, and their command lines are run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::workflows::{jobs, root, steps, words, yaml};
use crate::world::{Ran, World};

const SYSTEMS: [&str; 3] = ["github", "azure-devops", "gitlab"];

/// Every file below a folder with its bytes, but for what a run of the program leaves.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, base: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for child in std::fs::read_dir(folder).unwrap() {
            let path = child.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else {
                let name = path.strip_prefix(base).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    if folder.is_dir() {
        walk(folder, folder, &mut found);
    }
    found
}

/// An empty folder beside a world's repository.
struct Fresh {
    world: World,
    path: String,
}

impl Fresh {
    fn new() -> Self {
        let world = World::empty();
        let path = world.beside("new").display().to_string();
        Self { world, path }
    }

    fn init(&self, options: &str) -> Ran {
        self.world.run(&format!("init {} {options}", self.path))
    }

    fn run(&self, arguments: &str) -> Ran {
        self.world.run(&format!("-C {} {arguments}", self.path))
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        Path::new(&self.path).join(path)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.file(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.file(path).parent().unwrap()).unwrap();
        std::fs::write(self.file(path), text).unwrap();
    }

    fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        tree(Path::new(&self.path))
    }
}

#[test]
fn what_is_written_works_at_once() {
    let fresh = Fresh::new();
    let ran = fresh.init("").exits(0).says(&["plan --env sandbox", "apply --env sandbox"]);
    assert_eq!(ran.stdout.lines().count(), fresh.tree().len(), "{ran}");
    fresh.run("fmt --check").exits(0);
    fresh.run("validate --strict").exits(0).never_says(&["warning", "info["]);
    let played = fresh.run("test --format json").exits(0).json();
    let cases = played["cases"].as_array().unwrap();
    assert!(cases.len() >= 8 && cases.iter().all(|case| case["passed"] == true), "{played}");
    fresh.run("allowlist audit --bypass --strict").exits(0);
    fresh.run("plan --env sandbox --detailed-exitcode").exits(2).says(&["2 to create"]);
    fresh.run("apply --env sandbox --auto-approve").exits(0).says(&["Applied 2 of 2 changes."]);
    fresh.run("plan --env sandbox --detailed-exitcode").has_nothing_to_do();
    // What a run leaves is not committed.
    let ignored = fresh.read(".gitignore");
    assert!(ignored.lines().any(|line| line == "/.palisade/"), "{ignored}");
}

/// The example's entry is in force on whatever day somebody begins.
#[test]
fn an_editor_finds_a_schema_for_every_file() {
    let fresh = Fresh::new();
    fresh.init("").exits(0);
    let settings: Value = serde_json::from_str(&fresh.read(".vscode/settings.json")).unwrap();
    let schemas = settings["yaml.schemas"].as_object().unwrap();
    assert_eq!(schemas.len(), 6);
    for (path, globs) in schemas {
        let kind = path.rsplit('/').next().unwrap().trim_end_matches(".json");
        let written = fresh.read(path.strip_prefix("./").unwrap());
        assert_eq!(written, fresh.run(&format!("schema {kind}")).exits(0).stdout, "{path}");
        assert!(!globs.as_array().unwrap().is_empty(), "{path}");
    }
}

#[test]
fn the_example_does_not_age() {
    for now in ["2028-02-29T00:00:00Z", "2031-12-31T23:59:59Z"] {
        let fresh = Fresh::new();
        for arguments in [
            format!("init {}", fresh.path),
            format!("-C {} validate --strict", fresh.path),
            format!("-C {} test", fresh.path),
        ] {
            fresh.world.run_with(&arguments, &[("PALISADE_NOW", now)]).exits(0);
        }
    }
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let fresh = Fresh::new();
    fresh.write("rules/scheduled-task-from-user-folder.yaml", "mine\n");
    fresh.write("tests/scheduled-task-from-user-folder.yaml", "mine too\n");
    fresh.write(".gitignore", "/target\n");
    let before = fresh.tree();
    fresh.init("--ci github").exits(1).says(&[
        "nothing was written",
        "rules/scheduled-task-from-user-folder.yaml",
        "tests/scheduled-task-from-user-folder.yaml",
        "--force",
    ]);
    assert_eq!(fresh.tree(), before);
    // Other tools' files stay even then.
    fresh
        .init("--force")
        .exits(0)
        .says(&["`[folder]/new/.gitignore` is there and stays as it is", "/.palisade/"]);
    assert_eq!(fresh.read(".gitignore"), "/target\n");
    assert!(fresh.read("rules/scheduled-task-from-user-folder.yaml").starts_with("id: "));
    fresh.run("validate").exits(0);
    // Twice is no harm, and says what it would take.
    fresh.init("").exits(1).says(&["is a detection repository already", "--ci"]);
    fresh.init("--ci gitlab").exits(0);
    let before = fresh.tree();
    fresh.init("--ci gitlab").exits(0).says(&["Everything is there already."]);
    assert_eq!(fresh.tree(), before);
}

#[test]
fn nothing_is_left_half_done() {
    let fresh = Fresh::new();
    // A file where a folder must be: found out when half of the files are staged.
    fresh.write("environments", "a file\n");
    let before = fresh.tree();
    fresh.init("--ci github").exits(1).says(&["cannot be written", "nothing was done"]);
    assert_eq!(fresh.tree(), before);
    assert!(!fresh.file("rules").exists() && !fresh.file(".github").exists());
    // A folder where a file must be.
    let fresh = Fresh::new();
    fresh.write("palisade.yaml/x", "");
    fresh.init("").exits(1).says(&["nothing was written", "palisade.yaml"]);
    fresh.init("--force").exits(1).says(&["nothing was written", "palisade.yaml"]);
    assert_eq!(fresh.tree().len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    let fresh = Fresh::new();
    fresh.write("elsewhere/real.yaml", "mine\n");
    std::os::unix::fs::symlink("elsewhere/real.yaml", fresh.file("palisade.yaml")).unwrap();
    // Its target is a file, so this is a repository; its pipelines would name its environments.
    fresh.init("--force").exits(1).says(&["nothing was written", "palisade.yaml"]);
    assert_eq!(fresh.read("elsewhere/real.yaml"), "mine\n");
}

#[test]
fn a_folder_inside_of_a_repository_is_refused() {
    let world = World::new();
    world.run("init rules/sub").exits(1).says(&["lies inside the detection repository"]);
    world.run("init rules/../environments").exits(1).says(&["lies inside the detection repository"]);
    world.run("init palisade.yaml").exits(1).says(&["is not a folder"]);
    assert!(!world.root().join("rules/sub").exists());
}

#[test]
fn a_repository_that_is_there_gets_pipelines_for_its_environments() {
    for system in SYSTEMS {
        let world = World::new();
        let second = world.read("environments/lab/environment.yaml").replace("acme/lab", "acme/on");
        world.write(
            "environments/on/environment.yaml",
            second.replace("law-lab", "law-on").replace("111111111111", "111111111112"),
        );
        let before = tree(&world.root());
        world.run(&format!("init --ci {system} -q")).exits(0);
        let after = tree(&world.root());
        assert!(before.iter().all(|(path, text)| after.get(path) == Some(text)));
        let new: String = after
            .iter()
            .filter(|(path, _)| !before.contains_key(*path))
            .map(|(path, text)| format!("{path}\n{}", String::from_utf8_lossy(text)))
            .collect();
        // `lab` and `on`; the second would be a boolean for many readers.
        assert!(new.contains("\"lab,on\"") || system == "azure-devops", "{new}");
        assert!(new.contains("[\"lab\", \"on\"]") && !new.contains("sandbox"), "{new}");
        assert!(!new.contains("rules/scheduled"), "{new}");
    }
    let world = World::empty();
    world.remove("environments/lab/environment.yaml");
    world.run("init --ci github").exits(1).says(&["has no environment"]);
}

/// Each workflow is this repository's own, but for how the program is installed.
#[test]
fn github_s_are_our_own() {
    let fresh = Fresh::new();
    fresh.init("--ci github").exits(0);
    for name in ["validate", "plan", "apply", "drift"] {
        let path = format!(".github/workflows/{name}.yml");
        let mut ours = yaml(&root().join(&path));
        for job in ours["jobs"].as_object_mut().unwrap().values_mut() {
            for step in job["steps"].as_array_mut().unwrap() {
                if step["uses"] == "./" {
                    *step = json!({"uses": "./.github/actions/palisade"});
                }
            }
        }
        assert_eq!(yaml(&fresh.file(&path)), ours, "{name}");
    }
    let (ours, theirs) =
        (yaml(&root().join("action.yml")), yaml(&fresh.file(".github/actions/palisade/action.yml")));
    let named = |action: &Value| -> BTreeMap<String, Value> {
        let steps = action["runs"]["steps"].as_array().unwrap().iter();
        steps.map(|step| (step["name"].as_str().unwrap().to_owned(), step["run"].clone())).collect()
    };
    let mut expected = named(&ours);
    expected.remove("Build");
    assert_eq!(named(&theirs), expected);
    // A release that nobody filled in stops at the checksum.
    assert_eq!(theirs["inputs"]["version"]["default"], env!("CARGO_PKG_VERSION"));
    assert_eq!(theirs["inputs"]["sha256"]["default"], "REPLACE-ME");
    assert!(theirs["runs"]["steps"][0].get("if").is_none());
}

/// The lines of shell of every step, by where they stand.
fn scripts(fresh: &Fresh, system: &str) -> Vec<(String, String)> {
    fn azure(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    match value.as_str() {
                        Some(text) if matches!(key.as_str(), "bash" | "inlineScript") => {
                            found.push((place.to_owned(), text.to_owned()));
                        }
                        _ => azure(value, &format!("{place}.{key}"), found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| azure(item, place, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match system {
        "github" => {
            for name in ["validate", "plan", "apply", "drift"] {
                let workflow = yaml(&fresh.file(&format!(".github/workflows/{name}.yml")));
                for (job, value) in jobs(&workflow) {
                    let runs = steps(value).into_iter().filter_map(|step| step["run"].as_str());
                    found.extend(runs.map(|run| (format!("{name}.{job}"), run.to_owned())));
                }
            }
        }
        "azure-devops" => {
            for path in ["azure-pipelines.yml", ".azure-pipelines/palisade.yml"] {
                azure(&yaml(&fresh.file(path)), path, &mut found);
            }
        }
        _ => {
            for (name, job) in yaml(&fresh.file(".gitlab-ci.yml")).as_object().unwrap() {
                for part in ["before_script", "script"] {
                    let lines = job.get(part).and_then(Value::as_array).into_iter().flatten();
                    found.extend(lines.map(|line| (name.clone(), line.as_str().unwrap().to_owned())));
                }
            }
        }
    }
    found
}

/// What the pipelines call, they can call: each line runs here, in the order of a pull request, a merge and a night.
#[test]
fn every_command_line_of_every_pipeline_runs() {
    for system in SYSTEMS {
        let fresh = Fresh::new();
        fresh.init(&format!("--ci {system}")).exits(0);
        let all = scripts(&fresh, system);
        let lines: Vec<&str> = all
            .iter()
            .flat_map(|(_, script)| script.lines())
            .map(str::trim)
            .filter(|line| line.starts_with("palisade "))
            .collect();
        let mut called: Vec<String> = lines.iter().map(|line| words(line)[1].clone()).collect();
        called.sort();
        called.dedup();
        assert_eq!(called, ["apply", "drift", "plan", "validate"], "{system}");
        for command in ["validate", "plan", "apply", "drift"] {
            let line = lines.iter().find(|line| words(line)[1] == command).unwrap();
            assert!(palisade::cli::definition().try_get_matches_from(words(line)).is_ok(), "{line}");
            let line = line
                .replace("\"$GITHUB_STEP_SUMMARY\"", "summary.md")
                .replace("\"$PIPELINE_WORKSPACE/palisade-plan/plan.json\"", "plan.json");
            assert!(!line.contains('$'), "{line}");
            let output = fresh
                .world
                .command()
                .current_dir(&fresh.path)
                .args(&words(&line)[1..])
                // As GitLab has it when nobody set the variable: the sandbox needs no identity.
                .envs([
                    ("PALISADE_ENV", "sandbox"),
                    ("CI", "true"),
                    ("AZURE_CLIENT_ID", "$PALISADE_READER_ID"),
                ])
                .output()
                .unwrap();
            assert!(output.status.success(), "{system}: {line}\n{}", String::from_utf8_lossy(&output.stderr));
        }
        fresh.run("plan --env sandbox").has_nothing_to_do();
    }
}

/// No expression pastes foreign text into a shell, and every script is one that the shell can read.
#[test]
fn shells_read_every_script() {
    for system in SYSTEMS {
        let fresh = Fresh::new();
        fresh.init(&format!("--ci {system}")).exits(0);
        for (place, script) in scripts(&fresh, system) {
            assert!(!script.contains("${{"), "{system} {place}: {script}");
            if system == "azure-devops" {
                assert!(!script.contains("$("), "{place}: a macro is pasted: {script}");
            }
            let shell = if system == "gitlab" { "sh" } else { "bash" };
            let path = fresh.file("script");
            std::fs::write(&path, &script).unwrap();
            match Command::new(shell).arg("-n").arg(&path).output() {
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(output.status.success(), "{system} {place}: {said}\n{script}");
                }
                Err(error) => println!("skipped: {shell}: {error}"),
            }
        }
    }
}

#[test]
fn azure_pipelines_applies_only_what_was_approved() {
    let fresh = Fresh::new();
    fresh.init("--ci azure-devops").exits(0);
    let pipeline = yaml(&fresh.file("azure-pipelines.yml"));
    let stages = pipeline["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["validate", "plan", "apply", "drift"]);
    let text = |number: usize| stages[number].to_string();
    // Whoever opens a pull request gets no identity; only the stage behind the environment's checks has the writer.
    assert!(!text(0).contains("AzureCLI") && !text(0).contains("ACCESSTOKEN"));
    for (number, connection) in [(1, "palisade-reader"), (2, "palisade-writer"), (3, "palisade-reader")] {
        assert!(text(number).contains(connection), "{}", text(number));
        assert_eq!(text(number).contains("palisade-writer"), number == 2);
        assert_eq!(text(number).contains("WRITER_ID"), number == 2);
    }
    assert!(stages[2]["condition"].as_str().unwrap().contains("refs/heads/main"));
    assert_eq!(stages[2]["lockBehavior"], "sequential");
    let deployment = &stages[2]["jobs"][0]["${{ each environment in parameters.environments }}"][0];
    assert_eq!(deployment["environment"], "${{ environment }}");
    let steps = deployment["strategy"]["runOnce"]["deploy"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["download"] == "current" && step["artifact"] == "palisade-plan"));
    assert!(steps.iter().any(|step| step["checkout"] == "self"), "a deployment has no files of its own");
    assert_eq!(pipeline["parameters"][0]["default"], json!(["sandbox"]));
    for stage in stages {
        for job in stage["jobs"].as_array().unwrap().iter().filter(|job| job.get("job").is_some()) {
            assert!(job["timeoutInMinutes"].is_u64(), "{job}");
            assert_eq!(job["steps"][0]["template"], ".azure-pipelines/palisade.yml");
        }
    }
}

#[test]
fn gitlab_applies_only_what_was_approved() {
    let fresh = Fresh::new();
    fresh.init("--ci gitlab").exits(0);
    let pipeline = yaml(&fresh.file(".gitlab-ci.yml"));
    let stages: Vec<&str> =
        pipeline["stages"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    for (name, job) in pipeline.as_object().unwrap() {
        if job.get("script").is_none() {
            continue;
        }
        assert!(stages.contains(&job["stage"].as_str().unwrap()), "{name}");
        assert!(job["rules"].as_array().is_some_and(|rules| !rules.is_empty()), "{name} runs always");
        if let Some(base) = job["extends"].as_str() {
            assert!(pipeline.get(base).is_some(), "{name} extends {base}");
        }
        // Whoever has an identity writes no note, and the reverse.
        let has_identity = job.get("id_tokens").is_some() || job["extends"] == ".reader";
        assert_eq!(has_identity, matches!(name.as_str(), "plan" | "apply" | "drift"), "{name}");
        assert_eq!(job.to_string().contains("PALISADE_NOTE_TOKEN"), name == "report", "{name}");
        assert_eq!(job.to_string().contains("WRITER_ID"), name == "apply", "{name}");
    }
    let apply = &pipeline["apply"];
    assert_eq!(apply["environment"]["name"], "$PALISADE_ENV");
    assert_eq!(apply["resource_group"], "palisade-$PALISADE_ENV");
    assert_eq!(apply["rules"][0]["when"], "manual");
    assert!(apply["rules"][0]["if"].as_str().unwrap().contains("$CI_DEFAULT_BRANCH"));
    assert_eq!(pipeline["apply"]["id_tokens"], pipeline[".reader"]["id_tokens"]);
    // What is planned is what the matrix applies.
    assert_eq!(
        apply["parallel"]["matrix"][0]["PALISADE_ENV"],
        json!([pipeline[".reader"]["variables"]["PALISADE_ENV"]])
    );
}
