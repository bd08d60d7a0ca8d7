//! Cases of a rule: `tests/<rule-id>.yaml`, or `tests:` of the rule.

use serde_json::{Value, json};

use super::shape::{
    boolean, file, insert, int, line, list, map, object, one_or_many, some, text, time, words,
};

/// A file of cases: a mapping, or only the list of them.
pub(super) fn schema() -> Value {
    let suite = file(
        [
            ("clock", time()),
            ("defaults", map(row())),
            ("watchlists", map(feed())),
            ("file_profiles", feed()),
            ("external_data", map(feed())),
            ("cases", some(case())),
        ],
        &["cases"],
    );
    json!({"anyOf": [suite, some(case())]})
}

/// `tests:` of a rule: the same, without keys of the author's own.
pub(super) fn tests() -> Value {
    let mut either = schema();
    if let Some(suite) = either.pointer_mut("/anyOf/0").and_then(Value::as_object_mut) {
        suite.remove("patternProperties");
    }
    either
}

fn case() -> Value {
    let mut case = object(
        [
            ("name", line()),
            ("description", text()),
            ("expect", expect()),
            ("must_alert", boolean()),
            ("silenced_by", line()),
            ("environments", one_or_many(line())),
            ("clock", time()),
            ("events", map(feed())),
            ("defaults", map(row())),
            ("watchlists", map(feed())),
            ("file_profiles", feed()),
            ("external_data", map(feed())),
        ],
        &["name", "events"],
    );
    let said = json!([
        {"required": ["expect"]},
        {"required": ["silenced_by"]},
        {"required": ["must_alert"], "properties": {"must_alert": {"const": true}}},
    ]);
    insert(&mut case, "anyOf", said);
    case
}

fn expect() -> Value {
    let values = json!({"type": "object", "additionalProperties": one_or_many(line())});
    let alert = object(
        [
            ("count", int(0, 1_000_000)),
            ("columns", row()),
            ("rows", list(row())),
            ("entities", json!({"anyOf": [one_or_many(line()), values]})),
        ],
        &[],
    );
    json!({"anyOf": [words(&["alert", "silent"]), object([("alert", alert)], &["alert"])]})
}

/// Rows in place or from files; null is no rows.
fn feed() -> Value {
    let mut source = object([("file", one_or_many(line())), ("rows", list(row()))], &[]);
    insert(&mut source, "minProperties", json!(1));
    json!({"anyOf": [list(row()), source, {"type": "null"}]})
}

/// Columns and values: what type a cell has is for the tables' schema to say.
fn row() -> Value {
    json!({"type": "object"})
}
