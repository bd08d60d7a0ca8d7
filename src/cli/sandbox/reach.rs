//! Carrying out an operation where the state is: in the state directory, or in the sandbox that holds it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{self, Offline, SandboxError};

/// How long a command waits for a process that holds the state directory without answering.
const WAIT: Duration = Duration::from_secs(5);

/// Carries out an operation on the state, or where the state is held.
pub(super) async fn perform(dir: &Path, operation: &Value) -> Result<Value, SandboxError> {
    // A process that was killed leaves its address behind: when nobody answers there, the state is free.
    if let Some((url, ca)) = sandbox::running_at(dir)
        && let Some(answer) = remotely(&url, &ca, operation).await?
    {
        return Ok(answer);
    }
    let (owned, operation) = (dir.to_owned(), operation.clone());
    let work = tokio::task::spawn_blocking(move || Offline::open(&owned, WAIT)?.control(&operation));
    work.await.map_err(|e| SandboxError::Refused(e.to_string()))?
}

/// Empties the state, even one that cannot be read any more.
pub(super) async fn reset(dir: &Path) -> Result<(), SandboxError> {
    if let Some((url, ca)) = sandbox::running_at(dir)
        && remotely(&url, &ca, &json!({"op": "reset"})).await?.is_some()
    {
        return Ok(());
    }
    let owned = dir.to_owned();
    let work = tokio::task::spawn_blocking(move || Offline::reset(&owned, WAIT));
    work.await.map_err(|e| SandboxError::Refused(e.to_string()))?
}

/// `None` when nobody answers at that address.
async fn remotely(url: &str, ca_pem: &str, operation: &Value) -> Result<Option<Value>, SandboxError> {
    let failed = |e: &dyn std::error::Error| {
        let mut reason = e.to_string();
        let mut source = e.source();
        while let Some(cause) = source {
            reason.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        SandboxError::Remote { url: url.to_owned(), reason }
    };
    let ca = reqwest::Certificate::from_pem(ca_pem.as_bytes()).map_err(|e| failed(&e))?;
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|e| failed(&e))?;
    let sent = client.post(format!("{url}/_sandbox/do")).json(operation).send().await;
    let response = match sent {
        Err(e) if e.is_connect() => return Ok(None),
        sent => sent.map_err(|e| failed(&e))?,
    };
    let ok = response.status().is_success();
    let body: Value = response.json().await.map_err(|e| failed(&e))?;
    if ok {
        return Ok(Some(body));
    }
    let message =
        body.pointer("/error/message").and_then(Value::as_str).unwrap_or("an answer without a message");
    Err(SandboxError::Refused(message.to_owned()))
}
