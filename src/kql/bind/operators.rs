//! Operators that change columns: `project` and its kin, `summarize`, `distinct`, `top-nested`, `make-series`…

use std::sync::Arc;

use super::params;
use super::projection::{Projection, Style, expr_value};
use super::symbols::{ColId, Group, Info, Sym, TableId};
use super::{Binder, FastSet, Scope, Wildcards};
use crate::kql::builtins::Operator as Op;
use crate::kql::schema::Name;
use crate::kql::syntax::{
    Columns, Evaluate, Expr, ExprKind, MakeSeries, OperatorParameter, Ordered, Range, Reduce, Render,
    SampleDistinct, SeriesRange, Summarize, TopHitters, TopNested,
};
use crate::kql::types::Ty;

const CHARTS: [&str; 21] = [
    "table",
    "list",
    "barchart",
    "piechart",
    "ladderchart",
    "timechart",
    "linechart",
    "anomalychart",
    "pivotchart",
    "areachart",
    "stackedareachart",
    "scatterchart",
    "timepivot",
    "columnchart",
    "timeline",
    "3Dchart",
    "card",
    "treemap",
    "plotly",
    "graph",
    "sankey",
];

impl<'a> Binder<'a> {
    pub(super) fn extend(&mut self, items: &'a [Expr]) -> Ty {
        let infos = self.scalar_items(items);
        let base = self.row_columns();
        let mut projection = Projection::starting_with(self, &base);
        for (item, info) in items.iter().zip(infos) {
            self.project_bound(&mut projection, item, info, Style::Extend, None, false);
        }
        self.rows_of(projection.columns())
    }

    pub(super) fn project_all(&mut self, items: &'a [Expr], style: Style) -> Ty {
        let mut projection = Projection::default();
        self.add_items(&mut projection, items, style);
        self.rows_of(projection.columns())
    }

    /// `project-away`, and `project-keep` if `keep`.
    pub(super) fn project_away(&mut self, items: &'a [Expr], keep: bool) -> Ty {
        self.cx.wildcards = Wildcards::Columns;
        let mut named: FastSet<Name> = FastSet::default();
        for item in items {
            let info = self.expr(item);
            match info.sym {
                Sym::Column(column) => {
                    named.insert(self.column(column).name);
                }
                Sym::Group(group) => {
                    if let Some(Group::Columns(columns)) = self.group(group) {
                        let columns = Arc::clone(columns);
                        named.extend(self.names_of(&columns));
                    }
                }
                _ if info.ty.is_error() => {}
                _ => self.error("KQL109", item.span, "a column name is expected"),
            }
        }
        let columns = self.cx.row.map(|row| self.declared(row)).unwrap_or_else(|| self.row_columns());
        let left = columns.iter().copied().filter(|&c| named.contains(&self.column(c).name) == keep);
        let left: Vec<ColId> = left.collect();
        self.rows_of(left)
    }

    pub(super) fn project_rename(&mut self, items: &'a [Expr]) -> Ty {
        let infos: Vec<Info<'a>> = items.iter().map(|item| self.item(item)).collect();
        let base = self.row_columns();
        let mut projection = Projection::starting_with(self, &base);
        projection.declare_present(self);
        for (item, info) in items.iter().zip(infos) {
            match &item.kind {
                ExprKind::Named(named) if !named.list => {
                    let Some(name) = named.names.first() else { continue };
                    match info.sym {
                        Sym::Column(column) => {
                            let old = self.column(column).name;
                            let new = self.names.intern(&name.text);
                            self.rename(&mut projection, old, new, name.span);
                        }
                        _ if info.ty.is_error() => {}
                        _ => self.error("KQL109", named.value.span, "a column name is expected"),
                    }
                }
                _ => self.error("KQL110", item.span, "new = old is expected"),
            }
        }
        self.rows_of(projection.columns())
    }

