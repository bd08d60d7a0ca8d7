//! Everything that is tested from outside the crate, one module for each topic. `world` is the stage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail"
)]

mod allowlists;
mod apply;
mod connections;
mod drift;
mod escapes;
mod faults;
mod fmt;
mod governance;
mod help;
mod interrupt;
mod kinds;
mod kql;
mod kql_oracle;
mod layers;
mod plans;
#[cfg(unix)]
mod readme;
mod refusals;
mod sandbox;
mod schema_pull;
mod schemas;
mod secrets;
mod shipped;
mod tidy;
mod validate;
mod world;
