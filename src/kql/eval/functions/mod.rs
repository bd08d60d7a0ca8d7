//! The scalar functions, one file a family, each a table of names and plain functions.
//!
//! A function gets the values of its arguments, already evaluated; forms that do not evaluate all of them (`iff`, `case`,
//! `coalesce`) or that look at the row's columns (`pack_all`, `column_ifexists`) belong to the compiler. The types of
//! arguments and result come from the binder's signatures (`kql::builtins`) and are in the [`Call`].
//!
//! What a function is not given exactly as documented it refuses ([`Call::not_evaluated`]); input that the service turns
//! into null is null here. Decisions where the documentation is silent are in docs/kql-semantics.md, and every function
//! has rows in `eval/cases/functions.txt`, taken from the documentation's own examples.

mod addresses;
mod argument;
mod arrays;
mod bags;
mod bits;
mod command_line;
mod conversion;
mod dates;
mod encoding;
mod geo;
mod hashing;
mod json_path;
mod math;
mod parts;
mod rounding;
mod search;
mod series;
mod sets;
mod sorting;
mod strings;
mod trend;
mod types;
mod url;
mod xml;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::call::Call;
use super::{Fault, Value};

pub(crate) use series::Spread;
pub(crate) use sets::key;
pub(crate) use sorting::compare;

/// A scalar function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) call: fn(&Call<'_>, &[Value]) -> Result<Value, Fault>,
}

/// A row of a family's table.
pub(crate) const fn function(
    name: &'static str,
    call: fn(&Call<'_>, &[Value]) -> Result<Value, Fault>,
) -> Function {
    Function { name, call }
}

/// A function whose result is several columns: `extend (a, b) = array_sort_asc(x, y)`.
pub(crate) struct Tuple {
    pub(crate) name: &'static str,
    /// One value for each column, in the order in which the binder names them.
    pub(crate) call: fn(&Call<'_>, &[Value]) -> Result<Vec<Value>, Fault>,
}

/// A row of a family's table.
const fn tuple(name: &'static str, call: fn(&Call<'_>, &[Value]) -> Result<Vec<Value>, Fault>) -> Tuple {
    Tuple { name, call }
}

const FAMILIES: &[&[Function]] = &[
    addresses::FUNCTIONS,
    arrays::FUNCTIONS,
    bags::FUNCTIONS,
    bits::FUNCTIONS,
    command_line::FUNCTIONS,
    conversion::FUNCTIONS,
    dates::FUNCTIONS,
    encoding::FUNCTIONS,
    geo::FUNCTIONS,
    hashing::FUNCTIONS,
    math::FUNCTIONS,
    parts::FUNCTIONS,
    rounding::FUNCTIONS,
    search::FUNCTIONS,
    series::FUNCTIONS,
    sets::FUNCTIONS,
    sorting::FUNCTIONS,
    strings::FUNCTIONS,
    trend::FUNCTIONS,
    types::FUNCTIONS,
    url::FUNCTIONS,
    xml::FUNCTIONS,
];

const TUPLES: &[&[Tuple]] = &[series::TUPLES, sorting::TUPLES, trend::TUPLES];

/// The function of that name, if the evaluator has it. Of those that give several columns this is the first.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        FAMILIES.iter().copied().flatten().map(|function| (function.name, function)).collect()
    });
    index.get(name).copied()
}

/// The function of that name, if its result is several columns. With one argument `array_sort_asc` has one.
pub(crate) fn find_tuple(name: &str) -> Option<&'static Tuple> {
    TUPLES.iter().copied().flatten().find(|tuple| tuple.name == name)
}

/// Every function there is.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().copied().flatten().map(|function| function.name)
}

/// Only the first column of a result of several.
fn first(values: Result<Vec<Value>, Fault>) -> Result<Value, Fault> {
    Ok(values?.into_iter().next().unwrap_or(Value::Null))
}
