//! Values as text: plans and diagnostics for people and machines. The only modules, with `cli`, that format for people.
//!
//! Nothing here reads or writes anything. Foreign text always passes through [`safe`].

pub mod cases;
pub mod comparison;
pub mod diagnostics;
pub mod paint;
pub mod plan;
pub mod safe;
pub mod sarif;
