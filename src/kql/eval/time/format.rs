//! Instants and spans to text: `tostring`, `format_datetime`, `format_timespan`.
//!
//! The patterns are those of the pages "format_datetime()" and "format_timespan()". A pattern with anything else in it
//! is refused ([`BadPattern`]), as the service does.

use super::{DAY, Date, HOUR, MINUTE, SECOND, day_of_week};

/// A format pattern holds something that the documentation does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadPattern(pub(crate) String);

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Characters that stand for themselves in patterns.
const DELIMITERS: [char; 9] = [' ', '/', '-', ':', ',', '.', '_', '[', ']'];

/// As `tostring` writes an instant: `2014-11-08T15:55:00.0000000Z`.
pub(crate) fn format_datetime(ticks: i64) -> String {
    let Date { year, month, day } = Date::of(ticks);
    let Clock { hours, minutes, seconds, fraction } = Clock::of(ticks);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{fraction:07}Z")
}

/// As `tostring` writes a span: `[-][days.]hh:mm:ss[.fffffff]`.
pub(crate) fn format_timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let (days, rest) = days_and_rest(ticks);
    let Clock { hours, minutes, seconds, fraction } = Clock::of(rest);
    let days = if days == 0 { String::new() } else { format!("{days}.") };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:07}") };
    format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}

/// `format_datetime(ticks, pattern)`.
///
/// # Errors
///
/// [`BadPattern`] with the part of the pattern that is not understood.
pub(crate) fn format_datetime_as(ticks: i64, pattern: &str) -> Result<String, BadPattern> {
    let Date { year, month, day } = Date::of(ticks);
    let clock = Clock::of(ticks);
    let weekday = usize::try_from(day_of_week(ticks)).unwrap_or(0);
    let month_index = usize::try_from(month - 1).unwrap_or(0);
    each_run(pattern, |run, width, out| {
        let twelve = (clock.hours + 11) % 12 + 1;
        let (value, most) = match run {
            // Names are not in the documentation's list, but the service takes them as .NET does.
            'd' if width > 2 => return write_name(DAYS.get(weekday), width, out),
            'M' if width > 2 => return write_name(MONTHS.get(month_index), width, out),
            'd' => (day, 2),
            'H' => (clock.hours, 2),
            'h' => (twelve, 2),
            'm' => (clock.minutes, 2),
            'M' => (month, 2),
            's' => (clock.seconds, 2),
            'y' if width == 4 => (year, 4),
            'y' => (year % 100, 2),
            't' if width == 2 => {
                out.push_str(if clock.hours < 12 { "AM" } else { "PM" });
                return true;
            }
            'f' | 'F' => return clock.write_fraction(run, width, out),
            _ => return false,
        };
        width <= most && write_padded(value, width, out)
    })
}

/// `format_timespan(ticks, pattern)`.
///
/// # Errors
///
/// [`BadPattern`] with the part of the pattern that is not understood.
pub(crate) fn format_timespan_as(ticks: i64, pattern: &str) -> Result<String, BadPattern> {
    let (days, rest) = days_and_rest(ticks);
    let clock = Clock::of(rest);
    each_run(pattern, |run, width, out| {
        let (value, most) = match run {
            'd' => (days, 8),
            'H' => (clock.hours, 2),
            'h' => ((clock.hours + 11) % 12 + 1, 2),
            'm' => (clock.minutes, 2),
            's' => (clock.seconds, 2),
            'f' | 'F' => return clock.write_fraction(run, width, out),
            _ => return false,
        };
        width <= most && write_padded(value, width, out)
    })
}

/// Whether `name` was written: whole for four letters of the pattern, its first three for three.
fn write_name(name: Option<&&str>, width: usize, out: &mut String) -> bool {
    let Some(name) = name else { return false };
    out.push_str(if width == 3 { name.get(..3).unwrap_or(name) } else { name });
    width <= 4
}

/// Whole days and the rest of the day, both without the sign.
fn days_and_rest(ticks: i64) -> (i64, i64) {
    // The one span whose size is no `i64` loses its last tick here and gets it back below.
    let size = ticks.checked_abs().unwrap_or(i64::MAX);
    let missing = i64::from(ticks == i64::MIN);
    (size / DAY, size % DAY + missing)
}

/// Hands every run of one letter to `write`, which says whether it knows it; delimiters are copied.
fn each_run(
    pattern: &str,
    mut write: impl FnMut(char, usize, &mut String) -> bool,
) -> Result<String, BadPattern> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| c != first).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if DELIMITERS.contains(&first) {
            out.push_str(run);
        } else if !write(first, run.chars().count(), &mut out) {
            return Err(BadPattern(run.to_owned()));
        }
        rest = after;
    }
    Ok(out)
}

