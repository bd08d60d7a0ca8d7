//! Functions of instants and spans. Weeks begin on Sunday, except the numbered weeks of ISO 8601.

use super::argument::{arg, datetime, long, long_or, real, text, timespan};
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::time::{
    DAY, Date, HOUR, MINUTE, SECOND, UNIX_EPOCH, add_months, day_of_week, format_datetime_as,
    format_timespan_as, in_range, iso_week,
};
use crate::kql::eval::{Fault, Value};
use crate::kql::types::ScalarType;

pub(super) const FUNCTIONS: &[Function] = &[
    function("now", now),
    function("ago", ago),
    function("startofday", |_, args| boundary(args, start_of_day)),
    function("startofweek", |_, args| boundary(args, start_of_week)),
    function("startofmonth", |_, args| boundary(args, start_of_month)),
    function("startofyear", |_, args| boundary(args, start_of_year)),
    function("endofday", |_, args| end(args, start_of_day)),
    function("endofweek", |_, args| end(args, start_of_week)),
    function("endofmonth", |_, args| end(args, start_of_month)),
    function("endofyear", |_, args| end(args, start_of_year)),
    function("dayofweek", dayofweek),
    function("dayofmonth", |_, args| part_of(args, "day")),
    function("dayofyear", |_, args| part_of(args, "dayofyear")),
    function("hourofday", |_, args| part_of(args, "hour")),
    function("week_of_year", |_, args| part_of(args, "week_of_year")),
    function("monthofyear", |_, args| part_of(args, "month")),
    function("getmonth", |_, args| part_of(args, "month")),
    function("getyear", |_, args| part_of(args, "year")),
    function("datetime_part", datetime_part),
    function("datepart", datetime_part),
    function("datetime_add", datetime_add),
    function("datetime_diff", datetime_diff),
    function("datetime_utc_to_local", zoned),
    function("datetime_local_to_utc", zoned),
    function("make_datetime", make_datetime),
    function("make_timespan", make_timespan),
    function("format_datetime", format_datetime),
    function("format_timespan", format_timespan),
    function("unixtime_seconds_todatetime", |_, args| since_epoch(args, SECOND, 1)),
    function("unixtime_milliseconds_todatetime", |_, args| since_epoch(args, SECOND, 1_000)),
    function("unixtime_microseconds_todatetime", |_, args| since_epoch(args, SECOND, 1_000_000)),
    function("unixtime_nanoseconds_todatetime", |_, args| since_epoch(args, SECOND, 1_000_000_000)),
];

fn instant(ticks: Option<i64>) -> Value {
    ticks.and_then(in_range).map_or(Value::Null, Value::DateTime)
}

fn now(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let offset = if args.is_empty() { Some(0) } else { timespan(args, 0) };
    Ok(instant(offset.and_then(|offset| call.context.now.checked_add(offset))))
}

fn ago(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(instant(timespan(args, 0).and_then(|span| call.context.now.checked_sub(span))))
}

/// The start of a period that an instant is in, moved by a number of periods.
type StartOf = fn(ticks: i64, offset: i64) -> Option<i64>;

fn boundary(args: &[Value], start: StartOf) -> Result<Value, Fault> {
    let (Some(date), Some(offset)) = (datetime(args, 0), long_or(args, 1, 0)) else { return Ok(Value::Null) };
    Ok(instant(start(date, offset)))
}

/// The last tick before the next period.
fn end(args: &[Value], start: StartOf) -> Result<Value, Fault> {
    let (Some(date), Some(offset)) = (datetime(args, 0), long_or(args, 1, 0)) else { return Ok(Value::Null) };
    let next = offset.checked_add(1).and_then(|offset| start(date, offset));
    Ok(instant(next.and_then(|next| next.checked_sub(1))))
}

fn start_of_day(ticks: i64, offset: i64) -> Option<i64> {
    (ticks - ticks.rem_euclid(DAY)).checked_add(offset.checked_mul(DAY)?)
}

