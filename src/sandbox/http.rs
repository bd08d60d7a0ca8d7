//! A request and a reply as values, so that everything between the socket and the state is a plain function.

use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};

/// The emulated service that a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Token,
    Oidc,
    MachineIdentity,
    Arm,
    Graph,
    Control,
    Unknown,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Oidc => "oidc",
            Self::MachineIdentity => "identity",
            Self::Arm => "arm",
            Self::Graph => "graph",
            Self::Control => "control",
            Self::Unknown => "unknown",
        }
    }

    fn of(segments: &[String]) -> Self {
        let first = segments.first().map(|s| s.to_lowercase());
        match first.as_deref() {
            Some("_sandbox") => Self::Control,
            Some("_oidc") => Self::Oidc,
            Some("_identity") => Self::MachineIdentity,
            Some("subscriptions") => Self::Arm,
            Some("beta" | "v1.0") => Self::Graph,
            _ if segments.last().is_some_and(|s| s == "token" || s == "openid-configuration") => Self::Token,
            _ => Self::Unknown,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// As sent, without the query.
    pub(crate) path: String,
    /// Decoded segments of the path.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: Method, uri: &axum::http::Uri, headers: HeaderMap, body: Vec<u8>) -> Self {
        let path = uri.path().to_owned();
        let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(percent_decode).collect();
        let query = uri.query().map(pairs).unwrap_or_default();
        Self { service: Service::of(&segments), method, path, segments, query, headers, body }
    }

    /// The first query parameter of that name, whatever its case (both services ignore it).
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `https://host:port` that the caller used.
    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.header("host").unwrap_or("localhost"))
    }

    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    pub(crate) fn segment(&self, index: usize) -> &str {
        self.segments.get(index).map_or("", String::as_str)
    }

    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    /// A body that is JSON text already.
    pub(crate) fn text(status: u16, body: String) -> Self {
        Self { status, headers: vec![("content-type", "application/json; charset=utf-8".to_owned())], body }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// `{"error":{"code":…,"message":…}}`
    pub(crate) fn cloud_error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// `{"value":[…]`, after what `head` begins the object with, from items that are JSON already; to be gone on with.
pub(crate) fn list_body<'i>(head: &str, items: impl Iterator<Item = &'i str> + Clone) -> String {
    let length: usize = items.clone().map(|item| item.len() + 1).sum();
    // With room for a link to the next page.
    let mut body = String::with_capacity(head.len() + length + 512);
    body.push_str(head);
    body.push_str("\"value\":[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(item);
    }
    body.push(']');
    body
}

/// The pairs of a query string or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode(&part.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(hex.unwrap_or(*first));
        rest = if hex.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
pub(crate) fn call(method: &str, uri: &str, body: &Value) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert("host", axum::http::HeaderValue::from_static("localhost:1"));
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Call::new(method.parse().unwrap(), &uri.parse().unwrap(), headers, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        let call = call("GET", "/v1.0/a%20b/%zz/x?$filter=a%20eq%20'b+c'&API-version=1", &Value::Null);
        assert_eq!(call.service, Service::Graph);
        assert_eq!(call.segments, ["v1.0", "a b", "%zz", "x"]);
        assert_eq!(call.query("$filter"), Some("a eq 'b c'"));
        assert_eq!(call.query("api-version"), Some("1"));
        assert_eq!(percent_encode("a b/é"), "a%20b%2F%C3%A9");
    }

    #[test]
    fn a_path_names_its_service() {
        for (path, service) in [
            ("/contoso/oauth2/v2.0/token", Service::Token),
            ("/subscriptions/x/resourceGroups/y", Service::Arm),
            ("/SUBSCRIPTIONS/x", Service::Arm),
            ("/beta/security/rules/detectionRules", Service::Graph),
            ("/_sandbox/faults", Service::Control),
            ("/_oidc/token", Service::Oidc),
            ("/_identity/token", Service::MachineIdentity),
            ("/contoso/v2.0/.well-known/openid-configuration", Service::Token),
            ("/", Service::Unknown),
        ] {
            assert_eq!(call("GET", path, &Value::Null).service, service, "{path}");
        }
    }
}
