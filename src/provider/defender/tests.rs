use proptest::prelude::*;
use serde_json::{Value, json};

use super::convert::{created, live, updated};
use super::wire;
use crate::provider::testing::*;
use crate::provider::{ErrorKind, Provider, Write};
use crate::resource::{Kind, Live};

const ID: &str = "acme--rule-a";

/// Every documented property once, in canonical form.
pub(super) fn full() -> Value {
    json!({
        "displayName": "Rule A", "description": "What it finds.", "status": "enabled",
        "queryCondition": {"queryText": "DeviceProcessEvents\n| project Timestamp, DeviceId, ReportId, SHA1"},
        "schedule": {"frequency": "PT1H", "lookback": "PT4H"},
        "detectionAction": {
            "alertTemplate": {
                "title": "Untrusted on {{DeviceName}}", "description": "Text", "severity": "medium", "recommendedActions": "Look.",
                "tactics": [{"tactic": "Persistence", "techniques": [{"technique": "T1053", "subTechniques": ["T1053.005"]}]}],
                "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}], "files": [{"sha1Column": "SHA1"}]},
                "customDetails": {"Folder": "FolderPath"}, "eventGroupingKind": "singleAlert",
            },
            "automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]},
            "organizationalScope": {"deviceGroups": ["Servers"]},
            "incidentConfiguration": {"isExcludedFromIncidentCorrelation": true},
        },
    })
}

pub(super) fn small() -> Value {
    json!({
        "displayName": "Rule A", "status": "enabled", "queryCondition": {"queryText": "T"}, "schedule": {"frequency": "PT0S"},
        "detectionAction": {"alertTemplate": {"title": "A", "severity": "low", "entityMappings": {"ips": [{"addressColumn": "IP"}]}}},
    })
}

fn rule(body: Value) -> Write {
    write(Kind::CustomDetection, ID, body)
}

/// What the service answers for a body that it accepted at `at`.
fn served(mut body: Value, at: &str) -> Value {
    body["id"] = json!(ID);
    body["@odata.type"] = json!("#microsoft.graph.security.detectionRule");
    for (name, value) in [
        ("createdBy", "a"),
        ("createdDateTime", at),
        ("lastModifiedBy", "bob@contoso.com"),
        ("lastModifiedDateTime", at),
    ] {
        body[name] = json!(value);
    }
    body
}

fn read(body: Value) -> Live {
    live(object(body))
}

#[test]
fn a_rule_comes_back_as_it_was_sent() {
    for body in [full(), small()] {
        let write = rule(body.clone());
        let sent = Value::Object(created(&write));
        assert_eq!(sent["id"], json!(ID));
        assert!(
            sent["description"]
                .as_str()
                .unwrap()
                .ends_with("[palisade:v1 owner=acme/prod rule=rule-a h=0123456789abcdef0123456789abcdef]")
        );
        let back = read(served(sent, "2026-11-23T10:00:00Z"));
        assert_eq!(Value::Object(back.body.clone()), body);
        assert_eq!((back.remote_id.as_str(), back.name.as_str()), (ID, "Rule A"));
        assert_eq!((back.marker, back.auto_disabled), (Some(marker()), None));
        assert!(back.unknown.is_empty() && !back.server.legacy);
        assert_eq!(back.server.modified_by.as_deref(), Some("bob@contoso.com"));
    }
}

#[test]
fn an_update_is_complete_and_echoes_nothing_of_the_servers() {
    let before = read(served(full(), "2026-11-23T10:00:00Z"));
    let patch = Value::Object(updated(&rule(small()), &before));
    let names: Vec<_> = patch.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        ["displayName", "status", "queryCondition", "schedule", "detectionAction", "description"]
    );
    let action = &patch["detectionAction"];
    for (name, _) in wire::AUTOMATED_ACTIONS {
        assert_eq!(action["automatedActions"][name], json!([]), "{name}");
    }
    for (name, _) in wire::ENTITY_MAPPINGS {
        let expected = if *name == "ips" { json!([{"addressColumn": "IP"}]) } else { json!([]) };
        assert_eq!(action["alertTemplate"]["entityMappings"][name], expected, "{name}");
    }
    assert_eq!(action["organizationalScope"], json!({"deviceGroups": []}));
    // What the rule lost is taken away, because omission would keep it.
    assert_eq!(action["alertTemplate"]["recommendedActions"], json!(""));
    assert_eq!(action["alertTemplate"]["tactics"], json!([]));
    assert_eq!(action["alertTemplate"]["customDetails"], json!({}));
    assert_eq!(action["alertTemplate"]["eventGroupingKind"], json!("alertPerEvent"));
    assert_eq!(action["incidentConfiguration"], json!({"isExcludedFromIncidentCorrelation": false}));
    assert_eq!(patch["schedule"], json!({"frequency": "PT0S", "lookback": null}));
    // A rule without preview fields says nothing about them.
    let plain = Value::Object(updated(&rule(small()), &read(served(small(), "x"))));
    assert!(
        !plain.to_string().contains("lookback")
            && !plain.to_string().contains("eventGroupingKind")
            && !plain.to_string().contains("incidentConfiguration")
    );
}

