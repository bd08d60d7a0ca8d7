//! The sandbox command.
