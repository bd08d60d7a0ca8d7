//! Everything that is tested from outside the crate, one module for each topic.

mod shipped;
