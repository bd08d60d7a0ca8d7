//! `mv-expand`, `mv-apply`, `partition`: one row into several, and a sub-query for each part.
//!
//! Documentation: "mv-expand operator" (null: one row; an empty array or bag: none; several in parallel, the shorter ones
//! filled with nulls; a type is only applied, never converted to), "mv-apply operator", "partition operator".

use std::rc::Rc;
use std::sync::Arc;

use super::pipeline::word;
use crate::kql::eval::compile::{Compiler, type_of};
use crate::kql::eval::frame::{Frame, Row};
use crate::kql::eval::project::{Output, Part, Projection, Style, parts, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Node, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, MvApply, MvExpand, MvItem, OperatorParameter, Partition};
use crate::kql::types::ScalarType;

/// The old spelling of the operator expands so many elements unless told.
const OLD_LIMIT: usize = 128;

/// What is expanded and which columns come out.
struct Expansion {
    /// The values to expand, with the type of their elements and the place of their column.
    items: Vec<(Typed, Option<ScalarType>, usize)>,
    columns: Vec<Column>,
    /// Columns of the input that are expanded as they are.
    applied: Vec<usize>,
    index: Option<usize>,
    arrays: bool,
    limit: usize,
}

impl<'a> Run<'a> {
    pub(super) fn mv_expand(
        &self,
        expand: &'a MvExpand,
        old: bool,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let limit = if old { OLD_LIMIT } else { usize::MAX };
        let limit = self.limit(expand.limit.as_ref(), limit, scope)?;
        let expansion = self.expansion(&expand.parameters, &expand.items, limit, frame, scope)?;
        let mut rows = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            let made = self.expanded(&expansion, row, index, scope.place(span))?;
            self.context.check_rows(rows.len() + made.len(), scope.place(span))?;
            rows.extend(made);
        }
        Ok(Frame { columns: Rc::new(expansion.columns), rows, open: frame.open })
    }

    fn limit(&self, limit: Option<&'a Expr>, otherwise: usize, scope: &Scope<'a>) -> Result<usize, Fault> {
        match limit {
            Some(limit) => self.whole(limit, scope),
            None => Ok(otherwise),
        }
    }

    fn expansion(
        &self,
        parameters: &'a [OperatorParameter],
        items: &'a [MvItem],
        limit: usize,
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<Expansion, Fault> {
        let compiler = Compiler::over(self, scope, frame);
        let mut projection = Projection::starting_with(frame);
        let mut compiled: Vec<(Vec<Part>, Typed, Option<ScalarType>, bool)> = Vec::new();
        for item in items {
            let mut parts = parts(&compiler, &item.expr)?;
            let Some(part) = parts.first_mut() else { continue };
            let value = part.value.clone();
            if !matches!(value.ty, ScalarType::Dynamic | ScalarType::Unknown) {
                let message = format!("a dynamic value is expected, not {}", value.ty);
                return Err(scope.failed(message, value_of(&item.expr).span));
            }
            let to = item.to.as_ref().and_then(type_of);
            part.value.ty = to.unwrap_or(ScalarType::Dynamic);
            let bare = !matches!(item.expr.kind, ExprKind::Named(_));
            compiled.push((parts, value, to, bare));
        }
        let mut expanded = Vec::new();
        let mut applied = Vec::new();
        for (item, (parts, value, to, bare)) in items.iter().zip(compiled) {
            if let (Node::Column(source), true) = (&value.node, bare) {
                applied.push(*source);
            }
            let name = parts.first().and_then(|part| part.source).filter(|_| bare);
            let place = match name {
                // The column itself is replaced.
                Some(source) => {
                    if let (Some(output), Some(part)) = (projection.outputs.get_mut(source), parts.first()) {
                        output.value.ty = part.value.ty;
                    }
                    source
                }
                None => {
                    let known: Vec<Arc<str>> =
                        projection.outputs.iter().map(|o| Arc::clone(&o.name)).collect();
                    projection.item(&compiler, &item.expr, parts, Style::Extend)?;
                    let written = match &item.expr.kind {
                        ExprKind::Named(named) => named.names.first().map(|name| &*name.text),
                        _ => None,
                    };
                    let replaced = written.and_then(|name| known.iter().position(|known| **known == *name));
                    replaced.unwrap_or_else(|| projection.outputs.len().saturating_sub(1))
                }
            };
            expanded.push((value, to, place));
        }
        let mut index = None;
        if let Some(name) = word(parameters, &["with_itemindex"]) {
            let value = Typed::constant(Value::Null, ScalarType::Long);
            projection.add(Output { name: Arc::from(name), value, source: None }, false);
            index = Some(projection.outputs.len().saturating_sub(1));
        }
        let arrays = word(parameters, &["kind", "bagexpansion"]) == Some("array");
        Ok(Expansion { items: expanded, columns: projection.columns(), applied, index, arrays, limit })
    }

    /// The rows that one row becomes.
    fn expanded(
        &self,
        expansion: &Expansion,
        row: &Row,
        index: usize,
        span: Span,
    ) -> Result<Vec<Row>, Fault> {
        let at = At::new(row, index, &self.context);
        let mut lists: Vec<Vec<Value>> = Vec::with_capacity(expansion.items.len());
        for (value, to, _) in &expansion.items {
            lists.push(elements(value.value(at)?, expansion.arrays, *to));
        }
        let count = lists.iter().map(Vec::len).max().unwrap_or(0).min(expansion.limit);
        self.context.spend(count as u64 + 1, span)?;
        self.context.hold(count, expansion.columns.len())?;
        let blank: Vec<Value> =
            expansion.columns.iter().skip(row.len()).map(|column| Value::missing(column.ty)).collect();
        let mut made = Vec::with_capacity(count);
        for number in 0..count {
            let mut cells: Vec<Value> = Vec::with_capacity(expansion.columns.len());
            cells.extend(row.iter().cloned());
            cells.extend(blank.iter().cloned());
            for ((_, to, place), list) in expansion.items.iter().zip(&lists) {
                if let Some(cell) = cells.get_mut(*place) {
                    let ty = to.unwrap_or(ScalarType::Dynamic);
                    *cell = list.get(number).cloned().unwrap_or_else(|| Value::missing(ty));
                }
            }
            if let Some(cell) = expansion.index.and_then(|place| cells.get_mut(place)) {
                *cell = Value::Long(i64::try_from(number).unwrap_or(i64::MAX));
            }
            made.push(Rc::new(cells));
        }
        Ok(made)
    }

    pub(super) fn mv_apply(
        &self,
        apply: &'a MvApply,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        if apply.id.is_some() {
            return Err(scope.not_evaluated("mv-apply with id", span));
        }
        let limit = self.limit(apply.limit.as_ref(), usize::MAX, scope)?;
        let expansion = self.expansion(&apply.parameters, &apply.items, limit, frame, scope)?;
        let inner = Frame { columns: Rc::new(expansion.columns.clone()), rows: Vec::new(), open: frame.open };
        // The sub-query also runs over no rows at all, so that its columns and its mistakes never depend on the data.
        let shape = self.piped(&apply.subquery, inner.clone(), scope)?;
        let kept: Vec<usize> =
            (0..frame.columns.len()).filter(|index| !expansion.applied.contains(index)).collect();
        let mut columns: Vec<Column> = Vec::new();
        for &index in &kept {
            columns.extend(frame.columns.get(index).cloned());
        }
        // A column of the sub-query takes the place of an outer one of its name.
        let mut places = Vec::with_capacity(shape.columns.len());
        for column in shape.columns.iter() {
            places.push(match columns.iter().position(|known| known.name == column.name) {
                Some(place) => {
                    if let Some(known) = columns.get_mut(place) {
                        known.ty = column.ty;
                    }
                    place
                }
                None => {
                    columns.push(column.clone());
                    columns.len() - 1
                }
            });
        }
        let mut rows = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            let part = inner.with_rows(self.expanded(&expansion, row, index, scope.place(span))?);
            let result = self.piped(&apply.subquery, part, scope)?;
            self.context.check_rows(rows.len() + result.rows.len(), scope.place(span))?;
            self.context.hold(result.rows.len(), columns.len())?;
            let targets: Vec<Option<usize>> = result
                .columns
                .iter()
                .map(|column| {
                    let known = shape.columns.iter().position(|known| known.name == column.name);
                    known.and_then(|known| places.get(known)).copied()
                })
                .collect();
            for made in &result.rows {
                let mut cells: Vec<Value> = columns.iter().map(|column| Value::missing(column.ty)).collect();
                for (cell, &source) in cells.iter_mut().zip(&kept) {
                    *cell = row.get(source).cloned().unwrap_or(Value::Null);
                }
                for (value, target) in made.iter().zip(&targets) {
                    if let Some(cell) = target.and_then(|target| cells.get_mut(target)) {
                        *cell = value.clone();
                    }
                }
                rows.push(Rc::new(cells));
            }
        }
        Ok(Frame { columns: Rc::new(columns), rows, open: frame.open || shape.open })
    }

    pub(super) fn partition(
        &self,
        partition: &'a Partition,
        frame: &Frame,
        scope: &Scope<'a>,
    ) -> Result<Frame, Fault> {
        if partition.braces || partition.scope.is_some() {
            return Err(scope.not_evaluated("partition with a query in braces", partition.subquery.span));
        }
        let compiler = Compiler::over(self, scope, frame);
        let key = compiler.compile(&partition.by)?;
        let groups = self.grouped(frame, &[key], scope.place(partition.by.span))?;
        let mut tables =
            vec![(String::new(), self.piped(&partition.subquery, frame.with_rows(Vec::new()), scope)?)];
        // What an empty part gives is only asked for its columns.
        tables.iter_mut().for_each(|(_, shape)| shape.rows.clear());
        for (_, members) in groups {
            let rows = members.iter().filter_map(|&index| frame.rows.get(index).cloned()).collect();
            tables.push((String::new(), self.piped(&partition.subquery, frame.with_rows(rows), scope)?));
        }
        super::union::together(tables, false, None, &self.context)
    }
}

