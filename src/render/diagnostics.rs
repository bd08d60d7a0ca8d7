//! Diagnostics for people, in rustc's layout, and for machines, as JSON.
//!
//! What is quoted was written by strangers: control characters, terminal escapes and bidirectional controls are replaced
//! by a visible character each, so that columns stay right and nothing reaches the terminal. Nothing is printed here.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use crate::characters;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, SourceMap, Span};

use super::safe;

/// The narrowest output that is still laid out; less is treated as this.
const LEAST_WIDTH: usize = 40;
/// What stands in for a character that cannot be shown.
const REPLACEMENT: char = '\u{fffd}';

/// All diagnostics, a blank line after each. `width` is the terminal's, in columns.
#[must_use]
pub fn text(diagnostics: &Diagnostics, sources: &SourceMap, color: bool, width: usize) -> String {
    let diagnostics = without_secrets(diagnostics, sources);
    let width = width.max(LEAST_WIDTH);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut out = String::new();
    for diagnostic in diagnostics.iter() {
        out.push_str(&renderer.render(&[group(diagnostic, sources, width)]));
        out.push_str("\n\n");
    }
    safe::composed(out)
}

/// One object per diagnostic: `code, severity, message, label, path, line, column, end_line, end_column, detail, help,
/// environments, related`. Lines and columns count from 1, columns in characters; the end is exclusive. `path` and the
/// positions are null when there is no place.
#[must_use]
pub fn json(diagnostics: &Diagnostics, sources: &SourceMap) -> Value {
    let diagnostics = without_secrets(diagnostics, sources);
    let one = |diagnostic: &Diagnostic| {
        let mut object = place(diagnostic.span, sources);
        let related = diagnostic.related.iter().map(|(span, text)| {
            let mut object = place(Some(*span), sources);
            object.insert("message".into(), json!(text));
            Value::Object(object)
        });
        let related: Vec<Value> = related.collect();
        let mut all = serde_json::Map::new();
        all.insert("code".into(), json!(diagnostic.code));
        all.insert("severity".into(), json!(severity_word(diagnostic.severity)));
        all.insert("message".into(), json!(diagnostic.summary));
        all.insert("label".into(), json!(diagnostic.label));
        all.append(&mut object);
        all.insert("detail".into(), json!(diagnostic.detail));
        all.insert("help".into(), json!(diagnostic.help));
        all.insert("environments".into(), json!(diagnostic.environments));
        all.insert("related".into(), Value::Array(related));
        Value::Object(all)
    };
    Value::Array(diagnostics.iter().map(one).collect())
}

/// Findings in sensitive files without the words that may quote a value: label and detail.
#[must_use]
pub fn without_secrets<'a>(diagnostics: &'a Diagnostics, sources: &SourceMap) -> Cow<'a, Diagnostics> {
    let is_secret = |diagnostic: &Diagnostic| {
        diagnostic.span.and_then(|span| sources.file(span.file)).is_some_and(|file| file.sensitive)
    };
    let suppressed = diagnostics.suppressed().iter().map(|one| &one.finding);
    if !diagnostics.iter().chain(suppressed).any(is_secret) {
        return Cow::Borrowed(diagnostics);
    }
    let mut shown = diagnostics.clone();
    for diagnostic in shown.everything_mut().filter(|diagnostic| is_secret(diagnostic)) {
        diagnostic.label = None;
        diagnostic.replacement = None;
        diagnostic.detail = Some("the list is sensitive: its values are not shown".to_owned());
    }
    Cow::Owned(shown)
}

