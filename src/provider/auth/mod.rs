//! Which identity Palisade acts as: finding a credential, and refusing tokens of another tenant.
//!
//! Variables come in as a value ([`Variables`]); secrets are never printed, not even by `Debug`. Start with
//! [`Credentials::resolve`]; `candidates` knows what each credential needs, `assertion` fetches the assertions of GitHub
//! Actions and Azure Pipelines, `token` reads who a token belongs to.
//!
//! # Order
//!
//! With `--credential NAME` exactly that one is used. Otherwise (`auto`), the first of these that is configured:
//!
//! 1. client secret,
//! 2. client certificate,
//! 3. workload identity (a federated token file),
//! 4. GitHub Actions OIDC,
//! 5. Azure Pipelines OIDC,
//! 6. managed identity,
//! 7. Azure CLI, then Azure Developer CLI: the sign-in of a person.
//!
//! 1–6 are configured by variables that somebody set for this very run, and the first of them is the only one that is
//! asked: when it fails, the run fails, and nobody becomes somebody else because a secret expired. A half-configured one
//! is an error that names what is missing. The sign-ins of 7 may be months old, and another person's, so they are asked
//! only when nothing is configured at all: `AZURE_CLIENT_ID` alone is a pipeline that lacks its proof, not a person.
//! Managed identity counts as configured only by the variables of App Service and its kin; elsewhere one would have to
//! probe an address for a minute to find out.

mod assertion;
mod candidates;
mod certificate;
mod files;
mod report;
mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::HttpClient;
use azure_core::time::{Duration, OffsetDateTime};
use azure_identity::Executor;

use super::cloud::Endpoints;
use assertion::Note;
pub use assertion::Presented;
pub use files::{Files, NoFiles};
pub use report::{Attempt, CredentialError, Outcome};
pub use token::{Identity, WrongTenant};

/// Refresh a token this long before it ends.
const EARLY: Duration = Duration::minutes(5);

/// Which credential to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CredentialChoice {
    /// The first that is configured and works (module documentation).
    #[default]
    Auto,
    /// `az login`.
    AzureCli,
    /// `azd auth login`.
    Azd,
    /// `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// `AZURE_CLIENT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH`.
    ClientCertificate,
    /// `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity,
    /// `AZURE_CLIENT_ID` in a job with `permissions: id-token: write`.
    GitHubOidc,
    /// `AZURE_CLIENT_ID`, a service connection and `SYSTEM_ACCESSTOKEN` in an Azure Pipelines job.
    AzurePipelines,
    /// The identity of the machine.
    ManagedIdentity,
}

impl CredentialChoice {
    /// Every choice, in the documented order.
    pub const ALL: [Self; 9] = [
        Self::Auto,
        Self::ClientSecret,
        Self::ClientCertificate,
        Self::WorkloadIdentity,
        Self::GitHubOidc,
        Self::AzurePipelines,
        Self::ManagedIdentity,
        Self::AzureCli,
        Self::Azd,
    ];

    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AzureCli => "azure-cli",
            Self::Azd => "azd",
            Self::ClientSecret => "client-secret",
            Self::ClientCertificate => "client-certificate",
            Self::WorkloadIdentity => "workload-identity",
            Self::GitHubOidc => "github-oidc",
            Self::AzurePipelines => "azure-pipelines",
            Self::ManagedIdentity => "managed-identity",
        }
    }

    /// The choice that the command line calls `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

/// Environment variables as a value; an empty one counts as not set. `Debug` prints names only.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What credentials need from outside.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: Variables,
    /// The run's HTTP client (`http::client`).
    pub client: Arc<dyn HttpClient>,
    /// Reads the files that variables name.
    pub files: Arc<dyn Files>,
    /// Starts `az` and `azd`; `None` is the real thing.
    pub executor: Option<Arc<dyn Executor>>,
}

/// The credential of one environment: hands out tokens of its tenant and of no other.
pub struct Credentials {
    choice: CredentialChoice,
    tenant_id: String,
    endpoints: Endpoints,
    surroundings: Surroundings,
    /// By scope, so that the tokens of both services are fetched at the same time: the SDK's credentials let one request wait for
    /// the other. A person's sign-ins have one state, under no name: whoever gave the first token gives all.
    states: Mutex<HashMap<String, Arc<tokio::sync::Mutex<State>>>>,
    by_sign_in: bool,
    /// Who the latest assertion said that it is.
    note: Note,
    identity: Mutex<Option<Identity>>,
}

