//! The sandbox over the wire: what the API contract says, asked with a plain HTTP client.
//!
//! Expectations are written by hand from the contract's facts; where the shared error examples are at hand, code and message are
//! compared with them too.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    clippy::print_stdout,
    reason = "a test may panic and say why it skips, and json! values read best as arguments"
)]

mod defender;
mod examples;
mod faults;
mod plays;
mod sentinel;
mod state;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use palisade::sandbox::{self, Clock, Options, Running, SandboxError, Switches};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const RULES: &str = "/subscriptions/s-1/resourceGroups/rg-1/providers/Microsoft.OperationalInsights/workspaces/law-1/providers/Microsoft.SecurityInsights/alertRules";
const PREVIEW: &str = "api-version=2025-07-01-preview";
const STABLE: &str = "api-version=2025-09-01";
const DETECTIONS: &str = "/beta/security/rules/detectionRules";

struct Tenant {
    running: Running,
    http: reqwest::Client,
    arm: String,
    graph: String,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    fn code(&self) -> &str {
        self.body.pointer("/error/code").and_then(Value::as_str).unwrap_or("")
    }
    fn message(&self) -> &str {
        self.body.pointer("/error/message").and_then(Value::as_str).unwrap_or("")
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }
}

impl Tenant {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Switches)) -> Self {
        let mut switches = Switches::default();
        change(&mut switches);
        Self::from(Options { switches, ..Options::default() }).await
    }

    async fn from(options: Options) -> Self {
        let running = sandbox::start(options).await.unwrap();
        let http = client(running.ca_pem());
        let mut tenant = Self { running, http, arm: String::new(), graph: String::new() };
        tenant.arm = tenant.sign_in(&tenant.running.arm()).await;
        tenant.graph = tenant.sign_in(&tenant.running.graph()).await;
        tenant
    }

    async fn sign_in(&self, resource: &str) -> String {
        let answer = self.token(&[("scope", &format!("{resource}/.default"))]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for a token with the right values, except for those given.
    async fn token(&self, changed: &[(&str, &str)]) -> Answer {
        let scope = format!("{}/.default", self.running.arm());
        let mut form = vec![
            ("client_id", self.running.client_id()),
            ("client_secret", self.running.client_secret()),
            ("grant_type", "client_credentials"),
            ("scope", &scope),
        ];
        for (name, value) in changed {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        let body: Vec<String> =
            form.iter().map(|(k, v)| format!("{k}={}", v.replace('+', "%2B").replace('&', "%26"))).collect();
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.running.authority());
        let request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        read(request.send().await.unwrap()).await
    }

    async fn arm(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(self.arm_raw(method, path, body).await.unwrap()).await
    }

    async fn arm_raw(&self, method: Method, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.send(method, format!("{}{path}", self.running.arm()), &self.arm, body, &[]).await
    }

    async fn graph(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(self.graph_raw(method, path, body).await.unwrap()).await
    }

    async fn graph_raw(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<reqwest::Response> {
        self.send(method, format!("{}{path}", self.running.graph()), &self.graph, body, &[]).await
    }

    async fn send(
        &self,
        method: Method,
        url: String,
        token: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.request(method, url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        request.send().await
    }

    async fn put_rule(&self, id: &str, body: &Value) -> Answer {
        self.arm(Method::PUT, &format!("{RULES}/{id}?{PREVIEW}"), body).await
    }

    async fn get_rule(&self, id: &str) -> Answer {
        self.arm(Method::GET, &format!("{RULES}/{id}?{PREVIEW}"), &Value::Null).await
    }

    async fn post(&self, body: &Value) -> Answer {
        self.graph(Method::POST, DETECTIONS, body).await
    }

    async fn get_detection(&self, id: &str) -> Answer {
        self.graph(Method::GET, &format!("{DETECTIONS}/{id}"), &Value::Null).await
    }

    async fn patch(&self, id: &str, body: &Value) -> Answer {
        self.graph(Method::PATCH, &format!("{DETECTIONS}/{id}"), body).await
    }

    fn fault(&self, order: Value) {
        self.running.control(&json!({"op": "set_faults", "orders": order})).unwrap();
    }

    fn switch(&self, name: &str, value: &str) {
        self.running.control(&json!({"op": "set_switches", "values": {name: value}})).unwrap();
    }
}

fn client(ca_pem: &str) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_merge([ca])
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .unwrap()
}

async fn read(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

fn scheduled(name: &str) -> Value {
    json!({"kind": "Scheduled", "properties": {
        "displayName": name, "enabled": true, "severity": "High", "query": "SecurityEvent | where EventID == 4698",
        "queryFrequency": "PT1H", "queryPeriod": "PT2H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        "suppressionEnabled": false, "suppressionDuration": "PT5H",
    }})
}

fn changed(mut body: Value, path: &str, value: Value) -> Value {
    let (parent, last) = path.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(last);
    } else {
        parent.insert(last.to_owned(), value);
    }
    body
}

fn detection(id: &str) -> Value {
    json!({
        "id": id, "displayName": format!("name of {id}"), "status": "enabled",
        "queryCondition": {"queryText": "DeviceProcessEvents\n| project Timestamp, DeviceId, ReportId, AccountSid, SHA1"},
        "schedule": {"frequency": "PT1H"},
        "detectionAction": {"alertTemplate": {
            "title": format!("title of {id}"), "severity": "medium", "description": "d",
            "tactics": [{"tactic": "Persistence", "techniques": [{"technique": "T1053.005"}]}],
            "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}]},
            "customDetails": {"Hash": "SHA1"},
        }, "automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]}},
    })
}

/// A file or folder of the shared research data, if it is at hand.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let found = Some(root.join(path)).filter(|path| path.exists());
    if found.is_none() {
        println!("skipped: there is no shared {path}");
    }
    found
}

/// Compares code and message with the shared example of that name, if it is there.
fn like_example(answer: &Answer, name: &str) {
    let Some(file) = shared(&format!("api/examples/errors/{name}.json")) else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let example: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json!(answer.status), example["status"], "{name}");
    let wanted = &example["body"]["error"];
    assert_eq!(json!(answer.code()), wanted["code"], "{name}");
    assert_eq!(json!(answer.message()), wanted["message"], "{name}");
}

/// The ids of a whole list, and the number of its pages.
async fn all_pages(tenant: &Tenant, first: String, graph: bool) -> (Vec<String>, usize) {
    let (mut url, mut names, mut pages) = (Some(first), Vec::new(), 0);
    while let Some(next) = url {
        let token = if graph { &tenant.graph } else { &tenant.arm };
        let answer = read(tenant.send(Method::GET, next, token, &Value::Null, &[]).await.unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        names.extend(
            answer.body["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule.get("name").or(rule.get("id")).unwrap().as_str().unwrap().to_owned()),
        );
        url = answer
            .body
            .get(if graph { "@odata.nextLink" } else { "nextLink" })
            .map(|l| l.as_str().unwrap().to_owned());
        pages += 1;
    }
    (names, pages)
}
