//! The token that goes with every request, and another one when the service does not take it any more.
//!
//! A token may end before its time: it was revoked, or one of the clocks is wrong. The SDK's own policy reports that as a
//! failure, and every later request would meet it too. A 401 says that nothing was done, so this policy fetches a new token,
//! once for all requests that carried the old one, and sends the request once more. A second 401 is the answer.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential as _};
use azure_core::error::ErrorKind;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, StatusCode};

use super::failure::is_refused_credential;
use crate::provider::auth::Credentials;

/// The policy.
#[derive(Debug)]
pub(super) struct Bearer {
    credentials: Arc<Credentials>,
    scope: String,
}

impl Bearer {
    pub(super) const fn new(credentials: Arc<Credentials>, scope: String) -> Self {
        Self { credentials, scope }
    }
}

#[async_trait]
impl Policy for Bearer {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "with async_trait the SDK's own signature has to be matched to the letter"
    )]
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        if request.url().scheme() != "https" {
            let why = "a token is sent over TLS only";
            return Err(azure_core::Error::with_message(ErrorKind::Other, why));
        }
        let token = self.credentials.get_token(&[&self.scope], None).await?;
        carry(request, &token);
        let response = first.send(ctx, request, rest).await?;
        if response.status() != StatusCode::Unauthorized {
            return Ok(response);
        }
        tracing::debug!(method = %request.method(), "the token was refused; fetching another one");
        match self.credentials.renew(&self.scope, &token).await {
            Ok(token) => {
                carry(request, &token);
                first.send(ctx, request, rest).await
            }
            // Why there is no other token says more than that this one was refused.
            Err(error) if is_refused_credential(&error) => Err(error),
            // The request was refused, whatever keeps us from another token; it must not look as if it were in doubt.
            Err(_) => Ok(response),
        }
    }
}

fn carry(request: &mut Request, token: &AccessToken) {
    request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
}
