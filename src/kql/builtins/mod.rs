//! The built-in functions, aggregates and plugins of the language, as data.
//!
//! `data/*.txt` holds one signature a line in a notation of our own that a person can review against the Kusto
//! documentation; [`table`] reads it, once and only when a query first calls something. What a signature cannot say —
//! the result of `arg_max(*)`, of `bag_unpack` — is marked `custom` there and written by hand in `bind::results`.
//! Operators (`+`, `has`, `in`) are in [`operators`], in the same notation.
//!
//! Never here: tables and functions of a workspace (`schema`), and no knowledge of queries.

mod operators;
mod signature;
mod table;

pub(crate) use operators::{Operator, signatures as operator_signatures};
pub(crate) use signature::{ArgKind, Function, Layout, NameRule, Param, ParamType, Returns, Signature};
pub(crate) use table::{Builtins, builtins};

/// What kind of thing a built-in name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltinKind {
    /// `strlen(x)`
    Scalar,
    /// `count()`, only inside `summarize` and its kin
    Aggregate,
    /// `evaluate bag_unpack(d)`
    Plugin,
}

/// The kinds under which the language knows `name`: `any` is both a scalar function and an aggregate.
#[must_use]
pub fn kinds_of(name: &str) -> Vec<BuiltinKind> {
    let table = builtins();
    [BuiltinKind::Scalar, BuiltinKind::Aggregate, BuiltinKind::Plugin]
        .into_iter()
        .filter(|&kind| table.find(kind, name).is_some())
        .collect()
}

/// The name to use instead of an obsolete built-in, if `name` is one: `makeset` → `make_set`.
#[must_use]
pub fn replacement_of(kind: BuiltinKind, name: &str) -> Option<&'static str> {
    builtins().find(kind, name)?.replacement
}

/// Every built-in of a kind, in the order of the tables.
pub fn names(kind: BuiltinKind) -> impl Iterator<Item = &'static str> {
    builtins().iter(kind).map(|function| function.name)
}
