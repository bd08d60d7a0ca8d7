//! Sorting an answer's properties into what we manage, what the server owns, and what this version does not know.
//!
//! Each provider has one table of the properties that it writes. Whatever an answer holds beyond it is carried along and
//! sent back, so that a service that grows a property never loses it through us. Null is absence everywhere.

use serde_json::{Map, Value};

use crate::resource::Body;

/// What one property is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    /// Managed, with everything in it.
    Value,
    /// Managed, member by member.
    Object(Table),
    /// Owned by the server: never written, never compared.
    Server,
}

/// Properties by name.
pub(super) type Table = &'static [(&'static str, Known)];

/// Splits `properties` into managed content and what `table` does not know; the server's own is dropped. What is managed
/// stays where it is, because that is nearly everything.
pub(super) fn split(mut properties: Body, table: Table) -> (Body, Body) {
    strip_members(&mut properties);
    let unknown = take_unknown(&mut properties, table);
    (properties, unknown)
}

fn take_unknown(properties: &mut Body, table: Table) -> Body {
    let mut unknown = Body::new();
    properties.retain(|name, value| match (lookup(table, name), value) {
        (Some(Known::Server), _) => false,
        (Some(Known::Object(inner)), Value::Object(members)) => {
            let was_empty = members.is_empty();
            let rest = take_unknown(members, inner);
            if !rest.is_empty() {
                unknown.insert(name.clone(), Value::Object(rest));
            }
            !members.is_empty() || was_empty
        }
        (Some(Known::Value | Known::Object(_)), _) => true,
        (None, value) => {
            unknown.insert(name.clone(), value.take());
            false
        }
    });
    unknown
}

/// Puts properties of `unknown` back into `body`, member by member; what `body` says itself wins.
pub(super) fn merge_unknown(body: &mut Body, unknown: &Body) {
    for (name, value) in unknown {
        match (body.get_mut(name), value) {
            (None, value) => {
                body.insert(name.clone(), value.clone());
            }
            (Some(Value::Object(inside)), Value::Object(members)) => merge_unknown(inside, members),
            (Some(_), _) => {}
        }
    }
}

/// `\r\n` and lone `\r` as `\n`: Graph returns queries with CRLF whatever was sent (peers, quirk 15).
pub(super) fn unix_lines(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// The text of a property.
pub(super) fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// Takes the text of a property out.
pub(super) fn take_text(body: &mut Body, name: &str) -> Option<String> {
    match body.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            body.insert(name.to_owned(), other);
            None
        }
        None => None,
    }
}

/// The object at a property.
pub(super) fn object_mut<'a>(body: &'a mut Body, name: &str) -> Option<&'a mut Map<String, Value>> {
    body.get_mut(name).and_then(Value::as_object_mut)
}

fn lookup(table: Table, name: &str) -> Option<Known> {
    table.iter().find(|(known, _)| *known == name).map(|(_, known)| *known)
}

/// Takes every null out of what a value holds.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => strip_members(members),
        Value::Array(items) => items.retain_mut(|value| {
            strip_nulls(value);
            !value.is_null()
        }),
        _ => {}
    }
}

fn strip_members(members: &mut Body) {
    members.retain(|_, value| {
        strip_nulls(value);
        !value.is_null()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: Table =
        &[("a", Known::Value), ("o", Known::Object(&[("x", Known::Value)])), ("etag", Known::Server)];

    use crate::provider::testing::object as body;

    #[test]
    fn knows_the_managed_from_the_unknown_and_loses_neither() {
        let answer =
            body(json!({"a": 1, "etag": "e", "o": {"x": [null, 1], "y": 2}, "new": {"z": null}, "n": null}));
        let (managed, unknown) = split(answer, TABLE);
        assert_eq!(managed, body(json!({"a": 1, "o": {"x": [1]}})));
        assert_eq!(unknown, body(json!({"o": {"y": 2}, "new": {}})));

        let mut write = body(json!({"a": 2, "o": {"x": [3]}}));
        merge_unknown(&mut write, &unknown);
        assert_eq!(write, body(json!({"a": 2, "o": {"x": [3], "y": 2}, "new": {}})));
    }

    #[test]
    fn carries_unknown_members_even_when_their_parent_is_gone() {
        let mut write = Body::new();
        merge_unknown(&mut write, &body(json!({"o": {"y": 2}})));
        assert_eq!(write, body(json!({"o": {"y": 2}})));
    }
}
