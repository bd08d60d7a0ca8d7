//! What both providers share on the way to a service: one client, one pipeline per service, one way to call it.
//!
//! [`client`] builds the only reqwest client of a run; the credentials use it too, so extra roots, proxies and time
//! limits hold everywhere. A [`Service`] is a base address with a [`bearer`] token and [`patience`]; [`Service::call`] turns
//! every answer that is not a success into a [`ProviderError`] (see `failure` and `advice`). No redirect is followed and
//! no link to another host, because the token would go with it.

mod advice;
mod bearer;
mod failure;
mod obstacle;
pub(crate) mod pace;
pub(crate) mod patience;

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::headers::{HeaderName, RETRY_AFTER};
use azure_core::http::policies::Policy;
use azure_core::http::{
    ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions, Request, RetryOptions,
    Transport, Url,
};
use serde_json::Value;

use bearer::Bearer;
pub(crate) use failure::{clean, from_azure, hint, is_network};
pub use obstacle::Obstacle;
use pace::{Class, Pace};
pub use patience::Waits;
use patience::{Pacing, Patience, Repeat};

use super::auth::Credentials;
use super::{ErrorKind, ProviderError};
use crate::address::Platform;

/// Name and version, as every request carries them.
pub(crate) const USER_AGENT: &str = concat!("palisade/", env!("CARGO_PKG_VERSION"));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Variable that sets how long a service may stay silent, in seconds from 1 on, instead of [`READ_TIMEOUT`].
pub(crate) const TIMEOUT_VARIABLE: &str = "PALISADE_TIMEOUT_SECONDS";

/// Variables that set how services are called: how many creates and how many other calls Graph gets in a minute (`0`: no
/// limit), and how many seconds a service may stay silent.
pub const CALL_VARIABLES: [&str; 3] = [pace::CREATES_VARIABLE, pace::CALLS_VARIABLE, TIMEOUT_VARIABLE];

/// A list longer than this is an endless one (about a million rules).
const MAX_PAGES: usize = 2_000;

const IF_MATCH: HeaderName = HeaderName::from_static("if-match");
const ACCEPT: HeaderName = HeaderName::from_static("accept");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const DATE: HeaderName = HeaderName::from_static("date");

/// The one HTTP client of a run: TLS by rustls, no redirects, connecting within 20 s, an answer's next bytes within
/// 60 s or `silence`, gzip, the system's proxy settings, and the roots of `extra_roots` (PEM) besides the system's.
///
/// # Errors
/// A PEM bundle without a certificate, or one that TLS does not accept.
pub fn client(
    extra_roots: &[Vec<u8>],
    silence: Option<Duration>,
) -> Result<Arc<dyn HttpClient>, ProviderError> {
    let mut roots = Vec::new();
    for pem in extra_roots {
        let bundle = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable_roots)?;
        if bundle.is_empty() {
            return Err(unusable_roots("it holds no certificate"));
        }
        roots.extend(bundle);
    }
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(silence.unwrap_or(READ_TIMEOUT))
        .gzip(true)
        .tls_certs_merge(roots)
        .build()
        .map_err(unusable_roots)?;
    Ok(Arc::new(client))
}

/// One service: where it is, and how it is asked.
#[derive(Debug)]
pub(crate) struct Service {
    platform: Platform,
    base: Url,
    pipeline: Pipeline,
    pace: Arc<Pace>,
    pacing: Arc<dyn Pacing>,
    waits: Waits,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// See [`ProviderError::operation`].
    pub(crate) operation: &'static str,
    /// See [`ProviderError::subject`].
    pub(crate) subject: &'a str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<&'a Value>,
    pub(crate) if_match: Option<&'a str>,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The JSON in it; `Null` when it had none.
    pub(crate) body: Value,
    /// The service's clock when it answered.
    pub(crate) date: Option<jiff::Timestamp>,
    /// The service's id of the request.
    pub(crate) request_id: Option<String>,
}

impl Service {
    /// A service at `base` (scheme and host), whose tokens have `scope`. `pacing` is the clock, `waits` ends waiting. The
    /// last are creates and other calls per minute, when somebody set them.
    pub(crate) fn new(
        platform: Platform,
        base: &str,
        scope: String,
        credentials: Arc<Credentials>,
        client: Arc<dyn HttpClient>,
        (pacing, waits): (Arc<dyn Pacing>, Waits),
        [creates, calls]: [Option<usize>; 2],
    ) -> Result<Self, ProviderError> {
        let base = Url::parse(base).map_err(|error| ProviderError {
            operation: "authenticate",
            subject: base.to_owned(),
            kind: ErrorKind::Protocol,
            message: "is not an address".to_owned(),
            status: None,
            code: None,
            request_id: None,
            help: None,
            source: Some(Box::new(error)),
        })?;
        let bearer = Bearer::new(credentials, scope);
        let pace = Arc::new(Pace::new(platform, &base, creates, calls));
        let patience = Patience::new(Arc::clone(&pace), Arc::clone(&pacing), waits.clone());
        let patience: Arc<dyn Policy> = Arc::new(patience);
        let options = ClientOptions {
            // Last of the policies per call, so that it encloses each try, the fetching of the token included.
            per_call_policies: vec![patience],
            retry: RetryOptions::none(),
            transport: Some(Transport::new(client)),
            ..ClientOptions::default()
        };
        let pipeline = Pipeline::new(
            Some(env!("CARGO_PKG_NAME")),
            Some(env!("CARGO_PKG_VERSION")),
            options,
            Vec::new(),
            vec![Arc::new(bearer)],
            None,
        );
        Ok(Self { platform, base, pipeline, pace, pacing, waits })
    }

