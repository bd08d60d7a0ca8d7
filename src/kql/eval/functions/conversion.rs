//! `tostring`, `tolong` and the other conversions between types.

use super::{Function, function};
use crate::kql::eval::call::Call;
use crate::kql::eval::convert::convert;
use crate::kql::eval::{Fault, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("tostring", to_returned),
    function("tolong", to_returned),
    function("toint", to_returned),
    function("toreal", to_returned),
    function("todouble", to_returned),
    function("tobool", to_returned),
    function("toboolean", to_returned),
    function("todatetime", to_returned),
    function("totimespan", to_returned),
    function("totime", to_returned),
    function("toguid", to_returned),
];

/// The type to convert to is the one that the call returns.
fn to_returned(call: &Call<'_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(args.first().map_or(Value::Null, |value| convert(value, call.returns)))
}
