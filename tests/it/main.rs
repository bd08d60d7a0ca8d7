//! Everything that is tested from outside the crate, one module for each topic.

mod layers;
#[cfg(unix)]
mod readme;
mod sandbox;
mod shipped;
