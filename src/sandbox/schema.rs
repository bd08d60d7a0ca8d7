//! Tables of properties, and one walk over them that checks a JSON object, prunes it, and presents it.
//!
//! The tables are the sandbox's own reading of the API contract; they share nothing with the client.

use serde_json::{Map, Value};

use super::duration;
use super::switches::{Empty, Omitted, Spelling};

/// What a property may hold.
#[derive(Debug)]
pub(crate) enum Kind {
    Text {
        max: usize,
    },
    Bool,
    Integer {
        min: i64,
        max: i64,
    },
    /// ISO-8601, bounds in seconds.
    Duration {
        min: u64,
        max: u64,
    },
    OneOf(&'static [&'static str]),
    /// Text of a form, and the form in words.
    Form(fn(&str) -> bool, &'static str),
    List {
        of: &'static Kind,
        max: usize,
    },
    /// Free keys with text values.
    Map {
        max: usize,
        key: fn(&str) -> bool,
    },
    Object(&'static [Field]),
}

/// How a property takes part in a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
    /// Sending it is an error.
    ReadOnly,
    /// Sending it has no effect.
    Ignored,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) need: Need,
    /// Known to preview (ARM) or to the newest (Graph) API version only.
    pub(crate) new: bool,
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Required, new: false }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Optional, new: false }
}

pub(crate) const fn newer(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Optional, new: true }
}

pub(crate) const fn read_only(name: &'static str) -> Field {
    Field { name, kind: Kind::Text { max: usize::MAX }, need: Need::ReadOnly, new: false }
}

pub(crate) const fn ignored(name: &'static str) -> Field {
    Field { name, kind: Kind::Text { max: usize::MAX }, need: Need::Ignored, new: false }
}

/// What is wrong with a property; each service has its own words for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Missing { path: String },
    Null { path: String },
    Wrong { path: String, expected: String },
    TooMany { path: String, max: usize },
    TooLong { path: String, max: usize },
    ReadOnly { path: String },
    Unknown { path: String },
}

/// How strictly to check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strictness {
    /// Is a null a missing value (ARM) or an error for objects and collections (Graph)?
    pub(crate) null_collections_refused: bool,
    pub(crate) unknown_refused: bool,
    /// Properties marked `new` are known.
    pub(crate) new_known: bool,
    /// Properties marked `new`, where they are not known, are errors.
    pub(crate) new_refused: bool,
}

/// Everything wrong with `object`, in the order of the table.
pub(crate) fn check(
    fields: &[Field],
    object: &Map<String, Value>,
    path: &str,
    how: Strictness,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_object(fields, object, path, how, &mut problems);
    problems
}

fn check_object(
    fields: &[Field],
    object: &Map<String, Value>,
    path: &str,
    how: Strictness,
    out: &mut Vec<Problem>,
) {
    for field in fields {
        let at = join(path, field.name);
        let value = object.get(field.name);
        match (value, field.need) {
            (None, Need::Required) => out.push(Problem::Missing { path: at }),
            (None, _) | (_, Need::Ignored) => {}
            (Some(_), Need::ReadOnly) => out.push(Problem::ReadOnly { path: at }),
            (Some(_), _) if field.new && !how.new_known => {
                if how.new_refused {
                    out.push(Problem::Unknown { path: at });
                }
            }
            (Some(Value::Null), Need::Required) => out.push(Problem::Missing { path: at }),
            (Some(Value::Null), _) => {
                let collection = matches!(field.kind, Kind::List { .. } | Kind::Object(_) | Kind::Map { .. });
                if collection && how.null_collections_refused {
                    out.push(Problem::Null { path: at });
                }
            }
            (Some(value), _) => check_value(&field.kind, value, &at, how, out),
        }
    }
    if how.unknown_refused {
        let known = |name: &String| fields.iter().any(|field| field.name == name);
        let strange = object.keys().filter(|name| !known(name) && !name.starts_with('@'));
        out.extend(strange.map(|name| Problem::Unknown { path: join(path, name) }));
    }
}

