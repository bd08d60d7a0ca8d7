//! How many real queries the evaluator runs, on events made up from the schema, and what it still lacks.
//!
//! ```text
//! cargo run --release --example evaluate              # the figures
//! cargo run --release --example evaluate -- --list    # and every query that did not run, every difference
//! ```
//!
//! Reads `../shared/corpus` next to the project, or `PALISADE_CORPUS`; says so and stops if it is absent. Counted are the
//! queries that bind. Figures: `docs/performance.md`.

#![allow(clippy::print_stdout)] // printing is what it is for

#[path = "support/events.rs"]
mod events;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use palisade::kql::bind::bind;
use palisade::kql::eval::{Budget, Fault, Table, World, evaluate};
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};
use palisade::kql::types::ScalarType;

/// One set of queries.
#[derive(Default)]
struct Figures {
    bind: usize,
    run: usize,
    with_rows: usize,
    missing: BTreeMap<String, usize>,
    failed: BTreeMap<String, usize>,
    compared: usize,
    same_columns: usize,
    times: Vec<Duration>,
}

fn main() {
    let list = std::env::args().any(|argument| argument == "--list");
    let only = std::env::args().skip_while(|a| a != "--only").nth(1);
    let corpus = std::env::var_os("PALISADE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(lines) = std::fs::read_to_string(corpus.join("queries.jsonl")) else {
        println!("skipped: no corpus at {} (set PALISADE_CORPUS)", corpus.display());
        return;
    };
    let schemas = [Platform::Sentinel, Platform::Xdr, Platform::Unified].map(Schema::built_in);
    let mut sets: BTreeMap<&str, Figures> = BTreeMap::new();
    for line in lines.lines() {
        let Ok(query) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let text = query["query"].as_str().unwrap_or_default();
        let id = query["id"].as_str().unwrap_or_default();
        if only.as_ref().is_some_and(|only| only != id) {
            continue;
        }
        let platform = query["platform"].as_str().unwrap_or_default();
        let [sentinel, xdr, unified] = &schemas;
        let schema = match platform {
            "sentinel" => sentinel,
            "xdr" => xdr,
            _ => unified,
        };
        let mut names = vec!["all"];
        match (platform, query["kind"].as_str()) {
            ("sentinel", Some("analytics_rule")) => names.push("Sentinel rules"),
            ("xdr", _) => names.push("Defender queries"),
            _ => {}
        }
        if query["source_repo"].as_str().is_some_and(|repo| repo.contains("FalconFriday")) {
            names.push("FalconFriday");
        }
        let Some(outcome) = outcome(text, schema) else { continue };
        for name in names {
            let list = list && name == "all";
            sets.entry(name).or_default().add(&outcome, list, id);
        }
    }
    for (name, figures) in &mut sets {
        figures.print(name);
    }
    speed(&schemas[1]);
}

/// A join of ten thousand events with as many, and small cases of small rules, many of them.
fn speed(schema: &Schema) {
    let nothing = BTreeMap::new();
    let none = Table::default();
    let run = |text: &str, tables: &BTreeMap<String, Table>| {
        let world = World {
            schema,
            tables,
            watchlists: &nothing,
            external: &nothing,
            file_profiles: &none,
            now: events::NOW,
        };
        evaluate(&parse(text), text, &world, Budget::default()).map_or(0, |e| e.table.rows.len())
    };
    let mut tables = BTreeMap::new();
    for name in ["DeviceProcessEvents", "DeviceNetworkEvents"] {
        tables.insert(name.to_owned(), events::many(schema, name, 10_000));
    }
    let join = "DeviceProcessEvents | where Timestamp > ago(2000d)
        | join kind=inner (DeviceNetworkEvents | where RemotePort > 0) on DeviceName
        | project Timestamp, DeviceName, FileName, RemoteIP";
    let start = Instant::now();
    let rows = run(join, &tables);
    println!("\njoin of 10,000 x 10,000 events, all columns: {rows} rows in {:?}", start.elapsed());
    let rule = "let known = dynamic(['a.exe', 'b.exe']); DeviceProcessEvents
        | where Timestamp > ago(1h) and ActionType == 'ProcessCreated'
        | where FileName in~ ('schtasks.exe', 'at.exe') or ProcessCommandLine has_any ('/create', '-create')
        | where not(InitiatingProcessFileName in~ (known))
        | extend Task = extract(@'/tn (\\S+)', 1, ProcessCommandLine)
        | summarize arg_max(Timestamp, *), Count = count() by DeviceId, AccountName";
    let few: BTreeMap<String, Table> =
        [("DeviceProcessEvents".to_owned(), events::many(schema, "DeviceProcessEvents", 4))].into();
    let start = Instant::now();
    for _ in 0..7_500 {
        std::hint::black_box(run(rule, &few));
    }
    println!("500 rules x 5 cases x 3 environments, parsed each time: {:?}", start.elapsed());
}

