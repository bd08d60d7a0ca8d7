//! Comma-separated lists, one reader for all of them.

use super::super::span::Span;
use super::super::token::TokenKind;
use super::cursor::Parser;
use super::error::SyntaxCode;

/// How a list behaves.
#[derive(Clone, Copy)]
pub(super) struct List {
    /// Where the list ends. Without one, it ends where no comma follows, and a missing comma is not noticed.
    end: Option<fn(&Parser<'_>) -> bool>,
    one_or_more: bool,
    trailing_comma: bool,
}

impl List {
    /// Ends at a closing bracket, `|`, `;` or the end.
    pub(super) const COMMON: Self = Self { end: Some(common_end), one_or_more: false, trailing_comma: false };

    /// Ends where no comma follows; at least one item.
    pub(super) const OPEN: Self = Self { end: None, one_or_more: true, trailing_comma: false };

    /// Also ends where `end` says.
    pub(super) const fn until(end: fn(&Parser<'_>) -> bool) -> Self {
        Self { end: Some(end), one_or_more: false, trailing_comma: false }
    }

    /// With at least one item.
    pub(super) const fn one_or_more(self) -> Self {
        Self { one_or_more: true, ..self }
    }

    /// A comma may stand after the last item.
    pub(super) const fn trailing_comma(self) -> Self {
        Self { trailing_comma: true, ..self }
    }
}

impl<'t> Parser<'t> {
    /// Reads items with `item`, which returns `None` if none starts here; `missing` reports an absent one.
    pub(super) fn list<T>(
        &mut self,
        list: List,
        item: impl Fn(&mut Parser<'t>) -> Option<T>,
        missing: impl Fn(&mut Parser<'t>) -> T,
    ) -> Vec<T> {
        let ended = |parser: &Self| list.end.is_some_and(|end| end(parser));
        let next = |parser: &mut Self| if ended(parser) { None } else { item(parser) };
        let mut items = Vec::new();
        let mut current = next(self);
        if current.is_none() && self.at(TokenKind::Comma) {
            current = Some(missing(self));
        }
        while let Some(element) = current.take() {
            items.push(element);
            if self.at(TokenKind::End) || ended(self) {
                break;
            }
            let before = self.pos;
            if self.eat(TokenKind::Comma).is_some() {
                current = next(self);
                if current.is_none() && !(list.trailing_comma && ended(self)) {
                    items.push(missing(self));
                    // `a,,b`: one report, and the rest of the list is still read.
                    if self.at(TokenKind::Comma) {
                        current = items.pop();
                    }
                }
            } else if list.end.is_some() && !self.at_unpiped_operator() && !self.at_statement() {
                current = item(self);
                if current.is_some() {
                    self.missing_comma(before);
                }
            }
            if self.pos == before {
                break;
            }
        }
        if items.is_empty() && list.one_or_more {
            items.push(missing(self));
        }
        items
    }

    fn missing_comma(&mut self, index: usize) {
        let Some(token) = self.tokens.get(index) else { return };
        let before = index.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.span.end);
        let new_line = Span::new(before, token.span.start).of(self.text).contains('\n');
        let expected = if new_line { "`,`, `|` or `;`" } else { "`,`" };
        let span = token.span;
        let message = format!("expected {expected} before `{}`", span.of(self.text));
        self.error_at(index, SyntaxCode::MissingToken, message, span);
    }
}

fn common_end(parser: &Parser<'_>) -> bool {
    parser.at_list_end()
}
