//! The aggregates of `summarize` and its kin, as a table of names and plain functions.
//!
//! An aggregate is called once for each group, with the values of all its rows. Those that return several columns
//! (`arg_max`, `take_any(*)`, `percentiles`) are taken apart by the `summarize` operator, which calls the one-column
//! functions of this table.

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

const AGGREGATES: &[Aggregate] = &[aggregate("count", count)];

/// The aggregate of that name, if the evaluator has it.
pub(crate) fn find(name: &str) -> Option<&'static Aggregate> {
    AGGREGATES.iter().find(|aggregate| aggregate.name == name)
}

fn count(_: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    let rows = match group.args {
        [] => group.rows,
        [first, ..] => first.iter().filter(|v| v.as_bool() == Some(true)).count(),
    };
    Ok(Value::Long(i64::try_from(rows).unwrap_or(i64::MAX)))
}
