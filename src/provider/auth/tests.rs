use std::ffi::OsStr;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use azure_core::http::{AsyncRawResponse, Request};
use serde_json::json;

use super::*;
use crate::address::Platform;
use crate::provider::testing::*;
use crate::provider::{ErrorKind, Provider};

/// Plays `az` and `azd`: answers as `az` does, or is not installed.
#[derive(Debug)]
struct Tools {
    az: Option<String>,
    commands: Mutex<Vec<String>>,
}

impl Tools {
    fn new(az: Option<String>) -> Arc<Self> {
        Arc::new(Self { az, commands: Mutex::default() })
    }

    fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }
}

#[async_trait]
impl Executor for Tools {
    async fn run(&self, _: &OsStr, args: &[&OsStr]) -> std::io::Result<Output> {
        use std::os::unix::process::ExitStatusExt as _;
        let command = args.last().unwrap().to_string_lossy().into_owned();
        let answer = self.az.clone().filter(|_| command.contains("az account"));
        self.commands.lock().unwrap().push(command);
        let status = std::process::ExitStatus::from_raw(if answer.is_some() { 0 } else { 127 << 8 });
        Ok(Output { status, stdout: answer.unwrap_or_default().into_bytes(), stderr: b"not found".to_vec() })
    }
}

/// The real files.
#[derive(Debug)]
struct Disk;

impl Files for Disk {
    fn read(&self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn az_token(tenant: &str) -> String {
    json!({"accessToken": jwt(tenant), "expires_on": 4_102_444_800_i64, "tokenType": "Bearer"}).to_string()
}

fn credentials(
    choice: CredentialChoice,
    pairs: &[(&str, &str)],
    responder: &Arc<Responder>,
    tools: &Arc<Tools>,
) -> Arc<Credentials> {
    let client: Arc<dyn HttpClient> = responder.clone();
    let executor: Arc<dyn Executor> = tools.clone();
    let surroundings =
        Surroundings { variables: variables(pairs), client, files: Arc::new(Disk), executor: Some(executor) };
    Credentials::resolve(choice, TENANT, &Endpoints::public(), &surroundings)
}

async fn name(credentials: &Credentials) -> Result<&'static str, String> {
    match credentials.get_token(&["https://management.azure.com/.default"], None).await {
        Ok(_) => Ok(credentials.identity().unwrap().credential),
        Err(error) => Err(error.to_string()),
    }
}

const SECRET_SET: &[(&str, &str)] = &[("AZURE_CLIENT_ID", "app-1"), ("AZURE_CLIENT_SECRET", SECRET)];
const GITHUB_SET: &[(&str, &str)] = &[
    ("AZURE_CLIENT_ID", "app-1"),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://pipelines.example/token?api-version=2"),
    ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "github-job-token"),
];
const PIPELINES_SET: &[(&str, &str)] = &[
    ("AZURE_CLIENT_ID", "app-1"),
    ("SYSTEM_OIDCREQUESTURI", "https://pipelines.example/oidc"),
    ("SYSTEM_ACCESSTOKEN", "job-token"),
    ("AZURE_SERVICE_CONNECTION_ID", "connection-1"),
];

#[tokio::test]
async fn what_variables_configure_is_never_shadowed_by_a_sign_in() {
    for (set, expected) in [
        (&[][..], "Azure CLI"),
        (&[("AZURE_CLIENT_SECRET", ""), ("AZURE_TENANT_ID", TENANT)][..], "Azure CLI"),
        (SECRET_SET, "client secret"),
        (GITHUB_SET, "GitHub Actions OIDC"),
        // A job with `id-token: write` that signed in with azure/login.
        (&GITHUB_SET[1..], "Azure CLI"),
        (PIPELINES_SET, "Azure Pipelines OIDC"),
        // A job of Azure Pipelines, and one that maps its token: the AzureCLI task signs in to the CLI.
        (&PIPELINES_SET[1..3], "Azure CLI"),
        (&[SECRET_SET, GITHUB_SET].concat(), "client secret"),
    ] {
        let (responder, tools) = (Responder::new([]), Tools::new(Some(az_token(TENANT))));
        let found = credentials(CredentialChoice::Auto, set, &responder, &tools);
        assert_eq!(name(&found).await.as_deref(), Ok(expected), "{set:?}");
        assert_eq!(tools.commands().is_empty(), expected != "Azure CLI", "{set:?}");
    }
}

