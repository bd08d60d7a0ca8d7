//! Raising and lowering undo each other, through the text of the file.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{defender, sentinel};
use crate::compile::compile;
use crate::diagnostic::Diagnostics;
use crate::diff::canonical;
use crate::import::write::yaml;
use crate::import::{Draft, Properties};
use crate::model::Repository;
use crate::model::vocabulary::{
    ALERT_PROPERTIES, AUTOMATED_ACTIONS, ENTITY_MAPPINGS, ENTITY_TYPES, PRODUCTS,
};
use crate::resource::{Body, Kind};
use crate::source::SourceMap;
use crate::yaml::decode::{decode_rule, environment::environment};
use crate::yaml::read::read;

const ENVIRONMENT: &str = "owner: acme/prod
tenant_id: 11111111-2222-4333-8444-555555555555
prune: never
defender: {preview_fields: true}
sentinel: {subscription: 66666666-7777-4888-8999-000000000000, resource_group: rg, workspace: law}
response_actions: {allow: [isolateDevices]}
";

/// What the file of a draft compiles to on its only platform.
fn lowered(draft: &Draft) -> Body {
    let mut draft = draft.clone();
    draft.id = "raised".to_owned();
    if draft.name.is_empty() {
        draft.name = "Raised".to_owned();
    }
    let text = yaml(&draft.document());
    let mut repository = Repository::default();
    let mut sources = SourceMap::default();
    let file = sources.add("rules/raised.yaml", &*text);
    let document = read(&text, file).unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    let (rule, found) = decode_rule(&document, None, None);
    assert!(!found.has_errors(), "{found:?}\n{text}");
    repository.rules.push(Arc::new(rule.unwrap()));
    let file = sources.add("environments/prod/environment.yaml", ENVIRONMENT);
    let mut out = Diagnostics::default();
    let document = read(ENVIRONMENT, file).unwrap();
    repository.environments.extend(environment(&document, "prod", &mut out));
    repository.sources = sources;
    let (desired, _) = compile(&repository, &repository.environments[0], "2026-11-23".parse().unwrap());
    assert_eq!(desired.resources.len(), 1, "{text}");
    Body::clone(&desired.resources[0].body)
}

fn form(kind: &Kind, body: &Properties) -> Value {
    let schema = match kind {
        Kind::CustomDetection => crate::provider::defender::schema(),
        _ => crate::provider::sentinel::schema(),
    };
    Value::Object(canonical(schema, kind, body))
}

fn raised(kind: &Kind, body: &Properties) -> Draft {
    match kind {
        Kind::CustomDetection => defender(body),
        kind => sentinel(kind, body),
    }
}

#[track_caller]
fn round_trip(kind: &Kind, body: &Value) {
    let body = body.as_object().unwrap();
    let draft = raised(kind, body);
    assert_eq!(draft.remarks, [], "{body:?}");
    assert_eq!(form(kind, &lowered(&draft)), form(kind, body));
}

#[test]
fn every_kind_with_little() {
    round_trip(
        &Kind::Scheduled,
        &json!({"displayName": "A", "enabled": true, "severity": "Low", "query": "T | take 1", "queryFrequency": "PT1H",
            "queryPeriod": "P1D", "triggerOperator": "GreaterThan", "triggerThreshold": 0, "suppressionEnabled": false,
            "suppressionDuration": "PT5H"}),
    );
    round_trip(
        &Kind::Nrt,
        &json!({"displayName": "A", "enabled": false, "severity": "High", "query": "T\r\n| take 1\r\n"}),
    );
    round_trip(
        &Kind::MicrosoftSecurityIncidentCreation,
        &json!({"displayName": "A", "enabled": true, "productFilter": "Azure Security Center"}),
    );
    let template = "0dd422ee-e6af-4204-b219-f59ac172e4c6";
    round_trip(&Kind::MlBehaviorAnalytics, &json!({"enabled": true, "alertRuleTemplateName": template}));
    round_trip(
        &Kind::ThreatIntelligence,
        &json!({"enabled": true, "displayName": "A", "alertRuleTemplateName": template}),
    );
    let fusion = "f71aba3d-28fb-450b-b192-4e76a83015c8";
    round_trip(&Kind::Fusion, &json!({"enabled": false, "alertRuleTemplateName": fusion}));
}

#[test]
fn descriptions_of_a_detection_and_of_its_alerts() {
    for (own, alert) in
        [(None, None), (Some("a"), None), (None, Some("b")), (Some("a"), Some("a")), (Some("a"), Some("b"))]
    {
        round_trip(
            &Kind::CustomDetection,
            &json!({"displayName": "A", "description": own, "status": "disabled", "queryCondition": {"queryText": "T"},
                "schedule": {"frequency": "PT1H"},
                "detectionAction": {"alertTemplate": {"title": "A", "description": alert, "severity": "low"}}}),
        );
    }
}

