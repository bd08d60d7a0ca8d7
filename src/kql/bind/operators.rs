//! Operators that change columns: `extend`, `project` and its kin, `print`, `range`, `evaluate`, `render`…

use std::sync::Arc;

use super::params;
use super::projection::{Projection, Style, expr_value};
use super::symbols::{ColId, Group, Info, Sym, TableId};
use super::{Binder, FastSet, Scope, Wildcards};
use crate::kql::builtins::Operator as Op;
use crate::kql::schema::Name;
use crate::kql::syntax::{
    Evaluate, Expr, ExprKind, OperatorParameter, Ordered, Range, Reduce, Render, SampleDistinct,
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
