//! `summarize`, `distinct`, `sample-distinct`, `top-hitters`: rows that share a key. Groups come in the order of their
//! first row.

use std::cell::RefCell;
use std::collections::HashMap;

use super::reshape::plain;
use crate::kql::builtins::{BuiltinKind, NameRule, builtins};
use crate::kql::eval::aggregate::Group;
use crate::kql::eval::call::Call as Invocation;
use crate::kql::eval::compare::{Key, order};
use crate::kql::eval::compile::{Compiler, number_text};
use crate::kql::eval::frame::{Frame, Row};
use crate::kql::eval::project::{Part, Projection, Style, parts, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{At, Typed};
use crate::kql::eval::scope::Scope;
use crate::kql::eval::value::Value;
use crate::kql::eval::{Column, Fault};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, Expr, ExprKind, SampleDistinct, Summarize, TopHitters};
use crate::kql::token::LiteralKind;
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
                    (aggregate.call)(&call, &Group { rows: members.len(), args: &args })?
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

    /// Aggregates of several columns; `None` if it is none.
    fn several(
        &self,
        call: &'a Call,
        span: Span,
        inner: &Compiler<'_, 'a>,
        outer: &Compiler<'_, 'a>,
        by: &[usize],
    ) -> Result<Option<Vec<Part>>, Fault> {
        let args = call.arguments.as_slice();
        let star = args.iter().any(|arg| matches!(arg.kind, ExprKind::Star));
        Ok(Some(match &*call.name.text {
            name @ ("arg_max" | "arg_min" | "argmax" | "argmin") => {
                let Some(first) = args.first() else { return Ok(None) };
                let key = inner.compile(value_of(first))?;
                let greatest = name.ends_with("max");
                let pick = outer.note(Work::Extreme { greatest }, vec![key], ScalarType::Long, span);
                let old = !name.contains('_');
                let columns = if old {
                    old_extreme(args, inner, by)?
                } else {
                    new_extreme(args, inner, by, if greatest { "max" } else { "min" })?
                };
                let mut parts = of_row(pick, columns, outer, span);
                if old {
                    prefix(call, &mut parts);
                }
                parts
            }
            "take_any" | "any" if star || args.len() > 1 || &*call.name.text == "take_any" => {
                let first = match args {
                    [only] if !star => vec![inner.compile(value_of(only))?],
                    _ => Vec::new(),
                };
                let full = !first.is_empty();
                let pick = outer.note(Work::AnyRow { full }, first, ScalarType::Long, span);
                let old = &*call.name.text == "any";
                let columns = any_values(args, inner, by, if old { "" } else { "any_" })?;
                let mut parts = of_row(pick, columns, outer, span);
                prefix(call, &mut parts);
                parts
            }
            "any" => {
                let Some(only) = args.first() else { return Ok(None) };
                let value = inner.compile(only)?;
                let pick =
                    outer.note(Work::AnyRow { full: true }, vec![value.clone()], ScalarType::Long, span);
                let ty = value.ty;
                let column = outer.note(Work::OfRow(pick), vec![value], ty, span);
                vec![Part { name: None, value: Typed::column(column, ty), source: None }]
            }
            "percentile" | "percentiles" => self.percentiles(call, 1, "percentile", inner, outer, span)?,
            "percentilew" | "percentilesw" => self.percentiles(call, 2, "percentilew", inner, outer, span)?,
            name @ ("percentiles_array" | "percentilesw_array") => {
                let args: Result<Vec<Typed>, Fault> = args.iter().map(|arg| inner.compile(arg)).collect();
                let column = self.library(name, args?, ScalarType::Dynamic, outer, span)?;
                let of = call.arguments.first().and_then(|arg| inner.expression_name(arg));
                let name = format!("percentiles_{}", of.unwrap_or_default());
                vec![Part { name: Some(name), value: column, source: None }]
            }
            _ => return Ok(None),
        }))
    }

    fn library(
        &self,
        name: &str,
        args: Vec<Typed>,
        returns: ScalarType,
        outer: &Compiler<'_, 'a>,
        span: Span,
    ) -> Result<Typed, Fault> {
        match outer.aggregates {
            Some(found) => outer.aggregated(name, args, returns, found, span),
            None => Err(outer.scope.failed(format!("the aggregate {name}() is not allowed here"), span)),
        }
    }

    /// `percentiles(x, 50, 95)`: one column each.
    fn percentiles(
        &self,
        call: &'a Call,
        first: usize,
        function: &str,
        inner: &Compiler<'_, 'a>,
        outer: &Compiler<'_, 'a>,
        span: Span,
    ) -> Result<Vec<Part>, Fault> {
        let mut fixed = Vec::new();
        for argument in call.arguments.iter().take(first) {
            fixed.push(inner.compile(argument)?);
        }
        let ty = match fixed.first().map(|value| value.ty) {
            Some(ScalarType::Int) => ScalarType::Long,
            Some(ScalarType::Decimal) => ScalarType::Real,
            Some(ty) => ty,
            None => ScalarType::Unknown,
        };
        let name = call.arguments.first().and_then(|arg| inner.expression_name(arg)).unwrap_or_default();
        let mut parts = Vec::new();
        for argument in call.arguments.iter().skip(first) {
            let mut args = fixed.clone();
            args.push(inner.compile(argument)?);
            let value = self.library(function, args, ty, outer, span)?;
            let real = matches!(argument.kind, ExprKind::Literal(LiteralKind::Real));
            let text = number_text(argument.span.of(inner.scope.text), real);
            let fragment: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            parts.push(Part { name: Some(format!("percentile_{name}_{fragment}")), value, source: None });
        }
        Ok(parts)
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

/// The number of the row where the key is greatest or least; the first of equal ones. Nulls are passed over.
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
    best.and_then(|(_, index)| i64::try_from(index).ok()).into()
}

