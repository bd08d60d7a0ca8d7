use proptest::prelude::*;
use serde_json::{Value, json};

use super::convert::{live, sent};
use super::wire::AlertRule;
use crate::provider::testing::*;
use crate::provider::{ErrorKind, Provider, Write};
use crate::resource::{Kind, Live};

const ID: &str = "194bee2c-47d6-548a-b639-4e3ce2d230ad";

fn scheduled() -> Value {
    json!({
        "displayName": "Rule A", "description": "What it finds.\n\nAnd why.", "enabled": true, "severity": "Medium",
        "query": "SecurityEvent\n| where EventID == 4698",
        "queryFrequency": "PT1H", "queryPeriod": "PT2H", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
        "suppressionEnabled": false, "suppressionDuration": "PT5H",
        "tactics": ["Persistence"], "techniques": ["T1053"], "subTechniques": ["T1053.005"],
        "entityMappings": [{"entityType": "Host", "fieldMappings": [{"identifier": "HostName", "columnName": "Computer"}]}],
        "customDetails": {"Task": "TaskName"},
        "alertDetailsOverride": {"alertDisplayNameFormat": "Task {{TaskName}}", "alertDynamicProperties": [{"alertProperty": "AlertLink", "value": "Link"}]},
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "incidentConfiguration": {"createIncident": true, "groupingConfiguration": {"enabled": true, "reopenClosedIncident": false,
            "lookbackDuration": "PT5H", "matchingMethod": "Selected", "groupByEntities": ["Host"], "groupByAlertDetails": [], "groupByCustomDetails": ["Task"]}}
    })
}

/// One body per kind, in canonical form.
pub(super) fn bodies() -> Vec<(Kind, Value)> {
    let mut nrt = scheduled();
    for name in ["queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"] {
        nrt.as_object_mut().unwrap().remove(name);
    }
    vec![
        (Kind::Scheduled, scheduled()),
        (Kind::Nrt, nrt),
        (
            Kind::MicrosoftSecurityIncidentCreation,
            json!({
                "displayName": "MDE", "description": "Incidents.", "enabled": true, "productFilter": "Microsoft Cloud App Security",
                "severitiesFilter": ["High", "Medium"], "displayNamesExcludeFilter": ["Noise"],
            }),
        ),
        (
            Kind::Fusion,
            json!({
                "enabled": true, "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8",
                "sourceSettings": [{"sourceName": "S", "enabled": true, "sourceSubTypes": [{"sourceSubTypeName": "T", "enabled": false,
                    "severityFilters": {"filters": [{"severity": "High", "enabled": true}]}}]}],
                "scenarioExclusionPatterns": [{"exclusionPattern": "P", "dateAddedInUTC": "2026-11-01T00:00:00Z"}],
            }),
        ),
        (Kind::MlBehaviorAnalytics, json!({"enabled": true, "alertRuleTemplateName": "t-1"})),
        (
            Kind::ThreatIntelligence,
            json!({"enabled": false, "alertRuleTemplateName": "t-2", "displayName": "Microsoft threat intelligence"}),
        ),
    ]
}

/// What the service holds after a PUT, with its additions.
fn served(write: &Write, before: Option<&Live>, additions: &Value) -> AlertRule {
    let put = sent(write, before);
    let mut properties = put.properties;
    properties.extend(object(additions.clone()));
    let rule = json!({
        "id": "/subscriptions/x", "name": write.remote_id, "type": "Microsoft.SecurityInsights/alertRules",
        "kind": put.kind, "etag": "\"e-1\"", "properties": properties,
    });
    serde_json::from_value(rule).unwrap()
}

#[test]
fn every_kind_comes_back_as_it_was_sent() {
    for (kind, body) in bodies() {
        let write = write(kind.clone(), ID, body.clone());
        let additions = json!({"lastModifiedUtc": "2026-11-23T10:00:00Z", "templateVersion": null});
        let back = live(served(&write, None, &additions));
        assert_eq!(Value::Object(back.body.clone()), body, "{kind:?}");
        assert_eq!((&back.kind, back.remote_id.as_str()), (&kind, ID));
        assert_eq!(back.marker, kind.marker_carrier().map(|_| marker()), "{kind:?}");
        assert_eq!(back.server.etag.as_deref(), Some("\"e-1\""));
        assert_eq!(back.server.modified_at.as_deref(), Some("2026-11-23T10:00:00Z"));
        assert_eq!(back.auto_disabled, None);
        assert!(back.unknown.is_empty(), "{kind:?}: {:?}", back.unknown);
        // And writing what was read changes nothing.
        let again = Write { body: back.body.clone(), ..write.clone() };
        assert_eq!(sent(&again, Some(&back)).properties, sent(&write, None).properties, "{kind:?}");
    }
}

