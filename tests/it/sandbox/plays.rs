//! What other people and the services do to rules.

use super::*;

#[tokio::test]
async fn people_edit_in_the_portal_and_services_disable() {
    let tenant = Tenant::start().await;
    tenant.put_rule("a", &scheduled("Same name")).await;
    tenant.post(&changed(detection("d-1"), "/displayName", json!("Same name"))).await;
    let act = |operation: Value| tenant.running.control(&operation);

    let ambiguous =
        act(json!({"op": "edit", "rule": "Same name", "set": {"severity": "Low"}})).unwrap_err().to_string();
    assert!(ambiguous.contains("fits 2 rules") && ambiguous.contains("d-1"), "{ambiguous}");
    act(json!({"op": "edit", "rule": "a", "set": {"severity": "Low", "enabled": false}, "by": "eve@example.com"})).unwrap();
    let edited = tenant.get_rule("a").await.body;
    assert_eq!(
        (&edited["properties"]["severity"], &edited["properties"]["enabled"]),
        (&json!("Low"), &json!(false))
    );
    assert_eq!(edited["systemData"]["lastModifiedBy"], "eve@example.com");
    act(json!({"op": "edit", "rule": "Same name", "platform": "defender", "set": {"severity": "Low"}}))
        .unwrap();
    let edited = tenant.get_detection("d-1").await.body;
    assert_eq!(edited["detectionAction"]["alertTemplate"]["severity"], "low");
    assert_eq!(edited["lastModifiedBy"], "portal.user@sandbox.example");
    assert!(act(json!({"op": "edit", "rule": "a", "set": {"severity": "Nonsense"}})).is_err());
    assert!(act(json!({"op": "edit", "rule": "nobody", "set": {"severity": "Low"}})).is_err());

    act(json!({"op": "auto_disable", "rule": "a", "reason": "the table is gone"})).unwrap();
    let disabled = tenant.get_rule("a").await.body["properties"].clone();
    assert_eq!(
        (&disabled["displayName"], &disabled["enabled"]),
        (&json!("AUTO DISABLED Same name"), &json!(false))
    );
    assert!(disabled["description"].as_str().unwrap().contains("the table is gone"));
    act(json!({"op": "auto_disable", "rule": "d-1"})).unwrap();
    assert_eq!(tenant.get_detection("d-1").await.body["status"], "autoDisabled");
    assert_eq!(tenant.patch("d-1", &json!({"status": "enabled"})).await.body["status"], "enabled");

    act(json!({"op": "add", "rule_body": scheduled("foreign"), "workspace": "law-1"})).unwrap();
    act(json!({"op": "delete", "rule": "d-1"})).unwrap();
    let listed = act(json!({"op": "list"})).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3, "Fusion, a, foreign: {listed}");
}
