//! ARM templates in JSON, whoever made them, and answers of Resource Manager and Graph that somebody saved.
//!
//! A template is read resource by resource, so that an export of a large workspace takes little more memory than its rules.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::expression::Scope;
use super::{Foreign, Format, Reading, azure_sentinel, graph, one};
use crate::import::draft::Draft;
use crate::import::raise;

type Object = Map<String, Value>;

/// Members that hold many things, which are looked at one by one.
const STREAMED: &[&str] = &["resources", "value"];

/// Members of a resource that say how it is deployed, and nothing about the rule.
const ENVELOPE: &[&str] = &["type", "apiVersion", "kind", "name", "id", "properties"];

/// Deepest nesting of templates inside of templates.
const DEEPEST: usize = 8;

/// Everything in a JSON text.
pub(super) fn json(text: &str, reading: &mut Reading) {
    let mut head = Object::new();
    let first = stream(text, &mut |key, value| {
        if let Some(key) = key {
            head.insert(key.to_owned(), value);
        }
    });
    if let Err(error) = first {
        return reading.broken(None, format!("it is not JSON: {error}"));
    }
    let scope = Scope::new(&head, &Object::new());
    let is_template = head.contains_key("resources");
    let is_list = head.contains_key("value") || text.trim_start().starts_with('[');
    if !is_template && !is_list {
        return one(Value::Object(head), None, reading);
    }
    around(&head, reading);
    let mut number = 0;
    let second = stream(text, &mut |key, value| {
        if key.is_none() {
            number += 1;
            let part = if is_template { "resource" } else { "item" };
            element(value, &scope, &format!("{part} {number}"), 0, reading);
        }
    });
    if let Err(error) = second {
        reading.broken(None, format!("it is not JSON: {error}"));
    }
}

/// One resource given as a document of its own.
pub(super) fn resource(document: Object, reading: &mut Reading) {
    rule(document, &Scope::default(), None, reading);
}

/// Notes what stands beside the resources of a template.
fn around(head: &Object, reading: &mut Reading) {
    let names: Vec<&str> = head.keys().map(String::as_str).filter(|name| !STREAMED.contains(name)).collect();
    if !names.is_empty() {
        reading.around.push(names.join(", "));
    }
}

fn element(value: Value, scope: &Scope, part: &str, depth: usize, reading: &mut Reading) {
    let Value::Object(mut document) = value else {
        return reading.no_rule(Some(part.to_owned()), "it is no resource");
    };
    let Some(kind) = document.get("type").and_then(Value::as_str).map(str::to_ascii_lowercase) else {
        return one(Value::Object(document), Some(part.to_owned()), reading);
    };
    let nested = ["/properties/template", "/properties/mainTemplate"];
    let pointer = nested.iter().find(|pointer| pointed(&document, pointer).is_some());
    if let Some(pointer) = pointer.filter(|_| depth < DEEPEST) {
        let Some(Value::Object(template)) = pointed(&document, pointer).cloned() else { return };
        let inside = if pointer.ends_with("mainTemplate") {
            // A content template shares the names of the solution around it.
            Scope { parameters: scope.parameters.clone(), variables: scope.variables.clone() }
        } else {
            Scope::new(&template, &passed(&document, scope))
        };
        let resources = match template.get("resources") {
            Some(Value::Array(items)) => items.clone(),
            Some(Value::Object(members)) => members.values().cloned().collect(),
            _ => Vec::new(),
        };
        for (number, resource) in (1..).zip(resources) {
            element(resource, &inside, &format!("{part}.{number}"), depth + 1, reading);
        }
        return;
    }
    // The type of a resource of a Bicep extension has its version behind it.
    let plain = kind.split('@').next().unwrap_or_default();
    if plain.ends_with("/alertrules") || plain.ends_with("/alertruletemplates") {
        rule(document, scope, Some(part.to_owned()), reading);
    } else if plain == "microsoft.security/detectionrules" {
        let mut open = Vec::new();
        let properties = document.shift_remove("properties").unwrap_or_default();
        let Value::Object(mut properties) = scope.resolve(properties, "", &mut open) else { return };
        if let Some(name) = document.shift_remove("name").filter(|_| !properties.contains_key("id")) {
            properties.insert("id".to_owned(), name);
        }
        let before = reading.rules.len();
        graph::read(properties, reading);
        finish(reading, before, document, &open, Some(part));
    } else {
        let name = document.get("name").and_then(Value::as_str).unwrap_or_default();
        let reason = format!("a resource of type {}, {name}", document_type(&document));
        reading.no_rule(Some(part.to_owned()), reason);
    }
}

fn pointed<'d>(document: &'d Object, pointer: &str) -> Option<&'d Value> {
    let mut path = pointer.trim_start_matches('/').split('/');
    let first = document.get(path.next()?)?;
    path.try_fold(first, |value, name| value.get(name))
}

