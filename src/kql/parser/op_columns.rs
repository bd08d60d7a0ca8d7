//! Operators that choose, compute, order or count: `where`, `extend`, `project`, `summarize`, `sort`, `top`.

use super::super::keyword::Keyword as K;
use super::super::syntax::{
    Columns, Direction, Expr, ExprKind, Nulls, OperatorKind, OperatorParameter, Ordered, Reduce, Rows,
    SampleDistinct, Sort, Summarize, Top, TopHitters, TopNested,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;
use super::parameter::{Names, Spec, Value, spec};

const REDUCE: &[Spec] = &[spec("threshold", Value::Any), spec("characters", Value::Any)];

impl Parser<'_> {
    /// `where`, `take`, `sample`: parameters and one expression.
    pub(super) fn rows(&mut self) -> Rows {
        let parameters = self.parameters(&[], true);
        Rows { parameters, value: self.named_expr() }
    }

    pub(super) fn extend(&mut self) -> OperatorKind {
        OperatorKind::Extend(self.named_exprs(List::COMMON.one_or_more()))
    }

    pub(super) fn print(&mut self) -> OperatorKind {
        OperatorKind::Print(self.named_exprs(List::COMMON.one_or_more()))
    }

    /// `project` with nothing is allowed and keeps no column.
    pub(super) fn project(&mut self) -> OperatorKind {
        OperatorKind::Project(self.named_exprs(List::COMMON))
    }

    pub(super) fn project_rename(&mut self) -> OperatorKind {
        OperatorKind::ProjectRename(self.named_exprs(List::COMMON))
    }

    pub(super) fn project_by_names(&mut self) -> OperatorKind {
        OperatorKind::ProjectByNames(self.list(List::COMMON, Self::expr_opt, Parser::missing_expr))
    }

    pub(super) fn names_or_wildcards(&mut self) -> Vec<Expr> {
        self.list(List::COMMON, Self::name_or_wildcard_opt, Parser::missing_expr)
    }

    pub(super) fn project_reorder(&mut self) -> OperatorKind {
        let items = self.list(
            List::COMMON,
            |p| {
                let expr = p.name_or_wildcard_opt()?;
                let start = expr.span;
                let direction = p.direction_opt();
                Some(Ordered { expr, direction, nulls: None, span: p.since(start) })
            },
            Self::missing_ordered,
        );
        OperatorKind::ProjectReorder(items)
    }

    pub(super) fn distinct(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let items = self.list(
            List::COMMON.one_or_more(),
            |p| match p.at(T::Star) {
                true => p.star_opt(),
                false => p.named_expr_opt(),
            },
            Parser::missing_expr,
        );
        OperatorKind::Distinct(Columns { parameters, items })
    }

    pub(super) fn serialize(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        OperatorKind::Serialize(Columns { parameters, items: self.named_exprs(List::COMMON) })
    }

    pub(super) fn summarize(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let aggregates = self.named_exprs(List::until(|p| p.at_keyword(K::By) || p.at_list_end()));
        let mut by = Vec::new();
        if self.eat_keyword(K::By).is_some() {
            by = self.named_exprs(List::until(|p| p.at_old_bin() || p.at_list_end()).one_or_more());
            if self.at_old_bin() {
                by.extend(self.named_expr_opt());
            }
        }
        OperatorKind::Summarize(Summarize { parameters, aggregates, by })
    }

    /// `summarize ... by a bin = 1h`, the old form of `by bin(a, 1h)`.
    fn at_old_bin(&self) -> bool {
        self.at_keyword(K::Bin) && self.peek_at(1) == T::Equal && matches!(self.peek_at(2), T::Literal(_))
    }

    pub(super) fn sort(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], false);
        self.expect_keyword(K::By);
        let by = self.list(List::COMMON.one_or_more(), Self::ordered_opt, Self::missing_ordered);
        OperatorKind::Sort(Sort { parameters, by })
    }

    pub(super) fn top(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let count = self.named_expr();
        self.expect_keyword(K::By);
        let by = self.ordered();
        OperatorKind::Top(Box::new(Top { parameters, count, by }))
    }

    pub(super) fn top_hitters(&mut self) -> OperatorKind {
        let count = self.named_expr();
        self.expect_keyword(K::Of);
        let of = self.named_expr();
        let by = self.eat_keyword(K::By).map(|_| self.named_expr());
        OperatorKind::TopHitters(Box::new(TopHitters { count, of, by }))
    }

    /// `top-nested` repeats its own word in the list.
    pub(super) fn top_nested(&mut self) -> OperatorKind {
        let clauses = self.list(List::COMMON.one_or_more(), Self::top_nested_opt, Self::missing_top_nested);
        OperatorKind::TopNested(clauses)
    }

    fn top_nested_opt(&mut self) -> Option<TopNested> {
        let start = self.eat_keyword(K::TopNested)?;
        let count = self.named_expr_opt();
        self.expect_keyword(K::Of);
        let of = self.named_expr();
        let others = self.eat_keyword(K::With).map(|_| {
            self.expect_keyword(K::Others);
            self.expect(T::Equal, "=");
            self.literal_opt().unwrap_or_else(|| self.expr())
        });
        self.expect_keyword(K::By);
        let by = self.ordered();
        Some(TopNested { count, of, others, by, span: self.since(start) })
    }

    fn missing_top_nested(&mut self) -> TopNested {
        let span = self.here();
        let message = format!("expected `top-nested`{}", self.found());
        self.error(SyntaxCode::MissingToken, message, span);
        let by = self.missing_ordered();
        TopNested { count: None, of: by.expr.clone(), others: None, span: by.span, by }
    }

    pub(super) fn sample_distinct(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let count = self.named_expr();
        self.expect_keyword(K::Of);
        OperatorKind::SampleDistinct(SampleDistinct { parameters, count, of: self.named_expr() })
    }

    pub(super) fn reduce(&mut self) -> OperatorKind {
        let parameters = self.parameters(REDUCE, false);
        self.expect_keyword(K::By);
        let by = self.named_expr();
        let with = match self.eat_keyword(K::With) {
            Some(_) => self.parameter_list(REDUCE, Names::DeclaredOrKnown),
            None => Vec::new(),
        };
        OperatorKind::Reduce(Reduce { parameters, by, with })
    }

    pub(super) fn consume(&mut self) -> OperatorKind {
        OperatorKind::Consume(self.parameters(&[], false))
    }

    pub(super) fn count(&mut self) -> OperatorKind {
        OperatorKind::Count(self.eat_keyword(K::As).map(|_| match self.peek() {
            T::Identifier => self.bare_name(),
            _ => self.missing_name(),
        }))
    }

    pub(super) fn getschema(&mut self) -> OperatorKind {
        const KIND: &[Spec] = &[super::parameter::KIND];
        let kind: Option<OperatorParameter> = self.kind_opt(KIND);
        OperatorKind::Getschema(kind)
    }

    pub(super) fn named_exprs(&mut self, list: List) -> Vec<Expr> {
        self.list(list, Self::named_expr_opt, Parser::missing_expr)
    }

    pub(super) fn star_opt(&mut self) -> Option<Expr> {
        let span = self.eat(T::Star)?;
        Some(Expr { kind: ExprKind::Star, span })
    }

    /// An expression with its order.
    pub(super) fn ordered(&mut self) -> Ordered {
        self.ordered_opt().unwrap_or_else(|| self.missing_ordered())
    }

    pub(super) fn ordered_opt(&mut self) -> Option<Ordered> {
        let expr = self.named_expr_opt()?;
        let start = expr.span;
        let direction = self.direction_opt();
        let nulls = match self.eat_keyword(K::Nulls) {
            Some(_) => self.nulls_opt(),
            None => None,
        };
        Some(Ordered { expr, direction, nulls, span: self.since(start) })
    }

    pub(super) fn missing_ordered(&mut self) -> Ordered {
        let expr = self.missing_expr();
        Ordered { span: expr.span, expr, direction: None, nulls: None }
    }

    fn direction_opt(&mut self) -> Option<Direction> {
        let direction = match self.peek() {
            T::Keyword(K::Asc) => Direction::Asc,
            T::Keyword(K::Desc) => Direction::Desc,
            T::Keyword(K::GrannyAsc) => Direction::GrannyAsc,
            T::Keyword(K::GrannyDesc) => Direction::GrannyDesc,
            _ => return None,
        };
        self.bump();
        Some(direction)
    }

    fn nulls_opt(&mut self) -> Option<Nulls> {
        if self.eat_keyword(K::First).is_some() {
            return Some(Nulls::First);
        }
        if self.eat_keyword(K::Last).is_some() {
            return Some(Nulls::Last);
        }
        let span = self.here();
        let message = format!("expected `first` or `last`{}", self.found());
        self.error(SyntaxCode::MissingToken, message, span);
        None
    }
}
