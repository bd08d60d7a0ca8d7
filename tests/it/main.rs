//! Everything that is tested from outside the crate, one module for each topic. `world` is the stage.

mod apply;
mod drift;
mod kinds;
mod kql_oracle;
mod layers;
mod plans;
#[cfg(unix)]
mod readme;
mod refusals;
mod sandbox;
mod shipped;
mod world;
