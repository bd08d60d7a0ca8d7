//! Operators that change columns: `extend`, `project` and its kin, `print`, `getschema`, `invoke FileProfile`.

use std::rc::Rc;
use std::sync::Arc;

use super::union::matches;
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::frame::Frame;
use crate::kql::eval::project::{Output, Projection, Style, parts, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::Typed;
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Direction, Expr, ExprKind, Ordered};
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    pub(super) fn extend(
        &self,
        items: &'a [Expr],
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let projection = Projection::starting_with(&frame);
        self.projected(items, projection, Style::Extend, frame, scope, span)
    }

    pub(super) fn project(
        &self,
        items: &'a [Expr],
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let made = self.projected(items, Projection::default(), Style::Default, frame, scope, span)?;
        Ok(Frame { open: false, ..made })
    }

    fn projected(
        &self,
        items: &'a [Expr],
        mut projection: Projection,
        style: Style,
        frame: Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, &frame);
        // All are compiled before any becomes a column: `extend a = 1, b = a` does not see the new `a`.
        let mut compiled = Vec::with_capacity(items.len());
        for item in items {
            compiled.push(parts(&compiler, item)?);
        }
        for (item, parts) in items.iter().zip(compiled) {
            projection.item(&compiler, item, parts, style)?;
        }
        projection.run(frame, &self.context, scope.place(span))
    }

    pub(super) fn print(&self, items: &'a [Expr], scope: &Scope<'a>, span: Span) -> Result<Frame, Fault> {
        let compiler = Compiler::constants(self, scope);
        let mut projection = Projection::default();
        for (index, item) in items.iter().enumerate() {
            let parts = parts(&compiler, item)?;
            projection.item(&compiler, item, parts, Style::Print(index))?;
        }
        let row = Frame::new(Vec::new(), vec![Vec::new()]);
        projection.run(row, &self.context, scope.place(span))
    }

    /// `project-away`, and `project-keep` if `keep`.
    pub(super) fn project_away(
        &self,
        items: &'a [Expr],
        keep: bool,
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let mut named = vec![false; frame.columns.len()];
        for item in items {
            for index in columns_of(item, frame, scope)? {
                if let Some(flag) = named.get_mut(index) {
                    *flag = true;
                }
            }
        }
        let left = named.iter().enumerate().filter(|(_, named)| **named == keep).map(|(index, _)| index);
        Ok(Frame { open: frame.open && !keep, ..select(frame, &left.collect::<Vec<_>>()) })
    }

    pub(super) fn project_rename(
        &self,
        items: &'a [Expr],
        mut frame: Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let mut renamed = Vec::new();
        for item in items {
            let ExprKind::Named(named) = &item.kind else {
                return Err(scope.failed("new = old is expected", item.span));
            };
            let new = named.names.first().map_or("", |name| &*name.text);
            let old = columns_of(&named.value, &frame, scope)?;
            renamed.extend(old.first().map(|&index| (index, new)));
        }
        let columns = Rc::make_mut(&mut frame.columns);
        for (index, new) in renamed {
            if let Some(column) = columns.get_mut(index) {
                column.name = Arc::from(new);
            }
        }
        Ok(frame)
    }

    pub(super) fn project_reorder(
        &self,
        items: &'a [Ordered],
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let mut order: Vec<usize> = Vec::with_capacity(frame.columns.len());
        for item in items {
            let mut columns = columns_of(&item.expr, frame, scope)?;
            let key = |index: &usize| frame.columns.get(*index).map(|column| column.name.to_uppercase());
            match item.direction {
                None => {}
                Some(Direction::Asc) => columns.sort_by_key(key),
                Some(Direction::Desc) => columns.sort_by_key(|index| std::cmp::Reverse(key(index))),
                Some(Direction::GrannyAsc | Direction::GrannyDesc) => {
                    return Err(scope.not_evaluated("project-reorder granny-asc", item.span));
                }
            }
            order.extend(columns.into_iter().filter(|index| !order.contains(index)).collect::<Vec<_>>());
        }
        let rest: Vec<usize> = (0..frame.columns.len()).filter(|index| !order.contains(index)).collect();
        order.extend(rest);
        Ok(Frame { open: frame.open, ..select(frame, &order) })
    }

    pub(super) fn project_by_names(
        &self,
        items: &'a [Expr],
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::constants(self, scope);
        let mut order: Vec<usize> = Vec::new();
        for item in items {
            let (value, _) = compiler.constant(item)?;
            let patterns: Vec<Arc<str>> = match (value.as_str(), value.as_dynamic()) {
                (Some(pattern), _) => vec![Arc::from(pattern)],
                (None, Some(Dynamic::Array(items))) => items
                    .iter()
                    .filter_map(|item| if let Dynamic::String(s) = item { Some(Arc::clone(s)) } else { None })
                    .collect(),
                _ => return Err(scope.failed("names of columns are expected", item.span)),
            };
            for pattern in patterns {
                for (index, column) in frame.columns.iter().enumerate() {
                    if matches(pattern.as_bytes(), column.name.as_bytes()) && !order.contains(&index) {
                        order.push(index);
                    }
                }
            }
        }
        Ok(select(frame, &order))
    }

    pub(super) fn getschema(&self, frame: &Frame) -> Frame {
        let columns = [
            ("ColumnName", ScalarType::String),
            ("ColumnOrdinal", ScalarType::Long),
            ("DataType", ScalarType::String),
            ("ColumnType", ScalarType::String),
        ];
        let rows = frame.columns.iter().zip(0i64..).map(|(column, ordinal)| {
            let platform = match column.ty {
                ScalarType::Bool => "System.SByte",
                ScalarType::Int => "System.Int32",
                ScalarType::Long => "System.Int64",
                ScalarType::Real => "System.Double",
                ScalarType::DateTime => "System.DateTime",
                ScalarType::TimeSpan => "System.TimeSpan",
                ScalarType::Guid => "System.Guid",
                ScalarType::Decimal => "System.Data.SqlTypes.SqlDecimal",
                ScalarType::String => "System.String",
                ScalarType::Dynamic | ScalarType::Unknown => "System.Object",
            };
            vec![
                Value::String(Arc::clone(&column.name)),
                Value::Long(ordinal),
                Value::string(platform),
                Value::string(column.ty.name()),
            ]
        });
        Frame::new(columns.iter().map(|(n, ty)| Column::new(*n, *ty)).collect(), rows.collect())
    }
}

