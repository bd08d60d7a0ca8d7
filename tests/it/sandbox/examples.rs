//! The official request examples are accepted, and come back with what they said.

use super::*;

/// Every property of `sent` is in `shown` with the same value.
fn contains(shown: &Value, sent: &Value, at: &str) {
    match (shown, sent) {
        (Value::Object(shown), Value::Object(sent)) => {
            for (name, value) in sent {
                contains(shown.get(name).unwrap_or(&Value::Null), value, &format!("{at}.{name}"));
            }
        }
        (Value::Array(shown), Value::Array(sent)) if shown.len() == sent.len() => {
            shown.iter().zip(sent).for_each(|(shown, sent)| contains(shown, sent, at));
        }
        _ => assert_eq!(shown, sent, "{at}"),
    }
}

#[tokio::test]
async fn official_alert_rules_are_accepted() {
    let Some(dir) = shared("api/examples/sentinel/preview/2024-01-01-preview/alertRules") else { return };
    let tenant = Tenant::with(|s| {
        s.arm_fusion_rule = false;
        // The official NRT example groups by entities that it does not map.
        s.arm_check_grouping = false;
    })
    .await;
    let mut seen = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let example: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Some(rule) = example["parameters"].get("alertRule") else { continue };
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let answer = tenant.put_rule(&id, rule).await;
        if rule["kind"] == "Fusion" {
            // The official Fusion examples leave out a required property, or use one that no schema has.
            assert!(
                answer.status == 201
                    || answer.message().contains("Required property 'alertRuleTemplateName'")
            );
            continue;
        }
        assert_eq!(answer.status, 201, "{id}: {}", answer.body);
        contains(&tenant.get_rule(&id).await.body["properties"], &rule["properties"], &id);
        seen += 1;
    }
    assert!(seen >= 3);
}

#[tokio::test]
async fn official_custom_detections_are_accepted() {
    let Some(dir) = shared("api/examples/graph") else { return };
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(dir.join(name)).unwrap()).unwrap()
    };
    let tenant = Tenant::with(|s| s.graph_normalise_techniques = false).await;
    for name in ["detectionRule.create.request.json", "COMPOSED.detectionRule.all-properties.json"] {
        let rule = read(name);
        let answer = tenant.post(&rule).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        contains(&answer.body, &rule, name);
    }
    let update = read("detectionRule.update.request.json");
    let answer = tenant.patch("office-encoded-powershell", &update).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("disabled")));

    let legacy = read("LEGACY.detectionRule.create.request.json");
    assert_eq!(tenant.post(&legacy).await.status, 400);
}
