//! Watchlists and their items (CONTRACT B.11). A watchlist is one record of a shelf of its own; its items are inside.
//!
//! What a PUT of content over an existing list does is open, and so is how long an upload takes: both are switches.

use serde_json::{Map, Value, json};

use super::Workspace;
use crate::sandbox::clock;
use crate::sandbox::http::{Call, Reply, percent_encode};
use crate::sandbox::paths;
use crate::sandbox::shelf::{Actor, Record};
use crate::sandbox::switches::RawContent;
use crate::sandbox::token::APPLICATION;
use crate::sandbox::world::World;

/// Longest line of an upload, and the largest upload (B.11).
const MAX_LINE: usize = 10_240;
const MAX_UPLOAD: usize = 3_984_588;
const REQUIRED: [&str; 3] = ["displayName", "provider", "itemsSearchKey"];
const KNOWN: [&str; 14] = [
    "displayName",
    "provider",
    "itemsSearchKey",
    "source",
    "sourceType",
    "description",
    "contentType",
    "numberOfLinesToSkip",
    "rawContent",
    "defaultDuration",
    "labels",
    "watchlistType",
    "watchlistAlias",
    "uploadStatus",
];

/// Name of a workspace's shelf of watchlists.
fn shelf(workspace: &Workspace) -> String {
    workspace.shelf().replacen("sentinel:", "watchlists:", 1)
}

/// Everything at or below `/watchlists`.
pub(super) fn answer(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let stable_2025 = call.query("api-version").is_some_and(|version| version >= "2025");
    let items = call.segment(12).eq_ignore_ascii_case("watchlistitems");
    let get = call.method == axum::http::Method::GET;
    let put = call.method == axum::http::Method::PUT;
    let delete = call.method == axum::http::Method::DELETE;
    match call.segments.len() {
        11 if get => list(world, call, workspace),
        12 if get => get_one(world, call, workspace),
        12 if put => put_one(world, call, workspace, stable_2025),
        12 if delete => delete_one(world, call, workspace, stable_2025),
        13 if items && get => list_items(world, call, workspace),
        14 if items && get => get_item(world, call, workspace),
        14 if items && put => put_item(world, call, workspace),
        14 if items && delete => delete_item(world, call, workspace),
        _ => Reply::cloud_error(405, "MethodNotAllowed", "The HTTP method is not supported at this path."),
    }
}

fn missing() -> Reply {
    Reply::cloud_error(404, "NotFound", "Watchlist was not found.")
}

fn bad(message: &str) -> Reply {
    Reply::cloud_error(400, "BadRequest", message)
}

fn found(world: &World, workspace: &Workspace, alias: &str) -> Option<(Record, Value)> {
    let record = world.shelf(&shelf(workspace))?.get(alias)?;
    Some((Record::clone(record), serde_json::from_str(&record.document).unwrap_or_default()))
}

fn list(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let records: Vec<Record> = world
        .shelf(&shelf(workspace))
        .into_iter()
        .flat_map(|shelf| shelf.all().map(|(_, record)| Record::clone(record)).collect::<Vec<_>>())
        .collect();
    let shown = records.iter().map(|record| {
        let document: Value = serde_json::from_str(&record.document).unwrap_or_default();
        shown(record, &document, workspace)
    });
    page(world, call, shown.collect())
}

fn get_one(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let Some((record, mut document)) = found(world, workspace, call.segment(11)) else { return missing() };
    let reply = Reply::json(200, &shown(&record, &document, workspace));
    // An upload that is under way is one look nearer to its end.
    let left = document.get("polls_left").and_then(Value::as_u64).unwrap_or(0);
    if left > 0 {
        document["polls_left"] = json!(left - 1);
        let record = Record { document: document.to_string(), ..record };
        if let Err(error) = world.put(&shelf(workspace), record) {
            return Reply::cloud_error(500, "InternalServerError", &error.to_string());
        }
    }
    reply
}

fn shown(record: &Record, document: &Value, workspace: &Workspace) -> Value {
    let mut properties = document.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.shift_remove("rawContent");
    let under_way = document.get("polls_left").and_then(Value::as_u64).unwrap_or(0) > 0;
    let user = |actor: &Actor| json!({"objectId": null, "email": null, "name": actor.name});
    for (name, value) in [
        (
            "watchlistId",
            json!(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, record.id.as_bytes()).to_string()),
        ),
        ("watchlistAlias", json!(record.id)),
        ("watchlistType", json!("watchlist")),
        ("created", json!(clock::rfc3339(record.created_ms))),
        ("updated", json!(clock::rfc3339(record.modified_ms))),
        ("createdBy", user(&record.created_by)),
        ("updatedBy", user(&record.modified_by)),
        ("isDeleted", json!(false)),
        ("uploadStatus", json!(if under_way { "InProgress" } else { "Complete" })),
        ("provisioningState", json!(if under_way { "InProgress" } else { "Succeeded" })),
    ] {
        properties.insert(name.to_owned(), value);
    }
    json!({
        "id": format!("{}/providers/Microsoft.SecurityInsights/Watchlists/{}", workspace.path(), record.id),
        "name": record.id, "etag": record.etag, "type": "Microsoft.SecurityInsights/Watchlists", "properties": properties,
    })
}

