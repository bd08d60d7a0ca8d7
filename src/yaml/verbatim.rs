//! Which strings are verbatim copies of the file, and where each of their lines starts there.
//!
//! The parser does not say how a scalar was written, and need not: a map from value to file is accepted only when the
//! file, read through it, gives back the value. So literal blocks, plain words and quoted strings without escapes have
//! an exact map, and folded or escaped ones have none.

use crate::source::Span;

/// The file offset of each line of `value`, which the parser placed at `span` of `text`; `None` when it is no copy.
///
/// In: a span whose start is the first content character (after the quote or indentation). Out: one offset per line, the
/// empty line after a final line break included.
pub(super) fn line_starts(text: &str, span: Span, value: &str) -> Option<Vec<u32>> {
    let written = text.get(span.start as usize..span.end as usize)?;
    if !value.contains('\n') && written == value {
        return Some(vec![span.start]);
    }
    if let Some(inner) = written.strip_prefix(['"', '\'']) {
        return (inner.get(..inner.len().checked_sub(1)?)? == value).then(|| vec![span.start + 1]);
    }
    block(text, span.start as usize, value)
}

fn block(text: &str, start: usize, value: &str) -> Option<Vec<u32>> {
    let first_line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let indent = start - first_line;
    if !is_blank(text.get(first_line..start)?) {
        return None;
    }
    // The parser places a block at its first line that is not blank.
    let leading = value.bytes().take_while(|byte| *byte == b'\n').count();
    if leading == value.len() {
        return None;
    }
    let mut line = first_line;
    for _ in 0..leading {
        line = text.get(..line.checked_sub(1)?)?.rfind('\n').map_or(0, |at| at + 1);
    }
    let mut starts = Vec::new();
    let mut lines = value.split('\n').peekable();
    while let Some(expected) = lines.next() {
        let rest = text.get(line..)?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let content = rest.get(..length)?;
        let content = content.strip_suffix('\r').unwrap_or(content);
        let offset = if expected.is_empty() {
            // After the final line break comes whatever follows the block; a blank line may be indented less.
            let is_last = lines.peek().is_none();
            (is_last || is_blank(content)).then_some(if is_last { 0 } else { indent.min(content.len()) })?
        } else {
            let indented = is_blank(content.get(..indent)?) && content.get(indent..)? == expected;
            indented.then_some(indent)?
        };
        starts.push(u32::try_from(line + offset).ok()?);
        line = (line + length + 1).min(text.len());
    }
    Some(starts)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::super::{NodeKind, Text};
    use crate::source::SourceMap;

    /// Reads `text` and gives back the string at key `q` with the file's text at each of its lines.
    fn lines(text: &str) -> (String, Vec<String>) {
        let file = SourceMap::default().add("a.yaml", text);
        let node = super::super::read::read(text, file).unwrap();
        match &node.get("q").unwrap().kind {
            NodeKind::Str(Text { value, line_starts }) => {
                let line = |start: &u32| text[*start as usize..].lines().next().unwrap_or("").to_owned();
                (value.clone(), line_starts.iter().map(line).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn literal_blocks_map_line_by_line() {
        for (text, value, mapped) in [
            ("q: |\n  a\n  b\n", "a\nb\n", vec!["a", "b", ""]),
            ("q: |-\n  a\n\n    b\n  c\n\n\nr: 1\n", "a\n\n  b\nc", vec!["a", "", "  b", "c"]),
            ("q: |+\n  a\n\n", "a\n\n", vec!["a", "", ""]),
            ("q: |2\n    a\n  b\n", "  a\nb\n", vec!["  a", "b", ""]),
            ("q: |\n\n\n  a\n", "\n\na\n", vec!["", "", "a", ""]),
            ("q: | # why |\r\n  a\r\n\r\n  b\r\n", "a\n\nb\n", vec!["a", "", "b", ""]),
            ("q: |\n  a\n    \n  b", "a\n  \nb\n", vec!["a", "  ", "b", ""]),
            ("q: plain\n", "plain", vec!["plain"]),
            ("q: 'x y'\n", "x y", vec!["x y'"]),
            ("q: >-\n  one line\n", "one line", vec!["one line"]),
            // Not copies: folded, escaped, doubled quotes.
            ("q: >-\n  one\n  two\n", "one two", vec![]),
            ("q: \"a\\tb\"\n", "a\tb", vec![]),
            ("q: 'it''s'\n", "it's", vec![]),
            ("q: a\n\n  b\n", "a\nb", vec![]),
        ] {
            let (got, at) = lines(text);
            assert_eq!(
                (got.as_str(), at),
                (value, mapped.iter().map(ToString::to_string).collect()),
                "{text:?}"
            );
        }
    }
}
