//! The sandbox over the wire: what the API contract says, asked with a plain HTTP client.
//!
//! Expectations are written by hand from the contract's facts; where the shared error examples are at hand, code and message are
//! compared with them too.

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

/// Compares code and message with the shared example of that name, if it is there.
fn like_example(answer: &Answer, name: &str) {
    let shared = std::env::var_os("PALISADE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(shared.join("api/examples/errors").join(format!("{name}.json")))
    else {
        println!("skipped: no shared example {name}");
        return;
    };
    let example: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json!(answer.status), example["status"], "{name}");
    let wanted = &example["body"]["error"];
    assert_eq!(json!(answer.code()), wanted["code"], "{name}");
    assert_eq!(json!(answer.message()), wanted["message"], "{name}");
}

// ---------------------------------------------------------------- token endpoint and bearer check

#[tokio::test]
async fn tokens_are_issued_and_refused_as_entra_does() {
    let tenant = Tenant::with(|s| s.token_known_tenants = vec![TENANT.into()]).await;
    let good = tenant.token(&[]).await;
    assert_eq!(good.body["token_type"], "Bearer");
    assert_eq!(good.body["expires_in"], 3599);
    assert_eq!(good.body["access_token"].as_str().unwrap().split('.').count(), 3);

    for (changed, status, error, code) in [
        (("client_secret", "wrong"), 401, "invalid_client", 7_000_215),
        (("client_id", "00000000-0000-0000-0000-000000000000"), 400, "unauthorized_client", 700_016),
        (("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        (("scope", "https://vault.azure.net/.default"), 400, "invalid_resource", 500_011),
        (("scope", ""), 400, "invalid_request", 900_144),
        (("client_secret", ""), 401, "invalid_client", 7_000_218),
    ] {
        let answer = tenant.token(&[changed]).await;
        assert_eq!((answer.status, answer.body["error"].as_str().unwrap()), (status, error), "{changed:?}");
        assert_eq!(answer.body["error_codes"], json!([code]));
        assert!(answer.body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
        for name in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
            assert!(answer.body[name].is_string(), "{name}");
        }
    }
    let url = format!("{}/another-tenant/oauth2/v2.0/token", tenant.running.authority());
    let answer =
        read(tenant.http.post(url).body("grant_type=client_credentials").send().await.unwrap()).await;
    assert_eq!(answer.body["error_codes"], json!([90_002]));
}

#[tokio::test]
async fn a_federated_token_signs_in_when_its_subject_is_known() {
    let tenant =
        Tenant::with(|s| s.token_federated_subjects = vec!["repo:acme/detections:environment:prod".into()])
            .await;
    let assertion = async || {
        let url = format!(
            "{}/_oidc/token?api-version=2.0&audience=api://AzureADTokenExchange",
            tenant.running.authority()
        );
        let answer = read(tenant.http.get(url).bearer_auth("request-token").send().await.unwrap()).await;
        answer.body["value"].as_str().unwrap().to_owned()
    };
    let exchange = async |assertion: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        tenant
            .token(&[("client_secret", ""), ("client_assertion", assertion), ("client_assertion_type", kind)])
            .await
    };
    let refused = exchange(&assertion().await).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error_description"].as_str().unwrap().starts_with(
        "AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme/detections:ref:refs/heads/main'."
    ));
    tenant.switch("oidc_subject", "repo:acme/detections:environment:prod");
    assert_eq!(exchange(&assertion().await).await.status, 200);
    assert_eq!(exchange("not.a.token").await.body["error_codes"], json!([50_027]));
}

#[tokio::test]
async fn a_call_without_a_good_token_is_refused_with_a_challenge() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock: clock.clone(), ..Options::default() }).await;
    let (arm, graph) = (
        format!("{}{RULES}?{PREVIEW}", tenant.running.arm()),
        format!("{}{DETECTIONS}", tenant.running.graph()),
    );
    let ask = async |url: &String, token: &str| {
        read(tenant.send(Method::GET, url.clone(), token, &Value::Null, &[]).await.unwrap()).await
    };
    assert_eq!(ask(&arm, "").await.code(), "AuthenticationFailed");
    let invalid = ask(&arm, "a.b.c").await;
    like_example(&invalid, "arm-401");
    assert!(invalid.header("www-authenticate").starts_with("Bearer authorization_uri="));
    assert_eq!(ask(&arm, &tenant.graph).await.code(), "InvalidAuthenticationTokenAudience");
    assert_eq!(ask(&graph, &tenant.arm).await.code(), "InvalidAuthenticationToken");
    assert_eq!(ask(&arm, &tenant.arm).await.status, 200);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(ask(&arm, &tenant.arm).await.code(), "ExpiredAuthenticationToken");
    assert_eq!(ask(&graph, &tenant.graph).await.status, 401);
}

#[tokio::test]
async fn a_reader_may_read_and_a_token_of_another_tenant_may_nothing() {
    let tenant = Tenant::start().await;
    tenant.switch("arm_role", "reader");
    tenant.switch("graph_role", "read");
    assert_eq!(tenant.get_rule("BuiltInFusion").await.status, 200);
    let refused = tenant.put_rule("r-1", &scheduled("x")).await;
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    assert!(refused.message().contains("does not have authorization to perform action 'Microsoft.SecurityInsights/alertRules/write' over scope '/subscriptions/s-1/"));
    assert_eq!(tenant.post(&detection("a")).await.status, 403);
    tenant.switch("arm_subscription_tenant", "99999999-0000-0000-0000-000000000000");
    assert_eq!(tenant.get_rule("BuiltInFusion").await.code(), "InvalidAuthenticationTokenTenant");
}

// ---------------------------------------------------------------- Sentinel

