//! Characters that no file here may contain, found before the parser sees the text.
//!
//! Control characters are invisible in a review; a lone carriage return makes editors and parsers disagree on where
//! lines end. Values that get such a character through an escape are caught by the decoder instead.

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// Most findings of one file; more would be a binary file.
const MOST: usize = 5;

/// Every character of `text` that is refused, up to a handful.
#[must_use]
pub fn check(text: &str, file: FileId) -> Diagnostics {
    let mut found = Diagnostics::default();
    for (offset, character) in text.char_indices() {
        let reason = match character {
            '\u{feff}' if offset == 0 => "the file starts with a byte order mark",
            '\r' if text.as_bytes().get(offset + 1).is_none_or(|next| *next != b'\n') => {
                "a carriage return stands without a line feed"
            }
            '\n' | '\r' | '\t' => continue,
            c if c.is_control() => "a control character",
            _ => continue,
        };
        let start = u32::try_from(offset).unwrap_or(u32::MAX);
        let span = Span::new(file, start, start + u32::try_from(character.len_utf8()).unwrap_or(1));
        found.push(
            Diagnostic::error(codes::YAML_CHARACTER, reason)
                .labelled(span, format!("U+{:04X}", u32::from(character)))
                .with_help(match character {
                    '\u{feff}' => "save the file as UTF-8 without a byte order mark",
                    '\r' => "save the file with line feeds",
                    _ => "remove the character",
                }),
        );
        if found.count(crate::diagnostic::Severity::Error) == MOST {
            break;
        }
    }
    found
}

/// The text of a file's bytes; the second value says that they are not UTF-8 and where.
///
/// Bad bytes become U+FFFD, so that the rest can be quoted; places before the first of them are exact.
#[must_use]
pub fn decode_utf8(bytes: Vec<u8>) -> (String, Option<u32>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = u32::try_from(error.utf8_error().valid_up_to()).unwrap_or(u32::MAX);
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
        }
    }
}
