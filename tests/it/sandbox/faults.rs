//! Faults to order.

use super::*;

#[tokio::test]
async fn statuses_are_ordered_with_both_forms_of_retry_after() {
    let clock = Clock::fixed("2026-11-23T10:00:00Z".parse().unwrap());
    let tenant = Tenant::from(Options { clock, ..Options::default() }).await;
    tenant.fault(json!([
        {"match": {"service": "graph", "nth": 1}, "fault": {"kind": "status", "status": 429, "retry_after": 7}},
        {"match": {"service": "graph", "nth": 2}, "fault": {"kind": "status", "status": 503, "retry_after_date": 90}},
        {"match": {"service": "graph", "nth": 3}, "fault": {"kind": "unauthorized"}},
        {"match": {"service": "graph", "nth": 4}, "fault": {"kind": "forbidden"}},
        {"match": {"service": "arm", "rule": "r-7"}, "fault": {"kind": "forbidden"}},
    ]));
    let get = async || tenant.graph(Method::GET, DETECTIONS, &Value::Null).await;
    let first = get().await;
    assert_eq!((first.status, first.header("retry-after"), first.code()), (429, "7", "TooManyRequests"));
    let second = get().await;
    assert_eq!((second.status, second.header("retry-after")), (503, "Mon, 23 Nov 2026 10:01:30 GMT"));
    assert_eq!(get().await.status, 401);
    assert_eq!(get().await.status, 403);
    assert_eq!(get().await.status, 200);
    assert_eq!(tenant.put_rule("r-7", &scheduled("x")).await.code(), "AuthorizationFailed");
    assert_eq!(tenant.put_rule("r-8", &scheduled("x")).await.status, 201);
}

#[tokio::test]
async fn connections_break_before_and_after_the_write() {
    let tenant = Tenant::start().await;
    let post = async |id: &str| tenant.graph_raw(Method::POST, DETECTIONS, &detection(id)).await;
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "reset_before"}}));
    assert!(post("a").await.is_err());
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "reset_after_accept"}}));
    assert!(post("b").await.is_err());
    tenant
        .fault(json!({"match": {"method": "POST"}, "fault": {"kind": "silence", "ms": 1, "accepted": true}}));
    assert!(post("c").await.is_err());
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "create_then_400"}}));
    assert_eq!(post("d").await.unwrap().status(), StatusCode::BAD_REQUEST);
    tenant.fault(json!({"match": {"method": "POST"}, "fault": {"kind": "create_then_409"}}));
    assert_eq!(post("e").await.unwrap().status(), StatusCode::CONFLICT);
    tenant.fault(json!([]));
    let (names, _) = all_pages(&tenant, format!("{}{DETECTIONS}", tenant.running.graph()), true).await;
    assert_eq!(names, ["b", "c", "d", "e"]);
}

#[tokio::test]
async fn bodies_are_cut_or_garbled() {
    let tenant = Tenant::start().await;
    tenant.fault(json!({"fault": {"kind": "truncated_body"}}));
    let cut = tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.unwrap();
    assert_eq!(cut.status(), StatusCode::OK);
    assert!(cut.bytes().await.is_err());
    tenant.fault(json!({"fault": {"kind": "invalid_json"}}));
    let garbled = tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.unwrap();
    assert!(garbled.json::<Value>().await.is_err());
}

#[tokio::test]
async fn connections_are_refused_for_as_long_as_ordered() {
    let tenant = Tenant::start().await;
    let patient = format!("{}{DETECTIONS}", tenant.running.graph());
    tenant.fault(json!({"match": {"count": 1}, "fault": {"kind": "refuse", "ms": 1}}));
    assert!(tenant.graph_raw(Method::GET, DETECTIONS, &Value::Null).await.is_err());
    // The listener opens again by itself; until then every attempt is refused at once.
    let mut answered = false;
    for _ in 0..100_000 {
        let asked = tenant.send(Method::GET, patient.clone(), &tenant.graph, &Value::Null, &[]).await;
        answered = asked.is_ok_and(|r| r.status() == StatusCode::OK);
        if answered {
            break;
        }
    }
    assert!(answered);
}

