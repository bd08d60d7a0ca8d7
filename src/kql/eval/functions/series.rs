//! Arrays of numbers taken as series: arithmetic element by element, sums, statistics, filling of gaps.
//!
//! An element that is no number, or that only one of two series has, gives a null element. Decomposition, anomaly scores
//! and period detection are not here: how they are computed is not documented closely enough to give the same answer.

use super::argument::{arg, array, count, items, real};
use super::{Function, Tuple, first, function, tuple};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Dynamic, Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("series_add", |_, args| arithmetic(args, i64::checked_add, |a, b| a + b)),
    function("series_subtract", |_, args| arithmetic(args, i64::checked_sub, |a, b| a - b)),
    function("series_multiply", |_, args| arithmetic(args, i64::checked_mul, |a, b| a * b)),
    function("series_divide", |_, args| pairwise(args, |a, b| Dynamic::Real(a / b))),
    function("series_pow", |_, args| pairwise(args, |a, b| Dynamic::Real(a.powf(b)))),
    function("series_equals", |_, args| pairwise(args, |a, b| Dynamic::Bool(a == b))),
    function("series_not_equals", |_, args| pairwise(args, |a, b| Dynamic::Bool(a != b))),
    function("series_greater", |_, args| pairwise(args, |a, b| Dynamic::Bool(a > b))),
    function("series_greater_equals", |_, args| pairwise(args, |a, b| Dynamic::Bool(a >= b))),
    function("series_less", |_, args| pairwise(args, |a, b| Dynamic::Bool(a < b))),
    function("series_less_equals", |_, args| pairwise(args, |a, b| Dynamic::Bool(a <= b))),
    function("series_abs", |_, args| each(args, |n| n.checked_abs().map(Dynamic::Long), f64::abs)),
    function("series_sign", |_, args| each(args, |n| Some(Dynamic::Long(n.signum())), sign)),
    function("series_ceiling", |_, args| each(args, |_| None, f64::ceil)),
    function("series_floor", |_, args| each(args, |_| None, f64::floor)),
    function("series_exp", |_, args| each(args, |_| None, f64::exp)),
    function("series_log", |_, args| each(args, |_| None, f64::ln)),
    function("series_sin", |_, args| each(args, |_| None, f64::sin)),
    function("series_cos", |_, args| each(args, |_| None, f64::cos)),
    function("series_tan", |_, args| each(args, |_| None, f64::tan)),
    function("series_asin", |_, args| each(args, |_| None, f64::asin)),
    function("series_acos", |_, args| each(args, |_| None, f64::acos)),
    function("series_atan", |_, args| each(args, |_| None, f64::atan)),
    function("series_sum", |_, args| {
        Ok(numbers(args, 0).map(|n| n.iter().fold(0.0, |sum, n| sum + n)).into())
    }),
    function("series_product", |_, args| Ok(numbers(args, 0).map(|n| n.iter().product::<f64>()).into())),
    function("series_magnitude", magnitude),
    function("series_dot_product", dot_product),
    function("series_stats", |call, args| first(stats(call, args))),
    function("series_stats_dynamic", stats_dynamic),
    function("series_fill_forward", |call, args| fill(call, args, Direction::Forward)),
    function("series_fill_backward", |call, args| fill(call, args, Direction::Backward)),
    function("series_fill_const", fill_const),
    function("series_fill_linear", fill_linear),
];

pub(super) const TUPLES: &[Tuple] = &[tuple("series_stats", stats)];

/// A number inside a dynamic.
pub(super) fn number(value: &Dynamic) -> Option<f64> {
    Value::dynamic(value.clone()).as_real()
}

/// The numbers of an array; `None` if one of its elements is none.
pub(super) fn numbers(args: &[Value], index: usize) -> Option<Vec<f64>> {
    items(args, index)?.iter().map(number).collect()
}

fn sign(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number.signum() }
}

/// The operands at a place: an element of a series, or the number that stands for all of them.
fn operands(args: &[Value]) -> Option<Vec<(Dynamic, Dynamic)>> {
    let length = |index| items(args, index).map(<[Dynamic]>::len);
    let longest = length(0).max(length(1))?;
    let at = |index: usize, place: usize| match items(args, index) {
        Some(items) => items.get(place).cloned().unwrap_or(Dynamic::Null),
        None => arg(args, index).clone().into_dynamic(),
    };
    Some((0..longest).map(|place| (at(0, place), at(1, place))).collect())
}