#[test]
fn what_has_no_place_is_kept() {
    let draft = sentinel(
        &Kind::Scheduled,
        json!({"displayName": "A", "severity": "Extreme", "query": "T", "queryFrequency": "1h", "new": {"a": [1]},
            "tactics": ["Alchemy"], "customDetails": {"a": 1},
            "incidentConfiguration": {"createIncident": false, "owner": "me"},
            "entityMappings": [{"entityType": "Ghost", "fieldMappings": []}]})
        .as_object()
        .unwrap(),
    );
    assert_eq!(
        draft.extra["x-sentinel"],
        json!({"severity": "Extreme", "queryFrequency": "1h", "new": {"a": [1]}, "tactics": ["Alchemy"],
            "customDetails": {"a": 1}, "incidentConfiguration": {"owner": "me"},
            "entityMappings": [{"entityType": "Ghost", "fieldMappings": []}]})
    );
    assert_eq!(draft.remarks.len(), 7);
    assert_eq!(draft.remarks[0].what, "sentinel: severity");

    let unknown = json!({"displayName": "X", "a": {"b": null}});
    let draft = sentinel(&Kind::Other("Anomaly".into()), unknown.as_object().unwrap());
    assert_eq!(
        (draft.sentinel, &draft.extra["x-kind"], &draft.extra["x-sentinel"]),
        (None, &json!("Anomaly"), &unknown)
    );
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9 :#'\"\\\\{}äß🔥-]{0,20}x", any::<String>()]
        .prop_map(|text| {
            text.chars()
                .filter(|c| crate::yaml::decode::scalar::is_acceptable(&c.to_string(), false) || *c == ' ')
                .collect()
        })
        .prop_filter("says something", |text: &String| !text.trim().is_empty())
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![line(), Just(String::new()), Just("  \t".to_owned())], 1..4)
        .prop_map(|lines| lines.join("\n"))
        .prop_filter("says something", |text| !text.trim().is_empty())
}

fn query() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "SecurityEvent | take 1",
        "  SecurityEvent\r\n| where a == \"x\"  \r\n\t\r\n| take 1\r\n\r\n",
        "\n\n// comment\nSecurityEvent\n  // allowlist\n| project a, b\t\n",
        "let x = 1d;\nT\n| where y == @'c:\\x' and z == '# no: comment'\n",
    ])
    .prop_map(str::to_owned)
}

fn words(list: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(list.to_vec(), 0..=most.min(list.len()))
}

fn duration() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["PT5M", "PT1H", "P1D", "PT24H", "P1DT2H", "PT5H", "P14D"])
        .prop_map(str::to_owned)
}

/// Each property is there or not.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    members
        .into_iter()
        .map(|(name, value)| {
            prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect::<Vec<_>>()
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

fn json_of<T: Into<Value> + std::fmt::Debug + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Value> {
    strategy.prop_map(Into::into).boxed()
}

fn details() -> BoxedStrategy<Value> {
    prop::collection::btree_map(line().prop_filter("a key", |key| key != "<<"), line(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k, v.into())).collect()))
        .boxed()
}

fn attack() -> BoxedStrategy<Value> {
    let tactics = words(&["Persistence", "Execution", "LateralMovement"], 3);
    (
        tactics,
        words(&["T1053", "T1543", "T1059", "T0853"], 4),
        words(&["T1053.005", "T1059.001", "T1059.003"], 3),
    )
        .prop_map(|(tactics, mut techniques, subs)| {
            if tactics.is_empty() {
                return json!({});
            }
            for sub in &subs {
                techniques.push(&sub[..5]);
            }
            json!({"tactics": tactics, "techniques": techniques, "subTechniques": subs})
        })
        .boxed()
}

