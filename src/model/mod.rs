//! What people write, as plain validated values: project, rules, environments, allowlists.
//!
//! These types hold meaning, not YAML: a value here has already passed its own checks (an enum is one of its members,
//! a duration is a duration), and carries the span where it was written. They know nothing of files, networks or the
//! services' wire formats. Start with [`rule::Rule`]; `Repository` is everything together.

pub mod allowlist;
pub mod attack;
pub mod case;
pub mod defender;
pub mod environment;
pub mod project;
pub mod pulled;
pub mod rule;
pub mod schema;
pub mod sentinel;
pub mod vocabulary;
pub mod watchlist;

use std::sync::Arc;

use crate::source::SourceMap;

/// A whole detection repository, as loaded.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// The text of every file read.
    pub sources: SourceMap,
    /// `palisade.yaml`.
    pub project: project::Project,
    /// `rules/**`, ordered by id.
    pub rules: Vec<Arc<rule::Rule>>,
    /// `environments/*/environment.yaml`, ordered by name.
    pub environments: Vec<environment::Environment>,
    /// `environments/**/allowlists/**`, ordered by path.
    pub allowlists: Vec<Arc<allowlist::Allowlist>>,
    /// `environments/*/watchlists/*.yaml`, ordered by path.
    pub watchlists: Vec<Arc<watchlist::Watchlist>>,
    /// `environments/*/schema/*.json`, ordered by path.
    pub schemas: Vec<Arc<schema::SchemaFile>>,
    /// Cases of rules, ordered by rule.
    pub suites: Vec<Arc<case::Suite>>,
}