#[test]
fn the_marker_is_where_the_kind_carries_it() {
    let of = |index: usize| {
        let (kind, body) = bodies().swap_remove(index);
        sent(&write(kind, ID, body), None).properties
    };
    let line = "palisade:v1 owner=acme/prod rule=rule-a h=0123456789abcdef0123456789abcdef";
    assert_eq!(of(0)["query"], json!(format!("SecurityEvent\n| where EventID == 4698\n// {line}")));
    assert_eq!(of(0)["description"], json!("What it finds.\n\nAnd why."));
    assert_eq!(of(2)["description"], json!(format!("Incidents.\n[{line}]")));
    for templated in 3..6 {
        assert!(!Value::Object(of(templated)).to_string().contains("palisade"));
    }
}

#[test]
fn required_properties_are_spelled_even_when_canonical_form_leaves_them_out() {
    let mut short = scheduled();
    let members = short.as_object_mut().unwrap();
    for name in ["triggerOperator", "triggerThreshold", "suppressionEnabled", "suppressionDuration"] {
        members.remove(name);
    }
    members["incidentConfiguration"] = json!({"groupingConfiguration": {"enabled": true}});
    let properties = sent(&write(Kind::Scheduled, ID, short), None).properties;
    assert_eq!(properties["suppressionDuration"], json!("PT5H"));
    assert_eq!(properties["triggerOperator"], json!("GreaterThan"));
    assert_eq!(
        properties["incidentConfiguration"],
        json!({"createIncident": true, "groupingConfiguration": {"enabled": true, "reopenClosedIncident": false,
            "lookbackDuration": "PT5H", "matchingMethod": "AllEntities"}})
    );
}

#[test]
fn reading_undoes_what_the_service_and_other_clients_do() {
    let mut other = scheduled();
    other["techniques"] = json!(["T1053.005", "T1059", "T1059.001"]);
    other["subTechniques"] = json!(["T1053.005"]);
    other["query"] = json!("SecurityEvent\r\n| where EventID == 4698\r\n");
    other["description"] = json!("a\r\nb");
    let rule = json!({"name": ID, "kind": "Scheduled", "properties": other,
        "systemData": {"lastModifiedAt": "2026-11-22T00:00:00Z", "lastModifiedBy": "alice@contoso.com"}});
    let live = live(serde_json::from_value(rule).unwrap());
    assert_eq!(live.body["techniques"], json!(["T1053", "T1059"]));
    assert_eq!(live.body["subTechniques"], json!(["T1053.005", "T1059.001"]));
    assert_eq!(live.body["query"], json!("SecurityEvent\n| where EventID == 4698\n"));
    assert_eq!(live.body["description"], json!("a\nb"));
    assert_eq!(live.marker, None);
    assert_eq!(live.server.modified_by.as_deref(), Some("alice@contoso.com"));
}

#[test]
fn a_rule_that_the_service_switched_off_keeps_its_name_and_gives_its_reason() {
    for (description, reason, kept) in [
        (
            "This rule was disabled automatically. Reason: a table is gone.\nWhat it finds.\n\nAnd why.",
            "This rule was disabled automatically. Reason: a table is gone.",
            Some("What it finds.\n\nAnd why."),
        ),
        (
            "What it finds.\n\nAuto disabled due to a permanent failure.",
            "Auto disabled due to a permanent failure.",
            Some("What it finds."),
        ),
        ("Disabled: no access.", "Disabled: no access.", None),
        ("What it finds.", "the service gave no reason", Some("What it finds.")),
    ] {
        let mut body = scheduled();
        body["displayName"] = json!("AUTO DISABLED Rule A");
        body["description"] = json!(description);
        body["enabled"] = json!(false);
        let live = live(
            serde_json::from_value(json!({"name": ID, "kind": "Scheduled", "properties": body})).unwrap(),
        );
        assert_eq!(live.auto_disabled.as_deref(), Some(reason));
        assert_eq!((live.name.as_str(), &live.body["displayName"]), ("Rule A", &json!("Rule A")));
        assert_eq!(live.body.get("description").and_then(Value::as_str), kept);
    }
}

