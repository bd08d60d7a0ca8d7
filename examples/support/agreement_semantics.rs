//! The semantic half of the agreement: verdicts, places of errors, output columns, and the time it takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use palisade::kql::bind::{Bound, Severity, bind};
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};
use serde_json::Value;

use super::{figure, id, text};

/// The schemas as the oracle was given them: custom tables open, no cross-resource functions.
struct Schemas {
    sentinel: Schema,
    xdr: Schema,
    unified: Schema,
}

impl Schemas {
    fn new() -> Self {
        let make = |platform| Schema::built_in(platform).with_cross_resource(false);
        Schemas {
            sentinel: make(Platform::Sentinel),
            xdr: make(Platform::Xdr),
            unified: make(Platform::Unified),
        }
    }

    fn of(&self, query: &Value) -> &Schema {
        match query["platform"].as_str() {
            Some("xdr") => &self.xdr,
            Some("unified") => &self.unified,
            _ => &self.sentinel,
        }
    }
}

/// Compares with every verdict on a query that parses.
pub(crate) fn on_queries(queries: &[Value], list: bool) {
    let schemas = Schemas::new();
    let (mut clean, mut false_alarms) = (0, 0);
    let (mut parsed, mut same) = (0, 0);
    let (mut closed, mut equal_columns) = (0, 0);
    for query in queries {
        let oracle = &query["oracle"];
        let text = text(query);
        let parse = parse(text);
        if oracle["syntax_ok"].as_bool() != Some(true) || !parse.errors.is_empty() {
            continue;
        }
        let bound = bind(&parse, text, schemas.of(query));
        let ok = oracle["ok"].as_bool() == Some(true);
        parsed += 1;
        same += usize::from(ok == bound.is_ok());
        clean += usize::from(ok);
        false_alarms += usize::from(ok && !bound.is_ok());
        if list && ok != bound.is_ok() {
            println!("{}: oracle {}, ours {}", id(query), verdict(ok), verdict(bound.is_ok()));
            print_errors(oracle, &bound, text);
        }
        if ok && oracle["output_open"].as_bool() == Some(false) {
            closed += 1;
            let difference = column_difference(oracle, &bound);
            equal_columns += usize::from(difference.is_none());
            if let Some(difference) = difference.filter(|_| list) {
                println!("{}: columns: {difference}", id(query));
            }
        }
    }
    let quiet = clean - false_alarms;
    figure("clean queries without an error of ours", quiet, clean, 99.8);
    figure("same ok or not ok", same, parsed, 98.0);
    figure("same output columns, in order, with types", equal_columns, closed, 99.0);
}

/// Every mutant is rejected by the oracle, at a place.
pub(crate) fn on_mutants(mutants: &[Value], list: bool) {
    let schemas = Schemas::new();
    let mut found = 0;
    for mutant in mutants {
        let text = text(mutant);
        let bound = bind(&parse(text), text, schemas.of(mutant));
        let places = oracle_places(&mutant["oracle"], text);
        let hit = bound
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .any(|d| places.iter().any(|&(start, end)| d.span.start <= end && start <= d.span.end));
        found += usize::from(hit);
        if list && !hit {
            println!("{}: mutant {} not found at {places:?}", id(mutant), mutant["mutation"]);
            println!("    oracle: {}", mutant["oracle"]);
            bound
                .diagnostics
                .iter()
                .for_each(|d| println!("    ours: {} {:?} {}", d.code, d.span, d.message));
        }
    }
    figure("semantic mutants rejected at the same place", found, mutants.len(), 97.0);
}

/// Time per query: parse and bind.
pub(crate) fn speed(queries: &[Value]) {
    let schemas = Schemas::new();
    let run = |query: &Value| {
        let text = text(query);
        std::hint::black_box(bind(&parse(text), text, schemas.of(query)));
    };
    // The best of three runs: what the query costs, not what else the machine does.
    let mut times: Vec<(Duration, &str)> = queries
        .iter()
        .map(|query| {
            let best = (0..3).map(|_| {
                let start = Instant::now();
                run(query);
                start.elapsed()
            });
            (best.min().unwrap_or_default(), id(query))
        })
        .collect();
    times.sort();
    let total: Duration = times.iter().map(|(time, _)| *time).sum();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    println!("parse and bind: median {:?}, p99 {:?}, all {} in {total:?}", at(50).0, at(99).0, times.len());
    let slowest: Vec<String> =
        times.iter().rev().take(5).map(|(time, id)| format!("{id} {time:?}")).collect();
    println!("slowest: {}", slowest.join(", "));
}

fn verdict(ok: bool) -> &'static str {
    if ok { "ok" } else { "not ok" }
}

fn print_errors(oracle: &Value, bound: &Bound, text: &str) {
    for diagnostic in oracle["diagnostics"].as_array().into_iter().flatten().take(3) {
        println!("    oracle: {} {}", diagnostic["code"], diagnostic["message"]);
    }
    for d in bound.diagnostics.iter().filter(|d| d.severity == Severity::Error).take(4) {
        println!("    ours: {} {:?} [{}] {}", d.code, d.span, d.span.of(text), d.message);
    }
}

/// What differs between the oracle's columns and ours; `None` if nothing does.
fn column_difference(oracle: &Value, bound: &Bound) -> Option<String> {
    let theirs: Vec<(&str, &str)> = oracle["output_columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| (c["name"].as_str().unwrap_or(""), c["type"].as_str().unwrap_or("")))
        .collect();
    let ours: Vec<(&str, &str)> = bound.columns.iter().map(|c| (c.name.as_str(), c.ty.name())).collect();
    if theirs == ours {
        return if bound.open { Some("open, but the oracle's are not".to_owned()) } else { None };
    }
    let place = theirs.iter().zip(&ours).position(|(a, b)| a != b).unwrap_or(theirs.len().min(ours.len()));
    Some(format!(
        "{} and ours {}, first difference at {place}: {:?}, ours {:?}",
        theirs.len(),
        ours.len(),
        theirs.get(place),
        ours.get(place)
    ))
}

/// The places of the oracle's errors as byte ranges.
fn oracle_places(oracle: &Value, text: &str) -> Vec<(u32, u32)> {
    let bytes = utf16_to_bytes(text);
    // Defender's `invoke FileProfile(SHA1)` was given to the oracle with its argument in quotes.
    let quoted = text.find("invoke FileProfile(").map(|at| at as u64);
    let shift =
        |unit: u64| if quoted.is_some_and(|at| unit > at + 20) { unit.saturating_sub(2) } else { unit };
    let at = |unit: u64| bytes.get(&shift(unit)).copied().unwrap_or(text.len());
    oracle
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|d| {
            let start = d[2].as_u64()?;
            let end = start + d[3].as_u64()?;
            Some((u32::try_from(at(start)).ok()?, u32::try_from(at(end)).ok()?))
        })
        .collect()
}

fn utf16_to_bytes(text: &str) -> BTreeMap<u64, usize> {
    let mut map = BTreeMap::new();
    let mut units = 0u64;
    for (at, c) in text.char_indices() {
        map.insert(units, at);
        units += c.len_utf16() as u64;
    }
    map.insert(units, text.len());
    map
}
