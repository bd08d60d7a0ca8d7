//! Text to [`Node`] tree: strict YAML with the exact place of everything.
//!
//! The parser is serde-saphyr; it is used here and nowhere else. Its result is taken over in two steps: a visitor
//! collects values with their byte spans, then [`Reading`] turns them into nodes, refuses what these files do not use
//! (duplicate keys, merge keys, tags, several documents) and works out which strings are verbatim copies of the file.
//!
//! Two deliberate narrowings of YAML 1.2: `yes`, `no`, `on` and `off` are text, and so is everything that only looks
//! like a number (`007`, `1_000`, `1e5`, integers beyond 64 bits), because hashes and versions are written here more
//! often than exponents.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

use super::verbatim;
use super::{Key, Node, NodeKind, Text};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 32;
/// Most values in one document.
const MAX_NODES: usize = 200_000;
/// Most values that aliases may repeat.
const MAX_REPEATED: usize = 20_000;
/// Most bytes of text, repetitions by aliases included.
const MAX_TEXT: usize = 8 << 20;

/// Reads one YAML document. An empty file is [`NodeKind::Null`].
///
/// # Errors
/// Every duplicate or merge key, otherwise the first thing that is not YAML.
pub fn read(text: &str, file: FileId) -> Result<Node, Diagnostics> {
    let refused = super::encoding::check(text, file);
    if refused.has_errors() {
        return Err(refused);
    }
    let root = serde_saphyr::from_str_with_options::<Located>(text, options())
        .map_err(|error| super::syntax::explain(&error, text, file).into_iter().collect::<Diagnostics>())?;
    let mut reading = Reading { text, file, diagnostics: Diagnostics::default(), budget: MAX_TEXT };
    let node = reading.node(root);
    if reading.diagnostics.has_errors() { Err(reading.diagnostics) } else { Ok(node) }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 3,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MAX_REPEATED * 4,
            max_recorded_anchor_bytes: MAX_TEXT,
            max_total_scalar_bytes: MAX_TEXT,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPEATED,
            max_replay_stack_depth: 8,
        },
        // Both are reported here, with both places, and all of them at once.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

type Located = serde_saphyr::Spanned<Raw>;

/// What the parser hands over, before places are worked out.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    /// Its spelling decides what it is.
    Number,
    Str(String),
    Seq(Vec<Located>),
    Map(Vec<(serde_saphyr::Spanned<String>, Located)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Number, Raw::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Str(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Str(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// The second step: raw values to nodes.
struct Reading<'t> {
    text: &'t str,
    file: FileId,
    diagnostics: Diagnostics,
    /// Bytes of text that may still be copied.
    budget: usize,
}

impl Reading<'_> {
    fn node(&mut self, located: Located) -> Node {
        let span = self.span(located.defined);
        match located.value {
            Raw::Null => Node { kind: NodeKind::Null, span },
            Raw::Bool(value) => Node { kind: NodeKind::Bool(value), span },
            Raw::Int(value) => Node { kind: NodeKind::Int(value), span },
            Raw::Number => Node { kind: self.number(span), span },
            Raw::Str(value) => self.string(value, span),
            Raw::Seq(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let end = items.last().map(|last| last.span.end);
                Node { kind: NodeKind::Seq(items), span: self.around(span, end, ']') }
            }
            Raw::Map(entries) => {
                let entries: Vec<(Key, Node)> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key_span = self.span(key.defined);
                        (Key { name: key.value, span: key_span }, self.node(value))
                    })
                    .collect();
                self.check_keys(&entries);
                let end = entries.last().map(|(key, value)| value.span.end.max(key.span.end));
                Node { kind: NodeKind::Map(entries), span: self.around(span, end, '}') }
            }
        }
    }

    /// A number keeps its value only when it is written as a plain decimal; anything else stays what was written.
    fn number(&self, span: Span) -> NodeKind {
        let written = self.slice(span);
        let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = written.strip_prefix(['-', '+']).unwrap_or(written);
        let plain =
            unsigned.split_once('.').is_some_and(|(whole, part)| is_decimal(whole) && is_decimal(part));
        match written.parse::<f64>() {
            Ok(value) if plain && value.is_finite() => NodeKind::Float(value),
            _ => NodeKind::Str(Text { value: written.to_owned(), line_starts: vec![span.start] }),
        }
    }

    fn string(&mut self, value: String, span: Span) -> Node {
        if value.len() > self.budget {
            self.diagnostics.push(
                Diagnostic::error(codes::YAML_LIMIT, "the document is too large")
                    .at(span)
                    .with_detail("Its aliases repeat more text than a file may hold."),
            );
            return Node { kind: NodeKind::Null, span };
        }
        self.budget -= value.len();
        let written = self.slice(span);
        let quoted = written.starts_with(['"', '\'']);
        // `.inf` and `.nan` arrive in the parser's spelling; a number out of range (`1e999`) too.
        if !quoted && matches!(value.as_str(), ".inf" | "-.inf" | ".nan") {
            let line_starts = vec![span.start];
            return Node { kind: NodeKind::Str(Text { value: written.to_owned(), line_starts }), span };
        }
        let line_starts = verbatim::line_starts(self.text, span, &value).unwrap_or_default();
        // A block scalar's place runs on into the indentation of whatever follows it.
        let end = if quoted { written.len() } else { written.trim_end().len() };
        let span = Span::new(span.file, span.start, span.start + u32::try_from(end).unwrap_or(0));
        Node { kind: NodeKind::Str(Text { value, line_starts }), span }
    }

    fn check_keys(&mut self, entries: &[(Key, Node)]) {
        let mut seen = std::collections::HashMap::with_capacity(entries.len());
        for (key, _) in entries {
            if key.name == "<<" {
                self.diagnostics.push(
                    Diagnostic::error(codes::YAML_FEATURE, "merge keys are not supported")
                        .labelled(key.span, "this would merge another mapping")
                        .with_help("write the keys out, or use a list with an alias"),
                );
            } else if let Some(first) = seen.insert(key.name.as_str(), key.span) {
                seen.insert(key.name.as_str(), first);
                // An alias repeats its keys at the same place; that mapping was reported where it stands.
                let finding = Diagnostic::error(codes::YAML_DUPLICATE_KEY, "duplicate key")
                    .labelled(key.span, "this key was given before")
                    .with_related(first, "first given here")
                    .with_help("remove one of the two");
                if !self.diagnostics.iter().any(|known| *known == finding) {
                    self.diagnostics.push(finding);
                }
            }
        }
    }

    fn span(&self, location: serde_saphyr::Location) -> Span {
        let limit = self.text.len();
        let start =
            location.span().byte_offset().and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(limit);
        let length = location.span().byte_len().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let end = start.saturating_add(length).min(limit);
        Span::new(self.file, u32::try_from(start).unwrap_or(0), u32::try_from(end).unwrap_or(0))
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The place of a list or mapping: from its start to the end of its last member, or to its closing bracket.
    fn around(&self, start: Span, last: Option<u32>, close: char) -> Span {
        let inside = last.map_or(start.end, |end| end.max(start.end));
        let rest = self.text.get(inside as usize..).unwrap_or("");
        let opened = self.slice(start).starts_with(['[', '{']);
        let gap = rest.find(|c: char| !c.is_ascii_whitespace() && c != ',').unwrap_or(rest.len());
        let closes = opened && rest.get(gap..).is_some_and(|tail| tail.starts_with(close));
        let end = if closes { inside + u32::try_from(gap + 1).unwrap_or(0) } else { inside };
        Span::new(self.file, start.start, end)
    }
}
