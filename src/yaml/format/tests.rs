//! The layout by examples; that it changes no value, keeps every comment and settles at once, by properties.

use proptest::prelude::*;

use super::super::read::read;
use super::{format, pieces, same};
use crate::source::SourceMap;

fn formatted(text: &str) -> String {
    let file = SourceMap::default().add("a.yaml", text);
    format(text, file).unwrap_or_else(|found| panic!("{text:?}: {found:?}"))
}

/// Lays out `before`, expects `after`, and expects that the result is left alone.
fn check(before: &str, after: &str) {
    assert_eq!(formatted(before), after, "{before:?}");
    assert_eq!(formatted(after), after, "again: {after:?}");
}

#[test]
fn white_space_takes_one_form() {
    for (before, after) in [
        ("", ""),
        ("a: 1", "a: 1\n"),
        ("a:   1\nb:\t2\n\n\n\nc: 3\n\n\n", "a: 1\nb: 2\n\nc: 3\n"),
        ("a: 1  \r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("\n\na:\n    b:\n            c: 1\n    d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n"),
        ("a:\n- b: 1\n  c: 2\n- d\ne: 3\n", "a:\n  - b: 1\n    c: 2\n  - d\ne: 3\n"),
        ("a:\n    -   b: 1\n        c:\n        - x\n", "a:\n  - b: 1\n    c:\n      - x\n"),
        ("- - a\n  - b\n-\n  c: 1\n", "- - a\n  - b\n- c: 1\n"),
        ("a: { b : 1,c: [ 1 ,2 ] , d: {  } }\n", "a: {b: 1, c: [1, 2], d: {}}\n"),
        ("a: [x,\n        y,\n   z\n]\n", "a: [x,\n  y,\n  z\n]\n"),
        ("a:\n  - [x, {\n  b: 1\n  },\n   y]\n", "a:\n  - [x, {\n      b: 1\n    },\n      y]\n"),
        ("a: &one  {b: 1}\nc:   *one\n", "a: &one {b: 1}\nc: *one\n"),
        ("a: {\"b\":1}\n", "a: {\"b\": 1}\n"),
        ("a:\n-\n-\n - \n -\n   b\nc:\n -\nd: 1\n", "a:\n  -\n  - -\n    - b\nc:\n  -\nd: 1\n"),
        ("a:\n\n  b: 1\n", "a:\n  b: 1\n"),
        ("---\na: 1\n", "---\na: 1\n"),
        ("a: one\n      two\n\n      three\nb: 'x\n  y'\n", "a: one\n  two\n\n  three\nb: 'x\n  y'\n"),
        ("a:\n      one\n", "a:\n  one\n"),
        ("a: \"x \\\n        \\ y\"\n", "a: \"x \\\n  \\ y\"\n"),
    ] {
        check(before, after);
    }
}

#[test]
fn comments_stay_where_they_are() {
    for (before, after) in [
        ("# top\n\n\n\na: 1 # x  \n#y\n", "# top\n\na: 1 # x\n#y\n"),
        ("a: 1      # aligned\nlong: 2   # aligned\n", "a: 1      # aligned\nlong: 2   # aligned\n"),
        (
            "a:\n    # of b\n    b: 1\n    # the last word\nc: 2\n",
            "a:\n  # of b\n  b: 1\n  # the last word\nc: 2\n",
        ),
        ("a:\n- x\n# of y\n- y\n# of b\nb: 1\n", "a:\n  - x\n  # of y\n  - y\n# of b\nb: 1\n"),
        (
            "a:\n  - x: 1\n    # inside\n  # of the list\n# of none\n",
            "a:\n  - x: 1\n    # inside\n  # of the list\n# of none\n",
        ),
        (
            "a: [ # one\n  x, # two\n     # three\n  y ] # four\n",
            "a: [ # one\n  x, # two\n  # three\n  y] # four\n",
        ),
        ("a: # of a\n    b: 1\n", "a: # of a\n  b: 1\n"),
        ("- # of x\n   x: 1\n", "- # of x\n  x: 1\n"),
        ("q: |   # why\n     a\n", "q: | # why\n  a\n"),
        ("a:\n      # strange\n  b: 1\n", "a:\n  # strange\n  b: 1\n"),
    ] {
        check(before, after);
    }
}

#[test]
fn block_scalars_move_and_keep_their_text() {
    for (before, after) in [
        (
            "q: |\n      T\n        | where x  \n\n      // end\n\n\n\nb: 1\n",
            "q: |\n  T\n    | where x  \n\n  // end\n\nb: 1\n",
        ),
        ("a:\n - q: >-\n     one\n     two\n   r: 1\n", "a:\n  - q: >-\n      one\n      two\n    r: 1\n"),
        ("q: |+\n    a\n\n\nb: 1\n", "q: |+\n  a\n\n\nb: 1\n"),
        ("q: |+\n a\n\n", "q: |+\n  a\n\n"),
        ("q: |4\n      a\n    b\n", "q: |2\n    a\n  b\n"),
        (
            "q: |\n    # no comment\n    a\n# a comment\nb: 1\n",
            "q: |\n  # no comment\n  a\n# a comment\nb: 1\n",
        ),
        ("q: |\n\n\n    a\n", "q: |\n\n\n  a\n"),
        ("q: |\n   a\n      \n   b", "q: |\n  a\n     \n  b\n"),
        ("q: |-\nb: 1\n", "q: |-\nb: 1\n"),
        ("- |\n  a\n- >\n  b\n", "- |\n  a\n- >\n  b\n"),
    ] {
        check(before, after);
    }
}

#[test]
fn what_has_no_layout_is_refused() {
    for text in ["? a\n: 1\n", "%YAML 1.2\n---\na: 1\n", "a: [1\n", "a: 1\na: 2\n", "a: !x 1\n"] {
        let file = SourceMap::default().add("a.yaml", text);
        assert!(format(text, file).is_err(), "{text:?}");
    }
}

/// Documents with every kind of piece in every kind of place, and white space between.
fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("1".to_owned()),
        Just("plain text".to_owned()),
        Just("'it''s # no comment'".to_owned()),
        Just("\"a\\tb: c\"".to_owned()),
        Just("[ a,b , {c : d} ]".to_owned()),
        Just("{a: [ ]}".to_owned()),
        Just(String::new()),
        Just("one\n        two".to_owned()),
    ];
    let comment =
        prop_oneof![3 => Just(String::new()), 1 => Just("  # c".to_owned()), 1 => Just(" #".to_owned())];
    let leaf = (scalar, comment).prop_map(|(scalar, comment)| vec![format!(" {scalar}{comment}")]);
    let block = (
        prop::sample::select(vec!["|", "|-", "|+", ">", ">-", "|  # why"]),
        0usize..3,
        prop::collection::vec(
            prop::sample::select(vec!["T | where a", "", "  deeper", "# text", "x  "]),
            0..4,
        ),
    )
        .prop_map(|(header, extra, lines)| {
            let mut out = vec![format!(" {header}"), format!("{}first", " ".repeat(extra + 1))];
            out.extend(lines.iter().map(|line| format!("{}{line}", " ".repeat(extra + 1))));
            out
        });
    // A node is what follows its key: the rest of the line, then lines indented against the key.
    let node = prop_oneof![3 => leaf, 1 => block].boxed();
    let nested = node.prop_recursive(4, 40, 4, |inner| {
        let noise = prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![String::new(), String::new(), String::new()]), 1 => Just(vec!["# of the next".to_owned()])];
        let map = (1usize..5, prop::collection::vec((noise.clone(), inner.clone()), 1..4)).prop_map(|(indent, members)| {
            let mut out = vec![String::new()];
            for (index, (noise, member)) in members.into_iter().enumerate() {
                let pad = " ".repeat(indent);
                out.extend(noise.iter().map(|line| format!("{pad}{line}")));
                out.push(format!("{pad}k{index}:{}", member[0]));
                out.extend(member[1..].iter().map(|line| format!("{pad}{line}")));
            }
            out
        });
        let seq = (0usize..4, 0usize..3, prop::collection::vec((noise, inner), 1..4)).prop_map(|(indent, gap, members)| {
            let mut out = vec![String::new()];
            for (noise, member) in members {
                let pad = " ".repeat(indent);
                out.extend(noise.iter().map(|line| format!("{pad}{line}")));
                out.push(format!("{pad}-{}x:{}", " ".repeat(gap + 1), member[0]));
                let inner = " ".repeat(indent + gap + 2);
                out.extend(member[1..].iter().map(|line| format!("{inner}{line}")));
            }
            out
        });
        prop_oneof![map, seq]
    });
    prop::collection::vec(nested, 1..4).prop_map(|members| {
        let mut text = String::new();
        for (index, member) in members.iter().enumerate() {
            text.push_str(&format!("top{index}:{}\n", member.join("\n")));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_but_white_space_changes_and_once_is_enough(text in document()) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yaml", text.as_str());
        let Ok(before) = read(&text, file) else { return Ok(()) };
        let once = format(&text, file);
        prop_assert!(once.is_ok(), "refused:\n{text}");
        let once = once.unwrap();
        // Independent of the check inside: the values again, and the words without white space.
        prop_assert!(same(&before, &read(&once, file).unwrap()));
        let words = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(words(&text), words(&once));
        let comments = |text: &str| pieces::cut(text, file).unwrap().comments(text).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(comments(&text), comments(&once));
        prop_assert_eq!(format(&once, file).unwrap(), once);
    }

    #[test]
    fn any_text_is_laid_out_or_refused(text in "[ a:\\-#|>\\[\\]{},'\"\n&*?!]{0,40}") {
        let file = SourceMap::default().add("a.yaml", text.as_str());
        if let Ok(once) = format(&text, file) {
            prop_assert_eq!(format(&once, file).unwrap(), once);
        }
    }
}
