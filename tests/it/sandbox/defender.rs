//! Custom detections over Graph.

use super::*;

#[tokio::test]
async fn a_custom_detection_lives_from_201_to_404() {
    let tenant = Tenant::start().await;
    let created = tenant.post(&detection("Rule-1")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("location"), format!("{}{DETECTIONS}/Rule-1", tenant.running.graph()));
    assert!(!created.header("request-id").is_empty() && !created.header("client-request-id").is_empty());
    let body = &created.body;
    assert_eq!(body["@odata.type"], "#microsoft.graph.security.detectionRule");
    for name in ["createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime"] {
        assert!(body[name].is_string(), "{name}");
    }
    let techniques = &body["detectionAction"]["alertTemplate"]["tactics"][0]["techniques"];
    assert_eq!(techniques, &json!([{"technique": "T1053", "subTechniques": ["T1053.005"]}]));
    assert_eq!(
        body["queryCondition"]["queryText"],
        "DeviceProcessEvents\r\n| project Timestamp, DeviceId, ReportId, AccountSid, SHA1"
    );
    assert_eq!(tenant.get_detection("rule-1").await.body, *body);

    let patched = tenant.patch("Rule-1", &json!({"status": "disabled"})).await;
    assert_eq!((patched.status, &patched.body["status"]), (200, &json!("disabled")));
    let delete =
        async || tenant.graph(Method::DELETE, &format!("{DETECTIONS}/Rule-1"), &Value::Null).await.status;
    assert_eq!((delete().await, delete().await), (204, 404));
    assert_eq!(tenant.get_detection("Rule-1").await.status, 404);
}

#[tokio::test]
async fn a_patch_merges_and_clears_only_what_it_can() {
    let tenant = Tenant::start().await;
    let mut rule = detection("a");
    rule["detectionAction"]["organizationalScope"] = json!({"deviceGroups": ["g"]});
    rule["detectionAction"]["alertTemplate"]["entityMappings"]["accounts"] =
        json!([{"sidColumn": "AccountSid"}]);
    tenant.post(&rule).await;
    let action = |answer: &Answer| answer.body["detectionAction"].clone();

    // Omitted collections keep their value, and the scope is not cleared by leaving it out.
    let template = json!({"title": "t", "severity": "high", "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}]}, "customDetails": {}});
    let patched = tenant.patch("a", &json!({"detectionAction": {"alertTemplate": template}})).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let now = action(&patched);
    assert_eq!(now["alertTemplate"]["severity"], "high");
    assert_eq!(now["alertTemplate"]["entityMappings"]["accounts"], json!([{"sidColumn": "AccountSid"}]));
    assert_eq!(now["organizationalScope"], json!({"deviceGroups": ["g"]}));
    assert_eq!(
        now["alertTemplate"]["customDetails"],
        json!({"Hash": "SHA1"}),
        "custom details cannot be cleared"
    );
    assert_eq!(now["automatedActions"]["isolateDevices"][0]["isolationType"], "full");

    // An empty collection clears.
    let patched = tenant
        .patch(
            "a",
            &json!({"detectionAction": {"automatedActions": {"isolateDevices": []},
        "alertTemplate": {"entityMappings": {"accounts": []}}, "organizationalScope": {"deviceGroups": []}}}),
        )
        .await;
    let now = action(&patched);
    assert_eq!(now["automatedActions"].get("isolateDevices"), None);
    assert_eq!(now["alertTemplate"]["entityMappings"].get("accounts"), None);

    // Read-only properties must not be echoed, and validation is opaque.
    for body in [
        json!({"id": "a"}),
        json!({"@odata.type": "#microsoft.graph.security.detectionRule"}),
        json!({"createdBy": "x"}),
        json!({"status": "autoDisabled"}),
        json!({"detectionAction": {"alertTemplate": {"entityMappings": {"hosts": []}}}}),
    ] {
        let refused = tenant.patch("a", &body).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "Bad request. Please check your input."),
            "{body}"
        );
    }
    assert_eq!(tenant.patch("missing", &json!({"status": "disabled"})).await.status, 404);
}

