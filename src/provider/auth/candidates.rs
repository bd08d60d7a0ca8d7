//! What each credential needs, and which of them are configured. The order and its reasons are in the parent's
//! documentation.

use std::path::Path;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};

use super::assertion::{Note, Noted, PipelineAssertion};
use super::certificate::{Certificate, CertificateAssertion};
use super::files::FileAssertion;
use super::{Attempt, CredentialChoice, Outcome, Surroundings};
use crate::provider::cloud::Endpoints;

/// Whom to ask for a token, in order, and why the others are not asked.
pub(super) struct Candidates {
    pub(super) ask: Vec<Candidate>,
    pub(super) others: Vec<Attempt>,
    /// They are sign-ins of a person, through programs of which one at a time is asked.
    pub(super) by_sign_in: bool,
}

/// A credential to ask.
pub(super) struct Candidate {
    pub(super) name: &'static str,
    pub(super) credential: Arc<dyn TokenCredential>,
}

/// What a look at the variables says about a credential.
enum Found {
    /// All there.
    Ready(Built),
    /// Somebody meant it, but it cannot work.
    Broken(String),
    /// Not meant.
    Absent(String),
}

type Built = azure_core::Result<Arc<dyn TokenCredential>>;

const BY_VARIABLES: [CredentialChoice; 6] = [
    CredentialChoice::ClientSecret,
    CredentialChoice::ClientCertificate,
    CredentialChoice::WorkloadIdentity,
    CredentialChoice::GitHubOidc,
    CredentialChoice::AzurePipelines,
    CredentialChoice::ManagedIdentity,
];
const BY_SIGN_IN: [CredentialChoice; 2] = [CredentialChoice::AzureCli, CredentialChoice::Azd];

/// The candidates in their order, and those that are not asked. The reasons are in the parent's documentation. What an
/// assertion says about itself goes to `note`.
pub(super) fn find(
    choice: CredentialChoice,
    tenant_id: &str,
    endpoints: &Endpoints,
    surroundings: &Surroundings,
    note: &Note,
) -> Candidates {
    let look = Look {
        tenant_id,
        endpoints,
        surroundings,
        explicit: choice != CredentialChoice::Auto,
        note: Arc::clone(note),
    };
    let by_sign_in = BY_SIGN_IN.contains(&choice);
    let mut found = Candidates { ask: Vec::new(), others: Vec::new(), by_sign_in };
    if look.explicit {
        match look.at(choice) {
            Found::Ready(built) => found.add(choice, built),
            Found::Broken(why) => found.broken(name(choice), why),
            Found::Absent(why) => found.broken(name(choice), format!("{why}; it needs {}", needs(choice))),
        }
        return found;
    }
    for choice in BY_VARIABLES {
        match look.at(choice) {
            Found::Absent(why) => found.not_tried(name(choice), why),
            meant => {
                // The first that is meant is the only one: nobody becomes somebody else because it does not work.
                found.others.clear();
                match meant {
                    Found::Ready(built) => found.add(choice, built),
                    Found::Broken(why) | Found::Absent(why) => found.broken(name(choice), why),
                }
                let why = format!("variables configure {}; `--credential NAME` asks another", name(choice));
                found.not_tried("all others", why);
                return found;
            }
        }
    }
    if look.get("AZURE_CLIENT_ID").is_some() {
        found.broken("AZURE_CLIENT_ID", CLIENT_ID_ALONE.to_owned());
        found.not_tried("Azure CLI and Azure Developer CLI", "variables name an application".to_owned());
        return found;
    }
    found.by_sign_in = true;
    let others = std::mem::take(&mut found.others);
    for choice in BY_SIGN_IN {
        match look.at(choice) {
            Found::Ready(built) => found.add(choice, built),
            Found::Broken(why) | Found::Absent(why) => found.not_tried(name(choice), why),
        }
    }
    found.others.extend(others);
    found
}

