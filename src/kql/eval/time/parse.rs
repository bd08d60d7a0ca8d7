//! Text to instants and spans: what `todatetime`, `totimespan` and literals accept.
//!
//! Accepted dates are those of "The datetime data type" (ISO 8601, RFC 822, RFC 850, sortable), and the day orders that
//! its examples and .NET's invariant culture agree on: `12-02-2022` and `12/2/2022` begin with the month, a month may be
//! a word, hours may be `3:04 PM`. A zone moves the instant to UTC; without one it is UTC. Spans are those of "The
//! timespan data type": `1.12:30:55.123`, `90m`, `15 seconds`, a whole number of days. Anything else is `None`, which the
//! language turns into null.

use super::{DAY, Date, HOUR, MINUTE, SECOND, in_range};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Ticks of each unit that may follow a number; nanoseconds are hundredths of a tick.
const UNITS: [(&[&str], f64); 8] = [
    (&["d", "day", "days"], DAY as f64),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR as f64),
    (&["m", "min", "minute", "minutes"], MINUTE as f64),
    (&["s", "sec", "second", "seconds"], SECOND as f64),
    (&["ms", "milli", "millis", "millisec", "millisecond", "milliseconds"], 10_000.0),
    (&["micro", "micros", "microsec", "microsecond", "microseconds"], 10.0),
    (&["nano", "nanos", "nanosec", "nanosecond", "nanoseconds"], 0.01),
    (&["tick", "ticks"], 1.0),
];

/// An instant in ticks, or `None` if the text is no date.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    let mut rest = Rest(text.trim());
    rest.skip_weekday();
    let day = rest.date()?.ticks()?;
    let spaced = rest.spaces() | rest.take_if(&['T', 't', ',']);
    rest.spaces();
    if rest.0.is_empty() {
        return in_range(day);
    }
    // A zone may follow a day directly only where nothing else can be meant.
    let time =
        if rest.0.starts_with(|c: char| c.is_ascii_digit()) && spaced { rest.time_of_day()? } else { 0 };
    rest.spaces();
    let offset = rest.zone()?;
    rest.0.is_empty().then_some(())?;
    in_range(day.checked_add(time)?.checked_sub(offset)?)
}

/// A span in ticks, or `None` if the text is none.
pub(crate) fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let ticks = if body.contains(':') { clock(body)? } else { amount(body)? };
    if negative { ticks.checked_neg() } else { Some(ticks) }
}

/// `[days.]hours:minutes[:seconds[.fraction]]` or `days:hours:minutes:seconds`.
fn clock(body: &str) -> Option<i64> {
    let parts: Vec<&str> = body.split(':').collect();
    let (days, hours, minutes, seconds) = match parts.as_slice() {
        [first, minutes] => (first.rsplit_once('.'), *first, *minutes, "0"),
        [first, minutes, seconds] => (first.rsplit_once('.'), *first, *minutes, *seconds),
        [days, hours, minutes, seconds] => (Some((*days, *hours)), *hours, *minutes, *seconds),
        _ => return None,
    };
    let (days, hours) = match days {
        Some((days, hours)) => (number(days)?, number(hours)?),
        None => (0, number(hours)?),
    };
    let minutes = number(minutes)?;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let seconds = number(whole)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let within_day = hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction_ticks(fraction)?;
    days.checked_mul(DAY)?.checked_add(within_day)
}

/// `90m`, `1.5 hours`, `2` (days).
fn amount(body: &str) -> Option<i64> {
    let digits = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
    let (count, unit) = body.split_at_checked(digits)?;
    let unit = unit.trim();
    if unit.is_empty() {
        return number(count)?.checked_mul(DAY);
    }
    let unit = unit.to_ascii_lowercase();
    let (_, ticks) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
    let total = (count.parse::<f64>().ok()? * ticks).round();
    // Beyond this a double no longer holds every tick, and the sum would not fit.
    (total.abs() < 9.2e18).then_some(total as i64)
}

