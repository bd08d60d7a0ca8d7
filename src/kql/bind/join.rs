//! `join`, `lookup` and `union`.

use super::expr::table_of;
use super::params;
use super::symbols::{ColId, Group, Info, Sym, TableId};
use super::{Binder, Wildcards};
use crate::kql::span::Span;
use crate::kql::syntax::{BinaryOp, ChainOp, Columns, Expr, ExprKind, Join, JoinCondition};
use crate::kql::types::Ty;

const LEFT_ONLY: [&str; 4] = ["anti", "leftanti", "leftsemi", "leftantisemi"];
const RIGHT_ONLY: [&str; 3] = ["rightanti", "rightsemi", "rightantisemi"];

impl<'a> Binder<'a> {
    pub(super) fn join(&mut self, join: &'a Join, lookup: bool, at: Span) -> Ty {
        self.check_parameters(&join.parameters, if lookup { params::LOOKUP } else { params::JOIN });
        let right_info = self.scoped(|binder| {
            binder.cx.row = None;
            binder.cx.region = join.right.span;
            binder.tabular(&join.right)
        });
        self.check_tabular(right_info.ty, join.right.span);
        let right = table_of(right_info.ty);
        let mut keys: Vec<(ColId, ColId)> = Vec::new();
        self.scoped(|binder| {
            // Of an unknown right side every column may be.
            binder.cx.right = Some(binder.table_or_open(right_info.ty));
            match &join.condition {
                Some(JoinCondition::On(conditions)) => {
                    for condition in conditions {
                        binder.join_condition(condition, &mut keys);
                    }
                }
                Some(JoinCondition::Where(predicate)) => {
                    let info = binder.expr(predicate);
                    binder.check_bool(info, predicate);
                }
                None => binder.error("KQL182", at, "the join needs 'on' and the columns to match"),
            }
        });
        let kind = params::word(&join.parameters, &["kind"]).unwrap_or_default();
        let mut columns: Vec<ColId> = Vec::new();
        let mut open = right.is_none();
        if !RIGHT_ONLY.contains(&kind) || lookup {
            columns.extend_from_slice(&self.row_columns());
            open |= self.row_is_open();
        }
        if let Some(right) = right.filter(|_| lookup || !LEFT_ONLY.contains(&kind)) {
            let theirs = self.all_columns(right);
            if lookup {
                for column in &mut columns {
                    if let Some((left, _)) = keys.iter().find(|(left, _)| left == column) {
                        let key = self.column(*left);
                        *column = self.new_column(key.name, key.ty);
                    }
                }
                columns.extend(theirs.iter().copied().filter(|c| !keys.iter().any(|(_, right)| right == c)));
            } else {
                columns.extend_from_slice(&theirs);
            }
            open |= self.is_open(right);
        }
        if LEFT_ONLY.contains(&kind) && !lookup {
            open = self.row_is_open();
        }
        self.make_names_unique(&mut columns);
        Ty::Table(self.new_table(columns, open).0)
    }

    /// `a`, `$left.a == $right.b`, or several of them joined by `and`.
    fn join_condition(&mut self, condition: &'a Expr, keys: &mut Vec<(ColId, ColId)>) {
        let condition = without_parentheses(condition);
        match &condition.kind {
            ExprKind::Chain(chain) if chain.rest.iter().all(|link| link.op == ChainOp::And) => {
                self.join_condition(&chain.first, keys);
                chain.rest.iter().for_each(|link| self.join_condition(&link.operand, keys));
            }
            ExprKind::Binary(binary) if binary.op == BinaryOp::Equal => {
                let left = self.expr(&binary.left);
                let right = self.expr(&binary.right);
                let left_column = self.join_operand(&binary.left, left, "$left");
                let right_column = self.join_operand(&binary.right, right, "$right");
                if let (Some(left_column), Some(right_column)) = (left_column, right_column)
                    && self.check_join_types(&binary.left, left.ty, &binary.right, right.ty, binary.op_span)
                {
                    keys.push((left_column, right_column));
                }
            }
            ExprKind::Name(name) => self.join_name(&name.text, condition),
            ExprKind::Missing => {}
            _ => {
                let info = self.expr(condition);
                if !info.ty.is_error() || !matches!(condition.kind, ExprKind::Path(_)) {
                    self.error(
                        "KQL182",
                        condition.span,
                        "a join matches on a column of both sides, or on $left.a == $right.b",
                    );
                }
            }
        }
        if let ExprKind::Name(name) = &condition.kind {
            self.key_of_both(&name.text, keys);
        }
    }

