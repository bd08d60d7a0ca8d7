//! When a request is sent again, and how long everybody waits before that.
//!
//! One rule decides what may be repeated. Reading, PUT, PATCH and DELETE have the same effect twice as once, so they are
//! repeated after lost connections and 5xx, and so is a query. Any other POST creates: it is repeated only when it
//! certainly was not accepted, which is a 429 (refused before it was looked at) or a connection that never came about.
//! Everything else is left to the caller as an open question.
//!
//! A 429 concerns everyone who uses the host, so the wait is the [`Gate`]'s, which all requests to that host pass. Waits
//! are the service's own (`Retry-After` in seconds or as a date, `…-ms`) or grow exponentially with full jitter, and a
//! request gives up when its waits would exceed [`MAX_WAIT`] in all. Waiting for one's turn ([`Pace`]) does not count:
//! it is what keeps refusals from happening. Whoever stops a run ends every wait at once ([`Waits`]); what was sent is
//! not affected.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};
use tokio::sync::{Semaphore, watch};

use super::pace::Pace;
use super::{RETRY_HEADERS, USER_AGENT};

/// The longest that one request waits in all.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(300);

/// How often a request is sent when the way to the service or the service itself fails.
const MAX_TRIES_BROKEN: u32 = 5;

/// Longest first wait of the exponential series: up to 0.5, 1, 2, 4 s after failures, up to 2, 4, 8 … s after a 429
/// without `Retry-After`.
const FIRST_WAIT_BROKEN: Duration = Duration::from_millis(500);
const FIRST_WAIT_THROTTLED: Duration = Duration::from_secs(2);

/// Requests under way at one host at a time; `apply` has its own, smaller bound.
const LANES: usize = 16;

const DATE: HeaderName = HeaderName::from_static("date");
const USER_AGENT_HEADER: HeaderName = HeaderName::from_static("user-agent");

/// Whether sending a request twice can do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It cannot.
    Always,
    /// It can: only after an answer that says that nothing happened.
    OnlyIfRefused,
}

/// A clock and a way to wait, so that tests need neither.
#[async_trait]
pub(crate) trait Pacing: std::fmt::Debug + Send + Sync {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
    /// Waits.
    async fn wait(&self, duration: Duration);
}

/// Tokio's clock.
#[derive(Debug)]
pub(crate) struct TokioPacing(tokio::time::Instant);

impl Default for TokioPacing {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait]
impl Pacing for TokioPacing {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Ends the waits of a session, for a run that is to stop: nobody may be kept for a minute by a quota, or for five by a
/// `Retry-After`. Requests that need not wait go on, so that what was begun can be finished.
#[derive(Debug, Clone, Default)]
pub struct Waits(watch::Sender<bool>);

impl Waits {
    /// From now on, whoever would have to wait gives up instead.
    pub fn give_up(&self) {
        self.0.send_replace(true);
    }

    /// Waits; `false`: it was cut short.
    pub(super) async fn wait(&self, pacing: &dyn Pacing, duration: Duration) -> bool {
        let mut given_up = self.0.subscribe();
        tokio::select! {
            biased;
            // The sender is ours, so this ends with `true` or not at all.
            _ = given_up.wait_for(|given_up| *given_up) => false,
            () = pacing.wait(duration) => true,
        }
    }
}

/// A request that was given up while it waited. It was not sent, or refused before it was looked at.
#[derive(Debug, thiserror::Error)]
#[error("stopped while it waited for the service's quota")]
pub(super) struct GivenUp;

/// What all requests to one host pass: closed for a while after a 429, and so many lanes wide.
#[derive(Debug)]
pub(crate) struct Gate {
    opens_at: Mutex<Duration>,
    lanes: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { opens_at: Mutex::new(Duration::ZERO), lanes: Semaphore::new(LANES) }
    }
}

impl Gate {
    /// Waits until it is open; `false`: that was cut short.
    pub(super) async fn until_open(&self, pacing: &dyn Pacing, waits: &Waits) -> bool {
        loop {
            let opens_at = *self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
            match opens_at.checked_sub(pacing.now()) {
                Some(rest) if !rest.is_zero() => {
                    if !waits.wait(pacing, rest).await {
                        return false;
                    }
                }
                _ => return true,
            }
        }
    }

    pub(super) fn close_until(&self, moment: Duration) {
        let mut opens_at = self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        *opens_at = (*opens_at).max(moment);
    }
}

/// The policy.
#[derive(Debug)]
pub(crate) struct Patience {
    gate: Gate,
    pace: Arc<Pace>,
    pacing: Arc<dyn Pacing>,
    waits: Waits,
}

impl Patience {
    pub(crate) fn new(pace: Arc<Pace>, pacing: Arc<dyn Pacing>, waits: Waits) -> Self {
        Self { gate: Gate::default(), pace, pacing, waits }
    }

