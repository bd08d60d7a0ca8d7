//! What environments compile alike is compiled once. Nobody may be able to tell: every environment of a repository compiles to
//! the same with the memory of all the others as without any.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use palisade::compile::{Analyses, compile, compile_with};
use palisade::load::load;
use palisade::model::Repository;
use palisade::verify::{Attacks, Verifier};

/// A tenant of its own, with everything that an environment can say. Names of one length belong to one result.
const ENVIRONMENTS: &[(&str, &str)] = &[
    ("plain", "defender: {}\nSENTINEL"),
    ("same", "defender: {}\nSENTINEL"),
    (
        "long-owner",
        "owner: acme/an-owner-with-a-very-long-name-because-the-marker-counts\ndefender: {}\nSENTINEL",
    ),
    ("law-alone", "SENTINEL"),
    ("defender-only", "defender: {}\n"),
    ("preview", "defender: {preview_fields: true}\nSENTINEL"),
    ("two-workspaces", "defender: {}\nSENTINEL  - {subscription: S, resource_group: rg, workspace: other}\n"),
    ("alone", "defender: {}\nSENTINEL"),
    ("other", "defender: {}\nSENTINEL  - {subscription: S, resource_group: rg, workspace: other}\n"),
    ("severe", "defender: {}\nSENTINELoverrides: {RULE: {severity: high}}\n"),
    ("quiet", "defender: {}\nSENTINELlifecycle: {production: disabled}\n"),
    ("history", "defender: {}\nSENTINELparameters: {scheduled-task-untrusted-binary: {history: 21d}}\n"),
    ("listed", "defender: {}\nSENTINEL"),
    ("schema", "defender: {}\nSENTINEL"),
    ("law-table", "SENTINEL"),
    ("actions", "defender: {}\nSENTINELresponse_actions: forbid\n"),
    ("last", "defender: {}\nSENTINEL"),
];

