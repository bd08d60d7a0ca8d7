//! Every way in which a call can fail, as a [`ProviderError`]: what it means, in one line, with the next step.
//!
//! The service's words are untrusted text: they are unwrapped (messages that are JSON in a string, CONTRACT B.7),
//! stripped of everything that could act on a terminal, put on one line and bounded. What they mean is in `advice`.

use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::RawResponse;
use azure_core::http::headers::{HeaderName, Headers};
use serde_json::Value;

use super::advice;
use super::obstacle::Obstacle;
use super::patience::{GivenUp, Repeat};
use crate::address::Platform;
use crate::provider::auth::{Attempt, CredentialError, WrongTenant};
use crate::provider::{ErrorKind, ProviderError};

/// The longest message, in characters.
const MAX_MESSAGE: usize = 1_000;

const REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-ms-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-ms-correlation-request-id"),
];

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Where it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) operation: &'static str,
    pub(super) subject: &'a str,
    pub(super) platform: Platform,
    pub(super) host: &'a str,
    pub(super) repeat: Repeat,
}

impl Place<'_> {
    fn error(&self, kind: ErrorKind, message: String) -> ProviderError {
        ProviderError {
            operation: self.operation,
            subject: self.subject.to_owned(),
            kind,
            message,
            status: None,
            code: None,
            request_id: None,
            help: None,
            source: None,
        }
    }
}

/// An answer that says no.
pub(super) fn refusal(place: &Place<'_>, response: &RawResponse) -> ProviderError {
    let status = u16::from(response.status());
    let (code, words) = said(response.body().as_ref());
    let code = code.unwrap_or_default();
    let row = advice::for_refusal(place.platform, status, &code, &words);
    let mut kind = row.map_or_else(|| by_class(status), |row| row.kind);
    let mut help = row.and_then(|row| row.help).map(str::to_owned);
    if kind == ErrorKind::Unavailable && place.repeat == Repeat::OnlyIfRefused && status != 407 {
        kind = ErrorKind::Ambiguous;
        help = Some(OPEN.to_owned());
    }
    if kind == ErrorKind::NotFound && place.operation == "list" {
        kind = ErrorKind::TargetMissing;
        help = Some(
            match place.platform {
                Platform::Sentinel => {
                    "check `subscription`, `resource_group` and `workspace` in the environment file"
                }
                Platform::Defender => {
                    "check `api_version` under `defender:`, and that the tenant has Microsoft Defender XDR"
                }
            }
            .to_owned(),
        );
    }
    if status == 403 && row.is_none() {
        kind = ErrorKind::Forbidden;
        help = Some(missing_permission(place, &words));
    }
    if kind == ErrorKind::Unauthenticated {
        help = advice::for_entra(&words).map(str::to_owned).or(help);
    }
    let canonical = response.status().canonical_reason();
    let message =
        if words.is_empty() { format!("HTTP {status} {canonical}, without a reason") } else { words };
    ProviderError {
        status: Some(status),
        code: (!code.is_empty()).then_some(code),
        request_id: request_id(response.headers()),
        help,
        ..place.error(kind, message)
    }
}

/// No answer at all: no token, no connection, or it broke.
pub(super) fn no_answer(place: &Place<'_>, error: azure_core::Error) -> ProviderError {
    if let Some(found) = find_cause::<WrongTenant>(&error) {
        let message = clean(&found.to_string());
        return ProviderError {
            help: Some(found.help()),
            source: Some(Box::new(error)),
            ..place.error(ErrorKind::WrongTenant, message)
        };
    }
    if let Some(given_up) = find_cause::<GivenUp>(&error) {
        return place.error(ErrorKind::Stopped, given_up.to_string());
    }
    if let Some(tried) = find_cause::<CredentialError>(&error) {
        return credential(place, tried).with_source(error);
    }
    let causes = causes(&error);
    let kind = match error.kind() {
        AzureKind::Credential => ErrorKind::Unauthenticated,
        AzureKind::Io if place.repeat == Repeat::OnlyIfRefused => ErrorKind::Ambiguous,
        AzureKind::Io | AzureKind::Connection => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    let help = match kind {
        ErrorKind::Ambiguous => Some(OPEN),
        ErrorKind::Unauthenticated => advice::for_entra(&causes),
        _ => Obstacle::of(&error).map(Obstacle::help),
    };
    let message = match kind {
        ErrorKind::Unavailable => clean(&format!("cannot reach {}: {causes}", place.host)),
        ErrorKind::Ambiguous => clean(&format!("the answer of {} was lost: {causes}", place.host)),
        _ => clean(&causes),
    };
    ProviderError { help: help.map(str::to_owned), ..place.error(kind, message) }.with_source(error)
}

/// An answer that makes no sense.
pub(super) fn nonsense(place: &Place<'_>, message: &str, source: Option<Source>) -> ProviderError {
    let help = "something between here and the service may have answered in its place; if it stays, report it with the request id";
    ProviderError {
        help: Some(help.to_owned()),
        source,
        ..place.error(ErrorKind::Protocol, clean(&format!("{message} ({})", place.host)))
    }
}

/// A failure outside a call, while signing in.
pub(crate) fn from_azure(
    subject: &str,
    platform: Platform,
    host: &str,
    error: azure_core::Error,
) -> ProviderError {
    no_answer(&Place { operation: "authenticate", subject, platform, host, repeat: Repeat::Always }, error)
}

/// Whether a credential was asked for a token and refused, rather than not reached.
pub(super) fn is_refused_credential(error: &azure_core::Error) -> bool {
    let tried = find_cause::<CredentialError>(error);
    tried.is_some_and(|tried| !tried.first_failure().is_some_and(is_network))
}

const OPEN: &str = "it may or may not have happened: run plan again, it will show";

fn credential(place: &Place<'_>, tried: &CredentialError) -> ProviderError {
    let words = tried.to_string();
    if let Some(wrong) = tried.wrong_tenant() {
        return ProviderError {
            help: Some(wrong.help()),
            ..place.error(ErrorKind::WrongTenant, clean(&wrong.to_string()))
        };
    }
    let network = tried.first_failure().is_some_and(is_network);
    let kind = if network { ErrorKind::Unavailable } else { ErrorKind::Unauthenticated };
    let help = tried.attempts().find(|attempt| attempt.was_meant()).and_then(Attempt::next);
    ProviderError {
        operation: "authenticate",
        help: help.or_else(|| Some(tried.help().to_owned())),
        ..place.error(kind, clean(&words))
    }
}

/// The next step for whatever kept a credential from giving a token.
pub(crate) fn hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let words = causes(error);
    let entra = advice::for_entra(&words).or_else(|| advice::for_tool(&words));
    entra.or_else(|| Obstacle::of(error).map(Obstacle::help))
}

