//! ARM's token buckets (CONTRACT B.9) and Graph's per-minute quotas.

use std::collections::HashMap;

/// Fill levels, by the name of a bucket or window.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: HashMap<String, Bucket>,
    windows: HashMap<&'static str, Window>,
    /// Graph writes so far, for "every Nth".
    pub(crate) writes: u64,
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    at_ms: i64,
}

#[derive(Debug)]
struct Window {
    started_ms: i64,
    used: u64,
}

/// What a bucket said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whole tokens left.
    pub(crate) remaining: u64,
    /// Seconds until a token is there, when there was none.
    pub(crate) retry_after: Option<u64>,
}

impl Throttle {
    /// Fills every bucket whose name begins like this.
    pub(crate) fn refill(&mut self, prefix: &str) {
        self.buckets.retain(|name, _| !name.starts_with(prefix));
    }

    /// Takes a token from a bucket of `size` that is refilled at `refill` a second.
    pub(crate) fn take(&mut self, name: &str, size: u64, refill: u64, now_ms: i64) -> Taken {
        let full = size as f64;
        let bucket = self.buckets.entry(name.to_owned()).or_insert(Bucket { level: full, at_ms: now_ms });
        let elapsed = (now_ms - bucket.at_ms).max(0) as f64 / 1000.0;
        bucket.level = (bucket.level + elapsed * refill as f64).min(full);
        bucket.at_ms = now_ms;
        if bucket.level < 1.0 {
            let wait = (1.0 - bucket.level) / (refill as f64).max(0.001);
            return Taken { remaining: 0, retry_after: Some((wait.ceil() as u64).max(1)) };
        }
        bucket.level -= 1.0;
        Taken { remaining: bucket.level as u64, retry_after: None }
    }

    /// Counts a call in a window of a minute; seconds until the next window when `limit` is used up.
    pub(crate) fn count(&mut self, name: &'static str, limit: u64, now_ms: i64) -> Option<u64> {
        let window = self.windows.entry(name).or_insert(Window { started_ms: now_ms, used: 0 });
        let age = now_ms - window.started_ms;
        if !(0..60_000).contains(&age) {
            *window = Window { started_ms: now_ms, used: 0 };
        }
        if window.used >= limit {
            let left = 60_000 - (now_ms - window.started_ms);
            return Some(u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1));
        }
        window.used += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.take("w", 2, 10, 0), Taken { remaining: 1, retry_after: None });
        assert_eq!(throttle.take("w", 2, 10, 0), Taken { remaining: 0, retry_after: None });
        assert_eq!(throttle.take("w", 2, 10, 0), Taken { remaining: 0, retry_after: Some(1) });
        assert_eq!(throttle.take("w", 2, 10, 100), Taken { remaining: 0, retry_after: None });
        assert_eq!(throttle.take("w", 2, 10, 9_000), Taken { remaining: 1, retry_after: None });
    }

    #[test]
    fn a_window_lasts_a_minute() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.count("c", 1, 0), None);
        assert_eq!(throttle.count("c", 1, 45_500), Some(15));
        assert_eq!(throttle.count("c", 1, 60_000), None);
    }
}
