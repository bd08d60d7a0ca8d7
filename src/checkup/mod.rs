//! Whether an environment could be applied, as values: what `palisade doctor` finds.
//!
//! The facts come from `provider::probe` and from lists of rules; `judge` says what each of them means and what to do about
//! it, `federation` which subject a federated credential must name. Nothing here asks anybody, prints or decides how
//! a command ends. A [`Check`] is one line of the report.

mod federation;
mod judge;

pub use federation::{Claim, Federation, Repository};
pub use judge::{
    clock, credentials, detections, limits, network, onboarding, permissions, repositories, skipped, tenant,
    trouble, version,
};

/// How a check ended, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// Not looked at, because something before it failed.
    Skip,
    /// Works, but somebody should know.
    Warn,
    /// An apply would fail, or do harm.
    Fail,
}

impl Status {
    /// The word in both reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What kind of check; stable, for programs: `network`, `clock`, `token`, ….
    pub name: &'static str,
    /// Of what: a host, a target; empty where there is only one.
    pub subject: String,
    /// How it ended.
    pub status: Status,
    /// What was measured, one line.
    pub found: String,
    /// More of it, a line each.
    pub details: Vec<String>,
    /// What to do.
    pub next: Option<String>,
}

impl Check {
    fn new(name: &'static str, subject: impl Into<String>, status: Status, found: impl Into<String>) -> Self {
        Self { name, subject: subject.into(), status, found: found.into(), details: Vec::new(), next: None }
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }
}

/// Everything that was found about one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub environment: String,
    /// Its tenant.
    pub tenant_id: String,
    /// In the order in which one depends on the other.
    pub checks: Vec<Check>,
    /// What a federated credential must name.
    pub federation: Federation,
}

impl Report {
    /// The worst of its checks.
    #[must_use]
    pub fn worst(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok)
    }
}
