//! Arrays as sets. Results keep the order of first appearance; an argument that is no array counts as an empty one.

use std::collections::HashSet;

use super::argument::{arg, array, count, items};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    function("set_union", set_union),
    function("set_intersect", set_intersect),
    function("set_difference", set_difference),
    function("set_has_element", set_has_element),
    function("set_equals", set_equals),
    function("jaccard_index", jaccard_index),
];

/// A text that two dynamic values share exactly when they are the same element of a set: 1 and 1.0 are, 1 and "1" not.
pub(crate) fn key(value: &Dynamic) -> String {
    match value {
        // 2^53: every whole number below it is exact as a double.
        #[expect(clippy::cast_possible_truncation, reason = "whole and within range")]
        Dynamic::Real(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            (*number as i64).to_string()
        }
        Dynamic::DateTime(_) => format!("d{}", json::write(value)),
        Dynamic::TimeSpan(_) => format!("t{}", json::write(value)),
        Dynamic::Guid(_) => format!("g{}", json::write(value)),
        other => json::write_canonical(other),
    }
}

fn keys(args: &[Value], index: usize) -> HashSet<String> {
    items(args, index).unwrap_or_default().iter().map(key).collect()
}

/// The elements that are kept, each once.
fn distinct<'a>(
    elements: impl IntoIterator<Item = &'a Dynamic>,
    mut keep: impl FnMut(&str) -> bool,
) -> Value {
    let mut seen = HashSet::new();
    let kept = elements.into_iter().filter(|element| {
        let key = key(element);
        keep(&key) && seen.insert(key)
    });
    array(kept.cloned().collect::<Vec<_>>())
}

fn set_union(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let all = (0..args.len()).flat_map(|index| items(args, index).unwrap_or_default());
    Ok(distinct(all, |_| true))
}

fn set_intersect(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let others: Vec<_> = (1..args.len()).map(|index| keys(args, index)).collect();
    let first = items(args, 0).unwrap_or_default();
    Ok(distinct(first, |key| others.iter().all(|other| other.contains(key))))
}

fn set_difference(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let others: Vec<_> = (1..args.len()).map(|index| keys(args, index)).collect();
    let first = items(args, 0).unwrap_or_default();
    Ok(distinct(first, |key| !others.iter().any(|other| other.contains(key))))
}

fn set_has_element(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let wanted = key(&arg(args, 1).clone().into_dynamic());
    let found = items(args, 0).unwrap_or_default().iter().any(|element| key(element) == wanted);
    Ok(Value::Bool(found))
}

fn set_equals(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(keys(args, 0) == keys(args, 1)))
}

/// Two empty sets have no index: 0 of 0.
fn jaccard_index(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (a, b) = (keys(args, 0), keys(args, 1));
    let both = count(a.intersection(&b).count());
    let either = count(a.union(&b).count());
    #[expect(clippy::cast_precision_loss, reason = "sizes of arrays in memory")]
    Ok(Value::Real(both as f64 / either as f64))
}
