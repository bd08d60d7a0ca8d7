//! The fields in which two canonical bodies differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::{Body, sorted_json};

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Dotted path in the API's names, for example `incidentConfiguration.createIncident`.
    pub path: String,
    /// The value before; `null` when there was none.
    pub before: Value,
    /// The value after; `null` when there is none.
    pub after: Value,
}

/// Every difference, in the order of the `after` body, then what only `before` has. Objects are entered, also where only
/// one side has them; lists are compared as wholes, because the services replace them as wholes.
#[must_use]
pub fn compare(before: &Body, after: &Body) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    objects("", before, after, &mut changes);
    changes
}

fn objects(prefix: &str, before: &Body, after: &Body, changes: &mut Vec<FieldChange>) {
    let path = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    for (key, new) in after {
        match (before.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => objects(&path(key), old, new, changes),
            (None, Value::Object(new)) => objects(&path(key), &Body::new(), new, changes),
            (Some(old), new) if sorted_json(old) == sorted_json(new) => {}
            (old, new) => changes.push(FieldChange {
                path: path(key),
                before: old.cloned().unwrap_or(Value::Null),
                after: new.clone(),
            }),
        }
    }
    for (key, old) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        match old {
            Value::Object(old) => objects(&path(key), old, &Body::new(), changes),
            old => changes.push(FieldChange { path: path(key), before: old.clone(), after: Value::Null }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_innermost_field() {
        let before = json!({"a": 1, "b": {"c": [1, 2], "d": {"x": 1, "y": 2}}, "gone": {"deep": true}});
        let after = json!({"a": 1, "b": {"c": [2], "d": {"y": 2, "x": 1}}, "new": {"deep": "n"}});
        let changes = compare(before.as_object().unwrap(), after.as_object().unwrap());
        let listed: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.before.clone(), c.after.clone())).collect();
        assert_eq!(
            listed,
            [
                ("b.c", json!([1, 2]), json!([2])),
                ("new.deep", Value::Null, json!("n")),
                ("gone.deep", json!(true), Value::Null),
            ]
        );
    }

    #[test]
    fn nothing_differs_from_itself() {
        let body = json!({"a": {"b": [{"c": 1}]}});
        assert_eq!(compare(body.as_object().unwrap(), body.as_object().unwrap()), []);
    }
}
