//! Any bytes after a small table: evaluating never panics, stays in its budget, and every row is as wide as its table.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use palisade::kql::eval::{Budget, Table, World, evaluate};
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};

fuzz_target!(|data: &[u8]| {
    let written = String::from_utf8_lossy(data);
    let text = format!(
        "let T = datatable(a:long, b:string, d:dynamic, t:datetime)[1, 'x', dynamic({{\"k\": [1]}}), datetime(2024-01-01)];\n{written}"
    );
    let schema = Schema::built_in(Platform::Unified);
    let nothing = BTreeMap::new();
    let none = Table::default();
    let world = World {
        schema: &schema,
        tables: &nothing,
        watchlists: &nothing,
        external: &nothing,
        file_profiles: &none,
        now: 639_150_336_000_000_000,
    };
    let budget = Budget { rows: 10_000, steps: 1_000_000, bytes: 64 << 20 };
    match evaluate(&parse(&text), &text, &world, budget) {
        Ok(evaluated) => {
            let width = evaluated.table.columns.len();
            assert!(evaluated.table.rows.iter().all(|row| row.len() == width));
        }
        Err(fault) => assert!(text.get(fault.span().range()).is_some() || text.len() > u32::MAX as usize),
    }
});