#[tokio::test]
async fn a_choice_by_name_is_the_only_one() {
    let (responder, tools) = (Responder::new([]), Tools::new(Some(az_token(TENANT))));
    let found = credentials(CredentialChoice::AzureCli, SECRET_SET, &responder, &tools);
    assert_eq!(name(&found).await.as_deref(), Ok("Azure CLI"));
    assert!(responder.token_requests().is_empty());
    assert!(tools.commands()[0].contains(&format!("--tenant {TENANT}")));

    let found = credentials(CredentialChoice::GitHubOidc, SECRET_SET, &responder, &tools);
    assert_eq!(
        name(&found).await.unwrap_err(),
        "no credential gave a token: GitHub Actions OIDC: ACTIONS_ID_TOKEN_REQUEST_URL is not set; it needs AZURE_CLIENT_ID, and a job with `permissions: id-token: write`"
    );
}

/// A line for each credential of a chain in which none worked.
async fn report(set: &[(&str, &str)], az: Option<String>) -> (Vec<String>, Arc<Tools>) {
    let (responder, tools) = (Responder::new([]), Tools::new(az));
    let found = credentials(CredentialChoice::Auto, set, &responder, &tools);
    let error = found.get_token(&["https://management.azure.com/.default"], None).await.unwrap_err();
    assert!(responder.sent().is_empty() && responder.token_requests().is_empty(), "{error}");
    let error = error.downcast_ref::<CredentialError>().unwrap();
    let line = |attempt: &Attempt| {
        let next = attempt.next().map(|next| format!("; {next}")).unwrap_or_default();
        format!("{}: {}{next}", attempt.credential, attempt.reason())
    };
    (error.attempts().map(line).collect(), tools)
}

