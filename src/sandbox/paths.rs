//! Dotted paths into JSON: `detectionAction.alertTemplate.severity`, `entityMappings.0.entityType`.

use serde_json::{Map, Value};

/// Sets a value, making objects on the way. A `null` removes.
pub(crate) fn set(root: &mut Value, path: &str, value: Value) -> bool {
    if value.is_null() {
        return remove(root, path);
    }
    let mut at = root;
    for step in path.split('.') {
        at = match at {
            Value::Array(items) => match step.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                Some(item) => item,
                None => return false,
            },
            Value::Object(map) => map.entry(step).or_insert(Value::Null),
            empty @ Value::Null => {
                *empty = Value::Object(Map::new());
                match empty {
                    Value::Object(map) => map.entry(step).or_insert(Value::Null),
                    _ => return false,
                }
            }
            _ => return false,
        };
    }
    *at = value;
    true
}

/// Removes what is at a path; `false` when nothing was there.
pub(crate) fn remove(root: &mut Value, path: &str) -> bool {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(parents, last)| (parents, last));
    let mut at = root;
    for step in parents.split('.').filter(|step| !step.is_empty()) {
        let next = match at {
            Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            Value::Object(map) => map.get_mut(step),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    match at {
        Value::Object(map) => map.shift_remove(last).is_some(),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// The value at a path.
pub(crate) fn get<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |at, step| match at {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(map) => map.get(step),
        _ => None,
    })
}

/// Text at a path, or "".
pub(crate) fn text<'a>(root: &'a Value, path: &str) -> &'a str {
    get(root, path).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_set_read_and_removed() {
        let mut root = json!({"a": {"b": [1, {"c": 2}]}});
        assert!(set(&mut root, "a.b.1.c", json!(3)));
        assert!(set(&mut root, "x.y", json!("z")));
        assert!(!set(&mut root, "a.b.9", json!(1)));
        assert!(!set(&mut root, "x.y.z", json!(1)));
        assert_eq!(root, json!({"a": {"b": [1, {"c": 3}]}, "x": {"y": "z"}}));
        assert_eq!(text(&root, "x.y"), "z");
        assert!(remove(&mut root, "a.b.0") && remove(&mut root, "x") && !remove(&mut root, "x.y"));
        assert!(set(&mut root, "a.b.0.c", Value::Null));
        assert_eq!(root, json!({"a": {"b": [{}]}}));
    }
}