/// The number of the first row; with `full`, of the first whose value is neither null nor empty.
fn any_row(values: &[Value], members: &[usize], full: bool) -> Value {
    let has = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let place = values.iter().position(|value| full && has(value)).unwrap_or(0);
    members.get(place).and_then(|&index| i64::try_from(index).ok()).into()
}

/// Columns of a picked row, as the names and expressions that make them.
fn of_row(pick: usize, columns: Vec<Part>, outer: &Compiler<'_, '_>, span: Span) -> Vec<Part> {
    columns
        .into_iter()
        .map(|part| {
            let ty = part.value.ty;
            let column = outer.note(Work::OfRow(pick), vec![part.value], ty, span);
            Part { name: part.name, value: Typed::column(column, ty), source: part.source }
        })
        .collect()
}

/// `any(a, b)` names its columns `any_a`, `any_b`.
fn prefix(call: &Call, parts: &mut [Part]) {
    let function = builtins().find(BuiltinKind::Aggregate, &call.name.text);
    let prefix = function.and_then(|function| match function.naming {
        NameRule::Prefix(prefix) => Some(prefix),
        _ => function.prefix,
    });
    if let Some(prefix) = prefix {
        for part in parts {
            part.name = Some(format!("{prefix}_{}", part.name.take().unwrap_or_default()));
            part.source = None;
        }
    }
}

fn column_part(frame: &Frame, index: usize) -> Option<Part> {
    let output = plain(frame, index)?;
    Some(Part { name: Some(output.name.to_string()), value: output.value, source: output.source })
}

/// A bare column as an argument: its number.
fn bare<'a>(argument: &'a Expr, inner: &Compiler<'_, 'a>) -> Result<(Typed, Option<usize>), Fault> {
    let value = inner.compile(value_of(argument))?;
    let source = match value.node {
        crate::kql::eval::scalar::Node::Column(index) => Some(index),
        _ => None,
    };
    Ok((value, source))
}