const CLIENT_ID_ALONE: &str = "it is set, but nothing that proves to be this application: set AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_CLIENT_SECRET; a job of GitHub Actions needs `permissions: id-token: write`, one of Azure Pipelines SYSTEM_ACCESSTOKEN and AZURE_SERVICE_CONNECTION_ID; on a virtual machine, add `--credential managed-identity`";

impl Candidates {
    fn add(&mut self, choice: CredentialChoice, built: Built) {
        match built {
            Ok(credential) => self.ask.push(Candidate { name: name(choice), credential }),
            Err(error) => self.broken(name(choice), error.to_string()),
        }
    }

    fn broken(&mut self, credential: &'static str, why: String) {
        self.others.insert(0, Attempt { credential, outcome: Outcome::Broken(why) });
    }

    fn not_tried(&mut self, credential: &'static str, why: String) {
        self.others.push(Attempt { credential, outcome: Outcome::NotTried(why) });
    }
}

const fn name(choice: CredentialChoice) -> &'static str {
    match choice {
        CredentialChoice::Auto => "auto",
        CredentialChoice::AzureCli => "Azure CLI",
        CredentialChoice::Azd => "Azure Developer CLI",
        CredentialChoice::ClientSecret => "client secret",
        CredentialChoice::ClientCertificate => "client certificate",
        CredentialChoice::WorkloadIdentity => "workload identity",
        CredentialChoice::GitHubOidc => "GitHub Actions OIDC",
        CredentialChoice::AzurePipelines => "Azure Pipelines OIDC",
        CredentialChoice::ManagedIdentity => "managed identity",
    }
}

struct Look<'a> {
    tenant_id: &'a str,
    endpoints: &'a Endpoints,
    surroundings: &'a Surroundings,
    /// Asked for by name.
    explicit: bool,
    note: Note,
}

