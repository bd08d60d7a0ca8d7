//! Access to the arenas. Ids are made here only, so that a look-up finds what it was made for; if it does not, an empty
//! thing answers instead of a panic.

use std::sync::{Arc, OnceLock};

use super::symbols::{ColId, Column, Graph, Group, Sym, Table, TableId, Tuple, Variable};
use super::{Binder, FastSet, MAX_COLUMNS, MAX_TABLE_COLUMNS};
use crate::kql::schema::{Name, PackedColumn};
use crate::kql::types::{BagId, ScalarType, Ty};

fn id(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX)
}

fn no_columns() -> Arc<[ColId]> {
    static EMPTY: OnceLock<Arc<[ColId]>> = OnceLock::new();
    Arc::clone(EMPTY.get_or_init(|| Arc::from(Vec::new())))
}

impl<'a> Binder<'a> {
    pub(super) fn new_column(&mut self, name: Name, ty: Ty) -> ColId {
        // A column that holds several values keeps the first one's type: such an expression was reported already.
        let ty = self.reduced(ty);
        self.columns.push(Column { name, ty });
        ColId(id(self.columns.len()))
    }

    pub(super) fn column_named(&mut self, name: &str, ty: Ty) -> ColId {
        let name = self.names.intern(name);
        self.new_column(name, ty)
    }

    pub(super) fn column(&self, column: ColId) -> Column {
        self.columns.get(column.0 as usize).copied().unwrap_or(Column { name: Name(0), ty: Ty::Unknown })
    }

    /// A table of these columns; an open one without any if they are too many to be honest.
    pub(super) fn new_table(&mut self, columns: impl Into<Arc<[ColId]>>, open: bool) -> TableId {
        let mut table = Table { columns: columns.into(), open, inferred: Vec::new() };
        if self.columns.len() > MAX_COLUMNS || table.columns.len() > MAX_TABLE_COLUMNS {
            table = Table { columns: no_columns(), open: true, inferred: Vec::new() };
        }
        self.tables.push(table);
        TableId(id(self.tables.len()))
    }

    pub(super) fn open_table(&mut self) -> TableId {
        self.new_table(no_columns(), true)
    }

    pub(super) fn table(&self, table: TableId) -> Option<&Table> {
        self.tables.get(table.0 as usize)
    }

    pub(super) fn is_open(&self, table: TableId) -> bool {
        self.table(table).is_some_and(|t| t.open)
    }

    /// The declared columns.
    pub(super) fn declared(&self, table: TableId) -> Arc<[ColId]> {
        self.table(table).map_or_else(no_columns, |t| Arc::clone(&t.columns))
    }

    pub(super) fn table_columns(&self, table: u32) -> Arc<[ColId]> {
        self.declared(TableId(table))
    }

    /// The declared columns and those the query expects of an open table.
    pub(super) fn all_columns(&self, table: TableId) -> Arc<[ColId]> {
        match self.table(table) {
            None => no_columns(),
            Some(t) if t.inferred.is_empty() => Arc::clone(&t.columns),
            Some(t) => t.columns.iter().chain(&t.inferred).copied().collect(),
        }
    }

    /// The columns of the input, if there is one.
    pub(super) fn row_columns(&self) -> Arc<[ColId]> {
        self.cx.row.map_or_else(no_columns, |row| self.all_columns(row))
    }

    pub(super) fn row_is_open(&self) -> bool {
        self.cx.row.is_some_and(|row| self.is_open(row))
    }

    pub(super) fn find_column(&self, table: TableId, name: Name) -> Option<ColId> {
        let table = self.table(table)?;
        table.columns.iter().copied().find(|&c| self.column(c).name == name)
    }

    /// The column of that name, inferred if the table is open.
    pub(super) fn find_or_infer(&mut self, table: TableId, name: Name) -> Option<ColId> {
        if let Some(column) = self.find_column(table, name) {
            return Some(column);
        }
        if !self.is_open(table) {
            return None;
        }
        let inferred = self.table(table)?.inferred.iter().copied().find(|&c| self.column(c).name == name);
        if inferred.is_some() {
            return inferred;
        }
        let column = self.new_column(name, Ty::Unknown);
        self.tables.get_mut(table.0 as usize)?.inferred.push(column);
        Some(column)
    }

    pub(super) fn new_tuple(&mut self, columns: impl Into<Arc<[ColId]>>, row_of: Option<TableId>) -> Ty {
        self.tuples.push(Tuple { columns: columns.into(), row_of });
        Ty::Tuple(id(self.tuples.len()))
    }

    pub(super) fn tuple(&self, tuple: u32) -> &Tuple {
        static EMPTY: OnceLock<Tuple> = OnceLock::new();
        self.tuples
            .get(tuple as usize)
            .unwrap_or_else(|| EMPTY.get_or_init(|| Tuple { columns: no_columns(), row_of: None }))
    }

    pub(super) fn new_group(&mut self, group: Group) -> u32 {
        self.groups.push(group);
        id(self.groups.len())
    }

    pub(super) fn group(&self, group: u32) -> Option<&Group> {
        self.groups.get(group as usize)
    }

    pub(super) fn new_graph(&mut self, graph: Graph) -> Ty {
        self.graphs.push(graph);
        Ty::Graph(id(self.graphs.len()))
    }

    pub(super) fn graph(&self, graph: u32) -> Option<Graph> {
        self.graphs.get(graph as usize).copied()
    }

    pub(super) fn new_variable(&mut self, variable: Variable<'a>) -> Sym {
        self.variables.push(variable);
        Sym::Variable(id(self.variables.len()))
    }

    pub(super) fn variable(&self, variable: u32) -> Variable<'a> {
        let unknown = Variable { ty: Ty::Unknown, constant: false, value: None };
        self.variables.get(variable as usize).copied().unwrap_or(unknown)
    }

    /// The table of the schema under that name, if it is listed or may exist unlisted.
    pub(super) fn schema_table(&mut self, name: &str) -> Option<TableId> {
        let key = self.names.intern(name);
        if let Some(&table) = self.listed.get(&key) {
            return Some(table);
        }
        let schema = self.schema;
        let (columns, open) = match schema.table(name) {
            Some(facts) => (self.packed(&facts.columns), facts.open),
            None => (self.packed(&schema.unlisted_table(name)?), true),
        };
        let table = self.new_table(columns, open);
        self.listed.insert(key, table);
        Some(table)
    }

    pub(super) fn packed(&mut self, columns: &[PackedColumn]) -> Vec<ColId> {
        columns.iter().map(|c| self.new_column(Name(c.name()), Ty::from(c.ty()))).collect()
    }

    /// Names that occur in both lists.
    pub(super) fn names_of(&self, columns: &[ColId]) -> FastSet<Name> {
        columns.iter().map(|&c| self.column(c).name).collect()
    }

    pub(super) fn bag_member(&self, bag: BagId, name: &str) -> Option<Ty> {
        self.bag(bag).iter().find(|(known, _)| self.names.text(*known) == name).map(|(_, ty)| *ty)
    }

    pub(super) fn output_type(&self, column: ColId) -> ScalarType {
        self.column(column).ty.scalar()
    }
}
