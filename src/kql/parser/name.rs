//! Names: bare, in brackets, with wildcards, and keywords as names.

use super::super::keyword::Keyword;
use super::super::literal::string_value;
use super::super::span::Span;
use super::super::syntax::{Expr, ExprKind, Name, NameForm};
use super::super::token::{LiteralKind, TokenKind};
use super::cursor::Parser;
use super::error::SyntaxCode;

impl Parser<'_> {
    /// A name where an expression may refer to something.
    pub(super) fn name_opt(&mut self) -> Option<Name> {
        match self.peek() {
            TokenKind::OpenBracket => self.bracketed_name(),
            TokenKind::OpenBrace => self.braced_name(),
            kind => Self::is_identifier(kind).then(|| self.bare_name()),
        }
    }

    /// A name where one is declared or listed: more keywords may be names there.
    pub(super) fn declared_name_opt(&mut self) -> Option<Name> {
        self.name_opt().or_else(|| Self::is_extended_keyword(self.peek()).then(|| self.bare_name()))
    }

    pub(super) fn name(&mut self) -> Name {
        self.name_opt().unwrap_or_else(|| self.missing_name())
    }

    pub(super) fn declared_name(&mut self) -> Name {
        self.declared_name_opt().unwrap_or_else(|| self.missing_name())
    }

    /// The current token as a name, whatever it is.
    pub(super) fn bare_name(&mut self) -> Name {
        let text = self.text_at(0).into();
        Name { text, form: NameForm::Bare, span: self.bump() }
    }

    /// How many tokens a name takes `ahead` places on.
    pub(super) fn scan_name(&self, ahead: usize) -> Option<usize> {
        match self.peek_at(ahead) {
            TokenKind::OpenBracket => self.scan_bracketed_name(ahead),
            TokenKind::OpenBrace => self.scan_braced_name(ahead),
            kind => Self::is_identifier(kind).then_some(1),
        }
    }

    /// As [`Self::scan_name`], where a name is declared.
    pub(super) fn scan_declared_name(&self, ahead: usize) -> Option<usize> {
        self.scan_name(ahead).or_else(|| Self::is_extended_keyword(self.peek_at(ahead)).then_some(1))
    }

    /// `['a']`, also with several adjacent strings.
    fn scan_bracketed_name(&self, ahead: usize) -> Option<usize> {
        if self.peek_at(ahead) != TokenKind::OpenBracket {
            return None;
        }
        let mut end = ahead + 1;
        while self.peek_at(end).is_string() {
            end += 1;
        }
        (end > ahead + 1 && self.peek_at(end) == TokenKind::CloseBracket).then_some(end + 1 - ahead)
    }

    pub(super) fn bracketed_name(&mut self) -> Option<Name> {
        let count = self.scan_bracketed_name(0)?;
        let start = self.bump();
        let mut text = String::new();
        for _ in 2..count {
            text.push_str(&self.string_text());
        }
        self.bump();
        Some(Name { text: text.into(), form: NameForm::Bracketed, span: self.since(start) })
    }

    /// The current string literal's text, decoded as far as it can be.
    pub(super) fn string_text(&mut self) -> String {
        let raw = self.text_at(0);
        self.bump();
        string_value(raw).unwrap_or_else(|| raw.trim_matches(['"', '\'']).to_owned())
    }

    /// `{name}` or `{name[-1]}` without white space: a place that a client fills in.
    pub(super) fn scan_braced_name(&self, ahead: usize) -> Option<usize> {
        let word = matches!(self.peek_at(ahead + 1), TokenKind::Identifier | TokenKind::Keyword(_));
        if self.peek_at(ahead) != TokenKind::OpenBrace || !word {
            return None;
        }
        let mut end = ahead + 2;
        if self.peek_at(end) == TokenKind::OpenBracket {
            end += 1;
            end += usize::from(self.peek_at(end) == TokenKind::Minus);
            if self.peek_at(end) != TokenKind::Literal(LiteralKind::Long)
                || self.peek_at(end + 1) != TokenKind::CloseBracket
            {
                return None;
            }
            end += 2;
        }
        let closed = self.peek_at(end) == TokenKind::CloseBrace;
        (closed && (ahead + 1..=end).all(|i| self.joined_at(i))).then_some(end + 1 - ahead)
    }

    pub(super) fn braced_name(&mut self) -> Option<Name> {
        let count = self.scan_braced_name(0)?;
        let start = self.here();
        self.pos += count;
        let span = self.since(start);
        let text = Span::new(span.start + 1, span.end.saturating_sub(1)).of(self.text).into();
        Some(Name { text, form: NameForm::Braced, span })
    }

    /// How many adjacent tokens make a name with a `*` in it: `T*`, `*_CL`, `*`.
    pub(super) fn scan_wildcard(&self, ahead: usize) -> Option<usize> {
        let word = |kind| kind == TokenKind::Identifier || Self::is_extended_keyword(kind);
        let mut end = match self.peek_at(ahead) {
            TokenKind::Star => ahead + 1,
            kind if word(kind) && self.peek_at(ahead + 1) == TokenKind::Star && self.joined_at(ahead + 1) => {
                ahead + 2
            }
            _ => return None,
        };
        let part =
            |kind| word(kind) || matches!(kind, TokenKind::Star | TokenKind::Literal(LiteralKind::Long));
        while part(self.peek_at(end)) && self.joined_at(end) {
            end += 1;
        }
        Some(end - ahead)
    }

    pub(super) fn wildcard_opt(&mut self) -> Option<Expr> {
        let count = self.scan_wildcard(0)?;
        let start = self.here();
        self.pos += count;
        let span = self.since(start);
        Some(Expr { kind: ExprKind::Wildcard(span.of(self.text).into()), span })
    }

    /// `[T*]`
    pub(super) fn bracketed_wildcard_opt(&mut self) -> Option<Expr> {
        if !self.at(TokenKind::OpenBracket) {
            return None;
        }
        let count = self.scan_wildcard(1)?;
        let start = self.bump();
        let inner = self.here();
        self.pos += count;
        let pattern = self.since(inner).of(self.text).into();
        self.expect_close(TokenKind::CloseBracket);
        Some(self.node(start, ExprKind::Wildcard(pattern)))
    }

    /// The name as an expression.
    pub(super) fn name_expr(name: Name) -> Expr {
        let span = name.span;
        Expr { kind: ExprKind::Name(name), span }
    }

    /// `a, b` in a wildcard list of `project-away` and its like.
    pub(super) fn name_or_wildcard_opt(&mut self) -> Option<Expr> {
        self.wildcard_opt().or_else(|| self.name_opt().map(Self::name_expr))
    }

    /// A keyword that cannot be a name but clearly is meant as one (`where title == "x"`): taken, with an error.
    pub(super) fn keyword_as_name(&mut self) -> Option<Expr> {
        let TokenKind::Keyword(keyword) = self.peek() else { return None };
        if !self.follows_a_name(1) {
            return None;
        }
        self.report_unbracketed(keyword.text());
        Some(Self::name_expr(self.bare_name()))
    }

    pub(super) fn report_unbracketed(&mut self, text: &str) {
        let message = format!("`{text}` cannot be a name as it stands; write ['{text}']");
        let span = self.here();
        self.error(SyntaxCode::MissingName, message, span);
    }

    /// True if the token `ahead` places on only ever comes after an operand.
    fn follows_a_name(&self, ahead: usize) -> bool {
        match self.peek_at(ahead) {
            TokenKind::Plus | TokenKind::Minus => false,
            TokenKind::Dot | TokenKind::Comma | TokenKind::Colon | TokenKind::Pipe => true,
            kind if kind.is_close() => true,
            TokenKind::Keyword(Keyword::And | Keyword::Or) => true,
            _ => self.infix_at(ahead).is_some(),
        }
    }

    /// `a-b` and other words with dashes: how many tokens, if it is one.
    pub(super) fn scan_dashed_name(&self) -> Option<usize> {
        let word = |kind| matches!(kind, TokenKind::Identifier | TokenKind::Keyword(_));
        if !word(self.peek()) {
            return None;
        }
        let mut end = 1;
        while (word(self.peek_at(end)) || self.peek_at(end) == TokenKind::Minus) && self.joined_at(end) {
            end += 1;
        }
        Some(end)
    }

    /// True for a word that is a name even though its keyword is reserved: `kind`, `withsource`, `with_source`.
    pub(super) fn is_special_name(kind: TokenKind) -> bool {
        matches!(kind, TokenKind::Keyword(Keyword::Kind | Keyword::Withsource | Keyword::WithSource))
    }
}
