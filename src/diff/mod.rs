//! Comparing rules: canonical form, field by field, and text line by line. Pure functions over values.
//!
//! `canonical` makes two spellings of one rule equal; `compare` lists the fields in which two canonical bodies differ;
//! `text` lays two texts side by side. None of them knows a provider: what may be spelled how is in
//! [`crate::resource::Schema`].

mod canonical;
mod compare;
mod text;

pub use canonical::{Canonical, canonical};
pub use compare::{FieldChange, compare};
pub use text::{DiffLine, Hunk, LineTag, hunks};
