//! JSON as it is printed: nothing in it moves a cursor, hides text, or is a command of a build agent.
//!
//! JSON goes to standard output, where a terminal and a build agent read it too. Its strings can say every character by
//! its number, so unlike in text nothing is lost: whoever parses it gets exactly what was meant.

use serde::Serialize;
use serde_json::Value;

use crate::characters::{is_bidi_control, is_control, is_invisible};

/// Indented, with a line break at the end.
#[must_use]
pub fn pretty(value: &Value) -> String {
    format!("{}\n", harmless(&format!("{value:#}")))
}

/// `{"NAME": [ITEMS]}`, of items that [`pretty`] made, and another member unless it is an empty list. For what would be too
/// large as one tree.
#[must_use]
pub fn list(name: &str, items: Vec<String>, other: &str, value: Option<Value>) -> String {
    // Line breaks stand between tokens only, so indenting lines leaves every string as it is.
    let indented = |text: &str| text.trim_end().replace('\n', "\n    ");
    let mut text = format!("{{\n  \"{name}\": [");
    for (number, item) in items.into_iter().enumerate() {
        text.push_str(if number == 0 { "\n    " } else { ",\n    " });
        text.push_str(&indented(&item));
    }
    text.push_str(if text.ends_with('[') { "]" } else { "\n  ]" });
    if let Some(value) = value.filter(|value| value.as_array().is_none_or(|items| !items.is_empty())) {
        let value = pretty(&value).trim_end().replace('\n', "\n  ");
        text.push_str(&format!(",\n  \"{other}\": {value}"));
    }
    text.push_str("\n}\n");
    text
}

/// On one line, without a line break at the end.
#[must_use]
pub fn line(value: &Value) -> String {
    harmless(&value.to_string())
}

/// On one line, for a value of any type.
///
/// # Errors
/// When it cannot be written as JSON at all.
pub fn line_of(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|json| harmless(&json))
}

/// The same JSON text. What is exchanged here occurs in strings only.
fn harmless(json: &str) -> String {
    if json.bytes().all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\n') && !json.contains("##") {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    let mut last = ' ';
    for c in json.chars() {
        let risky = c != '\n' && (is_control(c) || is_bidi_control(c) || is_invisible(c));
        if risky || (c == '#' && last == '#') || is_joiner(c) {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
        last = c;
    }
    out
}

/// What could stand inside a build command and not count (see `safe`).
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_value_stays_and_the_text_is_harmless() {
        let value = json!({"a": "##vso[x]y ##[error] #\u{200d}#vso[ \u{1b}[31m \u{202e} \u{7f} ä 日 😀 \\##[", "##[k": [1, null]});
        for text in [pretty(&value), line(&value)] {
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            assert!(!text.contains("##") && text.contains("ä 日 😀"), "{text}");
            assert!(!text.contains(|c: char| c != '\n' && (is_control(c) || is_bidi_control(c))), "{text}");
        }
        assert!(!line(&value).contains('\n'));
    }

    #[test]
    fn a_list_of_items_reads_as_one_tree_would() {
        let items = [json!({"a": "x\ny", "b": [1, {"c": []}]}), json!({})];
        let failed = json!([{"e": 1}]);
        for (items, other) in
            [(&items[..], json!([])), (&items[..], failed.clone()), (&[], failed), (&[], json!([]))]
        {
            let mut whole = json!({"plans": items});
            if other != json!([]) {
                whole["failed"] = other.clone();
            }
            let made = list("plans", items.iter().map(pretty).collect(), "failed", Some(other));
            assert_eq!(made, pretty(&whole));
        }
    }
}
