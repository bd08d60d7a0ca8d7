//! From what people wrote to what would be sent: `(Repository, Environment, today) -> (Desired, Diagnostics)`.
//!
//! Pure: no file, no clock, no network. Never stops at the first problem. [`check`] holds the services' documented
//! limits, so that a rule which the service would refuse is refused here, with the line.

pub mod check;