#[tokio::test]
async fn an_alert_rule_lives_from_201_to_204() {
    let tenant = Tenant::start().await;
    let id = "73e01a99-5cd7-4139-a149-9f2736ff2ab5";
    assert_eq!(tenant.get_rule(id).await.code(), "ResourceNotFound");
    let created = tenant.put_rule(id, &scheduled("One")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert!(
        !created.header("x-ms-request-id").is_empty()
            && !created.header("x-ms-correlation-request-id").is_empty()
    );
    let body = &created.body;
    assert_eq!(body["id"], format!("{RULES}/{id}"));
    assert_eq!(
        (&body["name"], &body["type"], &body["kind"]),
        (&json!(id), &json!("Microsoft.SecurityInsights/alertRules"), &json!("Scheduled"))
    );
    assert!(body["etag"].as_str().unwrap().starts_with('"') && body["etag"].as_str().unwrap().ends_with('"'));
    let properties = &body["properties"];
    assert_eq!(properties["queryPeriod"], "PT2H");
    for null in [
        "alertRuleTemplateName",
        "description",
        "tactics",
        "entityMappings",
        "customDetails",
        "alertDetailsOverride",
    ] {
        assert_eq!(properties.get(null), Some(&Value::Null), "{null}");
    }
    assert_eq!(properties["eventGroupingSettings"], json!({"aggregationKind": "SingleAlert"}));
    assert_eq!(properties["incidentConfiguration"]["createIncident"], true);
    assert_eq!(properties["incidentConfiguration"]["groupingConfiguration"]["lookbackDuration"], "PT5H");
    assert!(properties["lastModifiedUtc"].is_string());
    assert_eq!(body["systemData"]["lastModifiedByType"], "Application");

    let updated = tenant.put_rule(&id.to_uppercase(), &scheduled("Two")).await;
    assert_eq!(updated.status, 200);
    assert_ne!(updated.body["etag"], created.body["etag"]);
    assert_eq!(updated.body["name"], id, "the id keeps its first spelling");
    assert_eq!(tenant.get_rule(id).await.body, updated.body);

    let path = format!("{RULES}/{id}?{PREVIEW}");
    assert_eq!(tenant.arm(Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(tenant.arm(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(tenant.get_rule(id).await.status, 404);
}

#[tokio::test]
async fn a_deleted_id_is_held_for_a_while() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock: clock.clone(), ..Options::default() }).await;
    let id = "11111111-1111-1111-1111-111111111111";
    tenant.put_rule(id, &scheduled("x")).await;
    tenant.arm(Method::DELETE, &format!("{RULES}/{id}?{PREVIEW}"), &Value::Null).await;
    like_example(&tenant.put_rule(id, &scheduled("x")).await, "arm-recently-deleted");
    tenant.switch("arm_tombstone_status", "400");
    assert_eq!(tenant.put_rule(id, &scheduled("x")).await.status, 400);
    tenant.switch("arm_tombstone_seconds", "60");
    clock.advance(Duration::from_secs(61));
    assert_eq!(tenant.put_rule(id, &scheduled("x")).await.status, 201);
}

#[tokio::test]
async fn stale_etags_are_409_in_the_body_and_412_in_the_header() {
    let tenant = Tenant::start().await;
    let id = "11111111-1111-1111-1111-111111111111";
    let first = tenant.put_rule(id, &scheduled("x")).await.body["etag"].clone();
    let with_etag = |etag: &Value| {
        let mut body = scheduled("y");
        body["etag"] = etag.clone();
        body
    };
    let second = tenant.put_rule(id, &with_etag(&first)).await;
    assert_eq!(second.status, 200);
    let stale = tenant.put_rule(id, &with_etag(&first)).await;
    assert_eq!((stale.status, stale.code()), (409, "Conflict"));
    assert!(stale.message().starts_with(&format!("Newer instance of rule '{id}' exists for workspace '")));
    assert!(stale.message().ends_with("' (Etag does not match). Data was not saved."));
    assert_eq!(tenant.put_rule(id, &with_etag(&json!("*"))).await.status, 200);

    let url = format!("{}{RULES}/{id}?{PREVIEW}", tenant.running.arm());
    let put = async |etag: &str| {
        let sent =
            tenant.send(Method::PUT, url.clone(), &tenant.arm, &scheduled("z"), &[("if-match", etag)]).await;
        sent.unwrap().status().as_u16()
    };
    assert_eq!(put(first.as_str().unwrap()).await, 412);
    assert_eq!(put("*").await, 200);
    let current = tenant.get_rule(id).await.body["etag"].as_str().unwrap().to_owned();
    assert_eq!(put(&current).await, 200);
    tenant.switch("arm_if_match", "409");
    assert_eq!(put(&current).await, 409);
}

#[tokio::test]
async fn invalid_alert_rules_are_refused_with_the_known_messages() {
    let tenant = Tenant::start().await;
    let put = async |path: &str, value: Value| {
        let answer = tenant.put_rule("r-1", &changed(scheduled("x"), path, value)).await;
        assert_eq!((answer.status, answer.code()), (400, "BadRequest"), "{path}: {}", answer.body);
        answer
    };
    let template = put("/properties/templateVersion", json!("1.0.0")).await;
    like_example(&template, "arm-templateversion-without-template");
    let period = {
        let body = changed(scheduled("x"), "/properties/queryPeriod", json!("P2D"));
        tenant.put_rule("r-1", &changed(body, "/properties/queryFrequency", json!("PT30M"))).await
    };
    like_example(&period, "arm-period-frequency");
    for name in [
        "displayName",
        "enabled",
        "severity",
        "query",
        "queryFrequency",
        "queryPeriod",
        "triggerOperator",
        "triggerThreshold",
        "suppressionEnabled",
        "suppressionDuration",
    ] {
        let answer = put(&format!("/properties/{name}"), Value::Null).await;
        assert!(
            answer.message().contains(&format!("Required property '{name}' not found")),
            "{}",
            answer.message()
        );
    }
    let mapping = |kind: &str, identifier: &str| json!({"entityType": kind, "fieldMappings": [{"identifier": identifier, "columnName": "A"}]});
    for (path, value) in [
        ("/properties/severity", json!("high")),
        ("/properties/query", json!("x".repeat(10_001))),
        ("/properties/queryFrequency", json!("PT4M")),
        ("/properties/queryPeriod", json!("P15D")),
        ("/properties/queryPeriod", json!("PT30M")),
        ("/properties/triggerThreshold", json!(10_001)),
        ("/properties/triggerThreshold", json!("1")),
        ("/properties/triggerOperator", json!("gt")),
        ("/properties/suppressionDuration", json!("P2D")),
        ("/properties/tactics", json!(["persistence"])),
        ("/properties/techniques", json!(["T1053.005"])),
        ("/properties/subTechniques", json!(["T1053"])),
        ("/properties/entityMappings", json!(vec![mapping("Host", "HostName"); 11])),
        ("/properties/entityMappings", json!([mapping("FileHash", "Value")])),
        ("/properties/entityMappings", json!([mapping("Host", "DnsDomain")])),
        ("/properties/entityMappings", json!([mapping("Host", "hostname")])),
        (
            "/properties/customDetails",
            (0..21).map(|i| (format!("k{i}"), json!("c"))).collect::<serde_json::Map<_, _>>().into(),
        ),
        ("/properties/customDetails", json!({"1k": "c"})),
        ("/properties/displayName", json!("x".repeat(257))),
        ("/properties/alertDetailsOverride", json!({"alertDisplayNameFormat": "{{A}}{{B}}{{C}}{{D}}"})),
    ] {
        assert!(put(path, value).await.message().starts_with("Invalid data model. ["), "{path}");
    }
    let incidents = |method: &str, by: Value| {
        json!({"createIncident": true, "groupingConfiguration": {"enabled": true, "reopenClosedIncident": false,
            "lookbackDuration": "PT5H", "matchingMethod": method, "groupByEntities": by}})
    };
    put("/properties/incidentConfiguration", incidents("Selected", json!([]))).await;
    put("/properties/incidentConfiguration", incidents("Selected", json!(["Host"]))).await;
    let fusion = json!({"kind": "Fusion", "properties": {"enabled": false, "displayName": "x", "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8"}});
    let answer = tenant.put_rule("BuiltInFusion", &fusion).await;
    assert!(answer.message().contains("Read-only property 'displayName' cannot be assigned"));
    assert_eq!(tenant.put_rule("r-1", &json!({"kind": "Nonsense", "properties": {}})).await.status, 400);
}

#[tokio::test]
async fn every_kind_is_stored_and_none_can_be_changed_into_another() {
    let tenant = Tenant::start().await;
    let nrt = json!({"kind": "NRT", "properties": {"displayName": "n", "enabled": true, "severity": "Low", "query": "SecurityEvent",
        "suppressionEnabled": false, "suppressionDuration": "PT5H", "subTechniques": ["T1053.005"]}});
    let incidents = json!({"kind": "MicrosoftSecurityIncidentCreation", "properties": {"displayName": "m", "enabled": true,
        "productFilter": "Microsoft Cloud App Security"}});
    let fusion = json!({"kind": "Fusion", "properties": {"enabled": false, "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8"}});
    assert_eq!(tenant.put_rule("nrt", &nrt).await.status, 201);
    assert_eq!(tenant.put_rule("msic", &incidents).await.status, 201);
    let fusion = tenant.put_rule("BuiltInFusion", &fusion).await;
    assert_eq!(
        (fusion.status, &fusion.body["properties"]["severity"]),
        (200, &json!("High")),
        "it was there already"
    );
    assert_eq!(tenant.put_rule("nrt", &scheduled("x")).await.status, 400);
    // The stable version is a subset.
    let stable = tenant.arm(Method::PUT, &format!("{RULES}/nrt2?{STABLE}"), &nrt).await;
    assert_eq!(stable.status, 400);
    let listed = tenant.arm(Method::GET, &format!("{RULES}?{STABLE}"), &Value::Null).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 2);
    let shown = tenant.get_rule("nrt").await.body["properties"]["subTechniques"].clone();
    assert_eq!(shown, json!(["T1053.005"]));
    let stable = tenant.arm(Method::GET, &format!("{RULES}/nrt?{STABLE}"), &Value::Null).await;
    assert_eq!(stable.body["properties"].get("subTechniques"), None);
}

#[tokio::test]
async fn scopes_and_versions_are_checked() {
    let tenant = Tenant::start().await;
    let get = async |path: String| tenant.arm(Method::GET, &path, &Value::Null).await;
    assert_eq!(get(RULES.to_owned()).await.code(), "MissingApiVersionParameter");
    assert_eq!(get(format!("{RULES}?api-version=2031-01-01")).await.code(), "InvalidApiVersionParameter");
    let workspace = RULES.split("/providers/Microsoft.SecurityInsights").next().unwrap();
    assert_eq!(get(format!("{workspace}?api-version=2023-09-01")).await.body["name"], "law-1");
    let state =
        format!("{workspace}/providers/Microsoft.SecurityInsights/onboardingStates/default?{PREVIEW}");
    assert_eq!(get(state.clone()).await.body["name"], "default");

    tenant.switch("arm_onboarded", "false");
    assert_eq!(get(state).await.status, 404);
    let refused = get(format!("{}?{PREVIEW}", RULES.replace("law-1", "ws"))).await;
    like_example(&refused, "arm-not-onboarded");
    let inner: Value = serde_json::from_str(refused.message()).unwrap();
    assert!(
        inner["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Workspace 'ws' is not onboarded to Microsoft Sentinel.")
    );
    tenant.switch("arm_provider_registered", "false");
    assert!(
        get(format!("{RULES}?{PREVIEW}"))
            .await
            .message()
            .contains("is not registered to 'Microsoft.SecurityInsights'")
    );
    tenant.switch("arm_missing_workspaces", "law-1");
    assert_eq!(get(format!("{RULES}?{PREVIEW}")).await.code(), "ResourceNotFound");
    tenant.switch("arm_missing_resource_groups", "rg-1");
    assert_eq!(get(format!("{RULES}?{PREVIEW}")).await.code(), "ResourceGroupNotFound");
}

#[tokio::test]
async fn an_enabled_rule_needs_its_table_and_a_free_place() {
    let tenant = Tenant::with(|s| {
        s.arm_tables = vec!["SecurityEvent".into()];
        s.arm_limit_scheduled = 1;
    })
    .await;
    let other =
        changed(scheduled("x"), "/properties/query", json!("let t = 1d;\nMissingTable | where 1 == 1"));
    like_example(&tenant.put_rule("a", &other).await, "arm-query-table-missing");
    assert_eq!(tenant.put_rule("a", &changed(other, "/properties/enabled", json!(false))).await.status, 201);
    assert_eq!(tenant.put_rule("b", &scheduled("x")).await.status, 201);
    assert_eq!(tenant.put_rule("c", &scheduled("x")).await.status, 400);
    assert_eq!(tenant.put_rule("b", &scheduled("y")).await.status, 200, "its own place does not count");
}

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

#[tokio::test]
async fn lists_come_in_pages_on_the_same_host() {
    let tenant = Tenant::with(|s| {
        s.arm_page_size = 3;
        s.graph_page_size = 2;
        s.arm_fusion_rule = false;
    })
    .await;
    for i in 0..7 {
        assert_eq!(tenant.put_rule(&format!("rule-{i}"), &scheduled("x")).await.status, 201);
        assert_eq!(tenant.post(&detection(&format!("det-{i}"))).await.status, 201);
    }
    let (names, pages) =
        all_pages(&tenant, format!("{}{RULES}?{PREVIEW}", tenant.running.arm()), false).await;
    assert_eq!((names, pages), ((0..7).map(|i| format!("rule-{i}")).collect(), 3));
    let (names, pages) =
        all_pages(&tenant, format!("{}{DETECTIONS}?$top=5", tenant.running.graph()), true).await;
    assert_eq!(
        (names, pages),
        ((0..7).map(|i| format!("det-{i}")).collect(), 4),
        "$top never beats the page size"
    );
    let filtered = tenant
        .graph(
            Method::GET,
            &format!("{DETECTIONS}?$filter=contains(displayName,'det-3')&$select=id,status&$count=true"),
            &Value::Null,
        )
        .await;
    assert_eq!(filtered.body["@odata.count"], 1);
    assert_eq!(
        filtered.body["value"],
        json!([{"@odata.type": "#microsoft.graph.security.detectionRule", "id": "det-3", "status": "enabled"}])
    );
}

#[tokio::test]
async fn rate_limit_headers_count_down_and_429_comes_when_ordered() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let switches = Switches { arm_bucket_writes: 2, arm_throttle: true, ..Switches::default() };
    let tenant = Tenant::from(Options { clock: clock.clone(), switches, ..Options::default() }).await;
    let left = async || tenant.put_rule("a", &scheduled("x")).await;
    let header = "x-ms-ratelimit-remaining-subscription-writes";
    assert_eq!(left().await.header(header), "1");
    assert_eq!(left().await.header(header), "0");
    let throttled = left().await;
    like_example(&throttled, "arm-throttled");
    assert_eq!((throttled.header("retry-after"), throttled.header(header)), ("1", "0"));
    clock.advance(Duration::from_secs(1));
    assert_eq!(left().await.status, 200);
    assert_eq!(tenant.get_rule("a").await.header("x-ms-ratelimit-remaining-subscription-reads"), "249");
}