    fn join_name(&mut self, text: &'a str, condition: &'a Expr) {
        let name = self.names.intern(text);
        let (Some(left), Some(right)) = (self.cx.row, self.cx.right) else { return };
        let span = condition.span;
        let left_column = self.find_or_infer(left, name);
        let right_column = self.find_or_infer(right, name);
        match (left_column, right_column) {
            (Some(left), Some(right)) => {
                self.column_info(left, span);
                let (left, right) = (self.column(left).ty, self.column(right).ty);
                let known = !left.is_opaque() && !right.is_opaque();
                if known && left != right {
                    let what = format!(
                        "'{text}' is {} on the left side and {} on the right",
                        left.name(),
                        right.name()
                    );
                    self.error("KQL227", span, what);
                }
            }
            (None, None) => {
                let info = match self.local(name) {
                    Some(_) => Info::of(Ty::Unknown),
                    None => self.unknown_name(text, span, false),
                };
                if !info.ty.is_error() {
                    self.error("KQL109", span, "a column name is expected");
                }
            }
            (here, _) => {
                let missing = if here.is_some() { "right" } else { "left" };
                let what = format!("the {missing} side of the join has no column '{text}'");
                let side = if here.is_some() { right } else { left };
                let suggestion = self.nearest_in(side, text);
                self.report("KQL145", super::report::Severity::Error, span, what.into(), suggestion);
            }
        }
    }

    fn key_of_both(&mut self, text: &'a str, keys: &mut Vec<(ColId, ColId)>) {
        let name = self.names.intern(text);
        let (Some(left), Some(right)) = (self.cx.row, self.cx.right) else { return };
        let left = self.quietly(|binder| binder.find_or_infer(left, name));
        let right = self.quietly(|binder| binder.find_or_infer(right, name));
        if let (Some(left), Some(right)) = (left, right)
            && self.column(left).ty == self.column(right).ty
        {
            keys.push((left, right));
        }
    }

    fn join_operand(&mut self, operand: &'a Expr, info: Info<'a>, side: &str) -> Option<ColId> {
        let inner = without_parentheses(operand);
        let from_side = match &inner.kind {
            ExprKind::Path(path) => matches!(&path.base.kind, ExprKind::Name(name) if &*name.text == side),
            _ => false,
        };
        if !from_side {
            self.error("KQL182", inner.span, format!("{side}.COLUMN is expected here"));
            return None;
        }
        let column = match info.sym {
            Sym::Column(column) => Some(column),
            _ => info.column,
        };
        if column.is_none() && !info.ty.is_error() {
            self.error("KQL109", inner.span, "a column name is expected");
        }
        column
    }

    fn check_join_types(
        &mut self,
        left: &'a Expr,
        left_ty: Ty,
        right: &'a Expr,
        right_ty: Ty,
        at: Span,
    ) -> bool {
        for (expr, ty) in [(left, left_ty), (right, right_ty)] {
            if ty.is_dynamic() {
                self.error("KQL241", expr.span, "the key of a join cannot be dynamic: convert it first");
                return false;
            }
        }
        let known = !left_ty.is_opaque() && !right_ty.is_opaque();
        if known && left_ty.int_to_long() != right_ty.int_to_long() {
            let what = format!("the keys of the join have types {} and {}", left_ty.name(), right_ty.name());
            let _ = at;
            self.error("KQL227", left.span.to(right.span), what);
            return false;
        }
        true
    }

    pub(super) fn union(&mut self, union: &'a Columns) -> Ty {
        self.check_parameters(&union.parameters, params::UNION);
        let input = self.cx.row;
        let mut tables: Vec<TableId> = input.into_iter().collect();
        let fuzzy = self.fuzziness(&union.parameters);
        self.scoped(|binder| {
            binder.cx.row = None;
            binder.cx.wildcards = Wildcards::Tables;
            if let Some(fuzzy) = fuzzy {
                binder.cx.fuzzy = fuzzy;
            }
            for item in &union.items {
                binder.cx.region = item.span;
                let info = match item.kind {
                    ExprKind::Star => binder.bind_wildcard("*", item.span),
                    _ => binder.tabular(item),
                };
                binder.check_tabular(info.ty, item.span);
                binder.add_tables(info.ty, &mut tables);
            }
        });
        let unified = self.union_of(&tables);
        let Some(source) = params::word(&union.parameters, &["withsource", "with_source"]) else {
            return Ty::Table(unified.0);
        };
        let mut columns = vec![self.column_named(source, Ty::String)];
        columns.extend_from_slice(&self.declared(unified));
        let open = self.is_open(unified);
        Ty::Table(self.new_table(columns, open).0)
    }

    /// The tables that an operand stands for.
    pub(super) fn add_tables(&mut self, ty: Ty, tables: &mut Vec<TableId>) {
        match ty {
            Ty::Table(table) => tables.push(TableId(table)),
            Ty::Group(group) => {
                if let Some(Group::Tables(list)) = self.group(group) {
                    tables.extend_from_slice(&list.clone());
                }
            }
            Ty::Error | Ty::Unknown | Ty::Void => {
                let open = self.open_table();
                tables.push(open);
            }
            _ => {}
        }
    }
}

fn without_parentheses(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let ExprKind::Paren(inner) = &expr.kind {
        expr = inner;
    }
    expr
}
