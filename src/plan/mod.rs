//! What an apply would do: `(Desired, what is there, Policy) -> Plan`. Pure, deterministic, serialisable.
//!
//! A [`Plan`] is a value: every change holds what it replaces (by digest) and what it writes, so it can be saved, read,
//! signed and carried out later. Nothing here knows a provider or a clock. Read [`build::plan`] for the decisions (`writes` and `removals` make the changes),
//! [`change`] for the values, `risk` for what makes a change coverage-reducing, `guards` for the limits of a run, `migration` for rules in a retired shape, [`affected`] for what a change of the files reaches, `file`
//! for saved plans, `comparison` for two states side by side.

pub mod affected;
pub mod build;
pub mod change;
pub mod comparison;
mod content;
mod depends;
mod drift;
pub mod file;
mod guards;
mod migration;
mod redact;
mod removals;
mod risk;
mod writes;

pub use affected::{Affected, ChangedEntry, EntryChange};
pub use build::{Adoption, Input, Migration, OnDrift, Policy, TargetState, plan};
pub use change::{
    Action, Change, Class, CoverageReduction, DriftNote, Listed, Plan, Precondition, Provenance, SHAPE,
    Summary, WriteContent,
};
pub use drift::{DriftInput, DriftKind, Drifted, drift};
pub use guards::GuardViolation;
pub use redact::{redacted, redacted_line};
