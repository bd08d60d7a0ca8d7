//! Many environments: how jobs divide them among themselves ([`Shard`]), what no two of them may have in common
//! ([`sharing`]), and environment files from a table ([`table`], [`generate`]).
//!
//! Pure: names and texts in, values and diagnostics out. Which environments a command is about is asked in `cli::selection`;
//! files are written by `cli::env`. Never here: compiling, or anything about rules.

pub mod generate;
mod shard;
pub mod sharing;
pub mod table;

pub use shard::Shard;
