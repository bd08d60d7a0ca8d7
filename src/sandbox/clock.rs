//! The sandbox's clock: the system's, or one that only moves when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that every timestamp, token lifetime, tombstone window and token bucket of the sandbox
/// is read from. Clones share the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    /// `None`: the system clock, plus `offset`. `Some`: that instant, plus `offset`.
    base_ms: Option<i64>,
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The system clock. [`Clock::advance`] shifts it.
    #[must_use]
    pub fn system() -> Self {
        Self { base_ms: None, offset_ms: Arc::default() }
    }

    /// A clock that stands still at `at` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn fixed(at: jiff::Timestamp) -> Self {
        Self { base_ms: Some(at.as_millisecond()), offset_ms: Arc::default() }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        // `fetch_update` rather than `fetch_add`: an absurd step must stop at the end of time, not wrap.
        let _ = self
            .offset_ms
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(now.saturating_add(by)));
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        let base = self.base_ms.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
        base.saturating_add(self.offset_ms.load(Ordering::SeqCst))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

fn timestamp(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// `2026-11-23T10:00:00.123Z`, the form both services use in bodies.
pub(crate) fn rfc3339(ms: i64) -> String {
    timestamp(ms).to_string()
}

/// `2026-11-23 10:00:00Z`, the form of the token endpoint's errors.
pub(crate) fn spaced(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The same, of whole seconds since 1970.
pub(crate) fn spaced_seconds(seconds: i64) -> String {
    spaced(seconds.saturating_mul(1000))
}

/// `2026-11-23T10:00:00`, the form of Graph's `innerError.date`.
pub(crate) fn bare(ms: i64) -> String {
    timestamp(ms).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `Mon, 23 Nov 2026 10:00:00 GMT`, the form of the `Date` and `Retry-After` headers.
pub(crate) fn http_date(ms: i64) -> String {
    timestamp(ms).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_advanced() {
        let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
        assert_eq!(rfc3339(clock.now_ms()), "2026-11-23T10:00:00Z");
        clock.clone().advance(Duration::from_millis(1500));
        assert_eq!(rfc3339(clock.now_ms()), "2026-11-23T10:00:01.5Z");
        assert_eq!(spaced(clock.now_ms()), "2026-11-23 10:00:01Z");
        assert_eq!(bare(clock.now_ms()), "2026-11-23T10:00:01");
        assert_eq!(http_date(clock.now_ms()), "Mon, 23 Nov 2026 10:00:01 GMT");
    }
}