/// The columns of `arg_max(key, ...)`: see `bind::aggregates`.
fn new_extreme<'a>(
    args: &'a [Expr],
    inner: &Compiler<'_, 'a>,
    by: &[usize],
    kind: &str,
) -> Result<Vec<Part>, Fault> {
    let Some(rows) = inner.rows else { return Ok(Vec::new()) };
    let star = args.iter().any(|arg| matches!(arg.kind, ExprKind::Star));
    let primary = args.first().and_then(|arg| inner.expression_name(arg)).unwrap_or_default();
    let mut seen: Vec<usize> = Vec::new();
    let mut parts = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        let wanted = |source: usize, seen: &[usize]| {
            index == 0 || !star || !seen.contains(&source) && !by.contains(&source)
        };
        if matches!(arg.kind, ExprKind::Star) {
            for source in 0..rows.frame.columns.len() {
                if wanted(source, &seen) {
                    seen.push(source);
                    parts.extend(column_part(rows.frame, source));
                }
            }
            continue;
        }
        let (value, source) = bare(arg, inner)?;
        let named = matches!(arg.kind, ExprKind::Named(_));
        match source {
            Some(source) if !wanted(source, &seen) => {}
            Some(source) => {
                let again = seen.contains(&source) || by.contains(&source);
                seen.push(source);
                let name = inner.expression_name(arg);
                let name = if named {
                    name
                } else {
                    rows.frame.columns.get(source).map(|column| column.name.to_string())
                };
                let kept = if named || again { None } else { Some(source) };
                parts.push(Part { name, value, source: kept });
            }
            None => {
                let name = match inner.expression_name(arg) {
                    Some(name) => name,
                    None if index == 0 => format!("{kind}_"),
                    None => format!("{kind}_{primary}_arg{index}"),
                };
                parts.push(Part { name: Some(name), value, source: None });
            }
        }
    }
    Ok(parts)
}

/// `argmax(t, a)` names its columns `max_t`, `max_t_a`.
fn old_extreme<'a>(args: &'a [Expr], inner: &Compiler<'_, 'a>, by: &[usize]) -> Result<Vec<Part>, Fault> {
    let (Some(rows), Some((first, others))) = (inner.rows, args.split_first()) else { return Ok(Vec::new()) };
    let (value, source) = bare(first, inner)?;
    let primary = inner.expression_name(first).unwrap_or_default();
    let mut seen: Vec<usize> = source.into_iter().collect();
    let mut parts = vec![Part { name: Some(primary.clone()), value, source: None }];
    for (index, arg) in others.iter().enumerate() {
        let mut list: Vec<(String, Typed, Option<usize>)> = Vec::new();
        if matches!(arg.kind, ExprKind::Star) {
            for (column, part) in rows.frame.columns.iter().enumerate() {
                if Some(column) != source && !seen.contains(&column) && !by.contains(&column) {
                    list.push((part.name.to_string(), Typed::column(column, part.ty), Some(column)));
                }
            }
        } else {
            let (value, source) = bare(arg, inner)?;
            let name = inner.expression_name(arg).unwrap_or_else(|| format!("arg{}", index + 1));
            list.push((name, value, source));
        }
        for (name, value, source) in list {
            seen.extend(source);
            parts.push(Part { name: Some(format!("{primary}_{name}")), value, source: None });
        }
    }
    Ok(parts)
}

/// The columns of `take_any(a, b)`, `take_any(*)`.
fn any_values<'a>(
    args: &'a [Expr],
    inner: &Compiler<'_, 'a>,
    by: &[usize],
    prefix: &str,
) -> Result<Vec<Part>, Fault> {
    let Some(rows) = inner.rows else { return Ok(Vec::new()) };
    let star = args.iter().any(|arg| matches!(arg.kind, ExprKind::Star));
    let mut seen: Vec<usize> = by.to_vec();
    let mut parts = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        if matches!(arg.kind, ExprKind::Star) {
            for source in 0..rows.frame.columns.len() {
                if !seen.contains(&source) {
                    seen.push(source);
                    parts.extend(column_part(rows.frame, source));
                }
            }
            continue;
        }
        let (value, source) = bare(arg, inner)?;
        let named = matches!(arg.kind, ExprKind::Named(_));
        let repeated = source.is_some_and(|source| seen.contains(&source));
        if star && repeated {
            continue;
        }
        seen.extend(source);
        let own = source.filter(|_| !named).and_then(|source| rows.frame.columns.get(source));
        let name = match (own, inner.expression_name(arg)) {
            (Some(column), _) => column.name.to_string(),
            (None, Some(name)) if !name.is_empty() => name,
            _ => format!("{prefix}arg{index}"),
        };
        let source = source.filter(|_| !named && !repeated);
        parts.push(Part { name: Some(name), value, source });
    }
    Ok(parts)
}
