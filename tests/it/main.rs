//! Everything that is tested from outside the crate, one module for each topic. `world` is the stage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail"
)]

mod alike;
mod allowlist_strength;
mod allowlists;
mod apply;
mod cases;
mod changed_since;
mod cloud;
mod connections;
mod credentials;
mod diff;
mod doctor;
mod drift;
mod editor;
mod escapes;
mod evaluator;
mod extract;
mod extract_equal;
mod faults;
mod fmt;
mod governance;
mod help;
mod hostile;
mod import_files;
mod import_live;
mod init;
mod interrupt;
mod kinds;
mod kql;
mod kql_oracle;
mod layers;
mod many;
mod migrate;
mod outputs;
mod plan_json;
mod plans;
mod plays;
#[cfg(unix)]
mod readme;
mod refusals;
mod sandbox;
mod schema_pull;
mod schemas;
mod secrets;
mod shipped;
mod site;
mod tenants;
mod tidy;
mod validate;
mod watchlists;
mod workflows;
mod world;
