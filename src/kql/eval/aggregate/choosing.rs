//! Aggregates that give one of the values they are given: `min`, `max`, `arg_max`, `take_any` and their kin.
//!
//! Where several rows are as good, the first counts: the service may take any.

use std::cmp::Ordering;

use super::{Aggregate, Group, aggregate};
use crate::kql::eval::Value;
use crate::kql::eval::functions::compare;

pub(super) const AGGREGATES: &[Aggregate] = &[
    aggregate("min", |_, group| Ok(extreme(group.arg(0).iter(), Ordering::Less))),
    aggregate("max", |_, group| Ok(extreme(group.arg(0).iter(), Ordering::Greater))),
    aggregate("minif", |_, group| Ok(extreme(group.chosen(1), Ordering::Less))),
    aggregate("maxif", |_, group| Ok(extreme(group.chosen(1), Ordering::Greater))),
    aggregate("arg_min", |_, group| Ok(at_extreme(group, Ordering::Less))),
    aggregate("argmin", |_, group| Ok(at_extreme(group, Ordering::Less))),
    aggregate("arg_max", |_, group| Ok(at_extreme(group, Ordering::Greater))),
    aggregate("argmax", |_, group| Ok(at_extreme(group, Ordering::Greater))),
    aggregate("take_any", |_, group| Ok(any(group.arg(0).iter()))),
    aggregate("any", |_, group| Ok(any(group.arg(0).iter()))),
    aggregate("take_anyif", |_, group| Ok(any(group.chosen(1)))),
    aggregate("anyif", |_, group| Ok(any(group.chosen(1)))),
    aggregate("passthrough", |_, group| Ok(any(group.arg(0).iter()))),
];

/// The row whose value is the extreme one. Nulls count only where there is nothing else.
///
/// `summarize` asks for it to take several columns of the same row.
pub(crate) fn extreme_row(values: &[Value], wanted: Ordering) -> Option<usize> {
    let mut best: Option<(usize, &Value)> = None;
    for (row, value) in values.iter().enumerate() {
        let better = match best {
            None => true,
            Some((_, known)) => beats(value, known, wanted),
        };
        if better {
            best = Some((row, value));
        }
    }
    best.map(|(row, _)| row)
}

fn beats(value: &Value, known: &Value, wanted: Ordering) -> bool {
    match (value, known) {
        (Value::Null, _) => false,
        (_, Value::Null) => true,
        (Value::String(a), Value::String(b)) => a.cmp(b) == wanted,
        (Value::Long(a), Value::Long(b)) | (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b) == wanted,
        _ => compare(&value.clone().into_dynamic(), &known.clone().into_dynamic()) == wanted,
    }
}

fn extreme<'v>(values: impl Iterator<Item = &'v Value>, wanted: Ordering) -> Value {
    let mut best = &Value::Null;
    for value in values {
        if beats(value, best, wanted) {
            best = value;
        }
    }
    best.clone()
}

/// The second argument in the row where the first is extreme; the first itself where there is no second.
fn at_extreme(group: &Group<'_>, wanted: Ordering) -> Value {
    let returned = if group.args.len() > 1 { group.arg(1) } else { group.arg(0) };
    let row = extreme_row(group.arg(0), wanted);
    row.and_then(|row| returned.get(row)).cloned().unwrap_or(Value::Null)
}

/// The first value that is neither null nor an empty string, if there is one.
fn any<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    let mut first = None;
    for value in values {
        if !value.is_null() && value.as_str() != Some("") {
            return value.clone();
        }
        first = first.or(Some(value));
    }
    first.cloned().unwrap_or(Value::Null)
}
