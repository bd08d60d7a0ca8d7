//! Alert rules over ARM.

use super::*;

#[tokio::test]
async fn an_alert_rule_lives_from_201_to_204() {
    let tenant = Tenant::start().await;
    let id = "73e01a99-5cd7-4139-a149-9f2736ff2ab5";
    assert_eq!(tenant.get_rule(id).await.code(), "ResourceNotFound");
    let created = tenant.put_rule(id, &scheduled("One")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert!(
        !created.header("x-ms-request-id").is_empty()
            && !created.header("x-ms-correlation-request-id").is_empty()
    );
    let body = &created.body;
    assert_eq!(body["id"], format!("{RULES}/{id}"));
    assert_eq!(
        (&body["name"], &body["type"], &body["kind"]),
        (&json!(id), &json!("Microsoft.SecurityInsights/alertRules"), &json!("Scheduled"))
    );
    assert!(body["etag"].as_str().unwrap().starts_with('"') && body["etag"].as_str().unwrap().ends_with('"'));
    let properties = &body["properties"];
    assert_eq!(properties["queryPeriod"], "PT2H");
    for null in [
        "alertRuleTemplateName",
        "description",
        "tactics",
        "entityMappings",
        "customDetails",
        "alertDetailsOverride",
    ] {
        assert_eq!(properties.get(null), Some(&Value::Null), "{null}");
    }
    assert_eq!(properties["eventGroupingSettings"], json!({"aggregationKind": "SingleAlert"}));
    assert_eq!(properties["incidentConfiguration"]["createIncident"], true);
    assert_eq!(properties["incidentConfiguration"]["groupingConfiguration"]["lookbackDuration"], "PT5H");
    assert!(properties["lastModifiedUtc"].is_string());
    assert_eq!(body["systemData"]["lastModifiedByType"], "Application");

    let updated = tenant.put_rule(&id.to_uppercase(), &scheduled("Two")).await;
    assert_eq!(updated.status, 200);
    assert_ne!(updated.body["etag"], created.body["etag"]);
    assert_eq!(updated.body["name"], id, "the id keeps its first spelling");
    assert_eq!(tenant.get_rule(id).await.body, updated.body);

    let path = format!("{RULES}/{id}?{PREVIEW}");
    assert_eq!(tenant.arm(Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(tenant.arm(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(tenant.get_rule(id).await.status, 404);
}

#[tokio::test]
async fn a_deleted_id_is_held_for_a_while() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock: clock.clone(), ..Options::default() }).await;
    let id = "11111111-1111-1111-1111-111111111111";
    tenant.put_rule(id, &scheduled("x")).await;
    tenant.arm(Method::DELETE, &format!("{RULES}/{id}?{PREVIEW}"), &Value::Null).await;
    like_example(&tenant.put_rule(id, &scheduled("x")).await, "arm-recently-deleted");
    tenant.switch("arm_tombstone_status", "400");
    assert_eq!(tenant.put_rule(id, &scheduled("x")).await.status, 400);
    tenant.switch("arm_tombstone_seconds", "60");
    clock.advance(Duration::from_secs(61));
    assert_eq!(tenant.put_rule(id, &scheduled("x")).await.status, 201);
}

#[tokio::test]
async fn stale_etags_are_409_in_the_body_and_412_in_the_header() {
    let tenant = Tenant::start().await;
    let id = "11111111-1111-1111-1111-111111111111";
    let first = tenant.put_rule(id, &scheduled("x")).await.body["etag"].clone();
    let with_etag = |etag: &Value| {
        let mut body = scheduled("y");
        body["etag"] = etag.clone();
        body
    };
    let second = tenant.put_rule(id, &with_etag(&first)).await;
    assert_eq!(second.status, 200);
    let stale = tenant.put_rule(id, &with_etag(&first)).await;
    assert_eq!((stale.status, stale.code()), (409, "Conflict"));
    assert!(stale.message().starts_with(&format!("Newer instance of rule '{id}' exists for workspace '")));
    assert!(stale.message().ends_with("' (Etag does not match). Data was not saved."));
    assert_eq!(tenant.put_rule(id, &with_etag(&json!("*"))).await.status, 200);

    let url = format!("{}{RULES}/{id}?{PREVIEW}", tenant.running.arm());
    let put = async |etag: &str| {
        let sent =
            tenant.send(Method::PUT, url.clone(), &tenant.arm, &scheduled("z"), &[("if-match", etag)]).await;
        sent.unwrap().status().as_u16()
    };
    assert_eq!(put(first.as_str().unwrap()).await, 412);
    assert_eq!(put("*").await, 200);
    let current = tenant.get_rule(id).await.body["etag"].as_str().unwrap().to_owned();
    assert_eq!(put(&current).await, 200);
    tenant.switch("arm_if_match", "409");
    assert_eq!(put(&current).await, 409);
}

#[tokio::test]
async fn invalid_alert_rules_are_refused_with_the_known_messages() {
    let tenant = Tenant::start().await;
    let put = async |path: &str, value: Value| {
        let answer = tenant.put_rule("r-1", &changed(scheduled("x"), path, value)).await;
        assert_eq!((answer.status, answer.code()), (400, "BadRequest"), "{path}: {}", answer.body);
        answer
    };
    let template = put("/properties/templateVersion", json!("1.0.0")).await;
    like_example(&template, "arm-templateversion-without-template");
    let period = {
        let body = changed(scheduled("x"), "/properties/queryPeriod", json!("P2D"));
        tenant.put_rule("r-1", &changed(body, "/properties/queryFrequency", json!("PT30M"))).await
    };
    like_example(&period, "arm-period-frequency");
    for name in [
        "displayName",
        "enabled",
        "severity",
        "query",
        "queryFrequency",
        "queryPeriod",
        "triggerOperator",
        "triggerThreshold",
        "suppressionEnabled",
        "suppressionDuration",
    ] {
        let answer = put(&format!("/properties/{name}"), Value::Null).await;
        assert!(
            answer.message().contains(&format!("Required property '{name}' not found")),
            "{}",
            answer.message()
        );
    }
    let mapping = |kind: &str, identifier: &str| json!({"entityType": kind, "fieldMappings": [{"identifier": identifier, "columnName": "A"}]});
    for (path, value) in [
        ("/properties/severity", json!("high")),
        ("/properties/query", json!("x".repeat(10_001))),
        ("/properties/queryFrequency", json!("PT4M")),
        ("/properties/queryPeriod", json!("P15D")),
        ("/properties/queryPeriod", json!("PT30M")),
        ("/properties/triggerThreshold", json!(10_001)),
        ("/properties/triggerThreshold", json!("1")),
        ("/properties/triggerOperator", json!("gt")),
        ("/properties/suppressionDuration", json!("P2D")),
        ("/properties/tactics", json!(["persistence"])),
        ("/properties/techniques", json!(["T1053.005"])),
        ("/properties/subTechniques", json!(["T1053"])),
        ("/properties/entityMappings", json!(vec![mapping("Host", "HostName"); 11])),
        ("/properties/entityMappings", json!([mapping("FileHash", "Value")])),
        ("/properties/entityMappings", json!([mapping("Host", "DnsDomain")])),
        ("/properties/entityMappings", json!([mapping("Host", "hostname")])),
        (
            "/properties/customDetails",
            (0..21).map(|i| (format!("k{i}"), json!("c"))).collect::<serde_json::Map<_, _>>().into(),
        ),
        ("/properties/customDetails", json!({"1k": "c"})),
        ("/properties/displayName", json!("x".repeat(257))),
        ("/properties/alertDetailsOverride", json!({"alertDisplayNameFormat": "{{A}}{{B}}{{C}}{{D}}"})),
    ] {
        assert!(put(path, value).await.message().starts_with("Invalid data model. ["), "{path}");
    }
    let incidents = |method: &str, by: Value| {
        json!({"createIncident": true, "groupingConfiguration": {"enabled": true, "reopenClosedIncident": false,
            "lookbackDuration": "PT5H", "matchingMethod": method, "groupByEntities": by}})
    };
    put("/properties/incidentConfiguration", incidents("Selected", json!([]))).await;
    put("/properties/incidentConfiguration", incidents("Selected", json!(["Host"]))).await;
    let fusion = json!({"kind": "Fusion", "properties": {"enabled": false, "displayName": "x", "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8"}});
    let answer = tenant.put_rule("BuiltInFusion", &fusion).await;
    assert!(answer.message().contains("Read-only property 'displayName' cannot be assigned"));
    assert_eq!(tenant.put_rule("r-1", &json!({"kind": "Nonsense", "properties": {}})).await.status, 400);
}

#[tokio::test]
async fn every_kind_is_stored_and_none_can_be_changed_into_another() {
    let tenant = Tenant::start().await;
    let nrt = json!({"kind": "NRT", "properties": {"displayName": "n", "enabled": true, "severity": "Low", "query": "SecurityEvent",
        "suppressionEnabled": false, "suppressionDuration": "PT5H", "subTechniques": ["T1053.005"]}});
    let incidents = json!({"kind": "MicrosoftSecurityIncidentCreation", "properties": {"displayName": "m", "enabled": true,
        "productFilter": "Microsoft Cloud App Security"}});
    let fusion = json!({"kind": "Fusion", "properties": {"enabled": false, "alertRuleTemplateName": "f71aba3d-28fb-450b-b192-4e76a83015c8"}});
    assert_eq!(tenant.put_rule("nrt", &nrt).await.status, 201);
    assert_eq!(tenant.put_rule("msic", &incidents).await.status, 201);
    let fusion = tenant.put_rule("BuiltInFusion", &fusion).await;
    assert_eq!(
        (fusion.status, &fusion.body["properties"]["severity"]),
        (200, &json!("High")),
        "it was there already"
    );
    assert_eq!(tenant.put_rule("nrt", &scheduled("x")).await.status, 400);
    // The stable version is a subset.
    let stable = tenant.arm(Method::PUT, &format!("{RULES}/nrt2?{STABLE}"), &nrt).await;
    assert_eq!(stable.status, 400);
    let listed = tenant.arm(Method::GET, &format!("{RULES}?{STABLE}"), &Value::Null).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 2);
    let shown = tenant.get_rule("nrt").await.body["properties"]["subTechniques"].clone();
    assert_eq!(shown, json!(["T1053.005"]));
    let stable = tenant.arm(Method::GET, &format!("{RULES}/nrt?{STABLE}"), &Value::Null).await;
    assert_eq!(stable.body["properties"].get("subTechniques"), None);
}

#[tokio::test]
async fn scopes_and_versions_are_checked() {
    let tenant = Tenant::start().await;
    let get = async |path: String| tenant.arm(Method::GET, &path, &Value::Null).await;
    assert_eq!(get(RULES.to_owned()).await.code(), "MissingApiVersionParameter");
    assert_eq!(get(format!("{RULES}?api-version=2031-01-01")).await.code(), "InvalidApiVersionParameter");
    let workspace = RULES.split("/providers/Microsoft.SecurityInsights").next().unwrap();
    assert_eq!(get(format!("{workspace}?api-version=2023-09-01")).await.body["name"], "law-1");
    let state =
        format!("{workspace}/providers/Microsoft.SecurityInsights/onboardingStates/default?{PREVIEW}");
    assert_eq!(get(state.clone()).await.body["name"], "default");

    tenant.switch("arm_onboarded", "false");
    assert_eq!(get(state).await.status, 404);
    let refused = get(format!("{}?{PREVIEW}", RULES.replace("law-1", "ws"))).await;
    like_example(&refused, "arm-not-onboarded");
    let inner: Value = serde_json::from_str(refused.message()).unwrap();
    assert!(
        inner["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Workspace 'ws' is not onboarded to Microsoft Sentinel.")
    );
    tenant.switch("arm_provider_registered", "false");
    assert!(
        get(format!("{RULES}?{PREVIEW}"))
            .await
            .message()
            .contains("is not registered to 'Microsoft.SecurityInsights'")
    );
    tenant.switch("arm_missing_workspaces", "law-1");
    assert_eq!(get(format!("{RULES}?{PREVIEW}")).await.code(), "ResourceNotFound");
    tenant.switch("arm_missing_resource_groups", "rg-1");
    assert_eq!(get(format!("{RULES}?{PREVIEW}")).await.code(), "ResourceGroupNotFound");
}

#[tokio::test]
async fn an_enabled_rule_needs_its_table_and_a_free_place() {
    let tenant = Tenant::with(|s| {
        s.arm_tables = vec!["SecurityEvent".into()];
        s.arm_limit_scheduled = 1;
    })
    .await;
    let other =
        changed(scheduled("x"), "/properties/query", json!("let t = 1d;\nMissingTable | where 1 == 1"));
    like_example(&tenant.put_rule("a", &other).await, "arm-query-table-missing");
    assert_eq!(tenant.put_rule("a", &changed(other, "/properties/enabled", json!(false))).await.status, 201);
    assert_eq!(tenant.put_rule("b", &scheduled("x")).await.status, 201);
    assert_eq!(tenant.put_rule("c", &scheduled("x")).await.status, 400);
    assert_eq!(tenant.put_rule("b", &scheduled("y")).await.status, 200, "its own place does not count");
}

#[tokio::test]
async fn lists_come_in_pages_on_the_same_host() {
    let tenant = Tenant::with(|s| {
        s.arm_page_size = 3;
        s.graph_page_size = 2;
        s.arm_fusion_rule = false;
    })
    .await;
    for i in 0..7 {
        assert_eq!(tenant.put_rule(&format!("rule-{i}"), &scheduled("x")).await.status, 201);
        assert_eq!(tenant.post(&detection(&format!("det-{i}"))).await.status, 201);
    }
    let (names, pages) =
        all_pages(&tenant, format!("{}{RULES}?{PREVIEW}", tenant.running.arm()), false).await;
    assert_eq!((names, pages), ((0..7).map(|i| format!("rule-{i}")).collect(), 3));
    let (names, pages) =
        all_pages(&tenant, format!("{}{DETECTIONS}?$top=5", tenant.running.graph()), true).await;
    assert_eq!(
        (names, pages),
        ((0..7).map(|i| format!("det-{i}")).collect(), 4),
        "$top never beats the page size"
    );
    let filtered = tenant
        .graph(
            Method::GET,
            &format!("{DETECTIONS}?$filter=contains(displayName,'det-3')&$select=id,status&$count=true"),
            &Value::Null,
        )
        .await;
    assert_eq!(filtered.body["@odata.count"], 1);
    assert_eq!(
        filtered.body["value"],
        json!([{"@odata.type": "#microsoft.graph.security.detectionRule", "id": "det-3", "status": "enabled"}])
    );
}

#[tokio::test]
async fn rate_limit_headers_count_down_and_429_comes_when_ordered() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let switches = Switches { arm_bucket_writes: 2, arm_throttle: true, ..Switches::default() };
    let tenant = Tenant::from(Options { clock: clock.clone(), switches, ..Options::default() }).await;
    let left = async || tenant.put_rule("a", &scheduled("x")).await;
    let header = "x-ms-ratelimit-remaining-subscription-writes";
    assert_eq!(left().await.header(header), "1");
    assert_eq!(left().await.header(header), "0");
    let throttled = left().await;
    like_example(&throttled, "arm-throttled");
    assert_eq!((throttled.header("retry-after"), throttled.header(header)), ("1", "0"));
    clock.advance(Duration::from_secs(1));
    assert_eq!(left().await.status, 200);
    assert_eq!(tenant.get_rule("a").await.header("x-ms-ratelimit-remaining-subscription-reads"), "249");
}
