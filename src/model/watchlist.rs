//! A watchlist of Sentinel that the repository holds: values that allowlist entries refer to when they are too many for a query.

use crate::address::RuleId;
use crate::model::allowlist::Scope;
use crate::source::{Span, Spanned};

/// One file below a `watchlists/` folder.
#[derive(Debug, Clone)]
pub struct Watchlist {
    /// What queries call it: the file's stem.
    pub alias: Spanned<RuleId>,
    /// `_shared/` and the alias when it is shared; the alias otherwise.
    pub reference: String,
    /// Whose it is.
    pub scope: Scope,
    /// The name that the portal shows.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<Spanned<String>>,
    /// The column that tells items apart, and that queries find as `SearchKey`.
    pub search_key: Spanned<String>,
    /// Every column: the search key, then the others by name.
    pub columns: Vec<String>,
    /// The items, in the order of writing; at least one.
    pub items: Vec<Item>,
    /// The file's place.
    pub span: Span,
}

/// One item: a value for each column, empty where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// In the order of [`Watchlist::columns`]; the first is the search key's.
    pub values: Vec<String>,
    /// Its place.
    pub span: Span,
}
