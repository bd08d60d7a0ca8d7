//! Quotas on a clock that moves only when somebody waits, against buckets of the test's own making and against the
//! sandbox's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, Url};
use futures::StreamExt as _;
use serde_json::json;

use super::Pace;
use crate::address::Platform;
use crate::provider::auth::{CredentialChoice, NoFiles};
use crate::provider::cloud::Endpoints;
use crate::provider::http::patience::Pacing;
use crate::provider::testing::{TENANT, jwt, object, variables, workspace};
use crate::provider::{ConnectOptions, Provider, Session, Write};
use crate::resource::{Kind, Marker};
use crate::sandbox;

/// Everybody who waits until some moment has waited when the clock is there.
#[derive(Debug, Default)]
struct Simulated {
    now: Mutex<Duration>,
    /// A sandbox's clock that follows.
    sandbox: Option<sandbox::Clock>,
}

#[async_trait]
impl Pacing for Simulated {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    async fn wait(&self, duration: Duration) {
        let until = self.now() + duration;
        // Others get their turn, so that waits overlap.
        tokio::task::yield_now().await;
        let mut now = self.now.lock().unwrap();
        let forward = until.saturating_sub(*now);
        *now += forward;
        if let Some(clock) = &self.sandbox {
            clock.advance(forward);
        }
    }
}

/// Resource Manager's writes and reads as CONTRACT B.9 says: 200 and 10 a second, 250 and 25 a second.
#[derive(Debug)]
struct Buckets {
    clock: Arc<Simulated>,
    levels: Mutex<HashMap<&'static str, (f64, Duration)>>,
    refused: Mutex<u32>,
    headers: bool,
}

#[async_trait]
impl HttpClient for Buckets {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        tokio::task::yield_now().await;
        let answer = |status: u16, headers: Headers, body: serde_json::Value| {
            Ok(AsyncRawResponse::from_bytes(status.into(), headers, body.to_string()))
        };
        if request.url().path().ends_with("/token") {
            let token = json!({"token_type": "Bearer", "expires_in": 86_399, "access_token": jwt(TENANT)});
            return answer(200, Headers::new(), token);
        }
        let (class, size, refill) = match request.method() {
            Method::Get => ("reads", 250.0, 25.0),
            _ => ("writes", 200.0, 10.0),
        };
        let now = self.clock.now();
        let mut levels = self.levels.lock().unwrap();
        let (level, at) = levels.entry(class).or_insert((size, now));
        *level = (*level + now.saturating_sub(*at).as_secs_f64() * refill).min(size);
        *at = now;
        let mut headers = Headers::new();
        if *level < 1.0 {
            *self.refused.lock().unwrap() += 1;
            headers.insert("retry-after", "1");
            return answer(
                429,
                headers,
                json!({"error": {"code": "TooManyRequests", "message": "slow down"}}),
            );
        }
        *level -= 1.0;
        if self.headers {
            let name = if class == "reads" {
                "x-ms-ratelimit-remaining-subscription-reads"
            } else {
                "x-ms-ratelimit-remaining-subscription-writes"
            };
            headers.insert(name, format!("{}", level.floor()));
        }
        match request.method() {
            Method::Get => answer(404, headers, json!({"error": {"code": "NotFound", "message": "none"}})),
            _ => {
                let name = request.url().path().rsplit('/').next().unwrap_or_default().to_owned();
                answer(
                    201,
                    headers,
                    json!({"name": name, "kind": "Scheduled", "properties": {"displayName": name}}),
                )
            }
        }
    }
}

fn write(n: usize) -> Write {
    let id = format!("rule-{n}");
    Write {
        remote_id: id.clone(),
        kind: Kind::Scheduled,
        body: object(json!({
            "displayName": id, "enabled": true, "severity": "High", "query": "SecurityEvent | where EventID == 4698",
            "queryFrequency": "PT1H", "queryPeriod": "PT2H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
            "suppressionEnabled": false, "suppressionDuration": "PT5H",
        })),
        marker: Marker {
            owner: "acme".into(),
            rule: id,
            digest: "0123456789abcdef0123456789abcdef".into(),
            protect: false,
        },
    }
}

