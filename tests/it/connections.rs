//! The way to the services: no credential, the wrong tenant, missing permissions, no workspace, no network, other clouds.
//! Each failure names what is missing and the next step, ends with code 1, and writes nothing.

use crate::world::{Ran, World, snapshot};

const ENVIRONMENT: &str = "environments/lab/environment.yaml";
/// A service principal, so that a run has a credential.
const PRINCIPAL: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "11111111-1111-4111-8111-111111111111"),
    ("AZURE_CLIENT_ID", "44444444-4444-4444-8444-444444444444"),
    ("AZURE_CLIENT_SECRET", "canary-secret-3f9a"),
];

#[track_caller]
fn fails(world: &World, says: &[&str]) -> Ran {
    let plan = world.run("plan -e lab").exits(1).says(says);
    assert!(plan.stderr.contains("help:"), "no next step\n{plan}");
    assert_eq!(plan.stderr.matches("error:").count(), 1, "one message\n{plan}");
    world.run("apply -e lab --auto-approve").exits(1).says(says);
    let done: Vec<_> = world.writes().into_iter().filter(|request| request.status() < 300).collect();
    assert!(done.is_empty(), "{done:#?}");
    plan
}

fn in_cloud(cloud: &str) -> World {
    let world = World::new();
    world.edit(ENVIRONMENT, "cloud: sandbox", cloud);
    world
}

#[test]
fn no_credential_at_all() {
    let world = in_cloud("cloud: public");
    let ran = fails(&world, &["no credential gave a token", "az login"]);
    snapshot!("no_credential", ran);
}

#[test]
fn half_a_credential_is_not_a_reason_to_fall_back() {
    let world = in_cloud("cloud: public");
    let ran = world.run_with("plan -e lab", &PRINCIPAL[1..2]).exits(1);
    snapshot!("half_a_credential", ran.says(&["AZURE_CLIENT_SECRET"]));
    let ran = world.run_with("plan -e lab", &PRINCIPAL[2..]).exits(1);
    ran.says(&["AZURE_CLIENT_ID"]).never_says(&["canary-secret"]);
    world.run("plan -e lab --credential client-secret").exits(1).says(&["AZURE_CLIENT_ID"]);
    world
        .run("plan -e lab --credential secret")
        .exits(1)
        .says(&["client-secret, client-certificate, workload-identity"]);
}

#[test]
fn a_token_of_another_tenant() {
    let world = World::new();
    world.switch("token_tenant", "99999999-9999-4999-8999-999999999999");
    snapshot!(
        "wrong_tenant",
        fails(&world, &["99999999-9999-4999-8999-999999999999", "11111111-1111-4111-8111-111111111111"])
    );
    assert!(world.requests().is_empty(), "a token of another tenant was used");

    let world = World::new();
    world.switch("token_known_tenants", "99999999-9999-4999-8999-999999999999");
    snapshot!("unknown_tenant", fails(&world, &["AADSTS90002", "tenant_id"]));
}

#[test]
fn nobody_may_read() {
    let world = World::new();
    world.switch("arm_role", "none");
    snapshot!(
        "forbidden_arm_read",
        fails(&world, &["Microsoft.SecurityInsights/alertRules/read", "Microsoft Sentinel"])
    );
    let world = World::new();
    world.switch("graph_role", "none");
    snapshot!("forbidden_graph_read", fails(&world, &["CustomDetection.Read.All"]));
}

#[test]
fn who_may_read_but_not_write_is_told_what_is_missing() {
    let world = World::new();
    world.switch("arm_role", "reader").switch("graph_role", "read");
    world.run("plan -e lab --detailed-exitcode").exits(2);
    let ran = world.run("apply -e lab --auto-approve --parallelism 1");
    assert!(matches!(ran.code, 1 | 5), "{ran}");
    snapshot!(
        "forbidden_write",
        ran.says(&["CustomDetection.ReadWrite.All", "Microsoft Sentinel Contributor"])
    );
    assert!(world.names("defender").is_empty() && world.names("sentinel").is_empty());
}

#[test]
fn a_token_that_is_not_accepted() {
    let world = World::new();
    world.faults(&serde_json::json!([{"match": {"service": "graph"}, "fault": {"kind": "unauthorized"}}]));
    snapshot!("unauthorized", fails(&world, &["401"]));
}

