//! Whether the rows that a query returned are what a case expects, and if not, what differs.

use super::cells::{cell, is_empty, shown};
use super::subject::Subject;
use crate::kql::eval::{Dynamic, Table, Value};
use crate::model::case::{Alert, EntityCheck, Row};
use crate::yaml::{Key, Node, NodeKind};

/// Rows that are listed when a case fails.
const MOST_ROWS: usize = 5;
/// Columns of a listed row that nobody asked about.
const MOST_COLUMNS: usize = 6;
/// Characters of a listed value.
const MOST_TEXT: usize = 160;

/// What is wrong with a result; nothing when it is as expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// One sentence each, without a full stop.
    pub reasons: Vec<String>,
    /// Rows in short: what should be there and is not, what is there and should not.
    pub rows: Vec<RowLine>,
}

/// A line of a difference between rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowLine {
    /// Expected and not there.
    Missing(String),
    /// There.
    Found(String),
}

/// No alert was expected.
pub(crate) fn silence(subject: &Subject<'_>, table: &Table) -> Verdict {
    let mut verdict = Verdict::default();
    if subject.fires(table.rows.len()) {
        verdict.reasons.push(format!("raises an alert: {}", counted(table.rows.len())));
        verdict.rows = found(subject, table);
    }
    verdict
}

/// An alert was expected.
pub(crate) fn alert(subject: &Subject<'_>, table: &Table, alert: &Alert, now: i64) -> Verdict {
    let mut verdict = Verdict::default();
    if !subject.fires(table.rows.len()) {
        let rows =
            if table.rows.is_empty() { String::new() } else { format!(" ({})", counted(table.rows.len())) };
        verdict.reasons.push(format!("raises no alert{rows}"));
        verdict.rows = alert.rows.iter().map(|row| RowLine::Missing(written(&row.cells))).collect();
        return verdict;
    }
    if let Some(count) = &alert.count
        && table.rows.len() as u64 != u64::from(count.value)
    {
        verdict.reasons.push(format!("{} instead of {}", counted(table.rows.len()), count.value));
    }
    for (key, node) in &alert.columns {
        column(table, key, node, now, &mut verdict.reasons);
    }
    rows(table, &alert.rows, now, &mut verdict);
    for check in &alert.entities {
        entity(subject, table, check, &mut verdict.reasons);
    }
    if !verdict.reasons.is_empty() && verdict.rows.is_empty() {
        verdict.rows = found(subject, table);
    }
    verdict
}

/// `1 row`, `2 rows`.
fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Every row has this value in this column.
fn column(table: &Table, key: &Key, node: &Node, now: i64, reasons: &mut Vec<String>) {
    let Some(at) = position(table, &key.name) else {
        reasons.push(format!("the result has no column `{}`", key.name));
        return;
    };
    let wrong = table.rows.iter().enumerate().find(|(_, row)| !holds(table, row, at, node, now));
    if let Some((number, row)) = wrong {
        let is = row.get(at).map_or_else(String::new, |value| cut(&shown(value)));
        let number = if table.rows.len() > 1 { format!(" in row {}", number + 1) } else { String::new() };
        reasons.push(format!("`{}` is `{is}`{number}, not `{}`", key.name, cut(&text_of(node))));
    }
}

/// Each expected row is there, each a row of its own.
fn rows(table: &Table, expected: &[Row], now: i64, verdict: &mut Verdict) {
    let mut free: Vec<usize> = (0..table.rows.len()).collect();
    let mut missing: Vec<&Row> = Vec::new();
    for row in expected {
        let fits = |index: &usize| differing(table, *index, row, now).is_empty();
        match free.iter().position(fits) {
            Some(at) => drop(free.remove(at)),
            None => missing.push(row),
        }
    }
    for row in &missing {
        let nearest = free.iter().map(|index| (differing(table, *index, row, now), *index));
        let nearest = nearest.min_by_key(|(differing, _)| differing.len());
        verdict.rows.push(RowLine::Missing(written(&row.cells)));
        match nearest {
            Some((names, index)) if names.len() < row.cells.len() || row.cells.len() == 1 => {
                verdict.reasons.push(format!("an expected row differs in {}", names.join(", ")));
                let columns = row.cells.iter().map(|(key, _)| key.name.as_str());
                verdict.rows.push(RowLine::Found(listed(table, index, columns)));
            }
            _ => verdict.reasons.push("an expected row is missing".to_owned()),
        }
    }
}

/// The columns in which a row is not as expected.
fn differing<'r>(table: &Table, index: usize, expected: &'r Row, now: i64) -> Vec<&'r str> {
    let Some(row) = table.rows.get(index) else { return Vec::new() };
    let differs = |(key, node): &&(Key, Node)| {
        position(table, &key.name).is_none_or(|at| !holds(table, row, at, node, now))
    };
    expected.cells.iter().filter(differs).map(|(key, _)| key.name.as_str()).collect()
}

fn position(table: &Table, name: &str) -> Option<usize> {
    table.columns.iter().position(|column| &*column.name == name)
}

