//! `palisade doctor`: every check, as it should be and broken, through the program. Nothing is ever written.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::cloud::{Beside, CLIENT, ENVIRONMENT, clean};
use crate::world::{Ran, World, settings};

/// Runs it, as JSON and at trace level; it must have written nothing.
#[track_caller]
fn examined(world: &World, code: i32, variables: &[(&str, &str)]) -> Value {
    let ran = clean(world.run_with("doctor -e lab --format json -vv", variables)).exits(code);
    world.wrote_nothing();
    ran.json()
}

/// `name` of the check, its status, what it found and the next step.
fn checks(report: &Value, name: &str) -> Vec<(String, String)> {
    let all = report["checks"].as_array().unwrap().iter();
    let of_name = all.filter(|check| check["name"] == name);
    of_name
        .map(|check| {
            let status = check["status"].as_str().unwrap().to_owned();
            assert_eq!(
                check["next"].is_string(),
                matches!(&*status, "warn" | "fail"),
                "a next step, and only where one is needed: {check:#}"
            );
            let text = format!("{}: {} {}", check["subject"], check["found"], check["details"]);
            (status, text)
        })
        .collect()
}

#[track_caller]
fn has(report: &Value, name: &str, status: &str, says: &[&str]) {
    let found = checks(report, name);
    let fits =
        |(found, text): &(String, String)| found == status && says.iter().all(|word| text.contains(word));
    assert!(found.iter().any(fits), "no {name} is {status} and says {says:?}:\n{report:#}");
}

#[test]
fn an_environment_that_is_as_it_should_be() {
    let world = World::new();
    let report = examined(&world, 0, &[]);
    assert_eq!(report["status"], "ok");
    for (name, count) in [
        ("network", 3),
        ("clock", 1),
        ("token", 2),
        ("tenant", 1),
        ("api version", 2),
        ("onboarding", 1),
        ("permissions", 2),
        ("limits", 1),
        ("deployers", 1),
    ] {
        let found = checks(&report, name);
        assert_eq!(found.len(), count, "{name}: {report:#}");
        assert!(found.iter().all(|(status, _)| status == "ok"), "{name}: {report:#}");
    }
    has(
        &report,
        "limits",
        "ok",
        &["0 of 512 enabled scheduled", "0 of 50 enabled NRT", "the files add 1 and 0"],
    );
    world.run("apply -e lab --auto-approve").exits(0);
    world.forget_requests();
    let report = examined(&world, 0, &[]);
    has(&report, "limits", "ok", &["1 of 512 enabled scheduled", "the files add none"]);
    has(&report, "permissions", "ok", &["1 custom detection there"]);
    assert!(world.requests().iter().all(|request| request.method() == "GET"));
}

