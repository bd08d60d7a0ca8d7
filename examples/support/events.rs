//! Events made up from a schema: a few rows for every table that a query names, the same at every run.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade::kql::Parse;
use palisade::kql::bind::Bound;
use palisade::kql::eval::{Column, Dynamic, Table, Value};
use palisade::kql::schema::Schema;
use palisade::kql::syntax::ExprKind;
use palisade::kql::syntax::visit::{Node, walk};
use palisade::kql::types::ScalarType;

/// 2026-11-23T12:00:00Z in ticks.
pub(crate) const NOW: i64 = 639_150_336_000_000_000;
const HOUR: i64 = 36_000_000_000;
const ROWS: usize = 4;

/// Everything a query may read.
pub(crate) struct Made {
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) watchlists: BTreeMap<String, Table>,
    pub(crate) external: BTreeMap<String, Table>,
    pub(crate) file_profiles: Table,
}

impl Made {
    pub(crate) fn new(parsed: &Parse, bound: &Bound, schema: &Schema) -> Made {
        let mut tables = BTreeMap::new();
        for name in &bound.tables {
            tables.insert(name.clone(), many(schema, name, ROWS));
        }
        // Any text of the query may be where it reads other rows from.
        let mut external = BTreeMap::new();
        let mut watchlists = BTreeMap::new();
        walk(&parsed.query, &mut |node| {
            if let Node::Expr(expr) = node
                && let ExprKind::String(text) = &expr.kind
            {
                external
                    .insert(text.value.to_string(), Table { columns: Vec::new(), rows: vec![Vec::new(); 2] });
                watchlists.insert(text.value.to_string(), table(&[("SearchKey", ScalarType::String)]));
            }
        });
        // Items of a watchlist that nobody described may have any columns: no rows say the same.
        watchlists.clear();
        let file_profiles = table(&[("SHA1", ScalarType::String), ("GlobalPrevalence", ScalarType::Long)]);
        Made { tables, watchlists, external, file_profiles }
    }
}

/// That many events of a table.
pub(crate) fn many(schema: &Schema, name: &str, rows: usize) -> Table {
    let columns = schema.table_columns(name).unwrap_or_default();
    Table {
        columns: columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect(),
        rows: (0..rows).map(|row| columns.iter().map(|(name, ty)| value(name, *ty, row)).collect()).collect(),
    }
}

fn table(columns: &[(&str, ScalarType)]) -> Table {
    Table {
        columns: columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect(),
        rows: (0..ROWS).map(|row| columns.iter().map(|(name, ty)| value(name, *ty, row)).collect()).collect(),
    }
}

fn value(name: &str, ty: ScalarType, row: usize) -> Value {
    let number = i64::try_from(row).unwrap_or(0);
    match ty {
        ScalarType::Bool => Value::Bool(row.is_multiple_of(2)),
        ScalarType::Int => Value::Int(i32::try_from(row * 7 + 1).unwrap_or(1)),
        ScalarType::Long => Value::Long(number * 7 + 1),
        ScalarType::Real => Value::Real(1.5 * f64::from(u32::try_from(row).unwrap_or(0)) + 0.25),
        ScalarType::String => text(name, row),
        ScalarType::DateTime => Value::DateTime(NOW - HOUR * (number + 1)),
        ScalarType::TimeSpan => Value::TimeSpan(HOUR * number),
        ScalarType::Guid => Value::Guid(0x1234_5678 + row as u128),
        ScalarType::Dynamic => Value::Dynamic(Arc::new(bag(row))),
        ScalarType::Decimal | ScalarType::Unknown => Value::Null,
    }
}

fn text(name: &str, row: usize) -> Value {
    let lower = name.to_lowercase();
    let made = match () {
        () if lower.contains("sha1") => format!("{:040x}", row + 1),
        () if lower.contains("sha256") => format!("{:064x}", row + 1),
        () if lower.contains("ip") && !lower.contains("description") => format!("203.0.113.{}", row + 10),
        () if lower.contains("url") => format!("https://host{row}.example.com/path?x=1"),
        () if lower.contains("commandline") => format!("cmd.exe /c whoami /all {row}"),
        () if lower.contains("path") || lower.contains("folder") => {
            format!("C:\\Windows\\System32\\tool{row}.exe")
        }
        () if lower.contains("file") || lower.contains("process") => format!("tool{row}.exe"),
        () if lower.contains("upn") || lower.contains("mail") || lower.contains("principal") => {
            format!("user{row}@example.com")
        }
        () if lower.contains("json") || lower.contains("fields") || lower.contains("properties") => {
            format!("{{\"a\":\"b\",\"n\":{row}}}")
        }
        () => format!("{name}{row}"),
    };
    Value::from(made)
}

fn bag(row: usize) -> Dynamic {
    let text = |s: &str| Dynamic::String(Arc::from(s));
    let number = i64::try_from(row).unwrap_or(0);
    Dynamic::Array(vec![Dynamic::Bag(vec![
        (Arc::from("name"), text("name")),
        (Arc::from("Name"), text("Name")),
        (Arc::from("Value"), text("value")),
        (Arc::from("id"), Dynamic::Long(number)),
    ])])
}
