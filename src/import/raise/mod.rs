//! From the properties of the services' APIs to a rule file: the inverse of `compile::lower`.
//!
//! Lowering what was raised gives the same properties again, and raising what was lowered the same file (see `tests`).
//! It is total: a property that a rule file has no key for, or a value that no rule file may hold, is kept under
//! `x-sentinel` or `x-defender` with a remark, in the API's own names. Raising judges nothing else; whether the file
//! compiles to what is deployed is for the importer to compare.

mod alerting;
mod attack;
mod defender;
mod rest;
mod sentinel;

#[cfg(test)]
mod tests;

pub use defender::defender;
pub use sentinel::sentinel;
