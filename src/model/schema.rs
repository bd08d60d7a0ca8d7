//! What an environment says about its own tables, functions and watchlists.

use crate::kql::schema::{Platform, SchemaSource};
use crate::source::Span;

/// One `environments/<name>/schema/*.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaFile {
    /// The environment's name.
    pub environment: String,
    /// Sentinel's workspace or Defender; `None`: both.
    pub platform: Option<Platform>,
    /// Tables, functions, watchlists, and whether these are all.
    pub source: SchemaSource,
    /// The file's place.
    pub span: Span,
}

impl SchemaFile {
    /// Whether queries that run on `platform` see what the file describes. The unified platform sees both.
    #[must_use]
    pub fn is_for(&self, platform: Platform) -> bool {
        match self.platform {
            None => true,
            Some(own) => own == platform || platform == Platform::Unified,
        }
    }
}
