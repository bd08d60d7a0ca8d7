//! Markdown that stays what it is, whatever stands in it, and never grows beyond its size.
//!
//! Foreign text appears in three forms only. [`code`] and [`fence`] are code: nothing inside is a link, a mention, a
//! reference or a tag on GitHub, Azure DevOps or GitLab, and the ticks around it are more than any run of ticks inside.
//! [`html`] is for tags such as `<summary>`, inside `<code>`. [`prose`] is for words that mostly are our own. A [`Page`]
//! takes blocks as long as they fit, so that what is left out is counted instead of cut.

use super::safe;

/// Foreign text as code in a line of text. Not for tables, whose cells a `|` would end.
#[must_use]
pub fn code(text: &str) -> String {
    let text = safe::line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    if text.is_empty() {
        "(empty)".to_owned()
    } else if ticks.len() > 1 || text.starts_with(' ') || text.ends_with(' ') {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}

/// Lines of foreign text as a block of code. `language` is ours.
#[must_use]
pub fn fence(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let mut out = format!("{ticks}{language}\n");
    for line in lines {
        out.push_str(&safe::line(line));
        out.push('\n');
    }
    out.push_str(&ticks);
    out.push('\n');
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Foreign text inside an HTML tag.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::new();
    for c in safe::line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    format!("<code>{out}</code>")
}

/// Shown as nothing, and yet no name, number or address goes on behind it.
const BREAK: &str = "&#8203;";

/// A sentence of ours that may quote a name: without markup, mentions, references to issues and links. It may stand in a
/// table.
#[must_use]
pub fn prose(text: &str) -> String {
    let chars: Vec<char> = safe::line(text).chars().collect();
    let mut out = String::with_capacity(chars.len());
    for (at, c) in chars.iter().enumerate() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' | '^' => out.extend(['\\', *c]),
            c => out.push(*c),
        }
        let (before, rest) = (chars.get(..at).unwrap_or(&[]), chars.get(at + 1..).unwrap_or(&[]));
        let goes_on = match c {
            // A person or a team, an issue, a merge request, a snippet, a milestone, a label, an epic, an iteration.
            '@' | '#' | '!' | '$' | '%' | '~' | '&' | '^' => rest
                .first()
                .is_some_and(|next| next.is_alphanumeric() || matches!(next, '_' | '"' | '-' | '[')),
            // Addresses become links by themselves; `GH-12` is an issue.
            ':' => rest.starts_with(&['/', '/']),
            'w' => before.ends_with(&['w', 'w']) && rest.first() == Some(&'.'),
            '-' => before.ends_with(&['G', 'H']),
            _ => false,
        };
        if goes_on {
            out.push_str(BREAK);
        }
    }
    out
}

/// A document of limited size.
#[derive(Debug)]
pub struct Page {
    text: String,
    limit: usize,
}

impl Page {
    /// Kept free for what is said about the things that are left out, in bytes.
    pub const TAIL: usize = 512;

    /// An empty page of at most so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// Adds a block if it fits; whether it did.
    pub fn push(&mut self, block: &str) -> bool {
        self.push_within(block, usize::MAX)
    }

    /// Adds a block if it fits and the page does not grow beyond `end` bytes.
    pub fn push_within(&mut self, block: &str, end: usize) -> bool {
        let fits = self.text.len() + block.len() <= end.min(self.limit.saturating_sub(Self::TAIL));
        if fits {
            self.text.push_str(block);
        }
        fits
    }

    /// Adds a short block that says what is left out; room is kept for a few of these.
    pub fn note(&mut self, block: &str) {
        if self.text.len() + block.len() <= self.limit {
            self.text.push_str(block);
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Nothing was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many more bytes blocks may have.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(Self::TAIL).saturating_sub(self.text.len())
    }

    /// A heading and a list, as much of it as fits into half of the room: `- … and 31 more` stands for the rest.
    pub fn list(&mut self, heading: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        let end = self.text.len() + self.room() / 2;
        if !self.push_within(&format!("\n{heading}\n\n"), end) {
            return;
        }
        let shown = items.iter().take_while(|item| self.push_within(&format!("- {item}\n"), end)).count();
        if shown < items.len() {
            self.note(&format!("- … and {} more\n", items.len() - shown));
        }
    }

    /// The text, with a last line for which room was kept.
    #[must_use]
    pub fn finish(mut self, last: &str) -> String {
        if self.text.len() + last.len() <= self.limit {
            self.text.push_str(last);
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_closed_by_more_ticks_than_it_has() {
        for (text, markdown) in [
            ("plain", "`plain`"),
            ("a`b", "`` a`b ``"),
            ("```", "```` ``` ````"),
            (" x", "`  x `"),
            ("a\nb", "`a\\u{a}b`"),
            ("", "(empty)"),
        ] {
            assert_eq!(code(text), markdown);
        }
        let lines = ["a".to_owned(), "`````".to_owned(), "::error::x".to_owned()];
        assert_eq!(fence("diff", &lines), "``````diff\na\n`````\n: :error::x\n``````\n");
        assert_eq!(html("<b>&\"@x"), "<code>&lt;b&gt;&amp;&quot;@x</code>");
    }

    #[test]
    fn prose_mentions_nobody() {
        for (text, markdown) in [
            ("plain words, 100 %.", "plain words, 100 %."),
            ("@team and #12", "@&#8203;team and \\#&#8203;12"),
            ("<b> a|b `x`", "&lt;b&gt; a\\|b \\`x\\`"),
            ("https://x.example www.x.example", "https:&#8203;//x.example www&#8203;.x.example"),
            ("a & b &amp; !1 GH-7", "a &amp; b &amp;&#8203;amp; \\!&#8203;1 GH-&#8203;7"),
        ] {
            assert_eq!(prose(text), markdown);
        }
    }

    #[test]
    fn a_page_counts_what_it_leaves_out() {
        let items: Vec<String> = (0..100).map(|number| format!("item {number:03}")).collect();
        let mut page = Page::new(Page::TAIL + 200);
        page.list("### Items", &items);
        let text = page.finish("\nThe end.\n");
        assert!(text.len() <= Page::TAIL + 200 && text.ends_with("more\n\nThe end.\n"), "{text}");
        let shown = text.matches("- item").count();
        assert!(shown > 3 && text.contains(&format!("and {} more", 100 - shown)), "{text}");
    }
}
