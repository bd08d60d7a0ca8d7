//! Everything that is tested from outside the crate, one module for each topic. `world` is the stage.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod apply;
mod kinds;
mod shipped;
mod world;