fn check_value(kind: &Kind, value: &Value, at: &str, how: Strictness, out: &mut Vec<Problem>) {
    let wrong = |expected: String| Problem::Wrong { path: at.to_owned(), expected };
    match (kind, value) {
        (Kind::Text { max }, Value::String(text)) => {
            if text.encode_utf16().count() > *max {
                out.push(Problem::TooLong { path: at.to_owned(), max: *max });
            }
        }
        (Kind::Bool, Value::Bool(_)) => {}
        (Kind::Integer { min, max }, Value::Number(number)) => {
            if !number.as_i64().is_some_and(|n| (*min..=*max).contains(&n)) {
                out.push(wrong(format!("an integer from {min} to {max}")));
            }
        }
        (Kind::Duration { min, max }, Value::String(text)) => {
            if !duration::seconds(text).is_some_and(|n| (*min..=*max).contains(&n)) {
                let (min, max) = (duration::spell_with_days(*min), duration::spell_with_days(*max));
                out.push(wrong(format!("an ISO 8601 duration from {min} to {max}")));
            }
        }
        (Kind::OneOf(values), Value::String(text)) => {
            if !values.contains(&text.as_str()) {
                out.push(wrong(format!("one of {}", values.join(", "))));
            }
        }
        (Kind::Form(fits, words), Value::String(text)) => {
            if !fits(text) {
                out.push(wrong((*words).to_owned()));
            }
        }
        (Kind::List { of, max }, Value::Array(items)) => {
            if items.len() > *max {
                out.push(Problem::TooMany { path: at.to_owned(), max: *max });
            }
            for (index, item) in items.iter().enumerate() {
                check_value(of, item, &format!("{at}[{index}]"), how, out);
            }
        }
        (Kind::Map { max, key }, Value::Object(map)) => {
            if map.len() > *max {
                out.push(Problem::TooMany { path: at.to_owned(), max: *max });
            }
            for (name, value) in map.iter().filter(|(name, _)| !name.starts_with('@')) {
                if !key(name) {
                    out.push(wrong(format!("valid keys; '{name}' is not one")));
                }
                if !value.is_string() {
                    out.push(Problem::Wrong { path: join(at, name), expected: "a string".to_owned() });
                }
            }
        }
        (Kind::Object(fields), Value::Object(map)) => check_object(fields, map, at, how, out),
        (kind, _) => out.push(wrong(type_name(kind).to_owned())),
    }
}

fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text { .. } | Kind::OneOf(_) | Kind::Form(..) | Kind::Duration { .. } => "a string",
        Kind::Bool => "a boolean",
        Kind::Integer { .. } => "an integer",
        Kind::List { .. } => "an array",
        Kind::Map { .. } | Kind::Object(_) => "an object",
    }
}

/// What the service stores: known properties only, without nulls, ignored and (unless `new_known`) new ones.
pub(crate) fn prune(fields: &[Field], object: &Map<String, Value>, new_known: bool) -> Map<String, Value> {
    let mut kept = Map::new();
    for field in fields {
        let storable = matches!(field.need, Need::Required | Need::Optional) && (new_known || !field.new);
        if let Some(value) = object.get(field.name).filter(|value| storable && !value.is_null()) {
            kept.insert(field.name.to_owned(), prune_value(&field.kind, value, new_known));
        }
    }
    kept
}

fn prune_value(kind: &Kind, value: &Value, new_known: bool) -> Value {
    match (kind, value) {
        (Kind::Object(fields), Value::Object(map)) => Value::Object(prune(fields, map, new_known)),
        (Kind::List { of, .. }, Value::Array(items)) => {
            items.iter().map(|item| prune_value(of, item, new_known)).collect()
        }
        _ => value.clone(),
    }
}

/// How stored values look when they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) durations: Spelling,
    pub(crate) omitted: Omitted,
    pub(crate) empty: Empty,
    pub(crate) new_known: bool,
}