    /// The least time that so many creates, updates and deletes take within the quotas. Each reads the rule before, and is
    /// read back.
    pub(crate) fn estimate(&self, creates: usize, updates: usize, deletes: usize) -> Duration {
        let all = creates + updates + deletes;
        self.pace.estimate(&[
            (Class::Read, 2 * all),
            (Class::Write, creates + updates),
            (Class::Delete, deletes),
            (Class::Create, creates),
            (Class::Call, 2 * all + updates + deletes),
        ])
    }

    /// The address of `segments` below the base; every segment is percent-encoded.
    pub(crate) fn url<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        url
    }

    /// Sends one request, with the repetitions that are safe for its method, and reads the answer.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, ProviderError> {
        // A POST creates, unless it is a query.
        let creates = call.method == Method::Post && call.operation != "read";
        let repeat = if creates { Repeat::OnlyIfRefused } else { Repeat::Always };
        let mut request = Request::new(call.url.clone(), call.method);
        request.insert_header(ACCEPT, "application/json");
        if let Some(etag) = call.if_match {
            request.insert_header(IF_MATCH, etag.to_owned());
        }
        if let Some(body) = call.body {
            request.insert_header(CONTENT_TYPE, "application/json");
            request.set_body(body.to_string());
        }
        let context = Context::new().with_value(repeat);
        let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let place = failure::Place {
            operation: call.operation,
            subject: call.subject,
            platform: self.platform,
            host: call.url.host_str().unwrap_or_default(),
            repeat,
        };
        let response = self
            .pipeline
            .send(&context, &mut request, Some(options))
            .await
            .map_err(|error| failure::no_answer(&place, error))?;
        if !response.status().is_success() {
            return Err(failure::refusal(&place, &response));
        }
        let bytes: &[u8] = response.body().as_ref();
        let body = if bytes.iter().all(u8::is_ascii_whitespace) {
            Value::Null
        } else {
            serde_json::from_slice(bytes)
                .map_err(|error| failure::nonsense(&place, "the answer is not JSON", Some(Box::new(error))))?
        };
        let date = response.headers().get_optional_str(&DATE).and_then(patience::http_date);
        Ok(Answer { body, date, request_id: failure::request_id(response.headers()) })
    }

    /// Waits for something that the service does by itself; `false`: the run is to stop, and nobody waits.
    pub(crate) async fn wait(&self, duration: Duration) -> bool {
        tracing::debug!(wait_ms = duration.as_millis(), "waiting for the service to go on");
        self.waits.wait(self.pacing.as_ref(), duration).await
    }

    /// Every item of a list, following `link` from page to page on this host only.
    pub(crate) async fn pages(
        &self,
        subject: &str,
        first: Url,
        link: &'static str,
    ) -> Result<Vec<Value>, ProviderError> {
        let mut items = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut next = Some(first);
        while let Some(url) = next {
            let place = failure::Place {
                operation: "list",
                subject,
                platform: self.platform,
                host: self.base.host_str().unwrap_or_default(),
                repeat: Repeat::Always,
            };
            if seen.len() >= MAX_PAGES || !seen.insert(url.to_string()) {
                return Err(failure::nonsense(&place, "the list's pages go round in a circle", None));
            }
            let answer = self
                .call(Call {
                    operation: "list",
                    subject,
                    method: Method::Get,
                    url,
                    body: None,
                    if_match: None,
                })
                .await?;
            let Value::Object(mut page) = answer.body else {
                return Err(failure::nonsense(&place, "a page of the list is not an object", None));
            };
            match page.remove("value") {
                Some(Value::Array(values)) => items.extend(values),
                _ => return Err(failure::nonsense(&place, "a page of the list has no `value`", None)),
            }
            next = match page.get(link).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                Some(text) => {
                    Some(self.same_host(text).map_err(|why| failure::nonsense(&place, &why, None))?)
                }
                None => None,
            };
        }
        Ok(items)
    }

    /// An answer of this service that does not make sense.
    pub(crate) fn nonsense(&self, operation: &'static str, subject: &str, message: &str) -> ProviderError {
        let place = failure::Place {
            operation,
            subject,
            platform: self.platform,
            host: self.base.host_str().unwrap_or_default(),
            repeat: Repeat::Always,
        };
        failure::nonsense(&place, message, None)
    }

    /// A link that the service gave, verbatim, if it leads to this service: the token must not go elsewhere.
    fn same_host(&self, link: &str) -> Result<Url, String> {
        let url = Url::parse(link).map_err(|_| "the link to the next page is not a URL".to_owned())?;
        let same = url.scheme() == "https"
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default();
        if same {
            Ok(url)
        } else {
            Err(format!(
                "the link to the next page leads to another host ({})",
                url.host_str().unwrap_or("none")
            ))
        }
    }
}

fn unusable_roots(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    let error = error.into();
    ProviderError {
        operation: "authenticate",
        subject: "TLS".to_owned(),
        kind: ErrorKind::Unavailable,
        message: clean(&format!("the additional certificates cannot be used: {error}")),
        status: None,
        code: None,
        request_id: None,
        help: Some("`ca_file` and PALISADE_CA_FILE must name a PEM file with CERTIFICATE blocks".to_owned()),
        source: Some(error),
    }
}

/// `Retry-After`, and the two headers in milliseconds that Microsoft's services use besides it.
pub(crate) const RETRY_HEADERS: [(HeaderName, u64); 3] = [
    (HeaderName::from_static("x-ms-retry-after-ms"), 1),
    (HeaderName::from_static("retry-after-ms"), 1),
    (RETRY_AFTER, 1_000),
];

#[cfg(test)]
mod tests;
