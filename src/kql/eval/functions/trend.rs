//! Lines through series: `series_fit_line`.

use std::sync::Arc;

use super::argument::array;
use super::series::{Spread, numbers};
use super::{Function, Tuple, first, function, tuple};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("series_fit_line", |call, args| first(fit_line(call, args))),
    function("series_fit_line_dynamic", fit_line_dynamic),
];

pub(super) const TUPLES: &[Tuple] = &[tuple("series_fit_line", fit_line)];

/// The columns of `series_fit_line`, in order.
const COLUMNS: [&str; 6] = ["rsquare", "slope", "variance", "rvariance", "interception", "line_fit"];

/// Least squares over the places 1, 2, … of the series: with 0 as the first place the page's example would have another
/// interception. Variances are those of samples, as there. Fewer than two numbers, or an element that is none, give nulls.
fn fit_line(call: &Call<'_>, args: &[Value]) -> Result<Vec<Value>, Fault> {
    let Some(series) = numbers(args, 0).filter(|series| series.len() > 1) else {
        return Ok(vec![Value::Null; COLUMNS.len()]);
    };
    call.context.spend(series.len() as u64, call.span)?;
    let places = || (1..=series.len()).map(|place| u32::try_from(place).map_or(f64::MAX, f64::from));
    let across = Spread::of(places());
    let spread = Spread::of(series.iter().copied());
    let together: f64 = places().zip(&series).map(|(x, y)| (x - across.mean) * (y - spread.mean)).sum();
    let slope = together / (across.population_variance() * across.count);
    let interception = spread.mean - slope * across.mean;
    let line: Vec<f64> = places().map(|x| slope * x + interception).collect();
    let residual = Spread::of(series.iter().zip(&line).map(|(y, fit)| y - fit));
    let variance = spread.sample_variance();
    // A flat series has nothing to explain.
    let rsquare = if variance == 0.0 { 1.0 } else { 1.0 - residual.sample_variance() / variance };
    Ok(vec![
        Value::Real(rsquare),
        Value::Real(slope),
        Value::Real(variance),
        Value::Real(residual.sample_variance()),
        Value::Real(interception),
        array(line.into_iter().map(Dynamic::Real)),
    ])
}

fn fit_line_dynamic(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let members = COLUMNS.iter().zip(fit_line(call, args)?);
    let bag = members.map(|(name, value)| (Arc::from(*name), value.into_dynamic())).collect();
    Ok(Value::dynamic(Dynamic::Bag(bag)))
}
