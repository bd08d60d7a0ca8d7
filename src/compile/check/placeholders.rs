//! `{{Column}}` in alert titles and descriptions; both services use the same form.

use crate::compile::check::codes;
use crate::compile::check::words::is_word;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceMap, Span, Spanned};

/// The columns that a format names, in the order of writing, repetitions included. Malformed ones are reported.
pub(super) fn columns(format: &Spanned<String>, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = format.value.as_str();
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            diagnostics.push(malformed(format, "`{{` without `}}`"));
            return found;
        };
        let name = inside.trim();
        if is_word(name, |c| c.is_ascii_alphabetic() || c == '_') {
            found.push(name.to_owned());
        } else {
            diagnostics.push(malformed(format, "not a column name between `{{` and `}}`"));
        }
        rest = behind;
    }
    found
}

/// Where a placeholder stands in the file; the whole format when it cannot be told (folded or escaped text).
pub(super) fn place(sources: &SourceMap, format: Span, name: &str) -> Span {
    let text = sources.slice(format);
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
        let Some(inside) = text.get(open + 2..).and_then(|rest| rest.split("}}").next()) else { break };
        if inside.trim() == name {
            let start = open + 2 + (inside.len() - inside.trim_start().len());
            let at = |offset: usize| format.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
            return Span::new(format.file, at(start), at(start + name.len()));
        }
        from = open + 2;
    }
    format
}

/// How many different names there are.
pub(super) fn distinct(names: &[String]) -> usize {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.len()
}

fn malformed(format: &Spanned<String>, label: &str) -> Diagnostic {
    codes::PLACEHOLDER_FORM
        .error("malformed placeholder")
        .labelled(format.span, label)
        .with_detail("The service would show it in the alert as it stands instead of a value.")
        .with_help("write a column of the query's result in double braces, for example `{{DeviceName}}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::plain;

    #[test]
    fn finds_columns_and_reports_the_rest() {
        for (text, expected, malformed) in [
            ("", vec![], 0),
            ("no braces", vec![], 0),
            ("{{DeviceName}} ran {{ FileName }}", vec!["DeviceName", "FileName"], 0),
            ("{{A}}{{A}}", vec!["A", "A"], 0),
            ("{Single}", vec![], 0),
            ("open {{DeviceName", vec![], 1),
            ("empty {{}} here {{Ok}}", vec!["Ok"], 1),
            ("path {{a.b}}", vec![], 1),
            ("{{1st}}", vec![], 1),
            ("{{ä}}", vec![], 1),
        ] {
            let mut diagnostics = Diagnostics::default();
            assert_eq!(columns(&plain(text.to_owned()), &mut diagnostics), expected, "{text}");
            assert_eq!(diagnostics.iter().filter(|d| d.code == "META-08").count(), malformed, "{text}");
        }
    }
}
