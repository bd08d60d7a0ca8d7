//! Expressions: the type of each, what it refers to, whether it is constant.

use super::call::Arg;
use super::symbols::{Graph, Info, TableId, Value};
use super::{Binder, Context};
use crate::kql::builtins::Operator as Op;
use crate::kql::span::Span;
use crate::kql::syntax::{
    BinaryOp, Chain, ChainOp, Conversion as Query, Datatable, Expr, ExprKind, In, InOp, Index, Path, Unary,
};
use crate::kql::types::Ty;

impl<'a> Binder<'a> {
    /// Binds an expression where a scalar is expected.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> Info<'a> {
        self.expr_in(expr, false)
    }

    /// Binds an expression where a table is expected.
    pub(super) fn tabular(&mut self, expr: &'a Expr) -> Info<'a> {
        self.expr_in(expr, true)
    }

    fn expr_in(&mut self, expr: &'a Expr, tabular: bool) -> Info<'a> {
        match &expr.kind {
            ExprKind::Missing => Info::ERROR,
            ExprKind::Name(name) => self.bind_name(name, tabular),
            ExprKind::Wildcard(pattern) => self.bind_wildcard(pattern, expr.span),
            // Where it means something, the operator or the call sees to it.
            ExprKind::Star => Info::of(Ty::Dynamic),
            ExprKind::At => Info::of(Ty::Unknown),
            ExprKind::String(_) => self.literal(expr, Ty::String),
            ExprKind::Literal(kind) => self.scalar_literal(expr, *kind),
            ExprKind::Null => self.literal(expr, Ty::Null),
            ExprKind::Dynamic(value) => self.dynamic(expr, value),
            ExprKind::Array(items) => self.array(items),
            ExprKind::Object(members) => self.object(members),
            ExprKind::TypeOf(type_of) => self.type_of(expr, type_of),
            ExprKind::Call(call) => self.call(call, tabular),
            ExprKind::Path(path) => self.path(expr, path, tabular),
            ExprKind::Index(index) => self.index(expr, index),
            ExprKind::Bracketed(inner) => self.bracketed(inner),
            ExprKind::Unary(unary) => self.unary(unary),
            ExprKind::Chain(chain) => self.chain(chain),
            ExprKind::Binary(binary) => {
                let left = self.operand(&binary.left);
                let right = self.operand(&binary.right);
                self.operator(binary_op(binary.op), &[left, right], binary.op_span, true)
            }
            ExprKind::In(test) => self.in_list(test),
            ExprKind::Between(test) => {
                let args = [self.operand(&test.left), self.operand(&test.low), self.operand(&test.high)];
                self.operator(Op::Between, &args, test.op_span, false)
            }
            ExprKind::Named(named) => {
                let info = self.expr(&named.value);
                Info { value: info.value, ..Info::of(self.reduced(info.ty)) }
            }
            ExprKind::Paren(inner) => self.paren(expr, inner, tabular),
            ExprKind::Pipeline(pipeline) => self.pipeline(expr.span, pipeline),
            ExprKind::ToScalar(query) => self.scalar_query(expr, query),
            ExprKind::ToTable(query) => {
                let info = self.sub_query(expr.span, &query.query);
                self.check_tabular(info.ty, query.query.span);
                Info::of(info.ty)
            }
            ExprKind::Materialize(query) => {
                let info = self.scoped(|binder| {
                    binder.cx.region = expr.span;
                    binder.tabular(query)
                });
                if !matches!(info.ty, Ty::Table(_) | Ty::Graph(_) | Ty::Error | Ty::Void | Ty::Group(_)) {
                    self.error("KQL111", query.span, "materialize() needs a table");
                }
                Info::of(info.ty)
            }
            ExprKind::Datatable(table) => self.datatable(table),
            ExprKind::Externaldata(data) => {
                data.uris.iter().for_each(|uri| {
                    self.expr(uri);
                });
                let columns = self.declared_columns(&data.columns);
                Info::of(Ty::Table(self.new_table(columns, false).0))
            }
            ExprKind::InlineExternalTable(data) => {
                let columns = self.declared_columns(&data.columns);
                Info::of(Ty::Table(self.new_table(columns, true).0))
            }
            ExprKind::ContextualDatatable(data) => {
                let columns = self.declared_columns(&data.columns);
                Info::of(Ty::Table(self.new_table(columns, false).0))
            }
            ExprKind::MaterializedViewCombine(view) => {
                self.tabular(&view.base);
                let delta = self.tabular(&view.delta);
                self.scoped(|binder| {
                    binder.cx.row = table_of(delta.ty);
                    binder.tabular(&view.aggregations)
                })
            }
            ExprKind::DataScope(scope) => {
                let info = self.tabular(&scope.expr);
                self.check_tabular(info.ty, scope.expr.span);
                Info::of(info.ty)
            }
            ExprKind::EntityGroup(entities) => {
                entities.iter().for_each(|entity| {
                    self.tabular(entity);
                });
                Info::of(Ty::EntityGroup)
            }
        }
    }

    /// Binds an argument of an operator.
    fn operand(&mut self, expr: &'a Expr) -> Arg<'a> {
        let info = self.expr(expr);
        self.arg(expr, info)
    }

    fn path(&mut self, expr: &'a Expr, path: &'a Path, tabular: bool) -> Info<'a> {
        let base = self.scoped(|binder| {
            binder.cx.implicit = None;
            binder.expr_in(&path.base, false)
        });
        let base_ty = self.reduced(base.ty);
        self.dynamic_paths.insert(address(expr), base_ty.is_array_or_bag() || base_ty.is_unknown());
        if let ExprKind::Bracketed(index) = &path.selector.kind {
            return self.element(base_ty, base, index, path.selector.span);
        }
        let selector = self.scoped(|binder| {
            binder.cx.path = Some(base_ty);
            let in_database = matches!(base_ty, Ty::Database(_));
            binder.expr_in(&path.selector, tabular || in_database)
        });
        Info { sym: selector.sym, column: selector.sym.column(), ..Info::of(selector.ty) }
    }

    fn index(&mut self, expr: &'a Expr, index: &'a Index) -> Info<'a> {
        let base = self.expr_in(&index.base, false);
        let base_ty = self.reduced(base.ty);
        self.dynamic_paths.insert(address(expr), base_ty.is_array_or_bag() || base_ty.is_unknown());
        let selector = Span::new(index.base.span.end, expr.span.end);
        self.element(base_ty, base, &index.index, selector)
    }

    /// `base[index]`.
    fn element(&mut self, base_ty: Ty, base: Info<'a>, index: &'a Expr, selector: Span) -> Info<'a> {
        let at = self.expr(index);
        let at_ty = self.reduced(at.ty);
        if at_ty.is_error() || base_ty.is_error() {
            return Info::ERROR;
        }
        let whole = at_ty.is_integer() || matches!(at_ty, Ty::DynLong | Ty::Dynamic);
        let text = at_ty.is_string_or_dynamic() || at_ty.is_unknown();
        match base_ty {
            Ty::Array(_) => {
                let element = self.array_element(base_ty).as_dynamic();
                if !whole {
                    self.error("KQL135", index.span, "an array is indexed by a whole number");
                }
                Info::of(element)
            }
            Ty::Bag(bag) => {
                if !text {
                    self.error("KQL135", index.span, "a bag is indexed by a string");
                }
                let member = at.value.and_then(Value::string).and_then(|name| self.bag_member(bag, name));
                Info::of(member.map_or(Ty::Dynamic, Ty::as_dynamic))
            }
            Ty::Dynamic => {
                if !text && !whole {
                    self.error(
                        "KQL135",
                        index.span,
                        "a dynamic value is indexed by a string or a whole number",
                    );
                }
                Info::of(Ty::Dynamic)
            }
            Ty::Tuple(tuple) => {
                let place = at.value.and_then(Value::integer).and_then(|i| usize::try_from(i).ok());
                match place.and_then(|i| self.tuple(tuple).columns.get(i).copied()) {
                    Some(column) => self.column_info(column, index.span),
                    None => Info::of(Ty::Unknown),
                }
            }
            Ty::Unknown => Info::of(Ty::Unknown),
            _ if base.ty == Ty::Void => Info::ERROR,
            _ => {
                let what = format!("a value of type {} cannot be indexed", base_ty.name());
                self.error("KQL147", selector, what);
                Info::ERROR
            }
        }
    }

    /// `['name']` that the parser left unresolved.
    fn bracketed(&mut self, inner: &'a Expr) -> Info<'a> {
        let info = self.expr(inner);
        match info.value.and_then(Value::string) {
            Some(name) => {
                let name_ref: &'a str = name;
                match self.look_up_text(name_ref, inner.span) {
                    Some(info) => info,
                    None => self.unknown_name(name_ref, inner.span, false),
                }
            }
            None if info.ty.is_opaque() => Info::ERROR,
            None => {
                self.error("KQL131", inner.span, "a name in brackets must be a string literal");
                Info::ERROR
            }
        }
    }

    fn unary(&mut self, unary: &'a Unary) -> Info<'a> {
        let operand = self.operand(&unary.operand);
        self.operator(Op::Sign, &[operand], unary.operand.span, true)
    }

    fn chain(&mut self, chain: &'a Chain) -> Info<'a> {
        let mut left = self.operand(&chain.first);
        let mut result = left.info;
        for link in &chain.rest {
            let right = self.operand(&link.operand);
            let op = match link.op {
                ChainOp::Or | ChainOp::And => Op::AndOr,
                ChainOp::Add => Op::Add,
                ChainOp::Subtract => Op::Subtract,
                ChainOp::Multiply => Op::Multiply,
                ChainOp::Divide => Op::Divide,
                ChainOp::Modulo => Op::Modulo,
            };
            result = self.operator(op, &[left, right], link.op_span, true);
            left = self.computed(&chain.first, result);
        }
        result
    }

    fn in_list(&mut self, test: &'a In) -> Info<'a> {
        let mut args = vec![self.operand(&test.left)];
        for item in &test.list {
            let info = self.scoped(|binder| {
                binder.cx.region = test.list_span;
                binder.expr(item)
            });
            args.push(self.arg(item, info));
        }
        let op = match test.op {
            InOp::In | InOp::NotIn => Op::In,
            InOp::InTilde | InOp::NotInTilde => Op::InTilde,
            InOp::HasAny | InOp::HasAll => Op::HasAnyAll,
        };
        self.operator(op, &args, test.op_span, false)
    }

    fn paren(&mut self, expr: &'a Expr, inner: &'a Expr, tabular: bool) -> Info<'a> {
        let info = self.scoped(|binder| {
            binder.cx.path = None;
            binder.cx.region = expr.span;
            binder.expr_in(inner, tabular)
        });
        Info { column: info.column, ..Info::of(self.reduced(info.ty)) }
    }

    /// Binds a query that does not see the columns around it.
    pub(super) fn sub_query(&mut self, region: Span, query: &'a Expr) -> Info<'a> {
        self.scoped(|binder| {
            binder.cx = Context { fuzzy: binder.cx.fuzzy, graph: binder.cx.graph, ..Context::top(region) };
            binder.tabular(query)
        })
    }

    fn scalar_query(&mut self, expr: &'a Expr, query: &'a Query) -> Info<'a> {
        let inner = self.scoped(|binder| {
            binder.cx.row = None;
            binder.cx.path = None;
            binder.cx.region = expr.span;
            binder.expr(&query.query)
        });
        match inner.ty {
            Ty::Table(table) => match self.table_columns(table).first().copied() {
                Some(column) => Info::constant(self.column(column).ty),
                None if self.is_open(TableId(table)) => Info::constant(Ty::Unknown),
                None => {
                    self.error("KQL190", query.query.span, "toscalar() needs a table with a column");
                    Info::constant(Ty::Error)
                }
            },
            Ty::Void | Ty::Error => Info::constant(Ty::Error),
            ty if ty.is_scalar() => Info::constant(ty),
            _ => {
                self.error("KQL112", query.query.span, "toscalar() needs a table or a scalar");
                Info::constant(Ty::Error)
            }
        }
    }

    fn datatable(&mut self, table: &'a Datatable) -> Info<'a> {
        let columns = self.declared_columns(&table.columns);
        for value in &table.values {
            let info = self.expr(value);
            self.check_scalar(info.ty, value.span);
        }
        if !columns.is_empty() && !table.values.len().is_multiple_of(columns.len()) {
            let first = table.values.first().map_or_else(Span::default, |v| v.span);
            let span = table.values.last().map_or(first, |last| first.to(last.span));
            let what = format!("{} values do not fill rows of {} columns", table.values.len(), columns.len());
            self.error("KQL173", span, what);
        }
        Info::of(Ty::Table(self.new_table(columns, false).0))
    }

    /// Reports a value that is no scalar. True if it is one.
    pub(super) fn check_scalar(&mut self, ty: Ty, span: Span) -> bool {
        let ty = self.reduced(ty);
        if ty.is_scalar() || ty == Ty::Void {
            return true;
        }
        if !ty.is_error() {
            self.error("KQL108", span, format!("a scalar is expected, not a {}", kind_name(ty)));
        }
        false
    }

    /// Reports a value that is no table. True if it is one.
    pub(super) fn check_tabular(&mut self, ty: Ty, span: Span) -> bool {
        if ty.is_tabular() || matches!(ty, Ty::Group(_)) {
            return true;
        }
        if !matches!(ty, Ty::Error | Ty::Void | Ty::Pattern(_)) {
            self.error("KQL111", span, format!("a table is expected, not a {}", kind_name(ty)));
        }
        false
    }

    pub(super) fn graph_of(&self, ty: Ty) -> Option<Graph> {
        match ty {
            Ty::Graph(id) => self.graph(id),
            _ => None,
        }
    }

    fn look_up_text(&mut self, name: &'a str, span: Span) -> Option<Info<'a>> {
        let interned = self.names.intern(name);
        let row = self.cx.row?;
        let column = self.find_or_infer(row, interned)?;
        Some(self.column_info(column, span))
    }
}

/// The address of a node: its identity while the tree is borrowed.
pub(super) fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}

pub(super) fn table_of(ty: Ty) -> Option<TableId> {
    match ty {
        Ty::Table(id) => Some(TableId(id)),
        _ => None,
    }
}

fn kind_name(ty: Ty) -> &'static str {
    match ty {
        Ty::Table(_) => "table",
        Ty::Group(_) => "group of names",
        Ty::Graph(_) => "graph",
        Ty::Cluster => "cluster",
        Ty::Database(_) => "database",
        Ty::Tuple(_) => "list of several values",
        Ty::EntityGroup => "entity group",
        _ => "scalar",
    }
}

fn binary_op(op: BinaryOp) -> Op {
    use BinaryOp as B;
    match op {
        B::Equal => Op::Equal,
        B::NotEqual => Op::NotEqual,
        B::Less | B::LessEqual | B::Greater | B::GreaterEqual => Op::Order,
        B::Has
        | B::NotHas
        | B::HasCs
        | B::NotHasCs
        | B::HasPrefix
        | B::NotHasPrefix
        | B::HasPrefixCs
        | B::NotHasPrefixCs
        | B::HasSuffix
        | B::NotHasSuffix
        | B::HasSuffixCs
        | B::NotHasSuffixCs => Op::HasTerm,
        _ => Op::TextMatch,
    }
}