/// The columns that a name or a pattern stands for.
pub(super) fn columns_of<'a>(item: &'a Expr, frame: &Frame, scope: &Scope<'a>) -> Result<Vec<usize>, Fault> {
    let all = || frame.columns.iter().enumerate();
    match &value_of(item).kind {
        ExprKind::Name(name) => match frame.position(&name.text) {
            Some(index) => Ok(vec![index]),
            None if frame.open => Ok(Vec::new()),
            None => Err(scope.failed(format!("no column is named '{}'", name.text), name.span)),
        },
        ExprKind::Wildcard(pattern) => Ok(all()
            .filter(|(_, column)| matches(pattern.as_bytes(), column.name.as_bytes()))
            .map(|(index, _)| index)
            .collect()),
        ExprKind::Star => Ok(all().map(|(index, _)| index).collect()),
        ExprKind::Paren(inner) => columns_of(inner, frame, scope),
        ExprKind::Bracketed(inner) => columns_of(inner, frame, scope),
        ExprKind::String(name) => Ok(frame.position(&name.value).into_iter().collect()),
        _ => Err(scope.failed("a column name is expected", item.span)),
    }
}

/// These columns, in this order.
pub(super) fn select(frame: &Frame, order: &[usize]) -> Frame {
    let columns = order.iter().filter_map(|&index| frame.columns.get(index).cloned()).collect();
    let pick = |row: &Vec<Value>| order.iter().filter_map(|&index| row.get(index).cloned()).collect();
    let rows = frame.rows.iter().map(|row| Rc::new(pick(row))).collect();
    Frame { columns: Rc::new(columns), rows, open: false }
}

/// A projection of columns that are there already, each under its own name.
pub(super) fn plain(frame: &Frame, index: usize) -> Option<Output> {
    let column = frame.columns.get(index)?;
    Some(Output {
        name: Arc::clone(&column.name),
        value: Typed::column(index, column.ty),
        source: Some(index),
    })
}