/// Code and message of an error body: ARM, Graph and Entra forms; JSON inside the message is unwrapped.
fn said(body: &[u8]) -> (Option<String>, String) {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let (code, message) = unwrap(&value, 0);
            (code.map(|code| clean(&code)), clean(&message))
        }
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            let text = text.trim();
            if text.starts_with('<') {
                (None, "an HTML page instead of JSON".to_owned())
            } else {
                (None, clean(text))
            }
        }
    }
}

fn unwrap(value: &Value, depth: u8) -> (Option<String>, String) {
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(inner) = value.get("error").filter(|inner| inner.is_object()) {
        return unwrap(inner, depth);
    }
    let code = field("code").or_else(|| field("error")).or_else(|| field("Code")).map(str::to_owned);
    let message = field("message")
        .or_else(|| field("error_description"))
        .or_else(|| field("Message"))
        .unwrap_or_default();
    if depth < 5
        && message.trim_start().starts_with('{')
        && let Ok(inside) = serde_json::from_str::<Value>(message.trim())
    {
        let (inner_code, inner_message) = unwrap(&inside, depth + 1);
        if !inner_message.is_empty() {
            return (inner_code.or(code), inner_message);
        }
    }
    (code, message.to_owned())
}

/// One line, no control or bidirectional characters, bounded.
pub(crate) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_MESSAGE));
    let mut blank = false;
    for (count, c) in text.chars().enumerate() {
        if count >= MAX_MESSAGE {
            line.push('…');
            break;
        }
        if c.is_whitespace() || c.is_control() {
            blank = true;
        } else if !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        {
            if blank && !line.is_empty() {
                line.push(' ');
            }
            blank = false;
            line.push(c);
        }
    }
    line
}

/// The chain of causes, outermost first, without repetitions and without the SDK's empty phrases.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    const EMPTY_PHRASES: [&str; 3] =
        ["non-transport error occurred", "retry policy expired", "failed to execute `reqwest` request"];
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        let said = words.iter().any(|before| before.contains(&text));
        if !said && !EMPTY_PHRASES.iter().any(|phrase| text.starts_with(phrase)) {
            words.push(text);
        }
        next = cause.source();
    }
    words.join(": ")
}

fn find_cause<E: std::error::Error + 'static>(error: &azure_core::Error) -> Option<&E> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

pub(crate) fn is_network(error: &azure_core::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(azure) = cause.downcast_ref::<azure_core::Error>()
            && matches!(azure.kind(), AzureKind::Connection | AzureKind::Io)
        {
            // A tool that could not be started is no network failure.
            return find_cause::<std::io::Error>(azure)
                .is_none_or(|io| io.kind() != std::io::ErrorKind::NotFound);
        }
        next = cause.source();
    }
    false
}

fn missing_permission(place: &Place<'_>, words: &str) -> String {
    match place.platform {
        Platform::Defender => {
            let permission = if matches!(place.operation, "list" | "read") {
                "CustomDetection.Read.All"
            } else {
                "CustomDetection.ReadWrite.All"
            };
            format!(
                "grant the application permission `{permission}` on Microsoft Graph with an administrator's consent; a person also needs Security Administrator, Security Operator or `Detection tuning (manage)`, and tokens of the Azure CLI do not carry this permission"
            )
        }
        Platform::Sentinel => {
            let quoted = |after: &str| words.split(after).nth(1).and_then(|rest| rest.split('\'').next());
            let action = quoted("action '");
            // Roles are assigned on the workspace, whichever rule was refused.
            let scope = quoted("scope '")
                .and_then(|scope| scope.split("/providers/Microsoft.SecurityInsights").next());
            let reads =
                action.map_or(matches!(place.operation, "list" | "read"), |action| action.ends_with("/read"));
            let role = if reads {
                "`Microsoft Sentinel Reader` (to plan) or `Microsoft Sentinel Contributor` (to apply)"
            } else {
                "`Microsoft Sentinel Contributor`"
            };
            let action = action.map(|action| format!(" (missing action: {action})")).unwrap_or_default();
            let scope = scope
                .map(|scope| format!(" on {scope}, or above it"))
                .unwrap_or_else(|| " on the workspace's resource group".to_owned());
            format!("assign the role {role}{scope}{action}; a new role takes a minute or two to work")
        }
    }
}

const fn by_class(status: u16) -> ErrorKind {
    match status {
        403 => ErrorKind::Forbidden,
        400..=499 => ErrorKind::Rejected,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    }
}

/// The service's id of a request.
pub(super) fn request_id(headers: &Headers) -> Option<String> {
    REQUEST_IDS.iter().find_map(|name| headers.get_optional_str(name)).map(clean)
}

impl ProviderError {
    fn with_source(mut self, source: azure_core::Error) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}
