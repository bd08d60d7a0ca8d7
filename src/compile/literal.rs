//! Values as KQL literals: always exactly one token, whatever the value contains.
//!
//! This is where "values are data" (product.md §1.7) is made true for queries. Facts: the string forms and escapes of the
//! Kusto documentation, <https://learn.microsoft.com/kusto/query/scalar-data-types/string>.

use crate::characters::{is_bidi_control, is_control, is_invisible};
use crate::model::allowlist::Value;

/// A KQL string literal of `text`.
///
/// The verbatim form `@"…"` is chosen for text with backslashes, because that is how people write paths; the escaped form
/// for everything else and whenever a character must not stand in a query as it is (line breaks, control and
/// bidirectional-formatting characters, which could make a reader see another query than the service runs).
#[must_use]
pub(crate) fn string(text: &str) -> String {
    let risky = text.chars().any(must_escape);
    if text.contains('\\') && !risky {
        return format!("@\"{}\"", text.replace('"', "\"\""));
    }
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if must_escape(c) => push_utf16(&mut literal, c),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// A KQL literal of a typed value.
#[must_use]
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Long(number) if *number >= 0 => number.to_string(),
        Value::Long(number) => format!("long({number})"),
        Value::Real(number) => format!("real({number:?})"),
        Value::Bool(truth) => truth.to_string(),
        Value::DateTime(point) => format!("datetime({point})"),
    }
}

/// A column's name as KQL writes it: bare when that is unambiguous, `['…']` otherwise.
#[must_use]
pub(crate) fn column(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && matches!(
            crate::kql::lex(name).as_slice(),
            [token] if token.kind == crate::kql::TokenKind::Identifier
        );
    if plain {
        return name.to_owned();
    }
    let mut quoted = String::from("['");
    for c in name.chars() {
        match c {
            '\'' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if must_escape(c) => push_utf16(&mut quoted, c),
            c => quoted.push(c),
        }
    }
    quoted.push_str("']");
    quoted
}

/// Characters that never stand in a query as they are.
fn must_escape(c: char) -> bool {
    is_control(c) || is_bidi_control(c) || is_invisible(c)
}

fn push_utf16(literal: &mut String, c: char) {
    use std::fmt::Write as _;
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        let _ = write!(literal, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kql::{TokenKind, lex, string_value};

    #[test]
    fn forms() {
        for (text, literal) in [
            ("plain", r#""plain""#),
            (r"C:\Program Files\x.exe", r#"@"C:\Program Files\x.exe""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"C:\a"b"#, r#"@"C:\a""b""#),
            ("a\nb", r#""a\nb""#),
            ("C:\\a\nb", r#""C:\\a\nb""#),
            ("\u{202e}", r#""\u202e""#),
            ("//x", r#""//x""#),
            ("", r#""""#),
        ] {
            assert_eq!(string(text), literal);
        }
    }

    #[test]
    fn columns() {
        assert_eq!(column("FolderPath"), "FolderPath");
        assert_eq!(column("a b"), "['a b']");
        assert_eq!(column("x'] | drop"), "['x\\'] | drop']");
    }

    proptest! {
        #[test]
        fn any_text_is_one_string_token_of_that_value(text in any::<String>()) {
            let literal = string(&text);
            let tokens = lex(&literal);
            prop_assert_eq!(tokens.len(), 1);
            prop_assert_eq!(tokens[0].kind.is_string() && tokens[0].fault.is_none(), true);
            prop_assert_eq!(string_value(&literal), Some(text));
        }

        #[test]
        fn any_number_is_one_token(number in any::<i64>(), real in -1e300f64..1e300) {
            for literal in [value(&Value::Long(number)), value(&Value::Real(real))] {
                let tokens = lex(&literal);
                prop_assert_eq!(tokens.len(), 1, "{}", literal);
                prop_assert!(matches!(tokens[0].kind, TokenKind::Literal(_)) && tokens[0].fault.is_none());
            }
        }
    }
}
