//! Semantic analysis: what every name of a query means, the types of its expressions, and the columns it returns.
//!
//! [`bind`] walks the tree once. A query's result columns flow through its operators; what the binder does not model
//! becomes an unknown type or an *open* table — one that may have more columns — and never an error: a false alarm on a
//! good rule is the worst fault of a linter. Verdicts and output columns are measured against Microsoft's own
//! Kusto.Language (`docs/kql-agreement.md`), whose rules are followed even where the documentation is silent.
//!
//! Where to start reading: `pipeline` (operators), then `expr` (expressions), `call` (functions), `projection` (how
//! columns get their names). `symbols` holds what names stand for, `report` the diagnostics and their codes.
//!
//! Never here: rules, providers, files, output. Budgets bound bad input: see [`MAX_EXPANSIONS`].

mod aggregates;
mod arena;
mod branches;
mod call;
mod check;
mod expand;
mod expr;
mod graph;
mod groups;
mod join;
mod matching;
mod names;
mod naming;
mod operators;
mod params;
mod pipeline;
mod plugins;
mod projection;
mod report;
mod results;
mod rows;
mod rules;
mod search;
mod statements;
mod suggest;
mod symbols;
mod unify;
mod user;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use names::matches as matches_wildcard;
pub use report::{CODES, Diagnostic, Severity, code_title};
pub(crate) use results::series_columns;
pub use rows::{Bound, ColumnUse, LetLiteral, OutputColumn, RowSchema};

use crate::kql::builtins::{Builtins, builtins};
use crate::kql::parser::Parse;
use crate::kql::schema::{FastMap, FastSet, Name, Names, Schema};
use crate::kql::span::Span;
use crate::kql::types::Ty;
use symbols::{Binding, ColId, Column, Graph, Group, Info, Table, TableId, Tuple, Variable};

/// How often function bodies may be bound again for their calls. A query that needs more is hostile or generated;
/// from there on calls have open results.
const MAX_EXPANSIONS: u32 = 2_000;
/// How deep function bodies may call each other.
const MAX_CALL_DEPTH: u32 = 24;
/// Columns made while one query is bound; from there on tables are open and have none.
const MAX_COLUMNS: usize = 1_000_000;
/// Columns of one table; the union of all built-in tables has some 13,000.
const MAX_TABLE_COLUMNS: usize = 30_000;
/// Diagnostics kept of one query.
const MAX_DIAGNOSTICS: usize = 200;

/// Binds a parsed query to a schema.
///
/// `text` is the text that `parse` was made from. Syntax errors are in `parse`; the result holds only what this module
/// found. Takes time linear in the query, apart from the calls of its own functions, which are bounded.
#[must_use]
pub fn bind(parse: &Parse, text: &str, schema: &Schema) -> Bound {
    let mut binder = Binder::new(text, schema);
    let result = binder.query(&parse.query);
    binder.finish(result)
}

/// Which names mean what in the place being bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Normal,
    /// Aggregates are known; columns only inside their arguments.
    Aggregate,
    /// The call after `evaluate`.
    Plugin,
}

/// What a `*` in a name matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wildcards {
    Refused,
    Columns,
    Tables,
}

/// The surroundings of the expression being bound. Saved and restored as a whole.
#[derive(Clone, Copy, Debug)]
struct Context {
    /// The columns a bare name may mean.
    row: Option<TableId>,
    /// The right side of a join, in its condition.
    right: Option<TableId>,
    /// The type of what stands before the dot.
    path: Option<Ty>,
    scope: Scope,
    /// Unknown tables are left out when the query runs: `union isfuzzy=true`.
    fuzzy: bool,
    wildcards: Wildcards,
    /// The input of `invoke` and where it is written.
    implicit: Option<(Ty, Span)>,
    /// The graph whose pattern's `where` or `project` is being bound.
    graph: Option<u32>,
    /// The graph that a `partitioned-by` query reads.
    partitioned: Option<Ty>,
    /// Inside `dynamic(...)`.
    in_dynamic: bool,
    /// What is written before the operator being bound.
    input: Span,
    /// The first operator of a pipeline has an input although none is written.
    piped: bool,
    /// Where a pipeline that is bound next stands: its rows are in scope up to the end of this.
    region: Span,
}

