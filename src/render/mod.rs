//! Values to text: the only modules, besides `cli`, that format for people. They print nothing themselves.

pub mod diagnostics;
