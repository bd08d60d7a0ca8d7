//! JSON to [`Node`] tree, with the place of everything: events as the portals and APIs export them.
//!
//! Strict (RFC 8259), except that a key may stand once only and that integers beyond 64 bits become text: identifiers
//! must not lose digits. `yaml::read` would accept most JSON too, but not all, and its messages would speak of YAML.

use super::{Key, Node, NodeKind, Text};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, Span};

/// Deepest nesting, as for YAML.
const MAX_DEPTH: usize = 32;

/// Reads the one JSON value in `text[start..end]`; places count from the start of `text`, which is the file's.
///
/// # Errors
/// The first thing that is not JSON.
pub fn read(text: &str, start: usize, end: usize, file: FileId) -> Result<Node, Box<Diagnostic>> {
    let bytes = text.as_bytes().get(..end).unwrap_or(text.as_bytes());
    let mut reader = Reader { text, bytes, at: start, file };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wrong("nothing may follow the value")),
    }
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    file: FileId,
}

type Fatal = Box<Diagnostic>;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn span(&self, start: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.file, place(start), place(self.at))
    }

    fn wrong(&self, why: &str) -> Fatal {
        let character = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let at = u32::try_from(self.at).unwrap_or(u32::MAX);
        let length = character.map_or(0, |c| u32::try_from(c.len_utf8()).unwrap_or(1));
        let span = Span::new(self.file, at, at + length);
        Box::new(Diagnostic::error(codes::YAML_SYNTAX, "not valid JSON").labelled(span, why))
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fatal> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deeply from here on"));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => {
                let value = self.string()?;
                NodeKind::Str(Text { value, line_starts: Vec::new() })
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", NodeKind::Bool(true))?,
            Some(b'f') => self.word("false", NodeKind::Bool(false))?,
            Some(b'n') => self.word("null", NodeKind::Null)?,
            _ => return Err(self.wrong("a value is needed here")),
        };
        Ok(Node { kind, span: self.span(start) })
    }

    fn object(&mut self, depth: usize) -> Result<NodeKind, Fatal> {
        self.at += 1;
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'}') if entries.is_empty() => break,
                Some(b'"') => {}
                _ => return Err(self.wrong("a name in double quotes is needed here")),
            }
            let start = self.at;
            let name = self.string()?;
            let key = Key { name, span: self.span(start) };
            if entries.iter().any(|(known, _)| known.name == key.name) {
                let finding = Diagnostic::error(codes::YAML_DUPLICATE_KEY, "duplicate key")
                    .labelled(key.span, "this key was given before");
                return Err(Box::new(finding));
            }
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.wrong("`:` is needed here"));
            }
            self.at += 1;
            self.blanks();
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("`,` or `}` is needed here")),
            }
        }
        self.at += 1;
        Ok(NodeKind::Map(entries))
    }

    fn array(&mut self, depth: usize) -> Result<NodeKind, Fatal> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.peek() == Some(b']') && items.is_empty() {
                break;
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("`,` or `]` is needed here")),
            }
        }
        self.at += 1;
        Ok(NodeKind::Seq(items))
    }

    fn word(&mut self, word: &str, kind: NodeKind) -> Result<NodeKind, Fatal> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.wrong("not a word of JSON"))
    }

    fn number(&mut self) -> Result<NodeKind, Fatal> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let written = self.text.get(start..self.at).unwrap_or("");
        // serde_json knows exactly which of these are numbers.
        match serde_json::from_str::<serde_json::Number>(written) {
            Ok(number) if number.is_i64() => Ok(NodeKind::Int(number.as_i64().unwrap_or_default())),
            Ok(_) if written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                Ok(NodeKind::Str(Text { value: written.to_owned(), line_starts: Vec::new() }))
            }
            Ok(number) => Ok(NodeKind::Float(number.as_f64().unwrap_or_default())),
            Err(_) => {
                self.at = start;
                Err(self.wrong("not a number of JSON"))
            }
        }
    }

    fn string(&mut self) -> Result<String, Fatal> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) if byte < 0x20 => return Err(self.wrong("a control character must be escaped")),
                Some(_) => self.at += 1,
                None => {
                    self.at = start;
                    return Err(self.wrong("this text is never closed"));
                }
            }
        }
        self.at += 1;
        let written = self.text.get(start..self.at).unwrap_or("\"\"");
        serde_json::from_str(written).map_err(|_| {
            self.at = start;
            self.wrong("an escape of this text is wrong")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn read_all(text: &str) -> Result<Node, Box<Diagnostic>> {
        let file = SourceMap::default().add("e.json", text);
        read(text, 0, text.len(), file)
    }

    #[test]
    fn values_and_places() {
        let node =
            read_all(r#" {"a": [1, -2.5e1, "x\u0041\n", true, null, 18446744073709551616]} "#).unwrap();
        let Some(Node { kind: NodeKind::Seq(items), span }) = node.get("a") else { panic!("{node:?}") };
        let kinds: Vec<String> = items.iter().map(|item| format!("{:?}", item.kind)).collect();
        assert_eq!(kinds[0], "Int(1)");
        assert_eq!(kinds[1], "Float(-25.0)");
        assert_eq!(items[2].as_str(), Some("xA\n"));
        assert_eq!((kinds[3].as_str(), kinds[4].as_str()), ("Bool(true)", "Null"));
        assert_eq!(items[5].as_str(), Some("18446744073709551616"));
        assert_eq!((span.start, items[0].span.start), (7, 8));
    }

    #[test]
    fn what_is_not_json_is_refused_at_its_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{a: 1}", 1),
            ("[01]", 1),
            ("nul", 0),
            ("\"a", 0),
            ("1 2", 2),
            ("\"\\q\"", 0),
            ("{\"a\":1,\"a\":2}", 7),
            ("[\"\t\"]", 2),
            ("\"\\", 0),
        ] {
            let problem = read_all(text).expect_err(text);
            assert_eq!(problem.span.map(|span| span.start), Some(at), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(read_all(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_another_reader_on_what_is_json(text in r#"[\[\]{}:,"\\a-eu0-9.+ tfn\n-]{0,24}|\PC{0,24}"#) {
            let found = read_all(&text);
            // The other reader takes the last of two equal keys.
            let doubled = found.as_ref().is_err_and(|problem| problem.summary == "duplicate key");
            let known = serde_json::from_str::<serde_json::Value>(&text);
            proptest::prop_assert!(doubled || found.is_ok() == known.is_ok(), "{found:?} {known:?}");
            if let Err(problem) = found {
                let at = problem.span.map_or(0, |span| span.end as usize);
                proptest::prop_assert!(at <= text.len() + 1, "{problem:?}");
            }
        }
    }
}