/// Looks whether each rule is there and creates it, `lanes` at a time, as an apply does.
async fn create(provider: &dyn Provider, count: usize, lanes: usize) {
    let work = (0..count).map(|n| async move {
        assert_eq!(provider.read(&write(n).remote_id).await.unwrap(), None);
        provider.create(&write(n)).await.unwrap();
    });
    futures::stream::iter(work).buffer_unordered(lanes).collect::<Vec<()>>().await;
}

fn session(
    client: Option<Arc<dyn HttpClient>>,
    endpoints: Endpoints,
    secret: (&str, &str),
    clock: &Arc<Simulated>,
) -> Session {
    let options = ConnectOptions {
        endpoints,
        tenant_id: TENANT.to_owned(),
        credential: CredentialChoice::ClientSecret,
        variables: variables(&[("AZURE_CLIENT_ID", secret.0), ("AZURE_CLIENT_SECRET", secret.1)]),
        files: Arc::new(NoFiles),
        client,
    };
    let pacing: Arc<dyn Pacing> = clock.clone();
    Session::with_pacing(options, &pacing).unwrap()
}

#[tokio::test]
async fn a_thousand_creates_take_what_the_buckets_allow_and_none_is_refused() {
    // With the headers, and from the documented figures alone.
    for headers in [true, false] {
        for lanes in [1, 4, 16] {
            let clock = Arc::new(Simulated::default());
            let service = Arc::new(Buckets {
                clock: clock.clone(),
                levels: Mutex::default(),
                refused: Mutex::default(),
                headers,
            });
            let session = session(Some(service.clone()), Endpoints::public(), ("app-1", "s"), &clock);
            create(&session.sentinel(workspace(), None), 1_000, lanes).await;
            assert_eq!(*service.refused.lock().unwrap(), 0, "{headers} {lanes}");
            let allowed = (1_000.0 - 200.0) / 10.0;
            let took = clock.now().as_secs_f64();
            assert!(took <= allowed * 1.1, "{took} s instead of {allowed} s ({headers}, {lanes} lanes)");
        }
    }
}

/// The same over the wire. Long, so a part of it unless `PALISADE_LONG_TESTS` is set.
#[tokio::test]
async fn the_sandboxes_buckets_are_never_found_empty() {
    let count = if std::env::var_os("PALISADE_LONG_TESTS").is_some() { 1_000 } else { 240 };
    let time = sandbox::Clock::fixed("2026-11-23T08:00:00Z".parse().unwrap());
    let switches = sandbox::Switches {
        arm_throttle: true,
        arm_limit_scheduled: 5_000,
        token_lifetime_seconds: 86_400,
        ..sandbox::Switches::default()
    };
    let running =
        sandbox::start(sandbox::Options { switches, clock: time.clone(), ..sandbox::Options::default() });
    let running = running.await.unwrap();
    let clock = Arc::new(Simulated { sandbox: Some(time), ..Simulated::default() });
    let endpoints = Endpoints::custom(&running.authority(), &running.arm(), &running.graph(), false).unwrap();
    let endpoints = endpoints.with_root(running.ca_pem().as_bytes().to_vec());
    let session = session(None, endpoints, (running.client_id(), running.client_secret()), &clock);
    create(&session.sentinel(workspace(), None), count, 4).await;
    let requests = running.requests();
    let refused = requests.iter().filter(|request| request["status"] == 429).count();
    let allowed = (count as f64 - 200.0) / 10.0;
    let took = clock.now().as_secs_f64();
    assert_eq!(refused, 0);
    // The reserve is worth a second, which only counts in a short run.
    assert!(took <= (allowed * 1.1).max(allowed + 1.0), "{took} s instead of {allowed} s");
    running.stop().await.unwrap();
}