impl Look<'_> {
    fn at(&self, choice: CredentialChoice) -> Found {
        match choice {
            CredentialChoice::Auto => Found::Absent("nothing is configured".to_owned()),
            CredentialChoice::AzureCli => Found::Ready(self.azure_cli()),
            CredentialChoice::Azd => Found::Ready(self.azd()),
            CredentialChoice::ClientSecret => self.client_secret(),
            CredentialChoice::ClientCertificate => self.client_certificate(),
            CredentialChoice::WorkloadIdentity => self.workload_identity(),
            CredentialChoice::GitHubOidc => self.github(),
            CredentialChoice::AzurePipelines => self.azure_pipelines(),
            CredentialChoice::ManagedIdentity => self.managed_identity(),
        }
    }

    fn azure_cli(&self) -> Built {
        let credential: Arc<dyn TokenCredential> =
            AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: Some(self.tenant_id.to_owned()),
                executor: self.surroundings.executor.clone(),
                ..AzureCliCredentialOptions::default()
            }))?;
        Ok(credential)
    }

    fn azd(&self) -> Built {
        let credential: Arc<dyn TokenCredential> =
            AzureDeveloperCliCredential::new(Some(AzureDeveloperCliCredentialOptions {
                tenant_id: Some(self.tenant_id.to_owned()),
                executor: self.surroundings.executor.clone(),
            }))?;
        Ok(credential)
    }

    fn client_secret(&self) -> Found {
        let Some(secret) = self.get("AZURE_CLIENT_SECRET") else { return absent("AZURE_CLIENT_SECRET") };
        let Some(client_id) = self.get("AZURE_CLIENT_ID") else {
            return half("AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID");
        };
        let options = ClientSecretCredentialOptions { client_options: self.client_options() };
        // The tenant is the environment's, whatever AZURE_TENANT_ID says.
        let secret = Secret::new(secret.to_owned());
        Found::Ready(
            ClientSecretCredential::new(self.tenant_id, client_id.to_owned(), secret, Some(options))
                .map(|credential| credential as Arc<dyn TokenCredential>),
        )
    }

    fn client_certificate(&self) -> Found {
        let Some(path) = self.get("AZURE_CLIENT_CERTIFICATE_PATH") else {
            return absent("AZURE_CLIENT_CERTIFICATE_PATH");
        };
        let Some(client_id) = self.get("AZURE_CLIENT_ID") else {
            return half("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_ID");
        };
        let read = self.surroundings.files.read(Path::new(path));
        let file = match read {
            Ok(file) => file,
            Err(error) => {
                return Found::Broken(format!(
                    "AZURE_CLIENT_CERTIFICATE_PATH names `{path}`, which cannot be read: {error}"
                ));
            }
        };
        let certificate = match Certificate::read(&file, path) {
            Ok(certificate) => certificate,
            Err(why) => return Found::Broken(why),
        };
        let with_chain =
            matches!(self.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"), Some("1" | "true" | "TRUE" | "True"));
        self.with_assertion(
            client_id,
            CertificateAssertion {
                certificate,
                endpoint: format!("{}/{}/oauth2/v2.0/token", self.endpoints.authority(), self.tenant_id),
                client_id: client_id.to_owned(),
                with_chain,
            },
        )
    }

    fn workload_identity(&self) -> Found {
        let Some(file) = self.get("AZURE_FEDERATED_TOKEN_FILE") else {
            return absent("AZURE_FEDERATED_TOKEN_FILE");
        };
        let Some(client_id) = self.get("AZURE_CLIENT_ID") else {
            return half("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID");
        };
        let files = Arc::clone(&self.surroundings.files);
        self.with_assertion(client_id, FileAssertion { files, path: file.into() })
    }

    /// Without AZURE_CLIENT_ID it is not meant: every job with `id-token: write` has the two request variables, and
    /// those that sign in with azure/login use the CLI. One of the two without the other is a mistake in any case.
    fn github(&self) -> Found {
        let (url, token) = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
        let (request_url, request_token) = match (self.get(url), self.get(token)) {
            (Some(request_url), Some(request_token)) => (request_url, request_token),
            (Some(_), None) => return half(url, token),
            (None, Some(_)) => return half(token, url),
            (None, None) => return absent(url),
        };
        let Some(client_id) = self.get("AZURE_CLIENT_ID") else { return absent("AZURE_CLIENT_ID") };
        let client = Arc::clone(&self.surroundings.client);
        let audience = self.endpoints.federation_audience();
        match PipelineAssertion::github(client, request_url, request_token, audience) {
            Ok(assertion) => self.with_assertion(client_id, assertion),
            Err(why) => Found::Broken(why),
        }
    }

    /// Every job has SYSTEM_OIDCREQUESTURI, so it is meant when somebody also named an application or a connection; the
    /// AzureCLI and AzurePowerShell tasks set a connection of their own, for the CLI that they sign in.
    fn azure_pipelines(&self) -> Found {
        let own = self.get("AZURE_SERVICE_CONNECTION_ID");
        let in_a_job = self.get("SYSTEM_OIDCREQUESTURI").is_some();
        let meant = own.is_some() || (in_a_job && self.get("AZURE_CLIENT_ID").is_some()) || self.explicit;
        if !meant {
            return absent(if in_a_job { "AZURE_CLIENT_ID" } else { "SYSTEM_OIDCREQUESTURI" });
        }
        let [url, client_id, token] = match self.all([
            "SYSTEM_OIDCREQUESTURI",
            "AZURE_CLIENT_ID",
            "SYSTEM_ACCESSTOKEN",
        ]) {
            Ok(values) => values,
            Err("SYSTEM_ACCESSTOKEN") => {
                return Found::Broken(
                        "SYSTEM_ACCESSTOKEN is not set: map it into the step with `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`".to_owned(),
                    );
            }
            Err(missing) => {
                return Found::Broken(format!(
                    "{missing} is not set, although the other variables of a service connection are"
                ));
            }
        };
        let Some(connection) = own.or_else(|| self.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")) else {
            return Found::Broken(
                "AZURE_SERVICE_CONNECTION_ID is not set: it is the id in the address of the service connection's page".to_owned(),
            );
        };
        let client = Arc::clone(&self.surroundings.client);
        match PipelineAssertion::azure_pipelines(client, url, token, connection) {
            Ok(assertion) => self.with_assertion(client_id, assertion),
            Err(why) => Found::Broken(why),
        }
    }

    fn managed_identity(&self) -> Found {
        if !self.explicit {
            let (endpoint, header) = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER");
            match (self.get(endpoint), self.get(header)) {
                (Some(_), Some(_)) => {}
                (None, None) => {
                    return Found::Absent(format!(
                        "{endpoint} is not set; on a virtual machine, ask with `--credential managed-identity`"
                    ));
                }
                // Machines of Azure Arc have these two for everybody, and no header.
                (Some(_), None) if self.get("IMDS_ENDPOINT").is_some() => {
                    return Found::Absent("the identity of an Azure Arc machine is not supported".to_owned());
                }
                (Some(_), None) => return half(endpoint, header),
                (None, Some(_)) => return half(header, endpoint),
            }
        }
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: self.get("AZURE_CLIENT_ID").map(|id| UserAssignedId::ClientId(id.to_owned())),
            client_options: ClientOptions {
                transport: Some(Transport::new(Arc::clone(&self.surroundings.client))),
                ..ClientOptions::default()
            },
        };
        Found::Ready(
            ManagedIdentityCredential::new(Some(options))
                .map(|credential| credential as Arc<dyn TokenCredential>),
        )
    }

    fn with_assertion<A: ClientAssertion + 'static>(&self, client_id: &str, assertion: A) -> Found {
        let assertion = Noted { inner: assertion, note: Arc::clone(&self.note) };
        Found::Ready(
            ClientAssertionCredential::new(
                self.tenant_id.to_owned(),
                client_id.to_owned(),
                assertion,
                Some(ClientAssertionCredentialOptions { client_options: self.client_options() }),
            )
            .map(|credential| credential as Arc<dyn TokenCredential>),
        )
    }

    /// Our client, the environment's authority, and little patience: somebody waits for the first line of output.
    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        self.endpoints.authority().clone_into(&mut cloud.authority_host);
        ClientOptions {
            transport: Some(Transport::new(Arc::clone(&self.surroundings.client))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: 3,
                max_total_elapsed: Duration::seconds(20),
                ..ExponentialRetryOptions::default()
            }),
            ..ClientOptions::default()
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.surroundings.variables.get(name)
    }

    /// All of these variables, or the first that is not set.
    fn all<const N: usize>(&self, names: [&'static str; N]) -> Result<[&str; N], &'static str> {
        let mut values = [""; N];
        for (value, name) in values.iter_mut().zip(names) {
            *value = self.get(name).ok_or(name)?;
        }
        Ok(values)
    }
}

/// What has to be there.
const fn needs(choice: CredentialChoice) -> &'static str {
    match choice {
        CredentialChoice::Auto => "any of the others",
        CredentialChoice::AzureCli => "`az login`",
        CredentialChoice::Azd => "`azd auth login`",
        CredentialChoice::ClientSecret => "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        CredentialChoice::ClientCertificate => "AZURE_CLIENT_ID and AZURE_CLIENT_CERTIFICATE_PATH",
        CredentialChoice::WorkloadIdentity => "AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE",
        CredentialChoice::GitHubOidc => "AZURE_CLIENT_ID, and a job with `permissions: id-token: write`",
        CredentialChoice::AzurePipelines => {
            "AZURE_CLIENT_ID, SYSTEM_ACCESSTOKEN and AZURE_SERVICE_CONNECTION_ID in a job of Azure Pipelines"
        }
        CredentialChoice::ManagedIdentity => "a machine in Azure with an identity",
    }
}

fn absent(variable: &str) -> Found {
    Found::Absent(format!("{variable} is not set"))
}

fn half(there: &str, missing: &str) -> Found {
    Found::Broken(format!("{there} is set, but {missing} is not"))
}