    /// Waits for a turn within the quota, and until the host may be asked again; `false`: that was cut short.
    async fn turn(&self, wait: Duration) -> bool {
        if !wait.is_zero() {
            tracing::debug!(wait_ms = wait.as_millis(), "waiting for a turn");
            if !self.waits.wait(self.pacing.as_ref(), wait).await {
                return false;
            }
        }
        self.gate.until_open(self.pacing.as_ref(), &self.waits).await
    }
}

#[async_trait]
impl Policy for Patience {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "with async_trait the SDK's own signature has to be matched to the letter"
    )]
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let repeat = ctx.value::<Repeat>().copied().unwrap_or(Repeat::OnlyIfRefused);
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        // The SDK announces itself; services should see who really calls.
        request.insert_header(USER_AGENT_HEADER, USER_AGENT);
        let (mut broken, mut throttled, mut waited) = (0, 0, Duration::ZERO);
        // The last try that may have had an effect: whoever gives up after one has to say so.
        let mut open = None;
        loop {
            let ticket = self.pace.reserve(&request.method(), request.url(), self.pacing.now());
            if !self.turn(ticket.wait).await {
                return open.unwrap_or_else(|| Err(azure_core::Error::new(ErrorKind::Other, GivenUp)));
            }
            let lane = self.gate.lanes.acquire().await;
            let result = first.send(ctx, request, rest).await;
            drop(lane);
            let refused = matches!(verdict(&result, repeat), Verdict::Throttled);
            let headers = result.as_ref().ok().map(azure_core::http::AsyncRawResponse::headers);
            self.pace.learn(&ticket, headers, refused, self.pacing.now());
            let wait = match verdict(&result, repeat) {
                Verdict::Final => return result,
                Verdict::Throttled => {
                    throttled += 1;
                    asked_for(&result).unwrap_or_else(|| series(FIRST_WAIT_THROTTLED, throttled))
                }
                Verdict::Broken => {
                    broken += 1;
                    if broken >= MAX_TRIES_BROKEN {
                        return result;
                    }
                    asked_for(&result).unwrap_or_default().max(series(FIRST_WAIT_BROKEN, broken))
                }
            };
            waited += wait;
            if waited > MAX_WAIT {
                return result;
            }
            tracing::debug!(wait_ms = wait.as_millis(), method = %request.method(), "waiting before another try");
            if refused {
                self.gate.close_until(self.pacing.now() + wait);
            } else if self.waits.wait(self.pacing.as_ref(), wait).await {
                open = Some(result);
            } else {
                return result;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Verdict {
    Final,
    Throttled,
    Broken,
}

fn verdict(result: &PolicyResult, repeat: Repeat) -> Verdict {
    match result {
        Ok(response) if response.status() == StatusCode::TooManyRequests => Verdict::Throttled,
        Ok(response) if repeat == Repeat::Always && is_transient(response.status()) => Verdict::Broken,
        Ok(_) => Verdict::Final,
        // Never sent, therefore safe for everything.
        Err(error) if matches!(error.kind(), ErrorKind::Connection) => Verdict::Broken,
        Err(error) if repeat == Repeat::Always && matches!(error.kind(), ErrorKind::Io) => Verdict::Broken,
        Err(_) => Verdict::Final,
    }
}

fn is_transient(status: StatusCode) -> bool {
    matches!(u16::from(status), 408 | 500 | 502 | 503 | 504)
}

fn asked_for(result: &PolicyResult) -> Option<Duration> {
    result.as_ref().ok().and_then(|response| retry_after(response.headers()))
}

/// How long the service asks us to wait. A date counts from the service's own `Date`, so our clock need not be right.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    RETRY_HEADERS.iter().find_map(|(name, unit)| {
        let text = headers.get_optional_str(name)?.trim();
        if let Ok(count) = text.parse::<u64>() {
            return Some(Duration::from_millis(count.saturating_mul(*unit)));
        }
        let at = http_date(text)?;
        let now = headers.get_optional_str(&DATE).and_then(http_date).unwrap_or_else(jiff::Timestamp::now);
        Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
    })
}

/// A date as HTTP writes it: `Mon, 23 Nov 2026 10:00:00 GMT`.
pub(crate) fn http_date(text: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The `n`th wait (from 1) of a series whose longest waits double, up to 30 s. Any time up to the longest is as likely as
/// another, so that many who failed at once do not come back at once; but none comes back immediately.
fn series(first: Duration, n: u32) -> Duration {
    let longest =
        first.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1))).min(Duration::from_secs(30));
    longest.mul_f64(jitter().max(0.1))
}

/// A number from 0 to 1 that differs between calls; the standard library's hash keys are random enough for that.
fn jitter() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(u16::try_from(random & 0xffff).unwrap_or_default()) / f64::from(u16::MAX)
}
