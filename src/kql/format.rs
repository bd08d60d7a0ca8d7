//! One layout for queries: a pipe a line, two spaces a level, nothing else touched.
//!
//! Conservative on purpose. The author's line breaks stay, except that every step of a pipeline starts a line and every
//! statement does; white space inside a line shrinks to one space and is never added between two signs that stood
//! together, apart from around `|` and after `,`. Strings and comments are copied byte for byte. A pipeline in brackets that
//! stands on one line stays there.
//!
//! [`format`] never changes what a query means: the tokens of the result are compared with those of the text, and if they
//! differ (they should not) the text comes back as it was. It works on tokens, in linear time, without a tree.

use super::lexer::lex;
use super::token::{Token, TokenKind};

/// The text in that layout, ending with a line break. Empty for a text without tokens.
#[must_use]
pub fn format(text: &str) -> String {
    let tokens = lex(text);
    let formatted = Layout::new(text, &tokens).run();
    if same_tokens(text, &tokens, &formatted) { formatted } else { text.to_owned() }
}

/// Whether both texts consist of the same tokens and comments.
fn same_tokens(text: &str, tokens: &[Token], formatted: &str) -> bool {
    let again = lex(formatted);
    let before = tokens.iter().filter(|t| t.kind != TokenKind::Whitespace).map(|t| (t.kind, t.text(text)));
    let after = again.iter().filter(|t| t.kind != TokenKind::Whitespace).map(|t| (t.kind, t.text(formatted)));
    before.eq(after)
}

/// Deepest indent written, in spaces: hostile nesting must not make the result quadratic in the text.
const MAX_INDENT: usize = 80;

/// An open bracket, or the whole text.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Of the line on which it was opened, in spaces.
    opened: usize,
    /// Of the lines inside.
    indent: usize,
    /// It spans lines, so that the pipes in it start lines.
    lines: bool,
    /// The statement inside is a `let`: its pipes stand deeper.
    is_let: bool,
    /// A pipe was seen in the present statement.
    piped: bool,
}

impl Level {
    fn pipe_indent(self) -> usize {
        self.indent + if self.is_let { 2 } else { 0 }
    }
}

const TEXT: Level = Level { opened: 0, indent: 0, lines: true, is_let: false, piped: false };

struct Layout<'t> {
    text: &'t str,
    tokens: &'t [Token],
    brackets: Vec<bool>,
    /// For each token the kind of the next one that means something, itself included.
    next: Vec<TokenKind>,
    out: String,
    levels: Vec<Level>,
    /// Indent of the line being written.
    line: usize,
    /// The last token that means something.
    last: Option<TokenKind>,
    /// The last token was a comment or a directive, which ends its line.
    after_comment: bool,
}

impl<'t> Layout<'t> {
    fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        Self {
            text,
            tokens,
            brackets: bracket_lines(text, tokens),
            next: next_significant(tokens),
            out: String::with_capacity(text.len() + text.len() / 8),
            levels: vec![TEXT],
            line: 0,
            last: None,
            after_comment: false,
        }
    }

    fn run(mut self) -> String {
        // Line breaks in the white space since the last token, and whether there was any white space.
        let (mut breaks, mut space) = (0, false);
        for (index, token) in self.tokens.iter().enumerate() {
            if token.kind == TokenKind::Whitespace {
                breaks += line_breaks(token.text(self.text));
                space = true;
                continue;
            }
            self.token(index, *token, breaks, space);
            (breaks, space) = (0, false);
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn token(&mut self, index: usize, token: Token, breaks: usize, space: bool) {
        let is_comment = is_comment(token.kind);
        let closed = if token.kind.is_close() && self.levels.len() > 1 { self.levels.pop() } else { None };
        let level = self.level();
        let steps = token.kind == TokenKind::Pipe && level.lines;
        // A closing bracket begins no statement; `level` is what surrounds the bracket by then.
        let states =
            self.last == Some(TokenKind::Semicolon) && level.lines && !is_comment && !token.kind.is_close();
        let joins = self.last == Some(TokenKind::Pipe) && !self.after_comment && !is_comment;
        if self.out.is_empty() {
            self.line = 0;
        } else if self.after_comment || steps || states || (breaks > 0 && !joins) {
            let indent = closed.map_or_else(|| self.indent_before(index), |level| level.opened);
            self.new_line(breaks > 1, indent);
        } else if space || joins || token.kind == TokenKind::Pipe || self.last == Some(TokenKind::Comma) {
            self.out.push(' ');
        }
        self.out.push_str(token.text(self.text));
        self.after_comment = is_comment;
        if !is_comment {
            self.account(index, token);
        }
    }

    /// Where a line that begins with this token (a comment: with what follows it) starts.
    fn indent_before(&self, index: usize) -> usize {
        let level = self.level();
        let next = self.next.get(index).copied().unwrap_or(TokenKind::End);
        let in_list = self.levels.len() > 1 && !level.piped;
        let fresh = match self.last {
            None | Some(TokenKind::Semicolon) => true,
            Some(TokenKind::Comma) => in_list,
            Some(last) => last.is_open(),
        };
        match next {
            TokenKind::Pipe | TokenKind::Semicolon => level.pipe_indent(),
            TokenKind::End => TEXT.indent,
            _ if fresh || next.is_close() => level.indent,
            _ if level.piped => level.pipe_indent() + 2,
            _ => level.indent + 2,
        }
    }

    /// Keeps count of brackets and statements.
    fn account(&mut self, index: usize, token: Token) {
        let starts = matches!(self.last, None | Some(TokenKind::Semicolon | TokenKind::OpenBrace));
        let is_let = starts && token.text(self.text) == "let";
        if let Some(level) = self.levels.last_mut() {
            match token.kind {
                TokenKind::Semicolon => (level.is_let, level.piped) = (false, false),
                TokenKind::Pipe => level.piped = true,
                _ => level.is_let |= is_let,
            }
        }
        if token.kind.is_open() {
            let lines = self.brackets.get(index).copied().unwrap_or(false);
            let indent = (self.line + 2).min(MAX_INDENT);
            self.levels.push(Level { opened: self.line, indent, lines, ..TEXT });
        }
        self.last = Some(token.kind);
    }

    fn level(&self) -> Level {
        self.levels.last().copied().unwrap_or(TEXT)
    }

    fn new_line(&mut self, blank: bool, indent: usize) {
        self.out.push('\n');
        if blank {
            self.out.push('\n');
        }
        self.line = indent.min(MAX_INDENT);
        self.out.extend(std::iter::repeat_n(' ', self.line));
    }
}

fn is_comment(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Comment | TokenKind::Directive)
}