fn start_of_week(ticks: i64, offset: i64) -> Option<i64> {
    let sunday = start_of_day(ticks, 0)? - day_of_week(ticks) * DAY;
    sunday.checked_add(offset.checked_mul(7 * DAY)?)
}

fn start_of_month(ticks: i64, offset: i64) -> Option<i64> {
    add_months(Date { day: 1, ..Date::of(ticks) }.ticks()?, offset)
}

fn start_of_year(ticks: i64, offset: i64) -> Option<i64> {
    let year = Date::of(ticks).year.checked_add(offset)?;
    Date { year, month: 1, day: 1 }.ticks()
}

fn dayofweek(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(datetime(args, 0).map_or(Value::Null, |ticks| Value::TimeSpan(day_of_week(ticks) * DAY)))
}

fn part_of(args: &[Value], part: &str) -> Result<Value, Fault> {
    let found = datetime(args, 0).and_then(|ticks| date_part(ticks, part));
    Ok(found.and_then(|number| i32::try_from(number).ok()).map_or(Value::Null, Value::Int))
}

fn datetime_part(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let part = text(args, 0).to_ascii_lowercase();
    let Some(ticks) = datetime(args, 1) else { return Ok(Value::Null) };
    match date_part(ticks, &part) {
        Some(number) => Ok(i32::try_from(number).map_or(Value::Null, Value::Int)),
        None => Err(call.failed(format!("{}(): `{part}` is no part of a date", call.name))),
    }
}

/// Parts smaller than a second count from its beginning.
fn date_part(ticks: i64, part: &str) -> Option<i64> {
    let date = Date::of(ticks);
    let clock = ticks.rem_euclid(DAY);
    Some(match part {
        "year" => date.year,
        "quarter" => (date.month - 1) / 3 + 1,
        "month" => date.month,
        "week_of_year" => iso_week(ticks),
        "day" => date.day,
        "dayofyear" => date.day_of_year(),
        "hour" => clock / HOUR,
        "minute" => clock % HOUR / MINUTE,
        "second" => clock % MINUTE / SECOND,
        "millisecond" => clock % SECOND / 10_000,
        "microsecond" => clock % SECOND / 10,
        "nanosecond" => clock % SECOND * 100,
        _ => return None,
    })
}

/// Ticks of a period of fixed length.
fn fixed_length(period: &str) -> Option<i64> {
    Some(match period {
        "week" => 7 * DAY,
        "day" => DAY,
        "hour" => HOUR,
        "minute" => MINUTE,
        "second" => SECOND,
        "millisecond" => 10_000,
        "microsecond" => 10,
        _ => return None,
    })
}

/// Months of a period that is made of them.
fn months(period: &str) -> Option<i64> {
    match period {
        "year" => Some(12),
        "quarter" => Some(3),
        "month" => Some(1),
        _ => None,
    }
}

fn datetime_add(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let period = text(args, 0).to_ascii_lowercase();
    let (Some(amount), Some(ticks)) = (long(args, 1), datetime(args, 2)) else { return Ok(Value::Null) };
    if let Some(months) = months(&period) {
        return Ok(instant(months.checked_mul(amount).and_then(|months| add_months(ticks, months))));
    }
    let added = match period.as_str() {
        "nanosecond" => Some(amount / 100),
        _ => match fixed_length(&period) {
            Some(length) => length.checked_mul(amount),
            None => return Err(call.failed(format!("datetime_add(): `{period}` is no period"))),
        },
    };
    Ok(instant(added.and_then(|added| ticks.checked_add(added))))
}

