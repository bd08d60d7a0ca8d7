//! How often each lint fires on published rules: the measure against false alarms.
//!
//! ```text
//! cargo run --release --example lint_figures                    # a line for each lint
//! cargo run --release --example lint_figures -- KQL-P03 20      # twenty findings of one lint, with their lines
//! ```
//!
//! Reads `../shared/corpus` next to the project, or `PALISADE_CORPUS`; says so and stops if it is absent. Only queries that
//! the official parser finds clean are counted: "rules" are published analytics rules and custom detections, "all" has
//! hunting queries and articles too.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use palisade::kql::bind::bind;
use palisade::kql::schema::Platform;
use palisade::kql::verdict::{Schemas, platform_named};
use palisade::kql::{lints, parse};
use serde_json::Value;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next();
    let limit: usize = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    let corpus = std::env::var_os("PALISADE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
        .join("queries.jsonl");
    let Ok(text) = std::fs::read_to_string(&corpus) else {
        println!("skipped: no corpus at {} (set PALISADE_CORPUS)", corpus.display());
        return;
    };
    let schemas = Schemas::new(&[]);
    let mut fired: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let (mut rules, mut all, mut shown, mut time) = (0, 0, 0, Duration::ZERO);
    for query in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if query["oracle"]["ok"] != Value::Bool(true) {
            continue;
        }
        let is_rule = matches!(query["kind"].as_str(), Some("analytics_rule" | "xdr_custom_detection"));
        let text = query["query"].as_str().unwrap_or_default();
        let platform = query["platform"].as_str().and_then(platform_named).unwrap_or(Platform::Unified);
        let parse = parse(text);
        let bound = bind(&parse, text, schemas.of(platform));
        let start = Instant::now();
        let found = lints::run(text, &parse, &bound, platform);
        time += start.elapsed();
        all += 1;
        rules += usize::from(is_rule);
        let mut codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let counts = fired.entry(code).or_default();
            counts[0] += usize::from(is_rule);
            counts[1] += 1;
        }
        for finding in found.iter().filter(|f| wanted.as_deref() == Some(f.code)) {
            if shown < limit {
                shown += 1;
                let start = text[..finding.span.range().start].rfind('\n').map_or(0, |at| at + 1);
                let line = text[start..].lines().next().unwrap_or_default();
                println!("{}: {}\n    {}", query["id"], finding.message, line.trim());
            }
        }
    }
    if wanted.is_none() {
        println!("{:8} {:>7} {:>6} {:>7} {:>6}", "", "rules", "%", "all", "%");
        for lint in lints::ALL {
            let [in_rules, in_all] = fired.get(lint.id).copied().unwrap_or_default();
            println!(
                "{:8} {in_rules:7} {:6.1} {in_all:7} {:6.1}  {:?} {}",
                lint.id,
                percent(in_rules, rules),
                percent(in_all, all),
                lint.severity,
                lint.title
            );
        }
        println!("{rules} rules, {all} queries, {:?} a query", time / u32::try_from(all.max(1)).unwrap_or(1));
    }
}

#[allow(clippy::cast_precision_loss)]
fn percent(count: usize, of: usize) -> f64 {
    100.0 * count as f64 / of.max(1) as f64
}
