//! The edge to the services: reading and writing rules at one target.
//!
//! A provider turns the service's wire format into [`Live`] rules and back, retries what is safe to retry, and explains
//! refusals. It decides nothing: what to write and whether to is in the plan. It never prints. Start with [`Provider`];
//! `sentinel` and `defender` implement it, `http` is what they share, `auth` finds the credential, `cloud` says where the
//! services are, and a [`Session`] puts them together for one environment. `schema` reads tables instead of rules, `probe` whether a write could work.

pub mod auth;
pub mod cloud;
mod connect;
pub mod defender;
mod fields;
pub mod http;
pub mod probe;
pub mod schema;
pub mod sentinel;
mod technique;
#[cfg(test)]
mod testing;

pub use connect::{ConnectOptions, Session};
pub use http::{CALL_VARIABLES, Waits};

use async_trait::async_trait;

use crate::address::Target;
use crate::resource::{Body, Kind, Live, Marker, Schema};

/// Rules at one target.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Where it reads and writes.
    fn target(&self) -> &Target;

    /// How the properties of its rules compare.
    fn schema(&self) -> &'static Schema;

    /// Every rule there, with list calls only.
    async fn list(&self) -> Result<Vec<Live>, ProviderError>;

    /// One rule, or `None` when it is not there.
    async fn read(&self, remote_id: &str) -> Result<Option<Live>, ProviderError>;

    /// Creates a rule. Never blindly repeated: an answer that leaves it open whether the rule exists now is
    /// [`ErrorKind::Ambiguous`], and the caller reads before it does anything else.
    async fn create(&self, write: &Write) -> Result<Live, ProviderError>;

    /// Replaces the managed content of a rule that still is as `before` says.
    async fn update(&self, write: &Write, before: &Live) -> Result<Live, ProviderError>;

    /// Deletes a rule that still is as `before` says; one that is already gone counts as deleted. Gives the service's id
    /// of the request that did it.
    async fn delete(&self, before: &Live) -> Result<Option<String>, ProviderError>;
}

/// What is written in one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The platform's id.
    pub remote_id: String,
    /// What kind.
    pub kind: Kind,
    /// The managed content, canonical.
    pub body: Body,
    /// Ownership, to be put where the platform carries it.
    pub marker: Marker,
}

/// The service, or the way to it, refused.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {subject}: {message}")]
pub struct ProviderError {
    /// What was tried: `list`, `read`, `create`, `update`, `delete`, `authenticate`.
    pub operation: &'static str,
    /// On what: an address or a target.
    pub subject: String,
    /// What it means.
    pub kind: ErrorKind,
    /// The service's own words, or ours when it had none. One line, without control characters.
    pub message: String,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The service's error code.
    pub code: Option<String>,
    /// For the support case: `x-ms-request-id` or `request-id`.
    pub request_id: Option<String>,
    /// The next step.
    pub help: Option<String>,
    /// What lies beneath.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ProviderError {
    /// The same error, of a read that follows a write: the write was accepted, and what became of it is not known.
    pub(crate) fn after_a_write(self) -> Self {
        match self.kind {
            ErrorKind::Stopped => Self { kind: ErrorKind::Ambiguous, ..self },
            _ => self,
        }
    }
}

/// What a refusal means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No credential, or one that was not accepted.
    Unauthenticated,
    /// The token belongs to another tenant than the environment.
    WrongTenant,
    /// A permission is missing; `help` names it.
    Forbidden,
    /// The target is not there: workspace, resource group, Sentinel not onboarded.
    TargetMissing,
    /// The rule is not there.
    NotFound,
    /// Somebody else changed the rule meanwhile, or the name or id is taken.
    Conflict,
    /// The id was deleted recently and cannot be used yet.
    RecentlyDeleted,
    /// Too many requests, even after waiting.
    Throttled,
    /// The content was refused.
    Rejected,
    /// The run was stopped while the request waited for its turn: it had no effect.
    Stopped,
    /// The answer was lost: it may or may not have happened.
    Ambiguous,
    /// What takes several writes broke off between them: some of it is there.
    Partly,
    /// No connection, or the service failed, even after retries.
    Unavailable,
    /// An answer that makes no sense.
    Protocol,
}
