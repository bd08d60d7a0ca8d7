//! How long allowlists take: validation of everything and the audit, at 1,250 to 10,000 entries over 500 rules and 50
//! environments. The audit's curve shows that the search for superfluous entries is not quadratic.
//!
//! ```text
//! cargo bench --bench allowlists                                # everything
//! cargo bench --bench allowlists -- --repository 10000 DIR      # only write such a repository
//! cargo test --bench allowlists                                 # each step once, on few entries
//! ```
//!
//! Run it with `cargo bench --bench allowlists`; it prints the curve.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use jiff::civil::{Date, date};
use palisade::allowlist::audit::audit;
use palisade::allowlist::uses::Reach;
use palisade::compile::{Analyses, compile_with};
use palisade::load::load;
use palisade::model::Repository;

const TODAY: Date = date(2026, 11, 23);
const RULES: usize = 500;
const ENVIRONMENTS: usize = 50;
/// Entries of one file.
const FILE: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, count, folder, ..] = arguments.as_slice()
        && flag == "--repository"
    {
        write_repository(Path::new(folder), count.parse().unwrap(), Entries::Mixed);
        println!("{count} entries in {folder}");
        return;
    }
    // `cargo bench` passes --bench; without it (`cargo test`) every step runs once.
    let sizes: &[usize] = if arguments.iter().any(|argument| argument == "--bench") {
        &[1_250, 2_500, 5_000, 10_000]
    } else {
        &[500]
    };
    let mut criterion = Criterion::default().configure_from_args();
    for size in sizes {
        measure(&mut criterion, *size);
        measure_one_place(&mut criterion, *size);
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, entries: usize) {
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), entries, Entries::Mixed);
    let repository = loaded(folder.path());
    assert_eq!(repository.allowlists.iter().map(|list| list.entries.len()).sum::<usize>(), entries);
    let mut group = criterion.benchmark_group("allowlists");
    group.throughput(Throughput::Elements(entries as u64)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.bench_function(BenchmarkId::new("load", entries), |bencher| {
        bencher.iter(|| loaded(black_box(folder.path())));
    });
    group.bench_function(BenchmarkId::new("compile", entries), |bencher| {
        bencher.iter(|| compiled(black_box(&repository)));
    });
    group.bench_function(BenchmarkId::new("audit", entries), |bencher| {
        bencher.iter(|| {
            let reach = Reach::of(black_box(&repository));
            audit(&repository, &reach, TODAY)
        });
    });
    group.finish();
}

/// The search for superfluous entries at its hardest: all entries in one place and about one column.
fn measure_one_place(criterion: &mut Criterion, entries: usize) {
    let mut group = criterion.benchmark_group("one-place");
    group.throughput(Throughput::Elements(entries as u64)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for (name, kind) in [("ranges", Entries::Ranges), ("parts", Entries::Parts)] {
        let folder = tempfile::tempdir().unwrap();
        write_repository(folder.path(), entries, kind);
        let repository = loaded(folder.path());
        group.bench_function(BenchmarkId::new(name, entries), |bencher| {
            bencher.iter(|| {
                let reach = Reach::of(black_box(&repository));
                audit(&repository, &reach, TODAY)
            });
        });
    }
    group.finish();
}

fn loaded(folder: &Path) -> Repository {
    let (repository, diagnostics) = load(folder);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
    repository
}

/// Every environment, as `validate` does it.
fn compiled(repository: &Repository) -> usize {
    let analyses = Analyses::default();
    let all = repository.environments.iter().map(|environment| {
        let (desired, diagnostics) = compile_with(&analyses, repository, environment, TODAY);
        assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
        desired.resources.len()
    });
    all.sum()
}

/// What the entries of a repository are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    /// What people write, everywhere.
    Mixed,
    /// One rule of one environment; ranges of one number that overlap without holding each other.
    Ranges,
    /// One rule of one environment; parts and patterns of one text that begin alike, and whole texts with them.
    Parts,
}

/// Entries go round the environments, ten to a file, each file for one rule.
fn write_repository(folder: &Path, entries: usize, kind: Entries) {
    let write = |path: String, text: String| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("palisade.yaml".into(), "owner: bench\n".into());
    for rule in 0..RULES {
        write(
            format!("rules/rule-{rule:03}.yaml"),
            format!(
                "id: rule-{rule:03}\nname: Rule {rule}\nstatus: production\nseverity: medium\ndescription: d\n\
                 attack: [{{tactic: Persistence, techniques: [T1053.005]}}]\nquery: |\n  DeviceProcessEvents\n  \
                 | where ProcessCommandLine has \"word{rule}\"\n  // allowlist\n  \
                 | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1\n\
                 defender:\n  frequency: PT1H\n  title: Rule {rule}\n  entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}\n"
            ),
        );
    }
    for environment in 0..ENVIRONMENTS {
        write(
            format!("environments/env-{environment:02}/environment.yaml"),
            format!(
                "owner: bench/env-{environment:02}\ntenant_id: 11111111-1111-4111-8111-{environment:012}\ndefender: {{}}\nprune: owned\n"
            ),
        );
    }
    for file in 0..entries.div_ceil(FILE) {
        let (environment, rule) = match kind {
            Entries::Mixed => (file % ENVIRONMENTS, (file * 7) % RULES),
            Entries::Ranges | Entries::Parts => (0, 0),
        };
        let mut text = format!("rules: [rule-{rule:03}]\nentries:\n");
        for number in (file * FILE)..((file + 1) * FILE).min(entries) {
            write!(
                text,
                "  - id: entry-{number}\n    reason: Known and looked at.\n    owner: team@example.com\n    ticket: SEC-{number}\n    \
                 created: 2026-11-01\n    expires: 2027-05-01\n    match:\n      {}\n",
                predicate(number, kind)
            )
            .unwrap();
        }
        write(format!("environments/env-{environment:02}/allowlists/list-{file:04}.yaml"), text);
    }
}

/// What people write: mostly hashes and paths, many on the same column and with the same beginning; some imply others.
fn predicate(number: usize, kind: Entries) -> String {
    match (kind, number % 3) {
        (Entries::Ranges, _) => return format!("Port: {{min: {number}, max: {}}}", number + 1_000),
        (Entries::Parts, 0) => return format!("DeviceName: {{contains: '-build-{number}-'}}"),
        (Entries::Parts, 1) => return format!("DeviceName: {{regex: '^host-build-{number}-[0-9]+$'}}"),
        (Entries::Parts, _) => return format!("DeviceName: {{equals: 'host-build-{number}-1'}}"),
        (Entries::Mixed, _) => {}
    }
    let hash = format!("{:040x}", number as u128 * 0x9e37_79b9_7f4a_7c15);
    match number % 6 {
        0 => format!("SHA1: {{in: [{hash}]}}"),
        1 => format!("FolderPath: {{equals: 'C:\\Program Files\\Vendor\\{}\\tool.exe'}}", number / 12),
        2 => format!("FolderPath: {{starts_with: 'C:\\Program Files\\Vendor\\{}\\'}}", number / 12),
        3 => format!(
            "DeviceName: {{ends_with: .site{number}.example.com}}\n      FileName: {{equals: agent.exe}}"
        ),
        4 => format!("DeviceName: {{regex: '^build-{number}-[0-9]+$'}}"),
        _ => format!("FolderPath: {{contains: '\\Vendor-{}-tools\\'}}", number / 6),
    }
}
