//! This repository's own pipelines are what others copy: each is read as YAML here and held to the rules by which GitHub reads
//! it, to pinned actions, to no more permissions than it needs, and to command lines that the program takes.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Permissions and their levels.
type Granted = &'static [(&'static str, &'static str)];

/// What each workflow's jobs may do, whole; nothing else may be granted anywhere.
const PERMISSIONS: &[(&str, &str, Granted)] = &[
    ("validate", "", &[("contents", "read")]),
    ("plan", "plan", &[("contents", "read"), ("id-token", "write")]),
    ("plan", "report", &[("contents", "read"), ("pull-requests", "write"), ("security-events", "write")]),
    ("apply", "plan", &[("contents", "read"), ("id-token", "write")]),
    ("apply", "apply", &[("contents", "read"), ("id-token", "write")]),
    ("drift", "drift", &[("contents", "read"), ("id-token", "write")]),
    ("drift", "issue", &[("issues", "write")]),
    ("test", "", &[("contents", "read")]),
    ("release", "build", &[("contents", "read")]),
    ("release", "publish", &[("attestations", "write"), ("contents", "write"), ("id-token", "write")]),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub(crate) fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Name and content of every workflow.
fn workflows() -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = std::fs::read_dir(root().join(".github/workflows"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), yaml(&path)))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not a mapping: {value}"))
}

fn only_keys(place: &str, value: &Value, known: &[&str]) {
    for key in object(value).keys() {
        assert!(known.contains(&key.as_str()), "{place}: GitHub knows no key `{key}`");
    }
}

pub(crate) fn steps(job: &Value) -> Vec<&Value> {
    job["steps"].as_array().unwrap().iter().collect()
}

pub(crate) fn jobs(workflow: &Value) -> Vec<(&String, &Value)> {
    object(&workflow["jobs"]).iter().collect()
}

#[test]
fn the_workflows_are_there_and_github_would_read_them() {
    let all = workflows();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["apply", "drift", "plan", "release", "test", "validate"]);
    for (name, workflow) in &all {
        only_keys(name, workflow, &["name", "on", "permissions", "concurrency", "env", "defaults", "jobs"]);
        assert!(workflow.get("on").is_some(), "{name} has no `on`");
        for (job_name, job) in jobs(workflow) {
            let place = format!("{name}.{job_name}");
            only_keys(
                &place,
                job,
                &[
                    "name",
                    "needs",
                    "if",
                    "runs-on",
                    "timeout-minutes",
                    "permissions",
                    "environment",
                    "concurrency",
                    "strategy",
                    "env",
                    "defaults",
                    "outputs",
                    "steps",
                ],
            );
            assert!(job["runs-on"].is_string(), "{place} runs nowhere");
            assert!(job["timeout-minutes"].is_u64(), "{place} may run for six hours");
            if let Some(need) = job["needs"].as_str() {
                assert!(workflow["jobs"].get(need).is_some(), "{place} needs `{need}`");
            }
            for step in steps(job) {
                only_keys(
                    &place,
                    step,
                    &["name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory"],
                );
                let (uses, run) = (step.get("uses").is_some(), step.get("run").is_some());
                assert!(uses != run, "{place}: a step either uses or runs: {step}");
                assert!(uses || step.get("with").is_none(), "{place}: {step}");
            }
        }
    }
}

#[test]
fn every_action_is_pinned_by_a_commit() {
    let mut pinned = 0;
    for (name, workflow) in workflows() {
        for (_, job) in jobs(&workflow) {
            for uses in steps(job).iter().filter_map(|step| step["uses"].as_str()) {
                if uses == "./" {
                    continue; // this very revision
                }
                let (action, commit) = uses.split_once('@').unwrap_or_else(|| panic!("{name}: {uses}"));
                let is_commit =
                    commit.len() == 40 && commit.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                assert!(is_commit, "{name}: {action} is pinned by `{commit}`");
                pinned += 1;
            }
        }
        // A person reads the version in a comment beside.
        let text = std::fs::read_to_string(root().join(format!(".github/workflows/{name}.yml"))).unwrap();
        for line in text.lines().filter(|line| line.contains("uses: ") && line.contains('@')) {
            assert!(line.contains(" # v"), "{name}: {line}");
        }
    }
    assert!(pinned > 10, "{pinned}");
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    assert!(!action.contains("uses:"), "the action itself depends on no other");
}

#[test]
fn no_job_may_do_more_than_it_must() {
    for (name, workflow) in workflows() {
        let top =
            workflow.get("permissions").unwrap_or_else(|| panic!("{name} has what the repository grants"));
        let granted = |value: &Value| -> Vec<(String, String)> {
            let mut all: Vec<_> =
                object(value).iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
            all.sort();
            all
        };
        let of = |job: &str| {
            let found = PERMISSIONS.iter().find(|(w, j, _)| *w == name && *j == job);
            found.map(|(_, _, p)| {
                p.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
            })
        };
        assert_eq!(granted(top), of("").unwrap_or_default(), "{name}");
        for (job, value) in jobs(&workflow) {
            if let Some(own) = value.get("permissions") {
                assert_eq!(Some(granted(own)), of(job), "{name}.{job}");
            } else {
                assert_eq!(of(job), None, "{name}.{job}");
            }
            // Whoever has an identity writes nothing to the code host, and the reverse; releases sign what they publish.
            if let (Some(own), true) = (value.get("permissions"), name != "release") {
                let writes: Vec<&String> =
                    object(own).iter().filter(|(_, v)| *v == "write").map(|(k, _)| k).collect();
                assert!(
                    !writes.iter().any(|k| *k == "id-token") || writes.len() == 1,
                    "{name}.{job}: {writes:?}"
                );
            }
            for step in steps(value)
                .iter()
                .filter(|step| step["uses"].as_str().is_some_and(|u| u.starts_with("actions/checkout@")))
            {
                assert_eq!(
                    step["with"]["persist-credentials"], false,
                    "{name}.{job} leaves the token in .git"
                );
            }
        }
    }
}