fn put_one(world: &mut World, call: &Call, workspace: &Workspace, long_running: bool) -> Reply {
    let alias = call.segment(11).to_owned();
    let body = match call.json() {
        Ok(body) => body,
        Err(error) => return bad(&format!("The request content was invalid: '{error}'.")),
    };
    let Some(properties) = body.get("properties").and_then(Value::as_object) else {
        return bad("Required property 'properties' not found in JSON.");
    };
    for name in REQUIRED {
        if properties.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return bad(&format!("Required property '{name}' not found in JSON."));
        }
    }
    if let Some(name) = properties.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return bad(&format!("Could not find member '{name}' on object of type 'WatchlistProperties'."));
    }
    let local = if long_running { "Local" } else { "Local file" };
    if properties.get("sourceType").is_some_and(|given| *given != json!(local)) {
        return bad("The sourceType is not valid for this api-version.");
    }
    let before = found(world, workspace, &alias);
    let current = before.as_ref().map(|(record, _)| record.etag.clone());
    let given = body.get("etag").and_then(Value::as_str).or_else(|| call.header("if-match"));
    if let (Some(given), Some(current)) = (given.filter(|etag| !matches!(*etag, "" | "*")), &current)
        && given != current
    {
        return Reply::cloud_error(
            409,
            "Conflict",
            "Newer instance of the watchlist exists (Etag does not match).",
        );
    }
    let old_items = before.as_ref().and_then(|(_, document)| document.get("items")?.as_object().cloned());
    let old_items = old_items.unwrap_or_default();
    let items = match properties.get("rawContent").and_then(Value::as_str) {
        None => old_items,
        Some(raw) => {
            let skip = properties.get("numberOfLinesToSkip").and_then(Value::as_u64).unwrap_or(0);
            let key = paths::text(&body, "properties.itemsSearchKey").to_owned();
            match (rows(raw, skip, &key), world.switches.arm_watchlist_content) {
                (Err(why), _) => return bad(&why),
                (Ok(new), RawContent::Replace) => new,
                (Ok(new), RawContent::Append) => old_items.into_iter().chain(new).collect(),
                (Ok(new), RawContent::Upsert) => upserted(old_items, new, &key),
            }
        }
    };
    let polls = if properties.contains_key("rawContent") { world.switches.arm_watchlist_polls } else { 0 };
    let mut stored = properties.clone();
    stored.shift_remove("rawContent");
    let document = json!({"properties": stored, "items": items, "polls_left": polls});
    if let Err(error) = store(world, workspace, &alias, before.as_ref().map(|(record, _)| record), &document)
    {
        return error;
    }
    let Some((record, document)) = found(world, workspace, &alias) else { return missing() };
    let reply = Reply::json(if before.is_some() { 200 } else { 201 }, &shown(&record, &document, workspace));
    if long_running {
        let at = format!("{}{}?api-version=2025-09-01", call.origin(), call.path);
        return reply.header("azure-asyncoperation", at);
    }
    reply
}

/// Items of an upload by new ids.
fn rows(raw: &str, skip: u64, key: &str) -> Result<Map<String, Value>, String> {
    if raw.len() > MAX_UPLOAD {
        return Err("The file is larger than 3.8 MB.".to_owned());
    }
    let lines: Vec<&str> = raw.lines().skip(usize::try_from(skip).unwrap_or(usize::MAX)).collect();
    if lines.iter().skip(1).any(|line| line.chars().count() > MAX_LINE) {
        return Err("A line is longer than 10240 characters.".to_owned());
    }
    let content = lines.join("\n");
    let mut reader = csv::Reader::from_reader(content.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => return Err(format!("The content is not CSV: {error}")),
    };
    if !header.iter().any(|column| column == key) {
        return Err(format!("The search key '{key}' is not a column of the content."));
    }
    let mut items = Map::new();
    for record in reader.records() {
        // A line with too many or too few values is an error of the reader.
        let record = record.map_err(|error| format!("The content is not CSV: {error}"))?;
        let values = record.iter().map(|value| Value::String(value.to_owned()));
        let row: Map<String, Value> = header.iter().cloned().zip(values).collect();
        items.insert(uuid::Uuid::new_v4().to_string(), Value::Object(row));
    }
    Ok(items)
}

fn upserted(mut items: Map<String, Value>, new: Map<String, Value>, key: &str) -> Map<String, Value> {
    for (id, row) in new {
        let known = items.iter().find(|(_, old)| old.get(key) == row.get(key)).map(|(id, _)| id.clone());
        items.insert(known.unwrap_or(id), row);
    }
    items
}

