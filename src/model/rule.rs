//! A detection rule: what it is, its query, and where it is deployed.

use crate::address::RuleId;
use crate::model::defender::Defender;
use crate::model::sentinel::Sentinel;
use crate::source::{Span, Spanned};
use crate::yaml::{Node, Text};

/// One `rules/**/<id>.yaml`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Stable slug, equal to the file's stem.
    pub id: Spanned<RuleId>,
    /// Earlier slugs: the platform's id is computed from the first of them, so a rename keeps the deployed rule.
    pub previous_ids: Vec<Spanned<RuleId>>,
    /// Display name.
    pub name: Spanned<String>,
    /// Lifecycle.
    pub status: Spanned<Status>,
    /// Whether it is switched on; `None` leaves it to the environment's lifecycle table.
    pub enabled: Option<Spanned<bool>>,
    /// Severity of its alerts.
    pub severity: Spanned<Severity>,
    /// What it detects and why that matters.
    pub description: Option<Spanned<String>>,
    /// ATT&CK tactics with techniques, the main one first.
    pub attack: Vec<Attack>,
    /// Where to read more.
    pub references: Vec<Spanned<String>>,
    /// Known false positives.
    pub false_positives: Vec<Spanned<String>>,
    /// What it cannot see.
    pub blind_spots: Vec<Spanned<String>>,
    /// What to do when it fires.
    pub response: Option<Spanned<String>>,
    /// Who answers for it.
    pub owner: Option<Spanned<String>>,
    /// Words to select it by.
    pub tags: Vec<Spanned<String>>,
    /// Tables that it reads, as declared.
    pub data_sources: Vec<Spanned<String>>,
    /// Environments that take it; empty: all. What an environment selects narrows this further.
    pub environments: Vec<Spanned<String>>,
    /// Refuses deletion, even after the file is gone (kept in the live marker).
    pub protect: bool,
    /// The shared query; a platform section may have its own instead.
    pub query: Option<Query>,
    /// What allowlist entries may do, per slot.
    pub allowlist: Vec<SlotPolicy>,
    /// Present: deployed as a custom detection.
    pub defender: Option<Defender>,
    /// Present: deployed as an analytics rule.
    pub sentinel: Option<Sentinel>,
    /// Newest first.
    pub changelog: Vec<ChangelogEntry>,
    /// Lints that this rule silences, each with its reason.
    pub silence: Vec<Silence>,
    /// Cases; decoded into [`super::Repository::suites`], together with those of `tests/`.
    pub tests: Option<Node>,
}

/// Lifecycle of a rule; an environment maps each to enabled, disabled or absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Being written.
    Experimental,
    /// Being tuned.
    Test,
    /// In service.
    Production,
    /// On its way out.
    Deprecated,
}

impl Status {
    /// Every status with the word that files use.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("experimental", Self::Experimental),
        ("test", Self::Test),
        ("production", Self::Production),
        ("deprecated", Self::Deprecated),
    ];
}

/// Severity, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not an alert to act on.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl Severity {
    /// Every severity with the word that files and Graph use; Sentinel capitalises it.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("informational", Self::Informational),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
    ];
}

/// One ATT&CK tactic with the techniques under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// Tactic in the services' spelling, for example `LateralMovement`; see `attack::TACTICS`.
    pub tactic: Spanned<String>,
    /// `T1053` or `T1053.005`.
    pub techniques: Vec<Spanned<String>>,
}

/// A query and where its text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The KQL with its map back to the file.
    pub text: Text,
    /// The place of the whole.
    pub span: Span,
}

/// `allowlist.<slot>` of a rule: narrows what entries may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPolicy {
    /// The slot's name in the query.
    pub slot: Spanned<String>,
    /// Columns that entries may name; `None`: any.
    pub columns: Option<Vec<Spanned<String>>>,
    /// The least strength of an entry.
    pub require: Option<Spanned<Strength>>,
}

/// How hard it is for an attacker to walk through an entry (product.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// A file name, a user-writable path, a substring.
    Weak,
    /// A full path that only an administrator can write.
    Medium,
    /// A hash, a valid signer, a device or account id.
    Strong,
}

impl Strength {
    /// Every strength with the word that files use.
    pub const NAMES: [(&'static str, Self); 3] =
        [("weak", Self::Weak), ("medium", Self::Medium), ("strong", Self::Strong)];
}

/// One line of a rule's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogEntry {
    /// `major.minor`.
    pub version: Spanned<String>,
    /// The day.
    pub date: Spanned<jiff::civil::Date>,
    /// What changed.
    pub message: Spanned<String>,
}

/// A lint that is silenced, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The lint's code.
    pub lint: Spanned<String>,
    /// Why.
    pub reason: Spanned<String>,
}
