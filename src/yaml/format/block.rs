//! Block scalars (`|` and `>`): found as a whole, and moved to another indentation without a change of their text.

use std::ops::Range;

/// A block scalar, by its places in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// `|`, `>-`, `|+`: without a digit.
    header: String,
    /// The comment on the header's line.
    comment: Option<Range<usize>>,
    /// Its lines as they stand in the file, blank ones at the end included.
    lines: Range<usize>,
    /// How far its text is indented there.
    indent: usize,
}

/// The block scalar whose header is the next thing after `after`, and its whole place. `parent` is the column of the
/// collection that it stands in.
pub(super) fn find(text: &str, after: usize, parent: Option<usize>) -> Option<(Block, Range<usize>)> {
    let rest = text.get(after..)?;
    let start = after + rest.find(['|', '>'])?;
    if !text.get(after..start)?.trim().is_empty() {
        return None;
    }
    let line_end = start + text.get(start..)?.find('\n').unwrap_or(text.len() - start);
    let first = text.get(start..line_end)?;
    let written = first.split_whitespace().next()?;
    let digit = written.chars().find_map(|c| c.to_digit(10)).and_then(|digit| usize::try_from(digit).ok());
    let comment = first.find(" #").map(|at| start + at + 1..start + first.trim_end().len());
    let lines_start = (line_end + 1).min(text.len());
    // Indented further than the collection; at the top of a document, anything will do.
    let least = parent.map_or(0, |column| column + 1);
    let is_blank = |line: &str| line.bytes().all(|byte| byte == b' ');
    let lines = || text.get(lines_start..).unwrap_or_default().split_inclusive('\n');
    let bare = |line: &'_ str| line.strip_suffix('\n').unwrap_or(line).len();
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let detected = || lines().find(|line| !is_blank(line.trim_end_matches('\n'))).map_or(least, depth);
    let indent = digit.map_or_else(detected, |digit| parent.unwrap_or(0) + digit).max(least);
    let mut end = lines_start;
    for line in lines() {
        let content = line.get(..bare(line))?;
        if !is_blank(content) && depth(content) < indent {
            break;
        }
        end += line.len();
    }
    let header = written.chars().filter(|c| !c.is_ascii_digit()).collect();
    Some((Block { header, comment, lines: lines_start..end, indent }, start..end))
}

impl Block {
    /// The comment on its first line.
    pub(super) fn comment<'t>(&self, text: &'t str) -> Option<&'t str> {
        text.get(self.comment.clone()?).map(str::trim_end)
    }

    /// The block with its text at another indentation, without a line feed at the end; and how many blank lines, which
    /// mean nothing, followed it.
    pub(super) fn moved(&self, text: &str, indent: usize, step: usize) -> (String, usize) {
        let lines = text.get(self.lines.clone()).unwrap_or_default();
        let dedented = |line: &'_ str| -> String { line.get(self.indent..).unwrap_or_default().to_owned() };
        let mut content: Vec<String> =
            lines.split_inclusive('\n').map(|line| line.trim_end_matches('\n')).map(dedented).collect();
        let is_kept = self.header.contains('+');
        let mut blank = 0;
        while !is_kept && content.last().is_some_and(String::is_empty) {
            content.pop();
            blank += 1;
        }
        let leading_space =
            content.iter().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with(' '));
        let mut out = String::with_capacity(lines.len() + 16);
        let (sign, chomping) = self.header.split_at_checked(1).unwrap_or((self.header.as_str(), ""));
        out.push_str(sign);
        if leading_space {
            out.push_str(&step.to_string());
        }
        out.push_str(chomping);
        if let Some(comment) = self.comment(text) {
            out.push(' ');
            out.push_str(comment);
        }
        for line in content {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str(&line);
            }
        }
        (out, blank)
    }
}