#[tokio::test]
async fn every_credential_is_listed_with_its_reason_and_the_next_step() {
    let (lines, _) = report(&[], None).await;
    let expected = [
        "Azure CLI: az not found on PATH; install the Azure CLI, then `az login --tenant <tenant_id>`",
        "Azure Developer CLI: azd not found on PATH; install the Azure Developer CLI, then `azd auth login --tenant-id <tenant_id>`",
        "client secret: not tried: AZURE_CLIENT_SECRET is not set",
        "client certificate: not tried: AZURE_CLIENT_CERTIFICATE_PATH is not set",
        "workload identity: not tried: AZURE_FEDERATED_TOKEN_FILE is not set",
        "GitHub Actions OIDC: not tried: ACTIONS_ID_TOKEN_REQUEST_URL is not set",
        "Azure Pipelines OIDC: not tried: SYSTEM_OIDCREQUESTURI is not set",
        "managed identity: not tried: IDENTITY_ENDPOINT is not set; on a virtual machine, ask with `--credential managed-identity`",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_is_half_configured_names_what_is_missing_and_nobody_else_is_asked() {
    let github = |name: &'static str| [(name, "https://pipelines.example/x")];
    let all: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (SECRET_SET[..1].to_vec(), "AZURE_CLIENT_ID: it is set, but nothing that proves"),
        (SECRET_SET[1..].to_vec(), "client secret: AZURE_CLIENT_SECRET is set, but AZURE_CLIENT_ID is not"),
        (
            vec![("AZURE_CLIENT_SECRET", ""), ("AZURE_CLIENT_ID", "app-1")],
            "AZURE_CLIENT_ID: it is set, but nothing that proves",
        ),
        (
            vec![("AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere.pem")],
            "client certificate: AZURE_CLIENT_CERTIFICATE_PATH is set, but AZURE_CLIENT_ID is not",
        ),
        (
            vec![("AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere.pem"), ("AZURE_CLIENT_ID", "app-1")],
            "client certificate: AZURE_CLIENT_CERTIFICATE_PATH names `/nowhere.pem`, which cannot be read",
        ),
        (
            vec![("AZURE_FEDERATED_TOKEN_FILE", "/nowhere")],
            "workload identity: AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_CLIENT_ID is not",
        ),
        (
            vec![("AZURE_FEDERATED_TOKEN_FILE", "/nowhere"), ("AZURE_CLIENT_ID", "app-1")],
            "workload identity: AZURE_FEDERATED_TOKEN_FILE names `/nowhere`, which is not there",
        ),
        (
            github("ACTIONS_ID_TOKEN_REQUEST_URL").to_vec(),
            "GitHub Actions OIDC: ACTIONS_ID_TOKEN_REQUEST_URL is set, but ACTIONS_ID_TOKEN_REQUEST_TOKEN is not",
        ),
        (
            github("ACTIONS_ID_TOKEN_REQUEST_TOKEN").to_vec(),
            "GitHub Actions OIDC: ACTIONS_ID_TOKEN_REQUEST_TOKEN is set, but ACTIONS_ID_TOKEN_REQUEST_URL is not",
        ),
        (PIPELINES_SET[..2].to_vec(), "Azure Pipelines OIDC: SYSTEM_ACCESSTOKEN is not set: map it"),
        (PIPELINES_SET[..3].to_vec(), "Azure Pipelines OIDC: AZURE_SERVICE_CONNECTION_ID is not set"),
        (PIPELINES_SET[1..].to_vec(), "Azure Pipelines OIDC: AZURE_CLIENT_ID is not set"),
        (
            vec![PIPELINES_SET[0], PIPELINES_SET[2], PIPELINES_SET[3]],
            "Azure Pipelines OIDC: SYSTEM_OIDCREQUESTURI is not set",
        ),
        (
            vec![("IDENTITY_ENDPOINT", "http://127.0.0.1:1")],
            "managed identity: IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not",
        ),
        (
            vec![("IDENTITY_HEADER", "canary-header")],
            "managed identity: IDENTITY_HEADER is set, but IDENTITY_ENDPOINT is not",
        ),
    ];
    for (set, expected) in all {
        // Whoever signed in long ago must not become the one who applies, nor must the machine.
        for more in [&[][..], &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1"), ("IDENTITY_HEADER", "h")]] {
            if !more.is_empty()
                && (expected.starts_with("AZURE_CLIENT_ID:") || expected.starts_with("managed"))
            {
                continue;
            }
            let set = [&set[..], more].concat();
            let (lines, tools) = report(&set, Some(az_token(TENANT))).await;
            assert!(lines[0].starts_with(expected), "{lines:#?}");
            assert!(lines.last().unwrap().contains("not tried: variables "), "{lines:#?}");
            assert!(lines[1..].iter().all(|line| line.contains(": not tried: ")), "{lines:#?}");
            assert!(tools.commands().is_empty());
            assert!(!lines.concat().contains(SECRET) && !lines.concat().contains("canary"), "{lines:#?}");
        }
    }
}

#[tokio::test]
async fn who_fails_is_not_replaced_by_who_comes_next() {
    let responder = Responder::new([]).refuse_tokens(json_reply(
        401,
        &json!({"error": "invalid_client", "error_description": "AADSTS7000222: The secret expired."}),
    ));
    let tools = Tools::new(Some(az_token(TENANT)));
    let set = [SECRET_SET, GITHUB_SET].concat();
    let found = credentials(CredentialChoice::Auto, &set, &responder, &tools);
    assert_eq!(
        name(&found).await.unwrap_err(),
        "no credential gave a token: client secret: AADSTS7000222: The secret expired"
    );
    assert!(
        tools.commands().is_empty() && responder.token_requests().iter().all(|sent| sent.method == "POST")
    );
}

#[tokio::test]
async fn pipelines_exchange_their_assertions() {
    for (set, url, method, assertion) in [
        (
            GITHUB_SET,
            "https://pipelines.example/token?api-version=2&audience=api%3A%2F%2FAzureADTokenExchange",
            "GET",
            "github-assertion",
        ),
        (
            PIPELINES_SET,
            "https://pipelines.example/oidc?api-version=7.1&serviceConnectionId=connection-1",
            "POST",
            "azdo-assertion",
        ),
    ] {
        let (responder, tools) = (Responder::new([]), Tools::new(None));
        let found = credentials(CredentialChoice::Auto, set, &responder, &tools);
        name(&found).await.unwrap();
        let asked = responder.token_requests();
        assert_eq!((asked[0].url.as_str(), asked[0].method.as_str()), (url, method));
        assert!(asked[0].header("authorization").unwrap().starts_with("Bearer "));
        assert_eq!(asked[1].url, format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"));
        assert!(asked[1].body.contains(&format!("client_assertion={assertion}")), "{}", asked[1].body);
    }
}

#[tokio::test]
async fn a_token_file_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "file-assertion").unwrap();
    let set = [("AZURE_CLIENT_ID", "app-1"), ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap())];
    let (responder, tools) = (Responder::new([]), Tools::new(None));
    let found = credentials(CredentialChoice::Auto, &set, &responder, &tools);
    assert_eq!(name(&found).await.as_deref(), Ok("workload identity"));
    assert!(responder.token_requests()[0].body.contains("client_assertion=file-assertion"));
}

#[tokio::test]
async fn a_token_is_fetched_once_per_scope() {
    let (responder, tools) = (Responder::new([]), Tools::new(Some(az_token(TENANT))));
    let found = credentials(CredentialChoice::Auto, &[], &responder, &tools);
    for scope in ["a/.default", "a/.default", "b/.default"] {
        found.get_token(&[scope], None).await.unwrap();
    }
    assert_eq!(tools.commands().len(), 2);
}

