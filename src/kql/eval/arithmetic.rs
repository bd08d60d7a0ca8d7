//! `+ - * / %` and the unary minus on numbers and times.
//!
//! Documentation: "Numerical operators" (integer division, a remainder that is never negative), "Datetime / timespan
//! arithmetic". Whole numbers wrap around; a whole number divided by zero is null.

use super::time;
use super::value::Value;
use crate::kql::syntax::ChainOp;
use crate::kql::types::ScalarType as Type;

/// The static type of `a op b`; `None` if the service refuses these types.
pub(crate) fn result(op: ChainOp, a: Type, b: Type) -> Option<Type> {
    use ChainOp as Op;
    if a == Type::Unknown || b == Type::Unknown {
        return Some(if a == b { Type::Unknown } else { known(a, b) });
    }
    let number = |ty| matches!(ty, Type::Int | Type::Long | Type::Real | Type::Decimal);
    match (op, a, b) {
        (_, a, b) if number(a) && number(b) => Some(widest(a, b)),
        (_, Type::Dynamic, Type::Dynamic) => Some(Type::Dynamic),
        (_, Type::Dynamic, other) | (_, other, Type::Dynamic) if number(other) => Some(promoted(other)),
        (Op::Add, Type::Dynamic, other) | (Op::Add, other, Type::Dynamic) if is_time(other) => Some(other),
        (Op::Subtract, Type::DateTime, Type::Dynamic) | (Op::Subtract, Type::Dynamic, Type::DateTime) => {
            Some(Type::TimeSpan)
        }
        (Op::Subtract, Type::Dynamic, other) | (Op::Subtract, other, Type::Dynamic) if is_time(other) => {
            Some(other)
        }
        (Op::Add | Op::Subtract | Op::Modulo, Type::TimeSpan, Type::TimeSpan) => Some(Type::TimeSpan),
        (Op::Add, Type::DateTime, Type::DateTime)
        | (Op::Add | Op::Subtract, Type::DateTime, Type::TimeSpan)
        | (Op::Add | Op::Subtract, Type::TimeSpan, Type::DateTime) => Some(Type::DateTime),
        (Op::Subtract, Type::DateTime, Type::DateTime) => Some(Type::TimeSpan),
        (Op::Multiply, Type::TimeSpan, other) | (Op::Multiply, other, Type::TimeSpan) if number(other) => {
            Some(Type::TimeSpan)
        }
        (Op::Multiply, Type::TimeSpan, Type::TimeSpan) => Some(Type::TimeSpan),
        (Op::Divide, Type::TimeSpan | Type::DateTime, Type::TimeSpan) => Some(Type::Real),
        (Op::Divide, Type::DateTime, Type::DateTime) => Some(Type::Real),
        (Op::Divide | Op::Modulo, Type::TimeSpan, other) if number(other) => Some(Type::TimeSpan),
        (Op::Divide | Op::Modulo, Type::DateTime, other) if number(other) => Some(Type::DateTime),
        (Op::Modulo, Type::DateTime, Type::TimeSpan | Type::DateTime) => Some(Type::TimeSpan),
        _ => None,
    }
}

