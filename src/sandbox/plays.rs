//! What other people and the services themselves do to rules: portal edits, deletions, automatic disabling.
//!
//! A play goes through the same validation as a request, so that the tenant never holds a rule that the real
//! service would not.

use serde_json::{Map, Value, json};

use super::arm::Workspace;
use super::arm::rules::Draft;
use super::http::{Call, Service};
use super::shelf::{Actor, Record};
use super::world::World;
use super::{SandboxError, arm, graph, paths};

/// Who edits in the portal, unless somebody else is named.
pub(crate) const PORTAL_USER: &str = "portal.user@sandbox.example";

/// Which rule a play is about.
#[derive(Debug, Default)]
pub(crate) struct Target {
    /// An id, a display name, or any text that the rule contains (such as an ownership marker).
    pub(crate) rule: String,
    /// "sentinel" or "defender".
    pub(crate) platform: Option<String>,
    /// Workspaces to look in.
    pub(crate) workspaces: Vec<String>,
    /// Tenants to look in.
    pub(crate) tenants: Vec<String>,
}

/// A rule that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) shelf: String,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Edits properties. Paths are dotted; values of `null` remove.
pub(crate) fn edit(
    world: &mut World,
    target: &Target,
    set: &Map<String, Value>,
    by: &str,
) -> Result<Found, SandboxError> {
    let found = one(world, target)?;
    apply(world, &found, set, &user(by))?;
    Ok(found)
}

/// Disables a rule the way the service does after repeated failures.
pub(crate) fn auto_disable(world: &mut World, target: &Target, reason: &str) -> Result<Found, SandboxError> {
    let found = one(world, target)?;
    let record = record(world, &found)?;
    let mut document: Value = serde_json::from_str(&record.document).unwrap_or_default();
    let sentinel = Workspace::from_shelf(&found.shelf).is_some();
    if sentinel {
        let name = paths::text(&document, "properties.displayName").to_owned();
        if name.is_empty() {
            return Err(SandboxError::Refused(format!(
                "a rule of this kind is never disabled automatically: {}",
                found.id
            )));
        }
        let description = paths::text(&document, "properties.description").to_owned();
        paths::set(&mut document, "properties.displayName", json!(format!("AUTO DISABLED {name}")));
        let why = format!("This analytics rule was disabled automatically. Reason: {reason}\n{description}");
        paths::set(&mut document, "properties.description", json!(why));
        paths::set(&mut document, "properties.enabled", json!(false));
    } else {
        paths::set(&mut document, "status", json!("autoDisabled"));
    }
    let service = Actor { name: "Microsoft".to_owned(), kind: "Application".to_owned() };
    let changed = Record {
        etag: if sentinel { world.new_etag() } else { String::new() },
        modified_by: service,
        modified_ms: world.now_ms(),
        class: String::new(),
        document: document.to_string(),
        ..record
    };
    world.put(&found.shelf, changed)?;
    Ok(found)
}

/// Deletes a rule as a person would in the portal.
pub(crate) fn delete(world: &mut World, target: &Target) -> Result<Found, SandboxError> {
    let found = one(world, target)?;
    let linger =
        if found.shelf.starts_with("defender:") { world.switches.graph_delete_linger_reads } else { 0 };
    world.remove(&found.shelf, &found.id, linger)?;
    Ok(found)
}

/// Adds a rule that somebody else made. An ARM body has `kind` and `properties`; a Graph body has `queryCondition`.
pub(crate) fn add(world: &mut World, body: &Value, target: &Target, by: &str) -> Result<Found, SandboxError> {
    let refused = |(_, _, message): (u16, &str, String)| SandboxError::Refused(message);
    let map = body.as_object().ok_or_else(|| SandboxError::Refused("a rule is a JSON object".to_owned()))?;
    if map.contains_key("queryCondition") {
        let shelf = graph_shelf(world, target)?;
        let id = graph::rules::add(world, &shelf, map, true, &user(by), &[])?.map_err(refused)?;
        return Ok(Found { shelf, id, name: paths::text(body, "displayName").to_owned() });
    }
    if !map.contains_key("kind") || !map.contains_key("properties") {
        let text =
            "this is neither an alert rule (`kind`, `properties`) nor a custom detection (`queryCondition`)";
        return Err(SandboxError::Refused(text.to_owned()));
    }
    let workspace = arm_workspace(world, body, target)?;
    let id = match paths::text(body, "name") {
        "" => uuid::Uuid::new_v4().to_string(),
        name => name.to_owned(),
    };
    let mut clean = body.clone();
    paths::remove(&mut clean, "etag");
    let draft = Draft { id: id.clone(), body: clean, preview: true, actor: user(by), if_match: None };
    arm::rules::write(world, &workspace, &draft, &[])?.map_err(refused)?;
    Ok(Found { shelf: workspace.shelf(), id, name: paths::text(body, "properties.displayName").to_owned() })
}

