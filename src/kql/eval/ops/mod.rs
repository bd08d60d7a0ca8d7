//! The tabular operators, one file a family. Each takes the whole input and gives the whole output.

pub(super) mod expand;
pub(super) mod group;
pub(super) mod join;
pub(super) mod parse;
pub(super) mod pipeline;
pub(super) mod plugins;
pub(super) mod reshape;
pub(super) mod rows;
pub(super) mod scan;
pub(super) mod search;
pub(super) mod series;
pub(super) mod tuples;
pub(super) mod union;

pub(super) use scan::state_column;
