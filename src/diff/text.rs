//! Two texts line by line, with the words that changed inside a changed line.

use similar::{ChangeTag, TextDiff};

/// A run of changed lines with a few unchanged ones around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The lines, top to bottom.
    pub lines: Vec<DiffLine>,
}

/// One line of a [`Hunk`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// What happened to it.
    pub tag: LineTag,
    /// Its number in the text before, from 1.
    pub old: Option<usize>,
    /// Its number in the text after, from 1.
    pub new: Option<usize>,
    /// Its text in pieces, without the line break; `true` marks what differs from the line it replaces.
    pub pieces: Vec<(bool, String)>,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTag {
    /// Unchanged.
    Equal,
    /// Only before.
    Removed,
    /// Only after.
    Added,
}

/// The differences between two texts, with `context` unchanged lines around each. No hunk means equal texts.
#[must_use]
pub fn hunks(before: &str, after: &str, context: usize) -> Vec<Hunk> {
    // A line break at the end of both keeps "the last line changed" from being about line breaks.
    let (before, after) = (ended(before), ended(after));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    diff.grouped_ops(context)
        .iter()
        .map(|group| Hunk {
            lines: group
                .iter()
                .flat_map(|operation| diff.iter_inline_changes(operation))
                .map(|change| DiffLine {
                    tag: match change.tag() {
                        ChangeTag::Equal => LineTag::Equal,
                        ChangeTag::Delete => LineTag::Removed,
                        ChangeTag::Insert => LineTag::Added,
                    },
                    old: change.old_index().map(|index| index + 1),
                    new: change.new_index().map(|index| index + 1),
                    pieces: change
                        .iter_strings_lossy()
                        .map(|(changed, text)| (changed, text.trim_end_matches(['\n', '\r']).to_owned()))
                        .filter(|(_, text)| !text.is_empty())
                        .collect(),
                })
                .collect(),
        })
        .collect()
}

fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_line_is_one_line() {
        let hunks = hunks("a\nb\nc", "a\nb\nx\nc", 1);
        let listed: Vec<_> = hunks[0]
            .lines
            .iter()
            .map(|line| {
                (line.tag, line.old, line.new, line.pieces.iter().map(|p| p.1.as_str()).collect::<String>())
            })
            .collect();
        assert_eq!(
            listed,
            [
                (LineTag::Equal, Some(2), Some(2), "b".to_owned()),
                (LineTag::Added, None, Some(3), "x".to_owned()),
                (LineTag::Equal, Some(3), Some(4), "c".to_owned()),
            ]
        );
    }

    #[test]
    fn changed_words_are_marked() {
        let hunks = hunks("let t = 2d;\n", "let t = 4d;\n", 0);
        let marked: Vec<Vec<&str>> = hunks[0]
            .lines
            .iter()
            .map(|line| {
                line.pieces.iter().filter(|(changed, _)| *changed).map(|(_, text)| text.as_str()).collect()
            })
            .collect();
        assert_eq!(marked.len(), 2);
        assert!(marked[0].concat().contains('2') && marked[1].concat().contains('4'), "{marked:?}");
    }

    #[test]
    fn equal_texts_have_no_hunk() {
        assert_eq!(hunks("a\n", "a", 3), []);
        assert_eq!(hunks("", "", 3), []);
    }
}