#[test]
fn what_is_wrong_in_the_tenant_is_said_with_the_next_step() {
    /// The switch, its value, the exit code, the check, its status, what it says.
    type Case = (&'static str, &'static str, i32, &'static str, &'static str, &'static [&'static str]);
    let all: &[Case] = &[
        (
            "arm_role",
            "reader",
            0,
            "permissions",
            "warn",
            &["sentinel/law-lab", "not write them: enough for `plan`"],
        ),
        ("arm_role", "none", 1, "permissions", "fail", &["sentinel/law-lab", "AuthorizationFailed"]),
        ("graph_role", "read", 0, "permissions", "warn", &["defender", "not write them: enough for `plan`"]),
        ("graph_role", "none", 1, "permissions", "fail", &["defender", "CustomDetection.Read.All"]),
        ("arm_onboarded", "false", 1, "onboarding", "fail", &["Microsoft Sentinel is not on"]),
        (
            "arm_repositories",
            "acme/soc",
            1,
            "deployers",
            "fail",
            &["https://github.com/acme/soc: AnalyticsRule"],
        ),
        ("arm_repositories", "acme/soc:Playbook+Workbook", 0, "deployers", "ok", &["Playbook, Workbook"]),
        ("clock_skew_seconds", "90", 0, "clock", "warn", &["this machine is", "behind"]),
        ("clock_skew_seconds", "-900", 1, "clock", "fail", &["minutes ahead of"]),
        ("arm_missing_workspaces", "law-lab", 1, "workspace", "fail", &["was not found"]),
        ("arm_missing_resource_groups", "rg-soc", 1, "workspace", "fail", &["ResourceGroupNotFound"]),
        ("arm_provider_registered", "false", 1, "onboarding", "fail", &["not registered"]),
        ("graph_v1", "false", 0, "api version", "ok", &["beta"]),
        (
            "token_tenant",
            "99999999-9999-4999-8999-999999999999",
            1,
            "tenant",
            "fail",
            &["belongs to tenant 99999999-9999-4999-8999-999999999999"],
        ),
        ("token_known_tenants", "99999999-9999-4999-8999-999999999999", 1, "token", "fail", &["AADSTS90002"]),
    ];
    for (switch, value, code, name, status, says) in all {
        let world = World::new();
        world.switch(switch, value);
        let report = examined(&world, *code, &[]);
        has(&report, name, status, says);
    }
    let world = World::new();
    world.append(ENVIRONMENT, "sentinel_api_version: 2019-01-01-preview\n");
    has(
        &examined(&world, 1, &[]),
        "api version",
        "fail",
        &["2019-01-01-preview", "InvalidApiVersionParameter"],
    );
    let world = World::new();
    world.switch("graph_v1", "false").edit(ENVIRONMENT, "defender: {}", "defender: {api_version: v1.0}");
    has(&examined(&world, 1, &[]), "api version", "fail", &["Resource not found for the segment"]);
}

#[test]
fn one_api_that_refuses_does_not_hide_what_the_others_say() {
    let world = World::new();
    world.faults(&json!([
        {"match": {"path_contains": "sourcecontrols"}, "fault": {"kind": "forbidden"}},
        {"match": {"path_contains": "Microsoft.Authorization"}, "fault": {"kind": "forbidden"}},
    ]));
    let report = examined(&world, 0, &[]);
    has(&report, "deployers", "warn", &["could not be looked at"]);
    has(&report, "permissions", "warn", &["whether they can be written is not said"]);
    has(&report, "limits", "ok", &[]);
    world.no_faults();
    world.faults(&json!([{"match": {"path_contains": "alertRules"}, "fault": {"kind": "forbidden"}}]));
    let report = examined(&world, 1, &[]);
    has(&report, "permissions", "fail", &["sentinel/law-lab"]);
    has(&report, "limits", "skip", &["cannot be read"]);
    has(&report, "permissions", "ok", &["defender"]);
}

#[test]
fn limits_count_what_the_files_would_add() {
    let world = World::new();
    for number in 0..3 {
        let rule = crate::world::TASK.replace("id: task", &format!("id: task-{number}"));
        let rule = rule.replace("Task created", &format!("Task {number} created"));
        world.write(&format!("rules/task-{number}.yaml"), rule);
    }
    has(&examined(&world, 0, &[]), "limits", "ok", &["the files add 4 and 0"]);
    world.write("rules/broken.yaml", "id: broken\n");
    has(&examined(&world, 0, &[]), "limits", "ok", &["the files do not compile"]);
}

fn doctor_text(world: &World, name: &str, code: i32, variables: &[(&str, &str)]) {
    let ran = world.run_with("doctor -e lab", variables).exits(code);
    let mut settings = settings();
    settings.add_filter(r"\d+ ms", "[n] ms");
    settings.add_filter(r"id [0-9a-f-]{36}\)", "id [id])");
    settings.bind(|| insta::assert_snapshot!(name, ran.to_string()));
}

