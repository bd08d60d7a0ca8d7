//! Creating, changing and deleting custom detections.

use serde_json::{Map, Value, json};

use super::tables::{RULE, SERVICE_OWNED};
use super::{check, error, newest_known, read, retired};
use crate::sandbox::answer::Twist;
use crate::sandbox::http::{Call, Reply};
use crate::sandbox::shelf::{Actor, Record};
use crate::sandbox::switches::{PatchErrors, Switches};
use crate::sandbox::token::APPLICATION;
use crate::sandbox::world::World;
use crate::sandbox::{SandboxError, paths, schema};

/// A refusal: status, code, message.
pub(crate) type Refused = (u16, &'static str, String);

pub(crate) fn create(world: &mut World, call: &Call, key: &str, twist: &Twist) -> Reply {
    let now = world.now_ms();
    let body = match object(call) {
        Ok(body) => body,
        Err(message) => return error(call, now, 400, "BadRequest", &message),
    };
    let newest = newest_known(call.segment(0), &world.switches);
    match add(world, key, &body, newest, &application(), &twist.drop) {
        Err(e) => error(call, now, 500, "InternalServerError", &e.to_string()),
        Ok(Err((status, code, message))) => error(call, now, status, code, &message),
        Ok(Ok(id)) => {
            let location = format!("{}{}/{id}", call.origin(), call.path.trim_end_matches('/'));
            read::one(world, call, key, &id, 201).header("location", location)
        }
    }
}

pub(crate) fn update(world: &mut World, call: &Call, key: &str, twist: &Twist) -> Reply {
    let now = world.now_ms();
    let body = match object(call) {
        Ok(body) => body,
        Err(message) => return error(call, now, 400, "BadRequest", &message),
    };
    let id = call.segment(4).to_owned();
    let newest = newest_known(call.segment(0), &world.switches);
    match change(world, key, &id, &body, newest, &application(), &twist.drop) {
        Err(e) => error(call, now, 500, "InternalServerError", &e.to_string()),
        Ok(Err((400, code, _))) if world.switches.graph_patch_errors == PatchErrors::Opaque => {
            error(call, now, 400, code, "Bad request. Please check your input.")
        }
        Ok(Err((status, code, message))) => error(call, now, status, code, &message),
        Ok(Ok(())) => match rewritten(world, key, &id) {
            Err(e) => error(call, now, 500, "InternalServerError", &e.to_string()),
            Ok(()) => read::one(world, call, key, &id, 200),
        },
    }
}

/// An update through the API ends the retired shape of a rule (switch `graph_retired_shape`).
fn rewritten(world: &mut World, key: &str, id: &str) -> Result<(), SandboxError> {
    let record = world.shelf(key).and_then(|shelf| shelf.get(id)).map(|record| Record::clone(record));
    match record.filter(|record| retired::is_retired(record, &world.switches)) {
        Some(record) => world.put(key, Record { class: retired::REWRITTEN.to_owned(), ..record }),
        None => Ok(()),
    }
}

pub(crate) fn delete(world: &mut World, call: &Call, key: &str) -> Reply {
    let now = world.now_ms();
    match world.remove(key, call.segment(4), world.switches.graph_delete_linger_reads) {
        Ok(true) => Reply::empty(204),
        Ok(false) => read::missing(world, call),
        Err(e) => error(call, now, 500, "InternalServerError", &e.to_string()),
    }
}

/// Creates a rule; its id, or the refusal, or a failure to store it.
pub(crate) fn add(
    world: &mut World,
    key: &str,
    body: &Map<String, Value>,
    newest: bool,
    actor: &Actor,
    drop: &[String],
) -> Result<Result<String, Refused>, SandboxError> {
    if let Some(message) = check::rule(body, newest, &world.switches) {
        return Ok(Err((400, "BadRequest", message)));
    }
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let stored = storable(body, newest, drop, &world.switches);
    let labels = labels(&stored);
    if taken(world, key, &labels, "") {
        return Ok(Err(duplicate()));
    }
    let now = world.now_ms();
    let record = Record {
        id: id.clone(),
        etag: String::new(),
        created_by: actor.clone(),
        created_ms: now,
        modified_by: actor.clone(),
        modified_ms: now,
        class: String::new(),
        labels,
        document: Value::Object(stored).to_string(),
    };
    world.put(key, record)?;
    Ok(Ok(id))
}

/// Merges a PATCH into a rule (CONTRACT A.2, A.4): what is left out keeps its value.
pub(crate) fn change(
    world: &mut World,
    key: &str,
    id: &str,
    patch: &Map<String, Value>,
    newest: bool,
    actor: &Actor,
    drop: &[String],
) -> Result<Result<(), Refused>, SandboxError> {
    let Some(before) = world.shelf(key).and_then(|shelf| shelf.get(id)).cloned() else {
        let message = format!("Resource '{id}' does not exist.");
        return Ok(Err((404, "NotFound", message)));
    };
    let bad = |message: String| Ok(Err((400, "BadRequest", message)));
    if let Some(owned) = SERVICE_OWNED.iter().find(|name| patch.contains_key(**name)) {
        return bad(format!("Property '{owned}' cannot be updated."));
    }
    let stored: Value = serde_json::from_str(&before.document).unwrap_or_default();
    let mut merged = stored.clone();
    merge(&mut merged, &Value::Object(patch.clone()), "");
    let mut whole = merged.as_object().cloned().unwrap_or_default();
    // `autoDisabled` may stay, but nobody may set it.
    let disabled_by_service = whole.get("status").and_then(Value::as_str) == Some("autoDisabled");
    if disabled_by_service && !patch.contains_key("status") {
        whole.insert("status".to_owned(), json!("disabled"));
    }
    if let Some(message) = check::rule(&whole, newest, &world.switches) {
        return bad(message);
    }
    let mut document = storable(&whole, newest, drop, &world.switches);
    if disabled_by_service {
        document.insert("status".to_owned(), json!("autoDisabled"));
    }
    if !newest {
        // A version that does not know the newest properties leaves them alone.
        keep_newest(&mut document, &stored);
    }
    let labels = labels(&document);
    if taken(world, key, &labels, id) {
        return Ok(Err(duplicate()));
    }
    let record = Record {
        modified_by: actor.clone(),
        modified_ms: world.now_ms(),
        labels,
        document: Value::Object(document).to_string(),
        ..Record::clone(&before)
    };
    world.put(key, record)?;
    Ok(Ok(()))
}

fn application() -> Actor {
    Actor { name: APPLICATION.to_owned(), kind: "Application".to_owned() }
}

fn object(call: &Call) -> Result<Map<String, Value>, String> {
    match call.json() {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("The request body must be an object.".to_owned()),
        Err(e) => Err(format!("Unable to read JSON request payload. {e}")),
    }
}

fn duplicate() -> Refused {
    (409, "Conflict", "A detection rule with this name, title, or rule ID already exists.".to_owned())
}

/// What the service keeps of a valid rule.
fn storable(
    body: &Map<String, Value>,
    newest: bool,
    drop: &[String],
    switches: &Switches,
) -> Map<String, Value> {
    let mut root = Value::Object(schema::prune(RULE, body, newest));
    for path in drop {
        paths::remove(&mut root, path);
    }
    if switches.graph_one_hash_in_file_actions {
        keep_one_hash(&mut root);
    }
    let mut stored = match root {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    stored.shift_remove("@odata.type");
    stored
}

fn keep_one_hash(root: &mut Value) {
    for name in ["allowFiles", "blockFiles"] {
        let actions = root.pointer_mut(&format!("/detectionAction/automatedActions/{name}"));
        for action in
            actions.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
        {
            if action.contains_key("sha256Column") {
                action.shift_remove("sha1Column");
            }
        }
    }
}

fn keep_newest(document: &mut Map<String, Value>, stored: &Value) {
    let mut root = Value::Object(std::mem::take(document));
    for path in [
        "schedule.lookback",
        "detectionAction.alertTemplate.eventGroupingKind",
        "detectionAction.incidentConfiguration",
    ] {
        if let Some(value) = paths::get(stored, path) {
            paths::set(&mut root, path, value.clone());
        }
    }
    if let Value::Object(map) = root {
        *document = map;
    }
}

/// Deep merge of objects; collections are replaced whole. Custom details cannot be cleared once set, and a null clears
/// only what is not a collection.
fn merge(into: &mut Value, patch: &Value, path: &str) {
    let (Value::Object(target), Value::Object(changes)) = (&mut *into, patch) else {
        *into = patch.clone();
        return;
    };
    for (name, value) in changes {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if at == "detectionAction.alertTemplate.customDetails" {
            if value.as_object().is_some_and(|details| !details.is_empty()) {
                target.insert(name.clone(), value.clone());
            }
            continue;
        }
        match target.get_mut(name) {
            Some(known @ Value::Object(_)) if value.is_object() => merge(known, value, &at),
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The keys that must be unique in the tenant; compared without case.
fn labels(document: &Map<String, Value>) -> Vec<String> {
    let root = Value::Object(document.clone());
    [("id", "id"), ("name", "displayName"), ("title", "detectionAction.alertTemplate.title")]
        .map(|(label, path)| format!("{label}:{}", paths::text(&root, path).to_lowercase()))
        .into()
}

/// Is one of the keys in use, by a rule or by one that was deleted and is not quite gone?
fn taken(world: &World, key: &str, labels: &[String], except: &str) -> bool {
    let Some(shelf) = world.shelf(key) else { return false };
    let held = |label: &String| shelf.holder_of(label, except).is_some();
    let reserved = |label: &String| {
        shelf.all_gone().any(|gone| {
            read::reserved(gone, world)
                && !gone.record.id.eq_ignore_ascii_case(except)
                && gone.record.labels.contains(label)
        })
    };
    labels.iter().any(|label| held(label) || reserved(label))
}
