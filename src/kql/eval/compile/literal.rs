//! Constants: literals, `dynamic(...)`, the names of types.

use super::Compiler;
use crate::kql::eval::convert::{convert, parse_guid};
use crate::kql::eval::scalar::Typed;
use crate::kql::eval::value::{Dynamic, Value};
use crate::kql::eval::{Fault, time};
use crate::kql::syntax::{Expr, ExprKind, TypeOf, TypeRef, Unary};
use crate::kql::token::LiteralKind;
use crate::kql::types::ScalarType;

impl<'a> Compiler<'_, 'a> {
    pub(super) fn literal(&self, expr: &'a Expr, kind: LiteralKind) -> Result<Typed, Fault> {
        let text = expr.span.of(self.scope.text);
        let ty = match kind {
            LiteralKind::Bool => ScalarType::Bool,
            LiteralKind::Long => ScalarType::Long,
            LiteralKind::Int => ScalarType::Int,
            LiteralKind::Real => ScalarType::Real,
            LiteralKind::Datetime => ScalarType::DateTime,
            LiteralKind::Timespan => ScalarType::TimeSpan,
            LiteralKind::Guid | LiteralKind::RawGuid => ScalarType::Guid,
            LiteralKind::String => ScalarType::String,
            LiteralKind::Decimal => {
                return Err(self.scope.not_evaluated("the type decimal", expr.span));
            }
        };
        let inner = inside(text);
        if inner.eq_ignore_ascii_case("null") {
            return Ok(Typed::constant(Value::Null, ty));
        }
        match value(inner, ty) {
            Some(value) => Ok(Typed::constant(value, ty)),
            // The service reads `datetime(nonsense)` as a null, too, but nobody means that.
            None => Err(self.scope.failed(format!("'{text}' is not a {ty}"), expr.span)),
        }
    }

    /// What stands inside `dynamic(...)`.
    pub(super) fn dynamic(&self, value: &'a Expr) -> Result<Typed, Fault> {
        Ok(Typed::constant(Value::dynamic(self.dynamic_value(value)?), ScalarType::Dynamic))
    }

    fn dynamic_value(&self, expr: &'a Expr) -> Result<Dynamic, Fault> {
        Ok(match &expr.kind {
            ExprKind::Array(items) => {
                let items: Result<_, Fault> = items.iter().map(|item| self.dynamic_value(item)).collect();
                Dynamic::Array(items?)
            }
            ExprKind::Object(members) => {
                let mut bag: Vec<(_, Dynamic)> = Vec::with_capacity(members.len());
                for member in members {
                    let value = self.dynamic_value(&member.value)?;
                    match bag
                        .iter_mut()
                        .find(|(name, _): &&mut (std::sync::Arc<str>, _)| **name == *member.name)
                    {
                        Some(known) => known.1 = value,
                        None => bag.push((member.name.as_ref().into(), value)),
                    }
                }
                Dynamic::Bag(bag)
            }
            ExprKind::Null => Dynamic::Null,
            ExprKind::Unary(unary) => self.negative(unary)?,
            ExprKind::Dynamic(inner) | ExprKind::Paren(inner) => self.dynamic_value(inner)?,
            _ => self.constant(expr)?.0.into_dynamic(),
        })
    }

    fn negative(&self, unary: &'a Unary) -> Result<Dynamic, Fault> {
        Ok(match self.dynamic_value(&unary.operand)? {
            Dynamic::Long(n) if unary.negative => Dynamic::Long(n.wrapping_neg()),
            Dynamic::Real(n) if unary.negative => Dynamic::Real(-n),
            other => other,
        })
    }

    /// `typeof(long)` as an argument: the name of the type.
    pub(super) fn type_name(&self, expr: &'a Expr) -> Result<Typed, Fault> {
        match type_of(expr) {
            Some(ty) => Ok(Typed::constant(Value::string(ty.name()), ScalarType::String)),
            None => Err(self.scope.failed("a type is expected", expr.span)),
        }
    }
}

