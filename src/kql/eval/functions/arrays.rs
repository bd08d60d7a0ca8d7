//! Arrays: making, cutting and searching them. A null where an array is asked for gives null, unless said otherwise.

use super::argument::{arg, array, count, items, long, long_or};
use super::sets::key;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::time::HOUR;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("pack_array", pack_array),
    function("range", range),
    function("repeat", repeat),
    function("zip", zip),
    function("array_length", array_length),
    function("arraylength", array_length),
    function("array_concat", array_concat),
    function("array_reverse", array_reverse),
    function("array_slice", array_slice),
    function("array_split", array_split),
    function("array_sum", array_sum),
    function("array_index_of", array_index_of),
    function("array_iff", array_iff),
    function("array_iif", array_iff),
    function("array_rotate_left", |_, args| rotated(args, 1)),
    function("array_rotate_right", |_, args| rotated(args, -1)),
    function("array_shift_left", |_, args| shifted(args, 1)),
    function("array_shift_right", |_, args| shifted(args, -1)),
];

/// "The range function supports a maximum of 1,048,576 (2^20) results": longer ones are cut off there.
const LONGEST: i64 = 1 << 20;

fn pack_array(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(array(args.iter().cloned().map(Value::into_dynamic)))
}

/// From, to and including where the step lands on it. Without a step: 1, or an hour for instants and spans.
fn range(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let unwrapped = |index| arg(args, index).clone().unwrapped();
    let (start, stop) = (unwrapped(0), unwrapped(1));
    let step = match (&start, args.len()) {
        (Value::DateTime(_) | Value::TimeSpan(_), 2) => Value::TimeSpan(HOUR),
        (_, 2) => Value::Long(1),
        _ => unwrapped(2),
    };
    if start.is_null() || stop.is_null() || step.is_null() {
        return Ok(Value::Null);
    }
    let ticks = |value: &Value| match value {
        Value::DateTime(ticks) | Value::TimeSpan(ticks) => Some(*ticks),
        _ => None,
    };
    let made: Vec<Dynamic> = match (&start, &stop, &step) {
        (Value::DateTime(from), Value::DateTime(to), Value::TimeSpan(by)) => {
            whole_steps(*from, *to, *by).map(Dynamic::DateTime).collect()
        }
        (Value::TimeSpan(from), _, _) => match (ticks(&stop), ticks(&step)) {
            (Some(to), Some(by)) => whole_steps(*from, to, by).map(Dynamic::TimeSpan).collect(),
            _ => return Err(call.not_evaluated("of these types")),
        },
        _ => match (start.as_long(), stop.as_long(), step.as_long()) {
            (Some(from), Some(to), Some(by)) => whole_steps(from, to, by).map(Dynamic::Long).collect(),
            _ => match (start.as_real(), stop.as_real(), step.as_real()) {
                (Some(from), Some(to), Some(by)) => real_steps(from, to, by).map(Dynamic::Real).collect(),
                _ => return Err(call.not_evaluated("of these types")),
            },
        },
    };
    call.context.spend(made.len() as u64, call.span)?;
    Ok(array(made))
}

fn whole_steps(from: i64, to: i64, by: i64) -> impl Iterator<Item = i64> {
    let inside = move |value: &i64| if by > 0 { *value <= to } else { by < 0 && *value >= to };
    (0..LONGEST).map_while(move |n| from.checked_add(n.checked_mul(by)?)).take_while(inside)
}

fn real_steps(from: f64, to: f64, by: f64) -> impl Iterator<Item = f64> {
    let inside = move |value: &f64| if by > 0.0 { *value <= to } else { by < 0.0 && *value >= to };
    #[expect(clippy::cast_precision_loss, reason = "below 2^20")]
    (0..LONGEST).map(move |n| from + n as f64 * by).take_while(inside)
}

fn repeat(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(times) = long(args, 1).and_then(|times| usize::try_from(times).ok()) else {
        return Ok(Value::Null);
    };
    if count(times) > LONGEST {
        return Err(call.not_evaluated("with more than 1048576 elements"));
    }
    call.context.spend(times as u64, call.span)?;
    call.context.room(arg(args, 0).size().saturating_mul(times), call.span)?;
    Ok(array(vec![arg(args, 0).clone().into_dynamic(); times]))
}

/// As long as the longest, shorter arrays filled with nulls.
fn zip(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let arrays: Option<Vec<&[Dynamic]>> = (0..args.len()).map(|index| items(args, index)).collect();
    let Some(arrays) = arrays else { return Ok(Value::Null) };
    let longest = arrays.iter().map(|array| array.len()).max().unwrap_or(0);
    let row = |at| arrays.iter().map(|array| array.get(at).cloned().unwrap_or(Dynamic::Null)).collect();
    Ok(array((0..longest).map(|at| Dynamic::Array(row(at)))))
}

fn array_length(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(items(args, 0).map(|items| count(items.len())).into())
}

/// Arguments that are null add nothing.
fn array_concat(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    if args.iter().all(Value::is_null) {
        return Ok(Value::Null);
    }
    Ok(array((0..args.len()).flat_map(|index| items(args, index).unwrap_or_default()).cloned()))
}

