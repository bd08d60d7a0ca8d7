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
        (Dynamic::Real(a), Dynamic::Real(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
        (Dynamic::Long(a), Dynamic::Real(b)) => whole_and_real(*a, *b),
        (Dynamic::Real(a), Dynamic::Long(b)) => whole_and_real(*b, *a).reverse(),
        _ => kind(a).cmp(&kind(b)).then_with(|| json::write_canonical(a).cmp(&json::write_canonical(b))),
    }
}

/// `-0.0 + 0.0` is `0.0`. Exact, so that the order stays one: as reals, two neighbouring large numbers would both equal a third.
#[expect(clippy::cast_precision_loss, reason = "where precision is lost, the second comparison decides")]
#[expect(clippy::cast_possible_truncation, reason = "reals that are no whole numbers of 64 bits are clamped")]
fn whole_and_real(whole: i64, real: f64) -> Ordering {
    (whole as f64).total_cmp(&(real + 0.0)).then_with(|| i128::from(whole).cmp(&(real as i128)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_order() {
        let big = 1 << 53;
        let values = [
            Dynamic::Real(f64::NEG_INFINITY),
            Dynamic::Long(i64::MIN),
            Dynamic::Real(-0.0),
            Dynamic::Long(0),
            Dynamic::Real(0.5),
            Dynamic::Long(big),
            Dynamic::Real(big as f64),
            Dynamic::Long(big + 1),
            Dynamic::Long(i64::MAX),
            Dynamic::Real(i64::MAX as f64),
            Dynamic::Real(f64::INFINITY),
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate().skip(i) {
                assert_ne!(compare(a, b), Ordering::Greater, "{a:?} {b:?}");
                assert_eq!(compare(a, b), compare(b, a).reverse(), "{i} {j}");
            }
        }
        assert_eq!(compare(&Dynamic::Long(big + 1), &Dynamic::Real(big as f64)), Ordering::Greater);
    }
}
