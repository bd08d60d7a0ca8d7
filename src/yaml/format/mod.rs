//! One layout for every YAML file: `palisade fmt`.
//!
//! Only white space changes. The lines stay the author's, and so do comments, quotes, the order of keys and the width of
//! lines; what is set is how far each line is indented, what stands between two words of a line, and how many blank lines there are.
//! Values are never looked at: a block scalar moves as a whole, its text untouched. [`format`] then reads both texts
//! and compares them, value by value and comment by comment, so a mistake of the layout is refused, never written.
//!
//! Start with [`format`]; `pieces` cuts the text up, `layout` says where each piece goes, `block` moves block scalars.

mod block;
mod layout;
mod pieces;

#[cfg(test)]
mod tests;

use super::read::read;
use super::{Node, NodeKind};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::{FileId, Span};

/// `text` in canonical layout. `file` is where findings point.
///
/// Indentation by two, lists further in than their key, one space after `:`, `,` and `-` and none inside brackets, at most one
/// blank line in a row, line feeds, no white space at the end of lines, one line feed at the end. Laying out twice changes nothing.
///
/// # Errors
/// What is wrong when the text is not YAML as these files use it; and when it cannot be proved that the new text means the same.
pub fn format(text: &str, file: FileId) -> Result<String, Diagnostics> {
    let before = read(text, file)?;
    let unix = text.replace("\r\n", "\n");
    let pieces = pieces::cut(&unix, file)?;
    let after = layout::lay_out(&unix, &pieces);
    if same(&before, &read(&after, file).map_err(|_| unproven(file))?)
        && pieces::cut(&after, file)?.comments(&after).eq(pieces.comments(&unix))
    {
        return Ok(after);
    }
    Err(unproven(file))
}

/// Every comment of a text whose lines end in line feeds, with where it begins; of a block scalar's header, the block's place.
///
/// # Errors
/// What no layout is defined for.
pub fn comments(text: &str, file: FileId) -> Result<Vec<(usize, &str)>, Diagnostics> {
    let pieces = pieces::cut(text, file)?;
    let comment = |piece: &pieces::Piece| Some((piece.range.start, piece.comment(text)?));
    Ok(pieces.list.iter().filter_map(comment).collect())
}

/// Whether two trees hold the same values in the same order, wherever they were written.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (NodeKind::Str(one), NodeKind::Str(other)) => one.value == other.value,
        (NodeKind::Seq(one), NodeKind::Seq(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (NodeKind::Map(one), NodeKind::Map(other)) => {
            let alike = |((key, value), (other_key, other)): (&(_, _), &(_, _))| {
                same_key(key, other_key) && same(value, other)
            };
            one.len() == other.len() && one.iter().zip(other).all(alike)
        }
        (one, other) => one == other,
    }
}

fn same_key(one: &super::Key, other: &super::Key) -> bool {
    one.name == other.name
}

fn unproven(file: FileId) -> Diagnostics {
    let finding = Diagnostic::error(codes::YAML_FEATURE, "the file cannot be laid out by a program")
        .at(Span::new(file, 0, 0))
        .with_detail("The new layout would not provably hold the same values and comments.")
        .with_help("it was left as it is; lay it out by hand, or write the unusual part in a plainer way");
    let mut found = Diagnostics::default();
    found.push(finding);
    found
}
