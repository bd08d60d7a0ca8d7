//! Between the API's messages and our values, both ways and without loss.
//!
//! Writing: the marker goes into the query or the description, required properties that a canonical body may leave out
//! are spelled, and properties that we do not know are put back. Reading: the marker comes off, nulls and the server's
//! own go, line ends become `\n`, techniques take their normal form, and what the service did when it switched a rule
//! off by itself is undone for the comparison and told apart. `live(sent(x)) = x` for every canonical `x` (see `tests`).

use serde_json::{Value, json};

use super::wire::{self, AlertRule, Put};
use crate::provider::Write;
use crate::provider::fields::{self, merge_unknown, take_text, text, unix_lines};
use crate::provider::technique;
use crate::resource::{Body, Kind, Live, Marker, MarkerCarrier, ServerFacts};

/// What the service puts before the name of a rule that it switched off (CONTRACT B.3).
const AUTO_DISABLED: &str = "AUTO DISABLED";

/// A rule as it is.
pub(super) fn live(rule: AlertRule) -> Live {
    let kind = Kind::of_sentinel(&rule.kind);
    let server = ServerFacts {
        etag: rule.etag.or_else(|| text(&rule.properties, "etag").map(str::to_owned)),
        modified_at: text(&rule.properties, "lastModifiedUtc")
            .map(str::to_owned)
            .or_else(|| rule.system_data.as_ref().and_then(|data| data.last_modified_at.clone())),
        modified_by: rule.system_data.and_then(|data| data.last_modified_by),
        legacy: false,
        unmapped: Vec::new(),
        request_id: None,
    };
    let mut name = text(&rule.properties, "displayName").unwrap_or_default().to_owned();
    let (mut body, unknown) = match &kind {
        // Nothing is known about it and it is never written: all of it is there to be looked at.
        Kind::Other(_) => (rule.properties, Body::new()),
        kind => fields::split(rule.properties, wire::table(kind)),
    };
    for property in ["query", "description"] {
        if let Some(Value::String(text)) = body.get_mut(property) {
            *text = unix_lines(std::mem::take(text));
        }
    }
    let marker = match kind.marker_carrier() {
        Some(MarkerCarrier::QueryComment) => take_marker(&mut body, "query", MarkerCarrier::QueryComment),
        Some(MarkerCarrier::Description) => take_marker(&mut body, "description", MarkerCarrier::Description),
        None => None,
    };
    let auto_disabled = undo_auto_disabled(&mut name, &mut body);
    split_techniques(&mut body);
    if kind == Kind::Fusion {
        fusion_normal_form(&mut body);
    }
    Live { remote_id: rule.name, kind, name, body, unknown, marker, server, auto_disabled }
}

/// What to send for a rule; `before` is what it replaces.
pub(super) fn sent(write: &Write, before: Option<&Live>) -> Put {
    let mut properties = write.body.clone();
    spell_required(&write.kind, &mut properties);
    match write.kind.marker_carrier() {
        Some(carrier @ MarkerCarrier::QueryComment) => {
            put_marker(&mut properties, "query", &write.marker, carrier);
        }
        Some(carrier @ MarkerCarrier::Description) => {
            put_marker(&mut properties, "description", &write.marker, carrier);
        }
        None => {}
    }
    if let Some(before) = before {
        merge_unknown(&mut properties, &before.unknown);
    }
    Put {
        kind: write.kind.as_str().to_owned(),
        etag: before.and_then(|before| before.server.etag.clone()),
        properties,
    }
}

fn take_marker(body: &mut Body, property: &str, carrier: MarkerCarrier) -> Option<Marker> {
    let whole = take_text(body, property)?;
    let (rest, marker) = Marker::split(&whole, carrier);
    // A description that is nothing but the marker is none.
    if !rest.is_empty() {
        body.insert(property.to_owned(), Value::String(rest.to_owned()));
    }
    marker
}

fn put_marker(body: &mut Body, property: &str, marker: &Marker, carrier: MarkerCarrier) {
    let whole = marker.append(text(body, property).unwrap_or_default(), carrier);
    body.insert(property.to_owned(), Value::String(whole));
}