/// What was learnt so far.
struct State {
    /// Whom to ask, and why nobody else.
    found: candidates::Candidates,
    /// The candidate that worked; it is kept for the rest of the run.
    chosen: Option<usize>,
    /// Tokens by scope: the CLIs do not keep any, and start a process for each.
    tokens: HashMap<String, AccessToken>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("choice", &self.choice)
            .field("tenant_id", &self.tenant_id)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Finds what is configured. Asks nobody for a token yet; what is wrong shows when the first one is needed.
    #[must_use]
    pub fn resolve(
        choice: CredentialChoice,
        tenant_id: &str,
        endpoints: &Endpoints,
        surroundings: &Surroundings,
    ) -> Arc<Self> {
        let note = Note::default();
        let found = candidates::find(choice, tenant_id, endpoints, surroundings, &note);
        let by_sign_in = found.by_sign_in;
        let first = State { found, chosen: None, tokens: HashMap::new() };
        Arc::new(Self {
            choice,
            tenant_id: tenant_id.to_owned(),
            endpoints: endpoints.clone(),
            surroundings: surroundings.clone(),
            states: Mutex::new(HashMap::from([(String::new(), Arc::new(tokio::sync::Mutex::new(first)))])),
            by_sign_in,
            note,
            identity: Mutex::default(),
        })
    }

    fn find(&self) -> candidates::Candidates {
        candidates::find(self.choice, &self.tenant_id, &self.endpoints, &self.surroundings, &self.note)
    }

    /// What was learnt for a scope. Hold it while asking, so that tasks that start together ask once.
    fn state(&self, scope: &str) -> Arc<tokio::sync::Mutex<State>> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if self.by_sign_in { "" } else { scope };
        if let Some(known) = states.get(name) {
            return Arc::clone(known);
        }
        // The first scope gets what was found at the beginning.
        let state = states.remove("").unwrap_or_else(|| {
            let fresh = State { found: self.find(), chosen: None, tokens: HashMap::new() };
            Arc::new(tokio::sync::Mutex::new(fresh))
        });
        states.insert(name.to_owned(), Arc::clone(&state));
        state
    }

    /// A token in place of one that the service refused although it should still hold. Whoever comes second with the same
    /// token gets what the first was given.
    pub(in crate::provider) async fn renew(
        &self,
        scope: &str,
        refused: &AccessToken,
    ) -> azure_core::Result<AccessToken> {
        let state = self.state(scope);
        let mut state = state.lock().await;
        if state.tokens.get(scope).is_some_and(|kept| kept.token.secret() == refused.token.secret()) {
            state.tokens.remove(scope);
            // The SDK's credentials keep tokens too, and cannot be told to forget one: new ones are made.
            state.found = self.find();
        }
        self.token(&mut state, &[scope], None).await
    }

    /// The token that is kept, or one from the first candidate that gives any.
    async fn token(
        &self,
        state: &mut State,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let State { found, chosen, tokens } = state;
        let key = scopes.join(" ");
        if let Some(token) = tokens.get(&key)
            && token.expires_on > OffsetDateTime::now_utc() + EARLY
        {
            return Ok(token.clone());
        }
        let mut attempts = Vec::new();
        for (index, candidate) in found.ask.iter().enumerate() {
            if chosen.is_some_and(|chosen| chosen != index) {
                continue;
            }
            match self.ask(candidate, scopes, options.clone()).await {
                Ok(token) => {
                    *chosen = Some(index);
                    tokens.insert(key, token.clone());
                    return Ok(token);
                }
                Err(error) => {
                    attempts.push(Attempt { credential: candidate.name, outcome: Outcome::Failed(error) });
                }
            }
        }
        attempts.extend(found.others.iter().filter_map(Attempt::again));
        let error = CredentialError { attempts };
        Err(azure_core::Error::new(AzureKind::Credential, error))
    }

    /// Who the latest assertion said that it is; `None` before there was one, and for credentials without.
    #[must_use]
    pub fn presented(&self) -> Option<Presented> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who the last token belonged to; `None` before there was one.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token from one candidate, if it is of our tenant.
    async fn ask(
        &self,
        candidate: &candidates::Candidate,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = candidate.credential.get_token(scopes, options).await?;
        let mut identity = token::read(token.token.secret()).ok_or_else(|| {
            azure_core::Error::with_message(
                AzureKind::Credential,
                "the token does not say which tenant it belongs to; refused",
            )
        })?;
        if !identity.tenant_id.eq_ignore_ascii_case(&self.tenant_id) {
            let wrong = WrongTenant { found: identity.tenant_id, wanted: self.tenant_id.clone() };
            return Err(azure_core::Error::new(AzureKind::Credential, wrong));
        }
        identity.credential = candidate.name;
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
        Ok(token)
    }
}

#[async_trait]
impl TokenCredential for Credentials {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let state = self.state(&scopes.join(" "));
        let mut state = state.lock().await;
        self.token(&mut state, scopes, options).await
    }
}

#[cfg(test)]
mod tests;