#[test]
fn the_report_as_people_see_it() {
    let world = World::new();
    let wide =
        [("COLUMNS", "120"), ("GITHUB_REPOSITORY", "acme/detections"), ("GITHUB_REPOSITORY_ID", "456789")];
    let ids = [wide[0], wide[1], wide[2], ("GITHUB_REPOSITORY_OWNER_ID", "123456")];
    doctor_text(&world, "doctor_well", 0, &ids);
    world.switch("arm_role", "reader").switch("graph_role", "none").switch("arm_repositories", "acme/soc");
    world.switch("clock_skew_seconds", "-100000");
    doctor_text(&world, "doctor_trouble", 1, &[("COLUMNS", "80")]);
    for columns in ["80", "120"] {
        let most: usize = columns.parse().unwrap();
        let ran = world.run_with("doctor -e lab", &[("COLUMNS", columns)]).exits(1);
        let checks = ran.stdout.split("\n  Federated").next().unwrap();
        assert!(checks.lines().all(|line| line.chars().count() <= most), "{ran}");
        assert!(!ran.stdout.contains('\u{1b}'), "{ran}");
    }
    let coloured = world.run("doctor -e lab --color always").exits(1);
    assert!(coloured.stdout.contains("\u{1b}[31mfail"), "{coloured}");
}

