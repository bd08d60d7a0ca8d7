//! A repository in a fresh folder, loaded: what is found, what is refused, what is said.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Limits, find_root, load, load_within};
use crate::diagnostic::Diagnostics;
use crate::model::Repository;
use crate::source::SourceMap;

const RULE: &str = "status: test\nseverity: low\nquery: T\nsentinel: {kind: nrt}\n";

fn repository(files: &[(&str, String)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "palisade.yaml", "owner: acme\n");
    for (path, text) in files {
        write(root.path(), path, text);
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn rule(id: &str) -> String {
    format!("id: {id}\nname: Rule {id}\n{RULE}")
}

fn environment(owner: &str, more: &str) -> String {
    // A tenant each: environments that meet in one are another test's subject.
    static TENANTS: AtomicU32 = AtomicU32::new(1);
    let tenant = TENANTS.fetch_add(1, Ordering::Relaxed);
    format!(
        "owner: {owner}\ntenant_id: 00000000-0000-0000-0000-{tenant:012}\nprune: never\ndefender: {{}}\n{more}"
    )
}

fn allowlist(rules: &str) -> String {
    format!(
        "rules: {rules}\nentries: [{{id: a, reason: r, owner: o, expires: 2027-01-01, match: {{A: {{equals: a}}}}}}]\n"
    )
}

/// `path:line:column CODE label-or-summary | help`, one per finding.
fn lines(repository: &Repository, found: &Diagnostics) -> Vec<String> {
    lines_of(&repository.sources, found)
}

fn lines_of(sources: &SourceMap, found: &Diagnostics) -> Vec<String> {
    let one = |d: &crate::diagnostic::Diagnostic| {
        let place = d.span.map_or_else(String::new, |span| sources.display(span));
        let text = d.label.as_ref().unwrap_or(&d.summary);
        let help = d.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{place} {} {text}{help}", d.code)
    };
    found.iter().map(one).collect()
}

fn check(files: &[(&str, String)], expected: &[&str]) -> Repository {
    let root = repository(files);
    let (loaded, found) = load(root.path());
    assert_eq!(lines(&loaded, &found), expected);
    loaded
}

#[test]
fn a_whole_repository() {
    let files = [
        ("rules/windows/b.yaml", rule("b").replace("query: T\n", "")),
        ("rules/windows/b.kql", "DeviceEvents\r\n| take 1\r\n".to_owned()),
        ("rules/a.yml", rule("a")),
        ("rules/README.md", "not a rule".to_owned()),
        ("rules/.hidden/x.yaml", "broken: [".to_owned()),
        (
            "environments/_base/environment.yaml",
            "ring: broad\nguards: {max_deletes: 1}\nprune: owned\n".to_owned(),
        ),
        (
            "environments/prod/environment.yaml",
            environment("acme/prod", "extends: _base\nring: early\nallowlists: [_shared/net/scanners]\n"),
        ),
        ("environments/lab/environment.yaml", environment("acme/lab", "")),
        ("environments/prod/allowlists/deep/one.yaml", allowlist("[a]")),
        ("environments/_shared/allowlists/net/scanners.yaml", allowlist("any")),
    ];
    let loaded = check(&files, &[]);
    assert_eq!(loaded.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(loaded.project.owner.unwrap().value, "acme");
    let query = loaded.rules[1].query.as_ref().unwrap();
    assert_eq!(query.text.value, "DeviceEvents\n| take 1\n");
    let take = query.text.locate(query.span, 15, 19);
    assert_eq!(
        (loaded.sources.slice(take), loaded.sources.display(take)),
        ("take", "rules/windows/b.kql:2:3".into())
    );
    let names: Vec<&str> = loaded.environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["lab", "prod"]);
    let prod = &loaded.environments[1];
    assert_eq!(prod.ring.as_ref().unwrap().value, crate::model::environment::Ring::Early);
    assert_eq!((prod.guards.max_deletes, prod.guards.max_coverage_reducing), (1, 10));
    assert_eq!(prod.prune.value, crate::model::environment::Prune::Never);
    let lists: Vec<&str> = loaded.allowlists.iter().map(|list| list.name.as_str()).collect();
    assert_eq!(lists, ["_shared/net/scanners", "deep/one"]);
}

#[test]
fn without_a_project() {
    let root = tempfile::tempdir().unwrap();
    let (_, found) = load(root.path());
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["FILE-01"]);
    assert!(found.iter().all(|d| d.help.as_ref().unwrap().contains("palisade init")));
    let (_, found) = load(&root.path().join("nowhere"));
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["FILE-01"]);
    assert_eq!(find_root(root.path()), None);
    write(root.path(), "palisade.yaml", "owner: a\n");
    fs::create_dir_all(root.path().join("rules/deep")).unwrap();
    assert_eq!(find_root(&root.path().join("rules/deep")).unwrap(), root.path());
}

