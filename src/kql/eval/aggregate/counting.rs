//! `count`, `dcount` and their kin. Distinct values are counted exactly: on so few events the service's estimate is exact
//! too.

use std::collections::HashSet;

use super::{Aggregate, Group, aggregate};
use crate::kql::eval::call::Call;
use crate::kql::eval::functions::key;
use crate::kql::eval::{Fault, Value};

pub(super) const AGGREGATES: &[Aggregate] = &[
    aggregate("count", |_, group| Ok(long(group.rows))),
    aggregate("cnt", |_, group| Ok(long(group.rows))),
    aggregate("countif", countif),
    aggregate("dcount", |_, group| Ok(distinct(group.arg(0).iter()))),
    aggregate("dcountif", |_, group| Ok(distinct(group.chosen(1)))),
    aggregate("count_distinct", |_, group| Ok(distinct(group.arg(0).iter()))),
    aggregate("count_distinctif", |_, group| Ok(distinct(group.chosen(1)))),
];

fn long(number: usize) -> Value {
    Value::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn countif(_: &Call<'_>, group: &Group<'_>) -> Result<Value, Fault> {
    Ok(long(group.arg(0).iter().filter(|value| value.as_bool() == Some(true)).count()))
}

fn distinct<'v>(values: impl Iterator<Item = &'v Value>) -> Value {
    let keys: HashSet<String> =
        values.filter(|value| !value.is_null()).map(|value| key(&value.clone().into_dynamic())).collect();
    long(keys.len())
}
