//! Colours, or none. Every meaning that a colour carries is also in a symbol or a word.

use anstyle::{AnsiColor, Style};

/// Applies styles when colours are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    /// Whether to use colours.
    pub color: bool,
}

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// What comes into being.
    #[must_use]
    pub fn added(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// What goes away.
    #[must_use]
    pub fn removed(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    /// What becomes something else.
    #[must_use]
    pub fn changed(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// The words inside a changed line that differ.
    #[must_use]
    pub fn added_word(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default().bold().underline(), text)
    }

    /// The words inside a changed line that differ.
    #[must_use]
    pub fn removed_word(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold().underline(), text)
    }

    /// What to look at first.
    #[must_use]
    pub fn alarm(self, text: &str) -> String {
        self.with(AnsiColor::Magenta.on_default().bold(), text)
    }

    /// Headings.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// What may be skipped.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }
}
