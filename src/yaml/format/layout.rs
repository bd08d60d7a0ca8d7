//! Where each piece goes: which indentation a line gets, and what stands between two pieces of a line.

use std::ops::Range;

use super::pieces::{Piece, Pieces, Sign, column, is_written};

/// Columns by which each level is indented.
const STEP: usize = 2;

/// A collection that is open: where its lines began and where they begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    /// What it is.
    kind: LevelKind,
    /// Column of its keys or dashes in the text before.
    before: usize,
    /// Column of its keys or dashes in the new text; inside brackets, of the line that opened them.
    after: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LevelKind {
    Map,
    /// `false`: the list's dashes stand at its key's column, and nothing says where it ends.
    Seq(bool),
    Brackets,
}

/// The text in its new layout.
pub(super) fn lay_out(text: &str, pieces: &Pieces) -> String {
    let mut layout = Layout {
        text,
        out: String::with_capacity(text.len()),
        levels: Vec::new(),
        last: None,
        is_key: false,
        has_item: false,
        begun: false,
        blank: 0,
        line: 0,
        closed: 0,
        ahead: None,
    };
    for (index, piece) in pieces.list.iter().enumerate() {
        layout.structure(piece);
        if is_written(&piece.sign) {
            layout.write(piece, pieces.list.get(index + 1..).unwrap_or_default());
        }
    }
    let mut out = layout.out;
    let kept = matches!(layout.last, Some((Sign::Block(_), _)));
    let length = if kept { out.len() } else { out.trim_end().len() };
    out.truncate(length);
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

struct Layout<'t> {
    text: &'t str,
    out: String,
    levels: Vec<Level>,
    /// What was written last, and its place in the text before.
    last: Option<(Sign, Range<usize>)>,
    /// The next text is a key.
    is_key: bool,
    /// What comes next belongs to the dash that was written last.
    has_item: bool,
    /// A list has begun whose first dash comes next.
    begun: bool,
    /// Blank lines after a block scalar.
    blank: usize,
    /// Indentation of the line being written.
    line: usize,
    /// Where the line of the bracket that closes now began.
    closed: usize,
    /// Where what follows a run of comments begins its line: found once for all of them.
    ahead: Option<Option<(usize, usize)>>,
}

