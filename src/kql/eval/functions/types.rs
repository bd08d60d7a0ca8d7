//! Questions about a value: `isnull`, `isempty`, `gettype`, `isnan` and their like.

use super::argument::{arg, real, text};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("isnull", isnull),
    function("isnotnull", isnotnull),
    function("notnull", isnotnull),
    function("isempty", isempty),
    function("isnotempty", isnotempty),
    function("notempty", isnotempty),
    function("not", not),
    function("gettype", gettype),
    function("isnan", isnan),
    function("isinf", isinf),
    function("isfinite", isfinite),
    function("isascii", isascii),
    function("isutf8", isutf8),
];

/// A string is never null, not even an empty one.
fn isnull(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(arg(args, 0).is_null()))
}

fn isnotnull(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(!arg(args, 0).is_null()))
}

fn isempty(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(is_empty(arg(args, 0))))
}

fn isnotempty(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(!is_empty(arg(args, 0))))
}

/// Null or an empty string, also inside a dynamic; empty arrays and bags are not empty ("isempty()").
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn not(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(arg(args, 0).as_bool().map(|value| !value).into())
}

/// Numbers inside a dynamic are told apart by size: `gettype(parse_json('1'))` is `int`.
fn gettype(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let name = match arg(args, 0) {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Long(_) => "long",
        Value::Real(_) => "real",
        Value::String(_) => "string",
        Value::DateTime(_) => "datetime",
        Value::TimeSpan(_) => "timespan",
        Value::Guid(_) => "guid",
        Value::Dynamic(inner) => match &**inner {
            Dynamic::Null => "null",
            Dynamic::Bool(_) => "bool",
            Dynamic::Long(number) => match i32::try_from(*number) {
                Ok(_) => "int",
                Err(_) => "long",
            },
            Dynamic::Real(_) => "double",
            Dynamic::String(_) => "string",
            Dynamic::DateTime(_) => "datetime",
            Dynamic::TimeSpan(_) => "timespan",
            Dynamic::Guid(_) => "guid",
            Dynamic::Array(_) => "array",
            Dynamic::Bag(_) => "dictionary",
        },
    };
    Ok(Value::from(name))
}

fn isnan(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(real(args, 0).map(f64::is_nan).into())
}

fn isinf(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(real(args, 0).map(f64::is_infinite).into())
}

fn isfinite(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(real(args, 0).map(f64::is_finite).into())
}

fn isascii(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(text(args, 0).is_ascii()))
}

/// Text in memory always is.
fn isutf8(_: &Call<'_>, _: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(true))
}