#[test]
fn ids_and_names() {
    check(
        &[
            ("rules/a.yaml", rule("a").replace("status", "previous_ids: [c, old]\nstatus")),
            ("rules/x/a.yaml", rule("a").replace("Rule a", "Other")),
            ("rules/b.yaml", rule("bb")),
            ("rules/c.yaml", rule("c").replace("Rule c", "rule BB")),
            ("rules/d.yaml", rule("d").replace("status", "previous_ids: [old, d]\nstatus")),
        ],
        &[
            "rules/a.yaml:3:16 RULE-01 another rule has this id | remove it from `previous_ids` of one of the two",
            "rules/b.yaml:1:5 RULE-01 the file is called `b` | rename the file to bb.yaml, or change the id",
            "rules/c.yaml:2:7 RULE-02 another rule has this name",
            "rules/d.yaml:3:16 RULE-01 another rule has this id | remove it from `previous_ids` of one of the two",
            "rules/d.yaml:3:21 RULE-01 this is its id now | remove it from `previous_ids` of one of the two",
            "rules/x/a.yaml:1:5 RULE-01 used by another rule | an id is for ever: give the newer rule another one",
        ],
    );
}

#[test]
fn names_that_lead_nowhere() {
    check(
        &[
            (
                "rules/task.yaml",
                rule("task").replace("status", "previous_ids: [old-task]\ntags: [windows]\nstatus"),
            ),
            ("rules/broken.yaml", "id: [".to_owned()),
            (
                "environments/prod/environment.yaml",
                environment(
                    "acme/prod",
                    "overrides: {taks: {severity: high}}\nparameters: {old-task: {x: 1}, broken: {y: 2}}\nselect: {rules: [linux-*, task], tags: [window]}\nallowlists: [scanners, _shared/scaners]\n",
                ),
            ),
            ("environments/copy/environment.yaml", environment("acme/prod", "extends: _bsae\n")),
            ("environments/also/environment.yaml", environment("ACME/prod", "")),
            ("environments/empty/allowlists/a.yaml", allowlist("[tusk, win*, any]")),
            ("environments/_base/environment.yaml", "extends: _base\n".to_owned()),
            ("environments/_shared/allowlists/scanners.yaml", allowlist("[task]")),
        ],
        &[
            "environments/_base/environment.yaml:1:10 REPO-03 there is one level only | remove the key, and write the settings here",
            "environments/copy/environment.yaml:5:10 REPO-03 there is no environments/_bsae/environment.yaml | did you mean `_base`?",
            "environments/empty:1:1 FILE-05 an environment without an environment.yaml | write environments/empty/environment.yaml, or start the folder's name with `_` if it is not an environment",
            "environments/empty/allowlists/a.yaml:1:9 LIST-02 there is no such file below rules/ | did you mean `task`?",
            "environments/empty/allowlists/a.yaml:1:15 LIST-02 this matches no rule",
            "environments/prod/environment.yaml:1:8 REPO-01 `also` has it too | each environment needs an owner id of its own: with one id, each deletes the other's rules",
            "environments/prod/environment.yaml:5:13 REPO-02 there is no such file below rules/ | did you mean `task`?",
            "environments/prod/environment.yaml:6:14 REPO-02 there is no such file below rules/ | the rule is called `task` now",
            "environments/prod/environment.yaml:7:18 REPO-02 this matches no rule",
            "environments/prod/environment.yaml:7:41 REPO-02 this selects nothing | did you mean `windows`?",
            "environments/prod/environment.yaml:8:14 REPO-02 no such file below environments/_shared/allowlists/ | did you mean `_shared/scanners`?",
            "environments/prod/environment.yaml:8:24 REPO-02 no such file below environments/_shared/allowlists/ | did you mean `_shared/scanners`?",
            "rules/broken.yaml:1:5 YAML-01 unclosed bracket '[' | close the bracket, or quote the value if the bracket belongs to a text",
        ],
    );
}

#[test]
fn queries_beside_rules() {
    check(
        &[
            ("rules/a.yaml", rule("a")),
            ("rules/a.kql", "T\n".to_owned()),
            ("rules/b.yaml", rule("b").replace("query: T\n", "")),
            ("rules/b.kql", " \n".to_owned()),
            ("rules/stray.kql", "T\n".to_owned()),
        ],
        &[
            "rules/a.yaml:5:8 RULE-03 one is written here | keep one of them",
            "rules/b.kql:1:1 FMT-06 the query is empty",
            "rules/b.yaml:1:1 RULE-03 a rule needs `query` | write it here, or into a file of the same name with the extension .kql",
            "rules/stray.kql:1:1 FILE-05 a query without a rule | write stray.yaml beside it, or remove it",
        ],
    );
}