fn number(digits: &str) -> Option<i64> {
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Digits after a decimal point as ticks of a second; what is finer than a tick is cut off.
fn fraction_ticks(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept: String = digits.chars().chain("0000000".chars()).take(7).collect();
    kept.parse().ok()
}

/// What is left to read of a date.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take_while(&mut self, accept: fn(&char) -> bool) -> &'a str {
        let end = self.0.find(|c: char| !accept(&c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    fn take_if(&mut self, one_of: &[char]) -> bool {
        match self.0.strip_prefix(one_of) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn spaces(&mut self) -> bool {
        !self.take_while(|c| c.is_whitespace()).is_empty()
    }

    fn digits(&mut self) -> &'a str {
        self.take_while(char::is_ascii_digit)
    }

    fn skip_weekday(&mut self) {
        let before = self.0;
        let word = self.take_while(char::is_ascii_alphabetic).to_ascii_lowercase();
        if word.len() >= 3 && WEEKDAYS.iter().any(|day| day.starts_with(&word)) {
            self.take_if(&[',']);
            self.spaces();
        } else {
            self.0 = before;
        }
    }

    fn month_name(&mut self) -> Option<i64> {
        let word = self.take_while(char::is_ascii_alphabetic).to_ascii_lowercase();
        // Abbreviations have three letters; "sept" is common and no other month.
        let fits = |month: &str| word == *month || (matches!(word.len(), 3 | 4) && month.starts_with(&word));
        let at = MONTHS.iter().position(|month| fits(month))?;
        i64::try_from(at).ok().map(|at| at + 1)
    }

    fn separator(&mut self) -> Option<()> {
        let taken = self.take_if(&['-', '/', '.', ' ']);
        taken.then_some(())
    }

    fn date(&mut self) -> Option<Date> {
        if self.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let month = self.month_name()?;
            self.spaces();
            let day = number(self.digits())?;
            self.take_if(&[',']);
            self.spaces();
            return Some(Date { year: year(self.digits())?, month, day });
        }
        let first = self.digits();
        self.separator()?;
        if self.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let month = self.month_name()?;
            self.separator()?;
            return Some(Date { year: year(self.digits())?, month, day: number(first)? });
        }
        let second = self.digits();
        self.separator()?;
        let third = self.digits();
        match (first.len(), third.len()) {
            (4, 1 | 2) => Some(Date { year: number(first)?, month: number(second)?, day: number(third)? }),
            (1 | 2, 4) => Some(Date { year: number(third)?, month: number(first)?, day: number(second)? }),
            _ => None,
        }
    }

    fn time_of_day(&mut self) -> Option<i64> {
        let mut hours = number(self.digits())?;
        self.take_if(&[':']).then_some(())?;
        let minutes = number(self.digits())?;
        let mut seconds = 0;
        let mut fraction = 0;
        if self.take_if(&[':']) {
            seconds = number(self.digits())?;
            if self.take_if(&['.', ',']) {
                fraction = fraction_ticks(self.digits())?;
            }
        }
        let before = self.0;
        self.spaces();
        match self.take_while(char::is_ascii_alphabetic).to_ascii_uppercase().as_str() {
            half @ ("AM" | "PM") => {
                (1..=12).contains(&hours).then_some(())?;
                hours = hours % 12 + if half == "PM" { 12 } else { 0 };
            }
            _ => self.0 = before,
        }
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        Some(hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction)
    }

    /// Ticks ahead of UTC; 0 if there is no zone.
    fn zone(&mut self) -> Option<i64> {
        match self.0.to_ascii_uppercase().as_str() {
            "" | "Z" | "GMT" | "UTC" => {
                self.0 = "";
                return Some(0);
            }
            _ => {}
        }
        let sign = if self.take_if(&['+']) {
            1
        } else if self.take_if(&['-']) {
            -1
        } else {
            return None;
        };
        let first = self.digits();
        let (hours, minutes) = if self.take_if(&[':']) {
            (number(first)?, number(self.digits())?)
        } else if first.len() == 4 {
            (number(first.get(..2)?)?, number(first.get(2..)?)?)
        } else {
            (number(first)?, 0)
        };
        (hours <= 14 && minutes <= 59).then_some(sign * (hours * HOUR + minutes * MINUTE))
    }
}

