//! Durations as both APIs spell them: ISO-8601, compared by length.
//!
//! `PT24H` and `P1D` are one value; months and years have no fixed length and are refused. Parsing is jiff's; the
//! narrower grammar (upper case, no sign, no fractions) is ours, because that is what the services accept.

use std::fmt;

/// A non-negative number of seconds that reads and prints as an ISO-8601 duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoDuration {
    seconds: u64,
}

/// Why a text is not a duration that the services understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not ISO-8601 at all.
    #[error("not an ISO-8601 duration such as PT1H or P1D")]
    Syntax,
    /// Months and years differ in length.
    #[error("months and years have no fixed length; use days")]
    Calendar,
    /// A sign or a fraction.
    #[error("durations are whole seconds and have no sign")]
    Fraction,
}

impl IsoDuration {
    /// From seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    /// From minutes.
    #[must_use]
    pub const fn from_minutes(minutes: u64) -> Self {
        Self { seconds: minutes * 60 }
    }

    /// From hours.
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_minutes(hours * 60)
    }

    /// From days of 24 hours.
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days * 24)
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// Reads `PT5M`, `PT24H`, `P1D`, `P1DT2H`, `P2W`.
    ///
    /// # Errors
    /// Anything else, with the reason.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        if !text.starts_with('P') || text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(DurationError::Syntax);
        }
        if text.contains(['.', ',', '-', '+']) {
            return Err(DurationError::Fraction);
        }
        let span =
            jiff::fmt::temporal::SpanParser::new().parse_span(text).map_err(|_| DurationError::Syntax)?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(DurationError::Calendar);
        }
        let length =
            span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| DurationError::Syntax)?;
        u64::try_from(length.as_secs()).map(Self::from_seconds).map_err(|_| DurationError::Fraction)
    }
}

impl fmt::Display for IsoDuration {
    /// The shortest spelling: days, then hours, minutes and seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.seconds / 86_400, self.seconds % 86_400);
        let (hours, minutes, seconds) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
        f.write_str("P")?;
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if rest > 0 || days == 0 {
            f.write_str("T")?;
            for (count, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
                if count > 0 {
                    write!(f, "{count}{unit}")?;
                }
            }
            if rest == 0 {
                f.write_str("0S")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_by_length_and_prints_the_shortest_form() {
        for (text, seconds, printed) in [
            ("PT24H", 86_400, "P1D"),
            ("P1D", 86_400, "P1D"),
            ("PT90M", 5_400, "PT1H30M"),
            ("P1W", 604_800, "P7D"),
            ("P1DT2H", 93_600, "P1DT2H"),
            ("PT0S", 0, "PT0S"),
            ("PT5M", 300, "PT5M"),
        ] {
            let duration = IsoDuration::parse(text).unwrap();
            assert_eq!((duration.seconds(), duration.to_string().as_str()), (seconds, printed), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_services_refuse() {
        for (text, reason) in [
            ("1h", DurationError::Syntax),
            ("", DurationError::Syntax),
            ("P", DurationError::Syntax),
            ("PT", DurationError::Syntax),
            ("pt1h", DurationError::Syntax),
            ("P1M", DurationError::Calendar),
            ("P1Y", DurationError::Calendar),
            ("PT0.5H", DurationError::Fraction),
            ("-PT1H", DurationError::Syntax),
            ("PT-1H", DurationError::Fraction),
        ] {
            assert_eq!(IsoDuration::parse(text), Err(reason), "{text}");
        }
    }
}