/// How many boundaries of the period lie between the two: 23:59 and 00:00 are a day apart.
fn datetime_diff(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let period = text(args, 0).to_ascii_lowercase();
    let (Some(left), Some(right)) = (datetime(args, 1), datetime(args, 2)) else { return Ok(Value::Null) };
    if let Some(months) = months(&period) {
        let number = |ticks| {
            let date = Date::of(ticks);
            (date.year * 12 + date.month - 1).div_euclid(months)
        };
        return Ok(Value::Long(number(left) - number(right)));
    }
    let difference = match period.as_str() {
        "nanosecond" => left.checked_sub(right).and_then(|ticks| ticks.checked_mul(100)),
        // Weeks begin on Sunday, 0001-01-01 was a Monday.
        "week" => Some((left + DAY).div_euclid(7 * DAY) - (right + DAY).div_euclid(7 * DAY)),
        _ => match fixed_length(&period) {
            Some(length) => Some(left.div_euclid(length) - right.div_euclid(length)),
            None => return Err(call.failed(format!("datetime_diff(): `{period}` is no period"))),
        },
    };
    Ok(difference.into())
}

/// Only UTC: other zones need a database of their rules.
fn zoned(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    match &*text(args, 1) {
        "UTC" | "Etc/UTC" => Ok(arg(args, 0).clone()),
        zone => Err(call.not_evaluated(&format!("of time zone `{zone}`"))),
    }
}

fn make_datetime(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    if args.len() == 1 {
        return Ok(convert(arg(args, 0), ScalarType::DateTime));
    }
    let made = || {
        let date = Date { year: long(args, 0)?, month: long(args, 1)?, day: long(args, 2)? };
        let (hours, minutes) = (long_or(args, 3, 0)?, long_or(args, 4, 0)?);
        let clock = hours_minutes(hours, minutes)?.checked_add(seconds(args, 5)?)?;
        date.ticks()?.checked_add(clock)
    };
    Ok(instant(made()))
}

fn make_timespan(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    if args.len() == 1 {
        return Ok(convert(arg(args, 0), ScalarType::TimeSpan));
    }
    let first = usize::from(args.len() == 4);
    let made = || {
        let days = if first == 1 { long(args, 0)? } else { 0 };
        let clock = hours_minutes(long(args, first)?, long(args, first + 1)?)?;
        days.checked_mul(DAY)?.checked_add(clock)?.checked_add(seconds(args, first + 2)?)
    };
    Ok(made().map_or(Value::Null, Value::TimeSpan))
}

fn hours_minutes(hours: i64, minutes: i64) -> Option<i64> {
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * HOUR + minutes * MINUTE)
}

/// Seconds with a fraction, in ticks; none given is 0.
#[expect(clippy::cast_possible_truncation, reason = "below a minute")]
fn seconds(args: &[Value], index: usize) -> Option<i64> {
    if args.len() <= index {
        return Some(0);
    }
    let seconds = real(args, index).filter(|seconds| (0.0..60.0).contains(seconds))?;
    Some((seconds * 1e7).round() as i64)
}

fn format_datetime(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(ticks) = datetime(args, 0) else { return Ok(Value::from("")) };
    format_datetime_as(ticks, &text(args, 1)).map(Value::from).map_err(|bad| bad_pattern(call, &bad.0))
}

fn format_timespan(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    let Some(ticks) = timespan(args, 0) else { return Ok(Value::from("")) };
    format_timespan_as(ticks, &text(args, 1)).map(Value::from).map_err(|bad| bad_pattern(call, &bad.0))
}

fn bad_pattern(call: &Call<'_>, part: &str) -> Fault {
    call.failed(format!("{}(): the format has `{part}`, which is no format element", call.name))
}

/// A number of units since 1970; `per_second` units are a second of `second` ticks.
fn since_epoch(args: &[Value], second: i64, per_second: i64) -> Result<Value, Fault> {
    let ticks = match long(args, 0) {
        Some(whole) => {
            let ticks = i128::from(whole) * i128::from(second) / i128::from(per_second);
            i64::try_from(ticks).ok()
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "the range is checked"
        )]
        None => real(args, 0)
            .map(|number| (number * second as f64 / per_second as f64).round())
            .filter(|ticks| ticks.abs() < 9e18)
            .map(|ticks| ticks as i64),
    };
    Ok(instant(ticks.and_then(|ticks| ticks.checked_add(UNIX_EPOCH))))
}
