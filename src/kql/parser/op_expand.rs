//! Operators that take values apart or build them: `mv-expand`, `mv-apply`, `parse*`, `make-series`, `evaluate`.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{
    Evaluate, Expr, ExprKind, MakeSeries, MvApply, MvExpand, MvItem, OperatorKind, Parse, ParseKv, ParsePart,
    SeriesAggregate, SeriesRange,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::list::List;
use super::parameter::{Names, Spec, Value, spec};

const PARSE: &[Spec] =
    &[spec("kind", Value::Word(&["simple", "regex", "relaxed"])), spec("flags", Value::Any)];

const PARSE_KV: &[Spec] = &[
    spec("pair_delimiter", Value::Any),
    spec("kv_delimiter", Value::Any),
    spec("regex", Value::Any),
    spec("quote", Value::Any),
    spec("escape", Value::Any),
    spec("greedy", Value::Any),
];

impl Parser<'_> {
    pub(super) fn mv_expand(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let list = List::until(|p| p.at_keyword(K::Limit) || p.at_list_end()).one_or_more();
        let items = self.list(list, Self::mv_item_opt, Self::missing_mv_item);
        let limit = self.eat_keyword(K::Limit).map(|_| self.expr());
        OperatorKind::MvExpand(MvExpand { parameters, items, limit })
    }

    pub(super) fn mv_apply(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let items = self.mv_apply_items();
        let limit = self.eat_keyword(K::Limit).map(|_| self.expr());
        let id = self.eat_keyword(K::Id).map(|_| self.expr());
        self.expect_keyword(K::On);
        let subquery = self.parenthesised(Self::contextual_subquery);
        OperatorKind::MvApply(Box::new(MvApply { parameters, items, limit, id, subquery }))
    }

    fn mv_apply_items(&mut self) -> Vec<MvItem> {
        let start = self.here();
        if self.at_keyword(K::To) {
            // `mv-apply to typeof(long) on (...)`: one item without an expression is allowed.
            let resume = (self.pos, self.errors.len(), self.last_error);
            let to = self.target_type_opt();
            if !self.at(T::Comma) {
                let expr = Expr { kind: ExprKind::Missing, span: Span::at(start.start) };
                return vec![MvItem { expr, to, span: self.since(start) }];
            }
            self.pos = resume.0;
            self.errors.truncate(resume.1);
            self.last_error = resume.2;
        }
        let list = List::until(at_mv_apply_clause).one_or_more();
        self.list(list, Self::mv_item_opt, Self::missing_mv_item)
    }

    fn mv_item_opt(&mut self) -> Option<MvItem> {
        let start = self.here();
        let expr = match self.at_keyword(K::To) {
            true => self.missing_expr(),
            false => self.named_expr_opt()?,
        };
        let to = self.target_type_opt();
        Some(MvItem { expr, to, span: self.since(start) })
    }

    fn missing_mv_item(&mut self) -> MvItem {
        let expr = self.missing_expr();
        MvItem { span: expr.span, expr, to: None }
    }

    /// `to typeof(type)`
    fn target_type_opt(&mut self) -> Option<Expr> {
        self.eat_keyword(K::To)?;
        Some(self.typeof_opt().unwrap_or_else(|| self.missing_expr()))
    }

    /// What follows `parse` and `parse-where`.
    pub(super) fn parse_parts(&mut self) -> Parse {
        let parameters = self.parameters(PARSE, true);
        let expr = self.expr();
        self.expect_keyword(K::With);
        let mut pattern = Vec::new();
        while let Some(part) = self.parse_part_opt() {
            pattern.push(part);
        }
        Parse { parameters, expr, pattern }
    }

    fn parse_part_opt(&mut self) -> Option<ParsePart> {
        if let Some(span) = self.eat(T::Star) {
            return Some(ParsePart::Star(span));
        }
        if let Some(text) = self.string_opt() {
            return Some(ParsePart::Text(text));
        }
        let name = match self.declared_name_opt() {
            Some(name) => name,
            None if self.at(T::Colon) => self.missing_name(),
            None => return None,
        };
        let ty = self.eat(T::Colon).map(|_| self.scalar_type(false));
        Some(ParsePart::Column { name, ty })
    }

    pub(super) fn parse_kv(&mut self) -> OperatorKind {
        let expr = self.expr();
        self.expect_keyword(K::As);
        let columns = self.row_schema();
        let properties = match self.eat_keyword(K::With) {
            Some(_) => self.parenthesised(|p| p.parameter_list(PARSE_KV, Names::Declared)),
            None => Vec::new(),
        };
        OperatorKind::ParseKv(ParseKv { expr, columns, properties })
    }

    pub(super) fn make_series(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], true);
        let list =
            List::until(|p| matches!(p.peek(), T::Keyword(K::On | K::From | K::In)) || p.at_list_end());
        let aggregates = self.list(list.one_or_more(), Self::series_aggregate_opt, |p| SeriesAggregate {
            expr: p.missing_expr(),
            default: None,
        });
        self.expect_keyword(K::On);
        let axis = self.named_expr();
        let range = self.series_range();
        let by = match self.eat_keyword(K::By) {
            Some(_) => self.named_exprs(List::OPEN),
            None => Vec::new(),
        };
        OperatorKind::MakeSeries(Box::new(MakeSeries { parameters, aggregates, axis, range, by }))
    }

    fn series_aggregate_opt(&mut self) -> Option<SeriesAggregate> {
        let expr = self.named_expr_opt()?;
        let default = self.eat_keyword(K::Default).map(|_| {
            self.expect(T::Equal, "=");
            self.named_expr()
        });
        Some(SeriesAggregate { expr, default })
    }

    fn series_range(&mut self) -> SeriesRange {
        if matches!(self.peek(), T::Keyword(K::From | K::To | K::Step)) {
            let from = self.eat_keyword(K::From).map(|_| self.expr());
            let to = self.eat_keyword(K::To).map(|_| self.expr());
            self.expect_keyword(K::Step);
            return SeriesRange::FromToStep { from, to, step: self.expr() };
        }
        self.expect_keyword(K::In);
        self.expect_keyword(K::Range);
        SeriesRange::InRange(self.parenthesised(|p| p.named_exprs(List::COMMON)))
    }

    pub(super) fn evaluate(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[], false);
        let call = match self.call_opt() {
            Some(call) => call,
            None => match self.name_opt() {
                Some(name) => {
                    self.expect(T::OpenParen, "(");
                    Self::name_expr(name)
                }
                None => self.missing_expr(),
            },
        };
        let schema = self.eat(T::Colon).map(|_| self.evaluate_schema());
        OperatorKind::Evaluate(Evaluate { parameters, call, schema })
    }
}

/// At `limit`, `id` or `on`, unless that is a name here, as in `mv-apply id = x` or `mv-apply on, b`.
fn at_mv_apply_clause(parser: &Parser<'_>) -> bool {
    let clause = matches!(parser.peek(), T::Keyword(K::Limit | K::Id | K::On));
    let name = matches!(parser.peek_at(1), T::End | T::Comma | T::Equal | T::Keyword(K::To));
    (clause && !name) || parser.at_list_end()
}
