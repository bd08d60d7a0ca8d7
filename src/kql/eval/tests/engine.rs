//! Whole queries on generated events, beside an independent engine.
//!
//! `tests/data/kql-engine/queries.txt` holds what that engine answered (which, in which version: its first line); it is
//! made by `tests/oracle/kql_engine.py`. Where the engine differs from the documentation, `decided.txt` names the queries
//! and says who is right and why; what it lists must differ indeed, so that the list stays exact.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Fixtures;
use crate::kql::eval::convert::to_text;
use crate::kql::eval::{Budget, Dynamic, Table, Value, json};
use crate::kql::schema::{Platform, Schema};
use crate::kql::types::ScalarType;

const QUERIES: &str = include_str!("../../../../tests/data/kql-engine/queries.txt");
const DECIDED: &str = include_str!("../../../../tests/data/kql-engine/decided.txt");
const EVENTS: [&str; 4] = [
    include_str!("../../../../tests/data/kql-engine/events-1.kql"),
    include_str!("../../../../tests/data/kql-engine/events-2.kql"),
    include_str!("../../../../tests/data/kql-engine/events-3.kql"),
    include_str!("../../../../tests/data/kql-engine/events-4.kql"),
];

/// A query, the sets of events it ran on, and the engine's table: its first line has the columns.
struct Block<'t> {
    sets: Vec<usize>,
    ordered: bool,
    query: &'t str,
    table: Vec<&'t str>,
}

fn blocks() -> Vec<Block<'static>> {
    let block = |block: &'static str| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (sets, order) = title.strip_prefix(" events ").unwrap().split_once(", ").unwrap();
        let (query, table) = rest.split_once("\n---\n").unwrap();
        Block {
            sets: sets.split(' ').map(|set| set.parse().unwrap()).collect(),
            ordered: order == "ordered",
            query,
            table: table.lines().collect(),
        }
    };
    QUERIES.split("\n===").skip(1).map(block).collect()
}

/// The queries of `decided.txt`; lines that begin with `=` or a space say why.
fn decided() -> BTreeSet<&'static str> {
    DECIDED.lines().filter(|line| !line.is_empty() && !line.starts_with(['=', ' '])).collect()
}

#[test]
fn queries_return_what_an_independent_engine_returns() {
    let decided = decided();
    let (schema, fixtures) = (Schema::built_in(Platform::Unified), Fixtures::default());
    let (mut wrong, mut differing, mut count) = (Vec::new(), BTreeMap::new(), 0);
    for block in blocks() {
        for &set in &block.sets {
            count += 1;
            let text = format!("{}{}", EVENTS[set - 1], block.query);
            let difference = match fixtures.run(&schema, &text, Budget::default()) {
                Ok(evaluated) => difference(&block, &evaluated.table),
                Err(fault) => Some(fault.to_string()),
            };
            if let Some(difference) = difference {
                *differing.entry(block.query).or_insert(0) += 1;
                if !decided.contains(block.query) {
                    wrong.push(format!("events {set}: {}\n{difference}", block.query));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 1000, "{count}");
    let stale: Vec<&&str> = decided.iter().filter(|query| !differing.contains_key(**query)).collect();
    assert!(stale.is_empty(), "decided.txt lists queries that agree: {stale:#?}");
}

/// What is different, if anything is.
fn difference(block: &Block<'_>, ours: &Table) -> Option<String> {
    let columns: Vec<String> = ours.columns.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    let columns = columns.join(" ");
    if columns != block.table[0] {
        return Some(format!("  theirs {}\n  ours   {columns}", block.table[0]));
    }
    let theirs: Vec<Vec<&str>> = block.table[1..].iter().map(|row| row.split(" | ").collect()).collect();
    let same = |row: &[Value], theirs: &[&str]| {
        row.len() == theirs.len()
            && row.iter().zip(theirs).zip(&ours.columns).all(|((a, b), column)| cell(a, b, column.ty))
    };
    if block.ordered && theirs.len() == ours.rows.len() {
        let first = ours.rows.iter().zip(&theirs).position(|(row, theirs)| !same(row, theirs))?;
        return Some(format!("  theirs {}\n  ours   {}", block.table[first + 1], shown(&ours.rows[first])));
    }
    let mut left: HashSet<usize> = (0..theirs.len()).collect();
    let mut surplus = Vec::new();
    for row in &ours.rows {
        let found = left.iter().copied().find(|place| same(row, &theirs[*place]));
        match found {
            Some(place) => drop(left.remove(&place)),
            None => surplus.push(format!("  ours   {}", shown(row))),
        }
    }
    let missing: BTreeSet<usize> = left.into_iter().collect();
    let missing = missing.into_iter().map(|place| format!("  theirs {}", block.table[place + 1]));
    let lines: Vec<String> = missing.take(3).chain(surplus.into_iter().take(3)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Whether a cell is the value that the engine wrote. Numbers may differ in the last digits: sums run in another order.
fn cell(ours: &Value, theirs: &str, ty: ScalarType) -> bool {
    match (ours, ty) {
        (Value::Null, _) => theirs == "null",
        (Value::Real(number), _) => near(*number, theirs.parse().unwrap_or(f64::NAN)),
        (Value::String(text), _) => serde_json::to_string(&**text).unwrap() == theirs,
        (Value::Dynamic(value), _) => alike(value, &json::parse(theirs).unwrap_or(Dynamic::Null)),
        (Value::Bool(truth), _) => truth.to_string() == theirs,
        _ => *to_text(ours) == *theirs,
    }
}

fn near(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Equal as JSON; the engine writes dates inside as text.
fn alike(ours: &Dynamic, theirs: &Dynamic) -> bool {
    match (ours, theirs) {
        (Dynamic::Array(a), Dynamic::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Dynamic::Bag(a), Dynamic::Bag(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| theirs.member(key).is_some_and(|other| alike(value, other)))
        }
        (Dynamic::Real(a), Dynamic::Long(b)) | (Dynamic::Long(b), Dynamic::Real(a)) => near(*a, *b as f64),
        (Dynamic::Real(a), Dynamic::Real(b)) => near(*a, *b),
        (Dynamic::DateTime(_) | Dynamic::TimeSpan(_) | Dynamic::Guid(_), Dynamic::String(b)) => {
            *to_text(&Value::dynamic(ours.clone()).unwrapped()) == **b
        }
        _ => ours == theirs,
    }
}

fn shown(row: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => serde_json::to_string(&**text).unwrap(),
        other => to_text(other).to_string(),
    };
    row.iter().map(cell).collect::<Vec<_>>().join(" | ")
}
