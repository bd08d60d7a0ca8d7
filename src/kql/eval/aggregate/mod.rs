//! The aggregates of `summarize` and its kin, as a table of names and plain functions.
//!
//! An aggregate is called once for each group, with the values of all its rows. Those that return several columns
//! (`arg_max`, `take_any(*)`, `percentiles`) are taken apart by the `summarize` operator, which calls the one-column
//! functions of this table: `arg_max` here has two arguments at most, `percentile` one number.
//!
//! Nulls are left out of every calculation, except by `make_list_with_nulls`. Of no rows counts and sums are 0, lists and
//! sets empty, all else is null ("Default values of aggregations").

mod choosing;
mod collecting;
mod counting;
mod numeric;

use super::call::Call;
use super::{Fault, Value};

/// An aggregate function of one result.
pub(crate) struct Aggregate {
    pub(crate) name: &'static str,
    pub(crate) call: fn(&Call<'_>, &Group<'_>) -> Result<Value, Fault>,
}

/// The rows of one group, as the aggregate's arguments see them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'g> {
    /// How many rows; `count()` has no arguments. May be 0: `summarize count()` of nothing has one row.
    pub(crate) rows: usize,
    /// One list for each argument, each with one value for each row, in the order of the rows.
    pub(crate) args: &'g [Vec<Value>],
}

impl<'g> Group<'g> {
    /// The values of an argument; none if it was not given.
    pub(crate) fn arg(&self, index: usize) -> &'g [Value] {
        self.args.get(index).map_or(&[], Vec::as_slice)
    }

    /// The values of the first argument in the rows for which the argument at `predicate` is true.
    fn chosen(&self, predicate: usize) -> impl Iterator<Item = &'g Value> + use<'g> {
        let chosen = self.arg(0).iter().zip(self.arg(predicate));
        chosen.filter(|(_, predicate)| predicate.as_bool() == Some(true)).map(|(value, _)| value)
    }

    /// The value of an argument that is the same for all rows, such as the size limit of `make_set`.
    pub(crate) fn constant(&self, index: usize) -> Option<&'g Value> {
        self.arg(index).first()
    }
}

/// A row of the table.
pub(crate) const fn aggregate(
    name: &'static str,
    call: fn(&Call<'_>, &Group<'_>) -> Result<Value, Fault>,
) -> Aggregate {
    Aggregate { name, call }
}

const FAMILIES: &[&[Aggregate]] =
    &[choosing::AGGREGATES, collecting::AGGREGATES, counting::AGGREGATES, numeric::AGGREGATES];

/// The aggregate of that name, if the evaluator has it.
pub(crate) fn find(name: &str) -> Option<&'static Aggregate> {
    FAMILIES.iter().copied().flatten().find(|aggregate| aggregate.name == name)
}

/// Every aggregate there is.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().copied().flatten().map(|aggregate| aggregate.name)
}
