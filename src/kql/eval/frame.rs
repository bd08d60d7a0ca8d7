//! Tables as the operators pass them on: rows are shared, so that a `let` read twice is not copied.

use std::rc::Rc;
use std::sync::Arc;

use super::{Column, Table, Value};
use crate::kql::types::ScalarType;

/// The cells of one row. Changed in place where nobody else has it.
pub(crate) type Row = Rc<Vec<Value>>;

/// A table on its way through a pipeline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) columns: Rc<Vec<Column>>,
    pub(crate) rows: Vec<Row>,
    /// The service may know more columns: a name that is not listed means a column without values.
    pub(crate) open: bool,
}

impl Frame {
    pub(crate) fn new(columns: Vec<Column>, rows: Vec<Vec<Value>>) -> Frame {
        Frame { columns: Rc::new(columns), rows: rows.into_iter().map(Rc::new).collect(), open: false }
    }

    /// The same columns, other rows.
    pub(crate) fn with_rows(&self, rows: Vec<Row>) -> Frame {
        Frame { columns: Rc::clone(&self.columns), rows, open: self.open }
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| &*column.name == name)
    }

    pub(crate) fn ty(&self, index: usize) -> ScalarType {
        self.columns.get(index).map_or(ScalarType::Unknown, |column| column.ty)
    }

    /// The place of a column; where more columns may exist than are listed, it is added, without values.
    pub(crate) fn expect(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.position(name) {
            return Some(index);
        }
        if !self.open {
            return None;
        }
        let ty = type_by_suffix(name);
        let columns = Rc::make_mut(&mut self.columns);
        columns.push(Column::new(name, ty));
        let index = columns.len() - 1;
        for row in &mut self.rows {
            Rc::make_mut(row).push(Value::missing(ty));
        }
        Some(index)
    }

    /// A row of missing values.
    pub(crate) fn blank(&self) -> Vec<Value> {
        self.columns.iter().map(|column| Value::missing(column.ty)).collect()
    }

    pub(crate) fn into_table(self) -> Table {
        let columns = Rc::unwrap_or_clone(self.columns);
        Table { columns, rows: self.rows.into_iter().map(Rc::unwrap_or_clone).collect() }
    }
}

impl Column {
    /// A column of that name and type.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, ty: ScalarType) -> Column {
        Column { name: name.into(), ty }
    }
}

/// The type of a custom column that the schema does not list: its name says, where it was made by the collector.
pub(crate) fn type_by_suffix(name: &str) -> ScalarType {
    match name.rsplit_once('_') {
        Some((_, "s" | "g")) => ScalarType::String,
        Some((_, "d")) => ScalarType::Real,
        Some((_, "b")) => ScalarType::Bool,
        Some((_, "t")) => ScalarType::DateTime,
        _ => ScalarType::Unknown,
    }
}

/// The cell of a row; null where there is none.
pub(crate) fn cell(row: &[Value], index: usize) -> &Value {
    row.get(index).unwrap_or(&Value::Null)
}
