//! How long the pure part takes (load, compile, plan, at 100, 1,000 and 10,000 rules), how much the whole program adds to
//! the list calls of a tenant that is far away, and how close it comes to what a service's quota allows.
//!
//! The rules are the shipped ones again and again, under new names, each copy with allowlist entries, parameters and an
//! override of its own: what a large repository looks like, with queries of real length. Figures are in
//! `docs/performance.md`.
//!
//! ```text
//! cargo bench --bench pipeline                                # everything
//! cargo bench --bench pipeline -- compile                     # one step
//! cargo bench --bench pipeline -- --repository 1000 DIR       # only write such a repository, to run the program on it
//! cargo bench --bench pipeline -- --latency 1000 50           # `plan` against its list calls, 50 ms for each request
//! cargo bench --bench pipeline -- --quota 1000                # `apply` of so many new analytics rules within the quota of writes
//! cargo test --bench pipeline                                 # each step once, on few rules
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use jiff::civil::{Date, date};
use palisade::address::{Platform, Target};
use palisade::compile::{Desired, compile};
use palisade::diff::canonical;
use palisade::load::load;
use palisade::model::Repository;
use palisade::model::environment::{Guards, Prune};
use palisade::plan::{Adoption, Input, Migration, Plan, Policy, TargetState, plan};
use palisade::provider::auth::{CredentialChoice, NoFiles};
use palisade::provider::cloud::Endpoints;
use palisade::provider::{ConnectOptions, Provider, Session, defender, sentinel};
use palisade::resource::{Body, Live, Marker, Resource, ServerFacts, digest};
use palisade::sandbox;

/// A day on which every shipped allowlist entry is in force.
const TODAY: Date = date(2026, 11, 23);
/// The environment that is compiled.
const ENVIRONMENT: &str = "sandbox";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, count, folder, ..] = arguments.as_slice()
        && flag == "--repository"
    {
        write_repository(Path::new(folder), count.parse().unwrap());
        println!("{count} rules in {folder}");
        return;
    }
    if let [flag, count, milliseconds, ..] = arguments.as_slice()
        && flag == "--latency"
    {
        latency(count.parse().unwrap(), milliseconds.parse().unwrap());
        return;
    }
    if let [flag, count, ..] = arguments.as_slice()
        && flag == "--quota"
    {
        quota(count.parse().unwrap());
        return;
    }
    // `cargo bench` passes --bench; without it (`cargo test`) every step runs once.
    let sizes: &[usize] =
        if arguments.iter().any(|argument| argument == "--bench") { &[100, 1_000, 10_000] } else { &[50] };
    let mut criterion = Criterion::default().configure_from_args();
    for size in sizes {
        measure(&mut criterion, *size);
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, rules: usize) {
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), rules);
    let repository = loaded(folder.path());
    let desired = compiled(&repository);
    assert!(desired.resources.len() >= rules, "every rule is deployed at least once");

    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(rules as u64)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.bench_function(BenchmarkId::new("load", rules), |bencher| {
        bencher.iter(|| loaded(black_box(folder.path())));
    });
    group.bench_function(BenchmarkId::new("compile", rules), |bencher| {
        bencher.iter(|| compiled(black_box(&repository)));
    });
    for (name, deployed) in [("plan-new", false), ("plan-unchanged", true)] {
        let states = states(&desired, deployed);
        let made = planned(&desired, &states);
        assert_eq!(made.summary.create, if deployed { 0 } else { desired.resources.len() });
        assert_eq!(made.is_empty(), deployed);
        group.bench_function(BenchmarkId::new(name, rules), |bencher| {
            bencher.iter(|| planned(black_box(&desired), black_box(&states)));
        });
    }
    group.finish();
}

fn loaded(folder: &Path) -> Repository {
    let (repository, diagnostics) = load(folder);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    repository
}

fn compiled(repository: &Repository) -> Desired {
    let environment = repository.environments.iter().find(|one| one.name == ENVIRONMENT).unwrap();
    let (desired, diagnostics) = compile(repository, environment, TODAY);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    desired
}

fn planned(desired: &Desired, states: &[TargetState]) -> Plan {
    let policy = Policy {
        replace_ids: Vec::new(),
        prune: Prune::Owned,
        guards: Guards::default(),
        on_drift: None,
        take_over: Vec::new(),
        adoption: Adoption::Leave,
        migration: Migration::Leave,
        reenable_auto_disabled: false,
        targets: Vec::new(),
        allow_empty: false,
        changed: None,
    };
    plan(&Input {
        environment: ENVIRONMENT,
        owner: OWNER,
        tenant_id: "00000000-0000-4000-8000-0000000000aa",
        desired: &desired.resources,
        actual: states,
        policy: &policy,
        evaluated_at: "2026-11-23T08:00:00Z",
        valid_until: "2026-11-24T08:00:00Z",
    })
}

