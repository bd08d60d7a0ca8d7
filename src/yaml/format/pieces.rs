//! Cuts a YAML text into what stands in it: words, punctuation, comments, block scalars, each with its place.
//!
//! The parser's scanner says where everything is; white space is what lies between. Nothing is interpreted here.

use std::ops::Range;

use granit_parser::{Options, ScalarStyle, Scanner, StrInput, TokenType};

use super::block::{self, Block};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// Something that is written, or a beginning or end of a collection without a sign of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// `-` of a list.
    Dash,
    /// `:` after a key.
    Colon,
    /// `,`.
    Comma,
    /// `[` or `{`.
    Open,
    /// `]` or `}`.
    Close,
    /// A plain or quoted text, over one line or several; `true`: white space at the end of its lines means something.
    Text(bool),
    /// An anchor or a tag.
    Property,
    /// `*name`.
    Alias,
    /// `# …`.
    Comment,
    /// `|` or `>` with everything that belongs to it.
    Block(Block),
    /// `---` or `...`.
    Marker,
    /// The next text is a key.
    KeyFollows,
    /// A mapping on lines of its own begins.
    MapBegins,
    /// A list on lines of its own begins.
    SeqBegins,
    /// One of the two ends.
    Ends,
}

/// A sign and its place; of a beginning or end, the place does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) sign: Sign,
    pub(super) range: Range<usize>,
}

impl Piece {
    /// Its text, if it is a comment or the header of a block scalar with one.
    pub(super) fn comment<'t>(&self, text: &'t str) -> Option<&'t str> {
        match &self.sign {
            Sign::Comment => text.get(self.range.clone()).map(str::trim_end),
            Sign::Block(block) => block.comment(text),
            _ => None,
        }
    }
}

/// All pieces of a text, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    pub(super) list: Vec<Piece>,
}

impl Pieces {
    /// The text of every comment, in order, headers of block scalars included.
    pub(super) fn comments<'t>(&'t self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.list.iter().filter_map(|piece| piece.comment(text))
    }
}

/// Cuts a text that was read before, and whose lines end in line feeds.
///
/// # Errors
/// What no layout is defined for: keys with `?`, directives.
pub(super) fn cut(text: &str, file: FileId) -> Result<Pieces, Diagnostics> {
    let mut pieces = Pieces::default();
    // Columns of the collections that are open: what a block scalar is indented against.
    let mut open: Vec<usize> = Vec::new();
    let mut until = 0;
    for token in Scanner::with_options(StrInput::new(text), Options::default()) {
        let Ok(token) = token else { return Err(refuse(file, until..until, "this")) };
        let (span, token) = token.into_parts();
        let range = span.byte_range().unwrap_or(until..until);
        let sign = match token {
            TokenType::StreamStart | TokenType::StreamEnd => continue,
            TokenType::BlockMappingStart => {
                open.push(column(text, range.start));
                Sign::MapBegins
            }
            TokenType::BlockSequenceStart => {
                open.push(column(text, range.start));
                Sign::SeqBegins
            }
            TokenType::BlockEnd => {
                open.pop();
                Sign::Ends
            }
            TokenType::Key if text.get(range.clone()) == Some("?") => {
                return Err(refuse(file, range, "a key with `?`"));
            }
            TokenType::Key => Sign::KeyFollows,
            TokenType::Value => Sign::Colon,
            TokenType::BlockEntry => Sign::Dash,
            TokenType::FlowEntry => Sign::Comma,
            TokenType::FlowSequenceStart | TokenType::FlowMappingStart => Sign::Open,
            TokenType::FlowSequenceEnd | TokenType::FlowMappingEnd => Sign::Close,
            TokenType::Alias(_) => Sign::Alias,
            TokenType::Anchor(_) | TokenType::Tag(..) => Sign::Property,
            TokenType::DocumentStart | TokenType::DocumentEnd => Sign::Marker,
            // The comment of a block scalar's header comes before or after the block.
            TokenType::Comment(_) if range.start < until => continue,
            TokenType::Comment(_) => Sign::Comment,
            TokenType::Scalar(ScalarStyle::Literal | ScalarStyle::Folded, _) => {
                let own = |piece: &&Piece| is_written(&piece.sign) && piece.sign != Sign::Comment;
                let after = pieces.list.iter().rev().find(own).map_or(0, |piece| piece.range.end);
                let Some((block, whole)) = block::find(text, after, open.last().copied()) else {
                    return Err(refuse(file, range, "this block"));
                };
                pieces
                    .list
                    .retain(|piece| piece.sign != Sign::Comment || !whole.contains(&piece.range.start));
                until = whole.end;
                pieces.list.push(Piece { sign: Sign::Block(block), range: whole });
                continue;
            }
            TokenType::Scalar(style, _) => Sign::Text(style == ScalarStyle::DoubleQuoted),
            _ => return Err(refuse(file, range, "a directive")),
        };
        // The scanner gives some signs of one byte no length, and dashes the place of what follows them.
        let range = match sign {
            Sign::Colon | Sign::Comma | Sign::Open | Sign::Close => range.start..range.start + 1,
            Sign::Dash => {
                let start = until + text.get(until..).and_then(|rest| rest.find('-')).unwrap_or(0);
                if let Some(piece) = pieces.list.last_mut().filter(|piece| piece.sign == Sign::SeqBegins) {
                    piece.range = start..start;
                    if let Some(list) = open.last_mut() {
                        *list = column(text, start);
                    }
                }
                start..start + 1
            }
            _ => range,
        };
        if is_written(&sign) {
            until = range.end;
        }
        pieces.list.push(Piece { sign, range });
    }
    Ok(pieces)
}

/// Whether a sign stands in the text.
pub(super) const fn is_written(sign: &Sign) -> bool {
    !matches!(sign, Sign::KeyFollows | Sign::MapBegins | Sign::SeqBegins | Sign::Ends)
}

/// Bytes before a place on its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.len() - before.rfind('\n').map_or(0, |end| end + 1)
}

fn refuse(file: FileId, range: Range<usize>, what: &str) -> Diagnostics {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let finding = Diagnostic::error(codes::YAML_FEATURE, "the file cannot be laid out by a program")
        .labelled(
            Span::new(file, place(range.start), place(range.end)),
            format!("no layout is defined for {what}"),
        )
        .with_help("the file was left as it is; write this in a plainer way");
    let mut found = Diagnostics::default();
    found.push(finding);
    found
}
