//! Allowlists as a whole: what each entry reaches, what is wrong with the collection, and what an entry does to an event.
//!
//! Compilation looks at one environment and must be right; this module looks at all of them and must be useful. Pure:
//! repository and day in, values out; nothing here changes what is deployed. Where to start reading:
//!
//! * [`uses`]: which rules of which environments an entry touches (its blast radius).
//! * [`audit`]: what an owner should look at. `implies` decides that one entry makes another superfluous, `shadow` finds
//!   such pairs without comparing all with all, `never` knows entries that match nothing, `broad` those that match much.
//! * [`event`]: one event against one entry, as Kusto would decide. The reference that compiled queries are tested with.
//! * [`edit`]: new text for a file with an entry added or expired; comments and order stay.

pub mod audit;
mod broad;
mod codes;
pub mod edit;
pub mod event;
mod implies;
mod never;
mod ranges;
mod shadow;
pub mod uses;

#[cfg(test)]
mod semantics_tests;
#[cfg(test)]
mod shadow_tests;

pub use codes::CODES;

use crate::model::allowlist::Entry;
use crate::model::rule::Strength;

/// How hard an entry is to walk through (product.md §3).
#[must_use]
pub fn strength(entry: &Entry) -> Strength {
    crate::compile::strength::of_entry(entry).0
}

/// The word that files use for a strength.
#[must_use]
pub fn word(strength: Strength) -> &'static str {
    Strength::NAMES.iter().find(|(_, value)| *value == strength).map_or("", |(name, _)| name)
}
