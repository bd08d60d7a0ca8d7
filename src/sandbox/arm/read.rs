//! Showing alert rules: what a GET adds to what was written, and the pages of a list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Workspace;
use super::rules;
use super::tables::{FUSION_TEMPLATE, KINDS};
use crate::sandbox::answer::Twist;
use crate::sandbox::clock;
use crate::sandbox::http::{Call, Reply, list_body, percent_encode};
use crate::sandbox::jwt;
use crate::sandbox::schema::{self, Look};
use crate::sandbox::shelf::Record;
use crate::sandbox::switches::{Order, Switches};
use crate::sandbox::world::World;

/// `GET /alertRules/{id}`
pub(crate) fn get(
    world: &mut World,
    call: &Call,
    workspace: &Workspace,
    preview: bool,
    twist: &Twist,
) -> Reply {
    if let Err(e) = rules::seed(world, workspace) {
        return Reply::cloud_error(500, "InternalServerError", &e.to_string());
    }
    let id = call.segment(11);
    let found = match past(world, workspace, twist) {
        Some(view) => view.into_values().find(|record| record.id.eq_ignore_ascii_case(id)),
        None => world.shelf(&workspace.shelf()).and_then(|shelf| shelf.get(id)).cloned(),
    };
    match found {
        Some(record) => Reply::text(200, render(&record, workspace, preview, &world.switches)),
        None => missing(world),
    }
}

/// The rule as the answer to the PUT that wrote it.
pub(crate) fn written(world: &World, workspace: &Workspace, id: &str, preview: bool, status: u16) -> Reply {
    match world.shelf(&workspace.shelf()).and_then(|shelf| shelf.get(id)) {
        Some(record) => Reply::text(status, render(record, workspace, preview, &world.switches)),
        None => missing(world),
    }
}

pub(crate) fn missing(world: &World) -> Reply {
    Reply::cloud_error(404, &world.switches.arm_missing_rule_code, "Resource was not found.")
}

/// `GET /alertRules`, a page at a time.
pub(crate) fn list(
    world: &mut World,
    call: &Call,
    workspace: &Workspace,
    preview: bool,
    twist: &Twist,
) -> Reply {
    if let Err(e) = rules::seed(world, workspace) {
        return Reply::cloud_error(500, "InternalServerError", &e.to_string());
    }
    let after = match call.query("$skipToken").map(read_token) {
        Some(None) => return Reply::cloud_error(400, "BadRequest", "The $skipToken is not valid."),
        Some(Some(after)) => Some(after),
        None => None,
    };
    let size = usize::try_from(world.switches.arm_page_size.max(1)).unwrap_or(usize::MAX);
    let (stamp, key) = (world.stamp() * 2 + u64::from(preview), workspace.shelf());
    let switches = world.switches.clone();
    let hide_nrt = !preview && !switches.arm_stable_lists_nrt;
    let mut page: Vec<(u64, Arc<str>)> = Vec::new();
    if let Some(view) = past(world, workspace, twist) {
        let shown = view.iter().filter(|(seq, _)| after.is_none_or(|after| **seq > after));
        page.extend(
            shown.take(size + 1).map(|(seq, r)| (*seq, render(r, workspace, preview, &switches).into())),
        );
    } else if let Some(shelf) = world.shelf_mut(&key) {
        let visible = |record: &Record| !(hide_nrt && record.document.starts_with("{\"kind\":\"NRT\""));
        let wanted: Vec<u64> = shelf
            .after(after)
            .filter(|(_, record)| visible(record))
            .map(|(seq, _)| seq)
            .take(size + 1)
            .collect();
        let render = |record: &Record| render(record, workspace, preview, &switches);
        page.extend(wanted.into_iter().filter_map(|seq| Some((seq, shelf.rendered(seq, stamp, render)?))));
    }
    let more = page.len() > size;
    page.truncate(size);
    let last = page.last().map(|(seq, _)| *seq);
    let mut items: Vec<&str> = page.iter().map(|(_, text)| text.as_ref()).collect();
    if switches.arm_list_order == Order::Unstable {
        items.reverse();
    }
    if twist.repeat {
        items.extend(items.first().copied());
    }
    let next = match (&twist.foreign_link, twist.loop_link) {
        (Some(host), _) => Some(format!("{host}{}", link_path(call, last.unwrap_or(0)))),
        (None, true) => Some(format!("{}{}", call.origin(), link_here(call))),
        (None, false) => {
            last.filter(|_| more).map(|last| format!("{}{}", call.origin(), link_path(call, last)))
        }
    };
    let mut body = list_body("{", items.iter().copied());
    if let Some(next) = next {
        body.push_str(&format!(",\"nextLink\":{}", Value::String(next)));
    }
    body.push('}');
    Reply::text(200, body)
}

