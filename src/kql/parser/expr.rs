//! Operators between operands, by precedence.
//!
//! From loose to tight: `or`, `and`, equality and lists, order, `+ -`, `* / %`, string operators, sign. String
//! operators binding tighter than `*` is Kusto's rule, not a slip. Only `or`, `and` and arithmetic associate:
//! `a == b == c` is an error.

use super::super::keyword::Keyword as K;
use super::super::span::Span;
use super::super::syntax::{
    Between, Binary, BinaryOp, Chain, ChainOp, Expr, ExprKind, In, InOp, Link, Name, Named, Unary,
};
use super::super::token::TokenKind as T;
use super::cursor::Parser;
use super::list::List;

/// Precedence levels; a higher one binds tighter.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const EQUALITY: u8 = 3;
    pub(super) const ORDER: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
    pub(super) const STRING: u8 = 7;
}

/// An operator between two operands.
#[derive(Clone, Copy)]
pub(super) enum Infix {
    Chain(ChainOp),
    Binary(BinaryOp),
    In(InOp),
    Between { negated: bool },
}

impl Infix {
    fn level(self) -> u8 {
        use BinaryOp as B;
        match self {
            Self::Chain(ChainOp::Or) => level::OR,
            Self::Chain(ChainOp::And) => level::AND,
            Self::Chain(ChainOp::Add | ChainOp::Subtract) => level::SUM,
            Self::Chain(ChainOp::Multiply | ChainOp::Divide | ChainOp::Modulo) => level::PRODUCT,
            Self::Binary(B::Equal | B::NotEqual) | Self::In(_) | Self::Between { .. } => level::EQUALITY,
            Self::Binary(B::Less | B::LessEqual | B::Greater | B::GreaterEqual) => level::ORDER,
            Self::Binary(_) => level::STRING,
        }
    }
}

