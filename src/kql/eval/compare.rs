//! Equality, order and grouping of values.
//!
//! Documentation: "Null values" (two nulls: null; one null: unequal), "Numerical operators", "sort operator" (nulls).

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::convert::{convert, to_text};
use super::functions;
use super::value::{Dynamic, Value};
use crate::kql::types::ScalarType;

/// `a == b`. `None` (null) if both are null.
pub(crate) fn equals(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Null, Value::Null) => None,
        (Value::Null, _) | (_, Value::Null) => Some(false),
        (Value::String(a), Value::String(b)) => Some(a == b),
        (Value::Dynamic(_), Value::String(s)) => Some(*to_text(a) == **s),
        (Value::String(s), Value::Dynamic(_)) => Some(*to_text(b) == **s),
        (Value::Dynamic(x), Value::Dynamic(y)) => Some(same(x, y)),
        (Value::Dynamic(_), _) => scalar_equals(&a.clone().unwrapped(), b),
        (_, Value::Dynamic(_)) => scalar_equals(a, &b.clone().unwrapped()),
        _ => scalar_equals(a, b),
    }
}

fn scalar_equals(a: &Value, b: &Value) -> Option<bool> {
    Some(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Guid(a), Value::Guid(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::String(_), other) | (other, Value::String(_)) => return text_equals(a, b, other),
        (Value::Bool(truth), other) | (other, Value::Bool(truth)) => {
            other.as_long() == Some(i64::from(*truth))
        }
        _ => order(a, b) == Some(Ordering::Equal),
    })
}

/// A text is read as a value of the other's type: `ResultType == 0` of a text, `EventID == "4688"` of a number.
fn text_equals(a: &Value, b: &Value, other: &Value) -> Option<bool> {
    let ty = match other {
        Value::Bool(_) => ScalarType::Bool,
        Value::Int(_) | Value::Long(_) => ScalarType::Long,
        Value::Real(_) => ScalarType::Real,
        Value::DateTime(_) => ScalarType::DateTime,
        Value::TimeSpan(_) => ScalarType::TimeSpan,
        Value::Guid(_) => ScalarType::Guid,
        Value::Null | Value::String(_) | Value::Dynamic(_) => return Some(false),
    };
    match (convert(a, ty), convert(b, ty)) {
        (Value::Null, _) | (_, Value::Null) => Some(false),
        (a, b) => scalar_equals(&a, &b),
    }
}

/// Whether two dynamics are the same value; numbers by value, bags whatever the order of their members.
pub(crate) fn same(a: &Dynamic, b: &Dynamic) -> bool {
    match (a, b) {
        (Dynamic::Array(a), Dynamic::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Dynamic::Bag(left), Dynamic::Bag(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| b.member(key).is_some_and(|other| same(value, other)))
        }
        (Dynamic::Long(a), Dynamic::Real(b)) | (Dynamic::Real(b), Dynamic::Long(a)) => *a as f64 == *b,
        _ => a == b,
    }
}

/// The order of two values that have one: numbers, times, texts, truth values. `None` if one is null or they differ in
/// kind.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Long(a), Value::Long(b)) => Some(a.cmp(b)),
        (Value::DateTime(a), Value::DateTime(b)) | (Value::TimeSpan(a), Value::TimeSpan(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Guid(a), Value::Guid(b)) => Some(a.cmp(b)),
        (Value::Dynamic(inner), _) if is_scalar(inner) => order(&a.clone().unwrapped(), b),
        (_, Value::Dynamic(inner)) if is_scalar(inner) => order(a, &b.clone().unwrapped()),
        (Value::Bool(truth), other) => Some(i64::from(*truth).cmp(&other.as_long()?)),
        (other, Value::Bool(truth)) => Some(other.as_long()?.cmp(&i64::from(*truth))),
        _ => match (a.as_long(), b.as_long()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_real()?.partial_cmp(&b.as_real()?),
        },
    }
}

fn is_scalar(value: &Dynamic) -> bool {
    !matches!(value, Dynamic::Array(_) | Dynamic::Bag(_))
}

/// A total order for sorting: as [`order`] within a kind; kinds that have no order among each other, which only a column of
/// dynamics holds side by side, come one after the other. Not for nulls, which `sort` puts where it is told; NaN counts as one.
pub(crate) fn sort_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Dynamic(_), _) | (_, Value::Dynamic(_)) => {
            functions::compare(&a.clone().into_dynamic(), &b.clone().into_dynamic())
        }
        (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
        _ => order(a, b).unwrap_or(Ordering::Equal),
    }
}

