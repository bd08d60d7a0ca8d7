//! Functions of the bits of whole numbers.

use super::argument::long;
use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("binary_and", |_, args| both(args, |a, b| Some(a & b))),
    function("binary_or", |_, args| both(args, |a, b| Some(a | b))),
    function("binary_xor", |_, args| both(args, |a, b| Some(a ^ b))),
    function("binary_not", binary_not),
    function("binary_shift_left", |_, args| both(args, |a, b| shift(b).map(|by| a << by))),
    function("binary_shift_right", |_, args| both(args, |a, b| shift(b).map(|by| a >> by))),
    function("bitset_count_ones", bitset_count_ones),
];

fn both(args: &[Value], combine: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    Ok(long(args, 0).zip(long(args, 1)).and_then(|(a, b)| combine(a, b)).into())
}

/// Modulo 64; a negative shift is null.
fn shift(by: i64) -> Option<u32> {
    u32::try_from(by.checked_rem(64)?).ok()
}

fn binary_not(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(long(args, 0).map(|number| !number).into())
}

fn bitset_count_ones(_: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(long(args, 0).map(|number| i64::from(number.count_ones())).into())
}
