//! A case set up for one schema: every row with every column, every cell of its column's type.
//!
//! Mistakes are found once, against all schemas that the rule meets ([`check`]); setting up then leaves out what a schema
//! does not have. A case with mistakes is never played.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::cells::{cell, guess};
use super::codes;
use crate::compile::Known;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::kql::eval::{Column, INGESTION_TIME, Table, Value, time};
use crate::kql::schema::Schema;
use crate::kql::types::ScalarType;
use crate::model::Repository;
use crate::model::case::{Case, Feed, Row};
use crate::model::environment::Environment;
use crate::model::watchlist::{Item, Watchlist};
use crate::yaml::{Key, Node, NodeKind};

/// The key of a row that says when its event arrived.
pub(crate) const ARRIVAL: &str = "ingestion_time";
/// The columns that hold the time of an event.
const TIMES: [&str; 2] = ["TimeGenerated", "Timestamp"];
/// Ticks by which events lie before the clock when nothing else is said.
const JUST_BEFORE: i64 = 60 * time::SECOND;

/// What a query reads in a case.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) watchlists: BTreeMap<String, Table>,
    pub(crate) external: BTreeMap<String, Table>,
    pub(crate) file_profiles: Table,
    pub(crate) now: i64,
}

/// The columns that rows are set up with: name and type.
type Columns = Vec<(String, ScalarType)>;

/// Sets a case up. Where the case has no clock, it is noon of `today` (UTC), so that a run does not depend on the hour.
pub(crate) fn set_up(case: &Case, schema: &Schema, today: Date) -> Stage {
    let now = clock(case, today);
    let mut tables = BTreeMap::new();
    for feed in &case.events {
        let defaults = defaults_of(case, &feed.name.value);
        let known = columns_of(schema, &feed.name.value);
        let columns = known.unwrap_or_else(|| guessed(feed, &defaults));
        tables.insert(feed.name.value.clone(), table(feed, &columns, &defaults, now, true));
    }
    let plain = |feeds: &[Feed]| {
        let set_up =
            |feed: &Feed| (feed.name.value.clone(), table(feed, &guessed(feed, &[]), &[], now, false));
        feeds.iter().map(set_up).collect()
    };
    let profiles = case.file_profiles.as_ref().map(|feed| {
        let columns = profile_columns(schema, feed);
        table(feed, &columns, &[], now, false)
    });
    Stage {
        tables,
        watchlists: plain(&case.watchlists),
        external: plain(&case.external_data),
        file_profiles: profiles.unwrap_or_default(),
        now,
    }
}

/// Everything in a case that none of the schemas knows, and every cell that does not fit.
pub(crate) fn check(
    case: &Case,
    schemas: &[Arc<Known>],
    tables_read: &[String],
    today: Date,
    out: &mut Diagnostics,
) {
    let now = clock(case, today);
    let names = || schemas.iter().flat_map(|known| known.schema.table_names());
    let places = case.events.iter().map(|feed| (&feed.name, feed.rows.as_slice()));
    let defaults = case.defaults.iter().map(|(name, row)| (name, std::slice::from_ref(row)));
    for (name, rows) in places.chain(defaults) {
        let known: Vec<Columns> =
            schemas.iter().filter_map(|known| columns_of(&known.schema, &name.value)).collect();
        if known.is_empty() {
            // A workspace may have tables that nobody listed; one that the query reads is no slip of the pen.
            let is_read = tables_read.iter().any(|table| table == &name.value);
            let may_exist = schemas.iter().any(|known| known.schema.may_have_more_tables());
            if !(is_read && may_exist) {
                let finding = codes::UNKNOWN_NAME
                    .error("unknown table")
                    .labelled(name.span, "no schema that this rule meets has this table");
                let near = did_you_mean(&name.value, tables_read.iter().map(String::as_str))
                    .or_else(|| did_you_mean(&name.value, names()));
                out.push(with_near(finding, near));
            }
            continue;
        }
        for row in rows {
            for (key, node) in &row.cells {
                check_cell(key, node, row.text_only, &known, now, out);
            }
        }
    }
}

