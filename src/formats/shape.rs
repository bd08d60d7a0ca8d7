//! The building blocks of the schemas: the same kinds of value as `yaml::decode::scalar` reads, as JSON Schema (draft 7).
#![expect(clippy::needless_pass_by_value, reason = "a schema is made once, of parts that are made for it")]

use serde_json::{Map, Value, json};

/// A mapping with these keys and no others.
pub(super) fn object<const N: usize>(keys: [(&str, Value); N], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        insert(&mut schema, "required", json!(required));
    }
    schema
}

/// [`object`] for the top level of a file: keys that start with `x-` are the author's own.
pub(super) fn file<const N: usize>(keys: [(&str, Value); N], required: &[&str]) -> Value {
    let mut schema = object(keys, required);
    insert(&mut schema, "patternProperties", json!({"^x-": {}}));
    schema
}

/// Adds a member to a schema.
pub(super) fn insert(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = schema {
        members.insert(key.to_owned(), value);
    }
}

/// A mapping whose keys are the author's.
pub(super) fn map(value: Value) -> Value {
    json!({"type": "object", "additionalProperties": value})
}

pub(super) fn list(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

/// A list that may not be empty.
pub(super) fn some(item: Value) -> Value {
    json!({"type": "array", "items": item, "minItems": 1})
}

/// A list, or one value that stands for a list of one.
pub(super) fn one_or_many(item: Value) -> Value {
    json!({"anyOf": [item, {"type": "array", "items": item}]})
}

/// A text of one line, not blank.
pub(super) fn line() -> Value {
    json!({"type": "string", "pattern": r"^[^\n]*\S[^\n]*$"})
}

/// A text of any number of lines, not blank.
pub(super) fn text() -> Value {
    json!({"type": "string", "pattern": r"\S"})
}

pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// A whole number, both bounds included.
pub(super) fn int(least: u32, most: u32) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

pub(super) fn words(words: &[&str]) -> Value {
    json!({"enum": words})
}

/// The words of a table of names.
pub(super) fn names<T>(table: &[(&'static str, T)]) -> Value {
    json!({"enum": table.iter().map(|(name, _)| *name).collect::<Vec<_>>()})
}

/// A text of a form, with one that has it.
pub(super) fn form(pattern: &str, example: &str) -> Value {
    json!({"type": "string", "pattern": pattern, "examples": [example]})
}

pub(super) fn duration() -> Value {
    form(r"^P((\d+[WD])+(T(\d+[HMS])+)?|T(\d+[HMS])+)$", "PT1H")
}

pub(super) fn date() -> Value {
    form(r"^\d{4}-\d{2}-\d{2}$", "2027-05-01")
}

pub(super) fn guid() -> Value {
    form(
        "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    )
}

pub(super) fn rule_id() -> Value {
    form("^[a-z0-9][a-z0-9._-]{0,99}$", "scheduled-task-untrusted-binary")
}

/// A rule id, or a glob over them.
pub(super) fn rule_glob() -> Value {
    form("^[a-z0-9._*?-]+$", "scheduled-task-*")
}

pub(super) fn owner_id() -> Value {
    form("^[A-Za-z0-9._/-]{1,100}$", "acme/contoso-prod")
}

/// A point in time, or a day for its first moment (UTC).
pub(super) fn time() -> Value {
    form(r"^\d{4}-\d{2}-\d{2}([Tt ].*)?$", "2026-11-23T08:00:00Z")
}

/// Letters and digits and these others, at most so many.
pub(super) fn name(others: &str, most: u32) -> Value {
    form(&format!("^[A-Za-z0-9{others}]{{1,{most}}}$"), "name")
}
