//! Reporting mistakes, and going on after one.
//!
//! One mistake shall give one message. So an error at a token where one was reported already is dropped, as is one
//! right after a token that is itself faulty (an unterminated string has swallowed what would have closed it).
//! After an error the parser goes on at the next `|`, `;`, closing bracket or statement, and takes what looks like an
//! operator without its `|` as that operator, so that the rest of the query is still understood.

use super::super::keyword::Keyword;
use super::super::span::Span;
use super::super::syntax::{Expr, ExprKind, Name, NameForm};
use super::super::token::{TokenFault, TokenKind};
use super::MAX_ERRORS;
use super::cursor::Parser;
use super::error::{SyntaxCode, SyntaxError};

impl Parser<'_> {
    /// The errors in the order of the text; only the budget's if one was used up.
    pub(super) fn into_errors(mut self) -> Vec<SyntaxError> {
        if let Some(error) = self.over_budget {
            return vec![error];
        }
        self.drop_errors_around_open_strings();
        self.errors.sort_by_key(|e| (e.span.start, e.span.end));
        self.errors
    }

    /// A missing quote turns text into strings and strings into text up to the end of its line, and what it has
    /// swallowed is missed on the next one: those errors tell nothing.
    fn drop_errors_around_open_strings(&mut self) {
        let text = self.text;
        let spoiled: Vec<std::ops::Range<u32>> = self
            .errors
            .iter()
            .filter(|e| e.code == SyntaxCode::UnterminatedString)
            .map(|e| {
                let before = text.get(..e.span.start as usize).unwrap_or("");
                let line = before.rfind('\n').map_or(0, |i| i + 1);
                let after = text.get(e.span.end as usize..).unwrap_or("");
                let next_line_end = after.match_indices('\n').nth(1).map_or(after.len(), |(i, _)| i);
                u32::try_from(line).unwrap_or(0)
                    ..e.span.end.saturating_add(u32::try_from(next_line_end).unwrap_or(0))
            })
            .collect();
        if !spoiled.is_empty() {
            self.errors.retain(|e| {
                e.code == SyntaxCode::UnterminatedString
                    || !spoiled.iter().any(|range| range.start <= e.span.start && e.span.start <= range.end)
            });
        }
    }

    /// Reports what the lexer marked.
    pub(super) fn report_faults(&mut self) {
        for token in &self.tokens {
            let Some(fault) = token.fault else { continue };
            if self.errors.len() >= MAX_ERRORS {
                break;
            }
            let text = token.span.of(self.text);
            let (code, message) = match fault {
                TokenFault::UnterminatedString => {
                    (SyntaxCode::UnterminatedString, "a string on this line has no closing quote".to_owned())
                }
                TokenFault::BadEscape => (
                    SyntaxCode::BadEscape,
                    "a `\\` in this string starts no escape: write `\\\\`, or put `@` before the string"
                        .to_owned(),
                ),
                TokenFault::UnterminatedLiteral => {
                    (SyntaxCode::UnterminatedLiteral, "this literal has no `)` on its line".to_owned())
                }
                TokenFault::UnknownCharacter => (SyntaxCode::UnknownCharacter, unknown_character(text)),
            };
            self.errors.push(SyntaxError::new(code, message, token.span));
        }
    }

    /// Reports a mistake at the current token.
    pub(super) fn error(&mut self, code: SyntaxCode, message: impl Into<String>, span: Span) {
        self.error_at(self.pos, code, message, span);
    }

    /// Reports a mistake at token number `index`.
    pub(super) fn error_at(
        &mut self,
        index: usize,
        code: SyntaxCode,
        message: impl Into<String>,
        span: Span,
    ) {
        let repeated = self.last_error == Some(index);
        let faulty = |i: usize| self.tokens.get(i).is_some_and(|t| t.fault.is_some());
        let caused_by_fault = faulty(index) || index.checked_sub(1).is_some_and(faulty);
        self.last_error = Some(index);
        if !repeated && !caused_by_fault && self.errors.len() < MAX_ERRORS && self.over_budget.is_none() {
            self.errors.push(SyntaxError::new(code, message, span));
        }
    }

    /// Takes `kind`, or reports that it is missing and goes on as if it stood there.
    pub(super) fn expect(&mut self, kind: TokenKind, shown: &str) -> Option<Span> {
        let found = self.eat(kind);
        if found.is_none() {
            let span = self.here();
            let message = format!("expected `{shown}`{}", self.found());
            self.error(SyntaxCode::MissingToken, message, span);
        }
        found
    }

    pub(super) fn expect_keyword(&mut self, keyword: Keyword) -> Option<Span> {
        self.expect(TokenKind::Keyword(keyword), keyword.text())
    }

    /// Takes a closing bracket. If it is missing, skips what does not belong and takes it if it comes then.
    pub(super) fn expect_close(&mut self, kind: TokenKind) -> Option<Span> {
        let shown = match kind {
            TokenKind::CloseBracket => "]",
            TokenKind::CloseBrace => "}",
            _ => ")",
        };
        if let Some(found) = self.eat(kind) {
            return Some(found);
        }
        match self.unclosed(kind) {
            Some(open) if matches!(self.peek(), TokenKind::End | TokenKind::Semicolon) => {
                let message = format!("this `{}` is never closed", open.of(self.text));
                self.error(SyntaxCode::MissingToken, message, open);
            }
            _ => {
                self.expect(kind, shown);
            }
        }
        self.skip_to_boundary();
        self.eat(kind)
    }

    /// The bracket that the missing `close` would have closed. Looks back only if there is something to report.
    fn unclosed(&self, close: TokenKind) -> Option<Span> {
        if self.last_error == Some(self.pos) {
            return None;
        }
        let open = match close {
            TokenKind::CloseBracket => TokenKind::OpenBracket,
            TokenKind::CloseBrace => TokenKind::OpenBrace,
            _ => TokenKind::OpenParen,
        };
        let mut closed = 0_usize;
        for token in self.tokens.get(..self.pos)?.iter().rev() {
            if token.kind == close {
                closed += 1;
            } else if token.kind == open {
                if closed == 0 {
                    return Some(token.span);
                }
                closed -= 1;
            }
        }
        None
    }

    /// An absent expression, reported.
    pub(super) fn missing_expr(&mut self) -> Expr {
        let span = self.here();
        let message = match self.peek() {
            TokenKind::Keyword(keyword) if self.infix_at(0).is_none() && !self.at_operator_word() => format!(
                "expected an expression, found the keyword `{0}`; as a name it is written ['{0}']",
                keyword.text()
            ),
            _ => format!("expected an expression{}", self.found()),
        };
        self.error(SyntaxCode::MissingExpression, message, span);
        Expr { kind: ExprKind::Missing, span: Span::at(self.last_end()) }
    }

    /// An absent name, reported.
    pub(super) fn missing_name(&mut self) -> Name {
        let span = self.here();
        let message = match self.peek() {
            TokenKind::Keyword(keyword) => {
                format!(
                    "expected a name, found the keyword `{0}`; as a name it is written ['{0}']",
                    keyword.text()
                )
            }
            _ => format!("expected a name{}", self.found()),
        };
        self.error(SyntaxCode::MissingName, message, span);
        Name { text: "".into(), form: NameForm::Bare, span: Span::at(self.last_end()) }
    }

    /// `, found ...` for a message.
    pub(super) fn found(&self) -> String {
        match self.peek() {
            TokenKind::End => ", found the end of the query".to_owned(),
            TokenKind::Equal => ", found `=` (to compare, write `==`)".to_owned(),
            TokenKind::Directive => {
                ", found a line that starts with `#` (comments start with `//`)".to_owned()
            }
            _ => {
                let text = self.text_at(0);
                let short: String = text.chars().take(40).collect();
                format!(", found `{short}{}`", if short.len() < text.len() { "…" } else { "" })
            }
        }
    }

    /// After an operator or a source: reports text that belongs to nothing and skips it. True if an operator
    /// follows whose `|` is missing.
    pub(super) fn finish_step(&mut self) -> bool {
        if self.at_list_end() || self.at(TokenKind::Comma) {
            return false;
        }
        let span = self.here();
        if self.at_statement() {
            let message = format!("expected `;`{}", self.found());
            self.error(SyntaxCode::MissingToken, message, span);
            return false;
        }
        if self.possible_operator() || self.at_unpiped_operator() {
            let message = format!("expected `|` before `{}`", self.text_at(0));
            self.error(SyntaxCode::MissingToken, message, span);
            return true;
        }
        let message = format!("expected `|`, `;` or an operator{}", self.found());
        self.error(SyntaxCode::UnexpectedText, message, span);
        self.skip_to_boundary();
        false
    }

    /// True at an operator's word at the start of a line, followed by what only an operator has: its `|` is missing.
    pub(super) fn at_unpiped_operator(&self) -> bool {
        let next = self.peek_at(1);
        let operand = matches!(next, TokenKind::Identifier | TokenKind::Literal(_) | TokenKind::Keyword(_));
        self.at_operator_word() && self.starts_line() && operand && self.infix_at(1).is_none()
    }

    /// True if only white space stands before the current token on its line.
    pub(super) fn starts_line(&self) -> bool {
        let gap = Span::new(self.last_end(), self.here().start);
        gap.of(self.text).contains('\n')
    }

    /// Skips to the next `|`, `;`, closing bracket, `let` statement or the end, over whole bracket pairs.
    pub(super) fn skip_to_boundary(&mut self) {
        let mut open: Vec<TokenKind> = Vec::new();
        loop {
            let kind = self.peek();
            match kind {
                TokenKind::End => return,
                TokenKind::OpenParen => open.push(TokenKind::CloseParen),
                TokenKind::OpenBracket => open.push(TokenKind::CloseBracket),
                TokenKind::OpenBrace => open.push(TokenKind::CloseBrace),
                _ if kind.is_close() => match open.iter().rposition(|close| *close == kind) {
                    Some(index) => open.truncate(index),
                    None => return,
                },
                TokenKind::Pipe if open.is_empty() => return,
                TokenKind::Semicolon if !open.contains(&TokenKind::CloseBrace) => return,
                TokenKind::Keyword(Keyword::Let) if open.is_empty() && self.at_statement() => return,
                _ => {}
            }
            self.bump();
        }
    }
}

/// `text` is the same character once or several times.
fn unknown_character(text: &str) -> String {
    match text.chars().next() {
        Some('“' | '”' | '„') => "typographic quotes do not start a string; write `\"`".to_owned(),
        Some('‘' | '’' | '‚') => "typographic quotes do not start a string; write `'`".to_owned(),
        Some(c) if c.is_control() => {
            format!("the control character {} is not part of the language", c.escape_unicode())
        }
        Some(c) => format!("`{c}` is not part of the language"),
        None => "unexpected character".to_owned(),
    }
}