fn check_cell(key: &Key, node: &Node, text_only: bool, known: &[Columns], now: i64, out: &mut Diagnostics) {
    let ty = |columns: &Columns| columns.iter().find(|(name, _)| *name == key.name).map(|(_, ty)| *ty);
    let found = if key.name == ARRIVAL { Some(ScalarType::DateTime) } else { known.iter().find_map(ty) };
    let Some(ty) = found else {
        let finding =
            codes::UNKNOWN_NAME.error("unknown column").labelled(key.span, "the table has no such column");
        let names = known.iter().flatten().map(|(name, _)| name.as_str());
        out.push(with_near(finding, did_you_mean(&key.name, names)));
        return;
    };
    if let Err(expected) = cell(node, ty, text_only, now) {
        let finding = codes::WRONG_CELL.error(format!("expected {expected}")).labelled(
            node.span,
            format!("`{}` is a column of type {ty}, and this is {}", key.name, node.describe()),
        );
        out.push(match (&node.kind, ty) {
            (NodeKind::Str(_), ScalarType::DateTime) => {
                finding.with_help("write 2026-11-23T08:00:00Z, or -5m for five minutes before the clock")
            }
            (_, ScalarType::String) => finding.with_help("quote it"),
            (NodeKind::Str(text), _) if reads_as_other(&text.value) => finding.with_help("remove the quotes"),
            _ => finding,
        });
    }
}

/// Whether YAML would not take this for a text if it stood there without quotes.
fn reads_as_other(text: &str) -> bool {
    text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "null")
}

