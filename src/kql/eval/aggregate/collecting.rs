//! Aggregates that collect values into an array or a bag, in the order of the rows.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Aggregate, Group, aggregate};
use crate::kql::eval::call::Call;
use crate::kql::eval::functions::key;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const AGGREGATES: &[Aggregate] = &[
    aggregate("make_list", |_, group| Ok(list(group.arg(0).iter(), limit(group, 1, LONGEST)))),
    aggregate("makelist", |_, group| Ok(list(group.arg(0).iter(), limit(group, 1, LONGEST_OF_OLD)))),
    aggregate("make_list_if", |_, group| Ok(list(group.chosen(1), limit(group, 2, LONGEST)))),
    aggregate("make_list_with_nulls", make_list_with_nulls),
    aggregate("make_set", |_, group| Ok(set(group.arg(0).iter(), limit(group, 1, LONGEST)))),
    aggregate("makeset", |_, group| Ok(set(group.arg(0).iter(), limit(group, 1, LONGEST_OF_OLD)))),
    aggregate("make_set_if", |_, group| Ok(set(group.chosen(1), limit(group, 2, LONGEST)))),
    aggregate("make_bag", |_, group| Ok(bag(group.arg(0).iter(), limit(group, 1, LONGEST)))),
    aggregate("make_dictionary", |_, group| Ok(bag(group.arg(0).iter(), limit(group, 1, LONGEST_OF_OLD)))),
    aggregate("make_bag_if", |_, group| Ok(bag(group.chosen(1), limit(group, 2, LONGEST)))),
];

/// "The default and max value is 1048576."
const LONGEST: usize = 1 << 20;
/// "The deprecated version has a default maxSize limit of 128."
const LONGEST_OF_OLD: usize = 128;

/// The size limit that is given, or the one that holds without.
fn limit(group: &Group<'_>, index: usize, default: usize) -> usize {
    let given = group.constant(index).and_then(Value::as_long);
    given.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default).min(LONGEST)
}

fn list<'v>(values: impl Iterator<Item = &'v Value>, limit: usize) -> Value {
    let kept = values.filter(|value| !value.is_null()).take(limit);
    Value::dynamic(Dynamic::Array(kept.cloned().map(Value::into_dynamic).collect()))
}

fn make_list_with_nulls(_: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let kept = group.arg(0).iter().take(LONGEST);
    Ok(Value::dynamic(Dynamic::Array(kept.cloned().map(Value::into_dynamic).collect())))
}

/// Arrays give their elements ("Set from array column").
fn set<'v>(values: impl Iterator<Item = &'v Value>, limit: usize) -> Value {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    let mut add = |element: &Dynamic| {
        if kept.len() < limit && seen.insert(key(element)) {
            kept.push(element.clone());
        }
    };
    for value in values {
        match value {
            Value::Null => {}
            Value::Dynamic(inner) => match &**inner {
                Dynamic::Array(elements) => elements.iter().for_each(&mut add),
                other => add(other),
            },
            other => add(&other.clone().into_dynamic()),
        }
    }
    Value::dynamic(Dynamic::Array(kept))
}

/// The first value of a key counts; what is no bag is left out.
fn bag<'v>(values: impl Iterator<Item = &'v Value>, limit: usize) -> Value {
    let mut seen: HashSet<Arc<str>> = HashSet::new();
    let mut made = Vec::new();
    for value in values {
        let Some(Dynamic::Bag(members)) = value.as_dynamic() else { continue };
        for (name, member) in members {
            if made.len() < limit && seen.insert(Arc::clone(name)) {
                made.push((Arc::clone(name), member.clone()));
            }
        }
    }
    Value::dynamic(Dynamic::Bag(made))
}
