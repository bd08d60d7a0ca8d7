//! Conversion of a value to a type, as `tostring()`, `tolong()` and their like do it, and as typed columns do.

use std::sync::Arc;

use super::value::{Dynamic, Value};
use super::{json, time};
use crate::kql::types::ScalarType;

/// The value as one of that type; null if it cannot be one. An unknown type takes any value as it is.
pub(crate) fn convert(value: &Value, to: ScalarType) -> Value {
    match to {
        ScalarType::String => Value::String(to_text(value)),
        ScalarType::Long => match value.clone().unwrapped() {
            Value::Real(n) => Value::Long(n as i64),
            Value::Bool(b) => Value::Long(i64::from(b)),
            Value::String(s) => s.trim().parse::<i64>().ok().into(),
            other => other.as_long().into(),
        },
        ScalarType::Int => match convert(value, ScalarType::Long) {
            Value::Long(n) => i32::try_from(n).map_or(Value::Null, Value::Int),
            _ => Value::Null,
        },
        ScalarType::Real => match value.clone().unwrapped() {
            Value::String(s) => s.trim().parse::<f64>().ok().into(),
            Value::Bool(b) => Value::Real(f64::from(u8::from(b))),
            other => other.as_real().into(),
        },
        ScalarType::Bool => match value.clone().unwrapped() {
            Value::String(s) => match s.to_ascii_lowercase().as_str() {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => Value::Null,
            },
            Value::Bool(b) => Value::Bool(b),
            other => other.as_long().map(|n| n != 0).into(),
        },
        ScalarType::DateTime => match value.clone().unwrapped() {
            Value::DateTime(t) => Value::DateTime(t),
            Value::String(s) => time::parse_datetime(&s).map_or(Value::Null, Value::DateTime),
            Value::Long(n) => Value::DateTime(n),
            _ => Value::Null,
        },
        ScalarType::TimeSpan => match value.clone().unwrapped() {
            Value::TimeSpan(t) => Value::TimeSpan(t),
            Value::String(s) => time::parse_timespan(&s).map_or(Value::Null, Value::TimeSpan),
            Value::Long(n) => Value::TimeSpan(n),
            _ => Value::Null,
        },
        ScalarType::Guid => match value.clone().unwrapped() {
            Value::Guid(g) => Value::Guid(g),
            Value::String(s) => parse_guid(&s).map_or(Value::Null, Value::Guid),
            _ => Value::Null,
        },
        ScalarType::Dynamic => Value::dynamic(value.clone().into_dynamic()),
        ScalarType::Decimal | ScalarType::Unknown => value.clone(),
    }
}

/// What `tostring()` gives: the empty string for null, JSON for arrays and bags.
pub(crate) fn to_text(value: &Value) -> Arc<str> {
    match value {
        Value::Null => Arc::from(""),
        Value::Bool(b) => Arc::from(if *b { "True" } else { "False" }),
        Value::Int(n) => Arc::from(n.to_string()),
        Value::Long(n) => Arc::from(n.to_string()),
        Value::Real(n) => Arc::from(n.to_string()),
        Value::String(s) => Arc::clone(s),
        Value::DateTime(t) => Arc::from(time::format_datetime(*t)),
        Value::TimeSpan(t) => Arc::from(time::format_timespan(*t)),
        Value::Guid(g) => Arc::from(format_guid(*g)),
        Value::Dynamic(d) => match &**d {
            Dynamic::String(s) => Arc::clone(s),
            Dynamic::Bool(b) => Arc::from(if *b { "true" } else { "false" }),
            Dynamic::Array(_) | Dynamic::Bag(_) => Arc::from(json::write(d)),
            _ => to_text(&value.clone().unwrapped()),
        },
    }
}

/// The GUID of a text in any of the usual forms.
pub(crate) fn parse_guid(text: &str) -> Option<u128> {
    uuid::Uuid::try_parse(text.trim()).ok().map(|guid| guid.as_u128())
}

/// `8-4-4-4-12` in lower case.
pub(crate) fn format_guid(guid: u128) -> String {
    uuid::Uuid::from_u128(guid).to_string()
}
