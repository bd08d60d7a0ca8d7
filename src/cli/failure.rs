//! How a command ends: exit codes (product.md §6, public API) and the last words of a failure.

use std::process::ExitCode;

use crate::provider::auth::CredentialError;
use crate::provider::{ErrorKind, ProviderError};
use crate::sandbox::SandboxError;

/// Every exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 2: changes are present (only with `--detailed-exitcode`).
    Changes,
    /// 1: an error, usage errors included.
    Error,
    /// 3: refused by a guard.
    Refused,
    /// 4: the plan is stale.
    Stale,
    /// 5: partly applied, or interrupted.
    Partial,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Refused => 3,
            Self::Stale => 4,
            Self::Partial => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What went wrong, one sentence; empty when everything was said already.
    pub(crate) message: String,
    /// What lies beneath, outermost first.
    pub(crate) causes: Vec<String>,
    /// The next step.
    pub(crate) help: Option<String>,
}

impl Failure {
    /// An ordinary error.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::with(Exit::Error, message)
    }

    /// An error whose details were already shown as diagnostics.
    pub(crate) fn diagnosed(exit: Exit) -> Self {
        Self::with(exit, "")
    }

    pub(crate) fn with(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::from(&error)
    }
}

impl From<&ProviderError> for Failure {
    /// Names what was tried, what came back, the request, and the next step.
    fn from(error: &ProviderError) -> Self {
        if let Some(tried) = credential_error(error) {
            return Self::credentials(error, tried);
        }
        let mut message = format!("cannot {} {}: {}", error.operation, error.subject, error.message);
        let facts: Vec<String> = error
            .status
            .map(|status| format!("HTTP {status}"))
            .into_iter()
            .chain(error.code.clone())
            .chain(error.request_id.as_ref().map(|id| format!("request id {id}")))
            .collect();
        if !facts.is_empty() {
            message = format!("{message} ({})", facts.join(", "));
        }
        let mut failure = Self::error(message);
        failure.help.clone_from(&error.help);
        match std::error::Error::source(error) {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}

impl Failure {
    /// No credential gave a token: a line for each, with what is to be done about it.
    fn credentials(error: &ProviderError, tried: &CredentialError) -> Self {
        let mut message = format!("cannot {} {}: no credential gave a token", error.operation, error.subject);
        for attempt in tried.attempts() {
            message.push_str(&format!("\n  {}: {}", attempt.credential, attempt.reason()));
            if let Some(next) = attempt.next().filter(|next| error.help.as_ref() != Some(next)) {
                message.push_str(&format!("; {next}"));
            }
        }
        Self { help: error.help.clone(), ..Self::error(message) }
    }
}

/// What was tried, when no credential gave a token. A token of another tenant is told in one sentence instead.
pub(crate) fn credential_error(error: &ProviderError) -> Option<&CredentialError> {
    let mut next = std::error::Error::source(error).filter(|_| error.kind != ErrorKind::WrongTenant);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<CredentialError>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let failure = Self::error(error.to_string());
        match std::error::Error::source(&error) {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}
