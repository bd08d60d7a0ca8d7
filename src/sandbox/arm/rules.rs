//! Writing and deleting alert rules: everything that CONTRACT B.3–B.8 says can be refused.

use serde_json::{Map, Value, json};

use super::tables::{FUSION_TEMPLATE, KINDS, RuleKind};
use super::{Workspace, check, read};
use crate::sandbox::answer::Twist;
use crate::sandbox::http::{Call, Reply};
use crate::sandbox::query::Query;
use crate::sandbox::schema::{self, Strictness};
use crate::sandbox::shelf::{Actor, Record};
use crate::sandbox::switches::{BadOrConflict, IfMatch, Unknown};
use crate::sandbox::token::APPLICATION;
use crate::sandbox::world::World;
use crate::sandbox::{SandboxError, paths};

/// A refusal: status, code, message.
pub(crate) type Refused = (u16, &'static str, String);

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: String,
    /// `{"kind": …, "etag"?: …, "properties": …}`
    pub(crate) body: Value,
    pub(crate) preview: bool,
    pub(crate) actor: Actor,
    pub(crate) if_match: Option<String>,
}

pub(crate) fn put(
    world: &mut World,
    call: &Call,
    workspace: &Workspace,
    preview: bool,
    twist: &Twist,
) -> Reply {
    let body = match call.json() {
        Ok(body) => body,
        Err(e) => {
            let message = format!("The request content was invalid and could not be deserialized: '{e}'.");
            return Reply::cloud_error(400, "InvalidRequestContent", &message);
        }
    };
    let draft = Draft {
        id: call.segment(11).to_owned(),
        body,
        preview,
        actor: Actor { name: APPLICATION.to_owned(), kind: "Application".to_owned() },
        if_match: call.header("if-match").map(str::to_owned),
    };
    match write(world, workspace, &draft, &twist.drop) {
        Ok(Ok(created)) => {
            read::written(world, workspace, &draft.id, preview, if created { 201 } else { 200 })
        }
        Ok(Err((status, code, message))) => Reply::cloud_error(status, code, &message),
        Err(e) => Reply::cloud_error(500, "InternalServerError", &e.to_string()),
    }
}

pub(crate) fn delete(world: &mut World, call: &Call, workspace: &Workspace) -> Reply {
    let (id, key) = (call.segment(11), workspace.shelf());
    if let Err(e) = seed(world, workspace) {
        return Reply::cloud_error(500, "InternalServerError", &e.to_string());
    }
    match world.remove(&key, id, 0) {
        Ok(true) => Reply::empty(200),
        Ok(false) if world.switches.arm_delete_missing_404 => read::missing(world),
        Ok(false) => Reply::empty(204),
        Err(e) => Reply::cloud_error(500, "InternalServerError", &e.to_string()),
    }
}

/// Writes a rule: `Ok(Ok(created))`, or the refusal, or a failure to store it.
pub(crate) fn write(
    world: &mut World,
    workspace: &Workspace,
    draft: &Draft,
    drop: &[String],
) -> Result<Result<bool, Refused>, SandboxError> {
    seed(world, workspace)?;
    let key = workspace.shelf();
    let (kind, mut properties) = match validate(world, workspace, draft) {
        Ok(valid) => valid,
        Err(refused) => return Ok(Err(refused)),
    };
    for path in drop {
        let mut root = json!({"properties": properties});
        let full = if path.starts_with("properties.") { path.clone() } else { format!("properties.{path}") };
        paths::remove(&mut root, &full);
        properties = root.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    }
    let now = world.now_ms();
    let etag = world.new_etag();
    let before = world.shelf(&key).and_then(|shelf| shelf.get(&draft.id)).cloned();
    let enabled = properties.get("enabled").and_then(Value::as_bool).unwrap_or(false);
    let class = match kind.name {
        "Scheduled" if enabled => "scheduled",
        "NRT" if enabled => "nrt",
        _ => "",
    };
    let record = Record {
        // The first spelling stays: ids compare without case.
        id: before.as_ref().map_or_else(|| draft.id.clone(), |record| record.id.clone()),
        etag,
        created_by: before.as_ref().map_or_else(|| draft.actor.clone(), |record| record.created_by.clone()),
        created_ms: before.as_ref().map_or(now, |record| record.created_ms),
        modified_by: draft.actor.clone(),
        modified_ms: now,
        class: class.to_owned(),
        labels: Vec::new(),
        document: json!({"kind": kind.name, "properties": properties}).to_string(),
    };
    world.put(&key, record)?;
    Ok(Ok(before.is_none()))
}

