//! What each credential needs, and which of them are configured. The order and its reasons are in the parent's
//! documentation.

use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};

use super::assertion::PipelineAssertion;
use super::{Attempt, CredentialChoice, Outcome, Surroundings};
use crate::provider::cloud::Endpoints;

/// A credential to ask, or why it cannot be (a half-configured one fails when its turn comes).
pub(super) struct Candidate {
    pub(super) name: &'static str,
    pub(super) credential: Result<Arc<dyn TokenCredential>, String>,
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

const BY_VARIABLES: [CredentialChoice; 5] = [
    CredentialChoice::ClientSecret,
    CredentialChoice::WorkloadIdentity,
    CredentialChoice::GitHubOidc,
    CredentialChoice::AzurePipelines,
    CredentialChoice::ManagedIdentity,
];
const BY_SIGN_IN: [CredentialChoice; 2] = [CredentialChoice::AzureCli, CredentialChoice::Azd];

/// The candidates in their order, and those that are not asked.
pub(super) fn find(
    choice: CredentialChoice,
    tenant_id: &str,
    endpoints: &Endpoints,
    surroundings: &Surroundings,
) -> (Vec<Candidate>, Vec<Attempt>) {
    let look = Look { tenant_id, endpoints, surroundings, explicit: choice != CredentialChoice::Auto };
    let (mut candidates, mut skipped) = (Vec::new(), Vec::new());
    if look.explicit {
        candidates.push(match look.at(choice) {
            Found::Ready(built) => candidate(choice, built),
            Found::Broken(why) | Found::Absent(why) => Candidate { name: name(choice), credential: Err(why) },
        });
        return (candidates, skipped);
    }
    for choice in BY_VARIABLES {
        match look.at(choice) {
            Found::Ready(built) => candidates.push(candidate(choice, built)),
            Found::Broken(why) => candidates.push(Candidate { name: name(choice), credential: Err(why) }),
            Found::Absent(why) => {
                skipped.push(Attempt { credential: name(choice), outcome: Outcome::NotTried(why) });
            }
        }
    }
    if let Some(configured) = candidates.first() {
        // What else could have been configured is of no interest then; that the sign-ins were passed over is.
        let why = format!(
            "variables configure {}; `--credential azure-cli` or `azd` asks for them",
            configured.name
        );
        skipped = vec![Attempt {
            credential: "Azure CLI and Azure Developer CLI",
            outcome: Outcome::NotTried(why),
        }];
        return (candidates, skipped);
    }
    for choice in BY_SIGN_IN {
        match look.at(choice) {
            Found::Ready(built) => candidates.push(candidate(choice, built)),
            Found::Broken(why) | Found::Absent(why) => {
                skipped.push(Attempt { credential: name(choice), outcome: Outcome::NotTried(why) });
            }
        }
    }
    (candidates, skipped)
}

const fn name(choice: CredentialChoice) -> &'static str {
    match choice {
        CredentialChoice::Auto => "auto",
        CredentialChoice::AzureCli => "Azure CLI",
        CredentialChoice::Azd => "Azure Developer CLI",
        CredentialChoice::ClientSecret => "client secret",
        CredentialChoice::WorkloadIdentity => "workload identity",
        CredentialChoice::GitHubOidc => "GitHub Actions OIDC",
        CredentialChoice::AzurePipelines => "Azure Pipelines OIDC",
        CredentialChoice::ManagedIdentity => "managed identity",
    }
}

fn candidate(choice: CredentialChoice, built: Built) -> Candidate {
    Candidate { name: name(choice), credential: built.map_err(|error| error.to_string()) }
}

struct Look<'a> {
    tenant_id: &'a str,
    endpoints: &'a Endpoints,
    surroundings: &'a Surroundings,
    /// Asked for by name.
    explicit: bool,
}

impl Look<'_> {
    fn at(&self, choice: CredentialChoice) -> Found {
        match choice {
            CredentialChoice::Auto => Found::Absent("nothing is configured".to_owned()),
            CredentialChoice::AzureCli => Found::Ready(self.azure_cli()),
            CredentialChoice::Azd => Found::Ready(self.azd()),
            CredentialChoice::ClientSecret => self.client_secret(),
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

    fn workload_identity(&self) -> Found {
        let Some(file) = self.get("AZURE_FEDERATED_TOKEN_FILE") else {
            return absent("AZURE_FEDERATED_TOKEN_FILE");
        };
        let Some(client_id) = self.get("AZURE_CLIENT_ID") else {
            return half("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID");
        };
        let options = WorkloadIdentityCredentialOptions {
            credential_options: self.assertion_options(),
            client_id: Some(client_id.to_owned()),
            tenant_id: Some(self.tenant_id.to_owned()),
            token_file_path: Some(file.into()),
        };
        Found::Ready(
            WorkloadIdentityCredential::new(Some(options))
                .map(|credential| credential as Arc<dyn TokenCredential>),
        )
    }

    /// Without AZURE_CLIENT_ID it is not meant: every job with `id-token: write` has the two request variables, and
    /// those that sign in with azure/login use the CLI.
    fn github(&self) -> Found {
        let [url, token, client_id] = match self.all([
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "AZURE_CLIENT_ID",
        ]) {
            Ok(values) => values,
            Err(missing) => return absent(missing),
        };
        let client = Arc::clone(&self.surroundings.client);
        self.with_assertion(
            client_id,
            PipelineAssertion::github(client, url, token, self.endpoints.federation_audience()),
        )
    }

    /// Not meant unless complete, for the same reason: every job has SYSTEM_OIDCREQUESTURI.
    fn azure_pipelines(&self) -> Found {
        let [url, token, client_id] =
            match self.all(["SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN", "AZURE_CLIENT_ID"]) {
                Ok(values) => values,
                Err(missing) => return absent(missing),
            };
        // The second is what the AzureCLI and AzurePowerShell tasks set.
        let connection = self
            .get("AZURE_SERVICE_CONNECTION_ID")
            .or_else(|| self.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"));
        let Some(connection) = connection else { return absent("AZURE_SERVICE_CONNECTION_ID") };
        let client = Arc::clone(&self.surroundings.client);
        self.with_assertion(client_id, PipelineAssertion::azure_pipelines(client, url, token, connection))
    }

    fn managed_identity(&self) -> Found {
        if !self.explicit
            && let Err(missing) = self.all(["IDENTITY_ENDPOINT", "IDENTITY_HEADER"])
        {
            return Found::Absent(format!(
                "{missing} is not set; on a virtual machine, ask with `--credential managed-identity`"
            ));
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

    fn with_assertion(&self, client_id: &str, assertion: Result<PipelineAssertion, String>) -> Found {
        let assertion = match assertion {
            Ok(assertion) => assertion,
            Err(why) => return Found::Broken(why),
        };
        Found::Ready(
            ClientAssertionCredential::new(
                self.tenant_id.to_owned(),
                client_id.to_owned(),
                assertion,
                Some(self.assertion_options()),
            )
            .map(|credential| credential as Arc<dyn TokenCredential>),
        )
    }

    fn assertion_options(&self) -> ClientAssertionCredentialOptions {
        ClientAssertionCredentialOptions { client_options: self.client_options() }
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

fn absent(variable: &str) -> Found {
    Found::Absent(format!("{variable} is not set"))
}

fn half(there: &str, missing: &str) -> Found {
    Found::Broken(format!("{there} is set, but {missing} is not"))
}
