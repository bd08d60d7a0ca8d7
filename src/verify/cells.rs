//! Cells of a case as values of their column's type, and values as text.

use std::sync::Arc;

use crate::kql::eval::{Dynamic, Value, convert, json, time};
use crate::kql::types::ScalarType;
use crate::yaml::{Node, NodeKind};

/// The value of a cell in a column of type `ty`; `now` is the case's clock, which relative times count from.
///
/// # Errors
/// What the column takes, as the end of "expected …".
pub(crate) fn cell(node: &Node, ty: ScalarType, text_only: bool, now: i64) -> Result<Value, &'static str> {
    match (&node.kind, ty) {
        (NodeKind::Null, _) => Ok(Value::missing(ty)),
        (NodeKind::Str(text), _) => of_text(&text.value, ty, text_only, now),
        (NodeKind::Bool(b), ScalarType::Bool) => Ok(Value::Bool(*b)),
        // Exports write the switches of the services as numbers.
        (NodeKind::Int(n @ (0 | 1)), ScalarType::Bool) => Ok(Value::Bool(*n == 1)),
        (NodeKind::Int(n), ScalarType::Long) => Ok(Value::Long(*n)),
        (NodeKind::Int(n), ScalarType::Int) => {
            i32::try_from(*n).map(Value::Int).map_err(|_| "a whole number of 32 bits")
        }
        #[expect(clippy::cast_precision_loss, reason = "a real is what the column holds")]
        (NodeKind::Int(n), ScalarType::Real | ScalarType::Decimal) => Ok(Value::Real(*n as f64)),
        (NodeKind::Float(n), ScalarType::Real | ScalarType::Decimal) => Ok(Value::Real(*n)),
        (_, ScalarType::Dynamic | ScalarType::Unknown) => Ok(Value::dynamic(dynamic(node))),
        // Exports unfold what the table holds as JSON text.
        (NodeKind::Map(_) | NodeKind::Seq(_), ScalarType::String) => {
            Ok(Value::from(json::write(&dynamic(node))))
        }
        _ => Err(expected(ty)),
    }
}

/// What a column of a type takes.
const fn expected(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::Bool => "true or false",
        ScalarType::Int | ScalarType::Long => "a whole number",
        ScalarType::Real | ScalarType::Decimal => "a number",
        ScalarType::String => "a string",
        ScalarType::DateTime => "a time",
        ScalarType::TimeSpan => "a duration",
        ScalarType::Guid => "a GUID",
        ScalarType::Dynamic | ScalarType::Unknown => "a value",
    }
}

fn of_text(text: &str, ty: ScalarType, text_only: bool, now: i64) -> Result<Value, &'static str> {
    let some = |value: Option<Value>| value.ok_or(expected(ty));
    match ty {
        ScalarType::String => Ok(Value::string(text)),
        _ if text_only && text.is_empty() => Ok(Value::Null),
        ScalarType::DateTime => some(moment(text, now).map(Value::DateTime)),
        ScalarType::TimeSpan => some(time::parse_timespan(text).map(Value::TimeSpan)),
        ScalarType::Guid => some(convert::parse_guid(text).map(Value::Guid)),
        // Exports write what a dynamic column holds as text.
        ScalarType::Dynamic | ScalarType::Unknown if text.trim_start().starts_with(['{', '[']) => {
            Ok(Value::dynamic(json::parse(text).unwrap_or_else(|| Dynamic::String(Arc::from(text)))))
        }
        ScalarType::Dynamic | ScalarType::Unknown => Ok(Value::dynamic(Dynamic::String(Arc::from(text)))),
        // More digits than 64 bits: the readers keep such numbers as text.
        _ if !text_only => Err(expected(ty)),
        _ => match convert::convert(&Value::string(text), ty) {
            Value::Null => Err(expected(ty)),
            value => Ok(value),
        },
    }
}

