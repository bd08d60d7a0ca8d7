//! The token endpoint (CONTRACT C.2), the OIDC stub of a CI system (C.3), and the check that every call to the
//! other services passes first.

use serde_json::{Map, Value, json};

use super::assertion::{self, FEDERATION_AUDIENCE};
use super::clock;
use super::http::{Call, Reply, Service, pairs};
use super::jwt;
use super::switches::Switches;

/// The application that may sign in.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) object_id: String,
    /// Signs access tokens and OIDC tokens of this run.
    key: Vec<u8>,
}

/// A tenant id to use when it does not matter; also the `tid` when the tenant asked for is a domain name.
pub const DEFAULT_TENANT: &str = "5a9db0c5-0000-4000-8000-0000000000aa";
const CLIENT_ID: &str = "5a9db0c5-0000-4000-8000-0000000000c1";
const OBJECT_ID: &str = "5a9db0c5-0000-4000-8000-0000000000e5";
/// Name under which the application appears in createdBy and lastModifiedBy.
pub(crate) const APPLICATION: &str = "palisade-sandbox-app";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ARM_AUDIENCES: &[&str] = &[
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
];
const GRAPH_AUDIENCES: &[&str] = &[
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
];
/// Seconds for which a token of the OIDC stub is good.
const OIDC_LIFETIME: i64 = 300;

impl Identity {
    /// The fixed application id, with a secret and a key that live as long as this run.
    pub(crate) fn generate() -> Self {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        Self {
            client_id: CLIENT_ID.to_owned(),
            client_secret: format!("{}{}", random(), random()),
            object_id: OBJECT_ID.to_owned(),
            key: format!("{}{}", random(), random()).into_bytes(),
        }
    }
}

/// Who calls, as the access token says.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) tenant: String,
    pub(crate) app_id: String,
    pub(crate) object_id: String,
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`, and `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(crate) fn token(call: &Call, identity: &Identity, switches: &Switches, now_ms: i64) -> Reply {
    if call.method == axum::http::Method::GET {
        return discovery(call, switches).unwrap_or_else(|refusal| refusal.reply(now_ms));
    }
    issue(call, identity, switches, now_ms).unwrap_or_else(|refusal| refusal.reply(now_ms))
}

/// Answers `GET /_oidc/token?audience=…`: what GitHub gives a job that may ask for an id token; `POST` as in Azure Pipelines.
pub(crate) fn oidc(call: &Call, identity: &Identity, switches: &Switches, now_ms: i64) -> Reply {
    let bearer = call.header("authorization").and_then(bearer_of).unwrap_or_default();
    if bearer.is_empty() {
        return Reply::json(401, &json!({"message": "the request token is missing"}));
    }
    let audience = call.query("audience").unwrap_or(FEDERATION_AUDIENCE);
    let now = now_ms / 1000;
    let claims = json!({
        "iss": format!("{}/_oidc", call.origin()), "sub": switches.oidc_subject, "aud": audience,
        "iat": now, "nbf": now, "exp": now + OIDC_LIFETIME,
    });
    let token = jwt::sign(&claims, &identity.key);
    // GitHub answers `value`, Azure Pipelines `oidcToken`; one stub serves both.
    Reply::json(200, &json!({"value": token, "oidcToken": token}))
}

/// Checks the bearer token of a call to ARM or Graph.
pub(crate) fn check(
    call: &Call,
    identity: &Identity,
    switches: &Switches,
    now_ms: i64,
) -> Result<Caller, Unauthorized> {
    let header = call.header("authorization").ok_or(Unauthorized::Missing)?;
    let claims =
        bearer_of(header).and_then(|token| jwt::verify(token, &identity.key)).ok_or(Unauthorized::Invalid)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let audience = text("aud");
    let canonical = if call.service == Service::Arm { ARM_AUDIENCES } else { GRAPH_AUDIENCES };
    let known = audience.trim_end_matches('/');
    if known != call.origin() && !canonical.contains(&known) {
        return Err(Unauthorized::Audience { audience });
    }
    let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
    if expires <= now_ms / 1000 {
        return Err(Unauthorized::Expired { expired_ms: expires.saturating_mul(1000), now_ms });
    }
    let (tenant, wanted) = (text("tid"), &switches.arm_subscription_tenant);
    if call.service == Service::Arm && !wanted.is_empty() && !tenant.eq_ignore_ascii_case(wanted) {
        return Err(Unauthorized::Tenant { tenant, wanted: wanted.clone() });
    }
    Ok(Caller { tenant, app_id: text("appid"), object_id: text("oid") })
}