/// What is there: nothing, or every rule exactly as it should be.
fn states(desired: &Desired, deployed: bool) -> Vec<TargetState> {
    let mut states: Vec<TargetState> = Vec::new();
    for resource in &desired.resources {
        let target = &resource.address.target;
        let known = states.iter().position(|state| state.target == *target);
        let at = known.unwrap_or_else(|| {
            let schema = match target {
                Target::Defender => defender::schema(),
                Target::Sentinel(_) => sentinel::schema(),
            };
            states.push(TargetState { target: target.clone(), schema, live: Vec::new() });
            states.len() - 1
        });
        if deployed {
            let live = as_deployed(resource, &states[at]);
            states[at].live.push(live);
        }
    }
    states
}

fn as_deployed(resource: &Resource, state: &TargetState) -> Live {
    let digest = digest(&resource.kind, &canonical(state.schema, &resource.kind, &resource.body));
    Live {
        remote_id: resource.remote_id.clone(),
        kind: resource.kind.clone(),
        name: resource.address.rule.clone(),
        body: Body::clone(&resource.body),
        unknown: Body::new(),
        marker: Some(Marker {
            owner: OWNER.to_owned(),
            rule: resource.address.rule.clone(),
            digest: digest[..Marker::DIGEST_LENGTH].to_owned(),
            protect: resource.protect,
        }),
        server: ServerFacts::default(),
        auto_disabled: None,
    }
}

// --- Latency ---------------------------------------------------------------------------------------------------------

/// How often each is measured; the best counts, because other programs only make it slower.
const RUNS: u32 = 5;