/// The type that `typeof(...)` names.
pub(crate) fn type_of(expr: &Expr) -> Option<ScalarType> {
    match &expr.kind {
        ExprKind::TypeOf(of) => match &**of {
            TypeOf::Scalar(name) => ScalarType::from_name(&name.text),
            TypeOf::Table { .. } => None,
        },
        ExprKind::Paren(inner) => type_of(inner),
        _ => None,
    }
}

/// The type after `:`; string where none is written.
pub(crate) fn declared_type(ty: &TypeRef) -> Option<ScalarType> {
    match ty {
        TypeRef::Scalar(name) => ScalarType::from_name(&name.text),
        TypeRef::Table(_) | TypeRef::Missing(_) => None,
    }
}

/// `datetime(2020-01-01)` → `2020-01-01`; a literal without a type is all inside.
fn inside(text: &str) -> &str {
    match (text.split_once('('), text.strip_suffix(')')) {
        (Some((_, rest)), Some(_)) => rest.strip_suffix(')').unwrap_or(rest).trim(),
        _ => text.trim(),
    }
}

fn value(text: &str, ty: ScalarType) -> Option<Value> {
    let unquoted = text.trim_matches(['"', '\'']);
    match ty {
        ScalarType::Long | ScalarType::Int => {
            let number = whole(unquoted)?;
            match ty {
                // `int(0xf090013d)` is the number of these 32 bits.
                ScalarType::Int if unquoted.contains(['x', 'X']) => {
                    u32::try_from(number).ok().map(|bits| Value::Int(bits.cast_signed()))
                }
                ScalarType::Int => i32::try_from(number).ok().map(Value::Int),
                _ => Some(Value::Long(number)),
            }
        }
        ScalarType::Real => match unquoted.to_ascii_lowercase().as_str() {
            "nan" => Some(Value::Real(f64::NAN)),
            "+inf" | "inf" => Some(Value::Real(f64::INFINITY)),
            "-inf" => Some(Value::Real(f64::NEG_INFINITY)),
            text => text.parse().ok().map(Value::Real),
        },
        ScalarType::Guid => parse_guid(unquoted).map(Value::Guid),
        ScalarType::TimeSpan => timespan(unquoted).map(Value::TimeSpan),
        ty => Some(convert(&Value::string(unquoted), ty)).filter(|value| !value.is_null()),
    }
}

fn whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits.trim()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let number = match hex {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?.cast_signed(),
        None => digits.parse().ok()?,
    };
    Some(if negative { number.wrapping_neg() } else { number })
}

/// `1.5h`, `10 min`, or what [`time::parse_timespan`] reads.
fn timespan(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() {
        return time::parse_timespan(text);
    }
    let ticks: f64 = match unit.trim() {
        "d" | "day" | "days" => 864e9,
        "h" | "hr" | "hrs" | "hour" | "hours" => 36e9,
        "m" | "min" | "minute" | "minutes" => 6e8,
        "s" | "sec" | "second" | "seconds" => 1e7,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => 1e4,
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => 10.0,
        "nano" | "nanos" | "nanosec" | "nanosecond" | "nanoseconds" => 0.01,
        "tick" | "ticks" => 1.0,
        _ => return time::parse_timespan(text),
    };
    let total = number.trim().parse::<f64>().ok()? * ticks;
    (total.abs() < 9.2e18).then_some(total.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        for (text, ty, expected) in [
            ("0x1F", ScalarType::Long, Value::Long(31)),
            ("-5", ScalarType::Long, Value::Long(-5)),
            ("7", ScalarType::Int, Value::Int(7)),
            ("1e3", ScalarType::Real, Value::Real(1000.0)),
            ("1.5h", ScalarType::TimeSpan, Value::TimeSpan(54_000_000_000)),
            ("2d", ScalarType::TimeSpan, Value::TimeSpan(2 * time::DAY)),
            ("true", ScalarType::Bool, Value::Bool(true)),
        ] {
            assert_eq!(value(inside(text), ty), Some(expected), "{text}");
        }
        assert_eq!(inside("datetime(2020-01-01)"), "2020-01-01");
        assert_eq!(value("nope", ScalarType::Long), None);
    }
}