/// The words of a line of shell that calls the program; quotes hold nothing with blanks here.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

#[test]
fn every_command_line_is_one_that_the_program_takes() {
    let mut seen = Vec::new();
    for (name, workflow) in workflows() {
        for (job, value) in jobs(&workflow) {
            for run in steps(value).iter().filter_map(|step| step["run"].as_str()) {
                // An expression would paste foreign text into a shell.
                assert!(!run.contains("${{"), "{name}.{job}: {run}");
                let built = run.replace("\"archive/$binary\" ", "palisade ");
                for line in built.lines().map(str::trim).filter(|line| line.starts_with("palisade ")) {
                    let line = line.split(" > ").next().unwrap();
                    let parsed = palisade::cli::definition().try_get_matches_from(words(line));
                    assert!(parsed.is_ok(), "{name}.{job}: {line}\n{}", parsed.unwrap_err());
                    seen.push(words(line)[1].clone());
                }
            }
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["apply", "completions", "drift", "man", "plan", "validate"]);
}

#[test]
fn applies_wait_for_each_other_and_are_approved() {
    let (_, apply) = workflows().into_iter().find(|(name, _)| name == "apply").unwrap();
    let job = &apply["jobs"]["apply"];
    assert_eq!(job["environment"], "${{ matrix.environment }}");
    assert_eq!(job["concurrency"]["group"], "palisade-${{ matrix.environment }}");
    assert_eq!(job["concurrency"]["cancel-in-progress"], false);
    assert_eq!(apply["on"]["push"]["branches"], serde_json::json!(["main"]));
    let runs: Vec<&str> = steps(job).iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(runs.iter().any(|run| run.contains("--expect-digest plan.json")), "{runs:?}");
    // What is approved for one environment is what the matrix applies to it.
    let planned: Vec<&str> =
        apply["jobs"]["plan"]["env"]["PALISADE_ENV"].as_str().unwrap().split(',').collect();
    assert_eq!(job["strategy"]["matrix"]["environment"], serde_json::json!(planned));
    let (_, plan) = workflows().into_iter().find(|(name, _)| name == "plan").unwrap();
    assert_eq!(
        plan["jobs"]["plan"]["if"],
        "github.event.pull_request.head.repo.full_name == github.repository"
    );
}

#[test]
fn the_hook_and_the_action_are_readable() {
    let hooks = yaml(&root().join(".pre-commit-hooks.yaml"));
    for hook in hooks.as_array().unwrap() {
        let entry = words(hook["entry"].as_str().unwrap());
        assert!(palisade::cli::definition().try_get_matches_from(entry).is_ok(), "{hook}");
    }
    let action = yaml(&root().join("action.yml"));
    assert_eq!(action["runs"]["using"], "composite");
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert_eq!(step["shell"], "bash");
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
    }
}

/// What is compiled in from outside of `src` is there when the crate is built from its package or in the container.
#[test]
fn everything_that_is_compiled_in_is_packed() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for child in std::fs::read_dir(folder).unwrap() {
            let path = child.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let excluded = manifest.lines().find(|line| line.starts_with("exclude = ")).unwrap();
    let (mut sources, mut seen) = (Vec::new(), 0);
    files(&root().join("src"), &mut sources);
    let is_test = |path: &PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        stem.ends_with("tests") || matches!(stem.as_str(), "testing" | "cases")
    };
    for source in sources.into_iter().filter(|path| !is_test(path)) {
        let text = std::fs::read_to_string(&source).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for named in code.split("include_str!(\"").skip(1).chain(code.split("include_bytes!(\"").skip(1)) {
            let path =
                source.parent().unwrap().join(named.split('"').next().unwrap()).canonicalize().unwrap();
            let path = path.strip_prefix(root().canonicalize().unwrap()).unwrap().to_path_buf();
            let top = path.iter().next().unwrap().to_string_lossy().into_owned();
            // What lies in `tests` is compiled in for tests only: modules that are not there otherwise.
            if matches!(top.as_str(), "src" | "tests") {
                continue;
            }
            seen += 1;
            assert!(
                dockerfile.contains(&format!("\nCOPY {top} ")),
                "the container has no {}",
                path.display()
            );
            assert!(!excluded.contains(&format!("/{top}\"")), "the package has no {}", path.display());
            assert!(
                !ignored.lines().any(|line| line == format!("/{top}")),
                "the container has no {}",
                path.display()
            );
        }
    }
    assert!(seen >= 5, "{seen}");
}