impl Parser<'_> {
    /// An expression that is not a query, or `None` if none starts here.
    pub(super) fn expr_opt(&mut self) -> Option<Expr> {
        self.nested(|p| p.operators_from(level::OR))
    }

    /// An expression that is not a query.
    pub(super) fn expr(&mut self) -> Expr {
        self.expr_opt().unwrap_or_else(|| self.missing_expr())
    }

    /// `name = expr`, `(a, b) = expr` or `expr`.
    pub(super) fn named_expr_opt(&mut self) -> Option<Expr> {
        let start = self.here();
        if self.scan_declared_name(0).is_some_and(|count| self.peek_at(count) == T::Equal) {
            let name = self.declared_name();
            return Some(self.named_value(start, vec![name], false));
        }
        if let Some(count) = self.scan_dashed_name()
            && self.peek_at(count) == T::Equal
        {
            let text =
                self.tokens.get(self.pos + count - 1).map_or(start, |t| start.to(t.span)).of(self.text);
            self.report_unbracketed(text);
            let mut name = self.bare_name();
            self.pos += count - 1;
            name.text = text.into();
            name.span = self.since(start);
            return Some(self.named_value(start, vec![name], false));
        }
        if self.at_name_list() {
            self.bump();
            let names = self.list(List::COMMON.one_or_more(), Self::declared_name_opt, Parser::missing_name);
            self.expect_close(T::CloseParen);
            return Some(self.named_value(start, names, true));
        }
        self.expr_opt()
    }

    pub(super) fn named_expr(&mut self) -> Expr {
        self.named_expr_opt().unwrap_or_else(|| self.missing_expr())
    }

    fn named_value(&mut self, start: Span, names: Vec<Name>, list: bool) -> Expr {
        self.expect(T::Equal, "=");
        let value = self.expr();
        self.node(start, ExprKind::Named(Box::new(Named { names, list, value })))
    }

    /// `(a, ['b']) =`
    fn at_name_list(&self) -> bool {
        if !self.at(T::OpenParen) {
            return false;
        }
        let mut ahead = 1;
        while let Some(count) = self.scan_declared_name(ahead) {
            ahead += count;
            if self.peek_at(ahead) != T::Comma {
                break;
            }
            ahead += 1;
        }
        ahead > 1 && self.peek_at(ahead) == T::CloseParen && self.peek_at(ahead + 1) == T::Equal
    }

    /// Operands and operators of at least `lowest` level.
    fn operators_from(&mut self, lowest: u8) -> Option<Expr> {
        let start = self.here();
        let mut left = match self.star_operand(lowest) {
            Some(star) => star,
            None => self.unary_opt()?,
        };
        // What may still follow: after an operator that does not associate, only looser ones.
        let mut highest = level::STRING;
        while let Some(infix) = self.infix_at(0) {
            let level = infix.level();
            if level < lowest || level > highest {
                break;
            }
            let op_span = self.bump();
            highest = level - 1;
            left = match infix {
                Infix::Chain(op) => {
                    highest = level;
                    let operand = self.operand(level);
                    let link = Link { op, op_span, operand };
                    self.chain(start, left, level, link)
                }
                Infix::Binary(op) => {
                    let right = self.operand(level);
                    self.node(start, ExprKind::Binary(Box::new(Binary { op, op_span, left, right })))
                }
                Infix::In(op) => {
                    let list_start = self.here();
                    let list = self.in_list();
                    let list_span = self.since(list_start);
                    self.node(start, ExprKind::In(Box::new(In { op, op_span, left, list, list_span })))
                }
                Infix::Between { negated } => {
                    let opened = self.expect(T::OpenParen, "(").is_some();
                    let low = self.expr();
                    self.expect(T::DotDot, "..");
                    let high = self.expr();
                    self.close_paren(opened);
                    let between = Between { negated, op_span, left, low, high };
                    self.node(start, ExprKind::Between(Box::new(between)))
                }
            };
        }
        Some(left)
    }

    fn operand(&mut self, level: u8) -> Expr {
        let operand = if level == level::STRING { self.unary_opt() } else { self.operators_from(level + 1) };
        operand.unwrap_or_else(|| self.missing_expr())
    }

    /// Adds a link to `left` if that is a chain of the same level (and not one in parentheses, which is another node).
    fn chain(&self, start: Span, left: Expr, level: u8, link: Link) -> Expr {
        let kind = match left.kind {
            ExprKind::Chain(mut chain)
                if chain.rest.first().is_some_and(|first| Infix::Chain(first.op).level() == level) =>
            {
                chain.rest.push(link);
                ExprKind::Chain(chain)
            }
            kind => {
                let first = Expr { kind, span: left.span };
                ExprKind::Chain(Box::new(Chain { first, rest: vec![link] }))
            }
        };
        self.node(start, kind)
    }

    /// `*` before `==` or a string operator: all columns.
    fn star_operand(&mut self, lowest: u8) -> Option<Expr> {
        if !self.at(T::Star) {
            return None;
        }
        match self.infix_at(1)? {
            Infix::Binary(BinaryOp::Equal)
                if self.peek_at(1) == T::EqualEqual && lowest <= level::EQUALITY => {}
            infix if infix.level() == level::STRING => {}
            _ => return None,
        }
        let span = self.bump();
        Some(Expr { kind: ExprKind::Star, span })
    }

    pub(super) fn unary_opt(&mut self) -> Option<Expr> {
        let negative = match self.peek() {
            T::Minus => true,
            T::Plus => false,
            _ => return self.postfix_opt(),
        };
        let start = self.bump();
        let operand = self.postfix_opt().unwrap_or_else(|| self.missing_expr());
        Some(self.node(start, ExprKind::Unary(Box::new(Unary { negative, operand }))))
    }

    /// `(values)` or `(query)` after `in` and its like.
    fn in_list(&mut self) -> Vec<Expr> {
        let opened = self.expect(T::OpenParen, "(").is_some();
        let list = if self.possible_operator() || (opened && self.paren_holds_query()) {
            vec![self.query_expr()]
        } else {
            self.list(List::COMMON.one_or_more(), Self::expr_opt, Parser::missing_expr)
        };
        self.close_paren(opened);
        list
    }

    /// The operator `ahead` places on.
    pub(super) fn infix_at(&self, ahead: usize) -> Option<Infix> {
        use BinaryOp as B;
        let binary = match self.peek_at(ahead) {
            T::EqualEqual => B::Equal,
            T::BangEqual | T::LessGreater => B::NotEqual,
            T::Less => B::Less,
            T::LessEqual => B::LessEqual,
            T::Greater => B::Greater,
            T::GreaterEqual => B::GreaterEqual,
            T::EqualTilde => B::EqualTilde,
            T::BangTilde => B::NotEqualTilde,
            T::Colon => B::Search,
            T::Plus => return Some(Infix::Chain(ChainOp::Add)),
            T::Minus => return Some(Infix::Chain(ChainOp::Subtract)),
            T::Star => return Some(Infix::Chain(ChainOp::Multiply)),
            T::Slash => return Some(Infix::Chain(ChainOp::Divide)),
            T::Percent => return Some(Infix::Chain(ChainOp::Modulo)),
            T::Keyword(K::In) if self.peek_at(ahead + 1) == T::Keyword(K::Range) => return None,
            T::Keyword(keyword) => return infix_keyword(keyword),
            _ => return None,
        };
        Some(Infix::Binary(binary))
    }
}