/// True for what `sort` treats as null.
pub(crate) fn sorts_as_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Real(n) => n.is_nan(),
        _ => false,
    }
}

/// Values that are grouped or joined on: equal if they are the same, nulls included.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) Vec<Value>);

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| grouped(a, b))
    }
}

impl Eq for Key {}

/// Whether two values fall into one group.
pub(crate) fn grouped(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Real(a), Value::Real(b)) => a == b || a.is_nan() && b.is_nan(),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Dynamic(a), Value::Dynamic(b)) => same(a, b),
        _ => match (a.as_long(), b.as_long()) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Null => state.write_u8(0),
        Value::Bool(b) => state.write_u8(u8::from(*b)),
        Value::Int(n) => state.write_u64(i64::from(*n) as u64),
        Value::Long(n) => state.write_u64(*n as u64),
        Value::Real(n) => hash_real(*n, state),
        Value::String(s) => s.hash(state),
        Value::DateTime(t) | Value::TimeSpan(t) => state.write_u64(*t as u64),
        Value::Guid(g) => g.hash(state),
        Value::Dynamic(d) => hash_dynamic(d, state),
    }
}

fn hash_real<H: Hasher>(n: f64, state: &mut H) {
    let n = if n == 0.0 { 0.0 } else { n };
    state.write_u64(if n.is_nan() { u64::MAX } else { n.to_bits() });
}

fn hash_dynamic<H: Hasher>(value: &Dynamic, state: &mut H) {
    match value {
        Dynamic::Null => state.write_u8(0),
        Dynamic::Bool(b) => state.write_u8(u8::from(*b)),
        Dynamic::Long(n) => hash_real(*n as f64, state),
        Dynamic::Real(n) => hash_real(*n, state),
        Dynamic::String(s) => s.hash(state),
        Dynamic::DateTime(t) | Dynamic::TimeSpan(t) => state.write_u64(*t as u64),
        Dynamic::Guid(g) => g.hash(state),
        Dynamic::Array(items) => {
            state.write_u64(items.len() as u64);
            items.iter().for_each(|item| hash_dynamic(item, state));
        }
        // The order of members does not count, so neither may it here: their hashes are added up.
        Dynamic::Bag(members) => {
            let member = |(key, value): &(Arc<str>, Dynamic)| {
                let mut own = DefaultHasher::new();
                key.hash(&mut own);
                hash_dynamic(value, &mut own);
                own.finish()
            };
            state.write_u64(members.iter().map(member).fold(members.len() as u64, u64::wrapping_add));
        }
    }
}

/// A text that a value is compared with as text: its own, or that of a dynamic.
pub(crate) fn text_of(value: &Value) -> Arc<str> {
    to_text(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_of_nulls() {
        // learn.microsoft.com/kusto/query/scalar-data-types/null-values
        assert_eq!(equals(&Value::Null, &Value::Null), None);
        assert_eq!(equals(&Value::Null, &Value::Long(5)), Some(false));
        assert_eq!(equals(&Value::Int(5), &Value::Long(5)), Some(true));
        assert_eq!(equals(&Value::Long(5), &Value::Real(5.0)), Some(true));
        assert_eq!(order(&Value::Null, &Value::Long(3)), None);
    }

    #[test]
    fn dynamics_compare_by_what_they_hold() {
        let dynamic = |d| Value::dynamic(d);
        assert_eq!(equals(&dynamic(Dynamic::String("a".into())), &"a".into()), Some(true));
        assert_eq!(equals(&dynamic(Dynamic::Long(3)), &Value::Long(3)), Some(true));
        assert_eq!(order(&dynamic(Dynamic::Real(2.5)), &Value::Long(3)), Some(Ordering::Less));
        let bag =
            |a: &str, b: &str| Dynamic::Bag(vec![(a.into(), Dynamic::Long(1)), (b.into(), Dynamic::Long(1))]);
        assert!(same(&bag("x", "y"), &bag("y", "x")));
        assert!(!same(&bag("x", "y"), &bag("x", "z")));
    }

    #[test]
    fn keys_group_nulls_and_numbers_of_either_size() {
        assert_eq!(Key(vec![Value::Null]), Key(vec![Value::Null]));
        assert_eq!(Key(vec![Value::Int(1)]), Key(vec![Value::Long(1)]));
        assert_ne!(Key(vec!["".into()]), Key(vec![Value::Null]));
    }
}