fn array_reverse(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(items(args, 0).map_or(Value::Null, |items| array(items.iter().rev().cloned())))
}

/// A position in an array, negative ones counted from its end; not limited to the array.
fn position(at: i64, length: usize) -> i64 {
    if at < 0 { at.saturating_add(count(length)) } else { at }
}

fn clamp(at: i64, length: usize) -> usize {
    usize::try_from(at.clamp(0, count(length))).unwrap_or(0)
}

/// Both ends are included; what lies outside is ignored.
fn array_slice(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let (Some(items), Some(start), Some(end)) = (items(args, 0), long(args, 1), long(args, 2)) else {
        return Ok(Value::Null);
    };
    let start = clamp(position(start, items.len()), items.len());
    let end = clamp(position(end, items.len()).saturating_add(1), items.len());
    Ok(array(items.get(start..end).unwrap_or_default().iter().cloned()))
}

fn array_split(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(source) = items(args, 0) else { return Ok(Value::Null) };
    let at: Option<Vec<i64>> = match (long(args, 1), items(args, 1)) {
        (Some(at), _) => Some(vec![at]),
        (None, Some(several)) => several.iter().map(|at| Value::dynamic(at.clone()).as_long()).collect(),
        (None, None) => None,
    };
    let Some(at) = at else { return Ok(Value::Null) };
    let mut parts = Vec::new();
    let mut start = 0;
    for at in at {
        let end = clamp(position(at, source.len()), source.len());
        parts.push(Dynamic::Array(source.get(start..end).unwrap_or_default().to_vec()));
        start = end;
    }
    parts.push(Dynamic::Array(source.get(start..).unwrap_or_default().to_vec()));
    Ok(array(parts))
}

/// Null if any element is no number.
fn array_sum(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(items) = items(args, 0) else { return Ok(Value::Null) };
    let numbers = items.iter().map(|item| Value::dynamic(item.clone()).as_real());
    // Not `sum()`: that of nothing is -0.
    let sum = numbers.into_iter().try_fold(0.0, |sum, number| Some(sum + number?));
    Ok(convert(&sum.into(), call.returns))
}

fn array_index_of(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(items) = items(args, 0) else { return Ok(Value::Null) };
    let given = (long_or(args, 2, 0), long_or(args, 3, -1), long_or(args, 4, 1));
    let (Some(start), Some(length), Some(occurrence)) = given else { return Ok(Value::Null) };
    if occurrence < 0 || length < -1 {
        return Ok(Value::Null);
    }
    let wanted = key(&arg(args, 1).clone().into_dynamic());
    let start = clamp(position(start, items.len()), items.len());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let nth = usize::try_from(occurrence.max(1) - 1).unwrap_or(0);
    let window = items.iter().enumerate().skip(start).take(length);
    let found = window.filter(|(_, item)| key(item) == wanted).nth(nth);
    Ok(Value::Long(found.map_or(-1, |(at, _)| count(at))))
}

/// A condition that is neither a truth value nor a number gives null.
fn array_iff(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(conditions) = items(args, 0) else { return Ok(Value::Null) };
    let branch = |index: usize, at: usize| match arg(args, index).as_dynamic() {
        Some(Dynamic::Array(values)) => values.get(at).cloned().unwrap_or(Dynamic::Null),
        _ => arg(args, index).clone().into_dynamic(),
    };
    let chosen = conditions.iter().enumerate().map(|(at, condition)| {
        let truth = match condition {
            Dynamic::Bool(truth) => Some(*truth),
            Dynamic::Long(number) => Some(*number != 0),
            Dynamic::Real(number) => Some(*number != 0.0),
            _ => None,
        };
        truth.map_or(Dynamic::Null, |truth| branch(if truth { 1 } else { 2 }, at))
    });
    Ok(array(chosen.collect::<Vec<_>>()))
}

fn rotated(args: &[Value], direction: i64) -> Result<Value, Fault> {
    let (Some(items), Some(by)) = (items(args, 0), long(args, 1)) else { return Ok(Value::Null) };
    let mut items = items.to_vec();
    let length = count(items.len()).max(1);
    let left = usize::try_from((by % length * direction).rem_euclid(length)).unwrap_or(0);
    if !items.is_empty() {
        items.rotate_left(left);
    }
    Ok(array(items))
}

/// What moves in is the default given, or an empty string among strings, or null.
fn shifted(args: &[Value], direction: i64) -> Result<Value, Fault> {
    let (Some(items), Some(by)) = (items(args, 0), long(args, 1)) else { return Ok(Value::Null) };
    let by = by.saturating_mul(direction);
    let strings = !items.is_empty() && items.iter().all(|item| matches!(item, Dynamic::String(_)));
    let default = match args.get(2) {
        Some(given) => given.clone().into_dynamic(),
        None if strings => Value::from("").into_dynamic(),
        None => Dynamic::Null,
    };
    let moved = (0..count(items.len())).map(|at| {
        let from = at.checked_add(by).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| items.get(from)).unwrap_or(&default).clone()
    });
    Ok(array(moved.collect::<Vec<_>>()))
}
