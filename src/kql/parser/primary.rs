//! Operands: names, calls, paths, parentheses, and the expressions that begin with a word of their own.

use super::super::keyword::Keyword as K;
use super::super::syntax::{
    Call, ContextualDatatable, Conversion, DataScope, Datatable, Expr, ExprKind, Externaldata, Index,
    MaterializedViewCombine, OperatorParameter, Path, Pipeline,
};
use super::super::token::TokenKind as T;
use super::MAX_NESTING;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;
use super::parameter::{Names, Spec, Value, spec};

/// Clauses of `inline_external_table`.
const TABLE_KIND: &[Spec] = &[spec("kind", Value::Word(&["storage", "delta"]))];
const TABLE_FORMAT: &[Spec] = &[spec("dataformat", Value::Any)];

impl Parser<'_> {
    /// An operand with what is attached to it: `a.b`, `a[0]`, `f(x).y`.
    pub(super) fn postfix_opt(&mut self) -> Option<Expr> {
        if self.at_keyword(K::Totable) {
            return self.conversion_opt();
        }
        let base = self.primary_opt()?;
        Some(self.attached(base, Self::selector_opt))
    }

    /// `.selector` and `[index]` after `base`, as often as they come.
    fn attached(&mut self, base: Expr, selector: fn(&mut Self) -> Option<Expr>) -> Expr {
        let start = base.span;
        let mut expr = base;
        for step in 0.. {
            if step >= MAX_NESTING {
                self.stop(SyntaxCode::TooDeep, format!("a path has more than {MAX_NESTING} steps"));
                break;
            }
            let kind = match self.peek() {
                T::Dot => {
                    self.bump();
                    let selector = selector(self).unwrap_or_else(|| Self::name_expr(self.missing_name()));
                    ExprKind::Path(Box::new(Path { base: expr, selector }))
                }
                T::OpenBracket => {
                    self.bump();
                    let index = self.expr();
                    self.expect_close(T::CloseBracket);
                    ExprKind::Index(Box::new(Index { base: expr, index }))
                }
                _ => break,
            };
            expr = self.node(start, kind);
        }
        expr
    }

    fn primary_opt(&mut self) -> Option<Expr> {
        match self.peek() {
            T::Literal(_) => self.plain_literal_opt(),
            T::OpenParen => self.paren_opt(),
            T::Keyword(K::Dynamic) => self.dynamic_opt(),
            T::Keyword(K::Datatable) => Some(self.datatable()),
            T::Keyword(K::InternalContextualDatatable) => Some(self.contextual_datatable()),
            T::Keyword(K::Externaldata | K::ExternalData) => Some(self.externaldata()),
            T::Keyword(K::MaterializedViewCombine) => Some(self.view_combine()),
            T::Keyword(K::Toscalar) => self.conversion_opt(),
            _ => self
                .typeof_opt()
                .or_else(|| self.call_opt())
                .or_else(|| self.scoped_selector_opt())
                .or_else(|| self.keyword_as_name()),
        }
    }

    /// `(expression)`, which may be a query.
    pub(super) fn paren_opt(&mut self) -> Option<Expr> {
        let start = self.eat(T::OpenParen)?;
        let inner = self.query_expr();
        self.expect_close(T::CloseParen);
        Some(self.node(start, ExprKind::Paren(Box::new(inner))))
    }

    /// `name(arguments)`
    pub(super) fn call_opt(&mut self) -> Option<Expr> {
        let count = self.scan_name(0)?;
        if self.peek_at(count) != T::OpenParen {
            return None;
        }
        let start = self.here();
        let name = self.name_opt()?;
        let open = self.bump();
        let arguments = self.list(List::COMMON, Self::argument_opt, Parser::missing_expr);
        self.expect_close(T::CloseParen);
        let arguments_span = self.since(open);
        Some(self.node(start, ExprKind::Call(Box::new(Call { name, arguments, arguments_span }))))
    }

    fn argument_opt(&mut self) -> Option<Expr> {
        if self.at(T::Star) && matches!(self.peek_at(1), T::CloseParen | T::Comma) {
            let span = self.bump();
            return Some(Expr { kind: ExprKind::Star, span });
        }
        self.named_expr_opt()
    }

    /// What may follow a `.`.
    fn selector_opt(&mut self) -> Option<Expr> {
        self.call_opt().or_else(|| self.plain_selector_opt())
    }

    /// What may follow a `.` where no call is allowed.
    fn plain_selector_opt(&mut self) -> Option<Expr> {
        let start = self.here();
        match self.peek() {
            T::OpenBracket => {
                if let Some(wildcard) = self.bracketed_wildcard_opt() {
                    return Some(wildcard);
                }
                if let Some(name) = self.bracketed_name() {
                    return Some(Self::name_expr(name));
                }
                self.bump();
                let inner = self.expr();
                self.expect_close(T::CloseBracket);
                Some(self.node(start, ExprKind::Bracketed(Box::new(inner))))
            }
            T::At => Some(Expr { kind: ExprKind::At, span: self.bump() }),
            kind if Self::is_special_name(kind) => Some(Self::name_expr(self.bare_name())),
            _ => self.name_opt().map(Self::name_expr),
        }
    }

    /// A name, perhaps with `datascope = all`.
    fn scoped_selector_opt(&mut self) -> Option<Expr> {
        let expr = self.plain_selector_opt()?;
        let start = expr.span;
        Some(match self.data_scope_opt() {
            Some(scope) => self.node(start, ExprKind::DataScope(Box::new(DataScope { expr, scope }))),
            None => expr,
        })
    }

    /// `a.b['c']` without calls: what `partition by` and `facet by` take.
    pub(super) fn simple_path_opt(&mut self) -> Option<Expr> {
        let base = self.plain_selector_opt()?;
        Some(self.attached(base, Self::plain_selector_opt))
    }

    /// A table, function or wildcard, perhaps qualified: `T`, `T*`, `database("d").T`.
    pub(super) fn entity_opt(&mut self) -> Option<Expr> {
        if let Some(wildcard) = self.wildcard_opt() {
            return Some(wildcard);
        }
        let base = self.selector_opt()?;
        Some(self.attached(base, |p| p.wildcard_opt().or_else(|| p.selector_opt())))
    }

    /// `f(x).g(y)`: what `invoke` takes.
    pub(super) fn dotted_call_opt(&mut self) -> Option<Expr> {
        let base = self.call_opt()?;
        let start = base.span;
        let mut expr = base;
        for _ in 0..MAX_NESTING {
            if !self.at(T::Dot) || !self.scan_name(1).is_some_and(|n| self.peek_at(1 + n) == T::OpenParen) {
                break;
            }
            self.bump();
            let Some(selector) = self.call_opt() else { break };
            expr = self.node(start, ExprKind::Path(Box::new(Path { base: expr, selector })));
        }
        Some(expr)
    }

    /// `toscalar(query)` or `totable(query)`
    fn conversion_opt(&mut self) -> Option<Expr> {
        let scalar = self.at_keyword(K::Toscalar);
        let start = self.bump();
        let kind = self.conversion_kind_opt();
        let query = self.parenthesised(Self::query_expr);
        let conversion = Box::new(Conversion { kind, query });
        Some(
            self.node(
                start,
                if scalar { ExprKind::ToScalar(conversion) } else { ExprKind::ToTable(conversion) },
            ),
        )
    }

    /// `materialize(query)`. Only `let` takes it: elsewhere the word is a keyword that is no name.
    pub(super) fn materialize(&mut self) -> Expr {
        let start = self.bump();
        let query = self.parenthesised(Self::query_expr);
        self.node(start, ExprKind::Materialize(Box::new(query)))
    }

    /// `( inner )`, both required.
    pub(super) fn parenthesised<R>(&mut self, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.expect(T::OpenParen, "(");
        let result = inner(self);
        self.expect_close(T::CloseParen);
        result
    }

    fn datatable(&mut self) -> Expr {
        let start = self.bump();
        let parameters = self.parameters(&[], false);
        let columns = self.row_schema();
        self.expect(T::OpenBracket, "[");
        self.eat(T::Comma);
        let values = self.list(List::COMMON.trailing_comma(), Self::literal_opt, Parser::missing_expr);
        self.expect_close(T::CloseBracket);
        self.node(start, ExprKind::Datatable(Box::new(Datatable { parameters, columns, values })))
    }

    fn contextual_datatable(&mut self) -> Expr {
        let start = self.bump();
        let id = self.literal_opt().unwrap_or_else(|| self.expr());
        let columns = self.row_schema();
        self.node(start, ExprKind::ContextualDatatable(Box::new(ContextualDatatable { id, columns })))
    }

    fn externaldata(&mut self) -> Expr {
        let start = self.bump();
        let parameters = self.parameters(&[], false);
        let columns = self.row_schema();
        self.expect(T::OpenBracket, "[");
        let uris = self.uris();
        self.expect_close(T::CloseBracket);
        let properties = self.with_properties();
        let data = Externaldata { parameters, columns, uris, properties };
        self.node(start, ExprKind::Externaldata(Box::new(data)))
    }

    fn uris(&mut self) -> Vec<Expr> {
        self.list(List::COMMON.trailing_comma(), Self::query_expr_opt, Parser::missing_expr)
    }

    /// `with (name = value)`, if written.
    pub(super) fn with_properties(&mut self) -> Vec<OperatorParameter> {
        if self.eat_keyword(K::With).is_some() { self.property_list() } else { Vec::new() }
    }

    /// `inline_external_table (schema) kind=... partition by (...) pathformat=(...) dataformat=... (uris) with (...)`:
    /// read for its columns and sources; the partition clauses are checked for brackets only.
    pub(super) fn inline_external_table_opt(&mut self) -> Option<Expr> {
        let schema_or_kind = matches!(self.peek_at(1), T::OpenParen | T::Keyword(K::Kind));
        if !self.at_keyword(K::InlineExternalTable) || !schema_or_kind {
            return None;
        }
        let start = self.bump();
        let columns = if self.at(T::OpenParen) { self.row_schema() } else { Vec::new() };
        let mut parameters: Vec<_> = self.kind_opt(TABLE_KIND).into_iter().collect();
        if self.eat_keyword(K::Partition).is_some() {
            self.expect_keyword(K::By);
            self.parenthesised(Self::skip_to_boundary);
        }
        if self.eat_keyword(K::Pathformat).is_some() {
            self.expect(T::Equal, "=");
            self.parenthesised(Self::skip_to_boundary);
        }
        parameters.extend(self.parameter_opt(TABLE_FORMAT, Names::Declared, true));
        let uris = self.parenthesised(Self::uris);
        let properties = self.with_properties();
        let data = Externaldata { parameters, columns, uris, properties };
        Some(self.node(start, ExprKind::InlineExternalTable(Box::new(data))))
    }

    fn view_combine(&mut self) -> Expr {
        let start = self.bump();
        let view = self.parenthesised(Self::query_expr);
        let base = self.combine_part("base");
        let delta = self.combine_part("delta");
        let aggregations = self.combine_part("aggregations");
        let combine = MaterializedViewCombine { view, base, delta, aggregations };
        self.node(start, ExprKind::MaterializedViewCombine(Box::new(combine)))
    }

    fn combine_part(&mut self, word: &'static str) -> Expr {
        self.one_of(&[word]);
        self.parenthesised(Self::query_expr)
    }

    /// `entity_group [a, b]` or `entity_group("name")`
    pub(super) fn entity_group_opt(&mut self) -> Option<Expr> {
        if !self.at_keyword(K::EntityGroup) {
            return None;
        }
        if let Some(call) = self.call_opt() {
            return Some(call);
        }
        let start = self.bump();
        self.expect(T::OpenBracket, "[");
        let entities = self.list(List::COMMON.one_or_more(), Self::expr_opt, Parser::missing_expr);
        self.expect_close(T::CloseBracket);
        Some(self.node(start, ExprKind::EntityGroup(entities)))
    }

    /// A pipeline node from its parts; a source without operators is itself.
    pub(super) fn pipeline_node(
        &self,
        source: Option<Expr>,
        operators: Vec<super::super::syntax::Operator>,
    ) -> Option<Expr> {
        if operators.is_empty() {
            return source;
        }
        let start = source.as_ref().map(|s| s.span).or_else(|| operators.first().map(|o| o.span))?;
        let end = operators.last().map_or(start, |o| o.span);
        let span = start.to(end);
        Some(Expr { kind: ExprKind::Pipeline(Box::new(Pipeline { source, operators })), span })
    }
}
