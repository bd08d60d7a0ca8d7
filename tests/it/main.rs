//! Everything that is tested from outside the crate, one module for each topic. `world` is the stage.

mod apply;
mod drift;
mod interrupt;
mod kinds;
mod kql_oracle;
mod layers;
#[cfg(unix)]
mod readme;
mod sandbox;
mod shipped;
mod world;