#[tokio::test]
async fn invalid_detections_are_refused_with_the_recorded_messages() {
    let tenant = Tenant::start().await;
    let post = async |path: &str, value: Value| tenant.post(&changed(detection("a"), path, value)).await;
    let mapping = "/detectionAction/alertTemplate/entityMappings";
    like_example(&post("/id", json!("11111111-1111")).await, "graph-id-format");
    like_example(
        &post(
            "/detectionAction/alertTemplate/tactics",
            json!([{"tactic": "Execution"}, {"tactic": "Impact"}]),
        )
        .await,
        "graph-multi-tactic",
    );
    like_example(&post(mapping, json!({})).await, "graph-no-entity");
    like_example(&post(mapping, Value::Null).await, "graph-no-entity");
    like_example(&post(mapping, json!({"files": [{"sha1Column": "SHA1"}]})).await, "graph-no-asset-entity");
    like_example(
        &post(mapping, json!({"accounts": [{"nameColumn": "AccountSid"}]})).await,
        "graph-entity-combination",
    );
    like_example(&post("/schedule", json!({"period": "Custom"})).await, "graph-legacy-period-custom");
    assert_eq!(
        post(mapping, json!({"hosts": [{"deviceIdColumn": "Nope"}]})).await.message(),
        "Entity mappings reference the following column(s) which are not projected by the query output: Nope.."
    );
    let query = "/queryCondition/queryText";
    assert!(
        post(query, json!("T | where (a == 1"))
            .await
            .message()
            .starts_with("The query contains syntax errors: ")
    );
    assert!(post(query, json!("workspace('x').T")).await.message().contains("Unknown function: 'workspace'"));
    assert_eq!(
        post("/detectionAction/alertTemplate/title", json!("{{A}} {{B}} {{C}} {{D}}")).await.message(),
        "Dynamic properties in alertTitle and alertDescription must not exceed 3 fields"
    );
    let continuous = changed(detection("a"), "/schedule/frequency", json!("PT0S"));
    let continuous = tenant
        .post(&changed(
            continuous,
            query,
            json!("let x = 1; DeviceEvents | project Timestamp, DeviceId, ReportId, SHA1"),
        ))
        .await;
    assert_eq!(continuous.status, 400);
    for (path, value) in [
        ("/schedule/frequency", json!("PT2H")),
        ("/schedule/frequency", json!("24H")),
        ("/schedule/lookback", json!("PT30M")),
        ("/status", json!("autoDisabled")),
        ("/createdBy", json!("me")),
        ("/isEnabled", json!(true)),
        ("/nonsense", json!(1)),
        ("/detectionAction/organizationalScope", Value::Array(vec![])),
        ("/detectionAction/alertTemplate/severity", json!("High")),
        ("/displayName", Value::Null),
        (query, json!("")),
    ] {
        let refused = post(path, value.clone()).await;
        assert_eq!((refused.status, refused.code()), (400, "BadRequest"), "{path} {value} {}", refused.body);
        assert!(refused.body["error"]["innerError"]["request-id"].is_string());
    }
    let refused = tenant.post(&changed(detection("a"), "/schedule/lookback", json!("PT2H"))).await;
    assert_eq!(refused.status, 201, "beta knows lookback");
    let v1 = DETECTIONS.replace("beta", "v1.0");
    let old =
        tenant.graph(Method::POST, &v1, &changed(detection("b"), "/schedule/lookback", json!("PT2H"))).await;
    assert_eq!(old.status, 400);
}

#[tokio::test]
async fn id_name_and_title_are_each_unique() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.post(&detection("a")).await.status, 201);
    let mut same_id = detection("A");
    same_id["displayName"] = json!("other");
    same_id["detectionAction"]["alertTemplate"]["title"] = json!("other");
    let same_name = changed(detection("b"), "/displayName", json!("name of a"));
    let same_title = changed(detection("b"), "/detectionAction/alertTemplate/title", json!("title of a"));
    for body in [same_id, same_name, same_title] {
        like_example(&tenant.post(&body).await, "graph-duplicate");
    }
    tenant.post(&detection("b")).await;
    assert_eq!(tenant.patch("b", &json!({"displayName": "name of a"})).await.status, 409);
    assert_eq!(tenant.patch("b", &json!({"displayName": "name of b"})).await.status, 200);
}

#[tokio::test]
async fn a_deleted_detection_lingers_as_ordered() {
    let tenant = Tenant::with(|s| s.graph_delete_linger_reads = 2).await;
    tenant.post(&detection("a")).await;
    let path = format!("{DETECTIONS}/a");
    assert_eq!(tenant.graph(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(tenant.graph(Method::DELETE, &path, &Value::Null).await.status, 404);
    assert_eq!(tenant.patch("a", &json!({"status": "disabled"})).await.status, 404);
    assert_eq!(tenant.post(&detection("a")).await.status, 409);
    let listed = tenant.graph(Method::GET, DETECTIONS, &Value::Null).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1);
    assert_eq!(tenant.get_detection("a").await.status, 200);
    assert_eq!(tenant.get_detection("a").await.status, 404);
    assert_eq!(tenant.post(&detection("a")).await.status, 201);
}

#[tokio::test]
async fn tenants_and_workspaces_do_not_see_each_other() {
    let tenant = Tenant::with(|s| s.arm_fusion_rule = false).await;
    tenant.put_rule("a", &scheduled("x")).await;
    tenant.post(&detection("a")).await;
    let other = tenant
        .arm(Method::GET, &format!("{}?{PREVIEW}", RULES.replace("law-1", "law-2")), &Value::Null)
        .await;
    assert_eq!(other.body["value"], json!([]));
    tenant.switch("token_tenant", "99999999-0000-0000-0000-000000000000");
    let token = tenant.sign_in(&tenant.running.graph()).await;
    let url = format!("{}{DETECTIONS}", tenant.running.graph());
    let other = read(tenant.send(Method::GET, url, &token, &Value::Null, &[]).await.unwrap()).await;
    assert_eq!(other.body["value"], json!([]));
}