/// Rules that meet what environments differ in: named workspaces, properties of the newest beta, a column that a schema
/// file does not know, a query at the limit that the marker counts towards, a response action, a finding that is silenced.
fn rules(folder: &Path) {
    let head = |id: &str| format!("id: {id}\nname: {id}\nstatus: production\nseverity: low\n");
    let sentinel = "sentinel: {kind: scheduled, frequency: PT1H, period: PT1H}\n";
    let pad = "x".repeat(9_860);
    for (id, rest) in [
        ("named", "query: SecurityEvent | take 1\nsentinel: {kind: scheduled, frequency: PT1H, period: PT1H, workspaces: [other]}\n".to_owned()),
        ("beta", "query: DeviceEvents\ndefender: {frequency: PT1H, lookback: P1D, entities: {hosts: [{deviceIdColumn: DeviceId}]}}\n".to_owned()),
        ("own-table", format!("query: Own_CL | where Missing == 4\n{sentinel}")),
        ("long", format!("query: SecurityEvent | where Account != \"{pad}\"\n{sentinel}")),
        ("acts", "query: DeviceEvents\ndefender: {frequency: PT1H, entities: {hosts: [{deviceIdColumn: DeviceId}]}, \
                  actions: {isolateDevices: [{deviceIdColumn: DeviceId, isolationType: full}]}}\n".to_owned()),
        ("silenced", format!("silence: [{{lint: KQL006, reason: On purpose.}}]\nquery: SecurityEvent | where Account contains \"adm\"\n{sentinel}")),
        ("pinned", "query: SecurityEvent | take 1\nsentinel: {kind: nrt, rule_id: 5f8d1c9e-0000-4000-8000-000000000001}\n".to_owned()),
    ] {
        put(folder, &format!("rules/{id}.yaml"), &(head(id) + &rest));
    }
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn repository(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/windows");
    for file in fs::read_dir(shipped.join("scheduled-tasks")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        put(folder, &format!("rules/shipped/{name}"), &fs::read_to_string(&file).unwrap());
    }
    rules(folder);
    put(folder, "palisade.yaml", "owner: acme\n");
    for (number, (name, rest)) in ENVIRONMENTS.iter().enumerate() {
        let subscription = format!("00000000-0000-4000-9000-{number:012}");
        let owner = if rest.contains("owner:") { String::new() } else { format!("owner: acme/{name}\n") };
        let text = format!("tenant_id: 00000000-0000-4000-8000-{number:012}\nprune: owned\n{owner}{rest}")
            .replace("SENTINEL", "sentinel:\n  - {subscription: S, resource_group: rg, workspace: law}\n")
            .replace("subscription: S", &format!("subscription: {subscription}"))
            .replace("RULE", "scheduled-task-untrusted-binary");
        put(folder, &format!("environments/{name}/environment.yaml"), &text);
    }
    let list = "rules: [scheduled-task-untrusted-binary]\nentries:\n  - id: own\n    reason: Known.\n    owner: soc@example.com\n    \
                ticket: SEC-1\n    created: 2026-11-01\n    expires: 2027-02-01\n    match: {SHA1: {equals: \"0123456789012345678901234567890123456789\"}}\n";
    put(folder, "environments/listed/allowlists/own.yaml", list);
    let schema = r#"{"platform": "sentinel", "complete": false, "tables": {"Own_CL": {"TimeGenerated": "datetime", "Level": "int"}}}"#;
    put(folder, "environments/schema/schema/sentinel.json", schema);
    put(folder, "environments/law-table/schema/sentinel.json", schema);
}

/// The repository in a folder, which must have nothing wrong with its files.
fn sound(folder: &Path) -> Repository {
    let (repository, mut found) = load(folder);
    found.settle(&repository.sources);
    let shown = palisade::render::diagnostics::text(&found, &repository.sources, false, 100);
    assert!(!found.has_errors(), "{shown}");
    repository
}

#[test]
fn every_environment_compiles_as_if_it_were_alone() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let repository = sound(folder.path());
    assert_eq!(repository.environments.len(), ENVIRONMENTS.len());
    let today = "2026-11-23".parse().unwrap();
    let shared = Analyses::default();
    let mut kinds = std::collections::BTreeSet::new();
    // There and back, so that each is both served by others and serves them.
    for environment in repository.environments.iter().chain(repository.environments.iter().rev()) {
        let (alone, findings) = compile(&repository, environment, today);
        let (together, same) = compile_with(&shared, &repository, environment, today);
        assert_eq!(together.resources, alone.resources, "{}", environment.name);
        assert_eq!(together.next_expiry, alone.next_expiry, "{}", environment.name);
        assert_eq!(same, findings, "{}", environment.name);
        assert!(alone.resources.len() >= 3, "{}", environment.name);
        kinds.insert((alone.resources.len(), findings.iter().count()));
    }
    assert!(kinds.len() >= 5, "the environments do differ: {kinds:?}");
}

/// An attack that alerts in one environment says nothing about another whose allowlist silences it, or whose trigger is higher.
#[test]
fn attacks_that_were_played_elsewhere_change_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let case = "cases:\n  - name: An attack\n    must_alert: true\n    events:\n      SecurityEvent:\n        - {Account: adm}\n";
    put(folder.path(), "tests/silenced.yaml", case);
    put(folder.path(), "tests/named.yaml", case);
    let raised = "sentinel: {trigger: {operator: GreaterThan, threshold: 5}}";
    for (name, text) in [
        ("severe", format!("overrides: {{silenced: {{{raised}}}}}\n")),
        ("history", "parameters: {}\n".to_owned()),
    ] {
        let path = folder.path().join(format!("environments/{name}/environment.yaml"));
        let before = fs::read_to_string(&path).unwrap();
        let kept: String = before
            .lines()
            .filter(|line| !line.starts_with("overrides") && !line.starts_with("parameters"))
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(path, kept + &text).unwrap();
    }
    let repository = sound(folder.path());
    let today = "2026-11-23".parse().unwrap();
    let (analyses, attacks) = (Analyses::default(), Attacks::default());
    let mut broken = Vec::new();
    for environment in repository.environments.iter().chain(repository.environments.iter().rev()) {
        let desired = compile_with(&analyses, &repository, environment, today).0;
        let verifier = || Verifier::new(&repository, &analyses, today);
        let alone = verifier().promises(environment, &desired);
        assert_eq!(verifier().among(&attacks).promises(environment, &desired), alone, "{}", environment.name);
        if alone.has_errors() {
            broken.push(environment.name.as_str());
        }
    }
    assert_eq!(broken, ["severe", "severe"]);
}
