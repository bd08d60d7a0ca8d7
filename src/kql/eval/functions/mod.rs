//! The scalar functions, one file a family, each a table of names and plain functions.
//!
//! A function gets the values of its arguments, already evaluated; forms that do not evaluate all of them (`iff`, `case`,
//! `coalesce`) or that look at the row's columns (`pack_all`, `column_ifexists`) belong to the compiler. The types of
//! arguments and result come from the binder's signatures (`kql::builtins`) and are in the [`Call`].

mod conversion;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::call::Call;
use super::{Fault, Value};

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

const FAMILIES: &[&[Function]] = &[conversion::FUNCTIONS];

/// The function of that name, if the evaluator has it.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        FAMILIES.iter().copied().flatten().map(|function| (function.name, function)).collect()
    });
    index.get(name).copied()
}