#[test]
fn graph_is_asked_so_often_in_any_minute_and_no_more() {
    let base = Url::parse("https://graph.microsoft.com").unwrap();
    let second = Duration::from_secs;
    let pace = Pace::new(Platform::Defender, &base, None, None);
    let waits: Vec<u64> =
        (0..25).map(|_| pace.reserve(&Method::Post, &base, second(5)).wait.as_secs()).collect();
    assert_eq!(waits, [vec![0; 10], vec![61; 10], vec![122; 5]].concat());
    // Other calls have a figure of their own.
    let other = |now| pace.reserve(&Method::Patch, &base, second(now)).wait.as_secs();
    assert!((0..100).all(|_| other(5) == 0));
    assert_eq!((other(35), other(70)), (31, 0));

    let mine = Pace::new(Platform::Defender, &base, Some(2), Some(0));
    let creates: Vec<u64> =
        (0..4).map(|_| mine.reserve(&Method::Post, &base, second(0)).wait.as_secs()).collect();
    assert_eq!(creates, [0, 0, 61, 61]);
    assert!((0..500).all(|_| mine.reserve(&Method::Get, &base, second(0)).wait.is_zero()));
}

#[test]
fn hunting_queries_are_no_creates() {
    let base = Url::parse("https://graph.microsoft.com").unwrap();
    let query = base.join("/v1.0/security/runHuntingQuery").unwrap();
    let pace = Pace::new(Platform::Defender, &base, None, None);
    let waits: Vec<u64> =
        (0..41).map(|_| pace.reserve(&Method::Post, &query, Duration::ZERO).wait.as_secs()).collect();
    assert_eq!((waits[9], waits[39], waits[40]), (0, 0, 61));
    assert!(pace.reserve(&Method::Post, &base, Duration::ZERO).wait.is_zero());
}

#[test]
fn loopback_is_not_slowed_unless_it_keeps_a_pace() {
    let base = Url::parse("https://127.0.0.1:8443/subscriptions/s/x").unwrap();
    for platform in [Platform::Sentinel, Platform::Defender] {
        let pace = Pace::new(platform, &base, None, None);
        assert!((0..2_000).all(|_| pace.reserve(&Method::Put, &base, Duration::ZERO).wait.is_zero()));
    }
    let pace = Pace::new(Platform::Sentinel, &base, None, None);
    let ticket = pace.reserve(&Method::Put, &base, Duration::ZERO);
    let mut headers = Headers::new();
    headers.insert("x-ms-ratelimit-remaining-subscription-writes", "3");
    pace.learn(&ticket, Some(&headers), false, Duration::ZERO);
    assert!(!pace.reserve(&Method::Put, &base, Duration::ZERO).wait.is_zero());
    // Reads have another bucket, and other subscriptions too.
    assert!(pace.reserve(&Method::Get, &base, Duration::ZERO).wait.is_zero());
}

#[test]
fn a_refusal_slows_whoever_comes_next() {
    let base = Url::parse("https://management.azure.com/subscriptions/s/x").unwrap();
    let pace = Pace::new(Platform::Sentinel, &base, None, None);
    let ticket = pace.reserve(&Method::Put, &base, Duration::ZERO);
    assert!(ticket.wait.is_zero());
    pace.learn(&ticket, None, true, Duration::ZERO);
    let waits: Vec<u128> =
        (0..3).map(|_| pace.reserve(&Method::Put, &base, Duration::ZERO).wait.as_millis()).collect();
    assert_eq!(waits, [900, 1_000, 1_100]);
}

#[test]
fn an_estimate_is_what_the_slowest_quota_takes() {
    let arm = Url::parse("https://management.azure.com").unwrap();
    let graph = Url::parse("https://graph.microsoft.com").unwrap();
    let seconds = |pace: Pace, class, count| pace.estimate(&[(class, count)]).as_secs();
    use super::Class;
    let of_arm = || Pace::new(Platform::Sentinel, &arm, None, None);
    assert_eq!(seconds(of_arm(), Class::Write, 200), 0);
    assert_eq!(seconds(of_arm(), Class::Write, 1_000), 80);
    assert_eq!(seconds(Pace::new(Platform::Defender, &graph, None, None), Class::Create, 95), 9 * 61);
    let here = Url::parse("https://localhost:1").unwrap();
    assert_eq!(seconds(Pace::new(Platform::Sentinel, &here, None, None), Class::Write, 1_000), 0);
}