#[test]
fn preview_properties_are_sent_only_when_they_say_something() {
    let mut canonical = small();
    canonical["detectionAction"]["alertTemplate"]["eventGroupingKind"] = json!("alertPerEvent");
    canonical["detectionAction"]["incidentConfiguration"] =
        json!({"isExcludedFromIncidentCorrelation": false});
    let body = crate::diff::canonical(
        &super::schema::SCHEMA,
        &Kind::CustomDetection,
        canonical.as_object().unwrap(),
    );
    let write = rule(Value::Object(body));
    let plain = read(served(small(), "x"));
    for sent in [created(&write), updated(&write, &plain)] {
        let text = Value::Object(sent).to_string();
        assert!(!text.contains("eventGroupingKind") && !text.contains("incidentConfiguration"), "{text}");
    }
    // A live rule that has them is told.
    let sent = Value::Object(updated(&write, &read(served(full(), "x"))));
    assert_eq!(sent["detectionAction"]["alertTemplate"]["eventGroupingKind"], json!("alertPerEvent"));
    assert_eq!(
        sent["detectionAction"]["incidentConfiguration"],
        json!({"isExcludedFromIncidentCorrelation": false})
    );
}

#[test]
fn reading_takes_normal_forms() {
    let mut body = full();
    body["queryCondition"]["queryText"] = json!("T\r\n| where a\r\n");
    body["status"] = json!("autoDisabled");
    body["detectionAction"]["alertTemplate"]["tactics"][0]["techniques"] = json!([{"technique": "T1059.001"}, {"technique": "T1059", "subTechniques": ["T1059.003"]}, {"technique": "SuspiciousActivity"}]);
    body["detectionAction"]["alertTemplate"]["entityMappings"]["hosts"][0]["id"] = json!("h1");
    body["detectionAction"]["alertTemplate"]["entityMappings"]["hosts@odata.count"] = json!(1);
    let live = read(served(body, "2026-11-23T10:00:00Z"));
    assert_eq!(live.body["queryCondition"]["queryText"], json!("T\n| where a\n"));
    let template = &live.body["detectionAction"]["alertTemplate"];
    assert_eq!(
        template["tactics"][0]["techniques"],
        json!([{"technique": "T1059", "subTechniques": ["T1059.001", "T1059.003"]}, {"technique": "SuspiciousActivity"}])
    );
    assert_eq!(template["entityMappings"]["hosts"], json!([{"deviceIdColumn": "DeviceId"}]));
    assert_eq!((live.auto_disabled.is_some(), &live.body["status"]), (true, &json!("disabled")));
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
}

#[test]
fn the_retired_shape_is_read_as_the_present_one_and_marked() {
    let old = json!({
        "@odata.type": "#microsoft.graph.security.detectionRule", "id": "7506", "displayName": "Old", "isEnabled": false,
        "detectorId": "67895317-b2a8-4ac3-8f8b-fa6b7765f2fe", "lastRunDetails": {"status": "failed"},
        "queryCondition": {"queryText": "T", "lastModifiedDateTime": "2025-01-01T00:00:00Z"},
        "schedule": {"period": "24H", "nextRunDateTime": "2025-01-02T00:00:00Z"},
        "detectionAction": {
            "alertTemplate": {"title": "Old", "severity": "high", "category": "Execution", "mitreTechniques": ["T1059.001"],
                "impactedAssets": [
                    {"@odata.type": "#microsoft.graph.security.impactedDeviceAsset", "identifier": "deviceId"},
                    {"@odata.type": "#microsoft.graph.security.impactedUserAsset", "identifier": "accountUpn"},
                    {"@odata.type": "#microsoft.graph.security.impactedMailboxAsset", "identifier": "recipientEmailAddress"}]},
            "organizationalScope": {"scopeType": "deviceGroup", "scopeNames": ["Servers"]},
            "responseActions": [
                {"@odata.type": "#microsoft.graph.security.isolateDeviceResponseAction", "identifier": "deviceId", "isolationType": "full"},
                {"@odata.type": "#microsoft.graph.security.stopAndQuarantineFileResponseAction", "identifier": "deviceId,sha1"},
                {"@odata.type": "#microsoft.graph.security.hardDeleteResponseAction", "identifier": "networkMessageId, recipientEmailAddress"}],
        },
    });
    let live = read(old);
    assert!(live.server.legacy);
    assert!(live.unknown.is_empty(), "{:?}", live.unknown);
    assert_eq!(
        Value::Object(live.body),
        json!({
            "displayName": "Old", "status": "disabled", "queryCondition": {"queryText": "T"}, "schedule": {"frequency": "P1D"},
            "detectionAction": {
                "alertTemplate": {"title": "Old", "severity": "high",
                    "tactics": [{"tactic": "Execution", "techniques": [{"technique": "T1059", "subTechniques": ["T1059.001"]}]}],
                    "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}], "accounts": [{"upnColumn": "AccountUpn"}],
                        "mailboxes": [{"primaryAddressColumn": "RecipientEmailAddress"}]}},
                "organizationalScope": {"deviceGroups": ["Servers"]},
                "automatedActions": {
                    "isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}],
                    "stopAndQuarantineFiles": [{"deviceIdColumn": "DeviceId", "sha1Column": "SHA1"}],
                    "hardDeleteEmails": [{"networkMessageIdColumn": "NetworkMessageId", "recipientColumn": "RecipientEmailAddress"}]},
            },
        })
    );
}

