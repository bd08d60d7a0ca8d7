//! Every way to sign in, through the program: what works, what is half there, what is refused, and that nobody ever becomes
//! somebody else. Everything runs at trace level, and no secret may be seen.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};

use crate::cloud::{Beside, CLIENT, ENVIRONMENT};
use crate::world::{TENANT, World, snapshot};

/// A certificate with its RSA key: DER of both.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&key).unwrap();
    (certificate.der().to_vec(), key.serialize_der())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// An assertion that nobody signed, good until `exp` (seconds since 1970).
fn assertion(subject: &str, exp: i64) -> String {
    let claims = serde_json::json!({
        "iss": "https://gitlab.example", "sub": subject, "aud": "api://AzureADTokenExchange", "exp": exp,
    });
    format!("e30.{}.canary", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_signs_in_without_a_secret() {
    let beside = Beside::start().await;
    let (certificate, key) = certificate();
    let (other, other_key) = self::certificate();
    let path = text(&beside.world.beside("own.pem"));
    let set = [("AZURE_CLIENT_ID", CLIENT), ("AZURE_CLIENT_CERTIFICATE_PATH", path.as_str())];
    let own = pem("CERTIFICATE", &certificate);
    // The first 26 bytes of a PKCS#8 file are what it adds to PKCS#1, for a key of 2048 bits.
    let pkcs1 = pem("RSA PRIVATE KEY", &key[26..]);
    let pkcs8 = pem("PRIVATE KEY", &key);

    // Not registered yet.
    std::fs::write(&path, format!("{own}{pkcs8}")).unwrap();
    beside
        .plan(&set)
        .exits(1)
        .says(&["client certificate: AADSTS700027", "upload the certificate (without its key)"]);

    beside.switch("token_certificates", &STANDARD.encode(&certificate));
    for content in [
        format!("{own}{pkcs8}"),
        format!("{pkcs8}{own}"),
        format!("{own}{pkcs1}"),
        // A chain with the application's certificate behind another one.
        format!("{}{own}{pkcs8}", pem("CERTIFICATE", &other)),
    ] {
        std::fs::write(&path, content).unwrap();
        beside.signs_in(&set, "client certificate");
    }
    let chain = [set[0], set[1], ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true")];
    beside.plan(&chain).exits(0);

    let before = beside.sign_ins();
    let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let ec_certificate = CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&ec).unwrap();
    for (content, says) in [
        (format!("{own}{}", pem("PRIVATE KEY", &other_key)), "belongs to another certificate"),
        (own.clone(), "holds no private key"),
        (pkcs8.clone(), "holds no certificate"),
        (format!("{own}{}", pem("ENCRYPTED PRIVATE KEY", &key)), "openssl pkey -in"),
        (
            format!(
                "{own}-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
            ),
            "openssl pkey -in",
        ),
        (
            format!(
                "{}{}",
                pem("CERTIFICATE", ec_certificate.der()),
                pem("PRIVATE KEY", &ec.serialize_der())
            ),
            "is not an RSA key",
        ),
        ("0\u{2}\u{1}\u{3}".to_owned(), "openssl pkcs12 -in"),
        ("hello".to_owned(), "is not PEM"),
        (String::new(), "is not PEM"),
    ] {
        std::fs::write(&path, content).unwrap();
        beside.plan(&set).exits(1).says(&["client certificate: ", says, "own.pem"]);
    }
    std::fs::remove_file(&path).unwrap();
    beside.plan(&set).exits(1).says(&["AZURE_CLIENT_CERTIFICATE_PATH names", "cannot be read"]);
    beside
        .plan(&set[1..])
        .exits(1)
        .says(&["AZURE_CLIENT_CERTIFICATE_PATH is set, but AZURE_CLIENT_ID is not"]);
    assert_eq!(beside.sign_ins(), before, "nothing of this was worth a request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_federated_token_in_a_file_signs_in_while_it_is_young() {
    let beside = Beside::with(|switches| {
        switches.token_federated_subjects =
            vec!["project_path:acme/detections:ref_type:branch:ref:main".into()];
    })
    .await;
    let path = text(&beside.world.beside("token"));
    let set = [("AZURE_CLIENT_ID", CLIENT), ("AZURE_FEDERATED_TOKEN_FILE", path.as_str())];
    let later = jiff::Timestamp::now().as_second() + 3_600;
    let subject = "project_path:acme/detections:ref_type:branch:ref:main";

    beside.plan(&set).exits(1).says(&["AZURE_FEDERATED_TOKEN_FILE names `", "which is not there"]);
    std::fs::write(&path, "\n").unwrap();
    beside.plan(&set).exits(1).says(&["which is empty"]);
    std::fs::write(&path, assertion(subject, later - 10_800)).unwrap();
    let expired = beside.plan(&set).exits(1);
    expired.says(&[
        "workload identity: AZURE_FEDERATED_TOKEN_FILE names",
        "holds an assertion that expired at",
        "2 hours ago",
    ]);
    assert_eq!(beside.sign_ins(), 0, "an expired assertion is not even sent");

    std::fs::write(&path, assertion(subject, later)).unwrap();
    beside.signs_in(&set, "workload identity");
    std::fs::write(&path, assertion("project_path:acme/other:ref_type:branch:ref:main", later)).unwrap();
    beside.plan(&set).exits(1).says(&[
        "AADSTS700213",
        "project_path:acme/other:ref_type:branch:ref:main",
        "add one with exactly the subject",
    ]);
    beside.plan(&set[1..]).exits(1).says(&["AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_CLIENT_ID is not"]);
    // The service's clock decides when it is not ours that is wrong.
    std::fs::write(&path, assertion(subject, later)).unwrap();
    beside.switch("clock_skew_seconds", "7200");
    beside.plan(&set).exits(1).says(&["AADSTS700024", "set the clock of this machine right"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelines_sign_in_with_assertions_of_their_own() {
    let beside = Beside::start().await;
    let stub = format!("{}/_oidc/token?run=1", beside.tenant.authority());
    let github = [
        ("AZURE_CLIENT_ID", CLIENT),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", stub.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-github"),
    ];
    beside.signs_in(&github, "GitHub Actions OIDC");
    for (half, says) in [
        (&github[..2], "ACTIONS_ID_TOKEN_REQUEST_URL is set, but ACTIONS_ID_TOKEN_REQUEST_TOKEN is not"),
        (
            &[github[0], github[2]],
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN is set, but ACTIONS_ID_TOKEN_REQUEST_URL is not",
        ),
        (&github[1..2], "ACTIONS_ID_TOKEN_REQUEST_URL is set, but ACTIONS_ID_TOKEN_REQUEST_TOKEN is not"),
        // A job that forgot `permissions: id-token: write` has neither.
        (&github[..1], "needs `permissions: id-token: write`"),
    ] {
        beside.plan(half).exits(1).says(&[says]);
    }
    beside.switch("token_federated_subjects", "repo:acme/detections:environment:lab");
    beside.plan(&github).exits(1).says(&["AADSTS700213", "'repo:acme/detections:ref:refs/heads/main'"]);
    beside.switch("token_federated_subjects", "");

    let azdo = [
        ("AZURE_CLIENT_ID", CLIENT),
        ("SYSTEM_OIDCREQUESTURI", stub.as_str()),
        ("SYSTEM_ACCESSTOKEN", "canary-azdo"),
        ("AZURE_SERVICE_CONNECTION_ID", "55555555-5555-4555-8555-555555555555"),
    ];
    beside.signs_in(&azdo, "Azure Pipelines OIDC");
    beside.plan(&azdo[..2]).exits(1).says(&["SYSTEM_ACCESSTOKEN: $(System.AccessToken)"]);
    beside.plan(&azdo[..3]).exits(1).says(&["AZURE_SERVICE_CONNECTION_ID is not set"]);
    beside.plan(&azdo[1..]).exits(1).says(&["AZURE_CLIENT_ID is not set"]);
    assert!(beside.tenant.requests().iter().all(|request| request["method"] == "GET"
        || request["service"] == "token"
        || request["service"] == "oidc"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_s_identity_is_used_when_its_endpoint_is_named() {
    let beside = Beside::with(|switches| switches.token_tenant = TENANT.into()).await;
    let endpoint = format!("{}/_identity/token", beside.tenant.authority());
    let set = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "canary-header")];
    beside.signs_in(&set, "managed identity");
    beside.plan(&set[..1]).exits(1).says(&["IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not"]);
    // One that is of another tenant is of no use, however well it works.
    beside.switch("token_tenant", "99999999-9999-4999-8999-999999999999");
    let before = beside.tenant.requests().len();
    beside.plan(&set).exits(1).says(&["belongs to tenant 99999999", "nothing was sent"]);
    let asked = &beside.tenant.requests()[before..];
    assert!(asked.iter().all(|request| request["service"] == "identity"), "{asked:#?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_s_sign_in_is_used_only_when_nothing_is_configured() {
    use std::os::unix::fs::PermissionsExt as _;

    let beside = Beside::start().await;
    let arm = beside.token(&format!("{}/.default", beside.tenant.arm())).await;
    let graph = beside.token(&format!("{}/.default", beside.tenant.graph())).await;
    let answer =
        |token: &str| format!(r#"{{"accessToken":"{token}","expires_on":4102444800,"tokenType":"Bearer"}}"#);
    let az = beside.world.beside("home").join("az");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *127.0.0.1*) echo '{}';; *) echo '{}';; esac\n",
        answer(&graph),
        answer(&arm)
    );
    std::fs::write(&az, script).unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();

    beside.signs_in(&[], "Azure CLI");
    for (set, says) in [
        (&[("AZURE_CLIENT_ID", CLIENT)][..], "it is set, but nothing that proves to be this application"),
        (&[("AZURE_CLIENT_SECRET", "canary")], "AZURE_CLIENT_SECRET is set, but AZURE_CLIENT_ID is not"),
        (
            &[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary")],
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN is set, but ACTIONS_ID_TOKEN_REQUEST_URL is not",
        ),
    ] {
        beside.plan(set).exits(1).says(&[says]);
    }
    // Asked for by name it is used whatever is configured.
    let set = [("AZURE_CLIENT_SECRET", "canary"), ("PALISADE_CREDENTIAL", "azure-cli")];
    beside.signs_in(&set, "Azure CLI");
}

/// An application whose secret has expired does not become the person who once signed in on that machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_not_replaced() {
    let beside = Beside::with(|switches| switches.token_any_client = false).await;
    let client = beside.tenant.client_id().to_owned();
    let endpoint = format!("{}/_identity/token", beside.tenant.authority());
    let set = [
        ("AZURE_CLIENT_ID", client.as_str()),
        ("AZURE_CLIENT_SECRET", "canary-wrong"),
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "canary-header"),
    ];
    let ran = beside.plan(&set).exits(1);
    ran.says(&[
        "client secret: AADSTS7000215",
        "all others: not tried: variables configure client secret",
        "not its id",
    ]);
    assert!(!beside.tenant.requests().iter().any(|request| request["service"] == "identity"));
}

#[test]
fn a_report_has_a_line_for_each_credential() {
    let world = World::new();
    world.edit(ENVIRONMENT, "cloud: sandbox", "cloud: public");
    let set = [("AZURE_CLIENT_ID", CLIENT), ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x.example/?a")];
    snapshot!("half_an_oidc", world.run_with("plan -e lab", &set).exits(1));
    let help = world.run("plan --help").exits(0);
    help.says(&["client-certificate"]);
}
