//! The parser's complaints in words that help: what is wrong, where, and the usual way out.

use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};
use serde_saphyr::Error;

/// The limits of `read`, in words.
const LIMITS: &str =
    "A file may nest 32 levels deep, hold 200,000 values and repeat 20,000 of them through aliases.";

/// One parser error as a diagnostic; `None` never happens for an error that has a message.
pub(super) fn explain(error: &Error, text: &str, file: FileId) -> Option<Diagnostic> {
    let span = place(error, text, file);
    let finding = match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => {
            return explain(error, text, file);
        }
        Error::MultipleDocuments { .. } => {
            Diagnostic::error(codes::YAML_FEATURE, "the file holds more than one document")
                .labelled(span, "a second document starts here")
                .with_help("one file, one document: move the second one to a file of its own")
        }
        Error::NullIntoString { .. } | Error::Unexpected { .. } => {
            Diagnostic::error(codes::YAML_FEATURE, "a key is not a text")
                .labelled(span, "keys are plain words here")
        }
        Error::UnknownAnchor { .. } => Diagnostic::error(codes::YAML_SYNTAX, "an alias has no anchor")
            .labelled(span, "nothing was named like this before")
            .with_help("quote the value if it is a text that starts with `*`"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::error(codes::YAML_FEATURE, "an alias refers to itself").at(span)
        }
        Error::AliasReplayLimitExceeded { .. } => {
            Diagnostic::error(codes::YAML_LIMIT, "the document is too large or too deeply nested")
                .labelled(span, "aliases repeat too much of it")
                .with_detail(LIMITS)
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            Diagnostic::error(codes::YAML_LIMIT, "the document is too large or too deeply nested")
                .labelled(span, message(error))
                .with_detail(LIMITS)
        }
        _ if message(error).contains("recursion limit") => {
            Diagnostic::error(codes::YAML_LIMIT, "the document is too large or too deeply nested")
                .labelled(span, "nested too deeply")
                .with_detail(LIMITS)
        }
        _ => syntax(&message(error), span, text),
    };
    Some(finding)
}

fn syntax(message: &str, span: Span, text: &str) -> Diagnostic {
    let finding = Diagnostic::error(codes::YAML_SYNTAX, "not valid YAML").labelled(span, message.to_owned());
    let found = text.get(span.start as usize..).and_then(|rest| rest.chars().next());
    let has = |needle: &str| message.contains(needle);
    let help = if has("tag") {
        "tags are not used in these files; quote the value if it is a text that starts with `!`"
    } else if has("surrogate") {
        "half of a surrogate pair is not a character; write the character itself, or \\U and eight hex digits"
    } else if has("mapping values are not allowed") {
        "quote the value if it is a text that contains `: `; otherwise check the indentation of this line"
    } else if has("unclosed quote") {
        "close the quote; inside single quotes, write a single quote twice"
    } else if has("unclosed bracket") || has("flow") || has("illegal placement") {
        "close the bracket, or quote the value if the bracket belongs to a text"
    } else if matches!(found, Some('@' | '`' | '%')) {
        "a value cannot start with this character: quote it"
    } else if found == Some('\t') || has("tab") {
        "YAML is indented with spaces, not tabs"
    } else if has("block scalar") || has("indent") {
        "indent every line of the block further than its key, all by the same number of spaces"
    } else if has("escape") || has("hexadecimal") {
        "a backslash starts an escape inside double quotes: use single quotes for paths and expressions"
    } else {
        return finding;
    };
    finding.with_help(help)
}

/// The message without the place that the parser adds to it.
fn message(error: &Error) -> String {
    let full = error.to_string();
    let line = full.lines().next().unwrap_or("");
    line.rsplit_once(" at line ").map_or(line, |(text, _)| text).to_owned()
}

/// The character that the parser stopped at.
fn place(error: &Error, text: &str, file: FileId) -> Span {
    let Some(location) = error.location() else { return Span::new(file, 0, 0) };
    let by_byte = location.span().byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let by_line = || {
        let line_start: usize = text
            .split_inclusive('\n')
            .take(usize::try_from(location.line()).ok()?.checked_sub(1)?)
            .map(str::len)
            .sum();
        let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
        let line = text.get(line_start..)?.lines().next().unwrap_or("");
        Some(line_start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
    };
    let mut start = by_byte.or_else(by_line).unwrap_or(0).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span::new(file, u32::try_from(start).unwrap_or(0), u32::try_from(start + length).unwrap_or(0))
}