// ---------------------------------------------------------------- Defender

#[tokio::test]
async fn a_custom_detection_lives_from_201_to_404() {
    let tenant = Tenant::start().await;
    let created = tenant.post(&detection("Rule-1")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("location"), format!("{}{DETECTIONS}/Rule-1", tenant.running.graph()));
    assert!(!created.header("request-id").is_empty() && !created.header("client-request-id").is_empty());
    let body = &created.body;
    assert_eq!(body["@odata.type"], "#microsoft.graph.security.detectionRule");
    for name in ["createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime"] {
        assert!(body[name].is_string(), "{name}");
    }
    let techniques = &body["detectionAction"]["alertTemplate"]["tactics"][0]["techniques"];
    assert_eq!(techniques, &json!([{"technique": "T1053", "subTechniques": ["T1053.005"]}]));
    assert_eq!(
        body["queryCondition"]["queryText"],
        "DeviceProcessEvents\r\n| project Timestamp, DeviceId, ReportId, AccountSid, SHA1"
    );
    assert_eq!(tenant.get_detection("rule-1").await.body, *body);

    let patched = tenant.patch("Rule-1", &json!({"status": "disabled"})).await;
    assert_eq!((patched.status, &patched.body["status"]), (200, &json!("disabled")));
    let delete =
        async || tenant.graph(Method::DELETE, &format!("{DETECTIONS}/Rule-1"), &Value::Null).await.status;
    assert_eq!((delete().await, delete().await), (204, 404));
    assert_eq!(tenant.get_detection("Rule-1").await.status, 404);
}