impl Layout<'_> {
    /// Opens and closes levels.
    fn structure(&mut self, piece: &Piece) {
        self.has_item &= piece.sign != Sign::Dash || self.begun;
        self.begun = piece.sign == Sign::SeqBegins;
        match piece.sign {
            Sign::MapBegins | Sign::SeqBegins => {
                let kind = if piece.sign == Sign::MapBegins { LevelKind::Map } else { LevelKind::Seq(true) };
                self.open(kind, column(self.text, piece.range.start));
            }
            Sign::Ends => {
                self.end_unmarked();
                self.levels.pop();
                self.has_item = false;
            }
            Sign::KeyFollows => {
                self.end_unmarked();
                self.is_key = true;
            }
            // A list whose dashes stand below its key begins without a sign.
            Sign::Dash if !matches!(self.levels.last(), Some(Level { kind: LevelKind::Seq(_), .. })) => {
                self.open(LevelKind::Seq(false), column(self.text, piece.range.start));
            }
            Sign::Close => self.closed = self.levels.pop().map_or(0, |level| level.after),
            _ => {}
        }
    }

    fn open(&mut self, kind: LevelKind, before: usize) {
        let after = self.inner();
        self.levels.push(Level { kind, before, after });
    }

    fn end_unmarked(&mut self) {
        if matches!(self.levels.last(), Some(Level { kind: LevelKind::Seq(false), .. })) {
            self.levels.pop();
            self.has_item = false;
        }
    }

    /// Where something inside the innermost level begins.
    fn inner(&self) -> usize {
        self.levels.last().map_or(0, |level| level.after + STEP)
    }

    fn write(&mut self, piece: &Piece, next: &[Piece]) {
        let breaks = self.breaks(piece);
        if breaks > 0 {
            self.out.extend(std::iter::repeat_n('\n', breaks));
            let indent = self.indent(piece, next);
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.line = indent;
        } else if let Some((last, range)) = &self.last {
            let between = self.text.get(range.end..piece.range.start).unwrap_or_default();
            self.out.push_str(&space(last, &piece.sign, between));
        }
        let written = self.text.get(piece.range.clone()).unwrap_or_default();
        self.blank = 0;
        match &piece.sign {
            Sign::Block(block) => {
                let (moved, blank) = block.moved(self.text, self.inner(), STEP);
                self.out.push_str(&moved);
                self.blank = blank;
            }
            Sign::Text(exact) if written.contains('\n') => {
                let text = folded(written, self.inner(), *exact);
                self.out.push_str(&text);
            }
            Sign::Comment => self.out.push_str(written.trim_end()),
            _ => self.out.push_str(written),
        }
        if piece.sign == Sign::Open {
            // What a bracket holds is indented against the line that it stands on.
            let own = self.levels.last().map_or(0, |level| match level.kind {
                LevelKind::Map | LevelKind::Brackets => level.after,
                LevelKind::Seq(_) => level.after + STEP,
            });
            let after = own.max(self.line);
            self.levels.push(Level { kind: LevelKind::Brackets, before: 0, after });
        }
        if piece.sign == Sign::Colon || matches!(piece.sign, Sign::Text(_)) {
            self.is_key = false;
        }
        self.has_item = piece.sign == Sign::Dash;
        if piece.sign != Sign::Comment {
            self.ahead = None;
        }
        self.last = Some((piece.sign.clone(), piece.range.clone()));
    }

    /// Line breaks before a piece.
    fn breaks(&self, piece: &Piece) -> usize {
        let Some((last, range)) = &self.last else { return 0 };
        let after_block = matches!(last, Sign::Block(_));
        let between = self.text.get(range.end..piece.range.start).unwrap_or_default();
        let written = between.matches('\n').count() + if after_block { self.blank + 1 } else { 0 };
        match (last, &piece.sign) {
            // A comma and a colon follow what they belong to.
            (last, Sign::Comma | Sign::Colon) if *last != Sign::Comment => 0,
            // What a dash introduces stands beside it.
            (Sign::Dash, sign) if self.has_item && *sign != Sign::Comment => 0,
            (Sign::Dash | Sign::Colon | Sign::Open, _) | (_, Sign::Close) => written.min(1),
            _ => written.min(2),
        }
    }

    /// The indentation of a line that a piece begins.
    fn indent(&mut self, piece: &Piece, next: &[Piece]) -> usize {
        match (&piece.sign, self.levels.last()) {
            (Sign::Marker, _) => 0,
            // Its level is closed already.
            (Sign::Close, _) => self.closed,
            (Sign::Comment, Some(Level { kind: LevelKind::Brackets, .. })) => self.inner(),
            (Sign::Comment, _) => self.comment(piece, next),
            (Sign::Dash, Some(level)) => level.after,
            (_, Some(level)) if self.is_key && level.kind == LevelKind::Map => level.after,
            _ => self.inner(),
        }
    }

    /// A comment on a line of its own belongs to what follows, if it stood at its column, else to the level whose column it
    /// stood at: the end of a nested list may have a last word.
    fn comment(&mut self, piece: &Piece, next: &[Piece]) -> usize {
        let at = column(self.text, piece.range.start);
        let following = match self.ahead {
            Some(known) => known,
            None => *self.ahead.insert(self.following(next)),
        };
        if let Some((before, after)) = following
            && before == at
        {
            return after;
        }
        let least = following.map_or(0, |(before, _)| before + 1);
        let exact = self.levels.iter().rev().find(|level| level.before == at);
        let near = || self.levels.iter().rev().find(|level| (least..=at).contains(&level.before));
        match (exact.filter(|level| level.before >= least).or_else(near), following) {
            (Some(level), _) => level.after,
            (None, Some((_, after))) => after,
            (None, None) => 0,
        }
    }

    /// Where the next thing that is no comment begins its line, before and after.
    fn following(&self, next: &[Piece]) -> Option<(usize, usize)> {
        let mut ahead = Layout {
            text: self.text,
            out: String::new(),
            levels: self.levels.clone(),
            last: None,
            is_key: self.is_key,
            has_item: false,
            begun: false,
            blank: 0,
            line: self.line,
            closed: self.closed,
            ahead: Some(None),
        };
        for (index, piece) in next.iter().enumerate() {
            ahead.structure(piece);
            if is_written(&piece.sign) && piece.sign != Sign::Comment {
                let rest = next.get(index + 1..).unwrap_or_default();
                return Some((column(self.text, piece.range.start), ahead.indent(piece, rest)));
            }
        }
        None
    }
}

/// What stands between two pieces of one line.
fn space(last: &Sign, next: &Sign, between: &str) -> String {
    let nothing = match (last, next) {
        (_, Sign::Comment) => {
            // How far a comment stands off is the author's: often several are aligned.
            let width = if between.contains('\t') { STEP } else { between.len().max(1) };
            return " ".repeat(width);
        }
        (Sign::Alias, Sign::Colon) => false,
        (Sign::Open, _) | (_, Sign::Close | Sign::Comma | Sign::Colon) => true,
        _ => false,
    };
    if nothing { String::new() } else { " ".to_owned() }
}

/// A text over several lines, its further lines at another indentation.
fn folded(written: &str, indent: usize, exact: bool) -> String {
    let mut out = String::with_capacity(written.len());
    let mut lines = written.split('\n').peekable();
    let mut is_first = true;
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        let start = if is_first { line } else { line.trim_start_matches([' ', '\t']) };
        // Before an escaped line break, white space at the end is part of the text.
        let content = if exact || is_last { start } else { start.trim_end_matches([' ', '\t']) };
        if !is_first {
            out.push('\n');
            if !content.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent));
            }
        }
        out.push_str(content);
        is_first = false;
    }
    out
}
