//! `search` and `find`: a condition over the columns of several tables.
//!
//! Documentation: "search operator", "find operator". Without a list of tables only those with events are read: no other
//! has rows.

use std::rc::Rc;
use std::sync::Arc;

use super::pipeline::word;
use super::union::{matches, together};
use crate::kql::eval::compile::{Compiler, declared_type};
use crate::kql::eval::convert::convert;
use crate::kql::eval::frame::{Frame, cell};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::At;
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, Find, FindColumn, FindProject, Search};
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    pub(super) fn search(
        &self,
        search: &'a Search,
        input: Option<Frame>,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        if word(&search.parameters, &["kind"]) == Some("case_sensitive") {
            return Err(scope.not_evaluated("search kind=case_sensitive", span));
        }
        let everything = input.is_none() && search.tables.is_empty();
        let tables = match (input, search.tables.is_empty()) {
            (Some(input), _) => vec![(String::new(), input)],
            (None, true) => self.with_events(scope, span)?,
            (None, false) => self.listed(&search.tables, scope)?,
        };
        let mut found = Vec::new();
        for (name, frame) in tables {
            let frame = self.searched(&search.predicate, &frame, scope)?;
            found.push((name, frame));
        }
        let made = together(found, false, Some("$table"), &self.context)?;
        Ok(Frame { open: made.open || everything, ..made })
    }

    /// The rows for which a condition holds, where a text alone means "any column has it".
    fn searched(&self, predicate: &'a Expr, frame: &Frame, scope: &Scope<'a>) -> Result<Frame, Fault> {
        let compiler = Compiler { search: true, ..Compiler::over(self, scope, frame) };
        let condition = compiler.condition(predicate)?;
        self.context.spend(frame.rows.len() as u64 + 1, scope.place(predicate.span))?;
        let mut kept = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            if condition.holds(At::new(row, index, &self.context))? {
                kept.push(Rc::clone(row));
            }
        }
        Ok(frame.with_rows(kept))
    }

    fn with_events(&self, scope: &Scope<'a>, span: Span) -> Result<Vec<(String, Frame)>, Fault> {
        let mut tables = Vec::new();
        self.every_table(scope, span, &mut tables)?;
        tables.retain(|(_, frame)| !frame.rows.is_empty());
        // There are more tables and columns than these.
        tables.iter_mut().for_each(|(_, frame)| frame.open = false);
        Ok(tables)
    }

    fn listed(&self, items: &'a [Expr], scope: &Scope<'a>) -> Result<Vec<(String, Frame)>, Fault> {
        let mut tables = Vec::new();
        for item in items {
            match &item.kind {
                ExprKind::Star => self.every_table(scope, item.span, &mut tables)?,
                ExprKind::Wildcard(pattern) => tables.extend(self.matching(pattern, scope, item.span)?),
                ExprKind::Name(name) => tables.push((name.text.to_string(), self.table(item, scope)?)),
                _ => tables.push((format!("union_arg{}", tables.len()), self.table(item, scope)?)),
            }
        }
        Ok(tables)
    }

    pub(super) fn find(&self, find: &'a Find, scope: &Scope<'a>, span: Span) -> Result<Frame, Fault> {
        let source = word(&find.parameters, &["withsource", "with_source"]).unwrap_or("source_");
        let tables = match find.tables.is_empty() {
            true => self.with_events(scope, span)?,
            false => self.listed(&find.tables, scope)?,
        };
        let Some(FindProject::Columns(wanted)) = &find.project else {
            return Err(scope.not_evaluated("find without project", span));
        };
        if !find.project_away.is_empty() {
            return Err(scope.not_evaluated("find with project-away", span));
        }
        let mut columns = vec![Column::new(source, ScalarType::String)];
        for item in wanted {
            match item {
                FindColumn::Column { name, ty } => {
                    let written = ty.as_ref().and_then(declared_type);
                    let known = || tables.iter().find_map(|(_, f)| f.position(&name.text).map(|at| f.ty(at)));
                    let ty = written.or_else(known).unwrap_or(ScalarType::Unknown);
                    columns.push(Column { name: Arc::from(&*name.text), ty });
                }
                FindColumn::Pack(_) => columns.push(Column::new("pack_", ScalarType::Dynamic)),
                FindColumn::Star(span) => return Err(scope.failed("* is not allowed here", *span)),
            }
        }
        let mut rows = Vec::new();
        for (table, frame) in tables {
            // A column that a table lacks is empty there.
            let found = self.searched(&find.predicate, &Frame { open: true, ..frame }, scope)?;
            self.context.hold(found.rows.len(), columns.len())?;
            for row in &found.rows {
                let mut cells = vec![Value::string(&table)];
                for (item, column) in wanted.iter().zip(columns.iter().skip(1)) {
                    cells.push(match item {
                        FindColumn::Pack(_) => packed(&found, row, &columns),
                        _ => match found.position(&column.name) {
                            Some(at) => convert(cell(row, at), column.ty),
                            None => Value::missing(column.ty),
                        },
                    });
                }
                rows.push(cells);
            }
        }
        Ok(Frame::new(columns, rows))
    }
}

/// The cells that have no column of their own, without those that hold nothing.
fn packed(frame: &Frame, row: &[Value], columns: &[Column]) -> Value {
    let mut bag = Vec::new();
    for (column, value) in frame.columns.iter().zip(row) {
        let own = columns.iter().any(|known| matches(known.name.as_bytes(), column.name.as_bytes()));
        let empty = value.is_null() || value.as_str() == Some("");
        if !own && !empty {
            bag.push((Arc::clone(&column.name), value.clone().into_dynamic()));
        }
    }
    Value::dynamic(Dynamic::Bag(bag))
}
