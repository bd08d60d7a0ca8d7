//! Functions of numbers.
//!
//! A result that is no real number (`log(-1)`, `sqrt(-1)`, `asin(2)`) is null, as the pages of these functions say.

use std::cmp::Ordering;

use super::argument::{arg, real};
use super::sorting::compare;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("abs", abs),
    function("sign", sign),
    function("pow", pow),
    function("atan2", atan2),
    function("pi", |_, _| Ok(Value::Real(std::f64::consts::PI))),
    function("sqrt", |_, args| apply(args, f64::sqrt)),
    function("exp", |_, args| apply(args, f64::exp)),
    function("exp2", |_, args| apply(args, f64::exp2)),
    function("exp10", |_, args| apply(args, |x| 10f64.powf(x))),
    function("log", |_, args| apply(args, f64::ln)),
    function("log2", |_, args| apply(args, f64::log2)),
    function("log10", |_, args| apply(args, f64::log10)),
    function("sin", |_, args| apply(args, f64::sin)),
    function("cos", |_, args| apply(args, f64::cos)),
    function("tan", |_, args| apply(args, f64::tan)),
    function("cot", |_, args| apply(args, |x| x.tan().recip())),
    function("asin", |_, args| apply(args, f64::asin)),
    function("acos", |_, args| apply(args, f64::acos)),
    function("atan", |_, args| apply(args, f64::atan)),
    function("degrees", |_, args| apply(args, f64::to_degrees)),
    function("radians", |_, args| apply(args, f64::to_radians)),
    function("min_of", |call, args| extreme(call, args, Ordering::Less)),
    function("max_of", |call, args| extreme(call, args, Ordering::Greater)),
    function("around", around),
];

fn apply(args: &[Value], compute: fn(f64) -> f64) -> Result<Value, Fault> {
    let Some(number) = real(args, 0) else { return Ok(Value::Null) };
    let result = compute(number);
    Ok(if result.is_nan() && !number.is_nan() { Value::Null } else { Value::Real(result) })
}

fn abs(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let made = match arg(args, 0).clone().unwrapped() {
        Value::TimeSpan(ticks) => ticks.checked_abs().map_or(Value::Null, Value::TimeSpan),
        Value::Real(number) => Value::Real(number.abs()),
        other => other.as_long().and_then(i64::checked_abs).into(),
    };
    Ok(convert(&made, call.returns))
}

fn sign(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let sign = real(args, 0).map(|number| if number == 0.0 { 0.0 } else { number.signum() });
    Ok(convert(&sign.into(), call.returns))
}

fn pow(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(base), Some(exponent)) = (real(args, 0), real(args, 1)) else { return Ok(Value::Null) };
    let result = base.powf(exponent);
    Ok(if result.is_nan() { Value::Null } else { convert(&Value::Real(result), call.returns) })
}

fn atan2(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(real(args, 0).zip(real(args, 1)).map(|(y, x)| y.atan2(x)).into())
}

/// Nulls count only where there is nothing else.
fn extreme(call: &Call<'_>, args: &[Value], wanted: Ordering) -> Result<Value, Fault> {
    let mut best: Option<&Value> = None;
    for value in args.iter().filter(|value| !value.is_null()) {
        let better = best.is_none_or(|best| {
            compare(&value.clone().into_dynamic(), &best.clone().into_dynamic()) == wanted
        });
        if better {
            best = Some(value);
        }
    }
    Ok(best.map_or(Value::Null, |best| convert(best, call.returns)))
}

/// Whether the value is at most `delta` from the centre.
fn around(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    if args.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let ticks = |index| match arg(args, index) {
        Value::DateTime(ticks) | Value::TimeSpan(ticks) => Some(*ticks),
        _ => None,
    };
    if let (Some(value), Some(center), Some(delta)) = (ticks(0), ticks(1), ticks(2)) {
        let inside = value >= center.saturating_sub(delta) && value <= center.saturating_add(delta);
        return Ok(Value::Bool(inside));
    }
    match (real(args, 0), real(args, 1), real(args, 2)) {
        (Some(value), Some(center), Some(delta)) => {
            Ok(Value::Bool(value >= center - delta && value <= center + delta))
        }
        _ => Err(call.not_evaluated("of these types")),
    }
}