#[tokio::test]
async fn a_patch_merges_and_clears_only_what_it_can() {
    let tenant = Tenant::start().await;
    let mut rule = detection("a");
    rule["detectionAction"]["organizationalScope"] = json!({"deviceGroups": ["g"]});
    rule["detectionAction"]["alertTemplate"]["entityMappings"]["accounts"] =
        json!([{"sidColumn": "AccountSid"}]);
    tenant.post(&rule).await;
    let action = |answer: &Answer| answer.body["detectionAction"].clone();

    // Omitted collections keep their value, and the scope is not cleared by leaving it out.
    let template = json!({"title": "t", "severity": "high", "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}]}, "customDetails": {}});
    let patched = tenant.patch("a", &json!({"detectionAction": {"alertTemplate": template}})).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let now = action(&patched);
    assert_eq!(now["alertTemplate"]["severity"], "high");
    assert_eq!(now["alertTemplate"]["entityMappings"]["accounts"], json!([{"sidColumn": "AccountSid"}]));
    assert_eq!(now["organizationalScope"], json!({"deviceGroups": ["g"]}));
    assert_eq!(
        now["alertTemplate"]["customDetails"],
        json!({"Hash": "SHA1"}),
        "custom details cannot be cleared"
    );
    assert_eq!(now["automatedActions"]["isolateDevices"][0]["isolationType"], "full");

    // An empty collection clears.
    let patched = tenant
        .patch(
            "a",
            &json!({"detectionAction": {"automatedActions": {"isolateDevices": []},
        "alertTemplate": {"entityMappings": {"accounts": []}}, "organizationalScope": {"deviceGroups": []}}}),
        )
        .await;
    let now = action(&patched);
    assert_eq!(now["automatedActions"].get("isolateDevices"), None);
    assert_eq!(now["alertTemplate"]["entityMappings"].get("accounts"), None);

    // Read-only properties must not be echoed, and validation is opaque.
    for body in [
        json!({"id": "a"}),
        json!({"@odata.type": "#microsoft.graph.security.detectionRule"}),
        json!({"createdBy": "x"}),
        json!({"status": "autoDisabled"}),
        json!({"detectionAction": {"alertTemplate": {"entityMappings": {"hosts": []}}}}),
    ] {
        let refused = tenant.patch("a", &body).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "Bad request. Please check your input."),
            "{body}"
        );
    }
    assert_eq!(tenant.patch("missing", &json!({"status": "disabled"})).await.status, 404);
}