/// Why a bearer token is not accepted.
#[derive(Debug)]
pub(crate) enum Unauthorized {
    Missing,
    Invalid,
    Audience { audience: String },
    Expired { expired_ms: i64, now_ms: i64 },
    Tenant { tenant: String, wanted: String },
}

impl Unauthorized {
    /// (code, message) as ARM words it (CONTRACT B.7; wordings beyond the codes are inferred).
    pub(crate) fn arm(&self) -> (&'static str, String) {
        match self {
            Self::Missing => (
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.".to_owned(),
            ),
            Self::Invalid => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
            Self::Audience { audience } => (
                "InvalidAuthenticationTokenAudience",
                format!("The access token has been obtained for wrong audience or resource '{audience}'."),
            ),
            Self::Expired { expired_ms, now_ms } => (
                "ExpiredAuthenticationToken",
                format!(
                    "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                    clock::spaced(*expired_ms),
                    clock::spaced(*now_ms)
                ),
            ),
            Self::Tenant { tenant, wanted } => (
                "InvalidAuthenticationTokenTenant",
                format!(
                    "The access token is from the wrong issuer 'https://sts.windows.net/{tenant}/'. It must match the tenant 'https://sts.windows.net/{wanted}/' associated with this subscription."
                ),
            ),
        }
    }

    /// (code, message) as Graph words it.
    pub(crate) fn graph(&self) -> (&'static str, String) {
        let message = match self {
            Self::Missing => "Access token is empty.",
            Self::Invalid | Self::Tenant { .. } => "Access token validation failure.",
            Self::Audience { .. } => "Access token validation failure. Invalid audience.",
            Self::Expired { .. } => "Lifetime validation failed, the token is expired.",
        };
        ("InvalidAuthenticationToken", message.to_owned())
    }
}

fn bearer_of(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

struct Refusal {
    status: u16,
    error: &'static str,
    code: u64,
    text: String,
}

impl Refusal {
    fn new(status: u16, error: &'static str, code: u64, text: impl Into<String>) -> Self {
        Self { status, error, code, text: text.into() }
    }

    fn reply(&self, now_ms: i64) -> Reply {
        let (trace, correlation) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
        let at = clock::spaced(now_ms);
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
            self.code, self.text
        );
        let body = json!({
            "error": self.error, "error_description": description, "error_codes": [self.code], "timestamp": at,
            "trace_id": trace, "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        Reply::json(self.status, &body)
    }
}

fn known_tenant<'c>(call: &'c Call, switches: &Switches) -> Result<&'c str, Refusal> {
    let tenant = call.segment(0);
    if !switches.token_known_tenants.is_empty() && !contains(&switches.token_known_tenants, tenant) {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        return Err(Refusal::new(400, "invalid_request", 90_002, text));
    }
    Ok(tenant)
}

fn discovery(call: &Call, switches: &Switches) -> Result<Reply, Refusal> {
    let at = format!("{}/{}", call.origin(), tenant_id(known_tenant(call, switches)?, switches));
    Ok(Reply::json(
        200,
        &json!({
            "issuer": format!("{at}/v2.0"), "token_endpoint": format!("{at}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        }),
    ))
}

fn issue(call: &Call, identity: &Identity, switches: &Switches, now_ms: i64) -> Result<Reply, Refusal> {
    let form = pairs(&String::from_utf8_lossy(&call.body));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let required = |name: &str| {
        field(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            Refusal::new(400, "invalid_request", 900_144, text)
        })
    };
    let tenant = known_tenant(call, switches)?;
    let grant = required("grant_type")?;
    if grant != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(Refusal::new(400, "unsupported_grant_type", 70_003, text));
    }
    let client = required("client_id")?;
    if !switches.token_any_client && !client.eq_ignore_ascii_case(&identity.client_id) {
        let text =
            format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        return Err(Refusal::new(400, "unauthorized_client", 700_016, text));
    }
    let audience = audience(required("scope")?, call)?;
    match (field("client_secret"), field("client_assertion")) {
        (Some(secret), _) if switches.token_any_client || secret == identity.client_secret => {}
        (Some(_), _) => {
            let text = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            );
            return Err(Refusal::new(401, "invalid_client", 7_000_215, text));
        }
        (None, Some(assertion)) => {
            if field("client_assertion_type") != Some(ASSERTION_TYPE) {
                let text = format!(
                    "The request body must contain the parameter 'client_assertion_type' with value '{ASSERTION_TYPE}'."
                );
                return Err(Refusal::new(400, "invalid_request", 900_144, text));
            }
            assertion::check(assertion, client, call, switches, &identity.key, now_ms).map_err(
                |(code, text)| {
                    let status = if matches!(code, 700_027 | 700_021) { 401 } else { 400 };
                    Refusal::new(status, "invalid_client", code, text)
                },
            )?;
        }
        (None, None) => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(Refusal::new(401, "invalid_client", 7_000_218, text));
        }
    }
    let (token, lifetime) = access_token(&audience, tenant, client, identity, switches, now_ms);
    let body = json!({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token});
    Ok(Reply::json(200, &body).header("cache-control", "no-store, no-cache"))
}

