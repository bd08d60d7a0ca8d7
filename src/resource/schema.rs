//! What a provider says about its rules' properties, as data: how values may be spelled and what absence means.
//!
//! `diff::canonical` reads these tables; it knows no provider. Everything a table does not mention is compared as it
//! stands, except that null, `""`, `[]`, `{}` and absence are one and the same everywhere.

use crate::resource::Kind;

/// The table of one provider.
#[derive(Debug)]
pub struct Schema {
    /// Properties that need more than plain comparison, and those with a default.
    pub fields: &'static [Field],
}

/// One property.
#[derive(Debug)]
pub struct Field {
    /// Dotted path from the body's root; `[]` steps into every element of a list, `*` into every member of an object.
    pub path: &'static str,
    /// How its values are compared.
    pub shape: Shape,
    /// The value, as JSON, that absence stands for. It is filled in where nothing was said.
    pub default: Option<&'static str>,
    /// The default is left out instead of filled in, because not every version of the service knows the property.
    pub optional: bool,
    /// Kinds that have it; empty: all.
    pub kinds: &'static [Kind],
}

/// How values of a property are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it stands.
    Plain,
    /// Text of several lines: `\r\n` is `\n`, blanks at the ends of lines and at the end do not count.
    Text,
    /// ISO-8601, by length.
    Duration,
    /// A list whose order and repetitions do not count.
    Set,
}