#[tokio::test]
async fn invalid_detections_are_refused_with_the_recorded_messages() {
    let tenant = Tenant::start().await;
    let post = async |path: &str, value: Value| tenant.post(&changed(detection("a"), path, value)).await;
    let mapping = "/detectionAction/alertTemplate/entityMappings";
    like_example(&post("/id", json!("11111111-1111")).await, "graph-id-format");
    like_example(
        &post(
            "/detectionAction/alertTemplate/tactics",
            json!([{"tactic": "Execution"}, {"tactic": "Impact"}]),
        )
        .await,
        "graph-multi-tactic",
    );
    like_example(&post(mapping, json!({})).await, "graph-no-entity");
    like_example(&post(mapping, Value::Null).await, "graph-no-entity");
    like_example(&post(mapping, json!({"files": [{"sha1Column": "SHA1"}]})).await, "graph-no-asset-entity");
    like_example(
        &post(mapping, json!({"accounts": [{"nameColumn": "AccountSid"}]})).await,
        "graph-entity-combination",
    );
    like_example(&post("/schedule", json!({"period": "Custom"})).await, "graph-legacy-period-custom");
    assert_eq!(
        post(mapping, json!({"hosts": [{"deviceIdColumn": "Nope"}]})).await.message(),
        "Entity mappings reference the following column(s) which are not projected by the query output: Nope.."
    );
    let query = "/queryCondition/queryText";
    assert!(
        post(query, json!("T | where (a == 1"))
            .await
            .message()
            .starts_with("The query contains syntax errors: ")
    );
    assert!(post(query, json!("workspace('x').T")).await.message().contains("Unknown function: 'workspace'"));
    assert_eq!(
        post("/detectionAction/alertTemplate/title", json!("{{A}} {{B}} {{C}} {{D}}")).await.message(),
        "Dynamic properties in alertTitle and alertDescription must not exceed 3 fields"
    );
    let continuous = changed(detection("a"), "/schedule/frequency", json!("PT0S"));
    let continuous = tenant
        .post(&changed(
            continuous,
            query,
            json!("let x = 1; DeviceEvents | project Timestamp, DeviceId, ReportId, SHA1"),
        ))
        .await;
    assert_eq!(continuous.status, 400);
    for (path, value) in [
        ("/schedule/frequency", json!("PT2H")),
        ("/schedule/frequency", json!("24H")),
        ("/schedule/lookback", json!("PT30M")),
        ("/status", json!("autoDisabled")),
        ("/createdBy", json!("me")),
        ("/isEnabled", json!(true)),
        ("/nonsense", json!(1)),
        ("/detectionAction/organizationalScope", Value::Array(vec![])),
        ("/detectionAction/alertTemplate/severity", json!("High")),
        ("/displayName", Value::Null),
        (query, json!("")),
    ] {
        let refused = post(path, value.clone()).await;
        assert_eq!((refused.status, refused.code()), (400, "BadRequest"), "{path} {value} {}", refused.body);
        assert!(refused.body["error"]["innerError"]["request-id"].is_string());
    }
    let refused = tenant.post(&changed(detection("a"), "/schedule/lookback", json!("PT2H"))).await;
    assert_eq!(refused.status, 201, "beta knows lookback");
    let v1 = DETECTIONS.replace("beta", "v1.0");
    let old =
        tenant.graph(Method::POST, &v1, &changed(detection("b"), "/schedule/lookback", json!("PT2H"))).await;
    assert_eq!(old.status, 400);
}

#[tokio::test]
async fn id_name_and_title_are_each_unique() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.post(&detection("a")).await.status, 201);
    let mut same_id = detection("A");
    same_id["displayName"] = json!("other");
    same_id["detectionAction"]["alertTemplate"]["title"] = json!("other");
    let same_name = changed(detection("b"), "/displayName", json!("name of a"));
    let same_title = changed(detection("b"), "/detectionAction/alertTemplate/title", json!("title of a"));
    for body in [same_id, same_name, same_title] {
        like_example(&tenant.post(&body).await, "graph-duplicate");
    }
    tenant.post(&detection("b")).await;
    assert_eq!(tenant.patch("b", &json!({"displayName": "name of a"})).await.status, 409);
    assert_eq!(tenant.patch("b", &json!({"displayName": "name of b"})).await.status, 200);
}