fn document_type(document: &Object) -> &str {
    document.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// What a deployment passes to its template.
fn passed(document: &Object, scope: &Scope) -> Object {
    let parameters = pointed(document, "/properties/parameters").and_then(Value::as_object);
    let value = |(name, parameter): (&String, &Value)| {
        let value = parameter.get("value")?.clone();
        let mut open = Vec::new();
        let value = scope.resolve(value, "", &mut open);
        open.is_empty().then(|| (name.clone(), value))
    };
    parameters.into_iter().flatten().filter_map(value).collect()
}

/// An analytics rule or a template of one.
fn rule(mut document: Object, scope: &Scope, part: Option<String>, reading: &mut Reading) {
    let mut open = Vec::new();
    let kind = document.get("kind").cloned().unwrap_or_default();
    let kind = scope.resolve(kind, "kind", &mut open);
    let Some(kind) = kind.as_str().map(azure_sentinel::kind_named) else {
        return reading.broken(part, "the resource has no kind");
    };
    let properties = document.shift_remove("properties").unwrap_or_default();
    let Value::Object(mut properties) = scope.resolve(properties, "properties", &mut open) else {
        return reading.broken(part, "the resource has no properties");
    };
    for needed in ["displayName", "query"] {
        if let Some((_, text)) = open.iter().find(|(path, _)| *path == format!("properties.{needed}")) {
            let reason = format!("its {needed} is an expression that cannot be worked out here: {text}");
            return reading.broken(part, reason);
        }
    }
    azure_sentinel::spell_out(&mut properties);
    let mut notes = Draft::default();
    if let Some(mappings) = properties.shift_remove("entityMappings") {
        azure_sentinel::entities(mappings, &mut properties, &mut notes);
    }
    let mut draft = raise::sentinel(&kind, &properties);
    draft.remarks.splice(0..0, notes.remarks);
    draft.extra.extend(notes.extra);
    let name = document.shift_remove("name").unwrap_or_default();
    let id = name.as_str().and_then(|name| rule_id(name, scope));
    if draft.name.is_empty() {
        // Rules of some kinds have no name of their own.
        match &id {
            Some(id) => draft.name.clone_from(id),
            None => return reading.broken(part, "the rule has no name"),
        }
    }
    draft.keep("original-id", name, "ids are made from names here");
    let before = reading.rules.len();
    reading.rules.push(Foreign { platform_id: id, ..Foreign::new(Format::Arm, draft) });
    finish(reading, before, document, &open, part.as_deref());
}

/// Keeps what the envelope says beyond its usual members, and every expression that was not worked out.
fn finish(
    reading: &mut Reading,
    before: usize,
    document: Object,
    open: &[(String, String)],
    part: Option<&str>,
) {
    let rest: Object = document.into_iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str())).collect();
    for rule in reading.rules.iter_mut().skip(before) {
        rule.part = part.map(str::to_owned);
        rule.format = Format::Arm;
        for (path, text) in open {
            rule.draft.remark(
                crate::import::Fate::Kept,
                path.clone(),
                format!("the expression {text} cannot be worked out here, and stands in the file as it is"),
            );
        }
        rule.draft.keep("arm", Value::Object(rest.clone()), "it is about the deployment, not the rule");
    }
}

/// The rule's id in a resource's name: the last part, without the workspace before it.
fn rule_id(name: &str, scope: &Scope) -> Option<String> {
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().trim().to_owned();
    let fits = |id: &String| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if let Some(value) = scope.text(name, 0) {
        return value.as_str().map(last).filter(fits);
    }
    // The workspace may be unknown where the id is not: `[concat(parameters('workspace'), '/…/ID')]`.
    let inner = name.strip_suffix("]")?.trim_end().strip_suffix(')')?.trim_end();
    let literal = inner.strip_suffix('\'')?.rsplit('\'').next()?;
    literal.contains('/').then(|| last(literal)).filter(fits)
}

/// Reads a document once. Members of its top level are handed over by name, those of [`STREAMED`] and the items of a list one by
/// one without a name; a list by a streamed name is also announced by name, with null.
fn stream(text: &str, each: &mut dyn FnMut(Option<&str>, Value)) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Top { each })?;
    deserializer.end()
}

struct Top<'f> {
    each: &'f mut dyn FnMut(Option<&str>, Value),
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(value) = items.next_element::<Value>()? {
            (self.each)(None, value);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            if STREAMED.contains(&key.as_str()) {
                (self.each)(Some(&key), Value::Null);
                members.next_value_seed(Items { each: &mut *self.each })?;
            } else {
                let value = members.next_value::<Value>()?;
                (self.each)(Some(&key), value);
            }
        }
        Ok(())
    }
}

/// The resources of a template: a list, or since languageVersion 2.0 an object of symbolic names.
struct Items<'f> {
    each: &'f mut dyn FnMut(Option<&str>, Value),
}

impl<'de> serde::de::DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Top { each: self.each }.visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            let value = members.next_value::<Value>()?;
            (self.each)(None, value);
        }
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}
