//! Pipelines: the columns of one operator are those that the next one sees.

use super::expr::table_of;
use super::params;
use super::projection::{Projection, Style};
use super::symbols::{ColId, Info, TableId};
use super::{Binder, Scope, Wildcards};
use crate::kql::span::Span;
use crate::kql::syntax::{Expr, Operator, OperatorKind, Ordered, Pipeline};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    /// Binds `source | operator | operator`.
    pub(super) fn pipeline(&mut self, span: Span, pipeline: &'a Pipeline) -> Info<'a> {
        let outer = self.cx;
        if outer.region.is_empty() || !outer.region.covers(span) {
            self.cx.region = span;
        }
        let mut current = match &pipeline.source {
            Some(source) => {
                self.cx.fuzzy = self.fuzzy_before(&pipeline.operators, outer.fuzzy);
                let region = self.cx.region;
                let info = self.tabular(source);
                self.cx.region = region;
                self.cx.piped = true;
                info.ty
            }
            None => outer.row.map_or(Ty::Void, |row| Ty::Table(row.0)),
        };
        let from_nothing = pipeline.source.is_none();
        let mut read = pipeline.source.as_ref().map_or(span.start, |source| source.span.end);
        for (index, operator) in pipeline.operators.iter().enumerate() {
            let region = self.cx.region;
            let rest = pipeline.operators.get(index + 1..).unwrap_or_default();
            self.cx.fuzzy = self.fuzzy_before(rest, outer.fuzzy);
            self.cx.row = match current {
                Ty::Table(table) => Some(TableId(table)),
                // One mistake is one message: behind an error everything may be a column.
                Ty::Error => Some(self.open_table()),
                _ => None,
            };
            if let Some(row) = self.cx.row
                && !(from_nothing && index == 0)
            {
                self.remember_rows(read, row);
            }
            self.cx.scope = Scope::Normal;
            self.cx.wildcards = Wildcards::Refused;
            self.cx.right = None;
            self.cx.path = None;
            let written = operator.pipe.map_or(operator.span.start, |pipe| pipe.start);
            self.cx.input = Span::new(span.start, before_space(self.text, span.start, written));
            current = self.operator_result(operator, current);
            self.cx.piped = true;
            self.cx.region = region;
            read = operator.span.end;
        }
        if let (Ty::Table(table), Some(last)) = (current, pipeline.operators.last()) {
            self.remember_rows(last.span.end, TableId(table));
        }
        self.cx = outer;
        Info::of(current)
    }

    /// Whether what stands before these operators is the input of a fuzzy union.
    fn fuzzy_before(&self, operators: &'a [Operator], inherited: bool) -> bool {
        let mut unions = operators.iter().filter_map(|operator| match &operator.kind {
            OperatorKind::Union(union) => self.fuzziness(&union.parameters),
            _ => None,
        });
        unions.next().unwrap_or(inherited)
    }

    /// The result of one operator whose input is in scope.
    fn operator_result(&mut self, operator: &'a Operator, input: Ty) -> Ty {
        let at = operator.keyword;
        match &operator.kind {
            OperatorKind::Print(_) | OperatorKind::Range(_) => {
                if self.cx.piped {
                    self.error("KQL174", at, "this operator must be the first of its query");
                }
            }
            OperatorKind::Union(_)
            | OperatorKind::Find(_)
            | OperatorKind::Search(_)
            | OperatorKind::Evaluate(_)
            | OperatorKind::AssertSchema(_)
            | OperatorKind::MacroExpand(_)
            | OperatorKind::InlineExternalTable(_)
            | OperatorKind::Unknown(_) => {}
            _ => {
                if !self.cx.piped {
                    self.error("KQL174", at, "this operator cannot be the first of a query");
                }
            }
        }
        self.cx.piped = false;
        match &operator.kind {
            OperatorKind::Where(rows) => {
                self.check_parameters(&rows.parameters, params::NONE);
                let info = self.expr(&rows.value);
                self.check_bool(info, &rows.value);
                self.same_rows()
            }
            OperatorKind::Take(rows) | OperatorKind::Sample(rows) => {
                self.check_parameters(&rows.parameters, params::NONE);
                self.check_integer(&rows.value);
                self.same_rows()
            }
            OperatorKind::Extend(items) => self.extend(items),
            OperatorKind::Project(items) => self.project_all(items, Style::Default),
            OperatorKind::ProjectAway(items) => self.project_away(items, false),
            OperatorKind::ProjectKeep(items) => self.project_away(items, true),
            OperatorKind::ProjectRename(items) => self.project_rename(items),
            OperatorKind::ProjectReorder(items) => self.project_reorder(items),
            OperatorKind::ProjectByNames(items) => self.project_by_names(items),
            OperatorKind::Summarize(summarize) => self.summarize(summarize),
            OperatorKind::Distinct(columns) => self.distinct(columns),
            OperatorKind::Sort(sort) => {
                self.check_parameters(&sort.parameters, params::SORT);
                for by in &sort.by {
                    let info = self.expr(&by.expr);
                    if self.check_scalar(info.ty, by.expr.span) {
                        self.check_not_dynamic(info.ty, by.expr.span);
                    }
                }
                self.same_rows()
            }
            OperatorKind::Top(top) => {
                self.check_integer(&top.count);
                let info = self.expr(&top.by.expr);
                self.check_scalar(info.ty, top.by.expr.span);
                self.same_rows()
            }
            OperatorKind::TopHitters(top) => self.top_hitters(top),
            OperatorKind::TopNested(levels) => self.top_nested(levels),
            OperatorKind::Count(name) => {
                let name = name.as_ref().map_or("Count", |name| &name.text);
                self.columns_table(&[(name, Ty::Long)])
            }
            OperatorKind::Join(join) => self.join(join, false, at),
            OperatorKind::Lookup(join) => self.join(join, true, at),
            OperatorKind::Union(union) => self.union(union),
            OperatorKind::MvExpand(expand) => self.mv_expand(expand),
            OperatorKind::MvApply(apply) => self.mv_apply(apply),
            OperatorKind::Parse(parse) | OperatorKind::ParseWhere(parse) => self.parse_operator(parse),
            OperatorKind::ParseKv(parse) => self.parse_kv(parse),
            OperatorKind::Evaluate(evaluate) => self.evaluate(evaluate),
            OperatorKind::Invoke(call) => self.invoke(call, input),
            OperatorKind::MakeSeries(series) => self.make_series(series),
            OperatorKind::Print(items) => self.print(items),
            OperatorKind::Range(range) => self.range(range),
            OperatorKind::SampleDistinct(sample) => self.sample_distinct(sample),
            OperatorKind::Serialize(columns) => {
                self.check_parameters(&columns.parameters, params::NONE);
                let base = self.row_columns();
                let mut projection = Projection::starting_with(self, &base);
                self.add_items(&mut projection, &columns.items, Style::Default);
                self.rows_of(projection.columns())
            }
            OperatorKind::As(name) => {
                self.check_parameters(&name.parameters, params::AS);
                if let Some(row) = self.cx.row {
                    self.declare_variable(&name.name.text, Ty::Table(row.0));
                }
                let columns = self.cx.row.map(|row| self.declared(row));
                let open = self.row_is_open();
                match columns {
                    Some(columns) => Ty::Table(self.new_table(columns, open).0),
                    None => Ty::Void,
                }
            }
            OperatorKind::Partition(partition) => self.partition(partition),
            OperatorKind::PartitionBy(partition) => self.partition_by(partition),
            OperatorKind::Fork(branches) => self.fork(branches),
            OperatorKind::Facet(facet) => self.facet(facet),
            OperatorKind::Find(find) => self.find(find),
            OperatorKind::Search(search) => self.search(search, at),
            OperatorKind::Getschema(kind) => self.getschema(kind.as_ref()),
            OperatorKind::Reduce(reduce) => self.reduce(reduce),
            OperatorKind::Render(render) => self.render(render),
            OperatorKind::Scan(scan) => self.scan(scan),
            OperatorKind::MakeGraph(graph) => self.make_graph(graph),
            OperatorKind::GraphMatch(pattern) | OperatorKind::GraphShortestPaths(pattern) => {
                self.graph_match(pattern, input, at)
            }
            OperatorKind::GraphToTable(outputs) => self.graph_to_table(outputs, input, at),
            OperatorKind::GraphMarkComponents(parameters) => self.graph_components(parameters, input),
            OperatorKind::GraphWhereNodes(predicate) | OperatorKind::GraphWhereEdges(predicate) => {
                self.graph_where(predicate, input)
            }
            OperatorKind::MacroExpand(expand) => self.macro_expand(expand),
            OperatorKind::AssertSchema(_) | OperatorKind::ExecuteAndCache => self.same_rows(),
            OperatorKind::Consume(parameters) => {
                let _ = parameters;
                Ty::Void
            }
            OperatorKind::InlineExternalTable(_) | OperatorKind::Unknown(_) => Ty::Error,
        }
    }

    /// The input's columns, also those inferred, as a new table of the same openness.
    pub(super) fn same_rows(&mut self) -> Ty {
        let columns = self.row_columns();
        let open = self.row_is_open();
        Ty::Table(self.new_table(columns, open).0)
    }

    /// A table of these columns, open if the input is.
    pub(super) fn rows_of(&mut self, columns: Vec<ColId>) -> Ty {
        let open = self.row_is_open();
        Ty::Table(self.new_table(columns, open).0)
    }

    pub(super) fn columns_table(&mut self, columns: &[(&str, Ty)]) -> Ty {
        let columns: Vec<ColId> = columns.iter().map(|(name, ty)| self.column_named(name, *ty)).collect();
        Ty::Table(self.new_table(columns, false).0)
    }

    pub(super) fn add_items(&mut self, to: &mut Projection, items: &'a [Expr], style: Style) {
        // All are bound before any becomes a column: `extend a = 1, b = a` does not see the new a.
        let infos = self.scalar_items(items);
        for (item, info) in items.iter().zip(infos) {
            self.project_bound(to, item, info, style, None, false);
        }
    }

    pub(super) fn scalar_items(&mut self, items: &'a [Expr]) -> Vec<Info<'a>> {
        let mut infos = Vec::with_capacity(items.len());
        for item in items {
            let info = self.item(item);
            infos.push(info);
        }
        // Like the library: the first item that is no scalar is reported, not those after it.
        for (item, info) in items.iter().zip(&infos) {
            if !matches!(item.kind, crate::kql::syntax::ExprKind::Star)
                && !self.check_scalar(info.ty, item.span)
            {
                break;
            }
        }
        infos
    }

    /// Binds the value of one item of a list of columns.
    pub(super) fn item(&mut self, item: &'a Expr) -> Info<'a> {
        self.expr(super::projection::expr_value(item))
    }

    pub(super) fn check_bool(&mut self, info: Info<'a>, expr: &'a Expr) {
        let ty = self.reduced(info.ty);
        if ty != Ty::Bool && !ty.is_opaque() && ty != Ty::Void {
            let what = format!("a condition is expected, not a value of type {}", ty.name());
            self.error("KQL107", expr.span, what);
        }
    }

    pub(super) fn check_integer(&mut self, expr: &'a Expr) {
        let info = self.expr(expr);
        let ty = self.reduced(info.ty);
        if !ty.is_integer() && !ty.is_opaque() {
            self.error("KQL134", expr.span, format!("an integer is expected, not {}", ty.name()));
        }
    }

    /// Reports a dynamic value. True if it is none.
    pub(super) fn check_not_dynamic(&mut self, ty: Ty, span: Span) -> bool {
        let refused = self.reduced(ty).is_dynamic();
        if refused {
            self.error("KQL116", span, "a dynamic value is not allowed here: convert it, as with tostring()");
        }
        !refused
    }

    /// Reports what is no column. True if it is one.
    pub(super) fn check_column(&mut self, info: Info<'a>, span: Span) -> bool {
        let column = info.sym.column().is_some();
        if !column && !info.ty.is_error() {
            self.error("KQL109", span, "a column name is expected");
        }
        column
    }

    /// Binds a sub-query that reads the input without naming it.
    pub(super) fn piped_query(&mut self, region: Span, query: &'a Expr) -> Info<'a> {
        self.scoped(|binder| {
            binder.cx.piped = true;
            binder.cx.region = region;
            binder.tabular(query)
        })
    }

    pub(super) fn ordered(&mut self, by: &'a [Ordered]) {
        for item in by {
            let info = self.expr(&item.expr);
            self.check_scalar(info.ty, item.expr.span);
        }
    }

    pub(super) fn table_or_open(&mut self, ty: Ty) -> TableId {
        match table_of(ty) {
            Some(table) => table,
            None => self.open_table(),
        }
    }
}

/// The end of the text from `start` to `end` without the white space at its end.
fn before_space(text: &str, start: u32, end: u32) -> u32 {
    let part = Span::new(start, end).of(text);
    start + u32::try_from(part.trim_end().len()).unwrap_or(0)
}
