//! Aggregates that give several columns: `arg_max(t, *)`, `take_any(a, b)`, `percentiles(x, 50, 95)`.

use std::sync::Arc;

use super::Binder;
use super::call::Arg;
use super::symbols::{ColId, Column};
use crate::kql::schema::Name;
use crate::kql::syntax::ExprKind;
use crate::kql::token::LiteralKind;
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    /// The result of such an aggregate; `None` if `function` is none.
    pub(super) fn aggregate_result(&mut self, function: &str, args: &[Arg<'a>]) -> Option<Ty> {
        Some(match function {
            "arg_max" => self.arg_extreme(args, "max"),
            "arg_min" => self.arg_extreme(args, "min"),
            "argmax" | "argmin" => self.old_arg_extreme(args),
            "any" => self.any_values(args, ""),
            "take_any" => self.any_values(args, "any_"),
            "percentile" | "percentiles" => self.percentiles(args, 1),
            "percentilew" | "percentilesw" => self.percentiles(args, 2),
            "percentiles_array" | "percentilesw_array" => {
                let name = args.first().and_then(|arg| self.argument_name(arg));
                let text = format!("percentiles_{}", name.map_or("", |name| self.names.text(name)));
                let column = self.column_named(&text, Ty::ARRAY);
                self.new_tuple(vec![column], None)
            }
            _ => return None,
        })
    }

    fn arg_extreme(&mut self, args: &[Arg<'a>], prefix: &str) -> Ty {
        let by = self.group_by.clone();
        let star = args.iter().any(Arg::is_star);
        let primary = args.first().and_then(|arg| self.argument_name(arg));
        let mut seen: Vec<ColId> = Vec::new();
        let mut columns: Vec<ColId> = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let wanted = |column: ColId, seen: &[ColId]| {
                index == 0 || !star || !seen.contains(&column) && !by.contains(&column)
            };
            if arg.is_star() {
                for &column in self.star_columns().iter() {
                    if wanted(column, &seen) {
                        seen.push(column);
                        columns.push(column);
                    }
                }
            } else if let Some((name, source)) = self.named_column(arg) {
                if wanted(source, &seen) {
                    seen.push(source);
                    let ty = self.column(source).ty;
                    columns.push(self.new_column(name, ty));
                }
            } else if let Some(column) = self.plain_column(arg) {
                if wanted(column, &seen) {
                    if seen.contains(&column) || by.contains(&column) {
                        // It stands there already: the projection gives this one a number.
                        columns.push(self.same_column(column));
                    } else {
                        seen.push(column);
                        columns.push(column);
                    }
                }
            } else {
                let name = match self.argument_name(arg) {
                    Some(name) => name,
                    None if index == 0 => self.names.intern(&format!("{prefix}_")),
                    None => {
                        let primary = primary.map_or("", |name| self.names.text(name));
                        let text = format!("{prefix}_{primary}_arg{index}");
                        self.names.intern(&text)
                    }
                };
                columns.push(self.new_column(name, arg.ty));
            }
        }
        self.new_tuple(columns, None)
    }

    /// `argmax(t, a)` names its columns `max_t`, `max_t_a`.
    fn old_arg_extreme(&mut self, args: &[Arg<'a>]) -> Ty {
        let by = self.group_by.clone();
        let star = args.iter().any(Arg::is_star);
        let Some((first, others)) = args.split_first() else { return self.new_tuple(Vec::new(), None) };
        let (primary, source) = match self.plain_column(first) {
            Some(column) => (column, Some(column)),
            None => {
                let name = self.argument_name(first).unwrap_or_else(|| self.names.intern(""));
                (self.new_column(name, first.ty), None)
            }
        };
        let mut seen: Vec<ColId> = source.into_iter().collect();
        let mut columns = vec![primary];
        let prefix = self.names.text(self.column(primary).name).to_owned();
        for (index, arg) in others.iter().enumerate() {
            let mut list: Vec<(Name, Ty, Option<ColId>)> = Vec::new();
            if arg.is_star() {
                for &column in self.star_columns().iter() {
                    if Some(column) != source {
                        let Column { name, ty } = self.column(column);
                        list.push((name, ty, Some(column)));
                    }
                }
            } else if let Some((name, column)) = self.named_column(arg) {
                list.push((name, self.column(column).ty, Some(column)));
            } else if let Some(column) = self.plain_column(arg) {
                let Column { name, ty } = self.column(column);
                list.push((name, ty, Some(column)));
            } else {
                let name = match self.argument_name(arg) {
                    Some(name) => name,
                    None => self.names.intern(&format!("arg{}", index + 1)),
                };
                list.push((name, arg.ty, None));
            }
            for (name, ty, column) in list {
                let repeated = column.is_some_and(|c| star && (seen.contains(&c) || by.contains(&c)));
                if !repeated {
                    seen.extend(column);
                    let text = format!("{prefix}_{}", self.names.text(name));
                    columns.push(self.column_named(&text, ty));
                }
            }
        }
        self.new_tuple(columns, None)
    }

    fn any_values(&mut self, args: &[Arg<'a>], prefix: &str) -> Ty {
        let star = args.iter().any(Arg::is_star);
        let mut seen = self.group_by.clone();
        let mut columns: Vec<ColId> = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            if arg.is_star() {
                for &column in self.star_columns().iter() {
                    if !seen.contains(&column) {
                        seen.push(column);
                        columns.push(column);
                    }
                }
            } else if let Some((name, source)) = self.named_column(arg) {
                if !star || !seen.contains(&source) {
                    seen.push(source);
                    let ty = self.column(source).ty;
                    columns.push(self.new_column(name, ty));
                }
            } else if let Some(column) = self.plain_column(arg) {
                let repeated = seen.contains(&column);
                if !star || !repeated {
                    columns.push(if repeated { self.same_column(column) } else { column });
                    seen.push(column);
                }
            } else {
                let name = match self.argument_name(arg) {
                    Some(name) if !self.names.text(name).is_empty() => name,
                    _ => self.names.intern(&format!("{prefix}arg{index}")),
                };
                columns.push(self.new_column(name, arg.ty));
            }
        }
        self.new_tuple(columns, None)
    }

    fn percentiles(&mut self, args: &[Arg<'a>], first: usize) -> Ty {
        let ty = match args.first().map_or(Ty::Unknown, |a| a.ty) {
            Ty::Int => Ty::Long,
            Ty::Decimal => Ty::Real,
            ty => ty,
        };
        let name = args.first().and_then(|arg| self.argument_name(arg));
        let name = name.map_or_else(String::new, |name| self.names.text(name).to_owned());
        let mut columns = Vec::new();
        for arg in args.iter().skip(first) {
            let text = number_text(arg);
            let fragment: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            columns.push(self.column_named(&format!("percentile_{name}_{fragment}"), ty));
        }
        self.new_tuple(columns, None)
    }

    fn star_columns(&self) -> Arc<[ColId]> {
        match self.cx.row {
            Some(row) => self.declared(row),
            None => self.row_columns(),
        }
    }

    /// `x = column` as an argument.
    fn named_column(&mut self, arg: &Arg<'a>) -> Option<(Name, ColId)> {
        let ExprKind::Named(named) = &arg.expr?.kind else { return None };
        if named.list {
            return None;
        }
        let name = named.names.first()?;
        let column = self.quietly(|binder| binder.expr(&named.value)).column?;
        Some((self.names.intern(&name.text), column))
    }

    fn plain_column(&self, arg: &Arg<'a>) -> Option<ColId> {
        match arg.expr?.kind {
            ExprKind::Named(_) => None,
            _ => arg.info.column,
        }
    }

    /// A column of the same name that is not the same column.
    fn same_column(&mut self, column: ColId) -> ColId {
        let Column { name, ty } = self.column(column);
        self.new_column(name, ty)
    }
}

/// A number as the language prints it: `95.0` is `95`.
fn number_text(arg: &Arg<'_>) -> String {
    let text = Binder::constant_text(arg);
    let real = arg.info.value.is_some_and(|v| matches!(v.expr.kind, ExprKind::Literal(LiteralKind::Real)));
    match text.parse::<f64>() {
        Ok(number) if real => format!("{number}"),
        _ => text.to_owned(),
    }
}
