//! `tostring`, `tolong` and the other conversions between types.

use super::argument::{arg, long, long_or, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::{Fault, Value, json};
use crate::kql::types::ScalarType;

pub(super) const FUNCTIONS: &[Function] = &[
    function("tostring", to_returned),
    function("tolong", tolong),
    function("toint", toint),
    function("toreal", to_returned),
    function("todouble", to_returned),
    function("tobool", to_returned),
    function("toboolean", to_returned),
    function("todatetime", to_returned),
    function("totimespan", to_returned),
    function("totime", to_returned),
    function("toguid", to_returned),
    function("tohex", tohex),
    function("parse_json", parse_json),
    function("parsejson", parse_json),
    function("todynamic", parse_json),
    function("toobject", parse_json),
    function("dynamic_to_json", dynamic_to_json),
];

/// The type to convert to is the one that the call returns.
fn to_returned(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(args.first().map_or(Value::Null, |value| convert(value, call.returns)))
}

/// A real too large for a long is the largest long.
fn tolong(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    match arg(args, 0).clone().unwrapped() {
        Value::Real(number) => Ok(saturated(number)),
        _ => to_returned(call, args),
    }
}

/// Of a number with more than 32 bits the service keeps the low ones; a real too large becomes the largest int, a text
/// that is no int null.
fn toint(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let value = arg(args, 0).clone().unwrapped();
    let number = match &value {
        Value::Real(number) => {
            saturated(*number).as_long().map(|n| n.clamp(i32::MIN.into(), i32::MAX.into()))
        }
        Value::Long(number) | Value::DateTime(number) | Value::TimeSpan(number) => Some(*number),
        _ => return to_returned(call, args),
    };
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what the service keeps")]
    Ok(number.map_or(Value::Null, |number| Value::Int(number as i32)))
}

/// The whole part of a real, the nearest long if it is none; null for what is no number.
fn saturated(number: f64) -> Value {
    if number.is_nan() {
        return Value::Null;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is cut off, and `as` saturates")]
    Value::Long(number as i64)
}

/// An `int` has 32 bits, anything else 64; negative numbers are shown as their two's complement.
fn tohex(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(number) = long(args, 0) else { return Ok(Value::Null) };
    let digits = match arg(args, 0) {
        Value::Int(number) => format!("{number:x}"),
        _ if call.ty(0) == ScalarType::Int => format!("{:x}", number & 0xffff_ffff),
        _ => format!("{number:x}"),
    };
    let Some(width) = long_or(args, 1, 0) else { return Ok(Value::Null) };
    let width = usize::try_from(width.clamp(0, 16)).unwrap_or(0);
    Ok(Value::from(format!("{digits:0>width$}")))
}

/// A text that is no JSON is the string that it is. An empty one is null: so `gettype(parse_json(''))`.
fn parse_json(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(match arg(args, 0) {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => match json::parse(text) {
            Some(parsed) => Value::dynamic(parsed),
            None => convert(arg(args, 0), ScalarType::Dynamic),
        },
        // A dynamic that holds a string is used as it is.
        other => convert(other, ScalarType::Dynamic),
    })
}

fn dynamic_to_json(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(match arg(args, 0).as_dynamic() {
        Some(value) => Value::from(json::write_canonical(value)),
        None => Value::String(text(args, 0)),
    })
}