fn pairwise(args: &[Value], combine: fn(f64, f64) -> Dynamic) -> Result<Value, Fault> {
    let Some(pairs) = operands(args) else { return Ok(Value::Null) };
    let made = pairs.iter().map(|(a, b)| match (number(a), number(b)) {
        (Some(a), Some(b)) => combine(a, b),
        _ => Dynamic::Null,
    });
    Ok(array(made.collect::<Vec<_>>()))
}

/// Whole numbers stay whole.
fn arithmetic(
    args: &[Value],
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Fault> {
    let Some(pairs) = operands(args) else { return Ok(Value::Null) };
    let made = pairs.iter().map(|(a, b)| match (a, b) {
        (Dynamic::Long(a), Dynamic::Long(b)) => whole(*a, *b).map_or(Dynamic::Null, Dynamic::Long),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Dynamic::Real(real(a, b)),
            _ => Dynamic::Null,
        },
    });
    Ok(array(made.collect::<Vec<_>>()))
}

/// Where `whole` has no answer for a whole number, `real` has.
fn each(args: &[Value], whole: fn(i64) -> Option<Dynamic>, real: fn(f64) -> f64) -> Result<Value, Fault> {
    let Some(items) = items(args, 0) else { return Ok(Value::Null) };
    let made = items.iter().map(|item| {
        let kept = match item {
            Dynamic::Long(number) => whole(*number),
            _ => None,
        };
        kept.or_else(|| number(item).map(|number| Dynamic::Real(real(number)))).unwrap_or(Dynamic::Null)
    });
    Ok(array(made.collect::<Vec<_>>()))
}

fn magnitude(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(numbers(args, 0).map(|numbers| numbers.iter().fold(0.0, |sum, n| sum + n * n).sqrt()).into())
}

/// As long as the shorter series; elements that are no numbers are left out.
/// A number stands for a series of that number.
fn dot_product(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let side = |index: usize| match items(args, index) {
        Some(items) => Some((items.to_vec(), items.len())),
        None => Some((vec![Dynamic::Real(real(args, index)?)], usize::MAX)),
    };
    let (Some((a, a_length)), Some((b, b_length))) = (side(0), side(1)) else { return Ok(Value::Null) };
    if a.is_empty() || b.is_empty() {
        return Ok(Value::Null);
    }
    let length = if a_length == usize::MAX && b_length == usize::MAX { 1 } else { a_length.min(b_length) };
    let products = a.iter().cycle().zip(b.iter().cycle()).take(length);
    let products = products.filter_map(|(a, b)| Some(number(a)? * number(b)?));
    Ok(Value::Real(products.fold(0.0, |sum, product| sum + product)))
}

/// What `series_stats` finds, in the order of its columns.
fn stats(call: &Call<'_>, args: &[Value]) -> Result<Vec<Value>, Fault> {
    let ignore = args.get(1).and_then(Value::as_bool).unwrap_or(false);
    let Some(series) = items(args, 0) else { return Ok(vec![Value::Null; 7]) };
    let finite: Vec<(usize, f64)> = series
        .iter()
        .enumerate()
        .filter_map(|(at, item)| Some((at, number(item).filter(|number| number.is_finite())?)))
        .collect();
    if finite.is_empty() || (finite.len() < series.len() && !ignore) {
        return Ok(vec![Value::Null; 7]);
    }
    call.context.spend(series.len() as u64, call.span)?;
    let mut least = (0, f64::INFINITY);
    let mut greatest = (0, f64::NEG_INFINITY);
    for &(at, number) in &finite {
        if number < least.1 {
            least = (at, number);
        }
        if number > greatest.1 {
            greatest = (at, number);
        }
    }
    let spread = Spread::of(finite.iter().map(|(_, number)| *number));
    Ok(vec![
        Value::Real(least.1),
        Value::Long(count(least.0)),
        Value::Real(greatest.1),
        Value::Long(count(greatest.0)),
        Value::Real(spread.mean),
        Value::Real(spread.sample_variance().sqrt()),
        Value::Real(spread.sample_variance()),
    ])
}

fn stats_dynamic(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let names = ["min", "min_idx", "max", "max_idx", "avg", "stdev", "variance", "sum", "len"];
    let mut values = stats(call, args)?;
    // The bag has two members more than the function of several columns.
    let series = items(args, 0).unwrap_or_default();
    let sum = values.first().filter(|least| !least.is_null()).map(|_| series.iter().filter_map(number).sum());
    values.push(sum.map_or(Value::Null, Value::Real));
    values.push(sum.and_then(|_| i64::try_from(series.len()).ok()).into());
    let members = names.iter().zip(values);
    let bag = members.map(|(name, value)| (std::sync::Arc::from(*name), value.into_dynamic())).collect();
    Ok(Value::dynamic(Dynamic::Bag(bag)))
}

