//! S-expressions and how they are laid out: on one line if it fits, else one child a line.

use std::fmt::{self, Write as _};

/// The longest line that a list is kept on.
const WIDTH: usize = 110;

pub(super) enum Sexp {
    Atom(String),
    List(Vec<Sexp>),
}

pub(super) fn atom(text: &str) -> Sexp {
    Sexp::Atom(text.to_owned())
}

/// A constant text, escaped.
pub(super) fn quoted(text: &str) -> Sexp {
    Sexp::Atom(format!("{text:?}"))
}

/// `(head children...)`
pub(super) fn node(head: &str, children: Vec<Sexp>) -> Sexp {
    Sexp::List([atom(head)].into_iter().chain(children).collect())
}

impl Sexp {
    /// Length on one line; stops counting once it cannot fit.
    fn width(&self) -> usize {
        match self {
            Self::Atom(text) => text.chars().count(),
            Self::List(items) => {
                let mut width = 1 + items.len();
                for item in items {
                    if width > WIDTH {
                        break;
                    }
                    width += item.width();
                }
                width
            }
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let items = match self {
            Self::Atom(text) => return f.write_str(text),
            Self::List(items) => items,
        };
        let one_line = indent + self.width() <= WIDTH;
        f.write_char('(')?;
        for (index, item) in items.iter().enumerate() {
            match (index, one_line) {
                (0, _) => {}
                (_, true) => f.write_char(' ')?,
                (_, false) => write!(f, "\n{:1$}", "", indent + 2)?,
            }
            item.write(f, indent + 2)?;
        }
        f.write_char(')')
    }
}

impl fmt::Display for Sexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