fn line_breaks(space: &str) -> usize {
    let count = |wanted: u8| space.bytes().filter(|byte| *byte == wanted).count();
    count(b'\n').max(count(b'\r'))
}

/// For each token that opens a bracket: whether white space inside the bracket breaks a line.
fn bracket_lines(text: &str, tokens: &[Token]) -> Vec<bool> {
    let mut spans = vec![false; tokens.len()];
    // The brackets that are open, with the number of line breaks before each.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut lines = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Whitespace {
            lines += line_breaks(token.text(text));
        } else if token.kind.is_open() {
            open.push((index, lines));
        } else if token.kind.is_close()
            && let Some((opened, before)) = open.pop()
            && let Some(span) = spans.get_mut(opened)
        {
            *span = lines > before;
        }
    }
    spans
}

fn next_significant(tokens: &[Token]) -> Vec<TokenKind> {
    let mut next = TokenKind::End;
    let mut kinds: Vec<TokenKind> = tokens
        .iter()
        .rev()
        .map(|token| {
            if token.kind != TokenKind::Whitespace && !is_comment(token.kind) {
                next = token.kind;
            }
            next
        })
        .collect();
    kinds.reverse();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lays_out_by_hand_written_examples() {
        for (text, expected) in [
            ("", ""),
            ("  \n", ""),
            ("T|where a==1|project   a,b", "T\n| where a==1\n| project a, b\n"),
            (
                "let x = 1d;let y = T\n    | where a > ago(x)\n  ; // the end\n\n\n\ny\n|count",
                "let x = 1d;\nlet y = T\n  | where a > ago(x)\n  ; // the end\n\ny\n| count\n",
            ),
            (
                "T | join kind=inner (U | where b | project c) on c",
                "T\n| join kind=inner (U | where b | project c) on c\n",
            ),
            (
                "T | join kind=inner (\nU | where b and\n c | project d,\n e) on c",
                "T\n| join kind=inner (\n  U\n  | where b and\n    c\n  | project d,\n    e) on c\n",
            ),
            (
                "T\n| where a in (\n'x',\n      'y  z' // why\n )\n and b\n// allowlist\n|\n count",
                "T\n| where a in (\n  'x',\n  'y  z' // why\n)\n  and b\n// allowlist\n| count\n",
            ),
            ("T // a\n  // b\n", "T // a\n// b\n"),
            // What closes a bracket begins no statement: it stays on the bracket's line.
            ("[;;]", "[;;]\n"),
            ("{;;", "{;;\n"),
            ("{a;b;}", "{a;b;}\n"),
            ("{a;\nb;}", "{a;\n  b;}\n"),
            ("let f = (a:long) { T | where b == a };f(1)", "let f = (a:long) { T | where b == a };\nf(1)\n"),
        ] {
            let formatted = format(text);
            assert_eq!(formatted, expected, "{text}");
            assert_eq!(format(&formatted), formatted, "not stable: {text}");
        }
    }

    #[test]
    fn hostile_nesting_stays_small() {
        let deep = "(\n".repeat(20_000);
        assert!(format(&deep).len() < deep.len() * (MAX_INDENT + 2));
    }

    proptest! {
        #[test]
        fn keeps_every_token_and_is_stable(parts in proptest::collection::vec(part(), 0..40)) {
            let text = parts.concat();
            let once = format(&text);
            prop_assert!(same_tokens(&text, &lex(&text), &once));
            prop_assert_eq!(&format(&once), &once);
        }
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "T",
                "|",
                "where",
                " ",
                "\n",
                "\n\n",
                "  ",
                ",",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                ";",
                "let",
                "=",
                "// c\n",
                "'s t'",
                "@'\\'",
                "```a\n b```",
                "==",
                "\t",
                "\r\n",
                "1d",
                "a.b",
                "-",
                "\r",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,6}",
        ]
    }
}
