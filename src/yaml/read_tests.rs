//! What reading promises for any text: no panic, places that hold what they say, exact maps of literal blocks.

use proptest::prelude::*;

use super::read::read;
use super::{Node, NodeKind, Text};
use crate::diagnostic::Diagnostics;
use crate::model::allowlist::Scope;
use crate::source::{SourceMap, Span};
use crate::yaml::decode::{allowlist, environment, project, rule};

fn parse(text: &str) -> (SourceMap, Result<Node, Diagnostics>) {
    let mut sources = SourceMap::default();
    let file = sources.add("a.yaml", text);
    let result = read(text, file);
    (sources, result)
}

fn value(text: &str) -> NodeKind {
    parse(text).1.unwrap().get("a").unwrap().kind.clone()
}

fn is_text(kind: &NodeKind, expected: &str) -> bool {
    matches!(kind, NodeKind::Str(text) if text.value == expected)
}

#[test]
fn scalars_follow_yaml_1_2_narrowed() {
    for (written, expected) in [
        ("true", NodeKind::Bool(true)),
        ("False", NodeKind::Bool(false)),
        ("~", NodeKind::Null),
        ("", NodeKind::Null),
        ("null", NodeKind::Null),
        ("12", NodeKind::Int(12)),
        ("-12", NodeKind::Int(-12)),
        ("0x1F", NodeKind::Int(31)),
        ("9223372036854775807", NodeKind::Int(i64::MAX)),
        ("1.5", NodeKind::Float(1.5)),
        ("-0.25", NodeKind::Float(-0.25)),
    ] {
        assert_eq!(value(&format!("a: {written}\n")), expected, "{written}");
    }
    for text in [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "007",
        "1_000",
        "1e5",
        "33958560e10",
        "1e999",
        ".inf",
        ".nan",
        "-.inf",
        "9223372036854775808",
        "12345678901234567890123456789012",
        "2026-11-02",
        "10.0.0.0/8",
        "1.2.3",
        "1.",
        ".5",
        "PT5M",
        "0b10_01",
    ] {
        let kind = value(&format!("a: {text}\n"));
        assert!(is_text(&kind, text), "{text}: {kind:?}");
    }
    assert!(is_text(&value("a: \"12\"\n"), "12"));
    assert!(is_text(&value("a: '.inf'\n"), ".inf"));
    assert!(is_text(&value("a: !!str 12\n"), "12"));
    assert!(is_text(&value("a: \"\\ud83d\\ude00\"\n"), "😀"));
    assert!(is_text(&value("a: \"x\r\n  y\"\r\n"), "x y"));
}

#[test]
fn empty_documents_are_null() {
    for text in ["", "\n", "# only a comment\n", "---\n", "---\n...\n"] {
        assert_eq!(parse(text).1.unwrap().kind, NodeKind::Null, "{text:?}");
    }
}

#[test]
fn aliases_are_values_at_their_anchor() {
    let (sources, node) = parse("x: &x [one, two]\na: *x\n");
    let node = node.unwrap();
    let NodeKind::Seq(items) = &node.get("a").unwrap().kind else { panic!() };
    assert_eq!(items.iter().map(|item| sources.slice(item.span)).collect::<Vec<_>>(), ["one", "two"]);
    assert!(parse("a: &a [*a]\n").1.is_err());
    assert!(parse("a: *none\n").1.is_err());
}

#[test]
fn small_files_do_not_unfold() {
    let list = |item: &str| [item; 10].join(",");
    let mut bomb = format!("a: &a [{}]\n", list("x"));
    for (from, to) in ('a'..'i').zip('b'..'j') {
        bomb.push_str(&format!("{to}: &{to} [{}]\n", list(&format!("*{from}"))));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 900].join(","));
    let deep_flow = format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let deep_block: String = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let wide = format!("a: [{}]\n", "x,".repeat(250_000));
    for text in [bomb, long, deep_flow, deep_block, wide] {
        let found = parse(&text).1.unwrap_err();
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["YAML-04"], "{}", &text[..40]);
    }
    let allowed = format!("a: [{}]\n", "x,".repeat(10_000));
    assert!(parse(&allowed).1.is_ok());
}

/// Every scalar of a tree.
fn scalars<'n>(node: &'n Node, found: &mut Vec<(&'n Text, Span)>) {
    match &node.kind {
        NodeKind::Str(text) => found.push((text, node.span)),
        NodeKind::Seq(items) => items.iter().for_each(|item| scalars(item, found)),
        NodeKind::Map(entries) => entries.iter().for_each(|(_, value)| scalars(value, found)),
        _ => {}
    }
}

