//! From places of a compiled query back to what somebody wrote.
//!
//! A compiled query is the rule's text with pieces taken out, replaced and put in. [`OffsetMap`] keeps for every piece
//! where it came from, so that whatever is wrong at byte 1,234 of the text that a service would refuse is shown under a line
//! of a file: the query in the rule, the value in the environment, or the column in the allowlist.

use std::cell::OnceCell;

use crate::kql;
use crate::source::Span;
use crate::yaml::Text;

/// Where a piece of a compiled query came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Copied from the query's text, from this byte on.
    Query(usize),
    /// A parameter's literal, written in place of `literal` of the query's text.
    Parameter {
        /// The environment's value.
        value: Span,
        /// The rule's own literal, as bytes of the query's text.
        literal: (usize, usize),
    },
    /// A predicate of an allowlist entry.
    Predicate {
        /// The column that it names.
        column: Span,
        /// Its index in the list of predicates that the compiled query keeps.
        index: usize,
    },
    /// What stands around the predicates of a slot, whose comment is here in the query's text.
    Slot(usize),
}

/// The pieces of a compiled query, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OffsetMap {
    /// First byte in the compiled text, and origin.
    pieces: Vec<(usize, Origin)>,
}

/// A place of a compiled query, found in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where a reader should look.
    pub(crate) span: Span,
    /// What stands there.
    pub(crate) origin: Origin,
}

impl OffsetMap {
    /// Says where what follows byte `start` of the compiled text came from.
    pub(crate) fn push(&mut self, start: usize, origin: Origin) {
        // Only the last word about a place counts: pieces may be empty.
        while self.pieces.last().is_some_and(|(last, _)| *last >= start) {
            self.pieces.pop();
        }
        self.pieces.push((start, origin));
    }

    /// The origin of one byte, and how far into its piece it lies.
    fn at(&self, offset: usize) -> (Origin, usize) {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        match after.checked_sub(1).and_then(|index| self.pieces.get(index)) {
            Some((start, origin)) => (*origin, offset - start),
            None => (Origin::Query(0), offset),
        }
    }

    /// Where `span` of the compiled text came from. What reaches over several pieces is shown where it begins, up to the
    /// end of what was copied from there.
    pub(crate) fn place(&self, span: kql::Span, query: &Locator<'_>) -> Place {
        let (start, end) = (span.start as usize, span.end as usize);
        let (origin, inside) = self.at(start);
        let shown = match origin {
            Origin::Query(from) => {
                let first = from + inside;
                // The last byte decides where the end is: behind it another piece may begin.
                let last = match self.at(end.saturating_sub(1).max(start)) {
                    (Origin::Query(other), deep) if end > start => (other + deep + 1).max(first),
                    _ if end > start => first + (self.piece_end(start).min(end) - start),
                    _ => first,
                };
                query.span(first, last)
            }
            Origin::Parameter { value, .. } => value,
            Origin::Predicate { column, .. } => column,
            Origin::Slot(comment) => query.span(comment, comment),
        };
        Place { span: shown, origin }
    }

    /// Where the piece of `offset` ends.
    fn piece_end(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        self.pieces.get(after).map_or(usize::MAX, |(start, _)| *start)
    }
}

/// Finds places of a query's text in its file, in logarithmic time.
#[derive(Debug)]
pub(crate) struct Locator<'a> {
    text: &'a Text,
    whole: Span,
    /// Where each line of the text starts; found when somebody asks for a place, which few queries make necessary.
    lines: OnceCell<Vec<usize>>,
}

impl<'a> Locator<'a> {
    /// `whole` is shown when a text is no copy of its file (folded or escaped).
    pub(crate) const fn new(text: &'a Text, whole: Span) -> Self {
        Self { text, whole, lines: OnceCell::new() }
    }

    /// The place of bytes `start..end` of the text; as exact as is known.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        match (self.offset(start), self.offset(end)) {
            (Some(start), Some(end)) => Span::new(self.whole.file, start, end),
            (Some(start), None) => Span::new(self.whole.file, start, start),
            _ => self.whole,
        }
    }

    fn offset(&self, position: usize) -> Option<u32> {
        let position = position.min(self.text.value.len());
        let lines = self.lines.get_or_init(|| {
            let breaks = self.text.value.match_indices('\n');
            std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect()
        });
        let line = lines.partition_point(|start| *start <= position).checked_sub(1)?;
        let in_line = position - lines.get(line)?;
        Some(self.text.line_starts.get(line)? + u32::try_from(in_line).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    #[test]
    fn places_are_those_of_the_pieces() {
        let file = SourceMap::default().add("a.yaml", "");
        let span = |start, end| Span::new(file, start, end);
        // The query stands at byte 100 of the file, its second line at 110.
        let text = Text { value: "let a = 1;\nT | x\n".into(), line_starts: vec![100, 113, 120] };
        let locator = Locator::new(&text, span(100, 120));
        let mut map = OffsetMap::default();
        // let a = 22222;\nT | x
        map.push(0, Origin::Query(0));
        map.push(8, Origin::Parameter { value: span(5, 9), literal: (8, 9) });
        map.push(13, Origin::Query(9));
        for (start, end, expected) in [
            (0, 3, span(100, 103)),
            (4, 5, span(104, 105)),
            (8, 13, span(5, 9)),
            (10, 10, span(5, 9)),
            (13, 14, span(109, 110)),
            (15, 16, span(113, 114)),
            (19, 20, span(117, 118)),
            // From the line before the parameter to the one after it.
            (4, 16, span(104, 114)),
            // From there into the middle of the value.
            (4, 10, span(104, 108)),
        ] {
            assert_eq!(map.place(kql::Span::new(start, end), &locator).span, expected, "{start}..{end}");
        }
        let folded = Text { value: text.value.clone(), line_starts: Vec::new() };
        assert_eq!(Locator::new(&folded, span(100, 120)).span(3, 5), span(100, 120));
    }
}
