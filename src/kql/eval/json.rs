//! JSON to dynamic and back.

use std::sync::Arc;

use super::convert::format_guid;
use super::time;
use super::value::Dynamic;

/// The value of a JSON text; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<Dynamic> {
    serde_json::from_str(text).ok().map(from_json)
}

/// A dynamic as JSON text, without white space.
pub(crate) fn write(value: &Dynamic) -> String {
    to_json(value).to_string()
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

fn to_json(value: &Dynamic) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Dynamic::Null => Json::Null,
        Dynamic::Bool(b) => Json::from(*b),
        Dynamic::Long(n) => Json::from(*n),
        Dynamic::Real(n) => Json::from(*n),
        Dynamic::String(s) => Json::from(&**s),
        Dynamic::DateTime(t) => Json::from(time::format_datetime(*t)),
        Dynamic::TimeSpan(t) => Json::from(time::format_timespan(*t)),
        Dynamic::Guid(g) => Json::from(format_guid(*g)),
        Dynamic::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Dynamic::Bag(members) => {
            Json::Object(members.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect())
        }
    }
}