/// Makes the shelf of a workspace, with the rule that every workspace starts with.
pub(crate) fn seed(world: &mut World, workspace: &Workspace) -> Result<(), SandboxError> {
    let key = workspace.shelf();
    let (_, fresh) = world.open_shelf(&key)?;
    if !fresh || !world.switches.arm_fusion_rule {
        return Ok(());
    }
    let (etag, now) = (world.new_etag(), world.now_ms());
    let service = Actor { name: "Microsoft Sentinel".to_owned(), kind: "Application".to_owned() };
    let document =
        json!({"kind": "Fusion", "properties": {"alertRuleTemplateName": FUSION_TEMPLATE, "enabled": true}});
    world.put(
        &key,
        Record {
            id: "BuiltInFusion".to_owned(),
            etag,
            created_by: service.clone(),
            created_ms: now,
            modified_by: service,
            modified_ms: now,
            class: String::new(),
            labels: Vec::new(),
            document: document.to_string(),
        },
    )
}

fn validate(
    world: &World,
    workspace: &Workspace,
    draft: &Draft,
) -> Result<(&'static RuleKind, Map<String, Value>), Refused> {
    let kind = kind_of(draft)?;
    let empty = Map::new();
    let properties = draft.body.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let switches = &world.switches;
    let how = Strictness {
        null_collections_refused: false,
        unknown_refused: switches.arm_unknown_properties == Unknown::Refused,
        new_known: draft.preview,
        new_refused: switches.arm_stable_preview_properties == Unknown::Refused,
    };
    let mut complaints: Vec<String> =
        schema::check(kind.fields, properties, "properties", how).iter().map(check::in_words).collect();
    if complaints.is_empty() {
        complaints = check::relations(kind, properties, draft.preview, switches);
    }
    if let [first, rest @ ..] = complaints.as_slice() {
        let all = rest.iter().fold(first.clone(), |all, next| format!("{all}, {next}"));
        return Err((400, "BadRequest", format!("Invalid data model. [{all}]")));
    }
    let shelf = world.shelf(&workspace.shelf());
    let before = shelf.and_then(|shelf| shelf.get(&draft.id));
    if let Some(before) = before {
        let document: Value = serde_json::from_str(&before.document).unwrap_or_default();
        let old = paths::text(&document, "kind");
        if old != kind.name {
            let message = format!(
                "The kind of alert rule '{}' is '{old}' and cannot be changed to '{}'.",
                before.id, kind.name
            );
            return Err((400, "BadRequest", message));
        }
    }
    concurrency(world, workspace, draft, before.map(|record| record.etag.as_str()))?;
    if before.is_none() {
        tombstone(world, workspace, draft)?;
    }
    limits(world, workspace, draft, kind, properties)?;
    query_runs(world, properties)?;
    Ok((kind, schema::prune(kind.fields, properties, draft.preview)))
}

fn kind_of(draft: &Draft) -> Result<&'static RuleKind, Refused> {
    let name = paths::text(&draft.body, "kind");
    let known = KINDS.iter().filter(|kind| kind.stable || draft.preview);
    known.clone().find(|kind| kind.name == name).ok_or_else(|| {
        let names: Vec<&str> = known.map(|kind| kind.name).collect();
        let message = match name {
            "" => "Invalid data model. [kind: Required property 'kind' not found in JSON.]".to_owned(),
            name => format!(
                "Invalid data model. [kind: '{name}' is not a valid rule kind. Valid kinds are {}.]",
                names.join(", ")
            ),
        };
        (400, "BadRequest", message)
    })
}