/// How numbers scatter.
pub(crate) struct Spread {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Spread {
    /// Welford's way, which does not lose digits where the mean is large.
    pub(crate) fn of(numbers: impl Iterator<Item = f64>) -> Spread {
        let mut spread = Spread { count: 0.0, mean: 0.0, squares: 0.0 };
        for number in numbers {
            spread.count += 1.0;
            let before = number - spread.mean;
            spread.mean += before / spread.count;
            spread.squares += before * (number - spread.mean);
        }
        spread
    }

    /// With Bessel's correction; 0 for a single number.
    pub(crate) fn sample_variance(&self) -> f64 {
        if self.count > 1.0 { self.squares / (self.count - 1.0) } else { 0.0 }
    }

    /// Of a whole population.
    pub(crate) fn population_variance(&self) -> f64 {
        if self.count > 0.0 { self.squares / self.count } else { 0.0 }
    }
}

/// Where the value that fills a gap comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Whether an element is a gap: null, or the placeholder given.
fn is_gap(item: &Dynamic, placeholder: &Dynamic) -> bool {
    matches!(item, Dynamic::Null) || item == placeholder
}

/// Each gap gets the nearest value before (or after) it; gaps at the edge stay.
fn fill(_: &Call<'_>, args: &[Value], direction: Direction) -> Result<Value, Fault> {
    let Some(series) = items(args, 0) else { return Ok(Value::Null) };
    let placeholder = arg(args, 1).clone().into_dynamic();
    let mut last: Option<Dynamic> = None;
    let mut filled = |item: &Dynamic| {
        if is_gap(item, &placeholder) {
            return last.clone().unwrap_or_else(|| item.clone());
        }
        last = Some(item.clone());
        item.clone()
    };
    let made: Vec<Dynamic> = match direction {
        Direction::Forward => series.iter().map(&mut filled).collect(),
        Direction::Backward => {
            let mut made: Vec<Dynamic> = series.iter().rev().map(&mut filled).collect();
            made.reverse();
            made
        }
    };
    Ok(array(made))
}

fn fill_const(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(series) = items(args, 0) else { return Ok(Value::Null) };
    let constant = if args.len() > 1 { arg(args, 1).clone().into_dynamic() } else { Dynamic::Long(0) };
    let placeholder = arg(args, 2).clone().into_dynamic();
    let filled = |item: &Dynamic| if is_gap(item, &placeholder) { constant.clone() } else { item.clone() };
    Ok(array(series.iter().map(filled).collect::<Vec<_>>()))
}

/// Gaps get the values of the line between their neighbours, cut to whole numbers in a series of them; at the edges, if
/// wanted, the nearest value. A series of gaps only gets the constant.
fn fill_linear(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(series) = items(args, 0) else { return Ok(Value::Null) };
    let placeholder = arg(args, 1).clone().into_dynamic();
    let edges = args.get(2).is_none_or(|edges| edges.as_bool() != Some(false));
    let constant = args.get(3).map_or(Dynamic::Real(0.0), |constant| constant.clone().into_dynamic());
    let known: Vec<(usize, &Dynamic)> =
        series.iter().enumerate().filter(|(_, item)| !is_gap(item, &placeholder)).collect();
    if known.is_empty() {
        return Ok(array(vec![constant; series.len()]));
    }
    let whole = known.iter().all(|(_, item)| matches!(item, Dynamic::Long(_)));
    let mut made = Vec::with_capacity(series.len());
    for (at, item) in series.iter().enumerate() {
        let next = known.partition_point(|(place, _)| *place < at);
        let after = known.get(next);
        let before = next.checked_sub(1).and_then(|before| known.get(before));
        made.push(match (before, after) {
            (_, Some((place, value))) if *place == at => Dynamic::clone(value),
            (Some(before), Some(after)) => between(at, *before, *after, whole),
            (Some((_, nearest)), None) | (None, Some((_, nearest))) if edges => Dynamic::clone(nearest),
            _ => item.clone(),
        });
    }
    Ok(array(made))
}

/// The value at a place on the line between two known ones.
#[expect(clippy::cast_precision_loss, reason = "places in an array in memory")]
fn between(at: usize, before: (usize, &Dynamic), after: (usize, &Dynamic), whole: bool) -> Dynamic {
    let (Some(from), Some(to)) = (number(before.1), number(after.1)) else { return Dynamic::Null };
    let share = (at - before.0) as f64 / (after.0 - before.0) as f64;
    let value = from + (to - from) * share;
    #[expect(clippy::cast_possible_truncation, reason = "between two whole numbers")]
    if whole { Dynamic::Long(value as i64) } else { Dynamic::Real(value) }
}
