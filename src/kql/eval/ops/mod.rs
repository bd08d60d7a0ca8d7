//! The tabular operators, one file a family. Each takes the whole input and gives the whole output.

pub(super) mod group;
pub(super) mod join;
pub(super) mod pipeline;
pub(super) mod reshape;
pub(super) mod rows;
pub(super) mod union;