/// What became of one query.
struct Outcome {
    answer: Result<Table, Fault>,
    columns: Option<Vec<(String, ScalarType)>>,
    place: String,
    time: Duration,
}

/// `None` if the query does not bind.
fn outcome(text: &str, schema: &Schema) -> Option<Outcome> {
    let parsed = parse(text);
    let bound = bind(&parsed, text, schema);
    if !parsed.errors.is_empty() || !bound.is_ok() || !bound.tabular {
        return None;
    }
    let made = events::Made::new(&parsed, &bound, schema);
    let world = World {
        schema,
        tables: &made.tables,
        watchlists: &made.watchlists,
        external: &made.external,
        file_profiles: &made.file_profiles,
        now: events::NOW,
    };
    let start = Instant::now();
    let answer = evaluate(&parsed, text, &world, Budget::default()).map(|evaluated| evaluated.table);
    let time = start.elapsed();
    let place = match &answer {
        Err(fault) => {
            let start = fault.span().start as usize;
            text.get(start..).unwrap_or_default().chars().take(60).collect::<String>().replace('\n', " ")
        }
        Ok(_) => String::new(),
    };
    let columns = (!bound.open).then(|| bound.columns.iter().map(|c| (c.name.clone(), c.ty)).collect());
    Some(Outcome { answer, columns, place, time })
}

impl Figures {
    fn add(&mut self, outcome: &Outcome, list: bool, id: &str) {
        self.bind += 1;
        self.times.push(outcome.time);
        match &outcome.answer {
            Ok(table) => {
                self.run += 1;
                self.with_rows += usize::from(!table.rows.is_empty());
                if let Some(expected) = &outcome.columns {
                    self.compared += 1;
                    let ours: Vec<(String, ScalarType)> =
                        table.columns.iter().map(|c| (c.name.to_string(), c.ty)).collect();
                    let same = ours.len() == expected.len()
                        && ours.iter().zip(expected).all(|(a, b)| {
                            let open = |ty| ty == ScalarType::Unknown;
                            a.0 == b.0 && (a.1 == b.1 || open(a.1) || open(b.1))
                        });
                    self.same_columns += usize::from(same);
                    if list && !same {
                        println!("{id}: other columns");
                        let differs = |list: &[(String, ScalarType)], other: &[(String, ScalarType)]| {
                            let own = list.iter().filter(|column| !other.contains(column));
                            own.map(|(name, ty)| format!("{name}:{ty}")).collect::<Vec<_>>().join(" ")
                        };
                        println!("    ours   {}", differs(&ours, expected));
                        println!("    binder {}", differs(expected, &ours));
                    }
                }
            }
            Err(Fault::NotEvaluated { what, .. }) => {
                *self.missing.entry(what.chars().take(60).collect()).or_default() += 1;
                if list {
                    println!("{id}: not evaluated: {what}\n    {}", outcome.place);
                }
            }
            Err(fault) => {
                *self.failed.entry(fault.to_string().chars().take(80).collect()).or_default() += 1;
                if list {
                    println!("{id}: {fault}\n    {}", outcome.place);
                }
            }
        }
    }

    fn print(&mut self, name: &str) {
        #[allow(clippy::cast_precision_loss)]
        let percent = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
        println!("\n{name}: {} of {} run = {:.1} %", self.run, self.bind, percent(self.run, self.bind));
        println!("  {} of them return rows", self.with_rows);
        println!(
            "  columns as the binder says: {} of {} = {:.1} %",
            self.same_columns,
            self.compared,
            percent(self.same_columns, self.compared)
        );
        self.times.sort();
        let at =
            |percent: usize| self.times.get(self.times.len() * percent / 100).copied().unwrap_or_default();
        println!("  time of a query: median {:?}, p95 {:?}, p99 {:?}", at(50), at(95), at(99));
        let total: Duration = self.times.iter().sum();
        println!("  all: {total:?}");
        for (title, faults) in [("not evaluated", &self.missing), ("failed", &self.failed)] {
            let mut ranked: Vec<_> = faults.iter().collect();
            ranked.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (what, count) in ranked.iter().take(25) {
                println!("  {title}: {count:4} {what}");
            }
        }
    }
}