    pub(super) fn project_reorder(&mut self, items: &'a [Ordered]) -> Ty {
        self.cx.wildcards = Wildcards::Columns;
        let mut projection = Projection::default();
        let infos: Vec<Info<'a>> = items.iter().map(|item| self.item(&item.expr)).collect();
        for (item, info) in items.iter().zip(infos) {
            if let Sym::Group(group) = info.sym
                && let Some(Group::Columns(columns)) = self.group(group)
            {
                let columns = Arc::clone(columns);
                for column in self.ordered_columns(&columns, item.direction) {
                    self.add(&mut projection, column, None, false, true);
                }
            } else {
                self.project_bound(&mut projection, &item.expr, info, Style::Reorder, None, true);
            }
        }
        let rest = self.cx.row.map(|row| self.declared(row)).unwrap_or_else(|| self.row_columns());
        for &column in rest.iter() {
            self.add(&mut projection, column, None, false, false);
        }
        self.rows_of(projection.columns())
    }

    /// Names and patterns given as strings; those that cannot be known leave the result open.
    pub(super) fn project_by_names(&mut self, items: &'a [Expr]) -> Ty {
        let mut projection = Projection::default();
        let mut known = true;
        for item in items {
            let info = self.expr(item);
            let mut patterns: Vec<&str> = Vec::new();
            match info.value.map(|v| &v.expr.kind) {
                Some(ExprKind::String(string)) => patterns.push(&string.value),
                Some(ExprKind::Dynamic(value)) => match &value.kind {
                    ExprKind::Array(values) => patterns.extend(values.iter().filter_map(|v| match &v.kind {
                        ExprKind::String(string) => Some(&*string.value),
                        _ => None,
                    })),
                    _ => known = false,
                },
                _ => known = false,
            }
            let columns = self.row_columns();
            for pattern in patterns {
                for &column in columns.iter() {
                    let name = self.names.text(self.column(column).name);
                    if super::names::matches(pattern.as_bytes(), name.as_bytes()) {
                        self.add(&mut projection, column, None, false, true);
                    }
                }
            }
        }
        let open = !known || self.row_is_open();
        Ty::Table(self.new_table(projection.columns(), open).0)
    }

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

    pub(super) fn evaluate(&mut self, evaluate: &'a Evaluate) -> Ty {
        self.check_parameters(&evaluate.parameters, params::EVALUATE);
        let info = self.scoped(|binder| {
            binder.cx.scope = Scope::Plugin;
            binder.expr(&evaluate.call)
        });
        let Some(schema) = &evaluate.schema else { return info.ty };
        let mut columns: Vec<ColId> = Vec::new();
        if schema.star
            && let Ty::Table(table) = info.ty
        {
            let named: Vec<Name> = schema.columns.iter().map(|c| self.names.intern(&c.name.text)).collect();
            let kept = self.table_columns(table);
            columns.extend(kept.iter().copied().filter(|&c| !named.contains(&self.column(c).name)));
        }
        columns.extend(self.declared_columns(&schema.columns));
        Ty::Table(self.new_table(columns, false).0)
    }

