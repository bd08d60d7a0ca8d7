//! Text to [`Node`] tree: strict YAML with the exact place of everything.
//!
//! The parser is granit-parser (the one under serde-saphyr), used here, in `syntax` and in `format`, and nowhere else. Its events become
//! nodes in one pass, without serde in between: that is where the places are, and it is five times faster. Refused on the
//! way: duplicate keys, merge keys, tags, several documents, and files that unfold into more than they hold.
//!
//! Two deliberate narrowings of YAML 1.2: `yes`, `no`, `on` and `off` are text, and so is everything that only looks
//! like a number (`007`, `1_000`, `1e5`, integers beyond 64 bits), because hashes and versions are written here more
//! often than exponents.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput, StructureStyle, Tag};

use super::{Key, Node, NodeKind, Text};
use super::{syntax, verbatim};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 32;
/// Most values in one document.
pub(super) const MAX_NODES: usize = 200_000;
/// Most values that aliases may repeat.
pub(super) const MAX_REPEATED: usize = 20_000;
/// Most bytes of text that aliases may repeat.
const MAX_REPEATED_TEXT: usize = 4 << 20;

/// Reads one YAML document. An empty file is [`NodeKind::Null`].
///
/// # Errors
/// Every duplicate key, merge key and tag; otherwise the first thing that is not YAML.
pub fn read(text: &str, file: FileId) -> Result<Node, Diagnostics> {
    let refused = super::encoding::check(text, file);
    if refused.has_errors() {
        return Err(refused);
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        text,
        file,
        found: Diagnostics::default(),
        anchors: HashMap::new(),
        used: Size::default(),
        repeated: Size::default(),
    };
    match reader.document() {
        Ok(node) if !reader.found.has_errors() => Ok(node),
        Ok(_) => Err(reader.found),
        Err(fatal) => {
            reader.found.push(*fatal);
            Err(reader.found)
        }
    }
}

/// How much a node holds, itself included.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text: usize,
}

