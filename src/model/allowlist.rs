//! An allowlist: entries that silence known noise in one slot of some rules, each with reason, owner and expiry.

use crate::model::rule::Strength;
use crate::source::{Span, Spanned};
use jiff::civil::Date;

/// One file below an `allowlists/` folder.
#[derive(Debug, Clone)]
pub struct Allowlist {
    /// Path below its `allowlists/` folder without extension, for example `scanners`; with `_shared/` in front when shared.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// Rules that it applies to.
    pub rules: Vec<Spanned<RulePattern>>,
    /// The slot; default `main`.
    pub slot: Spanned<String>,
    /// Values appear only as counts and digests in outputs.
    pub sensitive: bool,
    /// The entries, in the order of writing.
    pub entries: Vec<Entry>,
    /// The file's place.
    pub span: Span,
}

/// Which environments see an allowlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The environment in whose folder it lies.
    Environment(String),
    /// Those that name it under `allowlists:`.
    Shared,
}

/// Which rules an allowlist applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulePattern {
    /// One rule by id, or several by a glob with `*` and `?`.
    Glob(String),
    /// `any`, spelled out.
    Any,
}

/// One entry: an event that matches every predicate is not alerted on.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique in the file.
    pub id: Spanned<String>,
    /// Why the noise is known and harmless.
    pub reason: Spanned<String>,
    /// Who answers for it.
    pub owner: Spanned<String>,
    /// Where it was decided.
    pub ticket: Option<Spanned<String>>,
    /// Since when.
    pub created: Option<Spanned<Date>>,
    /// The first day (UTC) on which it no longer holds.
    pub expires: Spanned<Date>,
    /// Once expired, it stops the environment (the default) instead of lapsing with a warning.
    pub required: bool,
    /// Accepts a strength below what is required, approved by a named person.
    pub exception: Option<StrengthException>,
    /// All must match.
    pub predicates: Vec<Predicate>,
    /// Its place.
    pub span: Span,
}

/// Consent to an entry that is weaker than required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrengthException {
    /// Who agreed.
    pub approver: Spanned<String>,
    /// Why.
    pub reason: Spanned<String>,
    /// Down to which strength; default weak.
    pub strength: Strength,
}

/// One condition on one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    /// The column of the query at the slot.
    pub column: Spanned<String>,
    /// The condition.
    pub test: Test,
    /// Strings are compared with case; default without.
    pub case_sensitive: bool,
    /// Its place.
    pub span: Span,
}

/// What a predicate asks of its column.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal to a value.
    Equals(Spanned<Value>),
    /// Equal to one of them.
    In(Vec<Spanned<Value>>),
    /// Starts with one of them.
    StartsWith(Vec<Spanned<String>>),
    /// Ends with one of them.
    EndsWith(Vec<Spanned<String>>),
    /// Contains one of them anywhere.
    Contains(Vec<Spanned<String>>),
    /// Contains one of them as whole terms.
    Has(Vec<Spanned<String>>),
    /// Matches an RE2 expression.
    Regex(Spanned<String>),
    /// Is an address inside one of the networks.
    Cidr(Vec<Spanned<String>>),
    /// Is in a column of a watchlist of the workspace (Sentinel only).
    Watchlist {
        /// The watchlist's alias.
        alias: Spanned<String>,
        /// Its column; `SearchKey` unless another is named.
        column: Spanned<String>,
    },
    /// Lies between both bounds, both included; at least one is there.
    Range {
        /// Least value.
        min: Option<Spanned<Value>>,
        /// Greatest value.
        max: Option<Spanned<Value>>,
    },
}

impl Test {
    /// The word that files use.
    #[must_use]
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::In(_) => "in",
            Self::StartsWith(_) => "starts_with",
            Self::EndsWith(_) => "ends_with",
            Self::Contains(_) => "contains",
            Self::Has(_) => "has",
            Self::Regex(_) => "regex",
            Self::Cidr(_) => "cidr",
            Self::Watchlist { .. } => "watchlist",
            Self::Range { .. } => "range",
        }
    }
}

/// A typed literal of an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    String(String),
    /// Whole number.
    Long(i64),
    /// Number with a fraction.
    Real(f64),
    /// Truth.
    Bool(bool),
    /// A point in time (UTC), already in ISO-8601.
    DateTime(String),
}