#[tokio::test]
async fn speaks_the_documented_requests() {
    let write = rule(full());
    let now = served(Value::Object(created(&write)), "2026-11-23T10:00:00Z");
    let responder = Responder::new([
        json_reply(201, &now),
        json_reply(200, &now),
        json_reply(200, &now),
        json_reply(200, &now),
        Reply::Answer(204, Vec::new(), String::new()),
    ]);
    let (session, _) = session(&responder);
    let defender = session.defender(Some("v1.0"));
    let created = defender.create(&write).await.unwrap();
    let updated = defender.update(&write, &created).await.unwrap();
    defender.delete(&updated).await.unwrap();
    assert_eq!(responder.methods(), ["POST", "GET", "PATCH", "GET", "DELETE"]);
    let base = "https://graph.microsoft.com/v1.0/security/rules/detectionRules";
    let requests = responder.sent();
    assert_eq!(requests[0].url, base);
    assert!(requests[1..].iter().all(|request| request.url == format!("{base}/{ID}")));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[2].json().get("id"), None);
}

#[tokio::test]
async fn a_create_is_never_blindly_repeated() {
    let write = rule(full());
    let gone = json_reply(404, &json!({"error": {"code": "NotFound", "message": ""}}));
    for reply in
        [Reply::Lost, json_reply(503, &json!({})), json_reply(500, &json!({})), json_reply(408, &json!({}))]
    {
        let responder = Responder::new([reply, gone.clone()]);
        let (session, _) = session(&responder);
        let error = session.defender(None).create(&write).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Ambiguous);
        assert_eq!(responder.methods(), ["POST", "GET"]);
    }
}

#[tokio::test]
async fn what_was_not_accepted_is_sent_again() {
    let write = rule(full());
    let throttled = Reply::Answer(429, vec![("retry-after", "10".to_owned())], String::new());
    let now = served(Value::Object(created(&write)), "2026-11-23T10:00:00Z");
    let responder = Responder::new([throttled, Reply::Refused, json_reply(201, &now)]);
    let (session, clock) = session(&responder);
    session.defender(None).create(&write).await.unwrap();
    assert_eq!(responder.methods(), ["POST", "POST", "POST"]);
    assert_eq!(clock.waits(), [10, 0]);
}

#[tokio::test]
async fn errors_that_lie_are_found_out() {
    let write = rule(full());
    let body = Value::Object(created(&write));
    let duplicate = json!({"error": {"code": "Conflict", "message": "A detection rule with this name, title, or rule ID already exists."}});
    let fresh = served(body.clone(), "2026-11-23T09:59:58Z");
    let ghost = served(body.clone(), "2026-11-23T07:00:00Z");
    let mut foreign = fresh.clone();
    foreign["description"] = json!("Somebody else's.");
    for (refusal, found, expected) in [
        (json_reply(400, &json!({"error": {"code": "BadRequest", "message": ""}})), &fresh, Ok(())),
        (json_reply(409, &duplicate), &fresh, Ok(())),
        (Reply::Lost, &fresh, Ok(())),
        // Deleted an hour ago and still answered.
        (json_reply(409, &duplicate), &ghost, Err(ErrorKind::Conflict)),
        (Reply::Lost, &ghost, Err(ErrorKind::Ambiguous)),
        (json_reply(409, &duplicate), &foreign, Err(ErrorKind::Conflict)),
    ] {
        let responder = Responder::new([refusal, json_reply(200, found)]);
        let (session, _) = session(&responder);
        let result = session.defender(None).create(&write).await;
        assert_eq!(result.map(|_| ()).map_err(|error| error.kind), expected);
        assert_eq!(responder.methods(), ["POST", "GET"]);
    }
    // A missing permission does not lie.
    let responder =
        Responder::new([json_reply(403, &json!({"error": {"code": "Forbidden", "message": "no"}}))]);
    let (session, _) = session(&responder);
    let error = session.defender(None).create(&write).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.help.unwrap().contains("`CustomDetection.ReadWrite.All`"));
    assert_eq!(responder.methods(), ["POST"]);
}