fn infix_keyword(keyword: K) -> Option<Infix> {
    use BinaryOp as B;
    let binary = match keyword {
        K::Or => return Some(Infix::Chain(ChainOp::Or)),
        K::And => return Some(Infix::Chain(ChainOp::And)),
        K::In => return Some(Infix::In(InOp::In)),
        K::InTilde => return Some(Infix::In(InOp::InTilde)),
        K::NotIn => return Some(Infix::In(InOp::NotIn)),
        K::NotInTilde => return Some(Infix::In(InOp::NotInTilde)),
        K::HasAny => return Some(Infix::In(InOp::HasAny)),
        K::HasAll => return Some(Infix::In(InOp::HasAll)),
        K::Between => return Some(Infix::Between { negated: false }),
        K::NotBetween => return Some(Infix::Between { negated: true }),
        K::Has => B::Has,
        K::NotHas => B::NotHas,
        K::HasCs => B::HasCs,
        K::NotHasCs => B::NotHasCs,
        K::Hasprefix => B::HasPrefix,
        K::NotHasprefix => B::NotHasPrefix,
        K::HasprefixCs => B::HasPrefixCs,
        K::NotHasprefixCs => B::NotHasPrefixCs,
        K::Hassuffix => B::HasSuffix,
        K::NotHassuffix => B::NotHasSuffix,
        K::HassuffixCs => B::HasSuffixCs,
        K::NotHassuffixCs => B::NotHasSuffixCs,
        K::Like => B::Like,
        K::Notlike => B::NotLike,
        K::Likecs => B::LikeCs,
        K::Notlikecs => B::NotLikeCs,
        K::Contains => B::Contains,
        K::NotContains | K::Notcontains => B::NotContains,
        K::ContainsCs | K::Containscs => B::ContainsCs,
        K::NotContainsCs | K::Notcontainscs => B::NotContainsCs,
        K::Startswith => B::StartsWith,
        K::NotStartswith => B::NotStartsWith,
        K::StartswithCs => B::StartsWithCs,
        K::NotStartswithCs => B::NotStartsWithCs,
        K::Endswith => B::EndsWith,
        K::NotEndswith => B::NotEndsWith,
        K::EndswithCs => B::EndsWithCs,
        K::NotEndswithCs => B::NotEndsWithCs,
        K::MatchesRegex => B::MatchesRegex,
        _ => return None,
    };
    Some(Infix::Binary(binary))
}