/// Every rule, for `palisade sandbox list`.
pub(crate) fn list(world: &World) -> Vec<Value> {
    let mut out = Vec::new();
    for (key, shelf) in world.shelves() {
        for (_, record) in shelf.all() {
            let document: Value = serde_json::from_str(&record.document).unwrap_or_default();
            let (platform, place) = key.split_once(':').unwrap_or((key, ""));
            let state = match platform {
                "sentinel" if paths::get(&document, "properties.enabled") == Some(&Value::Bool(true)) => {
                    "enabled"
                }
                "sentinel" => "disabled",
                _ => paths::text(&document, "status"),
            };
            out.push(json!({
                "platform": platform, "place": place, "id": record.id, "name": name_of(&document), "state": state,
                "modified_by": record.modified_by.name, "modified": super::clock::rfc3339(record.modified_ms),
            }));
        }
    }
    out
}

/// The edit or deletion that a fault orders just before a request. A request for a rule that does not exist is left alone.
pub(crate) fn between(world: &mut World, call: &Call, set: Option<&Map<String, Value>>) {
    let Some(last) = call.segments.last() else { return };
    let found = world.shelves().find_map(|(key, shelf)| {
        let right = match call.service {
            Service::Arm => key.starts_with("sentinel:") && key.contains(&call.segment(7).to_lowercase()),
            Service::Graph => key.starts_with("defender:"),
            _ => false,
        };
        let record = shelf.get(last).filter(|_| right)?;
        Some(Found { shelf: key.to_owned(), id: record.id.clone(), name: String::new() })
    });
    let Some(found) = found else { return };
    // An order that the service would refuse has no effect, like a portal edit that fails.
    let _ = match set {
        Some(set) => apply(world, &found, set, &user(PORTAL_USER)),
        None => world.remove(&found.shelf, &found.id, 0).map(|_| ()),
    };
}

fn apply(
    world: &mut World,
    found: &Found,
    set: &Map<String, Value>,
    actor: &Actor,
) -> Result<(), SandboxError> {
    let record = record(world, found)?;
    let mut document: Value = serde_json::from_str(&record.document).unwrap_or_default();
    let refused = |(_, _, message): (u16, &str, String)| SandboxError::Refused(message);
    if let Some(workspace) = Workspace::from_shelf(&found.shelf) {
        for (path, value) in set {
            set_or_refuse(&mut document, &arm_path(path), value.clone())?;
        }
        let draft =
            Draft { id: record.id, body: document, preview: true, actor: actor.clone(), if_match: None };
        arm::rules::write(world, &workspace, &draft, &[])?.map_err(refused)?;
        return Ok(());
    }
    if found.shelf.starts_with("watchlists:") {
        for (path, value) in set {
            set_or_refuse(&mut document, path, value.clone())?;
        }
        let etag = world.new_etag();
        let changed = Record {
            etag,
            modified_by: actor.clone(),
            modified_ms: world.now_ms(),
            document: document.to_string(),
            ..record
        };
        return world.put(&found.shelf, changed);
    }
    // The portal sends whole collections, so an edit is a PATCH of the changed top-level properties.
    let before = document.clone();
    for (path, value) in set {
        let (path, value) = graph_path(path, value);
        set_or_refuse(&mut document, &path, value)?;
    }
    let changed = document
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| before.get(name.as_str()) != Some(value));
    let patch: Map<String, Value> = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
    graph::rules::change(world, &found.shelf, &found.id, &patch, true, actor, &[])?.map_err(refused)
}

fn set_or_refuse(document: &mut Value, path: &str, value: Value) -> Result<(), SandboxError> {
    if paths::set(document, path, value) {
        return Ok(());
    }
    Err(SandboxError::Refused(format!("there is no property `{path}` to set in this rule")))
}

/// `severity` → `properties.severity`.
fn arm_path(path: &str) -> String {
    if path.starts_with("properties.") { path.to_owned() } else { format!("properties.{path}") }
}

/// Short names for what sits deep in a custom detection, so that one command fits both platforms.
fn graph_path(path: &str, value: &Value) -> (String, Value) {
    match (path, value) {
        ("enabled", Value::Bool(on)) => {
            ("status".to_owned(), json!(if *on { "enabled" } else { "disabled" }))
        }
        ("severity", Value::String(text)) => {
            ("detectionAction.alertTemplate.severity".to_owned(), json!(text.to_lowercase()))
        }
        ("query", _) => ("queryCondition.queryText".to_owned(), value.clone()),
        ("frequency" | "lookback", _) => (format!("schedule.{path}"), value.clone()),
        ("title" | "recommendedActions" | "tactics" | "entityMappings" | "customDetails", _) => {
            (format!("detectionAction.alertTemplate.{path}"), value.clone())
        }
        ("automatedActions" | "organizationalScope", _) => (format!("detectionAction.{path}"), value.clone()),
        _ => (path.to_owned(), value.clone()),
    }
}