/// Two digits mean 1950 to 2049.
fn year(digits: &str) -> Option<i64> {
    let year = number(digits)?;
    match digits.len() {
        4 => Some(year),
        2 if year < 50 => Some(2000 + year),
        2 => Some(1900 + year),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{format_datetime, format_timespan};
    use super::*;

    #[test]
    fn dates_are_read_in_every_documented_form() {
        // "The datetime data type", section "Supported formats"; the last ones by .NET's rules.
        for (text, expected) in [
            ("2014-05-25T08:20:03.123456Z", "2014-05-25T08:20:03.1234560Z"),
            ("2014-05-25T08:20:03.123456", "2014-05-25T08:20:03.1234560Z"),
            ("2014-05-25T08:20", "2014-05-25T08:20:00.0000000Z"),
            ("2014-11-08 15:55:55.123456Z", "2014-11-08T15:55:55.1234560Z"),
            ("2014-11-08 15:55:55", "2014-11-08T15:55:55.0000000Z"),
            ("2014-11-08 15:55", "2014-11-08T15:55:00.0000000Z"),
            ("2014-11-08", "2014-11-08T00:00:00.0000000Z"),
            ("Sat, 8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("Sat, 8 Nov 14 15:05:02", "2014-11-08T15:05:02.0000000Z"),
            ("Sat, 8 Nov 14 15:05", "2014-11-08T15:05:00.0000000Z"),
            ("8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("8 Nov 14 15:05", "2014-11-08T15:05:00.0000000Z"),
            ("Saturday, 08-Nov-14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("08-Nov-14 15:05", "2014-11-08T15:05:00.0000000Z"),
            ("2014-11-08T15:05 GMT", "2014-11-08T15:05:00.0000000Z"),
            ("2015-12-31 23:59:59.9", "2015-12-31T23:59:59.9000000Z"),
            ("12-02-2022", "2022-12-02T00:00:00.0000000Z"),
            ("5/21/2021 3:04:05 PM", "2021-05-21T15:04:05.0000000Z"),
            ("5/21/2021 12:04 AM", "2021-05-21T00:04:00.0000000Z"),
            ("2021-05-21T03:04:05+02:00", "2021-05-21T01:04:05.0000000Z"),
            ("2021-05-21T03:04:05.12345678-0130", "2021-05-21T04:34:05.1234567Z"),
            ("November 8, 2014", "2014-11-08T00:00:00.0000000Z"),
            (" 2014-11-08 ", "2014-11-08T00:00:00.0000000Z"),
        ] {
            let found = parse_datetime(text).map(format_datetime);
            assert_eq!(found.as_deref(), Some(expected), "{text:?}");
        }
        for text in [
            "",
            "now",
            "2014-13-01",
            "2014-02-30",
            "13/02/2022",
            "2014-11-08T25:00",
            "2014-11-08T10",
            "2014-11-08x",
            "20141108",
            "2014",
            "2014-11-08T10:00:00+99:00",
            "2014-11-08 10:00 CET",
            "1609459200",
            "8 Foo 14",
        ] {
            assert_eq!(parse_datetime(text), None, "{text:?}");
        }
    }

    #[test]
    fn spans_are_read_in_every_documented_form() {
        // "The timespan data type"; totimespan().
        for (text, expected) in [
            ("2d", "2.00:00:00"),
            ("1.5h", "01:30:00"),
            ("30m", "00:30:00"),
            ("10s", "00:00:10"),
            ("100ms", "00:00:00.1000000"),
            ("10microsecond", "00:00:00.0000100"),
            ("1tick", "00:00:00.0000001"),
            ("15 seconds", "00:00:15"),
            ("2", "2.00:00:00"),
            ("0.12:34:56.7", "12:34:56.7000000"),
            ("0.00:03:00", "00:03:00"),
            ("25min", "00:25:00"),
            ("-00:05", "-00:05:00"),
            ("1:02:03:04", "1.02:03:04"),
        ] {
            let found = parse_timespan(text).map(format_timespan);
            assert_eq!(found.as_deref(), Some(expected), "{text:?}");
        }
        for text in [
            "",
            "1w",
            "24:00",
            "00:60",
            "1:2:3:4:5",
            "x",
            "1.5",
            "d",
            "1 2s",
            "99999999999999999999d",
            "9e9d",
        ] {
            assert_eq!(parse_timespan(text), None, "{text:?}");
        }
    }
}
