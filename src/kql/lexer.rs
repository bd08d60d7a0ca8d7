//! Text to tokens, losing nothing.
//!
//! [`lex`] works on any text: what is not Kusto becomes [`TokenKind::Unknown`], what has no end is marked, and the
//! tokens put together are always the text again. It never fails and takes linear time. Start reading at
//! `Lexer::next`. The order in which forms are tried, and the few odd ones (`matches regex` with exactly one
//! space, `1.` as a real, `3Dchart` as a word), follow Kusto.Language's `TokenParser`.

use super::keyword::Keyword;
use super::literal;
use super::span::Span;
use super::token::{LiteralKind, Token, TokenFault, TokenKind};

/// All tokens of `text`, trivia included. Concatenated they give `text`.
///
/// Text past 4 GiB cannot be addressed by a [`Span`] and is left out.
#[must_use]
pub fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, pos: 0 };
    // Measured over published rules: one token for about four bytes.
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    tokens
}

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
}

/// What a scan found: the kind, the fault if any, and how many bytes it covers.
struct Found {
    kind: TokenKind,
    fault: Option<TokenFault>,
    len: usize,
}

impl Found {
    fn good(kind: TokenKind, len: usize) -> Self {
        Self { kind, fault: None, len }
    }
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Option<Token> {
        let rest = self.rest();
        let first = *rest.as_bytes().first()?;
        let found = self
            .trivia(rest, first)
            .or_else(|| punctuation(rest.as_bytes()).map(|(kind, len)| Found::good(kind, len)))
            .or_else(|| string(rest))
            .or_else(|| word(rest, first))
            .or_else(|| number(rest, first))
            .or_else(|| negated_operator(rest))
            .unwrap_or_else(|| Found {
                kind: TokenKind::Unknown,
                fault: Some(TokenFault::UnknownCharacter),
                len: unknown_len(rest),
            });
        let start = u32::try_from(self.pos).ok()?;
        self.pos += found.len.max(1);
        let end = u32::try_from(self.pos).ok()?;
        Some(Token { kind: found.kind, fault: found.fault, span: Span::new(start, end) })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn trivia(&self, rest: &str, first: u8) -> Option<Found> {
        match first {
            b'/' if rest.as_bytes().get(1) == Some(&b'/') => {
                Some(Found::good(TokenKind::Comment, comment_len(rest)))
            }
            b'#' => Some(Found::good(TokenKind::Directive, line_len(rest))),
            _ => {
                let end = rest.find(|c| !is_whitespace(c)).unwrap_or(rest.len());
                (end > 0).then(|| Found::good(TokenKind::Whitespace, end))
            }
        }
    }
}

/// The same unknown character several times over is one token: a block of NULs is one mistake.
fn unknown_len(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or_default();
    rest.chars().take_while(|c| *c == first).map(char::len_utf8).sum()
}

fn punctuation(rest: &[u8]) -> Option<(TokenKind, usize)> {
    use TokenKind as K;
    let second = rest.get(1).copied();
    Some(match rest.first()? {
        b'(' => (K::OpenParen, 1),
        b')' => (K::CloseParen, 1),
        b'[' => (K::OpenBracket, 1),
        b']' => (K::CloseBracket, 1),
        b'{' => (K::OpenBrace, 1),
        b'}' => (K::CloseBrace, 1),
        b'|' => (K::Pipe, 1),
        b',' => (K::Comma, 1),
        b';' => (K::Semicolon, 1),
        b':' => (K::Colon, 1),
        b'+' => (K::Plus, 1),
        b'-' => (K::Minus, 1),
        b'*' => (K::Star, 1),
        b'/' => (K::Slash, 1),
        b'%' => (K::Percent, 1),
        b'?' => (K::Question, 1),
        b'.' if second == Some(b'.') => (K::DotDot, 2),
        b'.' => (K::Dot, 1),
        b'<' => match second {
            Some(b'=') => (K::LessEqual, 2),
            Some(b'|') => (K::LessPipe, 2),
            Some(b'>') => (K::LessGreater, 2),
            _ => (K::Less, 1),
        },
        b'>' if second == Some(b'=') => (K::GreaterEqual, 2),
        b'>' => (K::Greater, 1),
        b'=' => match second {
            Some(b'=') => (K::EqualEqual, 2),
            Some(b'>') => (K::FatArrow, 2),
            Some(b'~') => (K::EqualTilde, 2),
            _ => (K::Equal, 1),
        },
        b'!' if second == Some(b'=') => (K::BangEqual, 2),
        b'!' if second == Some(b'~') => (K::BangTilde, 2),
        b'@' if !second.is_some_and(literal::is_quote) => (K::At, 1),
        _ => return None,
    })
}

/// A string in any form, from its prefix (`h`, `@`) on.
fn string(rest: &str) -> Option<Found> {
    let (len, fault) = literal::scan_string(rest)?;
    Some(Found { kind: TokenKind::Literal(LiteralKind::String), fault, len })
}

/// A keyword, typed literal, bool, bare GUID or name that starts with a letter, `_` or `$`.
fn word(rest: &str, first: u8) -> Option<Found> {
    if !(first.is_ascii_alphabetic() || first == b'_' || first == b'$') {
        return None;
    }
    let len = 1 + word_len(rest.as_bytes().get(1..).unwrap_or_default());
    let word = rest.get(..len)?;
    let next = rest.as_bytes().get(len).copied();

    let may_go_on = match next {
        Some(b'-') => true,
        Some(b'.') => word == "hint",
        Some(b'~') => word == "in",
        Some(b' ') => word == "matches",
        _ => false,
    };
    if may_go_on && let Some(keyword) = Keyword::longest_compound(word, rest) {
        let keyword_len = keyword.text().len();
        return Some(if rest.as_bytes().get(keyword_len).copied().is_some_and(is_word_byte) {
            // `project-awayx`: not that keyword, and then the first word is no keyword either.
            Found::good(TokenKind::Identifier, len)
        } else {
            Found::good(TokenKind::Keyword(keyword), keyword_len)
        });
    }
    if let Some(keyword) = Keyword::from_text(word) {
        return Some(
            typed_literal(rest, keyword, len).unwrap_or(Found::good(TokenKind::Keyword(keyword), len)),
        );
    }
    if matches!(word, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
        return Some(Found::good(TokenKind::Literal(LiteralKind::Bool), len));
    }
    if literal::starts_with_guid(rest) {
        return Some(Found::good(TokenKind::Literal(LiteralKind::RawGuid), literal::GUID_LEN));
    }
    Some(Found::good(TokenKind::Identifier, len))
}

/// `datetime(...)` and the like: everything up to `)` is the literal, whatever it is. It ends with its line.
fn typed_literal(rest: &str, keyword: Keyword, keyword_len: usize) -> Option<Found> {
    let kind = match keyword {
        Keyword::Long | Keyword::Int64 => LiteralKind::Long,
        Keyword::Int | Keyword::Int32 => LiteralKind::Int,
        Keyword::Real | Keyword::Double => LiteralKind::Real,
        Keyword::Decimal => LiteralKind::Decimal,
        Keyword::Bool => LiteralKind::Bool,
        Keyword::Datetime | Keyword::Date => LiteralKind::Datetime,
        Keyword::Time | Keyword::Timespan => LiteralKind::Timespan,
        Keyword::Guid => LiteralKind::Guid,
        _ => return None,
    };
    let content = rest.get(keyword_len..)?.strip_prefix('(')?;
    let end = content.find(|c| c == ')' || is_line_break(c)).unwrap_or(content.len());
    let closed = content.as_bytes().get(end) == Some(&b')');
    Some(Found {
        kind: TokenKind::Literal(kind),
        fault: (!closed).then_some(TokenFault::UnterminatedLiteral),
        len: keyword_len + 1 + end + usize::from(closed),
    })
}

/// A number, timespan or bare GUID, or a name or keyword that starts with a digit.
fn number(rest: &str, first: u8) -> Option<Found> {
    if !first.is_ascii_digit() {
        return None;
    }
    let word = rest.get(..word_len(rest.as_bytes()))?;
    if let Some(keyword) = Keyword::from_text(word) {
        return Some(Found::good(TokenKind::Keyword(keyword), word.len()));
    }
    if literal::starts_with_guid(rest) {
        return Some(Found::good(TokenKind::Literal(LiteralKind::RawGuid), literal::GUID_LEN));
    }
    if let Some((kind, len)) = literal::scan_number(rest.as_bytes()) {
        return Some(Found::good(TokenKind::Literal(kind), len));
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (digits < word.len()).then(|| Found::good(TokenKind::Identifier, word.len()))
}

/// `!has`, `!in~` and so on; a lone `!` otherwise.
fn negated_operator(rest: &str) -> Option<Found> {
    if !rest.starts_with('!') {
        return None;
    }
    let word_end = 1 + word_len(rest.as_bytes().get(1..).unwrap_or_default());
    if word_end == 1 {
        return Some(Found::good(TokenKind::Bang, 1));
    }
    let word = rest.get(..word_end)?;
    let keyword = Keyword::longest_compound(word, rest)
        .or_else(|| Keyword::from_text(word))
        .filter(|k| !rest.as_bytes().get(k.text().len()).copied().is_some_and(is_word_byte))?;
    Some(Found::good(TokenKind::Keyword(keyword), keyword.text().len()))
}

/// True for a byte that goes on a word: letters, digits and `_`, ASCII only.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| is_word_byte(**b)).count()
}

/// Length of the text up to the end of its line, without the line break.
fn line_len(rest: &str) -> usize {
    rest.find(is_line_break).unwrap_or(rest.len())
}

/// A comment keeps a Unicode line break that ends it, which by itself would be no white space.
fn comment_len(rest: &str) -> usize {
    let len = line_len(rest);
    let separator = rest.get(len..).and_then(|end| end.chars().next()).filter(|c| !c.is_ascii());
    len + separator.map_or(0, char::len_utf8)
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{2028}' | '\u{2029}')
}

/// Kusto's white space: more than ASCII (zero-width space and byte order mark too), less than Unicode's.
fn is_whitespace(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '\u{c}' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'
            ..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
