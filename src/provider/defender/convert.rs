//! Between Graph's messages and our values, both ways and without loss.
//!
//! Writing: the marker becomes the last line of the rule's own description, and an update is spelled out in full,
//! because PATCH keeps whatever it is not told (CONTRACT A.2, peers' quirk 2): every known collection that is not in use
//! is sent as `[]`, every text that the rule lost as `""`. Nothing that the server owns is echoed, or it answers 400.
//! Reading: the retired shape is mapped, line ends become `\n`, techniques take their normal form.

use serde_json::{Map, Value, json};

use super::{legacy, wire};
use crate::provider::Write;
use crate::provider::fields::{self, Table, merge_unknown, object_mut, text, unix_lines};
use crate::provider::technique;
use crate::resource::{Body, Kind, Live, Marker, MarkerCarrier, ServerFacts};

/// Properties of the newest beta only (CONTRACT A.4), as paths.
const PREVIEW: [&[&str]; 3] = [
    &["schedule", "lookback"],
    &["detectionAction", "alertTemplate", "eventGroupingKind"],
    &["detectionAction", "incidentConfiguration"],
];

/// As [`live`], for an environment that does not manage the properties of the newest beta: whatever the service says of
/// them stays as it is, like every property that this version does not know.
pub(super) fn live_without_preview(rule: Body) -> Live {
    let mut live = live(rule);
    for path in PREVIEW {
        if let Some(value) = taken(&mut live.body, path) {
            put_at(&mut live.unknown, path, value);
        }
    }
    live
}

fn taken(body: &mut Body, path: &[&str]) -> Option<Value> {
    match path {
        [] => None,
        [last] => body.shift_remove(*last),
        [first, rest @ ..] => taken(object_mut(body, first)?, rest),
    }
}

fn put_at(body: &mut Body, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            body.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => within(body, first, |inside| put_at(inside, rest, value)),
    }
}

/// A rule as it is.
pub(super) fn live(mut rule: Body) -> Live {
    let legacy = legacy::modernise(&mut rule);
    let unmapped = legacy::unmapped(&rule);
    let own = |name: &str| text(&rule, name).map(str::to_owned);
    let server = ServerFacts {
        etag: None,
        modified_at: own("lastModifiedDateTime"),
        modified_by: own("lastModifiedBy"),
        legacy,
        unmapped,
        request_id: None,
    };
    let remote_id = own("id").unwrap_or_default();
    let name = own("displayName").unwrap_or_default();
    let auto_disabled = auto_disabled(&rule);

    without_annotations(&mut rule);
    let (mut body, unknown) = fields::split(rule, wire::RULE);
    if auto_disabled.is_some() {
        // The service refuses its own word on write.
        body.insert("status".to_owned(), json!("disabled"));
    }
    normal_lines(&mut body);
    let mut marker = None;
    if let Some(description) = fields::take_text(&mut body, "description") {
        let (rest, found) = Marker::split(&description, MarkerCarrier::Description);
        if !rest.is_empty() {
            body.insert("description".to_owned(), json!(rest));
        }
        marker = found;
    }
    if let Some(template) =
        object_mut(&mut body, "detectionAction").and_then(|a| object_mut(a, "alertTemplate"))
    {
        if let Some(Value::Array(tactics)) = template.get_mut("tactics") {
            tactics.iter_mut().for_each(normal_tactic);
        }
        // Microsoft's Bicep sample shows this member; no metadata knows it.
        if let Some(mappings) = object_mut(template, "entityMappings") {
            for item in mappings
                .values_mut()
                .filter_map(Value::as_array_mut)
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                item.shift_remove("id");
            }
        }
    }
    Live { remote_id, kind: Kind::CustomDetection, name, body, unknown, marker, server, auto_disabled }
}

/// The body of POST.
pub(super) fn created(write: &Write) -> Body {
    let mut body = Body::new();
    body.insert("id".to_owned(), json!(write.remote_id));
    body.extend(marked(write));
    body
}

/// The body of PATCH, complete.
pub(super) fn updated(write: &Write, before: &Live) -> Body {
    let mut body = marked(write);
    if write.body == before.body && !before.server.legacy {
        // Only the marker changes: nothing that the service could take for another rule is sent. A rule that still has
        // the retired shape is written anew in the present one.
        body.retain(|name, _| name == "description");
        return body;
    }
    clear_lost(&mut body, &before.body);
    within(&mut body, "detectionAction", |action| {
        within(action, "alertTemplate", |template| {
            template.entry("tactics").or_insert_with(|| json!([]));
            template.entry("customDetails").or_insert_with(|| json!({}));
            within(template, "entityMappings", |mappings| empty_collections(mappings, wire::ENTITY_MAPPINGS));
        });
        within(action, "automatedActions", |actions| empty_collections(actions, wire::AUTOMATED_ACTIONS));
        within(action, "organizationalScope", |scope| {
            scope.entry("deviceGroups").or_insert_with(|| json!([]));
        });
    });
    merge_unknown(&mut body, &before.unknown);
    body
}

