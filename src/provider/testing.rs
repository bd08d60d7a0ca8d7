//! A service in a box for tests: answers from a script, no sockets, and a clock that only moves when somebody waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::base64;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use serde_json::{Value, json};

use super::auth::{CredentialChoice, NoFiles, Variables};
use super::cloud::Endpoints;
use super::http::patience::Pacing;
use super::{ConnectOptions, Session, Write};
use crate::address::Workspace;
use crate::resource::{Body as RuleBody, Kind, Marker};

/// The tenant of every test.
pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// The secret of every test; it must never be seen anywhere.
pub(super) const SECRET: &str = "canary-7f3a-client-secret";

/// What a request gets.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection broke after the request was sent.
    Lost,
    /// There was no connection.
    Refused,
}

/// JSON with a status.
pub(super) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::Answer(status, vec![("date", "Mon, 23 Nov 2026 10:00:00 GMT".to_owned())], body.to_string())
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Sent {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The service.
pub(super) struct Responder {
    tenant: String,
    replies: Mutex<VecDeque<Reply>>,
    sent: Mutex<Vec<Sent>>,
    tokens: Mutex<Vec<Sent>>,
    token_reply: Mutex<Option<Reply>>,
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

impl Responder {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Self::of_tenant(TENANT, replies)
    }

    pub(super) fn of_tenant(tenant: &str, replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self {
            tenant: tenant.to_owned(),
            replies: Mutex::new(replies.into_iter().collect()),
            sent: Mutex::default(),
            tokens: Mutex::default(),
            token_reply: Mutex::default(),
        })
    }

    /// Answers every token request with this.
    pub(super) fn refuse_tokens(self: Arc<Self>, reply: Reply) -> Arc<Self> {
        *self.token_reply.lock().unwrap() = Some(reply);
        self
    }

    /// Requests to the services, in order.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Requests for tokens and assertions, in order.
    pub(super) fn token_requests(&self) -> Vec<Sent> {
        self.tokens.lock().unwrap().clone()
    }

    /// Verbs and nothing else.
    pub(super) fn methods(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.method).collect()
    }
}

/// A token of `tenant` that nobody signed.
pub(super) fn jwt(tenant: &str) -> String {
    let claims = json!({"tid": tenant, "appid": "app-1", "oid": "object-1"}).to_string();
    format!("e30.{}.canary-token", base64::encode_url_safe(claims).trim_end_matches('='))
}

#[async_trait]
impl HttpClient for Responder {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::SeekableStream(_) => unreachable!("nothing streams"),
        };
        let sent = Sent {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request
                .headers()
                .iter()
                .map(|(k, v)| (k.as_str().to_owned(), v.as_str().to_owned()))
                .collect(),
            body,
        };
        let reply = if sent.url.ends_with("/oauth2/v2.0/token") {
            self.tokens.lock().unwrap().push(sent);
            let token = json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": jwt(&self.tenant)});
            self.token_reply.lock().unwrap().clone().unwrap_or_else(|| json_reply(200, &token))
        } else if sent.url.starts_with("https://pipelines.example") {
            self.tokens.lock().unwrap().push(sent);
            json_reply(200, &json!({"value": "github-assertion", "oidcToken": "azdo-assertion"}))
        } else {
            self.sent.lock().unwrap().push(sent);
            self.replies
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or_else(|| json_reply(599, &json!("the script is over")))
        };
        match reply {
            Reply::Answer(status, headers, body) => {
                let mut all = Headers::new();
                for (name, value) in headers {
                    all.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(status.into(), all, body))
            }
            Reply::Lost => Err(Error::with_message(ErrorKind::Io, "connection reset by peer")),
            Reply::Refused => {
                Err(Error::with_message(ErrorKind::Connection, "dns error: failed to lookup address"))
            }
        }
    }
}

/// Waits without waiting.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Vec<Duration>>);

impl Clock {
    /// What was waited for, in milliseconds.
    pub(super) fn exact(&self) -> Vec<u128> {
        self.0.lock().unwrap().iter().map(Duration::as_millis).collect()
    }

    /// What was waited for, in whole seconds.
    pub(super) fn waits(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

#[async_trait]
impl Pacing for Clock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().iter().sum()
    }

    async fn wait(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

pub(super) fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A session as a service principal with a secret.
pub(super) fn session(responder: &Arc<Responder>) -> (Session, Arc<Clock>) {
    let clock = Arc::new(Clock::default());
    let client: Arc<dyn HttpClient> = responder.clone();
    let pacing: Arc<dyn Pacing> = clock.clone();
    let options = ConnectOptions {
        endpoints: Endpoints::public(),
        tenant_id: TENANT.to_owned(),
        credential: CredentialChoice::Auto,
        variables: variables(&[
            ("AZURE_CLIENT_ID", "app-1"),
            ("AZURE_CLIENT_SECRET", SECRET),
            // Another tenant: it must not count.
            ("AZURE_TENANT_ID", "99999999-9999-9999-9999-999999999999"),
        ]),
        files: Arc::new(NoFiles),
        client: Some(client),
    };
    (Session::with_pacing(options, &pacing).unwrap(), clock)
}

pub(super) fn workspace() -> Arc<Workspace> {
    Arc::new(Workspace {
        subscription: "sub".into(),
        resource_group: "rg".into(),
        workspace: "law-soc".into(),
    })
}

pub(super) fn marker() -> Marker {
    Marker {
        owner: "acme/prod".into(),
        rule: "rule-a".into(),
        digest: "0123456789abcdef0123456789abcdef".into(),
        protect: false,
    }
}

pub(super) fn object(value: Value) -> RuleBody {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub(super) fn write(kind: Kind, remote_id: &str, body: Value) -> Write {
    Write { remote_id: remote_id.to_owned(), kind, body: object(body), marker: marker() }
}

/// The whole error as people see it, and as `Debug` prints it: nothing secret may be in either.
pub(super) fn everything(error: &super::ProviderError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(" | {cause}"));
        next = cause.source();
    }
    text
}

/// The folder of reference data beside the project, if it is there.
pub(super) fn shared(path: &str) -> Option<std::path::PathBuf> {
    let root = std::env::var_os("PALISADE_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        std::path::PathBuf::from,
    );
    let path = root.join(path);
    path.exists().then_some(path)
}
