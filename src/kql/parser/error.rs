//! What can be wrong with a query's syntax.

use super::super::span::Span;

/// One mistake in a query text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Which kind of mistake; stable across versions.
    pub code: SyntaxCode,
    /// For people: what was expected and what stood there.
    pub message: String,
    /// Where; empty if something is missing.
    pub span: Span,
}

impl SyntaxError {
    pub(super) fn new(code: SyntaxCode, message: impl Into<String>, span: Span) -> Self {
        Self { code, message: message.into(), span }
    }
}

/// The kinds of [`SyntaxError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyntaxCode {
    /// A string has no closing quote.
    UnterminatedString,
    /// A `\` in a string is followed by something that is no escape.
    BadEscape,
    /// `datetime(` or the like has no `)` on its line.
    UnterminatedLiteral,
    /// A character that is not part of the language.
    UnknownCharacter,
    /// An expression is missing.
    MissingExpression,
    /// A name is missing, or a keyword stands there that must be written `['keyword']`.
    MissingName,
    /// A certain word or sign is missing, such as `by`, `,` or `)`.
    MissingToken,
    /// After `|` comes no tabular operator.
    UnknownOperator,
    /// Text that belongs to nothing.
    UnexpectedText,
    /// A word that is no type stands where a type is needed.
    InvalidType,
    /// A GUID needs `guid(...)` around it.
    RawGuid,
    /// The text is larger than [`super::MAX_BYTES`].
    TooLarge,
    /// Nesting is deeper than [`super::MAX_NESTING`].
    TooDeep,
    /// There are more operators than [`super::MAX_OPERATORS`].
    TooManyOperators,
}

impl SyntaxCode {
    /// The code as shown and as used in machine output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnterminatedString => "KQL-S01",
            Self::BadEscape => "KQL-S02",
            Self::UnterminatedLiteral => "KQL-S03",
            Self::UnknownCharacter => "KQL-S04",
            Self::MissingExpression => "KQL-S05",
            Self::MissingName => "KQL-S06",
            Self::MissingToken => "KQL-S07",
            Self::UnknownOperator => "KQL-S08",
            Self::UnexpectedText => "KQL-S09",
            Self::InvalidType => "KQL-S10",
            Self::RawGuid => "KQL-S11",
            Self::TooLarge => "KQL-S12",
            Self::TooDeep => "KQL-S13",
            Self::TooManyOperators => "KQL-S14",
        }
    }
}

impl std::fmt::Display for SyntaxCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