/// The elements of a dynamic, each as its column has it.
fn elements(value: Value, arrays: bool, to: Option<ScalarType>) -> Vec<Value> {
    let list: Vec<Dynamic> = match value {
        Value::Dynamic(inner) => match Arc::unwrap_or_clone(inner) {
            Dynamic::Array(items) => items,
            Dynamic::Bag(members) if arrays => members
                .into_iter()
                .map(|(key, value)| Dynamic::Array(vec![Dynamic::String(key), value]))
                .collect(),
            Dynamic::Bag(members) => members.into_iter().map(|member| Dynamic::Bag(vec![member])).collect(),
            scalar => vec![scalar],
        },
        other => vec![other.into_dynamic()],
    };
    list.into_iter().map(|item| cast(item, to)).collect()
}

/// An element as a value of a type: what does not conform becomes null, but for numbers that fit and texts of anything.
fn cast(item: Dynamic, to: Option<ScalarType>) -> Value {
    let value = Value::dynamic(item);
    let Some(ty) = to.filter(|ty| !matches!(ty, ScalarType::Dynamic | ScalarType::Unknown)) else {
        return value;
    };
    if ty == ScalarType::String {
        return crate::kql::eval::convert::convert(&value, ty);
    }
    let inner = value.unwrapped();
    let conforms = match (&inner, ty) {
        (Value::Long(_) | Value::Real(_), ScalarType::Int | ScalarType::Long | ScalarType::Real)
        | (Value::Bool(_) | Value::Long(_), ScalarType::Bool)
        | (Value::DateTime(_), ScalarType::DateTime)
        | (Value::TimeSpan(_), ScalarType::TimeSpan)
        | (Value::Guid(_), ScalarType::Guid) => true,
        // JSON has no such types: a text in their form is one of them. That of a timespan is not, the service says.
        (Value::String(_), ScalarType::DateTime | ScalarType::Guid) => true,
        _ => false,
    };
    if conforms { crate::kql::eval::convert::convert(&inner, ty) } else { Value::Null }
}
