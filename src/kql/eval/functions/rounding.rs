//! Rounding to multiples and digits: `bin`, `floor`, `bin_at`, `ceiling`, `round`.

use super::argument::{arg, long_or, real};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("bin", bin),
    function("floor", bin),
    function("bin_at", bin_at),
    function("ceiling", ceiling),
    function("round", round),
    function("format_bytes", format_bytes),
];

/// Instants are counted from 0001-01-01, a Monday: bins of seven days begin on Mondays.
fn bin(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    aligned(call, arg(args, 0), arg(args, 1), &Value::Long(0))
}

fn bin_at(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    aligned(call, arg(args, 0), arg(args, 1), arg(args, 2))
}

/// The greatest `origin + n * size` that is not above the value; null for a size that is not positive.
fn aligned(call: &Call<'_>, value: &Value, size: &Value, origin: &Value) -> Result<Value, Fault> {
    let value = value.clone().unwrapped();
    let size = size.clone().unwrapped();
    let origin = origin.clone().unwrapped();
    if value.is_null() || size.is_null() || origin.is_null() {
        return Ok(Value::Null);
    }
    let whole = |size: i64, value: i64, origin: i64| {
        (size > 0).then(|| value.checked_sub(value.checked_sub(origin)?.rem_euclid(size)))?
    };
    let made = match (&value, whole_number(&size), whole_number(&origin)) {
        (Value::DateTime(ticks), Some(size), Some(origin)) => {
            whole(size, *ticks, origin).map_or(Value::Null, Value::DateTime)
        }
        (Value::TimeSpan(ticks), Some(size), Some(origin)) => {
            whole(size, *ticks, origin).map_or(Value::Null, Value::TimeSpan)
        }
        (Value::Int(_) | Value::Long(_), Some(size), Some(origin)) => {
            value.as_long().and_then(|value| whole(size, value, origin)).into()
        }
        _ => match (value.as_real(), size.as_real(), origin.as_real()) {
            (Some(value), Some(size), Some(origin)) if size > 0.0 => {
                Value::Real(((value - origin) / size).floor() * size + origin)
            }
            (Some(_), Some(_), Some(_)) => Value::Null,
            _ => return Err(call.not_evaluated("of these types")),
        },
    };
    Ok(convert(&made, call.returns))
}

/// The ticks or units of anything that is not a fraction.
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::DateTime(ticks) | Value::TimeSpan(ticks) => Some(*ticks),
        other => other.as_long(),
    }
}

fn ceiling(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(real(args, 0).map_or(Value::Null, |number| convert(&Value::Real(number.ceil()), call.returns)))
}

fn round(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(number), Some(digits)) = (real(args, 0), long_or(args, 1, 0)) else { return Ok(Value::Null) };
    Ok(convert(&Value::Real(to_digits(number, digits)), call.returns))
}

/// Halves are rounded away from zero.
fn to_digits(number: f64, digits: i64) -> f64 {
    let digits = i32::try_from(digits.clamp(-300, 300)).unwrap_or(0);
    let scale = 10f64.powi(digits.abs());
    let rounded =
        if digits < 0 { (number / scale).round() * scale } else { (number * scale).round() / scale };
    if rounded.is_finite() { rounded } else { number }
}

const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];

/// Without a unit the largest that leaves at least one of it.
fn format_bytes(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(size), Some(digits)) = (real(args, 0), long_or(args, 1, 0)) else { return Ok(Value::from("")) };
    let unit = match arg(args, 2).as_str() {
        Some(name) if !name.is_empty() => {
            let known = UNITS.iter().position(|unit| unit.eq_ignore_ascii_case(name));
            known.ok_or_else(|| call.failed(format!("format_bytes(): `{name}` is no unit")))?
        }
        _ => {
            let mut left = size.abs();
            let mut unit = 0;
            while left >= 1024.0 && unit + 1 < UNITS.len() {
                left /= 1024.0;
                unit += 1;
            }
            unit
        }
    };
    let scaled = size / 1024f64.powi(i32::try_from(unit).unwrap_or(0));
    let name = UNITS.get(unit).copied().unwrap_or_default();
    Ok(Value::from(format!("{} {name}", to_digits(scaled, digits))))
}
