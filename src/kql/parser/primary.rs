//! Operands: names, calls, paths, parentheses, and the expressions that begin with a word of their own.

use super::super::keyword::Keyword as K;
use super::super::syntax::{Call, Conversion, DataScope, Expr, ExprKind, Index, Operator, Path, Pipeline};
use super::super::token::TokenKind as T;
use super::MAX_NESTING;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

/// What may follow the dots of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// Names and calls.
    Any,
    /// Names only.
    Names,
    /// Names, calls and, as the last one, a wildcard.
    Entities,
}

impl Parser<'_> {
    /// An operand with what is attached to it: `a.b`, `a[0]`, `f(x).y`.
    pub(super) fn postfix_opt(&mut self) -> Option<Expr> {
        if self.at_keyword(K::Totable) {
            return self.conversion_opt();
        }
        let base = self.primary_opt()?;
        Some(self.attached(base, Steps::Any))
    }

    /// `.selector` and `[index]` after `base`, as often as they come.
    fn attached(&mut self, base: Expr, steps: Steps) -> Expr {
        let start = base.span;
        let mut expr = base;
        for count in 0.. {
            if count >= MAX_NESTING {
                self.stop(SyntaxCode::TooDeep, format!("a path has more than {MAX_NESTING} steps"));
                break;
            }
            let kind = match self.peek() {
                T::Dot => {
                    self.bump();
                    let selector =
                        self.step_opt(steps).unwrap_or_else(|| Self::name_expr(self.missing_name()));
                    if steps == Steps::Entities && matches!(selector.kind, ExprKind::Wildcard(_)) {
                        return self.node(start, ExprKind::Path(Box::new(Path { base: expr, selector })));
                    }
                    ExprKind::Path(Box::new(Path { base: expr, selector }))
                }
                T::OpenBracket => {
                    let wildcard = if steps == Steps::Any { None } else { self.bracketed_wildcard_opt() };
                    let index = wildcard.unwrap_or_else(|| self.index());
                    ExprKind::Index(Box::new(Index { base: expr, index }))
                }
                _ => break,
            };
            expr = self.node(start, kind);
        }
        expr
    }

    fn step_opt(&mut self, steps: Steps) -> Option<Expr> {
        match steps {
            Steps::Any => self.selector_opt(),
            Steps::Names => self.plain_selector_opt(),
            Steps::Entities => self.wildcard_opt().or_else(|| self.selector_opt()),
        }
    }

    /// `[expr]`
    fn index(&mut self) -> Expr {
        self.bump();
        let index = self.expr();
        self.expect_close(T::CloseBracket);
        index
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
                let inner = self.index();
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
        Some(self.attached(base, Steps::Names))
    }

    /// A table, function or wildcard, perhaps qualified: `T`, `T*`, `database("d").T`.
    pub(super) fn entity_opt(&mut self) -> Option<Expr> {
        if let Some(wildcard) = self.wildcard_opt() {
            return Some(wildcard);
        }
        let base = self.selector_opt()?;
        Some(self.attached(base, Steps::Entities))
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
        let opened = self.expect(T::OpenParen, "(").is_some();
        let result = inner(self);
        self.close_paren(opened);
        result
    }

    /// The `)`; needed only if its `(` was written, whose absence is the one mistake otherwise.
    pub(super) fn close_paren(&mut self, opened: bool) {
        if opened {
            self.expect_close(T::CloseParen);
        } else {
            self.eat(T::CloseParen);
        }
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
    pub(super) fn pipeline_node(&self, source: Option<Expr>, operators: Vec<Operator>) -> Option<Expr> {
        if operators.is_empty() {
            return source;
        }
        let start = source.as_ref().map(|s| s.span).or_else(|| operators.first().map(|o| o.span))?;
        let end = operators.last().map_or(start, |o| o.span);
        let span = start.to(end);
        Some(Expr { kind: ExprKind::Pipeline(Box::new(Pipeline { source, operators })), span })
    }
}
