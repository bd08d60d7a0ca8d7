//! Sums, averages, spread and percentiles.
//!
//! `percentile` is the nearest rank that its page defines, taken exactly; the service's estimate of few values is the same.

use super::{Aggregate, Group, aggregate};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::functions::{Spread, compare};
use crate::kql::eval::{Dynamic, Fault, Value};
use crate::kql::types::ScalarType;

pub(super) const AGGREGATES: &[Aggregate] = &[
    aggregate("sum", |call, group| Ok(sum(call, group.arg(0).iter()))),
    aggregate("sumif", |call, group| Ok(sum(call, group.chosen(1)))),
    aggregate("avg", |call, group| Ok(avg(call, group.arg(0).iter()))),
    aggregate("avgif", |call, group| Ok(avg(call, group.chosen(1)))),
    aggregate("variance", |_, group| Ok(Value::Real(spread(group.arg(0).iter()).sample_variance()))),
    aggregate("varianceif", |_, group| Ok(Value::Real(spread(group.chosen(1)).sample_variance()))),
    aggregate("variancep", |_, group| Ok(Value::Real(spread(group.arg(0).iter()).population_variance()))),
    aggregate("variancepif", |_, group| Ok(Value::Real(spread(group.chosen(1)).population_variance()))),
    aggregate("stdev", |_, group| Ok(Value::Real(spread(group.arg(0).iter()).sample_variance().sqrt()))),
    aggregate("stdevif", |_, group| Ok(Value::Real(spread(group.chosen(1)).sample_variance().sqrt()))),
    aggregate("stdevp", |_, group| Ok(Value::Real(spread(group.arg(0).iter()).population_variance().sqrt()))),
    aggregate("percentile", percentile),
    aggregate("percentilew", percentilew),
    aggregate("percentiles_array", percentiles_array),
    aggregate("percentilesw_array", percentilesw_array),
    aggregate("binary_all_and", |call, group| Ok(bits(call, group, |a, b| a & b))),
    aggregate("binary_all_or", |call, group| Ok(bits(call, group, |a, b| a | b))),
    aggregate("binary_all_xor", |call, group| Ok(bits(call, group, |a, b| a ^ b))),
];

/// Ticks of an instant or a span, also out of a dynamic.
fn ticks(value: &Value) -> Option<i64> {
    match value.clone().unwrapped() {
        Value::DateTime(ticks) | Value::TimeSpan(ticks) => Some(ticks),
        _ => None,
    }
}

/// Whole numbers are summed exactly; a sum that no `long` can hold is null.
fn sum<'v>(call: &Call<'_>, values: impl Iterator<Item = &'v Value>) -> Value {
    let mut whole: i128 = 0;
    let mut real: Option<f64> = None;
    for value in values {
        if let Some(number) = value.as_long().or_else(|| ticks(value)) {
            whole += i128::from(number);
        } else if let Some(number) = value.as_real() {
            real = Some(real.unwrap_or(0.0) + number);
        }
    }
    let exact = i64::try_from(whole);
    #[expect(clippy::cast_precision_loss, reason = "a sum with reals is one")]
    match (call.returns, real) {
        (ScalarType::TimeSpan, _) => exact.map_or(Value::Null, Value::TimeSpan),
        (ScalarType::DateTime, _) => exact.map_or(Value::Null, Value::DateTime),
        (returns, Some(real)) => convert(&Value::Real(real + whole as f64), returns),
        (returns, None) => exact.map_or(Value::Null, |sum| convert(&Value::Long(sum), returns)),
    }
}

/// Of no numbers `NaN`, as the page of `summarize` shows; of no instants or spans null.
fn avg<'v>(call: &Call<'_>, values: impl Iterator<Item = &'v Value>) -> Value {
    let mut count: i128 = 0;
    let mut all_ticks: i128 = 0;
    let mut sum = 0.0;
    for value in values {
        match (ticks(value), value.as_real()) {
            (Some(ticks), _) => all_ticks += i128::from(ticks),
            (None, Some(number)) => sum += number,
            (None, None) => continue,
        }
        count += 1;
    }
    let mean_ticks = || i64::try_from(all_ticks.checked_div(count)?).ok();
    #[expect(clippy::cast_precision_loss, reason = "a number of rows in memory")]
    match call.returns {
        ScalarType::TimeSpan => mean_ticks().map_or(Value::Null, Value::TimeSpan),
        ScalarType::DateTime => mean_ticks().map_or(Value::Null, Value::DateTime),
        _ => Value::Real(sum / count as f64),
    }
}

