//! Instants and spans as the language has them: whole ticks of 100 ns, no time zone, the proleptic Gregorian calendar.
//!
//! A `datetime` counts ticks from 0001-01-01 to 9999-12-31T23:59:59.9999999, a `timespan` any `i64` of ticks ("The
//! datetime data type", "The timespan data type"). [`parse`] reads the spellings that the documentation lists,
//! [`format`] writes the one that `tostring` gives and those that `format_datetime` is asked for; this file holds the
//! calendar. No clock and no time zone database: what "now" is, is an argument of the evaluator.

mod format;
mod parse;

pub(crate) use format::{format_datetime, format_datetime_as, format_timespan, format_timespan_as};
pub(crate) use parse::{parse_datetime, parse_timespan};

/// Ticks of a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Ticks of a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Ticks of an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Ticks of a day.
pub(crate) const DAY: i64 = 24 * HOUR;
/// The last `datetime`: 9999-12-31T23:59:59.9999999.
pub(crate) const LAST: i64 = 3_652_059 * DAY - 1;
/// 1970-01-01 in ticks.
pub(crate) const UNIX_EPOCH: i64 = 719_162 * DAY;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// 1 to 9999
    pub(crate) year: i64,
    /// 1 to 12
    pub(crate) month: i64,
    /// 1 to 31
    pub(crate) day: i64,
}

impl Date {
    /// The day of an instant.
    pub(crate) fn of(ticks: i64) -> Date {
        // Days since 0000-03-01, so that leap days end a year; eras of 400 years repeat exactly.
        let days = ticks.div_euclid(DAY) + 306;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Date {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }

    /// Midnight of this day; `None` if there is no such day in the years 1 to 9999.
    pub(crate) fn ticks(self) -> Option<i64> {
        if !(1..=9999).contains(&self.year) || !(1..=12).contains(&self.month) {
            return None;
        }
        (1..=days_in_month(self.year, self.month)).contains(&self.day).then(|| {
            let year = self.year - i64::from(self.month <= 2);
            let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
            let shifted_month = (self.month + 9) % 12;
            let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
            let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
            (era * 146_097 + day_of_era - 306) * DAY
        })
    }

    /// 1 for the first of January.
    pub(crate) fn day_of_year(self) -> i64 {
        let first = Date { month: 1, day: 1, ..self };
        match (self.ticks(), first.ticks()) {
            (Some(ticks), Some(first)) => (ticks - first) / DAY + 1,
            _ => 0,
        }
    }
}

/// The instant if it is one: between the first and the last `datetime`.
pub(crate) fn in_range(ticks: i64) -> Option<i64> {
    (0..=LAST).contains(&ticks).then_some(ticks)
}

/// Adds months; a day that the month does not have becomes its last (January 31 + 1 month is the end of February).
pub(crate) fn add_months(ticks: i64, months: i64) -> Option<i64> {
    let date = Date::of(ticks);
    let total = date.year.checked_mul(12)?.checked_add(date.month - 1)?.checked_add(months)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let day = date.day.min(days_in_month(year, month));
    Some(Date { year, month, day }.ticks()? + ticks.rem_euclid(DAY))
}

/// 0 for Sunday to 6 for Saturday.
pub(crate) fn day_of_week(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).rem_euclid(7)
}

/// The week of ISO 8601: the first week is the one with the year's first Thursday.
pub(crate) fn iso_week(ticks: i64) -> i64 {
    // The Thursday of the same week (Monday to Sunday) decides the year.
    let monday_based = (day_of_week(ticks) + 6).rem_euclid(7);
    let thursday = ticks + (3 - monday_based) * DAY;
    (Date::of(thursday).day_of_year() - 1) / 7 + 1
}

/// Days of a month.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i64, month: i64, day: i64) -> i64 {
        Date { year, month, day }.ticks().unwrap()
    }

    #[test]
    fn the_calendar_agrees_with_known_days() {
        assert_eq!(day(1, 1, 1), 0);
        assert_eq!(day(1970, 1, 1), UNIX_EPOCH);
        assert_eq!(day(9999, 12, 31) + DAY - 1, LAST);
        // "The datetime data type": 31241376000000000 ticks are Friday, January 01, 0100.
        assert_eq!(day(100, 1, 1), 31_241_376_000_000_000);
        assert_eq!(day_of_week(31_241_376_000_000_000), 5);
        assert_eq!(Date { year: 2023, month: 2, day: 29 }.ticks(), None);
        for ticks in [0, day(2000, 2, 29), day(1900, 3, 1), day(2024, 12, 31), LAST] {
            let date = Date::of(ticks);
            assert_eq!(date.ticks(), Some(ticks - ticks % DAY), "{date:?}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for number in 0..146_097 {
            let ticks = day(1800, 1, 1) + number * DAY;
            assert_eq!(Date::of(ticks).ticks(), Some(ticks));
        }
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        // week_of_year() in the documentation.
        for (date, week) in
            [(day(2020, 12, 31), 53), (day(2020, 6, 15), 25), (day(1970, 1, 1), 1), (day(2000, 1, 1), 52)]
        {
            assert_eq!(iso_week(date), week);
        }
    }

    #[test]
    fn months_end_where_they_end() {
        assert_eq!(add_months(day(2024, 1, 31), 1), Some(day(2024, 2, 29)));
        assert_eq!(add_months(day(2023, 12, 31), -10), Some(day(2023, 2, 28)));
        assert_eq!(add_months(day(9999, 12, 1), 1), None);
    }
}