#[test]
fn several_environments_make_one_report_and_the_worst_decides() {
    let world = World::new();
    let other = world.read(ENVIRONMENT).replace("acme/lab", "acme/other").replace("law-lab", "law-other");
    world.write("environments/other/environment.yaml", other);
    world.switch("arm_missing_workspaces", "law-other");
    let report = world.run("doctor --format json").exits(1).json();
    let statuses: Vec<(&str, &str)> = report["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["environment"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_eq!(statuses, [("lab", "ok"), ("other", "fail")]);
    world.run("doctor -e lab").exits(0).says(&["Everything is as it should be."]);
    world.run("doctor").exits(1).says(&["lab", "other", "1 thing stands in the way"]);
    world.run("doctor -e nowhere").exits(1).says(&["there is no environment `nowhere`"]);
    world.wrote_nothing();
}

#[test]
fn several_at_once_say_the_same_in_the_same_order() {
    let world = World::new();
    crate::tenants::fleet(&world, 5);
    world.switch("arm_missing_workspaces", "law-3");
    // New each time: how long an answer took, how far clocks are apart, and the id of the request that was refused.
    let is_new = |line: &str| {
        line.contains("network")
            || line.contains("clock")
            || line.ends_with(')') && line.matches('-').count() == 4
    };
    let said = |arguments: &str| {
        let ran = world.run(arguments).exits(1);
        ran.stdout.lines().filter(|line| !is_new(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    let one_by_one = said("doctor");
    assert_eq!(
        one_by_one.iter().filter(|line| line.contains("stands in the way")).count(),
        1,
        "{one_by_one:#?}"
    );
    assert_eq!(said("doctor --tenant-parallelism 4"), one_by_one);
    world.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subject_of_the_run_and_both_forms_to_configure() {
    let beside = Beside::start().await;
    let stub = format!("{}/_oidc/token?run=1", beside.tenant.authority());
    let set = [
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_TENANT_ID", "99999999-9999-4999-8999-999999999999"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", stub.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-github"),
        ("GITHUB_REPOSITORY", "acme/detections"),
        ("GITHUB_REPOSITORY_ID", "456789"),
        ("GITHUB_REPOSITORY_OWNER_ID", "123456"),
    ];
    beside.switch("oidc_subject", "repo:acme@123456/detections@456789:environment:lab");
    let report = clean(beside.world.run_with("doctor -e lab --format json -vv", &set)).exits(0).json();
    has(&report, "token", "ok", &["(GitHub Actions OIDC)"]);
    has(&report, "tenant", "warn", &["AZURE_TENANT_ID is another one"]);
    let federation = &report["federation"];
    assert_eq!(federation["issuer"], "https://token.actions.githubusercontent.com");
    assert_eq!(federation["audience"], "api://AzureADTokenExchange");
    assert_eq!(federation["missing"], Value::Null);
    assert_eq!(federation["presented"]["subject"], "repo:acme@123456/detections@456789:environment:lab");
    let subjects: Vec<(&str, &str)> = federation["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["subject"].as_str().unwrap(), one["immutable_subject"].as_str().unwrap()))
        .collect();
    assert!(subjects.contains(&(
        "repo:acme/detections:environment:lab",
        "repo:acme@123456/detections@456789:environment:lab"
    )));
    assert!(
        subjects.contains(&(
            "repo:acme/detections:pull_request",
            "repo:acme@123456/detections@456789:pull_request"
        ))
    );

    // Refused: the subject that was presented is said all the same.
    beside.switch("token_federated_subjects", "repo:acme/detections:environment:lab");
    let report = clean(beside.world.run_with("doctor -e lab --format json -vv", &set)).exits(1).json();
    has(&report, "token", "fail", &["AADSTS700213"]);
    assert!(report["federation"]["presented"]["subject"].is_string(), "{report:#}");
    // Half of it: which half, and one line for each credential.
    let half = clean(beside.world.run_with("doctor -e lab --format json -vv", &set[..3])).exits(1).json();
    has(&half, "token", "fail", &["ACTIONS_ID_TOKEN_REQUEST_TOKEN is not", "all others: not tried"]);
}

/// Listens, and does `what` with every connection until the test ends.
fn listener(what: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().flatten().for_each(what));
    address
}

/// Reads the client's first bytes, then hangs up: a proxy that cuts TLS.
fn cut(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 64]);
}

/// Answers in plain HTTP, whatever was said.
fn plain(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
}

/// A proxy that wants to know who we are.
fn who(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
}

fn at(host: &str) -> World {
    let world = World::new();
    let cloud =
        format!("cloud: {{authority: 'https://{host}', arm: 'https://{host}', graph: 'https://{host}'}}");
    world.edit(ENVIRONMENT, "cloud: sandbox", &cloud);
    world
}

const PRINCIPAL: [(&str, &str); 2] = [("AZURE_CLIENT_ID", CLIENT), ("AZURE_CLIENT_SECRET", "canary-secret")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_way_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let tenant = palisade::sandbox::start(palisade::sandbox::Options::default()).await.unwrap();
    let unknown_roots = tenant.authority().trim_start_matches("https://").to_owned();
    for (host, variables, says) in [
        (closed, &[][..], "nothing listens there"),
        (listener(cut), &[], "cut during the TLS handshake"),
        (listener(plain), &[], "does not speak our TLS"),
        (unknown_roots, &[], "its TLS certificate is not accepted"),
        (
            "palisade-test.invalid".to_owned(),
            &[("PALISADE_ALLOW_CUSTOM_CLOUD", "1")],
            "the name does not resolve",
        ),
    ] {
        let world = at(&host);
        let all = [&PRINCIPAL[..], variables].concat();
        let report = examined(&world, 1, &all);
        has(&report, "network", "fail", &["sign-in", says]);
        has(&report, "token", "skip", &["cannot be reached"]);
        has(&report, "clock", "skip", &[]);
    }
    tenant.stop().await.unwrap();

    // Whoever did not ask a doctor is told as well.
    let plan: Ran = clean(at(&listener(cut)).run_with("plan -e lab -v", &PRINCIPAL)).exits(1);
    plan.says(&["cut during the TLS handshake", "a proxy or firewall on the way cuts TLS"]);
}

#[test]
fn a_proxy_that_lets_nobody_through_is_named_without_its_password() {
    for (proxy, says) in [(listener(who), "the proxy did not let it through"), (listener(cut), "")] {
        let world = at("palisade-test.invalid");
        let address = format!("http://alice:canary-proxy@{proxy}");
        let variables = [
            PRINCIPAL[0],
            PRINCIPAL[1],
            ("PALISADE_ALLOW_CUSTOM_CLOUD", "1"),
            ("HTTPS_PROXY", address.as_str()),
        ];
        let report = examined(&world, 1, &variables);
        has(&report, "network", "fail", &[says]);
        has(&report, "proxy", "ok", &[&format!("HTTPS_PROXY is {proxy}")]);
    }
}

#[test]
fn roots_that_cannot_be_read_are_a_finding() {
    let world = World::new();
    let report = examined(&world, 1, &[("PALISADE_CA_FILE", "nowhere.pem")]);
    has(&report, "settings", "fail", &["nowhere.pem"]);
}
