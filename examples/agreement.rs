//! How far our KQL agrees with Microsoft's own parser, over the shared corpus of real queries.
//!
//! ```text
//! cargo run --release --example agreement              # the figures
//! cargo run --release --example agreement -- --list    # and every disagreement
//! ```
//!
//! Reads `../shared/corpus` next to the project, or `PALISADE_CORPUS`; says so and stops if it is absent. The
//! oracle's verdicts are recorded in the corpus, so Node is not needed. Figures and causes: `docs/kql-agreement.md`.

#![allow(clippy::print_stdout)] // printing is what it is for

#[path = "support/agreement_semantics.rs"]
mod semantics;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use palisade::kql::parse;
use serde_json::Value;

fn main() {
    let list = std::env::args().any(|argument| argument == "--list");
    let corpus = corpus_dir();
    let Some(queries) = read_lines(&corpus.join("queries.jsonl")) else {
        println!("skipped: no corpus at {} (set PALISADE_CORPUS)", corpus.display());
        return;
    };
    syntax_on_queries(&queries, list);
    if let Some(mutants) = read_lines(&corpus.join("mutants_syntax.jsonl")) {
        syntax_on_mutants(&mutants, list);
    }
    semantics::on_queries(&queries, list);
    if let Some(mutants) = read_lines(&corpus.join("mutants_semantic.jsonl")) {
        semantics::on_mutants(&mutants, list);
    }
    speed(&queries);
    semantics::speed(&queries);
}

/// Accept and reject, compared with the oracle.
fn syntax_on_queries(queries: &[Value], list: bool) {
    let (mut accepted_by_both, mut accepted_by_oracle, mut same) = (0, 0, 0);
    for query in queries {
        let errors = parse(text(query)).errors;
        let oracle = query["oracle"]["syntax_ok"].as_bool() == Some(true);
        let ours = errors.is_empty();
        accepted_by_oracle += usize::from(oracle);
        accepted_by_both += usize::from(oracle && ours);
        same += usize::from(oracle == ours);
        if list && oracle != ours {
            println!("{}: oracle {}, ours {}", id(query), verdict(oracle), verdict(ours));
            for error in errors.iter().take(2) {
                println!("    {} at {:?}: {}", error.code, error.span, error.message);
            }
            for diagnostic in query["oracle"]["diagnostics"].as_array().into_iter().flatten().take(2) {
                println!("    oracle: {diagnostic}");
            }
        }
    }
    figure("queries the oracle parses, accepted", accepted_by_both, accepted_by_oracle, 99.9);
    figure("same accept or reject", same, queries.len(), 99.5);
}

/// Every mutant is rejected by the oracle.
fn syntax_on_mutants(mutants: &[Value], list: bool) {
    let mut rejected = 0;
    for mutant in mutants {
        let ours = parse(text(mutant)).errors;
        rejected += usize::from(!ours.is_empty());
        if list && ours.is_empty() {
            println!("{}: mutant {} accepted", id(mutant), mutant["mutation"]);
        }
    }
    figure("syntax mutants rejected", rejected, mutants.len(), 99.0);
}

/// Time per query: parse only.
fn speed(queries: &[Value]) {
    let texts: Vec<&str> = queries.iter().map(text).collect();
    for warm_up in texts.iter().take(200) {
        std::hint::black_box(parse(warm_up));
    }
    let mut times: Vec<Duration> = texts
        .iter()
        .map(|text| {
            let start = Instant::now();
            std::hint::black_box(parse(text));
            start.elapsed()
        })
        .collect();
    times.sort();
    let total: Duration = times.iter().sum();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    println!("parse: median {:?}, p99 {:?}, all {} in {total:?}", at(50), at(99), times.len());
}

fn figure(what: &str, count: usize, of: usize, target: f64) {
    #[allow(clippy::cast_precision_loss)]
    let percent = 100.0 * count as f64 / of.max(1) as f64;
    let met = if percent >= target { "ok" } else { "MISSED" };
    println!("{what}: {count} of {of} = {percent:.2} % (target {target} %, {met})");
}

fn verdict(ok: bool) -> &'static str {
    if ok { "accepts" } else { "rejects" }
}

fn id(query: &Value) -> &str {
    query["id"].as_str().unwrap_or("?")
}

fn text(query: &Value) -> &str {
    query["query"].as_str().unwrap_or("")
}

fn corpus_dir() -> PathBuf {
    std::env::var_os("PALISADE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
}

fn read_lines(path: &Path) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().map(|line| serde_json::from_str(line).ok()).collect()
}
