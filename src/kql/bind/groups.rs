//! Operators that group rows: `summarize`, `distinct`, `top-hitters`, `top-nested`, `make-series`.

use super::params;
use super::projection::{Projection, Style};
use super::symbols::Info;
use super::{Binder, Scope};
use crate::kql::builtins::Operator as Op;
use crate::kql::syntax::{
    Columns, Expr, ExprKind, MakeSeries, SeriesRange, Summarize, TopHitters, TopNested,
};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn summarize(&mut self, summarize: &'a Summarize) -> Ty {
        self.check_parameters(&summarize.parameters, params::SUMMARIZE);
        let by: Vec<Info<'a>> = summarize.by.iter().map(|item| self.item(item)).collect();
        let saved = std::mem::replace(&mut self.group_by, by.iter().filter_map(|info| info.column).collect());
        self.cx.scope = Scope::Aggregate;
        let aggregates = self.scalar_items(&summarize.aggregates);
        self.cx.scope = Scope::Normal;
        self.check_keys(&summarize.by, &by);
        let mut projection = Projection::default();
        for (item, &info) in summarize.by.iter().zip(&by) {
            self.project_bound(&mut projection, item, info, Style::Default, None, false);
        }
        projection.skip_present();
        for (item, info) in summarize.aggregates.iter().zip(aggregates) {
            self.project_bound(&mut projection, item, info, Style::Default, None, false);
        }
        self.group_by = saved;
        self.rows_of(projection.columns())
    }

    /// Keys must be scalars and not dynamic.
    fn check_keys(&mut self, items: &'a [Expr], infos: &[Info<'a>]) -> bool {
        let stars = |item: &Expr| matches!(item.kind, ExprKind::Star);
        items.iter().zip(infos).all(|(item, info)| stars(item) || self.check_scalar(info.ty, item.span))
            && items
                .iter()
                .zip(infos)
                .all(|(item, info)| stars(item) || self.check_not_dynamic(info.ty, item.span))
    }

    pub(super) fn distinct(&mut self, distinct: &'a Columns) -> Ty {
        self.check_parameters(&distinct.parameters, params::DISTINCT);
        let infos: Vec<Info<'a>> = distinct.items.iter().map(|item| self.item(item)).collect();
        let mut projection = Projection::default();
        for (item, &info) in distinct.items.iter().zip(&infos) {
            self.project_bound(&mut projection, item, info, Style::Default, None, false);
        }
        let columns = projection.columns();
        let star = distinct.items.iter().find(|item| matches!(item.kind, ExprKind::Star));
        if self.check_keys(&distinct.items, &infos)
            && let Some(star) = star
        {
            let _ = columns.iter().all(|&column| {
                let ty = self.column(column).ty;
                self.check_not_dynamic(ty, star.span)
            });
        }
        self.rows_of(columns)
    }

    pub(super) fn top_hitters(&mut self, top: &'a TopHitters) -> Ty {
        self.check_integer(&top.count);
        let of = self.item(&top.of);
        self.check_column(of, top.of.span);
        let mut projection = Projection::default();
        self.project_bound(&mut projection, &top.of, of, Style::Default, None, false);
        let (expr, prefix, ty) = match &top.by {
            Some(by) => {
                let info = self.item(by);
                let ty = self.reduced(info.ty);
                if !ty.is_numeric() && !ty.is_opaque() {
                    self.error("KQL135", by.span, format!("a number is expected, not {}", ty.name()));
                }
                (by, "approximate_sum_", ty)
            }
            None => (&top.of, "approximate_count_", Ty::Long),
        };
        let name = self.expression_name(expr);
        let text = format!("{prefix}{}", name.map_or("", |name| self.names.text(name)));
        let column = self.column_named(&text, ty);
        self.add(&mut projection, column, None, false, false);
        self.rows_of(projection.columns())
    }

    pub(super) fn top_nested(&mut self, levels: &'a [TopNested]) -> Ty {
        let mut projection = Projection::default();
        for level in levels {
            if let Some(count) = &level.count {
                self.check_integer(count);
            }
            let of = self.item(&level.of);
            self.check_scalar(of.ty, level.of.span);
            if let Some(others) = &level.others {
                let info = self.expr(others);
                self.check_scalar(info.ty, others.span);
            }
            let by = self.scoped(|binder| {
                binder.cx.scope = Scope::Aggregate;
                binder.item(&level.by.expr)
            });
            self.check_scalar(by.ty, level.by.expr.span);
            let name = self.expression_name(&level.of).unwrap_or_else(|| self.names.intern(""));
            let of_ty = self.reduced(of.ty);
            let column = self.new_column(name, of_ty);
            self.add(&mut projection, column, None, false, false);
            let of_name = projection.so_far().last().map_or(name, |&c| self.column(c).name);
            let by_name = match &level.by.expr.kind {
                ExprKind::Named(named) => named.names.first().map(|n| self.names.intern(&n.text)),
                _ => None,
            };
            let by_name = by_name.unwrap_or_else(|| {
                let text = format!("aggregated_{}", self.names.text(of_name));
                self.names.intern(&text)
            });
            let by_ty = self.reduced(by.ty);
            let column = self.new_column(by_name, by_ty);
            self.add(&mut projection, column, None, false, false);
        }
        self.rows_of(projection.columns())
    }

    pub(super) fn make_series(&mut self, series: &'a MakeSeries) -> Ty {
        self.check_parameters(&series.parameters, params::MAKE_SERIES);
        let saved = std::mem::take(&mut self.group_by);
        let aggregates: Vec<Info<'a>> = self.scoped(|binder| {
            binder.cx.scope = Scope::Aggregate;
            series.aggregates.iter().map(|aggregate| binder.item(&aggregate.expr)).collect()
        });
        let axis = self.item(&series.axis);
        let range: Vec<(&'a Expr, Info<'a>, bool)> = match &series.range {
            SeriesRange::FromToStep { from, to, step } => {
                let bounds = [from, to].into_iter().flatten().map(|bound| (bound, false));
                bounds.chain([(step, true)]).map(|(e, is_step)| (e, self.expr(e), is_step)).collect()
            }
            SeriesRange::InRange(arguments) => {
                let last = arguments.len().saturating_sub(1);
                arguments.iter().enumerate().map(|(i, e)| (e, self.expr(e), i == last)).collect()
            }
        };
        let mut projection = Projection::default();
        for by in &series.by {
            let info = self.item(by);
            self.check_scalar(info.ty, by.span);
            self.project_bound(&mut projection, by, info, Style::Default, None, false);
        }
        for (aggregate, info) in series.aggregates.iter().zip(aggregates) {
            self.check_scalar(info.ty, aggregate.expr.span);
            if let Some(default) = &aggregate.default {
                self.expr(default);
            }
            self.project_bound(
                &mut projection,
                &aggregate.expr,
                info,
                Style::Default,
                Some(Ty::Dynamic),
                false,
            );
        }
        self.check_scalar(axis.ty, series.axis.span);
        self.project_bound(&mut projection, &series.axis, axis, Style::Default, Some(Ty::Dynamic), false);
        let axis_ty = self.reduced(axis.ty);
        for (expr, info, is_step) in range {
            self.check_axis(axis_ty, expr, info, is_step);
        }
        self.group_by = saved;
        self.rows_of(projection.columns())
    }

    /// Bounds have the type of the axis, the step can be added to it.
    fn check_axis(&mut self, axis: Ty, expr: &'a Expr, info: Info<'a>, is_step: bool) {
        let ty = self.reduced(info.ty);
        if axis.is_opaque() || ty.is_opaque() {
            return;
        }
        if is_step {
            let axis_info = Info::of(axis);
            let args = [self.computed(expr, axis_info), self.arg(expr, info)];
            let sum = self.quietly(|binder| binder.operator(Op::Add, &args, expr.span, true));
            if !self.assignable(axis, sum.ty, super::rules::Conversion::None) {
                let what =
                    format!("a step of type {} does not fit an axis of type {}", ty.name(), axis.name());
                self.error("KQL178", expr.span, what);
            }
        } else if !self.assignable(axis, ty, super::rules::Conversion::Promotable) {
            let what = format!("a value of type {} is expected, not {}", axis.name(), ty.name());
            self.error("KQL107", expr.span, what);
        }
    }
}