fn user(name: &str) -> Actor {
    Actor { name: name.to_owned(), kind: "User".to_owned() }
}

fn record(world: &World, found: &Found) -> Result<Record, SandboxError> {
    let record = world.shelf(&found.shelf).and_then(|shelf| shelf.get(&found.id));
    record
        .map(|record| Record::clone(record))
        .ok_or_else(|| SandboxError::Refused(format!("rule {} is gone", found.id)))
}

fn name_of(document: &Value) -> String {
    let name = match paths::text(document, "properties.displayName") {
        "" => paths::text(document, "displayName"),
        name => name,
    };
    match (name, paths::text(document, "kind")) {
        ("", kind) => format!("({kind})"),
        (name, _) => name.to_owned(),
    }
}

/// The one rule that is meant: by id, else by name, else by the id in an ownership marker, else by contained text.
fn one(world: &World, target: &Target) -> Result<Found, SandboxError> {
    let rule = target.rule.as_str();
    let by_id = |record: &Record, _: &Value| record.id.eq_ignore_ascii_case(rule);
    let by_name = |_: &Record, document: &Value| name_of(document).eq_ignore_ascii_case(rule);
    // What a client that marks its rules calls this one.
    let marker = format!(" rule={rule} ");
    let by_marker = |record: &Record, _: &Value| record.document.contains(&marker);
    let by_text = |record: &Record, _: &Value| record.document.contains(rule);
    let mut found = search(world, target, by_id);
    if found.is_empty() {
        found = search(world, target, by_name);
    }
    if found.is_empty() {
        found = search(world, target, by_marker);
    }
    if found.is_empty() {
        found = search(world, target, by_text);
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(SandboxError::Refused(format!(
            "no rule in the sandbox has the id or name `{rule}` or contains that text; `palisade sandbox list` lists them"
        ))),
        several => {
            let places: Vec<String> =
                several.iter().map(|f| format!("  {} {} ({})", f.shelf, f.id, f.name)).collect();
            Err(SandboxError::Refused(format!(
                "`{rule}` fits {} rules; name one by id, or choose with --platform or --workspace:\n{}",
                several.len(),
                places.join("\n")
            )))
        }
    }
}

fn search(world: &World, target: &Target, fits: impl Fn(&Record, &Value) -> bool) -> Vec<Found> {
    let mut out = Vec::new();
    for (key, shelf) in world.shelves().filter(|(key, _)| in_scope(key, target)) {
        for (_, record) in shelf.all() {
            let document: Value = serde_json::from_str(&record.document).unwrap_or_default();
            if fits(record, &document) {
                out.push(Found { shelf: key.to_owned(), id: record.id.clone(), name: name_of(&document) });
            }
        }
    }
    out
}

fn in_scope(key: &str, target: &Target) -> bool {
    let (platform, place) = key.split_once(':').unwrap_or((key, ""));
    let listed = |list: &[String], name: &str| list.iter().any(|item| item.eq_ignore_ascii_case(name));
    let restricted = !(target.workspaces.is_empty() && target.tenants.is_empty());
    target.platform.as_ref().is_none_or(|wanted| wanted == platform)
        && (!restricted
            || match platform {
                "sentinel" => listed(&target.workspaces, place.rsplit('/').next().unwrap_or_default()),
                _ => listed(&target.tenants, place),
            })
}

fn graph_shelf(world: &World, target: &Target) -> Result<String, SandboxError> {
    if let Some(tenant) = target.tenants.first() {
        return Ok(graph::shelf(tenant));
    }
    let mut known = world.shelves().map(|(key, _)| key).filter(|key| key.starts_with("defender:"));
    match (known.next(), known.next()) {
        (Some(only), None) => Ok(only.to_owned()),
        _ => {
            Err(SandboxError::Refused("say which tenant the rule belongs to (--tenant, or --env)".to_owned()))
        }
    }
}

fn arm_workspace(world: &World, body: &Value, target: &Target) -> Result<Workspace, SandboxError> {
    // A rule as GET shows it names its place.
    let segments: Vec<&str> = paths::text(body, "id").split('/').collect();
    if let [_, _, subscription, _, group, _, _, _, name, ..] = segments.as_slice() {
        let own = |text: &&str| (*text).to_owned();
        return Ok(Workspace { subscription: own(subscription), group: own(group), name: own(name) });
    }
    let known: Vec<Workspace> = world
        .shelves()
        .filter_map(|(key, _)| Workspace::from_shelf(key))
        .filter(|w| {
            target.workspaces.is_empty() || target.workspaces.iter().any(|n| n.eq_ignore_ascii_case(&w.name))
        })
        .collect();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(SandboxError::Refused("say which workspace the rule belongs to (--workspace, a name that `palisade sandbox list` shows)".to_owned())),
    }
}
