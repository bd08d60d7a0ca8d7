//! Whole queries and what they return.
//!
//! `operators.txt` holds queries and their rows, from the documentation's own examples where a page is named. A block is a
//! query, a line `---`, a line of columns (`name:type`), and one line for each row, cells separated by ` | ` as
//! `tostring()` writes them, but `null` for null and `true` for a truth value. Blocks are separated by a line `===` and what the block is about.

mod complete;
mod engine;
mod hostile;
mod worlds;

use std::collections::BTreeMap;

use super::convert::to_text;
use super::{Budget, Evaluated, Fault, Table, Value, World, evaluate, time};
use crate::kql::parse;
use crate::kql::schema::{Platform, Schema};

/// Fixtures of a test, all empty at first.
#[derive(Default)]
struct Fixtures {
    tables: BTreeMap<String, Table>,
    watchlists: BTreeMap<String, Table>,
    external: BTreeMap<String, Table>,
    file_profiles: Table,
}

impl Fixtures {
    fn run(&self, schema: &Schema, query: &str, budget: Budget) -> Result<Evaluated, Fault> {
        let world = World {
            schema,
            tables: &self.tables,
            watchlists: &self.watchlists,
            external: &self.external,
            file_profiles: &self.file_profiles,
            now: time::parse_datetime("2026-01-31 12:30").unwrap(),
        };
        evaluate(&parse(query), query, &world, budget)
    }
}

fn run(query: &str) -> Result<Evaluated, Fault> {
    let schema = Schema::built_in(Platform::Unified);
    Fixtures::default().run(&schema, query, Budget::default())
}

/// Columns and rows as text.
fn shown(table: &Table) -> Vec<String> {
    let columns: Vec<String> = table.columns.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    let mut lines = vec![columns.join(" ")];
    for row in &table.rows {
        let cell = |value: &Value| match value {
            Value::Null => "null".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            other => to_text(other).to_string(),
        };
        lines.push(row.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    lines
}

#[test]
fn operators_return_what_the_documentation_says() {
    let mut wrong = Vec::new();
    for (number, block) in include_str!("operators.txt").split("\n===").enumerate().skip(1) {
        let (title, block) = block.split_once('\n').unwrap();
        let (query, expected) = block.split_once("\n---\n").unwrap_or_else(|| panic!("no --- in{title}"));
        let expected: Vec<&str> = expected.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        match run(query) {
            Ok(evaluated) => {
                let ours = shown(&evaluated.table);
                let ours: Vec<&str> = ours.iter().map(|line| line.trim_end()).collect();
                if ours != expected {
                    wrong
                        .push(format!("{number}{title}\n{query}\n  expected {expected:#?}\n  got {ours:#?}"));
                }
            }
            Err(fault) => wrong.push(format!("{number}{title}\n{query}\n  {fault}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
