//! The parser's complaints in words that help: what is wrong, where, and the usual way out.

use granit_parser::{ErrorKind, ScanError};

use super::read::{MAX_DEPTH, MAX_NODES, MAX_REPEATED};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};

/// One parser error as a diagnostic.
pub(super) fn explain(error: &ScanError, text: &str, file: FileId) -> Diagnostic {
    let span = place(error, text, file);
    let found = text.get(span.start as usize..).and_then(|rest| rest.chars().next());
    let help = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return limit(span, "nested too deeply"),
        ErrorKind::UnknownAnchor => {
            return Diagnostic::error(codes::YAML_SYNTAX, "an alias has no anchor")
                .labelled(span, "nothing was named like this before")
                .with_help("quote the value if it is a text that starts with `*`");
        }
        ErrorKind::UndeclaredTagHandle
        | ErrorKind::ExpectedTagBang
        | ErrorKind::MissingTagUri
        | ErrorKind::InvalidTagTerminator => {
            "tags are not used in these files; quote the value if it is a text that starts with `!`"
        }
        ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::InvalidLowSurrogateHexEscape => {
            "half of a surrogate pair is not a character; write the character itself, or \\U and eight hex digits"
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed => {
            "quote the value if it is a text that contains `: `; otherwise check the indentation of this line"
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::UnexpectedEof => {
            "close the quote; inside single quotes, write a single quote twice"
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::InvalidColonPlacement => {
            "close the bracket, or quote the value if the bracket belongs to a text"
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => {
            "a backslash starts an escape inside double quotes: use single quotes for paths and expressions"
        }
        _ if matches!(found, Some('@' | '`' | '%')) => "a value cannot start with this character: quote it",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "YAML is indented with spaces, not tabs",
        _ if found == Some('\t') => "YAML is indented with spaces, not tabs",
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::InvalidBlockScalarIndent => {
            "indent every line of the block further than its key, all by the same number of spaces"
        }
        ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockSequenceEntry => {
            "a key ends with `: `, and the keys of one mapping are indented alike"
        }
        _ => return syntax(error, span),
    };
    syntax(error, span).with_help(help)
}

/// The error for a document beyond the limits.
pub(super) fn limit(span: Span, label: &str) -> Diagnostic {
    Diagnostic::error(codes::YAML_LIMIT, "the document is too large or too deeply nested")
        .labelled(span, label)
        .with_detail(format!(
            "A file may nest {MAX_DEPTH} levels deep, hold {MAX_NODES} values and repeat {MAX_REPEATED} of them \
             through aliases."
        ))
}

fn syntax(error: &ScanError, span: Span) -> Diagnostic {
    Diagnostic::error(codes::YAML_SYNTAX, "not valid YAML").labelled(span, error.kind().to_string())
}

/// The character that the parser stopped at.
fn place(error: &ScanError, text: &str, file: FileId) -> Span {
    let mut start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span::new(file, u32::try_from(start).unwrap_or(0), u32::try_from(start + length).unwrap_or(0))
}
