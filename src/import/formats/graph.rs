//! Custom detections as Graph takes them, and in the shape that it retired.

use serde_json::{Map, Value};

use super::{Foreign, Format, Reading};
use crate::import::draft::Draft;
use crate::import::raise;
use crate::provider::defender::modernise;

type Object = Map<String, Value>;

/// What the service says about a rule, and nobody can write.
const SERVER: &[&str] = &[
    "id",
    "detectorId",
    "createdBy",
    "createdDateTime",
    "lastModifiedBy",
    "lastModifiedDateTime",
    "lastRunDetails",
];

/// The rule of a document, in either shape.
pub(super) fn read(document: Object, reading: &mut Reading) {
    let id = document.get("id").and_then(Value::as_str).map(str::to_owned);
    match draft(document) {
        Ok((draft, was_legacy)) => {
            let format = if was_legacy { Format::GraphLegacy } else { Format::Graph };
            reading.rules.push(Foreign { platform_id: id, ..Foreign::new(format, draft) });
        }
        Err(reason) => reading.broken(None, reason),
    }
}

/// The rule file of a document, and whether it was in the retired shape.
pub(super) fn draft(mut document: Object) -> Result<(Draft, bool), String> {
    let was_legacy = modernise(&mut document);
    let mut owned = Object::new();
    for name in SERVER {
        if let Some(value) = document.shift_remove(*name) {
            owned.insert((*name).to_owned(), value);
        }
    }
    if let Some(Value::Object(schedule)) = document.get_mut("schedule")
        && let Some(value) = schedule.shift_remove("nextRunDateTime")
    {
        owned.insert("nextRunDateTime".to_owned(), value);
    }
    if let Some(Value::Object(condition)) = document.get_mut("queryCondition")
        && let Some(value) = condition.shift_remove("lastModifiedDateTime")
    {
        owned.insert("queryLastModifiedDateTime".to_owned(), value);
    }
    document.retain(|name, _| !name.starts_with("@odata."));
    let mut draft = raise::defender(&document);
    if draft.name.is_empty() {
        return Err("the rule has no name".to_owned());
    }
    if draft.query.is_none() {
        return Err("the rule has no query".to_owned());
    }
    draft.keep("graph", Value::Object(owned), "the service says so, and nobody can write it");
    Ok((draft, was_legacy))
}