/// One walk over one query.
struct Binder<'a> {
    schema: &'a Schema,
    builtins: &'static Builtins,
    /// The text of the tree being bound: the query's, or a stored function's.
    text: &'a str,
    names: Names<'a>,
    columns: Vec<Column>,
    tables: Vec<Table>,
    tuples: Vec<Tuple>,
    groups: Vec<Group>,
    graphs: Vec<Graph>,
    variables: Vec<Variable<'a>>,
    users: Vec<user::User<'a>>,
    patterns: u32,
    arrays: Vec<Ty>,
    bags: Vec<Vec<(Name, Ty)>>,
    /// Tables of the schema that the query has named.
    listed: FastMap<Name, TableId>,
    /// Stored functions that the query has named.
    stored: FastMap<Name, u32>,
    bindings: Vec<Binding>,
    scope_head: Option<u32>,
    block: u32,
    blocks: u32,
    /// Number of the next unnamed column: `Column1`.
    next_column: u32,
    cx: Context,
    /// Columns after `by` of the `summarize` being bound.
    group_by: Vec<ColId>,
    /// Whether what stands before the dot of that path is dynamic: decides its name. Keyed by the node's address.
    dynamic_paths: FastMap<usize, bool>,
    /// What was suggested for an unknown name before a table of so many columns: the same mistake is often repeated.
    suggested: FastMap<(Name, Option<usize>), Option<String>>,
    /// Above zero while bodies are bound again: nothing is reported or recorded.
    quiet: u32,
    expansions: u32,
    depth: u32,
    /// A call looked a table up by name: its function's result depends on the call.
    looked_up: bool,
    diagnostics: Vec<Diagnostic>,
    facts: rows::Facts,
}

impl<'a> Binder<'a> {
    fn new(text: &'a str, schema: &'a Schema) -> Self {
        let builtins = builtins();
        let mut names = Names::new(schema);
        let bags = builtins
            .bags
            .iter()
            .map(|members| members.iter().map(|(name, ty)| (names.intern(name), *ty)).collect())
            .collect();
        Binder {
            schema,
            builtins,
            text,
            names,
            columns: Vec::with_capacity(256),
            tables: Vec::with_capacity(32),
            tuples: Vec::new(),
            groups: Vec::new(),
            graphs: Vec::new(),
            variables: Vec::new(),
            users: Vec::new(),
            patterns: 0,
            arrays: Self::known_arrays(),
            bags,
            listed: FastMap::default(),
            stored: FastMap::default(),
            bindings: Vec::new(),
            scope_head: None,
            block: 0,
            blocks: 0,
            next_column: 1,
            cx: Context::top(Span::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX))),
            group_by: Vec::new(),
            dynamic_paths: FastMap::default(),
            suggested: FastMap::default(),
            quiet: 0,
            expansions: 0,
            depth: 0,
            looked_up: false,
            diagnostics: Vec::new(),
            facts: rows::Facts::default(),
        }
    }

    fn finish(mut self, result: Info<'a>) -> Bound {
        self.diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
        rows::Bound::new(self, result.ty)
    }

    /// Runs `body` in the present surroundings and puts them back afterwards.
    fn scoped<T>(&mut self, body: impl FnOnce(&mut Self) -> T) -> T {
        let saved = self.cx;
        let result = body(self);
        self.cx = saved;
        result
    }

    /// Runs `body` without reporting or recording anything.
    fn quietly<T>(&mut self, body: impl FnOnce(&mut Self) -> T) -> T {
        self.quiet += 1;
        let result = body(self);
        self.quiet -= 1;
        result
    }
}

impl Context {
    fn top(region: Span) -> Context {
        Context {
            row: None,
            right: None,
            path: None,
            scope: Scope::Normal,
            fuzzy: false,
            wildcards: Wildcards::Refused,
            implicit: None,
            graph: None,
            partitioned: None,
            in_dynamic: false,
            input: Span::at(region.start),
            piped: false,
            region,
        }
    }
}
