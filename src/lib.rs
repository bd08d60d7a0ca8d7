//! Palisade: detections as code.

pub mod cli;
pub mod sandbox;
