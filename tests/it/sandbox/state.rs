//! The control API, the state directory, the lock.

use super::*;

#[tokio::test]
async fn the_control_api_works_over_the_wire_and_keeps_no_secrets() {
    let tenant = Tenant::with(|s| s.record_bodies = true).await;
    let control = async |method: Method, path: &str, body: Value| {
        let url = format!("{}/_sandbox/{path}", tenant.running.arm());
        read(tenant.send(method, url, "", &body, &[]).await.unwrap()).await
    };
    tenant.put_rule("a", &scheduled("x")).await;
    let log = control(Method::GET, "requests", Value::Null).await.body;
    let log = log.as_array().unwrap();
    assert_eq!(log.len(), 3, "two tokens and a PUT; control requests are not logged");
    assert_eq!(
        (&log[2]["method"], &log[2]["status"], &log[2]["body"]["kind"]),
        (&json!("PUT"), &json!(201), &json!("Scheduled"))
    );
    let text = serde_json::to_string(log).unwrap();
    for secret in [tenant.running.client_secret(), &tenant.arm, &tenant.graph] {
        assert!(!text.contains(secret));
    }
    assert_eq!(control(Method::GET, "requests?since=3", Value::Null).await.body.as_array().unwrap().len(), 1);

    let order = json!([{"match": {"method": "GET"}, "fault": {"kind": "delay", "ms": 1}}]);
    assert_eq!(control(Method::PUT, "faults", order).await.status, 200);
    tenant.get_rule("a").await;
    let faults = control(Method::GET, "faults", Value::Null).await.body;
    assert_eq!((&faults[0]["seen"], &faults[0]["struck"]), (&json!(1), &json!(1)));
    assert_eq!(control(Method::DELETE, "faults", Value::Null).await.body, json!([]));
    assert_eq!(
        control(Method::PUT, "switches", json!({"arm_page_size": 7, "arm_throttle": true})).await.status,
        200
    );
    let switches = control(Method::GET, "switches", Value::Null).await.body;
    let page = switches.as_array().unwrap().iter().find(|s| s["name"] == "arm_page_size").unwrap().clone();
    assert_eq!(page["value"], "7");
    assert_eq!(control(Method::PUT, "switches", json!({"nonsense": 1})).await.status, 400);
    assert_eq!(
        control(Method::POST, "edit", json!({"rule": "a", "set": {"severity": "Low"}})).await.body["id"],
        "a"
    );
    assert_eq!(control(Method::POST, "reset", json!({})).await.status, 200);
    assert_eq!(tenant.get_rule("a").await.status, 404);
}

#[tokio::test]
async fn state_survives_a_stop_and_is_held_by_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options {
        state_dir: Some(dir.path().to_owned()),
        lock_wait: Some(Duration::ZERO),
        ..Options::default()
    };
    let tenant = Tenant::from(options()).await;
    tenant.put_rule("a", &scheduled("x")).await;
    tenant.post(&detection("d")).await;
    tenant.arm(Method::DELETE, &format!("{RULES}/BuiltInFusion?{PREVIEW}"), &Value::Null).await;
    tenant.switch("arm_page_size", "7");
    let before = (tenant.get_rule("a").await.body, tenant.get_detection("d").await.body);
    let second = sandbox::start(options()).await.unwrap_err();
    assert!(
        matches!(&second, SandboxError::Locked { owner, .. } if *owner == std::process::id().to_string()),
        "{second}"
    );
    let (url, _) = sandbox::running_at(dir.path()).unwrap();
    assert_eq!(url, tenant.running.authority());
    tenant.running.stop().await.unwrap();
    assert!(sandbox::running_at(dir.path()).is_none());

    let tenant = Tenant::from(options()).await;
    assert_eq!((tenant.get_rule("a").await.body, tenant.get_detection("d").await.body), before);
    assert_eq!(tenant.get_rule("BuiltInFusion").await.status, 404, "what was deleted stays deleted");
    assert_eq!(tenant.put_rule("BuiltInFusion", &scheduled("x")).await.status, 409, "tombstones are kept");
    let switches = tenant.running.control(&json!({"op": "switches"})).unwrap();
    assert!(switches.as_array().unwrap().iter().any(|s| s["name"] == "arm_page_size" && s["value"] == "7"));
}

#[tokio::test]
async fn a_state_directory_that_is_copied_while_running_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let tenant =
        Tenant::from(Options { state_dir: Some(dir.path().join("live")), ..Options::default() }).await;
    for i in 0..20 {
        tenant.put_rule(&format!("r-{i}"), &scheduled("x")).await;
    }
    // What a process that was killed now would leave behind.
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(dir.path().join("live/state.ndjson"), copy.join("state.ndjson")).unwrap();
    let again = Tenant::from(Options { state_dir: Some(copy), ..Options::default() }).await;
    let (names, _) = all_pages(&again, format!("{}{RULES}?{PREVIEW}", again.running.arm()), false).await;
    assert_eq!(names.len(), 21);
}

#[tokio::test]
async fn faults_are_read_from_the_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("faults.json"),
        r#"[{"match": {"service": "graph"}, "fault": {"kind": "status", "status": 500}}]"#,
    )
    .unwrap();
    let tenant = Tenant::from(Options { state_dir: Some(dir.path().to_owned()), ..Options::default() }).await;
    assert_eq!(tenant.graph(Method::GET, DETECTIONS, &Value::Null).await.status, 500);
    drop(tenant);
    let bad = tempfile::tempdir().unwrap();
    std::fs::write(bad.path().join("faults.json"), "[{]").unwrap();
    let error = sandbox::start(Options { state_dir: Some(bad.path().to_owned()), ..Options::default() })
        .await
        .unwrap_err();
    assert!(matches!(error, SandboxError::Fault(_)));
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        sandbox::start(Options { listen, ..Options::default() }).await,
        Err(SandboxError::Refused(_))
    ));
}