/// Whether a cell has the value that is written; text is compared as it stands.
fn holds(table: &Table, row: &[Value], at: usize, node: &Node, now: i64) -> bool {
    let (Some(column), Some(value)) = (table.columns.get(at), row.get(at)) else { return false };
    if node.kind == NodeKind::Null {
        return is_empty(value);
    }
    match cell(node, column.ty, false, now) {
        Ok(expected) => same(&expected.into_dynamic(), &value.clone().into_dynamic()),
        Err(_) => shown(value) == text_of(node),
    }
}

/// Equality of values: numbers by value, bags whatever the order of their keys.
fn same(a: &Dynamic, b: &Dynamic) -> bool {
    match (a, b) {
        (Dynamic::Array(a), Dynamic::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Dynamic::Bag(a), Dynamic::Bag(members)) => {
            a.len() == members.len()
                && a.iter().all(|(key, value)| b.member(key).is_some_and(|other| same(value, other)))
        }
        #[expect(clippy::cast_precision_loss, reason = "a whole number is compared with a fraction")]
        (Dynamic::Long(a), Dynamic::Real(b)) | (Dynamic::Real(b), Dynamic::Long(a)) => *a as f64 == *b,
        (Dynamic::Real(a), Dynamic::Real(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => a == b,
    }
}

/// Every row identifies an entity of this kind.
fn entity(subject: &Subject<'_>, table: &Table, check: &EntityCheck, reasons: &mut Vec<String>) {
    let kind = check.kind.value.as_str();
    let plural = |known: &str| kind.len() == known.len() + 1 && kind.ends_with('s');
    let is_meant = |known: &str| {
        known.eq_ignore_ascii_case(kind)
            || (plural(known) && kind.get(..known.len()).is_some_and(|one| one.eq_ignore_ascii_case(known)))
    };
    let columns: Vec<&String> = subject
        .entities
        .iter()
        .filter(|(known, _)| is_meant(known))
        .flat_map(|(_, columns)| columns)
        .collect();
    if columns.is_empty() {
        reasons.push(format!("the rule maps no {kind}"));
        return;
    }
    for (number, row) in table.rows.iter().enumerate() {
        let identifiers = columns.iter().filter_map(|column| row.get(position(table, column)?));
        let identifiers: Vec<String> = identifiers.filter(|value| !is_empty(value)).map(shown).collect();
        let wanted =
            |value: &String| check.values.is_empty() || check.values.iter().any(|one| one.value == *value);
        if !identifiers.iter().any(wanted) {
            let is = match identifiers.as_slice() {
                [] => "is not identified".to_owned(),
                some => format!("is `{}`", cut(&some.join("`, `"))),
            };
            reasons.push(format!("the {kind} of row {} {is}", number + 1));
            return;
        }
    }
}

/// The rows that came out, in short: what identifies entities first.
pub(crate) fn found(subject: &Subject<'_>, table: &Table) -> Vec<RowLine> {
    let entities = subject.entities.iter().flat_map(|(_, columns)| columns.iter().map(String::as_str));
    let others = table.columns.iter().map(|column| &*column.name);
    let mut columns: Vec<&str> = Vec::new();
    for name in entities.chain(others) {
        if !columns.contains(&name) && table.rows.iter().any(|row| has(table, row, name)) {
            columns.push(name);
        }
    }
    columns.truncate(MOST_COLUMNS);
    let line = |index| RowLine::Found(listed(table, index, columns.iter().copied()));
    let mut lines: Vec<RowLine> = (0..table.rows.len().min(MOST_ROWS)).map(line).collect();
    if table.rows.len() > MOST_ROWS {
        lines.push(RowLine::Found(format!("… and {} more", table.rows.len() - MOST_ROWS)));
    }
    lines
}

fn has(table: &Table, row: &[Value], name: &str) -> bool {
    position(table, name).and_then(|at| row.get(at)).is_some_and(|value| !is_empty(value))
}

fn listed<'c>(table: &Table, index: usize, columns: impl Iterator<Item = &'c str>) -> String {
    let row = table.rows.get(index);
    let cells = columns.map(|name| {
        let value = position(table, name).and_then(|at| row?.get(at));
        format!("{name}: {}", value.map_or_else(|| "no such column".to_owned(), |value| cut(&shown(value))))
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn written(cells: &[(Key, Node)]) -> String {
    let cells = cells.iter().map(|(key, node)| format!("{}: {}", key.name, cut(&text_of(node))));
    cells.collect::<Vec<_>>().join(", ")
}

/// A node as a person would write it.
fn text_of(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(b) => b.to_string(),
        NodeKind::Int(n) => n.to_string(),
        NodeKind::Float(n) => n.to_string(),
        NodeKind::Str(text) => text.value.clone(),
        NodeKind::Seq(items) => format!("[{}]", items.iter().map(text_of).collect::<Vec<_>>().join(", ")),
        NodeKind::Map(entries) => format!("{{{}}}", written(entries)),
    }
}

/// A value on one line, not endless.
pub(crate) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_TEXT).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if text.chars().nth(MOST_TEXT).is_some() {
        shown.push('…');
    }
    shown
}
