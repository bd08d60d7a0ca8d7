//! Reading arguments: what is missing or of another type is `None`, which functions answer with null.

use std::sync::Arc;

use crate::kql::eval::convert::to_text;
use crate::kql::eval::{Dynamic, Value};

static NULL: Value = Value::Null;

/// The argument, or null if it was not given.
pub(super) fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&NULL)
}

/// The argument as text: other types are cast as by `tostring()`, null is empty.
pub(super) fn text(args: &[Value], index: usize) -> Arc<str> {
    to_text(arg(args, index))
}

/// A whole number.
pub(super) fn long(args: &[Value], index: usize) -> Option<i64> {
    arg(args, index).as_long()
}

/// A whole number, or what is meant where none is given.
pub(super) fn long_or(args: &[Value], index: usize, default: i64) -> Option<i64> {
    if args.len() > index { long(args, index) } else { Some(default) }
}

/// A number.
pub(super) fn real(args: &[Value], index: usize) -> Option<f64> {
    arg(args, index).as_real()
}

/// An instant, also out of a dynamic.
pub(super) fn datetime(args: &[Value], index: usize) -> Option<i64> {
    match arg(args, index) {
        Value::DateTime(ticks) => Some(*ticks),
        Value::Dynamic(inner) => match **inner {
            Dynamic::DateTime(ticks) => Some(ticks),
            _ => None,
        },
        _ => None,
    }
}

/// A span, also out of a dynamic.
pub(super) fn timespan(args: &[Value], index: usize) -> Option<i64> {
    match arg(args, index) {
        Value::TimeSpan(ticks) => Some(*ticks),
        Value::Dynamic(inner) => match **inner {
            Dynamic::TimeSpan(ticks) => Some(ticks),
            _ => None,
        },
        _ => None,
    }
}

/// The elements of an array.
pub(super) fn items(args: &[Value], index: usize) -> Option<&[Dynamic]> {
    match arg(args, index).as_dynamic() {
        Some(Dynamic::Array(items)) => Some(items),
        _ => None,
    }
}

/// The members of a bag.
pub(super) fn members(args: &[Value], index: usize) -> Option<&[(Arc<str>, Dynamic)]> {
    match arg(args, index).as_dynamic() {
        Some(Dynamic::Bag(members)) => Some(members),
        _ => None,
    }
}

/// An array as a value.
pub(super) fn array(items: impl IntoIterator<Item = Dynamic>) -> Value {
    Value::dynamic(Dynamic::Array(items.into_iter().collect()))
}

/// An array of strings as a value.
pub(super) fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
    array(items.into_iter().map(|item| string(item.as_ref())))
}

/// A string inside a dynamic.
pub(super) fn string(text: &str) -> Dynamic {
    Dynamic::String(Arc::from(text))
}

/// A length or a count as the language has it.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
