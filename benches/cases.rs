//! How long cases take: 500 rules of real length, all different, with five cases each, in three environments whose allowlists
//! and parameters differ.
//!
//! ```text
//! cargo bench --bench cases                           # playing alone, repository loaded and compiled
//! cargo bench --bench cases -- --repository DIR       # only write the repository, for `palisade test`
//! cargo test --bench cases                            # once, on a few rules
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput};
use jiff::civil::{Date, date};
use palisade::compile::{Analyses, Desired, compile_with};
use palisade::load::load;
use palisade::model::Repository;
use palisade::verify::{Bare, Verifier};

const TODAY: Date = date(2026, 11, 23);
const RULES: usize = 500;
const ENVIRONMENTS: [&str; 3] = ["canary", "early", "broad"];
const CASES: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder, ..] = arguments.as_slice()
        && flag == "--repository"
    {
        write_repository(Path::new(folder), RULES);
        println!("{RULES} rules with {CASES} cases each in {folder}");
        return;
    }
    // `cargo bench` passes --bench; without it (`cargo test`) everything runs once.
    let rules = if arguments.iter().any(|argument| argument == "--bench") { RULES } else { 10 };
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), rules);
    let (repository, diagnostics) = load(folder.path());
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
    let analyses = Analyses::default();
    let compile = |environment| {
        let (desired, diagnostics) = compile_with(&analyses, &repository, environment, TODAY);
        assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
        desired
    };
    let desired: Vec<Desired> = repository.environments.iter().map(compile).collect();
    let bare = Bare::of(&repository, &analyses, TODAY).unwrap();
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("cases");
    group.throughput(Throughput::Elements((rules * CASES * (ENVIRONMENTS.len() + 1)) as u64));
    group.bench_function(format!("{rules} rules"), |bencher| {
        bencher.iter(|| played(black_box(&repository), &analyses, &desired, &bare));
    });
    group.finish();
    criterion.final_summary();
}

/// Everything that `palisade test` plays; all of it passes.
fn played(repository: &Repository, analyses: &Analyses, desired: &[Desired], bare: &Bare) -> usize {
    let verifier = Verifier::new(repository, analyses, TODAY);
    let environments = repository.environments.iter().zip(desired);
    let mut outcomes: Vec<_> = environments
        .flat_map(|(environment, desired)| verifier.play(environment, desired, &|_| true))
        .collect();
    outcomes.extend(verifier.play_bare(bare, &|_| true));
    let failed = outcomes.iter().find(|outcome| !outcome.passed);
    assert!(failed.is_none(), "{failed:?}");
    outcomes.len()
}

fn write_repository(folder: &Path, rules: usize) {
    let write = |path: String, text: String| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("palisade.yaml".into(), "owner: bench\n".into());
    for (number, environment) in ENVIRONMENTS.into_iter().enumerate() {
        let parameters: String =
            (0..rules).map(|rule| format!("  rule-{rule:03}: {{least: {}}}\n", number + 1)).collect();
        write(
            format!("environments/{environment}/environment.yaml"),
            format!(
                "owner: bench/{environment}\ntenant_id: 11111111-1111-4111-8111-{number:012}\ndefender: {{}}\nprune: owned\nparameters:\n{parameters}"
            ),
        );
    }
    for rule in 0..rules {
        write(format!("rules/rule-{rule:03}.yaml"), rule_text(rule));
        write(format!("tests/rule-{rule:03}.yaml"), cases_text(rule));
        for (number, environment) in ENVIRONMENTS.into_iter().enumerate() {
            write(
                format!("environments/{environment}/allowlists/rule-{rule:03}.yaml"),
                format!(
                    "rules: [rule-{rule:03}]\nentries:\n  - id: known-{rule}\n    reason: Known and looked at.\n    owner: team@example.com\n    \
                     expires: 2027-05-01\n    match:\n      SHA1: {{in: [{:040x}, {:040x}]}}\n",
                    rule + 1,
                    1_000_000 + number
                ),
            );
        }
    }
}

fn rule_text(rule: usize) -> String {
    format!(
        r#"id: rule-{rule:03}
name: Rule {rule}
status: production
severity: medium
description: Programs of a family that a task starts.
attack: [{{tactic: Persistence, techniques: [T1053.005]}}]
query: |
  let least = 1;
  let tools = dynamic(["cmd.exe", "powershell.exe", "pwsh.exe", "wscript.exe", "cscript.exe", "mshta.exe", "rundll32.exe", "family{rule}.exe"]);
  DeviceProcessEvents
  | where ingestion_time() > ago(1h)
  | where InitiatingProcessFileName =~ "svchost.exe" and InitiatingProcessCommandLine has_all ("netsvcs", "Schedule")
  | where FileName in~ (tools) or ProcessVersionInfoOriginalFileName in~ (tools)
  | extend Plain = replace_regex(ProcessCommandLine, @'[\^`"]', "")
  | extend Encoded = Plain matches regex @"(?i)\s[-/]e[a-z]*\s+[a-z0-9+/=]{{40,}}" or Plain has "FromBase64String",
      Fetches = Plain matches regex @"(?i)(https?|ftp)://" or Plain has_any ("DownloadString", "DownloadFile", "WebClient"),
      InUserFolder = Plain matches regex @"(?i)[\\/](users|appdata|temp)[\\/]",
      Family = Plain has "family{rule}"
  | extend Score = 2 * (toint(Encoded) + toint(Fetches) + toint(InUserFolder)) + toint(Family)
  | where Score >= least + 1
  | summarize arg_max(Timestamp, *), Runs = count() by DeviceId, SHA1
  // allowlist
  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1, ProcessCommandLine, Score, Runs
defender:
  frequency: PT1H
  title: "Rule {rule}"
  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}
"#
    )
}

fn cases_text(rule: usize) -> String {
    let event = |more: &str| {
        format!("    events:\n      DeviceProcessEvents:\n        - {{FileName: family{rule}.exe, {more}}}\n")
    };
    let attack = format!("ProcessCommandLine: 'family{rule} -e {} http://203.0.113.7/a'", "QUJD".repeat(12));
    [
        "clock: 2026-11-23T08:00:00Z\ndefaults:\n  DeviceProcessEvents: {DeviceId: d1, InitiatingProcessFileName: svchost.exe, InitiatingProcessCommandLine: 'svchost.exe -k netsvcs -p -s Schedule'}\ncases:\n".to_owned(),
        format!("  - name: an attack\n    must_alert: true\n{}", event(&format!("SHA1: ab, {attack}"))),
        format!("  - name: another attack\n    expect: {{alert: {{count: 1, entities: [Host]}}}}\n{}", event(&format!("SHA1: cd, {attack}"))),
        format!("  - name: known\n    silenced_by: known-{rule}\n{}", event(&format!("SHA1: '{:040x}', {attack}", rule + 1))),
        format!("  - name: harmless arguments\n    expect: silent\n{}", event("ProcessCommandLine: tool --help")),
        format!("  - name: another parent\n    expect: silent\n{}", event(&format!("InitiatingProcessFileName: explorer.exe, {attack}"))),
    ]
    .concat()
}
