//! `summarize`, `distinct`, `sample-distinct`, `top-hitters`: rows that share a key. Groups come in the order of their
//! first row.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::kql::eval::aggregate::Group;
use crate::kql::eval::call::Call as Invocation;
use crate::kql::eval::compare::{Key, order};
use crate::kql::eval::compile::Compiler;
use crate::kql::eval::frame::{Frame, Row};
use crate::kql::eval::project::{Part, Projection, Style, parts, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, ExprKind, SampleDistinct, Summarize, TopHitters};
use crate::kql::types::ScalarType;

pub(crate) use crate::kql::eval::compile::{Aggregated, Work};

/// Groups of rows: the values of the keys and the numbers of the rows.
pub(super) type Groups = Vec<(Vec<Value>, Vec<usize>)>;

impl<'a> Run<'a> {
    pub(super) fn summarize(
        &self,
        summarize: &'a Summarize,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, frame);
        let mut projection = Projection::default();
        let mut by_sources = Vec::new();
        let mut compiled = Vec::with_capacity(summarize.by.len());
        for item in &summarize.by {
            let parts = parts(&compiler, item)?;
            by_sources.extend(parts.iter().filter_map(|part| part.source));
            compiled.push(parts);
        }
        for (item, parts) in summarize.by.iter().zip(compiled) {
            projection.item(&compiler, item, parts, Style::Default)?;
        }
        projection.skip_present();
        let keys: Vec<Typed> = projection.outputs.iter().map(|output| output.value.clone()).collect();
        let found = RefCell::new(Vec::new());
        let outer = Compiler { columns: false, aggregates: Some(&found), ..compiler.clone() };
        for item in &summarize.aggregates {
            let parts = self.aggregate_parts(item, &compiler, &outer, &by_sources)?;
            projection.item(&outer, item, parts, Style::Default)?;
        }
        let found = found.into_inner();
        let groups = self.grouped(frame, &keys, scope.place(span))?;
        // Without keys there is one row, even of nothing.
        let groups = match keys.is_empty() && groups.is_empty() {
            true => vec![(Vec::new(), Vec::new())],
            false => groups,
        };
        let columns = projection.columns();
        self.context.hold(groups.len(), columns.len())?;
        let mut rows = Vec::with_capacity(groups.len());
        for (key, members) in groups {
            let results = self.aggregate(&found, &frame.rows, &members)?;
            let count = key.len();
            let mut cells = key;
            for output in projection.outputs.iter().skip(count) {
                cells.push(output.value.value(At::new(&results, 0, &self.context))?);
            }
            rows.push(cells);
        }
        Ok(Frame::new(columns, rows))
    }

