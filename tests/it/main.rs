//! Everything that is tested from outside the crate, one module for each topic.

mod sandbox;
mod shipped;
mod validate;
