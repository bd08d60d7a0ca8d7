//! The Kusto Query Language, understood: text in; tokens, a tree and facts out.
//!
//! This module knows neither rules nor providers, reads no files and prints nothing. Where to start reading:
//!
//! * [`lexer::lex`]: text to tokens, losing nothing. What a text diff, a formatter or a comment check needs.
//! * [`parser::parse`]: text to a [`syntax::Query`] with exact spans, plus syntax errors. Always returns a tree.
//! * [`syntax`]: the tree itself; [`dump`]: the tree as text.
//! * [`bind::bind`]: tree to meaning, against a [`schema::Schema`]: output columns, types, unknown names.
//!
//! The measure of all of it is Microsoft's own parser: `examples/agreement.rs` counts where we differ, and
//! `docs/kql-agreement.md` says why.

pub mod bind;
pub mod builtins;
pub mod cost;
pub mod dump;
pub mod eval;
pub mod exclusion;
pub mod format;
pub mod keyword;
pub mod lexer;
pub mod lints;
mod literal;
pub mod parser;
pub mod schema;
pub mod span;
pub mod syntax;
pub mod token;
pub mod types;
pub mod utf16;
pub mod verdict;
pub mod walk;

pub use lexer::lex;
pub use literal::string_value;
pub use parser::{Parse, SyntaxCode, SyntaxError, parse};
pub use span::Span;
pub use token::{LiteralKind, Token, TokenFault, TokenKind, significant};