/// Counts how many requests are under way at once.
#[derive(Debug)]
struct Crowd {
    inner: Arc<Responder>,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl HttpClient for Crowd {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // Whoever else could come, comes.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.inner.execute_request(request).await
    }
}

/// Half of the time that a small tenant's plan takes would be the second token.
#[tokio::test]
async fn tokens_of_both_services_are_fetched_at_the_same_time() {
    let responder = Responder::new([]);
    let crowd = Arc::new(Crowd { inner: Arc::clone(&responder), now: 0.into(), most: 0.into() });
    let surroundings = Surroundings {
        variables: variables(SECRET_SET),
        client: crowd.clone(),
        files: Arc::new(NoFiles),
        executor: None,
    };
    let found = Credentials::resolve(CredentialChoice::Auto, TENANT, &Endpoints::public(), &surroundings);
    let (a, b, again) = futures::join!(
        found.get_token(&["a/.default"], None),
        found.get_token(&["b/.default"], None),
        found.get_token(&["a/.default"], None),
    );
    assert!(a.is_ok() && b.is_ok() && again.is_ok());
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
    assert_eq!(responder.token_requests().len(), 2, "one for each service");
}

/// The SDK's credential would give the refused token again: it keeps it for its whole lifetime.
#[tokio::test]
async fn a_refused_token_is_replaced_once_for_everybody() {
    let (responder, tools) = (Responder::new([]), Tools::new(None));
    let found = credentials(CredentialChoice::Auto, SECRET_SET, &responder, &tools);
    let refused = found.get_token(&["a/.default"], None).await.unwrap();
    assert_eq!(responder.token_requests().len(), 1);
    found.renew("a/.default", &refused).await.unwrap();
    assert_eq!(responder.token_requests().len(), 2);
    // Somebody whose older token was refused meanwhile gets the new one.
    let older = AccessToken::new("older", refused.expires_on);
    found.renew("a/.default", &older).await.unwrap();
    assert_eq!(responder.token_requests().len(), 2);
}

#[tokio::test]
async fn a_token_of_another_tenant_is_refused_before_any_call() {
    let responder = Responder::of_tenant("aaaaaaaa-0000-0000-0000-000000000000", []);
    let (session, _) = session(&responder);
    let error = session.sentinel(workspace(), None).list().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongTenant);
    assert!(error.message.contains("aaaaaaaa-0000-0000-0000-000000000000") && error.message.contains(TENANT));
    assert!(responder.sent().is_empty(), "nothing was sent");
    assert_eq!(session.identity(), None);
}

#[tokio::test]
async fn azure_tenant_id_does_not_override_the_environment() {
    let responder = Responder::new([]);
    let (session, _) = session(&responder);
    let identity = session.sign_in(Platform::Defender).await.unwrap();
    assert_eq!((identity.tenant_id.as_str(), identity.app_id.as_deref()), (TENANT, Some("app-1")));
    let asked = responder.token_requests();
    assert_eq!(asked[0].url, format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"));
    assert!(asked[0].body.contains("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"));
}

#[tokio::test]
async fn entra_errors_come_with_a_hint_and_without_the_secret() {
    let refusal = json!({
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: t Correlation ID: c",
        "error_codes": [7_000_215],
    });
    let responder = Responder::new([]).refuse_tokens(json_reply(401, &refusal));
    let (session, _) = session(&responder);
    let error = session.sign_in(Platform::Sentinel).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (ErrorKind::Unauthenticated, "authenticate"));
    assert!(
        error.message.contains("client secret: AADSTS7000215: Invalid client secret provided"),
        "{}",
        error.message
    );
    assert!(error.help.as_deref().unwrap().contains("not its id"));
    let seen = format!("{} {session:?}", everything(&error));
    assert!(!seen.contains(SECRET) && !seen.contains("canary-token"), "{seen}");

    // The same through a call.
    let through = session.defender(None).list().await.unwrap_err();
    assert_eq!(through.kind, ErrorKind::Unauthenticated);
    assert!(!everything(&through).contains(SECRET));
}

#[test]
fn nothing_secret_is_printed() {
    let responder = Responder::new([]);
    let tools = Tools::new(None);
    let sets = [SECRET_SET, GITHUB_SET, PIPELINES_SET].concat();
    let found = credentials(CredentialChoice::Auto, &sets, &responder, &tools);
    let printed = format!("{found:?} {:?}", variables(&sets));
    for secret in [SECRET, "github-job-token", "job-token"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn choices_have_one_word_each() {
    for choice in CredentialChoice::ALL {
        assert_eq!(CredentialChoice::parse(choice.as_str()), Some(choice));
    }
    assert_eq!(CredentialChoice::parse("certificate"), None);
}