    /// The rows by the values of these keys.
    pub(super) fn grouped(&self, frame: &Frame, keys: &[Typed], span: Span) -> Result<Groups, Fault> {
        self.context.spend(frame.rows.len() as u64 + 1, span)?;
        if keys.is_empty() {
            return Ok(match frame.rows.len() {
                0 => Vec::new(),
                count => vec![(Vec::new(), (0..count).collect())],
            });
        }
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut groups: Groups = Vec::new();
        for (index, row) in frame.rows.iter().enumerate() {
            let at = At::new(row, index, &self.context);
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                values.push(key.value(at)?);
            }
            self.context.look_at(&values)?;
            let next = groups.len();
            let place = *places.entry(Key(values.clone())).or_insert(next);
            match groups.get_mut(place) {
                Some((_, members)) => members.push(index),
                None => groups.push((values, vec![index])),
            }
        }
        Ok(groups)
    }

    /// The results of the aggregates for one group.
    pub(super) fn aggregate(
        &self,
        found: &[Aggregated],
        rows: &[Row],
        members: &[usize],
    ) -> Result<Vec<Value>, Fault> {
        let mut results: Vec<Value> = Vec::with_capacity(found.len());
        for aggregated in found {
            self.context.spend(members.len() as u64 + 1, aggregated.span)?;
            let result = match &aggregated.work {
                Work::Library(aggregate) => {
                    let mut args = Vec::with_capacity(aggregated.args.len());
                    for arg in &aggregated.args {
                        args.push(self.over(arg, rows, members)?);
                    }
                    let types: Vec<ScalarType> = aggregated.args.iter().map(|arg| arg.ty).collect();
                    let call = Invocation {
                        name: aggregate.name,
                        types: &types,
                        returns: aggregated.returns,
                        span: aggregated.span,
                        context: &self.context,
                    };
                    for values in &args {
                        // Lists and bags are made of copies.
                        self.context.copies(values)?;
                    }
                    let made = (aggregate.call)(&call, &Group { rows: members.len(), args: &args })?;
                    self.context.made(&made, aggregated.span)?;
                    made
                }
                Work::Extreme { greatest } => {
                    let keys = match aggregated.args.first() {
                        Some(key) => self.over(key, rows, members)?,
                        None => Vec::new(),
                    };
                    extreme(&keys, members, *greatest)
                }
                Work::AnyRow { full } => {
                    let values = match aggregated.args.first() {
                        Some(value) => self.over(value, rows, members)?,
                        None => Vec::new(),
                    };
                    any_row(&values, members, *full)
                }
                Work::OfRow(pick) => match results.get(*pick).and_then(Value::as_long) {
                    Some(index) => {
                        let index = usize::try_from(index).unwrap_or(usize::MAX);
                        match (aggregated.args.first(), rows.get(index)) {
                            (Some(value), Some(row)) => value.value(At::new(row, index, &self.context))?,
                            _ => Value::Null,
                        }
                    }
                    None => Value::Null,
                },
            };
            results.push(match result {
                Value::Null => Value::missing(aggregated.returns),
                value => value,
            });
        }
        Ok(results)
    }

    fn over(&self, value: &Typed, rows: &[Row], members: &[usize]) -> Result<Vec<Value>, Fault> {
        let mut values = Vec::with_capacity(members.len());
        for &index in members {
            if let Some(row) = rows.get(index) {
                values.push(value.value(At::new(row, index, &self.context))?);
            }
        }
        Ok(values)
    }

    /// The columns that one item of a `summarize` gives.
    pub(super) fn aggregate_parts(
        &self,
        item: &'a Expr,
        inner: &Compiler<'_, 'a>,
        outer: &Compiler<'_, 'a>,
        by: &[usize],
    ) -> Result<Vec<Part>, Fault> {
        let value = value_of(item);
        if let ExprKind::Call(call) = &value.kind
            && inner.scope.find(&call.name.text).is_none()
            && let Some(parts) = self.several(call, value.span, inner, outer, by)?
        {
            return Ok(parts);
        }
        Ok(vec![Part { name: None, value: outer.compile(value)?, source: None }])
    }

    pub(super) fn distinct(
        &self,
        items: &'a [Expr],
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, frame);
        let mut projection = Projection::default();
        let mut compiled = Vec::with_capacity(items.len());
        for item in items {
            compiled.push(parts(&compiler, item)?);
        }
        for (item, parts) in items.iter().zip(compiled) {
            projection.item(&compiler, item, parts, Style::Default)?;
        }
        let keys: Vec<Typed> = projection.outputs.iter().map(|output| output.value.clone()).collect();
        let groups = self.grouped(frame, &keys, scope.place(span))?;
        let star = items.iter().any(|item| matches!(item.kind, ExprKind::Star));
        let rows = groups.into_iter().map(|(key, _)| key).collect();
        Ok(Frame { open: frame.open && star, ..Frame::new(projection.columns(), rows) })
    }

    pub(super) fn sample_distinct(
        &self,
        sample: &'a SampleDistinct,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let mut made = self.distinct(std::slice::from_ref(&sample.of), frame, scope, span)?;
        made.rows.truncate(self.whole(&sample.count, scope)?);
        Ok(made)
    }

    pub(super) fn top_hitters(
        &self,
        top: &'a TopHitters,
        frame: &Frame,
        scope: &Scope<'a>,
        span: Span,
    ) -> Result<Frame, Fault> {
        let compiler = Compiler::over(self, scope, frame);
        let of = compiler.compile(&top.of)?;
        let name = compiler.expression_name(&top.of).unwrap_or_default();
        let by = match &top.by {
            Some(by) => Some((compiler.compile(by)?, compiler.expression_name(by).unwrap_or_default())),
            None => None,
        };
        let groups = self.grouped(frame, std::slice::from_ref(&of), scope.place(span))?;
        let mut counted = Vec::with_capacity(groups.len());
        for (key, members) in groups {
            let weight = match &by {
                Some((by, _)) => {
                    let values = self.over(by, &frame.rows, &members)?;
                    values.iter().filter_map(Value::as_real).sum::<f64>()
                }
                None => members.len() as f64,
            };
            counted.push((key, weight));
        }
        counted.sort_by(|a, b| b.1.total_cmp(&a.1));
        counted.truncate(self.whole(&top.count, scope)?);
        let (label, ty) = match &by {
            Some((by, name)) => (format!("approximate_sum_{name}"), by.ty),
            None => (format!("approximate_count_{name}"), ScalarType::Long),
        };
        let columns = vec![Column::new(name, of.ty), Column::new(label, ty)];
        let rows = counted.into_iter().map(|(mut key, weight)| {
            key.push(crate::kql::eval::convert::convert(&Value::Real(weight), ty));
            key
        });
        Ok(Frame::new(columns, rows.collect()))
    }
}

/// The number of the row where the key is greatest or least; the first of equal ones. Nulls are passed over; where there is
/// nothing else, it is the first row.
fn extreme(keys: &[Value], members: &[usize], greatest: bool) -> Value {
    let mut best: Option<(&Value, usize)> = None;
    for (key, &index) in keys.iter().zip(members) {
        if key.is_null() {
            continue;
        }
        let better = match best {
            None => true,
            Some((known, _)) => {
                order(key, known).is_some_and(|order| if greatest { order.is_gt() } else { order.is_lt() })
            }
        };
        if better {
            best = Some((key, index));
        }
    }
    let row = best.map(|(_, index)| index).or(members.first().copied());
    row.and_then(|index| i64::try_from(index).ok()).into()
}

/// The number of the first row; with `full`, of the first whose value is neither null nor empty.
fn any_row(values: &[Value], members: &[usize], full: bool) -> Value {
    let has = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let place = values.iter().position(|value| full && has(value)).unwrap_or(0);
    members.get(place).and_then(|&index| i64::try_from(index).ok()).into()
}
