//! `search` and `find`: predicates over the columns of many tables.

use std::sync::Arc;

use super::params;
use super::symbols::{ColId, Info, Sym, TableId};
use super::{Binder, FastSet, Wildcards};
use crate::kql::schema::Name;
use crate::kql::span::Span;
use crate::kql::syntax::{ChainOp, Expr, ExprKind, Find, FindColumn, FindProject, Search};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    pub(super) fn search(&mut self, search: &'a Search, at: Span) -> Ty {
        self.check_parameters(&search.parameters, params::SEARCH);
        let input = self.cx.row;
        let scope = if search.tables.is_empty() {
            match input {
                Some(input) => input,
                None => self.every_table(false),
            }
        } else {
            if input.is_some() {
                self.error("KQL174", at, "'search in' must be the first operator of its query");
            }
            let tables = self.listed_tables(&search.tables);
            self.union_of(&tables)
        };
        self.scoped(|binder| {
            binder.cx.row = Some(scope);
            let info = binder.search_term(&search.predicate);
            binder.check_bool(info, &search.predicate);
        });
        let mut columns = vec![self.column_named("$table", Ty::String)];
        columns.extend_from_slice(&self.all_columns(scope));
        let open = self.is_open(scope) || input.is_some_and(|input| self.is_open(input));
        Ty::Table(self.new_table(columns, open).0)
    }

    /// The tables of an `in (...)`.
    fn listed_tables(&mut self, items: &'a [Expr]) -> Vec<TableId> {
        let mut tables = Vec::new();
        self.scoped(|binder| {
            binder.cx.row = None;
            binder.cx.wildcards = Wildcards::Tables;
            for item in items {
                let info = match item.kind {
                    ExprKind::Star => binder.bind_wildcard("*", item.span),
                    _ => binder.tabular(item),
                };
                binder.check_tabular(info.ty, item.span);
                binder.add_tables(info.ty, &mut tables);
            }
        });
        tables
    }

    /// All tables of the schema and the views of the query as one; `by_name`: a name is one column whatever its types.
    fn every_table(&mut self, by_name: bool) -> TableId {
        let everything = self.everything();
        let mut tables = self.views(None);
        if tables.is_empty() && !by_name {
            return everything;
        }
        tables.insert(0, everything);
        if !by_name {
            return self.union_of(&tables);
        }
        let schema = self.schema;
        let mut columns: Vec<ColId> = Vec::new();
        for name in schema.tables_in_order() {
            if let Some(table) = self.schema_table(name) {
                columns.extend_from_slice(&self.declared(table));
            }
        }
        let unified = self.unify_by_name(&columns);
        self.new_table(unified, schema.may_have_more_tables())
    }

    /// A predicate where a string alone means "any column has it".
    fn search_term(&mut self, expr: &'a Expr) -> Info<'a> {
        match &expr.kind {
            ExprKind::Star => Info::of(Ty::Bool),
            ExprKind::Paren(inner) => {
                let info = self.search_term(inner);
                Info::of(info.ty)
            }
            ExprKind::Chain(chain)
                if chain.rest.iter().all(|link| matches!(link.op, ChainOp::And | ChainOp::Or)) =>
            {
                let mut terms = vec![(&chain.first, chain.first.span)];
                terms.extend(chain.rest.iter().map(|link| (&link.operand, link.op_span)));
                for (term, at) in terms {
                    let info = self.search_term(term);
                    let ty = self.reduced(info.ty);
                    if ty != Ty::Bool && !ty.is_opaque() && !ty.is_dynamic() {
                        let what = format!("a condition is expected, not a value of type {}", ty.name());
                        self.error("KQL106", at, what);
                    }
                }
                Info::of(Ty::Bool)
            }
            ExprKind::String(_) | ExprKind::Literal(_) | ExprKind::Name(_) => {
                let info = self.expr(expr);
                if info.constant && info.ty == Ty::String { Info { ty: Ty::Bool, ..info } } else { info }
            }
            _ => self.expr(expr),
        }
    }

    pub(super) fn find(&mut self, find: &'a Find) -> Ty {
        self.check_parameters(&find.parameters, params::FIND);
        let everything = find.tables.is_empty();
        let tables = if everything { Vec::new() } else { self.listed_tables(&find.tables) };
        let scope = if everything {
            self.every_table(true)
        } else {
            let mut columns: Vec<ColId> = Vec::new();
            for &table in &tables {
                columns.extend_from_slice(&self.declared(table));
            }
            let unified = self.unify_by_name(&columns);
            let open = tables.iter().any(|&t| self.is_open(t));
            self.new_table(unified, open)
        };
        let used = self.facts.column_count();
        let outer = self.cx.row;
        self.cx.row = Some(scope);
        let info = self.search_term(&find.predicate);
        self.check_bool(info, &find.predicate);
        let referenced: Vec<ColId> = self.referenced_since(used, scope);
        let source = params::word(&find.parameters, &["withsource", "with_source"]).unwrap_or("source_");
        let mut columns = vec![self.column_named(source, Ty::String)];
        let tables = if everything { Vec::new() } else { self.found_tables(find, &tables, &referenced) };
        let mut open = everything || tables.iter().any(|&t| self.is_open(t)) || self.is_open(scope);
        let mut explicit_pack = false;
        match &find.project {
            Some(FindProject::Columns(list)) => {
                open = false;
                for item in list {
                    explicit_pack |= self.find_column_item(item, &mut columns);
                }
            }
            None | Some(FindProject::Smart) => {
                columns.extend(self.common_columns(&tables));
                for column in referenced {
                    if !columns.contains(&column) {
                        columns.push(column);
                    }
                }
                let names = self.names_of(&columns);
                if everything || self.has_more(&tables, &names) {
                    columns.push(self.column_named("pack_", Ty::Dynamic));
                }
                columns = self.unify_by_name_and_type(&columns);
            }
        }
        self.remove_found(find, source, explicit_pack, &mut columns);
        self.cx.row = outer;
        Ty::Table(self.new_table(columns, open).0)
    }

    /// Tables that can match: those with a column of the predicate, or all if any column may match.
    fn found_tables(&self, find: &'a Find, tables: &[TableId], referenced: &[ColId]) -> Vec<TableId> {
        if tables.len() == 1 || any_column(&find.predicate) {
            return tables.to_vec();
        }
        let names: FastSet<Name> = self.names_of(referenced);
        let has = |table: TableId| {
            self.is_open(table) || self.declared(table).iter().any(|&c| names.contains(&self.column(c).name))
        };
        tables.iter().copied().filter(|&t| has(t)).collect()
    }

    fn has_more(&self, tables: &[TableId], names: &FastSet<Name>) -> bool {
        tables
            .iter()
            .filter(|&&t| !self.is_open(t))
            .any(|&t| self.declared(t).iter().any(|&c| !names.contains(&self.column(c).name)))
    }

    /// One column of `find ... project`. True if it is `pack(*)`.
    fn find_column_item(&mut self, item: &'a FindColumn, columns: &mut Vec<ColId>) -> bool {
        match item {
            FindColumn::Pack(_) => {
                columns.push(self.column_named("pack_", Ty::Dynamic));
                return true;
            }
            FindColumn::Star(span) => self.error("KQL191", *span, "* is not allowed here"),
            FindColumn::Column { name, ty } => {
                let info = self.bind_name(name, false);
                self.check_column(info, name.span);
                if let Sym::Column(column) = info.sym {
                    match ty {
                        Some(ty) => {
                            let ty = self.declared_type(ty);
                            columns.push(self.column_named(&name.text, ty));
                        }
                        None => columns.push(column),
                    }
                }
            }
        }
        false
    }

    fn remove_found(&mut self, find: &'a Find, source: &str, explicit_pack: bool, columns: &mut Vec<ColId>) {
        let mut gone: FastSet<Name> = FastSet::default();
        for item in &find.project_away {
            match item {
                FindColumn::Star(_) => {
                    let source = self.names.intern(source);
                    let pack = self.names.intern("pack_");
                    columns.retain(|&c| {
                        let name = self.column(c).name;
                        name == source || name == pack && explicit_pack
                    });
                    return;
                }
                FindColumn::Column { name, .. } => {
                    let info = self.bind_name(name, false);
                    gone.extend(info.sym.column().map(|c| self.column(c).name));
                }
                FindColumn::Pack(_) => {}
            }
        }
        columns.retain(|&c| !gone.contains(&self.column(c).name));
    }

    /// The columns that were named since then, each once, in the order of their mention.
    fn referenced_since(&self, used: usize, scope: TableId) -> Vec<ColId> {
        let columns: Arc<[ColId]> = self.all_columns(scope);
        let mut list: Vec<ColId> = Vec::new();
        for name in self.facts.columns_since(used) {
            if let Some(&column) = columns.iter().find(|&&c| self.column(c).name == name)
                && !list.contains(&column)
            {
                list.push(column);
            }
        }
        list
    }
}

/// `*`, or a string alone, which stands for `* has "..."`.
fn any_column(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Star | ExprKind::String(_) => true,
        ExprKind::Paren(inner) => any_column(inner),
        ExprKind::Chain(chain) => {
            any_column(&chain.first) || chain.rest.iter().any(|link| any_column(&link.operand))
        }
        ExprKind::Binary(binary) => matches!(binary.left.kind, ExprKind::Star),
        ExprKind::In(test) => matches!(test.left.kind, ExprKind::Star),
        _ => false,
    }
}
