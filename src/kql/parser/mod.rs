//! Text to tree, whatever the text.
//!
//! A hand-written descent over the significant tokens. [`parse`] always returns a [`Query`]; what is wrong is in
//! [`Parse::errors`], each error with the exact place, and a text without errors is one that Microsoft's own parser
//! accepts. The grammar, including which keywords may be names and where, is that of Kusto.Language 12.4; how it
//! goes on after an error is our own (see `recover.rs`), because there the aim is one message for one mistake.
//!
//! Time is linear in the text. Depth, size and number of operators have budgets; a text beyond them gets exactly
//! one error.
//!
//! Files: `cursor` reads tokens, `recover` reports and resynchronises, `list` reads lists; `statement`, `pipeline`,
//! `expr`, `primary`, `literal`, `name`, `schema`, `parameter` hold the grammar; `op_*` the tabular operators.

mod cursor;
mod error;
mod expr;
mod external;
mod list;
mod literal;
mod name;
mod op_columns;
mod op_expand;
mod op_graph;
mod op_other;
mod op_tables;
mod parameter;
mod pipeline;
mod primary;
mod recover;
mod schema;
mod statement;

pub use error::{SyntaxCode, SyntaxError};

use super::lexer::lex;
use super::span::Span;
use super::syntax::Query;
use super::token::Token;
use cursor::Parser;

/// The largest text that is parsed, in bytes. Sentinel takes 10,000 characters and Defender not many more; this
/// leaves room for generated allowlists.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How deep brackets, sub-queries and `a.b.c` may nest. Published queries stay below 30.
pub const MAX_NESTING: u32 = 200;

/// How many tabular operators a query may have. Published queries stay below 500.
pub const MAX_OPERATORS: usize = 10_000;

/// How many errors are kept: a text with more is not a query.
pub const MAX_ERRORS: usize = 100;

/// What [`parse`] found.
#[derive(Clone, Debug)]
pub struct Parse {
    /// The tree, also if there are errors.
    pub query: Query,
    /// In the order of the text; empty if and only if the text is a query that Kusto's own parser accepts.
    pub errors: Vec<SyntaxError>,
    /// All tokens, white space and comments included.
    pub tokens: Vec<Token>,
}

/// Parses a query text. Never fails, never panics; errors are in the result.
#[must_use]
pub fn parse(text: &str) -> Parse {
    if text.len() > MAX_BYTES {
        let error = SyntaxError::new(
            SyntaxCode::TooLarge,
            format!("the query has {} bytes; the largest that is read has {MAX_BYTES}", text.len()),
            Span::at(0),
        );
        let query = Query { directives: Vec::new(), statements: Vec::new(), span: Span::at(0) };
        return Parse { query, errors: vec![error], tokens: Vec::new() };
    }
    let tokens = lex(text);
    let mut parser = Parser::new(text, &tokens);
    let query = parser.query();
    let errors = parser.into_errors();
    Parse { query, errors, tokens }
}

#[cfg(test)]
mod tests;