#[tokio::test]
async fn a_change_by_somebody_else_stops_update_and_delete() {
    let write = rule(full());
    let sent = Value::Object(created(&write));
    let before = read(served(sent.clone(), "2026-11-23T10:00:00Z"));
    let mut changed = served(sent.clone(), "2026-11-23T10:05:00Z");
    changed["status"] = json!("disabled");
    // The same content, saved again or spelled with a fraction: nothing would be lost.
    for (now, stops) in [
        (changed, true),
        (served(sent.clone(), "2026-11-23T10:05:00Z"), false),
        (served(sent.clone(), "2026-11-23T10:00:00.1234567Z"), false),
    ] {
        let responder = Responder::new([json_reply(200, &now), json_reply(200, &now)]);
        let (session_one, _) = session(&responder);
        let result = session_one.defender(None).update(&write, &before).await;
        assert_eq!(
            result.map(|_| ()).map_err(|error| error.kind),
            if stops { Err(ErrorKind::Conflict) } else { Ok(()) }
        );
        assert_eq!(responder.sent().len(), if stops { 1 } else { 2 });

        let responder =
            Responder::new([json_reply(200, &now), Reply::Answer(204, Vec::new(), String::new())]);
        let (session, _) = session(&responder);
        assert_eq!(session.defender(None).delete(&before).await.is_err(), stops);
    }
}

#[tokio::test]
async fn deleting_twice_is_deleting_once() {
    let write = rule(full());
    let sent = Value::Object(created(&write));
    let before = read(served(sent.clone(), "2026-11-23T10:00:00Z"));
    let gone = json_reply(404, &json!({}));
    // Not there at all; or GET still answers what DELETE no longer knows.
    for replies in [
        vec![gone.clone()],
        vec![json_reply(200, &served(sent.clone(), "2026-11-23T10:00:00Z")), gone.clone()],
    ] {
        let responder = Responder::new(replies);
        let (session, _) = session(&responder);
        session.defender(None).delete(&before).await.unwrap();
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_and_unknown_properties_survive(
        description in "[^\\s\r][^\r]{0,60}[^\\s\r]",
        query in "[A-Za-z|][^\r]{0,80}[^\\s\r]",
        title in "\\PC{0,40}",
        extra in "[a-z]{1,8}X",
        value in any::<i64>(),
    ) {
        let mut body = full();
        body["description"] = json!(description);
        body["queryCondition"]["queryText"] = json!(query);
        body["detectionAction"]["alertTemplate"]["title"] = json!(title);
        let write = rule(body.clone());
        let mut answer = served(Value::Object(created(&write)), "2026-11-23T10:00:00Z");
        answer[&extra] = json!(value);
        answer["detectionAction"][&extra] = json!({"deep": [value]});
        let first = read(answer);
        prop_assert_eq!(Value::Object(first.body.clone()), body.clone());
        prop_assert_eq!(first.marker.as_ref(), Some(&write.marker));
        // Nothing but the marker: nothing else is said, so nothing else can be lost.
        let marked = updated(&write, &first);
        prop_assert_eq!(marked.keys().collect::<Vec<_>>(), ["description"]);
        let mut old = first.clone();
        old.server.legacy = true;
        prop_assert!(updated(&write, &old).contains_key("detectionAction"));
        body["status"] = json!("disabled");
        let patch = updated(&rule(body), &first);
        prop_assert_eq!(&patch[&extra], &json!(value));
        prop_assert_eq!(&patch["detectionAction"][&extra]["deep"][0], &json!(value));
        // The patched rule, read again, is the same up to the empty collections.
        let second = read(served(Value::Object(patch), "2026-11-23T10:00:00Z"));
        let mut expected = first.body;
        expected["status"] = json!("disabled");
        prop_assert_eq!(without_empty(Value::Object(second.body)), without_empty(Value::Object(expected)));
        prop_assert_eq!(second.unknown, first.unknown);
    }
}

/// A small canonical form: empty lists and objects are absence.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, without_empty(value)))
                .filter(|(_, value)| *value != json!([]) && *value != json!({}))
                .collect::<std::collections::BTreeMap<_, _>>()
                .into_iter()
                .collect(),
        ),
        other => other,
    }
}
