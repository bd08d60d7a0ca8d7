//! Reading tokens: look ahead, take, compare.

use super::super::keyword::{Keyword, Naming};
use super::super::span::Span;
use super::super::syntax::{Expr, ExprKind};
use super::super::token::{Token, TokenKind};
use super::error::{SyntaxCode, SyntaxError};
use super::{MAX_NESTING, MAX_OPERATORS};

/// The state of one parse.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    /// Without white space and comments.
    pub(super) tokens: Vec<Token>,
    pub(super) pos: usize,
    pub(super) errors: Vec<SyntaxError>,
    /// Token at which the last error was reported: one mistake is reported once.
    pub(super) last_error: Option<usize>,
    depth: u32,
    operators: usize,
    /// For each token that is a `(`: whether a `|` comes before a `,` or its `)`. Made when first needed.
    queries_in_parens: Option<Vec<bool>>,
    /// Set when a budget is used up: from then on only the end of the text is seen.
    pub(super) over_budget: Option<SyntaxError>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, tokens: &[Token]) -> Self {
        let tokens: Vec<Token> = tokens.iter().filter(|t| !t.is_trivia()).copied().collect();
        let mut parser = Self {
            text,
            tokens,
            pos: 0,
            errors: Vec::new(),
            last_error: None,
            depth: 0,
            operators: 0,
            queries_in_parens: None,
            over_budget: None,
        };
        parser.report_faults();
        parser
    }

    /// The kind of the token `ahead` places on; [`TokenKind::End`] past the end.
    pub(super) fn peek_at(&self, ahead: usize) -> TokenKind {
        if self.over_budget.is_some() {
            return TokenKind::End;
        }
        self.tokens.get(self.pos + ahead).map_or(TokenKind::End, |t| t.kind)
    }

    pub(super) fn peek(&self) -> TokenKind {
        self.peek_at(0)
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.peek() == kind
    }

    pub(super) fn at_keyword(&self, keyword: Keyword) -> bool {
        self.peek() == TokenKind::Keyword(keyword)
    }

    /// The text of the token `ahead` places on.
    pub(super) fn text_at(&self, ahead: usize) -> &'t str {
        self.tokens.get(self.pos + ahead).map_or("", |t| t.span.of(self.text))
    }

    /// Where the current token is; after the last token past the end.
    pub(super) fn here(&self) -> Span {
        self.tokens.get(self.pos).map_or_else(|| Span::at(self.last_end()), |t| t.span)
    }

    /// Where the last token that was taken ends: the place of what is missing after it.
    pub(super) fn last_end(&self) -> u32 {
        self.pos.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |t| t.span.end)
    }

    /// From `start` to the last token that was taken.
    pub(super) fn since(&self, start: Span) -> Span {
        Span::new(start.start, self.last_end().max(start.start))
    }

    /// True if nothing stands between the token `ahead` places on and the one before it.
    pub(super) fn joined_at(&self, ahead: usize) -> bool {
        let index = self.pos + ahead;
        let before = index.checked_sub(1).and_then(|i| self.tokens.get(i));
        match (before, self.tokens.get(index)) {
            (Some(before), Some(token)) => before.span.end == token.span.start,
            _ => false,
        }
    }

    /// Takes the current token. Past the end this does nothing.
    pub(super) fn bump(&mut self) -> Span {
        let span = self.here();
        if self.peek() != TokenKind::End {
            self.pos += 1;
        }
        span
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> Option<Span> {
        self.at(kind).then(|| self.bump())
    }

    pub(super) fn eat_keyword(&mut self, keyword: Keyword) -> Option<Span> {
        self.eat(TokenKind::Keyword(keyword))
    }

    /// Takes adjacent tokens that together are `text`, such as `-->`.
    pub(super) fn eat_joined(&mut self, text: &str) -> Option<Span> {
        let count = self.scan_joined(text, 0)?;
        let start = self.here();
        self.pos += count;
        Some(self.since(start))
    }

    /// How many adjacent tokens, from `ahead` on, together are `text`.
    pub(super) fn scan_joined(&self, text: &str, ahead: usize) -> Option<usize> {
        let mut rest = text;
        let mut count = 0;
        while !rest.is_empty() {
            let index = ahead + count;
            if self.peek_at(index) == TokenKind::End || (count > 0 && !self.joined_at(index)) {
                return None;
            }
            rest = rest.strip_prefix(self.text_at(index))?;
            count += 1;
        }
        Some(count)
    }

    /// True for an identifier, and for a keyword that may be a name anywhere.
    pub(super) fn is_identifier(kind: TokenKind) -> bool {
        match kind {
            TokenKind::Identifier => true,
            TokenKind::Keyword(keyword) => keyword.naming() == Naming::Anywhere,
            _ => false,
        }
    }

    /// True for a keyword that may be a name at least where names are declared.
    pub(super) fn is_extended_keyword(kind: TokenKind) -> bool {
        matches!(kind, TokenKind::Keyword(keyword) if keyword.naming() != Naming::Never)
    }

    /// True where lists, operators and queries end in any case.
    pub(super) fn at_list_end(&self) -> bool {
        self.list_end_at(0)
    }

    pub(super) fn list_end_at(&self, ahead: usize) -> bool {
        let kind = self.peek_at(ahead);
        kind.is_close() || matches!(kind, TokenKind::Pipe | TokenKind::Semicolon | TokenKind::End)
    }

    /// An expression of `kind` from `start` to the last token that was taken.
    pub(super) fn node(&self, start: Span, kind: ExprKind) -> Expr {
        Expr { kind, span: self.since(start) }
    }

    /// Runs `inner` one level deeper; gives up with one error if that is too deep.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MAX_NESTING {
            self.stop(
                SyntaxCode::TooDeep,
                format!("the query nests deeper than {MAX_NESTING} levels; the rest is not read"),
            );
            return None;
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Counts an operator; gives up with one error at the first one too many.
    pub(super) fn count_operator(&mut self) {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            self.stop(
                SyntaxCode::TooManyOperators,
                format!("the query has more than {MAX_OPERATORS} operators; the rest is not read"),
            );
        }
    }

    /// True if the `(` that was just taken holds a query: a `|` comes before a `,` or its `)`.
    ///
    /// Answered for all parentheses in one pass, because looking ahead from each of them would take quadratic time.
    pub(super) fn paren_holds_query(&mut self) -> bool {
        let Some(open) = self.pos.checked_sub(1) else { return false };
        let tokens = &self.tokens;
        let known = self.queries_in_parens.get_or_insert_with(|| queries_in_parens(tokens));
        known.get(open).copied().unwrap_or(false)
    }

    /// Ends the parse: from here on only the end of the text is seen, and only this error is reported.
    pub(super) fn stop(&mut self, code: SyntaxCode, message: String) {
        if self.over_budget.is_none() {
            self.over_budget = Some(SyntaxError::new(code, message, self.here()));
        }
    }
}

fn queries_in_parens(tokens: &[Token]) -> Vec<bool> {
    let mut answers = vec![false; tokens.len()];
    // Parentheses that are still open; `None` once the answer is known.
    let mut open: Vec<Option<usize>> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen => open.push(Some(index)),
            TokenKind::CloseParen => {
                open.pop();
            }
            TokenKind::Comma => {
                if let Some(top) = open.last_mut() {
                    *top = None;
                }
            }
            TokenKind::Pipe => {
                let undecided = open.last_mut().and_then(Option::take);
                if let Some(answer) = undecided.and_then(|index| answers.get_mut(index)) {
                    *answer = true;
                }
            }
            // A statement ends: what is still open never gets its query.
            TokenKind::Semicolon => open.clear(),
            _ => {}
        }
    }
    answers
}
