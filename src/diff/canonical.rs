//! One form for every spelling of the same rule.

use serde_json::{Map, Value};

use crate::duration::IsoDuration;
use crate::resource::{Body, Field, Kind, Schema, Shape, sorted_json};

/// The canonical form of a body: no null, `""`, `[]` or `{}`; durations in their shortest spelling; text with `\n` and
/// without blanks at line ends; sets ordered; defaults of the kind filled in where nothing was said.
///
/// Idempotent, and equal for two bodies exactly when the service would behave the same.
#[must_use]
pub fn canonical(schema: &Schema, kind: &Kind, body: &Body) -> Body {
    let fields: Vec<&Field> =
        schema.fields.iter().filter(|field| field.kinds.is_empty() || field.kinds.contains(kind)).collect();
    let mut path = String::new();
    let mut canonical = object(&fields, &mut path, body);
    for field in &fields {
        if let Some(default) = field.default.and_then(|json| serde_json::from_str(json).ok()) {
            if field.optional {
                leave_out(&mut canonical, field.path, &default);
            } else {
                fill(&mut canonical, field.path, default);
            }
        }
    }
    canonical
}

fn object(fields: &[&Field], path: &mut String, map: &Body) -> Body {
    let mut result = Map::new();
    for (key, value) in map {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        if let Some(value) = canonical_value(fields, path, value) {
            result.insert(key.clone(), value);
        }
        path.truncate(length);
    }
    result
}

fn canonical_value(fields: &[&Field], path: &mut String, value: &Value) -> Option<Value> {
    let shape =
        fields.iter().find(|field| matches(field.path, path)).map_or(Shape::Plain, |field| field.shape);
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = match shape {
                Shape::Text => normal_text(text),
                Shape::Duration => {
                    IsoDuration::parse(text).map_or_else(|_| text.clone(), |duration| duration.to_string())
                }
                Shape::Plain | Shape::Set => text.clone(),
            };
            (!text.is_empty()).then_some(Value::String(text))
        }
        Value::Array(items) => {
            let length = path.len();
            path.push_str("[]");
            let mut items: Vec<Value> =
                items.iter().filter_map(|item| canonical_value(fields, path, item)).collect();
            path.truncate(length);
            if shape == Shape::Set {
                items.sort_by_cached_key(sorted_json);
                items.dedup();
            }
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(map) => {
            let map = object(fields, path, map);
            (!map.is_empty()).then_some(Value::Object(map))
        }
    }
}

/// Whether a table's path is this one; `*` stands for any one member's name.
fn matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains('*') {
        return pattern == path;
    }
    let (mut wanted, mut found) = (pattern.split('.'), path.split('.'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) => {
                let fits = match wanted.strip_prefix('*') {
                    Some(suffix) => {
                        found.ends_with(suffix) && found.matches("[]").count() == suffix.matches("[]").count()
                    }
                    None => wanted == found,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn normal_text(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n")
}

/// Puts `default` at a dotted path where nothing is yet; objects on the way are made.
fn fill(body: &mut Body, path: &str, default: Value) {
    match path.split_once('.') {
        None => {
            body.entry(path).or_insert(default);
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                fill(inner, rest, default);
            }
        }
    }
}

/// Takes a value away from a dotted path if it is `default`, and the objects that become empty by that.
fn leave_out(body: &mut Body, path: &str, default: &Value) {
    match path.split_once('.') {
        None => {
            if body.get(path) == Some(default) {
                body.remove(path);
            }
        }
        Some((first, rest)) => {
            if let Some(Value::Object(inner)) = body.get_mut(first) {
                leave_out(inner, rest, default);
                if inner.is_empty() {
                    body.remove(first);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const fn field(path: &'static str, shape: Shape, default: Option<&'static str>) -> Field {
        Field { path, shape, default, optional: false, kinds: &[] }
    }

    const SCHEMA: Schema = Schema {
        fields: &[
            field("query", Shape::Text, None),
            Field { kinds: &[Kind::Scheduled], ..field("frequency", Shape::Duration, Some("\"PT5H\"")) },
            field("tactics", Shape::Set, None),
            field("incident.create", Shape::Plain, Some("true")),
            Field { optional: true, ..field("preview.mode", Shape::Plain, Some("\"usual\"")) },
            field("maps.*[].names", Shape::Set, None),
        ],
    };

    fn form(value: &Value) -> Value {
        Value::Object(canonical(&SCHEMA, &Kind::Scheduled, value.as_object().unwrap()))
    }

    #[test]
    fn spellings_of_one_rule_are_equal() {
        let reference = form(&json!({"query": "T\n| take 1", "frequency": "P1D", "tactics": ["A", "B"],
            "incident": {"create": true}, "maps": {"hosts": [{"names": ["x", "y"]}]}}));
        for other in [
            json!({"query": "T  \r\n| take 1\r\n\r\n", "frequency": "PT24H", "tactics": ["B", "A", "B"],
                "maps": {"hosts": [{"names": ["y", "x"]}], "ips": []}, "description": null}),
            json!({"maps": {"hosts": [{"names": ["x", "y"], "other": null}, {}]}, "tactics": ["A", "B"], "frequency": "P1D",
                "query": "T\n| take 1", "incident": {}, "description": "", "x": {"y": [null, {}]}}),
        ] {
            assert_eq!(sorted_json(&form(&other)), sorted_json(&reference));
        }
    }

    #[test]
    fn defaults_belong_to_kinds() {
        assert_eq!(form(&json!({})), json!({"frequency": "PT5H", "incident": {"create": true}}));
        let nrt = canonical(&SCHEMA, &Kind::Nrt, &Map::new());
        assert_eq!(Value::Object(nrt), json!({"incident": {"create": true}}));
    }

    #[test]
    fn optional_defaults_are_never_written() {
        assert_eq!(form(&json!({"preview": {"mode": "usual"}})), form(&json!({})));
        assert_eq!(form(&json!({"preview": {"mode": "other"}}))["preview"], json!({"mode": "other"}));
    }

    #[test]
    fn what_differs_stays_different() {
        for (a, b) in [
            (json!({"query": "a\n b"}), json!({"query": "a\nb"})),
            (json!({"threshold": 0}), json!({})),
            (json!({"enabled": false}), json!({})),
            (json!({"list": ["a", "b"]}), json!({"list": ["b", "a"]})),
        ] {
            assert_ne!(form(&a), form(&b));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop_oneof!["[a-c \r\n]{0,6}", Just("PT24H".to_owned())].prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(
                    prop_oneof![
                        Just("query"),
                        Just("frequency"),
                        Just("tactics"),
                        Just("maps"),
                        Just("names")
                    ],
                    inner,
                    0..4
                )
                .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn idempotent(value in any_json()) {
            let Value::Object(body) = value else { return Ok(()) };
            let once = canonical(&SCHEMA, &Kind::Scheduled, &body);
            prop_assert_eq!(canonical(&SCHEMA, &Kind::Scheduled, &once), once);
        }
    }
}
