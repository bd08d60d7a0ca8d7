//! How fast a service lets us go: quotas that are kept, instead of refusals that are waited for.
//!
//! A [`Pace`] belongs to one host and one principal. Resource Manager tells with every answer how much is left of its
//! token buckets (CONTRACT B.9); between answers the buckets are modelled from the documented figures. Graph tells nothing
//! and has no published figure for detection rules, so calls per minute are counted with the figures people report
//! (peers, quirk 17), which variables change. On loopback there is no pace until the service shows that it keeps one.
//!
//! [`Pace::reserve`] says how long to wait before a request; [`Pace::learn`] reads an answer. Neither waits itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::http::headers::Headers;
use azure_core::http::{Method, Url};

use crate::address::Platform;
use crate::provider::cloud::is_loopback;

/// Variables that set Graph's pace; `0` switches it off.
pub(crate) const CREATES_VARIABLE: &str = "PALISADE_GRAPH_CREATES_PER_MINUTE";
pub(crate) const CALLS_VARIABLE: &str = "PALISADE_GRAPH_CALLS_PER_MINUTE";

/// Graph's figures unless a variable says otherwise (peers, quirk 17): creates, and all other calls, in a minute.
const GRAPH_CREATES: usize = 10;
const GRAPH_CALLS: usize = 100;
/// Advanced hunting's own quota is 45 queries a minute and tenant; people hunt meanwhile.
const GRAPH_QUERIES: usize = 40;
/// How the address of a hunting query ends.
const QUERY_PATH: &str = "/runHuntingQuery";

/// A minute, and a second for requests that overtake each other on the way.
const MINUTE: Duration = Duration::from_secs(61);

/// Tokens that are left in a bucket: answers may arrive in another order than they were counted.
const RESERVE: f64 = 8.0;

/// What a request is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// GET.
    Read,
    /// Everything else.
    Write,
    /// DELETE.
    Delete,
    /// POST, at Graph.
    Create,
    /// A hunting query, at Graph.
    Query,
    /// Every other call, at Graph.
    Call,
}

/// Size and refill a second of Resource Manager's buckets (CONTRACT B.9), and how its headers end.
const BUCKETS: [(Class, f64, f64, &str); 3] = [
    (Class::Read, 250.0, 25.0, "-reads"),
    (Class::Write, 200.0, 10.0, "-writes"),
    (Class::Delete, 200.0, 10.0, "-deletes"),
];

/// The quotas of one host for one principal.
#[derive(Debug)]
pub(crate) struct Pace {
    platform: Platform,
    /// Documented figures hold from the start; otherwise only what the service itself says.
    assumed: bool,
    limits: [(Class, usize); 3],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By subscription and class.
    buckets: HashMap<(String, Class), Bucket>,
    /// When the last calls were or will be sent.
    windows: HashMap<Class, VecDeque<Duration>>,
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Duration,
    /// Reserved, and not yet answered: the service has not counted them in what it last said.
    outstanding: u32,
    learned: bool,
}

/// A place in the queue; it is given back with [`Pace::learn`].
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    scope: String,
    class: Class,
    /// How long to wait before the request is sent.
    pub(crate) wait: Duration,
}

impl Pace {
    /// The pace of a service at `base`. `creates` and `calls` are Graph's figures, when somebody set them.
    pub(crate) fn new(platform: Platform, base: &Url, creates: Option<usize>, calls: Option<usize>) -> Self {
        let assumed = !is_loopback(base.host_str().unwrap_or_default());
        let figure = |set: Option<usize>, usual| set.unwrap_or(if assumed { usual } else { 0 });
        Self {
            platform,
            assumed,
            limits: [
                (Class::Create, figure(creates, GRAPH_CREATES)),
                (Class::Call, figure(calls, GRAPH_CALLS)),
                (Class::Query, figure(calls.map(|calls| calls.min(GRAPH_QUERIES)), GRAPH_QUERIES)),
            ],
            state: Mutex::default(),
        }
    }

    /// Takes a place for a request at `now`.
    pub(crate) fn reserve(&self, method: &Method, url: &Url, now: Duration) -> Ticket {
        let (scope, class) = (self.scope(url), self.class(method, url));
        let wait = match self.platform {
            Platform::Sentinel => self.bucket_wait(&scope, class, now),
            Platform::Defender => self.window_wait(class, now),
        };
        Ticket { scope, class, wait }
    }