fn marked(write: &Write) -> Body {
    let mut body = write.body.clone();
    let description = text(&body, "description").unwrap_or_default();
    let description = write.marker.append(description, MarkerCarrier::Description);
    body.insert("description".to_owned(), json!(description));
    body
}

/// Whatever `before` has and `body` lacks is set to nothing, because omission would keep it.
fn clear_lost(body: &mut Body, before: &Body) {
    for (name, old) in before {
        match (body.get_mut(name), old) {
            (Some(Value::Object(new)), Value::Object(old)) if name != "customDetails" => clear_lost(new, old),
            (Some(_), _) => {}
            (None, old) => {
                body.insert(name.clone(), nothing(name, old));
            }
        }
    }
}

fn nothing(name: &str, old: &Value) -> Value {
    match (name, old) {
        ("eventGroupingKind", _) => json!("alertPerEvent"),
        // Null asks for the service's own choice, by frequency.
        ("lookback", _) => Value::Null,
        ("customDetails", _) => json!({}),
        (_, Value::Object(members)) => {
            Value::Object(members.iter().map(|(name, old)| (name.clone(), nothing(name, old))).collect())
        }
        (_, Value::Array(_)) => json!([]),
        (_, Value::Bool(_)) => json!(false),
        (_, Value::String(_)) => json!(""),
        (_, Value::Number(_) | Value::Null) => Value::Null,
    }
}

fn empty_collections(object: &mut Map<String, Value>, collections: Table) {
    for (name, _) in collections {
        object.entry(*name).or_insert_with(|| json!([]));
    }
}

/// Changes the object at `name`, which is made if it is not there.
fn within(body: &mut Map<String, Value>, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut object = match body.get_mut(name).map(Value::take) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    change(&mut object);
    body.insert(name.to_owned(), Value::Object(object));
}

/// The reason, when the service switched the rule off by itself. Only the retired shape says why.
fn auto_disabled(rule: &Body) -> Option<String> {
    if text(rule, "status") != Some("autoDisabled") {
        return None;
    }
    let details = rule.get("lastRunDetails");
    let said =
        |name: &str| details.and_then(|d| d.get(name)).and_then(Value::as_str).filter(|t| !t.is_empty());
    Some(
        said("failureReason")
            .or_else(|| said("errorCode"))
            .unwrap_or("the service gives no reason")
            .to_owned(),
    )
}

/// OData's annotations are about the message, not the rule.
fn without_annotations(object: &mut Map<String, Value>) {
    object.retain(|name, _| !name.contains("@odata."));
    for value in object.values_mut() {
        match value {
            Value::Object(members) => without_annotations(members),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(without_annotations);
            }
            _ => {}
        }
    }
}

fn normal_lines(body: &mut Body) {
    for value in body.values_mut() {
        match value {
            Value::String(text) => *text = unix_lines(std::mem::take(text)),
            Value::Object(members) => normal_lines(members),
            _ => {}
        }
    }
}

/// `{"technique": "T1059.001"}` is read back as its parent with one sub-technique; entries of one parent are joined.
fn normal_tactic(tactic: &mut Value) {
    let Some(Value::Array(techniques)) = tactic.get_mut("techniques") else { return };
    let mut normal: Vec<(String, Vec<String>)> = Vec::new();
    for entry in techniques.iter() {
        let Some(id) = entry.get("technique").and_then(Value::as_str) else { continue };
        let (parent, is_sub) = technique::parent(id);
        let at = normal.iter().position(|(known, _)| known == parent).unwrap_or_else(|| {
            normal.push((parent.to_owned(), Vec::new()));
            normal.len() - 1
        });
        let Some((_, subs)) = normal.get_mut(at) else { continue };
        let listed = entry.get("subTechniques").and_then(Value::as_array).into_iter().flatten();
        let listed = listed.filter_map(Value::as_str);
        for sub in is_sub.then_some(id).into_iter().chain(listed) {
            if !subs.iter().any(|known| known == sub) {
                subs.push(sub.to_owned());
            }
        }
    }
    *techniques = normal
        .into_iter()
        .map(|(parent, subs)| {
            if subs.is_empty() {
                json!({ "technique": parent })
            } else {
                json!({ "technique": parent, "subTechniques": subs })
            }
        })
        .collect();
}
