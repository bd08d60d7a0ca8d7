//! Operators with queries inside: `partition`, `fork`, `facet`, `scan`, `macro-expand`.

use super::Binder;
use super::params;
use super::symbols::{ColId, Group, Info, Sym, TableId, Variable};
use crate::kql::syntax::{
    Branch, Expr, ExprKind, Facet, MacroExpand, OperatorKind, Partition, PartitionBy, Scan, StatementKind,
};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn partition(&mut self, partition: &'a Partition) -> Ty {
        self.check_parameters(&partition.parameters, params::PARTITION);
        let by = self.item(&partition.by);
        if self.check_column(by, partition.by.span) {
            self.check_not_dynamic(by.ty, partition.by.span);
        }
        if let Some(scope) = &partition.scope {
            self.expr(scope);
        }
        let head = self.scope_head;
        if let Sym::Column(column) = by.sym {
            let name = self.column(column).name;
            self.declare_name(name, Sym::Column(column));
        }
        let info = if partition.braces {
            self.sub_query(partition.subquery.span, &partition.subquery)
        } else {
            self.piped_query(partition.subquery.span, &partition.subquery)
        };
        self.scope_head = head;
        self.check_tabular(info.ty, partition.subquery.span);
        self.branch_result(info)
    }

    pub(super) fn partition_by(&mut self, partition: &'a PartitionBy) -> Ty {
        let by = self.item(&partition.by);
        if self.check_column(by, partition.by.span) {
            self.check_not_dynamic(by.ty, partition.by.span);
        }
        let info = self.piped_query(partition.subquery.span, &partition.subquery);
        self.branch_result(info)
    }

    fn branch_result(&mut self, info: Info<'a>) -> Ty {
        match info.ty {
            Ty::Table(table) => {
                let columns = self.all_columns(TableId(table));
                let open = self.row_is_open() || self.is_open(TableId(table));
                Ty::Table(self.new_table(columns, open).0)
            }
            _ => self.same_rows(),
        }
    }

    pub(super) fn fork(&mut self, branches: &'a [Branch]) -> Ty {
        let mut tables = Vec::new();
        for branch in branches {
            let info = self.piped_query(branch.span, &branch.query);
            self.check_tabular(info.ty, branch.query.span);
            self.check_operators(&branch.query, "fork");
            self.add_tables(info.ty, &mut tables);
        }
        Ty::Group(self.new_group(Group::Tables(tables)))
    }

    /// Only operators that keep to one input are allowed in a branch.
    fn check_operators(&mut self, query: &'a Expr, place: &str) {
        let ExprKind::Pipeline(pipeline) = &query.kind else { return };
        for operator in &pipeline.operators {
            let refused = matches!(
                operator.kind,
                OperatorKind::Join(_)
                    | OperatorKind::Lookup(_)
                    | OperatorKind::Union(_)
                    | OperatorKind::Find(_)
                    | OperatorKind::Search(_)
                    | OperatorKind::Evaluate(_)
                    | OperatorKind::Fork(_)
                    | OperatorKind::Facet(_)
                    | OperatorKind::MakeSeries(_)
                    | OperatorKind::MvApply(_)
                    | OperatorKind::Partition(_)
                    | OperatorKind::Render(_)
                    | OperatorKind::Serialize(_)
                    | OperatorKind::Scan(_)
                    | OperatorKind::Getschema(_)
                    | OperatorKind::Consume(_)
                    | OperatorKind::Print(_)
                    | OperatorKind::Range(_)
            );
            if refused {
                let name = operator.keyword.of(self.text);
                self.error("KQL177", operator.keyword, format!("'{name}' is not allowed in {place}"));
            }
        }
    }

    pub(super) fn facet(&mut self, facet: &'a Facet) -> Ty {
        let mut tables = Vec::new();
        if let Some(with) = &facet.with {
            let info = self.piped_query(with.span, with);
            self.check_tabular(info.ty, with.span);
            self.add_tables(info.ty, &mut tables);
        }
        for item in &facet.columns {
            let info = self.item(item);
            if self.check_column(info, item.span) {
                self.check_not_dynamic(info.ty, item.span);
            }
            let Some(name) = self.expression_name(item) else { continue };
            let count = format!("count_{}", self.names.text(name));
            let ty = self.reduced(info.ty);
            let columns = vec![self.new_column(name, ty), self.column_named(&count, Ty::Long)];
            tables.push(self.new_table(columns, false));
        }
        Ty::Group(self.new_group(Group::Tables(tables)))
    }

    pub(super) fn scan(&mut self, scan: &'a Scan) -> Ty {
        self.check_parameters(&scan.parameters, params::SCAN);
        self.ordered(&scan.order_by);
        for by in &scan.partition_by {
            self.expr(by);
        }
        let mut columns = self.row_columns().to_vec();
        let mut declared: Vec<ColId> = Vec::new();
        for parameter in &scan.declare {
            let ty = self.declared_type(&parameter.ty);
            if let Some(default) = &parameter.default {
                self.expr(default);
            }
            declared.push(self.column_named(&parameter.name.text, ty));
        }
        columns.extend_from_slice(&declared);
        let head = self.scope_head;
        for &column in &declared {
            let name = self.column(column).name;
            self.declare_name(name, Sym::Column(column));
        }
        let row = self.cx.row;
        let state = self.new_tuple(columns.clone(), row);
        for step in &scan.steps {
            self.declare_variable(&step.name.text, state);
        }
        for step in &scan.steps {
            let info = self.expr(&step.predicate);
            self.check_bool(info, &step.predicate);
            for (_, value) in &step.assignments {
                self.expr(value);
            }
        }
        self.scope_head = head;
        let id = params::word(&scan.parameters, &["with_match_id"]).unwrap_or("match_id");
        columns.push(self.column_named(id, Ty::Long));
        self.rows_of(columns)
    }

    /// The statements run once for each member of a group that is only known elsewhere.
    pub(super) fn macro_expand(&mut self, expand: &'a MacroExpand) -> Ty {
        self.tabular(&expand.group);
        let head = self.scope_head;
        let scope = expand.scope.as_ref().map(|name| &*name.text);
        let scope = scope.or(match &expand.group.kind {
            ExprKind::Name(name) => Some(&*name.text),
            _ => None,
        });
        if let Some(scope) = scope {
            self.declare_variable(scope, Ty::Database(false));
        }
        let mut result = self.open_result().ty;
        for statement in &expand.statements {
            match &statement.kind {
                StatementKind::Expr(expr) => {
                    let info = self.sub_query(statement.span, expr);
                    if let Ty::Table(_) = info.ty {
                        result = info.ty;
                    }
                }
                _ => self.statement(statement),
            }
        }
        self.scope_head = head;
        result
    }

    /// Declares a variable from here on.
    pub(super) fn declare_variable(&mut self, name: &str, ty: Ty) {
        let variable = self.new_variable(Variable { ty, constant: false, value: None });
        let name = self.names.intern(name);
        self.declare_name(name, variable);
    }
}
