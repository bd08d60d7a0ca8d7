//! `palisade.yaml`: what holds for the whole repository.

use crate::model::rule::Strength;
use crate::source::Spanned;

/// The project file. Everything has a default except `owner`.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// Who owns the repository; environments' owner ids usually start with it.
    pub owner: Option<Spanned<String>>,
    /// Allowlist policy.
    pub allowlist: AllowlistPolicy,
    /// Lint policy.
    pub lint: LintPolicy,
}

/// What every allowlist entry must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowlistPolicy {
    /// The furthest an expiry may lie ahead, in days.
    pub max_ttl_days: u32,
    /// From how many days before its expiry an entry is reported.
    pub warn_days: u32,
    /// The least strength of any entry of any rule.
    pub require: Strength,
    /// Whether every entry needs a ticket.
    pub require_ticket: bool,
}

impl Default for AllowlistPolicy {
    fn default() -> Self {
        Self { max_ttl_days: 365, warn_days: 14, require: Strength::Weak, require_ticket: false }
    }
}

/// Lint policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LintPolicy {
    /// Lints switched off for the whole repository, by code.
    pub allow: Vec<Spanned<String>>,
    /// Warnings are errors.
    pub strict: bool,
}
