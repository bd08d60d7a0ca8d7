//! Constants: numbers, strings, `dynamic(...)`, `typeof(...)`.

use super::super::keyword::Keyword as K;
use super::super::syntax::{Expr, ExprKind, Property, StringLiteral, TypeOf, Unary};
use super::super::token::{LiteralKind, TokenKind as T};
use super::cursor::Parser;
use super::error::SyntaxCode;
use super::list::List;

impl Parser<'_> {
    /// A constant, signed numbers included; also `{name}`, which a client replaces by one.
    pub(super) fn literal_opt(&mut self) -> Option<Expr> {
        match self.peek() {
            T::Literal(_) => self.plain_literal_opt(),
            T::Keyword(K::Dynamic) => self.dynamic_opt(),
            T::Keyword(K::Typeof) => self.typeof_opt(),
            T::Plus | T::Minus => self.signed_number_opt(),
            T::OpenBrace => self.braced_name().map(Self::name_expr),
            _ => None,
        }
    }

    /// A constant that is one token, or adjacent strings.
    pub(super) fn plain_literal_opt(&mut self) -> Option<Expr> {
        let T::Literal(kind) = self.peek() else { return None };
        if kind == LiteralKind::String {
            return self.string_opt();
        }
        if kind == LiteralKind::RawGuid {
            let span = self.here();
            let message = format!("a GUID must be written guid({})", self.text_at(0));
            self.error(SyntaxCode::RawGuid, message, span);
        }
        let span = self.bump();
        Some(Expr { kind: ExprKind::Literal(kind), span })
    }

    /// One string, not joined with the next.
    pub(super) fn single_string_opt(&mut self) -> Option<Expr> {
        if !self.peek().is_string() {
            return None;
        }
        let start = self.here();
        let value = self.string_text().into();
        Some(self.node(start, ExprKind::String(StringLiteral { value, parts: 1 })))
    }

    /// One or several adjacent strings, which are one value.
    pub(super) fn string_opt(&mut self) -> Option<Expr> {
        if !self.peek().is_string() {
            return None;
        }
        let start = self.here();
        let mut value = self.string_text();
        let mut parts = 1;
        while self.peek().is_string() {
            value.push_str(&self.string_text());
            parts += 1;
        }
        Some(self.node(start, ExprKind::String(StringLiteral { value: value.into(), parts })))
    }

    /// `-1`, `+2.5`, `-3d`: a sign directly before a number written with digits.
    fn signed_number_opt(&mut self) -> Option<Expr> {
        use LiteralKind as L;
        let negative = match self.peek() {
            T::Minus => true,
            T::Plus => false,
            _ => return None,
        };
        let T::Literal(kind @ (L::Long | L::Real | L::Timespan)) = self.peek_at(1) else { return None };
        if !self.joined_at(1) || !self.text_at(1).starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let start = self.bump();
        let operand = Expr { kind: ExprKind::Literal(kind), span: self.bump() };
        Some(self.node(start, ExprKind::Unary(Box::new(Unary { negative, operand }))))
    }

    pub(super) fn dynamic_opt(&mut self) -> Option<Expr> {
        if !self.at_keyword(K::Dynamic) || self.peek_at(1) != T::OpenParen {
            return None;
        }
        let start = self.bump();
        self.bump();
        let value = self.json();
        self.expect_close(T::CloseParen);
        Some(self.node(start, ExprKind::Dynamic(Box::new(value))))
    }

    fn json(&mut self) -> Expr {
        self.json_opt().unwrap_or_else(|| self.missing_expr())
    }

    fn json_opt(&mut self) -> Option<Expr> {
        self.nested(Self::json_value_opt)
    }

    fn json_value_opt(&mut self) -> Option<Expr> {
        use LiteralKind as L;
        let start = self.here();
        match self.peek() {
            // `int(1)` is the one constant that is no JSON value for Kusto.
            T::Literal(L::Int) => None,
            T::Literal(_) => self.plain_literal_opt(),
            T::Keyword(K::Dynamic) => self.dynamic_opt(),
            T::Keyword(K::Null) => Some(Expr { kind: ExprKind::Null, span: self.bump() }),
            T::Minus => {
                let T::Literal(kind @ (L::Long | L::Real)) = self.peek_at(1) else { return None };
                self.bump();
                let operand = Expr { kind: ExprKind::Literal(kind), span: self.bump() };
                Some(self.node(start, ExprKind::Unary(Box::new(Unary { negative: true, operand }))))
            }
            T::OpenBracket => {
                self.bump();
                let items = self.list(List::COMMON, Self::json_opt, Parser::missing_expr);
                self.expect_close(T::CloseBracket);
                Some(self.node(start, ExprKind::Array(items)))
            }
            T::OpenBrace => match self.braced_name() {
                Some(name) => Some(Self::name_expr(name)),
                None => {
                    self.bump();
                    let items = self.list(List::COMMON, Self::property_opt, Self::missing_property);
                    self.expect_close(T::CloseBrace);
                    Some(self.node(start, ExprKind::Object(items)))
                }
            },
            _ => None,
        }
    }

    fn property_opt(&mut self) -> Option<Property> {
        let name_span = self.here();
        if self.peek().is_string() {
            let name = self.string_text().into();
            self.expect(T::Colon, ":");
            return Some(Property { name, name_span, value: self.json() });
        }
        if self.at(T::Colon) {
            self.missing_name();
            self.bump();
            return Some(Property { name: "".into(), name_span, value: self.json() });
        }
        let index = self.pos;
        let value = self.json_opt()?;
        let message = "expected a property name in quotes before this value";
        self.error_at(index, SyntaxCode::MissingName, message, value.span);
        Some(Property { name: "".into(), name_span, value })
    }

    fn missing_property(&mut self) -> Property {
        let value = self.missing_expr();
        Property { name: "".into(), name_span: value.span, value }
    }

    /// `typeof(type)` or `typeof(schema)`; without the parenthesis `typeof` is a name.
    pub(super) fn typeof_opt(&mut self) -> Option<Expr> {
        if !self.at_keyword(K::Typeof) || self.peek_at(1) != T::OpenParen {
            return None;
        }
        let start = self.bump();
        self.bump();
        let scalar = self.at_type(true) || (self.at(T::Identifier) && self.peek_at(1) == T::CloseParen);
        let kind = if scalar {
            TypeOf::Scalar(self.bare_name())
        } else {
            let mut star = false;
            let items = self.list(
                List::COMMON,
                |p| match p.eat(T::Star) {
                    Some(_) => Some(None),
                    None => p.column_decl_opt().map(Some),
                },
                |p| Some(p.missing_column_decl()),
            );
            let mut columns = Vec::new();
            for item in items {
                match item {
                    Some(column) => columns.push(column),
                    None => star = true,
                }
            }
            TypeOf::Table { star, columns }
        };
        self.expect_close(T::CloseParen);
        Some(self.node(start, ExprKind::TypeOf(Box::new(kind))))
    }
}
