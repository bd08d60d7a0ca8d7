//! An analytics rule's properties (CONTRACT B.3).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::address::{Address, Platform, Target};
use crate::diagnostic::Diagnostics;
use crate::duration::IsoDuration;
use crate::model::rule::{Rule, Severity};
use crate::model::sentinel::{Alerting, Fusion, Grouping, Kind as RuleKind, MicrosoftSecurity, Schedule};
use crate::model::vocabulary::FUSION_TEMPLATE;
use crate::resource::{Body, Kind, Marker, MarkerCarrier, Resource};

use super::super::Scope;
use super::super::query::Compiled;
use super::{check_length, object, parents, remote_id, strings, sub_techniques};

/// What the portal writes when suppression is off; the property is required all the same.
const SUPPRESSION: IsoDuration = IsoDuration::from_hours(5);

pub(crate) fn lower(
    scope: &Scope<'_>,
    rule: &Rule,
    enabled: bool,
    target: &Target,
    compiled: Option<Compiled<'_>>,
    diagnostics: &mut Diagnostics,
) -> Option<Resource> {
    let section = rule.sentinel.as_ref()?;
    let owner = &scope.environment.owner.value;
    let mut body = Map::new();
    body.insert("displayName".into(), rule.name.value.clone().into());
    body.insert("enabled".into(), enabled.into());
    let kind = match &section.kind.value {
        RuleKind::Scheduled(parts) => {
            let (schedule, alerting) = parts.as_ref();
            common(rule, &mut body);
            scheduling(schedule, &mut body);
            alerts(alerting, &mut body);
            Kind::Scheduled
        }
        RuleKind::Nrt(alerting) => {
            common(rule, &mut body);
            alerts(alerting, &mut body);
            Kind::Nrt
        }
        RuleKind::MicrosoftSecurity(filter) => {
            description(rule, &mut body);
            microsoft_security(filter, &mut body);
            Kind::MicrosoftSecurityIncidentCreation
        }
        // Everything but the switch and Fusion's own settings is read-only for these three.
        RuleKind::Fusion(fusion) => {
            body.remove("displayName");
            body.insert("alertRuleTemplateName".into(), FUSION_TEMPLATE.into());
            fusion_settings(fusion, &mut body);
            Kind::Fusion
        }
        RuleKind::MlBehaviorAnalytics => {
            body.remove("displayName");
            Kind::MlBehaviorAnalytics
        }
        RuleKind::ThreatIntelligence => Kind::ThreatIntelligence,
    };
    if let Some(template) = &section.template {
        body.insert("alertRuleTemplateName".into(), template.name.value.clone().into());
        if let Some(version) = &template.version {
            body.insert("templateVersion".into(), version.value.clone().into());
        }
    }
    let (lines, entries) = match compiled {
        Some(compiled) => {
            check_length(&compiled, marker_length(owner, rule), diagnostics);
            body.insert("query".into(), compiled.text.into());
            (compiled.lines, compiled.entries)
        }
        None => (Vec::new(), Vec::new()),
    };
    Some(Resource {
        address: Address { target: target.clone(), rule: rule.id.to_string() },
        remote_id: remote_id(rule, Platform::Sentinel, &kind, owner),
        kind,
        pinned: section.rule_id.is_some(),
        body: Arc::new(body),
        protect: rule.protect,
        lines: lines.into(),
        entries,
    })
}

/// The marker's line and its line break count towards the query's limit.
fn marker_length(owner: &str, rule: &Rule) -> usize {
    let marker = Marker {
        owner: owner.to_owned(),
        rule: rule.id.to_string(),
        digest: "0".repeat(Marker::DIGEST_LENGTH),
        protect: rule.protect,
    };
    marker.line(MarkerCarrier::QueryComment).len() + 1
}

fn description(rule: &Rule, body: &mut Body) {
    if let Some(description) = &rule.description {
        body.insert("description".into(), description.value.trim_end().into());
    }
}

fn common(rule: &Rule, body: &mut Body) {
    description(rule, body);
    body.insert("severity".into(), severity(rule.severity.value).into());
    let tactics: Vec<&str> = rule.attack.iter().map(|attack| attack.tactic.value.as_str()).collect();
    body.insert("tactics".into(), json!(tactics));
    body.insert("techniques".into(), json!(parents(&rule.attack)));
    body.insert("subTechniques".into(), json!(sub_techniques(&rule.attack)));
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
    }
}

fn scheduling(schedule: &Schedule, body: &mut Body) {
    body.insert("queryFrequency".into(), schedule.frequency.to_string().into());
    body.insert("queryPeriod".into(), schedule.period.to_string().into());
    body.insert("triggerOperator".into(), schedule.operator.value.clone().into());
    body.insert("triggerThreshold".into(), schedule.threshold.value.into());
}

