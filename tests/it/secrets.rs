//! Secrets: neither the client secret nor a token is ever printed or written, at any verbosity.

use std::path::Path;

use serde_json::json;

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

/// A tenant that takes any client, and a world whose environment is there.
async fn elsewhere() -> (palisade::sandbox::Running, World) {
    let mut switches = palisade::sandbox::Switches::default();
    switches.set("token_any_client", "true").unwrap();
    // Whoever looks into the tenant's own log finds nothing either.
    switches.set("record_bodies", "true").unwrap();
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
    (tenant, world)
}

/// Everything that a command can print or write, with whatever its libraries say at their most talkative.
const TRACED: [(&str, &str); 2] = [("PALISADE_LOG", "trace"), ("RUST_BACKTRACE", "1")];
const SECRET: [(&str, &str); 2] =
    [("AZURE_CLIENT_ID", "44444444-4444-4444-8444-444444444444"), ("AZURE_CLIENT_SECRET", CANARY)];

/// Every command that signs in, and every format; those that do not sign in read the same variables.
const COMMANDS: &[&str] = &[
    "validate --format json --markdown-into v.md --sarif-into v.sarif --json-into v.json",
    "validate --format github",
    "validate --format azdo",
    "validate --format sarif",
    "validate --format markdown",
    "plan -e lab --out saved.plan --json-into plan.json --markdown-into plan.md --sarif-into plan.sarif",
    "plan -e lab --format json",
    "plan -e lab --format markdown",
    "show saved.plan --format json",
    "apply saved.plan --format ndjson --report report.json --markdown-into apply.md --json-into apply.json",
    "plan -e lab --detailed-exitcode",
    "apply -e lab --auto-approve --format json",
    "drift -e lab --markdown-into drift.md --json-into drift.json",
    "drift -e lab --format json",
    "drift -e lab --format markdown",
    "doctor -e lab",
    "doctor -e lab --format json",
    "env list --format github-matrix",
    "migrate -e lab --dry-run",
    "diff --live lab",
    "diff --live lab --format json",
    "adopt -e lab --dry-run --format json",
    "import live -e lab --dry-run --format json",
    "coverage -e lab --live --format json",
    "coverage -e lab --live --out layers",
    "docs build --live --out site",
    "schema pull -e lab --platform sentinel",
    "render hunt -e lab --format json",
    "explain hunt -e lab --format json",
    "test --format json --junit-into junit.xml",
    "test --format junit",
    "allowlist audit --format sarif",
    "audit verify",
    "version --json",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secret_nor_token_is_seen_anywhere() {
    let (tenant, world) = elsewhere().await;
    let variables = [TRACED, SECRET].concat();
    let mut traced = 0;
    for arguments in COMMANDS {
        let ran = world.run_with(&format!("{arguments} -vv"), &variables).exits(0);
        clean(&ran.stdout, arguments);
        clean(&ran.stderr, arguments);
        traced += ran.stderr.len();
    }
    assert!(traced > 100_000, "only {traced} bytes were traced: too little to test anything");
    let asked = tenant.requests();
    assert_eq!(asked.iter().filter(|one| one["method"] == "POST" && one["service"] == "graph").count(), 1);
    for request in &asked {
        clean(&request.to_string(), "the tenant's log");
        // The SDK asks for tokens under its own name; everything else is ours (`doctor` reads what the sign-in service says of
        // itself), and says no more than that.
        let ours = request["service"] != "token" || request["method"] == "GET";
        let agent = request["user_agent"].as_str().unwrap();
        assert_eq!(ours, agent.starts_with("palisade/"), "{request}");
    }

    // Every failure has its own words: each of them, with everything that can be refused.
    for order in [
        json!([{"match": {"service": "graph"}, "fault": {"kind": "unauthorized"}}]),
        json!([{"match": {"service": "arm"}, "fault": {"kind": "forbidden"}}]),
        json!([{"match": {"service": "token"}, "fault": {"kind": "status", "status": 401, "code": "invalid_client", "message": "AADSTS7000215: Invalid client secret provided."}}]),
        json!([{"match": {"service": "token"}, "fault": {"kind": "invalid_json"}}]),
        json!([{"match": {"service": "token"}, "fault": {"kind": "truncated_body"}}]),
        json!([{"match": {"service": "arm"}, "fault": {"kind": "truncated_body"}}]),
    ] {
        tenant.control(&json!({"op": "set_faults", "orders": order})).unwrap();
        let ran = world.run_with("plan -e lab -vv", &variables).exits(1);
        clean(&ran.stdout, &order.to_string());
        clean(&ran.stderr, &order.to_string());
    }
    files(&world.beside("."), &mut |path, text| clean(&text, &path.display().to_string()));
    tenant.stop().await.unwrap();
}

/// Something on loopback that answers every request with a refusal.
fn refusing_server() -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/msi", listener.local_addr().unwrap());
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    address
}

/// A secret in every other place that a credential or a connection can come from, working or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_secret_is_seen_either() {
    let (tenant, world) = elsewhere().await;
    let beside = world.beside("home");
    std::fs::write(beside.join("token"), CANARY).unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n");
    std::fs::write(beside.join("key.pem"), &pem).unwrap();
    let (token, key) =
        (beside.join("token").display().to_string(), beside.join("key.pem").display().to_string());
    let client = ("AZURE_CLIENT_ID", "44444444-4444-4444-8444-444444444444");
    let proxy = format!("http://someone:{CANARY}@127.0.0.1:1");
    // It answers, and has no such address: what cannot be reached is asked again and again, with pauses.
    let identity = refusing_server();
    let refusing = format!("{}/oidc", tenant.authority());
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("a federated token", vec![client, ("AZURE_FEDERATED_TOKEN_FILE", &token)]),
        (
            "GitHub's request token",
            vec![
                client,
                ("ACTIONS_ID_TOKEN_REQUEST_URL", &refusing),
                ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", CANARY),
            ],
        ),
        (
            "the pipeline's access token",
            vec![
                client,
                ("SYSTEM_OIDCREQUESTURI", &refusing),
                ("SYSTEM_ACCESSTOKEN", CANARY),
                ("AZURE_SERVICE_CONNECTION_ID", "55555555-5555-4555-8555-555555555555"),
            ],
        ),
        ("a managed identity's header", vec![("IDENTITY_ENDPOINT", &identity), ("IDENTITY_HEADER", CANARY)]),
        (
            "a certificate's key and password",
            vec![
                client,
                ("AZURE_CLIENT_CERTIFICATE_PATH", &key),
                ("AZURE_CLIENT_CERTIFICATE_PASSWORD", CANARY),
            ],
        ),
        ("half a client secret", vec![("AZURE_CLIENT_SECRET", CANARY)]),
        (
            "several of them at once, and a proxy's password",
            [
                &SECRET[..],
                &[
                    ("AZURE_FEDERATED_TOKEN_FILE", &token),
                    ("SYSTEM_ACCESSTOKEN", CANARY),
                    ("HTTPS_PROXY", &proxy),
                ],
            ]
            .concat(),
        ),
    ];
    for (name, secrets) in cases {
        let variables = [&TRACED[..], &secrets].concat();
        // One of them: what cannot be reached is asked several times, with pauses.
        let ran = world.run_with("plan -e lab --format json -vv", &variables);
        clean(&ran.stdout, name);
        clean(&ran.stderr, name);
    }
    for request in tenant.requests() {
        clean(&request.to_string(), "the tenant's log");
    }
    std::fs::remove_dir_all(beside).unwrap();
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
