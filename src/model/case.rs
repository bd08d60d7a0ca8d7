//! Cases: events, and what a rule must make of them.
//!
//! A case stands under `tests:` of its rule or in `tests/<rule-id>.yaml`. Here are its parts as written, with places; what
//! type a cell has is decided by the schema of the environment that it is played in (`verify`).

use jiff::Timestamp;

use crate::address::RuleId;
use crate::source::Spanned;
use crate::yaml::{Key, Node};

/// Every case of one rule, those of the rule file first.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The rule.
    pub rule: RuleId,
    /// In the order of writing.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique for its rule.
    pub name: Spanned<String>,
    /// What it shows.
    pub description: Option<Spanned<String>>,
    /// What the rule must do.
    pub expect: Expect,
    /// An attack that no allowlist entry of any environment may silence.
    pub must_alert: bool,
    /// The allowlist entry that silences it: it must alert wherever that entry does not hold.
    pub silenced_by: Option<Spanned<String>>,
    /// Environments that it is played in; empty: all that have the rule.
    pub environments: Vec<Spanned<String>>,
    /// The time of `now()`.
    pub clock: Option<Spanned<Timestamp>>,
    /// Events by table.
    pub events: Vec<Feed>,
    /// Values for columns that a row does not name, by table.
    pub defaults: Vec<(Spanned<String>, Row)>,
    /// Watchlists by alias.
    pub watchlists: Vec<Feed>,
    /// What `invoke FileProfile()` knows; one feed at most, its name is not used.
    pub file_profiles: Option<Feed>,
    /// What `externaldata` reads, by address.
    pub external_data: Vec<Feed>,
}

/// What a rule must do in a case.
#[derive(Debug, Clone)]
pub enum Expect {
    /// Raise no alert.
    Silent,
    /// Raise an alert.
    Alert(Alert),
}

impl Expect {
    /// The word that files and reports use.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Alert(_) => "alert",
        }
    }
}

/// What is known of the rows that raise the alert.
#[derive(Debug, Clone, Default)]
pub struct Alert {
    /// How many rows.
    pub count: Option<Spanned<u32>>,
    /// Columns with the value that they have in every row.
    pub columns: Vec<(Key, Node)>,
    /// Rows of which each must be there, compared in the columns that they name.
    pub rows: Vec<Row>,
    /// Entities that every row must identify.
    pub entities: Vec<EntityCheck>,
}

/// An entity that an alert must carry.
#[derive(Debug, Clone)]
pub struct EntityCheck {
    /// Its kind in Sentinel's words, for example `Host`; Defender's `hosts` is the same.
    pub kind: Spanned<String>,
    /// One of these must be an identifier; empty: any will do.
    pub values: Vec<Spanned<String>>,
}

/// Rows under a name.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Table, alias of a watchlist, or address.
    pub name: Spanned<String>,
    /// Written in place, then read from [`Self::files`].
    pub rows: Vec<Row>,
    /// Files of events below `tests/`; read by `load`.
    pub files: Vec<Spanned<String>>,
}

/// One event: columns and values.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As written.
    pub cells: Vec<(Key, Node)>,
    /// All values are text, whatever their column's type: the row comes from CSV.
    pub text_only: bool,
}