#[test]
fn fusion_with_everything_on_is_fusion_without_settings() {
    let rule = json!({"name": "BuiltInFusion", "kind": "Fusion", "properties": {
        "enabled": true, "displayName": "Advanced Multistage Attack Detection", "severity": "High", "tactics": ["Collection"],
        "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8",
        "sourceSettings": [{"sourceName": "S", "enabled": true, "sourceSubTypes": [{"sourceSubTypeName": "T", "sourceSubTypeDisplayName": "Tea",
            "enabled": true, "severityFilters": {"isSupported": true, "filters": [{"severity": "High", "enabled": true}]}}]}],
    }});
    let mut off = rule.clone();
    off["properties"]["sourceSettings"][0]["sourceSubTypes"][0]["severityFilters"]["filters"][0]["enabled"] =
        json!(false);
    let on = live(serde_json::from_value(rule).unwrap());
    assert_eq!(on.name, "Advanced Multistage Attack Detection");
    assert_eq!(
        Value::Object(on.body),
        json!({"enabled": true, "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8"})
    );
    let off = live(serde_json::from_value(off).unwrap());
    assert_eq!(
        off.body["sourceSettings"][0]["sourceSubTypes"][0],
        json!({"sourceSubTypeName": "T", "enabled": true,
        "severityFilters": {"filters": [{"severity": "High", "enabled": false}]}})
    );
}

#[test]
fn kinds_from_the_future_are_shown_and_left_alone() {
    let live = live(
        serde_json::from_value(
            json!({"name": ID, "kind": "Quantum", "properties": {"displayName": "Q", "x": 1}}),
        )
        .unwrap(),
    );
    assert_eq!((live.kind, live.name.as_str(), live.marker), (Kind::Other("Quantum".into()), "Q", None));
    assert_eq!(live.body["x"], json!(1));
}

#[tokio::test]
async fn speaks_the_documented_requests() {
    let (kind, body) = bodies().swap_remove(0);
    let write = write(kind, ID, body.clone());
    let answer = |etag: &str| {
        let put = sent(&write, None);
        json_reply(200, &json!({"name": ID, "kind": "Scheduled", "etag": etag, "properties": put.properties}))
    };
    let responder = Responder::new([
        answer("\"e-1\""),
        answer("\"e-2\""),
        answer("\"e-2\""),
        json_reply(204, &json!("")),
    ]);
    let (session, _) = session(&responder);
    let sentinel = session.sentinel(workspace(), None);
    let created = sentinel.create(&write).await.unwrap();
    let updated = sentinel.update(&write, &created).await.unwrap();
    sentinel.delete(&updated).await.unwrap();
    assert_eq!(responder.methods(), ["PUT", "PUT", "GET", "DELETE"]);
    let requests = responder.sent();
    for request in &requests {
        assert_eq!(
            request.url,
            format!(
                "https://management.azure.com/subscriptions/sub/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/law-soc/providers/Microsoft.SecurityInsights/alertRules/{ID}?api-version=2025-07-01-preview"
            )
        );
    }
    assert_eq!((requests[0].header("if-match"), requests[0].json().get("etag")), (None, None));
    assert_eq!(
        (requests[1].header("if-match"), &requests[1].json()["etag"]),
        (Some("\"e-1\""), &json!("\"e-1\""))
    );
}

#[tokio::test]
async fn a_put_is_repeated_and_recognises_its_own_echo() {
    let (kind, mut body) = bodies().swap_remove(0);
    let before = live(served(&write(kind.clone(), ID, body.clone()), None, &json!({})));
    body["severity"] = json!("High");
    let mut write = write(kind, ID, body);
    write.marker.digest = "ffffffffffffffffffffffffffffffff".into();
    let newer = json!({"error": {"code": "Conflict", "message": "Newer instance of rule 'x' exists for workspace 'y' (Etag does not match). Data was not saved."}});
    let now = json!({"name": ID, "kind": "Scheduled", "etag": "\"e-9\"", "properties": sent(&write, None).properties});

    let responder = Responder::new([Reply::Lost, json_reply(409, &newer), json_reply(200, &now)]);
    let (session_one, _) = session(&responder);
    let landed = session_one.sentinel(workspace(), None).update(&write, &before).await.unwrap();
    assert_eq!(landed.server.etag.as_deref(), Some("\"e-9\""));

    // Somebody else's change is a conflict.
    let theirs = json!({"name": ID, "kind": "Scheduled", "etag": "\"e-9\"", "properties": sent(&Write { marker: marker(), ..write.clone() }, None).properties});
    for status in [409, 412] {
        let responder = Responder::new([json_reply(status, &newer), json_reply(200, &theirs)]);
        let (session, _) = session(&responder);
        let error = session.sentinel(workspace(), None).update(&write, &before).await.unwrap_err();
        assert_eq!((error.kind, error.subject.as_str()), (ErrorKind::Conflict, "sentinel/law-soc:rule-a"));
        assert!(error.help.unwrap().contains("plan again"));
    }
}