fn decode_everything(node: &Node) {
    let mut out = Diagnostics::default();
    let _ = rule::decode_rule(node, None, Some("a"));
    let _ = environment::environment(node, "e", &mut out);
    let _ = allowlist::allowlist(node, "l", Scope::Shared, &mut out);
    let _ = project::project(node, &mut out);
}

/// Text that looks like YAML often enough to get past the first line.
fn yamlish() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "id",
        "match",
        "rules",
        "entries",
        "sentinel",
        "kind",
        "nrt",
        "query",
        "a",
        "ä€😀",
        "12",
        "1.5",
        "~",
        "true",
        ": ",
        ":",
        "\n",
        "\r\n",
        "  ",
        "\n  ",
        "\n    - ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "|\n  ",
        "|2-\n",
        ">\n ",
        "'",
        "\"",
        "\\",
        "#",
        " # x",
        "&a ",
        "*a",
        "!t ",
        "<<",
        "? ",
        "---\n",
        "%",
        "@",
        "\t",
        "\u{7f}",
        "\u{202e}",
        "equals",
        "in",
        "cidr",
        "regex",
        "(",
        "10.0.0.0/8",
        "\\u0000",
        "\"\\ud800\"",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

/// A line of a literal block: anything printable; not only spaces, so that its indentation is plain.
fn block_line() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-zA-Z|#:'\"\\\\{}\\[\\]*&!%@` äß€😀-]{0,20}[a-z/|\"#:]", 1 => Just(String::new())]
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![".{0,200}", yamlish()]) {
        let (sources, result) = parse(&text);
        match result {
            Ok(node) => decode_everything(&node),
            Err(found) => {
                prop_assert!(found.has_errors());
                let _ = crate::render::diagnostics::text(&found, &sources, false, 80);
                let _ = crate::render::diagnostics::json(&found, &sources);
            }
        }
    }

    #[test]
    fn scalars_stand_where_their_span_says(text in yamlish()) {
        let (sources, Ok(node)) = parse(&text) else { return Ok(()) };
        let mut found = Vec::new();
        scalars(&node, &mut found);
        for (text, span) in found {
            let slice = sources.slice(span);
            for start in &text.line_starts {
                prop_assert!(*start as usize <= sources.files()[0].text.len());
            }
            // A verbatim text reads the same through its map; any other keeps at least its first letter or digit.
            for (index, character) in text.value.char_indices().filter(|(_, c)| *c != '\n') {
                if !text.line_starts.is_empty() {
                    let place = text.locate(span, index, index + character.len_utf8());
                    prop_assert_eq!(sources.slice(place), character.to_string());
                }
            }
            if text.line_starts.is_empty() && !slice.contains('\\') {
                let first = text.value.chars().find(|c| c.is_alphanumeric());
                prop_assert!(first.is_none_or(|c| slice.contains(c)), "{:?} in {:?}", text.value, slice);
            }
        }
    }

    #[test]
    fn literal_blocks_map_every_character(
        first in "[a-z/|#]{1,5}",
        rest in prop::collection::vec(block_line(), 0..8),
        indent in 1usize..6,
        leading in 0usize..3,
        header in prop::sample::select(vec!["", "-", "+"]),
        explicit in any::<bool>(),
        crlf in any::<bool>(),
        end in any::<bool>(),
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let mut lines = vec![String::new(); leading];
        lines.push(first);
        lines.extend(rest);
        let digit = if explicit { indent.to_string() } else { String::new() };
        let mut text = format!("a: |{digit}{header}{newline}");
        let pad = " ".repeat(indent);
        let written: Vec<String> =
            lines.iter().map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") }).collect();
        text.push_str(&written.join(newline));
        if end {
            text.push_str(&format!("{newline}b: 1{newline}"));
        }
        let (sources, node) = parse(&text);
        let node = node.map_err(|found| TestCaseError::fail(format!("{found:?}\n{text}")))?;
        let node = node.get("a").unwrap();
        let NodeKind::Str(value) = &node.kind else { return Err(TestCaseError::fail("not a string")) };
        let joined = lines.join("\n");
        prop_assert_eq!(value.value.trim_end_matches('\n'), joined.trim_end_matches('\n'));
        prop_assert_eq!(value.line_starts.len(), value.value.split('\n').count());
        for (index, character) in value.value.char_indices().filter(|(_, c)| *c != '\n') {
            let place = value.locate(node.span, index, index + character.len_utf8());
            prop_assert_eq!(sources.slice(place), character.to_string());
            // Lines of the value are lines of the file: the header stands on line 1.
            let line = value.value[..index].matches('\n').count();
            prop_assert_eq!(sources.position(place).line as usize, line + 2);
        }
    }
}