fn alerts(alerting: &Alerting, body: &mut Body) {
    let suppression = alerting.suppression.as_ref();
    body.insert(
        "suppressionEnabled".into(),
        suppression.is_some_and(|suppression| suppression.enabled.value).into(),
    );
    let duration = suppression.map_or(SUPPRESSION, |suppression| suppression.duration.value);
    body.insert("suppressionDuration".into(), duration.to_string().into());
    let mappings: Vec<Value> = alerting
        .entities
        .iter()
        .map(|mapping| {
            let fields: Vec<Value> = mapping
                .fields
                .iter()
                .map(|(identifier, column)| {
                    json!({"identifier": identifier.value, "columnName": column.value})
                })
                .collect();
            json!({"entityType": mapping.entity.value, "fieldMappings": fields})
        })
        .collect();
    body.insert("entityMappings".into(), mappings.into());
    let sentinel: Vec<Value> =
        alerting.sentinel_entities.iter().map(|column| json!({"columnName": column.value})).collect();
    body.insert("sentinelEntitiesMappings".into(), sentinel.into());
    body.insert("customDetails".into(), object(&alerting.custom_details));
    body.insert("alertDetailsOverride".into(), overrides(alerting));
    let aggregation = alerting.event_grouping.as_ref().map_or("SingleAlert", |kind| kind.value.as_str());
    body.insert("eventGroupingSettings".into(), json!({"aggregationKind": aggregation}));
    body.insert(
        "incidentConfiguration".into(),
        json!({
            "createIncident": alerting.create_incident.as_ref().is_none_or(|create| create.value),
            "groupingConfiguration": grouping(alerting.grouping.as_ref()),
        }),
    );
}

fn overrides(alerting: &Alerting) -> Value {
    let Some(alert) = &alerting.alert else { return Value::Null };
    let mut value = Map::new();
    for (key, text) in [
        ("alertDisplayNameFormat", &alert.name_format),
        ("alertDescriptionFormat", &alert.description_format),
        ("alertTacticsColumnName", &alert.tactics_column),
        ("alertSeverityColumnName", &alert.severity_column),
    ] {
        if let Some(text) = text {
            value.insert(key.into(), text.value.clone().into());
        }
    }
    let dynamic: Vec<Value> = alert
        .dynamic_properties
        .iter()
        .map(|(property, column)| json!({"alertProperty": property.value, "value": column.value}))
        .collect();
    value.insert("alertDynamicProperties".into(), dynamic.into());
    Value::Object(value)
}

/// Grouping as the portal writes it when nothing is said: off.
fn grouping(grouping: Option<&Grouping>) -> Value {
    match grouping {
        Some(grouping) => json!({
            "enabled": grouping.enabled.value,
            "reopenClosedIncident": grouping.reopen_closed.value,
            "lookbackDuration": grouping.lookback.to_string(),
            "matchingMethod": grouping.matching.value,
            "groupByEntities": strings(&grouping.by_entities),
            "groupByAlertDetails": strings(&grouping.by_alert_details),
            "groupByCustomDetails": strings(&grouping.by_custom_details),
        }),
        None => json!({
            "enabled": false,
            "reopenClosedIncident": false,
            "lookbackDuration": "PT5H",
            "matchingMethod": "AllEntities",
            "groupByEntities": [],
            "groupByAlertDetails": [],
            "groupByCustomDetails": [],
        }),
    }
}

fn microsoft_security(filter: &MicrosoftSecurity, body: &mut Body) {
    body.insert("productFilter".into(), filter.product.value.clone().into());
    let severities: Vec<&str> = filter.severities.iter().map(|one| severity(one.value)).collect();
    body.insert("severitiesFilter".into(), json!(severities));
    body.insert("displayNamesFilter".into(), strings(&filter.display_names));
    body.insert("displayNamesExcludeFilter".into(), strings(&filter.exclude_display_names));
}

fn fusion_settings(fusion: &Fusion, body: &mut Body) {
    let sources: Vec<Value> = fusion
        .sources
        .iter()
        .map(|source| {
            let sub_types: Vec<Value> = source
                .sub_types
                .iter()
                .map(|sub| {
                    let filters: Vec<Value> = sub
                        .severities
                        .iter()
                        .map(|(one, on)| json!({"severity": severity(one.value), "enabled": on.value}))
                        .collect();
                    json!({
                        "sourceSubTypeName": sub.name.value,
                        "enabled": sub.enabled.value,
                        "severityFilters": {"filters": filters},
                    })
                })
                .collect();
            json!({"sourceName": source.name.value, "enabled": source.enabled.value, "sourceSubTypes": sub_types})
        })
        .collect();
    let patterns: Vec<Value> = fusion
        .exclusion_patterns
        .iter()
        .map(|(pattern, added)| json!({"exclusionPattern": pattern.value, "dateAddedInUTC": added.value}))
        .collect();
    // What a rule does not mention stays as the service has it.
    for (key, list) in [("sourceSettings", sources), ("scenarioExclusionPatterns", patterns)] {
        if !list.is_empty() {
            body.insert(key.into(), list.into());
        }
    }
}
