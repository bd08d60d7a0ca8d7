//! The evaluator: runs a query over small tables in memory, offline.
//!
//! What it is for: testing detections on events. What it does not know it refuses with [`Fault::NotEvaluated`] and the
//! name of the thing; it never gives a wrong answer in its place. It reads no files and no clock: everything comes in
//! through [`World`], and a query with the same world gives the same rows, in the same order.
//!
//! A pipeline is evaluated operator by operator. Once an operator's input is there, its columns are known for certain,
//! and its expressions are compiled against them and run over the rows; so a query is never understood twice, and a
//! plugin whose columns depend on the data is nothing special.
//!
//! Where to start reading: [`Evaluator`] at the end of this file; `value` for what a cell may be; `functions` and
//! `aggregate` for the library, which is a table of plain functions.

mod aggregate;
mod arithmetic;
mod call;
#[cfg(test)]
mod cases;
mod compare;
mod compile;
pub(crate) mod convert;
mod frame;
mod functions;
pub(crate) mod json;
mod ops;
mod patterns;
mod project;
mod run;
mod scalar;
mod scope;
mod sources;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod time;
mod value;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::parser::Parse;
use super::schema::Schema;
use super::span::Span;
use super::types::ScalarType;

pub use value::{Dynamic, Value};

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As a query names it; names are case-sensitive.
    pub name: Arc<str>,
    /// What its cells hold. A cell of another type than its column's is read as null.
    pub ty: ScalarType,
}

/// Rows and their columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// In order; names are unique.
    pub columns: Vec<Column>,
    /// Each with one value for each column.
    pub rows: Vec<Vec<Value>>,
}

/// The column of a table in [`World::tables`] that `ingestion_time()` reads. A table without it has its events' own time as the
/// time of their arrival.
pub const INGESTION_TIME: &str = "_IngestionTime";

/// Everything a query can read besides its own text. Values only.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// Which tables and functions there are. A table that is not in [`Self::tables`] is empty and has the columns that
    /// the schema gives it; stored functions with a body are evaluated like functions of the query.
    pub schema: &'a Schema,
    /// Events by table. The columns of a table here are those that the query sees: columns that the schema has and the
    /// table lacks are added, empty.
    pub tables: &'a BTreeMap<String, Table>,
    /// What `_GetWatchlist('alias')` reads, by alias.
    pub watchlists: &'a BTreeMap<String, Table>,
    /// What `externaldata` reads, by the URI as written in the query.
    pub external: &'a BTreeMap<String, Table>,
    /// What `invoke FileProfile()` finds, in columns `SHA1`, `SHA256`, `MD5` and those that the function adds. A file
    /// without a row here is one that the service does not know.
    pub file_profiles: &'a Table,
    /// The time of `now()`, in ticks of 100 ns since 0001-01-01.
    pub now: i64,
}

/// How much work a query may do before it is stopped. There is no clock here: time limits are the caller's, and the same query
/// on the same data stops at the same place on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Rows of one table.
    pub rows: u64,
    /// Calls of functions, rows touched and pieces of long texts looked at, all together.
    pub steps: u64,
    /// Memory for cells and values that the query makes, all together: what it no longer needs counts as well.
    pub bytes: u64,
}

impl Default for Budget {
    /// Enough for ten thousand events joined with as many; a runaway query ends within seconds, and within this memory.
    fn default() -> Self {
        Self { rows: 1_000_000, steps: 50_000_000, bytes: 1 << 30 }
    }
}

/// What a query returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The rows of the last tabular statement.
    pub table: Table,
    /// How the conditions of the query's `where` operators were exercised, in the order of their spans.
    pub coverage: Vec<Exercised>,
}

/// How often one condition of a `where`, that is one operand of its `and`s, was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exercised {
    /// The condition.
    pub span: Span,
    /// Rows for which it was true.
    pub yes: u64,
    /// Rows for which it was false or null. Rows that an earlier condition had dropped are not counted.
    pub no: u64,
}

/// Why a query gave no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The evaluator does not know this part of the language, or has no data to answer it.
    #[error("not evaluated: {what}")]
    NotEvaluated {
        /// A function, an operator, or what was said about it.
        what: String,
        /// Where it is written.
        span: Span,
    },
    /// The query did more work than it may.
    #[error("the query was stopped: more than {limit} {what}")]
    Budget {
        /// What there was too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// What was being evaluated.
        span: Span,
    },
    /// The query is wrong, and would fail in the service as well.
    #[error("{message}")]
    Failed {
        /// What is wrong.
        message: String,
        /// Where.
        span: Span,
    },
}

impl Fault {
    /// Where in the query's text. Inside a stored function: where the query calls it.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Fault::NotEvaluated { span, .. } | Fault::Budget { span, .. } | Fault::Failed { span, .. } => {
                *span
            }
        }
    }
}

/// Runs queries, and remembers what they have in common: compiled regular expressions. Nothing that it remembers shows in
/// an answer.
#[derive(Debug, Default)]
pub struct Evaluator {
    patterns: Rc<patterns::Patterns>,
}

impl Evaluator {
    /// Runs a query.
    ///
    /// `text` is the text that `parse` was made from.
    ///
    /// # Errors
    /// See [`Fault`]. A text with syntax errors is a [`Fault::Failed`].
    pub fn evaluate(
        &self,
        parse: &Parse,
        text: &str,
        world: &World<'_>,
        budget: Budget,
    ) -> Result<Evaluated, Fault> {
        if let Some(error) = parse.errors.first() {
            return Err(Fault::Failed { message: error.message.clone(), span: error.span });
        }
        let context = call::Context::new(world.now, budget, Rc::clone(&self.patterns));
        let run = run::Run::new(*world, context);
        let table = run.query(&parse.query, text)?.into_table();
        Ok(Evaluated { table, coverage: run.exercised() })
    }
}

/// Runs one query: see [`Evaluator::evaluate`].
///
/// # Errors
/// See [`Fault`].
pub fn evaluate(parse: &Parse, text: &str, world: &World<'_>, budget: Budget) -> Result<Evaluated, Fault> {
    Evaluator::default().evaluate(parse, text, world, budget)
}
