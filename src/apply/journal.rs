//! What is written down before and after every write, and the edge through which an apply touches the world besides the
//! providers: the journal, waiting, progress. The core sees only the trait, so tests need no file and no clock.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::outcome::Event;

/// One line of the journal. A plan that was cut off leaves an [`Entry::Intent`] without a [`Entry::Done`]: a write whose
/// end nobody saw. Applying the same plan again finds out by reading the rule, and needs the journal for nothing; people
/// who ask what happened do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// A run of the plan begins.
    Begin {
        /// The plan's digest; a journal belongs to one.
        plan: String,
        /// The environment's name.
        environment: String,
        /// Its tenant.
        tenant_id: String,
        /// Version of Palisade.
        tool_version: String,
        /// How many changes there are.
        changes: usize,
    },
    /// A write is about to be sent.
    Intent {
        /// The rule.
        address: String,
        /// `create`, `update` or `delete`.
        operation: Operation,
        /// The platform's id.
        remote_id: String,
        /// Digest of what is replaced.
        before: Option<String>,
        /// Digest of what is written.
        after: Option<String>,
    },
    /// A write ended.
    Done {
        /// The rule.
        address: String,
        /// What was tried.
        operation: Operation,
        /// The platform's id.
        remote_id: String,
        /// How it ended.
        ending: Ending,
        /// The service's words, when it refused.
        message: Option<String>,
        /// The service's id of the request.
        request_id: Option<String>,
    },
    /// The run ended by itself.
    End {
        /// Changes that are as planned.
        applied: usize,
        /// Changes that are not.
        failed: usize,
        /// Changes that were not tried.
        not_attempted: usize,
    },
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A rule is made.
    Create,
    /// A rule's content is replaced.
    Update,
    /// A rule is removed.
    Delete,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is done: the service said so, or a read showed it.
    Written,
    /// It is not done: the service refused, or a read showed that it did not happen.
    NotWritten,
    /// The rule is somebody else's change meanwhile.
    SomeoneElse,
    /// Nobody knows.
    Unknown,
}

/// The world of an apply, besides the providers.
#[async_trait]
pub trait Edge: Send + Sync {
    /// Writes a line of the journal. It is on disk when this returns; what cannot be recorded is not done.
    ///
    /// # Errors
    /// Why it could not be written, in words for people.
    fn record(&self, entry: &Entry) -> Result<(), String>;

    /// Waits.
    async fn wait(&self, milliseconds: u64);

    /// Shows progress.
    fn tell(&self, event: &Event<'_>);
}
