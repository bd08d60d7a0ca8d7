//! What binding a query gives, and the columns in scope at any place of it.

use std::sync::Arc;

use super::symbols::{ColId, Column, TableId};
use super::{Binder, Diagnostic, Severity};
use crate::kql::schema::{Name, Schema};
use crate::kql::span::Span;
use crate::kql::types::{ScalarType, Ty};

/// A column that a query returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Its type; unknown when it was only inferred.
    pub ty: ScalarType,
}

/// The columns of a place, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSchema {
    /// The known columns.
    pub columns: Vec<OutputColumn>,
    /// There may be more columns.
    pub open: bool,
}

impl RowSchema {
    /// The type of a column; `None` if it is not among the known ones.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<ScalarType> {
        self.columns.iter().find(|c| c.name == name).map(|c| c.ty)
    }
}

/// A `let NAME = LITERAL;` at the top of a query: a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetLiteral {
    /// The name.
    pub name: String,
    /// The type of the literal.
    pub ty: ScalarType,
    /// Where the literal stands.
    pub span: Span,
}

/// A place where a column is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnUse {
    name: Name,
    /// Where it stands.
    pub span: Span,
}

/// What a query means.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The columns it returns; empty if it returns no table.
    pub columns: Vec<OutputColumn>,
    /// It may return more columns than these.
    pub open: bool,
    /// It returns a table.
    pub tabular: bool,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Tables of the schema it names, in the order of their first mention.
    pub tables: Vec<String>,
    /// Functions it calls, built in or not, in the order of their first mention.
    pub functions: Vec<String>,
    /// Its top-level `let` literals.
    pub parameters: Vec<LetLiteral>,
    /// Columns used, in the order in which they were bound.
    pub column_uses: Vec<ColumnUse>,
    steps: Vec<Step>,
    arena: Vec<Column>,
    own_names: Vec<(Name, Box<str>)>,
}

/// After this much of a pipeline, these columns are in scope.
#[derive(Clone, Debug)]
struct Step {
    region: Span,
    from: u32,
    columns: Arc<[ColId]>,
    open: bool,
}

/// Facts gathered on the way.
#[derive(Debug, Default)]
pub(super) struct Facts {
    tables: Vec<String>,
    functions: Vec<String>,
    pub(super) parameters: Vec<LetLiteral>,
    column_uses: Vec<ColumnUse>,
    steps: Vec<Step>,
}

impl Facts {
    pub(super) fn table(&mut self, quiet: u32, name: &str) {
        if quiet == 0 && !self.tables.iter().any(|known| known == name) {
            self.tables.push(name.to_owned());
        }
    }

    pub(super) fn function(&mut self, quiet: u32, name: &str) {
        if quiet == 0 && !self.functions.iter().any(|known| known == name) {
            self.functions.push(name.to_owned());
        }
    }

    pub(super) fn column(&mut self, quiet: u32, name: Name, span: Span) {
        if quiet == 0 {
            self.column_uses.push(ColumnUse { name, span });
        }
    }

    /// How many uses of columns are known so far.
    pub(super) fn column_count(&self) -> usize {
        self.column_uses.len()
    }

    /// The columns used after that many.
    pub(super) fn columns_since(&self, count: usize) -> impl Iterator<Item = Name> {
        self.column_uses.iter().skip(count).map(|used| used.name)
    }
}

impl Binder<'_> {
    /// Remembers that from `from` to the end of the present region the columns of `table` are in scope.
    pub(super) fn remember_rows(&mut self, from: u32, table: TableId) {
        if self.quiet == 0 {
            let step = Step {
                region: self.cx.region,
                from,
                columns: self.all_columns(table),
                open: self.is_open(table),
            };
            self.facts.steps.push(step);
        }
    }
}

impl Bound {
    pub(super) fn new(binder: Binder<'_>, result: Ty) -> Bound {
        let (columns, open, tabular) = match result {
            Ty::Table(id) => {
                let columns = binder.table_columns(id);
                let columns = columns.iter().map(|&c| OutputColumn {
                    name: binder.names.text(binder.column(c).name).to_owned(),
                    ty: binder.output_type(c),
                });
                (columns.collect(), binder.is_open(TableId(id)), true)
            }
            Ty::Group(_) => (Vec::new(), true, true),
            _ => (Vec::new(), false, false),
        };
        let own_names = binder.names.own_names();
        let Binder { columns: arena, diagnostics, facts, .. } = binder;
        Bound {
            columns,
            open,
            tabular,
            diagnostics,
            tables: facts.tables,
            functions: facts.functions,
            parameters: facts.parameters,
            column_uses: facts.column_uses,
            steps: facts.steps,
            arena,
            own_names,
        }
    }

    /// True if nothing is worse than a warning.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// The columns in scope at a byte offset: those after the last operator that ends before it, in the innermost
    /// pipeline around it. `None` outside of every pipeline, and before the end of a pipeline's source.
    ///
    /// `schema` is the one the query was bound to.
    #[must_use]
    pub fn row_schema_at(&self, schema: &Schema, offset: u32) -> Option<RowSchema> {
        let inside = self.steps.iter().filter(|step| step.region.touches(offset) && step.from <= offset);
        let step = inside.max_by_key(|step| (step.region.start, step.from))?;
        let columns = step.columns.iter().filter_map(|c| self.arena.get(c.0 as usize));
        let columns = columns.map(|column| OutputColumn {
            name: self.text(schema, column.name).to_owned(),
            ty: column.ty.scalar(),
        });
        Some(RowSchema { columns: columns.collect(), open: step.open })
    }

    /// The name of a used column.
    #[must_use]
    pub fn used_name<'s>(&'s self, schema: &'s Schema, column: &ColumnUse) -> &'s str {
        self.text(schema, column.name)
    }

    fn text<'s>(&'s self, schema: &'s Schema, name: Name) -> &'s str {
        match self.own_names.binary_search_by_key(&name, |(known, _)| *known) {
            Ok(index) => self.own_names.get(index).map_or("", |(_, text)| text),
            Err(_) => schema.name_text(name),
        }
    }
}