#[test]
fn workspaces_that_cannot_take_rules() {
    for (name, switch, value, says) in [
        ("no_sentinel", "arm_onboarded", "false", "Microsoft Sentinel"),
        ("no_registration", "arm_provider_registered", "false", "Microsoft.SecurityInsights"),
        ("no_resource_group", "arm_missing_resource_groups", "rg-soc", "resource_group"),
        ("no_workspace", "arm_missing_workspaces", "law-lab", "workspace"),
    ] {
        let world = World::new();
        world.switch(switch, value);
        let ran = fails(&world, &[says]);
        crate::world::settings().bind(|| insta::assert_snapshot!(name, ran.to_string()));
    }
}

#[test]
fn a_defender_api_that_is_not_there() {
    let world = World::new();
    world.switch("graph_v1", "false");
    world.edit(ENVIRONMENT, "defender: {}", "defender: {api_version: v1.0}");
    fails(&world, &["api_version"]);
}

/// A port that was free a moment ago, and that nobody listens on.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_network_is_down() {
    let port = closed_port();
    let here = format!("https://127.0.0.1:{port}");
    let world = in_cloud(&format!("cloud: {{authority: '{here}', arm: '{here}', graph: '{here}'}}"));
    let ran = world.run_with("apply -e lab --auto-approve", &PRINCIPAL).exits(1);
    let ran = ran.says(&["help:"]).never_says(&["canary-secret"]);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{ran}");
    assert!(ran.stderr.to_lowercase().contains("connect"), "{ran}");
    snapshot!("network_down", ran);
}

#[test]
fn other_clouds_stay_on_this_machine() {
    let cloud = |host: &str| format!("cloud: {{authority: '{host}', arm: '{host}', graph: '{host}'}}");
    for host in [
        "https://login.evil.example",
        "https://10.0.0.1",
        "https://localhost.evil.example",
        "https://0.0.0.0:1",
    ] {
        let world = in_cloud(&cloud(host));
        let ran = world.run_with("plan -e lab", &PRINCIPAL).exits(1);
        let ran = ran.says(&["PALISADE_ALLOW_CUSTOM_CLOUD=1"]).never_says(&["canary-secret"]);
        if host.contains("login") {
            snapshot!("custom_cloud", ran);
        }
    }
    for host in [
        "http://localhost:1",
        "https://user@localhost:1",
        "https://localhost:1/path",
        "https://localhost:1?x=y",
        "file:///etc/passwd",
    ] {
        let world = in_cloud(&cloud(host));
        world.run_with("plan -e lab", &PRINCIPAL).exits(1).says(&["environments/lab/environment.yaml:3:"]);
    }
    let world = in_cloud(
        "cloud: {authority: 'https://localhost:1', arm: 'https://localhost:1', graph: 'https://localhost:1', ca_file: nowhere.pem}",
    );
    world.run_with("plan -e lab", &PRINCIPAL).exits(1).says(&["nowhere.pem"]);
}

#[test]
fn answers_that_lead_elsewhere_or_in_circles_are_not_followed() {
    for (name, fault) in [
        ("next_link_elsewhere", serde_json::json!({"kind": "next_link_foreign_host"})),
        ("next_link_loop", serde_json::json!({"kind": "next_link_loop"})),
        ("truncated", serde_json::json!({"kind": "truncated_body"})),
        ("no_json", serde_json::json!({"kind": "invalid_json"})),
    ] {
        let world = World::deployed();
        world.switch("arm_page_size", "1").switch("graph_page_size", "1");
        world.faults(&serde_json::json!([{"match": {"method": "GET"}, "fault": fault}]));
        let ran = world.run("apply -e lab --auto-approve");
        assert_eq!(ran.code, 1, "{name}\n{ran}");
        assert!(ran.stderr.contains("help:"), "{name}\n{ran}");
        world.wrote_nothing();
    }
}

#[test]
fn lists_that_fail_for_a_moment_are_read_again() {
    for fault in [
        serde_json::json!({"kind": "status", "status": 429, "retry_after": 0}),
        serde_json::json!({"kind": "status", "status": 503, "retry_after": 0}),
        serde_json::json!({"kind": "reset_before"}),
    ] {
        let world = World::deployed();
        world.faults(&serde_json::json!([{"match": {"method": "GET", "count": 1}, "fault": fault}]));
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    }
}
