//! What a query text is made of: the kinds of token.

use super::keyword::Keyword;
use super::span::Span;

/// One token: a kind and the piece of text it covers. The tokens of a text, one after the other, are the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// What is wrong with it, if anything is. A token with a fault still covers its text.
    pub fault: Option<TokenFault>,
    /// Where it is.
    pub span: Span,
}

impl Token {
    /// The token's text.
    #[must_use]
    pub fn text(self, text: &str) -> &str {
        self.span.of(text)
    }

    /// False for a string or a typed literal whose end is missing.
    #[must_use]
    pub fn is_terminated(self) -> bool {
        !matches!(self.fault, Some(TokenFault::UnterminatedString | TokenFault::UnterminatedLiteral))
    }

    /// True for white space and comments, which mean nothing to the query.
    #[must_use]
    pub fn is_trivia(self) -> bool {
        matches!(self.kind, TokenKind::Whitespace | TokenKind::Comment)
    }
}

/// The kind of a [`Token`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TokenKind {
    /// A run of white space, line breaks included.
    Whitespace,
    /// `// to the end of the line`, without the line break. Kusto has no other form of comment.
    Comment,
    /// `#directive to the end of the line`: a hint for a client, allowed only before the first statement.
    Directive,
    /// A name, including `$left` and names that start with digits (`2ndName`).
    Identifier,
    /// A word with a meaning in the language. Most may still be used as names: see [`Keyword::naming`].
    Keyword(Keyword),
    /// A constant.
    Literal(LiteralKind),
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `|`
    Pipe,
    /// `<|`
    LessPipe,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `:`
    Colon,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// `=`
    Equal,
    /// `==`
    EqualEqual,
    /// `=~`
    EqualTilde,
    /// `=>`
    FatArrow,
    /// `!`
    Bang,
    /// `!=`
    BangEqual,
    /// `!~`
    BangTilde,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `<>`
    LessGreater,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `@`
    At,
    /// `?`
    Question,
    /// A character that is not part of the language; [`Token::fault`] says so too.
    Unknown,
    /// After the last token. The lexer never produces it; a parser reads it past the end.
    End,
}

impl TokenKind {
    /// True for a string literal of any form.
    #[must_use]
    pub fn is_string(self) -> bool {
        self == Self::Literal(LiteralKind::String)
    }

    /// True for `(`, `[` and `{`.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenParen | Self::OpenBracket | Self::OpenBrace)
    }

    /// True for `)`, `]` and `}`.
    #[must_use]
    pub fn is_close(self) -> bool {
        matches!(self, Self::CloseParen | Self::CloseBracket | Self::CloseBrace)
    }
}

/// The kinds of constant that are one token. `dynamic(...)` and `typeof(...)` are expressions, not tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum LiteralKind {
    /// Any string form: `"a"`, `'a'`, `@"a"`, `h"a"`, ```` ```a``` ````, `~~~a~~~`.
    String,
    /// `12`, `0x1F`, `long(12)`, `int64(12)`
    Long,
    /// `int(12)`, `int32(12)`
    Int,
    /// `1.5`, `1e3`, `real(1.5)`, `double(1.5)`
    Real,
    /// `decimal(1.5)`
    Decimal,
    /// `true`, `False`, `bool(1)`
    Bool,
    /// `datetime(2026-01-31)`, `date(2026-01-31)`
    Datetime,
    /// `1d`, `2.5h`, `time(1.02:03)`, `timespan(5m)`
    Timespan,
    /// `guid(...)`
    Guid,
    /// A GUID without `guid(...)`, which Kusto refuses except as a property of `externaldata ... with (...)`.
    RawGuid,
}

/// What can be wrong with a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TokenFault {
    /// The closing quote is missing. The token ends with its line, or with the text for multi-line strings.
    UnterminatedString,
    /// A `\` in a string is not followed by something that Kusto knows, as in `"C:\Windows"`.
    BadEscape,
    /// The `)` of a typed literal such as `datetime(` is missing on its line.
    UnterminatedLiteral,
    /// A character that is not part of the language.
    UnknownCharacter,
}

/// The tokens that mean something to the query: without white space and comments.
pub fn significant(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    tokens.iter().filter(|t| !t.is_trivia())
}