fn alerting() -> BoxedStrategy<Value> {
    let entity = (
        prop::sample::select(ENTITY_TYPES.to_vec()),
        prop::collection::btree_map("[A-Za-z]{1,8}", line(), 1..4),
    )
        .prop_map(|(kind, fields)| {
            let fields: Vec<Value> = fields
                .into_iter()
                .map(|(id, column)| json!({"identifier": id, "columnName": column}))
                .collect();
            json!({"entityType": kind, "fieldMappings": fields})
        });
    let dynamic = words(ALERT_PROPERTIES, 3).prop_map(|names| {
        names.into_iter().map(|name| json!({"alertProperty": name, "value": "Column"})).collect::<Value>()
    });
    let grouping = object(vec![
        ("enabled", json_of(any::<bool>())),
        ("reopenClosedIncident", json_of(any::<bool>())),
        ("lookbackDuration", json_of(duration())),
        ("matchingMethod", json_of(prop::sample::select(vec!["AllEntities", "AnyAlert", "Selected"]))),
        ("groupByEntities", json_of(words(ENTITY_TYPES, 3))),
        ("groupByAlertDetails", json_of(words(&["DisplayName", "Severity"], 2))),
        ("groupByCustomDetails", json_of(prop::collection::vec(line(), 0..3))),
    ]);
    object(vec![
        ("description", json_of(text())),
        ("entityMappings", json_of(prop::collection::vec(entity, 0..4))),
        ("sentinelEntitiesMappings", json_of(line().prop_map(|column| json!([{"columnName": column}])))),
        ("customDetails", details()),
        (
            "alertDetailsOverride",
            object(vec![
                ("alertDisplayNameFormat", json_of(line())),
                ("alertDescriptionFormat", json_of(text())),
                ("alertTacticsColumnName", json_of(line())),
                ("alertSeverityColumnName", json_of(line())),
                ("alertDynamicProperties", dynamic.boxed()),
            ]),
        ),
        (
            "eventGroupingSettings",
            object(vec![(
                "aggregationKind",
                json_of(prop::sample::select(vec!["SingleAlert", "AlertPerResult"])),
            )]),
        ),
        (
            "incidentConfiguration",
            object(vec![("createIncident", json_of(any::<bool>())), ("groupingConfiguration", grouping)]),
        ),
        ("suppressionEnabled", json_of(any::<bool>())),
        ("suppressionDuration", json_of(duration())),
        ("alertRuleTemplateName", json_of(line())),
    ])
}

fn merged(parts: Vec<Value>) -> Properties {
    parts.into_iter().flat_map(|part| part.as_object().cloned().unwrap_or_default()).collect()
}

fn scheduled() -> impl Strategy<Value = Properties> {
    let own = (
        line(),
        any::<bool>(),
        query(),
        prop::sample::select(vec!["Informational", "Low", "Medium", "High"]),
    );
    let schedule = (duration(), duration());
    let trigger = object(vec![
        (
            "triggerOperator",
            json_of(prop::sample::select(vec!["GreaterThan", "LessThan", "Equal", "NotEqual"])),
        ),
        ("triggerThreshold", json_of(0..=10_000u32)),
    ]);
    (own, schedule, trigger, attack(), alerting()).prop_map(
        |((name, enabled, query, severity), schedule, trigger, attack, alerting)| {
            let own = json!({"displayName": name, "enabled": enabled, "query": query, "severity": severity,
            "queryFrequency": schedule.0, "queryPeriod": schedule.1});
            merged(vec![own, trigger, attack, alerting])
        },
    )
}

fn collections(table: &'static [(&'static str, &'static [&'static str])]) -> BoxedStrategy<Value> {
    let one = |(name, members): &(&'static str, &'static [&'static str])| {
        let value = |member: &'static str| match member {
            "deviceGroupNames" => json!(["Group A"]),
            "isolationType" => json!("full"),
            member => json!(member),
        };
        let item = words(members, members.len()).prop_map(move |members| {
            members
                .into_iter()
                .map(|member| (member.to_owned(), value(member)))
                .collect::<Map<String, Value>>()
        });
        (
            *name,
            prop::collection::vec(item.prop_filter("not empty", |item| !item.is_empty()), 0..3)
                .prop_map(|items| json!(items))
                .boxed(),
        )
    };
    object(table.iter().map(one).collect())
}

