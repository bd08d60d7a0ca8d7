//! Many tenants: 300 environments of 200 rules each, validated offline and planned against one sandbox that answers late.
//!
//! Rules are the shipped ones again and again, under new names; each environment is a tenant with a workspace and a small
//! allowlist of its own on top of one base: what a provider's repository looks like. Figures are in `docs/performance.md`.
//!
//! ```text
//! cargo bench --bench tenants -- --repository 300 200 DIR        # only write such a repository, to run the program on it
//! cargo bench --bench tenants -- --latency 300 200 50 16         # plan them all, 50 ms for each request, 16 at once
//! cargo test --bench tenants                                     # each once, on few
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let figures: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    match (arguments.first().map(String::as_str), figures.as_slice()) {
        (Some("--repository"), [environments, rules, ..]) => {
            let folder = arguments.last().unwrap();
            write_repository(Path::new(folder), *environments, *rules);
            println!("{environments} environments and {rules} rules in {folder}");
        }
        (Some("--latency"), [environments, rules, milliseconds, parallel, ..]) => {
            latency(*environments, *rules, *milliseconds, *parallel);
        }
        _ => latency(3, 4, 1, 2),
    }
}

/// Plans every environment of a tenant that holds nothing, and of one that holds everything, beside the least time that the
/// requests alone can take.
fn latency(environments: usize, rules: usize, milliseconds: usize, parallel: usize) {
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), environments, rules);
    let run = |arguments: &[&str]| {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed()
    };
    let parallel_text = parallel.to_string();
    let many = ["--all-envs", "--tenant-parallelism", &parallel_text];
    run(&["sandbox", "switch", "arm_limit_scheduled=100000", "arm_limit_nrt=100000"]);
    println!(
        "{environments} environments, {rules} rules, {milliseconds} ms for each request, {parallel} at once:"
    );
    for what in ["nothing deployed", "everything deployed"] {
        if what.starts_with("everything") {
            run(&[&["apply", "--auto-approve", "-q"][..], &many].concat());
        }
        let log = folder.path().join(".palisade/sandbox/requests.ndjson");
        run(&["sandbox", "switch", "latency_ms=0"]);
        let without = run(&[&["plan", "-q"][..], &many].concat());
        run(&["sandbox", "switch", "record_bodies=true"]);
        let _ = fs::remove_file(&log);
        run(&["plan", "-q", "-e", "tenant-000"]);
        let rounds = rounds(&log);
        let _ = fs::remove_file(&log);
        run(&["sandbox", "switch", "record_bodies=false", &format!("latency_ms={milliseconds}")]);
        let with = run(&[&["plan", "-q"][..], &many].concat());
        let ideal = Duration::from_millis((environments * rounds * milliseconds / parallel) as u64);
        println!(
            "{what}: {rounds} rounds a tenant, ideal {:.2} s, plan {:.2} s, ratio {:.2}; without latency {:.2} s",
            ideal.as_secs_f64(),
            with.as_secs_f64(),
            with.as_secs_f64() / ideal.as_secs_f64(),
            without.as_secs_f64()
        );
    }
}

/// How many requests of one tenant have to wait for each other: a token, and then the pages of its longest list.
fn rounds(log: &Path) -> usize {
    let text = fs::read_to_string(log).unwrap();
    let requests: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |service: &str| requests.iter().filter(|request| request["service"] == service).count();
    1 + of("arm").max(of("graph"))
}

/// Writes a repository, which must not exist.
fn write_repository(folder: &Path, environments: usize, rules: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let templates = yaml_files(&root.join("rules"));
    for number in 0..rules {
        let (template, text) = &templates[number % templates.len()];
        put(folder, &format!("rules/{template}-{number:05}.yaml"), &copy_of(text, template, number));
    }
    put(folder, "palisade.yaml", &fs::read_to_string(root.join("palisade.yaml")).unwrap());
    let base = "cloud: sandbox\nprune: owned\ndefender: {}\nguards: {max_coverage_reducing: 1000, max_change_percent: 100}\n";
    put(folder, "environments/_base/environment.yaml", base);
    for number in 0..environments {
        let environment = format!("environments/tenant-{number:03}");
        let own = format!(
            "extends: _base\nowner: acme/tenant-{number:03}\ntenant_id: 00000000-0000-4000-8000-{:012}\nsentinel:\n  \
             subscription: 00000000-0000-4000-9000-{:012}\n  resource_group: rg-soc\n  workspace: law-{number:03}\n",
            number + 1,
            number + 1
        );
        put(folder, &format!("{environment}/environment.yaml"), &own);
        let list = format!(
            "rules: [scheduled-task-untrusted-binary-*]\nentries:\n  - id: own\n    reason: Known and looked at.\n    owner: soc@example.com\n    \
             ticket: SEC-1\n    created: 2026-11-01\n    expires: 2027-05-01\n    match: {{SHA1: {{equals: \"{number:040x}\"}}}}\n"
        );
        put(folder, &format!("{environment}/allowlists/own.yaml"), &list);
    }
}

/// A rule under another id, name and alert title: Defender takes each only once.
fn copy_of(text: &str, id: &str, number: usize) -> String {
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some(("id", _)) => format!("id: {id}-{number:05}\n"),
        Some(("name", name)) => format!("name: {name} {number:05}\n"),
        Some(("  title", title)) => format!("  title: \"{number:05} {}\n", title.trim_start_matches('"')),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Name without extension, and text, of every YAML file below `folder`.
fn yaml_files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