fn store(
    world: &mut World,
    workspace: &Workspace,
    alias: &str,
    before: Option<&Record>,
    document: &Value,
) -> Result<(), Reply> {
    let actor = Actor { name: APPLICATION.to_owned(), kind: "Application".to_owned() };
    let (now, etag) = (world.now_ms(), world.new_etag());
    let record = Record {
        id: before.map_or(alias, |record| record.id.as_str()).to_owned(),
        etag,
        created_by: before.map_or_else(|| actor.clone(), |record| record.created_by.clone()),
        created_ms: before.map_or(now, |record| record.created_ms),
        modified_by: actor,
        modified_ms: now,
        class: String::new(),
        labels: Vec::new(),
        document: document.to_string(),
    };
    world
        .put(&shelf(workspace), record)
        .map_err(|error| Reply::cloud_error(500, "InternalServerError", &error.to_string()))
}

fn delete_one(world: &mut World, call: &Call, workspace: &Workspace, long_running: bool) -> Reply {
    let Some((record, document)) = found(world, workspace, call.segment(11)) else {
        return Reply::empty(204);
    };
    if document.get("polls_left").and_then(Value::as_u64).unwrap_or(0) > 0 {
        return Reply::cloud_error(
            409,
            "Conflict",
            "The watchlist cannot be deleted while its upload is in progress.",
        );
    }
    match world.remove(&shelf(workspace), &record.id, 0) {
        Ok(_) => Reply::empty(if long_running { 202 } else { 200 }),
        Err(error) => Reply::cloud_error(500, "InternalServerError", &error.to_string()),
    }
}

fn list_items(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let Some((record, document)) = found(world, workspace, call.segment(11)) else { return missing() };
    let empty = Map::new();
    let items = document.get("items").and_then(Value::as_object).unwrap_or(&empty);
    // An upload that is under way has come half the way.
    let under_way = document.get("polls_left").and_then(Value::as_u64).unwrap_or(0) > 0;
    let count = if under_way { items.len() / 2 } else { items.len() };
    let shown = items.iter().take(count).map(|(id, values)| item(&record, workspace, id, values)).collect();
    page(world, call, shown)
}

fn item(record: &Record, workspace: &Workspace, id: &str, values: &Value) -> Value {
    let base = format!("{}/providers/Microsoft.SecurityInsights/Watchlists/{}", workspace.path(), record.id);
    json!({
        "id": format!("{base}/WatchlistItems/{id}"), "name": id, "etag": record.etag,
        "type": "Microsoft.SecurityInsights/Watchlists/WatchlistItems",
        "properties": {
            "watchlistItemType": "watchlist-item", "watchlistItemId": id, "isDeleted": false,
            "itemsKeyValue": values, "entityMapping": {},
        },
    })
}

fn get_item(world: &World, call: &Call, workspace: &Workspace) -> Reply {
    let Some((record, document)) = found(world, workspace, call.segment(11)) else { return missing() };
    match document.get("items").and_then(|items| items.get(call.segment(13))) {
        Some(values) => Reply::json(200, &item(&record, workspace, call.segment(13), values)),
        None => missing(),
    }
}

fn put_item(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let id = call.segment(13).to_owned();
    if uuid::Uuid::parse_str(&id).is_err() {
        return bad("The watchlist item id is not a GUID.");
    }
    let Some((record, mut document)) = found(world, workspace, call.segment(11)) else { return missing() };
    let body = call.json().unwrap_or_default();
    let Some(values) = body.pointer("/properties/itemsKeyValue").filter(|values| values.is_object()) else {
        return bad("Required property 'itemsKeyValue' not found in JSON.");
    };
    let fresh = document.get("items").and_then(|items| items.get(&id)).is_none();
    document["items"][&id] = values.clone();
    if let Err(error) = store(world, workspace, &record.id, Some(&record), &document) {
        return error;
    }
    Reply::json(if fresh { 201 } else { 200 }, &item(&record, workspace, &id, values))
}

fn delete_item(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let Some((record, mut document)) = found(world, workspace, call.segment(11)) else { return missing() };
    let gone = document
        .get_mut("items")
        .and_then(Value::as_object_mut)
        .and_then(|items| items.shift_remove(call.segment(13)));
    if gone.is_none() {
        return Reply::empty(204);
    }
    match store(world, workspace, &record.id, Some(&record), &document) {
        Ok(()) => Reply::empty(200),
        Err(error) => error,
    }
}

/// A page of a list, with a link to the next one.
fn page(world: &World, call: &Call, values: Vec<Value>) -> Reply {
    let size = usize::try_from(world.switches.arm_page_size.max(1)).unwrap_or(usize::MAX);
    let from: usize = call.query("$skipToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let more = values.len() > from.saturating_add(size);
    let shown: Vec<Value> = values.into_iter().skip(from).take(size).collect();
    let mut body = json!({ "value": shown });
    if more {
        let version = percent_encode(call.query("api-version").unwrap_or_default());
        let next = from.saturating_add(size);
        body["nextLink"] =
            json!(format!("{}{}?api-version={version}&$skipToken={next}", call.origin(), call.path));
    }
    Reply::json(200, &body)
}
