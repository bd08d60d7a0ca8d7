//! JSON to dynamic and back.
//!
//! Text becomes exactly what it says: a JSON string stays a string, whatever it looks like. Back, values that JSON does
//! not have (instants, spans, GUIDs, infinite numbers) become strings, and a real keeps its point: `1.0`.

use std::sync::Arc;

use super::convert::{format_guid, format_real};
use super::time;
use super::value::Dynamic;

/// The value of a JSON text; `None` if it is none, or nested more than 128 deep.
pub(crate) fn parse(text: &str) -> Option<Dynamic> {
    serde_json::from_str(text).ok().map(from_json)
}

/// A dynamic as JSON text, without white space, members in their order.
pub(crate) fn write(value: &Dynamic) -> String {
    let mut out = String::new();
    write_into(value, Order::AsIs, &mut out);
    out
}

/// As [`write`], the members of bags sorted by name: one text for equal values.
pub(crate) fn write_canonical(value: &Dynamic) -> String {
    let mut out = String::new();
    write_into(value, Order::ByName, &mut out);
    out
}

#[derive(Clone, Copy)]
enum Order {
    AsIs,
    ByName,
}

fn from_json(value: serde_json::Value) -> Dynamic {
    use serde_json::Value as Json;
    match value {
        Json::Null => Dynamic::Null,
        Json::Bool(b) => Dynamic::Bool(b),
        Json::Number(n) => match n.as_i64() {
            Some(n) => Dynamic::Long(n),
            None => n.as_f64().map_or(Dynamic::Null, Dynamic::Real),
        },
        Json::String(s) => Dynamic::String(Arc::from(s)),
        Json::Array(items) => Dynamic::Array(items.into_iter().map(from_json).collect()),
        Json::Object(members) => {
            Dynamic::Bag(members.into_iter().map(|(key, value)| (Arc::from(key), from_json(value))).collect())
        }
    }
}

fn write_into(value: &Dynamic, order: Order, out: &mut String) {
    match value {
        Dynamic::Null => out.push_str("null"),
        Dynamic::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Dynamic::Long(n) => out.push_str(&n.to_string()),
        Dynamic::Real(n) if n.is_finite() => out.push_str(&format_real(*n)),
        Dynamic::Real(n) => write_string(&format_real(*n), out),
        Dynamic::String(s) => write_string(s, out),
        Dynamic::DateTime(t) => write_string(&time::format_datetime(*t), out),
        Dynamic::TimeSpan(t) => write_string(&time::format_timespan(*t), out),
        Dynamic::Guid(g) => write_string(&format_guid(*g), out),
        Dynamic::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_into(item, order, out);
            }
            out.push(']');
        }
        Dynamic::Bag(members) => {
            let mut members: Vec<&(Arc<str>, Dynamic)> = members.iter().collect();
            if matches!(order, Order::ByName) {
                members.sort_by(|a, b| a.0.cmp(&b.0));
            }
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_into(member, order, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_back_as_it_was() {
        for text in [
            r#"{"b":1,"a":[1.5,true,null,"x\"y"],"c":{}}"#,
            "[]",
            r#""2015-01-01""#,
            "118.0",
            "-1",
            r#"{"":""}"#,
        ] {
            assert_eq!(parse(text).map(|value| write(&value)).as_deref(), Some(text));
        }
        for text in ["", "{a:1}", "'x'", "[1,]", "01", &"[".repeat(200)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn members_can_be_sorted() {
        // dynamic_to_json() in the documentation.
        let bag = r#"{"Y10":{},"X8":{"c3":1,"d8":5,"a4":6},"D1":114,"A1":12,"B1":2,"C1":3,"A14":[15,13,18]}"#;
        let sorted =
            r#"{"A1":12,"A14":[15,13,18],"B1":2,"C1":3,"D1":114,"X8":{"a4":6,"c3":1,"d8":5},"Y10":{}}"#;
        assert_eq!(parse(bag).map(|value| write_canonical(&value)).as_deref(), Some(sorted));
    }
}