#[tokio::test]
async fn a_deleted_detection_lingers_as_ordered() {
    let tenant = Tenant::with(|s| s.graph_delete_linger_reads = 2).await;
    tenant.post(&detection("a")).await;
    let path = format!("{DETECTIONS}/a");
    assert_eq!(tenant.graph(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(tenant.graph(Method::DELETE, &path, &Value::Null).await.status, 404);
    assert_eq!(tenant.patch("a", &json!({"status": "disabled"})).await.status, 404);
    assert_eq!(tenant.post(&detection("a")).await.status, 409);
    let listed = tenant.graph(Method::GET, DETECTIONS, &Value::Null).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1);
    assert_eq!(tenant.get_detection("a").await.status, 200);
    assert_eq!(tenant.get_detection("a").await.status, 404);
    assert_eq!(tenant.post(&detection("a")).await.status, 201);
}

#[tokio::test]
async fn tenants_and_workspaces_do_not_see_each_other() {
    let tenant = Tenant::with(|s| s.arm_fusion_rule = false).await;
    tenant.put_rule("a", &scheduled("x")).await;
    tenant.post(&detection("a")).await;
    let other = tenant
        .arm(Method::GET, &format!("{}?{PREVIEW}", RULES.replace("law-1", "law-2")), &Value::Null)
        .await;
    assert_eq!(other.body["value"], json!([]));
    tenant.switch("token_tenant", "99999999-0000-0000-0000-000000000000");
    let token = tenant.sign_in(&tenant.running.graph()).await;
    let url = format!("{}{DETECTIONS}", tenant.running.graph());
    let other = read(tenant.send(Method::GET, url, &token, &Value::Null, &[]).await.unwrap()).await;
    assert_eq!(other.body["value"], json!([]));
}

// ---------------------------------------------------------------- faults, plays, state

#[tokio::test]
async fn statuses_are_ordered_with_both_forms_of_retry_after() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock, ..Options::default() }).await;
    tenant.fault(json!([
        {"match": {"service": "graph", "nth": 1}, "fault": {"kind": "status", "status": 429, "retry_after": 7}},
        {"match": {"service": "graph", "nth": 2}, "fault": {"kind": "status", "status": 503, "retry_after_date": 90}},
        {"match": {"service": "graph", "nth": 3}, "fault": {"kind": "unauthorized"}},
        {"match": {"service": "graph", "nth": 4}, "fault": {"kind": "forbidden"}},
        {"match": {"service": "arm", "rule": "r-7"}, "fault": {"kind": "forbidden"}},
    ]));
    let get = async || tenant.graph(Method::GET, DETECTIONS, &Value::Null).await;
    let first = get().await;
    assert_eq!((first.status, first.header("retry-after"), first.code()), (429, "7", "TooManyRequests"));
    let second = get().await;
    assert_eq!((second.status, second.header("retry-after")), (503, "Mon, 23 Nov 2026 10:01:30 GMT"));
    assert_eq!(get().await.status, 401);
    assert_eq!(get().await.status, 403);
    assert_eq!(get().await.status, 200);
    assert_eq!(tenant.put_rule("r-7", &scheduled("x")).await.code(), "AuthorizationFailed");
    assert_eq!(tenant.put_rule("r-8", &scheduled("x")).await.status, 201);
}

#[tokio::test]
async fn connections_break_before_and_after_the_write() {
    let tenant = Tenant::start().await;
    let post = async |id: &str| tenant.graph_raw(Method::POST, DETECTIONS, &detection(id)).await;
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "reset_before"}}));
    assert!(post("a").await.is_err());
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "reset_after_accept"}}));
    assert!(post("b").await.is_err());
    tenant
        .fault(json!({"match": {"method": "POST"}, "fault": {"kind": "silence", "ms": 1, "accepted": true}}));
    assert!(post("c").await.is_err());
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "create_then_400"}}));
    assert_eq!(post("d").await.unwrap().status(), StatusCode::BAD_REQUEST);
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "create_then_409"}}));
    assert_eq!(post("e").await.unwrap().status(), StatusCode::CONFLICT);
    tenant.fault(json!([]));
    let (names, _) = all_pages(&tenant, format!("{}{DETECTIONS}", tenant.running.graph()), true).await;
    assert_eq!(names, ["b", "c", "d", "e"]);
}

#[tokio::test]
async fn bodies_are_cut_or_garbled() {
    let tenant = Tenant::start().await;
    tenant.fault(json!({"fault": {"kind": "truncated_body"}}));
    let cut = tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.unwrap();
    assert_eq!(cut.status(), StatusCode::OK);
    assert!(cut.bytes().await.is_err());
    tenant.fault(json!({"fault": {"kind": "invalid_json"}}));
    let garbled = tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.unwrap();
    assert!(garbled.json::<Value>().await.is_err());
}

