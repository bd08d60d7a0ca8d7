//! Assertions of pipelines: a short-lived token of the pipeline's own, exchanged with Entra for an access token.
//!
//! Both are fetched anew for each exchange, because they live for minutes. GitHub's protocol: CONTRACT C.3. Azure
//! Pipelines': POST to `SYSTEM_OIDCREQUESTURI` with the service connection's id.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::{ClientMethodOptions, HttpClient, Method, Request, Url};
use azure_identity::ClientAssertion;
use serde_json::Value;

use super::token;

/// Where a pipeline hands out its assertion, and how it is asked.
#[derive(Debug)]
pub(super) struct PipelineAssertion {
    client: Arc<dyn HttpClient>,
    method: Method,
    url: Url,
    bearer: Secret,
    /// The member of the answer that is the assertion.
    member: &'static str,
    /// What to look at when it is refused.
    hint: &'static str,
}

impl PipelineAssertion {
    /// GitHub Actions: `request_url` and `request_token` are `ACTIONS_ID_TOKEN_REQUEST_URL` and `…_TOKEN`.
    pub(super) fn github(
        client: Arc<dyn HttpClient>,
        request_url: &str,
        request_token: &str,
        audience: &str,
    ) -> Result<Self, String> {
        let mut url = https(request_url, "ACTIONS_ID_TOKEN_REQUEST_URL")?;
        // The URL has a query already; this appends to it.
        url.query_pairs_mut().append_pair("audience", audience);
        Ok(Self {
            client,
            method: Method::Get,
            url,
            bearer: Secret::new(request_token.to_owned()),
            member: "value",
            hint: "the job needs `permissions: id-token: write`; pull requests from forks get no token",
        })
    }

    /// Azure Pipelines: `request_url` is `SYSTEM_OIDCREQUESTURI`.
    pub(super) fn azure_pipelines(
        client: Arc<dyn HttpClient>,
        request_url: &str,
        access_token: &str,
        service_connection: &str,
    ) -> Result<Self, String> {
        let mut url = https(request_url, "SYSTEM_OIDCREQUESTURI")?;
        url.query_pairs_mut()
            .append_pair("api-version", "7.1")
            .append_pair("serviceConnectionId", service_connection);
        Ok(Self {
            client,
            method: Method::Post,
            url,
            bearer: Secret::new(access_token.to_owned()),
            member: "oidcToken",
            hint: "check the service connection's id and that the pipeline may use it",
        })
    }

    fn failure(&self, what: &str) -> azure_core::Error {
        azure_core::Error::with_message(
            ErrorKind::Credential,
            format!("the pipeline's token service {what}: {}", self.hint),
        )
    }
}

#[async_trait]
impl ClientAssertion for PipelineAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = Request::new(self.url.clone(), self.method);
        request.insert_header(
            HeaderName::from_static("authorization"),
            format!("Bearer {}", self.bearer.secret()),
        );
        request.insert_header(HeaderName::from_static("accept"), "application/json");
        if self.method == Method::Post {
            request.insert_header(HeaderName::from_static("content-length"), "0");
            // Otherwise a refusal is a redirect to a sign-in page.
            request.insert_header(HeaderName::from_static("x-tfs-fedauthredirect"), "Suppress");
        }
        let response = self.client.execute_request(&request).await?.try_into_raw_response().await?;
        if !response.status().is_success() {
            return Err(self.failure(&format!("answered HTTP {}", u16::from(response.status()))));
        }
        let answer: Value = serde_json::from_slice(response.body().as_ref())
            .map_err(|_| self.failure("answered something else than JSON"))?;
        match answer.get(self.member).and_then(Value::as_str) {
            Some(assertion) if !assertion.is_empty() => Ok(assertion.to_owned()),
            _ => Err(self.failure("gave no token")),
        }
    }
}

/// Who an assertion says that it is: what a federated credential must name. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
}

/// Where the latest assertion of a credential is noted.
pub(super) type Note = Arc<Mutex<Option<Presented>>>;

/// An assertion of which is noted who it says that it is.
#[derive(Debug)]
pub(super) struct Noted<A> {
    pub(super) inner: A,
    pub(super) note: Note,
}

#[async_trait]
impl<A: ClientAssertion> ClientAssertion for Noted<A> {
    async fn secret(&self, options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let assertion = self.inner.secret(options).await?;
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = token::presented(&assertion);
        Ok(assertion)
    }
}

fn https(text: &str, variable: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" => Ok(url),
        _ => Err(format!("{variable} is not an https address")),
    }
}
