//! What a compiled query means to the service that would run it: parsed, bound to the environment's schema, and kept.
//!
//! [`Analyses`] is the memory of one run. Fifty environments that compile a rule to the same text cost one analysis, and so
//! do three workspaces of one environment. What is kept is small: what the checks ask for, not the tree. It also keeps whole
//! compiled rules that serve several environments (`alike`).
//!
//! Where to start: [`Analyses::of`], then `report` (what the analysis found wrong, shown in the author's files). The checks
//! that use it are in `check`. Never here: deciding whether a rule fits a service.

mod codes;
mod lost;
mod report;
mod schema;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kql::bind::{self, RowSchema, bind};
use crate::kql::parse;
use crate::kql::parser::SyntaxError;
use crate::kql::schema::{Knowledge, Platform, Schema};
use crate::model::Repository;
use crate::model::environment::Environment;
use crate::model::schema::SchemaFile;

use super::alike::{self, Alike};
use super::outline::Outline;
use super::query::Compiled;

pub use codes::CODES;
pub(crate) use lost::Dropped;
pub(crate) use report::{report, syntax_error};
pub(crate) use schema::platform_of;

/// What is known of the queries of one repository. Make one for each run.
#[derive(Debug, Default)]
pub struct Analyses {
    outlines: Mutex<HashMap<String, Arc<Outline>>>,
    schemas: Mutex<Vec<Arc<Known>>>,
    results: Mutex<HashMap<Key, Arc<Analysis>>>,
    alike: Mutex<HashMap<alike::Key, Arc<Alike>>>,
}

/// A schema that queries of some environments are bound to.
#[derive(Debug)]
pub(crate) struct Known {
    id: usize,
    sources: Vec<Arc<SchemaFile>>,
    pub(crate) schema: Schema,
}

impl Known {
    /// A number that no other schema of the run has.
    pub(super) const fn id(&self) -> usize {
        self.id
    }
}

/// Equal keys have equal results.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    schema: usize,
    text: String,
    slots: Vec<u32>,
}

/// What a query means.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// Mistakes of the language; with any, nothing else here means much.
    pub(crate) syntax: Vec<SyntaxError>,
    /// Unknown names, wrong types and the like.
    pub(crate) semantic: Vec<bind::Diagnostic>,
    /// What the query returns; `None` when that is no table.
    pub(crate) output: Option<RowSchema>,
    /// Tables that it names, in the order of mention.
    pub(crate) tables: Vec<String>,
    /// Functions that it calls, in the order of mention.
    pub(crate) functions: Vec<String>,
    /// Where the result lost columns that Defender needs.
    pub(crate) dropped: Vec<Dropped>,
    /// The columns in scope at each place that was asked about, with that place.
    pub(crate) slots: Vec<(u32, Option<RowSchema>)>,
}

impl Analysis {
    /// The columns at a slot; `None` when nothing is known of them.
    pub(crate) fn slot(&self, at: u32) -> Option<&RowSchema> {
        self.slots.iter().find(|(place, _)| *place == at).and_then(|(_, row)| row.as_ref())
    }

    /// What the query returns, as far as that can be relied upon.
    pub(crate) fn result(&self) -> Option<&RowSchema> {
        self.output.as_ref().filter(|_| self.syntax.is_empty())
    }
}

impl Analyses {
    /// The outline of a query text that ends with a line break.
    pub(crate) fn outline(&self, text: &str) -> Arc<Outline> {
        let mut outlines = held(&self.outlines);
        if let Some(known) = outlines.get(text) {
            return Arc::clone(known);
        }
        let outline = Arc::new(Outline::of(text));
        outlines.insert(text.to_owned(), Arc::clone(&outline));
        outline
    }

    /// The names of a query's slots, those that stand in a wrong place included.
    pub(crate) fn slots(&self, text: &str) -> Vec<String> {
        let outline = self.outline(&format!("{}\n", text.trim_end()));
        outline.slots.iter().map(|slot| slot.name.clone()).collect()
    }

    /// What the queries of an environment are bound to on a platform.
    ///
    /// Its own files come on top of the built-in tables. Unless they declare themselves complete, an unknown table is
    /// only a warning: a workspace may always have tables and functions of its own.
    pub(crate) fn schema(
        &self,
        repository: &Repository,
        environment: &Environment,
        platform: Platform,
    ) -> Arc<Known> {
        let sources: Vec<Arc<SchemaFile>> = repository
            .schemas
            .iter()
            .filter(|file| file.environment == environment.name && file.is_for(platform))
            .map(Arc::clone)
            .collect();
        let mut schemas = held(&self.schemas);
        let known = schemas.iter().find(|known| {
            known.schema.platform() == platform
                && known.sources.len() == sources.len()
                && known.sources.iter().zip(&sources).all(|(a, b)| Arc::ptr_eq(a, b) || a.source == b.source)
        });
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let complete = schema::is_complete(platform, &sources);
        let mut built = Schema::built_in(platform);
        for file in &sources {
            built = built.with(file.source.clone());
        }
        let knowledge = if complete { Knowledge::Complete } else { Knowledge::Partial };
        let known = Arc::new(Known { id: schemas.len(), sources, schema: built.with_knowledge(knowledge) });
        schemas.push(Arc::clone(&known));
        known
    }

    /// What another environment compiled a rule to.
    pub(super) fn alike(&self, key: alike::Key) -> Option<Arc<Alike>> {
        held(&self.alike).get(&key).map(Arc::clone)
    }

    /// Keeps what a rule compiled to for other environments.
    pub(super) fn keep(&self, key: alike::Key, alike: Alike) {
        held(&self.alike).insert(key, Arc::new(alike));
    }

    /// What a compiled query means under a schema.
    pub(crate) fn of(&self, compiled: &Compiled<'_>, known: &Known) -> Arc<Analysis> {
        let mut slots: Vec<u32> = compiled.predicates.iter().map(|placed| placed.slot_at).collect();
        slots.dedup();
        let key = Key { schema: known.id, text: compiled.text.clone(), slots };
        if let Some(result) = held(&self.results).get(&key) {
            return Arc::clone(result);
        }
        let result = Arc::new(analyse(&key.text, &key.slots, &known.schema));
        held(&self.results).insert(key, Arc::clone(&result));
        result
    }
}

fn analyse(text: &str, slots: &[u32], schema: &Schema) -> Analysis {
    let parsed = parse(text);
    let bound = bind(&parsed, text, schema);
    let slots = slots.iter().map(|&at| (at, bound.row_schema_at(schema, at))).collect();
    let dropped = lost::dropped(&parsed, &bound, schema);
    Analysis {
        syntax: parsed.errors,
        dropped,
        output: bound.tabular.then_some(RowSchema { columns: bound.columns, open: bound.open }),
        semantic: bound.diagnostics,
        tables: bound.tables,
        functions: bound.functions,
        slots,
    }
}

/// What is kept is never half written, so a panic elsewhere does not spoil it.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