#[tokio::test]
async fn connections_are_refused_for_as_long_as_ordered() {
    let tenant = Tenant::start().await;
    let patient = format!("{}{DETECTIONS}", tenant.running.graph());
    tenant.fault(json!({"match": {"count": 1}, "fault": {"kind": "refuse", "ms": 200}}));
    assert!(tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.is_err());
    // The listener opens again by itself; ask until it does.
    let mut answered = false;
    for _ in 0..200 {
        let asked = tenant.send(Method::GET, patient.clone(), &tenant.graph, &Value::Null, &[]).await;
        answered = asked.is_ok_and(|r| r.status() == StatusCode::OK);
        if answered {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(answered);
}

#[tokio::test]
async fn lists_lag_repeat_loop_and_point_elsewhere() {
    let tenant = Tenant::with(|s| s.arm_fusion_rule = false).await;
    for id in ["a", "b"] {
        tenant.put_rule(id, &scheduled(id)).await;
        tenant.post(&detection(id)).await;
    }
    tenant.put_rule("a", &scheduled("newer")).await;
    let arm = format!("{RULES}?{PREVIEW}");
    let arm_list = async || tenant.arm(Method::GET, &arm, &Value::Null).await.body;
    let graph_list = async || tenant.graph(Method::GET, DETECTIONS, &Value::Null).await.body;
    let names = |body: &Value, path: &str| -> Vec<String> {
        body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.pointer(path).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    tenant.fault(json!({"fault": {"kind": "list_lag", "writes": 1}}));
    assert_eq!(names(&arm_list().await, "/properties/displayName"), ["a", "b"]);
    assert_eq!(names(&graph_list().await, "/id"), ["a"]);
    tenant.fault(json!({"fault": {"kind": "list_repeat"}}));
    assert_eq!(names(&arm_list().await, "/name"), ["a", "b", "a"]);
    assert_eq!(names(&graph_list().await, "/id"), ["a", "b", "a"]);
    tenant.fault(json!({"fault": {"kind": "next_link_loop"}}));
    assert_eq!(arm_list().await["nextLink"], format!("{}{RULES}?{PREVIEW}", tenant.running.arm()));
    assert!(graph_list().await["@odata.nextLink"].as_str().unwrap().starts_with(&tenant.running.graph()));
    tenant.fault(json!({"fault": {"kind": "next_link_foreign_host"}}));
    assert!(
        arm_list().await["nextLink"]
            .as_str()
            .unwrap()
            .starts_with("https://next-link.example.org/subscriptions/")
    );
    assert!(
        graph_list().await["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with("https://next-link.example.org/beta/")
    );
}

#[tokio::test]
async fn the_service_forgets_a_property_and_others_interfere() {
    let tenant = Tenant::start().await;
    tenant.fault(json!([
        {"fault": {"kind": "drop_property", "property": "properties.customDetails"}},
        {"fault": {"kind": "drop_property", "property": "detectionAction.alertTemplate.customDetails"}},
    ]));
    tenant.put_rule("a", &changed(scheduled("x"), "/properties/customDetails", json!({"K": "c"}))).await;
    assert_eq!(tenant.get_rule("a").await.body["properties"]["customDetails"], Value::Null);
    tenant.post(&detection("a")).await;
    assert_eq!(
        tenant.get_detection("a").await.body["detectionAction"]["alertTemplate"].get("customDetails"),
        None
    );

    let etag = tenant.get_rule("a").await.body["etag"].clone();
    tenant.fault(json!({"match": {"method": "PUT", "nth": 1}, "fault": {"kind": "edit_between", "set": {"severity": "Low"}}}));
    let mut mine = scheduled("mine");
    mine["etag"] = etag;
    assert_eq!(tenant.put_rule("a", &mine).await.status, 409);
    assert_eq!(tenant.get_rule("a").await.body["properties"]["severity"], "Low");
    tenant.fault(json!({"match": {"method": "PATCH"}, "fault": {"kind": "delete_between"}}));
    assert_eq!(tenant.patch("a", &json!({"status": "disabled"})).await.status, 404);

    tenant.fault(json!({"match": {"nth": 1}, "fault": {"kind": "clock_skew", "seconds": 3600}}));
    assert_eq!(tenant.get_rule("a").await.code(), "ExpiredAuthenticationToken");
}

#[tokio::test]
async fn people_edit_in_the_portal_and_services_disable() {
    let tenant = Tenant::start().await;
    tenant.put_rule("a", &scheduled("Same name")).await;
    tenant.post(&changed(detection("d-1"), "/displayName", json!("Same name"))).await;
    let act = |operation: Value| tenant.running.control(&operation);

    let ambiguous =
        act(json!({"op": "edit", "rule": "Same name", "set": {"severity": "Low"}})).unwrap_err().to_string();
    assert!(ambiguous.contains("fits 2 rules") && ambiguous.contains("d-1"), "{ambiguous}");
    act(json!({"op": "edit", "rule": "a", "set": {"severity": "Low", "enabled": false}, "by": "eve@example.com"})).unwrap();
    let edited = tenant.get_rule("a").await.body;
    assert_eq!(
        (&edited["properties"]["severity"], &edited["properties"]["enabled"]),
        (&json!("Low"), &json!(false))
    );
    assert_eq!(edited["systemData"]["lastModifiedBy"], "eve@example.com");
    act(json!({"op": "edit", "rule": "Same name", "platform": "defender", "set": {"severity": "Low"}}))
        .unwrap();
    let edited = tenant.get_detection("d-1").await.body;
    assert_eq!(edited["detectionAction"]["alertTemplate"]["severity"], "low");
    assert_eq!(edited["lastModifiedBy"], "portal.user@sandbox.example");
    assert!(act(json!({"op": "edit", "rule": "a", "set": {"severity": "Nonsense"}})).is_err());
    assert!(act(json!({"op": "edit", "rule": "nobody", "set": {"severity": "Low"}})).is_err());

    act(json!({"op": "auto_disable", "rule": "a", "reason": "the table is gone"})).unwrap();
    let disabled = tenant.get_rule("a").await.body["properties"].clone();
    assert_eq!(
        (&disabled["displayName"], &disabled["enabled"]),
        (&json!("AUTO DISABLED Same name"), &json!(false))
    );
    assert!(disabled["description"].as_str().unwrap().contains("the table is gone"));
    act(json!({"op": "auto_disable", "rule": "d-1"})).unwrap();
    assert_eq!(tenant.get_detection("d-1").await.body["status"], "autoDisabled");
    assert_eq!(tenant.patch("d-1", &json!({"status": "enabled"})).await.body["status"], "enabled");

    act(json!({"op": "add", "rule_body": scheduled("foreign"), "workspace": "law-1"})).unwrap();
    act(json!({"op": "delete", "rule": "d-1"})).unwrap();
    let listed = act(json!({"op": "list"})).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3, "Fusion, a, foreign: {listed}");
}

#[tokio::test]
async fn the_control_api_works_over_the_wire_and_keeps_no_secrets() {
    let tenant = Tenant::with(|s| s.record_bodies = true).await;
    let control = async |method: Method, path: &str, body: Value| {
        let url = format!("{}/_sandbox/{path}", tenant.running.arm());
        read(tenant.send(method, url, "", &body, &[]).await.unwrap()).await
    };
    tenant.put_rule("a", &scheduled("x")).await;
    let log = control(Method::GET, "requests", Value::Null).await.body;
    let log = log.as_array().unwrap();
    assert_eq!(log.len(), 3, "two tokens and a PUT; control requests are not logged");
    assert_eq!(
        (&log[2]["method"], &log[2]["status"], &log[2]["body"]["kind"]),
        (&json!("PUT"), &json!(201), &json!("Scheduled"))
    );
    let text = serde_json::to_string(log).unwrap();
    for secret in [tenant.running.client_secret(), &tenant.arm, &tenant.graph] {
        assert!(!text.contains(secret));
    }
    assert_eq!(control(Method::GET, "requests?since=3", Value::Null).await.body.as_array().unwrap().len(), 1);

    let order = json!([{"match": {"method": "GET"}, "fault": {"kind": "delay", "ms": 1}}]);
    assert_eq!(control(Method::PUT, "faults", order).await.status, 200);
    tenant.get_rule("a").await;
    let faults = control(Method::GET, "faults", Value::Null).await.body;
    assert_eq!((&faults[0]["seen"], &faults[0]["struck"]), (&json!(1), &json!(1)));
    assert_eq!(control(Method::DELETE, "faults", Value::Null).await.body, json!([]));
    assert_eq!(
        control(Method::PUT, "switches", json!({"arm_page_size": 7, "arm_throttle": true})).await.status,
        200
    );
    let switches = control(Method::GET, "switches", Value::Null).await.body;
    let page = switches.as_array().unwrap().iter().find(|s| s["name"] == "arm_page_size").unwrap().clone();
    assert_eq!(page["value"], "7");
    assert_eq!(control(Method::PUT, "switches", json!({"nonsense": 1})).await.status, 400);
    assert_eq!(
        control(Method::POST, "edit", json!({"rule": "a", "set": {"severity": "Low"}})).await.body["id"],
        "a"
    );
    assert_eq!(control(Method::POST, "reset", json!({})).await.status, 200);
    assert_eq!(tenant.get_rule("a").await.status, 404);
}

#[tokio::test]
async fn state_survives_a_stop_and_is_held_by_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options {
        state_dir: Some(dir.path().to_owned()),
        lock_wait: Some(Duration::ZERO),
        ..Options::default()
    };
    let tenant = Tenant::from(options()).await;
    tenant.put_rule("a", &scheduled("x")).await;
    tenant.post(&detection("d")).await;
    tenant.arm(Method::DELETE, &format!("{RULES}/BuiltInFusion?{PREVIEW}"), &Value::Null).await;
    tenant.switch("arm_page_size", "7");
    let before = (tenant.get_rule("a").await.body, tenant.get_detection("d").await.body);
    let second = sandbox::start(options()).await.unwrap_err();
    assert!(
        matches!(&second, SandboxError::Locked { owner, .. } if *owner == std::process::id().to_string()),
        "{second}"
    );
    let (url, _) = sandbox::running_at(dir.path()).unwrap();
    assert_eq!(url, tenant.running.authority());
    tenant.running.stop().await.unwrap();
    assert!(sandbox::running_at(dir.path()).is_none());

    let tenant = Tenant::from(options()).await;
    assert_eq!((tenant.get_rule("a").await.body, tenant.get_detection("d").await.body), before);
    assert_eq!(tenant.get_rule("BuiltInFusion").await.status, 404, "what was deleted stays deleted");
    assert_eq!(tenant.put_rule("BuiltInFusion", &scheduled("x")).await.status, 409, "tombstones are kept");
    let switches = tenant.running.control(&json!({"op": "switches"})).unwrap();
    assert!(switches.as_array().unwrap().iter().any(|s| s["name"] == "arm_page_size" && s["value"] == "7"));
}

#[tokio::test]
async fn a_state_directory_that_is_copied_while_running_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let tenant =
        Tenant::from(Options { state_dir: Some(dir.path().join("live")), ..Options::default() }).await;
    for i in 0..20 {
        tenant.put_rule(&format!("r-{i}"), &scheduled("x")).await;
    }
    // What a process that was killed now would leave behind.
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(dir.path().join("live/state.ndjson"), copy.join("state.ndjson")).unwrap();
    let again = Tenant::from(Options { state_dir: Some(copy), ..Options::default() }).await;
    let (names, _) = all_pages(&again, format!("{}{RULES}?{PREVIEW}", again.running.arm()), false).await;
    assert_eq!(names.len(), 21);
}

#[tokio::test]
async fn faults_are_read_from_the_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("faults.json"),
        r#"[{"match": {"service": "graph"}, "fault": {"kind": "status", "status": 500}}]"#,
    )
    .unwrap();
    let tenant = Tenant::from(Options { state_dir: Some(dir.path().to_owned()), ..Options::default() }).await;
    assert_eq!(tenant.graph(Method::GET, DETECTIONS, &Value::Null).await.status, 500);
    drop(tenant);
    let bad = tempfile::tempdir().unwrap();
    std::fs::write(bad.path().join("faults.json"), "[{]").unwrap();
    let error = sandbox::start(Options { state_dir: Some(bad.path().to_owned()), ..Options::default() })
        .await
        .unwrap_err();
    assert!(matches!(error, SandboxError::Fault(_)));
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        sandbox::start(Options { listen, ..Options::default() }).await,
        Err(SandboxError::Refused(_))
    ));
}