    pub(super) fn invoke(&mut self, call: &'a Expr, input: Ty) -> Ty {
        let info = self.scoped(|binder| {
            let input = match input {
                Ty::Table(_) | Ty::Graph(_) => input,
                _ => binder.open_result().ty,
            };
            binder.cx.implicit = Some((input, binder.cx.input));
            binder.cx.row = None;
            binder.tabular(call)
        });
        info.ty
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

    pub(super) fn print(&mut self, items: &'a [Expr]) -> Ty {
        let mut projection = Projection::default();
        let infos: Vec<Info<'a>> = items.iter().map(|item| self.item(item)).collect();
        for (index, (item, info)) in items.iter().zip(infos).enumerate() {
            self.check_scalar(info.ty, item.span);
            self.project_bound(&mut projection, item, info, Style::Print(index), None, false);
        }
        Ty::Table(self.new_table(projection.columns(), false).0)
    }

    pub(super) fn range(&mut self, range: &'a Range) -> Ty {
        let mut types = Vec::new();
        for expr in [&range.from, &range.to, &range.step] {
            let info = self.expr(expr);
            let ty = self.reduced(info.ty);
            if !ty.is_summable() && !ty.is_opaque() {
                let what = format!("a number, timespan or datetime is expected, not {}", ty.name());
                self.error("KQL135", expr.span, what);
            }
            types.push(ty);
        }
        let [from, to, step] = *types.as_slice() else { return self.open_result().ty };
        let bounds = self.common_of(&[from, to], super::rules::Conversion::Promotable).unwrap_or(Ty::Unknown);
        let ty = if bounds == Ty::Int && step == Ty::Int {
            Ty::Int
        } else {
            let args =
                [self.computed(&range.from, Info::of(bounds)), self.computed(&range.step, Info::of(step))];
            self.operator(Op::Add, &args, range.step.span, true).ty
        };
        self.columns_table(&[(&range.name.text, ty)])
    }

    pub(super) fn sample_distinct(&mut self, sample: &'a SampleDistinct) -> Ty {
        self.check_parameters(&sample.parameters, params::NONE);
        self.check_integer(&sample.count);
        let info = self.item(&sample.of);
        if self.check_column(info, sample.of.span) {
            self.check_not_dynamic(info.ty, sample.of.span);
        }
        let name = self.expression_name(&sample.of).unwrap_or_else(|| self.names.intern("Column1"));
        let ty = self.reduced(info.ty);
        let column = match info.column {
            Some(column) if self.column(column).name == name => column,
            _ => self.new_column(name, ty),
        };
        self.rows_of(vec![column])
    }

    pub(super) fn getschema(&mut self, kind: Option<&'a OperatorParameter>) -> Ty {
        let csl = kind.is_some_and(|k| k.value.span.of(self.text) == "csl");
        if csl {
            return self.columns_table(&[("Schema", Ty::String)]);
        }
        self.columns_table(&[
            ("ColumnName", Ty::String),
            ("ColumnOrdinal", Ty::Long),
            ("DataType", Ty::String),
            ("ColumnType", Ty::String),
        ])
    }

    pub(super) fn reduce(&mut self, reduce: &'a Reduce) -> Ty {
        self.check_parameters(&reduce.parameters, params::REDUCE);
        self.check_parameters(&reduce.with, params::REDUCE_WITH);
        let info = self.expr(&reduce.by);
        let ty = self.reduced(info.ty);
        if ty != Ty::String && !ty.is_opaque() {
            self.error("KQL107", reduce.by.span, format!("a string is expected, not {}", ty.name()));
        }
        let source = params::word(&reduce.parameters, &["kind"]) == Some("source");
        let mut columns = if source { self.row_columns().to_vec() } else { Vec::new() };
        for (name, ty) in [("Pattern", Ty::String), ("Count", Ty::Long), ("Representative", Ty::String)] {
            columns.push(self.column_named(name, ty));
        }
        Ty::Table(self.new_table(columns, false).0)
    }

    pub(super) fn render(&mut self, render: &'a Render) -> Ty {
        let chart: &str = &render.chart.text;
        if !chart.is_empty() && !CHARTS.contains(&chart) {
            self.error("KQL005", render.chart.span, format!("there is no chart '{chart}'"));
        }
        self.check_parameters(&render.properties, params::RENDER);
        self.same_rows()
    }

    /// The input, or an open table if there is none.
    pub(super) fn input(&mut self) -> TableId {
        match self.cx.row {
            Some(row) => row,
            None => self.open_table(),
        }
    }

    /// Binds `x = value` down to the value.
    pub(super) fn value_of(expr: &'a Expr) -> &'a Expr {
        expr_value(expr)
    }
}