#[tokio::test]
async fn lists_lag_repeat_loop_and_point_elsewhere() {
    let tenant = Tenant::with(|s| s.arm_fusion_rule = false).await;
    for id in ["a", "b"] {
        tenant.put_rule(id, &scheduled(id)).await;
        tenant.post(&detection(id)).await;
    }
    tenant.put_rule("a", &scheduled("newer")).await;
    let arm = format!("{RULES}?{PREVIEW}");
    let arm_list = async || tenant.arm(Method::GET, &arm, &Value::Null).await.body;
    let graph_list = async || tenant.graph(Method::GET, DETECTIONS, &Value::Null).await.body;
    let names = |body: &Value, path: &str| -> Vec<String> {
        body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.pointer(path).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    tenant.fault(json!({"fault": {"kind": "list_lag", "writes": 1}}));
    assert_eq!(names(&arm_list().await, "/properties/displayName"), ["a", "b"]);
    assert_eq!(names(&graph_list().await, "/id"), ["a"]);
    tenant.fault(json!({"fault": {"kind": "list_repeat"}}));
    assert_eq!(names(&arm_list().await, "/name"), ["a", "b", "a"]);
    assert_eq!(names(&graph_list().await, "/id"), ["a", "b", "a"]);
    tenant.fault(json!({"fault": {"kind": "next_link_loop"}}));
    assert_eq!(arm_list().await["nextLink"], format!("{}{RULES}?{PREVIEW}", tenant.running.arm()));
    assert!(graph_list().await["@odata.nextLink"].as_str().unwrap().starts_with(&tenant.running.graph()));
    tenant.fault(json!({"fault": {"kind": "next_link_foreign_host"}}));
    assert!(
        arm_list().await["nextLink"]
            .as_str()
            .unwrap()
            .starts_with("https://next-link.example.org/subscriptions/")
    );
    assert!(
        graph_list().await["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with("https://next-link.example.org/beta/")
    );
}

#[tokio::test]
async fn the_service_forgets_a_property_and_others_interfere() {
    let tenant = Tenant::start().await;
    tenant.fault(json!([
        {"fault": {"kind": "drop_property", "property": "properties.customDetails"}},
        {"fault": {"kind": "drop_property", "property": "detectionAction.alertTemplate.customDetails"}},
    ]));
    tenant.put_rule("a", &changed(scheduled("x"), "/properties/customDetails", json!({"K": "c"}))).await;
    assert_eq!(tenant.get_rule("a").await.body["properties"]["customDetails"], Value::Null);
    tenant.post(&detection("a")).await;
    assert_eq!(
        tenant.get_detection("a").await.body["detectionAction"]["alertTemplate"].get("customDetails"),
        None
    );

    let etag = tenant.get_rule("a").await.body["etag"].clone();
    tenant.fault(json!({"match": {"method": "PUT", "nth": 1}, "fault": {"kind": "edit_between", "set": {"severity": "Low"}}}));
    let mut mine = scheduled("mine");
    mine["etag"] = etag;
    assert_eq!(tenant.put_rule("a", &mine).await.status, 409);
    assert_eq!(tenant.get_rule("a").await.body["properties"]["severity"], "Low");
    tenant.fault(json!({"match": {"method": "PATCH"}, "fault": {"kind": "delete_between"}}));
    assert_eq!(tenant.patch("a", &json!({"status": "disabled"})).await.status, 404);

    tenant.fault(json!({"match": {"nth": 1}, "fault": {"kind": "clock_skew", "seconds": 3600}}));
    assert_eq!(tenant.get_rule("a").await.code(), "ExpiredAuthenticationToken");
}
