//! Aggregates that give several columns: `arg_max(t, *)`, `take_any(a, b)`, `percentiles(x, 50, 95)`. The names are the
//! binder's (`bind::aggregates`).

use super::reshape::plain;
use crate::kql::builtins::{BuiltinKind, NameRule, builtins};
use crate::kql::eval::Fault;
use crate::kql::eval::compile::{Compiler, Work, number_text};
use crate::kql::eval::frame::Frame;
use crate::kql::eval::project::{Part, value_of};
use crate::kql::eval::run::Run;
use crate::kql::eval::scalar::{Node, Typed};
use crate::kql::span::Span;
use crate::kql::syntax::{Call, Expr, ExprKind};
use crate::kql::token::LiteralKind;
use crate::kql::types::ScalarType;

impl<'a> Run<'a> {
    /// Aggregates of several columns; `None` if it is none.
    pub(super) fn several(
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
        Node::Column(index) => Some(index),
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
