//! What compilation needs to know of a query as it is written: its parameters, slots and comments, and its mistakes.
//!
//! Depends on the text alone, so fifty environments that compile one rule share one [`Outline`].

use crate::kql::parser::{Parse, SyntaxError};
use crate::kql::{Span, TokenFault, TokenKind, parse};

use super::parameters::{self, Parameter};
use super::shape::Shape;
use super::slot::{self, Slot};

/// Faults that are kept: a text with more is not a query, and each of them costs a message.
const MOST_FAULTS: usize = 10;

/// The facts of one query text.
#[derive(Debug)]
pub(crate) struct Outline {
    /// Strings and brackets that never close: they would swallow what is inserted after them.
    pub(crate) faults: Vec<(Span, &'static str)>,
    /// What else the language does not allow; empty when there are faults.
    pub(crate) errors: Vec<SyntaxError>,
    /// Top-level `let NAME = LITERAL;`.
    pub(crate) parameters: Vec<Parameter>,
    /// Places for allowlists.
    pub(crate) slots: Vec<Slot>,
    /// Which constructs it uses.
    pub(crate) shape: Shape,
    /// Runs of white space and comments, in order.
    pub(crate) trivia: Vec<Trivia>,
}

/// White space and comments between two tokens that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trivia {
    /// Byte range.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// There is a comment in it.
    pub(crate) comment: bool,
}

impl Outline {
    /// Reads a query text that ends with a line break.
    pub(crate) fn of(text: &str) -> Outline {
        let parsed = parse(text);
        let faults = lexical_faults(&parsed);
        Outline {
            errors: if faults.is_empty() { parsed.errors.clone() } else { Vec::new() },
            faults,
            parameters: parameters::find(&parsed.query),
            slots: slot::find(text, &parsed),
            shape: Shape::of(&parsed.query),
            trivia: trivia(&parsed),
        }
    }
}

fn lexical_faults(parsed: &Parse) -> Vec<(Span, &'static str)> {
    let mut open = Vec::new();
    let mut faults = Vec::new();
    for token in &parsed.tokens {
        match (token.fault, token.kind) {
            (Some(TokenFault::UnterminatedString), _) => {
                faults.push((token.span, "this string is not closed"));
            }
            (Some(TokenFault::UnterminatedLiteral), _) => {
                faults.push((token.span, "this literal is not closed"));
            }
            (Some(TokenFault::UnknownCharacter), _) => {
                faults.push((token.span, "this character is not part of KQL"));
            }
            (_, kind) if kind.is_open() => open.push(token),
            (_, kind) if kind.is_close() => match open.pop() {
                Some(opened) if closes(opened.kind, kind) => {}
                _ => faults.push((token.span, "nothing is open that this closes")),
            },
            _ => {}
        }
    }
    faults.extend(open.into_iter().map(|token| (token.span, "this is never closed")));
    faults.truncate(MOST_FAULTS);
    faults
}

fn closes(open: TokenKind, close: TokenKind) -> bool {
    matches!(
        (open, close),
        (TokenKind::OpenParen, TokenKind::CloseParen)
            | (TokenKind::OpenBracket, TokenKind::CloseBracket)
            | (TokenKind::OpenBrace, TokenKind::CloseBrace)
    )
}

fn trivia(parsed: &Parse) -> Vec<Trivia> {
    let mut runs: Vec<Trivia> = Vec::new();
    for token in parsed.tokens.iter().filter(|token| token.is_trivia()) {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        let comment = token.kind == TokenKind::Comment;
        match runs.last_mut() {
            Some(run) if run.end == start => {
                run.end = end;
                run.comment |= comment;
            }
            _ => runs.push(Trivia { start, end, comment }),
        }
    }
    runs
}