/// Required by the 2024 specification and by the service, whatever later schemas say (CONTRACT B.3, the trap).
fn spell_required(kind: &Kind, body: &mut Body) {
    let mut default = |name: &str, value: Value| {
        body.entry(name).or_insert(value);
    };
    match kind {
        Kind::Scheduled => {
            default("triggerOperator", json!("GreaterThan"));
            default("triggerThreshold", json!(0));
        }
        Kind::Nrt => {}
        _ => return,
    }
    default("suppressionEnabled", json!(false));
    default("suppressionDuration", json!("PT5H"));
    if let Some(incident) = fields::object_mut(body, "incidentConfiguration") {
        incident.entry("createIncident").or_insert(json!(true));
        if let Some(grouping) = fields::object_mut(incident, "groupingConfiguration") {
            for (name, value) in [
                ("enabled", json!(false)),
                ("reopenClosedIncident", json!(false)),
                ("lookbackDuration", json!("PT5H")),
                ("matchingMethod", json!("AllEntities")),
            ] {
                grouping.entry(name).or_insert(value);
            }
        }
    }
    if let Some(grouping) = fields::object_mut(body, "eventGroupingSettings") {
        grouping.entry("aggregationKind").or_insert(json!("SingleAlert"));
    }
}

/// `T1053.005` belongs into `subTechniques`, with its parent in `techniques`; some clients put it into the wrong list, or
/// leave the parent out.
fn split_techniques(body: &mut Body) {
    let listed = |name: &str| -> Vec<String> {
        let items = body.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (ids, mut subs) = (listed("techniques"), listed("subTechniques"));
    let lonely = |sub: &String| !ids.iter().any(|id| id == technique::parent(sub).0);
    if !ids.iter().any(|id| technique::parent(id).1) && !subs.iter().any(lonely) {
        return;
    }
    let mut parents: Vec<String> = Vec::new();
    for id in ids.into_iter().chain(subs.clone()) {
        let (parent, is_sub) = technique::parent(&id);
        if !parents.iter().any(|known| known == parent) {
            parents.push(parent.to_owned());
        }
        if is_sub && !subs.contains(&id) {
            subs.push(id);
        }
    }
    body.insert("techniques".to_owned(), json!(parents));
    body.insert("subTechniques".to_owned(), json!(subs));
}

/// Takes the prefix off the name and the reason off the description; the reason, if the service switched the rule off.
///
/// The service documents that it adds the reason to the description, not where or how. A first or last line that speaks
/// of disabling is taken for it; whatever else stands there stays.
fn undo_auto_disabled(name: &mut String, body: &mut Body) -> Option<String> {
    let rest = name.strip_prefix(AUTO_DISABLED)?;
    let restored = rest.trim_start_matches([' ', '-', ':', '–']).to_owned();
    if body.contains_key("displayName") {
        body.insert("displayName".to_owned(), Value::String(restored.clone()));
    }
    *name = restored;
    let description = text(body, "description").unwrap_or_default().to_owned();
    let says_so = |line: &str| line.to_ascii_lowercase().contains("disabled");
    let (reason, kept) = match (description.split_once('\n'), description.rsplit_once('\n')) {
        (Some((first, kept)), _) if says_so(first) => (first, kept),
        (_, Some((kept, last))) if says_so(last) => (last, kept),
        (None, _) if says_so(&description) => (description.as_str(), ""),
        _ => return Some("the service gave no reason".to_owned()),
    };
    let kept = kept.trim_matches('\n');
    if kept.is_empty() {
        body.shift_remove("description");
    } else {
        body.insert("description".to_owned(), Value::String(kept.to_owned()));
    }
    Some(crate::provider::http::clean(reason))
}

/// Fusion answers every source with every setting. What the server adds goes, and settings in which everything is on
/// are the service's default, so they count as not set.
fn fusion_normal_form(body: &mut Body) {
    let Some(Value::Array(sources)) = body.get_mut("sourceSettings") else { return };
    let mut anything_off = false;
    let mut look = |value: &Value| anything_off |= value.get("enabled") == Some(&Value::Bool(false));
    for source in sources {
        look(source);
        let Some(Value::Array(sub_types)) = source.get_mut("sourceSubTypes") else { continue };
        for sub_type in sub_types {
            look(sub_type);
            if let Some(members) = sub_type.as_object_mut() {
                members.shift_remove("sourceSubTypeDisplayName");
            }
            let Some(filters) = sub_type.get_mut("severityFilters").and_then(Value::as_object_mut) else {
                continue;
            };
            filters.shift_remove("isSupported");
            if let Some(Value::Array(filters)) = filters.get("filters") {
                filters.iter().for_each(&mut look);
            }
        }
    }
    if !anything_off {
        body.shift_remove("sourceSettings");
    }
}