fn detection() -> impl Strategy<Value = Properties> {
    let tree = prop::option::of(words(&["T1053", "T1053.005", "T1059.001", "T1543"], 4)).prop_map(|techniques| {
        let entry = |id: &str| match id.split_once('.') {
            Some((parent, _)) => json!({"technique": parent, "subTechniques": [id]}),
            None => json!({"technique": id}),
        };
        match techniques {
            // One parent once, as the provider reads it.
            Some(ids) if !(ids.contains(&"T1053") && ids.contains(&"T1053.005")) => {
                json!([{"tactic": "Persistence", "techniques": ids.into_iter().map(entry).collect::<Vec<_>>()}])
            }
            _ => json!([]),
        }
    });
    let template = object(vec![
        ("description", json_of(text())),
        ("recommendedActions", json_of(text())),
        ("tactics", tree.boxed()),
        ("entityMappings", collections(ENTITY_MAPPINGS)),
        ("customDetails", details()),
        ("eventGroupingKind", json_of(prop::sample::select(vec!["alertPerEvent", "singleAlert"]))),
    ]);
    let rest = object(vec![
        ("automatedActions", collections(AUTOMATED_ACTIONS)),
        (
            "organizationalScope",
            json_of(prop::collection::vec(line(), 0..3).prop_map(|groups| json!({"deviceGroups": groups}))),
        ),
        (
            "incidentConfiguration",
            json_of(any::<bool>().prop_map(|on| json!({"isExcludedFromIncidentCorrelation": on}))),
        ),
    ]);
    let own = (line(), prop::option::of(line()), prop::option::of(text()), any::<bool>(), query());
    (own, duration(), prop::option::of(duration()), template, rest).prop_map(
        |((name, title, description, enabled, query), frequency, lookback, template, rest)| {
            let title = json!({"title": title.unwrap_or_else(|| name.clone()), "severity": "medium"});
            let mut action = merged(vec![rest]);
            action.insert("alertTemplate".into(), merged(vec![title, template]).into());
            let status = if enabled { "enabled" } else { "disabled" };
            json!({"displayName": name, "description": description, "status": status, "queryCondition": {"queryText": query},
                "schedule": {"frequency": frequency, "lookback": lookback}, "detectionAction": action})
            .as_object()
            .cloned()
            .unwrap_or_default()
        },
    )
}

fn security() -> impl Strategy<Value = Properties> {
    let filter = object(vec![
        ("description", json_of(text())),
        ("severitiesFilter", json_of(words(&["High", "Low", "Medium", "Informational"], 4))),
        ("displayNamesFilter", json_of(prop::collection::vec(line(), 0..3))),
        ("displayNamesExcludeFilter", json_of(prop::collection::vec(line(), 0..3))),
        ("alertRuleTemplateName", json_of(line())),
    ]);
    (line(), any::<bool>(), prop::sample::select(PRODUCTS.to_vec()), filter).prop_map(
        |(name, enabled, product, filter)| {
            merged(vec![json!({"displayName": name, "enabled": enabled, "productFilter": product}), filter])
        },
    )
}

fn fusion() -> impl Strategy<Value = Properties> {
    let filters = words(&["High", "Medium", "Low", "Informational"], 4).prop_map(|names| {
        let filters: Vec<Value> =
            names.into_iter().map(|name| json!({"severity": name, "enabled": name != "Low"})).collect();
        json!({"filters": filters})
    });
    let sub_type = (line(), any::<bool>(), filters).prop_map(
        |(name, on, filters)| json!({"sourceSubTypeName": name, "enabled": on, "severityFilters": filters}),
    );
    let source = (line(), any::<bool>(), prop::collection::vec(sub_type, 0..3))
        .prop_map(|(name, on, subs)| json!({"sourceName": name, "enabled": on, "sourceSubTypes": subs}));
    let pattern =
        line().prop_map(|text| json!({"exclusionPattern": text, "dateAddedInUTC": "2026-11-02T09:30:00Z"}));
    (any::<bool>(), prop::collection::vec(source, 0..3), prop::collection::vec(pattern, 0..3)).prop_map(
        |(enabled, sources, patterns)| {
            merged(vec![
                json!({"enabled": enabled, "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8",
                "sourceSettings": sources, "scenarioExclusionPatterns": patterns}),
            ])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn lowering_undoes_raising(scheduled in scheduled(), detection in detection(), security in security(), fusion in fusion()) {
        let mut nrt = scheduled.clone();
        nrt.retain(|name, _| !matches!(name.as_str(), "queryFrequency" | "queryPeriod" | "triggerOperator" | "triggerThreshold"));
        for (kind, body) in [
            (Kind::Scheduled, scheduled),
            (Kind::Nrt, nrt),
            (Kind::CustomDetection, detection),
            (Kind::MicrosoftSecurityIncidentCreation, security),
            (Kind::Fusion, fusion),
        ] {
            let draft = raised(&kind, &body);
            prop_assert_eq!(&draft.remarks, &[]);
            let found = lowered(&draft);
            prop_assert_eq!(form(&kind, &found), form(&kind, &body));
            // And the other way round: the same file.
            let again = raised(&kind, canonical_of(&kind, &found).as_object().unwrap());
            let first = raised(&kind, canonical_of(&kind, &body).as_object().unwrap());
            prop_assert_eq!(again.document(), first.document());
        }
    }
}

fn canonical_of(kind: &Kind, body: &Properties) -> Value {
    form(kind, body)
}
