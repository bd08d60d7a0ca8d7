//! `union`: the rows of several tables under one set of columns.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::pipeline::{is_fuzzy, word};
use crate::kql::eval::call::Context;
use crate::kql::eval::frame::Frame;
use crate::kql::eval::run::Run;
use crate::kql::eval::scope::{Meaning, Scope};
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Columns, Expr, ExprKind, OperatorKind};
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    /// `label` is the name that `as` gave the input. Where a table has no name, `withsource` shows its number.
    pub(super) fn union(
        &self,
        union: &'a Columns,
        input: Option<Frame>,
        label: Option<&str>,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let fuzzy = is_fuzzy(&union.parameters);
        let inner = word(&union.parameters, &["kind"]) == Some("inner");
        let source = word(&union.parameters, &["withsource", "with_source"]);
        let mut tables: Vec<(String, Frame)> = Vec::new();
        if let Some(input) = input {
            tables.push((label.unwrap_or("union_arg0").to_owned(), input));
        }
        let inside = Scope { fuzzy, ..scope.clone() };
        for item in &union.items {
            self.operand(item, fuzzy, &inside, &mut tables)?;
        }
        let total: usize = tables.iter().map(|(_, frame)| frame.rows.len()).sum();
        self.context.check_rows(total, scope.place(span))?;
        self.context.spend(total as u64 + 1, scope.place(span))?;
        together(tables, inner, source, &self.context)
    }

    /// The tables that one operand of a union stands for.
    fn operand(
        &self,
        item: &'a Expr,
        fuzzy: bool,
        scope: &Scope<'a>,
        tables: &mut Vec<(String, Frame)>,
    ) -> Result<(), Fault> {
        let unknown = self.unknown.get();
        let found = match &item.kind {
            ExprKind::Star => return self.every_table(scope, item.span, tables),
            ExprKind::Wildcard(pattern) if pattern.bytes().all(|byte| byte == b'*') => {
                return self.every_table(scope, item.span, tables);
            }
            ExprKind::Wildcard(pattern) => {
                let found = self.matching(pattern, scope, item.span)?;
                tables.extend(found);
                return Ok(());
            }
            ExprKind::Paren(inner) => return self.operand(inner, fuzzy, scope, tables),
            _ => self.table(item, scope),
        };
        let name = match &item.kind {
            // The rows of a `let` have no name of their own; a view and a table do.
            ExprKind::Name(name) if !matches!(scope.find(&name.text), Some(Meaning::Lazy(_))) => {
                Some(&*name.text)
            }
            _ => alias(item),
        };
        let name = name.map_or_else(|| format!("union_arg{}", tables.len()), str::to_owned);
        match found {
            Ok(frame) => tables.push((name, frame)),
            // A table that does not exist is left out; any other mistake is one.
            Err(Fault::Failed { .. }) if fuzzy && self.unknown.get() > unknown => {
                tables.push((name, Frame { open: true, ..Frame::default() }));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// All tables. Those without events only add columns without values, and there are hundreds: they are left out, and
    /// a column that is not there is taken for one of theirs.
    pub(super) fn every_table(
        &self,
        scope: &Scope<'a>,
        span: Span,
        tables: &mut Vec<(String, Frame)>,
    ) -> Result<(), Fault> {
        let names: Vec<&String> = self.world.tables.keys().collect();
        for name in names {
            tables.push((name.clone(), self.source(name, scope, span)?));
        }
        for view in scope.views() {
            let compiler = super::super::compile::Compiler::constants(self, scope);
            if let super::super::run::Entity::Table(frame) = self.call(&view, &[], None, &compiler, span)? {
                tables.push((view.name.to_owned(), frame));
            }
        }
        tables.push((String::new(), Frame { open: true, ..Frame::default() }));
        Ok(())
    }
}

/// One table of all rows: a name with several types becomes `x_string`, `x_long`.
pub(super) fn together(
    tables: Vec<(String, Frame)>,
    inner: bool,
    source: Option<&str>,
    context: &Context,
) -> Result<Frame, Fault> {
    let open = tables.iter().any(|(_, frame)| frame.open) && !inner;
    // What each name's types are, in the order of their first mention.
    let mut order: Vec<Arc<str>> = Vec::new();
    let mut types: HashMap<Arc<str>, Vec<ScalarType>> = HashMap::new();
    for (_, frame) in &tables {
        for column in frame.columns.iter() {
            let known = types.entry(Arc::clone(&column.name)).or_insert_with(|| {
                order.push(Arc::clone(&column.name));
                Vec::new()
            });
            if !known.contains(&column.ty) {
                known.push(column.ty);
            }
        }
    }
    if inner {
        order.retain(|name| tables.iter().all(|(_, frame)| frame.position(name).is_some()));
    }
    let named: HashSet<Arc<str>> = order.iter().cloned().collect();
    let mut columns: Vec<Column> = Vec::with_capacity(order.len() + 1);
    let mut places: HashMap<(Arc<str>, ScalarType), usize> = HashMap::new();
    if let Some(source) = source {
        columns.push(Column::new(source, ScalarType::String));
    }
    for name in order {
        let Some(known) = types.get(&name) else { continue };
        for ty in known {
            let shown = match known.len() {
                1 => Arc::clone(&name),
                _ => typed_name(&name, *ty, &named),
            };
            places.insert((Arc::clone(&name), *ty), columns.len());
            columns.push(Column { name: shown, ty: *ty });
        }
    }
    super::join::unique_names(&mut columns);
    let blank: Vec<Value> = columns.iter().map(|column| Value::missing(column.ty)).collect();
    let mut rows = Vec::new();
    for (name, frame) in tables {
        let target: Vec<Option<usize>> = frame
            .columns
            .iter()
            .map(|column| places.get(&(Arc::clone(&column.name), column.ty)).copied())
            .collect();
        // Where all columns stay where they are, the rows are handed on.
        let same = frame.columns.len() == columns.len()
            && target.iter().enumerate().all(|(index, place)| *place == Some(index));
        if same {
            rows.extend(frame.rows);
            continue;
        }
        context.hold(frame.rows.len(), columns.len())?;
        let label = Value::string(&name);
        for row in frame.rows {
            let mut cells = blank.clone();
            if let (Some(_), Some(first)) = (source, cells.first_mut()) {
                *first = label.clone();
            }
            for (value, place) in row.iter().zip(&target) {
                if let Some(cell) = place.and_then(|place| cells.get_mut(place)) {
                    *cell = value.clone();
                }
            }
            rows.push(Rc::new(cells));
        }
    }
    Ok(Frame { columns: Rc::new(columns), rows, open })
}

/// `x_long`; `x_long1` where a table has a column `x_long` already.
fn typed_name(name: &str, ty: ScalarType, named: &HashSet<Arc<str>>) -> Arc<str> {
    let plain = format!("{name}_{ty}");
    let numbered = (1..).map(|number: u32| format!("{plain}{number}"));
    let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !named.contains(&**name));
    Arc::from(free.unwrap_or(plain))
}

/// The name that `as` at the end of an operand gives it.
fn alias(item: &Expr) -> Option<&str> {
    match &item.kind {
        ExprKind::Paren(inner) => alias(inner),
        ExprKind::Pipeline(pipeline) => match &pipeline.operators.last()?.kind {
            OperatorKind::As(alias) => Some(&alias.name.text),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a name matches a pattern where `*` stands for anything.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    crate::kql::bind::matches_wildcard(pattern, name)
}
