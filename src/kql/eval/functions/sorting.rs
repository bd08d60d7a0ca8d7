//! The order of dynamic values, and the functions that sort by it.

use std::cmp::Ordering;

use super::argument::{arg, array, items};
use super::{Function, Tuple, first, function, tuple};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    function("array_sort_asc", |call, args| first(array_sort_asc(call, args))),
    function("array_sort_desc", |call, args| first(array_sort_desc(call, args))),
];

pub(super) const TUPLES: &[Tuple] =
    &[tuple("array_sort_asc", array_sort_asc), tuple("array_sort_desc", array_sort_desc)];

/// The order of "array_sort_asc()": numbers, instants and spans, then strings, then GUIDs, then all else. Within a kind
/// by value, strings by their characters; arrays and bags by their text, so that the order is always the same.
pub(crate) fn compare(a: &Dynamic, b: &Dynamic) -> Ordering {
    match (a, b) {
        (Dynamic::Long(a), Dynamic::Long(b))
        | (Dynamic::DateTime(a), Dynamic::DateTime(b))
        | (Dynamic::TimeSpan(a), Dynamic::TimeSpan(b)) => a.cmp(b),
        (Dynamic::String(a), Dynamic::String(b)) => a.cmp(b),
        (Dynamic::Guid(a), Dynamic::Guid(b)) => a.cmp(b),
        (Dynamic::Bool(a), Dynamic::Bool(b)) => a.cmp(b),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => kind(a).cmp(&kind(b)).then_with(|| json::write_canonical(a).cmp(&json::write_canonical(b))),
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "only compared with a real, which is no finer")]
fn number(value: &Dynamic) -> Option<f64> {
    match value {
        Dynamic::Long(number) => Some(*number as f64),
        Dynamic::Real(number) => Some(*number),
        _ => None,
    }
}

fn kind(value: &Dynamic) -> u8 {
    match value {
        Dynamic::Long(_) | Dynamic::Real(_) => 0,
        Dynamic::DateTime(_) => 1,
        Dynamic::TimeSpan(_) => 2,
        Dynamic::String(_) => 3,
        Dynamic::Guid(_) => 4,
        Dynamic::Bool(_) => 5,
        Dynamic::Array(_) => 6,
        Dynamic::Bag(_) => 7,
        Dynamic::Null => 8,
    }
}

fn array_sort_asc(_: &Call<'_>, args: &[Value]) -> Result<Vec<Value>, Fault> {
    Ok(sorted(args, compare))
}

fn array_sort_desc(_: &Call<'_>, args: &[Value]) -> Result<Vec<Value>, Fault> {
    Ok(sorted(args, |a, b| compare(b, a)))
}

/// The first array sorted, the others in the same order. Nulls stand last unless the last argument says otherwise; an
/// array of another length than the first is null.
fn sorted(args: &[Value], order: impl Fn(&Dynamic, &Dynamic) -> Ordering) -> Vec<Value> {
    let (args, nulls_last) = match args.split_last() {
        Some((Value::Bool(nulls_last), arrays)) => (arrays, *nulls_last),
        _ => (args, true),
    };
    let Some(keys) = items(args, 0) else { return vec![Value::Null; args.len()] };
    let mut positions: Vec<usize> = (0..keys.len()).collect();
    let is_null = |value: Option<&Dynamic>| matches!(value, None | Some(Dynamic::Null));
    positions.sort_by(|a, b| {
        let (a, b) = (keys.get(*a), keys.get(*b));
        let nulls = is_null(a).cmp(&is_null(b));
        let nulls = if nulls_last { nulls } else { nulls.reverse() };
        nulls.then_with(|| a.zip(b).map_or(Ordering::Equal, |(a, b)| order(a, b)))
    });
    let reorder = |index| match items(args, index) {
        Some(other) if other.len() == keys.len() => {
            array(positions.iter().filter_map(|position| other.get(*position)).cloned())
        }
        _ => Value::Null,
    };
    (0..args.len())
        .map(|index| if arg(args, index).is_null() { Value::Null } else { reorder(index) })
        .collect()
}
