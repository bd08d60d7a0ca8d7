//! Secrets: neither the client secret nor a token is ever printed or written, at any verbosity.

use std::path::Path;

use crate::world::World;

/// A secret that nothing else looks like.
const CANARY: &str = "canary-secret-8d1e5b";

/// Bytes that must not appear: the canary, and what every JSON web token begins with.
fn clean(text: &str, place: &str) {
    for secret in [CANARY, "eyJ"] {
        assert!(!text.contains(secret), "`{secret}` is in {place}:\n{text}");
    }
    assert!(!text.to_lowercase().contains("bearer e"), "a token is in {place}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secret_nor_token_is_seen_anywhere() {
    let mut switches = palisade::sandbox::Switches::default();
    switches.set("token_any_client", "true").unwrap();
    let options = palisade::sandbox::Options { switches, ..palisade::sandbox::Options::default() };
    let tenant = palisade::sandbox::start(options).await.unwrap();
    let world = World::new();
    world.write("ca.pem", tenant.ca_pem());
    let cloud = format!(
        "cloud: {{authority: '{}', arm: '{}', graph: '{}', ca_file: ca.pem}}",
        tenant.authority(),
        tenant.arm(),
        tenant.graph()
    );
    world.edit("environments/lab/environment.yaml", "cloud: sandbox", &cloud);
    let variables =
        [("AZURE_CLIENT_ID", "44444444-4444-4444-8444-444444444444"), ("AZURE_CLIENT_SECRET", CANARY)];
    let file = world.beside("saved.plan").display().to_string();
    let json = world.beside("plan.json").display().to_string();

    let played: Vec<String> = [
        format!("plan -e lab -vv --out {file} --json-into {json}"),
        "plan -e lab -vv --format json".to_owned(),
        "apply -e lab -vv --auto-approve".to_owned(),
        "plan -e lab -v --detailed-exitcode".to_owned(),
        "validate -vv".to_owned(),
        "render hunt -e lab --format json -vv".to_owned(),
    ]
    .to_vec();
    let mut traced = 0;
    for arguments in &played {
        let ran = world.run_with(arguments, &variables).exits(0);
        clean(&ran.stdout, arguments);
        clean(&ran.stderr, arguments);
        traced += ran.stderr.len();
    }
    assert!(traced > 500, "nothing was traced, so nothing was tested");
    assert_eq!(
        tenant
            .requests()
            .iter()
            .filter(|request| request["method"] == "POST" && request["service"] == "graph")
            .count(),
        1
    );

    // Every failure has its own words: each of them, with everything that can be refused.
    for order in [
        serde_json::json!([{"match": {"service": "graph"}, "fault": {"kind": "unauthorized"}}]),
        serde_json::json!([{"match": {"service": "arm"}, "fault": {"kind": "forbidden"}}]),
        serde_json::json!([{"match": {"service": "token"}, "fault": {"kind": "status", "status": 401, "code": "invalid_client", "message": "AADSTS7000215: Invalid client secret provided."}}]),
        serde_json::json!([{"match": {"service": "token"}, "fault": {"kind": "invalid_json"}}]),
        serde_json::json!([{"match": {"service": "arm"}, "fault": {"kind": "truncated_body"}}]),
    ] {
        tenant.control(&serde_json::json!({"op": "set_faults", "orders": order})).unwrap();
        let ran = world.run_with("plan -e lab -vv", &variables).exits(1);
        clean(&ran.stdout, &order.to_string());
        clean(&ran.stderr, &order.to_string());
    }
    files(&world.beside("."), &mut |path, text| clean(&text, &path.display().to_string()));
    tenant.stop().await.unwrap();
}

#[test]
fn the_sandbox_of_a_run_prints_no_token_either() {
    let world = World::new();
    for arguments in ["plan -e lab -vv", "apply -e lab --auto-approve -vv", "plan -e lab -vv"] {
        let ran = world.run(arguments).exits(0);
        clean(&ran.stdout, arguments);
        clean(&ran.stderr, arguments);
    }
    files(&world.beside("."), &mut |path, text| clean(&text, &path.display().to_string()));
}

/// Every file below a folder, but for the sandbox's certificate.
fn files(folder: &Path, check: &mut dyn FnMut(&Path, String)) {
    for child in std::fs::read_dir(folder).unwrap() {
        let path = child.unwrap().path();
        if path.is_dir() {
            files(&path, check);
        } else if path.extension().is_none_or(|extension| extension != "pem") {
            check(&path, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
        }
    }
}

/// What a sensitive list holds is a count and a digest, wherever people look.
#[test]
fn values_of_a_sensitive_list_are_not_shown() {
    let world = World::deployed();
    let entry =
        crate::world::entry("insider", "DeviceId: {equals: 0a6f3c2d9b8e4f71a5c0d2e4f6081b3d5f7a9c1e}");
    world.write(
        "environments/lab/allowlists/list.yaml",
        format!("rules: [hunt]\nsensitive: true\nentries:\n{entry}"),
    );
    let ran = world.run("plan -e lab --detailed-exitcode").exits(2);
    ran.says(&["list.yaml#insider"]).never_says(&["0a6f3c2d9b8e4f71a5c0d2e4f6081b3d5f7a9c1e"]);
    world
        .run("apply -e lab --auto-approve")
        .exits(0)
        .never_says(&["0a6f3c2d9b8e4f71a5c0d2e4f6081b3d5f7a9c1e"]);
    let query = world.document("Unsigned program from a task")["queryCondition"]["queryText"].to_string();
    assert!(query.contains("0a6f3c2d9b8e4f71a5c0d2e4f6081b3d5f7a9c1e"), "the rule itself holds the value");
}