    /// Reads an answer to a request; `None`: there was none.
    pub(crate) fn learn(&self, ticket: &Ticket, headers: Option<&Headers>, throttled: bool, now: Duration) {
        let mut state = self.lock();
        let Some(bucket) = state.buckets.get_mut(&(ticket.scope.clone(), ticket.class)) else { return };
        bucket.outstanding = bucket.outstanding.saturating_sub(1);
        let left = headers.and_then(|headers| remaining(headers, ticket.class));
        let left = if throttled { Some(0.0) } else { left };
        if let Some(left) = left {
            bucket.level = left - f64::from(bucket.outstanding);
            bucket.at = now;
            bucket.learned = true;
        }
    }

    /// How long so many requests of a class take when nothing else is under way, starting from full quotas. Where nothing
    /// is known of quotas, no time at all.
    pub(crate) fn estimate(&self, requests: &[(Class, usize)]) -> Duration {
        let keeps_buckets = self.assumed || self.lock().buckets.values().any(|bucket| bucket.learned);
        let of_class = |(class, count): &(Class, usize)| match self.platform {
            Platform::Sentinel if !keeps_buckets => Duration::ZERO,
            Platform::Sentinel => BUCKETS
                .iter()
                .find(|(known, ..)| known == class)
                .map_or(Duration::ZERO, |(_, size, refill, _)| {
                    Duration::from_secs_f64(((*count as f64 - size) / refill).max(0.0))
                }),
            Platform::Defender => match self.limit(*class) {
                0 => Duration::ZERO,
                limit => MINUTE * u32::try_from(count.saturating_sub(1) / limit).unwrap_or(u32::MAX),
            },
        };
        requests.iter().map(of_class).max().unwrap_or_default()
    }

    fn bucket_wait(&self, scope: &str, class: Class, now: Duration) -> Duration {
        let Some((_, size, refill, _)) = BUCKETS.iter().find(|(known, ..)| *known == class) else {
            return Duration::ZERO;
        };
        let mut state = self.lock();
        let bucket = state.buckets.entry((scope.to_owned(), class)).or_insert(Bucket {
            level: *size,
            at: now,
            outstanding: 0,
            learned: false,
        });
        let elapsed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.level = (bucket.level + elapsed * refill).min(*size) - 1.0;
        bucket.at = bucket.at.max(now);
        bucket.outstanding += 1;
        let missing = RESERVE - bucket.level;
        if missing <= 0.0 || !(self.assumed || bucket.learned) {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(missing / refill)
    }

    fn window_wait(&self, class: Class, now: Duration) -> Duration {
        let limit = self.limit(class);
        if limit == 0 {
            return Duration::ZERO;
        }
        let mut state = self.lock();
        let window = state.windows.entry(class).or_default();
        while window.len() > limit {
            window.pop_front();
        }
        // The call that many ago must be a minute old.
        let earliest = if window.len() == limit { window.front().map(|sent| *sent + MINUTE) } else { None };
        let at = earliest.unwrap_or(now).max(now);
        window.push_back(at);
        at.saturating_sub(now)
    }

    fn limit(&self, class: Class) -> usize {
        self.limits.iter().find(|(known, _)| *known == class).map_or(0, |(_, limit)| *limit)
    }

    fn class(&self, method: &Method, url: &Url) -> Class {
        match (self.platform, method) {
            (Platform::Defender, Method::Post) if url.path().ends_with(QUERY_PATH) => Class::Query,
            (Platform::Defender, Method::Post) => Class::Create,
            (Platform::Defender, _) => Class::Call,
            (Platform::Sentinel, Method::Get | Method::Head) => Class::Read,
            (Platform::Sentinel, Method::Delete) => Class::Delete,
            (Platform::Sentinel, _) => Class::Write,
        }
    }

    /// Resource Manager counts by subscription.
    fn scope(&self, url: &Url) -> String {
        let mut segments = url.path_segments().into_iter().flatten();
        let subscription = segments.find(|segment| segment.eq_ignore_ascii_case("subscriptions"));
        subscription.and_then(|_| segments.next()).unwrap_or_default().to_ascii_lowercase()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The least that any of `x-ms-ratelimit-remaining-{subscription|tenant}[-global]-{reads|writes|deletes}` says.
fn remaining(headers: &Headers, class: Class) -> Option<f64> {
    let (.., ending) = BUCKETS.iter().find(|(known, ..)| *known == class)?;
    let said = headers.iter().filter(|(name, _)| {
        name.as_str().starts_with("x-ms-ratelimit-remaining-") && name.as_str().ends_with(ending)
    });
    said.filter_map(|(_, value)| value.as_str().trim().parse::<u32>().ok()).min().map(f64::from)
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