fn write_padded(value: impl std::fmt::Display, width: usize, out: &mut String) -> bool {
    let digits = value.to_string();
    out.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    out.push_str(&digits);
    true
}

/// Time of a day.
struct Clock {
    hours: i64,
    minutes: i64,
    seconds: i64,
    /// Ticks within the second.
    fraction: i64,
}

impl Clock {
    fn of(ticks: i64) -> Clock {
        let ticks = ticks.rem_euclid(DAY);
        Clock {
            hours: ticks / HOUR,
            minutes: ticks % HOUR / MINUTE,
            seconds: ticks % MINUTE / SECOND,
            fraction: ticks % SECOND,
        }
    }

    /// `f` writes that many digits, `F` the same without zeros at the end.
    fn write_fraction(&self, run: char, width: usize, out: &mut String) -> bool {
        let digits = format!("{:07}", self.fraction);
        let Some(kept) = digits.get(..width) else { return false };
        out.push_str(if run == 'F' { kept.trim_end_matches('0') } else { kept });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_datetime, parse_timespan};
    use super::*;

    #[test]
    fn patterns_of_dates_give_the_documented_text() {
        // The table and the examples of the page "format_datetime()".
        for (date, pattern, expected) in [
            ("2009-06-01T13:45:30", "d", "1"),
            ("2009-06-01T13:45:30", "dd", "01"),
            ("2009-06-15T13:45:30.6170000", "f", "6"),
            ("2009-06-15T13:45:30.05", "f", "0"),
            ("2009-06-15T13:45:30.6175425", "fffffff", "6175425"),
            ("2009-06-15T13:45:30.0500000", "F", ""),
            ("2009-06-15T13:45:30.0001150", "FFFFFFF", "000115"),
            ("2009-06-15T01:45:30", "h", "1"),
            ("2009-06-15T13:45:30", "hh", "01"),
            ("2009-06-15T13:45:30", "H", "13"),
            ("2009-06-15T01:45:30", "HH", "01"),
            ("2009-06-15T01:09:30", "m", "9"),
            ("2009-06-15T13:45:30", "M", "6"),
            ("2009-06-15T13:45:09", "ss", "09"),
            ("1900-01-01T00:00:00", "y", "0"),
            ("0900-01-01T00:00:00", "yy", "00"),
            ("2009-06-15T13:45:30", "y", "9"),
            ("0900-01-01T00:00:00", "yyyy", "0900"),
            ("2009-06-15T13:45:09", "tt", "PM"),
            ("2017-01-29 09:00:05", "yy-MM-dd [HH:mm:ss]", "17-01-29 [09:00:05]"),
            ("2017-01-29 09:00:05", "yyyy-M-dd [H:mm:ss]", "2017-1-29 [9:00:05]"),
            ("2017-01-29 09:00:05", "yy-MM-dd [hh:mm:ss tt]", "17-01-29 [09:00:05 AM]"),
            // By .NET's custom format strings.
            ("2017-01-29 09:00:05", "MMM dd", "Jan 29"),
            ("2017-01-29 09:00:05", "dddd", "Sunday"),
        ] {
            let ticks = parse_datetime(date).unwrap();
            assert_eq!(format_datetime_as(ticks, pattern).as_deref(), Ok(expected), "{date} {pattern}");
        }
        for pattern in ["yyyy-MM-ddTHH", "yyy", "HHH", "q", "ffffffff", "\u{e9}"] {
            assert!(format_datetime_as(0, pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn patterns_of_spans_give_the_documented_text() {
        // The table and the examples of the page "format_timespan()".
        for (span, pattern, expected) in [
            ("15.13:45:30", "d", "15"),
            ("15.13:45:30", "dd", "15"),
            ("15.13:45:30", "ddd", "015"),
            ("15.13:45:30.6170000", "ff", "61"),
            ("15.13:45:30.0500000", "F", ""),
            ("29.09:00:05.12345", "dd.hh:mm:ss:FF", "29.09:00:05:12"),
            ("29.09:00:05.12345", "ddd.h:mm:ss [fffffff]", "029.9:00:05 [1234500]"),
        ] {
            let ticks = parse_timespan(span).unwrap();
            assert_eq!(format_timespan_as(ticks, pattern).as_deref(), Ok(expected), "{span} {pattern}");
        }
        assert!(format_timespan_as(0, "yy").is_err());
    }

    #[test]
    fn the_plain_text_is_that_of_tostring() {
        // reverse() shows both, backwards.
        assert_eq!(
            format_datetime(parse_datetime("2017-10-15 12:00").unwrap()),
            "2017-10-15T12:00:00.0000000Z"
        );
        assert_eq!(format_timespan(3 * HOUR), "03:00:00");
        assert_eq!(format_timespan(-DAY - 1), "-1.00:00:00.0000001");
        assert_eq!(format_timespan(i64::MIN), "-10675199.02:48:05.4775808");
    }
}