/// `a op b`; null if either is null or they do not go together.
pub(crate) fn apply(op: ChainOp, a: &Value, b: &Value) -> Value {
    let (a, b) = (a.clone().unwrapped(), b.clone().unwrapped());
    match (&a, &b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Int(_) | Value::Long(_), Value::Int(_) | Value::Long(_)) => {
            match (a.as_long(), b.as_long()) {
                (Some(a), Some(b)) => whole(op, a, b),
                _ => Value::Null,
            }
        }
        (Value::DateTime(x), Value::DateTime(y)) => match op {
            ChainOp::Subtract => x.checked_sub(*y).map_or(Value::Null, Value::TimeSpan),
            ChainOp::Divide => Value::Real(*x as f64 / *y as f64),
            ChainOp::Modulo => x.checked_rem_euclid(*y).map_or(Value::Null, Value::TimeSpan),
            _ => Value::Null,
        },
        (Value::TimeSpan(x), Value::TimeSpan(y)) => match op {
            ChainOp::Add => x.checked_add(*y).map_or(Value::Null, Value::TimeSpan),
            ChainOp::Subtract => x.checked_sub(*y).map_or(Value::Null, Value::TimeSpan),
            ChainOp::Divide => Value::Real(*x as f64 / *y as f64),
            ChainOp::Modulo => x.checked_rem_euclid(*y).map_or(Value::Null, Value::TimeSpan),
            ChainOp::Multiply => x.checked_mul(*y).map_or(Value::Null, Value::TimeSpan),
            _ => Value::Null,
        },
        (Value::DateTime(x), Value::TimeSpan(y)) => match op {
            ChainOp::Add => moment(x.checked_add(*y)),
            ChainOp::Subtract => moment(x.checked_sub(*y)),
            ChainOp::Divide => Value::Real(*x as f64 / *y as f64),
            ChainOp::Modulo => x.checked_rem_euclid(*y).map_or(Value::Null, Value::TimeSpan),
            _ => Value::Null,
        },
        (Value::TimeSpan(x), Value::DateTime(y)) => match op {
            ChainOp::Add => moment(x.checked_add(*y)),
            ChainOp::Subtract => moment(x.checked_sub(*y)),
            _ => Value::Null,
        },
        (Value::TimeSpan(x), _) => scaled(op, *x, &b).map_or(Value::Null, Value::TimeSpan),
        (Value::DateTime(x), _) => moment(scaled(op, *x, &b)),
        (_, Value::TimeSpan(y)) if op == ChainOp::Multiply => {
            scaled(op, *y, &a).map_or(Value::Null, Value::TimeSpan)
        }
        _ => match (a.as_real(), b.as_real()) {
            (Some(a), Some(b)) => real(op, a, b),
            _ => Value::Null,
        },
    }
}

/// `-a`
pub(crate) fn negate(value: &Value) -> Value {
    match value.clone().unwrapped() {
        Value::Int(n) => n.checked_neg().map_or(Value::Null, Value::Int),
        Value::Long(n) => Value::Long(n.wrapping_neg()),
        Value::Real(n) => Value::Real(-n),
        Value::TimeSpan(t) => t.checked_neg().map_or(Value::Null, Value::TimeSpan),
        _ => Value::Null,
    }
}

fn whole(op: ChainOp, a: i64, b: i64) -> Value {
    Value::Long(match op {
        ChainOp::Add => a.wrapping_add(b),
        ChainOp::Subtract => a.wrapping_sub(b),
        ChainOp::Multiply => a.wrapping_mul(b),
        ChainOp::Divide if b != 0 => a.wrapping_div(b),
        ChainOp::Modulo if b != 0 => a.wrapping_rem_euclid(b),
        _ => return Value::Null,
    })
}

fn real(op: ChainOp, a: f64, b: f64) -> Value {
    Value::Real(match op {
        ChainOp::Add => a + b,
        ChainOp::Subtract => a - b,
        ChainOp::Multiply => a * b,
        ChainOp::Divide => a / b,
        ChainOp::Modulo => a.rem_euclid(b),
        ChainOp::And | ChainOp::Or => return Value::Null,
    })
}

/// Ticks times, divided by or modulo a number.
fn scaled(op: ChainOp, ticks: i64, by: &Value) -> Option<i64> {
    if let Some(n) = by.as_long() {
        return match op {
            ChainOp::Multiply => ticks.checked_mul(n),
            ChainOp::Divide => ticks.checked_div(n),
            ChainOp::Modulo => ticks.checked_rem_euclid(n),
            _ => None,
        };
    }
    let scaled = match op {
        ChainOp::Multiply => ticks as f64 * by.as_real()?,
        ChainOp::Divide => ticks as f64 / by.as_real()?,
        _ => return None,
    };
    (scaled.is_finite() && scaled.abs() < 9.2e18).then_some(scaled as i64)
}