fn spread<'v>(values: impl Iterator<Item = &'v Value>) -> Spread {
    #[expect(clippy::cast_precision_loss, reason = "variances are real")]
    Spread::of(values.filter_map(|value| value.as_real().or_else(|| ticks(value).map(|ticks| ticks as f64))))
}

fn percentile(call: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let Some(rank) = group.constant(1).and_then(Value::as_real) else {
        return if group.rows == 0 { Ok(Value::Null) } else { Err(call.not_evaluated("of this percentile")) };
    };
    Ok(nearest(&sorted(group), rank)
        .map_or(Value::Null, |found| convert(&Value::dynamic(found), call.returns)))
}

/// The ranks are the arguments after the first, or the elements of one that is an array.
fn percentiles_array(_: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let values = sorted(group);
    let mut found = Vec::new();
    for index in 1..group.args.len() {
        let Some(rank) = group.constant(index) else { return Ok(Value::Null) };
        let ranks = match rank.as_dynamic() {
            Some(Dynamic::Array(ranks)) => ranks.clone(),
            _ => vec![rank.clone().into_dynamic()],
        };
        let at = |rank: Dynamic| Value::dynamic(rank).as_real().and_then(|rank| nearest(&values, rank));
        found.extend(ranks.into_iter().map(|rank| at(rank).unwrap_or(Dynamic::Null)));
    }
    Ok(Value::dynamic(Dynamic::Array(found)))
}

/// As [`percentile`], of values that stand for as many as their weight says.
fn percentilew(call: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let Some(rank) = group.constant(2).and_then(Value::as_real) else {
        return if group.rows == 0 { Ok(Value::Null) } else { Err(call.not_evaluated("of this percentile")) };
    };
    Ok(heaviest(&weighted(group), rank)
        .map_or(Value::Null, |found| convert(&Value::dynamic(found), call.returns)))
}

fn percentilesw_array(_: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let values = weighted(group);
    let mut found = Vec::new();
    for index in 2..group.args.len() {
        let ranks = match group.constant(index).map(|rank| rank.clone().into_dynamic()) {
            Some(Dynamic::Array(ranks)) => ranks,
            Some(rank) => vec![rank],
            None => return Ok(Value::Null),
        };
        let at = |rank: Dynamic| Value::dynamic(rank).as_real().and_then(|rank| heaviest(&values, rank));
        found.extend(ranks.into_iter().map(|rank| at(rank).unwrap_or(Dynamic::Null)));
    }
    Ok(Value::dynamic(Dynamic::Array(found)))
}

/// Values and their weights, sorted by value.
fn weighted(group: &Group<'_>) -> Vec<(Dynamic, f64)> {
    let pairs = group.arg(0).iter().zip(group.arg(1)).filter(|(value, _)| !value.is_null());
    let mut pairs: Vec<(Dynamic, f64)> =
        pairs.filter_map(|(value, weight)| Some((value.clone().into_dynamic(), weight.as_real()?))).collect();
    pairs.retain(|(_, weight)| *weight > 0.0);
    pairs.sort_by(|a, b| compare(&a.0, &b.0));
    pairs
}

/// The smallest value with at least `rank` percent of the weight at or below it.
fn heaviest(values: &[(Dynamic, f64)], rank: f64) -> Option<Dynamic> {
    let wanted = values.iter().map(|(_, weight)| weight).sum::<f64>() * rank / 100.0;
    let mut below = 0.0;
    let reaches = |(_, weight): &&(Dynamic, f64)| {
        below += weight;
        below >= wanted
    };
    values.iter().find(reaches).or(values.last()).map(|(value, _)| value.clone())
}

fn sorted(group: &Group<'_>) -> Vec<Dynamic> {
    let present = group.arg(0).iter().filter(|value| !value.is_null());
    let mut values: Vec<Dynamic> = present.map(|value| value.clone().into_dynamic()).collect();
    values.sort_by(compare);
    values
}

/// The smallest value with at least `rank` percent of the values at or below it; the smallest of all for 0.
fn nearest(sorted: &[Dynamic], rank: f64) -> Option<Dynamic> {
    #[expect(clippy::cast_precision_loss, reason = "a number of rows in memory")]
    let place = (rank.clamp(0.0, 100.0) / 100.0 * sorted.len() as f64).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let place = (place as usize).max(1);
    sorted.get(place - 1).cloned()
}

fn bits(call: &Call<'_>, group: &Group<'_>, combine: fn(i64, i64) -> i64) -> Value {
    let combined = group.arg(0).iter().filter_map(Value::as_long).reduce(combine);
    combined.map_or(Value::Null, |number| convert(&Value::Long(number), call.returns))
}