fn with_near(finding: Diagnostic, near: Option<&str>) -> Diagnostic {
    match near {
        Some(near) => finding.with_help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// The watchlists that the repository itself holds for an environment.
pub(crate) fn watchlists(repository: &Repository, environment: &Environment) -> BTreeMap<String, Table> {
    let lists = repository.watchlists.iter().filter(|list| environment.takes_watchlist(list));
    lists.map(|list| (list.alias.value.to_string(), items(list))).collect()
}

/// Everything is text in a watchlist; the service adds the search key under a name of its own.
fn items(list: &Watchlist) -> Table {
    let names = list.columns.iter().map(String::as_str).chain(["SearchKey"]);
    let columns = names.map(|name| Column { name: Arc::from(name), ty: ScalarType::String }).collect();
    let row = |item: &Item| {
        let key = item.values.first();
        item.values.iter().chain(key).map(|text| Value::string(text)).collect()
    };
    Table { columns, rows: list.items.iter().map(row).collect() }
}

fn clock(case: &Case, today: Date) -> i64 {
    let noon = || Some(today.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    let moment = case.clock.as_ref().map(|clock| clock.value).or_else(noon);
    ticks(moment.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A moment as Kusto counts it.
fn ticks(moment: Timestamp) -> i64 {
    time::parse_datetime(&moment.to_string()).unwrap_or_default()
}

fn columns_of(schema: &Schema, table: &str) -> Option<Columns> {
    let columns = schema.table_columns(table)?;
    Some(columns.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect())
}

fn defaults_of<'a>(case: &'a Case, table: &str) -> Vec<&'a Row> {
    case.defaults.iter().filter(|(name, _)| name.value == table).map(|(_, row)| row).collect()
}

/// The columns of a table that no schema has: those that its rows name.
fn guessed(feed: &Feed, defaults: &[&Row]) -> Columns {
    let mut columns: Columns = Vec::new();
    for (key, node) in feed.rows.iter().chain(defaults.iter().copied()).flat_map(|row| &row.cells) {
        let ty = guess(&key.name, node);
        match columns.iter_mut().find(|(name, _)| *name == key.name) {
            Some((_, known)) if *known == ScalarType::String && node.kind != NodeKind::Null => *known = ty,
            Some(_) => {}
            None => columns.push((key.name.clone(), ty)),
        }
    }
    columns.retain(|(name, _)| name != ARRIVAL);
    columns
}

/// What the file profile has: what Defender's schema says of the function, and the hashes.
fn profile_columns(schema: &Schema, feed: &Feed) -> Columns {
    let own = guessed(feed, &[]);
    let known: Columns = schema
        .function("FileProfile")
        .and_then(|function| function.columns)
        .into_iter()
        .flatten()
        .map(|column| (schema.name_text(crate::kql::schema::Name(column.name())).to_owned(), column.ty()))
        .collect();
    let ty = |name: &str| known.iter().find(|(known, _)| known == name).map(|(_, ty)| *ty);
    own.into_iter().map(|(name, guess)| (name.clone(), ty(&name).unwrap_or(guess))).collect()
}

fn table(feed: &Feed, columns: &Columns, defaults: &[&Row], now: i64, events: bool) -> Table {
    let mut all: Vec<Column> =
        columns.iter().map(|(name, ty)| Column { name: Arc::from(name.as_str()), ty: *ty }).collect();
    // Where nothing is said, events arrived when they happened.
    let mut rows = feed.rows.iter().chain(defaults.iter().copied());
    let arrives = events && rows.any(|row| row.cells.iter().any(|(key, _)| key.name == ARRIVAL));
    let rows: Vec<Vec<Value>> = feed
        .rows
        .iter()
        .map(|row| {
            let mut values = all_values(row, columns, defaults, now);
            if events {
                fill(&mut values, columns, &feed.name.value, now);
            }
            if arrives {
                values.push(arrival(row, defaults, columns, &values, now));
            }
            values
        })
        .collect();
    if arrives {
        all.push(Column { name: Arc::from(INGESTION_TIME), ty: ScalarType::DateTime });
    }
    Table { columns: all, rows }
}

fn all_values(row: &Row, columns: &Columns, defaults: &[&Row], now: i64) -> Vec<Value> {
    let written = |name: &str| {
        let own = row.cells.iter().find(|(key, _)| key.name == name).map(|(_, node)| (node, row.text_only));
        own.or_else(|| {
            let mut cells =
                defaults.iter().flat_map(|row| row.cells.iter().map(|cell| (cell, row.text_only)));
            cells.find(|((key, _), _)| key.name == name).map(|((_, node), text)| (node, text))
        })
    };
    let value = |(name, ty): &(String, ScalarType)| match written(name) {
        Some((node, text_only)) => cell(node, *ty, text_only, now).unwrap_or_else(|_| Value::missing(*ty)),
        None => Value::missing(*ty),
    };
    columns.iter().map(value).collect()
}

/// Fills what every event has: its time, and in a workspace the name of its table.
fn fill(values: &mut [Value], columns: &Columns, table: &str, now: i64) {
    let position = |name: &str| columns.iter().position(|(known, _)| known == name);
    let times: Vec<usize> = TIMES.iter().filter_map(|name| position(name)).collect();
    let given = times.iter().find_map(|at| values.get(*at).filter(|value| !value.is_null()).cloned());
    let moment = given.unwrap_or(Value::DateTime(now - JUST_BEFORE));
    for at in times {
        if let Some(value) = values.get_mut(at).filter(|value| value.is_null()) {
            *value = moment.clone();
        }
    }
    if let Some(value) = position("Type").and_then(|at| values.get_mut(at))
        && value.as_str() == Some("")
    {
        *value = Value::string(table);
    }
}

/// When an event arrived: as written, else the time of the event.
fn arrival(row: &Row, defaults: &[&Row], columns: &Columns, values: &[Value], now: i64) -> Value {
    let cells = row.cells.iter().chain(defaults.iter().flat_map(|row| &row.cells));
    let written = cells
        .filter(|(key, _)| key.name == ARRIVAL)
        .find_map(|(_, node)| cell(node, ScalarType::DateTime, row.text_only, now).ok());
    let event = || {
        let at = TIMES.iter().find_map(|name| columns.iter().position(|(known, _)| known == name))?;
        values.get(at).cloned()
    };
    written.or_else(event).unwrap_or(Value::DateTime(now - JUST_BEFORE))
}