/// A moment inside the years that Kusto knows.
fn moment(ticks: Option<i64>) -> Value {
    ticks.filter(|t| (0..=time::LAST).contains(t)).map_or(Value::Null, Value::DateTime)
}

fn is_time(ty: Type) -> bool {
    matches!(ty, Type::DateTime | Type::TimeSpan)
}

fn known(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Unknown, other) | (other, _) if matches!(other, Type::Int | Type::Long | Type::Real) => {
            promoted(other)
        }
        _ => Type::Unknown,
    }
}

/// The type of a computation with numbers of these types; `int` never stays.
fn widest(a: Type, b: Type) -> Type {
    let rank = |ty| match ty {
        Type::Decimal => 3,
        Type::Real => 2,
        _ => 1,
    };
    promoted(if rank(a) >= rank(b) { a } else { b })
}

fn promoted(ty: Type) -> Type {
    if ty == Type::Int { Type::Long } else { ty }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        // learn.microsoft.com/kusto/query/numerical-operators, the last four from its modulo table.
        for (op, a, b, expected) in [
            (ChainOp::Divide, Value::Long(1), Value::Long(2), Value::Long(0)),
            (ChainOp::Divide, Value::Real(1.0), Value::Long(2), Value::Real(0.5)),
            (ChainOp::Add, Value::Int(1), Value::Int(2), Value::Long(3)),
            (ChainOp::Add, Value::Null, Value::Long(2), Value::Null),
            (ChainOp::Divide, Value::Long(1), Value::Long(0), Value::Null),
            (ChainOp::Divide, Value::Real(1.0), Value::Real(0.0), Value::Real(f64::INFINITY)),
            (ChainOp::Modulo, Value::Long(14), Value::Long(12), Value::Long(2)),
            (ChainOp::Modulo, Value::Long(-14), Value::Long(12), Value::Long(10)),
            (ChainOp::Modulo, Value::Long(14), Value::Long(-12), Value::Long(2)),
            (ChainOp::Modulo, Value::Long(-14), Value::Long(-12), Value::Long(10)),
        ] {
            assert_eq!(apply(op, &a, &b), expected, "{a:?} {op:?} {b:?}");
        }
    }

    #[test]
    fn times() {
        // learn.microsoft.com/kusto/query/datetime-timespan-arithmetic
        let day = time::DAY;
        for (op, a, b, expected) in [
            (ChainOp::Subtract, Value::DateTime(3 * day), Value::DateTime(day), Value::TimeSpan(2 * day)),
            (ChainOp::Add, Value::DateTime(day), Value::TimeSpan(day), Value::DateTime(2 * day)),
            (ChainOp::Divide, Value::TimeSpan(3 * day), Value::TimeSpan(2 * day), Value::Real(1.5)),
            (ChainOp::Multiply, Value::Long(3), Value::TimeSpan(day), Value::TimeSpan(3 * day)),
            (ChainOp::Multiply, Value::TimeSpan(day), Value::Real(0.5), Value::TimeSpan(day / 2)),
            (ChainOp::Subtract, Value::DateTime(day), Value::TimeSpan(2 * day), Value::Null),
        ] {
            assert_eq!(apply(op, &a, &b), expected, "{a:?} {op:?} {b:?}");
        }
    }

    #[test]
    fn types() {
        assert_eq!(result(ChainOp::Add, Type::Int, Type::Int), Some(Type::Long));
        assert_eq!(result(ChainOp::Divide, Type::Long, Type::Real), Some(Type::Real));
        assert_eq!(result(ChainOp::Subtract, Type::DateTime, Type::DateTime), Some(Type::TimeSpan));
        assert_eq!(result(ChainOp::Add, Type::String, Type::Long), None);
    }
}
