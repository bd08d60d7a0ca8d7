//! What can be told from a query's words alone, without understanding it.
//!
//! This is a scan, not a parser: strings and comments are skipped, everything else is words and signs. The analyser in
//! `kql` sees more; these few checks are here because a service refuses the rule for them.

use std::ops::Range;

use crate::compile::check::codes;
use crate::diagnostic::Diagnostics;
use crate::model::rule::Query;

/// Reports what Sentinel refuses in a query's text: `search *` and `union *` (CONTRACT B.3).
///
/// To be called with the query that the Sentinel section uses, as written: allowlists add neither.
pub fn query_text(query: &Query, diagnostics: &mut Diagnostics) {
    for (place, operator) in wildcards(&query.text.value) {
        diagnostics.push(
            codes::WILDCARD_QUERY
                .error(format!("`{operator} *` in a Sentinel rule"))
                .labelled(query.text.locate(query.span, place.start, place.end), "reads every table")
                .with_detail(
                    "Sentinel refuses analytics rules that read all tables: they are slow, and a new table changes what they find.",
                )
                .with_help(format!("name the tables, for example `{operator} {}`", match operator {
                    "search" => "in (SecurityEvent, Syslog) \"word\"",
                    _ => "SecurityEvent, WindowsEvent",
                })),
        );
    }
}

/// The places where a query calls `workspace(...)`.
pub(super) fn calls_workspace(text: &str) -> Vec<Range<usize>> {
    let pieces = pieces(text);
    let pairs = pieces.iter().zip(pieces.iter().skip(1));
    pairs
        .filter(|((_, word), (_, next))| *word == "workspace" && *next == "(")
        .map(|((place, _), _)| place.clone())
        .collect()
}

/// `search *` or `union *`, options such as `kind=outer` in between allowed, each from the operator to the star.
fn wildcards(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let pieces = pieces(text);
    let mut found = Vec::new();
    for (index, (start, word)) in pieces.iter().enumerate() {
        let operator = match *word {
            "search" => "search",
            "union" => "union",
            _ => continue,
        };
        let mut rest = pieces.iter().skip(index + 1);
        let mut next = rest.next();
        // Options: `kind = case_sensitive`, `isfuzzy=true`, `withsource=T`, each one word, `=`, one word.
        while let Some((_, name)) = next {
            let mut ahead = rest.clone();
            if !is_name(name) || ahead.next().is_none_or(|(_, sign)| *sign != "=") {
                break;
            }
            ahead.next();
            rest = ahead;
            next = rest.next();
        }
        if let Some((end, "*")) = next {
            found.push((start.start..end.end, operator));
        }
    }
    found
}

fn is_name(piece: &str) -> bool {
    piece.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
}

/// Words and single signs with their places; blanks, comments and strings are left out (a string leaves `"`).
fn pieces(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        let (length, shown) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if let Some(length) = string(rest) {
            (length, rest.get(..1))
        } else if first.is_alphanumeric() || first == '_' || first == '$' {
            let end =
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            (end, rest.get(..end))
        } else {
            let length = first.len_utf8();
            (length, rest.get(..length).filter(|_| !first.is_whitespace()))
        };
        if let Some(shown) = shown {
            pieces.push((at..at + length, shown));
        }
        at += length.max(1);
    }
    pieces
}

/// The length of the string literal that `rest` starts with: quoted, verbatim (`@`), or fenced.
fn string(rest: &str) -> Option<usize> {
    for fence in ["```", "~~~"] {
        if let Some(inside) = rest.strip_prefix(fence) {
            return Some(inside.find(fence).map_or(rest.len(), |end| end + 2 * fence.len()));
        }
    }
    let verbatim = rest.starts_with('@');
    let quoted = rest.strip_prefix('@').unwrap_or(rest);
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let prefix = rest.len() - quoted.len() + 1;
    let mut characters = quoted.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' if !verbatim => _ = characters.next(),
            '\n' => return Some(prefix - 1 + index),
            c if c == quote && verbatim && characters.peek().is_some_and(|(_, next)| *next == quote) => {
                let _ = characters.next();
            }
            c if c == quote => return Some(prefix - 1 + index + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::query;

    #[test]
    fn finds_wildcards_outside_strings_and_comments() {
        for (text, expected) in [
            ("search *", vec!["search *"]),
            ("search \"evil\"", vec![]),
            ("union *", vec!["union *"]),
            ("union isfuzzy=true kind = outer * | take 1", vec!["union isfuzzy=true kind = outer *"]),
            ("union withsource=T *", vec!["union withsource=T *"]),
            ("union Security*, Syslog", vec![]),
            ("SecurityEvent | where CommandLine == \"union *\"", vec![]),
            ("// union *\nSecurityEvent", vec![]),
            ("T | where a == @'it''s \\' | union *", vec!["union *"]),
            ("T | where a == 'it\\'s union *'", vec![]),
            ("print ```union *\n``` | union\n  *", vec!["union\n  *"]),
            ("T | project research * 2", vec![]),
            ("T | where p == @\"C:\\\" | search *", vec!["search *"]),
            ("union", vec![]),
            ("union kind=", vec![]),
            ("ä | union *", vec!["union *"]),
        ] {
            let found: Vec<&str> =
                wildcards(text).into_iter().filter_map(|(place, _)| text.get(place)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn points_at_the_line_of_the_file() {
        let mut diagnostics = Diagnostics::default();
        let mut query = query("T\n| union *\n");
        // As in a block scalar that starts at byte 100 and is indented by two.
        query.text.line_starts = vec![100, 104, 115];
        query_text(&query, &mut diagnostics);
        let found: Vec<_> =
            diagnostics.iter().map(|d| (d.code, d.span.map(|span| (span.start, span.end)))).collect();
        assert_eq!(found, [("SEN-02", Some((106, 113)))]);
    }

    #[test]
    fn workspace_calls() {
        for (text, expected) in [
            ("workspace('a').T", vec!["workspace"]),
            ("union T, workspace (\"b\").T", vec!["workspace"]),
            ("T | where workspace == 1", vec![]),
            ("T | where x has 'workspace('", vec![]),
        ] {
            let found: Vec<&str> =
                calls_workspace(text).into_iter().filter_map(|place| text.get(place)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