/// An error that ends reading; boxed, because a diagnostic is large.
type Fatal = Box<Diagnostic>;

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    file: FileId,
    /// What is wrong and does not end reading.
    found: Diagnostics,
    /// Nodes that aliases may repeat, by the parser's anchor id; an id is entered when its node is complete.
    anchors: HashMap<usize, (Node, Size)>,
    used: Size,
    repeated: Size,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Fatal> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let finding =
                        Diagnostic::error(codes::YAML_FEATURE, "the file holds more than one document")
                            .labelled(span, "a second document starts here")
                            .with_help("one file, one document: move the second one to a file of its own");
                    return Err(finding.into());
                }
                Event::DocumentStart(..) => {}
                Event::StreamEnd => {
                    let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                    let nothing = Node { kind: NodeKind::Null, span: Span::new(self.file, end, end) };
                    return Ok(root.unwrap_or(nothing));
                }
                other => root = Some(self.node(other, span, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Fatal> {
        match self.parser.next() {
            Some(Ok((event, span))) => {
                let offset = |marker: &granit_parser::Marker| {
                    let byte = marker.byte_offset().unwrap_or(0).min(self.text.len());
                    u32::try_from(byte).unwrap_or(u32::MAX)
                };
                Ok((event, Span::new(self.file, offset(&span.start), offset(&span.end))))
            }
            Some(Err(error)) => Err(syntax::explain(&error, self.text, self.file).into()),
            None => Ok((Event::StreamEnd, Span::new(self.file, 0, 0))),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Fatal> {
        self.used.nodes += 1;
        if self.used.nodes > MAX_NODES || depth > MAX_DEPTH {
            return Err(syntax::limit(span, "too large or too deeply nested from here on").into());
        }
        let before = self.used;
        let (node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(value, style, anchor, tag) => {
                let is_text = self.tag(tag.as_deref(), span);
                self.used.text += value.len();
                let plain = style == ScalarStyle::Plain && !is_text;
                (self.scalar(value.into_owned(), plain, style, span), anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                (self.sequence(style, span, depth)?, anchor)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                (self.mapping(style, span, depth)?, anchor)
            }
            _ => return Err(Diagnostic::error(codes::YAML_SYNTAX, "not valid YAML").at(span).into()),
        };
        if anchor > 0 {
            let size = Size { nodes: self.used.nodes - before.nodes + 1, text: self.used.text - before.text };
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Fatal> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(Diagnostic::error(codes::YAML_FEATURE, "an alias refers to itself").at(span).into());
        };
        for total in [&mut self.used, &mut self.repeated] {
            total.nodes += size.nodes;
            total.text += size.text;
        }
        if self.repeated.nodes > MAX_REPEATED || self.repeated.text > MAX_REPEATED_TEXT {
            return Err(syntax::limit(span, "aliases repeat too much of the file").into());
        }
        Ok(node.clone())
    }

    fn sequence(&mut self, style: StructureStyle, span: Span, depth: usize) -> Result<Node, Fatal> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let last = items.last().map(|item| item.span);
                let span = self.around(style, span, place, last);
                return Ok(Node { kind: NodeKind::Seq(items), span });
            }
            items.push(self.node(event, place, depth + 1)?);
        }
    }

    fn mapping(&mut self, style: StructureStyle, span: Span, depth: usize) -> Result<Node, Fatal> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let last = entries
                    .last()
                    .map(|(key, value)| if value.span.end > key.span.end { value.span } else { key.span });
                let span = self.around(style, span, place, last);
                return Ok(Node { kind: NodeKind::Map(entries), span });
            }
            let key = self.key(event, place, depth)?;
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            let Some(key) = key else { continue };
            match seen.get(&key.name) {
                Some(first) => self.found.push(
                    Diagnostic::error(codes::YAML_DUPLICATE_KEY, "duplicate key")
                        .labelled(key.span, "this key was given before")
                        .with_related(*first, "first given here")
                        .with_help("remove one of the two"),
                ),
                None => {
                    seen.insert(key.name.clone(), key.span);
                }
            }
            entries.push((key, value));
        }
    }

    /// A key; `None` when it is none that these files use, which is reported.
    fn key(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Option<Key>, Fatal> {
        let Event::Scalar(name, style, 0, None) = event else {
            self.found.push(
                Diagnostic::error(codes::YAML_FEATURE, "a key is not a text")
                    .labelled(span, "keys are plain words here"),
            );
            self.node(event, span, depth + 1)?;
            return Ok(None);
        };
        self.used.nodes += 1;
        self.used.text += name.len();
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(&*name, "" | "~" | "null") {
            self.found.push(
                Diagnostic::error(codes::YAML_FEATURE, "a key is empty")
                    .labelled(span, "a key is needed here"),
            );
            return Ok(None);
        }
        if plain && name == "<<" {
            self.found.push(
                Diagnostic::error(codes::YAML_FEATURE, "merge keys are not supported")
                    .labelled(span, "this would merge another mapping")
                    .with_help("write the keys out, or use a list with an alias"),
            );
            return Ok(None);
        }
        Ok(Some(Key { name: name.into_owned(), span }))
    }

    /// Whether a tag makes the value a text; any but `!!str` and `!` is reported.
    fn tag(&mut self, tag: Option<&Tag>, span: Span) -> bool {
        let Some(tag) = tag else { return false };
        let is_text = tag.core_suffix() == Some("str") || (tag.handle().is_empty() && tag.suffix() == "!");
        if !is_text {
            self.found.push(
                Diagnostic::error(codes::YAML_FEATURE, "tags are not supported")
                    .labelled(span, "this value has a tag")
                    .with_help("quote the value if it is a text that starts with `!`"),
            );
        }
        true
    }

    fn scalar(&self, value: String, plain: bool, style: ScalarStyle, span: Span) -> Node {
        if plain && let Some(kind) = resolve(&value) {
            return Node { kind, span };
        }
        let line_starts = verbatim::line_starts(self.text, span, &value).unwrap_or_default();
        // A block scalar's place runs on into the indentation of whatever follows it.
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let written = self.text.get(span.start as usize..span.end as usize).unwrap_or("");
        let length = if is_block { written.trim_end().len() } else { written.len() };
        let span = Span::new(span.file, span.start, span.start + u32::try_from(length).unwrap_or(0));
        Node { kind: NodeKind::Str(Text { value, line_starts }), span }
    }

    /// The place of a list or mapping: to its closing bracket, or to the end of its last member.
    fn around(&self, style: StructureStyle, start: Span, end: Span, last: Option<Span>) -> Span {
        // An alias' members stand elsewhere, before the start.
        let inside = last.map_or(start.end, |last| last.end.max(start.end));
        let end = if style == StructureStyle::Flow { end.end.max(inside) } else { inside };
        Span::new(self.file, start.start, end)
    }
}

/// What a plain scalar is, when it is not a text.
fn resolve(written: &str) -> Option<NodeKind> {
    match written {
        "" | "~" | "null" | "Null" | "NULL" => return Some(NodeKind::Null),
        "true" | "True" | "TRUE" => return Some(NodeKind::Bool(true)),
        "false" | "False" | "FALSE" => return Some(NodeKind::Bool(false)),
        _ => {}
    }
    let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = written.strip_prefix(['-', '+']).unwrap_or(written);
    if let Some((whole, fraction)) = unsigned.split_once('.') {
        let plain = is_decimal(whole) && is_decimal(fraction);
        return written.parse().ok().filter(|value: &f64| plain && value.is_finite()).map(NodeKind::Float);
    }
    if let Some(digits) = written.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().filter(|value| *value >= 0).map(NodeKind::Int);
    }
    if let Some(digits) = written.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().filter(|value| *value >= 0).map(NodeKind::Int);
    }
    let canonical = is_decimal(unsigned) && (unsigned == "0" || !unsigned.starts_with('0'));
    canonical.then(|| written.parse().ok().map(NodeKind::Int))?
}