fn place(span: Option<Span>, sources: &SourceMap) -> serde_json::Map<String, Value> {
    let start = span.map(|span| sources.position(span));
    let end = span.map(|span| sources.position(Span::new(span.file, span.end, span.end)));
    let members = [
        ("path", json!(span.map(|span| sources.path(span.file)))),
        ("line", json!(start.map(|at| at.line))),
        ("column", json!(start.map(|at| at.column))),
        ("end_line", json!(end.map(|at| at.line))),
        ("end_column", json!(end.map(|at| at.column))),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The word that every output uses.
#[must_use]
pub const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap, width: usize) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = level.primary_title(visible(&diagnostic.summary).into_owned()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    if let Some(span) = diagnostic.span {
        let mut marks = vec![Mark { span, text: diagnostic.label.as_deref(), primary: true }];
        let related = diagnostic.related.iter();
        marks.extend(related.map(|(span, text)| Mark { span: *span, text: Some(text), primary: false }));
        for file in files_of(&marks) {
            let here: Vec<&Mark<'_>> = marks.iter().filter(|mark| mark.span.file == file).collect();
            if sources.file(file).is_some_and(|file| file.sensitive) {
                group =
                    group.element(Origin::path(sources.display(here.first().map_or(span, |mark| mark.span))));
                continue;
            }
            group = match snippet(file, &here, sources) {
                Some(snippet) => group.element(snippet),
                None => group.element(Origin::path(visible(sources.path(file)).into_owned())),
            };
        }
    }
    // Beside the gutter and `= note: `, a continuation line is indented by about ten columns.
    let room = width.saturating_sub(12);
    if let Some(detail) = &diagnostic.detail {
        group = group.element(Level::NOTE.message(wrap(&visible(detail), room)));
    }
    if !diagnostic.environments.is_empty() {
        let names = format!("in environments: {}", names(&diagnostic.environments));
        group = group.element(Level::NOTE.message(wrap(&visible(&names), room)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(wrap(&visible(help), room)));
    }
    group
}

/// One marked place.
struct Mark<'a> {
    span: Span,
    text: Option<&'a str>,
    primary: bool,
}

/// The files of the marks, the primary one first.
fn files_of(marks: &[Mark<'_>]) -> Vec<FileId> {
    let mut files = Vec::new();
    for mark in marks {
        if !files.contains(&mark.span.file) {
            files.push(mark.span.file);
        }
    }
    files
}

/// The lines of one file with its marks; `None` when the file has no text to quote.
fn snippet<'a>(
    file: FileId,
    marks: &[&Mark<'a>],
    sources: &'a SourceMap,
) -> Option<Snippet<'a, Annotation<'a>>> {
    let text = sources.file(file).map(|file| &*file.text).filter(|text| !text.is_empty())?;
    let ranges: Vec<Range<usize>> = marks.iter().map(|mark| on_one_line(text, mark.span)).collect();
    // Only the lines between the first and the last mark are handed over: a file may have a megabyte.
    let first = ranges.iter().map(|range| range.start).min().unwrap_or(0);
    let last = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    let from = text.get(..first)?.rfind('\n').map_or(0, |at| at + 1);
    let to = text.get(last..)?.find('\n').map_or(text.len(), |at| last + at);
    let lines = text.get(from..to)?.trim_end_matches('\r');
    let shown = visible(lines);
    let line = sources.position(Span::new(file, u32::try_from(from).ok()?, u32::try_from(from).ok()?)).line;
    // A replaced character has another length: the marks move with what stands before them.
    let moved = |offset: usize| lines.get(..offset - from).map_or(0, |before| visible(before).len());
    let annotations = marks.iter().zip(&ranges).map(|(mark, range)| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let label = mark.text.map(|text| visible(text).replace('\n', " "));
        kind.span(moved(range.start)..moved(range.end)).label(label)
    });
    let annotations: Vec<Annotation<'a>> = annotations.collect();
    Some(
        Snippet::source(shown.into_owned())
            .line_start(line as usize)
            .path(visible(sources.path(file)).into_owned())
            .annotations(annotations),
    )
}

/// The span within its first line, on character boundaries. Places of a whole mapping or query would otherwise quote it.
fn on_one_line(text: &str, span: Span) -> Range<usize> {
    let floor = |offset: usize| {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = floor(span.start as usize);
    let rest = text.get(start..).unwrap_or("");
    let line = rest.find('\n').map_or(rest, |end| rest.get(..end).unwrap_or(rest)).trim_end_matches('\r');
    start..floor(span.end as usize).clamp(start, start + line.len())
}

/// The first names and how many more there are: nobody reads three hundred. The JSON has all.
fn names(environments: &[String]) -> String {
    const SHOWN: usize = 12;
    match environments.get(..SHOWN) {
        Some(first) if environments.len() > SHOWN => {
            format!("{} and {} more", first.join(", "), environments.len() - SHOWN)
        }
        _ => environments.join(", "),
    }
}

/// The text with one replacement for each character that must not reach a terminal. Tabs and line breaks stay.
fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| {
        !matches!(c, '\n' | '\t')
            && (characters::is_control(c) || characters::is_bidi_control(c) || characters::is_invisible(c))
    };
    let mut shown = Cow::Borrowed(text);
    if shown.contains(is_hidden) {
        let text = shown.replace("\r\n", "\n");
        shown = Cow::Owned(text.chars().map(|c| if is_hidden(c) { REPLACEMENT } else { c }).collect());
    }
    // What a build agent would take for a command; the replacement is as wide, so that carets stay right.
    for (command, harmless) in [("##vso[", "#\u{fffd}vso["), ("##[", "#\u{fffd}[")] {
        if shown.contains(command) {
            shown = Cow::Owned(shown.replace(command, harmless));
        }
    }
    shown
}

/// Breaks lines between words; a word longer than a line stays whole.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            // GitHub obeys `::command::` at the start of a line, however far it is indented.
            match word.strip_prefix("::") {
                Some(rest) => out.extend([": :", rest]),
                None => out.push_str(word),
            }
            column += length;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(diagnostic: Diagnostic, sources: &SourceMap) -> String {
        text(&[diagnostic].into_iter().collect(), sources, false, 80)
    }

    #[test]
    fn every_part_has_its_place() {
        let mut sources = SourceMap::default();
        let rule = sources.add("rules/a.yaml", "id: a\nname: Ä b\nquery: |\n  T\n  | take\n");
        let other = sources.add("environments/p/environment.yaml", "owner: x\n");
        let finding = Diagnostic::error("X-01", "a summary")
            .labelled(Span::new(rule, 12, 16), "the label")
            .with_related(Span::new(rule, 0, 2), "in the same file")
            .with_related(Span::new(other, 7, 8), "in another file")
            .with_detail("Why.")
            .with_help("What to do.")
            .in_environment("prod")
            .in_environment("lab");
        assert_eq!(
            one(finding.clone(), &sources),
            "\
error[X-01]: a summary
 --> rules/a.yaml:2:7
  |
1 | id: a
  | -- in the same file
2 | name: Ä b
  |       ^^^ the label
  |
 ::: environments/p/environment.yaml:1:8
  |
1 | owner: x
  |        - in another file
  |
  = note: Why.
  = note: in environments: prod, lab
  = help: What to do.

"
        );
        let value = json(&[finding].into_iter().collect(), &sources);
        let expected = json!([{
            "code": "X-01", "severity": "error", "message": "a summary", "label": "the label",
            "path": "rules/a.yaml", "line": 2, "column": 7, "end_line": 2, "end_column": 10,
            "detail": "Why.", "help": "What to do.", "environments": ["prod", "lab"],
            "related": [
                {"path": "rules/a.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 3, "message": "in the same file"},
                {"path": "environments/p/environment.yaml", "line": 1, "column": 8, "end_line": 1, "end_column": 9, "message": "in another file"},
            ],
        }]);
        assert_eq!(value, expected);
    }

    #[test]
    fn a_long_place_is_its_first_line() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yaml", "q: |\r\n  one\r\n  two\r\n");
        let shown = one(Diagnostic::warning("X-01", "s").at(Span::new(file, 8, 19)), &sources);
        assert_eq!(shown, "warning[X-01]: s\n --> a.yaml:2:3\n  |\n2 |   one\n  |   ^^^\n\n");
    }

    #[test]
    fn without_a_text_or_a_place() {
        let mut sources = SourceMap::default();
        let file = sources.add("rules/huge.yaml", "");
        let finding = Diagnostic::error("X-01", "too large").at(Span::new(file, 0, 0)).with_help("h");
        assert_eq!(one(finding, &sources), "error[X-01]: too large\n--> rules/huge.yaml\n = help: h\n\n");
        let nowhere = Diagnostic::new("X-02", Severity::Info, "nowhere");
        assert_eq!(one(nowhere.clone(), &sources), "info[X-02]: nowhere\n\n");
        assert_eq!(json(&[nowhere].into_iter().collect(), &sources)[0]["line"], Value::Null);
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut sources = SourceMap::default();
        let text = "a: ##vso[x]##[y] \u{1b}[31m\u{9b}2J\u{202e}txt\u{0}\u{200b} ::error::x # \u{7f}\nb: 1\n";
        let file = sources.add("rules/\u{1b}]0;x\u{7}.yaml", text);
        let start = u32::try_from(text.find("txt").unwrap()).unwrap();
        let finding = Diagnostic::error("X-01", "s\u{1b}[2J")
            .labelled(Span::new(file, start, start + 3), "l\u{1b}[0m\nsecond")
            .with_detail("d\u{202e} ::error::x ##vso[task.complete]")
            .with_help("h\r\u{85}")
            .with_related(Span::new(file, 0, 1), "r\u{2066}");
        let shown = one(finding, &sources);
        let bad = |c: &char| (*c != '\n' && c.is_control()) || characters::is_bidi_control(*c);
        assert_eq!(shown.chars().find(bad), None, "{shown}");
        assert!(!shown.contains("##vso[") && !shown.contains("##["), "{shown}");
        let wrapped = wrap(&format!("{} ::error::x", "word ".repeat(20)), 40);
        assert!(wrapped.lines().all(|line| !line.trim_start().starts_with("::")), "{wrapped}");
        // Each hidden character takes one column: the marker is still under `txt`.
        let quoted = shown.lines().find(|line| line.contains("txt")).unwrap();
        let marker = shown.lines().find(|line| line.contains("^^^")).unwrap();
        let column = |line: &str, needle: &str| line[..line.find(needle).unwrap()].chars().count();
        assert_eq!(column(quoted, "txt"), column(marker, "^^^"));
    }

    #[test]
    fn long_lines_are_windowed_and_long_texts_wrapped() {
        let mut sources = SourceMap::default();
        let line = format!("a: [{}HERE{}]\n", "x, ".repeat(5_000), ", y".repeat(5_000));
        let file = sources.add("a.yaml", line.clone());
        let start = u32::try_from(line.find("HERE").unwrap()).unwrap();
        let finding = Diagnostic::error("X-01", "s")
            .labelled(Span::new(file, start, start + 4), "label")
            .with_help("word ".repeat(60));
        let shown = one(finding.clone(), &sources);
        assert!(
            shown.contains("HERE") && shown.contains("^^^^ label") && shown.contains("a.yaml:1:15005"),
            "{shown}"
        );
        assert!(shown.lines().all(|line| line.chars().count() <= 90), "{shown}");
        // The whole of a long line is no place to mark either.
        let all = one(Diagnostic::error("X-01", "s").at(Span::new(file, 0, 30_000)), &sources);
        assert!(all.len() < 2_000, "{}", all.len());
    }

    #[test]
    fn colour_only_when_asked() {
        let sources = SourceMap::default();
        let found: Diagnostics = [Diagnostic::error("X-01", "s")].into_iter().collect();
        assert!(text(&found, &sources, true, 80).contains("\u{1b}["));
        assert!(!text(&found, &sources, false, 80).contains("\u{1b}["));
    }
}