/// `palisade plan` of so many deployed rules, in a process of its own, against the list calls that it has to make, both with
/// a sandbox that answers each request so late. The lists of both platforms run at once, as in `plan`.
fn latency(rules: usize, milliseconds: u64) {
    let folder = tempfile::tempdir().unwrap();
    write_repository(folder.path(), rules);
    let run = |arguments: &[&str]| palisade(folder.path(), arguments);
    run(&["sandbox", "switch", "arm_limit_scheduled=100000", "arm_limit_nrt=100000"]);
    run(&["apply", "-e", ENVIRONMENT, "--auto-approve"]);
    run(&["sandbox", "switch", &format!("latency_ms={milliseconds}")]);
    let plan = || {
        let started = Instant::now();
        run(&["plan", "-e", ENVIRONMENT]);
        started.elapsed()
    };
    let plan = (0..RUNS).map(|_| plan()).min().unwrap();
    let repository = loaded(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (lists, deployed) = runtime.block_on(lists(&repository, &folder.path().join(".palisade/sandbox")));
    println!("{deployed} deployed rules, {milliseconds} ms for each request, best of {RUNS}:");
    println!("list calls alone  {:.2} s", lists.as_secs_f64());
    println!("plan              {:.2} s", plan.as_secs_f64());
    println!("ratio             {:.2}", plan.as_secs_f64() / lists.as_secs_f64());
}

/// The shortest time for all lists of the environment, signed in beforehand, and how many rules are in them.
async fn lists(repository: &Repository, state: &Path) -> (Duration, usize) {
    let options = sandbox::Options { state_dir: Some(state.to_owned()), ..sandbox::Options::default() };
    let running = sandbox::start(options).await.unwrap();
    let endpoints = Endpoints::custom(&running.authority(), &running.arm(), &running.graph(), false).unwrap();
    let variables =
        [("AZURE_CLIENT_ID", running.client_id()), ("AZURE_CLIENT_SECRET", running.client_secret())];
    let environment = repository.environments.iter().find(|one| one.name == ENVIRONMENT).unwrap();
    let session = Session::connect(ConnectOptions {
        endpoints: endpoints.with_root(running.ca_pem().as_bytes().to_vec()),
        tenant_id: environment.tenant_id.value.clone(),
        credential: CredentialChoice::ClientSecret,
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
        files: std::sync::Arc::new(NoFiles),
        client: None,
    });
    let session = session.unwrap();
    session.sign_in(Platform::Defender).await.unwrap();
    session.sign_in(Platform::Sentinel).await.unwrap();
    let mut providers: Vec<Box<dyn Provider>> = vec![Box::new(session.defender(None))];
    for workspace in &environment.sentinel {
        providers.push(Box::new(session.sentinel(Arc::clone(&workspace.value), None)));
    }
    let (mut shortest, mut deployed) = (Duration::MAX, 0);
    for _ in 0..RUNS {
        let started = Instant::now();
        let all = futures::future::join_all(providers.iter().map(|provider| provider.list())).await;
        shortest = shortest.min(started.elapsed());
        deployed = all.into_iter().map(|rules| rules.unwrap().len()).sum();
    }
    running.stop().await.unwrap();
    (shortest, deployed)
}

// --- Quotas ----------------------------------------------------------------------------------------------------------

/// Resource Manager's bucket of writes, and how many a second it is refilled with (CONTRACT B.9).
const BUCKET: (usize, usize) = (200, 10);

/// `palisade apply` of so many new analytics rules, in a process of its own, on a sandbox that keeps Resource Manager's quota:
/// how long that takes, how long the quota lets it take, and how often it was refused.
fn quota(rules: usize) {
    let folder = tempfile::tempdir().unwrap();
    let of_sentinel = |(_, text): &(String, String)| text.contains("\nsentinel:");
    let all = yaml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"));
    write_copies(folder.path(), rules, &all.into_iter().filter(of_sentinel).collect::<Vec<_>>());
    let switches =
        ["arm_throttle=true", "record_bodies=true", "arm_limit_scheduled=100000", "arm_limit_nrt=100000"];
    palisade(folder.path(), &[["sandbox", "switch"].as_slice(), &switches].concat());
    let started = Instant::now();
    palisade(folder.path(), &["apply", "-e", ENVIRONMENT, "--auto-approve", "--target", "sentinel/*"]);
    let took = started.elapsed().as_secs_f64();
    let log = fs::read_to_string(folder.path().join(".palisade/sandbox/requests.ndjson")).unwrap();
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    let (created, refused) = (count("\"method\":\"PUT\""), count("\"status\":429"));
    let allowed = created.saturating_sub(BUCKET.0) as f64 / BUCKET.1 as f64;
    println!("{created} analytics rules created, {} requests in all:", log.lines().count());
    println!("the quota allows  {allowed:.1} s");
    println!("apply             {took:.1} s");
    println!("ratio             {:.3}", took / allowed);
    println!("refused (429)     {refused}");
}

// --- The repository -------------------------------------------------------------------------------------------------

/// The owner id of the shipped sandbox environment.
const OWNER: &str = "example/sandbox";
/// Parameters and overrides that copies of a shipped rule get, as one YAML flow mapping each.
const PARAMETERS: [(&str, &str); 2] = [
    ("scheduled-task-short-lived", "{root_only: false, lifetime: 10m}"),
    ("scheduled-task-untrusted-binary", "{history: 21d, max_prevalence: 500}"),
];
const OVERRIDES: [(&str, &str); 1] = [("scheduled-task-untrusted-binary", "{severity: high}")];

/// Runs the program to its end in `folder`, and stops at a failure.
fn palisade(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Writes a repository of `count` rules, of all that are shipped, into `folder`, which must be empty or not exist.
fn write_repository(folder: &Path, count: usize) {
    write_copies(folder, count, &yaml_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")));
}

/// Writes a repository of `count` rules that are copies of `templates`, in turn.
fn write_copies(folder: &Path, count: usize, templates: &[(String, String)]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lists = yaml_files(&root.join("environments/sandbox/allowlists"));
    let (mut parameters, mut overrides) = (String::new(), String::new());
    for number in 0..count {
        let (template, text) = &templates[number % templates.len()];
        let id = format!("{template}-{number:05}");
        put(folder, &format!("rules/{template}/{id}.yaml"), &copy_of(text, template, number));
        for (name, list) in lists.iter().filter(|(_, list)| list.contains(&format!("rules: [{template}]"))) {
            let list = list.replace(&format!("rules: [{template}]"), &format!("rules: [{id}]"));
            put(folder, &format!("environments/sandbox/allowlists/{name}-{number:05}.yaml"), &list);
        }
        for (_, values) in PARAMETERS.iter().filter(|(rule, _)| rule == template) {
            writeln!(parameters, "  {id}: {values}").unwrap();
        }
        for (_, changes) in OVERRIDES.iter().filter(|(rule, _)| rule == template) {
            writeln!(overrides, "  {id}: {changes}").unwrap();
        }
    }
    for (name, list) in yaml_files(&root.join("environments/_shared/allowlists")) {
        // A shared list reaches every copy of its rules.
        let list = list.replacen("]", "-*]", 1);
        put(folder, &format!("environments/_shared/allowlists/{name}.yaml"), &list);
    }
    let shipped = fs::read_to_string(root.join("environments/sandbox/environment.yaml")).unwrap();
    let head = shipped.split("parameters:").next().unwrap();
    let sections = [("parameters", parameters), ("overrides", overrides)];
    let sections = sections.iter().filter(|(_, lines)| !lines.is_empty());
    let tail: String = sections.map(|(name, lines)| format!("{name}:\n{lines}")).collect();
    put(folder, "environments/sandbox/environment.yaml", &format!("{head}{tail}"));
    put(folder, "palisade.yaml", &fs::read_to_string(root.join("palisade.yaml")).unwrap());
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