/// CONTRACT B.4: the etag in the body, then the header.
fn concurrency(
    world: &World,
    workspace: &Workspace,
    draft: &Draft,
    current: Option<&str>,
) -> Result<(), Refused> {
    let customer = workspace.customer_id();
    let conflict = || {
        let message = format!(
            "Newer instance of rule '{}' exists for workspace '{customer}' (Etag does not match). Data was not saved.",
            draft.id
        );
        (409, "Conflict", message)
    };
    let plain = |etag: &str| etag.trim_start_matches("W/").trim_matches('"').to_owned();
    let stale = |sent: &str| sent != "*" && current.is_some_and(|current| plain(current) != plain(sent));
    let in_body = ["etag", "properties.etag"].iter().find_map(|path| paths::get(&draft.body, path)?.as_str());
    if in_body.is_some_and(|etag| !etag.is_empty() && stale(etag)) {
        return Err(conflict());
    }
    // `If-Match` asks for something that is there: without a rule it never matches.
    let header = draft.if_match.as_deref().is_some_and(|etag| stale(etag) || current.is_none());
    match world.switches.arm_if_match {
        IfMatch::Precondition if header => Err((
            412,
            "PreconditionFailed",
            "The condition given in the If-Match header is not met.".to_owned(),
        )),
        IfMatch::Conflict if header => Err(conflict()),
        _ => Ok(()),
    }
}

/// CONTRACT B.5.
fn tombstone(world: &World, workspace: &Workspace, draft: &Draft) -> Result<(), Refused> {
    let window = i64::try_from(world.switches.arm_tombstone_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let held = world
        .shelf(&workspace.shelf())
        .and_then(|shelf| shelf.gone(&draft.id))
        .is_some_and(|gone| world.now_ms().saturating_sub(gone.deleted_ms) < window);
    if !held {
        return Ok(());
    }
    let message = format!(
        "The rule with id '{}' was recently deleted. You need to allow some time before re-using the same id. Please try again later.",
        draft.id
    );
    Err(match world.switches.arm_tombstone_status {
        BadOrConflict::Conflict => (409, "Conflict", message),
        BadOrConflict::BadRequest => (400, "BadRequest", message),
    })
}

/// CONTRACT B.8; the wording is ours `[UNK]`.
fn limits(
    world: &World,
    workspace: &Workspace,
    draft: &Draft,
    kind: &RuleKind,
    properties: &Map<String, Value>,
) -> Result<(), Refused> {
    let (class, limit) = match kind.name {
        "Scheduled" => ("scheduled", world.switches.arm_limit_scheduled),
        "NRT" => ("nrt", world.switches.arm_limit_nrt),
        _ => return Ok(()),
    };
    let enabled = properties.get("enabled").and_then(Value::as_bool).unwrap_or(false);
    let used = world.shelf(&workspace.shelf()).map_or(0, |shelf| shelf.count_class(class, &draft.id));
    if enabled && used >= limit {
        let message = format!(
            "The maximum number of enabled {} rules ({limit}) for the workspace has been reached.",
            kind.name
        );
        return Err((400, "BadRequest", message));
    }
    Ok(())
}

/// CONTRACT B.6: only an enabled rule's query is run.
fn query_runs(world: &World, properties: &Map<String, Value>) -> Result<(), Refused> {
    let enabled = properties.get("enabled").and_then(Value::as_bool).unwrap_or(false);
    let Some(text) = properties.get("query").and_then(Value::as_str).filter(|_| enabled) else {
        return Ok(());
    };
    let query = Query::read(text);
    if let Some(fault) = query.fault() {
        return Err((
            400,
            "BadRequest",
            format!("Failed to run the analytics rule query. SyntaxError: {fault}."),
        ));
    }
    let tables = &world.switches.arm_tables;
    match query.table() {
        Some(table) if !tables.is_empty() && !tables.iter().any(|known| known == table) => {
            let message = "Failed to run the analytics rule query. One of the tables does not exist.";
            Err((400, "BadRequest", message.to_owned()))
        }
        _ => Ok(()),
    }
}