#[test]
fn limits() {
    let root =
        repository(&[("rules/a.yaml", rule("a")), ("rules/b.yaml", rule("b")), ("rules/c.yaml", rule("c"))]);
    let small = |limits| {
        let (loaded, found) = load_within(root.path(), limits);
        lines(&loaded, &found)
    };
    let default = Limits::default();
    assert_eq!(small(default), Vec::<String>::new());
    assert_eq!(small(Limits { file_bytes: 50, ..default }).len(), 3);
    let stopped = ["rules/b.yaml:1:1 FILE-04 the repository is too large"];
    assert_eq!(small(Limits { files: 2, ..default }), stopped);
    assert_eq!(small(Limits { total_bytes: 100, ..default }), stopped);
}

#[test]
fn a_huge_file_is_not_read() {
    let root = repository(&[("rules/a.yaml", String::new())]);
    fs::File::create(root.path().join("rules/a.yaml")).unwrap().set_len(100 << 20).unwrap();
    let (loaded, found) = load(root.path());
    assert_eq!(
        lines(&loaded, &found),
        ["rules/a.yaml:1:1 FILE-04 the file is too large | split the file, or move it out of the repository"]
    );
    assert!(found.iter().next().unwrap().detail.as_ref().unwrap().contains("104857600"));
    assert!(loaded.sources.files().iter().all(|file| file.text.len() < 100));
}

#[test]
fn bytes_that_are_not_text() {
    let root = repository(&[]);
    fs::create_dir(root.path().join("rules")).unwrap();
    fs::write(root.path().join("rules/a.yaml"), b"id: a\nname: \xff\xfe\n").unwrap();
    let (loaded, found) = load(root.path());
    assert_eq!(
        lines(&loaded, &found),
        ["rules/a.yaml:2:7 YAML-05 the first bytes that are not UTF-8 | save the file as UTF-8"]
    );
}

#[cfg(unix)]
#[test]
fn links_and_pipes() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.yaml", &rule("secret"));
    let root = repository(&[
        ("rules/a.yaml", rule("a")),
        ("other/b.yaml", rule("b")),
        ("rules/locked.yaml", rule("locked")),
    ]);
    let at = |path: &str| root.path().join(path);
    symlink(outside.path().join("secret.yaml"), at("rules/file.yaml")).unwrap();
    symlink(outside.path(), at("rules/folder")).unwrap();
    symlink("nowhere", at("rules/gone.yaml")).unwrap();
    // Inside the root: followed; a loop is walked once.
    symlink(at("other/b.yaml"), at("rules/b.yaml")).unwrap();
    symlink(at("rules"), at("rules/loop")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("rules/pipe.yaml")).status();
    fs::set_permissions(at("rules/locked.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    let root_may_read_anything = fs::File::open(at("rules/locked.yaml")).is_ok();

    let (loaded, found) = load(root.path());
    let mut expected = vec![
        "rules/file.yaml:1:1 FILE-03 a link leads out of the repository | copy the file into the repository",
        "rules/folder:1:1 FILE-03 a link leads out of the repository | copy the file into the repository",
        "rules/gone.yaml:1:1 FILE-03 a link leads nowhere",
    ];
    if !root_may_read_anything {
        expected.push("rules/locked.yaml:1:1 FILE-02 the file cannot be read");
    }
    if made.is_ok_and(|status| status.success()) {
        expected.push("rules/pipe.yaml:1:1 FILE-03 not a regular file");
    }
    assert_eq!(lines(&loaded, &found), expected);
    assert!(loaded.sources.files().iter().all(|file| !file.text.contains("secret")));
    assert!(loaded.rules.iter().any(|rule| rule.id.as_str() == "b"));
}

#[test]
fn loading_is_deterministic() {
    let names: Vec<String> = (0..50).map(|n| format!("r{n}")).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("rules/{}/{name}.yaml", name.len())).collect();
    let files: Vec<(&str, String)> =
        paths.iter().zip(&names).map(|(path, name)| (path.as_str(), rule(name))).collect();
    let root = repository(&files);
    let order =
        |loaded: &Repository| loaded.sources.files().iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    let first = order(&load(root.path()).0);
    assert_eq!(first, order(&load(root.path()).0));
    let mut sorted = first[1..].to_vec();
    sorted.sort();
    assert_eq!(first[1..], sorted);
}