/// A moment, or a distance from `now`: `-5m`, `-2h`, `-14d`, `+1h`.
fn moment(text: &str, now: i64) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'-' => -1,
        b'+' => 1,
        _ => return time::parse_datetime(text),
    };
    let rest = text.get(1..)?;
    let unit = rest.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = rest.split_at(unit);
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let ticks = count.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(time::SECOND)?;
    now.checked_add(sign * ticks)
}

fn dynamic(node: &Node) -> Dynamic {
    match &node.kind {
        NodeKind::Null => Dynamic::Null,
        NodeKind::Bool(b) => Dynamic::Bool(*b),
        NodeKind::Int(n) => Dynamic::Long(*n),
        NodeKind::Float(n) => Dynamic::Real(*n),
        NodeKind::Str(text) => Dynamic::String(Arc::from(text.value.as_str())),
        NodeKind::Seq(items) => Dynamic::Array(items.iter().map(dynamic).collect()),
        NodeKind::Map(entries) => Dynamic::Bag(
            entries.iter().map(|(key, value)| (Arc::from(key.name.as_str()), dynamic(value))).collect(),
        ),
    }
}

/// The type of a column that no schema knows, by one of its cells.
pub(crate) fn guess(name: &str, node: &Node) -> ScalarType {
    match &node.kind {
        _ if matches!(name, "TimeGenerated" | "Timestamp") => ScalarType::DateTime,
        NodeKind::Bool(_) => ScalarType::Bool,
        NodeKind::Int(_) => ScalarType::Long,
        NodeKind::Float(_) => ScalarType::Real,
        NodeKind::Seq(_) | NodeKind::Map(_) => ScalarType::Dynamic,
        NodeKind::Null | NodeKind::Str(_) => ScalarType::String,
    }
}

/// A value as a person reads it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::DateTime(_) => {
            // Whole seconds, unless there is more.
            let text = convert::to_text(value);
            text.replace(".0000000Z", "Z")
        }
        other => convert::to_text(other).to_string(),
    }
}

/// Whether a value is nothing: null, or an empty text.
pub(crate) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn of(text: &str, ty: ScalarType, text_only: bool) -> String {
        let file = SourceMap::default().add("e.json", text);
        let node = crate::yaml::json::read(text, 0, text.len(), file).unwrap();
        match cell(&node, ty, text_only, 0) {
            Ok(value) => format!("{value:?}"),
            Err(expected) => format!("expected {expected}"),
        }
    }

    #[test]
    fn values_and_what_is_refused() {
        for (text, ty, text_only, found) in [
            ("\"a\"", ScalarType::String, false, "String(\"a\")"),
            ("1", ScalarType::String, false, "expected a string"),
            ("{\"a\":1}", ScalarType::String, false, "String(\"{\\\"a\\\":1}\")"),
            ("null", ScalarType::String, false, "String(\"\")"),
            ("null", ScalarType::Long, false, "Null"),
            ("1", ScalarType::Long, false, "Long(1)"),
            ("1.5", ScalarType::Long, false, "expected a whole number"),
            ("\"1\"", ScalarType::Long, false, "expected a whole number"),
            ("\"1\"", ScalarType::Long, true, "Long(1)"),
            ("\"\"", ScalarType::Long, true, "Null"),
            ("\"x\"", ScalarType::Long, true, "expected a whole number"),
            ("3000000000", ScalarType::Int, false, "expected a whole number of 32 bits"),
            ("2", ScalarType::Real, false, "Real(2.0)"),
            ("true", ScalarType::Bool, false, "Bool(true)"),
            ("1", ScalarType::Bool, false, "Bool(true)"),
            ("\"true\"", ScalarType::Bool, false, "expected true or false"),
            ("\"0001-01-02\"", ScalarType::DateTime, false, "DateTime(864000000000)"),
            ("\"+1d\"", ScalarType::DateTime, false, "DateTime(864000000000)"),
            ("\"yesterday\"", ScalarType::DateTime, false, "expected a time"),
            ("5", ScalarType::DateTime, false, "expected a time"),
        ] {
            assert_eq!(of(text, ty, text_only), found, "{text} as {ty}");
        }
    }
}