/// The rule as preview or stable API versions show it.
pub(crate) fn render(record: &Record, workspace: &Workspace, preview: bool, switches: &Switches) -> String {
    let mut document: Map<String, Value> = serde_json::from_str(&record.document).unwrap_or_default();
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let stored = match document.shift_remove("properties") {
        Some(Value::Object(stored)) => stored,
        _ => Map::new(),
    };
    let said = Said::of(&stored);
    let fields = KINDS.iter().find(|known| known.name == kind).map_or(&[][..], |known| known.fields);
    let look = Look {
        durations: switches.arm_duration_spelling,
        omitted: switches.arm_omitted_optionals,
        empty: switches.arm_empty_arrays,
        new_known: preview,
    };
    let mut properties = schema::present(fields, stored, look);
    if switches.arm_fill_defaults {
        fill_defaults(&kind, said, &mut properties, preview);
    }
    if kind == "Fusion" {
        describe_fusion(&mut properties);
    }
    properties.insert("lastModifiedUtc".to_owned(), json!(clock::rfc3339(record.modified_ms)));
    let mut path =
        format!("{}/providers/Microsoft.SecurityInsights/alertRules/{}", workspace.path(), record.id);
    if switches.arm_mixed_id_casing {
        path = path
            .replace("/resourceGroups/", "/resourcegroups/")
            .replace("OperationalInsights", "operationalinsights");
    }
    let mut envelope = Map::new();
    for (name, value) in [
        ("id", json!(path)),
        ("name", json!(record.id)),
        ("etag", json!(record.etag)),
        ("type", json!("Microsoft.SecurityInsights/alertRules")),
        ("kind", json!(kind)),
        ("properties", Value::Object(properties)),
    ] {
        envelope.insert(name.to_owned(), value);
    }
    if switches.arm_system_data {
        let system = json!({
            "createdBy": record.created_by.name, "createdByType": record.created_by.kind,
            "createdAt": clock::rfc3339(record.created_ms),
            "lastModifiedBy": record.modified_by.name, "lastModifiedByType": record.modified_by.kind,
            "lastModifiedAt": clock::rfc3339(record.modified_ms),
        });
        envelope.insert("systemData".to_owned(), system);
    }
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// What a PUT said of the properties that the service fills in.
#[derive(Clone, Copy)]
struct Said {
    event_grouping: bool,
    incident: bool,
    incident_grouping: bool,
    sources: bool,
}

impl Said {
    fn of(stored: &Map<String, Value>) -> Self {
        let incident = stored.get("incidentConfiguration");
        Self {
            event_grouping: stored.contains_key("eventGroupingSettings"),
            incident: incident.is_some(),
            incident_grouping: incident.is_some_and(|said| said.get("groupingConfiguration").is_some()),
            sources: stored.contains_key("sourceSettings"),
        }
    }
}

/// What the service adds when it is left out of a PUT.
fn fill_defaults(kind: &str, said: Said, shown: &mut Map<String, Value>, preview: bool) {
    if !matches!(kind, "Scheduled" | "NRT" | "Fusion") {
        return;
    }
    let grouping = json!({
        "enabled": false, "reopenClosedIncident": false, "lookbackDuration": "PT5H", "matchingMethod": "AllEntities",
        "groupByEntities": [], "groupByAlertDetails": null, "groupByCustomDetails": null,
    });
    if matches!(kind, "Scheduled" | "NRT") {
        if !said.event_grouping {
            shown.insert("eventGroupingSettings".to_owned(), json!({"aggregationKind": "SingleAlert"}));
        }
        if !said.incident {
            let filled = json!({"createIncident": true, "groupingConfiguration": grouping});
            shown.insert("incidentConfiguration".to_owned(), filled);
        } else if !said.incident_grouping
            && let Some(incident) = shown.get_mut("incidentConfiguration").and_then(Value::as_object_mut)
        {
            incident.insert("groupingConfiguration".to_owned(), grouping);
        }
    }
    if kind == "Fusion" && preview {
        if !said.sources {
            let severities =
                ["High", "Medium", "Low", "Informational"].map(|s| json!({"severity": s, "enabled": true}));
            let providers = ["Azure Active Directory Identity Protection", "Microsoft Defender for Endpoint"]
                .map(|name| json!({"sourceSubTypeName": name, "enabled": true, "severityFilters": {"filters": severities}}));
            let settings = json!([
                {"sourceName": "Anomalies", "enabled": true, "sourceSubTypes": null},
                {"sourceName": "Alert providers", "enabled": true, "sourceSubTypes": providers},
            ]);
            shown.insert("sourceSettings".to_owned(), settings);
        }
        name_fusion_sources(shown);
    }
}

/// Read-only members of sourceSettings.
fn name_fusion_sources(shown: &mut Map<String, Value>) {
    let sources = shown.get_mut("sourceSettings").and_then(Value::as_array_mut).into_iter().flatten();
    for source in sources.filter_map(|source| source.get_mut("sourceSubTypes")?.as_array_mut()).flatten() {
        let Some(source) = source.as_object_mut() else { continue };
        let name = source.get("sourceSubTypeName").cloned().unwrap_or_default();
        source.insert("sourceSubTypeDisplayName".to_owned(), name);
        if let Some(filters) = source.get_mut("severityFilters").and_then(Value::as_object_mut) {
            let supported = filters.get("filters").is_some_and(Value::is_array);
            filters.insert("isSupported".to_owned(), json!(supported));
        }
    }
}

fn describe_fusion(properties: &mut Map<String, Value>) {
    for (name, value) in [
        ("displayName", json!("Advanced Multistage Attack Detection")),
        ("description", json!("Correlates signals of several products to find multistage attacks.")),
        ("severity", json!("High")),
        ("alertRuleTemplateName", json!(FUSION_TEMPLATE)),
        (
            "tactics",
            json!([
                "Collection",
                "CommandAndControl",
                "CredentialAccess",
                "DefenseEvasion",
                "Discovery",
                "Execution",
                "Exfiltration",
                "Impact",
                "InitialAccess",
                "LateralMovement",
                "Persistence",
                "PrivilegeEscalation"
            ]),
        ),
    ] {
        properties.insert(name.to_owned(), value);
    }
}

/// The state that a lagging read shows, if this one lags.
fn past(world: &mut World, workspace: &Workspace, twist: &Twist) -> Option<BTreeMap<u64, Arc<Record>>> {
    let lag = world.switches.arm_read_lag;
    let shelf = world.shelf_mut(&workspace.shelf())?;
    shelf.reads_since_write += 1;
    match twist.lag {
        Some((writes, since)) => Some(shelf.as_before(writes, since)),
        None if shelf.reads_since_write <= lag => Some(shelf.as_before(Some(1), None)),
        None => None,
    }
}

fn read_token(token: &str) -> Option<u64> {
    String::from_utf8(jwt::decode(token)?).ok()?.strip_prefix("after:")?.parse().ok()
}

fn link_path(call: &Call, last: u64) -> String {
    let version = percent_encode(call.query("api-version").unwrap_or_default());
    let token = jwt::encode(format!("after:{last}").as_bytes());
    format!("{}?api-version={version}&$skipToken={token}", call.path)
}

/// The request itself, which is what a looping list offers as its next page.
fn link_here(call: &Call) -> String {
    let query: Vec<String> =
        call.query.iter().map(|(key, value)| format!("{}={}", key, percent_encode(value))).collect();
    format!("{}?{}", call.path, query.join("&"))
}
