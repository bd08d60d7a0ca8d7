//! Conversion of a value to a type, as `tostring()`, `tolong()` and their like do it, and as typed columns do.
//!
//! A conversion that cannot be done is null ("tolong()" and its siblings). A dynamic converts as the scalar that it
//! holds. Decisions where the documentation is silent are listed in docs/kql-semantics.md.

use std::sync::Arc;

use super::value::{Dynamic, Value};
use super::{json, time};
use crate::kql::types::ScalarType;

/// The value as one of that type; null if it cannot be one. An unknown type takes any value as it is.
pub(crate) fn convert(value: &Value, to: ScalarType) -> Value {
    match to {
        ScalarType::String => return Value::String(to_text(value)),
        ScalarType::Dynamic => return Value::dynamic(value.clone().into_dynamic()),
        ScalarType::Decimal | ScalarType::Unknown => return value.clone(),
        _ => {}
    }
    match (to, value.clone().unwrapped()) {
        (ScalarType::Bool, Value::Bool(b)) => Value::Bool(b),
        (ScalarType::Bool, Value::String(s)) => parse_bool(&s).into(),
        (ScalarType::Bool, other) => other.as_real().map(|n| n != 0.0).into(),
        (ScalarType::Int, other) => {
            to_long(&other).and_then(|n| i32::try_from(n).ok()).map_or(Value::Null, Value::Int)
        }
        (ScalarType::Long, other) => to_long(&other).into(),
        (ScalarType::Real, Value::Bool(b)) => Value::Real(f64::from(u8::from(b))),
        (ScalarType::Real, Value::String(s)) => parse_real(&s).into(),
        (ScalarType::Real, other) => other.as_real().into(),
        (ScalarType::DateTime, Value::DateTime(t)) => Value::DateTime(t),
        (ScalarType::DateTime, Value::String(s)) => {
            time::parse_datetime(&s).map_or(Value::Null, Value::DateTime)
        }
        (ScalarType::DateTime, other) => {
            other.as_long().and_then(time::in_range).map_or(Value::Null, Value::DateTime)
        }
        (ScalarType::TimeSpan, Value::TimeSpan(t)) => Value::TimeSpan(t),
        (ScalarType::TimeSpan, Value::String(s)) => {
            time::parse_timespan(&s).map_or(Value::Null, Value::TimeSpan)
        }
        (ScalarType::TimeSpan, other) => other.as_long().map_or(Value::Null, Value::TimeSpan),
        (ScalarType::Guid, Value::Guid(g)) => Value::Guid(g),
        (ScalarType::Guid, Value::String(s)) => parse_guid(&s).map_or(Value::Null, Value::Guid),
        _ => Value::Null,
    }
}

/// What `tostring()` gives: the empty string for null, JSON for arrays and bags.
pub(crate) fn to_text(value: &Value) -> Arc<str> {
    match value {
        Value::Null => Arc::from(""),
        // As .NET writes it; inside a dynamic it is JSON's.
        Value::Bool(b) => Arc::from(if *b { "True" } else { "False" }),
        Value::Int(n) => Arc::from(n.to_string()),
        Value::Long(n) => Arc::from(n.to_string()),
        Value::Real(n) => Arc::from(format_real(*n)),
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

fn to_long(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(b) => Some(i64::from(*b)),
        Value::Real(n) => truncate(*n),
        Value::String(s) => parse_long(s),
        Value::DateTime(t) | Value::TimeSpan(t) => Some(*t),
        other => other.as_long(),
    }
}

/// Towards zero; `None` for what no long can be.
fn truncate(number: f64) -> Option<i64> {
    // 2^63 is exact as a double, and the first value too large.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is cut off on purpose, the range is checked"
    )]
    (-LIMIT..LIMIT).contains(&number).then_some(number as i64)
}

/// A whole number as the service reads it: decimal, with a sign, or hexadecimal (`0x1f`).
pub(crate) fn parse_long(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
        }
        Some(_) => None,
        None => text.parse().ok(),
    }
}

/// A real: as Rust reads one, which is what the service reads, but for names of infinity.
fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(number) = text.strip_prefix("0x").and_then(|_| parse_long(text)) {
        #[expect(clippy::cast_precision_loss, reason = "as Kusto does it")]
        return Some(number as f64);
    }
    text.parse().ok()
}

/// `true`, `false` in any case, or a whole number.
fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        text.parse().ok().map(|number: i64| number != 0)
    }
}

/// A real as text: the shortest that reads back as the same number, always with a point or an exponent.
pub(crate) fn format_real(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) {
        // Rust writes 1e20 and 1.5e-7; .NET and JSON writers sign the exponent.
        let text = format!("{number:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
            _ => text,
        };
    }
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// The GUID of a text in any of the usual forms; hyphens may stand anywhere, as the example of `toguid()` shows.
pub(crate) fn parse_guid(text: &str) -> Option<u128> {
    let guid =
        uuid::Uuid::try_parse(text.trim()).or_else(|_| uuid::Uuid::try_parse(&text.trim().replace('-', "")));
    guid.ok().map(|guid| guid.as_u128())
}

/// `8-4-4-4-12` in lower case.
pub(crate) fn format_guid(guid: u128) -> String {
    uuid::Uuid::from_u128(guid).to_string()
}