#[tokio::test]
async fn an_unknown_property_that_turns_out_to_be_the_servers_is_not_sent_back() {
    let (kind, body) = bodies().swap_remove(0);
    let write = write(kind, ID, body);
    let before = live(served(&write, None, &json!({"healthState": "Good", "newThing": 1})));
    let refusal = json!({"error": {"code": "BadRequest", "message": "Read-only property 'healthState' cannot be assigned"}});
    let now = json!({"name": ID, "kind": "Scheduled", "etag": "\"e-2\"", "properties": sent(&write, None).properties});
    let responder = Responder::new([json_reply(400, &refusal), json_reply(200, &now)]);
    let (session, _) = session(&responder);
    session.sentinel(workspace(), None).update(&write, &before).await.unwrap();
    let last = responder.sent()[1].json();
    assert_eq!((last["properties"].get("healthState"), &last["properties"]["newThing"]), (None, &json!(1)));
}

#[tokio::test]
async fn refusals_of_writes_keep_their_meaning() {
    let (kind, body) = bodies().swap_remove(0);
    let write = write(kind, ID, body);
    let error = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
    let deleted = "The rule with id 'x' was recently deleted. You need to allow some time before re-using the same id. Please try again later.";
    for (status, reply, kind, help) in [
        (400, error("BadRequest", deleted), ErrorKind::RecentlyDeleted, "up to a day"),
        (409, error("Conflict", deleted), ErrorKind::RecentlyDeleted, "up to a day"),
        (
            400,
            error("BadRequest", "Failed to run the analytics rule query. One of the tables does not exist."),
            ErrorKind::Rejected,
            "the workspace cannot run the query",
        ),
        (
            403,
            error(
                "AuthorizationFailed",
                "The client 'c' does not have authorization to perform action 'Microsoft.SecurityInsights/alertRules/write' over scope '/s' or the scope is invalid.",
            ),
            ErrorKind::Forbidden,
            "`Microsoft Sentinel Contributor` on /s",
        ),
        (
            404,
            error(
                "ResourceNotFound",
                "The Resource 'Microsoft.OperationalInsights/workspaces/w/providers/Microsoft.SecurityInsights/alertRules/x' was not found",
            ),
            ErrorKind::NotFound,
            "plan again",
        ),
    ] {
        let responder = Responder::new([json_reply(status, &reply)]);
        let (session, _) = session(&responder);
        let error = session.sentinel(workspace(), None).create(&write).await.unwrap_err();
        assert_eq!((error.operation, error.kind), ("create", kind), "{reply}");
        assert!(error.help.as_deref().unwrap_or_default().contains(help), "{:?}", error.help);
    }
}

#[tokio::test]
async fn deletes_only_what_the_plan_saw() {
    let (kind, body) = bodies().swap_remove(0);
    let write = write(kind, ID, body);
    let before = live(served(&write, None, &json!({})));
    let missing = json_reply(404, &json!({"error": {"code": "NotFound", "message": "gone"}}));
    let mut changed = json!({"name": ID, "kind": "Scheduled", "etag": "\"e-2\"", "properties": sent(&write, None).properties});
    let touched = json_reply(200, &changed);
    changed["properties"]["severity"] = json!("Low");
    for (replies, methods, outcome) in [
        (vec![missing.clone()], vec!["GET"], Ok(())),
        (vec![touched.clone(), missing], vec!["GET", "DELETE"], Ok(())),
        // Saved again without a change: another etag, but nothing is lost.
        (vec![touched, json_reply(200, &json!({}))], vec!["GET", "DELETE"], Ok(())),
        (vec![json_reply(200, &changed)], vec!["GET"], Err(ErrorKind::Conflict)),
    ] {
        let responder = Responder::new(replies);
        let (session, _) = session(&responder);
        let result = session.sentinel(workspace(), None).delete(&before).await.map_err(|error| error.kind);
        assert_eq!(result.map(|_| ()), outcome);
        assert_eq!(responder.methods(), methods);
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_and_unknown_properties_survive(
        name in "\\PC{1,40}",
        description in "[^\\s\r][^\r]{0,60}[^\\s\r]",
        query in "[A-Za-z|][^\r]{0,80}[^\\s\r]",
        extra in "[a-z]{1,8}X",
        value in any::<i64>(),
        protect in any::<bool>(),
    ) {
        prop_assume!(!name.starts_with("AUTO DISABLED"));
        let (kind, mut body) = bodies().swap_remove(0);
        body["displayName"] = json!(name);
        body["description"] = json!(description);
        body["query"] = json!(query);
        let mut write = write(kind, ID, body.clone());
        write.marker.protect = protect;
        let first = live(served(&write, None, &json!({extra.clone(): value})));
        prop_assert_eq!(Value::Object(first.body.clone()), body);
        prop_assert_eq!(first.marker.as_ref(), Some(&write.marker));
        prop_assert_eq!(&first.unknown[&extra], &json!(value));
        // An update sends it back, and it is still there after.
        let second = live(served(&write, Some(&first), &json!({})));
        prop_assert_eq!(second, first);
    }
}
