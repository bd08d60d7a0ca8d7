//! Values as text: plans and diagnostics for people and machines. The only modules, with `cli`, that format for people.
//!
//! Nothing here reads or writes anything. Foreign text always passes through [`safe`].

pub mod annotations;
pub mod cases;
pub mod checkup;
pub mod comparison;
pub mod coverage;
pub mod diagnostics;
pub mod diagnostics_markdown;
pub mod drift;
pub mod estimate;
pub mod events;
#[cfg(test)]
mod hostile_tests;
pub mod json;
pub mod markdown;
pub mod outcome;
pub mod paint;
pub mod plan;
pub mod plan_markdown;
pub mod safe;
pub mod sarif;
pub mod site;
