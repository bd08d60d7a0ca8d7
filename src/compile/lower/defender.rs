//! A custom detection's properties, in the new Graph shape only (CONTRACT A.2–A.4).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::address::{Address, Platform, Target};
use crate::diagnostic::Diagnostics;
use crate::model::attack::split_technique;
use crate::model::defender::{Collection, Defender, MemberValue};
use crate::model::rule::{Attack, Rule, Severity};
use crate::resource::{Kind, Resource};

use super::super::Scope;
use super::super::query::Compiled;
use super::{check_length, object, remote_id, strings};

pub(crate) fn lower(
    scope: &Scope<'_>,
    rule: &Rule,
    enabled: bool,
    compiled: Option<Compiled<'_>>,
    diagnostics: &mut Diagnostics,
) -> Option<Resource> {
    let section = rule.defender.as_ref()?;
    let compiled = compiled?;
    check_length(&compiled, 0, diagnostics);
    let preview = scope.environment.defender.as_ref().is_some_and(|target| target.preview_fields);

    let mut schedule = Map::new();
    schedule.insert("frequency".into(), section.frequency.to_string().into());
    if let Some(lookback) = section.lookback.as_ref().filter(|_| preview) {
        schedule.insert("lookback".into(), lookback.to_string().into());
    }
    let mut body = Map::new();
    body.insert("displayName".into(), rule.name.value.clone().into());
    if let Some(description) = section.rule_description.as_ref().or(rule.description.as_ref()) {
        body.insert("description".into(), description.value.trim_end().into());
    }
    body.insert("status".into(), if enabled { "enabled" } else { "disabled" }.into());
    body.insert("queryCondition".into(), json!({"queryText": compiled.text}));
    body.insert("schedule".into(), schedule.into());
    body.insert("detectionAction".into(), action(rule, section, preview));

    Some(Resource {
        address: Address { target: Target::Defender, rule: rule.id.to_string() },
        remote_id: remote_id(
            rule,
            Platform::Defender,
            &Kind::CustomDetection,
            &scope.environment.owner.value,
        ),
        kind: Kind::CustomDetection,
        pinned: section.rule_id.is_some(),
        body: Arc::new(body),
        protect: rule.protect,
        lines: compiled.lines.into(),
        entries: compiled.entries,
    })
}

fn action(rule: &Rule, section: &Defender, preview: bool) -> Value {
    let mut alert = Map::new();
    alert.insert("title".into(), section.title.as_ref().unwrap_or(&rule.name).value.clone().into());
    for (key, text) in [
        ("description", section.description.as_ref().or(rule.description.as_ref())),
        ("recommendedActions", section.recommended_actions.as_ref().or(rule.response.as_ref())),
    ] {
        if let Some(text) = text {
            alert.insert(key.into(), text.value.trim_end().into());
        }
    }
    alert.insert("severity".into(), severity(rule.severity.value).into());
    alert.insert("tactics".into(), rule.attack.first().map(tactic).into_iter().collect());
    alert.insert("entityMappings".into(), collections(&section.entities));
    alert.insert("customDetails".into(), object(&section.custom_details));
    if let Some(kind) = section.event_grouping.as_ref().filter(|_| preview) {
        alert.insert("eventGroupingKind".into(), kind.value.clone().into());
    }
    let mut action = Map::new();
    action.insert("alertTemplate".into(), alert.into());
    action.insert("automatedActions".into(), collections(&section.actions));
    action.insert("organizationalScope".into(), json!({"deviceGroups": strings(&section.device_groups)}));
    if let Some(excluded) = section.exclude_from_correlation.as_ref().filter(|_| preview) {
        action.insert(
            "incidentConfiguration".into(),
            json!({"isExcludedFromIncidentCorrelation": excluded.value}),
        );
    }
    action.into()
}

/// Severity words are lower case here, unlike in Sentinel.
fn severity(severity: Severity) -> &'static str {
    Severity::NAMES.iter().find(|(_, value)| *value == severity).map_or("", |(name, _)| name)
}

/// One tactic with its techniques; sub-techniques stand below their parent, as the service reads them back.
fn tactic(attack: &Attack) -> Value {
    let mut techniques: Vec<(String, Vec<String>)> = Vec::new();
    for technique in &attack.techniques {
        let (parent, sub) = split_technique(&technique.value).unwrap_or((&technique.value, None));
        let position = techniques.iter().position(|(known, _)| known == parent).unwrap_or_else(|| {
            techniques.push((parent.to_owned(), Vec::new()));
            techniques.len() - 1
        });
        if let (Some(sub), Some((_, subs))) = (sub, techniques.get_mut(position)) {
            subs.push(sub.to_owned());
        }
    }
    let techniques: Vec<Value> = techniques
        .into_iter()
        .map(|(technique, subs)| json!({"technique": technique, "subTechniques": subs}))
        .collect();
    json!({"tactic": attack.tactic.value, "techniques": techniques})
}

fn collections(collections: &[Collection]) -> Value {
    let member = |value: &MemberValue| match value {
        MemberValue::One(text) => Value::from(text.value.as_str()),
        MemberValue::Many(texts) => strings(texts),
    };
    let items = |collection: &Collection| -> Value {
        collection
            .items
            .iter()
            .map(|item| {
                Value::Object(item.iter().map(|(key, value)| (key.value.clone(), member(value))).collect())
            })
            .collect()
    };
    Value::Object(
        collections.iter().map(|collection| (collection.name.value.clone(), items(collection))).collect(),
    )
}
