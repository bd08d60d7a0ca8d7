//! Nodes to model values, collecting every problem on the way.
//!
//! A reader is a function `(&Node, &mut Diagnostics) -> Option<T>`: it gives a value, or reports why not and gives none.
//! Readers never stop at the first problem; a value that is wrong is reported, and its neighbours are still read. Nothing
//! here reads a file, a clock or the environment.
//!
//! `scalar` and `object` are the building blocks; the formats stand in one file each: [`project`], [`rule`] (with
//! `defender` and `sentinel`), [`environment`], [`allowlist`], [`watchlist`], [`schema`], [`case`].

pub mod allowlist;
pub mod case;
pub mod defender;
pub mod environment;
pub mod object;
mod overrides;
mod patterns;
mod predicate;
pub mod project;
pub mod rule;
pub mod scalar;
pub mod schema;
pub mod sentinel;
mod sentinel_alerting;
mod target;
pub mod watchlist;

pub use super::merge::merge;
pub use rule::decode_rule;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod values_tests;