/// A signed access token, and the seconds for which it is good.
fn access_token(
    audience: &str,
    tenant: &str,
    client: &str,
    identity: &Identity,
    switches: &Switches,
    now_ms: i64,
) -> (String, i64) {
    let tid = tenant_id(tenant, switches);
    let (now, lifetime) = (now_ms / 1000, i64::try_from(switches.token_lifetime_seconds).unwrap_or(3599));
    let mut claims = Map::new();
    for (name, value) in [
        ("aud", json!(audience)),
        ("iss", json!(format!("https://sts.windows.net/{tid}/"))),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now + lifetime)),
        ("appid", json!(client)),
        ("idtyp", json!("app")),
        ("oid", json!(identity.object_id)),
        ("sub", json!(identity.object_id)),
        ("tid", json!(tid)),
        ("roles", json!(roles(switches))),
        ("uti", json!(uuid::Uuid::new_v4().simple().to_string())),
        ("ver", json!("1.0")),
    ] {
        claims.insert(name.to_owned(), value);
    }
    (jwt::sign(&Value::Object(claims), &identity.key), lifetime)
}

/// Answers `GET /_identity/token?resource=…`: the identity endpoint of App Service and its kin, to be named in
/// IDENTITY_ENDPOINT. The machine's tenant is `token_tenant`, or the default one.
pub(crate) fn managed_identity(call: &Call, identity: &Identity, switches: &Switches, now_ms: i64) -> Reply {
    if call.header("x-identity-header").unwrap_or_default().is_empty() {
        return Reply::json(401, &json!({"statusCode": 401, "message": "the identity header is missing"}));
    }
    let resource = call.query("resource").unwrap_or_default();
    let client = call.query("client_id").unwrap_or(&identity.client_id);
    let (token, lifetime) = access_token(resource, "", client, identity, switches, now_ms);
    let ends = (now_ms / 1000 + lifetime).to_string();
    let body = json!({"access_token": token, "expires_on": ends, "resource": resource, "token_type": "Bearer", "client_id": client});
    Reply::json(200, &body)
}

/// `<resource>/.default` → resource, if it is one of ours. ARM and Graph need separate tokens: one scope a request.
fn audience(scope: &str, call: &Call) -> Result<String, Refusal> {
    let bad = |text: String| Refusal::new(400, "invalid_scope", 70_011, text);
    let resource = scope.strip_suffix("/.default").filter(|_| !scope.contains(' ')).ok_or_else(|| {
        bad(format!("The provided request must include a 'scope' input parameter ending in /.default; '{scope}' is not valid."))
    })?;
    let resource = resource.trim_end_matches('/');
    let port = call.origin().rsplit(':').next().unwrap_or_default().to_owned();
    let own = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("https://{host}:{port}"));
    if own.iter().any(|known| known == resource)
        || ARM_AUDIENCES.contains(&resource)
        || GRAPH_AUDIENCES.contains(&resource)
    {
        return Ok(resource.to_owned());
    }
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named {}.",
        call.segment(0)
    );
    Err(Refusal::new(400, "invalid_resource", 500_011, text))
}

fn tenant_id(tenant: &str, switches: &Switches) -> String {
    match switches.token_tenant.as_str() {
        "" if uuid::Uuid::parse_str(tenant).is_ok() => tenant.to_lowercase(),
        "" => DEFAULT_TENANT.to_owned(),
        forced => forced.to_owned(),
    }
}

fn roles(switches: &Switches) -> Vec<&'static str> {
    use super::switches::GraphRole;
    match switches.graph_role {
        GraphRole::ReadWrite => vec!["CustomDetection.ReadWrite.All"],
        GraphRole::Read => vec!["CustomDetection.Read.All"],
        GraphRole::None => vec![],
    }
}

fn contains(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item.eq_ignore_ascii_case(wanted))
}