/// The object as a read shows it, in the order of the table.
pub(crate) fn present(fields: &[Field], mut object: Map<String, Value>, look: Look) -> Map<String, Value> {
    let mut shown = Map::with_capacity(fields.len());
    for field in fields {
        if matches!(field.need, Need::Ignored | Need::ReadOnly) || (field.new && !look.new_known) {
            continue;
        }
        let value = object.shift_remove(field.name).map(|value| present_value(&field.kind, value, look));
        let empty = value.as_ref().is_some_and(|value| value.as_array().is_some_and(Vec::is_empty));
        let value = match (value, look.empty) {
            (Some(_), Empty::Null) if empty => Some(Value::Null),
            (Some(_), Empty::Absent) if empty => None,
            (None, _) => (look.omitted == Omitted::Null).then_some(Value::Null),
            (value, _) => value,
        };
        if let Some(value) = value {
            shown.insert(field.name.to_owned(), value);
        }
    }
    // No write lets these through; a state that a later version of the service left would have them.
    object.retain(|name, _| fields.iter().all(|field| field.name != name));
    shown.extend(object);
    shown
}

fn present_value(kind: &Kind, value: Value, look: Look) -> Value {
    match (kind, value) {
        (Kind::Object(fields), Value::Object(map)) => Value::Object(present(fields, map, look)),
        (Kind::List { of, .. }, Value::Array(items)) => {
            items.into_iter().map(|item| present_value(of, item, look)).collect()
        }
        (Kind::Duration { .. }, Value::String(text)) => Value::String(respell(&text, look.durations)),
        (_, value) => value,
    }
}

pub(crate) fn respell(text: &str, how: Spelling) -> String {
    match (duration::seconds(text), how) {
        (Some(total), Spelling::Days) => duration::spell_with_days(total),
        (Some(total), Spelling::Hours) => duration::spell_with_hours(total),
        _ => text.to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const STRICT: Strictness = Strictness {
        null_collections_refused: true,
        unknown_refused: true,
        new_known: false,
        new_refused: true,
    };
    const TABLE: &[Field] = &[
        required("name", Kind::Text { max: 3 }),
        optional("every", Kind::Duration { min: 60, max: 86_400 }),
        optional("tags", Kind::List { of: &Kind::OneOf(&["a", "b"]), max: 2 }),
        newer("fresh", Kind::Bool),
        read_only("when"),
        ignored("noise"),
    ];

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn each_kind_of_problem_is_found_once() {
        let bad = object(
            &json!({"every": "1h", "tags": ["a", "c", "b"], "fresh": true, "when": "", "noise": 1, "x": 1}),
        );
        let paths: Vec<String> = check(TABLE, &bad, "p", STRICT).iter().map(|p| format!("{p:?}")).collect();
        assert_eq!(paths.len(), 7, "{paths:#?}");
        assert!(paths[0].contains("Missing") && paths[0].contains("p.name"));
        assert!(paths[1].contains("from PT1M to P1D"));
        assert!(paths[3].contains("p.tags[1]"));
        let good = object(&json!({"name": "abc", "every": "PT5M", "tags": ["a"], "noise": 1}));
        assert_eq!(check(TABLE, &good, "", STRICT), []);
        let null = object(&json!({"name": "abc", "tags": null, "every": null}));
        assert_eq!(check(TABLE, &null, "", STRICT), [Problem::Null { path: "tags".into() }]);
    }

    #[test]
    fn length_is_counted_in_utf16_units() {
        let astral = object(&json!({"name": "😀😀"}));
        assert_eq!(check(TABLE, &astral, "", STRICT), [Problem::TooLong { path: "name".into(), max: 3 }]);
    }

    #[test]
    fn a_read_shows_the_table_with_the_chosen_spelling() {
        let stored = prune(
            TABLE,
            &object(&json!({"every": "PT24H", "name": "n", "tags": [], "noise": 1, "fresh": true})),
            false,
        );
        let look =
            Look { durations: Spelling::Days, omitted: Omitted::Null, empty: Empty::AsSent, new_known: true };
        assert_eq!(
            Value::Object(present(TABLE, stored.clone(), look)),
            json!({"name": "n", "every": "P1D", "tags": [], "fresh": null})
        );
        let look = Look {
            durations: Spelling::AsSent,
            omitted: Omitted::Absent,
            empty: Empty::Absent,
            new_known: false,
        };
        assert_eq!(Value::Object(present(TABLE, stored, look)), json!({"name": "n", "every": "PT24H"}));
    }
}
